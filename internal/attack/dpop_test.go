package attack

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/dpop/dpoptest"
	"github.com/seed5f5fedc6/oauth2/resource"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

var dpopAttacks = []attack{
	{name: "of 16 parallel uses of one proof one wins", source: "RFC 9449 section 11.1", run: dpopParallel},
	{name: "of 16 parallel uses of one proof at three replicas one wins", source: "RFC 9449 section 11.1", only: embedded, run: dpopReplicas},
	{name: "a proof that is wrong in anything is refused, and burns no code", source: "RFC 9449 section 4.3", run: dpopProofs},
	{name: "a proof is for the server's own URL, whatever the headers say", source: "RFC 9449 section 4.3", run: dpopForeignHost},
	{name: "a bound token is no bearer token", source: "RFC 9449 section 7.2", run: dpopNoBearer},
	{name: "a bound token is good with its own key, once per proof", source: "RFC 9449 sections 7.1 and 11.1", run: dpopAPI},
	{name: "a bound JWT is no bearer token where it is verified offline", source: "RFC 9449 sections 6.1 and 7.2", only: embedded, run: dpopJWT},
	{name: "a stolen refresh token of a public client is good for nothing without the key", source: "RFC 9449 section 5", run: dpopRefresh},
	{name: "a retry with another key does not get the tokens of the first", source: "RFC 9449 section 5, RFC 9700 section 4.14.2", run: dpopRetry},
	{name: "a stolen code that is bound to a key is good for nothing without it", source: "RFC 9449 section 10", run: dpopCode},
	{name: "a client of bound tokens gets no bearer token", source: "RFC 9449 section 5.2", run: dpopBoundClient},
	{name: "where tokens have to be bound, nobody gets a bearer token, and no code is burnt", source: "FAPI 2.0 section 5.3.2.1 item 4", only: embedded, run: dpopBoundServer},
	{name: "a nonce that is made up is refused", source: "RFC 9449 section 8", run: dpopNonceMadeUp},
	{name: "a proof without a nonce of the server is refused where it is required", source: "RFC 9449 sections 8 and 11.1", only: embedded, run: dpopNonceRequired},
	{name: "a store that cannot tell whether a proof was used is 503, and burns no code", source: "RFC 9449 section 11.1", only: embedded, run: dpopStoreDown},
}

func (s *site) dpopKey() *dpoptest.Key { return dpoptest.NewES256(s.now) }

func (s *site) proof(key *dpoptest.Key, changes ...dpoptest.Change) string {
	return key.Proof(http.MethodPost, s.tokenURL, changes...)
}

// proven asks the token endpoint with proofs.
func (s *site) proven(client string, proofs []string, pairs ...string) answer {
	s.t.Helper()
	r := s.asClient(s.tokenURL, client, pairs...)
	r.Header["Dpop"] = proofs
	return s.do(s.client, r)
}

// with is one fresh proof.
func (s *site) with(key *dpoptest.Key) []string { return []string{s.proof(key)} }

// redemption is the form that redeems a code.
func redemption(g grant) []string {
	return []string{"grant_type", "authorization_code", "code", g.code, "redirect_uri", g.redirect, "code_verifier", g.verifier}
}

func refreshment(token string) []string {
	return []string{"grant_type", "refresh_token", "refresh_token", token}
}

// boundTokens are what a client got for a key.
func (s *site) boundTokens(client string, key *dpoptest.Key) (access, refresh string) {
	s.t.Helper()
	got := s.proven(client, s.with(key), redemption(s.code("client_id", client))...)
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	require.Equal(s.t, "DPoP", got.str("token_type"))
	return got.str("access_token"), got.str("refresh_token")
}

// sendBound calls the API with a token, by a scheme and with proofs.
func (s *site) sendBound(scheme, token string, proofs ...string) answer {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.apiURL+"/contacts", nil)
	require.NoError(s.t, err)
	r.Header.Set("Authorization", scheme+" "+token)
	r.Header["Dpop"] = proofs
	return s.do(s.client, r)
}

func (s *site) apiProof(key *dpoptest.Key, token string, changes ...dpoptest.Change) string {
	return key.Proof(http.MethodGet, s.apiURL+"/contacts", append([]dpoptest.Change{dpoptest.For(token)}, changes...)...)
}

// oneWins requires one of 16 parallel calls to succeed.
func oneWins(t *testing.T, s *site, call func() answer) {
	t.Helper()
	answers := make([]answer, 16)
	together(len(answers), func(i int) { answers[i] = call() })
	won := 0
	for _, got := range answers {
		if got.status == http.StatusOK {
			won++
			continue
		}
		s.refused(got, http.StatusBadRequest, "invalid_dpop_proof")
	}
	require.Equal(t, 1, won)
}

func dpopParallel(t *testing.T, s *site) {
	key := s.dpopKey()
	for range 4 {
		proof := s.with(key)
		oneWins(t, s, func() answer { return s.proven(machine, proof, "grant_type", "client_credentials") })
	}
	_, refresh := s.boundTokens(spa, key)
	proof := s.with(key)
	oneWins(t, s, func() answer { return s.proven(spa, proof, refreshment(refresh)...) })
}

func dpopReplicas(t *testing.T, s *site) {
	clients, err := oauth2.ParseClients(s.registrations(t))
	require.NoError(t, err)
	registry, err := memory.NewClients(clients...)
	require.NoError(t, err)
	var replicas []*oauth2.Server
	var next atomic.Uint32
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		replicas[int(next.Add(1))%len(replicas)].ServeHTTP(w, r)
	}))
	defer listener.Close()
	for range 3 {
		replica, err := oauth2.New(oauth2.ServerConfig{
			Issuer: listener.URL, Clients: registry, Tokens: s.place.open(t), Now: s.now, DPoP: &oauth2.DPoPConfig{},
			Grants: []oauth2.GrantHandler{oauth2.ClientCredentialsGrant{}},
		})
		require.NoError(t, err)
		replicas = append(replicas, replica)
	}
	fleet := s.in(t)
	fleet.tokenURL = listener.URL + "/token"
	key := s.dpopKey()
	for range 4 {
		proof := fleet.with(key)
		oneWins(t, fleet, func() answer { return fleet.proven(machine, proof, "grant_type", "client_credentials") })
	}
}

func dpopProofs(t *testing.T, s *site) {
	key, stranger := s.dpopKey(), s.dpopKey()
	var private map[string]any
	encoded, err := json.Marshal(jose.JSONWebKey{Key: key.Private()})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(encoded, &private))
	secret := []byte(strings.Repeat("k", 32))
	hmac := dpoptest.Sign(jose.HS256, secret, map[string]any{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: secret}},
		map[string]any{"jti": "x", "htm": http.MethodPost, "htu": s.tokenURL, "iat": s.now().Unix()})
	good := s.proof(key)
	g := s.code("client_id", spa)
	for _, proofs := range [][]string{
		{""}, {"x"}, {"eyJhbGciOiJub25lIn0.e30."}, {good, s.proof(key)}, {good + ", " + s.proof(key)}, {strings.Repeat(good, 20)}, {hmac},
		{good[:strings.LastIndexByte(good, '.')+1]}, {flip(good, strings.LastIndexByte(good, '.')+5)},
		{s.proof(key, dpoptest.Header("jwk", private))}, {s.proof(key, dpoptest.Header("jwk", stranger.JWK()))}, {s.proof(key, dpoptest.Header("jwk", nil))},
		{s.proof(key, dpoptest.Header("typ", "JWT"))}, {s.proof(key, dpoptest.Header("crit", []string{"x"}), dpoptest.Header("x", 1))},
		{s.proof(key, dpoptest.Claim("htm", http.MethodGet))}, {s.proof(key, dpoptest.Claim("htu", s.revokeURL))}, {s.proof(key, dpoptest.Claim("htu", nil))},
		{s.proof(key, dpoptest.Claim("iat", s.now().Add(-time.Hour).Unix()))}, {s.proof(key, dpoptest.Claim("iat", s.now().Add(time.Hour).Unix()))},
		{s.proof(key, dpoptest.Claim("jti", nil))}, {s.proof(key, dpoptest.Claim("jti", strings.Repeat("j", 1000)))},
	} {
		s.refused(s.proven(spa, proofs, redemption(g)...), http.StatusBadRequest, "invalid_dpop_proof")
	}
	require.Equal(t, http.StatusOK, s.proven(spa, []string{good}, redemption(g)...).status)
}

func dpopForeignHost(_ *testing.T, s *site) {
	r := s.asClient(s.tokenURL, machine, "grant_type", "client_credentials")
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	r.Header.Set("Forwarded", "host=evil.example")
	r.Header.Set("DPoP", s.dpopKey().Proof(http.MethodPost, "http://evil.example"+s.path(s.tokenURL)))
	s.refused(s.do(s.client, r), http.StatusBadRequest, "invalid_dpop_proof")
}

func dpopNoBearer(t *testing.T, s *site) {
	key := s.dpopKey()
	access, _ := s.boundTokens(spa, key)
	for _, got := range []answer{
		s.contacts(access), s.sendBound("Bearer", access, s.apiProof(key, access)), s.sendBound("bearer", access, s.apiProof(key, access)),
	} {
		require.Equal(t, http.StatusUnauthorized, got.status)
		require.Contains(t, got.header.Get("WWW-Authenticate"), `error="invalid_token"`)
	}
	bearer, _ := s.tokens()
	require.Equal(t, http.StatusUnauthorized, s.sendBound("DPoP", bearer, s.apiProof(key, bearer)).status)
	require.Equal(t, http.StatusOK, s.sendBound("DPoP", access, s.apiProof(key, access)).status)
}

func dpopAPI(t *testing.T, s *site) {
	key, thief := s.dpopKey(), s.dpopKey()
	access, refresh := s.boundTokens(spa, key)
	other, _ := s.boundTokens(spa, key)
	for _, proofs := range [][]string{
		nil, {s.apiProof(thief, access)}, {s.apiProof(key, other)}, {s.apiProof(key, access, dpoptest.Claim("ath", nil))},
		{s.proof(key, dpoptest.For(access))}, {s.apiProof(key, access, dpoptest.Claim("htm", http.MethodPost))},
		{s.apiProof(key, access), s.apiProof(key, access)}, {s.apiProof(key, access, dpoptest.Claim("iat", s.now().Add(-time.Hour).Unix()))},
	} {
		require.Equal(t, http.StatusUnauthorized, s.sendBound("DPoP", access, proofs...).status)
	}
	proof := s.apiProof(key, access)
	served := make([]answer, 16)
	together(len(served), func(i int) { served[i] = s.sendBound("DPoP", access, proof) })
	won := 0
	for _, got := range served {
		if got.status == http.StatusOK {
			won++
		}
	}
	require.Equal(t, 1, won)
	require.Equal(t, http.StatusUnauthorized, s.sendBound("DPoP", refresh, s.apiProof(key, refresh)).status)
}

func dpopJWT(t *testing.T, s *site) {
	s = s.withJWTs()
	key, thief := s.dpopKey(), s.dpopKey()
	access, _ := s.boundTokens(spa, key)
	require.Equal(t, 2, strings.Count(access, "."), "it is a JWT")
	verifier, err := resource.NewJWTVerifier(resource.JWTConfig{Issuer: s.issuer, Audience: []string{s.apiURL}, Now: s.now, HTTPClient: s.client})
	require.NoError(t, err)
	var handler http.Handler
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	defer listener.Close()
	guard, err := resource.NewGuard(resource.GuardConfig{
		Checker: verifier, Audience: s.apiURL, Now: s.now, DPoP: &resource.DPoPConfig{URL: listener.URL},
	})
	require.NoError(t, err)
	handler = guard.Require(scopeRead)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	offline := s.in(t)
	offline.apiURL = listener.URL
	require.Equal(t, http.StatusUnauthorized, offline.contacts(access).status)
	require.Equal(t, http.StatusUnauthorized, offline.sendBound("DPoP", access, offline.apiProof(thief, access)).status)
	require.Equal(t, http.StatusOK, offline.sendBound("DPoP", access, offline.apiProof(key, access)).status)
}

func dpopRefresh(t *testing.T, s *site) {
	key := s.dpopKey()
	access, refresh := s.boundTokens(spa, key)
	for _, got := range []answer{s.refresh(spa, refresh), s.proven(spa, s.with(s.dpopKey()), refreshment(refresh)...)} {
		s.refused(got, http.StatusBadRequest, "invalid_grant")
	}
	require.True(t, s.active(access))
	next := s.proven(spa, s.with(key), refreshment(refresh)...)
	require.Equal(t, http.StatusOK, next.status, next.body)
	// Neither does the grace forgive a thief.
	s.refused(s.proven(spa, s.with(s.dpopKey()), refreshment(refresh)...), http.StatusBadRequest, "invalid_grant")
	require.True(t, s.active(next.str("access_token")))
}

func dpopRetry(t *testing.T, s *site) {
	key, thief := s.dpopKey(), s.dpopKey()
	_, refresh := s.boundTokens(web, key)
	first := s.proven(web, s.with(key), refreshment(refresh)...)
	second := s.proven(web, s.with(thief), refreshment(refresh)...)
	require.Equal(t, http.StatusOK, second.status, "a confidential client proves itself by its authentication")
	require.NotEqual(t, first.str("access_token"), second.str("access_token"))
	stolen := first.str("access_token")
	require.Equal(t, http.StatusUnauthorized, s.sendBound("DPoP", stolen, s.apiProof(thief, stolen)).status)
	again := s.proven(web, s.with(key), refreshment(refresh)...).str("access_token")
	require.Equal(t, signedPart(stolen), signedPart(again))
}

func dpopCode(t *testing.T, s *site) {
	key := s.dpopKey()
	g := s.code("client_id", spa, "dpop_jkt", key.Thumbprint())
	s.refused(s.redeem(g), http.StatusBadRequest, "invalid_grant")
	s.refused(s.proven(spa, s.with(s.dpopKey()), redemption(g)...), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, s.proven(spa, s.with(key), redemption(g)...).status)
	for _, malformed := range []string{"x", key.Thumbprint() + "A", strings.Repeat("A", 42) + "B"} {
		s.refusedAt(redirects[spa], s.alice().open(s.request("client_id", spa, "dpop_jkt", malformed)), "invalid_request")
	}
}

func dpopBoundClient(_ *testing.T, s *site) {
	key := s.dpopKey()
	g := s.code("client_id", bound)
	s.refused(s.redeem(g), http.StatusBadRequest, "invalid_dpop_proof")
	got := s.proven(bound, s.with(key), redemption(g)...)
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	s.refused(s.refresh(bound, got.str("refresh_token")), http.StatusBadRequest, "invalid_dpop_proof")
}

func dpopBoundServer(_ *testing.T, s *site) {
	s = s.anew(func(cfg *oauth2.ServerConfig) { cfg.RequireSenderConstrainedTokens = true })
	s.refused(s.token(machine, "grant_type", "client_credentials"), http.StatusBadRequest, "invalid_dpop_proof")
	g := s.code()
	s.refused(s.redeem(g), http.StatusBadRequest, "invalid_dpop_proof")
	key := s.dpopKey()
	got := s.proven(web, s.with(key), redemption(g)...)
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	s.refused(s.refresh(web, got.str("refresh_token")), http.StatusBadRequest, "invalid_dpop_proof")
	got = s.proven(web, s.with(key), refreshment(got.str("refresh_token"))...)
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	require.Equal(s.t, "DPoP", got.str("token_type"))
}

func dpopNonceMadeUp(_ *testing.T, s *site) {
	for _, nonce := range []string{"x", oauth2.NewSecret(), "AAAAAGmIPgAAAAAAAAAAAAAAAAAAAAAA"} {
		s.refused(s.proven(machine, []string{s.proof(s.dpopKey(), dpoptest.Nonce(nonce))}, "grant_type", "client_credentials"), http.StatusBadRequest, "invalid_dpop_proof")
	}
}

func dpopNonceRequired(t *testing.T, s *site) {
	s = s.anew(func(cfg *oauth2.ServerConfig) {
		cfg.DPoP = &oauth2.DPoPConfig{NonceKey: []byte(strings.Repeat("k", 32))}
	})
	key := s.dpopKey()
	call := func(nonce string) answer {
		return s.proven(machine, []string{s.proof(key, dpoptest.Nonce(nonce))}, "grant_type", "client_credentials")
	}
	asked := call("")
	s.refused(asked, http.StatusBadRequest, "use_dpop_nonce")
	nonce := asked.header.Get("DPoP-Nonce")
	for i := range nonce {
		s.refused(call(flip(nonce, i)), http.StatusBadRequest, "use_dpop_nonce")
	}
	require.Equal(t, http.StatusOK, call(nonce).status)
	s.app.clock.Advance(5 * time.Minute)
	s.refused(call(nonce), http.StatusBadRequest, "use_dpop_nonce")
}

func dpopStoreDown(t *testing.T, s *site) {
	shaken, store := s.shake()
	key := shaken.dpopKey()
	g := shaken.code("client_id", spa)
	store.noCreate.Store(true)
	shaken.unavailable(shaken.proven(spa, shaken.with(key), redemption(g)...))
	store.noCreate.Store(false)
	require.Equal(t, http.StatusOK, shaken.proven(spa, shaken.with(key), redemption(g)...).status)
}
