package guard

import "net/netip"

// globalUnicast is the only part of IPv6 that is assigned for use on the internet (RFC 4291 section 2.4, IANA IPv6
// address space registry). It leaves out loopback, unspecified, v4-mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96,
// RFC 6052), unique local (fc00::/7), link-local (fe80::/10) and multicast (ff00::/8) without naming them.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// refused lists what is inside the assigned space and still not the internet. Sources: the IANA IPv4 and IPv6
// special-purpose address registries.
var refused = parse(
	"0.0.0.0/8",       // this network, RFC 791 section 3.2
	"10.0.0.0/8",      // private, RFC 1918
	"100.64.0.0/10",   // shared (CGNAT), RFC 6598
	"127.0.0.0/8",     // loopback, RFC 1122
	"169.254.0.0/16",  // link-local and cloud metadata, RFC 3927
	"172.16.0.0/12",   // private, RFC 1918
	"192.0.0.0/24",    // IETF protocol assignments, RFC 6890
	"192.0.2.0/24",    // documentation, RFC 5737
	"192.31.196.0/24", // AS112, RFC 7535
	"192.52.193.0/24", // AMT, RFC 7450
	"192.88.99.0/24",  // 6to4 relay, RFC 7526
	"192.168.0.0/16",  // private, RFC 1918
	"192.175.48.0/24", // AS112, RFC 7534
	"198.18.0.0/15",   // benchmarking, RFC 2544
	"198.51.100.0/24", // documentation, RFC 5737
	"203.0.113.0/24",  // documentation, RFC 5737
	"224.0.0.0/4",     // multicast, RFC 5771
	"240.0.0.0/4",     // reserved and broadcast, RFC 1112, RFC 919

	"2001::/23",         // IETF protocol assignments with Teredo and ORCHID, RFC 2928, RFC 4380
	"2001:db8::/32",     // documentation, RFC 3849
	"2002::/16",         // 6to4 carries an IPv4 address, RFC 3056
	"2620:4f:8000::/48", // AS112, RFC 7534
	"3fff::/20",         // documentation, RFC 9637
)

func parse(list ...string) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(list))
	for i, text := range list {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	return prefixes
}

// Public tells whether an address may be dialed for someone else: on the internet, and nothing but an address of the
// internet. A v4-mapped address is never public, whatever it maps to.
func Public(address netip.Addr) bool {
	if !address.IsValid() || address.Zone() != "" {
		return false
	}
	if address.Is6() && !globalUnicast.Contains(address) {
		return false
	}
	for _, prefix := range refused {
		if prefix.Contains(address) {
			return false
		}
	}
	return true
}
