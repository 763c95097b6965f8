package authserver

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-session/session/v3"
)

const (
	// sessionLifetime is how long a login lasts without a visit.
	sessionLifetime = 2 * time.Hour
	// cookieKeyBytes is the least length of the key that signs the session cookie.
	cookieKeyBytes = 32
	// hostPrefix keeps other hosts of the domain from planting a cookie. It needs https.
	hostPrefix = "__Host-"
)

var (
	// errNoSession: the session does not exist, or exists no more.
	errNoSession = errors.New("no such session")
	// errSessionStore is wrapped by every fault of the place where sessions live.
	errSessionStore = errors.New("session store")
)

// sessions are the logins of users, kept by go-session, whose unsafe defaults are all replaced:
// session_defaults_test.go has a test for each. It is safe for concurrent use.
type sessions struct {
	manager *session.Manager
	store   session.ManagerStore
	cookie  string
	https   bool
	now     func() time.Time
}

func newSessions(store session.ManagerStore, key []byte, https bool, now func() time.Time) *sessions {
	s := &sessions{store: store, cookie: "xmail_session", https: https, now: now}
	if https {
		s.cookie = hostPrefix + s.cookie
	}
	// NewManager, because only the first InitManager of a process has any effect.
	s.manager = session.NewManager(
		session.SetStore(store),
		session.SetSign(key),
		session.SetSessionID(func(context.Context) string { return rand.Text() }),
		session.SetCookieName(s.cookie),
		session.SetCookieLifeTime(int(sessionLifetime/time.Second)),
		session.SetExpired(int64(sessionLifetime/time.Second)),
		session.SetSecure(https),
		session.SetSameSite(http.SameSiteLaxMode),
		session.SetEnableSIDInURLQuery(false),
		session.SetEnableSIDInHTTPHeader(false),
	)
	return s
}

// current returns the login of this browser, and makes it last anew. It is nil when nobody is logged
// in: no cookie, a garbage one, a forged one, or one whose session has ended. An error is a fault of
// the store and wraps errSessionStore.
func (s *sessions) current(w http.ResponseWriter, r *http.Request) (*login, error) {
	cookie, err := r.Cookie(s.cookie)
	if err != nil {
		return nil, nil //nolint:nilerr // no cookie is no fault
	}
	store, err := s.manager.Start(r.Context(), w, s.request(r))
	switch {
	case errors.Is(err, errSessionStore):
		return nil, err
	case err != nil:
		return nil, nil //nolint:nilerr // garbage, by an error of go-session, or errNoSession
	}
	l, ok := readLogin(store)
	if !ok {
		return nil, nil
	}
	// Start makes the record last longer, but not the cookie.
	http.SetCookie(w, s.sessionCookie(cookie.Value, int(sessionLifetime/time.Second)))
	return l, nil
}

// begin logs a user in, for the request that is to go on at target. The session gets a new ID
// whatever the browser had before, so nobody can log in on a session that someone else knows.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request, subject, target string) error {
	before, err := s.current(discard{}, r)
	if err != nil {
		return err
	}
	request := s.request(r)
	if before == nil {
		// Refresh fails at a cookie that it cannot read.
		request.Header.Del("Cookie")
	}
	store, err := s.manager.Refresh(r.Context(), w, request)
	if err != nil {
		return fmt.Errorf("%w: %w", errSessionStore, err)
	}
	now := s.now()
	l := &login{Subject: subject, AuthTime: now, store: store}
	if before != nil && before.Subject == subject {
		// The pages of other tabs stay good for the same user.
		l.Key = before.Key
	} else {
		if err := store.Flush(); err != nil {
			return fmt.Errorf("%w: %w", errSessionStore, err)
		}
		l.Key = rand.Text()
	}
	l.write(target, now)
	if err := store.Save(); err != nil {
		return fmt.Errorf("%w: %w", errSessionStore, err)
	}
	return nil
}

// end logs the user out.
func (s *sessions) end(w http.ResponseWriter, r *http.Request) error {
	if l, err := s.current(discard{}, r); l == nil {
		return err
	}
	if err := s.manager.Destroy(r.Context(), discard{}, s.request(r)); err != nil {
		return err
	}
	// Destroy's own removal is not Secure, and browsers refuse that for a __Host- cookie.
	http.SetCookie(w, s.sessionCookie("", -1))
	return nil
}

// request is what go-session may see. It would guess Secure from the peer's address; the issuer's
// scheme decides. And it would add its cookie to the request.
func (s *sessions) request(r *http.Request) *http.Request {
	clone := r.Clone(r.Context())
	if s.https {
		clone.URL.Scheme = "https"
	}
	return clone
}

func (s *sessions) sessionCookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: s.cookie, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.https, SameSite: http.SameSiteLaxMode,
	}
}

// parseCookieKey reads the key that signs session cookies. The error does not quote it.
func parseCookieKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) < cookieKeyBytes {
		return nil, fmt.Errorf("a cookie key is %d bytes or more in base64", cookieKeyBytes)
	}
	return key, nil
}

// discard is where the headers of a session go that is only looked at.
type discard struct{}

// Header implements [http.ResponseWriter].
func (discard) Header() http.Header { return http.Header{} }

// Write implements [http.ResponseWriter].
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements [http.ResponseWriter].
func (discard) WriteHeader(int) {}
