package authserver

import (
	"context"
	"errors"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/legacy"
)

var errLegacyIssuer = errors.New("-legacy-implicit and -legacy-password are for an issuer on this machine alone")

// serveLegacy turns on the grants that OAuth 2.1 has left out, where the options ask for them. Which
// clients may use them is for -clients to say: no built-in one does.
func (a *App) serveLegacy(o *Options, cfg *oauth2.ServerConfig) error {
	if (o.LegacyImplicit || o.LegacyPassword) && !loopbackIssuer(o.Issuer) {
		return errLegacyIssuer
	}
	if o.LegacyImplicit {
		//nolint:staticcheck // the flag says that it is deprecated, and Banner warns
		cfg.ResponseTypes = []oauth2.ResponseTypeHandler{oauth2.CodeResponse{}, legacy.Implicit{}}
		a.warnings = append(a.warnings, "-legacy-implicit hands access tokens to browsers in URLs (RFC 9700 section 2.1.2)")
	}
	if o.LegacyPassword {
		//nolint:staticcheck // the same
		cfg.Grants = append(cfg.Grants, legacy.PasswordGrant{Lookup: a.userHash})
		a.warnings = append(a.warnings, "-legacy-password lets clients take users' passwords (RFC 9700 section 2.4)")
	}
	return nil
}

// userHash finds the hash of a user's password; empty texts where there is no such user.
func (a *App) userHash(_ context.Context, username string) (subject, hash string, err error) {
	if !a.users.exists(username) {
		return "", "", nil
	}
	return username, a.users[username], nil
}
