// Package fetch reads small documents from URLs that somebody else chose, such as a client's jwks_uri,
// without letting them reach into the server's own network.
package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	defaultTimeout  = 5 * time.Second
	defaultMaxBytes = 64 << 10
	maxHeaderBytes  = 16 << 10
	maxURLBytes     = 2 << 10
)

// The errors of [Fetcher.Get]. None tells what the answer held.
var (
	ErrURL       = errors.New("fetch: not an https URL with a host and without user information or fragment")
	ErrAddress   = errors.New("fetch: the address is not a public one")
	ErrStatus    = errors.New("fetch: the answer is not 200")
	ErrMediaType = errors.New("fetch: the answer has another media type than it should")
	ErrTooLarge  = errors.New("fetch: the answer is too large")
)

// Config configures a Fetcher. The zero value is the secure default.
type Config struct {
	// Client sends the requests in the place of the guarded one: it may reach what its own transport
	// reaches, a private network included. Redirects are not followed, whatever it says. nil means a
	// client that connects to public addresses alone, looked at once the name is resolved, and that
	// uses no proxy.
	Client *http.Client
	// Timeout bounds one Get from beginning to end. 0 means 5 seconds.
	Timeout time.Duration
	// MaxBytes is how large an answer may be. 0 means 64 KiB.
	MaxBytes int64
}

// A Fetcher reads documents. It is safe for concurrent use.
type Fetcher struct {
	client   *http.Client
	timeout  time.Duration
	maxBytes int64
}

// New returns a Fetcher.
func New(cfg Config) *Fetcher {
	client := http.Client{Transport: newTransport()}
	if cfg.Client != nil {
		client = *cfg.Client
	}
	// A redirect could lead anywhere, and no document that is fetched here needs one.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Jar = nil
	return &Fetcher{client: &client, timeout: cmp.Or(cfg.Timeout, defaultTimeout), maxBytes: cmp.Or(cfg.MaxBytes, defaultMaxBytes)}
}

// newTransport connects to public addresses alone. The address is looked at when the connection is
// made, so that a name cannot resolve to one address for a check and to another for the call.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: defaultTimeout, Control: guard}
	return &http.Transport{
		Proxy:                  nil, // which would resolve the name itself
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		TLSHandshakeTimeout:    defaultTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConns:           16,
		MaxConnsPerHost:        4,
		IdleConnTimeout:        10 * time.Second,
	}
}

// guard runs with the address that a connection is about to be made to.
func guard(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !Public(to.Addr()) {
		return ErrAddress
	}
	return nil
}

// ValidURL reports whether Get would ask for the URL: it is an absolute https one with a host, and has
// neither user information nor a fragment.
func ValidURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= maxURLBytes && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && !strings.Contains(text, "#")
}

// Get reads the document at a URL, whose media type must be one of mediaTypes. The error wraps one of
// those above, or tells why there was no answer.
func (f *Fetcher) Get(ctx context.Context, from string, mediaTypes ...string) ([]byte, error) {
	if !ValidURL(from) {
		return nil, ErrURL
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, ErrURL
	}
	r.Header.Set("Accept", strings.Join(mediaTypes, ", "))
	res, err := f.client.Do(r)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w but %d", ErrStatus, res.StatusCode)
	}
	mediaType, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(mediaTypes, mediaType) {
		return nil, ErrMediaType
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, f.maxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("fetch: %w", err)
	case int64(len(body)) > f.maxBytes:
		return nil, ErrTooLarge
	}
	return body, nil
}

// withoutURL takes the URL out of an error: its query may be a secret.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return fmt.Errorf("fetch: %w", err)
}
