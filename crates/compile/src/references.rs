//! Where a rule that names a group matches its members: that depends on the way.

use std::cell::RefCell;

use rustc_hash::FxHashMap;
use watertight_model::network::{Direction, EndpointId, SubnetId};
use watertight_reach::{End, Path, Place, Reach, Step};

/// From which subnet to which, and whether the rule is at the receiving end.
type Key = (Option<SubnetId>, Option<SubnetId>, bool);

/// Whether references hold on the ways of a network, asked once for two subnets.
#[derive(Debug)]
pub(crate) struct References<'n> {
    reach: Reach<'n>,
    known: RefCell<FxHashMap<Key, bool>>,
}

impl<'n> References<'n> {
    /// References on the ways of `reach`, whose guards must refuse nothing.
    pub(crate) fn new(reach: Reach<'n>) -> Self {
        Self { reach, known: RefCell::default() }
    }

    /// Whether a rule at one end of a leg, where it leaves or, with `ingress`, where it arrives,
    /// sees the endpoint at the other end as a member of its groups.
    pub(crate) fn hold(&self, from: EndpointId, to: EndpointId, ingress: bool) -> bool {
        let subnet = |id: EndpointId| self.reach.network().endpoints.get(id)?.subnet;
        let key = (subnet(from), subnet(to), ingress);
        if let Some(known) = self.known.borrow().get(&key) {
            return *known;
        }
        let found = self.hold_on_a_way(from, to, ingress);
        self.known.borrow_mut().insert(key, found);
        found
    }

    fn hold_on_a_way(&self, from: EndpointId, to: EndpointId, ingress: bool) -> bool {
        let (own, other, direction) =
            if ingress { (to, from, Direction::Ingress) } else { (from, to, Direction::Egress) };
        let sees = |path: &Path| {
            path.end == End::Delivered(to)
                && path.steps.iter().any(|step| match step {
                    Step::Guards(check) => {
                        check.place == Place::Endpoint(own)
                            && check.direction == direction
                            && check.seen.member == Some(other)
                    }
                    _ => false,
                })
        };
        let addresses = self.reach.addresses_of(to);
        self.reach.starts_of(from).iter().any(|start| {
            let mut targets = addresses.iter();
            targets.any(|one| self.reach.leads_by(start, *one, sees))
        })
    }
}
