package authserver

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/seed5f5fedc6/oauth2"
)

// A circle is the other authorization servers of Options.IssuersFile. Users have the same names at all of
// them: what one asserts of alice is taken for the alice here.
type circle []oauth2.TrustedIssuer

// readCircle reads a JSON array of issuers, each with its keys, as jwks or by jwks_uri.
func readCircle(file string) (circle, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("-issuers: %w", err)
	}
	var members []struct {
		Issuer  string          `json:"issuer"`
		JWKS    json.RawMessage `json:"jwks"`
		JWKSURI string          `json:"jwks_uri"`
		IDJAG   bool            `json:"id_jag"`
	}
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("-issuers %s: not a JSON array of issuers", file)
	}
	issuers := make(circle, len(members))
	for i, m := range members {
		issuers[i] = oauth2.TrustedIssuer{Issuer: m.Issuer, JWKS: m.JWKS, JWKSURI: m.JWKSURI, IDJAG: m.IDJAG}
	}
	return issuers, nil
}

// approveAssertion is [oauth2.JWTBearerGrant].Approve: whom another server of the circle vouches for has to be a user
// here.
func (a *App) approveAssertion(_ context.Context, said *oauth2.BearerAssertion) (*oauth2.Approval, error) {
	if said.Client.Dynamic || !a.users.exists(said.Subject) {
		return nil, oauth2.ErrInvalidGrant.With("The assertion is about nobody here.")
	}
	return &oauth2.Approval{Subject: said.Subject}, nil
}

// vouch is [oauth2.TokenExchangeGrant].IdentityAssertion: a client that an operator registered for it takes
// its users along to the other servers of the circle, where it has the same ID.
func (c circle) vouch(_ context.Context, x *oauth2.TokenExchange) (*oauth2.IdentityAssertion, error) {
	audience := x.Audience[0]
	if x.Client.Dynamic || !slices.ContainsFunc(c, func(i oauth2.TrustedIssuer) bool { return i.Issuer == audience }) {
		return nil, oauth2.ErrInvalidTarget.With("The audience is no server of the circle.")
	}
	return &oauth2.IdentityAssertion{Audience: audience, ClientID: x.Client.ID, Scope: x.Scope, Resource: x.Resource}, nil
}
