package oauth2_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
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
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A countingStore counts the writes.
type countingStore struct {
	oauth2.TokenStore
	writes, reads atomic.Int64
}

func (s *countingStore) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	s.reads.Add(1)
	return s.TokenStore.Get(ctx, id)
}

func (s *countingStore) Create(ctx context.Context, a *oauth2.Authorization) error {
	s.writes.Add(1)
	return s.TokenStore.Create(ctx, a)
}

func (s *countingStore) Update(ctx context.Context, a *oauth2.Authorization) error {
	s.writes.Add(1)
	return s.TokenStore.Update(ctx, a)
}

func (s *countingStore) Delete(ctx context.Context, id string) error {
	s.writes.Add(1)
	return s.TokenStore.Delete(ctx, id)
}

// A switchedStore can be cut off.
type switchedStore struct {
	oauth2.TokenStore
	off atomic.Bool
}

func (s *switchedStore) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	if s.off.Load() {
		return nil, errors.New("the database is down")
	}
	return s.TokenStore.Get(ctx, id)
}

func TestTheJWKSHasPublicKeysOnlyUnderTheirThumbprints(t *testing.T) {
	t.Parallel()
	for _, algorithm := range everyAlgorithm {
		w := newWorld(t, withKeys(withAlgorithm(algorithm)))
		got := w.get(direct, "/jwks", nil)
		require.Equal(t, "application/json", got.header.Get("Content-Type"))
		require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "public, max-age=3600", got.header.Get("Cache-Control"))
		for _, key := range got.json["keys"].([]any) {
			for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
				require.NotContains(t, key, private)
			}
		}
		set := w.jwks()
		require.Len(t, set.Keys, 1)
		sum, err := set.Keys[0].Thumbprint(crypto.SHA256)
		require.NoError(t, err)
		require.Equal(t, base64.RawURLEncoding.EncodeToString(sum), set.Keys[0].KeyID)
		require.Equal(t, "sig", set.Keys[0].Use)
		require.Equal(t, string(algorithm), set.Keys[0].Algorithm)
		if public, ok := set.Keys[0].Key.(*rsa.PublicKey); ok {
			require.GreaterOrEqual(t, public.N.BitLen(), 2048)
		}
		meta := w.get(direct, metadataURI, nil)
		require.Equal(t, w.url+"/jwks", meta.str("jwks_uri"))
		require.Equal(t, []any{string(algorithm)}, meta.json["introspection_signing_alg_values_supported"])
		require.Contains(t, w.server.Paths(), "/jwks")
		require.Equal(t, 405, w.post("/jwks", "", nil).status)
	}
}

func TestOfParallelFirstStartsOneKeySetWinsOnEachStore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, withTokens(store), withKeys())
		sets := make([]string, 8)
		var all sync.WaitGroup
		for i := range sets {
			all.Go(func() {
				replica, err := oauth2.New(w.config)
				if err != nil {
					return
				}
				res := httptest.NewRecorder()
				replica.JWKS(res, httptest.NewRequest(http.MethodGet, "/jwks", nil))
				sets[i] = res.Body.String()
			})
		}
		all.Wait()
		for _, set := range sets {
			require.Contains(t, set, `"kid"`)
			require.Equal(t, sets[0], set)
		}
	})
}

// A cachingVerifier is a resource server that caches the JWKS for as long as it may, and does not ask again
// sooner, whatever key a token names.
type cachingVerifier struct {
	w     *world
	keys  jose.JSONWebKeySet
	until time.Time
}

func (v *cachingVerifier) verify(token string) {
	v.w.t.Helper()
	if now := v.w.clock.Now(); !now.Before(v.until) {
		got := v.w.get(direct, "/jwks", nil)
		require.Equal(v.w.t, http.StatusOK, got.status, got.body)
		var seconds int
		_, err := fmt.Sscanf(got.header.Get("Cache-Control"), "public, max-age=%d", &seconds)
		require.NoError(v.w.t, err)
		v.keys, v.until = jose.JSONWebKeySet{}, now.Add(time.Duration(seconds)*time.Second)
		require.NoError(v.w.t, json.Unmarshal([]byte(got.body), &v.keys))
	}
	verified(v.w.t, v.keys, "at+jwt", token)
}

// fleet is three replicas behind a load balancer.
func (w *world) fleet() http.Handler {
	var replicas []*oauth2.Server
	for range 3 {
		replica, err := oauth2.New(w.config)
		require.NoError(w.t, err)
		replicas = append(replicas, replica)
	}
	return roundRobin(replicas, new(int))
}

// Three replicas, verifiers that cache and ask at different times, and tokens of every age, through three
// rotations and the change of the algorithm: no token is ever refused.
func TestRotationNeedsNoDowntimeOnEachStore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		const lifetime = 30 * time.Minute
		w := newWorld(t, withTokens(store), withKeys(func(k *oauth2.SigningKeys) {
			k.RotateAfter, k.Announce, k.Retain = 2*time.Hour, 20*time.Minute, lifetime
		}), func(cfg *oauth2.ServerConfig) { cfg.AccessLifetime = lifetime })
		w.http.Config.Handler = w.fleet()
		var verifiers []*cachingVerifier
		var live []string // the tokens of the last half hour, one for each minute
		signed := map[string]bool{}
		for minute := range 7 * 60 {
			if minute == 5*60 {
				changed := *w.config.Keys
				changed.Algorithm = oauth2.EdDSA
				w.config.Keys = &changed
				w.http.Config.Handler = w.fleet()
			}
			token := w.token(machine, "grant_type", "client_credentials", "resource", jwtAPI).str("access_token")
			parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA})
			require.NoError(t, err)
			signed[parsed.Signatures[0].Header.KeyID] = true
			live = append(live, token)
			live = live[max(0, len(live)-int(lifetime/time.Minute)):]
			if minute < 10 && minute%2 == 0 {
				verifiers = append(verifiers, &cachingVerifier{w: w})
			}
			for _, v := range verifiers {
				v.verify(live[0])
				v.verify(live[len(live)-1])
			}
			require.True(t, w.active(live[0]))
			w.clock.Advance(time.Minute)
		}
		require.GreaterOrEqual(t, len(signed), 4)
		require.Less(t, len(w.jwks().Keys), 3)
	})
}

func TestARecordThatCannotBeUnsealedIs503AndIsNeverOverwritten(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, store oauth2.TokenStore) {
		w := newWorld(t, withTokens(store), withKeys())
		before := w.jwks()
		stranger := w.config
		stranger.Keys = &oauth2.SigningKeys{SealingKeys: [][]byte{make([]byte, 32)}}
		replica, err := oauth2.New(stranger)
		require.NoError(t, err)
		w.clock.Advance(400 * 24 * time.Hour) // a rotation is due
		for range 3 {
			res := httptest.NewRecorder()
			replica.JWKS(res, httptest.NewRequest(http.MethodGet, "/jwks", nil))
			require.Equal(t, 503, res.Code)
			require.NotEmpty(t, res.Header().Get("Retry-After"))
		}
		require.Equal(t, before.Keys[0].KeyID, w.jwks().Keys[0].KeyID)
	})
}

func TestASealingKeyIsReplacedWithoutANewKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys())
	before := w.jwks()
	second := make([]byte, 32)
	for _, sealing := range [][][]byte{{sealingKey, second}, {second, sealingKey}, {second}} {
		config := w.config
		config.Keys = &oauth2.SigningKeys{SealingKeys: sealing}
		replica, err := oauth2.New(config)
		require.NoError(t, err)
		res := httptest.NewRecorder()
		replica.JWKS(res, httptest.NewRequest(http.MethodGet, "/jwks", nil))
		require.Equal(t, 200, res.Code)
		require.Contains(t, res.Body.String(), before.Keys[0].KeyID)
	}
}

func TestTheKeysAreNoAuthorizationThatCouldBeListedOrEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKeys())
	before := w.jwks()
	page, err := w.store.(oauth2.Lister).List(t.Context(), oauth2.ListQuery{Limit: 10})
	require.NoError(t, err)
	require.Len(t, page, 1, "the record of the keys")
	own, err := w.server.Authorizations(t.Context(), oauth2.ListQuery{})
	require.NoError(t, err)
	require.Empty(t, own)
	require.NoError(t, w.server.ExpireAuthorization(t.Context(), page[0].ID))
	restarted, err := oauth2.New(w.config)
	require.NoError(t, err)
	res := httptest.NewRecorder()
	restarted.JWKS(res, httptest.NewRequest(http.MethodGet, "/jwks", nil))
	require.Contains(t, res.Body.String(), before.Keys[0].KeyID)
}

// An hsm is a key that is elsewhere, and may be out of reach.
type hsm struct {
	crypto.Signer
	off atomic.Bool
}

func (h *hsm) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if h.off.Load() {
		return nil, errors.New("out of reach")
	}
	return h.Signer.Sign(rand, digest, opts)
}

func TestKeysOfAnHSMSignInTurnAndNothingIsStored(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	remote := &hsm{Signer: ec}
	var counted *countingStore
	w := newWorld(t, withKeys(), func(cfg *oauth2.ServerConfig) {
		counted = &countingStore{TokenStore: cfg.Tokens}
		cfg.Tokens = counted
		now := cfg.Now()
		cfg.Keys = &oauth2.SigningKeys{External: []oauth2.ExternalKey{
			{Signer: remote},
			{Signer: ed, SignsFrom: now.Add(24 * time.Hour)},
			{Signer: long, Algorithm: oauth2.PS256, SignsFrom: now.Add(48 * time.Hour)},
		}}
	})
	require.Len(t, w.jwks().Keys, 3, "announced")
	for _, want := range []string{"ES256", "EdDSA", "PS256"} {
		access := w.token(machine, "grant_type", "client_credentials", "resource", jwtAPI).str("access_token")
		verified(t, w.jwks(), "at+jwt", access)
		parsed, err := jose.ParseSignedCompact(access, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(want)})
		require.NoError(t, err)
		require.Equal(t, want, parsed.Signatures[0].Header.Algorithm)
		require.True(t, w.active(access))
		w.clock.Advance(24 * time.Hour)
	}
	require.Zero(t, counted.reads.Load()+counted.writes.Load())
	w.clock.Advance(-72 * time.Hour)
	remote.off.Store(true)
	unavailable(t, w.token(machine, "grant_type", "client_credentials", "resource", jwtAPI))
}

// hugeKey would take its verifiers long.
type hugeKey struct{ crypto.Signer }

func (hugeKey) Public() crypto.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 16<<10, 1), E: 65537}
}

func TestKeysThatAreNotSafeAreMisconfigurations(t *testing.T) {
	t.Parallel()
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		short = nil // newer Go makes none
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	good := [][]byte{sealingKey}
	cases := map[string]oauth2.SigningKeys{
		"SealingKeys is required":     {},
		"has not 32 bytes":            {SealingKeys: [][]byte{sealingKey[:16]}},
		`the Algorithm "none"`:        {SealingKeys: good, Algorithm: "none"},
		`the Algorithm "HS256"`:       {SealingKeys: good, Algorithm: "HS256"},
		"Announce 1s is shorter":      {SealingKeys: good, Announce: time.Second},
		"is not longer than Announce": {SealingKeys: good, Announce: time.Hour, RotateAfter: time.Hour},
		"Retain -1ns is shorter":      {SealingKeys: good, Retain: -1},
		"External[0] has no Signer":   {External: []oauth2.ExternalKey{{}}},
		"External[0] has a key":       {External: []oauth2.ExternalKey{{Signer: p384}}},
		`not one for "RS256"`:         {External: []oauth2.ExternalKey{{Signer: p256, Algorithm: oauth2.RS256}}},
		"External has one key twice":  {External: []oauth2.ExternalKey{{Signer: p256}, {Signer: p256}}},
		"too long, or not one for":    {External: []oauth2.ExternalKey{{Signer: hugeKey{}, Algorithm: oauth2.RS256}}},
		"has a key that is too short": {External: []oauth2.ExternalKey{{Signer: p384, Algorithm: oauth2.ES256}}},
	}
	if short != nil {
		cases["that is too short"] = oauth2.SigningKeys{External: []oauth2.ExternalKey{{Signer: short}}}
	}
	for want, keys := range cases {
		_, err := oauth2.New(oauth2.ServerConfig{Issuer: "https://id.example.com", Clients: testClients(t), Tokens: memory.New(), Consent: askOnPage, Keys: &keys})
		require.ErrorContains(t, err, want)
	}
}

func TestASaltOfPSSIsAsLongAsTheDigest(t *testing.T) {
	t.Parallel()
	external, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for _, keys := range []oauth2.SigningKeys{
		{SealingKeys: [][]byte{sealingKey}, Algorithm: oauth2.PS256},
		{External: []oauth2.ExternalKey{{Signer: external, Algorithm: oauth2.PS256}}},
	} {
		w := newWorld(t, withKeys(), func(cfg *oauth2.ServerConfig) { cfg.Keys = &keys })
		access := w.token(machine, "grant_type", "client_credentials", "resource", jwtAPI).str("access_token")
		signed, rest, _ := strings.Cut(access, ".")
		payload, encoded, _ := strings.Cut(rest, ".")
		signature, err := base64.RawURLEncoding.DecodeString(encoded)
		require.NoError(t, err)
		digest := sha256.Sum256([]byte(signed + "." + payload))
		public := w.jwks().Keys[0].Key.(*rsa.PublicKey)
		require.NoError(t, rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
	}
}
