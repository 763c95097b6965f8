package authserver

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// registrationPath is where clients register themselves.
const registrationPath = "/register"

// registeredScope is what a client that registers itself may have.
const registeredScope = "contacts.read"

// A clientStore has the clients of a file, or the built-in ones, and those that registered themselves, which
// are kept in the database.
type clientStore struct {
	fixed *memory.Clients
	oauth2.ClientRegistry
}

// Client implements [oauth2.ClientStore].
func (s clientStore) Client(ctx context.Context, id string) (*oauth2.Client, error) {
	client, err := s.fixed.Client(ctx, id)
	if errors.Is(err, oauth2.ErrNotFound) {
		return s.ClientRegistry.Client(ctx, id)
	}
	return client, err
}

const minRegistrationToken = 16

// checkRegistrationToken refuses a token that can be guessed. It is not repeated.
func checkRegistrationToken(token string) error {
	if token != "" && len(token) < minRegistrationToken {
		return fmt.Errorf("a registration token has %d characters or more", minRegistrationToken)
	}
	return nil
}

// serveRegistration lets everybody register on a loopback issuer, and who has the token of the options
// anywhere; elsewhere it leaves registration off.
func (o *Options) serveRegistration(cfg *oauth2.ServerConfig) {
	token := o.RegistrationToken
	if token == "" && !loopbackIssuer(o.Issuer) {
		return
	}
	if !cfg.Scopes.Has(registeredScope) {
		cfg.Scopes = append(slices.Clone(cfg.Scopes), registeredScope)
	}
	cfg.Endpoints.Registration = registrationPath
	cfg.Registration = &oauth2.RegistrationConfig{
		Open:   token == "",
		Policy: oauth2.RegistrationPolicy{Scope: oauth2.Scope{registeredScope}, AuthorizationDetailsTypes: detailsTypes(cfg)},
	}
	if token != "" {
		cfg.Registration.InitialAccessToken = func(_ context.Context, sent string) (*oauth2.RegistrationPolicy, error) {
			if subtle.ConstantTimeCompare([]byte(sent), []byte(token)) == 1 {
				return nil, nil
			}
			return nil, oauth2.ErrInvalidToken
		}
	}
}
