package mcp

import (
	"net/http"
	"net/url"
	"strings"
)

// The well-known paths of an authorization server's metadata (RFC 8414 section 3.1, and section 5 on that
// of OpenID Connect Discovery).
const (
	oauthMetadataPath  = "/.well-known/oauth-authorization-server"
	openIDMetadataPath = "/.well-known/openid-configuration"
)

// discoveryPaths are where clients look for the metadata of an issuer, in their order: the well-known
// paths before the path of the issuer, and that of OpenID behind it. A slash at the end of the issuer is
// no part of these (RFC 8414 section 3.1), but some clients keep it. Some of them may be the same.
func discoveryPaths(issuer string) []string {
	u, _ := url.Parse(issuer) // validated
	base := strings.TrimSuffix(u.Path, "/")
	paths := []string{oauthMetadataPath + base, openIDMetadataPath + base, base + openIDMetadataPath}
	if base != u.Path {
		paths = append(paths, oauthMetadataPath+u.Path, openIDMetadataPath+u.Path)
	}
	return paths
}

// discovery serves public metadata. A page that asks with headers of its own, such as
// MCP-Protocol-Version, asks first whether it may (Fetch section 4.8), and may.
func discovery(metadata http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !isPreflight(r) {
			metadata(w, r)
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", http.MethodGet)
		h.Set("Access-Control-Allow-Headers", "*")
		h.Set("Access-Control-Max-Age", preflightMaxAge)
		w.WriteHeader(http.StatusNoContent)
	}
}

// preflightMaxAge is how long a browser remembers what it was told, in seconds.
const preflightMaxAge = "600"

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}
