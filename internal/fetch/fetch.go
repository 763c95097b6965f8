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
	// Loopback asks this machine alone, in the place of the Internet: URLs may be http, their host is
	// 127.0.0.1, [::1] or localhost, and nothing but a loopback address is connected to. It is for
	// development.
	Loopback bool
}

// A Fetcher reads documents. It is safe for concurrent use.
type Fetcher struct {
	client   *http.Client
	timeout  time.Duration
	maxBytes int64
	valid    func(string) bool
}

// A Document is what was at a URL.
type Document struct {
	Body []byte
	// Fresh is how long it may be used before it is asked for again (RFC 9111 section 4.2), 0 not at all.
	// Negative: the answer does not tell.
	Fresh time.Duration
}

// New returns a Fetcher.
func New(cfg Config) *Fetcher {
	valid, reachable := ValidURL, Public
	if cfg.Loopback {
		valid, reachable = ValidLoopbackURL, netip.Addr.IsLoopback
	}
	client := http.Client{Transport: newTransport(reachable)}
	if cfg.Client != nil {
		client = *cfg.Client
	}
	// A redirect could lead anywhere, and no document that is fetched here needs one.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Jar = nil
	return &Fetcher{client: &client, timeout: cmp.Or(cfg.Timeout, defaultTimeout), maxBytes: cmp.Or(cfg.MaxBytes, defaultMaxBytes), valid: valid}
}

// newTransport connects to reachable addresses alone. The address is looked at when the connection is
// made, so that a name cannot resolve to one address for a check and to another for the call.
func newTransport(reachable func(netip.Addr) bool) *http.Transport {
	// It runs with the address that a connection is about to be made to.
	guard := func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !reachable(to.Addr()) {
			return ErrAddress
		}
		return nil
	}
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

// ValidURL reports whether Get would ask for the URL: it is an absolute https one with a host, and has
// neither user information nor a fragment.
func ValidURL(text string) bool {
	u, ok := parseURL(text)
	return ok && u.Scheme == "https"
}

// ValidLoopbackURL reports the same for a Fetcher of Config.Loopback.
func ValidLoopbackURL(text string) bool {
	u, ok := parseURL(text)
	return ok && (u.Scheme == "https" || u.Scheme == "http") && slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname())
}

func parseURL(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	return u, err == nil && len(text) <= maxURLBytes && u.Hostname() != "" && u.User == nil && !strings.Contains(text, "#")
}

// Get reads the document at a URL, whose media type must be one of mediaTypes. The error wraps one of
// those above, or tells why there was no answer; see [Temporary].
func (f *Fetcher) Get(ctx context.Context, from string, mediaTypes ...string) ([]byte, error) {
	document, err := f.Document(ctx, from, mediaTypes...)
	return document.Body, err
}

// Document is [Fetcher.Get], and tells how long the answer is fresh. A media type that begins with "+" is
// every type with this suffix (RFC 6839).
func (f *Fetcher) Document(ctx context.Context, from string, mediaTypes ...string) (Document, error) {
	if !f.valid(from) {
		return Document{}, ErrURL
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return Document{}, ErrURL
	}
	isSuffix := func(mediaType string) bool { return strings.HasPrefix(mediaType, "+") }
	r.Header.Set("Accept", strings.Join(slices.DeleteFunc(slices.Clone(mediaTypes), isSuffix), ", "))
	res, err := f.client.Do(r)
	if err != nil {
		return Document{}, withoutURL(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return Document{}, statusError(res.StatusCode)
	}
	mediaType, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || !slices.ContainsFunc(mediaTypes, func(wanted string) bool {
		return mediaType == wanted || isSuffix(wanted) && strings.HasSuffix(mediaType, wanted)
	}) {
		return Document{}, ErrMediaType
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, f.maxBytes+1))
	switch {
	case err != nil:
		return Document{}, fmt.Errorf("fetch: %w", err)
	case int64(len(body)) > f.maxBytes:
		return Document{}, ErrTooLarge
	}
	return Document{Body: body, Fresh: freshness(res.Header)}, nil
}

// A statusError is an answer with another status than 200.
type statusError int

func (e statusError) Error() string        { return fmt.Sprintf("%v but %d", ErrStatus, int(e)) }
func (e statusError) Is(target error) bool { return target == ErrStatus }

// Temporary reports whether an error of Get may be gone at the next try: nobody answered, or the answer
// tells that the fault is on its side (RFC 9110 section 15.6) or that there was too much to answer.
func Temporary(err error) bool {
	if status, ok := errors.AsType[statusError](err); ok {
		return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
	}
	if missing, ok := errors.AsType[*net.DNSError](err); ok && missing.IsNotFound {
		return false
	}
	for _, final := range []error{ErrURL, ErrAddress, ErrMediaType, ErrTooLarge} {
		if errors.Is(err, final) {
			return false
		}
	}
	return true
}

// withoutURL takes the URL out of an error: its query may be a secret.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return fmt.Errorf("fetch: %w", err)
}
