package resource_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
	"github.com/seed5f5fedc6/oauth2/internal/testclock"
	"github.com/seed5f5fedc6/oauth2/resource"
)

const (
	boundToken  = "at_bound"
	bearerToken = "at_bearer"
)

// A boundAPI is a guarded API, and a client with the key that boundToken is bound to.
type boundAPI struct {
	*api
	clock *testclock.Clock
	key   *dpoptest.Key
}

// checkerOf answers for boundToken and bearerToken.
type checkerOf struct{ jkt string }

func (c checkerOf) Check(_ context.Context, token string) (*oauth2.TokenInfo, error) {
	info := &oauth2.TokenInfo{ClientID: "app", Scope: oauth2.Scope{"read"}, Audience: []string{audience}}
	switch token {
	case boundToken:
		info.Confirmation = &oauth2.Confirmation{JKT: c.jkt}
	case bearerToken:
	default:
		return nil, oauth2.ErrInvalidToken
	}
	return info, nil
}

func newBoundAPI(t *testing.T, configure ...func(*resource.DPoPConfig)) *boundAPI {
	t.Helper()
	b := &boundAPI{api: &api{t: t, faults: make(chan error, 100), client: direct}, clock: testclock.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	b.key = dpoptest.NewES256(b.clock.Now)
	var handler http.Handler
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(listener.Close)
	b.url = listener.URL + "/contacts"
	dpop := &resource.DPoPConfig{URL: listener.URL}
	for _, change := range configure {
		change(dpop)
	}
	guard, err := resource.NewGuard(resource.GuardConfig{
		Checker: checkerOf{b.key.Thumbprint()}, Audience: audience, Realm: "contacts", DPoP: dpop, Now: b.clock.Now,
		OnFault: func(_ *http.Request, err error) { b.faults <- err },
	})
	require.NoError(t, err)
	handler = guard.Require("read")(http.HandlerFunc(tellFacts))
	return b
}

// proof is a good one, for boundToken.
func (b *boundAPI) proof(changes ...dpoptest.Change) string {
	return b.key.Proof(http.MethodGet, b.url, append([]dpoptest.Change{dpoptest.For(boundToken)}, changes...)...)
}

func (b *boundAPI) send(authorization string, proofs ...string) answer {
	r, err := http.NewRequest(http.MethodGet, b.url+"?query=1", nil)
	require.NoError(b.t, err)
	r.Header.Set("Authorization", authorization)
	for _, proof := range proofs {
		r.Header.Add("DPoP", proof)
	}
	return b.do(r)
}

func (b *boundAPI) refuses(got answer, status int, challenge string) {
	b.t.Helper()
	require.Equal(b.t, status, got.status, got.body)
	require.Contains(b.t, got.header.Get("WWW-Authenticate"), challenge)
}

func TestABoundTokenIsAcceptedWithAProofOfItsKey(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t)
	for _, scheme := range []string{"DPoP ", "dpop  "} {
		got := b.send(scheme+boundToken, b.proof())
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, "app", got.json(t)["client_id"])
	}
	require.Equal(t, http.StatusOK, b.send("Bearer "+bearerToken).status, "a bearer token is one still")
}

func TestABoundTokenIsNeverABearerTokenNorTheOtherWayAbout(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t)
	for _, got := range []answer{b.send("Bearer " + boundToken), b.send("Bearer "+boundToken, b.proof())} {
		b.refuses(got, http.StatusUnauthorized, `Bearer realm="contacts", error="invalid_token"`)
		require.Equal(t, `DPoP realm="contacts", algs="ES256 EdDSA Ed25519 PS256 RS256"`, got.header.Values("WWW-Authenticate")[1])
	}
	b.refuses(b.send("DPoP "+bearerToken, b.key.Proof(http.MethodGet, b.url, dpoptest.For(bearerToken))), http.StatusUnauthorized, `DPoP realm="contacts", error="invalid_token"`)
}

func TestWithoutDPoPABoundTokenIsRefusedInEveryScheme(t *testing.T) {
	t.Parallel()
	key := dpoptest.NewES256(time.Now)
	a := newAPI(t, checkerOf{key.Thumbprint()})
	for _, authorization := range []string{"Bearer " + boundToken, "DPoP " + boundToken} {
		r, err := http.NewRequest(http.MethodGet, a.url, nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", authorization)
		r.Header.Set("DPoP", key.Proof(http.MethodGet, a.url+"/", dpoptest.For(boundToken)))
		got := a.do(r)
		require.Equal(t, http.StatusUnauthorized, got.status)
		require.Len(t, got.header.Values("WWW-Authenticate"), 1)
		require.NotContains(t, got.header.Get("WWW-Authenticate"), "algs")
	}
}

func TestAProofThatIsWrongInAnythingLetsNobodyIn(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t)
	stranger := dpoptest.NewES256(b.clock.Now)
	for name, proofs := range map[string][]string{
		"none":                    {},
		"two headers":             {b.proof(), b.proof()},
		"no JWS":                  {"x"},
		"no hash of the token":    {b.proof(dpoptest.Claim("ath", nil))},
		"the hash of another":     {b.proof(dpoptest.For(bearerToken))},
		"another method":          {b.proof(dpoptest.Claim("htm", http.MethodPost))},
		"another path":            {b.proof(dpoptest.Claim("htu", b.url+"/1"))},
		"another host":            {b.proof(dpoptest.Claim("htu", "https://evil.example/contacts"))},
		"a minute old":            {b.proof(dpoptest.Claim("iat", b.clock.Now().Unix()-60))},
		"eleven seconds early":    {b.proof(dpoptest.Claim("iat", b.clock.Now().Unix()+11))},
		"no jti":                  {b.proof(dpoptest.Claim("jti", nil))},
		"a typ of something else": {b.proof(dpoptest.Header("typ", "at+jwt"))},
		"a nonce of nobody's":     {b.proof(dpoptest.Nonce("made-up"))},
	} {
		got := b.send("DPoP "+boundToken, proofs...)
		b.refuses(got, http.StatusUnauthorized, `DPoP realm="contacts", error="invalid_dpop_proof"`)
		require.Contains(t, got.header.Get("WWW-Authenticate"), `, algs="ES256 EdDSA Ed25519 PS256 RS256"`, name)
		require.Equal(t, "invalid_dpop_proof", got.json(t)["error"])
	}
	b.refuses(b.send("DPoP "+boundToken, stranger.Proof(http.MethodGet, b.url, dpoptest.For(boundToken))), http.StatusUnauthorized, `DPoP realm="contacts", error="invalid_token"`)
}

func TestNoHeaderOfARequestSaysWhatAProofIsFor(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t)
	r, err := http.NewRequest(http.MethodGet, b.url, nil)
	require.NoError(t, err)
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	r.Header.Set("Authorization", "DPoP "+boundToken)
	r.Header.Set("DPoP", b.proof(dpoptest.Claim("htu", "http://evil.example/contacts")))
	require.Equal(t, http.StatusUnauthorized, b.do(r).status)
	r.Header.Set("DPoP", b.proof())
	require.Equal(t, http.StatusOK, b.do(r).status)
}

func TestThePathThatAProxyTakesAwayIsPartOfTheURL(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t, func(c *resource.DPoPConfig) { c.URL = "https://api.example.com/v1/" })
	require.Equal(t, http.StatusOK, b.send("DPoP "+boundToken, b.proof(dpoptest.Claim("htu", "https://api.example.com/v1/contacts"))).status)
}

func TestOf16ParallelRequestsWithOneProofExactlyOneIsServed(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[[sha256.Size]byte]bool{}
	shared := func(_ context.Context, digest [sha256.Size]byte, _ time.Time) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		used := seen[digest]
		seen[digest] = true
		return !used, nil
	}
	for name, b := range map[string]*boundAPI{
		"in memory": newBoundAPI(t), "shared": newBoundAPI(t, func(c *resource.DPoPConfig) { c.Remember = shared }),
	} {
		for range 3 {
			proof := b.proof()
			served := make(chan bool, 16)
			for range cap(served) {
				go func() { served <- b.send("DPoP "+boundToken, proof).status == http.StatusOK }()
			}
			won := 0
			for range cap(served) {
				if <-served {
					won++
				}
			}
			require.Equal(t, 1, won, name)
		}
	}
}

func TestAProofStaysUsedForAsLongAsItIsAccepted(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t)
	proof := b.proof(dpoptest.Claim("iat", b.clock.Now().Unix()+10))
	require.Equal(t, http.StatusOK, b.send("DPoP "+boundToken, proof).status)
	b.clock.Advance(69 * time.Second)
	b.refuses(b.send("DPoP "+boundToken, proof), http.StatusUnauthorized, "used before")
	b.clock.Advance(time.Second)
	b.refuses(b.send("DPoP "+boundToken, proof), http.StatusUnauthorized, "too old")
}

func TestStrangersCannotPushUsedProofsOutOfTheMemory(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t, func(c *resource.DPoPConfig) { c.RememberedProofs = 2 })
	proof := b.proof()
	require.Equal(t, http.StatusOK, b.send("DPoP "+boundToken, proof).status)
	stranger := dpoptest.NewES256(b.clock.Now)
	for range 5 {
		got := b.send("DPoP "+boundToken, stranger.Proof(http.MethodGet, b.url, dpoptest.For(boundToken)))
		require.Equal(t, http.StatusUnauthorized, got.status)
	}
	require.Equal(t, http.StatusUnauthorized, b.send("DPoP "+boundToken, proof).status)
}

func TestANonceOfTheAPIIsRequiredWhereItIsConfigured(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t, func(c *resource.DPoPConfig) { c.NonceKey = []byte(strings.Repeat("k", 32)) })
	asked := b.send("DPoP "+boundToken, b.proof())
	b.refuses(asked, http.StatusUnauthorized, `DPoP realm="contacts", error="use_dpop_nonce"`)
	nonce := asked.header.Get("DPoP-Nonce")
	require.NotEmpty(t, nonce)
	b.refuses(b.send("DPoP "+boundToken, b.proof(dpoptest.Nonce("made-up"))), http.StatusUnauthorized, "use_dpop_nonce")
	got := b.send("DPoP "+boundToken, b.proof(dpoptest.Nonce(nonce)))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.NotEmpty(t, got.header.Get("DPoP-Nonce"))
	b.clock.Advance(5 * time.Minute)
	b.refuses(b.send("DPoP "+boundToken, b.proof(dpoptest.Nonce(nonce))), http.StatusUnauthorized, "use_dpop_nonce")
}

func TestAMemoryThatFailsIs503(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t, func(c *resource.DPoPConfig) {
		c.Remember = func(context.Context, [sha256.Size]byte, time.Time) (bool, error) { return false, errors.New("broken") }
	})
	require.Equal(t, http.StatusServiceUnavailable, b.send("DPoP "+boundToken, b.proof()).status)
	require.ErrorContains(t, <-b.faults, "broken")
}

func TestAMisconfiguredDPoPIsAnErrorOfNewGuard(t *testing.T) {
	t.Parallel()
	for name, dpop := range map[string]resource.DPoPConfig{
		"URL":              {},
		"URL http":         {URL: "http://api.example.com"},
		"URL query":        {URL: "https://api.example.com/?"},
		"ProofLifetime":    {URL: audience, ProofLifetime: -1},
		"NonceLifetime":    {URL: audience, NonceLifetime: -1},
		"NonceKey":         {URL: audience, NonceKey: make([]byte, 31)},
		"RememberedProofs": {URL: audience, RememberedProofs: -1},
	} {
		_, err := resource.NewGuard(resource.GuardConfig{Checker: checkerOf{}, Audience: audience, DPoP: &dpop})
		require.ErrorContains(t, err, "DPoP: "+strings.Fields(name)[0])
	}
}

func TestOneOfTwoAuthorizationHeadersIsNotChosen(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t)
	r, err := http.NewRequest(http.MethodGet, b.url, nil)
	require.NoError(t, err)
	r.Header["Authorization"] = []string{"DPoP " + boundToken, "Bearer " + bearerToken}
	r.Header.Set("DPoP", b.proof())
	require.Equal(t, http.StatusBadRequest, b.do(r).status)
}

func TestTheChallengesToARequestWithoutATokenTellNoError(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t)
	r, err := http.NewRequest(http.MethodGet, b.url, nil)
	require.NoError(t, err)
	got := b.do(r)
	require.Equal(t, http.StatusUnauthorized, got.status)
	require.Equal(t, []string{`Bearer realm="contacts"`, `DPoP realm="contacts", algs="ES256 EdDSA Ed25519 PS256 RS256"`}, got.header.Values("WWW-Authenticate"))
}

func TestATokenThatIsNotBoundIsRefusedWhereDPoPIsRequired(t *testing.T) {
	t.Parallel()
	b := newBoundAPI(t, func(c *resource.DPoPConfig) { c.Required = true })
	b.refuses(b.send("Bearer "+bearerToken), http.StatusUnauthorized, `error="invalid_token", error_description="The access token is not bound`)
	require.Equal(t, http.StatusOK, b.send("DPoP "+boundToken, b.proof()).status)
}
