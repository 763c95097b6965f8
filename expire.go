package oauth2

import (
	"context"
	"errors"
	"fmt"
)

// ErrCannotList is returned by the methods that need a [Lister] when the TokenStore is none. It is
// errors.ErrUnsupported too.
var ErrCannotList = fmt.Errorf("oauth2: the token store cannot list: %w", errors.ErrUnsupported)

// listPage is how many records are read at once.
const listPage = 100

// ExpireToken ends any one code or token, without asking whose it is: an access token goes alone, a
// code or a refresh token takes its authorization with it. An unknown one is no error.
// ErrUnsupportedTokenType: it is a client's own JWT, which no record knows, and is good until it expires.
// ErrTemporarilyUnavailable: the store failed, and it may still be good.
func (s *Server) ExpireToken(ctx context.Context, token string) error {
	return s.expire(ctx, token, nil)
}

// ExpireAuthorization ends an authorization and all that was issued from it. One of another issuer,
// or one that is gone, is no error.
func (s *Server) ExpireAuthorization(ctx context.Context, id string) error {
	a, err := s.get(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case a.internal():
		return nil
	}
	return s.end(ctx, a, ByApplication)
}

// ExpireSubject ends every authorization that a resource owner gave: log out everywhere. It returns
// how many there were. What is approved while it runs may remain. ErrCannotList: the store is no Lister.
func (s *Server) ExpireSubject(ctx context.Context, subject string) (int, error) {
	return s.expireAll(ctx, ListQuery{Subject: subject})
}

// ExpireClient ends every authorization of a client, with the return values of ExpireSubject.
func (s *Server) ExpireClient(ctx context.Context, clientID string) (int, error) {
	return s.expireAll(ctx, ListQuery{ClientID: clientID})
}

func (s *Server) expireAll(ctx context.Context, q ListQuery) (int, error) {
	if q.Subject == "" && q.ClientID == "" {
		return 0, nil // neither is not everything
	}
	n := 0
	for q.Limit = listPage; ; {
		page, err := s.Authorizations(ctx, q)
		if err != nil {
			return n, err
		}
		for _, a := range page {
			if err := s.end(ctx, a, ByApplication); err != nil {
				return n, err
			}
			n++
		}
		if len(page) == 0 {
			return n, nil
		}
		q.After = page[len(page)-1].ID
	}
}

// internal reports whether the record is the server's own, such as its keys or a value that was used up,
// and no authorization: no token came from it.
func (a *Authorization) internal() bool { return a.LineageKey == "" }

// Authorizations lists this issuer's records by subject, client or both, in pages of at most
// q.Limit, where 0 means 100, in the order of their IDs; an empty page is the last. Records that have expired but were
// not swept yet are listed too: see [Authorization.Live]. ErrCannotList: the store is no Lister.
func (s *Server) Authorizations(ctx context.Context, q ListQuery) ([]*Authorization, error) {
	if s.lister == nil {
		return nil, ErrCannotList
	}
	if q.Limit < 1 {
		q.Limit = listPage
	}
	for {
		page, err := s.lister.List(ctx, q)
		if err != nil {
			return nil, unavailable(err)
		}
		own := make([]*Authorization, 0, len(page))
		for _, a := range page {
			if a.Issuer == s.cfg.Issuer && !a.internal() {
				own = append(own, a)
			}
		}
		// A page of other issuers' records is not the end.
		if len(own) > 0 || len(page) == 0 {
			return own, nil
		}
		q.After = page[len(page)-1].ID
	}
}
