package fetch

import "net/netip"

// Public reports whether an address is one that everyone on the Internet may be asked for: no
// loopback, private, shared, link-local, multicast, documentation, translated or otherwise special one
// (RFC 6890 and the registries that it founded). An IPv4 address in its IPv6 form counts as itself;
// whatever else wraps one, such as NAT64 and 6to4, is refused, because nobody can tell here where it
// leads.
func Public(addr netip.Addr) bool {
	addr = addr.Unmap()
	if !addr.IsValid() || addr.Zone() != "" || addr.Is6() && !globalUnicast.Contains(addr) {
		return false
	}
	for _, special := range specialUse {
		if special.Contains(addr) {
			return false
		}
	}
	return true
}

// globalUnicast is all of IPv6 that is assigned to hosts of the Internet (RFC 4291 section 2.4). What
// lies outside, such as ::1, fc00::/7, fe80::/10, ff00::/8 and 64:ff9b::/96, needs no row of its own.
var globalUnicast = netip.MustParsePrefix("2000::/3")

var specialUse = prefixes(
	"0.0.0.0/8",         // this network
	"10.0.0.0/8",        // private
	"100.64.0.0/10",     // shared by a carrier's customers
	"127.0.0.0/8",       // loopback
	"169.254.0.0/16",    // link-local; where clouds keep their credentials
	"172.16.0.0/12",     // private
	"192.0.0.0/24",      // protocol assignments
	"192.0.2.0/24",      // documentation
	"192.31.196.0/24",   // AS112
	"192.52.193.0/24",   // AMT
	"192.88.99.0/24",    // 6to4 relays
	"192.168.0.0/16",    // private
	"192.175.48.0/24",   // AS112
	"198.18.0.0/15",     // benchmarks
	"198.51.100.0/24",   // documentation
	"203.0.113.0/24",    // documentation
	"224.0.0.0/4",       // multicast
	"240.0.0.0/4",       // reserved, and broadcast
	"2001::/23",         // protocol assignments, Teredo among them
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4
	"2620:4f:8000::/48", // AS112
	"3fff::/20",         // documentation
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}
