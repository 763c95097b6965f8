package logins

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-session/session/v3"

	"github.com/seed5f5fedc6/oauth2"
)

// A Store keeps sessions as records of the token store. A record is a small document with an
// expiry that changes by compare-and-swap, and a session needs no more. So sessions live wherever the
// authorizations do, are swept with them, and every replica sees them. It is safe for concurrent use.
//
// The records' issuer is the server's with a fragment, which no issuer has, so the server never takes
// one for an authorization. Their IDs are digests: no session ID is in the store.
type Store struct {
	store  oauth2.TokenStore
	issuer string
	now    func() time.Time
}

var _ session.ManagerStore = (*Store)(nil)

// NewStore keeps the sessions of the site whose issuer identifier is issuer.
func NewStore(store oauth2.TokenStore, issuer string, now func() time.Time) *Store {
	return &Store{store: store, issuer: issuer + "#sessions", now: now}
}

// maxTouches bounds how often a write that was overtaken is tried again.
const maxTouches = 16

// cookieKeyLifetime is longer than anyone keeps an example.
const cookieKeyLifetime = 100 * 365 * 24 * time.Hour

// CookieKey returns the key that signs session cookies. The first process makes it; of several that
// start at once, all get that of the one whose Create came first.
func (s *Store) CookieKey(ctx context.Context) ([]byte, error) {
	key := make([]byte, KeyBytes)
	_, _ = rand.Read(key) // crypto/rand never fails
	record, err := s.record("cookie key", "", map[string]string{"key": base64.StdEncoding.EncodeToString(key)}, cookieKeyLifetime)
	if err != nil {
		return nil, err
	}
	switch err := s.store.Create(ctx, record); {
	case err == nil:
		return key, nil
	case !errors.Is(err, oauth2.ErrExists):
		return nil, storeFault(err)
	}
	if record, err = s.store.Get(ctx, record.ID); err != nil {
		return nil, storeFault(err)
	}
	values, err := valuesOf(record)
	if err != nil {
		return nil, err
	}
	return ParseKey(values["key"])
}

// Check implements [session.ManagerStore].
func (s *Store) Check(ctx context.Context, id string) (bool, error) {
	_, err := s.get(ctx, id)
	if errors.Is(err, ErrNoSession) {
		return false, nil
	}
	return err == nil, err
}

// Create implements [session.ManagerStore]. It is always ErrNoSession: a session begins with a
// login, which is a Refresh, so strangers leave no records behind.
func (s *Store) Create(context.Context, string, int64) (session.Store, error) {
	return nil, ErrNoSession
}

// Update implements [session.ManagerStore]: the session lasts anew. A visit that would move the
// expiry by less than a hundredth of the lifetime writes nothing.
func (s *Store) Update(ctx context.Context, id string, seconds int64) (session.Store, error) {
	lifetime := time.Duration(seconds) * time.Second
	record, err := s.change(ctx, id, func(a *oauth2.Authorization) (bool, error) {
		expiry := s.now().UTC().Add(lifetime)
		if expiry.Sub(a.ExpiresAt) < lifetime/100 {
			return false, nil
		}
		a.ExpiresAt = expiry
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return s.open(ctx, id, record)
}

// Delete implements [session.ManagerStore].
func (s *Store) Delete(ctx context.Context, id string) error {
	return storeFault(s.store.Delete(ctx, recordID("session", id)))
}

// Refresh implements [session.ManagerStore]: the values go on under a new ID, and none are there if
// the old session is not. The old one ends first: a crash in between logs out, and leaves no session
// under an ID that somebody else may know.
func (s *Store) Refresh(ctx context.Context, oldID, id string, seconds int64) (session.Store, error) {
	values := map[string]string{}
	switch old, err := s.get(ctx, oldID); {
	case err == nil:
		if values, err = valuesOf(old); err != nil {
			return nil, err
		}
		if err := s.Delete(ctx, oldID); err != nil {
			return nil, err
		}
	case !errors.Is(err, ErrNoSession):
		return nil, err
	}
	record, err := s.record("session", id, values, time.Duration(seconds)*time.Second)
	if err != nil {
		return nil, err
	}
	if err := s.store.Create(ctx, record); err != nil {
		return nil, storeFault(err)
	}
	return s.open(ctx, id, record)
}

// Close implements [session.ManagerStore]. The store is closed by whoever opened it.
func (s *Store) Close() error { return nil }

// get returns the record of a session that has not ended.
func (s *Store) get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	record, err := s.store.Get(ctx, recordID("session", id))
	switch {
	case errors.Is(err, oauth2.ErrNotFound):
		return nil, ErrNoSession
	case err != nil:
		return nil, storeFault(err)
	case record.Issuer != s.issuer || !s.now().Before(record.ExpiresAt):
		return nil, ErrNoSession
	}
	return record, nil
}

// change applies a change by compare-and-swap, unless it says that there is none.
func (s *Store) change(ctx context.Context, id string, apply func(*oauth2.Authorization) (bool, error)) (*oauth2.Authorization, error) {
	for range maxTouches {
		record, err := s.get(ctx, id)
		if err != nil {
			return nil, err
		}
		next := record.Clone()
		if changed, err := apply(next); err != nil || !changed {
			return record, err
		}
		switch err := s.store.Update(ctx, next); {
		case err == nil:
			return next, nil
		case errors.Is(err, oauth2.ErrNotFound):
			return nil, ErrNoSession
		case !errors.Is(err, oauth2.ErrConflict):
			return nil, storeFault(err)
		}
	}
	return nil, storeFault(oauth2.ErrConflict)
}

// open makes the session of one request.
func (s *Store) open(ctx context.Context, id string, record *oauth2.Authorization) (session.Store, error) {
	values, err := valuesOf(record)
	if err != nil {
		return nil, err
	}
	return &sessionValues{ctx: ctx, id: id, values: values, save: func(ctx context.Context, change func(map[string]string)) error {
		_, err := s.change(ctx, id, func(a *oauth2.Authorization) (bool, error) {
			values, err := valuesOf(a)
			if err != nil {
				return false, err
			}
			change(values)
			a.Claims, err = json.Marshal(values)
			return true, storeFault(err)
		})
		return err
	}}, nil
}

// record is a new record of the given kind.
func (s *Store) record(kind, id string, values map[string]string, lifetime time.Duration) (*oauth2.Authorization, error) {
	document, err := json.Marshal(values)
	if err != nil {
		return nil, storeFault(err)
	}
	now := s.now().UTC()
	return &oauth2.Authorization{
		ID: recordID(kind, id), Version: 1, Format: 1, Issuer: s.issuer, Claims: document,
		CreatedAt: now, ExpiresAt: now.Add(lifetime), EndsAt: now.Add(lifetime),
	}, nil
}

func valuesOf(record *oauth2.Authorization) (map[string]string, error) {
	values := map[string]string{}
	err := json.Unmarshal(record.Claims, &values)
	return values, storeFault(err)
}

// recordID has the length of the library's own.
func recordID(kind, id string) string {
	sum := sha256.Sum256([]byte("xmail " + kind + "\x00" + id))
	return base64.RawURLEncoding.EncodeToString(sum[:15])
}

// storeFault marks an error as one of the store; nil stays nil.
func storeFault(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrStore, err)
}
