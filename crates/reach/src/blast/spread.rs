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
/// leads to is done before it; each has the components that it reaches.
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
    let mut reached = Reached::new(components.len());
    let mut seen: Vec<usize> = Vec::new();
    let mut met: Vec<usize> = Vec::new();
    for (number, members) in components.iter().enumerate() {
        let cyclic = members.len() > 1
            || members.iter().any(|member| {
                nodes.members(*member).len() > 1 && is_own_sender(nodes, *member, bound)
            });
        let opening = members.iter().copied().filter(|member| nodes.opens(*member));
        let sets = stabs.holding(opening, &mut seen, number);
        let receivers = sets.iter().flat_map(|set| stabs.receivers(*set));
        met.clear();
        met.extend(receivers.filter_map(|node| component_of.get(node).copied()));
        met.sort_unstable();
        met.dedup();
        let own = if cyclic { weights.get(number).copied().unwrap_or(0) } else { 0 };
        let sum = own + reached.add(number, &met, &weights);
        for member in members {
            if let Some(size) = sizes.get_mut(*member) {
                size.any = sum;
                size.any_own = cyclic;
            }
        }
    }
}

/// What each component reaches: a list while it is short, a bitmap where that takes less.
struct Reached {
    words: usize,
    /// Each component's, in order, with the weight of all of it.
    each: Vec<(Those, u64)>,
    /// The lists, one behind the other.
    lists: Vec<u32>,
    /// The bitmaps, one behind the other.
    bits: Vec<u64>,
    /// For which component each one was noted last.
    noted: Vec<u32>,
}

#[derive(Clone, Copy)]
enum Those {
    /// A part of the lists.
    Listed(usize, usize),
    /// Where the bitmap begins.
    Bits(usize),
}

impl Reached {
    fn new(count: usize) -> Self {
        Self {
            words: count.div_ceil(64),
            each: Vec::with_capacity(count),
            lists: Vec::new(),
            bits: Vec::new(),
            noted: vec![u32::MAX; count],
        }
    }

    /// Adds the next component, which leads to some that were added before, ascending; returns the weight
    /// of all that it reaches beside itself.
    fn add(&mut self, number: usize, met: &[usize], weights: &[u64]) -> u64 {
        let round = u32::try_from(number).unwrap_or(u32::MAX);
        let start = self.lists.len();
        // Later ones first: they lead to the earlier ones, which are then skipped.
        for other in met.iter().rev().copied().filter(|other| *other != number) {
            if self.noted.get(other) == Some(&round) {
                continue;
            }
            let Some((Those::Listed(from, to), _)) = self.each.get(other).copied() else {
                return self.add_bits(start, (number, met), weights);
            };
            if self.lists.len() - start + (to - from) >= 2 * self.words {
                return self.add_bits(start, (number, met), weights);
            }
            self.note(other, round);
            for at in from..to {
                let more = self.lists.get(at).copied().unwrap_or(u32::MAX);
                self.note(place(more), round);
            }
        }
        let own = self.lists.get(start..).unwrap_or_default().iter();
        let sum = own.filter_map(|one| weights.get(place(*one))).sum();
        self.each.push((Those::Listed(start, self.lists.len()), sum));
        sum
    }

    /// Notes one for a component, once.
    fn note(&mut self, one: usize, round: u32) {
        if let Some(noted) = self.noted.get_mut(one)
            && *noted != round
        {
            *noted = round;
            self.lists.push(u32::try_from(one).unwrap_or(u32::MAX));
        }
    }

    /// The same where a list is too long; what was listed from a place on is taken off.
    ///
    /// The one that reaches the most is copied, and what others add to it is weighed: mostly little.
    fn add_bits(
        &mut self,
        listed: usize,
        (number, met): (usize, &[usize]),
        weights: &[u64],
    ) -> u64 {
        self.lists.truncate(listed);
        let others = || met.iter().rev().copied().filter(|other| *other != number);
        let most = others().max_by_key(|other| match self.each.get(*other) {
            Some((Those::Bits(_), sum)) => *sum,
            Some((Those::Listed(..), _)) | None => 0,
        });
        let start = self.bits.len();
        let mut sum = 0;
        match most.and_then(|most| self.each.get(most).copied()) {
            Some((Those::Bits(from), of_most)) => {
                self.bits.extend_from_within(from..from + self.words);
                sum = of_most;
            }
            Some((Those::Listed(..), _)) | None => self.bits.resize(start + self.words, 0),
        }
        let (before, own) = self.bits.split_at_mut(start);
        let weight = |one: usize| weights.get(one).copied().unwrap_or(0);
        for other in most.into_iter().chain(others()) {
            if is_set(own, other) {
                continue;
            }
            set(own, other);
            sum += weight(other);
            match self.each.get(other) {
                Some((Those::Bits(from), _)) if Some(other) != most => {
                    let more = before.get(*from..*from + self.words).unwrap_or_default();
                    for (word, (own, more)) in own.iter_mut().zip(more).enumerate() {
                        let mut added = more & !*own;
                        *own |= more;
                        while added != 0 {
                            let bit = usize::try_from(added.trailing_zeros()).unwrap_or(0);
                            sum += weight(word * 64 + bit);
                            added &= added - 1;
                        }
                    }
                }
                Some((Those::Listed(from, to), _)) => {
                    for one in self.lists.get(*from..*to).unwrap_or_default() {
                        if !is_set(own, place(*one)) {
                            set(own, place(*one));
                            sum += weight(place(*one));
                        }
                    }
                }
                Some((Those::Bits(_), _)) | None => {}
            }
        }
        self.each.push((Those::Bits(start), sum));
        sum
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Short lists and bitmaps say the same of a graph that is drawn: each leads to some of those before it.
    #[test]
    fn what_is_reached_is_the_same_by_lists_and_by_bitmaps() {
        const COUNT: usize = 700;
        let weights: Vec<u64> =
            (0..COUNT).map(|one| 1 + u64::try_from(one % 7).unwrap_or(0)).collect();
        let (mut mixed, mut dense) = (Reached::new(COUNT), Reached::new(COUNT));
        let mut expected: Vec<Vec<bool>> = Vec::new();
        let mut drawn: usize = 1;
        let (mut lists, mut bitmaps) = (0, 0);
        for number in 0..COUNT {
            let mut met: Vec<usize> = (0..number % 4)
                .map(|_| {
                    drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                    (drawn >> 33) % number
                })
                .collect();
            met.sort_unstable();
            met.dedup();
            let mut all = vec![false; COUNT];
            for other in &met {
                all[*other] = true;
                let further = expected[*other].clone();
                all.iter_mut().zip(further).for_each(|(own, more)| *own |= more);
            }
            let sum: u64 =
                all.iter().zip(&weights).filter(|(is, _)| **is).map(|(_, one)| one).sum();
            assert_eq!(mixed.add(number, &met, &weights), sum, "{number}");
            assert_eq!(dense.add_bits(0, (number, &met), &weights), sum, "{number}");
            match mixed.each.last() {
                Some((Those::Listed(..), _)) => lists += 1,
                _ => bitmaps += 1,
            }
            expected.push(all);
        }
        assert!(lists > 50 && bitmaps > 50, "{lists} lists, {bitmaps} bitmaps");
    }
}
