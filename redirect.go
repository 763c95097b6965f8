package oauth2

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// ErrRedirectURI is wrapped by every error of [ValidateRedirectURI].
var ErrRedirectURI = errors.New("redirect URI not allowed")

// dangerousSchemes are run or read by a browser instead of being asked of a server.
var dangerousSchemes = []string{"javascript", "data", "file", "vbscript", "blob", "about", "view-source", "ws", "wss", "ftp"}

// ValidateRedirectURI reports whether a redirect URI may be registered: absolute, without a
// fragment, user information or wildcard (RFC 6749 section 3.1.2, RFC 9700 section 4.1.3). The scheme
// is https; or http on 127.0.0.1, [::1] or localhost; or, for a native client, a private-use scheme
// with a dot in its name (RFC 8252 section 7.1). Errors wrap [ErrRedirectURI].
func ValidateRedirectURI(uri string, native bool) error {
	refuse := func(why string) error { return fmt.Errorf("%w: %q %s", ErrRedirectURI, uri, why) }
	if !uriCharacters(uri) {
		return refuse("has a character that a URI cannot have")
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "":
		return refuse("is not absolute")
	case strings.Contains(uri, "#"):
		return refuse("has a fragment")
	case strings.Contains(uri, "*"):
		return refuse("has a wildcard")
	case u.User != nil:
		return refuse("has user information")
	case u.Host != "" && !plainHost(u.Host):
		return refuse("has a host with other characters than letters, digits, '-', '.' and a port")
	case slices.Contains(dangerousSchemes, u.Scheme):
		return refuse("has a scheme that browsers run")
	case slices.Contains(strings.Split(u.Path, "/"), "..") || slices.Contains(strings.Split(u.Path, "/"), "."):
		return refuse("has a path that is resolved elsewhere")
	}
	switch {
	case u.Scheme == "https" && u.Hostname() != "":
		return nil
	case u.Scheme == "http" && loopbackHost(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return refuse("is http, and not on this machine")
	case native && strings.Contains(u.Scheme, "."):
		return nil
	}
	return refuse("has a scheme that is not served")
}

// uriCharacters reports whether a text has none but the characters of a URI (RFC 3986 section 2).
func uriCharacters(uri string) bool {
	return !strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"<>\^`+"`{|}", r) })
}

// matchRedirectURI reports whether a requested redirect URI is one of the client's
// (RFC 9700 section 2.1: exact string matching, but for the port of a native client's loopback IP
// redirect, RFC 8252 section 7.3).
func (c *Client) matchRedirectURI(uri string) bool {
	if slices.Contains(c.RedirectURIs, uri) {
		return true
	}
	if !c.native() {
		return false
	}
	rest, ok := cutLoopbackPort(uri)
	return ok && slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		other, ok := cutLoopbackPort(registered)
		return ok && other == rest
	})
}

// cutLoopbackPort removes the port from a redirect URI on a loopback IP literal. It works on the
// text, so nothing but the port can differ.
func cutLoopbackPort(uri string) (string, bool) {
	for _, origin := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(uri, origin)
		if !ok {
			continue
		}
		if port, ok := strings.CutPrefix(rest, ":"); ok {
			digits := 0
			for digits < len(port) && '0' <= port[digits] && port[digits] <= '9' {
				digits++
			}
			if digits == 0 || digits > 5 {
				return "", false
			}
			rest = port[digits:]
		}
		if rest != "" && rest[0] != '/' && rest[0] != '?' {
			return "", false
		}
		return origin + rest, true
	}
	return "", false
}

// loopbackHost reports whether a host name means this very machine. The name localhost is included
// although it can be mapped elsewhere: the issuer's own operator decides that.
func loopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || addr == netip.IPv6Loopback())
}

// redirectOrigin is what a Content-Security-Policy calls the redirect URI: its origin; or the bare
// scheme where there is no host, or one that a policy cannot name, such as an IPv6 address.
func redirectOrigin(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	web := u.Scheme == "http" || u.Scheme == "https"
	if !web || !plainHost(u.Host) || strings.HasPrefix(u.Host, "[") {
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

// webOrigin is the origin of a URL as browsers write it: in lower case, and without the port that is
// the scheme's own (RFC 6454 section 6.2).
func webOrigin(u *url.URL) string {
	host, port := strings.ToLower(u.Host), u.Port()
	if port == "" || port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host
}

// plainHost reports whether a host is a name or an address with an optional port, and so nothing
// that could end a directive of a policy.
func plainHost(host string) bool {
	if literal, ok := strings.CutPrefix(host, "["); ok { // RFC 3986 section 3.2.2
		address, port, _ := strings.Cut(literal, "]")
		ip, err := netip.ParseAddr(address)
		return err == nil && ip.Is6() && ip.Zone() == "" && (port == "" || plainHost(port))
	}
	for i := range len(host) {
		c := host[i]
		if !unreserved(c) && c != ':' || c == '~' {
			return false
		}
	}
	return host != ""
}
