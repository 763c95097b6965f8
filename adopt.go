package oauth2

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"
)

// An Adopter knows the tokens of the authorization server that this one takes over from, so that
// nobody is logged out on the day. It is asked about tokens that do not begin with one of
// ServerConfig.Prefixes. Implementations are safe for concurrent use, by any number of replicas.
// Tokens are secrets: no error holds one.
//
// Any error but ErrNotFound answers 503, and the token stays as good as it was.
type Adopter interface {
	// AdoptRefresh tells what a refresh token stands for. ErrNotFound: it is unknown or has ended. It
	// may be asked about one token any number of times, and may leave it to the Server to look at
	// ExpiresAt.
	AdoptRefresh(ctx context.Context, refreshToken string) (*Adoption, error)
	// AdoptAccess tells what an access token stands for, in the same way.
	AdoptAccess(ctx context.Context, accessToken string) (*Adoption, error)
	// Forget ends an access token or a refresh token at the other server, alone: of two tokens that
	// were issued together the other one lives on. An unknown one is no error. Once it has returned
	// nil, the token is unknown to AdoptRefresh and AdoptAccess.
	Forget(ctx context.Context, token string) error
}

// An Adoption is what a token of another server stands for.
type Adoption struct {
	ClientID string
	// Subject is the resource owner. It is empty when the client acts for itself.
	Subject string
	// Scope is reduced to what the client is registered for here.
	Scope Scope
	// Audience are resources of ServerConfig.Resources; any other is dropped. nil means the default:
	// the only one configured.
	Audience []string
	IssuedAt time.Time
	// ExpiresAt is when the token ends. The zero time means that it never does, which is cut to this
	// server's lifetimes: a refresh token's to RefreshLifetime from its first use here, an access
	// token's to AccessLifetime from IssuedAt.
	ExpiresAt time.Time
	// RefreshToken is, for an access token, the refresh token that was issued together with it. Once
	// what that one was adopted into is ended, the access token has ended too. Empty: there was none,
	// or it is not known; then the access token is good until it expires or is revoked by itself.
	RefreshToken string
}

// maxForeignToken is the longest token that an Adopter is asked about, in bytes.
const maxForeignToken = 8 << 10

var errAdoption = errors.New("oauth2: the Adopter returned an Adoption that is nil, or whose Subject is no text")

// foreign reports whether a text can be another server's token: it has a token's characters
// (RFC 6749 appendix A.12) and begins like none of this server's, damaged ones included.
func (s *Server) foreign(text string) bool {
	p := &s.cfg.Prefixes
	return s.cfg.Adopt != nil && len(text) <= maxForeignToken && validClientID(text) &&
		!strings.HasPrefix(text, p.Access) && !strings.HasPrefix(text, p.Refresh) && !strings.HasPrefix(text, p.Code) &&
		!strings.HasPrefix(text, p.Device)
}

// foreignToken is a refresh token of another server in this server's form. All of it derives from the
// text, so that replicas which adopt it at once make one record.
func (s *Server) foreignToken(text string) (bearerToken, string) {
	derive := func(label string) [sha256.Size]byte {
		return sha256.Sum256([]byte(label + "\x00" + s.cfg.Issuer + "\x00" + text))
	}
	core, key := derive("adopted core"), derive("adopted lineage key")
	lineageKey := base64.RawURLEncoding.EncodeToString(key[:16])
	return newBearerToken(kindRefresh, derivedID(s.cfg.Issuer, "adopted", text), lineageKey, tokenCore(core[:coreBytes])), lineageKey
}

// ask puts a token to the Adopter. ErrNotFound: it is unknown or has ended.
func (s *Server) ask(ctx context.Context, text string, question func(context.Context, string) (*Adoption, error)) (*Adoption, error) {
	found, err := question(ctx, text)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrNotFound
	case err != nil:
		return nil, unavailable(err)
	case found == nil || !isText(found.Subject):
		return nil, ErrServerError.Because(errAdoption)
	case !found.ExpiresAt.IsZero() && !s.now().Before(found.ExpiresAt):
		return nil, ErrNotFound
	}
	return found, nil
}

// askRefresh finds the record that a refresh token was adopted into, or else what it stands for at the
// other server. ErrNotFound: it is unknown to both.
func (s *Server) askRefresh(ctx context.Context, text, id string) (*Authorization, *Adoption, error) {
	a, err := s.get(ctx, id)
	if !errors.Is(err, ErrNotFound) {
		return a, nil, err
	}
	found, err := s.ask(ctx, text, s.cfg.Adopt.AdoptRefresh)
	if !errors.Is(err, ErrNotFound) {
		return nil, found, err
	}
	// It may have been adopted, and forgotten there, between the two.
	a, err = s.get(ctx, id)
	return a, nil, err
}

// forget ends a token at the other server.
func (s *Server) forget(ctx context.Context, text string) error {
	if err := s.cfg.Adopt.Forget(ctx, text); err != nil {
		return unavailable(err)
	}
	return nil
}

// adopted is the record that a foreign refresh token becomes, not stored yet. The token is its
// current refresh token.
func (s *Server) adopted(client *Client, token bearerToken, lineageKey string, found *Adoption) (*Authorization, error) {
	now := s.now()
	a, err := s.newAuthorization(new(entropy), client, GrantRefreshToken, now)
	if err != nil {
		return nil, err
	}
	a.ID, a.Version, a.LineageKey = token.id(), 1, lineageKey
	a.Subject = found.Subject
	a.Scope, a.Resource = s.adoptedScope(client, found), s.adoptedResource(found)
	expiresAt := now.Add(cmp.Or(client.RefreshLifetime, s.cfg.RefreshLifetime))
	a.AdoptedUntil = a.EndsAt
	if !found.ExpiresAt.IsZero() {
		expiresAt = found.ExpiresAt.UTC().Truncate(time.Millisecond)
		a.AdoptedUntil = expiresAt
	}
	a.Refresh = &RefreshToken{Digest: token.digest(), ExpiresAt: earlier(expiresAt, a.EndsAt)}
	a.settle(now)
	return a, nil
}

// adoptedScope is never more than a request of the client could be granted here.
func (s *Server) adoptedScope(client *Client, found *Adoption) Scope {
	return slices.DeleteFunc(slices.Clone(found.Scope), func(token string) bool {
		return !client.Scope.Has(token) || s.cfg.Scopes != nil && !s.cfg.Scopes.Has(token)
	})
}

func (s *Server) adoptedResource(found *Adoption) []string {
	if found.Audience == nil {
		return s.defaultResource()
	}
	return slices.DeleteFunc(slices.Clone(found.Audience), func(uri string) bool { return s.cfg.resource(uri) == nil })
}

// findRefresh finds the record of a refresh token: of one that was issued here, of one that was
// adopted, or of one to adopt, which is not stored yet.
func (req *TokenRequest) findRefresh(ctx context.Context, text string) (bearerToken, *Authorization, error) {
	s := req.server
	token, ok := parseBearerToken(kindRefresh, s.cfg.Prefixes.Refresh, text)
	if ok {
		a, err := s.load(ctx, token, errRefreshUnknown)
		return token, a, err
	}
	if !s.foreign(text) {
		return token, nil, errRefreshUnknown
	}
	token, lineageKey := s.foreignToken(text)
	a, found, err := s.askRefresh(ctx, text, token.id())
	switch {
	case errors.Is(err, ErrNotFound) || found != nil && found.ClientID != req.Client.ID:
		return token, nil, errRefreshUnknown
	case err == nil && found != nil:
		a, err = s.adopted(req.Client, token, lineageKey, found)
	}
	return token, a, err
}

// takeOver makes a foreign refresh token this server's: it stores the record, has the token forgotten
// at the other server, and only then lets it be replaced. So one that is still current may have to
// be forgotten once more, and nothing is lost if a step fails: the next request takes it again. From
// then on it is a refresh token like any other: replaced, forgiven in the grace, and reuse after.
func (req *TokenRequest) takeOver(ctx context.Context, text string, token bearerToken, a *Authorization) (*Authorization, error) {
	s := req.server
	if !s.foreign(text) || !token.is(a.Refresh.Digest) {
		return a, nil
	}
	if err := s.subjectActive(ctx, a); err != nil {
		return nil, err
	}
	if err := s.createAdopted(ctx, a); err != nil {
		return nil, err
	}
	a, err := s.get(ctx, a.ID)
	if err != nil {
		return nil, cmp.Or(notFoundAs(err, errRevokedMeanwhile), err)
	}
	return a, s.forget(ctx, text)
}

// createAdopted stores the record of a foreign refresh token, unless it is there already.
func (s *Server) createAdopted(ctx context.Context, a *Authorization) error {
	switch err := s.cfg.Tokens.Create(ctx, a); {
	case errors.Is(err, ErrExists):
		return nil
	case err != nil:
		return unavailable(err)
	}
	s.emit(ctx, eventOf(EventTokenAdopted, a))
	return nil
}
