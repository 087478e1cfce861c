//! Which addresses the internet routes.

use std::net::IpAddr;

/// Whether the internet's edge carries packets to this address: unicast space that no registry
/// entry keeps private or local.
///
/// Source: IANA's IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates).
/// Documentation space counts as public, so that examples and tests can use it.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let special = a == 0
                || a == 10
                || a == 127
                || a >= 224
                || (a == 100 && (64..128).contains(&b))
                || (a == 169 && b == 254)
                || (a == 172 && (16..32).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 192 && b == 168)
                || (a == 198 && (b == 18 || b == 19));
            !special
        }
        // Global unicast is 2000::/3; everything else is reserved, local or multicast.
        IpAddr::V6(v6) => v6.segments()[0] & 0xe000 == 0x2000,
    }
}
