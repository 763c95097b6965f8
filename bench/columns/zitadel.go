package columns

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/url"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/seed5f5fedc6/oauth2/bench"
)

// Zitadel is github.com/zitadel/oidc/v3 with the memory store of its own example, opaque tokens, and
// no log. It cannot issue a user's access token without signing an ID token beside it, so it signs with
// Ed25519, the quickest it knows, instead of the example's RSA.
//
// It has no check of an opaque token in process.
var Zitadel = bench.Column{Name: "zitadel", Module: "github.com/zitadel/oidc/v3", Build: func() (*bench.Target, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return buildZitadel(bench.EdDSA, key, op.AccessTokenTypeBearer)
}, Signing: signingWith(func(algorithm string, key crypto.Signer) (*bench.Target, error) {
	return buildZitadel(algorithm, key, op.AccessTokenTypeJWT)
})}

func buildZitadel(algorithm string, key crypto.Signer, tokens op.AccessTokenType) (*bench.Target, error) {
	store := &zitadelStore{
		Storage: storage.NewStorageWithClients(oneUser{}, map[string]*storage.Client{
			bench.Web: storage.WebClient(bench.Web, bench.WebSecret, bench.RedirectURI),
		}),
		key:     zitadelKey{jose.SignatureAlgorithm(algorithm), key},
		machine: machineClient{storage.WebClient(bench.Machine, bench.MachineSecret), tokens},
	}
	config := &op.Config{CodeMethodS256: true, GrantTypeRefreshToken: true}
	_, _ = rand.Read(config.CryptoKey[:]) // crypto/rand never fails
	provider, err := op.NewProvider(config, store, op.StaticIssuer(bench.Issuer), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, err
	}
	return &bench.Target{
		Handler:        provider,
		TokenPath:      provider.TokenEndpoint().Relative(),
		AuthorizePath:  provider.AuthorizationEndpoint().Relative(),
		IntrospectPath: provider.IntrospectionEndpoint().Relative(),
		Login:          store.login(provider.AuthorizationEndpoint().Relative() + "/callback?id="),
	}, nil
}

// A zitadelStore is the example's store with another signing key and a machine that we know.
type zitadelStore struct {
	*storage.Storage
	key     zitadelKey
	machine machineClient
}

// login is what the page does that the authorization endpoint sends the browser to.
func (s *zitadelStore) login(callback string) func(string) (string, error) {
	return func(location string) (string, error) {
		u, err := url.Parse(location)
		if err != nil {
			return "", err
		}
		id := u.Query().Get("authRequestID")
		return callback + id, s.CheckUsernamePassword(bench.Subject, bench.Subject, id)
	}
}

func (s *zitadelStore) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

func (s *zitadelStore) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.key.algorithm}, nil
}

func (s *zitadelStore) ClientCredentials(_ context.Context, id, secret string) (op.Client, error) {
	if id != bench.Machine || subtle.ConstantTimeCompare([]byte(secret), []byte(bench.MachineSecret)) != 1 {
		return nil, errWrongSecret
	}
	return s.machine, nil
}

func (s *zitadelStore) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: id, Audience: oidc.Audience{bench.Web}, Scopes: scopes}, nil
}

// A machineClient may use the one grant that the example's clients may not.
type machineClient struct {
	*storage.Client
	tokens op.AccessTokenType
}

func (c machineClient) AccessTokenType() op.AccessTokenType { return c.tokens }

func (machineClient) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}

type zitadelKey struct {
	algorithm jose.SignatureAlgorithm
	private   crypto.Signer
}

func (zitadelKey) ID() string                                    { return "1" }
func (k zitadelKey) SignatureAlgorithm() jose.SignatureAlgorithm { return k.algorithm }
func (k zitadelKey) Key() any                                    { return k.private }

// oneUser knows everybody as the same user; the machine is somebody too, so that its tokens can be
// introspected.
type oneUser struct{}

func (oneUser) GetUserByID(id string) *storage.User { return &storage.User{ID: id} }

func (oneUser) GetUserByUsername(string) *storage.User {
	return &storage.User{ID: bench.Subject, Password: bench.Subject}
}

func (oneUser) ExampleClientID() string { return "unused" }

var errNoSuchKey = errors.New("columns: no key is published")

// KeySet is asked for by the discovery document alone.
func (s *zitadelStore) KeySet(context.Context) ([]op.Key, error) { return nil, errNoSuchKey }
