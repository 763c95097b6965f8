package oauth2

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"github.com/seed5f5fedc6/oauth2/internal/fetch"
	"github.com/seed5f5fedc6/oauth2/internal/jws"
	"github.com/seed5f5fedc6/oauth2/internal/lru"
)

const (
	// clientKeysFor is how long the keys behind a jwks_uri are used before they are asked for again.
	clientKeysFor = 5 * time.Minute
	// clientKeysAgain is the least time between two requests to one jwks_uri, whatever key a stranger
	// names; a failure is repeated from memory for as long.
	clientKeysAgain = 10 * time.Second
	// clientKeySets are kept, of the clients in use.
	clientKeySets = 1000
	// maxClientKeys are looked at in one set: a client needs two, while one replaces the other.
	maxClientKeys = 16
	minRSABits    = 2048
	// maxRSABits bounds the time that a signature takes to verify: somebody else made the key.
	maxRSABits = 8192
)

// clientKeyMediaTypes are those of a JWK Set (RFC 7517 section 8.5.2), and of JSON.
var clientKeyMediaTypes = []string{"application/jwk-set+json", "application/json"}

var (
	errNoClientKey = errors.New("oauth2: none of the client's keys verifies the signature")
	errKeySet      = errors.New("oauth2: not a JWK Set of public keys")
)

// signatureAlgorithms are those with which a client may sign, the digital signatures of FAPI 2.0
// section 5.4.1, EdDSA by both its names, and RS256. RS256 is for clients that registered it.
var signatureAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jws.Ed25519, jose.PS256, jose.RS256}

// signatureAlgorithmsFor are those of a client that registered one of them, or none.
func signatureAlgorithmsFor(registered string) []jose.SignatureAlgorithm {
	if registered != "" {
		return []jose.SignatureAlgorithm{jose.SignatureAlgorithm(registered)}
	}
	return slices.DeleteFunc(slices.Clone(signatureAlgorithms), func(alg jose.SignatureAlgorithm) bool { return alg == jose.RS256 })
}

// clientAlgorithms are those with which clients may sign here. FAPI 2.0 section 5.4.1 item 1 leaves out RS256,
// whoever is registered for it.
func (cfg *ServerConfig) clientAlgorithms() []jose.SignatureAlgorithm {
	if cfg.Profile == ProfileFAPI2 {
		return signatureAlgorithmsFor("")
	}
	return signatureAlgorithms
}

// clientKeys are the client's public keys: those of its jwks, or those that its jwks_uri led to some
// minutes ago at most. A client without either has none. ErrTemporarilyUnavailable: the jwks_uri does
// not answer with keys.
func (s *Server) clientKeys(ctx context.Context, client *Client) (*jose.JSONWebKeySet, error) {
	switch {
	case client.JWKSURI != "":
		return s.keySetsOf(client).get(ctx, client.JWKSURI, s.now, false)
	case len(client.JWKS) > 0:
		return parseKeySet(client.JWKS)
	}
	return &jose.JSONWebKeySet{}, nil
}

// keySetsOf are fetched as the client's document was, where a stranger wrote that: an HTTPClient for the
// jwks_uris of registered clients may reach further (CIMD section 8.6).
func (s *Server) keySetsOf(client *Client) *keySets {
	if s.documents != nil && client.hasDocument() {
		return s.documents.keySets
	}
	return s.keySets
}

// verifyWithClientKeys calls verify with each of the client's keys that may have made a signature with
// this header, until one is right. A key that the jwks_uri did not have lately is asked for again.
// errNoClientKey: none is right, or the algorithm is not served. ErrTemporarilyUnavailable: nobody can tell.
func (s *Server) verifyWithClientKeys(ctx context.Context, client *Client, header jose.Header, verify func(key any) error) error {
	if !slices.Contains(s.cfg.clientAlgorithms(), jose.SignatureAlgorithm(header.Algorithm)) {
		return errNoClientKey
	}
	set, err := s.clientKeys(ctx, client)
	if err != nil {
		return err
	}
	keys := fittingKeys(set, header)
	if len(keys) == 0 && client.JWKSURI != "" {
		if set, err = s.keySetsOf(client).get(ctx, client.JWKSURI, s.now, true); err != nil {
			return err
		}
		keys = fittingKeys(set, header)
	}
	for _, key := range keys {
		if verify(jws.Key(key.Key, header.Algorithm)) == nil {
			return nil
		}
	}
	return errNoClientKey
}

// fittingKeys are the keys that may have made a signature with this header (RFC 7515 section 6). The
// header names a key, and never brings one along.
func fittingKeys(set *jose.JSONWebKeySet, header jose.Header) (keys []jose.JSONWebKey) {
	for _, key := range set.Keys {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if (key.Use == "" || key.Use == "sig") && madeFor(key.Key, jose.SignatureAlgorithm(header.Algorithm)) {
			keys = append(keys, key)
		}
	}
	return keys
}

// madeFor reports whether a key is a public one of the algorithm's kind, strong enough and not too large.
func madeFor(key any, alg jose.SignatureAlgorithm) bool {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return alg == jose.ES256 && key.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return alg == jose.EdDSA || alg == jws.Ed25519
	case *rsa.PublicKey:
		return (alg == jose.PS256 || alg == jose.RS256) && key.N.BitLen() >= minRSABits && key.N.BitLen() <= maxRSABits
	}
	return false
}

// parseKeySet reads a JWK Set (RFC 7517 section 5). Keys of unknown kinds, or that cannot be read, are
// left out; one that is not public makes the whole set unusable, because it is known to others now.
func parseKeySet(data []byte) (*jose.JSONWebKeySet, error) {
	var members struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &members); err != nil || members.Keys == nil || len(members.Keys) > maxClientKeys {
		return nil, errKeySet
	}
	set := &jose.JSONWebKeySet{}
	for _, member := range members.Keys {
		var key jose.JSONWebKey
		if err := json.Unmarshal(member, &key); err != nil {
			continue
		}
		if !key.IsPublic() {
			return nil, errKeySet
		}
		set.Keys = append(set.Keys, key)
	}
	return set, nil
}

// keySets remember what jwks_uris led to. They are safe for concurrent use.
type keySets struct {
	fetcher *fetch.Fetcher
	kept    *lru.Cache[string, keySet]
	calls   singleflight.Group
}

// A keySet is what a jwks_uri led to: keys, or an error.
type keySet struct {
	keys  *jose.JSONWebKeySet
	err   error
	asked time.Time // when it was asked last, whatever the answer was
	until time.Time // when the keys are to be asked for again
}

func newKeySets(fetcher *fetch.Fetcher) *keySets {
	return &keySets{fetcher: fetcher, kept: lru.New[string, keySet](clientKeySets)}
}

// get returns the keys behind a jwks_uri. fresh asks for them anew, though not too often.
func (k *keySets) get(ctx context.Context, uri string, now func() time.Time, fresh bool) (*jose.JSONWebKeySet, error) {
	if kept, will := k.look(uri, now(), fresh); will {
		return kept.keys, kept.err
	}
	call := k.calls.DoChan(uri, func() (any, error) {
		kept, will := k.look(uri, now(), fresh)
		if will {
			return kept, nil // another call has just ended
		}
		// Whoever asked first may go away, and the others wait for the answer too.
		return k.ask(context.WithoutCancel(ctx), uri, now, kept), nil
	})
	select {
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	case done := <-call:
		found := done.Val.(keySet)
		return found.keys, found.err
	}
}

// look is what is kept of a jwks_uri, and whether that will do.
func (k *keySets) look(uri string, now time.Time, fresh bool) (keySet, bool) {
	kept, known := k.kept.Get(uri, now)
	return kept, known && (!fresh || now.Sub(kept.asked) < clientKeysAgain)
}

// ask fetches the keys, and keeps them. Where that fails, those that are still good stay.
func (k *keySets) ask(ctx context.Context, uri string, now func() time.Time, kept keySet) keySet {
	found := keySet{asked: now()}
	body, err := k.fetcher.Get(ctx, uri, clientKeyMediaTypes...)
	if err == nil {
		found.keys, err = parseKeySet(body)
	}
	switch {
	case err == nil:
		found.until = found.asked.Add(clientKeysFor)
	case kept.keys != nil:
		found.keys, found.until = kept.keys, kept.until
	default:
		found.err, found.until = unavailable(fmt.Errorf("oauth2: jwks_uri: %w", err)), found.asked.Add(clientKeysAgain)
	}
	k.kept.Put(uri, found, found.until)
	return found
}
