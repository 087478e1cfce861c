//! Whom the policies of a pod let in, whoever it is.
//!
//! A client behind a node may be seen as itself or as a node, and perhaps as the pod's own node, which
//! no policy refuses. Only what is let in from everywhere outside is then sure to be let in.

use watertight_model::network::{
    Action, Combine, EndpointId, ListContent, Peer, Rule, Stage, StageDefault,
};
use watertight_net::{AddressSet, Family, FlowSet};

use super::Lowering;

/// Whom of some addresses a rule means for flows.
struct Meant {
    sure: AddressSet,
    /// Whether it may mean others of them too, or means those for a part of the flows.
    perhaps: bool,
}

impl Lowering<'_> {
    /// Whether the policies of a pod surely let these flows in from every address outside.
    ///
    /// Source: Kubernetes, *Network Policies*, "What you can't do with network policies" and "Behavior of
    /// `to` and `from` selectors": whether policies see a client's address, that of a load balancer or
    /// that of the pod's node is not defined, and the pod's node is always let in.
    pub(crate) fn admits_whoever_is_outside(
        &self,
        pod: EndpointId,
        flows: &FlowSet,
        family: Family,
    ) -> bool {
        let Some(layer) = self.policies_of(pod) else { return true };
        let network = &self.estate.network;
        let around = AddressSet::all().of_family(family).difference(&self.own_space());
        let mut guards = network.layers[layer].guards.iter().map(|guard| &network.guards[*guard]);
        // Guards of one layer add up.
        guards.any(|guard| self.admits(&guard.ingress, flows, around.clone()))
    }

    /// Whether stages let flows in from all of some addresses.
    fn admits(&self, stages: &[Stage], flows: &FlowSet, mut left: AddressSet) -> bool {
        let Some((stage, rest)) = stages.split_first() else { return true };
        let mut rules: Vec<&Rule> = stage.rules.iter().collect();
        if stage.combine != Combine::Ordered {
            rules.sort_by_key(|rule| rule.action != Action::Deny);
        }
        for rule in rules.into_iter().filter(|rule| rule.flows.intersects(flows)) {
            let Meant { sure, perhaps } = self.meant(rule, flows, &left);
            match rule.action {
                Action::Accept | Action::AcceptHere => {}
                Action::Deny if perhaps || !sure.is_empty() => return false,
                Action::Deny => {}
                Action::Next => {
                    let those = if perhaps { left.clone() } else { sure.clone() };
                    if !those.is_empty() && !self.admits(rest, flows, those) {
                        return false;
                    }
                }
            }
            left = left.difference(&sure);
        }
        left.is_empty()
            || match &stage.default {
                StageDefault::Accept => true,
                StageDefault::Next => self.admits(rest, flows, left),
                StageDefault::Deny | StageDefault::Unknown(_) => false,
            }
    }

    /// Whom of some addresses outside a rule means: pods are not among them.
    fn meant(&self, rule: &Rule, flows: &FlowSet, of: &AddressSet) -> Meant {
        let (addresses, unread) = match &rule.peer {
            Peer::Any => (of.clone(), false),
            Peer::Members(_) => (AddressSet::empty(), false),
            Peer::Unread(_) => (AddressSet::empty(), true),
            Peer::Prefix(prefix) => (AddressSet::from_prefix(*prefix).intersection(of), false),
            Peer::List(list) => match &self.estate.network.lists[*list].content {
                ListContent::Known(prefixes) => {
                    (AddressSet::from_prefixes(prefixes.iter().copied()).intersection(of), false)
                }
                ListContent::Unread(some) => (AddressSet::empty(), some.intersects(of)),
            },
        };
        if rule.flows.contains(flows) {
            return Meant { sure: addresses, perhaps: unread };
        }
        let perhaps = unread || !addresses.is_empty();
        Meant { sure: AddressSet::empty(), perhaps }
    }
}
