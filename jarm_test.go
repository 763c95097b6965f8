package oauth2_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// signing turns signed answers on.
func signing(cfg *oauth2.ServerConfig) {
	sealing := make([]byte, 32)
	_, _ = rand.Read(sealing)
	cfg.Keys = &oauth2.SigningKeys{SealingKeys: [][]byte{sealing}}
	cfg.SignedResponses = true
}

// response verifies a signed answer as a client does.
func (w *world) response(text string) map[string]any {
	w.t.Helper()
	var keys jose.JSONWebKeySet
	require.NoError(w.t, json.Unmarshal([]byte(w.get(direct, "/jwks", nil).body), &keys))
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	require.NoError(w.t, err)
	found := keys.Key(signed.Signatures[0].Protected.KeyID)
	require.Len(w.t, found, 1)
	payload, err := signed.Verify(found[0].Key)
	require.NoError(w.t, err)
	var claims map[string]any
	require.NoError(w.t, json.Unmarshal(payload, &claims))
	require.Equal(w.t, w.url, claims["iss"])
	require.Equal(w.t, webApp, claims["aud"])
	exp := time.Unix(int64(claims["exp"].(float64)), 0)
	require.True(w.t, exp.After(w.clock.Now()))
	require.False(w.t, exp.After(w.clock.Now().Add(10*time.Minute)))
	return claims
}

func TestASignedAnswerHasAllInOneJWT(t *testing.T) {
	t.Parallel()
	w := newWorld(t, signing)
	for _, mode := range []string{"jwt", "query.jwt"} {
		query := codeRequest("response_mode", mode)
		sent := w.decide(query, formTokenIn(w.ask(query).body), "yes")
		require.Equal(t, http.StatusSeeOther, sent.status, sent.body)
		answer := sent.location(t)
		require.Len(t, answer, 1, "and nothing beside it")
		claims := w.response(answer.Get("response"))
		require.Equal(t, "xyz", claims["state"])
		require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(claims["code"].(string))).status)
	}
}

var responseField = regexp.MustCompile(`name="([^"]+)" value="([^"]+)"`)

func TestASignedAnswerCanBePosted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, signing)
	query := codeRequest("response_mode", "form_post.jwt")
	page := w.decide(query, formTokenIn(w.ask(query).body), "yes")
	require.Equal(t, http.StatusOK, page.status)
	fields := responseField.FindAllStringSubmatch(page.body, -1)
	require.Len(t, fields, 1)
	require.Equal(t, "response", fields[0][1])
	require.NotEmpty(t, w.response(fields[0][2])["code"])
}

func TestErrorsAreSignedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, signing)
	query := codeRequest("response_mode", "jwt")
	denied := w.decide(query, formTokenIn(w.ask(query).body), "no")
	claims := w.response(denied.location(t).Get("response"))
	require.Equal(t, "access_denied", claims["error"])
	require.Equal(t, "xyz", claims["state"])
	require.NotContains(t, claims, "code")
	wrong := w.ask(codeRequest("response_mode", "query.jwt", "scope", "admin"))
	require.Equal(t, "invalid_scope", w.response(wrong.location(t).Get("response"))["error"])
}

func TestSignedAnswersAreServedAndAdvertisedWhereConfigured(t *testing.T) {
	t.Parallel()
	on := newWorld(t, signing).get(direct, "/.well-known/oauth-authorization-server", nil)
	require.Equal(t, []any{"query", "form_post", "query.jwt", "form_post.jwt", "jwt"}, on.json["response_modes_supported"])
	require.Equal(t, []any{"ES256"}, on.json["authorization_signing_alg_values_supported"])

	for name, w := range map[string]*world{
		"without keys":  newWorld(t),
		"not asked for": newWorld(t, signing, func(cfg *oauth2.ServerConfig) { cfg.SignedResponses = false }),
	} {
		off := w.get(direct, "/.well-known/oauth-authorization-server", nil)
		require.Equal(t, []any{"query", "form_post"}, off.json["response_modes_supported"], name)
		require.NotContains(t, off.body, "authorization_signing_alg_values_supported")
		for _, mode := range []string{"jwt", "query.jwt", "form_post.jwt", "fragment.jwt"} {
			got := w.ask(codeRequest("response_mode", mode))
			require.Equal(t, "invalid_request", got.location(t).Get("error"), mode)
		}
	}
	_, err := oauth2.New(oauth2.ServerConfig{Issuer: "https://id.example", SignedResponses: true})
	require.ErrorContains(t, err, "SignedResponses needs Keys")
}

func TestAnAnswerIsSignedWithTheRegisteredAlgorithmOrNotAtAll(t *testing.T) {
	t.Parallel()
	for alg, works := range map[string]bool{"": true, "ES256": true, "RS256": false} {
		w := newWorld(t, signing, func(cfg *oauth2.ServerConfig) {
			registered, err := cfg.Clients.Client(t.Context(), webApp)
			require.NoError(t, err)
			client := registered.Clone()
			client.AuthorizationSignedResponseAlg = alg
			cfg.Clients, err = memory.NewClients(client)
			require.NoError(t, err)
		})
		got := w.ask(codeRequest("response_mode", "jwt"))
		if works {
			require.Equal(t, http.StatusOK, got.status, got.body)
			continue
		}
		require.Equal(t, "invalid_request", got.location(t).Get("error"))
	}
}

func TestWithoutItsKeysAnAnswerIs503AndNotUnsigned(t *testing.T) {
	t.Parallel()
	w, store := newFaultyWorld(t, signing)
	query := codeRequest("response_mode", "jwt", "scope", "admin")
	store.fail(failing("get", "create"), nil)
	got := w.ask(query)
	require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
	require.Empty(t, got.header.Get("Location"))
	store.fail(nil, nil)
	u, err := url.Parse(w.ask(query).header.Get("Location"))
	require.NoError(t, err)
	require.NotEmpty(t, u.Query().Get("response"))
}
