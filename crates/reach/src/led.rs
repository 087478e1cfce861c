//! What clients outside reach by addresses at which nobody is: those that a service has outside of its
//! cluster.

use std::collections::BTreeMap;

use watertight_model::network::{EndpointId, EndpointRole};
use watertight_model::{Bounds, Disposition};
use watertight_net::{AddressSet, FlowSet};

use crate::answer::{Part, Reach};
use crate::classes::Class;
use crate::matrix::{Matrix, arrives_as};
use crate::path::{End, OutsideBy, Start};
use crate::unaddressed::Target;

/// What clients outside are led to by one address of a service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Led {
    /// The virtual endpoint that they send to.
    pub at: EndpointId,
    /// The endpoint to which that leads them; none where the input does not tell.
    pub to: Option<EndpointId>,
    /// By what the clients are reached.
    pub by: OutsideBy,
    /// The clients' addresses.
    pub addresses: AddressSet,
    /// What of that which they send arrives.
    pub forward: Bounds<FlowSet>,
    /// For what of it a connection can be established.
    pub established: Bounds<FlowSet>,
    /// What arrives, as the endpoint at which it does sees it.
    pub behind: FlowSet,
}

/// To whom connections get: forward, established, and as they arrive.
type Arrived = (Option<EndpointId>, Bounds<FlowSet>, Bounds<FlowSet>, FlowSet);
/// Everything but the clients' addresses.
type Key = (EndpointId, OutsideBy, Arrived);

impl Reach<'_> {
    /// What clients in what surrounds a realm reach by virtual addresses that have a listener there,
    /// in order; nothing where no such address is in the network.
    ///
    /// The clients are told apart as the classes of a matrix are.
    pub fn led(&self, matrix: &Matrix) -> Vec<Led> {
        let mut found: BTreeMap<Key, AddressSet> = BTreeMap::new();
        for at in self.network.at_sender.keys() {
            let endpoint = &self.network.endpoints[*at];
            let listens = match endpoint.role {
                EndpointRole::Front(front) => !self.network.fronts[front].listeners.is_empty(),
                _ => false,
            };
            if !listens {
                continue;
            }
            for class in &matrix.classes {
                let Class::Outside(by, atom) = class else { continue };
                let start = Start::Outside { by: *by, address: atom.representative };
                let own = endpoint.addresses.iter();
                let of_family = own.filter(|own| own.is_ipv4() == atom.representative.is_ipv4());
                for address in of_family {
                    let target = Target::Address(*address);
                    for part in self.ask(&start, &target, &FlowSet::all()) {
                        let Some(arrived) = arrived(part) else { continue };
                        let known =
                            found.entry((*at, *by, arrived)).or_insert_with(AddressSet::empty);
                        let more = AddressSet::from_prefixes(atom.prefixes.iter().copied());
                        *known = known.union(&more);
                    }
                }
            }
        }
        let led = |((at, by, (to, forward, established, behind)), addresses)| Led {
            at,
            to,
            by,
            addresses,
            forward,
            established,
            behind,
        };
        found.into_iter().map(led).collect()
    }
}

/// Whom a part of the flows gets to, and what of it, if to anybody.
fn arrived(part: Part) -> Option<Arrived> {
    let Part { flows, disposition, path, established, .. } = part;
    match (disposition, &path.end) {
        (Disposition::Accepted, End::Delivered(to)) => {
            let behind = arrives_as(&path, &flows);
            Some((Some(*to), Bounds::exact(flows), established, behind))
        }
        (Disposition::Unknown, _) => {
            let forward = Bounds { sure: FlowSet::none(), possible: flows.clone() };
            let behind = arrives_as(&path, &flows);
            Some((None, forward.clone(), forward, behind))
        }
        _ => None,
    }
}
