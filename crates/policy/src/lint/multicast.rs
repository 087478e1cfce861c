//! Addresses that are many at once.

use std::net::{IpAddr, Ipv4Addr};

use watertight_net::Prefix;
use watertight_source::Diagnostics;

use crate::checked::{End, Peer};
use crate::codes;

use super::{Linted, warning};

/// Whether an address is multicast or broadcast: what is sent there is no leg, and no policy decides
/// about it.
pub fn is_many(address: IpAddr) -> bool {
    address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// Says which peers name such addresses. A prefix that holds others as well is not meant for them.
pub(super) fn multicast(linted: &Linted<'_>, diagnostics: &mut Diagnostics) {
    let rules = linted.policy.policies.iter().chain(&linted.policy.failsafe);
    let rules = rules.flat_map(|policy| &policy.rules);
    let of_rules = rules.flat_map(|rule| rule.from.iter().chain(&rule.to));
    let claims = linted.policy.assertions.iter();
    let of_claims = claims.flat_map(|one| one.from.iter().chain(&one.to));
    for peer in of_rules.chain(of_claims) {
        if let Some(prefix) = named(peer) {
            let message = format!(
                "{prefix} is many at once: no policy decides about multicast and broadcast"
            );
            let help = "leave it out: hosts and networks decide who is in a group";
            diagnostics.push(warning(codes::MULTICAST, peer.span, message, help));
        }
    }
}

fn named(peer: &Peer) -> Option<Prefix> {
    let End::Conditions(conditions) = &peer.end else { return None };
    let addresses = conditions.addresses.as_ref()?;
    let many = |one: &Prefix| is_many(one.first()) && is_many(one.last());
    addresses.prefixes().into_iter().find(many)
}
