package oauth2

import (
	"cmp"
	"context"
	"errors"
)

// checkForeign tells what a foreign access token stands for: no more than its client is registered
// for here.
func (s *Server) checkForeign(ctx context.Context, text string) (*TokenInfo, error) {
	if !s.foreign(text) {
		return nil, errTokenInvalid
	}
	found, err := s.ask(ctx, text, s.cfg.Adopt.AdoptAccess)
	if err != nil {
		return nil, cmp.Or(notFoundAs(err, errTokenInvalid), err)
	}
	token := AccessToken{IssuedAt: found.IssuedAt, ExpiresAt: found.ExpiresAt}
	if token.ExpiresAt.IsZero() {
		token.ExpiresAt = found.IssuedAt.Add(s.cfg.AccessLifetime)
	}
	if !s.now().Before(token.ExpiresAt) {
		return nil, errTokenInvalid
	}
	client, err := s.lookUp(ctx, found.ClientID)
	if err != nil {
		return nil, cmp.Or(notFoundAs(err, errTokenInvalid), err)
	}
	if err := s.siblingAlive(ctx, found.RefreshToken); err != nil {
		return nil, err
	}
	return s.tokenInfo(ctx, &Authorization{
		Issuer:    s.cfg.Issuer,
		ClientID:  client.ID,
		Subject:   found.Subject,
		Scope:     s.adoptedScope(client, found),
		Resource:  s.adoptedResource(found),
		CreatedAt: token.IssuedAt,
		EndsAt:    token.ExpiresAt,
	}, token)
}

// siblingAlive refuses an access token whose refresh token was adopted and has ended since.
func (s *Server) siblingAlive(ctx context.Context, refreshToken string) error {
	if !s.foreign(refreshToken) {
		return nil
	}
	token, _ := s.foreignToken(refreshToken)
	a, err := s.get(ctx, token.id())
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err == nil && a.emptied():
		return errTokenInvalid
	}
	return err
}

// expireForeign ends a foreign token. With a client, only one of the client's own. A refresh token
// takes with it what it was adopted into, or is adopted into an ended record, which stops a request
// that is adopting it just now.
func (s *Server) expireForeign(ctx context.Context, text string, client *Client) error {
	if !s.foreign(text) {
		return nil
	}
	token, lineageKey := s.foreignToken(text)
	a, found, err := s.askRefresh(ctx, text, token.id())
	if found != nil {
		a, err = s.adopted(&Client{ID: found.ClientID}, token, lineageKey, found)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return s.expireForeignAccess(ctx, text, client)
	case err != nil:
		return err
	case client != nil && a.ClientID != client.ID:
		return errForeignClient
	}
	if a.Version == 1 { // perhaps not stored yet
		if err := s.cfg.Tokens.Create(ctx, a.empty()); err != nil && !errors.Is(err, ErrExists) {
			return unavailable(err)
		}
	}
	if err := s.end(ctx, a, initiator(client)); err != nil {
		return err
	}
	return s.forget(ctx, text)
}

func (s *Server) expireForeignAccess(ctx context.Context, text string, client *Client) error {
	found, err := s.ask(ctx, text, s.cfg.Adopt.AdoptAccess)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case client != nil && found.ClientID != client.ID:
		return errForeignClient
	}
	if err := s.forget(ctx, text); err != nil {
		return err
	}
	s.emit(ctx, Event{Type: EventTokenRevoked, ClientID: found.ClientID, Subject: found.Subject, Scope: found.Scope, By: initiator(client)})
	return nil
}

// remove deletes a record, and with it all that was issued from it. One that was adopted could come
// back as long as the token that it was adopted from is good: until then it stays, emptied.
func (s *Server) remove(ctx context.Context, a *Authorization) error {
	for range maxAttempts {
		if !s.now().Before(a.AdoptedUntil) {
			return s.cfg.Tokens.Delete(ctx, a.ID)
		}
		err := s.cfg.Tokens.Update(ctx, a.empty())
		if errors.Is(err, ErrConflict) {
			a, err = s.get(ctx, a.ID)
			if err == nil && !a.emptied() {
				continue
			}
		}
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}
	return ErrConflict
}

// empty is an adopted record whose end outlives it.
func (a *Authorization) empty() *Authorization {
	ended := a.Clone()
	ended.Refresh, ended.Access, ended.Claims = nil, nil, nil
	ended.ExpiresAt = a.AdoptedUntil
	return ended
}

// emptied reports whether the record was adopted and has ended.
func (a *Authorization) emptied() bool {
	return !a.AdoptedUntil.IsZero() && a.Refresh == nil
}
