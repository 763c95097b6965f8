package sqlstore_test

import (
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
	server := map[sqlstore.Dialect]func(testing.TB) engine{sqlstore.PostgreSQL: postgresEngine, sqlstore.MySQL: mariadbEngine}[e.dialect](t)
	store := server.newStore(t, server.newDatabase(t))
	told := make(chan *oauth2.Authorization, 1_000_000)
	stopped := make(chan error, 4)
	for writer := range 4 {
		go func() {
			for i := 0; ; i++ {
				a := record(string(rune('a'+writer)) + "-" + time.Now().Format(time.RFC3339Nano))
				if err := store.Create(t.Context(), a); err != nil {
					stopped <- err
					return
				}
				told <- a.Clone()
				if err := store.Update(t.Context(), a); err != nil {
					stopped <- err
					return
				}
				a.Version++
				told <- a
			}
		}()
	}
	for len(told) < 200 {
		time.Sleep(time.Millisecond)
	}
	server.server.Kill()
	for range 4 {
		requireFault(t, <-stopped)
	}
	server.server.Start()
	close(told)
	for a := range told {
		got, err := store.Get(t.Context(), a.ID)
		require.NoError(t, err, a.ID)
		require.GreaterOrEqual(t, got.Version, a.Version)
	}
}
