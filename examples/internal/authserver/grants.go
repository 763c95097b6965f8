package authserver

import (
	"slices"

	"github.com/seed5f5fedc6/oauth2"
)

// grants are what the token endpoint serves: the library's default, and what this machine may try out or
// a client is registered for.
func (a *App) grants(o *Options, clients []*oauth2.Client) ([]oauth2.GrantHandler, error) {
	issuers, err := readCircle(o.IssuersFile)
	if err != nil {
		return nil, err
	}
	wanted := func(grantType string) bool {
		return loopbackIssuer(o.Issuer) || slices.ContainsFunc(clients, func(c *oauth2.Client) bool { return c.MayUse(grantType) })
	}
	served := []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.RefreshGrant{}, oauth2.ClientCredentialsGrant{}}
	if wanted(oauth2.GrantDeviceCode) {
		served = append(served, oauth2.DeviceGrant{Page: a.devicePage})
	}
	if wanted(oauth2.GrantTokenExchange) {
		exchange := oauth2.TokenExchangeGrant{Policy: mayExchange}
		if len(issuers) > 0 {
			exchange.IdentityAssertion = issuers.vouch
		}
		served = append(served, exchange)
	}
	if len(issuers) > 0 {
		served = append(served, oauth2.JWTBearerGrant{Issuers: issuers, Approve: a.approveAssertion})
	}
	return served, nil
}
