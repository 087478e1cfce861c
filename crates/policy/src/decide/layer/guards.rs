//! Guards that let through what a policy does.

use watertight_model::network::{
    Action, AddressList, Combine, EndpointId, Guard, Layer, ListContent, ListId, Peer, Rule, Stage,
    StageDefault,
};
use watertight_model::{Name, Network};
use watertight_net::{AddressSet, FlowSet};

use super::ends::Peers;

/// What a guard lets through: flows, by the place of who is at the other end.
pub(super) type Accepted = Vec<(usize, FlowSet)>;

/// What the provider calls such a guard.
pub(super) const KIND: &str = "policy";

/// Puts a guard at endpoints, as a layer of its own. Guards that see the same peers share their
/// lists: who is in the same ones is told apart by none of them.
pub(super) fn put(
    network: &mut Network,
    peers: &mut Peers,
    (ingress, egress): (&Accepted, &Accepted),
    endpoints: &[EndpointId],
) {
    let ingress = vec![stage(network, peers, ingress)];
    let egress = vec![stage(network, peers, egress)];
    let name = Name::from(format!("policy {}", network.guards.len()));
    let guard = network.guards.push(Guard {
        name: name.clone(),
        title: name,
        kind: Name::from(KIND),
        stateful: true,
        ingress,
        egress,
        origin: None,
    });
    let layer = network.layers.push(Layer { guards: vec![guard], complete: true });
    for endpoint in endpoints {
        network.endpoints[*endpoint].layers.push(layer);
    }
}

fn stage(network: &mut Network, peers: &mut Peers, accepted: &Accepted) -> Stage {
    let mut rules = Vec::new();
    for (place, flows) in accepted {
        let Some(peer) = peers.list.get_mut(*place) else { continue };
        for (is_sure, (addresses, list)) in [true, false].into_iter().zip(&mut peer.at) {
            if addresses.is_empty() {
                continue;
            }
            let list = *list.get_or_insert_with(|| add(network, addresses, is_sure));
            rules.push(Rule {
                name: network.lists[list].name.clone(),
                peer: Peer::List(list),
                flows: flows.clone().into(),
                action: Action::Accept,
                origin: None,
            });
        }
    }
    Stage { combine: Combine::Union, rules: rules.into(), default: StageDefault::Deny }
}

fn add(network: &mut Network, addresses: &AddressSet, is_sure: bool) -> ListId {
    let content = if is_sure {
        ListContent::Known(addresses.prefixes())
    } else {
        ListContent::Unread(addresses.clone())
    };
    let name = Name::from(format!("ends {} of the policy", network.lists.len()));
    network.lists.push(AddressList { name, content, origin: None })
}
