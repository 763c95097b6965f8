package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	xoauth2 "golang.org/x/oauth2"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/audit"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A site is an authorization server whose users say yes to everything but the scope "never", and which
// keeps an audit log.
type site struct {
	t       *testing.T
	server  *oauth2.Server
	clients audit.ClientRegistry
	log     *audit.Log
	text    bytes.Buffer
	app     *xoauth2.Config
	// secrets are all that must not be in the log.
	secrets []string
}

func newSite(t *testing.T) *site {
	s := &site{t: t}
	var err error
	s.log, err = audit.New(&s.text, testOptions("a"))
	require.NoError(t, err)
	inner, err := memory.NewClients()
	require.NoError(t, err)
	s.clients = audit.Registry(inner, s.log.OnEvent)
	s.register(&oauth2.Client{ID: "app", RedirectURIs: []string{"https://app.example.com/callback"}, GrantTypes: []string{"authorization_code", "refresh_token"}, Scope: oauth2.Scope{"read", "never"}})
	s.register(&oauth2.Client{ID: "other", GrantTypes: []string{"authorization_code", "refresh_token"}})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.server.ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	s.server, err = oauth2.New(oauth2.ServerConfig{
		Issuer: web.URL, Clients: s.clients, Tokens: memory.New(), OnEvent: s.log.OnEvent, RefreshGrace: -1,
		Consent: func(_ http.ResponseWriter, _ *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			if req.Scope.Has("never") {
				return nil, oauth2.ErrAccessDenied
			}
			return &oauth2.Approval{Subject: "alice"}, nil
		},
	})
	require.NoError(t, err)
	s.app = &xoauth2.Config{
		ClientID: "app", ClientSecret: s.secrets[0], RedirectURL: "https://app.example.com/callback", Scopes: []string{"read"},
		Endpoint: xoauth2.Endpoint{AuthURL: web.URL + "/authorize", TokenURL: web.URL + "/token", AuthStyle: xoauth2.AuthStyleInHeader},
	}
	return s
}

// register gives a client a secret of its own and stores it.
func (s *site) register(c *oauth2.Client) {
	secret := oauth2.NewSecret()
	s.secrets = append(s.secrets, secret)
	c.Secrets = []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secret)}}
	s.secrets = append(s.secrets, c.Secrets[0].Hash)
	require.NoError(s.t, s.clients.CreateClient(s.t.Context(), c))
}

// direct follows no redirect. It has a transport of its own: every httptest.Server that closes closes the idle
// connections of the default one, and breaks the requests of other tests.
var direct = &http.Client{
	Transport:     http.DefaultTransport.(*http.Transport).Clone(),
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// visit opens the authorization endpoint and returns what the client is sent.
func (s *site) visit(address string) url.Values {
	res, err := direct.Get(address)
	require.NoError(s.t, err)
	require.NoError(s.t, res.Body.Close())
	sentTo, err := res.Location()
	if err != nil {
		return nil
	}
	return sentTo.Query()
}

func (s *site) code() (code, verifier string) {
	verifier = xoauth2.GenerateVerifier()
	code = s.visit(s.app.AuthCodeURL("the-state-of-a-browser", xoauth2.S256ChallengeOption(verifier))).Get("code")
	require.NotEmpty(s.t, code)
	s.secrets = append(s.secrets, code, verifier, "the-state-of-a-browser")
	return code, verifier
}

func (s *site) tokens() *xoauth2.Token {
	code, verifier := s.code()
	token, err := s.app.Exchange(context.WithValue(s.t.Context(), xoauth2.HTTPClient, direct), code, xoauth2.VerifierOption(verifier))
	require.NoError(s.t, err)
	s.secrets = append(s.secrets, token.AccessToken, token.RefreshToken)
	return token
}

// post calls an endpoint as the client "app" does, or as nobody.
func (s *site) post(path string, form url.Values, as ...string) {
	r, err := http.NewRequest(http.MethodPost, s.server.Issuer()+path, strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(as) == 2 {
		r.SetBasicAuth(as[0], as[1])
	}
	res, err := direct.Do(r)
	require.NoError(s.t, err)
	require.NoError(s.t, res.Body.Close())
}

// A line is what the tests look at.
type line struct {
	Type, Client, Sub, Authorization, By, Error, Reason string
	Changed                                             []string
}

func (s *site) lines() (all []line) {
	for text := range strings.Lines(s.text.String()) {
		var l struct {
			line
			ClientID string `json:"client_id"`
		}
		require.NoError(s.t, json.Unmarshal([]byte(text), &l))
		l.line.Client = l.ClientID
		all = append(all, l.line)
	}
	return all
}

// last is the youngest line.
func (s *site) last() line {
	all := s.lines()
	return all[len(all)-1]
}

func TestEverythingThatMattersIsInTheLogAndNothingSecretIs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	secret := s.secrets[0]
	form := func(pairs ...string) url.Values {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	require.Equal(t, line{Type: "client_created", Client: "other"}, s.last())

	s.visit(s.server.Issuer() + "/authorize?client_id=nobody&redirect_uri=https://evil.example.com")
	require.Equal(t, "authorization_refused", s.last().Type, "an unknown client, on a page")
	require.Contains(t, s.last().Reason, "The client is unknown.")
	s.visit(s.server.Issuer() + "/authorize?client_id=app&redirect_uri=https://evil.example.com")
	require.Contains(t, s.last().Reason, "redirect_uri")
	require.Equal(t, "app", s.last().Client)
	s.visit(s.app.AuthCodeURL("x"))
	require.Contains(t, s.last().Reason, "code_challenge", "a refusal by redirect")
	denied := *s.app
	denied.Scopes = []string{"never"}
	s.visit(denied.AuthCodeURL("x", xoauth2.S256ChallengeOption(xoauth2.GenerateVerifier())))
	require.Equal(t, "access_denied", s.last().Error, "the resource owner said no")

	code, verifier := s.code()
	require.Equal(t, "code_issued", s.last().Type)
	id := s.last().Authorization
	redemption := form("grant_type", "authorization_code", "code", code, "redirect_uri", s.app.RedirectURL, "code_verifier", xoauth2.GenerateVerifier())
	s.secrets = append(s.secrets, redemption.Get("code_verifier"))
	s.post("/token", redemption, "app", secret)
	require.Equal(t, line{Type: "token_refused", Client: "app", Sub: "alice", Authorization: id, Error: "invalid_grant", Reason: s.last().Reason}, s.last(), "why, and whose code it was")
	s.post("/token", redemption, "other", s.secrets[2])
	require.Equal(t, line{Type: "token_refused", Client: "other", Sub: "alice", Authorization: id, Error: "invalid_grant", Reason: s.last().Reason}, s.last(), "a stranger with alice's code")
	redemption.Set("code_verifier", verifier)
	s.post("/token", redemption, "app", "wrong-"+secret)
	require.Equal(t, "client_authentication_failed", s.last().Type)
	s.post("/token", redemption, "app", secret)
	require.Equal(t, line{Type: "token_issued", Client: "app", Sub: "alice", Authorization: id}, s.last())
	s.post("/token", redemption, "app", secret)
	all := s.lines()
	require.Equal(t, []string{"code_replayed", "token_refused"}, []string{all[len(all)-2].Type, all[len(all)-1].Type})

	token := s.tokens()
	refresh := form("grant_type", "refresh_token", "refresh_token", token.RefreshToken)
	s.post("/token", refresh, "app", secret)
	require.Equal(t, "token_refreshed", s.last().Type)
	s.post("/token", refresh, "app", secret)
	all = s.lines()
	require.Equal(t, "refresh_token_reused", all[len(all)-2].Type)

	token = s.tokens()
	s.post("/introspect", form("token", token.AccessToken), "app", secret)
	require.Equal(t, "introspection_refused", s.last().Type)
	s.post("/revoke", form("token", token.RefreshToken), "other", s.secrets[2])
	require.Equal(t, "revocation_refused", s.last().Type)
	require.Equal(t, "other", s.last().Client)
	s.post("/revoke", form("token", token.AccessToken), "app", secret)
	require.Equal(t, []string{"token_revoked", "client"}, []string{s.last().Type, s.last().By})
	s.post("/revoke", form("token", token.RefreshToken), "app", secret)
	require.Equal(t, []string{"authorization_revoked", "client"}, []string{s.last().Type, s.last().By})
	s.tokens()
	_, err := s.server.ExpireSubject(t.Context(), "alice")
	require.NoError(t, err)
	require.Equal(t, []string{"authorization_revoked", "application", "alice"}, []string{s.last().Type, s.last().By, s.last().Sub})
	require.NoError(t, s.clients.DeleteClient(t.Context(), "other"))
	require.Equal(t, line{Type: "client_deleted", Client: "other"}, s.last())

	require.NoError(t, s.log.Close())
	verified(t, s.text.Bytes(), s.log.Head())
	for _, secret := range s.secrets {
		require.NotContains(t, s.text.String(), secret)
		if _, core, ok := strings.Cut(secret, "_"); ok && len(core) > 40 {
			require.NotContains(t, s.text.String(), core[20:], "the secret part of a token")
		}
	}
}

func TestAChangeOfAClientNamesWhatDiffers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before, err := s.clients.Client(t.Context(), "app")
	require.NoError(t, err)
	changed := before.Clone()
	changed.RedirectURIs = append(changed.RedirectURIs, "https://evil.example.com/callback")
	changed.Secrets = nil
	require.NoError(t, s.clients.UpdateClient(t.Context(), changed))
	require.Equal(t, line{Type: "client_changed", Client: "app", Changed: []string{"client_secrets", "redirect_uris"}}, s.last())

	lines := len(s.lines())
	require.ErrorIs(t, s.clients.CreateClient(t.Context(), changed), oauth2.ErrExists)
	require.ErrorIs(t, s.clients.UpdateClient(t.Context(), &oauth2.Client{ID: "nobody"}), oauth2.ErrNotFound)
	require.Error(t, s.clients.CreateClient(t.Context(), &oauth2.Client{}))
	require.Error(t, s.clients.UpdateClient(t.Context(), &oauth2.Client{}))
	require.NoError(t, s.clients.DeleteClient(t.Context(), "nobody"))
	require.Len(t, s.lines(), lines, "what was refused changed nothing")
}

// A store whose connection breaks once the change is on its way.
type brokenRegistry struct{ audit.ClientRegistry }

func (b brokenRegistry) UpdateClient(context.Context, *oauth2.Client) error { return errDiskFull }
func (b brokenRegistry) DeleteClient(context.Context, string) error         { return errDiskFull }

func TestAChangeWhoseOutcomeIsUnknownIsAFault(t *testing.T) {
	t.Parallel()
	inner, err := memory.NewClients(&oauth2.Client{ID: "app"})
	require.NoError(t, err)
	var told []oauth2.Event
	clients := audit.Registry(brokenRegistry{inner}, func(_ context.Context, e oauth2.Event) { told = append(told, e) })
	require.ErrorIs(t, clients.UpdateClient(t.Context(), &oauth2.Client{ID: "app"}), errDiskFull)
	require.ErrorIs(t, clients.DeleteClient(t.Context(), "app"), errDiskFull)
	require.Len(t, told, 2)
	for _, e := range told {
		require.Equal(t, oauth2.EventFault, e.Type)
		require.Equal(t, "app", e.ClientID)
		require.ErrorIs(t, e.Err, errDiskFull)
		require.False(t, e.Time.IsZero())
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, clients.UpdateClient(done, &oauth2.Client{ID: "app"}), context.Canceled)
	require.ErrorIs(t, clients.DeleteClient(done, "app"), context.Canceled)
	require.Len(t, told, 2, "nothing was on its way yet")
}
