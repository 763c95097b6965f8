package oauth2_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A jarWorld is a world whose webApp signs its requests.
type jarWorld struct {
	*world
	key *ecdsa.PrivateKey
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func publicSet(t testing.TB, key *ecdsa.PrivateKey) []byte {
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "client-key"}}})
	require.NoError(t, err)
	return set
}

func newJARWorld(t *testing.T, change func(*oauth2.ServerConfig, *oauth2.Client)) *jarWorld {
	w := &jarWorld{key: newKey(t)}
	w.world = newWorld(t, pushing, func(cfg *oauth2.ServerConfig) {
		cfg.RequestObjects = true
		registered, err := cfg.Clients.Client(t.Context(), webApp)
		require.NoError(t, err)
		client := registered.Clone()
		client.JWKS = publicSet(t, w.key)
		other, err := cfg.Clients.Client(t.Context(), otherApp)
		require.NoError(t, err)
		if change != nil {
			change(cfg, client)
		}
		cfg.Clients, err = memory.NewClients(client, other)
		require.NoError(t, err)
	})
	return w
}

// claims are those of a good request object, changed by the pairs; nil removes one.
func (w *jarWorld) claims(pairs ...any) map[string]any {
	now := w.clock.Now()
	claims := map[string]any{"iss": webApp, "aud": w.url, "exp": now.Add(time.Minute).Unix(), "nbf": now.Unix(), "iat": now.Unix()}
	for name, value := range codeRequest() {
		claims[name] = value[0]
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if name := pairs[i].(string); pairs[i+1] == nil {
			delete(claims, name)
		} else {
			claims[name] = pairs[i+1]
		}
	}
	return claims
}

// object signs claims with key.
func object(t testing.TB, key *ecdsa.PrivateKey, claims any, header ...any) string {
	options := (&jose.SignerOptions{}).WithType("oauth-authz-req+jwt").WithHeader("kid", "client-key")
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] == nil {
			delete(options.ExtraHeaders, jose.HeaderKey(header[i].(string)))
			continue
		}
		options.WithHeader(jose.HeaderKey(header[i].(string)), header[i+1])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	require.NoError(t, err)
	payload, ok := claims.([]byte)
	if !ok {
		payload, err = json.Marshal(claims)
		require.NoError(t, err)
	}
	signed, err := signer.Sign(payload)
	require.NoError(t, err)
	text, err := signed.CompactSerialize()
	require.NoError(t, err)
	return text
}

// by is an authorization request by value.
func by(object string) url.Values { return values("client_id", webApp, "request", object) }

func TestASignedRequestObjectLeadsToACode(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, nil)
	query := by(object(t, w.key, w.claims("max_age", 600, "claims", map[string]any{"userinfo": map[string]any{}})))
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		require.Equal(t, 10*time.Minute, *req.MaxAge)
		require.JSONEq(t, `{"userinfo":{}}`, req.Param("claims"))
		require.Empty(t, req.Param("iss")+req.Param("exp"))
		return askOnPage(rw, r, req)
	}
	sent := w.decide(query, formTokenIn(w.ask(query).body), "yes")
	require.True(t, strings.HasPrefix(sent.header.Get("Location"), webRedirect), sent.body)
	require.Equal(t, "xyz", sent.location(t).Get("state"))
	require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(sent.location(t).Get("code"))).status)
}

func TestOuterParametersAreNotUsed(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, nil)
	query := by(object(t, w.key, w.claims("scope", "read", "state", nil)))
	for name, value := range map[string]string{"redirect_uri": otherRedirect, "scope": "read write", "state": "evil", "response_mode": "form_post", "prompt": "none"} {
		query.Set(name, value)
	}
	sent := w.decide(query, formTokenIn(w.ask(query).body), "yes")
	require.True(t, strings.HasPrefix(sent.header.Get("Location"), webRedirect), sent.body)
	require.Empty(t, sent.location(t).Get("state"))
	tokens := w.post("/token", webApp, redemption(sent.location(t).Get("code")))
	require.Equal(t, "read", tokens.str("scope"))
}

func TestNothingInAnUnverifiedRequestObjectIsBelieved(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, nil)
	good := object(t, w.key, w.claims())
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"oauth-authz-req+jwt"}`)) + "." + parts[1] + "."
	hmac := func(secret []byte) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret}, (&jose.SignerOptions{}).WithType("oauth-authz-req+jwt"))
		require.NoError(t, err)
		payload, err := json.Marshal(w.claims())
		require.NoError(t, err)
		signed, err := signer.Sign(payload)
		require.NoError(t, err)
		text, err := signed.CompactSerialize()
		require.NoError(t, err)
		return text
	}
	now := w.clock.Now()
	signed := func(pairs ...any) string { return object(t, w.key, w.claims(pairs...)) }
	twice, err := json.Marshal(w.claims())
	require.NoError(t, err)
	twice = append([]byte(`{"redirect_uri":"https://evil.example/",`), twice[1:]...)
	stranger := newKey(t)

	for name, text := range map[string]string{
		"RFC 9101 section 6.2: not a JWT":                   "x.y.z",
		"RFC 9101 section 10.1: alg none":                   none,
		"RFC 8725 section 2.1: HMAC with a public key":      hmac(publicSet(t, w.key)),
		"RFC 8725 section 2.1: HMAC with the secret":        hmac([]byte(secretOf(webApp) + "-and-more-bytes")),
		"RFC 9101 section 6.2: a stranger's key":            object(t, stranger, w.claims()),
		"RFC 9101 section 6.2: a signature cut off":         parts[0] + "." + parts[1] + ".",
		"RFC 9101 section 6.2: another payload":             parts[0] + "." + base64.RawURLEncoding.EncodeToString(twice) + "." + parts[2],
		"RFC 9101 section 6.1: encrypted":                   "a.b.c.d.e",
		"RFC 7515 section 6: an unknown kid":                object(t, w.key, w.claims(), "kid", "nobody"),
		"RFC 8725 section 3.10: a key of its own":           object(t, stranger, w.claims(), "jwk", jose.JSONWebKey{Key: stranger.Public()}),
		"RFC 8725 section 3.10: a place for keys":           object(t, w.key, w.claims(), "jku", "https://evil.example/jwks"),
		"RFC 8725 section 3.11: no typ":                     object(t, w.key, w.claims(), "typ", nil),
		"RFC 8725 section 3.11: the typ of an access token": object(t, w.key, w.claims(), "typ", "at+jwt"),
		"RFC 9101 section 5: another client":                signed("client_id", otherApp),
		"RFC 9101 section 5: no client":                     signed("client_id", nil),
		"RFC 9101 section 4: another iss":                   signed("iss", otherApp),
		"RFC 9101 section 4: no iss":                        signed("iss", nil),
		"RFC 9101 section 4: another aud":                   signed("aud", "https://other.example"),
		"RFC 9101 section 4: no aud":                        signed("aud", nil),
		"RFC 7519 section 4.1.4: no exp":                    signed("exp", nil),
		"RFC 7519 section 4.1.4: over":                      signed("exp", now.Unix()),
		"RFC 7519 section 4.1.4: good for too long":         signed("exp", now.Add(2*time.Hour).Unix()),
		"RFC 7519 section 4.1.5: not begun":                 signed("nbf", now.Add(time.Minute).Unix()),
		"RFC 9101 section 10.8: the client as subject":      signed("sub", webApp),
		"RFC 9101 section 4: a request within":              signed("request", good),
		"RFC 9101 section 4: a request_uri within":          signed("request_uri", "https://app.example.com/r"),
		"RFC 7519 section 4: a member twice":                object(t, w.key, twice),
		"RFC 7519 section 7.2: no object":                   object(t, w.key, []byte(`[]`)),
		"a list where there is one value":                   signed("resource", []any{1}),
		"a NUL":                                             signed("state", "a\x00b"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			query := by(text)
			query.Set("redirect_uri", webRedirect)
			got := w.ask(query)
			require.Equal(t, http.StatusBadRequest, got.status, got.body)
			require.Contains(t, got.body, "invalid_request_object")
			require.Empty(t, got.header.Get("Location"), "it goes nowhere")
			require.NotContains(t, got.body, "evil")
			push := by(text)
			push.Del("client_id")
			refused(t, w.post("/par", webApp, push), http.StatusBadRequest, "invalid_request_object")
		})
	}
}

func TestAVerifiedRequestObjectProvesWhereItsErrorsGo(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, nil)
	sent := w.ask(by(object(t, w.key, w.claims("scope", "admin"))))
	require.Equal(t, http.StatusSeeOther, sent.status, sent.body)
	require.True(t, strings.HasPrefix(sent.header.Get("Location"), webRedirect))
	require.Equal(t, "invalid_scope", sent.location(t).Get("error"))
	require.Equal(t, "xyz", sent.location(t).Get("state"))
	foreign := w.ask(by(object(t, w.key, w.claims("redirect_uri", otherRedirect))))
	require.Equal(t, http.StatusBadRequest, foreign.status)
	require.Empty(t, foreign.header.Get("Location"))
}

func TestRequestAndRequestURIExcludeEachOther(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, nil)
	text := object(t, w.key, w.claims())
	for _, uri := range []string{"https://app.example.com/request", w.pushed().Get("request_uri")} {
		query := by(text)
		query.Set("request_uri", uri)
		got := w.ask(query)
		require.Equal(t, http.StatusBadRequest, got.status, uri)
		require.Contains(t, got.body, "invalid_request")
	}
}

func TestTheJTIOfARequestObjectIsGoodForOneApproval(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, nil)
	query := by(object(t, w.key, w.claims("jti", "once")))
	page := w.ask(query)
	first := w.decide(query, formTokenIn(page.body), "yes")
	code := first.location(t).Get("code")
	require.NotEmpty(t, code)
	require.Equal(t, code, w.decide(query, formTokenIn(page.body), "yes").location(t).Get("code"), "a double click")
	again := w.ask(query)
	require.Equal(t, http.StatusConflict, w.decide(query, formTokenIn(again.body), "yes").status)
	refused(t, w.post("/par", webApp, query), http.StatusBadRequest, "invalid_request_object")
	require.Equal(t, http.StatusOK, w.post("/token", webApp, redemption(code)).status)
	require.NotEmpty(t, w.approve(by(object(t, w.key, w.claims("jti", "twice")))))
}

func TestOfParallelPushesOfOneRequestObjectOneIsKept(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, nil)
	push := values("request", object(t, w.key, w.claims("jti", "pushed")))
	answers := make([]answer, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = w.post("/par", webApp, push) })
	}
	wg.Wait()
	var kept []string
	for _, got := range answers {
		if got.status == http.StatusCreated {
			kept = append(kept, got.str("request_uri"))
		}
	}
	require.Len(t, kept, 1)
	require.NotEmpty(t, w.approve(values("client_id", webApp, "request_uri", kept[0])))
}

func TestARefusedDPoPProofLeavesThePushedRequestObjectAsItWas(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, func(cfg *oauth2.ServerConfig, _ *oauth2.Client) { withNonces(cfg) })
	key, push := w.dpopKey(), values("request", object(t, w.key, w.claims("jti", "once")))
	proof := func(changes ...dpoptest.Change) string { return key.Proof(http.MethodPost, w.url+"/par", changes...) }
	asked := w.postProofs("/par", webApp, push, proof())
	refused(t, asked, http.StatusBadRequest, "use_dpop_nonce")
	nonce := dpoptest.Nonce(asked.header.Get("DPoP-Nonce"))
	refused(t, w.postProofs("/par", webApp, push, proof(nonce, dpoptest.Claim("htm", "GET"))), http.StatusBadRequest, "invalid_dpop_proof")
	got := w.postProofs("/par", webApp, push, proof(nonce))
	require.Equal(t, http.StatusCreated, got.status, got.body)
	refused(t, w.postProofs("/par", webApp, push, proof(nonce)), http.StatusBadRequest, "invalid_request_object")
}

func TestASignedRequestObjectCanBeRequired(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, func(_ *oauth2.ServerConfig, client *oauth2.Client) { client.RequireSignedRequestObject = true })
	plain := w.ask(codeRequest())
	require.Equal(t, "invalid_request", plain.location(t).Get("error"))
	refused(t, w.push(webApp), http.StatusBadRequest, "invalid_request")
	require.NotEmpty(t, w.approve(by(object(t, w.key, w.claims()))))
	got := w.post("/par", webApp, values("request", object(t, w.key, w.claims())))
	require.Equal(t, http.StatusCreated, got.status, got.body)
	require.NotEmpty(t, w.approve(values("client_id", webApp, "request_uri", got.str("request_uri"))))
}

func TestTheAlgorithmOfRequestObjectsIsTheRegisteredOne(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, func(_ *oauth2.ServerConfig, client *oauth2.Client) { client.RequestObjectSigningAlg = "PS256" })
	got := w.ask(by(object(t, w.key, w.claims())))
	require.Contains(t, got.body, "invalid_request_object")
}

// requestHost serves request objects on https.
func requestHost(t *testing.T) (host *httptest.Server, serve func(mediaType, body string)) {
	var mu sync.Mutex
	var mediaType, body string
	host = httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		rw.Header().Set("Content-Type", mediaType)
		_, _ = rw.Write([]byte(body))
	}))
	t.Cleanup(host.Close)
	return host, func(m, b string) {
		mu.Lock()
		defer mu.Unlock()
		mediaType, body = m, b
	}
}

func TestARequestObjectIsFetchedFromARegisteredURIAlone(t *testing.T) {
	t.Parallel()
	host, serve := requestHost(t)
	w := newJARWorld(t, func(cfg *oauth2.ServerConfig, client *oauth2.Client) {
		client.RequestURIs = []string{host.URL + "/request"}
		cfg.HTTPClient = host.Client()
	})
	query := values("client_id", webApp, "request_uri", host.URL+"/request")
	serve("application/oauth-authz-req+jwt", object(t, w.key, w.claims()))
	require.NotEmpty(t, w.approve(query))

	page := w.ask(query)
	serve("application/oauth-authz-req+jwt", object(t, w.key, w.claims("scope", "read")))
	require.Equal(t, http.StatusForbidden, w.decide(query, formTokenIn(page.body), "yes").status, "another request than the page was shown for")
	serve("text/html", object(t, w.key, w.claims()))
	got := w.ask(query)
	require.Equal(t, http.StatusBadRequest, got.status)
	require.Contains(t, got.body, "invalid_request_uri")
	for _, uri := range []string{host.URL + "/other", host.URL + "/request?x=1", host.URL + "/request#x", "http://169.254.169.254/", "urn:x"} {
		got := w.ask(values("client_id", webApp, "request_uri", uri))
		require.Contains(t, got.body, "invalid_request_uri", uri)
		require.Empty(t, got.header.Get("Location"))
	}
}

func TestAPrivateAddressIsNeverAskedForARequestObject(t *testing.T) {
	t.Parallel()
	host, serve := requestHost(t)
	w := newJARWorld(t, func(_ *oauth2.ServerConfig, client *oauth2.Client) {
		client.RequestURIs = []string{host.URL + "/request"}
	})
	serve("application/oauth-authz-req+jwt", object(t, w.key, w.claims()))
	require.Contains(t, w.ask(values("client_id", webApp, "request_uri", host.URL+"/request")).body, "invalid_request_uri")
}

func TestRequestObjectsAreAdvertisedWhereTheyAreServed(t *testing.T) {
	t.Parallel()
	m := newJARWorld(t, nil).get(direct, "/.well-known/oauth-authorization-server", nil)
	require.Equal(t, true, m.json["request_parameter_supported"])
	require.Equal(t, true, m.json["request_uri_parameter_supported"])
	require.Equal(t, true, m.json["require_request_uri_registration"])
	algs := m.json["request_object_signing_alg_values_supported"]
	require.Contains(t, algs, "ES256")
	require.NotContains(t, algs, "none")
	require.NotContains(t, newWorld(t).get(direct, "/.well-known/oauth-authorization-server", nil).body, "request_")
}

func TestSeveralResourcesAreOneListInARequestObject(t *testing.T) {
	t.Parallel()
	resources := []oauth2.Resource{{URI: "https://one.example"}, {URI: "https://two.example"}}
	w := newJARWorld(t, func(cfg *oauth2.ServerConfig, _ *oauth2.Client) { cfg.Resources = resources })
	var asked []string
	w.consent = func(rw http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
		asked = req.Resource
		return askOnPage(rw, r, req)
	}
	claims := w.claims()
	maps.Copy(claims, map[string]any{"resource": []string{"https://one.example", "https://two.example"}})
	require.NotEmpty(t, w.approve(by(object(t, w.key, claims))))
	require.Equal(t, []string{"https://one.example", "https://two.example"}, asked)
}

func TestAnObjectThatExpiresWhileThePageIsOpenIsAnswered(t *testing.T) {
	t.Parallel()
	w := newJARWorld(t, nil)
	query := by(object(t, w.key, w.claims("exp", w.clock.Now().Add(time.Minute).Unix())))
	page := w.ask(query)
	w.clock.Advance(5 * time.Minute)
	require.Equal(t, http.StatusBadRequest, w.ask(query).status, "it cannot be opened any more")
	require.Equal(t, http.StatusForbidden, w.decide(query, "made-up", "yes").status)
	require.NotEmpty(t, w.decide(query, formTokenIn(page.body), "yes").location(t).Get("code"))
}
