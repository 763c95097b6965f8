package oauth2

import (
	"context"
	"errors"
	"time"
)

// maxActors bounds how many may act one behind the other, and how often a token can be exchanged for the
// next: the record, and what a check costs, stay small.
const maxActors = 4

// An Actor is who acts for the subject of a token, as the claim act tells it (RFC 8693 section 4.1).
type Actor struct {
	// Issuer is whose Subject it is. It is empty where that is this authorization server.
	Issuer string `json:"iss,omitempty"`
	// Subject is the resource owner who acts, or the client where it acts by itself, as in a JWT access
	// token (RFC 9068 section 2.2).
	Subject string `json:"sub"`
	// ClientID is the client that acts, or that the resource owner acts through.
	ClientID string `json:"client_id,omitempty"`
	// Actor acted before. It is information alone: access is for the current actor (section 4.1).
	Actor *Actor `json:"act,omitempty"`
}

// clone returns a copy that shares nothing.
func (a *Actor) clone() *Actor {
	if a == nil {
		return nil
	}
	copied := *a
	copied.Actor = a.Actor.clone()
	return &copied
}

// depth counts the actors.
func (a *Actor) depth() (n int) {
	for ; a != nil; a = a.Actor {
		n++
	}
	return n
}

// valid reports whether each actor has a subject, and all of it is text.
func (a *Actor) valid() bool {
	for ; a != nil; a = a.Actor {
		if a.Subject == "" || !isText(a.Issuer+a.Subject+a.ClientID) {
			return false
		}
	}
	return true
}

// A ParentToken names an access token that was exchanged for another (RFC 8693). What was issued for it is
// good for no longer than it, whichever way that ends.
type ParentToken struct {
	// ID is that of its Authorization, Digest its own.
	ID     string `json:"id"`
	Digest string `json:"digest"`
}

// checkParents reports whether an authorization that was exchanged for is still good: whether each token
// behind it is. errTokenInvalid: one has ended. It costs a read for each.
func (s *Server) checkParents(ctx context.Context, a *Authorization, now time.Time) error {
	for _, parent := range a.Parents {
		before, err := s.get(ctx, parent.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			return errTokenInvalid
		case err != nil:
			return err
		case !before.keeps(parent.Digest, now):
			return errTokenInvalid
		}
	}
	return nil
}

// keeps reports whether the record has an access token with this digest that is live.
func (a *Authorization) keeps(digest string, now time.Time) bool {
	for _, token := range a.Access {
		if sameDigest(token.Digest, []byte(digest)) {
			return now.Before(token.ExpiresAt)
		}
	}
	return false
}
