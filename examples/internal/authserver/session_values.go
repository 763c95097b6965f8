package authserver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/go-session/session/v3"
)

// sessionValues is the session of one request: a copy of the record's values until Save. It is safe
// for concurrent use.
type sessionValues struct {
	ctx context.Context
	id  string
	// save replaces the values of the record. errNoSession: it is gone, and stays so.
	save func(ctx context.Context, values map[string]string) error

	mu     sync.Mutex
	values map[string]string
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
	s.values[key] = fmt.Sprint(value)
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
	delete(s.values, key)
	return value
}

// Save implements [session.Store].
func (s *sessionValues) Save() error {
	s.mu.Lock()
	values := maps.Clone(s.values)
	s.mu.Unlock()
	return s.save(s.ctx, values)
}

// Flush implements [session.Store].
func (s *sessionValues) Flush() error {
	s.mu.Lock()
	clear(s.values)
	s.mu.Unlock()
	return s.Save()
}

// prune drops the values under a prefix that are stale, and then the smallest ones until at most
// keep are left. Times in milliseconds have the same length, so the smallest is the oldest.
func (s *sessionValues) prune(prefix string, keep int, stale func(value string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.values, func(key, value string) bool { return strings.HasPrefix(key, prefix) && stale(value) })
	var keys []string
	for key := range s.values {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(s.values[a], s.values[b]) })
	for _, key := range keys[:max(0, len(keys)-keep)] {
		delete(s.values, key)
	}
}
