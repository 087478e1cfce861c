//! Facts that single-premise hops derive from one another are one component.

use crate::csr::{Rows, index, number};
use crate::graph::{HopRow, NONE};
use crate::view::View;

/// How often components are formed anew because a hop of several premises turned out to have all
/// of them in one. More rounds would only save time, never change a result.
const ROUNDS_MAX: usize = 8;

/// A hop whose premises lie in several components.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Joint {
    premises: [u32; 3],
    pub(super) conclusion: u32,
}

impl Joint {
    /// The components of a hop's premises, each once and in order, and that of its conclusion.
    fn new(row: &HopRow, component_of: &[u32]) -> Self {
        let mut premises = [NONE; 3];
        for (slot, premise) in premises.iter_mut().zip(row.premises()) {
            *slot = component_of[index(*premise)];
        }
        premises.sort_unstable();
        for place in 1..premises.len() {
            if premises[place] == premises[place - 1] {
                premises[place] = NONE;
            }
        }
        premises.sort_unstable();
        Self { premises, conclusion: component_of[index(row.conclusion)] }
    }

    /// The components of the premises.
    pub(super) fn premises(&self) -> &[u32] {
        let count = self.premises.iter().filter(|premise| **premise != NONE).count();
        &self.premises[..count]
    }
}

/// The condensation of a view: components in topological order of single-premise hops.
#[derive(Clone, Debug)]
pub(super) struct Condensed {
    pub(super) component_of: Vec<u32>,
    pub(super) count: usize,
    pub(super) leaving: Rows,
    pub(super) joints: Vec<Joint>,
    pub(super) joints_of: Rows,
}

/// Condenses the standing hops of a view.
pub(super) fn condense(view: &View<'_>) -> Condensed {
    let facts = view.graph.nodes();
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut joint_hops: Vec<u32> = Vec::new();
    for hop in 0..number(view.graph.rows.len()) {
        if !view.stands(hop) {
            continue;
        }
        let row = view.reduced(hop);
        match row.premises() {
            [premise] => edges.push((*premise, row.conclusion)),
            _ => joint_hops.push(hop),
        }
    }
    let mut component_of = Vec::new();
    let mut count = 0;
    for _ in 0..ROUNDS_MAX {
        (component_of, count) = components(&Rows::gather(facts, &edges), facts);
        let before = edges.len();
        joint_hops.retain(|hop| {
            let row = view.reduced(*hop);
            if Joint::new(row, &component_of).premises().len() > 1 {
                return true;
            }
            edges.extend(row.premises().first().map(|premise| (*premise, row.conclusion)));
            false
        });
        if edges.len() == before {
            break;
        }
    }
    let mut across: Vec<(u32, u32)> = edges
        .iter()
        .map(|(from, to)| (component_of[index(*from)], component_of[index(*to)]))
        .filter(|(from, to)| from != to)
        .collect();
    across.sort_unstable();
    across.dedup();
    let joints = joints(view, &joint_hops, &component_of);
    let mut premises_of = Vec::new();
    for (place, joint) in joints.iter().enumerate() {
        premises_of.extend(joint.premises().iter().map(|premise| (*premise, number(place))));
    }
    Condensed {
        leaving: Rows::gather(count, &across),
        joints_of: Rows::gather(count, &premises_of),
        component_of,
        count,
        joints,
    }
}

fn joints(view: &View<'_>, hops: &[u32], component_of: &[u32]) -> Vec<Joint> {
    let all = hops.iter().map(|hop| Joint::new(view.reduced(*hop), component_of));
    let mut joints: Vec<Joint> =
        all.filter(|joint| !joint.premises().contains(&joint.conclusion)).collect();
    joints.sort_unstable();
    joints.dedup();
    joints
}

/// Strongly connected components by Tarjan's algorithm, numbered so that edges lead upwards.
pub(crate) fn components(leaving: &Rows, count: usize) -> (Vec<u32>, usize) {
    let mut order = vec![NONE; count];
    let mut low = vec![NONE; count];
    let mut component = vec![NONE; count];
    let mut stack: Vec<u32> = Vec::new();
    let mut path: Vec<(u32, usize)> = Vec::new();
    let mut met = 0;
    let mut found = 0;
    for root in 0..number(count) {
        if order[index(root)] != NONE {
            continue;
        }
        path.push((root, 0));
        while let Some((node, edge)) = path.pop() {
            if edge == 0 {
                order[index(node)] = met;
                low[index(node)] = met;
                met += 1;
                stack.push(node);
            }
            if let Some(next) = leaving.row(node).get(edge) {
                path.push((node, edge + 1));
                if order[index(*next)] == NONE {
                    path.push((*next, 0));
                } else if component[index(*next)] == NONE {
                    low[index(node)] = low[index(node)].min(order[index(*next)]);
                }
                continue;
            }
            if low[index(node)] == order[index(node)] {
                while let Some(member) = stack.pop() {
                    component[index(member)] = found;
                    if member == node {
                        break;
                    }
                }
                found += 1;
            }
            if let Some((parent, _)) = path.last() {
                low[index(*parent)] = low[index(*parent)].min(low[index(node)]);
            }
        }
    }
    // Tarjan finds sinks first.
    for place in &mut component {
        *place = found - 1 - *place;
    }
    (component, index(found))
}
