package resource

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"github.com/seed5f5fedc6/oauth2/internal/jws"
)

// minRSABits is the smallest RSA key that is used (RFC 7518 sections 3.3 and 3.5).
const minRSABits = 2048

// firstPause is what lies between two attempts as long as no key is known at all.
const firstPause = time.Second

// algorithms are those that a JWTVerifier may be configured with, and the keys that each of them takes.
// There is no "none" among them, and no HMAC, which would make the public key a secret.
var algorithms = []struct {
	name jose.SignatureAlgorithm
	fits func(key any) bool
}{
	{jose.ES256, func(key any) bool {
		k, ok := key.(*ecdsa.PublicKey)
		return ok && k.Curve == elliptic.P256()
	}},
	{jose.EdDSA, onEdwards},
	{jws.Ed25519, onEdwards},
	{jose.RS256, strongRSA},
	{jose.PS256, strongRSA},
}

func onEdwards(key any) bool {
	_, ok := key.(ed25519.PublicKey)
	return ok
}

func strongRSA(key any) bool {
	k, ok := key.(*rsa.PublicKey)
	return ok && k.N.BitLen() >= minRSABits
}

// fits reports whether a key may verify signatures of an algorithm (RFC 8725 section 3.1).
func fits(key jose.JSONWebKey, algorithm jose.SignatureAlgorithm) bool {
	if key.Use != "" && key.Use != "sig" || key.Algorithm != "" && key.Algorithm != string(algorithm) {
		return false
	}
	for _, known := range algorithms {
		if known.name == algorithm {
			return known.fits(key.Key)
		}
	}
	return false
}

// A keySet is what one answer of the JWKS endpoint held. It is never changed.
type keySet struct {
	keys      map[string][]jose.JSONWebKey // by kid
	fetchedAt time.Time
}

// parseKeySet reads a JWK Set (RFC 7517 section 5). A key that nobody here can use, or that has no kid,
// is left out, as section 5 asks for; a set without keys is no error, for the server may have none.
func parseKeySet(body []byte) (map[string][]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, err
	}
	if set.Keys == nil {
		return nil, errNoKeySet
	}
	keys := map[string][]jose.JSONWebKey{}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && key.KeyID != "" && key.IsPublic() && key.Valid() {
			keys[key.KeyID] = append(keys[key.KeyID], key)
		}
	}
	return keys, nil
}

var (
	errNoKeySet   = errors.New("the answer has no member keys")
	errNoKeysYet  = errors.New("resource: the keys of the authorization server are not known")
	errKeysTooOld = errors.New("resource: the keys of the authorization server are too old, and cannot be read anew")
)

// A keyring keeps the keys of an authorization server.
type keyring struct {
	issuer, uri string
	client      *http.Client
	timeout     time.Duration
	keysFor     time.Duration
	staleFor    time.Duration
	pause       time.Duration
	now         func() time.Time

	fetches singleflight.Group
	mu      sync.Mutex
	known   keyState
}

// A keyState is what is known of the keys after the last attempt to read them.
type keyState struct {
	set     *keySet // nil: none is known
	failure error   // of the last attempt
	next    time.Time
}

// find returns the keys with this kid, none if the server has none. An error says that nobody can tell.
// Only what a refresh could change is worth one: a set that is old, or a kid that is not in it.
func (k *keyring) find(ctx context.Context, kid string) ([]jose.JSONWebKey, error) {
	known := k.state()
	if k.wants(known.set, kid) && k.due(known) {
		if err := k.refresh(ctx); err != nil {
			return nil, err
		}
		known = k.state()
	}
	set := known.set
	switch {
	case set == nil:
		return nil, unavailable(cmp.Or(known.failure, errNoKeysYet))
	case k.age(set) >= k.staleFor:
		return nil, unavailable(errors.Join(errKeysTooOld, known.failure))
	case set.keys[kid] == nil && known.failure != nil:
		return nil, unavailable(known.failure)
	}
	return set.keys[kid], nil
}

// wants reports whether newer keys could tell more about a kid.
func (k *keyring) wants(set *keySet, kid string) bool {
	return set == nil || set.keys[kid] == nil || k.age(set) >= k.keysFor
}

func (k *keyring) age(set *keySet) time.Duration { return k.now().Sub(set.fetchedAt) }

// due reports whether the endpoint may be asked again.
func (k *keyring) due(known keyState) bool { return !k.now().Before(known.next) }

func (k *keyring) state() keyState {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known
}

// refresh reads the keys anew, one fetch for all who wait. A fetch that fails keeps the keys that are
// known; the error here is that of a caller who cannot wait.
func (k *keyring) refresh(ctx context.Context) error {
	_, err := once(ctx, &k.fetches, "", k.timeout, func(ctx context.Context) (struct{}, error) {
		known := k.state()
		if !k.due(known) {
			return struct{}{}, nil // another fetch has just ended
		}
		asked := k.now()
		keys, err := k.fetch(ctx)
		pause := k.pause
		switch {
		case err == nil:
			known.set = &keySet{keys: keys, fetchedAt: asked}
		case known.set == nil:
			pause = min(pause, firstPause)
		}
		known.failure, known.next = err, k.now().Add(pause)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.known = known
		return struct{}{}, nil
	})
	return err
}

// fetch reads the JWK Set, from where the metadata says if no URI was configured.
func (k *keyring) fetch(ctx context.Context) (map[string][]jose.JSONWebKey, error) {
	uri := k.uri
	if uri == "" {
		var err error
		uri, err = lookUp(ctx, k.client, k.issuer, "jwks_uri")
		switch {
		case errors.Is(err, errNotServed):
			return nil, nil // who publishes no keys has signed nothing
		case err != nil:
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, err
	}
	body, err := fetch(k.client, r, "application/jwk-set+json", typeJSON)
	if err != nil {
		return nil, fmt.Errorf("resource: keys of the authorization server: %w", err)
	}
	keys, err := parseKeySet(body)
	if err != nil {
		return nil, fmt.Errorf("resource: keys of the authorization server: %w", err)
	}
	return keys, nil
}
