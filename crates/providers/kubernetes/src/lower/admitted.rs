//! Whom the policies of a pod let in, whoever it is.
//!
//! A client behind a node may be seen as itself or as a node, and perhaps as the pod's own node, which
//! no policy refuses. Only what is let in from everywhere outside is then sure to be let in.

use watertight_model::network::{
    Action, Combine, EndpointId, Guard, ListContent, Peer, Rule, Stage, StageDefault,
};
use watertight_net::{AddressSet, Family, FlowSet};

use super::Lowering;

/// What a stage says to everybody outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Word {
    Accept,
    Next,
    /// It refuses somebody, or it is not known whom.
    Refuse,
}

/// Whom of those outside a peer means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Meant {
    All,
    None,
    Some,
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
        let mut guards = network.layers[layer].guards.iter().map(|guard| &network.guards[*guard]);
        // Guards of one layer add up.
        guards.any(|guard| self.admits(guard, flows, family))
    }

    fn admits(&self, guard: &Guard, flows: &FlowSet, family: Family) -> bool {
        for stage in &guard.ingress {
            match self.word(stage, flows, family) {
                Word::Accept => return true,
                Word::Next => {}
                Word::Refuse => return false,
            }
        }
        true
    }

    fn word(&self, stage: &Stage, flows: &FlowSet, family: Family) -> Word {
        let concerned = stage.rules.iter().filter(|rule| {
            rule.flows.intersects(flows) && self.meant(&rule.peer, family) != Meant::None
        });
        let concerned: Vec<&Rule> = concerned.collect();
        let is_whole = |rule: &&Rule| {
            rule.flows.contains(flows) && self.meant(&rule.peer, family) == Meant::All
        };
        let first = match stage.combine {
            Combine::Ordered => concerned.first().copied(),
            Combine::DenyOverAccept if concerned.iter().any(|one| one.action == Action::Deny) => {
                return Word::Refuse;
            }
            Combine::Union | Combine::DenyOverAccept => {
                concerned.iter().copied().find(is_whole).or(concerned.first().copied())
            }
        };
        match (first, &stage.default) {
            (Some(rule), _) if is_whole(&rule) => match rule.action {
                Action::Accept | Action::AcceptHere => Word::Accept,
                Action::Next => Word::Next,
                Action::Deny => Word::Refuse,
            },
            (None, StageDefault::Accept) => Word::Accept,
            (None, StageDefault::Next) => Word::Next,
            (Some(_), _) | (None, StageDefault::Deny | StageDefault::Unknown(_)) => Word::Refuse,
        }
    }

    /// Whom of those outside a peer means: pods are not among them.
    fn meant(&self, peer: &Peer, family: Family) -> Meant {
        let addresses = match peer {
            Peer::Any => return Meant::All,
            Peer::Members(_) => return Meant::None,
            Peer::Unread(_) => return Meant::Some,
            Peer::Prefix(prefix) => AddressSet::from_prefix(*prefix),
            Peer::List(list) => match &self.estate.network.lists[*list].content {
                ListContent::Known(prefixes) => AddressSet::from_prefixes(prefixes.iter().copied()),
                ListContent::Unread(some) if some.intersects(&self.around(family)) => {
                    return Meant::Some;
                }
                ListContent::Unread(_) => return Meant::None,
            },
        };
        let around = self.around(family);
        match (addresses.contains_set(&around), addresses.intersects(&around)) {
            (true, _) => Meant::All,
            (false, true) => Meant::Some,
            (false, false) => Meant::None,
        }
    }

    /// The addresses of a family outside of the cluster.
    fn around(&self, family: Family) -> AddressSet {
        let all = match family {
            Family::V4 => AddressSet::all_v4(),
            Family::V6 => AddressSet::all_v6(),
        };
        all.difference(&self.own_space())
    }
}
