package oauth2

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Resource is a protected resource that tokens are issued for (RFC 8707). The zero value of every
// field but URI leaves the decision to the client and the server.
type Resource struct {
	// URI is the resource indicator: an absolute URI without a fragment (RFC 8707 section 2). It is
	// compared as an exact string, and is the audience of the tokens.
	URI string
	// Scopes are what the resource takes. A token for it carries no others: what was asked for is cut
	// to them, and the client is told (RFC 8707 section 2.2); if nothing remains, the request is
	// refused with invalid_scope. A token for several resources carries what at least one of them
	// takes. nil means every scope.
	Scopes Scope
	// AccessLifetime is the longest that an access token for the resource is good for. The shortest of
	// all that apply counts: those of its resources, and that of its client or of the server. 0 means
	// no limit of its own.
	AccessLifetime time.Duration
	// Format is how an access token for the resource looks. A request for one token for resources of
	// different formats is refused with invalid_target.
	Format TokenFormat
	// Lenient takes requests for other spellings of URI too: the scheme and the host in capitals, and one
	// slash more or less at the end of the path (RFC 3986 section 6.2). What is recorded, and the audience
	// of the tokens, is URI. The zero value takes the exact string alone.
	Lenient bool
}

// A TokenFormat is how an access token looks. Clients cannot tell, and must not try (RFC 9068 section 6).
type TokenFormat string

const (
	// FormatOpaque is a random text that only this server can tell the meaning of, in process or by
	// introspection. A revocation is seen at the next check.
	FormatOpaque TokenFormat = ""
	// FormatJWT is a signed JWT that the resource verifies by itself (RFC 9068). Without introspection
	// it is good until it expires, whatever is revoked meanwhile. That of a client that acts for itself is
	// written nowhere: it cannot be ended singly, and introspection knows it by its signature alone.
	FormatJWT TokenFormat = "jwt"
)

// validateResources reports what is wrong with each protected resource.
func (cfg *ServerConfig) validateResources(report func(wrong bool, format string, args ...any)) {
	for i, r := range cfg.Resources {
		u, err := url.Parse(r.URI)
		report(err != nil || u.Scheme == "" || strings.Contains(r.URI, "#"), "Resources: %q is not an absolute URI without a fragment", r.URI)
		report(cfg.resource(r.URI) != &cfg.Resources[i], "Resources: %q occurs twice", r.URI)
		report(r.Lenient && cfg.spelledAlike(r) > 1, "Resources: %q is Lenient, and differs from another in its spelling alone", r.URI)
		for _, token := range r.Scopes {
			report(!validScopeToken(token), "Resources: %q: the scope %q is malformed", r.URI, token)
			report(cfg.Scopes != nil && validScopeToken(token) && !cfg.Scopes.Has(token), "Resources: %q: the scope %q is not among Scopes", r.URI, token)
		}
		report(r.AccessLifetime != 0 && r.AccessLifetime < time.Second, "Resources: %q: AccessLifetime %v is shorter than a second", r.URI, r.AccessLifetime)
		report(r.Format != FormatOpaque && r.Format != FormatJWT, "Resources: %q: the Format %q is unknown", r.URI, r.Format)
	}
}

// resource finds the configuration of a resource; nil where it is not served.
func (cfg *ServerConfig) resource(uri string) *Resource {
	for i := range cfg.Resources {
		if cfg.Resources[i].URI == uri {
			return &cfg.Resources[i]
		}
	}
	return nil
}

// requestedAs finds the resource that a request means; nil where it is not served.
func (cfg *ServerConfig) requestedAs(uri string) *Resource {
	if r := cfg.resource(uri); r != nil {
		return r
	}
	for i := range cfg.Resources {
		if r := &cfg.Resources[i]; r.Lenient && plainSpelling(r.URI) == plainSpelling(uri) {
			return r
		}
	}
	return nil
}

// spelledAlike counts the resources that a request for r could mean.
func (cfg *ServerConfig) spelledAlike(r Resource) (n int) {
	for _, other := range cfg.Resources {
		if plainSpelling(other.URI) == plainSpelling(r.URI) {
			n++
		}
	}
	return n
}

// plainSpelling is a URI with its scheme and host in small letters, and without a slash at the end of its
// path. A query stays as it is.
func plainSpelling(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	path := rest[end:]
	if !strings.ContainsAny(path, "?#") {
		path = strings.TrimSuffix(path, "/")
	}
	return strings.ToLower(scheme) + "://" + strings.ToLower(rest[:end]) + path
}

// scopeFor cuts a scope to what at least one of the resources takes (RFC 8707 section 2.2). A resource
// that is served no more, as that of an older record, limits nothing: no API accepts its tokens.
func (cfg *ServerConfig) scopeFor(resources []string, scope Scope) (Scope, error) {
	if len(resources) == 0 || len(scope) == 0 {
		return scope, nil
	}
	var taken Scope
	for _, uri := range resources {
		r := cfg.resource(uri)
		if r == nil || r.Scopes == nil {
			return scope, nil
		}
		taken = append(taken, r.Scopes...)
	}
	if taken.Includes(scope) {
		return scope, nil
	}
	cut := slices.DeleteFunc(slices.Clone(scope), func(token string) bool { return !taken.Has(token) })
	if len(cut) == 0 {
		return nil, ErrInvalidScope.With("The resource takes none of the scope.")
	}
	return cut, nil
}

// lifetimeFor is the shortest of the lifetimes that apply to an access token.
func (cfg *ServerConfig) lifetimeFor(client *Client, resources []string) time.Duration {
	lifetime := cfg.AccessLifetime
	if client.AccessLifetime != 0 {
		lifetime = client.AccessLifetime
	}
	for _, uri := range resources {
		if r := cfg.resource(uri); r != nil && r.AccessLifetime != 0 {
			lifetime = min(lifetime, r.AccessLifetime)
		}
	}
	return lifetime
}

// formatFor is the one format of an access token for these resources. A resource that is served no more,
// as that of an older record, wants none.
func (cfg *ServerConfig) formatFor(resources []string) (TokenFormat, error) {
	var first *Resource
	for _, uri := range resources {
		r := cfg.resource(uri)
		switch {
		case r == nil:
		case first == nil:
			first = r
		case r.Format != first.Format:
			return FormatOpaque, ErrInvalidTarget.With("The resources take tokens of different formats: ask for one at a time.")
		}
	}
	if first == nil {
		return FormatOpaque, nil
	}
	return first.Format, nil
}
