package logins

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/go-session/session/v3"
)

// The values of a session. All are text.
const (
	valueSubject  = "subject"
	valueAuthTime = "auth_time"
	valueKey      = "key"
	// freshPrefix and the digest of a target tell when the user logged in for it.
	freshPrefix = "fresh."
)

const (
	// freshLifetime is how long a login counts as made for the request that asked for it.
	freshLifetime = 10 * time.Minute
	// maxFresh bounds the requests of one session that wait for their answer.
	maxFresh = 16
)

// A Login is a user who logged in on this browser.
type Login struct {
	Subject  string
	AuthTime time.Time
	// Key authenticates the pages that are shown to this user on this browser.
	Key   string
	store session.Store
}

// readLogin reads what write wrote.
func readLogin(store session.Store) (*Login, bool) {
	l := &Login{Subject: text(store, valueSubject), Key: text(store, valueKey), store: store}
	at, err := strconv.ParseInt(text(store, valueAuthTime), 10, 64)
	l.AuthTime = time.UnixMilli(at)
	return l, err == nil && l.Subject != "" && l.Key != ""
}

// write puts the login into its session, as one made for target.
func (l *Login) write(target string, now time.Time) {
	l.store.Set(valueSubject, l.Subject)
	l.store.Set(valueAuthTime, strconv.FormatInt(l.AuthTime.UnixMilli(), 10))
	l.store.Set(valueKey, l.Key)
	if values, ok := l.store.(*sessionValues); ok {
		values.prune(freshPrefix, maxFresh-1, func(at string) bool { return !fresh(at, now) })
	}
	l.store.Set(freshName(target), strconv.FormatInt(now.UnixMilli(), 10))
}

// FreshFor reports whether the user logged in a short while ago, for this very request.
func (l *Login) FreshFor(target string, now time.Time) bool {
	return fresh(text(l.store, freshName(target)), now)
}

// Spend makes the next request with the same URL need a login of its own.
func (l *Login) Spend(target string) error {
	if l.store.Delete(freshName(target)) == nil {
		return nil
	}
	return l.store.Save()
}

func fresh(at string, now time.Time) bool {
	ms, err := strconv.ParseInt(at, 10, 64)
	return err == nil && now.Sub(time.UnixMilli(ms)) < freshLifetime
}

func freshName(target string) string {
	sum := sha256.Sum256([]byte(target))
	return freshPrefix + base64.RawURLEncoding.EncodeToString(sum[:12])
}

func text(store session.Store, name string) string {
	value, _ := store.Get(name)
	s, _ := value.(string)
	return s
}
