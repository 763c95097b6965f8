package oauth2

import (
	"context"
)

// ClientCredentialsGrant issues an access token to a client that acts for itself (RFC 6749
// section 4.4). The token has no subject, so it cannot pass for a user's, and no refresh token
// (section 4.4.3). The zero value is ready to use.
type ClientCredentialsGrant struct{}

// GrantType returns "client_credentials".
func (ClientCredentialsGrant) GrantType() string { return GrantClientCredentials }

// Exchange starts an authorization of the client itself.
func (ClientCredentialsGrant) Exchange(_ context.Context, req *TokenRequest) (*Issuance, error) {
	if req.Client.Public() {
		return nil, ErrUnauthorizedClient.With("Only a confidential client may use client_credentials.")
	}
	a, err := req.Begin("")
	if err != nil {
		return nil, err
	}
	a.Details = req.Details
	return &Issuance{Authorization: a}, nil
}
