package mcp

import (
	"context"
	"slices"

	"github.com/seed5f5fedc6/oauth2"
)

// registration is that of the application, with clients that may step up: a client of this protocol
// registers once, with the scope of the first challenge that it met, and asks for more when a tool needs
// it. Registered for all that it may have, it is still granted only what its user says yes to. A redirect
// URI that is never redirected to is refused at once.
func (cfg *Config) registration() *oauth2.RegistrationConfig {
	if cfg.Server.Registration == nil {
		return nil
	}
	r := *cfg.Server.Registration
	approve := r.Approve
	r.Approve = func(ctx context.Context, c *oauth2.Client) error {
		if slices.ContainsFunc(c.RedirectURIs, strayRedirect) {
			return oauth2.ErrInvalidRedirectURI.With("A redirect URI is neither https nor on the user's own machine.")
		}
		most := r.Policy.Scope
		if c.Registration != nil && c.Registration.Policy != nil {
			most = c.Registration.Policy.Scope
		}
		if most == nil {
			most = cfg.Scopes
		}
		c.Scope = slices.Clone(most)
		if approve == nil {
			return nil
		}
		return approve(ctx, c)
	}
	return &r
}
