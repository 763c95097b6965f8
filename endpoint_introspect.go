package oauth2

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
)

// Introspect is the introspection endpoint (RFC 7662): an authenticated resource server asks what an
// access token stands for. The answer for anything else, a code, a refresh token or a token for the
// resources of others (Client.Resources) included, is {"active":false} and nothing more.
// token_type_hint is ignored: the prefix tells (section 2.1).
func (s *Server) Introspect(w http.ResponseWriter, r *http.Request) {
	f, client, ok := s.receive(w, r, introspectionEndpoint)
	if !ok {
		return
	}
	req := &TokenRequest{Client: client, form: f}
	if err := mayIntrospect(client); err != nil {
		s.refuse(w, r, introspectionEndpoint, req, err)
		return
	}
	token := f.get("token")
	if token == "" {
		s.refuse(w, r, introspectionEndpoint, req, ErrInvalidRequest.With("token is missing."))
		return
	}
	answer := []byte(`{"active":false}`)
	info, err := s.Check(r.Context(), token)
	switch {
	case errors.Is(err, ErrInvalidToken):
		err = nil
	case err == nil && client.serves(info.Audience):
		answer, err = introspection(info)
	}
	if err != nil {
		s.refuse(w, r, introspectionEndpoint, req, err)
		return
	}
	if s.keys != nil && acceptsMediaType(r, introspectionMediaType) {
		s.writeSignedIntrospection(w, r, req, answer)
		return
	}
	writeBody(w, http.StatusOK, answer)
}

// mayIntrospect: only a registered resource server that authenticates may ask (RFC 7662 section 2.1).
func mayIntrospect(client *Client) error {
	switch {
	case client.Public():
		return errClientAuthentication
	case !client.ResourceServer:
		return &Error{Code: ErrUnauthorizedClient.Code, Status: http.StatusForbidden, Description: "The client is not a resource server."}
	}
	return nil
}

// introspection is RFC 7662 section 2.2's answer. sub is absent when the client acts for itself.
func introspection(info *TokenInfo) ([]byte, error) {
	o := append(newObject(), `"active":true`...)
	o = o.text("iss", info.Issuer).text("client_id", info.ClientID).text("token_type", info.Confirmation.tokenType())
	if info.Subject != "" {
		o = o.text("sub", info.Subject)
	}
	o, err := o.facts(info)
	return o.end(), err
}

// reservedClaims are the Server's to tell (RFC 7662 section 2.2, RFC 9470 section 6.2, RFC 7800
// section 3.1).
var reservedClaims = []string{
	"active", "scope", "client_id", "token_type", "exp", "iat", "nbf", "sub", "aud", "iss", "jti",
	"auth_time", "acr", "amr", "cnf",
}

// claims are the approval's and the application's members, without the reserved ones.
func (s *Server) claims(ctx context.Context, a *Authorization) (map[string]any, error) {
	if len(a.Claims) == 0 && s.cfg.Claims == nil {
		return nil, nil
	}
	var claims map[string]any
	if len(a.Claims) > 0 {
		if err := json.Unmarshal(a.Claims, &claims); err != nil {
			return nil, unavailable(err)
		}
	}
	if s.cfg.Claims != nil {
		own, err := s.cfg.Claims(ctx, a)
		if err != nil {
			return nil, unavailable(err)
		}
		if claims == nil {
			claims = make(map[string]any, len(own))
		}
		maps.Copy(claims, own)
	}
	for _, name := range reservedClaims {
		delete(claims, name)
	}
	return claims, nil
}
