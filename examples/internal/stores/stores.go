// Package stores opens the databases of the example programs, as their flag -store names them.
package stores

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore/sqlite"
)

// Usage is what the flag -store says of itself.
const Usage = "where authorizations and sessions live: `memory`, sqlite:FILE, postgres://..., mysql://... or redis://... (default a file in the user's cache folder)"

const (
	// Expired records are dropped in batches that hold nobody up.
	sweepEvery = 3 * time.Minute
	sweepBatch = 200
)

// Stores are where everything lives that outlasts a request.
type Stores struct {
	Tokens oauth2.TokenStore
	// Clients are those that registered themselves.
	Clients oauth2.ClientRegistry
	// Path is that of the SQLite file, "" elsewhere.
	Path string
	// Name tells people where the records are. It has no password in it.
	Name string

	closers []func() error
	stop    context.CancelFunc // the sweeper, nil: there is none
	swept   sync.WaitGroup
}

// Open opens what -store names: memory, sqlite:FILE, postgres://, mysql:// or redis://. "" is a SQLite file
// of the program's own in the user's cache folder. Nothing is left open after an error, and no error holds
// a password. Who is done with the Stores calls Close.
func Open(ctx context.Context, name, program string) (*Stores, error) {
	s := &Stores{}
	if err := s.open(ctx, name, program); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stores) open(ctx context.Context, name, program string) (err error) {
	scheme, rest, _ := strings.Cut(cmp.Or(name, "sqlite:"), ":")
	switch scheme {
	case "memory":
		s.Tokens = memory.New()
		s.Clients, err = memory.NewClients()
	case "sqlite":
		err = s.openSQLite(ctx, rest, program)
	case "postgres", "postgresql":
		err = s.openPostgres(ctx, name)
	case "mysql":
		err = s.openMySQL(ctx, name)
	case "redis", "rediss":
		err = s.openRedis(ctx, name)
	default:
		return errors.New("-store: none of memory, sqlite:FILE, postgres://, mysql:// and redis://")
	}
	if err != nil {
		// A URL may hold a password; the name of a file does not.
		return fmt.Errorf("-store %s: %w", scheme, err)
	}
	s.Name = cmp.Or(s.Path, nameOf(name))
	return nil
}

// nameOf is a URL without what is secret in it, or memory.
func nameOf(store string) string {
	u, err := url.Parse(store)
	if err != nil || u.Host == "" {
		return store
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// openSQLite keeps everything in one file. The empty path is the default one.
func (s *Stores) openSQLite(ctx context.Context, path, program string) (err error) {
	if path == "" {
		if path, err = defaultPath(program); err != nil {
			return err
		}
	}
	tokens, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	s.Tokens, s.Clients, s.Path, s.closers = tokens, tokens.Clients(), path, append(s.closers, tokens.Close)
	return nil
}

// StartSweeping drops what has expired, now and then, until Close. failed is told of what went wrong.
func (s *Stores) StartSweeping(now func() time.Time, failed func(error)) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.swept.Go(func() {
		ticker := time.NewTicker(sweepEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if err := s.Sweep(ctx, now()); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
	})
}

// Sweep drops everything that has expired, in batches, where the store does not do it by itself.
func (s *Stores) Sweep(ctx context.Context, now time.Time) error {
	sweeper, ok := s.Tokens.(oauth2.Sweeper)
	if !ok {
		return nil
	}
	for {
		if n, err := sweeper.Sweep(ctx, now, sweepBatch); err != nil || n < sweepBatch {
			return err
		}
	}
}

// Close stops the sweeper and closes what Open opened. No request may be under way.
func (s *Stores) Close() error {
	if s.stop != nil {
		s.stop()
		s.swept.Wait()
	}
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// defaultPath is a file in the user's cache folder, which is made if it is missing.
func defaultPath(program string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("-store has no default here: %w", err)
	}
	folder := filepath.Join(cache, "xmail")
	return filepath.Join(folder, program+".db"), os.MkdirAll(folder, 0o700)
}
