package oauth2

import (
	"context"
)

// CodeGrant is the authorization code grant at the token endpoint (RFC 6749 section 4.1.3) with PKCE
// (RFC 7636 section 4.6). The zero value is ready to use.
type CodeGrant struct{}

// GrantType returns "authorization_code".
func (CodeGrant) GrantType() string { return GrantAuthorizationCode }

// codeChecks prove everything about the request but the code's single use, so that a request that
// fails one changes nothing, and only the code's own client can be found replaying it.
var codeChecks = []struct {
	rule, source string
	verify       func(*Authorization, *TokenRequest) error
}{
	{"the code was issued to this client", "RFC 6749 section 4.1.3", checkCodeClient},
	{"redirect_uri is that of the authorization request", "RFC 6749 section 4.1.3", checkCodeRedirectURI},
	{"code_verifier is there if and only if code_challenge was", "RFC 9700 section 2.1.1", checkCodeVerifierPresent},
	{"code_verifier matches code_challenge", "RFC 7636 section 4.6", checkCodeVerifier},
	{"the request is proven with the key of dpop_jkt", "RFC 9449 section 10", checkCodeKey},
	{"scope is not widened", "RFC 6749 section 3.3", checkScopeGranted},
	{"resource was granted", "RFC 8707 section 2.2", checkResourceGranted},
	{"authorization_details were granted", "RFC 9396 section 6", checkDetailsGranted},
}

// Exchange redeems a code.
func (CodeGrant) Exchange(ctx context.Context, req *TokenRequest) (*Issuance, error) {
	text := req.Param("code")
	if text == "" {
		return nil, ErrInvalidRequest.With("code is missing.")
	}
	code, ok := parseBearerToken(kindCode, req.server.cfg.Prefixes.Code, text)
	if !ok {
		return nil, errCodeUnknown
	}
	a, err := req.server.load(ctx, code, errCodeUnknown)
	if err != nil {
		return nil, err
	}
	if a.Code == nil || !a.issued(code, a.Code.Digest) {
		return nil, errCodeUnknown
	}
	req.presented = a
	for _, check := range codeChecks {
		if err := check.verify(a, req); err != nil {
			return nil, err
		}
	}
	spent := code // a copy, so that code itself stays on the stack
	return &Issuance{
		Authorization: a,
		Scope:         req.Scope,
		Audience:      req.Resource,
		RefreshToken:  true,
		forks:         true,
		Apply: func(a *Authorization) error {
			return a.redeem(spent, req.server.now())
		},
	}, nil
}

func checkCodeClient(a *Authorization, req *TokenRequest) error {
	if a.ClientID != req.Client.ID {
		return errCodeUnknown
	}
	return nil
}

func checkCodeRedirectURI(a *Authorization, req *TokenRequest) error {
	switch uri := req.Param("redirect_uri"); uri {
	case a.Code.RedirectURI:
		return nil
	case "":
		return ErrInvalidRequest.With("redirect_uri is missing.")
	default:
		return ErrInvalidGrant.With("redirect_uri is not that of the authorization request.")
	}
}

func checkCodeVerifierPresent(a *Authorization, req *TokenRequest) error {
	present := req.Param("code_verifier") != ""
	switch {
	case a.Code.CodeChallenge != "" && !present:
		return ErrInvalidRequest.With("code_verifier is missing.")
	case a.Code.CodeChallenge == "" && present:
		return ErrInvalidRequest.With("code_verifier was sent, but no code_challenge.")
	}
	return nil
}

func checkCodeVerifier(a *Authorization, req *TokenRequest) error {
	if a.Code.CodeChallenge != "" && !verifyPKCE(a.Code.CodeChallenge, req.Param("code_verifier")) {
		return ErrInvalidGrant.With("code_verifier does not match code_challenge.")
	}
	return nil
}

func checkCodeKey(a *Authorization, req *TokenRequest) error {
	if a.Code.DPoPKey != "" && (req.Confirmation == nil || req.Confirmation.JKT != a.Code.DPoPKey) {
		return ErrInvalidGrant.With("The code is bound to another key.")
	}
	return nil
}

func checkScopeGranted(a *Authorization, req *TokenRequest) error {
	if !a.Scope.Includes(req.Scope) {
		return ErrInvalidScope.With("The scope was not granted.")
	}
	return nil
}

func checkResourceGranted(a *Authorization, req *TokenRequest) error {
	if !Scope(a.Resource).Includes(req.Resource) {
		return ErrInvalidTarget.With("The resource was not granted.")
	}
	return nil
}
