//! Policies at hosts that may refuse what hosts forward, as a guard beside those of pods: what stays on a
//! node passes none of its host's interfaces.

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_model::network::{Combine, Guard, LayerId, Peer, Stage, StageDefault};

use super::Lowering;
use crate::convert::{accepting, layer};
use crate::policies::AtHosts;
use crate::workloads::Pod;

impl Lowering<'_> {
    /// The layer for pods on each node, and for those of which no node is told.
    pub(super) fn forwarding_layers(&mut self) -> BTreeMap<Option<Name>, LayerId> {
        let mut found = BTreeMap::new();
        if self.forwarded.is_empty() {
            return found;
        }
        for pod in self.all_pods {
            let node = pod.place.node.clone();
            if !pod.host_network
                && !found.contains_key(&node)
                && let Some(layer) = self.forwarding_layer(node.as_ref())
            {
                found.insert(node, layer);
            }
        }
        found
    }

    /// That of a pod, if any. Pods on their hosts' networks are behind no interface of them.
    pub(super) fn forwarding(
        layers: &BTreeMap<Option<Name>, LayerId>,
        pod: &Pod,
    ) -> Option<LayerId> {
        layers.get(&pod.place.node).filter(|_| !pod.host_network).copied()
    }

    fn forwarding_layer(&mut self, node: Option<&Name>) -> Option<LayerId> {
        let at = |all: &[AtHosts]| -> Vec<Name> {
            let here = all.iter().filter(|one| one.may_be_at(node));
            here.map(|one| one.policy.clone()).collect()
        };
        let (ingress, egress) = (at(&self.forwarded.ingress), at(&self.forwarded.egress));
        if ingress.is_empty() && egress.is_empty() {
            return None;
        }
        let title = match node {
            Some(node) => Name::from(format!("host endpoint of {node}")),
            None => Name::from("host endpoints"),
        };
        let guard = self.estate.network.guards.push(Guard {
            name: title.clone(),
            title,
            kind: Name::from("host endpoint"),
            stateful: true,
            ingress: Vec::new(),
            egress: Vec::new(),
            origin: None,
        });
        let stages = |policies: &[Name]| {
            let text = policies.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
            let mut rules = vec![accepting("what it forwards", Peer::Unread(Name::from(text)))];
            if node.is_some() {
                rules.insert(0, accepting("stays on the node", Peer::Members(guard)));
            }
            let stage =
                Stage { combine: Combine::Union, rules: rules.into(), default: StageDefault::Deny };
            if policies.is_empty() { Vec::new() } else { vec![stage] }
        };
        let (ingress, egress) = (stages(&ingress), stages(&egress));
        let content = &mut self.estate.network.guards[guard];
        content.ingress = ingress;
        content.egress = egress;
        Some(self.layer(layer(vec![guard], true)))
    }
}
