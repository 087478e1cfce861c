//! The public unicast address space.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use watertight_net::{AddressSet, Prefix};

/// What IANA's special-purpose registries keep from the public (RFC 6890 and its updates, as of
/// 2026-01), and multicast and reserved space. Documentation space counts as public, as everywhere
/// in this program, so that examples can use it.
const SPECIAL_V4: [([u8; 4], u8); 12] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
    ([255, 255, 255, 255], 32),
];

/// Where the instance metadata service answers, on every cloud that has one.
pub(super) static METADATA: LazyLock<AddressSet> = LazyLock::new(|| {
    let v4 = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
    let v6 = IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254));
    AddressSet::from_prefixes([Prefix::host(v4), Prefix::host(v6)])
});

/// Public unicast space: what `internet` means before the estate's own addresses and providers'
/// services are taken out.
pub fn public_space() -> AddressSet {
    let special = SPECIAL_V4
        .iter()
        .filter_map(|(octets, length)| Prefix::new(IpAddr::from(*octets), *length).ok());
    let v4 = AddressSet::all_v4().difference(&AddressSet::from_prefixes(special));
    let global = Prefix::new(IpAddr::V6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0)), 3);
    v4.union(&AddressSet::from_prefixes(global))
}

/// The addresses at which machines ask about themselves: what rules mean by `metadata`.
pub fn metadata_addresses() -> &'static AddressSet {
    &METADATA
}
