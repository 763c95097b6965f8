package legacy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/legacy"
)

func TestAPasswordLeadsToTokensOfItsUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.login(desktop, "alice", passwords["alice"], "scope", "read")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "Bearer", got.str("token_type"))
	require.Equal(t, "read", got.str("scope"))
	info, err := w.server.Check(t.Context(), got.str("access_token"))
	require.NoError(t, err)
	require.Equal(t, "ALICE", info.Subject, "the subject, and not what was typed")
	issued := w.told()[len(w.told())-1]
	require.Equal(t, oauth2.EventTokenIssued, issued.Type)
	require.Equal(t, "password", issued.GrantType)

	next := w.token(desktop, "grant_type", "refresh_token", "refresh_token", got.str("refresh_token"))
	require.Equal(t, http.StatusOK, next.status, next.body)
	require.Empty(t, w.login(terminal, "alice", passwords["alice"]).str("refresh_token"), "which is not registered for it")
}

func TestThePasswordGrantIsForClientsThatAreRegisteredAndAuthenticate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused(t, w.login(web, "alice", passwords["alice"]), 400, "unauthorized_client")
	r := w.form("/token", values("grant_type", "password", "username", "alice", "password", passwords["alice"]))
	r.SetBasicAuth(desktop, "wrong")
	refused(t, w.do(r), 401, "invalid_client")
	r = w.form("/token", values("grant_type", "password", "username", "alice", "password", passwords["alice"], "client_id", desktop))
	refused(t, w.do(r), 401, "invalid_client")
	refused(t, w.login(publicApp, "alice", passwords["alice"], "client_id", publicApp), 400, "unauthorized_client")

	open := newWorld(t, with(legacy.PasswordGrant{Lookup: lookup, PublicClients: true}))
	require.Equal(t, http.StatusOK, open.login(publicApp, "alice", passwords["alice"], "client_id", publicApp).status)
}

func TestAPasswordThatIsWrongIsAnsweredAsAUserWhoDoesNotExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := w.login(desktop, "alice", "hatter")
	refused(t, wrong, 400, "invalid_grant")
	for _, c := range [][2]string{{"carol", "hatter"}, {"alice", passwords["bob"]}, {"ALICE", passwords["alice"]}, {"alice", passwords["alice"] + " "}, {" alice", passwords["alice"]}} {
		got := w.login(terminal, c[0], c[1])
		require.Equal(t, wrong.status, got.status)
		require.Equal(t, wrong.body, got.body, c[0])
	}
	for _, e := range w.told() {
		text := fmt.Sprintf("%+v %v", e, e.Err)
		require.NotContains(t, text, "hatter")
		require.NotContains(t, text, "carol", "what was typed may be a misplaced password")
	}
}

func TestWhatIsMissingIsSaidAndNobodyIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, with(legacy.PasswordGrant{Authenticate: func(context.Context, string, string) (string, error) {
		t.Error("it was asked")
		return "anybody", nil // as a directory might of an empty password
	}}))
	refused(t, w.login(desktop, "alice", ""), 400, "invalid_request")
	refused(t, w.login(desktop, "", "x"), 400, "invalid_request")
	refused(t, w.token(desktop, "grant_type", "password", "username", "alice"), 400, "invalid_request")
	twice := w.login(desktop, "alice", "x", "password", "y")
	refused(t, twice, 400, "invalid_request")
	require.Equal(t, "The parameter password is repeated.", twice.str("error_description"))
	refused(t, w.login(desktop, "alice", "x", "scope", "admin"), 400, "invalid_scope")
}

func TestAScopeIsOneThatTheClientIsRegisteredFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused(t, w.login(terminal, "alice", passwords["alice"], "scope", "read write"), 400, "invalid_scope")
	got := w.login(terminal, "alice", passwords["alice"])
	require.Equal(t, "read", got.str("scope"), "which is its default")
	narrow := w.login(desktop, "alice", passwords["alice"], "scope", "read")
	refused(t, w.token(desktop, "grant_type", "refresh_token", "refresh_token", narrow.str("refresh_token"), "scope", "read write"), 400, "invalid_scope")
}

func TestGuessingIsSlowedDownAndTheOwnerIsNotLockedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.FailureLimiter = oauth2.NewMemoryLimiter(oauth2.MemoryLimiterConfig{Now: cfg.Now})
	})
	limited := 0
	for i := range 60 {
		got := w.login(desktop, "alice", "guess "+strconv.Itoa(i))
		if got.status != http.StatusTooManyRequests {
			refused(t, got, 400, "invalid_grant")
			continue
		}
		require.NotEmpty(t, got.header.Get("Retry-After"))
		limited++
		break
	}
	require.Equal(t, 1, limited, "429 well within 60 guesses")
	require.Equal(t, http.StatusOK, w.login(desktop, "alice", passwords["alice"]).status, "a right one passes in its turn")
	types := map[oauth2.EventType]bool{}
	for _, e := range w.told() {
		types[e.Type] = true
	}
	require.True(t, types[oauth2.EventAttemptLimited])
	require.True(t, types[oauth2.EventTokenRefused])
}

func TestADirectoryMayDecide(t *testing.T) {
	t.Parallel()
	var subject string
	var fault error
	asked := 0
	w := newWorld(t, with(legacy.PasswordGrant{Authenticate: func(_ context.Context, username, password string) (string, error) {
		asked++
		require.Equal(t, "alice", username)
		require.Equal(t, "pass word&", password)
		return subject, fault
	}}))
	login := func() answer { return w.login(desktop, "alice", "pass word&") }
	subject = "user-17"
	got := login()
	require.Equal(t, http.StatusOK, got.status, got.body)
	info, err := w.server.Check(t.Context(), got.str("access_token"))
	require.NoError(t, err)
	require.Equal(t, "user-17", info.Subject)

	subject = ""
	wrong := login()
	refused(t, wrong, 400, "invalid_grant")
	fault = fmt.Errorf("the directory: %w", oauth2.ErrInvalidGrant.With("Says more than it should."))
	require.Equal(t, wrong.body, login().body)

	subject, fault = "user-17", errors.New("dial tcp 10.0.0.7: timeout")
	failed := login()
	refused(t, failed, 503, "temporarily_unavailable")
	require.NotContains(t, failed.body, "10.0.0.7")
	require.Equal(t, 4, asked)
}

func TestALookupThatFailsIs503(t *testing.T) {
	t.Parallel()
	fault := errors.New("disk")
	w := newWorld(t, with(legacy.PasswordGrant{Lookup: func(context.Context, string) (string, string, error) { return "x", "y", fault }}))
	refused(t, w.login(desktop, "alice", "x"), 503, "temporarily_unavailable")
}

func TestAHashWithoutASubjectIsNobodys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, with(legacy.PasswordGrant{Lookup: func(context.Context, string) (string, string, error) {
		return "", oauth2.HashSecret("right"), nil
	}}))
	refused(t, w.login(desktop, "alice", "right"), 400, "invalid_grant")
}

func TestAPasswordGrantHasOneWayToVerifyAPassword(t *testing.T) {
	t.Parallel()
	authenticate := func(context.Context, string, string) (string, error) { return "", nil }
	for _, wrong := range []legacy.PasswordGrant{{}, {Authenticate: authenticate, Lookup: lookup}} {
		cfg := oauth2.ServerConfig{Grants: []oauth2.GrantHandler{wrong}}
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, "oauth2: Grants: legacy: PasswordGrant needs one of Authenticate and Lookup, and not both")
	}
	require.NoError(t, legacy.PasswordGrant{Lookup: lookup}.Validate())
}

func TestALockedUserGetsNoTokenByAPassword(t *testing.T) {
	t.Parallel()
	locked := false
	w := newWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.SubjectActive = func(context.Context, string) (bool, error) { return !locked, nil }
	})
	refresh := w.login(desktop, "alice", passwords["alice"]).str("refresh_token")
	locked = true
	refused(t, w.login(desktop, "alice", passwords["alice"]), 400, "invalid_grant")
	w.clock.Advance(time.Minute)
	refused(t, w.token(desktop, "grant_type", "refresh_token", "refresh_token", refresh), 400, "invalid_grant")
}
