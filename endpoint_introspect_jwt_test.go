package oauth2_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

const introspectionJWT = "application/token-introspection+jwt"

// introspectJWT asks for a signed answer, as the API does.
func (w *world) introspectJWT(token string, accept ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.url+"/introspect", strings.NewReader(values("token", token).Encode()))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header["Accept"] = append(accept, introspectionJWT)[:max(1, len(accept))]
	r.SetBasicAuth(api, secretOf(api))
	return w.do(direct, r)
}

func TestAnIntrospectionAnswerIsSignedForTheResourceServerThatAsks(t *testing.T) {
	t.Parallel()
	for _, algorithm := range everyAlgorithm {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withKeys(withAlgorithm(algorithm)))
			for _, resource := range []string{jwtAPI, opaqueAPI} {
				access, _ := w.tokens("resource", resource)
				got := w.introspectJWT(access)
				require.Equal(t, 200, got.status, got.body)
				require.Equal(t, introspectionJWT, got.header.Get("Content-Type"))
				require.Equal(t, "no-store", got.header.Get("Cache-Control"))
				claims := verified(t, w.jwks(), "token-introspection+jwt", got.body)
				plain := w.post("/introspect", api, values("token", access))
				require.Equal(t, map[string]any{
					"iss": w.url, "aud": api, "iat": float64(w.clock.Now().Unix()), "token_introspection": plain.json,
				}, claims, "neither sub nor exp: it cannot pass for an access token")
				require.False(t, w.active(got.body))
			}
		})
	}
}

func TestTheSignedAnswerAboutATokenThatIsNotActiveTellsNothingMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys())
	for _, token := range []string{"at_unknown", "a.b.c", "x"} {
		claims := verified(t, w.jwks(), "token-introspection+jwt", w.introspectJWT(token).body)
		require.Equal(t, map[string]any{"active": false}, claims["token_introspection"])
	}
}

func TestASignedAnswerIsGivenToWhoAsksForItAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys())
	access, _ := w.tokens("resource", opaqueAPI)
	for accept, signed := range map[string]bool{
		introspectionJWT: true,
		"application/json, " + introspectionJWT + ";q=0.5": true,
		"Application/Token-Introspection+JWT":              true,
		introspectionJWT + ";q=0":                          false,
		introspectionJWT + "; q=0.000":                     false,
		"application/json":                                 false,
		"*/*":                                              false,
		"application/jwt":                                  false,
		"":                                                 false,
	} {
		got := w.introspectJWT(access, accept)
		require.Equal(t, 200, got.status)
		require.Equal(t, signed, got.header.Get("Content-Type") == introspectionJWT, accept)
	}
}

func TestARefusalToIntrospectIsNotSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys())
	r, err := http.NewRequest(http.MethodPost, w.url+"/introspect", strings.NewReader("token=x"))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", introspectionJWT)
	r.SetBasicAuth(webApp, secretOf(webApp))
	refused(t, w.do(direct, r), 403, "unauthorized_client")
}

func TestASignedAnswerThatCannotBeSignedIs503(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys(), func(cfg *oauth2.ServerConfig) { cfg.Tokens = &switchedStore{TokenStore: cfg.Tokens} })
	w.store.(*switchedStore).off.Store(true)
	unavailable(t, w.introspectJWT("x"))
	unavailable(t, w.get(direct, "/jwks", nil))
	w.store.(*switchedStore).off.Store(false)
	require.Equal(t, 200, w.introspectJWT("x").status)
	require.Contains(t, w.eventTypes(), oauth2.EventFault)
}
