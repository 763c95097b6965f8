package oauth2

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keysKind is the kind of the record that keeps the signing keys. Its Claims are the key set.
const keysKind = "keys"

// A keyring has the signing keys at hand for a while.
type keyring struct {
	server *Server
	config *SigningKeys
	// turn lets one request look at the store; the others wait for what it finds.
	turn   chan struct{}
	latest atomic.Pointer[ring]
	// looks counts how often the store was looked at, and missed is what the last look found, if that was
	// no key set. Who has the turn writes them.
	looks  atomic.Int64
	missed error
}

// A ring is a key set that is ready for use. It does not change.
type ring struct {
	set    signingSet
	keys   []ringKey
	jwks   []byte
	loaded time.Time
}

// A ringKey is one key of a ring.
type ringKey struct {
	public jose.JSONWebKey
	// signer is nil where the key only verifies.
	signer crypto.Signer
	// header begins the JOSE header of all that the key signs, up to the value of typ.
	header []byte
}

var errNoSigningKey = errors.New("oauth2: the key that signs now has no private half")

func newKeyring(s *Server) (*keyring, error) {
	k := &keyring{server: s, config: s.cfg.Keys, turn: make(chan struct{}, 1)}
	if len(k.config.External) == 0 {
		return k, nil
	}
	var set signingSet
	signers := map[string]crypto.Signer{}
	for _, e := range k.config.External {
		public, err := publicKey(e.Signer.Public(), e.Algorithm)
		if err != nil {
			return nil, err
		}
		if signers[public.KeyID] != nil {
			return nil, errors.New("oauth2: Keys: External has one key twice")
		}
		signers[public.KeyID] = e.Signer
		set.Keys = append(set.Keys, storedKey{Public: public, SignsFrom: e.SignsFrom})
	}
	r, err := newRing(set, func(key *storedKey) (crypto.Signer, error) { return signers[key.Public.KeyID], nil })
	k.latest.Store(r)
	return k, err
}

func newRing(set signingSet, signerOf func(*storedKey) (crypto.Signer, error)) (*ring, error) {
	r := &ring{set: set}
	var published jose.JSONWebKeySet
	for i := range set.Keys {
		key := &set.Keys[i]
		signer, err := signerOf(key)
		if err != nil {
			return nil, err
		}
		own := ringKey{public: key.Public, signer: signer}
		own.header = slices.Clone(newObject().text("alg", key.Public.Algorithm).text("kid", key.Public.KeyID).name("typ").json)
		r.keys = append(r.keys, own)
		published.Keys = append(published.Keys, key.Public)
	}
	var err error
	r.jwks, err = json.Marshal(published)
	return r, err
}

// get returns the keys as the store has them, or had them a moment ago. ErrTemporarilyUnavailable: the
// store failed, or what it has cannot be opened. Those who wait for a look that fails are told so, instead
// of failing one after the other.
func (k *keyring) get(ctx context.Context) (*ring, error) {
	if r := k.latest.Load(); k.fresh(r) {
		return r, nil
	}
	before := k.looks.Load()
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
	defer func() { <-k.turn }()
	switch r := k.latest.Load(); {
	case k.fresh(r):
		return r, nil
	case k.looks.Load() > before && k.missed != nil:
		return nil, k.missed
	}
	r, err := k.load(ctx)
	switch k.missed = err; {
	case err == nil:
		k.latest.Store(r)
	case ctx.Err() != nil:
		k.missed = nil // who went away tells nothing about the store
	}
	k.looks.Add(1)
	return r, err
}

// fresh reports whether a ring is young enough. External keys are those of the configuration, always.
func (k *keyring) fresh(r *ring) bool {
	if r == nil || len(k.config.External) > 0 {
		return r != nil
	}
	age := k.server.now().Sub(r.loaded)
	return age >= -clockSkew && age < k.config.cacheFor()
}

// load reads the key set, and takes the steps that are due.
func (k *keyring) load(ctx context.Context) (*ring, error) {
	s := k.server
	var made *storedKey
	fresh := func() (storedKey, error) {
		if made == nil {
			key, err := newStoredKey(k.config.Algorithm)
			if err != nil {
				return storedKey{}, err
			}
			made = &key
		}
		return *made, nil
	}
	var pause backoff
	for range maxAttempts {
		a, set, first, err := k.read(ctx)
		if err != nil {
			return nil, err
		}
		now := s.now()
		next, err := set.advance(k.config, now, fresh)
		if err != nil {
			return nil, unavailable(err)
		}
		if !first || !next.equal(set) || k.endsTooSoon(a, next) {
			switch err = k.write(ctx, a, next, now); {
			case errors.Is(err, ErrConflict), errors.Is(err, ErrExists), errors.Is(err, ErrNotFound):
				// Another replica took the step.
				if err := s.sleep(ctx, pause.jitter()); err != nil {
					return nil, unavailable(err)
				}
				pause.took(0)
				continue
			case err != nil:
				return nil, unavailable(err)
			}
		}
		r, err := newRing(next, (*storedKey).signer)
		if err != nil {
			return nil, unavailable(err)
		}
		r.loaded = now
		return r, nil
	}
	return nil, unavailable(ErrConflict)
}

// endsTooSoon reports whether the store would drop the set while it is in use: it was written when keys
// were to sign for a shorter time.
func (k *keyring) endsTooSoon(a *Authorization, set signingSet) bool {
	return a.ExpiresAt.Before(set.neededUntil(k.config).Truncate(time.Millisecond)) // which is as it is stored
}

// read returns the record and the key set in it; both are empty where there is none yet.
func (k *keyring) read(ctx context.Context) (a *Authorization, set signingSet, first bool, err error) {
	s := k.server
	id := derivedID(s.cfg.Issuer, keysKind, "")
	switch a, err = s.get(ctx, id); {
	case errors.Is(err, ErrNotFound):
		return &Authorization{ID: id, Format: formatPlain, Issuer: s.cfg.Issuer, GrantType: keysKind, CreatedAt: s.now()}, signingSet{}, true, nil
	case err != nil:
		return nil, signingSet{}, false, err
	}
	if set, first, err = k.config.unseal(s.cfg.Issuer, a.Claims); err != nil {
		return nil, signingSet{}, false, unavailable(err)
	}
	return a, set, first, nil
}

func (k *keyring) write(ctx context.Context, a *Authorization, set signingSet, now time.Time) error {
	document, err := k.config.seal(k.server.cfg.Issuer, set)
	if err != nil {
		return err
	}
	next := a.Clone()
	next.Claims = document
	next.ExpiresAt = later(now, set.neededUntil(k.config))
	next.EndsAt = next.ExpiresAt
	if next.Version == 0 {
		next.Version = 1
		return k.server.cfg.Tokens.Create(ctx, next)
	}
	return k.server.cfg.Tokens.Update(ctx, next)
}
