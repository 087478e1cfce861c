//! What the estate depends on and does not hold.

use watertight_model::Network;
use watertight_model::network::{Attached, GatewayKind, ListContent, TargetEnd};

/// Something outside of the estate that it is connected to or refers to.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dependency {
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) detail: String,
}

/// Every dependency, ordered, each once.
pub(super) fn dependencies(network: &Network) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut add = |kind, id: &str, detail: &str| {
        found.push(Dependency { kind, id: id.to_owned(), detail: detail.to_owned() });
    };
    for gateway in network.gateways.values().filter(|gateway| gateway.available) {
        match &gateway.kind {
            GatewayKind::Tunnel { .. } => {
                add("outside network", &format!("outside:{}", gateway.name), "through a tunnel");
            }
            GatewayKind::Surroundings { .. } => {
                add("surroundings", &format!("outside:{}", gateway.name), "nothing tells of them");
            }
            GatewayKind::Peering { sides, .. } if sides.contains(&None) => {
                add("peer", &gateway.name, "its other network is not in the input");
            }
            GatewayKind::Service { endpoint } => {
                add("service", &gateway.name, &network.endpoints[*endpoint].name);
            }
            GatewayKind::Inspection { .. } => {
                add("box", &gateway.name, "what it passes cannot be read");
            }
            GatewayKind::Opaque(text) => add("box", &gateway.name, text),
            GatewayKind::Internet { .. }
            | GatewayKind::EgressOnly { .. }
            | GatewayKind::SourceNat { .. }
            | GatewayKind::Peering { .. }
            | GatewayKind::Transit => {}
        }
    }
    for attachment in network.attachments.values().filter(|attachment| attachment.available) {
        match &attachment.attached {
            Attached::Outside(resource) => {
                let detail = format!("attached by {}", attachment.name);
                add("outside network", &format!("outside:{resource}"), &detail);
            }
            Attached::Realm { realm: None, .. } => {
                add("peer", &attachment.name, "the attached network is not in the input");
            }
            Attached::Peer(None) => {
                add("peer", &attachment.name, "the other transit gateway is not in the input");
            }
            Attached::Opaque(text) => add("box", &attachment.name, text),
            Attached::Realm { .. } | Attached::Peer(Some(_)) => {}
        }
    }
    for list in network.lists.values() {
        match &list.content {
            ListContent::Known(prefixes) => {
                let count = u64::try_from(prefixes.len()).unwrap_or(u64::MAX);
                add("address list", &list.name, &crate::text::counted(count, "prefix"));
            }
            ListContent::Unread(_) => add("address list", &list.name, "not in the input"),
        }
    }
    for target in network.target_groups.values().flat_map(|group| &group.targets) {
        match &target.end {
            TargetEnd::Address(address) => {
                add("target", &address.to_string(), "no workload of the estate has this address");
            }
            TargetEnd::Unread(text) => add("target", text, "not in the input"),
            TargetEnd::Endpoint(..) | TargetEnd::Front(_) | TargetEnd::Workload(_) => {}
        }
    }
    found.sort();
    found.dedup();
    found
}
