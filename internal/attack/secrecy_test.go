package attack

import (
	"log/slog"
	"net/http"
	"net/http/httputil"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// givesNothingAway looks for every secret that passed over the wire in what the server told and kept.
func givesNothingAway(t *testing.T, s *site) {
	t.Run("no refusal repeats a secret that was sent", func(t *testing.T) {
		require.Empty(t, s.seen.Echoes())
	})
	t.Run("no secret is in what the server told", func(t *testing.T) {
		told := s.told()
		require.NotContains(t, told, "panic serving")
		require.Contains(t, told, string(oauth2.EventClientAuthenticationFailed), "it told what happened")
		require.Empty(t, s.seen.Find(told))
	})
	if s.place.read == nil {
		return
	}
	t.Run("no secret is in what the server kept", func(t *testing.T) {
		kept := string(s.place.read(t))
		require.Contains(t, kept, "alice", "the records are there")
		require.Empty(t, s.seen.Find(kept))
	})
}

// everySecret is what the searches must be able to find.
var everySecret = []string{
	"Basic credentials", "access_token", "client_secret", "code", "code_verifier", "cookie", "form_token", "password", "refresh_token",
}

// flow makes every kind of secret pass over the wire.
func (s *site) flow() (secrets map[string]string) {
	g := s.code()
	got := s.redeem(g)
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	require.Equal(s.t, http.StatusOK, s.contacts(got.str("access_token")).status)
	next := s.refresh(web, got.str("refresh_token"))
	require.Equal(s.t, http.StatusOK, s.redeem(s.code("client_id", postOnly)).status)
	s.refused(s.refresh(web, "rt_"+next.str("access_token")[3:]), http.StatusBadRequest, "invalid_grant")
	return map[string]string{
		"code": g.code, "access_token": got.str("access_token"), "refresh_token": next.str("refresh_token"),
		"code_verifier": g.verifier, "client_secret": s.secrets[web], "password": s.passwords["alice"],
	}
}

func TestASecretInALogIsFound(t *testing.T) {
	t.Parallel()
	s := startApp(t, newTarget(t, inMemory))
	honest := s.seen.Find(s.told())
	require.Empty(t, honest)
	// Behind a proxy that logs all it sees, there is every kind of secret.
	next := s.client.Transport
	s.client.Transport = s.seen.Through(talkative{next, s.app.slog})
	s.flow()
	require.Subset(t, s.seen.Find(s.told()), everySecret)
}

// A talkative transport writes every request and response into the log.
type talkative struct {
	next http.RoundTripper
	log  *slog.Logger
}

// RoundTrip implements [http.RoundTripper].
func (l talkative) RoundTrip(r *http.Request) (*http.Response, error) {
	text, err := httputil.DumpRequestOut(r, true)
	if err != nil {
		return nil, err
	}
	l.log.Info(string(text))
	res, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err = httputil.DumpResponse(res, true)
	l.log.Info(string(text))
	return res, err
}

func TestASecretInAnEventIsFound(t *testing.T) {
	t.Parallel()
	s := startApp(t, newTarget(t, inMemory))
	for what, secret := range s.flow() {
		require.Empty(t, s.seen.Find(s.told()), "before %s", what)
		event := oauth2.Event{Type: oauth2.EventFault, Err: oauth2.ErrServerError.Because(leak(secret))}
		s.app.tell(t.Context(), event)
		require.NotEmpty(t, s.seen.Find(s.told()), what)
		s.app.log.Reset()
	}
}

// A leak is an error that quotes what it was given.
type leak string

func (l leak) Error() string { return "cannot read " + string(l) }

func TestASecretInAStoreIsFound(t *testing.T) {
	t.Parallel()
	for _, k := range []keeper{inSQLite, inRedis} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := startApp(t, newTarget(t, k))
			planted := s.flow()
			require.Empty(t, s.seen.Find(string(s.place.read(t))))
			for what, secret := range planted {
				a := &oauth2.Authorization{ID: oauth2.NewSecret(), Version: 1, Format: 1, Issuer: s.issuer, ClientID: web, Subject: secret, CreatedAt: s.now(), ExpiresAt: s.now().Add(time.Hour)}
				require.NoError(t, s.app.tokens.Create(t.Context(), a))
				require.Contains(t, s.seen.Find(string(s.place.read(t))), what)
			}
		})
	}
}

func TestARefusalThatRepeatsASecretIsFound(t *testing.T) {
	t.Parallel()
	tg := newTarget(t, inMemory)
	s := startApp(t, tg, func(cfg *oauth2.ServerConfig) {
		cfg.ErrorPage = func(w http.ResponseWriter, r *http.Request, _ *oauth2.Error, status int) {
			http.Error(w, "not "+r.PostFormValue("password"), status)
		}
	})
	page := s.alice().ask(s.request())
	s.alice().post(page.url, s.alice().fill(page, "decision", "yes", "form_token", "x"))
	require.NotEmpty(t, tg.seen.Echoes())
}
