package resource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

var (
	errMetadataIssuer   = errors.New("resource: the metadata is that of another issuer")
	errMetadataEndpoint = errors.New("resource: the metadata names no URL that can be used")
	errNotServed        = errors.New("resource: the metadata does not have the member")
)

// discover returns the introspection endpoint. The first that needs it finds it in the metadata; a
// failure is not kept.
func (i *Introspector) discover(ctx context.Context) (string, error) {
	if known := i.endpoint.Load(); known != nil {
		return *known, nil
	}
	return once(ctx, &i.discoveries, "", i.timeout, func(ctx context.Context) (string, error) {
		if known := i.endpoint.Load(); known != nil {
			return *known, nil // another call has just ended
		}
		endpoint, err := lookUp(ctx, i.client, i.issuer, "introspection_endpoint")
		if err == nil {
			i.endpoint.Store(&endpoint)
		}
		return endpoint, err
	})
}

// lookUp finds a URL in the metadata of an authorization server (RFC 8414 section 3).
func lookUp(ctx context.Context, client *http.Client, issuer, member string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, metadataURL(issuer), nil)
	if err != nil {
		return "", err
	}
	body, err := fetch(client, r, typeJSON)
	if err != nil {
		return "", fmt.Errorf("resource: metadata of the authorization server: %w", err)
	}
	return urlIn(body, issuer, member)
}

// metadataURL inserts the well-known path between the host and the path of the issuer, whose last
// slash is dropped (RFC 8414 section 3.1).
func metadataURL(issuer string) string {
	u, _ := url.Parse(issuer) // validated
	base := strings.TrimSuffix(u.EscapedPath(), "/")
	return u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + base
}

// urlIn reads a URL in the metadata. Its issuer must be the one that was asked for, or anyone's server
// could pass for it (RFC 8414 section 3.3).
func urlIn(body []byte, issuer, member string) (string, error) {
	var metadata map[string]json.RawMessage
	var told, found string
	err := errors.Join(json.Unmarshal(body, &metadata), take(metadata, "issuer", &told), take(metadata, member, &found))
	switch {
	case err != nil:
		return "", fmt.Errorf("resource: metadata of the authorization server: %w", err)
	case told != issuer:
		return "", errMetadataIssuer
	case found == "":
		return "", fmt.Errorf("%w: %s", errNotServed, member)
	case !secureURL(found):
		return "", fmt.Errorf("%w: %s", errMetadataEndpoint, member)
	}
	return found, nil
}

// secureURL reports whether tokens and secrets may be sent there: https, or http on this very
// machine.
func secureURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
