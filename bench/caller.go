package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// A Caller sends requests to one target. It is used by one goroutine at a time.
type Caller interface {
	// Get and Post return the answer, which is good until the next call.
	Get(target string) (*Answer, error)
	Post(path string, header http.Header, form []byte) (*Answer, error)
}

// An Answer is what a server said.
type Answer struct {
	Status   int
	Location string
	Body     []byte
}

// inProcess calls a handler without a connection. It uses one request and one response over and over,
// so that what is allocated is the server's.
type inProcess struct {
	handler http.Handler
	request http.Request
	url     url.URL
	body    formBody
	writer  memoryWriter
	answer  Answer
}

// InProcess returns a Caller of a handler in this process.
func InProcess(h http.Handler) Caller {
	return &inProcess{handler: h, writer: memoryWriter{header: http.Header{}}}
}

var noHeader = http.Header{}

func (c *inProcess) Get(target string) (*Answer, error) {
	u, err := url.ParseRequestURI(target) // as net/http does for every request
	if err != nil {
		return nil, err
	}
	c.url = *u
	return c.serve(http.MethodGet, target, noHeader, nil)
}

func (c *inProcess) Post(path string, header http.Header, form []byte) (*Answer, error) {
	c.url = url.URL{Path: path}
	return c.serve(http.MethodPost, path, header, form)
}

func (c *inProcess) serve(method, uri string, header http.Header, form []byte) (*Answer, error) {
	c.body.Reset(form)
	c.request = http.Request{
		Method: method, URL: &c.url, RequestURI: uri,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: &c.body, ContentLength: int64(len(form)),
		Host: "id.example.com", RemoteAddr: "127.0.0.1:50000",
	}
	c.writer.reset()
	c.handler.ServeHTTP(&c.writer, &c.request)
	c.answer = Answer{Status: c.writer.status, Body: c.writer.body.Bytes()}
	if location := c.writer.header["Location"]; len(location) == 1 {
		c.answer.Location = location[0]
	}
	return &c.answer, nil
}

// A formBody is a request's body.
type formBody struct{ bytes.Reader }

func (*formBody) Close() error { return nil }

// A memoryWriter is an http.ResponseWriter that is used again.
type memoryWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *memoryWriter) reset() {
	clear(w.header)
	w.status = 0
	w.body.Reset()
}

func (w *memoryWriter) Header() http.Header { return w.header }

func (w *memoryWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *memoryWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *memoryWriter) WriteString(s string) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.WriteString(s)
}

// loopback calls a server over a TCP connection that is kept.
type loopback struct {
	client *http.Client
	base   string
	body   bytes.Buffer
	answer Answer
}

func (c *loopback) Get(target string) (*Answer, error) {
	return c.send(http.MethodGet, target, noHeader, nil)
}

func (c *loopback) Post(path string, header http.Header, form []byte) (*Answer, error) {
	return c.send(http.MethodPost, path, header, form)
}

func (c *loopback) send(method, target string, header http.Header, form []byte) (*Answer, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, c.base+target, bytes.NewReader(form))
	if err != nil {
		return nil, err
	}
	r.Header = header
	res, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	c.body.Reset()
	if _, err := io.Copy(&c.body, res.Body); err != nil {
		return nil, err
	}
	c.answer = Answer{Status: res.StatusCode, Location: res.Header.Get("Location"), Body: c.body.Bytes()}
	return &c.answer, nil
}

// Dial returns a maker of Callers of a server at this address, which is a host and a port, and a
// function that closes their connections. The Callers share a pool.
func Dial(address string) (newCaller func() Caller, hangUp func()) {
	transport := &http.Transport{MaxIdleConnsPerHost: 1024}
	newCaller = func() Caller {
		return &loopback{
			base: "http://" + address,
			client: &http.Client{
				Transport:     transport,
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
		}
	}
	return newCaller, transport.CloseIdleConnections
}

// Serve listens on loopback for a handler. It returns a maker of Callers and a function that stops the
// server.
func Serve(h http.Handler) (newCaller func() Caller, stop func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("bench: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // which ends with http.ErrServerClosed
	}()
	newCaller, hangUp := Dial(listener.Addr().String())
	stop = func() {
		hangUp()
		_ = server.Close() // nothing is under way that could be lost
		<-done
	}
	return newCaller, stop, nil
}
