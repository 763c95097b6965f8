package authserver

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/go-session/session/v3"
)

// memorySessions keeps sessions in this process. It is safe for concurrent use, which go-session's
// own memory store is not.
type memorySessions struct {
	now     func() time.Time
	mu      sync.Mutex
	records map[string]memoryRecord
}

type memoryRecord struct {
	values    map[string]string // replaced, never changed
	expiresAt time.Time
}

var _ session.ManagerStore = (*memorySessions)(nil)

func newMemorySessions(now func() time.Time) *memorySessions {
	return &memorySessions{now: now, records: make(map[string]memoryRecord)}
}

// Check implements [session.ManagerStore].
func (m *memorySessions) Check(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.live(id)
	return ok, nil
}

// Create implements [session.ManagerStore]. It is always errNoSession: a session begins with a
// login, which is a Refresh, so strangers leave no records behind.
func (m *memorySessions) Create(context.Context, string, int64) (session.Store, error) {
	return nil, errNoSession
}

// Update implements [session.ManagerStore]: the session lasts anew.
func (m *memorySessions) Update(ctx context.Context, id string, seconds int64) (session.Store, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	record, ok := m.live(id)
	if !ok {
		return nil, errNoSession
	}
	return m.put(ctx, id, record.values, seconds), nil
}

// Delete implements [session.ManagerStore].
func (m *memorySessions) Delete(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, id)
	return nil
}

// Refresh implements [session.ManagerStore]: the values go on under a new ID, and none are there if
// the old session is not.
func (m *memorySessions) Refresh(ctx context.Context, oldID, id string, seconds int64) (session.Store, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, _ := m.live(oldID)
	delete(m.records, oldID)
	return m.put(ctx, id, old.values, seconds), nil
}

// Close implements [session.ManagerStore].
func (m *memorySessions) Close() error { return nil }

// Sweep drops up to limit expired sessions and returns how many there were.
func (m *memorySessions) Sweep(_ context.Context, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id := range m.records {
		if n == limit {
			break
		}
		if _, ok := m.live(id); !ok {
			delete(m.records, id)
			n++
		}
	}
	return n, nil
}

func (m *memorySessions) live(id string) (memoryRecord, bool) {
	record, ok := m.records[id]
	if !ok || !m.now().Before(record.expiresAt) {
		return memoryRecord{}, false
	}
	return record, true
}

func (m *memorySessions) put(ctx context.Context, id string, values map[string]string, seconds int64) session.Store {
	if values == nil {
		values = map[string]string{}
	}
	m.records[id] = memoryRecord{values, m.now().Add(time.Duration(seconds) * time.Second)}
	return &sessionValues{ctx: ctx, id: id, values: maps.Clone(values), save: func(_ context.Context, values map[string]string) error {
		return m.save(id, values)
	}}
}

func (m *memorySessions) save(id string, values map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	record, ok := m.live(id)
	if !ok {
		return errNoSession
	}
	m.records[id] = memoryRecord{values, record.expiresAt}
	return nil
}
