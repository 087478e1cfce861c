//! What the internet and endpoints whose addresses the input does not tell reach of each other.
//!
//! The matrix asks addresses, so such endpoints have no cells in it; exposure adds them from here.

use watertight_model::Disposition;
use watertight_model::network::EndpointId;
use watertight_net::{AddressSet, Family, FlowSet, Prefix};

use crate::answer::{Part, Reach};
use crate::classes::{Class, OutsideAtom};
use crate::matrix::{Cell, ClassIndex, Matrix};
use crate::path::Start;
use crate::unaddressed::{Dialled, Sent, Target, is_unaddressed, start_of, targets_of};

/// What one class and one part of the internet reach of each other.
pub(crate) struct Outward<'m> {
    pub(crate) class: ClassIndex,
    pub(crate) atom: &'m OutsideAtom,
    pub(crate) cell: Cell,
}

impl Reach<'_> {
    /// What each part of the internet reaches at classes without addresses.
    pub(crate) fn unaddressed_inbound<'m>(&self, matrix: &'m Matrix) -> Vec<Outward<'m>> {
        let mut found = Vec::new();
        let others = asked(matrix);
        for (class, endpoint) in self.unaddressed_classes(matrix) {
            for target in targets_of(self.network, endpoint) {
                if !target.is_public() {
                    continue;
                }
                let mut dialled: Option<Vec<Dialled>> = None;
                for atom in internet(matrix, target.family()) {
                    let start = Start::Internet { address: atom.representative };
                    let dialled =
                        dialled.get_or_insert_with(|| self.dialled(&start, &target, &others));
                    let sent = [Sent { held: None, start }];
                    let parts = self.try_all(endpoint, &sent, dialled, &FlowSet::all());
                    found.extend(cell_of(&parts).map(|cell| Outward { class, atom, cell }));
                }
            }
        }
        found
    }

    /// What classes without addresses reach of each part of the internet.
    pub(crate) fn unaddressed_outbound<'m>(&self, matrix: &'m Matrix) -> Vec<Outward<'m>> {
        let mut found = Vec::new();
        let others = asked(matrix);
        for (class, endpoint) in self.unaddressed_classes(matrix) {
            let known = self.network.unaddressed.get(&endpoint);
            let in_plane = self.network.endpoints[endpoint].subnet.is_none();
            if in_plane && !known.is_some_and(|known| known.opens) {
                continue;
            }
            for family in [Family::V4, Family::V6] {
                let Some(start) = start_of(self.network, endpoint, family) else { continue };
                let mut sent = self.sent(&start, &others);
                // Nothing on the internet looks at which public address it comes from.
                sent.dedup_by_key(|sent| sent.held.and_then(|held| held.private));
                for atom in internet(matrix, family) {
                    let target = Target::Address(atom.representative);
                    let dialled = self.dialled(&start, &target, &others);
                    let parts = self.try_all(endpoint, &sent, &dialled, &FlowSet::all());
                    found.extend(cell_of(&parts).map(|cell| Outward { class, atom, cell }));
                }
            }
        }
        found
    }

    /// Classes without addresses, each with one of its members.
    pub(crate) fn unaddressed_classes(&self, matrix: &Matrix) -> Vec<(ClassIndex, EndpointId)> {
        let classes = matrix.classes.iter().enumerate();
        let first = classes.filter_map(|(index, class)| match class {
            Class::Endpoints(members) => Some((index, members.first().copied()?)),
            Class::Internet(_) | Class::Outside(..) => None,
        });
        first.filter(|(_, endpoint)| is_unaddressed(self.network, *endpoint)).collect()
    }
}

/// The addresses of the internet that are asked about: no endpoint has one of them.
fn asked(matrix: &Matrix) -> AddressSet {
    let both = [Family::V4, Family::V6].into_iter();
    let addresses = both.flat_map(|family| internet(matrix, family));
    AddressSet::from_prefixes(addresses.map(|atom| Prefix::host(atom.representative)))
}

/// The parts of the internet in a family.
fn internet(matrix: &Matrix, family: Family) -> impl Iterator<Item = &OutsideAtom> {
    matrix.classes.iter().filter_map(move |class| match class {
        Class::Internet(atom) if Family::of(atom.representative) == family => Some(atom),
        Class::Internet(_) | Class::Endpoints(_) | Class::Outside(..) => None,
    })
}

/// What arrives by an answer's parts, if anything could.
fn cell_of(parts: &[Part]) -> Option<Cell> {
    let mut cell = Cell::default();
    for part in parts {
        let sure = part.disposition.is_delivered();
        if !sure && part.disposition != Disposition::Unknown {
            continue;
        }
        if sure {
            cell.forward.sure = cell.forward.sure.union(&part.flows);
        }
        cell.forward.possible = cell.forward.possible.union(&part.flows);
        let (own, established) = (&mut cell.established, &part.established);
        own.sure = own.sure.union(&established.sure);
        own.possible = own.possible.union(&established.possible);
    }
    (!cell.forward.possible.is_empty()).then_some(cell)
}
