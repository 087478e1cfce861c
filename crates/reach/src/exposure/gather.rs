//! Cells between the estate and the internet, grouped by what they allow.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use watertight_model::Network;
use watertight_model::network::GatewayKind;
use watertight_net::{AddressSet, Family};

use super::Exposed;
use crate::classes::{Class, OutsideAtom};
use crate::matrix::{Cell, ClassIndex, Matrix};
use crate::path::OutsideBy;
use crate::runs::Run;

/// Which end of a cell is on the internet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// The sender.
    In,
    /// The receiver.
    Out,
}

/// What inside classes, some or all, and the internet reach of each other, ordered by class; `more`
/// are cells that the matrix does not have.
pub(super) fn gather<'m>(
    network: &Network,
    matrix: &'m Matrix,
    (way, only): (Way, Option<&BTreeSet<ClassIndex>>),
    more: impl Iterator<Item = (ClassIndex, &'m OutsideAtom, &'m Cell)>,
) -> Vec<Exposed> {
    let mut groups = Groups::default();
    let mut whole: Vec<&OutsideAtom> = Vec::new();
    let mut internet: Vec<Run<()>> = Vec::new();
    for (number, class) in (0_u32..).zip(&matrix.classes) {
        if let Some(atom) = internet_of(network, class) {
            whole.push(atom);
            crate::runs::push(&mut internet, number, number + 1, ());
        }
    }
    match (way, only) {
        (Way::In, None) => groups.add_inbound(network, matrix, &internet, 0..matrix.classes.len()),
        (Way::In, Some(only)) => {
            groups.add_inbound(network, matrix, &internet, only.iter().copied());
        }
        (Way::Out, None) => groups.add_outbound(network, matrix),
        (Way::Out, Some(only)) => groups.add_outbound_of(network, matrix, only),
    }
    for (inside, atom, cell) in more {
        if only.is_none_or(|only| only.contains(&inside)) {
            groups.add(inside, atom, cell);
        }
    }
    groups.finish(&space(&whole))
}

/// The part of the internet that a class is. What surrounds a realm holds the internet with all
/// else: nothing tells where in it the internet begins.
fn internet_of<'c>(network: &Network, class: &'c Class) -> Option<&'c OutsideAtom> {
    match class {
        Class::Internet(atom) => Some(atom),
        Class::Outside(OutsideBy::Gateway(id), atom) => {
            let kind = &network.gateways[*id].kind;
            matches!(kind, GatewayKind::Surroundings { .. }).then_some(atom)
        }
        Class::Outside(OutsideBy::Attachment(_), _) | Class::Endpoints(_) => None,
    }
}

/// What belongs to one group: the same inside class and the same cell, by its text.
type Key = (ClassIndex, Arc<str>);

#[derive(Default)]
struct Groups<'m> {
    found: BTreeMap<Key, (Vec<&'m OutsideAtom>, &'m Cell)>,
    /// The text of each cell that was met, by where it is.
    texts: HashMap<*const Cell, Arc<str>>,
}

impl<'m> Groups<'m> {
    fn add_inbound(
        &mut self,
        network: &Network,
        matrix: &'m Matrix,
        internet: &[Run<()>],
        receivers: impl Iterator<Item = ClassIndex>,
    ) {
        for to in receivers {
            if !matches!(matrix.classes.get(to), Some(Class::Endpoints(_))) {
                continue;
            }
            for outside in internet {
                for run in matrix.runs(to).iter().filter(|run| run.end > outside.start) {
                    let Some(cell) = matrix.numbered(run.value) else { continue };
                    for from in run.start.max(outside.start)..run.end.min(outside.end) {
                        let from = usize::try_from(from).unwrap_or(usize::MAX);
                        let class = matrix.classes.get(from);
                        if let Some(atom) = class.and_then(|class| internet_of(network, class)) {
                            self.add(to, atom, cell);
                        }
                    }
                }
            }
        }
    }

    fn add_outbound(&mut self, network: &Network, matrix: &'m Matrix) {
        for (to, class) in matrix.classes.iter().enumerate() {
            let Some(atom) = internet_of(network, class) else { continue };
            for (from, cell) in matrix.column(to) {
                if matches!(matrix.classes.get(from), Some(Class::Endpoints(_))) {
                    self.add(from, atom, cell);
                }
            }
        }
    }

    fn add_outbound_of(
        &mut self,
        network: &Network,
        matrix: &'m Matrix,
        senders: &BTreeSet<ClassIndex>,
    ) {
        for (to, class) in matrix.classes.iter().enumerate() {
            let Some(atom) = internet_of(network, class) else { continue };
            for from in senders {
                if let Some(cell) = matrix.cell(*from, to)
                    && matches!(matrix.classes.get(*from), Some(Class::Endpoints(_)))
                {
                    self.add(*from, atom, cell);
                }
            }
        }
    }

    fn add(&mut self, inside: ClassIndex, atom: &'m OutsideAtom, cell: &'m Cell) {
        let text = self.texts.entry(std::ptr::from_ref(cell)).or_insert_with(|| {
            let Cell { forward, established } = cell;
            let text = format!(
                "{}|{}|{}|{}",
                forward.sure, forward.possible, established.sure, established.possible
            );
            text.into()
        });
        let key = (inside, Arc::clone(text));
        self.found.entry(key).or_insert_with(|| (Vec::new(), cell)).0.push(atom);
    }

    fn finish(self, whole: &AddressSet) -> Vec<Exposed> {
        // Most groups have the same addresses as another.
        let mut known: HashMap<Vec<*const OutsideAtom>, (AddressSet, bool)> = HashMap::new();
        let groups = self.found.into_iter().map(|((class, _), (atoms, cell))| {
            let key = atoms.iter().copied().map(std::ptr::from_ref).collect();
            let (addresses, everywhere) = known.entry(key).or_insert_with(|| {
                let addresses = space(&atoms);
                let everywhere = covers(&addresses, whole);
                (addresses, everywhere)
            });
            Exposed {
                class,
                addresses: addresses.clone(),
                everywhere: *everywhere,
                forward: cell.forward.clone(),
                established: cell.established.clone(),
            }
        });
        groups.collect()
    }
}

fn space(atoms: &[&OutsideAtom]) -> AddressSet {
    AddressSet::from_prefixes(atoms.iter().flat_map(|atom| atom.prefixes.iter().copied()))
}

/// Whether addresses are all of `whole` in every family that they touch.
fn covers(addresses: &AddressSet, whole: &AddressSet) -> bool {
    [Family::V4, Family::V6].into_iter().all(|family| {
        let own = addresses.of_family(family);
        own.is_empty() || own == whole.of_family(family)
    })
}
