package sqlstore_test

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A proxy stands between a store and its server, and can cut a connection at the worst moment.
type proxy struct {
	listener net.Listener
	server   string
	// cutAfter is what a request must hold for its answer to be dropped, with the connection. The
	// server has carried it out by then.
	cutAfter atomic.Pointer[[]byte]
	cuts     atomic.Int64
	wg       sync.WaitGroup
}

func newProxy(t *testing.T, server string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: listener, server: server}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// cut drops the answer to the next request that holds a text.
func (p *proxy) cut(text string) {
	marker := []byte(text)
	p.cutAfter.Store(&marker)
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			client.Close()
			continue
		}
		var doomed atomic.Bool
		p.wg.Go(func() { p.pass(server, client, &doomed, p.isMarked) })
		p.wg.Go(func() { p.pass(client, server, &doomed, nil) })
	}
}

// isMarked reports whether a request is the one whose answer is to be dropped.
func (p *proxy) isMarked(request []byte) bool {
	marker := p.cutAfter.Load()
	return marker != nil && bytes.Contains(request, *marker) && p.cutAfter.CompareAndSwap(marker, nil)
}

// pass passes on what comes from one side until either has gone. On a doomed connection the next
// answer ends it.
func (p *proxy) pass(to, from net.Conn, doomed *atomic.Bool, isMarked func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		switch {
		case isMarked == nil && doomed.Load():
			p.cuts.Add(1)
			return
		case isMarked != nil && isMarked(buffer[:n]):
			doomed.Store(true)
		}
		if _, writeErr := to.Write(buffer[:n]); err != nil || writeErr != nil {
			return
		}
	}
}
