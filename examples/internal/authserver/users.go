package authserver

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/seed5f5fedc6/oauth2"
)

// users are the accounts: the hash of each password by user name.
type users map[string]string

// looksHashed matches the beginning of every hash in the PHC string format or crypt(3)'s.
var looksHashed = regexp.MustCompile(`^\$[0-9a-z-]+\$`)

// newUsers hashes every password that is not a hash already.
func newUsers(passwords map[string]string) (users, error) {
	u := make(users, len(passwords))
	for name, password := range passwords {
		switch {
		case name == "":
			return nil, errors.New("users: a user has no name")
		case password == "":
			return nil, fmt.Errorf("users: %q has no password", name)
		case oauth2.IsHash(password):
			u[name] = password
		case looksHashed.MatchString(password):
			// Taken for a password in clear, the text of the hash would be what logs in.
			return nil, fmt.Errorf("users: the password of %q looks like a hash, of a kind or cost that is not served", name)
		default:
			u[name] = oauth2.HashPassword(password)
		}
	}
	return u, nil
}

func (u users) exists(name string) bool {
	_, ok := u[name]
	return ok
}
