//! Guards of attachments as pods on a node meet them.
//!
//! What stays on a node meets no guard of its attachments, and what leaves under the node's address
//! meets those of the node's own attachment only. Guards of one layer add up, so that both are said
//! by guards beside an attachment's own, in the same layer.

use std::collections::BTreeMap;

use watertight_net::{AddressSet, Family, FlowSet, Prefix};

use super::Placement;
use crate::network::{
    Action, AddressList, Combine, EndpointId, Guard, GuardId, Layer, LayerId, ListContent, Peer,
    RealmId, Rule, Stage, StageDefault,
};
use crate::{Estate, Name, WorkloadId};

/// Guards that were made for nodes, and layers that have them.
#[derive(Debug, Default)]
pub(super) struct Guards {
    nodes: BTreeMap<WorkloadId, GuardId>,
    /// What lets a machine itself through policies.
    own: BTreeMap<WorkloadId, GuardId>,
    beyond: BTreeMap<RealmId, GuardId>,
    layers: BTreeMap<Layer, LayerId>,
}

impl Guards {
    /// Lets what stays on a machine pass the guards of its attachments.
    pub(super) fn stay(&mut self, estate: &mut Estate, machine: WorkloadId, node: &Name) {
        if self.nodes.contains_key(&machine) {
            return;
        }
        let guard = estate.network.guards.next_id();
        let accepts = || stage(vec![accept("stays on the node", Peer::Members(guard))]);
        let name = Name::from(format!("traffic on {node}"));
        estate.network.guards.push(Guard {
            name: name.clone(),
            title: name,
            kind: Name::from(Guard::NODE),
            stateful: true,
            ingress: vec![accepts()],
            egress: vec![accepts()],
            origin: None,
        });
        self.nodes.insert(machine, guard);
        for endpoint in estate.workloads[machine].endpoints.clone() {
            let layers = estate.network.endpoints[endpoint].layers.clone();
            let layers = self.with(estate, &layers, &[guard]);
            estate.network.endpoints[endpoint].layers = layers;
        }
    }

    /// The layer of a pod's policies as a pod on a machine has it: what passes between a pod and its own
    /// node is allowed whatever they say.
    pub(super) fn past_policies(
        &mut self,
        estate: &mut Estate,
        (machine, node): (WorkloadId, &Name),
        policies: LayerId,
    ) -> Option<LayerId> {
        let known = self.own.get(&machine).copied();
        let guard = known.unwrap_or_else(|| own_node(estate, machine, node));
        self.own.insert(machine, guard);
        self.with(estate, &[policies], &[guard]).into_iter().next()
    }

    /// Layers of an attachment of a machine as a pod there meets them.
    pub(super) fn beside(
        &mut self,
        estate: &mut Estate,
        machine: WorkloadId,
        layers: &[LayerId],
        beyond: GuardId,
    ) -> Vec<LayerId> {
        let node = self.nodes.get(&machine).copied();
        let more: Vec<GuardId> = node.into_iter().chain([beyond]).collect();
        self.with(estate, layers, &more)
    }

    /// The guard that leaves to the node's attachment what goes out under its address, and to
    /// nobody what goes to the platform's own services.
    pub(super) fn beyond(
        &mut self,
        estate: &mut Estate,
        realm: RealmId,
        placement: &Placement,
    ) -> GuardId {
        if let Some(known) = self.beyond.get(&realm) {
            return *known;
        }
        let network = &estate.network;
        let resolvers = network.realms[realm].resolvers.iter().copied().map(Prefix::host);
        let own = network.platform.iter().map(|service| service.addresses.clone());
        let platform = own.fold(AddressSet::from_prefixes(resolvers), |all, one| all.union(&one));
        let mut rules = Vec::new();
        if !platform.is_empty() {
            let list = list(estate, "the platform's services", platform.prefixes());
            rules.push(accept("no group looks at it", Peer::List(list)));
        }
        let kept = AddressSet::from_prefixes(keeps(estate, realm, placement));
        let translated = AddressSet::all_v4().difference(&kept);
        if !translated.is_empty() {
            let name = "destinations beyond the network of the nodes";
            let list = list(estate, name, translated.prefixes());
            rules.push(accept("leaves under the node's address", Peer::List(list)));
        }
        let name =
            Name::from(format!("translation at nodes in {}", estate.network.realms[realm].title));
        let guard = estate.network.guards.push(Guard {
            name: name.clone(),
            title: name,
            kind: Name::from(Guard::NODE),
            stateful: true,
            ingress: vec![stage(Vec::new())],
            egress: vec![stage(rules)],
            origin: None,
        });
        self.beyond.insert(realm, guard);
        guard
    }

    /// The guards of an attachment that the input does not hold.
    pub(super) fn unread(&mut self, estate: &mut Estate, pod: EndpointId) -> LayerId {
        let name = estate.network.endpoints[pod].name.clone();
        let why = Name::from(format!("the input does not tell which attachment {name} has"));
        let unknown = || Stage {
            combine: Combine::Union,
            rules: Vec::new().into(),
            default: StageDefault::Unknown(why.clone()),
        };
        let guard = estate.network.guards.push(Guard {
            name: Name::from(format!("guards of {name}")),
            title: Name::from(format!("guards of {name}")),
            kind: Name::from("attachment"),
            stateful: true,
            ingress: vec![unknown()],
            egress: vec![unknown()],
            origin: None,
        });
        self.layer(estate, Layer { guards: vec![guard], complete: false })
    }

    /// The layers with more guards in each.
    fn with(&mut self, estate: &mut Estate, layers: &[LayerId], more: &[GuardId]) -> Vec<LayerId> {
        let mut found = Vec::with_capacity(layers.len());
        for layer in layers {
            let mut content = estate.network.layers[*layer].clone();
            content.guards.extend(more);
            content.guards.sort();
            content.guards.dedup();
            found.push(self.layer(estate, content));
        }
        found
    }

    fn layer(&mut self, estate: &mut Estate, content: Layer) -> LayerId {
        if let Some(known) = self.layers.get(&content) {
            return *known;
        }
        let id = estate.network.layers.push(content.clone());
        self.layers.insert(content, id);
        id
    }
}

/// A guard that accepts a machine itself: the first address of each of its attachments, since the others
/// are those of pods.
fn own_node(estate: &mut Estate, machine: WorkloadId, node: &Name) -> GuardId {
    let network = &estate.network;
    let attachments = estate.workloads[machine].endpoints.iter();
    let own = attachments.flat_map(|id| {
        let families = [Family::V4, Family::V6].into_iter();
        families.filter_map(|family| network.endpoints[*id].address(family))
    });
    let rules = own.map(|own| accept("its own node", Peer::Prefix(Prefix::host(own)))).collect();
    let name = Name::from(format!("{node} and its pods"));
    estate.network.guards.push(Guard {
        name: name.clone(),
        title: name,
        kind: Name::from(Guard::NODE),
        stateful: true,
        ingress: vec![stage(Vec::clone(&rules))],
        egress: vec![stage(rules)],
        origin: None,
    })
}

/// Where pods in a realm send under their own addresses.
pub(super) fn keeps(estate: &Estate, realm: RealmId, placement: &Placement) -> Vec<Prefix> {
    if !placement.translates {
        return AddressSet::all_v4().prefixes();
    }
    let own = estate.network.realms[realm].prefixes.iter().copied();
    let all = own.chain(placement.keeps.iter().copied());
    let mut keeps: Vec<Prefix> = all.filter(|prefix| prefix.family() == Family::V4).collect();
    keeps.sort();
    keeps.dedup();
    keeps
}

fn list(estate: &mut Estate, name: &str, prefixes: Vec<Prefix>) -> crate::network::ListId {
    estate.network.lists.push(AddressList {
        name: Name::from(name),
        content: ListContent::Known(prefixes),
        origin: None,
    })
}

fn stage(rules: Vec<Rule>) -> Stage {
    Stage { combine: Combine::Union, rules: rules.into(), default: StageDefault::Deny }
}

fn accept(name: &str, peer: Peer) -> Rule {
    Rule {
        name: Name::from(name),
        peer,
        flows: FlowSet::all().into(),
        action: Action::Accept,
        origin: None,
    }
}
