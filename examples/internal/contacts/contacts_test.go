package contacts_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	authserver "github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/examples/internal/contacts"
	"github.com/seed5f5fedc6/oauth2/examples/internal/xmailtest"
)

const (
	api      = "https://contacts.example.com"
	callback = "https://spam4all.example.com/process-temp-code"
)

// A world is the API and its authorization server.
type world struct {
	t      *testing.T
	server *xmailtest.Server
	url    string
}

func newWorld(t *testing.T, configure ...func(*authserver.ServerConfig)) *world {
	server := xmailtest.Start(t, api, callback, configure...)
	handler, err := contacts.New(contacts.Options{
		Issuer: server.Issuer(), Resource: api, ClientID: xmailtest.API, ClientSecret: xmailtest.SecretOf(xmailtest.API),
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	listener := httptest.NewServer(handler)
	t.Cleanup(listener.Close)
	return &world{t, server, listener.URL}
}

// userToken is what the client gets when a user says yes.
func (w *world) userToken(user string) string {
	w.t.Helper()
	w.server.SetUser(user)
	config := oauth2.Config{
		ClientID: xmailtest.Client, ClientSecret: xmailtest.SecretOf(xmailtest.Client), RedirectURL: callback,
		Endpoint: oauth2.Endpoint{AuthURL: w.server.Issuer() + "/request-access", TokenURL: w.server.Issuer() + "/token"},
	}
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	verifier := oauth2.GenerateVerifier()
	res, err := browser.Get(config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)))
	require.NoError(w.t, err)
	require.NoError(w.t, res.Body.Close())
	back, err := url.Parse(res.Header.Get("Location"))
	require.NoError(w.t, err)
	token, err := config.Exchange(w.t.Context(), back.Query().Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(w.t, err)
	return token.AccessToken
}

func (w *world) machineToken(scope string) string {
	w.t.Helper()
	config := clientcredentials.Config{
		ClientID: xmailtest.Machine, ClientSecret: xmailtest.SecretOf(xmailtest.Machine),
		TokenURL: w.server.Issuer() + "/token", Scopes: []string{scope},
	}
	token, err := config.Token(w.t.Context())
	require.NoError(w.t, err)
	return token.AccessToken
}

func (w *world) call(method, path, token string) (int, http.Header, []byte) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.url+path, nil)
	require.NoError(w.t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return res.StatusCode, res.Header, body
}

func TestEachUserHasContactsOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen := map[string]string{}
	for _, user := range []string{"alice", "bob", "carol"} {
		status, header, body := w.call(http.MethodGet, "/contacts", w.userToken(user))
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "no-store", header.Get("Cache-Control"))
		var list []map[string]string
		require.NoError(t, json.Unmarshal(body, &list))
		require.NotEmpty(t, list)
		for _, contact := range list {
			require.Len(t, contact, 2)
			require.NotEmpty(t, contact["name"])
			require.Contains(t, contact["email"], "@")
		}
		require.NotContains(t, seen, string(body))
		seen[string(body)] = user
	}
}

func TestATokenWithoutAUserHasNoContacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, _, body := w.call(http.MethodGet, "/contacts", w.machineToken("contacts.read"))
	require.Equal(t, http.StatusForbidden, status)
	require.JSONEq(t, `{"error":"access_denied","error_description":"The token stands for no user."}`, string(body))
}

func TestStatsAreForTheScopeContactsStats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, _, body := w.call(http.MethodGet, "/contacts/stats", w.machineToken("contacts.stats"))
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"users":2,"contacts":5}`, string(body))

	status, header, _ := w.call(http.MethodGet, "/contacts/stats", w.userToken("alice"))
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, header.Get("WWW-Authenticate"), `scope="contacts.stats"`)
}

func TestARevokedTokenIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.userToken("alice")
	status, _, _ := w.call(http.MethodGet, "/contacts", token)
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, w.server.ExpireToken(t.Context(), token))
	status, header, _ := w.call(http.MethodGet, "/contacts", token)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, header.Get("WWW-Authenticate"), `error="invalid_token"`)
}

func TestAnythingElseIsRefusedInJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/", http.StatusNotFound},
		{http.MethodGet, "/contacts/", http.StatusNotFound},
		{http.MethodPost, "/nothing", http.StatusNotFound},
		{http.MethodPost, "/contacts", http.StatusMethodNotAllowed},
		{http.MethodDelete, "/contacts/stats", http.StatusMethodNotAllowed},
		{http.MethodGet, "/healthz", http.StatusOK},
	} {
		status, header, body := w.call(c.method, c.path, "")
		require.Equal(t, c.status, status, c)
		require.Equal(t, "application/json", header.Get("Content-Type"))
		require.True(t, json.Valid(body))
		require.Equal(t, c.status == http.StatusMethodNotAllowed, header.Get("Allow") != "")
	}
	status, header, _ := w.call(http.MethodGet, "/contacts", "")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, `Bearer realm="Xmail contacts", scope="contacts.read", resource_metadata="`+api+`/.well-known/oauth-protected-resource"`, header.Get("WWW-Authenticate"))
}

// signing makes the tokens for the API JWTs.
func signing(cfg *authserver.ServerConfig) {
	cfg.Keys = &authserver.SigningKeys{SealingKeys: [][]byte{bytes.Repeat([]byte("k"), 32)}}
	cfg.Resources[0].Format = authserver.FormatJWT
}

func TestAJWTIsVerifiedWithoutAskingAndAnOpaqueTokenByAsking(t *testing.T) {
	t.Parallel()
	jwts, opaques := newWorld(t, signing), newWorld(t)
	for w, asked := range map[*world]int{jwts: 0, opaques: 2} {
		status, _, body := w.call(http.MethodGet, "/contacts", w.userToken("alice"))
		require.Equal(t, http.StatusOK, status, string(body))
		status, _, _ = w.call(http.MethodGet, "/contacts/stats", w.machineToken("contacts.stats"))
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, asked, w.server.Hits("/introspect"))
	}
	status, _, _ := opaques.call(http.MethodGet, "/contacts", jwts.userToken("alice"))
	require.Equal(t, http.StatusUnauthorized, status, "a JWT of another authorization server")
	status, _, _ = jwts.call(http.MethodGet, "/contacts", jwts.machineToken("contacts.read"))
	require.Equal(t, http.StatusForbidden, status, "a machine is no user in a JWT either")
}

func TestAnExportNeedsAFreshLogin(t *testing.T) {
	t.Parallel()
	var login authserver.Approval
	approving := func(cfg *authserver.ServerConfig) {
		cfg.Consent = func(http.ResponseWriter, *http.Request, *authserver.AuthorizationRequest) (*authserver.Approval, error) {
			approval := login
			return &approval, nil
		}
	}
	for name, w := range map[string]*world{"opaque": newWorld(t, approving), "JWT": newWorld(t, approving, signing)} {
		login = authserver.Approval{Subject: "alice", ACR: "password", AuthTime: time.Now().Add(-time.Hour)}
		old := w.userToken("alice")
		status, _, _ := w.call(http.MethodGet, "/contacts", old)
		require.Equal(t, http.StatusOK, status, name)
		status, header, _ := w.call(http.MethodGet, "/contacts/export", old)
		require.Equal(t, http.StatusUnauthorized, status, name)
		require.Contains(t, header.Get("WWW-Authenticate"), `error="insufficient_user_authentication"`)
		require.Contains(t, header.Get("WWW-Authenticate"), `acr_values="password", max_age="300"`)
		login.AuthTime = time.Now()
		status, _, _ = w.call(http.MethodGet, "/contacts/export", w.userToken("alice"))
		require.Equal(t, http.StatusOK, status, name)
	}
}

func TestWhoKnowsTheAPIAloneFindsItsAuthorizationServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, header, body := w.call(http.MethodGet, "/.well-known/oauth-protected-resource", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "*", header.Get("Access-Control-Allow-Origin"))
	var told map[string]any
	require.NoError(t, json.Unmarshal(body, &told))
	require.Equal(t, api, told["resource"])
	require.Equal(t, []any{w.server.Issuer()}, told["authorization_servers"])
	require.Equal(t, []any{"contacts.read", "contacts.stats"}, told["scopes_supported"])
	require.Equal(t, []any{"header"}, told["bearer_methods_supported"])
	require.Equal(t, []any{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"}, told["dpop_signing_alg_values_supported"])
}

func TestAPageOfAnotherOriginMayAskForTheMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := http.NewRequest(http.MethodOptions, w.url+"/.well-known/oauth-protected-resource", nil)
	require.NoError(t, err)
	r.Header.Set("Origin", "https://app.example")
	r.Header.Set("Access-Control-Request-Method", http.MethodGet)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusNoContent, res.StatusCode)
	require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
}

func TestTheAuthorizationServerMayStartLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.userToken("alice")
	w.server.SetDown(true)
	status, header, _ := w.call(http.MethodGet, "/contacts", token)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.NotEmpty(t, header.Get("Retry-After"))
	w.server.SetDown(false)
	status, _, _ = w.call(http.MethodGet, "/contacts", token)
	require.Equal(t, http.StatusOK, status)
}

func TestAFaultIsLoggedWithoutTheToken(t *testing.T) {
	t.Parallel()
	server := xmailtest.Start(t, api, callback)
	var log bytes.Buffer
	handler, err := contacts.New(contacts.Options{
		Issuer: server.Issuer(), Resource: api, ClientID: xmailtest.API, ClientSecret: "wrong-credential",
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "/contacts", nil)
	r.Header.Set("Authorization", "Bearer some-access-token")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Contains(t, log.String(), "credentials")
	require.NotContains(t, log.String(), "some-access-token")
	require.NotContains(t, log.String(), "wrong-credential")
}

func TestMisconfigurationIsReported(t *testing.T) {
	t.Parallel()
	_, err := contacts.New(contacts.Options{Issuer: "http://xmail.example.com", ClientID: "x", ClientSecret: "y", Resource: api})
	require.ErrorContains(t, err, "Issuer")
	_, err = contacts.New(contacts.Options{Issuer: "https://xmail.example.com", ClientID: "x", ClientSecret: "y"})
	require.ErrorContains(t, err, "Audience")
}
