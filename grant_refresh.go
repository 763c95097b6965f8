package oauth2

import (
	"context"
	"encoding/base64"
)

// RefreshGrant exchanges a refresh token for new tokens (RFC 6749 section 6). The refresh token is
// replaced each time (RFC 9700 section 4.14.2): one that was replaced a moment ago is forgiven
// (ServerConfig.RefreshGrace), one that was replaced long ago ends the authorization. The zero value
// is ready to use.
type RefreshGrant struct {
	// KeepConfidential leaves the refresh tokens of confidential clients as they are: each is good for as many
	// access tokens as its client, which authenticates each time, asks for (FAPI 2.0 section 5.3.2.1 item 9).
	// Their reuse tells no thief then. Those of public clients are replaced nevertheless.
	KeepConfidential bool
}

// GrantType returns "refresh_token".
func (RefreshGrant) GrantType() string { return GrantRefreshToken }

// refreshChecks stand before the rotation: a request that fails one changes nothing.
var refreshChecks = []struct {
	rule, source string
	verify       func(*Authorization, *TokenRequest) error
}{
	{"the refresh token was issued to this client", "RFC 6749 section 10.4", checkRefreshClient},
	{"the refresh token is bound to no other key", "RFC 9449 section 5", checkRefreshKey},
	{"scope is not widened", "RFC 6749 section 6", checkScopeGranted},
	{"resource was granted", "RFC 8707 section 2.2", checkResourceGranted},
	{"authorization_details were granted", "RFC 9396 section 6", checkDetailsGranted},
}

// Exchange rotates a refresh token, or keeps it.
func (g RefreshGrant) Exchange(ctx context.Context, req *TokenRequest) (*Issuance, error) {
	s := req.server
	text := req.Param("refresh_token")
	if text == "" {
		return nil, ErrInvalidRequest.With("refresh_token is missing.")
	}
	token, a, err := req.findRefresh(ctx, text)
	if err != nil {
		return nil, err
	}
	if a.Refresh == nil || !a.issued(token, a.Refresh.Digest) {
		return nil, errRefreshUnknown
	}
	req.presented = a
	for _, check := range refreshChecks {
		if err := check.verify(a, req); err != nil {
			return nil, err
		}
	}
	if a, err = req.takeOver(ctx, text, token, a); err != nil {
		return nil, err
	}
	// One salt for the request, not one for each attempt: what an attempt that was overtaken would
	// have issued can be recognized in the newer record.
	var drawn [16]byte
	if err := req.entropy.draw(s, drawn[:]); err != nil {
		return nil, err
	}
	salt := base64.RawURLEncoding.EncodeToString(drawn[:])
	rule := rotationRule{grace: s.cfg.RefreshGrace, pepper: s.cfg.Pepper, keep: g.KeepConfidential && !req.Client.Public()}
	issuance := &Issuance{Authorization: a, Scope: req.Scope, Audience: req.Resource, forks: true, refreshes: true}
	spent := token // a copy, so that token itself stays on the stack
	issuance.Apply = func(a *Authorization) (err error) {
		// A request that was quicker may have bound the token since.
		if err := checkRefreshKey(a, req); err != nil {
			return err
		}
		issuance.rotated, err = a.rotate(spent, salt, rule, s.now())
		return err
	}
	return issuance, nil
}

func checkRefreshClient(a *Authorization, req *TokenRequest) error {
	if a.ClientID != req.Client.ID {
		return errRefreshUnknown
	}
	return nil
}

func checkRefreshKey(a *Authorization, req *TokenRequest) error {
	// A record that was emptied meanwhile is for the rotation to refuse.
	if a.Refresh != nil && a.Refresh.Confirmation != nil && !a.Refresh.Confirmation.equal(req.Confirmation) {
		return ErrInvalidGrant.With("The refresh token is bound to another key.")
	}
	return nil
}
