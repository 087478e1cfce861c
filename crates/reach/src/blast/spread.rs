//! What every node reaches at once.

use super::components::{Stabs, components};
use super::nodes::{Bound, Nodes};
use super::place;

/// What a node reaches, by weight.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Size {
    pub(super) one_hop: u64,
    /// Whether that includes the node's own members.
    pub(super) one_hop_own: bool,
    pub(super) any: u64,
    /// Whether that includes the node's own members.
    pub(super) any_own: bool,
}

/// What every node reaches.
pub(super) fn spread(nodes: &Nodes, bound: Bound) -> Vec<Size> {
    let mut sizes: Vec<Size> = vec![Size::default(); nodes.len()];
    for (node, one_hop) in one_hop(nodes, bound).into_iter().enumerate() {
        let own = is_own_sender(nodes, node, bound);
        let several = nodes.members(node).len() > 1;
        if let Some(size) = sizes.get_mut(node) {
            // A single member sends nothing to itself.
            size.one_hop = one_hop - if own && !several { nodes.weight(node) } else { 0 };
            size.one_hop_own = own && several;
        }
    }
    any(nodes, bound, &mut sizes);
    sizes
}

fn is_own_sender(nodes: &Nodes, node: usize, bound: Bound) -> bool {
    let own = u32::try_from(node).unwrap_or(u32::MAX);
    crate::runs::at(nodes.senders(node, bound), own).is_some()
}

/// The weight of what each opening node sends to: every set of senders adds the weight of its
/// receivers where a run begins and takes it away where the run ends.
fn one_hop(nodes: &Nodes, bound: Bound) -> Vec<u64> {
    let mut weights = vec![0_u64; nodes.sets_len()];
    for node in 0..nodes.len() {
        if let Some(weight) = weights.get_mut(nodes.set_of(node, bound)) {
            *weight += nodes.weight(node);
        }
    }
    let mut begins = vec![0_u64; nodes.opening() + 1];
    let mut ends = vec![0_u64; nodes.opening() + 1];
    for (set, weight) in weights.iter().enumerate() {
        for run in nodes.set(set) {
            if let Some(slot) = begins.get_mut(place(run.start)) {
                *slot += weight;
            }
            if let Some(slot) = ends.get_mut(place(run.end)) {
                *slot += weight;
            }
        }
    }
    let mut current = 0;
    let sums = begins.iter().zip(&ends).map(|(begins, ends)| {
        current = current + begins - ends;
        current
    });
    sums.take(nodes.opening()).collect()
}

/// Adds what each node reaches in any number of hops. Components come in an order in which what one
/// leads to is done before it; each has the components that it reaches as a bitmap.
fn any(nodes: &Nodes, bound: Bound, sizes: &mut [Size]) {
    let stabs = Stabs::new(nodes, bound);
    let components = components(nodes, &stabs, bound);
    let mut component_of = vec![0_usize; nodes.len()];
    for (number, members) in components.iter().enumerate() {
        for member in members {
            if let Some(slot) = component_of.get_mut(*member) {
                *slot = number;
            }
        }
    }
    let weights: Vec<u64> = components
        .iter()
        .map(|members| members.iter().map(|member| nodes.weight(*member)).sum())
        .collect();
    let words = components.len().div_ceil(64);
    let mut seen: Vec<usize> = Vec::new();
    let mut reached: Vec<Vec<u64>> = Vec::with_capacity(components.len());
    for (number, members) in components.iter().enumerate() {
        let cyclic = members.len() > 1
            || members.iter().any(|member| {
                nodes.members(*member).len() > 1 && is_own_sender(nodes, *member, bound)
            });
        let opening = members.iter().copied().filter(|member| nodes.opens(*member));
        let sets = stabs.holding(opening, &mut seen, number);
        let receivers = sets.iter().flat_map(|set| stabs.receivers(*set));
        let mut met: Vec<usize> =
            receivers.filter_map(|node| component_of.get(node).copied()).collect();
        met.sort_unstable();
        met.dedup();
        let mut bits = vec![0_u64; if met.is_empty() { 0 } else { words }];
        // Later ones first: they lead to the earlier ones, which are then skipped.
        for other in met.into_iter().rev().filter(|other| *other != number) {
            if is_set(&bits, other) {
                continue;
            }
            set(&mut bits, other);
            for (own, more) in bits.iter_mut().zip(reached.get(other).into_iter().flatten()) {
                *own |= more;
            }
        }
        let own = if cyclic { weights.get(number).copied().unwrap_or(0) } else { 0 };
        let sum = own + weigh(&weights, &bits);
        for member in members {
            if let Some(size) = sizes.get_mut(*member) {
                size.any = sum;
                size.any_own = cyclic;
            }
        }
        reached.push(bits);
    }
}

fn set(bits: &mut [u64], place: usize) {
    if let Some(word) = bits.get_mut(place / 64) {
        *word |= 1 << (place % 64);
    }
}

fn is_set(bits: &[u64], place: usize) -> bool {
    bits.get(place / 64).is_some_and(|word| word & (1 << (place % 64)) != 0)
}

fn weigh(weights: &[u64], bits: &[u64]) -> u64 {
    let mut sum = 0;
    for (place, word) in bits.iter().enumerate() {
        let mut left = *word;
        while left != 0 {
            let bit = usize::try_from(left.trailing_zeros()).unwrap_or(0);
            sum += weights.get(place * 64 + bit).copied().unwrap_or(0);
            left &= left - 1;
        }
    }
    sum
}
