package oauth2_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

const remote = "remote" // the client whose keys are behind a jwks_uri

// A keyHost answers at a client's jwks_uri.
type keyHost struct {
	url    string
	client *http.Client
	asked  atomic.Int32
	answer atomic.Pointer[http.HandlerFunc]
}

func newKeyHost(t testing.TB) *keyHost {
	h := &keyHost{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.asked.Add(1)
		(*h.answer.Load())(w, r)
	}))
	t.Cleanup(server.Close)
	h.url, h.client = server.URL+"/jwks", server.Client()
	return h
}

func (h *keyHost) answers(answer http.HandlerFunc) { h.answer.Store(&answer) }

func (h *keyHost) serves(keys ...jose.JSONWebKey) {
	h.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json; charset=utf-8")
		_, _ = w.Write(jwksOf(keys...))
	})
}

// newRemoteWorld registers remote, whose keys are at the host.
func newRemoteWorld(t testing.TB, h *keyHost, configure ...func(*oauth2.ServerConfig)) *world {
	w := newSigningWorld(t, append([]func(*oauth2.ServerConfig){func(cfg *oauth2.ServerConfig) { cfg.HTTPClient = h.client }}, configure...)...)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{
		ID: remote, TokenEndpointAuthMethod: oauth2.AuthMethodPrivateKeyJWT, JWKSURI: h.url, GrantTypes: []string{"client_credentials"}, Scope: oauth2.Scope{"read"},
	}))
	return w
}

// asserts authenticates remote with one of its keys.
func (w *world) asserts(key, kid string) answer {
	w.t.Helper()
	return w.post("/token", "", asserting(signedJWT(w.t, keyOf(key, jose.ES256), jose.ES256, map[jose.HeaderKey]any{"kid": kid}, w.claimsOf(remote, nil))))
}

func remoteKey(name string) jose.JSONWebKey { return publicJWK(keyOf(name, jose.ES256), name) }

func TestKeysAreFetchedFromTheJWKSURIAndKeptForAWhile(t *testing.T) {
	t.Parallel()
	h := newKeyHost(t)
	h.serves(remoteKey("first"))
	w := newRemoteWorld(t, h)
	for range 5 {
		require.Equal(t, http.StatusOK, w.asserts("first", "first").status)
	}
	require.EqualValues(t, 1, h.asked.Load())
	w.clock.Advance(6 * time.Minute)
	h.serves(remoteKey("second"))
	refused(t, w.asserts("first", "first"), 401, "invalid_client")
	require.Equal(t, http.StatusOK, w.asserts("second", "second").status, "a key that was withdrawn is no good after some minutes")
}

func TestAnUnknownKeyIsAskedForAtMostOncePerInterval(t *testing.T) {
	t.Parallel()
	h := newKeyHost(t)
	h.serves(remoteKey("first"))
	w := newRemoteWorld(t, h)
	require.Equal(t, http.StatusOK, w.asserts("first", "first").status)
	h.serves(remoteKey("first"), remoteKey("second"))
	w.clock.Advance(11 * time.Second)
	require.Equal(t, http.StatusOK, w.asserts("second", "second").status, "a new key is good at once")
	require.EqualValues(t, 2, h.asked.Load())
	for range 5 {
		refused(t, w.asserts("first", "made up"), 401, "invalid_client")
	}
	require.EqualValues(t, 2, h.asked.Load())
	w.clock.Advance(11 * time.Second)
	h.answers(http.NotFound)
	refused(t, w.asserts("first", "made up"), 401, "invalid_client")
	require.EqualValues(t, 3, h.asked.Load())
	require.Equal(t, http.StatusOK, w.asserts("first", "first").status, "keys that are still good outlive a failure")
}

func TestParallelRequestsFetchKeysOnce(t *testing.T) {
	t.Parallel()
	h := newKeyHost(t)
	release := make(chan struct{})
	h.answers(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(jwksOf(remoteKey("first")))
	})
	w := newRemoteWorld(t, h)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { require.Equal(t, http.StatusOK, w.asserts("first", "first").status) })
	}
	require.Eventually(t, func() bool { return h.asked.Load() == 1 }, longEnough, shortly)
	close(release)
	wg.Wait()
	require.EqualValues(t, 1, h.asked.Load())
}

func TestAJWKSURIThatDoesNotAnswerWithKeysIsAFaultAndIsSoonAskedAgain(t *testing.T) {
	t.Parallel()
	body := func(contentType, text string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}
	}
	private := jwksOf(jose.JSONWebKey{Key: keyOf("private", jose.ES256), KeyID: "first"})
	symmetric := jwksOf(jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "first"})
	many := make([]jose.JSONWebKey, 17)
	for i := range many {
		many[i] = remoteKey("first")
	}
	for name, answer := range map[string]http.HandlerFunc{
		"500":                  body("application/json", string(jwksOf(remoteKey("first"))), 500),
		"HTML":                 body("text/html", string(jwksOf(remoteKey("first"))), 200),
		"no JSON":              body("application/json", "keys", 200),
		"no keys":              body("application/json", "{}", 200),
		"a private key":        body("application/json", string(private), 200),
		"a symmetric key":      body("application/json", string(symmetric), 200),
		"too many keys":        body("application/json", string(jwksOf(many...)), 200),
		"too large":            body("application/json", `{"keys":[],"x":"`+strings.Repeat("x", 70<<10)+`"}`, 200),
		"a redirect":           func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"a connection it cuts": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newKeyHost(t)
			h.answers(answer)
			w := newRemoteWorld(t, h)
			refused(t, w.asserts("first", "first"), 503, "temporarily_unavailable")
			asked := h.asked.Load()
			refused(t, w.asserts("first", "first"), 503, "temporarily_unavailable")
			require.Equal(t, asked, h.asked.Load(), "a failure is not asked for again at once")
			h.serves(remoteKey("first"))
			w.clock.Advance(11 * time.Second)
			require.Equal(t, http.StatusOK, w.asserts("first", "first").status)
		})
	}
}

func TestKeysOfUnknownKindsAreLeftOut(t *testing.T) {
	t.Parallel()
	h := newKeyHost(t)
	h.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		text := string(jwksOf(remoteKey("first")))
		_, _ = w.Write([]byte(strings.Replace(text, `"keys":[`, `"keys":[{"kty":"new","kid":"first"},{"kty":"EC","crv":"P-999"},`, 1)))
	})
	require.Equal(t, http.StatusOK, newRemoteWorld(t, h).asserts("first", "first").status)
}

func TestNoServerInTheOwnNetworkIsAskedForKeys(t *testing.T) {
	t.Parallel()
	h := newKeyHost(t)
	h.serves(remoteKey("first"))
	w := newRemoteWorld(t, h, func(cfg *oauth2.ServerConfig) { cfg.HTTPClient = nil })
	refused(t, w.asserts("first", "first"), 503, "temporarily_unavailable")
	require.Zero(t, h.asked.Load())
	require.Contains(t, w.eventTypes(), oauth2.EventFault)
}

func TestASelfSignedCertificateIsFoundBehindTheJWKSURI(t *testing.T) {
	t.Parallel()
	h := newKeyHost(t)
	w := newRemoteWorld(t, h, withMutualTLS(nil))
	ca := newCertifier(t, "self", w.clock.Now)
	own, renewed := ca.issue(certifiedName, nil), ca.issue(certifiedName, nil)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{
		ID: selfSigned, TokenEndpointAuthMethod: oauth2.AuthMethodSelfSignedTLS, JWKSURI: h.url, GrantTypes: []string{"client_credentials"}, Scope: oauth2.Scope{"read"},
	}))
	withX5C := remoteKey("client")
	withX5C.Certificates = append(withX5C.Certificates, own.Leaf)
	h.serves(withX5C)
	end := w.overTLS(nil)
	require.Equal(t, http.StatusOK, end.post("/token", "", &own, machineFormOf(selfSigned)).status)
	withX5C.Certificates[0] = renewed.Leaf
	h.serves(withX5C)
	refused(t, end.post("/token", "", &renewed, machineFormOf(selfSigned)), 401, "invalid_client")
	w.clock.Advance(11 * time.Second)
	require.Equal(t, http.StatusOK, end.post("/token", "", &renewed, machineFormOf(selfSigned)).status, "a new certificate is good at once")
}
