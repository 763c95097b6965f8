package oauth2_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestEvery401HasAChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/token", "/introspect", "/revoke"} {
		for name, c := range map[string]struct{ body, authorization string }{
			"no client":       {"token=x", ""},
			"unknown client":  {"token=x&client_id=nobody", ""},
			"wrong in body":   {"token=x&client_id=" + machine + "&client_secret=wrong", ""},
			"wrong in header": {"token=x", basic(machine, "wrong")},
			"another scheme":  {"token=x", "Digest username=machine"},
		} {
			got := w.raw(http.MethodPost, path, strings.NewReader(c.body), "Authorization", c.authorization)
			refused(t, got, http.StatusUnauthorized, "invalid_client")
			require.Equal(t, []string{`Basic realm="oauth2", charset="UTF-8"`}, got.header.Values("WWW-Authenticate"), "%s %s", path, name)
		}
	}
}

func TestEvery405NamesTheMethodsThatAreServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, allowed := range map[string]string{
		"/token": "POST", "/introspect": "POST", "/revoke": "POST", "/authorize": "GET, HEAD, POST", metadataURI: "GET, HEAD",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "NONSENSE"} {
			got := w.raw(method, path, nil)
			if strings.Contains(allowed, method) {
				require.NotEqual(t, http.StatusMethodNotAllowed, got.status, "%s %s", method, path)
				continue
			}
			require.Equal(t, http.StatusMethodNotAllowed, got.status, "%s %s", method, path)
			require.Equal(t, allowed, got.header.Get("Allow"), "%s %s", method, path)
		}
	}
}

// strictJSON requires one JSON object in UTF-8 without a byte order mark, in which no name occurs
// twice (RFC 8259 sections 4 and 8.1).
func strictJSON(t *testing.T, got answer) {
	t.Helper()
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.True(t, utf8.ValidString(got.body))
	require.True(t, strings.HasPrefix(got.body, "{"), got.body)
	d := json.NewDecoder(strings.NewReader(got.body))
	_, err := d.Token()
	require.NoError(t, err)
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		require.NoError(t, err)
		require.False(t, seen[name.(string)], "%v twice in %s", name, got.body)
		seen[name.(string)] = true
		var value json.RawMessage
		require.NoError(t, d.Decode(&value))
	}
	_, err = d.Token()
	require.NoError(t, err)
	_, err = d.Token()
	require.ErrorIs(t, err, io.EOF, "and nothing after it")
}

func TestEveryJSONAnswerIsOneObjectWithoutRepeatedNames(t *testing.T) {
	t.Parallel()
	odd := map[string]any{
		"access_token": "forged", "scope": "forged", "expires_in": 1, "token_type": "forged", "refresh_token": "forged",
		`quo"te`: `va"l\ue`, "newline\n": "\n\u2028", "é": "\xff", "": nil, "list": []string{}, "</script>": "<",
	}
	w := newWorld(t, withCustomGrant(func(_ context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
		a, err := req.Begin("al\"ice\\ \u2028")
		return &oauth2.Issuance{Authorization: a, RefreshToken: true, Extra: odd}, err
	}), func(cfg *oauth2.ServerConfig) {
		cfg.Scopes = oauth2.Scope{"read", "write", "<&>'"}
		cfg.Claims = func(context.Context, *oauth2.Authorization) (map[string]any, error) { return odd, nil }
	})
	addCustomClient(t, w)
	tokens := w.custom("custom")
	require.Equal(t, http.StatusOK, tokens.status, tokens.body)
	require.Equal(t, `va"l\ue`, tokens.json[`quo"te`])
	require.NotEqual(t, "forged", tokens.str("access_token"))
	require.Equal(t, "Bearer", tokens.str("token_type"))
	introspected := w.post("/introspect", api, values("token", tokens.str("access_token")))
	require.Equal(t, "al\"ice\\ \u2028", introspected.str("sub"))
	require.Equal(t, "read", introspected.str("scope"))
	for _, got := range []answer{
		tokens, introspected,
		w.get(w.browser, metadataURI, nil),
		w.post("/introspect", api, values("token", "x")),
		w.token(machine), w.token(machine, "grant_type", `"\`+"\n"), w.token("nobody"),
		w.raw(http.MethodGet, "/token", nil), w.raw(http.MethodDelete, metadataURI, nil),
	} {
		strictJSON(t, got)
	}
}

func TestBasicCredentialsAreReadAsRFC7617WritesThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const colons = "one:two:"
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{ID: "colons", Secrets: []oauth2.ClientSecret{{Hash: oauth2.HashSecret(colons)}}, GrantTypes: []string{"client_credentials"}}))
	plain := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	good := basic(machine, secretOf(machine))
	encoded := strings.TrimPrefix(good, "Basic ")
	for authorization, status := range map[string]int{
		good:                               http.StatusOK,
		"basic " + encoded:                 http.StatusOK,
		"BASIC " + encoded:                 http.StatusOK,
		"Basic  " + encoded:                http.StatusOK,
		"Basic" + encoded:                  http.StatusUnauthorized,
		"Basic\t" + encoded:                http.StatusUnauthorized,
		good + "=":                         http.StatusUnauthorized,
		strings.TrimRight(good, "=") + "-": http.StatusUnauthorized,
		good + ", " + good:                 http.StatusUnauthorized,
		plain("colons:" + colons):          http.StatusOK, // the first one separates
		plain("colons:one:two"):            http.StatusUnauthorized,
		plain("colons"):                    http.StatusUnauthorized,
	} {
		got := w.raw(http.MethodPost, "/token", strings.NewReader("grant_type=client_credentials"), "Authorization", authorization)
		require.Equal(t, status, got.status, authorization)
	}
}

func TestAnOriginIsComparedAsAWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := values("grant_type", "refresh_token", "refresh_token", "x", "client_id", browserApp).Encode()
	for origin, allowed := range map[string]bool{
		"https://spa.example.com":              true,
		"https://spa.example.co":               false,
		"https://spa.example.com.evil.example": false,
		"https://evil-spa.example.com":         false,
		"https://example.com":                  false,
		"http://spa.example.com":               false,
		"https://spa.example.com:444":          false,
		"https://spa.example.com/callback":     false,
		"https://":                             false,
		"*":                                    false,
	} {
		got := w.raw(http.MethodPost, "/token", strings.NewReader(body), "Origin", origin)
		require.Equal(t, allowed, got.header.Get("Access-Control-Allow-Origin") != "", origin)
		require.Equal(t, "Origin", got.header.Get("Vary"))
	}
}
