//! The matrix as rows: one for each pair of ends with the same answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_model::{Bounds, Estate};
use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_reach::{Cell, Class, ClassIndex, Matrix, OutsideBy};

use crate::ends::{End, Member, Names, Wholes};

/// One row: who may send what to whom.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Row {
    pub(crate) from: End,
    pub(crate) to: End,
    pub(crate) forward: Bounds<FlowSet>,
    pub(crate) established: Bounds<FlowSet>,
}

/// A class as a side of a row, before addresses outside are put together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// Its members, by number in [`Sides`].
    Inside(usize),
    /// Addresses on the internet.
    Internet,
    /// Addresses behind something that leads outside.
    Outside(OutsideBy),
}

/// The side that each class of a matrix is.
pub(crate) struct Sides {
    of: Vec<Side>,
    members: Vec<Vec<Member>>,
    wholes: Wholes,
}

impl Sides {
    pub(crate) fn new(estate: &Estate, matrix: &Matrix) -> Self {
        let names = Names::new(estate);
        let mut members: Vec<Vec<Member>> = Vec::new();
        let mut known: BTreeMap<Vec<Member>, usize> = BTreeMap::new();
        let side = |class: &Class| match class {
            Class::Endpoints(_) => {
                let own = names.class_members(class);
                let place = *known.entry(own.clone()).or_insert_with(|| {
                    members.push(own);
                    members.len() - 1
                });
                Side::Inside(place)
            }
            Class::Internet(_) => Side::Internet,
            Class::Outside(by, _) => Side::Outside(*by),
        };
        let of = matrix.classes.iter().map(side).collect();
        Self { of, members, wholes: Wholes::new(matrix) }
    }

    /// The sides of two classes.
    pub(crate) fn pair(&self, from: ClassIndex, to: ClassIndex) -> Option<(Side, Side)> {
        Some((*self.of.get(from)?, *self.of.get(to)?))
    }

    /// The end that a side is, with these addresses where it is outside.
    pub(crate) fn end(&self, estate: &Estate, side: Side, addresses: &AddressSet) -> End {
        match side {
            Side::Inside(place) => {
                End::Workloads(self.members.get(place).cloned().unwrap_or_default())
            }
            Side::Internet => End::Internet(self.wholes.internet(addresses)),
            Side::Outside(by) => End::Outside(
                Matrix::outside_name(&estate.network, by),
                self.wholes.outside(by, addresses),
            ),
        }
    }
}

type Key = (Side, Side, Bounds<FlowSet>, Bounds<FlowSet>);

/// The rows of the cells for which `wanted` holds, ordered by ends.
///
/// Classes with the same members (a workload with attachments in two subnets) and the same answer
/// are one row, and so are addresses outside with the same answer.
pub(crate) fn rows(
    estate: &Estate,
    matrix: &Matrix,
    wanted: impl Fn(ClassIndex, ClassIndex) -> bool,
) -> Vec<Row> {
    let sides = Sides::new(estate, matrix);
    let mut groups: BTreeMap<Key, BTreeSet<Prefix>> = BTreeMap::new();
    for ((from, to), cell) in matrix.cells() {
        if !wanted(from, to) {
            continue;
        }
        let Some((source, destination)) = sides.pair(from, to) else { continue };
        let Cell { forward, established } = cell;
        let key = (source, destination, forward.clone(), established.clone());
        let prefixes = groups.entry(key).or_default();
        prefixes.extend(outside_prefixes(matrix, from).iter().copied());
        prefixes.extend(outside_prefixes(matrix, to).iter().copied());
    }
    let mut rows: Vec<Row> = Vec::with_capacity(groups.len());
    for ((from, to, forward, established), prefixes) in groups {
        let addresses = AddressSet::from_prefixes(prefixes);
        let end = |side| sides.end(estate, side, &addresses);
        rows.push(Row { from: end(from), to: end(to), forward, established });
    }
    rows.sort();
    rows
}

/// The addresses of a class outside; none of workloads.
pub(crate) fn outside_prefixes(matrix: &Matrix, class: ClassIndex) -> &[Prefix] {
    match matrix.classes.get(class) {
        Some(Class::Internet(atom) | Class::Outside(_, atom)) => &atom.prefixes,
        Some(Class::Endpoints(_)) | None => &[],
    }
}

/// What is let through: what is sure, and what is possible beside it.
pub(crate) fn over(flows: &Bounds<FlowSet>) -> String {
    if flows.is_exact() {
        return flows.sure.to_string();
    }
    let perhaps = flows.possible.difference(&flows.sure);
    if flows.sure.is_empty() {
        format!("perhaps {perhaps}")
    } else {
        format!("{}; perhaps {perhaps}", flows.sure)
    }
}

/// Whether replies come back: `yes`, `no`, `perhaps`, or for what.
pub(crate) fn reply(forward: &Bounds<FlowSet>, established: &Bounds<FlowSet>) -> String {
    if established == forward {
        "yes".to_owned()
    } else if established.possible.is_empty() {
        "no".to_owned()
    } else if established.possible == forward.possible {
        "perhaps".to_owned()
    } else {
        format!("only {}", over(established))
    }
}

/// Two bounds as JSON.
pub(crate) fn bounds_json(flows: &Bounds<FlowSet>) -> Value {
    json!({"sure": flows.sure.to_string(), "possible": flows.possible.to_string()})
}
