package oauth2

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"
)

// statementClaims are what a software statement says about itself. The others are client metadata.
type statementClaims struct {
	Issuer    string           `json:"iss"`
	Audience  jwt.Audience     `json:"aud"`
	Expiry    *jwt.NumericDate `json:"exp"`
	NotBefore *jwt.NumericDate `json:"nbf"`
	IssuedAt  *jwt.NumericDate `json:"iat"`
}

var (
	errStatement         = ErrInvalidSoftwareStatement.With("The software statement cannot be read, or is not signed by its issuer.")
	errStatementTime     = ErrInvalidSoftwareStatement.With("The software statement is not good at this time.")
	errStatementAudience = ErrInvalidSoftwareStatement.With("The software statement is for another authorization server.")
	errStatementMissing  = ErrInvalidSoftwareStatement.With("A software statement is required.")
	errStatementIssuer   = ErrUnapprovedSoftwareStatement.With("The issuer of the software statement is not known here.")
)

// withStatement puts what the software statement says in the place of what the request says
// (RFC 7591 section 3.1.1). It returns the statement, which is empty where there is none, or where none is
// believed.
func (s *Server) withStatement(ctx context.Context, m clientMetadata) (string, error) {
	if len(s.cfg.Registration.SoftwareStatements) == 0 {
		return "", nil
	}
	var text string
	if err := m.read("software_statement", &text); err != nil {
		return "", err
	}
	if text == "" {
		if s.cfg.Registration.RequireSoftwareStatement {
			return "", errStatementMissing
		}
		return "", nil
	}
	said, err := s.verifyStatement(ctx, text)
	if err != nil {
		return "", err
	}
	maps.Copy(m, said)
	return text, nil
}

// verifyStatement returns the client metadata in a software statement of an issuer that is believed.
func (s *Server) verifyStatement(ctx context.Context, text string) (clientMetadata, error) {
	token, err := jwt.ParseSigned(text, signatureAlgorithms)
	if err != nil {
		return nil, errStatement // the error may quote the statement
	}
	var claimed statementClaims
	if token.UnsafeClaimsWithoutVerification(&claimed) != nil {
		return nil, errStatement
	}
	issuer := s.statementIssuer(claimed.Issuer)
	if issuer == nil {
		return nil, errStatementIssuer
	}
	header := token.Headers[0]
	if !headerAlgRegistered(issuer, header) || !headerWithoutKey(issuer, header) || !headerOfAStatement(header) {
		return nil, errStatement
	}
	var claims statementClaims
	var payload json.RawMessage
	err = s.verifyWithClientKeys(ctx, issuer, header, func(key any) error { return token.Claims(key, &claims, &payload) })
	switch {
	case errors.Is(err, errNoClientKey):
		return nil, errStatement.Because(err)
	case err != nil:
		return nil, err
	}
	now := s.now()
	late := claims.Expiry != nil && !claims.Expiry.Time().After(now)
	early := claims.NotBefore.Time().After(now.Add(assertionAhead)) || claims.IssuedAt.Time().After(now.Add(assertionAhead))
	switch {
	case late || early:
		return nil, errStatementTime
	case len(claims.Audience) > 0 && !claims.Audience.Contains(s.cfg.Issuer):
		return nil, errStatementAudience
	}
	said, err := readMetadata(payload)
	if err != nil {
		return nil, errStatement
	}
	for _, name := range slices.Concat(jwtClaims, []string{"software_statement"}) {
		delete(said, name)
	}
	return said, nil
}

// statementIssuer is an issuer of software statements, as one who signs with the keys of a client.
func (s *Server) statementIssuer(name string) *Client {
	for _, issuer := range s.cfg.Registration.SoftwareStatements {
		if issuer.Issuer == name {
			return &Client{ID: name, JWKS: issuer.JWKS, JWKSURI: issuer.JWKSURI, TokenEndpointAuthSigningAlg: issuer.Algorithm}
		}
	}
	return nil
}

// headerOfAStatement: a JWT that is typed as something else is no software statement (RFC 8725
// section 3.11).
func headerOfAStatement(header jose.Header) bool {
	typ, there := header.ExtraHeaders[jose.HeaderType]
	text, _ := typ.(string)
	text = strings.TrimPrefix(strings.ToLower(text), "application/")
	return !there || text == "jwt" || text == "software-statement+jwt"
}
