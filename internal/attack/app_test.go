package attack

import (
	"context"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
	"github.com/seed5f5fedc6/oauth2/internal/testlog"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// An app is a small application that embeds the library: its consent page asks for the password too.
type app struct {
	target *target
	tokens oauth2.TokenStore
	clock  *testclock.Clock
	log    *testlog.Buffer
	slog   *slog.Logger

	mu     sync.Mutex
	locked map[string]bool
}

// startApp starts an application on a listener of its own, over the target's records. change may
// change its configuration.
func startApp(t *testing.T, tg *target, change ...func(*oauth2.ServerConfig)) *site {
	return newApp(t, tg, tg.place.open(t)).serve(t, change...)
}

func newApp(t *testing.T, tg *target, tokens oauth2.TokenStore) *app {
	a := &app{target: tg, tokens: tokens, clock: testclock.At(time.Now()), log: &testlog.Buffer{}, locked: map[string]bool{}}
	a.slog = slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return a
}

// serve puts the application on a listener.
func (a *app) serve(t *testing.T, change ...func(*oauth2.ServerConfig)) *site {
	clients, err := oauth2.ParseClients(a.target.registrations(t))
	require.NoError(t, err)
	registry, err := memory.NewClients(clients...)
	require.NoError(t, err)
	s := &site{target: a.target, t: t, kind: embedded, app: a}
	var handler http.Handler
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(listener.Close)
	var protect func(*site)
	s.apiURL, protect = startAPI(t)
	cfg := oauth2.ServerConfig{
		Issuer: listener.URL, Clients: registeredBeside(registry, a.tokens), Tokens: a.tokens, Now: a.clock.Now,
		Consent:   a.consent,
		Grants:    a.grants(),
		Resources: []oauth2.Resource{{URI: s.apiURL}},
		Keys:      &oauth2.SigningKeys{SealingKeys: [][]byte{a.target.sealingKey}},
		Scopes:    oauth2.Scope{scopeRead, scopeStats},
		DPoP:      &oauth2.DPoPConfig{},
		AuthMethods: []string{
			oauth2.AuthMethodPrivateKeyJWT, oauth2.AuthMethodSelfSignedTLS, oauth2.AuthMethodBasic, oauth2.AuthMethodPost, oauth2.AuthMethodNone,
		},
		MutualTLS: &oauth2.MutualTLSConfig{},
		Endpoints: oauth2.Endpoints{PushedAuthorization: "/par"}, RequestObjects: true,
		SubjectActive: func(_ context.Context, subject string) (bool, error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			return !a.locked[subject], nil
		},
		Registration:         openRegistration(),
		AuthorizationDetails: []oauth2.AuthorizationDetailsType{exportDetails},
		OnEvent:              a.tell,
	}
	withDocuments(&cfg)
	for _, c := range change {
		c(&cfg)
	}
	server, err := oauth2.New(cfg)
	require.NoError(t, err)
	handler, s.issuer = server, server.Issuer()
	s.connect()
	protect(s)
	return s
}

// grants are those of the library, with the widest policies that there are.
func (a *app) grants() []oauth2.GrantHandler {
	return []oauth2.GrantHandler{
		oauth2.CodeGrant{}, oauth2.RefreshGrant{}, oauth2.ClientCredentialsGrant{}, oauth2.DeviceGrant{},
		oauth2.TokenExchangeGrant{Policy: func(_ context.Context, x *oauth2.TokenExchange) (oauth2.ExchangeMode, error) {
			if x.ActorToken != nil {
				return oauth2.Delegate, nil
			}
			return oauth2.Impersonate, nil
		}},
		a.target.bearerGrant(),
	}
}

// anew is the same application once more, on another listener, with another configuration and a
// clock of its own, over the same records.
func (s *site) anew(change ...func(*oauth2.ServerConfig)) *site {
	s.t.Helper()
	again := newApp(s.t, s.target, s.app.tokens)
	again.log, again.slog = s.app.log, s.app.slog
	return again.serve(s.t, change...)
}

// tell writes an event in every way in which an application might.
func (a *app) tell(ctx context.Context, e oauth2.Event) {
	a.slog.InfoContext(ctx, string(e.Type), "event", e, "error", e.Err)
	a.slog.InfoContext(ctx, fmt.Sprintf("%+v %#v %+v", e, e, e.Err))
}

func (a *app) lock(user string, locked bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.locked[user] = locked
}

var appPage = template.Must(template.New("").Parse(`<!doctype html><html><body><form id="consent" method="post">
<input type="hidden" name="form_token" value="{{.FormToken}}">
<p>{{.Client.Name}} ({{.Client.ID}}) {{.RedirectURI}} {{.UserCode}} {{.Scope}} {{printf "%s" .Details}}</p>
<input name="username"><input name="password" type="password">
<button name="decision" value="no">No</button><button name="decision" value="yes">Yes</button>
</form></body></html>`))

func (a *app) consent(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	user, password := r.PostFormValue("username"), r.PostFormValue("password")
	known := password != "" && a.target.passwords[user] == password
	switch {
	case req.Answered && r.PostFormValue("decision") == "no":
		return nil, oauth2.ErrAccessDenied
	case req.Answered && r.PostFormValue("decision") == "yes" && known:
		return &oauth2.Approval{Subject: user, AuthTime: a.clock.Now()}, nil
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := appPage.Execute(w, req); err != nil {
		return nil, err
	}
	return nil, oauth2.ErrAnswered
}
