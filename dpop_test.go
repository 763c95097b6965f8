package oauth2_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
	"github.com/seed5f5fedc6/oauth2/internal/jws"
)

func withDPoP(cfg *oauth2.ServerConfig) { cfg.DPoP = &oauth2.DPoPConfig{} }

func withNonces(cfg *oauth2.ServerConfig) {
	cfg.DPoP = &oauth2.DPoPConfig{NonceKey: []byte(strings.Repeat("k", 32))}
}

func (w *world) dpopKey() *dpoptest.Key { return dpoptest.NewES256(w.clock.Now) }

// proof is a good one for the token endpoint.
func (w *world) proof(key *dpoptest.Key, changes ...dpoptest.Change) string {
	return key.Proof(http.MethodPost, w.url+"/token", changes...)
}

// postProofs calls an endpoint with DPoP headers. A client without a secret is named in the body.
func (w *world) postProofs(path, client string, form url.Values, proofs ...string) answer {
	public := client == browserApp || client == nativeApp
	if public {
		form.Set("client_id", client)
	}
	r, err := http.NewRequest(http.MethodPost, w.url+path, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !public {
		r.SetBasicAuth(client, secretOf(client))
	}
	for _, proof := range proofs {
		r.Header.Add("DPoP", proof)
	}
	return w.do(direct, r)
}

func (w *world) tokenProven(client string, form url.Values, key *dpoptest.Key) answer {
	return w.postProofs("/token", client, form, w.proof(key))
}

// browserCode is a code of the public client and the form that redeems it.
func (w *world) browserCode(pairs ...string) url.Values {
	code := w.approve(codeRequest(append([]string{"client_id", browserApp, "redirect_uri", browserRedirect, "scope", "read"}, pairs...)...))
	return redemption(code, "redirect_uri", browserRedirect)
}

func refreshment(token string) url.Values {
	return values("grant_type", "refresh_token", "refresh_token", token)
}

func TestATokenIsBoundToTheKeyOfTheProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP)
	for _, alg := range []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jws.Ed25519, jose.PS256, jose.RS256} {
		key := dpoptest.New(alg, w.clock.Now)
		for client, form := range map[string]url.Values{
			webApp: redemption(w.approve(codeRequest())), browserApp: w.browserCode(), machine: values("grant_type", "client_credentials"),
		} {
			got := w.tokenProven(client, form, key)
			require.Equal(t, http.StatusOK, got.status, got.body)
			require.Equal(t, "DPoP", got.str("token_type"))
			told := w.post("/introspect", api, values("token", got.str("access_token")))
			require.Equal(t, "DPoP", told.str("token_type"))
			require.Equal(t, map[string]any{"jkt": key.Thumbprint()}, told.json["cnf"])
		}
	}
	got := w.token(machine, "grant_type", "client_credentials")
	require.Equal(t, "Bearer", got.str("token_type"), "without a proof")
}

func TestDPoPIsServedAndAdvertisedWhereItIsConfiguredAlone(t *testing.T) {
	t.Parallel()
	on, off := newWorld(t, withDPoP), newWorld(t)
	algorithms := func(w *world) any {
		return w.get(direct, "/.well-known/oauth-authorization-server", nil).json["dpop_signing_alg_values_supported"]
	}
	require.Equal(t, []any{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"}, algorithms(on))
	require.Nil(t, algorithms(off))
	got := off.postProofs("/token", machine, values("grant_type", "client_credentials"), "whatever")
	require.Equal(t, "Bearer", got.str("token_type"), got.body)
	form := off.browserCode("dpop_jkt", "whatever")
	require.Equal(t, http.StatusOK, off.postProofs("/token", browserApp, form).status, "parameters that are not known are ignored")
}

func TestAProofThatIsRefusedBindsNothingAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP)
	key := w.dpopKey()
	form := redemption(w.approve(codeRequest()))
	for name, proofs := range map[string][]string{
		"no JWS":                {"x"},
		"two headers":           {w.proof(key), w.proof(key)},
		"another endpoint":      {key.Proof(http.MethodPost, w.url+"/revoke")},
		"another method":        {key.Proof(http.MethodGet, w.url+"/token")},
		"a minute old":          {w.proof(key, dpoptest.Claim("iat", w.clock.Now().Unix()-60))},
		"a nonce of nobody's":   {w.proof(key, dpoptest.Nonce("made-up"))},
		"the typ of another":    {w.proof(key, dpoptest.Header("typ", "JWT"))},
		"the name that it lies": {key.Proof(http.MethodPost, "https://evil.example/token")},
	} {
		got := w.postProofs("/token", webApp, form, proofs...)
		refused(t, got, http.StatusBadRequest, "invalid_dpop_proof")
		require.NotEmpty(t, got.str("error_description"), name)
		require.Empty(t, got.header.Get("DPoP-Nonce"))
	}
	r, err := http.NewRequest(http.MethodPost, w.url+"/token", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("DPoP", key.Proof(http.MethodPost, "https://proxy.example/token"))
	r.Host = "proxy.example"
	r.Header.Set("X-Forwarded-Host", "proxy.example")
	r.SetBasicAuth(webApp, secretOf(webApp))
	refused(t, w.do(direct, r), http.StatusBadRequest, "invalid_dpop_proof")
	require.Equal(t, http.StatusOK, w.tokenProven(webApp, form, key).status, "the code is good still")
}

func TestOf16ParallelUsesOfOneProofExactlyOneSucceedsAtThreeReplicas(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, withDPoP, withTokens(store))
		replicas := []*oauth2.Server{w.server}
		for range 2 {
			replica, err := oauth2.New(w.config)
			require.NoError(t, err)
			replicas = append(replicas, replica)
		}
		next := 0
		w.http.Config.Handler = roundRobin(replicas, &next)
		key := w.dpopKey()
		for range 3 {
			proof := w.proof(key)
			won := 0
			for _, got := range parallel(16, func() answer {
				return w.postProofs("/token", machine, values("grant_type", "client_credentials"), proof)
			}) {
				if got.status == http.StatusOK {
					won++
					continue
				}
				refused(t, got, http.StatusBadRequest, "invalid_dpop_proof")
			}
			require.Equal(t, 1, won)
		}
	})
}

func TestAProofIsUsedUpForEveryClientAndForAsLongAsItIsAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP)
	key := w.dpopKey()
	proof := w.proof(key, dpoptest.Claim("iat", w.clock.Now().Unix()+10))
	use := func(client string, form url.Values) answer { return w.postProofs("/token", client, form, proof) }
	require.Equal(t, http.StatusOK, use(machine, values("grant_type", "client_credentials")).status)
	refused(t, use(webApp, redemption(w.approve(codeRequest()))), http.StatusBadRequest, "invalid_dpop_proof")
	w.clock.Advance(69 * time.Second)
	refused(t, use(machine, values("grant_type", "client_credentials")), http.StatusBadRequest, "invalid_dpop_proof")
	// The same jti of another key is another proof.
	other := w.dpopKey()
	for _, k := range []*dpoptest.Key{key, other} {
		got := w.postProofs("/token", machine, values("grant_type", "client_credentials"), w.proof(k, dpoptest.Claim("jti", "same")))
		require.Equal(t, http.StatusOK, got.status, got.body)
	}
}

func TestARequestThatItsGrantRefusesUsesNoProofUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP)
	proof := w.proof(w.dpopKey())
	code := w.approve(codeRequest())
	refused(t, w.postProofs("/token", webApp, redemption(code, "code_verifier", strings.Repeat("x", 43)), proof), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, w.postProofs("/token", webApp, redemption(code), proof).status)
}

func TestANonceOfTheServerIsRequiredWhereItIsConfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withNonces)
	key := w.dpopKey()
	form := values("grant_type", "client_credentials")
	call := func(changes ...dpoptest.Change) answer {
		return w.postProofs("/token", machine, form, w.proof(key, changes...))
	}
	asked := call()
	refused(t, asked, http.StatusBadRequest, "use_dpop_nonce")
	nonce := asked.header.Get("DPoP-Nonce")
	require.NotEmpty(t, nonce)
	require.Equal(t, "DPoP-Nonce", asked.header.Get("Access-Control-Expose-Headers"))
	refused(t, call(dpoptest.Nonce("made-up")), http.StatusBadRequest, "use_dpop_nonce")

	replica, err := oauth2.New(w.config)
	require.NoError(t, err)
	w.http.Config.Handler = replica
	got := call(dpoptest.Nonce(nonce), dpoptest.Claim("iat", 0)) // a client whose clock stopped
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.NotEmpty(t, got.header.Get("DPoP-Nonce"), "the next one comes with the answer")
	require.Equal(t, http.StatusOK, call(dpoptest.Nonce(nonce)).status, "a nonce serves many proofs")

	proof := w.proof(key, dpoptest.Nonce(nonce))
	require.Equal(t, http.StatusOK, w.postProofs("/token", machine, form, proof).status)
	w.clock.Advance(5*time.Minute - time.Second)
	refused(t, w.postProofs("/token", machine, form, proof), http.StatusBadRequest, "invalid_dpop_proof")
	w.clock.Advance(time.Second)
	refused(t, call(dpoptest.Nonce(nonce)), http.StatusBadRequest, "use_dpop_nonce")
	require.Empty(t, w.token(machine, "grant_type", "client_credentials").header.Get("DPoP-Nonce"), "a client without proofs needs none")
}

func TestAPageMaySendAProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP)
	r, err := http.NewRequest(http.MethodOptions, w.url+"/token", nil)
	require.NoError(t, err)
	r.Header.Set("Origin", "https://spa.example.com")
	r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	r.Header.Set("Access-Control-Request-Headers", "dpop")
	require.Contains(t, w.do(direct, r).header.Get("Access-Control-Allow-Headers"), "DPoP")
}

func TestAMisconfiguredDPoPIsAnErrorOfNew(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]oauth2.DPoPConfig{
		"ProofLifetime -": {ProofLifetime: -1}, "ProofLifetime +": {ProofLifetime: time.Hour},
		"NonceLifetime -": {NonceLifetime: -1}, "NonceLifetime +": {NonceLifetime: 2 * time.Hour},
		"NonceKey empty": {NonceKey: []byte{}}, "NonceKey short": {NonceKey: make([]byte, 31)},
	} {
		cfg := newWorld(t).config
		cfg.DPoP = &config
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, "DPoP: "+strings.Fields(name)[0])
	}
}

func TestAStoreThatCannotSayWhetherAProofWasUsedIs503(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withDPoP)
	cfg := w.config
	cfg.Tokens = brokenCreate{cfg.Tokens}
	server, err := oauth2.New(cfg)
	require.NoError(t, err)
	form := redemption(w.approve(codeRequest()))
	w.http.Config.Handler = server
	unavailable(t, w.tokenProven(webApp, form, w.dpopKey()))
	w.http.Config.Handler = w.server
	require.Equal(t, http.StatusOK, w.tokenProven(webApp, form, w.dpopKey()).status)
}

// A brokenCreate fails to create records.
type brokenCreate struct{ oauth2.TokenStore }

func (brokenCreate) Create(context.Context, *oauth2.Authorization) error { return errors.New("broken") }
