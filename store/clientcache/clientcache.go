// Package clientcache spares a store of clients: most requests to an authorization server look up one
// of a few clients, which change rarely.
package clientcache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/lru"
)

const (
	defaultFor  = 5 * time.Second
	defaultSize = 1000
	// lookUpTime bounds a look-up, which goes on when the one who asked first has gone.
	lookUpTime = 10 * time.Second
)

// Options configure a Cache.
type Options struct {
	// For is how stale a client may be: a change of it, such as the end of a secret, is seen at most
	// this long after it was made. It counts from when the store was asked, not from when it
	// answered. 0 means 5 seconds.
	For time.Duration
	// Size is the most clients that are kept; the one unused for longest goes first. 0 means 1000.
	Size int
	// Now is the clock. nil means time.Now.
	Now func() time.Time
}

// A Cache is an [oauth2.ClientStore] that keeps the answers of another for a while. Calls for one ID
// at the same time are one call of the store. It owns no goroutine beyond its calls and is safe for
// concurrent use.
//
// Only clients are kept. Who makes up client IDs therefore neither pushes out good ones nor fills the
// memory, and a client that was just registered is found at once. A fault of the store is passed on,
// to those who wait for that very call, and never kept.
type Cache struct {
	clients oauth2.ClientStore
	keepFor time.Duration
	now     func() time.Time
	kept    *lru.Cache[string, *oauth2.Client]
	lookUps singleflight.Group

	mu sync.Mutex
	// forgotten counts the calls of Forget. What was asked for before one of them is not kept after it.
	forgotten int
}

// New returns a Cache over clients. A negative option, or a store that is nil, is an error.
func New(clients oauth2.ClientStore, opts Options) (*Cache, error) {
	switch {
	case clients == nil:
		return nil, errors.New("clientcache: no store")
	case opts.For < 0:
		return nil, errors.New("clientcache: For is negative")
	case opts.Size < 0:
		return nil, errors.New("clientcache: Size is negative")
	}
	c := &Cache{
		clients: clients,
		keepFor: cmp.Or(opts.For, defaultFor),
		now:     opts.Now,
		kept:    lru.New[string, *oauth2.Client](cmp.Or(opts.Size, defaultSize)),
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

// Client implements [oauth2.ClientStore]. The Client is shared, and must not be modified. The store is
// called with the values of ctx, but not with its end: when ctx is done, this call returns ctx.Err()
// and others go on waiting, for at most ten seconds.
func (c *Cache) Client(ctx context.Context, id string) (*oauth2.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	began := c.now()
	if client, ok := c.kept.Get(id, began); ok {
		return client, nil
	}
	for {
		a, err := c.ask(ctx, id)
		if err != nil {
			return nil, err
		}
		if a.answers(began, c.keepFor) {
			return a.client, a.err
		}
	}
}

// Unwrap returns the store, so that a server finds its [oauth2.ClientRegistry]. The server calls Forget
// for each client that it changed.
func (c *Cache) Unwrap() oauth2.ClientStore { return c.clients }

// Forget drops a client, such as one that was just changed: calls from now on see the change. Other
// processes see it once their time is over.
func (c *Cache) Forget(id string) {
	c.mu.Lock()
	c.forgotten++
	c.kept.Drop(id)
	c.mu.Unlock()
	c.lookUps.Forget(id)
}

// An answer is what the store said about a client.
type answer struct {
	client *oauth2.Client
	err    error
	// asked is when the store was.
	asked time.Time
}

// answers reports whether the answer is good for a call that began at a time. One that the call
// joined may have been asked for too long before; that there is no client, just before.
func (a answer) answers(began time.Time, keepFor time.Duration) bool {
	if errors.Is(a.err, oauth2.ErrNotFound) {
		return !a.asked.Before(began)
	}
	return a.err != nil || began.Sub(a.asked) < keepFor
}

// ask waits for a look-up of the client, its own or one that is under way. The error is ctx.Err().
func (c *Cache) ask(ctx context.Context, id string) (answer, error) {
	answered := c.lookUps.DoChan(id, func() (any, error) { return c.lookUp(context.WithoutCancel(ctx), id), nil })
	select {
	case <-ctx.Done():
		return answer{}, ctx.Err()
	case result := <-answered:
		return result.Val.(answer), nil
	}
}

func (c *Cache) lookUp(ctx context.Context, id string) (a answer) {
	// No server stands above this goroutine that would survive a panic.
	defer func() {
		if cause := recover(); cause != nil {
			a.client, a.err = nil, fmt.Errorf("clientcache: the store panicked: %v", cause)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	forgotten := c.forgets()
	a.asked = c.now()
	if a.client, a.err = c.clients.Client(ctx, id); a.err == nil {
		c.keep(id, a, forgotten)
	}
	return a
}

func (c *Cache) forgets() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.forgotten
}

func (c *Cache) keep(id string, a answer, forgotten int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forgotten == forgotten {
		c.kept.Put(id, a.client, a.asked.Add(c.keepFor))
	}
}
