package sqlstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/sqlstore"
)

// serverSentences hold of every engine that is a server, behind a network that may fail.
var serverSentences = []sentence{
	{"a write whose answer is lost is an unknown outcome, and was done once", lostAnswer},
	{"what was acknowledged is there after the server was killed", killedServer},
}

func lostAnswer(t *testing.T, e engine) {
	p := newProxy(t, e.server.Address)
	db := openPool(t, e.server.Driver, e.server.DSNThrough(p.address(), e.server.NewDatabase(t)))
	store := e.newStore(t, db)
	for _, id := range []string{"lost-0000000000000001", "lost-0000000000000002", "lost-0000000000000003"} {
		a := record(id)
		p.cut(id)
		requireFault(t, store.Create(t.Context(), a))
		got, err := store.Get(t.Context(), id)
		require.NoError(t, err, "it had gone through")
		require.Equal(t, a, got)

		next := a.Clone()
		next.Subject = "bob"
		p.cut(id)
		requireFault(t, store.Update(t.Context(), next))
		got, err = store.Get(t.Context(), id)
		require.NoError(t, err)
		next.Version++
		require.Equal(t, next, got, "once")

		p.cut(id)
		requireFault(t, store.Delete(t.Context(), id))
		_, err = store.Get(t.Context(), id)
		require.ErrorIs(t, err, oauth2.ErrNotFound)

		p.cut(id)
		_, err = store.Get(t.Context(), id)
		requireFault(t, err)
	}
	require.EqualValues(t, 12, p.cuts.Load())
}

func killedServer(t *testing.T, e engine) {
	const writers = 4
	e = e.another(t)
	store := e.newStore(t, e.newDatabase(t))
	told, stopped := make(chan *oauth2.Authorization, 1_000_000), make(chan error, writers)
	for writer := range writers {
		go func() { stopped <- writeUntilStopped(t, store, writer, told) }()
	}
	require.Eventually(t, func() bool { return len(told) > 200 }, time.Minute, time.Millisecond)
	e.server.Kill()
	for range writers {
		requireFault(t, <-stopped)
	}
	e.server.Start()
	close(told)
	for a := range told {
		got, err := store.Get(t.Context(), a.ID)
		require.NoError(t, err, a.ID)
		require.GreaterOrEqual(t, got.Version, a.Version)
	}
}

// writeUntilStopped tells each record as soon as it is acknowledged.
func writeUntilStopped(t *testing.T, store *sqlstore.Store, writer int, told chan<- *oauth2.Authorization) error {
	for i := 0; ; i++ {
		a := record(fmt.Sprintf("%d-%d", writer, i))
		if err := store.Create(t.Context(), a); err != nil {
			return err
		}
		told <- a.Clone()
		if err := store.Update(t.Context(), a); err != nil {
			return err
		}
		a.Version++
		told <- a
	}
}
