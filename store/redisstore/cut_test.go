package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/testserver"
	"github.com/seed5f5fedc6/oauth2/store/redisstore"
	"github.com/seed5f5fedc6/oauth2/store/storetest"
)

// A cutter dials connections that it cuts after the server has executed a command, so that the
// client never sees the reply.
type cutter struct {
	// marker is a part of the next command that is cut. nil: it is none.
	marker atomic.Pointer[string]
	// often cuts one command in eight.
	often atomic.Bool
	cuts  atomic.Int64
}

func (c *cutter) wants(command []byte) bool {
	if marker := c.marker.Load(); marker != nil && bytes.Contains(command, []byte(*marker)) {
		return c.marker.CompareAndSwap(marker, nil)
	}
	return c.often.Load() && rand.IntN(8) == 0
}

func (c *cutter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return &cutConn{Conn: conn, cutter: c}, err
}

type cutConn struct {
	net.Conn
	cutter *cutter
	cut    atomic.Bool
}

func (c *cutConn) Write(p []byte) (int, error) {
	if c.cutter.wants(p) {
		c.cut.Store(true)
	}
	return c.Conn.Write(p)
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.cut.Load() {
		c.cutter.cuts.Add(1)
		return 0, errors.Join(io.EOF, c.Close())
	}
	return n, err
}

// once cuts the connection of the next command that contains a marker.
func (c *cutter) once(t *testing.T, marker string, do func() error) error {
	t.Helper()
	before := c.cuts.Load()
	c.marker.Store(&marker)
	err := do()
	require.Equal(t, before+1, c.cuts.Load(), "nothing was cut")
	return err
}

func TestTheOutcomeOfAWriteIsUnknownWhenTheConnectionIsCut(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t)
	cut := new(cutter)
	client := newClient(t, &redis.Options{Addr: addr, Dialer: cut.dial})
	store := newStore(t, client, redisstore.Options{})
	requireUnknownOutcomes(t, store, cut)

	t.Run("though the client by itself would have repeated it", func(t *testing.T) {
		require.NoError(t, cut.once(t, "counter", func() error { return client.Incr(t.Context(), "counter").Err() }))
		require.Equal(t, "2", client.Get(t.Context(), "counter").Val())
	})
}

func TestAServerBehindAConnectionThatBreaksKeepsTheContract(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t, "--appendonly", "no")
	cut := new(cutter)
	// Of the old protocol, which must do as well.
	client := newClient(t, &redis.Options{Addr: addr, Dialer: cut.dial, Protocol: 2})
	runUnreliable(t, eachEmpty(client, redisstore.Options{}), cut)
}

// runUnreliable runs the part of the conformance kit that is about connections that break.
func runUnreliable(t *testing.T, newStore func(t *testing.T) *redisstore.Store, cut *cutter) {
	storetest.RunUnreliable(t, func(t *testing.T) oauth2.TokenStore {
		store := newStore(t)
		cut.often.Store(true)
		t.Cleanup(func() { cut.often.Store(false) })
		return store
	})
}

// requireUnknownOutcomes cuts the connection at each kind of write, after it was made.
func requireUnknownOutcomes(t *testing.T, store *redisstore.Store, cut *cutter) {
	t.Helper()
	ctx, clients := t.Context(), store.Clients()
	for _, id := range []string{"warms-the-script-cache", "cut"} {
		a := record(id)
		require.NoError(t, store.Create(ctx, a))
		require.NoError(t, store.Update(ctx, a))
		require.NoError(t, store.Delete(ctx, a.ID))
	}
	a := record("cut")
	requireFault(t, cut.once(t, `"id":"cut"`, func() error { return store.Create(ctx, a) }))
	requireStored(t, store, a)
	requireListed(t, store, a.ID)

	requireFault(t, cut.once(t, `"id":"cut"`, func() error { return store.Update(ctx, a) }))
	a.Version++
	requireStored(t, store, a)

	requireFault(t, cut.once(t, "\r\ndel\r\n", func() error { return store.Delete(ctx, a.ID) }))
	_, err := store.Get(ctx, a.ID)
	require.ErrorIs(t, err, oauth2.ErrNotFound)

	requireFault(t, cut.once(t, `"client_id":"web"`, func() error { return clients.CreateClient(ctx, &oauth2.Client{ID: "web"}) }))
	requireFault(t, cut.once(t, "Renamed", func() error { return clients.UpdateClient(ctx, &oauth2.Client{ID: "web", Name: "Renamed"}) }))
	c, err := clients.Client(ctx, "web")
	require.NoError(t, err)
	require.Equal(t, "Renamed", c.Name)
}

func TestARecordThatCouldNotBeFiledIsNotStored(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t)
	cut := new(cutter)
	store := newStore(t, newClient(t, &redis.Options{Addr: addr, Dialer: cut.dial}), redisstore.Options{})
	a := record("a")
	requireFault(t, cut.once(t, ":ids", func() error { return store.Create(t.Context(), a) }))
	_, err := store.Get(t.Context(), a.ID)
	require.ErrorIs(t, err, oauth2.ErrNotFound)
}

func TestAReadIsRepeatedWhenTheConnectionIsCut(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t)
	cut := new(cutter)
	store := newStore(t, newClient(t, &redis.Options{Addr: addr, Dialer: cut.dial}), redisstore.Options{})
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	require.NoError(t, cut.once(t, "getex", func() error {
		_, err := store.Get(t.Context(), a.ID)
		return err
	}))
}

func TestAClosedClientFailsAndSaysNothingAboutRecords(t *testing.T) {
	t.Parallel()
	addr, _ := testserver.Redis(t)
	client := redis.NewClient(&redis.Options{Addr: addr})
	store := newStore(t, client, redisstore.Options{})
	a := record("a")
	require.NoError(t, store.Create(t.Context(), a))
	require.NoError(t, client.Close())
	_, getErr := store.Get(t.Context(), a.ID)
	_, listErr := store.List(t.Context(), oauth2.ListQuery{Limit: 1})
	_, clientErr := store.Clients().Client(t.Context(), "web")
	for _, err := range []error{
		store.Create(t.Context(), a), getErr, store.Update(t.Context(), a), store.Delete(t.Context(), a.ID),
		listErr, clientErr, store.Clients().CreateClient(t.Context(), &oauth2.Client{ID: "web"}),
		store.Clients().DeleteClient(t.Context(), "web"),
	} {
		requireFault(t, err)
	}
}
