// Package discovery finds an authorization server's endpoints in its metadata (RFC 8414), the first
// time they are needed, so that the example programs may start in any order.
package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// maxBytes bounds what is read of the metadata.
const maxBytes = 256 << 10

// Metadata are the members of RFC 8414 section 2 that the example clients use.
type Metadata struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	RevocationEndpoint    string `json:"revocation_endpoint"`
	// DeviceAuthorizationEndpoint is empty where devices are not served (RFC 8628 section 4).
	DeviceAuthorizationEndpoint string `json:"device_authorization_endpoint"`
	// NamesIssuer is true when every authorization response has the parameter iss (RFC 9207
	// section 3).
	NamesIssuer bool `json:"authorization_response_iss_parameter_supported"`
}

// ErrOtherIssuer says that the metadata is that of another issuer than was asked for.
var ErrOtherIssuer = errors.New("the metadata is that of another issuer")

// A Finder knows the metadata of one issuer once it was found; a failure is not kept. It is safe for
// concurrent use.
type Finder struct {
	issuer string
	client *http.Client

	mu    sync.Mutex
	found *Metadata
}

// NewFinder returns a Finder for an issuer, which asks with client.
func NewFinder(issuer string, client *http.Client) *Finder {
	return &Finder{issuer: issuer, client: client}
}

// NewClient returns an HTTP client for requests that carry credentials: it follows no redirect and
// does not wait for ever.
func NewClient() *http.Client {
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Find returns the metadata. It must name exactly the issuer that was asked for (RFC 8414
// section 3.3); an error says why there is none.
func (f *Finder) Find(ctx context.Context) (*Metadata, error) {
	f.mu.Lock()
	found := f.found
	f.mu.Unlock()
	if found != nil {
		return found, nil
	}
	found, err := f.fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("the authorization server %s cannot be reached: %w", f.issuer, err)
	}
	f.mu.Lock()
	f.found = found
	f.mu.Unlock()
	return found, nil
}

func (f *Finder) fetch(ctx context.Context) (*Metadata, error) {
	address, err := metadataURL(f.issuer)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", address, res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBytes))
	if err != nil {
		return nil, err
	}
	var m Metadata
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	if m.Issuer != f.issuer {
		return nil, ErrOtherIssuer
	}
	return &m, nil
}

// metadataURL inserts the well-known path between the host and the path of the issuer (RFC 8414
// section 3.1).
func metadataURL(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return "", err
	}
	if u.Host == "" {
		return "", fmt.Errorf("the issuer %q is no absolute URL", issuer)
	}
	return u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.EscapedPath(), "/"), nil
}
