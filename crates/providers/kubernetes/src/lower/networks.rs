//! Networks that users define, as guards: who is on one reaches who is on it, and what is outside.

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_model::network::{Combine, Guard, LayerId, Peer, Stage, StageDefault};
use watertight_net::AddressSet;

use super::Lowering;
use crate::convert::{accepting, layer};

impl Lowering<'_> {
    /// The layer of the pods on each network of users, by its name.
    pub(super) fn network_layers(
        &mut self,
        networks: &BTreeMap<Name, Name>,
    ) -> BTreeMap<Name, LayerId> {
        let mut found = BTreeMap::new();
        for network in networks.values() {
            if found.contains_key(network) {
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
            let stage = Stage {
                combine: Combine::Union,
                rules: vec![
                    accepting("same network", Peer::Members(guard)),
                    accepting("outside", outside),
                ],
                default: StageDefault::Deny,
            };
            let content = &mut self.estate.network.guards[guard];
            content.ingress = vec![stage.clone()];
            content.egress = vec![stage];
            let layer = self.layer(layer(vec![guard], true));
            found.insert(network.clone(), layer);
        }
        found
    }
}
