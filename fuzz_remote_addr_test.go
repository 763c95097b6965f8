package oauth2

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An address is the connection's, or one that a trusted proxy saw: nobody chooses for himself what is
// counted (ServerConfig.TrustedProxies).
func FuzzRemoteAddr(f *testing.F) {
	for _, seed := range [][2]string{
		{"192.0.2.1:1", "203.0.113.9"}, {"10.0.0.1:1", "203.0.113.9"}, {"10.0.0.1:1", "198.51.100.7, 203.0.113.9, 10.1.1.1"}, {"10.0.0.1:1", "x, 10.0.0.2"},
		{"10.0.0.1:1", ""}, {"10.0.0.1:1", "203.0.113.9:4711"}, {"10.0.0.1:1", "[2001:db8::1]:1, ::ffff:10.0.0.3"}, {"@", "203.0.113.9"}, {"[::ffff:10.0.0.1]:1", "fe80::1%eth0"}, {"", ",,"},
	} {
		f.Add(seed[0], seed[1])
	}
	inside := netip.MustParsePrefix("10.0.0.0/8")
	f.Fuzz(func(t *testing.T, connection, forwarded string) {
		bare, proxied := new(Server), &Server{cfg: ServerConfig{TrustedProxies: []netip.Prefix{inside}}}
		r := &http.Request{RemoteAddr: connection, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		direct, behind := bare.RemoteAddr(r), proxied.RemoteAddr(r)
		for _, addr := range []netip.Addr{direct, behind} {
			require.Empty(t, addr.Zone())
			require.False(t, addr.Is4In6())
		}
		if direct.IsValid() && !inside.Contains(direct) {
			require.Equal(t, direct, behind, "a stranger's header says nothing")
			return
		}
		if behind.IsValid() && !inside.Contains(behind) {
			r.Header["X-Forwarded-For"] = []string{"203.0.113.200, x", forwarded}
			require.Equal(t, behind, proxied.RemoteAddr(r), "what stands further left changes nothing")
		}
		if behind != direct {
			require.True(t, slices.ContainsFunc(strings.Split(forwarded, ","), func(hop string) bool {
				addr, ok := parseAddr(strings.TrimSpace(hop))
				return ok && addr == behind
			}), "it is one of those in the header")
		}
	})
}
