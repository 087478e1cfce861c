//! The sets of addresses that a policy names.

use watertight_net::AddressSet;
use watertight_policy::checked::{CheckedPolicy, End as PeerEnd, Peer, Rule};
use watertight_policy::decide::Decider;

/// Every set of addresses that a policy names, and the space that it has words for, in words. The sets of
/// essentials go by the names of their rules: who is checked for health comes and goes, and what a
/// group is called after must not.
pub(super) fn named_sets(
    policy: &CheckedPolicy,
    decider: &Decider<'_>,
) -> Vec<(String, AddressSet)> {
    let essential = decider.generated_policies();
    let mut sets = vec![decider.internet().clone(), decider.world().service_space.clone()];
    sets.extend(decider.world().services.values().cloned());
    sets.extend(policy.users.iter().map(|users| users.pools.clone()));
    let mut found: Vec<(String, AddressSet)> = Vec::new();
    for (place, one) in (0_u32..).zip(&policy.policies) {
        for rule in &one.rules {
            let sides = [("from", &rule.from), ("to", &rule.to), ("through", &rule.through)];
            for (side, set) in sides.iter().flat_map(|(side, peers)| {
                peers.iter().filter_map(addresses_of).map(move |set| (side, set))
            }) {
                if essential.contains(&place) {
                    let name = rule.name.as_deref().unwrap_or_default();
                    found.push((format!("{} {name}, {side}", one.name), set));
                } else {
                    sets.push(set);
                }
            }
        }
    }
    let claimed = policy.assertions.iter().flat_map(|one| one.from.iter().chain(&one.to));
    sets.extend(claimed.filter_map(addresses_of));
    found.extend(sets.into_iter().map(|set| (format!("in {set}"), set)));
    found.retain(|(_, set)| !set.is_empty());
    found.sort_by_cached_key(|(words, _)| words.clone());
    found.dedup();
    found
}

/// Whether a rule names addresses or whole networks by the networks that they are in: nothing else tells
/// networks apart.
pub(super) fn names_network(rule: &Rule) -> bool {
    rule.from.iter().chain(&rule.to).chain(&rule.through).any(is_in_network)
}

pub(super) fn is_in_network(peer: &Peer) -> bool {
    matches!(&peer.end, PeerEnd::Conditions(conditions)
        if conditions.network.is_some() || !conditions.residents.is_empty())
}

/// The addresses that a peer names.
fn addresses_of(peer: &Peer) -> Option<AddressSet> {
    match &peer.end {
        PeerEnd::Conditions(conditions) => conditions.addresses.as_deref().cloned(),
        PeerEnd::Any | PeerEnd::Internet => None,
    }
}
