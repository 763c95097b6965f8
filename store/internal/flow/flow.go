// Package flow plays the protocol over a store, for tests and benchmarks.
package flow

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A Flow is a client at an authorization server over a store, without a network in between.
type Flow struct {
	t testing.TB
	// Server is the server itself.
	Server *oauth2.Server
	mu     sync.Mutex
	clock  time.Time
}

const (
	redirectURI  = "https://app.example.com/callback"
	codeVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// New makes a server over a store, whose users say yes to everything, and its client.
func New(t testing.TB, store oauth2.TokenStore) *Flow {
	t.Helper()
	f := &Flow{t: t, clock: time.Now()}
	clients, err := memory.NewClients(&oauth2.Client{
		ID: "app", RedirectURIs: []string{redirectURI}, Scope: oauth2.Scope{"read"},
		GrantTypes: []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken},
	})
	require.NoError(t, err)
	f.Server, err = oauth2.New(oauth2.ServerConfig{
		Issuer: "https://id.example.com", Clients: clients, Tokens: store, Now: f.now,
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: "alice"}, nil
		},
	})
	require.NoError(t, err)
	return f
}

func (f *Flow) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clock
}

// Advance moves the server's clock.
func (f *Flow) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(d)
}

// Code asks for an approval.
func (f *Flow) Code() string {
	f.t.Helper()
	challenge := sha256.Sum256([]byte(codeVerifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {redirectURI},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	w := httptest.NewRecorder()
	f.Server.ServeHTTP(w, httptest.NewRequestWithContext(f.t.Context(), http.MethodGet, "https://id.example.com/authorize?"+query.Encode(), nil))
	require.Equal(f.t, http.StatusSeeOther, w.Code, w.Body)
	location, err := url.Parse(w.Header().Get("Location"))
	require.NoError(f.t, err)
	return location.Query().Get("code")
}

// Redeem returns the access token and the refresh token for a code.
func (f *Flow) Redeem(code string) (access, refresh string) {
	f.t.Helper()
	return f.token(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {codeVerifier}})
}

// Refresh returns the next access token and refresh token.
func (f *Flow) Refresh(token string) (access, refresh string) {
	f.t.Helper()
	return f.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (f *Flow) token(form url.Values) (access, refresh string) {
	f.t.Helper()
	form.Set("client_id", "app")
	r := httptest.NewRequestWithContext(f.t.Context(), http.MethodPost, "https://id.example.com/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	f.Server.ServeHTTP(w, r)
	require.Equal(f.t, http.StatusOK, w.Code, w.Body)
	var answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	require.NoError(f.t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer.Access, answer.Refresh
}
