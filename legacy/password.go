package legacy

import (
	"context"
	"errors"

	"github.com/seed5f5fedc6/oauth2"
)

// PasswordGrant is the resource owner password credentials grant (RFC 6749 section 4.3): a client that
// knows the user's name and password exchanges them for tokens. The client must be registered for
// "password", and for "refresh_token" to get a refresh token. Exactly one of Authenticate and Lookup is
// required.
//
// Guessing is slowed down as on a login page (see [oauth2.Server.TryPassword]): failures are counted by
// name and by address, and beyond the budget the answer is 429 with Retry-After, whether the password was
// right or was not looked at. Every other failure is invalid_grant with one description, whether there is
// such a user or not.
//
// Deprecated: It teaches users to give their password to others, hands it to the client and whatever sees
// its memory and its logs, and has no room for a second factor. RFC 9700 section 2.4 forbids it, and OAuth
// 2.1 does not know it. Use the authorization code grant, or the device grant where there is no browser.
type PasswordGrant struct {
	// Authenticate tells whose name and password these are, for passwords that a directory or the like
	// verifies. Neither is empty. An empty subject without an error, or an error that is ErrInvalidGrant,
	// means that they are nobody's; an answer to that should take as long as a wrong password. Any other
	// error answers 503. The subject is what [oauth2.Approval] calls so.
	Authenticate func(ctx context.Context, username, password string) (subject string, err error)
	// Lookup finds a user whose password is kept as a hash ([oauth2.HashPassword], or bcrypt). Empty
	// texts without an error mean that there is no such user, which takes as long to answer as a wrong
	// password. An error answers 503.
	Lookup func(ctx context.Context, username string) (subject, hash string, err error)
	// PublicClients lets clients use the grant that cannot authenticate, so that anyone can in their
	// name. false means that they are refused with unauthorized_client.
	PublicClients bool
}

// GrantType returns "password".
func (PasswordGrant) GrantType() string { return GrantPassword }

var errPasswordSource = errors.New("legacy: PasswordGrant needs one of Authenticate and Lookup, and not both")

// Validate reports whether there is exactly one way to verify a password. oauth2.New calls it.
func (g PasswordGrant) Validate() error {
	if (g.Authenticate == nil) == (g.Lookup == nil) {
		return errPasswordSource
	}
	return nil
}

// passwordChecks are held against a request before anybody's password is looked at.
var passwordChecks = []struct {
	rule, source string
	verify       func(PasswordGrant, *oauth2.TokenRequest) error
}{
	{"the client is confidential, or public ones are let in", "RFC 6749 section 4.3.2", checkConfidential},
	{"username and password are present", "RFC 6749 section 4.3.2", checkCredentialsPresent},
}

func checkConfidential(g PasswordGrant, req *oauth2.TokenRequest) error {
	if req.Client.Public() && !g.PublicClients {
		return oauth2.ErrUnauthorizedClient.With("Only a confidential client may use password.")
	}
	return nil
}

// checkCredentialsPresent: there are directories that take an empty password for a question, and say yes.
func checkCredentialsPresent(_ PasswordGrant, req *oauth2.TokenRequest) error {
	for _, name := range []string{"username", "password"} {
		if req.Param(name) == "" {
			return oauth2.ErrInvalidRequest.With(name + " is missing.")
		}
	}
	return nil
}

var errCredentials = oauth2.ErrInvalidGrant.With("The username or the password is wrong.")

// Exchange verifies a password and starts an authorization of its user.
func (g PasswordGrant) Exchange(ctx context.Context, req *oauth2.TokenRequest) (*oauth2.Issuance, error) {
	for _, check := range passwordChecks {
		if err := check.verify(g, req); err != nil {
			return nil, err
		}
	}
	verify := g.authenticate
	if g.Lookup != nil {
		verify = g.compare
	}
	subject, err := verify(ctx, req, req.Param("username"), req.Param("password"))
	switch _, told := errors.AsType[*oauth2.Error](err); {
	case told:
		return nil, err
	case err != nil:
		return nil, oauth2.ErrTemporarilyUnavailable.With("The server cannot answer right now; try again.").Because(err)
	case subject == "":
		return nil, errCredentials
	}
	a, err := req.Begin(subject)
	if err != nil {
		return nil, err
	}
	return &oauth2.Issuance{Authorization: a, RefreshToken: true}, nil
}

// authenticate asks the application. It returns no subject where the password is wrong.
func (g PasswordGrant) authenticate(_ context.Context, req *oauth2.TokenRequest, username, password string) (string, error) {
	var subject string
	right, err := req.TryPassword(username, func(ctx context.Context) (right bool, err error) {
		subject, err = g.Authenticate(ctx, username, password)
		if errors.Is(err, oauth2.ErrInvalidGrant) {
			return false, nil
		}
		return subject != "", err
	})
	if err != nil || !right {
		return "", err
	}
	return subject, nil
}

// compare looks for the hash. It returns no subject where the password is wrong.
func (g PasswordGrant) compare(ctx context.Context, req *oauth2.TokenRequest, username, password string) (string, error) {
	subject, hash, err := g.Lookup(ctx, username)
	if err != nil {
		return "", err
	}
	if subject == "" {
		hash = "" // nobody's, whatever else is there
	}
	right, err := req.VerifyPassword(username, hash, password)
	if err != nil || !right {
		return "", err
	}
	return subject, nil
}
