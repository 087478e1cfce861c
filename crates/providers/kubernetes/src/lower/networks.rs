//! Networks that users define, as guards: who is on one reaches who is on it, and what is outside.

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_model::network::{
    Action, Combine, Guard, GuardId, LayerId, Peer, Rule, Stage, StageDefault,
};
use watertight_net::AddressSet;

use super::Lowering;
use crate::convert::{accepting, layer};

/// The network of pods that are on none that users define. No object has such a name.
pub(super) const OWN: &str = "of the cluster's own";

impl Lowering<'_> {
    /// The layer of the pods on each network of users, by its name; `pods` is a guard that all pods have,
    /// where their addresses do not tell them from what is outside.
    pub(super) fn network_layers(
        &mut self,
        networks: &BTreeMap<Name, Name>,
        pods: Option<GuardId>,
    ) -> BTreeMap<Name, LayerId> {
        let mut found = BTreeMap::new();
        let mut names: Vec<Name> = networks.values().cloned().collect();
        // Where addresses do not tell who is on it, the cluster's own is a network as others are.
        names.extend(pods.map(|_| Name::from(OWN)));
        for network in names {
            if found.contains_key(&network) {
                continue;
            }
            let title = Name::from(format!("network {network}"));
            let guard = self.estate.network.guards.push(Guard {
                name: title.clone(),
                title,
                kind: Name::from("user-defined network"),
                stateful: true,
                ingress: Vec::new(),
                egress: Vec::new(),
                origin: None,
            });
            let all = if self.has_v6 { AddressSet::all() } else { AddressSet::all_v4() };
            let outside = self.addresses_peer(&all, &Name::from("everything outside"));
            let mut rules = vec![accepting("same network", Peer::Members(guard))];
            // Beside a cloud's network pods have addresses that are outside of the cluster's own.
            rules.extend(pods.map(|pods| Rule {
                action: Action::Deny,
                ..accepting("pods of other networks", Peer::Members(pods))
            }));
            rules.push(accepting("outside", outside));
            let combine = if pods.is_some() { Combine::Ordered } else { Combine::Union };
            let stage = Stage { combine, rules: rules.into(), default: StageDefault::Deny };
            let content = &mut self.estate.network.guards[guard];
            content.ingress = vec![stage.clone()];
            content.egress = vec![stage];
            let layer = self.layer(layer(vec![guard], true));
            found.insert(network, layer);
        }
        found
    }
}
