package goauth2_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/go-oauth2/oauth2/v4/store"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// verifier and challenge are those of RFC 7636 appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// An attempt is a request that must be refused. It reports whether it was let pass.
type attempt func(m *move, endpoint string) bool

func refreshAs(client, secret string, pairs ...string) attempt {
	return func(m *move, endpoint string) bool {
		_, refresh := m.issued()
		form := append([]string{"grant_type", "refresh_token", "refresh_token", refresh}, pairs...)
		return m.postAs(endpoint+"/token", client, secret, form...).status == 200
	}
}

func askWith(pairs ...string) attempt {
	return func(m *move, endpoint string) bool {
		query := codeRequest("code_challenge", challenge, "code_challenge_method", "S256")
		for k, v := range codeRequest(pairs...) {
			query[k] = v
		}
		return m.ask(endpoint, query) != ""
	}
}

// What version 4.5.4 lets pass with its defaults is refused here, over the same stores.
func TestWhatTheOldServerLetsPassIsRefusedHere(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	require.True(t, askWith()(m, m.new.URL), "a good request succeeds")
	require.True(t, refreshAs("web", "web-secret")(m, m.new.URL), "and so does a good refresh")
	for name, try := range map[string]attempt{
		"a refresh with a wrong secret":             refreshAs("web", "wrong"),
		"a refresh by a client that does not exist": refreshAs("nobody", "wrong"),
		"a refresh by another client":               refreshAs("other", "other-secret"),
		"a refresh with a wider scope":              refreshAs("web", "web-secret", "scope", "read write admin"),
		"a host that ends like the registered one":  askWith("redirect_uri", "https://evil-app.example.com/callback"),
		"another path on the registered host":       askWith("redirect_uri", "https://app.example.com/elsewhere"),
		"another scheme":                            askWith("redirect_uri", "javascript://app.example.com/callback"),
		"a scope that nobody registered":            askWith("scope", "admin"),
		"a challenge that is the verifier":          askWith("code_challenge", verifier, "code_challenge_method", "plain"),
		"no PKCE":                                   func(m *move, endpoint string) bool { return m.ask(endpoint, codeRequest()) != "" },
		"the implicit grant": func(m *move, endpoint string) bool {
			return strings.Contains(m.redirect(endpoint, codeRequest("response_type", "token")), "access_token")
		},
		"a machine's scope that nobody registered": func(m *move, endpoint string) bool {
			return m.post(endpoint+"/token", "machine", "grant_type", "client_credentials", "scope", "admin").status == 200
		},
		"machine tokens for a client that serves users": func(m *move, endpoint string) bool {
			return m.post(endpoint+"/token", "web", "grant_type", "client_credentials").status == 200
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, try(m, m.old.URL), "the old server refuses it too")
			require.False(t, try(m, m.new.URL))
		})
	}
}

// The guide tells how long the old server's tokens live, and how they are kept.
func TestWhatTheGuideSaysOfTheOldServersTokens(t *testing.T) {
	t.Parallel()
	require.Equal(t, 3*24*time.Hour, manage.DefaultAuthorizeCodeTokenCfg.RefreshTokenExp)
	require.Equal(t, 7*24*time.Hour, manage.DefaultPasswordTokenCfg.RefreshTokenExp)
	require.Equal(t, 10*time.Minute, manage.DefaultCodeExp)

	path := filepath.Join(t.TempDir(), "old.db")
	old, err := store.NewFileTokenStore(path)
	require.NoError(t, err)
	require.NoError(t, old.Create(t.Context(), &models.Token{
		Access: "ACCESS-IN-CLEAR", AccessExpiresIn: time.Hour,
		Refresh: "REFRESH-IN-CLEAR", RefreshCreateAt: time.Now(), RefreshExpiresIn: time.Hour,
	}))
	require.Eventually(t, func() bool {
		file, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(file), "ACCESS-IN-CLEAR") && strings.Contains(string(file), "REFRESH-IN-CLEAR")
	}, time.Minute, 10*time.Millisecond)
}

// A secret in a Basic header is form-encoded (RFC 6749 section 2.3.1). The old server takes it as it
// stands, so a client whose secret has one of a few characters must mend its header.
func TestSecretInABasicHeaderIsFormEncodedHere(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	for secret, encoded := range map[string]string{"1+1": "1%2B1", "50%": "50%25"} {
		require.NoError(t, m.clients.Set("machine", &models.Client{ID: "machine", Secret: secret}))
		machineTokens := func(endpoint, secret string) int {
			return m.postAs(endpoint+"/token", "machine", secret, "grant_type", "client_credentials", "scope", "stats").status
		}
		require.Equal(t, 200, machineTokens(m.old.URL, secret))
		require.Equal(t, 401, machineTokens(m.old.URL, encoded))
		require.Equal(t, 401, machineTokens(m.new.URL, secret))
		require.Equal(t, 200, machineTokens(m.new.URL, encoded))
	}
}

func TestClientWithoutASecretGetsInWithAnySecretThereAndIsAFaultHere(t *testing.T) {
	t.Parallel()
	m := newMove(t, memory.New())
	require.NoError(t, m.clients.Set("machine", &models.Client{ID: "machine"}))
	form := []string{"grant_type", "client_credentials", "scope", "stats"}
	require.Equal(t, 200, m.postAs(m.old.URL+"/token", "machine", "anything", form...).status)
	unavailable(t, m.postAs(m.new.URL+"/token", "machine", "anything", form...))
}
