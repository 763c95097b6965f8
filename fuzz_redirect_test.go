package oauth2

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var redirectSeeds = []string{
	"https://app.example.com/callback", "https://app.example.com/cb?tenant=1", "http://127.0.0.1/cb", "http://127.0.0.1:8400/cb",
	"http://[::1]:1234/cb?x=1", "http://localhost:8600/cb", "com.example.app:/cb", "https://a@b/", "https://a/#", "https://*.a/", "javascript:alert(1)",
	"https://a/../b", "https://a/%2e%2e/b", "http://a/", "https://a\\@b/", "//a/b", "HTTPS://A/", "https://:443/", "http://127.1/", "http://2130706433/",
	"http://[::ffff:127.0.0.1]/", "http://127.0.0.1.evil.example/", "http://127.0.0.1:80@evil.example/", "com.example.app://x", "view-source:https://a/",
	"https://a;b/", "https://a%2eb/", "https://é/",
}

// plainURI is RFC 3986's appendix B, of the characters that a URI can have, without a fragment.
var plainURI = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):(?://([A-Za-z0-9._:\[\]-]*))?([A-Za-z0-9._~:/?@!$&'()+,;=%\[\]-]*)$`)

// What may be registered has no fragment, user information, wildcard or path that is resolved, and is
// asked of a server: of one at https, of this very machine, or of an app on it.
func FuzzValidateRedirectURI(f *testing.F) {
	for _, seed := range redirectSeeds {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, uri string, native bool) {
		err := ValidateRedirectURI(uri, native)
		if err != nil {
			require.ErrorIs(t, err, ErrRedirectURI)
			return
		}
		parts := plainURI.FindStringSubmatch(uri)
		require.NotNil(t, parts, "it has other characters than a plain URI")
		u, err := url.Parse(uri)
		require.NoError(t, err)
		require.Equal(t, strings.ToLower(parts[1]), u.Scheme, "both readings agree on the scheme")
		require.Equal(t, parts[2], u.Host, "both readings agree on the host")
		require.Nil(t, u.User)
		require.Empty(t, u.Fragment)
		for _, segment := range strings.Split(u.Path, "/") {
			require.NotContains(t, []string{".", ".."}, segment)
		}
		switch u.Scheme {
		case "https":
			require.NotEmpty(t, u.Hostname())
		case "http":
			ip := net.ParseIP(u.Hostname())
			require.True(t, u.Hostname() == "localhost" || ip != nil && ip.IsLoopback(), u.Host)
		default:
			require.True(t, native)
			require.Contains(t, u.Scheme, ".", "a private-use scheme is a name that was registered")
		}
		requirePolicySource(t, redirectOrigin(uri))
		c := Client{RedirectURIs: []string{uri}}
		require.True(t, c.matchRedirectURI(uri), "what is registered can be asked for")
	})
}

// policySource is a host-source or scheme-source of a Content-Security-Policy.
var policySource = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:(//[A-Za-z0-9._-]+(:[0-9]*)?)?$`)

func requirePolicySource(t *testing.T, source string) {
	require.Regexp(t, policySource, source, "it would end the directive or the policy")
}

// A requested redirect URI is a registered one byte for byte; of a native client's on a loopback IP
// address the port alone may differ (RFC 8252 section 7.3).
func FuzzMatchRedirectURI(f *testing.F) {
	for i, seed := range redirectSeeds {
		f.Add(seed, seed, i%2 == 0)
		f.Add(seed, redirectSeeds[(i+1)%len(redirectSeeds)], true)
	}
	for _, pair := range [][2]string{
		{"http://127.0.0.1/cb", "http://127.0.0.1:65535/cb"}, {"http://127.0.0.1/cb", "http://127.0.0.1:/cb"}, {"http://127.0.0.1:1/cb", "http://127.0.0.1:1@evil/cb"},
		{"http://[::1]/", "http://[::1]:9/"}, {"http://127.0.0.1", "http://127.0.0.1:123456"}, {"http://localhost/cb", "http://localhost:1/cb"},
		{"http://127.0.0.1/cb", "http://127.0.0.1:1/cb?x"}, {"https://127.0.0.1/", "https://127.0.0.1:1/"}, {"http://127.0.0.1/cb", "http://127.0.0.10/cb"},
	} {
		f.Add(pair[0], pair[1], true)
	}
	f.Fuzz(func(t *testing.T, registered, requested string, native bool) {
		if ValidateRedirectURI(registered, native) != nil {
			return
		}
		kind := "web"
		if native {
			kind = "native"
		}
		c := Client{ApplicationType: kind, RedirectURIs: []string{"https://other.example.com/", registered}}
		want := requested == registered || requested == "https://other.example.com/" || native && sameButForLoopbackPort(registered, requested)
		require.Equal(t, want, c.matchRedirectURI(requested))
	})
}

// sameButForLoopbackPort takes both apart from the end: without its port each must be the same bytes.
func sameButForLoopbackPort(a, b string) bool {
	withoutPort := func(uri string) (string, bool) {
		end := len("http://")
		if len(uri) < end {
			return "", false
		}
		if i := strings.IndexAny(uri[end:], "/?"); i >= 0 {
			end += i
		} else {
			end = len(uri)
		}
		authority := uri[len("http://"):end]
		host := authority
		if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
			digits := authority[i+1:]
			if _, err := strconv.ParseUint(digits, 10, 32); err != nil || len(digits) > 5 {
				return "", false
			}
			host = authority[:i]
		}
		return "http://" + host + uri[end:], uri[:len("http://")] == "http://" && slices.Contains([]string{"127.0.0.1", "[::1]"}, host)
	}
	restA, okA := withoutPort(a)
	restB, okB := withoutPort(b)
	return okA && okB && restA == restB
}
