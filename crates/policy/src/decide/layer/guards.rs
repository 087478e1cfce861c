//! Guards that let through what a policy does.

use std::collections::BTreeMap;

use watertight_model::network::{
    Action, AddressList, Combine, EndpointId, Guard, Layer, ListContent, Peer, Rule, Stage,
    StageDefault,
};
use watertight_model::{Name, Network};
use watertight_net::{AddressSet, FlowSet};

/// What a guard lets through: flows, with the addresses at the other end.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    sure: BTreeMap<FlowSet, AddressSet>,
    perhaps: BTreeMap<FlowSet, AddressSet>,
}

impl Accepted {
    pub(super) fn sure(&mut self, addresses: AddressSet, flows: &FlowSet) {
        add(&mut self.sure, &addresses, flows);
    }

    pub(super) fn perhaps(&mut self, addresses: AddressSet, flows: &FlowSet) {
        add(&mut self.perhaps, &addresses, flows);
    }
}

fn add(all: &mut BTreeMap<FlowSet, AddressSet>, addresses: &AddressSet, flows: &FlowSet) {
    if addresses.is_empty() || flows.is_empty() {
        return;
    }
    let known = all.entry(flows.clone()).or_insert_with(AddressSet::empty);
    *known = known.union(addresses);
}

/// What the provider calls such a guard.
pub(super) const KIND: &str = "policy";

/// Puts a guard at endpoints, as a layer of its own.
pub(super) fn put(
    network: &mut Network,
    ingress: &Accepted,
    egress: &Accepted,
    endpoints: &[EndpointId],
) {
    let ingress = vec![stage(network, ingress)];
    let egress = vec![stage(network, egress)];
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

fn stage(network: &mut Network, accepted: &Accepted) -> Stage {
    let mut rules = Vec::new();
    for (is_sure, all) in [(true, &accepted.sure), (false, &accepted.perhaps)] {
        for (flows, addresses) in all {
            let number = network.lists.len();
            let content = if is_sure {
                ListContent::Known(addresses.prefixes())
            } else {
                ListContent::Unread(addresses.clone())
            };
            let name = Name::from(format!("ends {number} of the policy"));
            let list =
                network.lists.push(AddressList { name: name.clone(), content, origin: None });
            rules.push(Rule {
                name,
                peer: Peer::List(list),
                flows: flows.clone(),
                action: Action::Accept,
                origin: None,
            });
        }
    }
    Stage { combine: Combine::Union, rules, default: StageDefault::Deny }
}
