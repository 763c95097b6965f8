package oauth2

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/seed5f5fedc6/oauth2/internal/dpop"
)

// A GrantHandler serves one grant type at the token endpoint (RFC 6749 section 4). It decides, and
// the Server issues: the client is authenticated and its policy checked before Exchange is called.
// Implementations are safe for concurrent use.
//
// New asks a handler that has a method Validate() error whether it can be used as it is configured.
type GrantHandler interface {
	// GrantType is the value of grant_type, for an extension an absolute URI (RFC 6749 section 4.5).
	GrantType() string
	// Exchange decides on one request. It runs once and may do I/O, such as to check an assertion.
	// It changes no record itself: what is to change it leaves to Issuance.Apply. A refusal is an
	// *Error, such as ErrInvalidGrant; any other error is a fault and answers 500.
	Exchange(ctx context.Context, req *TokenRequest) (*Issuance, error)
}

// A TokenRequest is a request to the token endpoint whose client is authenticated and may use the
// grant.
type TokenRequest struct {
	Client    *Client
	GrantType string
	// Scope was asked for; each token is registered for the client. nil: none was named.
	Scope Scope
	// Resource was asked for (RFC 8707 section 2.2); each is configured. nil: none was named.
	Resource []string
	// Details are the authorization details that were asked for (RFC 9396), a JSON array of objects that their
	// types have let pass. The access token has them alone, if the Issuance's Authorization has as much;
	// nil: none were, and it has all.
	Details json.RawMessage
	// Confirmation is the key that the request has proven to hold, and that its tokens are bound to. nil:
	// none was proven, and they are bearer tokens.
	Confirmation *Confirmation
	// Now is when the request began.
	Now time.Time

	form    form
	server  *Server
	http    *http.Request
	entropy entropy
	// proof is the DPoP proof of Confirmation.JKT. It is spent once the grant has decided.
	proof *dpop.Proof
	// exchange is what becomes of the request once a grant has decided.
	exchange exchange
	// presented is the record of the code or refresh token in the request, once that is proven. Events
	// name it.
	presented *Authorization
}

// An Issuance is what a grant decided to issue.
type Issuance struct {
	// Authorization is what the tokens are issued from: a new one made by TokenRequest.Begin, or
	// the one that TokenRequest.Load found.
	Authorization *Authorization
	// Scope of the access token. nil means all of the Authorization's.
	Scope Scope
	// Audience of the access token. nil means all of the Authorization's resources.
	Audience []string
	// AccessLifetime is the longest that the access token is good for. 0 means no limit of its own:
	// that of the client, of the resources and of the server.
	AccessLifetime time.Duration
	// RefreshToken asks for a refresh token too. It is issued if the client may use it.
	RefreshToken bool
	// Extra are further members of the answer (RFC 6749 section 5.1). They replace none.
	Extra map[string]any
	// Apply, if set, changes the record as the grant demands, or refuses. It is pure: it may be
	// called again on a newer record when another request was quicker.
	Apply func(a *Authorization) error

	// refreshes: Apply is RefreshGrant's, and sets rotated.
	refreshes bool
	rotated   rotated
	// forks: Apply is a transition of this package, which changes nothing that a fork shares.
	forks bool
	// spend, if set, uses up what the request brought, such as an assertion. It is called once, when nothing
	// about the request can be refused any more, and before anything is stored.
	spend func(ctx context.Context) error
	// answer, if set, makes what is handed out in the place of tokens, without a record.
	answer func(ctx context.Context) (*minted, error)
}

// Param returns a parameter of the body, which cannot repeat. One without a value counts as absent.
func (req *TokenRequest) Param(name string) string { return req.form.get(name) }

// Params returns the values of resource or audience, the two parameters that may repeat.
func (req *TokenRequest) Params(name string) []string { return req.form.all(name) }

// VerifyPassword is [Server.VerifyPassword] for a grant that takes a user's password: name is the user
// name as it was sent.
func (req *TokenRequest) VerifyPassword(name, hash, password string) (bool, error) {
	return req.server.VerifyPassword(req.http, name, hash, password)
}

// TryPassword is [Server.TryPassword] for a grant that takes a user's password: name is the user name
// as it was sent.
func (req *TokenRequest) TryPassword(name string, verify func(context.Context) (bool, error)) (bool, error) {
	return req.server.TryPassword(req.http, name, verify)
}

// Begin returns a new authorization of the request's client for subject, which is empty when the
// client acts for itself, and UTF-8 text without NUL otherwise. It has the scope and the resources
// that were asked for, or the defaults. Nothing is stored yet.
func (req *TokenRequest) Begin(subject string) (*Authorization, error) {
	s := req.server
	if !isText(subject) {
		return nil, ErrServerError.Because(errNotText)
	}
	a, err := s.newAuthorization(&req.entropy, req.Client, req.GrantType, req.Now)
	if err != nil {
		return nil, err
	}
	a.Subject = subject
	if a.Scope = req.Scope; a.Scope == nil {
		a.Scope = s.defaultScope(req.Client)
	}
	if a.Resource = req.Resource; a.Resource == nil {
		a.Resource = s.defaultResource()
	}
	return a, nil
}

// Load returns the authorization of a live code, access token or refresh token that was issued to
// the request's client. ErrInvalidGrant: it is none. The record must not be modified.
func (req *TokenRequest) Load(ctx context.Context, token string) (*Authorization, error) {
	t, err := req.server.locate(ctx, token)
	if err != nil {
		return nil, cmp.Or(notFoundAs(err, errTokenUnknown), err)
	}
	a, err := req.server.load(ctx, t, errTokenUnknown)
	switch {
	case err != nil:
		return nil, err
	case a.ClientID != req.Client.ID || !a.holds(t, req.Now):
		return nil, errTokenUnknown
	}
	err = req.server.checkParents(ctx, a, req.Now)
	if errors.Is(err, ErrInvalidToken) {
		err = errTokenUnknown
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

var errTokenUnknown = ErrInvalidGrant.With("The token is unknown.")

// load reads the record that a token names. unknown is the answer when there is none.
func (s *Server) load(ctx context.Context, t bearerToken, unknown *Error) (*Authorization, error) {
	a, err := s.get(ctx, t.id())
	if errors.Is(err, ErrNotFound) {
		return nil, unknown
	}
	return a, err
}

// parseAny reads a token of whatever kind; its prefix tells.
func (s *Server) parseAny(text string) (bearerToken, bool) {
	for _, k := range []struct {
		kind   tokenKind
		prefix string
	}{
		{kindAccess, s.cfg.Prefixes.Access},
		{kindRefresh, s.cfg.Prefixes.Refresh},
		{kindCode, s.cfg.Prefixes.Code},
		{kindDevice, s.cfg.Prefixes.Device},
	} {
		if t, ok := parseBearerToken(k.kind, k.prefix, text); ok {
			return t, true
		}
	}
	return bearerToken{}, false
}

// newAuthorization starts a record with a random ID.
func (s *Server) newAuthorization(source *entropy, client *Client, grantType string, now time.Time) (*Authorization, error) {
	var drawn [idBytes + lineageBytes]byte
	if err := source.draw(s, drawn[:]); err != nil {
		return nil, err
	}
	// The two texts share one allocation.
	var chars [idChars + lineageChars]byte
	base64.RawURLEncoding.Encode(chars[:idChars], drawn[:idBytes])
	base64.RawURLEncoding.Encode(chars[idChars:], drawn[idBytes:])
	texts := string(chars[:])
	// So do the record and its first access token.
	a := &struct {
		Authorization
		access [1]AccessToken
	}{Authorization: Authorization{
		ID:         texts[:idChars],
		Format:     formatPlain,
		Issuer:     s.cfg.Issuer,
		ClientID:   client.ID,
		GrantType:  grantType,
		LineageKey: texts[idChars:],
		CreatedAt:  now,
		EndsAt:     now.Add(s.cfg.AuthorizationLifetime),
	}}
	a.Access = a.access[:0]
	return &a.Authorization, nil
}

// An entropy is random bytes that are read at once for all that one request draws: each read costs
// as much as a hash. The zero value is ready to use. No byte is drawn twice.
type entropy struct {
	bytes [64]byte // what most requests need, and what the system makes at once
	left  int
}

func (e *entropy) draw(s *Server, b []byte) error {
	if e.left < len(b) {
		if err := s.random(e.bytes[:]); err != nil {
			return err
		}
		e.left = len(e.bytes)
	}
	e.left -= len(b)
	drawn := e.bytes[e.left : e.left+len(b)]
	copy(b, drawn)
	clear(drawn)
	return nil
}

// random fills b from the configured source.
func (s *Server) random(b []byte) error {
	if s.cfg.Rand == rand.Reader {
		_, _ = rand.Read(b) // which never fails, and leaves b on the stack
		return nil
	}
	drawn := make([]byte, len(b))
	if _, err := io.ReadFull(s.cfg.Rand, drawn); err != nil {
		return unavailable(err)
	}
	copy(b, drawn)
	return nil
}
