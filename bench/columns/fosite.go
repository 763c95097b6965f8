package columns

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"sync"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	fositeoauth2 "github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/storage"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// Fosite is github.com/ory/fosite with its HMAC strategy, its MemoryStore, the factories of these
// workloads alone, PKCE required, and a hasher as quick as ours: one SHA-256.
var Fosite = bench.Column{Name: "fosite", Module: "github.com/ory/fosite", Build: func() (*bench.Target, error) {
	return buildFosite(&fosite.Config{ClientSecretsHasher: sha256Hasher{}}, sha256Hashes, nil)
}, Signing: signingWith(func(algorithm string, key crypto.Signer) (*bench.Target, error) {
	return buildFosite(&fosite.Config{ClientSecretsHasher: sha256Hasher{}, AccessTokenIssuer: bench.Issuer}, sha256Hashes,
		&jose.JSONWebKey{Key: key, KeyID: "1", Algorithm: algorithm, Use: "sig"})
})}

// FositeBcrypt is Fosite with the hasher it has unless told: bcrypt at cost 12.
var FositeBcrypt = bench.Column{Name: "fosite+bcrypt", Module: "github.com/ory/fosite", Slow: true, Build: func() (*bench.Target, error) {
	return buildFosite(&fosite.Config{}, bcryptHashes, nil)
}}

// The hashes of the clients' secrets are made once: that is a registration's work.
var (
	sha256Hashes = sync.OnceValues(func() (secretHashes, error) { return hashSecrets(sha256Hasher{}) })
	bcryptHashes = sync.OnceValues(func() (secretHashes, error) { return hashSecrets(&fosite.BCrypt{Config: &fosite.Config{}}) })
)

type secretHashes struct{ machine, web []byte }

func hashSecrets(hasher fosite.Hasher) (h secretHashes, err error) {
	if h.machine, err = hasher.Hash(context.Background(), []byte(bench.MachineSecret)); err != nil {
		return h, err
	}
	h.web, err = hasher.Hash(context.Background(), []byte(bench.WebSecret))
	return h, err
}

// buildFosite is the server with opaque tokens, or with JWTs that the key signs.
func buildFosite(config *fosite.Config, hashes func() (secretHashes, error), key *jose.JSONWebKey) (*bench.Target, error) {
	hashed, err := hashes()
	if err != nil {
		return nil, err
	}
	config.GlobalSecret = make([]byte, 32)
	_, _ = rand.Read(config.GlobalSecret) // crypto/rand never fails
	config.EnforcePKCE = true
	// Left nil, these two are filled in by the first requests, without a lock.
	config.ScopeStrategy, config.AudienceMatchingStrategy = fosite.ExactScopeStrategy, fosite.DefaultAudienceMatchingStrategy
	store := newFositeStore(hashed)
	strategy, session := any(compose.NewOAuth2HMACStrategy(config)), func() fosite.Session { return new(fosite.DefaultSession) }
	if key != nil {
		getKey := func(context.Context) (any, error) { return key, nil }
		strategy = compose.NewOAuth2JWTStrategy(getKey, compose.NewOAuth2HMACStrategy(config), config)
		session = func() fosite.Session { return new(fositeoauth2.JWTSession) }
	}
	f := fositeServer{session: session, OAuth2Provider: compose.Compose(config, store, strategy,
		compose.OAuth2AuthorizeExplicitFactory, compose.OAuth2ClientCredentialsGrantFactory,
		compose.OAuth2RefreshTokenGrantFactory, compose.OAuth2TokenIntrospectionFactory, compose.OAuth2PKCEFactory)}
	mux := http.NewServeMux()
	mux.HandleFunc(authorizePath, f.authorize)
	mux.HandleFunc(tokenPath, f.token)
	mux.HandleFunc(introspectPath, f.introspect)
	return &bench.Target{
		Handler: mux, TokenPath: tokenPath, AuthorizePath: authorizePath, IntrospectPath: introspectPath,
		Check: func(ctx context.Context, token string) error {
			_, _, err := f.IntrospectToken(ctx, token, fosite.AccessToken, new(fosite.DefaultSession))
			return err
		},
	}, nil
}

type fositeServer struct {
	fosite.OAuth2Provider
	// session is an empty one of the kind that the tokens need.
	session func() fosite.Session
}

func (f fositeServer) authorize(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := f.NewAuthorizeRequest(ctx, r)
	if err != nil {
		f.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	response, err := f.NewAuthorizeResponse(ctx, request, &fosite.DefaultSession{Subject: bench.Subject})
	if err != nil {
		f.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	f.WriteAuthorizeResponse(ctx, w, request, response)
}

func (f fositeServer) token(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := f.NewAccessRequest(ctx, r, f.session())
	if err != nil {
		f.WriteAccessError(ctx, w, request, err)
		return
	}
	if request.GetGrantTypes().ExactOne("client_credentials") {
		for _, scope := range request.GetRequestedScopes() {
			request.GrantScope(scope)
		}
	}
	response, err := f.NewAccessResponse(ctx, request)
	if err != nil {
		f.WriteAccessError(ctx, w, request, err)
		return
	}
	f.WriteAccessResponse(ctx, w, request, response)
}

func (f fositeServer) introspect(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	response, err := f.NewIntrospectionRequest(ctx, r, f.session())
	if err != nil {
		f.WriteIntrospectionError(ctx, w, err)
		return
	}
	f.WriteIntrospectionResponse(ctx, w, response)
}

// A fositeStore is the MemoryStore with the lock that it forgets: its RevokeRefreshToken writes the map
// of refresh tokens without one, and parallel refreshes die of it.
type fositeStore struct {
	*storage.MemoryStore
	mu sync.RWMutex
}

func newFositeStore(hashes secretHashes) *fositeStore {
	store := &fositeStore{MemoryStore: storage.NewMemoryStore()}
	store.Clients[bench.Machine] = &fosite.DefaultClient{
		ID: bench.Machine, Secret: hashes.machine,
		GrantTypes: []string{"client_credentials"}, Scopes: []string{bench.MachineScope},
	}
	store.Clients[bench.Web] = &fosite.DefaultClient{
		ID: bench.Web, Secret: hashes.web, RedirectURIs: []string{bench.RedirectURI}, ResponseTypes: []string{"code"},
		GrantTypes: []string{"authorization_code", "refresh_token"}, Scopes: []string{bench.WebScope},
	}
	return store
}

func (s *fositeStore) CreateRefreshTokenSession(ctx context.Context, signature, access string, r fosite.Requester) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.MemoryStore.CreateRefreshTokenSession(ctx, signature, access, r)
}

func (s *fositeStore) GetRefreshTokenSession(ctx context.Context, signature string, session fosite.Session) (fosite.Requester, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.MemoryStore.GetRefreshTokenSession(ctx, signature, session)
}

func (s *fositeStore) RotateRefreshToken(ctx context.Context, requestID, signature string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.MemoryStore.RotateRefreshToken(ctx, requestID, signature)
}

func (s *fositeStore) RevokeRefreshToken(ctx context.Context, requestID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.MemoryStore.RevokeRefreshToken(ctx, requestID)
}

var errWrongSecret = errors.New("columns: wrong secret")

// A sha256Hasher is safe for the random secrets here.
type sha256Hasher struct{}

func (sha256Hasher) Hash(_ context.Context, secret []byte) ([]byte, error) {
	sum := sha256.Sum256(secret)
	return sum[:], nil
}

func (sha256Hasher) Compare(_ context.Context, hash, secret []byte) error {
	sum := sha256.Sum256(secret)
	if subtle.ConstantTimeCompare(hash, sum[:]) != 1 {
		return errWrongSecret
	}
	return nil
}
