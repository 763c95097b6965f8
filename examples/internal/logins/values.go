package logins

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-session/session/v3"
)

// sessionValues is the session of one request: a copy of the record's values. Save makes the changes
// to the record as it is by then, so that requests of one session undo nothing of each other. It is
// safe for concurrent use.
type sessionValues struct {
	ctx context.Context
	id  string
	// save changes the values of the record. ErrNoSession: it is gone, and stays so.
	save func(ctx context.Context, change func(values map[string]string)) error

	mu      sync.Mutex
	values  map[string]string
	changes []func(values map[string]string) // since the last Save
}

var _ session.Store = (*sessionValues)(nil)

// Context implements [session.Store].
func (s *sessionValues) Context() context.Context { return s.ctx }

// SessionID implements [session.Store].
func (s *sessionValues) SessionID() string { return s.id }

// Set implements [session.Store]. Values are kept as text, the same in memory as in a database.
func (s *sessionValues) Set(key string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprint(value)
	s.change(func(values map[string]string) { values[key] = text })
}

// Get implements [session.Store]. The value is a string.
func (s *sessionValues) Get(key string) (any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.values[key]
	return value, ok
}

// Delete implements [session.Store]. It returns nil if there was no value.
func (s *sessionValues) Delete(key string) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.values[key]
	if !ok {
		return nil
	}
	s.remove(key)
	return value
}

// Save implements [session.Store].
func (s *sessionValues) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.save(s.ctx, func(values map[string]string) {
		for _, change := range s.changes {
			change(values)
		}
	})
	if err == nil {
		s.changes = nil
	}
	return err
}

// Flush implements [session.Store].
func (s *sessionValues) Flush() error {
	s.mu.Lock()
	s.change(func(values map[string]string) { clear(values) })
	s.mu.Unlock()
	return s.Save()
}

// change changes this copy, and the record with the next Save. s.mu is held.
func (s *sessionValues) change(do func(values map[string]string)) {
	do(s.values)
	s.changes = append(s.changes, do)
}

func (s *sessionValues) remove(key string) {
	s.change(func(values map[string]string) { delete(values, key) })
}

// prune drops the values under a prefix that are stale, and then the smallest ones until at most
// keep are left. Times in milliseconds have the same length, so the smallest is the oldest.
func (s *sessionValues) prune(prefix string, keep int, stale func(value string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for key, value := range s.values {
		switch {
		case !strings.HasPrefix(key, prefix):
		case stale(value):
			s.remove(key)
		default:
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(s.values[a], s.values[b]) })
	for _, key := range keys[:max(0, len(keys)-keep)] {
		s.remove(key)
	}
}
