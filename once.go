package oauth2

import (
	"context"
	"errors"
	"time"
)

// errUsedBefore is once's answer to the second use of a value.
var errUsedBefore = errors.New("oauth2: the value was used before")

// once uses up a value, such as the jti of an assertion, that is good until a time. The record's ID
// derives from the value, so of parallel uses, at any replicas, exactly one succeeds; the others are
// told errUsedBefore. A store that fails is ErrTemporarilyUnavailable: nobody knows, so it is no yes.
//
// It stands after every other check of the request, so that what is refused uses nothing up, and
// before anything is stored. It is asked once: a request that tries again after a conflict has used it up.
func (s *Server) once(ctx context.Context, kind, clientID, value string, until time.Time) error {
	now := s.now()
	a := &Authorization{
		ID: derivedID(s.cfg.Issuer, kind, clientID+"\x00"+value), Version: 1, Format: formatPlain, Issuer: s.cfg.Issuer,
		ClientID: clientID, GrantType: kind, CreatedAt: now, EndsAt: until, ExpiresAt: until.Add(clockSkew),
	}
	switch err := s.cfg.Tokens.Create(ctx, a); {
	case errors.Is(err, ErrExists):
		return errUsedBefore
	case err != nil:
		return unavailable(err)
	}
	return nil
}
