package oauth2

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// RemoteAddr is the network address that a request comes from, for limits, logs and pages of the
// application's own.
//
// It is that of the connection, unless that one is in [ServerConfig.TrustedProxies]. Then it is the
// right-most address of X-Forwarded-For that is not: every proxy adds the address that it saw at the
// right, so what stands further left may be made up. Where the header breaks off, or has only trusted
// addresses, it is the last that can be trusted. Where the connection has no address, on a Unix
// socket, it counts as that of a trusted proxy if there are any; otherwise the result is the zero
// value. It has no zone, and an IPv4 address is never in its IPv6 form.
//
// Forwarded (RFC 7239) is not read: a proxy that sets only the one header passes the other on as the
// client made it up, and X-Forwarded-For is what nearly every proxy sets.
func (s *Server) RemoteAddr(r *http.Request) netip.Addr {
	addr, known := parseAddr(r.RemoteAddr)
	if len(s.cfg.TrustedProxies) == 0 || known && !s.trusts(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		before, ok := parseAddr(strings.TrimSpace(hop))
		if !ok {
			break
		}
		addr = before
		if !s.trusts(addr) {
			break
		}
	}
	return addr
}

func (s *Server) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// parseAddr reads an address with or without a port; some proxies add one.
func parseAddr(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
