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
	answer, err := s.introspect(r.Context(), client, f.get("token"))
	switch {
	case err != nil:
		s.refuse(w, r, introspectionEndpoint, &TokenRequest{Client: client}, err)
	case s.keys != nil && acceptsMediaType(r, introspectionMediaType):
		s.writeSignedIntrospection(w, r, client, answer.end())
		answer.free()
	default:
		writeObject(w, http.StatusOK, answer)
	}
}

// introspect is what an introspection request is answered with.
func (s *Server) introspect(ctx context.Context, client *Client, token string) (*object, error) {
	if err := mayIntrospect(client); err != nil {
		return nil, err
	}
	if token == "" {
		return nil, ErrInvalidRequest.With("token is missing.")
	}
	switch info, err := s.Check(ctx, token); {
	case errors.Is(err, ErrInvalidToken), err == nil && !client.serves(info.Audience):
		return newObject().raw("active", jsonFalse), nil
	case err != nil:
		return nil, err
	default:
		return introspection(info)
	}
}

var jsonTrue, jsonFalse = []byte("true"), []byte("false")

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
func introspection(info *TokenInfo) (*object, error) {
	o := newObject().raw("active", jsonTrue)
	o.text("iss", info.Issuer).text("client_id", info.ClientID).text("token_type", info.Confirmation.tokenType())
	if info.Subject != "" {
		o.text("sub", info.Subject)
	}
	return o, o.facts(info)
}

// reservedClaims are the Server's to tell (RFC 7662 section 2.2, RFC 9470 section 6.2, RFC 7800
// section 3.1, RFC 8693 section 4.1, RFC 9396 section 9).
var reservedClaims = []string{
	"active", "scope", "client_id", "token_type", "exp", "iat", "nbf", "sub", "aud", "iss", "jti",
	"auth_time", "acr", "amr", "cnf", "act", "authorization_details",
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
