package storetest

import (
	"context"
	"sync/atomic"

	"github.com/seed5f5fedc6/oauth2"
)

// A decorator shows the four methods only, as one that adds metrics would, and lets the rest be
// found.
type decorator struct{ oauth2.TokenStore }

func (d decorator) Unwrap() oauth2.TokenStore { return d.TokenStore }

// capability finds an optional interface as the Server does.
func capability[T any](store oauth2.TokenStore) (T, bool) {
	for {
		if capable, ok := store.(T); ok {
			return capable, true
		}
		wrapper, ok := store.(interface{ Unwrap() oauth2.TokenStore })
		if !ok {
			var none T
			return none, false
		}
		store = wrapper.Unwrap()
	}
}

// Replicas is a store whose calls go to several in turn: handles of one database, as processes or
// machines of their own have them. [Run] then proves that they behave as one. A lock or a cache that
// only one handle knows of is found out.
func Replicas(first oauth2.TokenStore, others ...oauth2.TokenStore) oauth2.TokenStore {
	return &replicas{stores: append([]oauth2.TokenStore{first}, others...)}
}

type replicas struct {
	stores []oauth2.TokenStore
	calls  atomic.Uint64
}

func (r *replicas) next() oauth2.TokenStore {
	return r.stores[r.calls.Add(1)%uint64(len(r.stores))]
}

func (r *replicas) Create(ctx context.Context, a *oauth2.Authorization) error {
	return r.next().Create(ctx, a)
}

func (r *replicas) Get(ctx context.Context, id string) (*oauth2.Authorization, error) {
	return r.next().Get(ctx, id)
}

func (r *replicas) Update(ctx context.Context, a *oauth2.Authorization) error {
	return r.next().Update(ctx, a)
}

func (r *replicas) Delete(ctx context.Context, id string) error { return r.next().Delete(ctx, id) }

// Unwrap lets the first store's further capabilities be found.
func (r *replicas) Unwrap() oauth2.TokenStore { return r.stores[0] }
