//! Layers of guards that only accept: what they accept is what any matching rule accepts, so that it
//! can be put together from parts instead of being asked for.

use std::collections::BTreeMap;

use watertight_model::network::{
    Action, Combine, Direction, LayerId, ListContent, Peer, StageDefault,
};
use watertight_model::{Bounds, Network};
use watertight_net::FlowSet;

use super::filters::PeerRuns;
use super::sets::{BoundsId, Sets};

/// One layer of guards that only accept, and of which nothing is in doubt but who is in a list.
#[derive(Debug)]
pub(super) struct Accepting<'n> {
    /// What matches whoever is at the other end.
    pub(super) always: BoundsId,
    /// What rules for each peer accept.
    pub(super) by_peer: BTreeMap<&'n Peer, BoundsId>,
}

impl<'n> Accepting<'n> {
    /// None for layers that are not like this. Peers for which `is_meant` does not hold are left out.
    pub(super) fn of(
        network: &'n Network,
        layers: &[LayerId],
        (direction, is_meant): (Direction, &dyn Fn(&Peer) -> bool),
        sets: &mut Sets,
    ) -> Option<Self> {
        let [layer] = layers else { return None };
        let mut found = Self { always: BoundsId::NONE, by_peer: BTreeMap::new() };
        for guard in &network.layers[*layer].guards {
            let [stage] = network.guards[*guard].stages(direction) else { return None };
            if stage.combine != Combine::Union || stage.default != StageDefault::Deny {
                return None;
            }
            for rule in &stage.rules {
                let is_sure = match &rule.peer {
                    Peer::Unread(_) => return None,
                    Peer::List(list) => {
                        matches!(network.lists[*list].content, ListContent::Known(_))
                    }
                    Peer::Any | Peer::Prefix(_) | Peer::Members(_) => true,
                };
                if rule.action != Action::Accept {
                    return None;
                }
                if !is_meant(&rule.peer) {
                    continue;
                }
                let slot = match &rule.peer {
                    Peer::Any => &mut found.always,
                    peer => found.by_peer.entry(peer).or_insert(BoundsId::NONE),
                };
                let sure = if is_sure { FlowSet::clone(&rule.flows) } else { FlowSet::none() };
                let flows = sets.intern(Bounds { sure, possible: FlowSet::clone(&rule.flows) });
                *slot = sets.join(*slot, flows);
            }
        }
        Some(found)
    }

    /// The same with the parts in the order of peers.
    pub(super) fn at(&self, peers: &[PeerRuns<'_>], sets: &mut Sets) -> AcceptingAt {
        let all = self.by_peer.iter();
        let by_member = all.filter(|(peer, _)| matches!(peer, Peer::Members(_)));
        let perhaps = by_member.fold(self.always, |all, (_, part)| sets.join(all, *part));
        let part = |peer: &&Peer| self.by_peer.get(*peer).copied().unwrap_or(BoundsId::NONE);
        AcceptingAt {
            always: self.always,
            perhaps,
            parts: peers.iter().map(|(peer, _)| peer.as_ref().map(part)).collect(),
        }
    }
}

/// What such a layer accepts by numbered peers.
#[derive(Debug)]
pub(super) struct AcceptingAt {
    always: BoundsId,
    /// What is accepted of somebody who may be a member of everything.
    perhaps: BoundsId,
    /// By peer; none for the place that stands for members that are in doubt.
    parts: Vec<Option<BoundsId>>,
}

impl AcceptingAt {
    /// What is accepted where the peers of these bits match.
    pub(super) fn accepted(&self, matching: &[u64], sets: &mut Sets) -> BoundsId {
        let mut sure = self.always;
        let mut is_doubtful = false;
        for (number, word) in matching.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                let bit = usize::try_from(left.trailing_zeros()).unwrap_or(0);
                left &= left - 1;
                match self.parts.get(number * 64 + bit) {
                    Some(Some(part)) => sure = sets.join(sure, *part),
                    Some(None) => is_doubtful = true,
                    None => {}
                }
            }
        }
        if is_doubtful { sets.perhaps(sure, self.perhaps) } else { sure }
    }
}
