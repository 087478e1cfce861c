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
enum Side {
    Inside(usize),
    Internet,
    Outside(OutsideBy),
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
    let names = Names::new(estate);
    let wholes = Wholes::new(matrix);
    let mut ends: Vec<Vec<Member>> = Vec::new();
    let sides = sides(&names, matrix, &mut ends);
    let mut groups: BTreeMap<Key, BTreeSet<Prefix>> = BTreeMap::new();
    for ((from, to), cell) in matrix.cells() {
        if !wanted(from, to) {
            continue;
        }
        let (Some(source), Some(destination)) = (sides.get(from), sides.get(to)) else {
            continue;
        };
        let Cell { forward, established } = cell;
        let key = (*source, *destination, forward.clone(), established.clone());
        let prefixes = groups.entry(key).or_default();
        prefixes.extend(outside_prefixes(matrix, from).iter().copied());
        prefixes.extend(outside_prefixes(matrix, to).iter().copied());
    }
    let mut rows: Vec<Row> = Vec::with_capacity(groups.len());
    for ((from, to, forward, established), prefixes) in groups {
        let addresses = AddressSet::from_prefixes(prefixes);
        let end = |side| match side {
            Side::Inside(place) => End::Workloads(ends.get(place).cloned().unwrap_or_default()),
            Side::Internet => End::Internet(wholes.internet(&addresses)),
            Side::Outside(by) => End::Outside(
                Matrix::outside_name(&estate.network, by),
                wholes.outside(by, &addresses),
            ),
        };
        rows.push(Row { from: end(from), to: end(to), forward, established });
    }
    rows.sort();
    rows
}

fn sides(names: &Names<'_>, matrix: &Matrix, ends: &mut Vec<Vec<Member>>) -> Vec<Side> {
    let mut known: BTreeMap<Vec<Member>, usize> = BTreeMap::new();
    let side = |class: &Class| match class {
        Class::Endpoints(_) => {
            let members = names.class_members(class);
            let place = *known.entry(members.clone()).or_insert_with(|| {
                ends.push(members);
                ends.len() - 1
            });
            Side::Inside(place)
        }
        Class::Internet(_) => Side::Internet,
        Class::Outside(by, _) => Side::Outside(*by),
    };
    matrix.classes.iter().map(side).collect()
}

fn outside_prefixes(matrix: &Matrix, class: ClassIndex) -> &[Prefix] {
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
