package columns

import (
	"context"
	"net/http"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/bench"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// Ours is this library: the memory store, generated secrets kept as salted SHA-256, and every default
// but one: rotation is strict, so that a spent refresh token is refused as the peers refuse it, instead
// of being forgiven for 30 seconds.
var Ours = bench.Column{Name: "ours", Module: "github.com/seed5f5fedc6/oauth2", Build: func() (*bench.Target, error) {
	return OursOn(memory.New())
}, Signing: map[string]func() (*bench.Target, error){
	bench.ES256: signing(oauth2.ES256),
	bench.EdDSA: signing(oauth2.EdDSA),
}}

// signing is Ours with access tokens that are JWTs (RFC 9068), those of machines written nowhere.
func signing(algorithm oauth2.SignatureAlgorithm) func() (*bench.Target, error) {
	return func() (*bench.Target, error) {
		return OursOn(memory.New(), func(cfg *oauth2.ServerConfig) {
			cfg.Keys = &oauth2.SigningKeys{Algorithm: algorithm, SealingKeys: [][]byte{make([]byte, 32)}}
			cfg.Resources = []oauth2.Resource{{URI: bench.Issuer + "/api", Format: oauth2.FormatJWT}}
		})
	}
}

// OursOn is Ours over a store of the caller's, and perhaps configured in another way.
func OursOn(tokens oauth2.TokenStore, change ...func(*oauth2.ServerConfig)) (*bench.Target, error) {
	secret := func(s string) []oauth2.ClientSecret { return []oauth2.ClientSecret{{Hash: oauth2.HashSecret(s)}} }
	clients, err := memory.NewClients(
		&oauth2.Client{
			ID: bench.Machine, Secrets: secret(bench.MachineSecret),
			GrantTypes: []string{oauth2.GrantClientCredentials}, Scope: oauth2.Scope{bench.MachineScope},
		},
		&oauth2.Client{
			ID: bench.Web, Secrets: secret(bench.WebSecret), RedirectURIs: []string{bench.RedirectURI},
			GrantTypes: []string{oauth2.GrantAuthorizationCode, oauth2.GrantRefreshToken},
			Scope:      oauth2.Scope{bench.WebScope}, ResourceServer: true,
		},
	)
	if err != nil {
		return nil, err
	}
	cfg := oauth2.ServerConfig{
		Issuer: bench.Issuer, Clients: clients, Tokens: tokens, RefreshGrace: -1,
		Consent: func(http.ResponseWriter, *http.Request, *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
			return &oauth2.Approval{Subject: bench.Subject}, nil
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	server, err := oauth2.New(cfg)
	if err != nil {
		return nil, err
	}
	var sweep func(context.Context, time.Time, int) (int, error)
	if sweeper, ok := tokens.(oauth2.Sweeper); ok {
		sweep = sweeper.Sweep
	}
	return &bench.Target{
		Handler: server, TokenPath: tokenPath, AuthorizePath: authorizePath, IntrospectPath: introspectPath,
		Check: func(ctx context.Context, token string) error {
			_, err := server.Check(ctx, token)
			return err
		},
		Sweep: sweep,
	}, nil
}
