package oauth2

import (
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/seed5f5fedc6/oauth2/internal/fetch"
)

// keyRules are what the members about keys and certificates have to hold.
var keyRules = []struct {
	rule, source string
	broken       func(*Client) bool
}{
	{"has jwks and jwks_uri", "RFC 7591 section 2", func(c *Client) bool { return len(c.JWKS) > 0 && c.JWKSURI != "" }},
	{"has a jwks that is no JWK Set of public keys", "RFC 7591 section 2", brokenJWKS},
	{"has a jwks_uri that is no https URL", "RFC 7591 section 2", func(c *Client) bool { return c.JWKSURI != "" && !fetch.ValidURL(c.JWKSURI) }},
	{"has a token_endpoint_auth_signing_alg that is not served", "RFC 7523 section 3", brokenSigningAlg},
	{"has a request_uri that is no https URL without a fragment", "RFC 9101 section 5.2", brokenRequestURI},
	{"has a request_object_signing_alg that is not served", "RFC 9101 section 6.2", func(c *Client) bool { return !servedAlg(c.RequestObjectSigningAlg) }},
	{"has an authorization_signed_response_alg that is not served", "JARM section 3", func(c *Client) bool { return !servedAlg(c.AuthorizationSignedResponseAlg) }},
	{"authenticates by keys, and has none that can be used", "RFC 7591 section 2", withoutKeys},
	{"has not exactly one name for its certificate", "RFC 8705 section 2.1.2", brokenCertificateName},
}

func (c *Client) validateKeys() error {
	for _, check := range keyRules {
		if check.broken(c) {
			return fmt.Errorf("oauth2: client %q %s (%s)", c.ID, check.rule, check.source)
		}
	}
	return nil
}

func brokenJWKS(c *Client) bool {
	if len(c.JWKS) == 0 {
		return false
	}
	_, err := parseKeySet(c.JWKS)
	return err != nil
}

func brokenSigningAlg(c *Client) bool {
	alg := c.TokenEndpointAuthSigningAlg
	return alg != "" && !slices.Contains(signatureAlgorithms, jose.SignatureAlgorithm(alg))
}

// withoutKeys tells what would be refused at every use. What is behind a jwks_uri is not asked.
func withoutKeys(c *Client) bool {
	byKey := c.TokenEndpointAuthMethod == AuthMethodPrivateKeyJWT
	if c.JWKSURI != "" || !byKey && c.TokenEndpointAuthMethod != AuthMethodSelfSignedTLS {
		return false
	}
	set, err := parseKeySet(c.JWKS)
	return err != nil || !slices.ContainsFunc(set.Keys, func(key jose.JSONWebKey) bool {
		if !byKey {
			return len(key.Certificates) > 0 || len(key.CertificateThumbprintSHA256) > 0
		}
		return slices.ContainsFunc(signatureAlgorithmsFor(c.TokenEndpointAuthSigningAlg), func(alg jose.SignatureAlgorithm) bool {
			return madeFor(key.Key, alg)
		})
	})
}

// brokenCertificateName also refuses a name that can be compared with none. Names that another method
// leaves unused are not looked at.
func brokenCertificateName(c *Client) bool {
	if c.TokenEndpointAuthMethod != AuthMethodTLS {
		return false
	}
	names := 0
	for _, name := range certificateNames {
		if value := name.value(c); value != "" {
			names++
			if !name.valid(value) {
				return true
			}
		}
	}
	return names != 1
}
