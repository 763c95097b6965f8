package authserver

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// parallelVerifications bounds the memory that logins take: each argon2id verification holds 19 MiB.
const parallelVerifications = 4

// verificationWait is how long a login waits for its turn.
const verificationWait = 10 * time.Second

// users are the accounts: the hash of each password by user name. It is immutable and safe for
// concurrent use.
type users struct {
	hashes map[string]string
	// nobody is verified in the place of a user who does not exist, in the same time as every password
	// that was hashed here. A hash that came with the file has a time of its own.
	nobody string
	slots  chan struct{}
}

// looksHashed matches the beginning of every hash in the PHC string format or crypt(3)'s.
var looksHashed = regexp.MustCompile(`^\$[0-9a-z-]+\$`)

// newUsers hashes every password that is not a hash already.
func newUsers(passwords map[string]string) (*users, error) {
	u := &users{
		hashes: make(map[string]string, len(passwords)),
		nobody: oauth2.HashPassword(oauth2.NewSecret()),
		slots:  make(chan struct{}, parallelVerifications),
	}
	for name, password := range passwords {
		switch {
		case name == "":
			return nil, errors.New("users: a user has no name")
		case password == "":
			return nil, fmt.Errorf("users: %q has no password", name)
		case oauth2.IsHash(password):
			u.hashes[name] = password
		case looksHashed.MatchString(password):
			// Taken for a password in clear, the text of the hash would be what logs in.
			return nil, fmt.Errorf("users: the password of %q looks like a hash, of a kind or cost that is not served", name)
		default:
			u.hashes[name] = oauth2.HashPassword(password)
		}
	}
	return u, nil
}

func (u *users) exists(name string) bool {
	_, ok := u.hashes[name]
	return ok
}

// verify reports whether the password is the user's. The only error is that of
// ctx, or context.DeadlineExceeded when too many others are being verified.
func (u *users) verify(ctx context.Context, name, password string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, verificationWait)
	defer cancel()
	select {
	case u.slots <- struct{}{}:
		defer func() { <-u.slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	hash, ok := u.hashes[name]
	if !ok {
		hash = u.nobody
	}
	return oauth2.VerifySecret(hash, password) && ok, nil
}
