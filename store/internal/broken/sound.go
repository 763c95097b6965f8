package broken

import (
	"context"
	"runtime"
	"sync"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/storetest"
)

// An engine keeps records by ID, and cannot compare and swap. Each call is atomic by itself.
type engine struct {
	mu      sync.Mutex
	records map[string]*oauth2.Authorization
}

func newEngine() *engine { return &engine{records: map[string]*oauth2.Authorization{}} }

func (e *engine) load(id string) (*oauth2.Authorization, bool) {
	defer letOthers()
	e.mu.Lock()
	defer e.mu.Unlock()
	a, ok := e.records[id]
	if !ok {
		return nil, false
	}
	return a.Clone(), true
}

// letOthers go on. On one processor, or a busy machine, hardly anybody else would come between a look and a write,
// as they do when both go over a network.
func letOthers() { runtime.Gosched() }

func (e *engine) save(a *oauth2.Authorization) { e.share(a.Clone()) }

// share keeps the very record.
func (e *engine) share(a *oauth2.Authorization) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.records[a.ID] = a
}

func (e *engine) drop(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.records, id)
}

// sound is a store that keeps the contract, as long as it is the only handle of its engine.
type sound struct {
	*engine
	writer *sync.Mutex
}

func newSound(e *engine) sound { return sound{e, new(sync.Mutex)} }

func (s sound) Create(ctx context.Context, a *oauth2.Authorization) error {
	s.writer.Lock()
	defer s.writer.Unlock()
	return checkThenInsert{s}.Create(ctx, a)
}

func (s sound) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a, ok := s.load(id)
	if !ok {
		return nil, oauth2.ErrNotFound
	}
	return a, nil
}

func (s sound) Update(ctx context.Context, a *oauth2.Authorization) error {
	s.writer.Lock()
	defer s.writer.Unlock()
	return getThenPut{s}.Update(ctx, a)
}

func (s sound) Delete(ctx context.Context, id string) error {
	s.writer.Lock()
	defer s.writer.Unlock()
	return undoneDelete{s}.Delete(ctx, id)
}

// handles returns stores that are two handles of one engine, used in turn.
func handles(open func(*engine) oauth2.TokenStore) func() oauth2.TokenStore {
	return func() oauth2.TokenStore {
		e := newEngine()
		return storetest.Replicas(open(e), open(e))
	}
}

// Sound returns the store that the others are made of. It keeps the contract.
func Sound() oauth2.TokenStore { return newSound(newEngine()) }
