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
	errMetadataEndpoint = errors.New("resource: the metadata names no introspection_endpoint that can be used")
)

// discover returns the introspection endpoint. The first that needs it finds it in the metadata; a
// failure is not kept.
func (i *Introspector) discover(ctx context.Context) (string, error) {
	if known := i.endpoint.Load(); known != nil {
		return *known, nil
	}
	return once(ctx, &i.discoveries, "", i.timeout, func(ctx context.Context) (string, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, metadataURL(i.issuer), nil)
		if err != nil {
			return "", err
		}
		body, err := i.fetch(r)
		if err != nil {
			return "", fmt.Errorf("resource: metadata of the authorization server: %w", err)
		}
		endpoint, err := endpointIn(body, i.issuer)
		if err == nil {
			i.endpoint.Store(&endpoint)
		}
		return endpoint, err
	})
}

// metadataURL inserts the well-known path between the host and the path of the issuer, whose last
// slash is dropped (RFC 8414 section 3.1).
func metadataURL(issuer string) string {
	u, _ := url.Parse(issuer) // validated
	base := strings.TrimSuffix(u.EscapedPath(), "/")
	return u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + base
}

// endpointIn reads the metadata. Its issuer must be the one that was asked for, or anyone's server
// could pass for it (RFC 8414 section 3.3).
func endpointIn(body []byte, issuer string) (string, error) {
	var metadata struct {
		Issuer   string `json:"issuer"`
		Endpoint string `json:"introspection_endpoint"`
	}
	err := json.Unmarshal(body, &metadata)
	switch {
	case err != nil:
		return "", fmt.Errorf("resource: metadata of the authorization server: %w", err)
	case metadata.Issuer != issuer:
		return "", errMetadataIssuer
	case !secureURL(metadata.Endpoint):
		return "", errMetadataEndpoint
	}
	return metadata.Endpoint, nil
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
