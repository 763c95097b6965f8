package oauth2

import (
	"context"
	"errors"
	"net/http"
)

// Revoke is the revocation endpoint (RFC 7009): a client ends a token of its own. A refresh token, a
// replaced one too, takes the whole authorization with it; an access token goes alone. An unknown
// token answers 200 (section 2.2), another client's is refused and left alone (section 2.1). So is the JWT
// of a client that acts for itself, which no record knows: unsupported_token_type (section 2.2.1).
// token_type_hint is ignored: the prefix tells.
func (s *Server) Revoke(w http.ResponseWriter, r *http.Request) {
	f, client, ok := s.receive(w, r, revocationEndpoint)
	if !ok {
		return
	}
	req := &TokenRequest{Client: client, form: f}
	token := f.get("token")
	if token == "" {
		s.refuse(w, r, revocationEndpoint, req, ErrInvalidRequest.With("token is missing."))
		return
	}
	if err := s.expire(r.Context(), token, client); err != nil {
		s.refuse(w, r, revocationEndpoint, req, err)
		return
	}
	setHeaders(w.Header(), noStoreHeaders)
	w.WriteHeader(http.StatusOK)
}

// expire ends a token. With a client, only one of the client's own. A token that is unknown, or ended
// before, is no error.
func (s *Server) expire(ctx context.Context, token string, client *Client) error {
	t, err := s.locate(ctx, token)
	switch {
	case errors.Is(err, errNoRecord):
		return errUnrevocable
	case errors.Is(err, ErrNotFound):
		return s.expireForeign(ctx, token, client)
	case err != nil:
		return err
	}
	for range maxAttempts {
		a, err := s.get(ctx, t.id())
		switch {
		case errors.Is(err, ErrNotFound):
			return nil
		case err != nil:
			return err
		case !t.provenBy(a.LineageKey):
			return nil
		case client != nil && a.ClientID != client.ID:
			return errForeignClient
		}
		if err = s.expireIn(ctx, a, t, initiator(client)); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return unavailable(ErrConflict)
}

var errUnrevocable = ErrUnsupportedTokenType.With("This token cannot be revoked. It ends when it expires.")

var errForeignClient = ErrInvalidGrant.With("The token was issued to another client.")

// expireIn ends a token that is proven to be of this record. ErrConflict: the record changed.
func (s *Server) expireIn(ctx context.Context, a *Authorization, t bearerToken, by Initiator) error {
	next := a.fork()
	if t.kind == kindAccess || t.kind == kindJWT {
		if !next.dropAccess(t) {
			return nil
		}
		if next.Refresh != nil || len(next.Access) > 0 || next.Code != nil && next.Code.Digest != "" {
			next.settle(s.now())
			err := s.cfg.Tokens.Update(ctx, next)
			switch {
			case errors.Is(err, ErrNotFound):
				return nil
			case errors.Is(err, ErrConflict):
				return ErrConflict
			case err != nil:
				return unavailable(err)
			}
			s.emit(ctx, ended(EventTokenRevoked, a, by))
			return nil
		}
	}
	return s.end(ctx, a, by)
}

// end ends a record, and all that was issued from it.
func (s *Server) end(ctx context.Context, a *Authorization, by Initiator) error {
	if a.emptied() {
		return nil // it had ended before
	}
	if err := s.remove(ctx, a); err != nil {
		return unavailable(err)
	}
	s.emit(ctx, ended(EventAuthorizationRevoked, a, by))
	return nil
}
