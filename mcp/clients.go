package mcp

import (
	"context"
	"net/netip"
	"net/url"
	"slices"

	"github.com/seed5f5fedc6/oauth2"
)

// clients is a store of clients as the protocol has them: each that acts for a user may ask for
// offline_access, and no redirect URI is of another kind than the protocol allows.
type clients struct{ oauth2.ClientStore }

// Unwrap lets the capabilities of the store be found.
func (c clients) Unwrap() oauth2.ClientStore { return c.ClientStore }

// Client implements [oauth2.ClientStore].
func (c clients) Client(ctx context.Context, id string) (*oauth2.Client, error) {
	client, err := c.ClientStore.Client(ctx, id)
	if err != nil {
		return nil, err
	}
	offers := client.MayUse(oauth2.GrantAuthorizationCode) && !client.Scope.Has(ScopeOfflineAccess)
	strays := slices.ContainsFunc(client.RedirectURIs, strayRedirect)
	if !offers && !strays {
		return client, nil
	}
	own := *client // which the store's own client is not changed by
	if offers {
		own.Scope = append(slices.Clip(client.Scope), ScopeOfflineAccess)
	}
	if strays {
		own.RedirectURIs = slices.DeleteFunc(slices.Clone(client.RedirectURIs), strayRedirect)
	}
	return &own, nil
}

// strayRedirect finds a redirect URI that is neither https nor on the user's own machine (security
// considerations of the revision, section 3), such as one with a private-use scheme.
func strayRedirect(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "https" {
		return err != nil
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Scheme != "http" || u.Hostname() != "localhost" && (err != nil || !addr.IsLoopback())
}
