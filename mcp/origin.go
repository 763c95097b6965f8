package mcp

import (
	"net/http"
	"slices"
	"strings"
)

// anyOrigin stands for every origin.
const anyOrigin = "*"

// exposedHeaders are what a page may read of an answer: the challenge above all.
const exposedHeaders = "WWW-Authenticate, DPoP-Nonce, Mcp-Session-Id, MCP-Protocol-Version, Retry-After"

// callMethods are the methods of the MCP endpoint. GET and DELETE are those of earlier revisions.
const callMethods = "POST, GET, DELETE"

// origins are those whose pages may call.
type origins []string

// origins always has that of the MCP server itself.
func (cfg *Config) origins() origins { return append(origins{webOrigin(cfg.Resource)}, cfg.Origins...) }

// webOrigin is the origin of a URL as browsers write it: in small letters, without the port that its scheme
// has anyway (RFC 6454 sections 4 and 6.2). Headers are compared with it as strings.
func webOrigin(text string) string {
	origin := strings.ToLower(originOf(text))
	for scheme, port := range map[string]string{"http://": ":80", "https://": ":443"} {
		if strings.HasPrefix(origin, scheme) {
			return strings.TrimSuffix(origin, port)
		}
	}
	return origin
}

// admit reports whether a request goes on. Where it does not, it is answered: a foreign page with 403, and
// the question of a browser with what its page may do (Fetch section 4.8). Cookies are never allowed.
func (o origins) admit(w http.ResponseWriter, r *http.Request) bool {
	sent := r.Header.Values("Origin")
	if len(sent) == 0 {
		return true
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	allowed := o.allowed(sent)
	if allowed == "" {
		refuseMessage(w, http.StatusForbidden, codeInvalidRequest, "Pages of this origin may not call here.")
		return false
	}
	h.Set("Access-Control-Allow-Origin", allowed)
	if !isPreflight(r) {
		h.Set("Access-Control-Expose-Headers", exposedHeaders)
		return true
	}
	h.Add("Vary", "Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", callMethods)
	// A tool's parameters may be headers of any name, and a wildcard does not cover Authorization.
	h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
	h.Set("Access-Control-Max-Age", preflightMaxAge)
	w.WriteHeader(http.StatusNoContent)
	return false
}

// allowed is the value of Access-Control-Allow-Origin, "" where there is none.
func (o origins) allowed(sent []string) string {
	switch {
	case len(sent) == 1 && slices.Contains(o, sent[0]) && sent[0] != anyOrigin:
		return sent[0]
	case slices.Contains(o, anyOrigin):
		return anyOrigin
	}
	return ""
}
