package authserver

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-session/session/v3"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

// stores are where everything lives that outlasts a request.
type stores struct {
	tokens    oauth2.TokenStore
	sessions  session.ManagerStore
	cookieKey []byte
	path      string // of the SQLite file; "" is memory
	sweepers  []func(ctx context.Context, now time.Time) (int, error)
	closers   []func() error
}

// openStores opens what -store names. Nothing is left open after an error.
func openStores(ctx context.Context, o *Options) (*stores, error) {
	key := make([]byte, cookieKeyBytes)
	_, _ = rand.Read(key) // crypto/rand never fails
	s := &stores{cookieKey: key}
	if o.CookieKey != "" {
		var err error
		if s.cookieKey, err = parseCookieKey(o.CookieKey); err != nil {
			return nil, err
		}
	}
	scheme, rest, _ := strings.Cut(cmp.Or(o.Store, "sqlite:"), ":")
	switch {
	case o.Store == "memory":
		s.openMemory(o)
		return s, nil
	case scheme == "sqlite":
		if err := s.openSQLite(ctx, o, rest); err != nil {
			return nil, errors.Join(err, s.close())
		}
		return s, nil
	case scheme == "postgres" || scheme == "postgresql" || scheme == "mysql" || scheme == "redis" || scheme == "rediss":
		// The rest may hold a password.
		return nil, fmt.Errorf("-store: a %s store is not served yet; use memory or sqlite:FILE", scheme)
	}
	return nil, errors.New("-store: neither memory nor sqlite:FILE")
}

func (s *stores) openMemory(o *Options) {
	tokens, logins := memory.New(), newMemorySessions(o.Now)
	s.tokens, s.sessions = tokens, logins
	s.sweepWith(tokens, logins)
}

// openSQLite keeps authorizations and sessions in one file. The empty path is the default one.
func (s *stores) openSQLite(ctx context.Context, o *Options, path string) (err error) {
	if path == "" {
		if path, err = defaultStorePath(); err != nil {
			return err
		}
	}
	tokens, err := sqlstore.OpenSQLite(ctx, path)
	if err != nil {
		return fmt.Errorf("-store %s: %w", path, err)
	}
	s.closers = append(s.closers, tokens.Close)
	logins, err := openSQLiteSessions(ctx, path, o.Now)
	if err != nil {
		return fmt.Errorf("-store %s: %w", path, err)
	}
	s.closers = append(s.closers, logins.Close)
	if o.CookieKey == "" {
		if s.cookieKey, err = logins.cookieKey(ctx); err != nil {
			return fmt.Errorf("-store %s: %w", path, err)
		}
	}
	s.tokens, s.sessions, s.path = tokens, logins, path
	s.sweepWith(tokens, logins)
	return nil
}

func (s *stores) sweepWith(tokens oauth2.Sweeper, logins interface {
	Sweep(ctx context.Context, limit int) (int, error)
}) {
	s.sweepers = append(s.sweepers,
		func(ctx context.Context, now time.Time) (int, error) { return tokens.Sweep(ctx, now, sweepBatch) },
		func(ctx context.Context, _ time.Time) (int, error) { return logins.Sweep(ctx, sweepBatch) },
	)
}

// sweep drops everything that has expired, in batches.
func (s *stores) sweep(ctx context.Context, now time.Time) error {
	var errs []error
	for _, sweep := range s.sweepers {
		for n := sweepBatch; n == sweepBatch; {
			var err error
			if n, err = sweep(ctx, now); err != nil {
				errs = append(errs, err)
				break
			}
		}
	}
	return errors.Join(errs...)
}

func (s *stores) close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// defaultStorePath is a file in the user's cache folder, which is made if it is missing.
func defaultStorePath() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("-store has no default here: %w", err)
	}
	folder := filepath.Join(cache, "xmail")
	return filepath.Join(folder, "authserver.db"), os.MkdirAll(folder, 0o700)
}
