package mcp

import (
	"context"
	"net/http"
	"slices"

	"github.com/seed5f5fedc6/oauth2"
)

// ScopeOfflineAccess is what a client adds to the scope that it asks for when it wants a refresh token
// (OpenID Connect Core section 11). The authorization server tells it in scopes_supported; the resource
// never does, because no request needs it. No client has to be registered for it.
const ScopeOfflineAccess = "offline_access"

// withoutOffline is a scope that a resource may ask for.
func withoutOffline(scope oauth2.Scope) oauth2.Scope {
	return slices.DeleteFunc(slices.Clone(scope), func(token string) bool { return token == ScopeOfflineAccess })
}

// asking hands a request to the application. Nobody is asked about offline_access where it was not asked
// for, or where the client cannot use a refresh token: it is ignored then, as OpenID Connect Core section
// 11 has it, and the client is told the scope that it got.
func (cfg *Config) asking(w http.ResponseWriter, r *http.Request, req *oauth2.AuthorizationRequest) (*oauth2.Approval, error) {
	asked, err := oauth2.ParseScope(req.Param("scope"))
	if err != nil || !asked.Has(ScopeOfflineAccess) || !req.Client.MayUse(oauth2.GrantRefreshToken) {
		req.Scope = withoutOffline(req.Scope)
	}
	return cfg.Consent(w, r, req)
}

// An offlineGrant issues refresh tokens to whom offline_access was granted.
type offlineGrant struct{ oauth2.GrantHandler }

// Exchange decides as the grant does, and withholds the refresh token.
func (g offlineGrant) Exchange(ctx context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
	issuance, err := g.GrantHandler.Exchange(ctx, req)
	if err == nil && !issuance.Authorization.Scope.Has(ScopeOfflineAccess) {
		issuance.RefreshToken = false
	}
	return issuance, err
}

// grants are those that the server serves. The refresh token grant itself is as it was: whoever has a
// refresh token was granted one.
func (cfg *Config) grants() []oauth2.GrantHandler {
	if !cfg.RefreshWhenAsked {
		return cfg.Server.Grants
	}
	all := slices.Clone(cfg.Server.Grants)
	if all == nil {
		all = []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.RefreshGrant{}, oauth2.ClientCredentialsGrant{}}
	}
	for i, grant := range all {
		if grant != nil && grant.GrantType() != oauth2.GrantRefreshToken {
			all[i] = offlineGrant{grant}
		}
	}
	return all
}
