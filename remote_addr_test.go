package oauth2_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// networks are parsed prefixes.
func networks(texts ...string) []netip.Prefix {
	var prefixes []netip.Prefix
	for _, text := range texts {
		prefixes = append(prefixes, netip.MustParsePrefix(text))
	}
	return prefixes
}

func TestXForwardedForIsBelievedOfTrustedProxiesAlone(t *testing.T) {
	t.Parallel()
	cfg := minimal()
	cfg.TrustedProxies = networks("10.0.0.0/8", "2001:db8::/32")
	server, err := oauth2.New(cfg)
	require.NoError(t, err)
	trusting := func(remote string, forwarded ...string) string {
		return server.RemoteAddr(&http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": forwarded}}).String()
	}
	const stranger, proxy, client = "198.51.100.9:1", "10.0.0.1:1", "192.0.2.7"
	for name, c := range map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"a stranger's header is made up":         {stranger, []string{client}, "198.51.100.9"},
		"no header":                              {proxy, nil, "10.0.0.1"},
		"one proxy":                              {proxy, []string{client}, client},
		"two proxies":                            {proxy, []string{client + ", 10.0.0.2"}, client},
		"what a client made up stands left":      {proxy, []string{"203.0.113.1, 10.9.9.9, " + client}, client},
		"headers go on":                          {proxy, []string{"203.0.113.1", client + ",10.0.0.3"}, client},
		"a proxy that adds a port":               {proxy, []string{client + ":4711"}, client},
		"IPv6":                                   {"[2001:db8::1]:1", []string{"2001:db9::5"}, "2001:db9::5"},
		"IPv6 with brackets":                     {proxy, []string{"[2001:db9::5]"}, "2001:db9::5"},
		"IPv6 with a port":                       {proxy, []string{"[2001:db9::5]:443"}, "2001:db9::5"},
		"IPv4 in IPv6":                           {"[::ffff:10.0.0.1]:1", []string{"::ffff:192.0.2.7"}, client},
		"a zone":                                 {"[fe80::1%eth0]:1", nil, "fe80::1"},
		"only proxies":                           {proxy, []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"garbage ends it":                        {proxy, []string{client + ", unknown, 10.0.0.2"}, "10.0.0.2"},
		"garbage alone":                          {proxy, []string{"unknown"}, "10.0.0.1"},
		"an empty header":                        {proxy, []string{""}, "10.0.0.1"},
		"a Unix socket is the proxy's":           {"@", []string{client}, client},
		"a Unix socket without a header is none": {"@", nil, "invalid IP"},
	} {
		require.Equal(t, c.want, trusting(c.remote, c.forwarded...), name)
	}
}

func TestWithoutTrustedProxiesTheConnectionTellsTheAddress(t *testing.T) {
	t.Parallel()
	server, err := oauth2.New(minimal())
	require.NoError(t, err)
	header := http.Header{"X-Forwarded-For": {"192.0.2.7"}, "Forwarded": {"for=192.0.2.7"}}
	require.Equal(t, "127.0.0.1", server.RemoteAddr(&http.Request{RemoteAddr: "127.0.0.1:1", Header: header}).String())
	require.False(t, server.RemoteAddr(&http.Request{RemoteAddr: "@", Header: header}).IsValid())
}

func TestTrustingEveryoneIsAMisconfiguration(t *testing.T) {
	t.Parallel()
	for _, bad := range []netip.Prefix{{}, netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")} {
		cfg := minimal()
		cfg.TrustedProxies = []netip.Prefix{bad}
		_, err := oauth2.New(cfg)
		require.ErrorContains(t, err, "TrustedProxies", bad)
	}
}
