package oauth2_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// The tokens that another server gave webApp for alice.
const oldRefresh, oldAccess = "OLD-REFRESH", "OLD-ACCESS"

// A past is the other server, small: what it issued, and what it was asked.
type past struct {
	mu              sync.Mutex
	refresh, access map[string]*oauth2.Adoption
	asked           []string
	broken          map[string]error
}

func newPast(now time.Time) *past {
	adoption := oauth2.Adoption{ClientID: webApp, Subject: "alice", Scope: oauth2.Scope{"read", "write", "admin"}, IssuedAt: now, ExpiresAt: now.Add(72 * time.Hour)}
	access := adoption
	access.ExpiresAt, access.RefreshToken = now.Add(2*time.Hour), oldRefresh
	return &past{
		refresh: map[string]*oauth2.Adoption{oldRefresh: &adoption},
		access:  map[string]*oauth2.Adoption{oldAccess: &access},
	}
}

func (p *past) find(method, token string, tokens map[string]*oauth2.Adoption) (*oauth2.Adoption, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, token)
	if err := p.broken[method]; err != nil {
		return nil, err
	}
	found, ok := tokens[token]
	if !ok {
		return nil, oauth2.ErrNotFound
	}
	return found, nil
}

func (p *past) AdoptRefresh(_ context.Context, token string) (*oauth2.Adoption, error) {
	return p.find("refresh", token, p.refresh)
}

func (p *past) AdoptAccess(_ context.Context, token string) (*oauth2.Adoption, error) {
	return p.find("access", token, p.access)
}

func (p *past) Forget(_ context.Context, token string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.broken["forget"]; err != nil {
		return err
	}
	delete(p.refresh, token)
	delete(p.access, token)
	return nil
}

func (p *past) fail(method string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = map[string]error{method: err}
}

// unforgetting is what the other server would answer if it had forgotten nothing.
func (p *past) unforgetting() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refresh[oldRefresh] = &oauth2.Adoption{ClientID: webApp, Subject: "alice", ExpiresAt: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// questions are the tokens that it was asked about.
func (p *past) questions() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// newAdoptingWorld is a world whose server takes over from another.
func newAdoptingWorld(t testing.TB, configure ...func(*oauth2.ServerConfig)) (*world, *past) {
	var p *past
	adopting := func(cfg *oauth2.ServerConfig) {
		p = newPast(cfg.Now())
		cfg.Adopt = p
	}
	w := newWorld(t, append([]func(*oauth2.ServerConfig){adopting}, configure...)...)
	return w, p
}

func TestRefreshTokenOfAnotherServerBecomesOneOfThisServer(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w, p := newAdoptingWorld(t, withTokens(store))
		first := w.refresh(oldRefresh)
		require.Equal(t, 200, first.status, first.body)
		require.Equal(t, "read write", first.str("scope"), "what is registered here, and no more")
		require.True(t, strings.HasPrefix(first.str("refresh_token"), "rt_"))
		require.NotContains(t, p.refresh, oldRefresh)
		require.Contains(t, p.access, oldAccess)
		require.Equal(t, first.body, w.refresh(oldRefresh).body, "a retry in the grace gets the same")
		second := w.refresh(first.str("refresh_token"))
		require.Equal(t, 200, second.status, second.body)

		records, err := w.server.Authorizations(t.Context(), oauth2.ListQuery{Subject: "alice"})
		require.NoError(t, err)
		require.Len(t, records, 1)
		require.Equal(t, w.clock.Now().Add(30*24*time.Hour), records[0].ExpiresAt)

		w.clock.Advance(36 * time.Second)
		refused(t, w.refresh(oldRefresh), 400, "invalid_grant")
		refused(t, w.refresh(second.str("refresh_token")), 400, "invalid_grant")
		require.False(t, w.active(second.str("access_token")))
		require.False(t, w.active(oldAccess))
		require.Contains(t, w.eventTypes(), oauth2.EventRefreshTokenReused)
	})
}

func TestOf50ParallelAdoptionsAllGetTheSameTokensOnEachStore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w, _ := newAdoptingWorld(t, withTokens(store))
		replica, err := oauth2.New(w.config)
		require.NoError(t, err)
		next := 0
		w.http.Config.Handler = roundRobin([]*oauth2.Server{w.server, replica}, &next)
		answers := parallel(50, func() answer { return w.refresh(oldRefresh) })
		for _, a := range answers {
			require.Equal(t, 200, a.status, a.body)
			require.Equal(t, answers[0].body, a.body)
		}
		records, err := w.server.Authorizations(t.Context(), oauth2.ListQuery{})
		require.NoError(t, err)
		require.Len(t, records, 1)
	})
}

func TestOf50ParallelStrictAdoptionsAtMostOneSucceeds(t *testing.T) {
	t.Parallel()
	w, _ := newAdoptingWorld(t, strict)
	require.LessOrEqual(t, countStatus(50, 200, func() answer { return w.refresh(oldRefresh) }), 1)
	refused(t, w.refresh(oldRefresh), 400, "invalid_grant")
}

func TestAdoptionThatBreaksOffAnywhereCanBeTriedAgainForAsLongAsTheTokenIsGood(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		before, after func(string) error
		forget        error
	}{
		{name: "before the record is created", before: failing("create")},
		{name: "after, unknown to the server", after: failing("create")},
		{name: "before the token is forgotten", forget: errDisk},
		{name: "before it is replaced", before: failing("update")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			store := &faultyStore{Store: memory.New()}
			w, p := newAdoptingWorld(t, withTokens(store))
			store.fail(c.before, c.after)
			p.fail("forget", c.forget)
			unavailable(t, w.refresh(oldRefresh))
			w.clock.Advance(time.Hour) // longer than any grace
			store.fail(c.before, nil)
			if c.after == nil {
				unavailable(t, w.refresh(oldRefresh))
			}
			store.fail(nil, nil)
			p.fail("forget", nil)
			got := w.refresh(oldRefresh)
			require.Equal(t, 200, got.status, got.body)
			require.True(t, w.active(got.str("access_token")))
			require.NotContains(t, p.refresh, oldRefresh)
		})
	}
}

func TestReplacementWhoseOutcomeWasUnknownIsForgivenInTheGrace(t *testing.T) {
	t.Parallel()
	store := &faultyStore{Store: memory.New()}
	w, _ := newAdoptingWorld(t, withTokens(store))
	store.fail(nil, failing("update"))
	unavailable(t, w.refresh(oldRefresh))
	store.fail(nil, nil)
	require.Equal(t, 200, w.refresh(oldRefresh).status)
}

func TestAnotherClientCannotAdoptOrRevoke(t *testing.T) {
	t.Parallel()
	w, p := newAdoptingWorld(t)
	before := maps.Clone(p.refresh)
	for _, adopted := range []bool{false, true} {
		refused(t, w.token(otherApp, "grant_type", "refresh_token", "refresh_token", oldRefresh), 400, "invalid_grant")
		refused(t, w.post("/revoke", otherApp, values("token", oldRefresh)), 400, "invalid_grant")
		refused(t, w.post("/revoke", otherApp, values("token", oldAccess)), 400, "invalid_grant")
		require.True(t, w.active(oldAccess))
		if !adopted {
			require.Equal(t, before, p.refresh)
			require.NotContains(t, w.eventTypes(), oauth2.EventTokenAdopted)
		}
		require.Equal(t, 200, w.refresh(oldRefresh).status)
	}
}

func TestRequestThatIsRefusedAdoptsNothing(t *testing.T) {
	t.Parallel()
	active := false
	w, p := newAdoptingWorld(t, func(cfg *oauth2.ServerConfig) {
		cfg.SubjectActive = func(context.Context, string) (bool, error) { return active, nil }
		cfg.SubjectActiveOnCheck = true
	})
	refused(t, w.refresh(oldRefresh), 400, "invalid_grant")
	require.False(t, w.active(oldAccess), "a locked user's old tokens are dead too")
	active = true
	refused(t, w.refresh(oldRefresh, "scope", "admin"), 400, "invalid_scope")
	refused(t, w.refresh(oldRefresh, "resource", "https://api.example.com"), 400, "invalid_target")
	require.Contains(t, p.refresh, oldRefresh)
	require.NotContains(t, w.eventTypes(), oauth2.EventTokenAdopted)
	narrowed := w.refresh(oldRefresh, "scope", "read")
	require.Equal(t, "read", narrowed.str("scope"))
	require.Equal(t, "read write", w.refresh(narrowed.str("refresh_token")).str("scope"))
}

func TestAdopterThatFailsIs503(t *testing.T) {
	t.Parallel()
	w, p := newAdoptingWorld(t)
	p.fail("refresh", errDisk)
	unavailable(t, w.refresh(oldRefresh))
	unavailable(t, w.post("/revoke", webApp, values("token", oldRefresh)))
	p.fail("access", errDisk)
	unavailable(t, w.post("/introspect", api, values("token", oldAccess)))
	unavailable(t, w.post("/revoke", webApp, values("token", oldAccess)))
	p.fail("forget", errDisk)
	unavailable(t, w.post("/revoke", webApp, values("token", oldAccess)))
	p.fail("", nil)
	require.True(t, w.active(oldAccess))
	require.Equal(t, 200, w.refresh(oldRefresh).status)
}

func TestAdopterThatReturnsNothingOrNonsenseIsAFaultAndPanicsNowhere(t *testing.T) {
	t.Parallel()
	w, p := newAdoptingWorld(t)
	for _, nonsense := range []*oauth2.Adoption{nil, {ClientID: webApp, Subject: "al\x00ice"}, {ClientID: webApp, Subject: "\xff"}} {
		p.refresh[oldRefresh], p.access[oldAccess] = nonsense, nonsense
		require.Equal(t, http.StatusInternalServerError, w.refresh(oldRefresh).status)
		require.Equal(t, http.StatusInternalServerError, w.post("/introspect", api, values("token", oldAccess)).status)
		require.Equal(t, http.StatusInternalServerError, w.post("/revoke", webApp, values("token", oldAccess)).status)
	}
}

func TestTokensOfThisServersFormNeverReachTheAdopter(t *testing.T) {
	t.Parallel()
	w, p := newAdoptingWorld(t)
	access, refresh := w.tokens()
	code := w.approve(codeRequest())
	for _, token := range []string{access, refresh, code, access[:20], refresh + "A", "rt_", "at_" + refresh[3:], refresh[:len(refresh)-1] + "!"} {
		w.post("/introspect", api, values("token", token))
		w.post("/revoke", otherApp, values("token", token))
		w.token(otherApp, "grant_type", "refresh_token", "refresh_token", token)
	}
	require.Equal(t, 200, w.refresh(refresh).status)
	require.Empty(t, p.questions())
}

func TestGarbageIsRefusedAndOnlyTextThatCanBeATokenReachesTheAdopter(t *testing.T) {
	t.Parallel()
	w, p := newAdoptingWorld(t)
	for _, garbage := range []string{"é", "line\nbreak", "tab\t", "\x7f", strings.Repeat("A", 8<<10+1), strings.Repeat("A", 60_000)} {
		require.False(t, w.active(garbage))
		refused(t, w.refresh(garbage), 400, "invalid_grant")
		require.Equal(t, 200, w.post("/revoke", webApp, values("token", garbage)).status)
		_, err := w.server.Check(t.Context(), garbage+"\x00")
		require.ErrorIs(t, err, oauth2.ErrInvalidToken)
	}
	_, err := w.server.Check(t.Context(), "")
	require.ErrorIs(t, err, oauth2.ErrInvalidToken)
	require.Empty(t, p.questions())
	for _, unknown := range []string{"x", "' OR 1=1 --", strings.Repeat("A", 8<<10)} {
		require.False(t, w.active(unknown))
		refused(t, w.refresh(unknown), 400, "invalid_grant")
		require.Contains(t, p.questions(), unknown)
	}
}

func TestTokensOfAnotherIssuerAreAdoptedApart(t *testing.T) {
	t.Parallel()
	w, p := newAdoptingWorld(t)
	other, _ := newAdoptingWorld(t, withTokens(w.store), func(cfg *oauth2.ServerConfig) { cfg.Adopt = p })
	require.Equal(t, 200, w.refresh(oldRefresh).status)
	refused(t, other.refresh(oldRefresh), 400, "invalid_grant")
	p.unforgetting()
	require.Equal(t, 200, other.refresh(oldRefresh).status)
}

func TestNothingOfAnAdoptedTokenIsInEventsOrInTheRecord(t *testing.T) {
	t.Parallel()
	w, p := newAdoptingWorld(t)
	w.refresh(oldRefresh, "scope", "admin")
	p.fail("forget", errors.New("the other server is away"))
	w.refresh(oldRefresh)
	p.fail("", nil)
	w.refresh(oldRefresh)
	w.post("/revoke", webApp, values("token", oldAccess))
	records, err := w.server.Authorizations(t.Context(), oauth2.ListQuery{})
	require.NoError(t, err)
	require.Len(t, records, 1)
	texts := []string{fmt.Sprintf("%+v %+v", records[0], records[0].Refresh)}
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NotEmpty(t, w.events)
	for _, e := range w.events {
		texts = append(texts, fmt.Sprintf("%+v", e))
	}
	for _, text := range texts {
		require.NotContains(t, text, oldRefresh)
		require.NotContains(t, text, oldAccess)
	}
}
