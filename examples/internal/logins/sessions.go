// Package logins keeps the users of the examples logged in: sessions of go-session that live in the token
// store, beside the authorizations, so that every replica sees them.
package logins

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
	// KeyBytes is the least length of the key that signs the session cookie.
	KeyBytes = 32
)

var (
	// ErrNoSession means that the session does not exist, or exists no more.
	ErrNoSession = errors.New("no such session")
	// ErrStore is wrapped by every fault of the place where sessions live.
	ErrStore = errors.New("session store")
)

// A Config configures Sessions. Store, Key and Cookie are required.
type Config struct {
	Store *Store
	// Key signs the cookie: see [Store.CookieKey] and [ParseKey].
	Key []byte
	// Cookie is the name of the cookie, to which [CookieName] applies.
	Cookie string
	// HTTPS makes the cookie Secure. It is the scheme of the site, whatever a connection looks like.
	HTTPS bool
	// Now is the clock. nil means time.Now.
	Now func() time.Time
}

// Sessions are the logins of users, kept by go-session, whose unsafe defaults are all replaced:
// session_defaults_test.go of the authorization server has a test for each. They are safe for concurrent
// use.
type Sessions struct {
	manager *session.Manager
	store   *Store
	cookie  string
	https   bool
	now     func() time.Time
}

// New makes Sessions.
func New(cfg Config) *Sessions {
	s := &Sessions{store: cfg.Store, cookie: CookieName(cfg.Cookie, cfg.HTTPS), https: cfg.HTTPS, now: cfg.Now}
	if s.now == nil {
		s.now = time.Now
	}
	// NewManager, because only the first InitManager of a process has any effect.
	s.manager = session.NewManager(
		session.SetStore(s.store),
		session.SetSign(cfg.Key),
		session.SetSessionID(func(context.Context) string { return rand.Text() }),
		session.SetCookieName(s.cookie),
		session.SetCookieLifeTime(int(sessionLifetime/time.Second)),
		session.SetExpired(int64(sessionLifetime/time.Second)),
		session.SetSecure(s.https),
		session.SetSameSite(http.SameSiteLaxMode),
		session.SetEnableSIDInURLQuery(false),
		session.SetEnableSIDInHTTPHeader(false),
	)
	return s
}

// CookieName is the name of a cookie on http, and on https, where the prefix __Host- keeps other hosts of
// the domain from planting one.
func CookieName(name string, https bool) string {
	if https {
		return "__Host-" + name
	}
	return name
}

// Ping reports whether sessions can be read. An error wraps [ErrStore].
func (s *Sessions) Ping(ctx context.Context) error {
	_, err := s.store.Check(ctx, "")
	return err
}

// Current returns the login of this browser, and makes it last anew. It is nil when nobody is logged
// in: no cookie, a garbage one, a forged one, or one whose session has ended. An error is a fault of
// the store and wraps ErrStore.
func (s *Sessions) Current(w http.ResponseWriter, r *http.Request) (*Login, error) {
	cookie, err := r.Cookie(s.cookie)
	if err != nil {
		return nil, nil //nolint:nilerr // no cookie is no fault
	}
	store, err := s.manager.Start(r.Context(), w, s.request(r))
	switch {
	case errors.Is(err, ErrStore):
		return nil, err
	case err != nil:
		return nil, nil //nolint:nilerr // garbage, by an error of go-session, or ErrNoSession
	}
	l, ok := readLogin(store)
	if !ok {
		return nil, nil
	}
	// Start makes the record last longer, but not the cookie.
	http.SetCookie(w, s.sessionCookie(cookie.Value, int(sessionLifetime/time.Second)))
	return l, nil
}

// Begin logs a user in, for the request that is to go on at target. The session gets a new ID
// whatever the browser had before, so nobody can log in on a session that someone else knows.
func (s *Sessions) Begin(w http.ResponseWriter, r *http.Request, subject, target string) error {
	before, err := s.Current(discard{}, r)
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
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	now := s.now()
	l := &Login{Subject: subject, AuthTime: now, store: store}
	if before != nil && before.Subject == subject {
		// The pages of other tabs stay good for the same user.
		l.Key = before.Key
	} else {
		if err := store.Flush(); err != nil {
			return fmt.Errorf("%w: %w", ErrStore, err)
		}
		l.Key = rand.Text()
	}
	l.write(target, now)
	if err := store.Save(); err != nil {
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	return nil
}

// End logs the user out.
func (s *Sessions) End(w http.ResponseWriter, r *http.Request) error {
	if l, err := s.Current(discard{}, r); l == nil {
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
func (s *Sessions) request(r *http.Request) *http.Request {
	clone := r.Clone(r.Context())
	if s.https {
		clone.URL.Scheme = "https"
	}
	return clone
}

func (s *Sessions) sessionCookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: s.cookie, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.https, SameSite: http.SameSiteLaxMode,
	}
}

// ParseKey reads the key that signs session cookies. The error does not quote it.
func ParseKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) < KeyBytes {
		return nil, fmt.Errorf("a cookie key is %d bytes or more in base64", KeyBytes)
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
