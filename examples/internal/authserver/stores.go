package authserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-session/session/v3"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

// stores are where everything lives that outlasts a request.
type stores struct {
	tokens    oauth2.TokenStore
	sessions  session.ManagerStore
	cookieKey []byte
	path      string // of the SQLite file; "" elsewhere
	closers   []func() error
}

// openStores opens what -store names. Nothing is left open after an error.
func openStores(ctx context.Context, o *Options) (*stores, error) {
	s := &stores{}
	err := s.open(ctx, o)
	if err == nil {
		err = s.beginSessions(ctx, o)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stores) open(ctx context.Context, o *Options) (err error) {
	scheme, rest, _ := strings.Cut(cmp.Or(o.Store, "sqlite:"), ":")
	switch scheme {
	case "memory":
		s.tokens = memory.New()
	case "sqlite":
		err = s.openSQLite(ctx, rest)
	case "postgres", "postgresql":
		err = s.openPostgres(ctx, o.Store)
	case "mysql":
		err = s.openMySQL(ctx, o.Store)
	case "redis", "rediss":
		err = s.openRedis(ctx, o.Store)
	default:
		return errors.New("-store: none of memory, sqlite:FILE, postgres://, mysql:// and redis://")
	}
	if err != nil {
		// A URL may hold a password; the name of a file does not.
		return fmt.Errorf("-store %s: %w", scheme, err)
	}
	return nil
}

// openSQLite keeps everything in one file. The empty path is the default one.
func (s *stores) openSQLite(ctx context.Context, path string) (err error) {
	if path == "" {
		if path, err = defaultStorePath(); err != nil {
			return err
		}
	}
	tokens, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	s.tokens, s.path, s.closers = tokens, path, append(s.closers, tokens.Close)
	return nil
}

// beginSessions finds or makes the key that signs session cookies.
func (s *stores) beginSessions(ctx context.Context, o *Options) (err error) {
	logins := newStoredSessions(s.tokens, o.Issuer, o.Now)
	s.sessions = logins
	if o.CookieKey != "" {
		s.cookieKey, err = parseCookieKey(o.CookieKey)
		return err
	}
	if s.cookieKey, err = logins.cookieKey(ctx); err != nil {
		return fmt.Errorf("-store: the cookie key: %w", err)
	}
	return nil
}

// sweep drops everything that has expired, in batches, where the store does not do it by itself.
func (s *stores) sweep(ctx context.Context, now time.Time) error {
	sweeper, ok := s.tokens.(oauth2.Sweeper)
	if !ok {
		return nil
	}
	for {
		if n, err := sweeper.Sweep(ctx, now, sweepBatch); err != nil || n < sweepBatch {
			return err
		}
	}
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
