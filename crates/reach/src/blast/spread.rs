//! What every node reaches at once: strongly connected components in reverse topological order,
//! each with the set of nodes that it reaches as a bitmap.

use watertight_model::Bounds;
use watertight_net::FlowSet;

use super::Graph;

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

/// What every node reaches over the edges that count.
pub(super) fn spread(graph: &Graph, counts: impl Fn(&Bounds<FlowSet>) -> bool) -> Vec<Size> {
    let edges: Vec<Vec<usize>> = (0..graph.nodes.len())
        .map(|node| graph.edges(node).filter(|(_, over)| counts(over)).map(|(to, _)| to).collect())
        .collect();
    let components = components(&edges);
    let words = graph.nodes.len().div_ceil(64);
    let mut component_of = vec![0_usize; graph.nodes.len()];
    for (number, members) in components.iter().enumerate() {
        for member in members {
            component_of[*member] = number;
        }
    }
    // Components come in reverse topological order: what one leads to is done before it.
    let mut reached: Vec<Vec<u64>> = Vec::with_capacity(components.len());
    for (number, members) in components.iter().enumerate() {
        let mut bits = vec![0_u64; words];
        let mut met = vec![];
        for to in members.iter().flat_map(|member| &edges[*member]) {
            set(&mut bits, *to);
            let other = component_of[*to];
            if other != number {
                met.push(other);
            }
        }
        met.sort_unstable();
        met.dedup();
        for other in met {
            for (own, more) in bits.iter_mut().zip(&reached[other]) {
                *own |= more;
            }
        }
        reached.push(bits);
    }
    let weights: Vec<u64> = reached.iter().map(|bits| weigh(graph, bits)).collect();
    let size = |node: usize| {
        let component = component_of[node];
        Size {
            one_hop: edges[node].iter().map(|to| graph.nodes[*to].weight).sum(),
            one_hop_own: edges[node].contains(&node),
            any: weights[component],
            any_own: is_set(&reached[component], node),
        }
    };
    (0..graph.nodes.len()).map(size).collect()
}

fn set(bits: &mut [u64], place: usize) {
    bits[place / 64] |= 1 << (place % 64);
}

fn is_set(bits: &[u64], place: usize) -> bool {
    bits[place / 64] & (1 << (place % 64)) != 0
}

fn weigh(graph: &Graph, bits: &[u64]) -> u64 {
    let mut sum = 0;
    for (place, word) in bits.iter().enumerate() {
        let mut left = *word;
        while left != 0 {
            let bit = usize::try_from(left.trailing_zeros()).unwrap_or(0);
            sum += graph.nodes[place * 64 + bit].weight;
            left &= left - 1;
        }
    }
    sum
}

/// Strongly connected components, each after those that it leads to (Tarjan 1972, without
/// recursion).
fn components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let mut order = vec![NEW; edges.len()];
    let mut low = vec![0_usize; edges.len()];
    let mut open = vec![false; edges.len()];
    let mut stack = Vec::new();
    let mut found = Vec::new();
    let mut next = 0;
    for root in 0..edges.len() {
        if order[root] != NEW {
            continue;
        }
        let mut calls = vec![(root, 0_usize)];
        while let Some((node, place)) = calls.last_mut() {
            let node = *node;
            if *place == 0 {
                order[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node);
                open[node] = true;
            }
            if let Some(to) = edges[node].get(*place).copied() {
                *place += 1;
                if order[to] == NEW {
                    calls.push((to, 0));
                } else if open[to] {
                    low[node] = low[node].min(order[to]);
                }
                continue;
            }
            calls.pop();
            if let Some((parent, _)) = calls.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
            if low[node] == order[node] {
                let mut members = Vec::new();
                while let Some(member) = stack.pop() {
                    open[member] = false;
                    members.push(member);
                    if member == node {
                        break;
                    }
                }
                found.push(members);
            }
        }
    }
    found
}
