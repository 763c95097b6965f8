package oauth2

import (
	"cmp"
	"slices"
	"strings"
)

// defaultPushedPath is where FAPI2Security serves pushed authorization requests.
const defaultPushedPath = "/par"

// FAPI2Security turns a configuration into one of the FAPI 2.0 Security Profile, in its final version of
// 2025: it sets what is unset, and New then reports, by Profile, what contradicts.
//
//   - Authorization requests are pushed, to /par (section 5.3.2.2 items 2 and 3).
//   - Every token is bound to a key of its sender (section 5.3.2.1 items 4 and 5): by DPoP, unless MutualTLS is set.
//   - Clients are confidential, and authenticate by private_key_jwt, or by a certificate where MutualTLS is
//     set (items 3 and 6).
//   - Refresh tokens are not replaced (item 9): see [RefreshGrant].
//   - No signature by RS256 is believed, whoever is registered for it (section 5.4.1 item 1).
//
// All else that the profile asks for is what a Server does anyway: exact redirect URIs, PKCE with S256, codes
// that live for a minute, iss in every answer. How clients are registered is for Lint with ProfileFAPI2 to look
// at; those that register themselves, or have a document, are held to it. Resources, Scopes and the stores stay the application's to set.
func FAPI2Security(cfg ServerConfig) ServerConfig {
	cfg.Profile = ProfileFAPI2
	cfg.RequireSenderConstrainedTokens = true
	if cfg.Grants == nil {
		cfg.Grants = []GrantHandler{CodeGrant{}, RefreshGrant{KeepConfidential: true}, ClientCredentialsGrant{}}
	}
	if cfg.serves(GrantAuthorizationCode) {
		cfg.RequirePushedAuthorizationRequests = true
		cfg.Endpoints.PushedAuthorization = cmp.Or(cfg.Endpoints.PushedAuthorization, defaultPushedPath)
	}
	if cfg.DPoP == nil && cfg.MutualTLS == nil {
		cfg.DPoP = &DPoPConfig{WithoutRS256: true}
	}
	if cfg.AuthMethods == nil {
		cfg.AuthMethods = []string{AuthMethodPrivateKeyJWT}
		if cfg.MutualTLS != nil {
			cfg.AuthMethods = append(cfg.AuthMethods, AuthMethodTLS, AuthMethodSelfSignedTLS)
		}
	}
	return cfg
}

// validateProfile reports what the profile demands of a configuration. What it demands of clients is looked
// at by who registers them: by the Server, where nobody else does (see contradicts).
func (cfg *ServerConfig) validateProfile(report func(wrong bool, format string, args ...any)) {
	report(!slices.Contains([]Profile{"", ProfileOAuth21, ProfileFAPI2}, cfg.Profile), "Profile %q is unknown", cfg.Profile)
	for _, finding := range Lint(cfg.Profile, *cfg) {
		report(finding.Level == LevelMust, "Profile %q: %v", cfg.Profile, finding)
	}
	report(cfg.RequireSenderConstrainedTokens && bindsNoTokens(cfg), "RequireSenderConstrainedTokens needs DPoP or MutualTLS")
	report(cfg.RequireSenderConstrainedTokens && answersWithTokens(cfg), "RequireSenderConstrainedTokens: a response type issues tokens that are bound to no sender")
}

// contradicts tells what the profile has against a client that nobody here registers. "": nothing.
func (cfg *ServerConfig) contradicts(c *Client) string {
	if cfg.Profile == "" {
		return ""
	}
	for _, finding := range Lint(cfg.Profile, *cfg, c) {
		if finding.Level == LevelMust && strings.HasPrefix(finding.Subject, subjectClient) {
			return finding.Text + " (" + finding.Section + ")."
		}
	}
	return ""
}

var errSenderMissing = ErrInvalidRequest.With("Tokens are bound to a key here, and the request proves none.")

// requireSender refuses a token request that proves no key, where each has to (FAPI 2.0 section 5.3.2.1
// item 4).
func (s *Server) requireSender(req *TokenRequest) error {
	switch {
	case !s.cfg.RequireSenderConstrainedTokens || req.Confirmation != nil:
		return nil
	case s.dpop != nil:
		return errProofMissing
	}
	return errSenderMissing
}

// Rules of the profile about a configuration.

// rotatesConfidential finds a refresh grant that replaces the tokens of confidential clients, or may.
func rotatesConfidential(cfg *ServerConfig) bool {
	return slices.ContainsFunc(cfg.Grants, func(g GrantHandler) bool {
		own, known := g.(RefreshGrant)
		return g != nil && g.GrantType() == GrantRefreshToken && (!known || !own.KeepConfidential)
	})
}

// alsoBySecrets finds methods beside those of the profile: by none of them is a client authenticated as it
// asks.
func alsoBySecrets(cfg *ServerConfig) bool {
	return !authenticatesBySecrets(cfg) && slices.ContainsFunc(cfg.AuthMethods, func(method string) bool {
		return method == AuthMethodNone || method == AuthMethodBasic || method == AuthMethodPost
	})
}

// signsRS256 finds keys of the server that sign with it.
func signsRS256(cfg *ServerConfig) bool {
	return cfg.Keys != nil && (len(cfg.Keys.External) == 0 && cfg.Keys.Algorithm == RS256 ||
		slices.ContainsFunc(cfg.Keys.External, func(key ExternalKey) bool { return key.Algorithm == RS256 }))
}

// provesRS256: proofs of keys may be signed with it.
func provesRS256(cfg *ServerConfig) bool { return cfg.DPoP != nil && !cfg.DPoP.WithoutRS256 }

// statesByRS256 finds an issuer of software statements that signs with it.
func statesByRS256(cfg *ServerConfig) bool {
	return cfg.Registration != nil && slices.ContainsFunc(cfg.Registration.SoftwareStatements, func(i SoftwareStatementIssuer) bool {
		return i.Algorithm == string(RS256)
	})
}

// registeredForRS256 finds a client that may sign with it.
func registeredForRS256(_ *ServerConfig, c *Client) bool {
	return slices.Contains([]string{c.TokenEndpointAuthSigningAlg, c.RequestObjectSigningAlg, c.AuthorizationSignedResponseAlg}, string(RS256))
}
