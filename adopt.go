package oauth2

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"time"
)

// An Adopter knows the tokens of the authorization server that this one takes over from, so that
// nobody is logged out on the day. It is asked about tokens that are not of this server's form.
// Implementations are safe for concurrent use. Tokens are secrets: no error holds one.
type Adopter interface {
	// AdoptRefresh tells what a live refresh token stands for. ErrNotFound: it is unknown or has
	// ended. It may be asked about one token any number of times.
	AdoptRefresh(ctx context.Context, refreshToken string) (*Adoption, error)
	// AdoptAccess tells what a live access token stands for. ErrNotFound: it is unknown or has ended.
	AdoptAccess(ctx context.Context, accessToken string) (*TokenInfo, error)
	// Forget ends an access token or a refresh token, alone. An unknown one is no error. Once it
	// returns nil, the token is never adopted again.
	Forget(ctx context.Context, token string) error
}

// An Adoption is what a refresh token of another server stands for.
type Adoption struct {
	ClientID string
	Subject  string
	// Scope is reduced to what the client is registered for here.
	Scope Scope
	// ExpiresAt is when the token ends, unless it is used before. The zero time means this server's
	// RefreshLifetime from now.
	ExpiresAt time.Time
}

// findRefresh finds the record of a refresh token: of one that was issued here, or of one to adopt.
func (req *TokenRequest) findRefresh(ctx context.Context, text string) (bearerToken, *Authorization, error) {
	s := req.server
	token, ok := parseBearerToken(kindRefresh, s.cfg.Prefixes.Refresh, text)
	if !ok && s.cfg.Adopt != nil {
		return req.adopt(ctx, text)
	}
	if !ok {
		return token, nil, errRefreshUnknown
	}
	a, err := s.load(ctx, token, errRefreshUnknown)
	return token, a, err
}

// adopt makes a record of which the foreign token is the current refresh token. All of it derives
// from the token, so replicas that adopt it at once make the same record, of which one is created;
// from then on it is a refresh token like any other: rotated, forgiven in the grace, and reuse after.
func (req *TokenRequest) adopt(ctx context.Context, text string) (bearerToken, *Authorization, error) {
	s := req.server
	token, lineageKey := s.foreignToken(text)
	a, err := s.get(ctx, token.id())
	if err == nil || !errors.Is(err, ErrNotFound) {
		return token, a, err
	}
	found, err := s.cfg.Adopt.AdoptRefresh(ctx, text)
	switch {
	case errors.Is(err, ErrNotFound):
		return token, nil, errRefreshUnknown
	case err != nil:
		return token, nil, unavailable(err)
	case found.ClientID != req.Client.ID:
		return token, nil, errRefreshUnknown
	}
	a, err = s.newAuthorization(req.Client, GrantRefreshToken, req.Now)
	if err != nil {
		return token, nil, err
	}
	a.ID, a.LineageKey = token.id(), lineageKey
	a.Subject, a.Resource = found.Subject, s.defaultResource()
	a.Scope = slices.DeleteFunc(slices.Clone(found.Scope), func(token string) bool { return !req.Client.Scope.Has(token) })
	a.Refresh = &RefreshToken{Digest: token.digest(), ExpiresAt: a.EndsAt}
	if !found.ExpiresAt.IsZero() {
		a.Refresh.ExpiresAt = earlier(found.ExpiresAt.UTC(), a.EndsAt)
	}
	return token, a, nil
}

// foreignToken is a token of another server in this server's form.
func (s *Server) foreignToken(text string) (bearerToken, string) {
	derive := func(label string) [sha256.Size]byte {
		return sha256.Sum256([]byte(label + "\x00" + s.cfg.Issuer + "\x00" + text))
	}
	core, key := derive("adopted core"), derive("adopted lineage key")
	lineageKey := base64.RawURLEncoding.EncodeToString(key[:16])
	return newBearerToken(kindRefresh, derivedID(s.cfg.Issuer, "adopted", text), lineageKey, tokenCore(core[:coreBytes])), lineageKey
}

// checkForeign tells what a foreign access token stands for.
func (s *Server) checkForeign(ctx context.Context, text string) (*TokenInfo, error) {
	if s.cfg.Adopt == nil {
		return nil, errTokenInvalid
	}
	info, err := s.cfg.Adopt.AdoptAccess(ctx, text)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, errTokenInvalid
	case err != nil:
		return nil, unavailable(err)
	case !s.now().Before(info.ExpiresAt):
		return nil, errTokenInvalid
	}
	info.Issuer = s.cfg.Issuer
	return info, nil
}

// expireForeign ends a foreign token, and what it was adopted into.
func (s *Server) expireForeign(ctx context.Context, text string, client *Client) error {
	if s.cfg.Adopt == nil {
		return nil
	}
	token, _ := s.foreignToken(text)
	a, err := s.get(ctx, token.id())
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	owner, err := s.foreignOwner(ctx, text, a)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return unavailable(err)
	case client != nil && owner != client.ID:
		return errForeignClient
	}
	// Forgotten first: what is left if the second step fails can be ended once more.
	if err := s.cfg.Adopt.Forget(ctx, text); err != nil {
		return unavailable(err)
	}
	if a == nil {
		return nil
	}
	return s.end(ctx, a)
}

// foreignOwner is the client that a foreign token was issued to.
func (s *Server) foreignOwner(ctx context.Context, text string, adopted *Authorization) (string, error) {
	if adopted != nil {
		return adopted.ClientID, nil
	}
	refresh, err := s.cfg.Adopt.AdoptRefresh(ctx, text)
	if err == nil {
		return refresh.ClientID, nil
	}
	if !errors.Is(err, ErrNotFound) {
		return "", err
	}
	access, err := s.cfg.Adopt.AdoptAccess(ctx, text)
	if err != nil {
		return "", err
	}
	return access.ClientID, nil
}
