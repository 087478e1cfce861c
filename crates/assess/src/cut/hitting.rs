//! Weighted hitting set by branch and bound.

/// Sets of actions; one action of each must be taken. No set contains another.
#[derive(Clone, Debug, Default)]
pub(super) struct Clauses {
    sets: Vec<Vec<u32>>,
}

impl Clauses {
    pub(super) fn len(&self) -> usize {
        self.sets.len()
    }

    /// Adds a sorted set, unless a set within it is known.
    pub(super) fn add(&mut self, set: Vec<u32>) {
        if self.sets.iter().any(|known| within(known, &set)) {
            return;
        }
        self.sets.retain(|known| !within(&set, known));
        self.sets.push(set);
    }
}

/// Actions that hit every set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Solution {
    pub(super) chosen: Vec<u32>,
    /// What any solution costs at least.
    pub(super) least: u64,
    /// Whether the chosen actions cost exactly that.
    pub(super) exact: bool,
}

/// Finds the cheapest actions that hit every set; visits at most `nodes` nodes, and takes those
/// visited off.
pub(super) fn solve(costs: &[u64], clauses: &Clauses, nodes: &mut usize) -> Solution {
    let start = greedy(costs, &clauses.sets);
    let cost = start.iter().map(|action| costs[place(*action)]).sum();
    let free = vec![State::Free; costs.len()];
    let mut branch = Branch {
        costs,
        sets: &clauses.sets,
        nodes,
        best: start,
        best_cost: cost,
        cut_short: false,
    };
    let root = branch.bound(&free);
    branch.visit(free, 0);
    let exact = !branch.cut_short;
    let Branch { best, best_cost, .. } = branch;
    let least = if exact { best_cost } else { root.min(best_cost) };
    Solution { chosen: best, least, exact: least == best_cost }
}

/// The action that hits most open sets for its cost.
pub(super) fn best_value(costs: &[u64], open: &[Vec<u32>]) -> Option<u32> {
    let mut hits = vec![0_u64; costs.len()];
    for action in open.iter().flatten() {
        hits[place(*action)] += 1;
    }
    let candidates = hits.iter().enumerate().filter(|(_, hits)| **hits > 0);
    // Compares cost / hits without dividing; the first of equals is taken.
    let cheaper = |(at, hit): &(usize, &u64), (other, other_hit): &(usize, &u64)| {
        let one = u128::from(costs[*at]) * u128::from(**other_hit);
        let two = u128::from(costs[*other]) * u128::from(**hit);
        one.cmp(&two).then(at.cmp(other))
    };
    candidates.min_by(cheaper).map(|(at, _)| crate::csr::number(at))
}

fn greedy(costs: &[u64], sets: &[Vec<u32>]) -> Vec<u32> {
    let mut open = sets.to_vec();
    let mut chosen = Vec::new();
    while let Some(action) = best_value(costs, &open) {
        chosen.push(action);
        open.retain(|set| !set.contains(&action));
    }
    let mut order = chosen.clone();
    order.sort_by_key(|action| (std::cmp::Reverse(costs[place(*action)]), *action));
    for action in order {
        let rest =
            |set: &Vec<u32>| set.iter().any(|other| *other != action && chosen.contains(other));
        if sets.iter().all(rest) {
            chosen.retain(|other| *other != action);
        }
    }
    chosen.sort_unstable();
    chosen
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Free,
    Taken,
    Barred,
}

struct Branch<'s> {
    costs: &'s [u64],
    sets: &'s [Vec<u32>],
    nodes: &'s mut usize,
    best: Vec<u32>,
    best_cost: u64,
    cut_short: bool,
}

impl Branch<'_> {
    fn visit(&mut self, mut states: Vec<State>, mut cost: u64) {
        if *self.nodes == 0 {
            self.cut_short = true;
            return;
        }
        *self.nodes -= 1;
        let Some(forced) = self.force(&mut states) else { return };
        cost += forced;
        let Some(set) = self.narrowest(&states) else {
            if cost < self.best_cost {
                self.best_cost = cost;
                let taken = states.iter().enumerate().filter(|(_, state)| **state == State::Taken);
                self.best = taken.map(|(at, _)| crate::csr::number(at)).collect();
            }
            return;
        };
        if cost + self.bound(&states) >= self.best_cost {
            return;
        }
        let mut free: Vec<u32> =
            set.iter().copied().filter(|action| states[place(*action)] == State::Free).collect();
        let hits = |action: u32| {
            let open = self.sets.iter().filter(|set| is_open(set, &states));
            open.filter(|set| set.contains(&action)).count()
        };
        free.sort_by_cached_key(|action| {
            (std::cmp::Reverse(hits(*action)), self.costs[place(*action)], *action)
        });
        for action in free {
            let mut next = states.clone();
            next[place(action)] = State::Taken;
            self.visit(next, cost + self.costs[place(action)]);
            states[place(action)] = State::Barred;
        }
    }

    /// Takes actions that are the last of an open set; `None` where a set has none left.
    fn force(&self, states: &mut [State]) -> Option<u64> {
        let mut cost = 0;
        loop {
            let mut changed = false;
            for set in self.sets {
                if !is_open(set, states) {
                    continue;
                }
                let mut free = set.iter().filter(|action| states[place(**action)] == State::Free);
                let last = *free.next()?;
                if free.next().is_none() {
                    states[place(last)] = State::Taken;
                    cost += self.costs[place(last)];
                    changed = true;
                }
            }
            if !changed {
                return Some(cost);
            }
        }
    }

    /// The open set with the fewest free actions.
    fn narrowest(&self, states: &[State]) -> Option<&Vec<u32>> {
        let free = |set: &&Vec<u32>| {
            set.iter().filter(|action| states[place(**action)] == State::Free).count()
        };
        self.sets.iter().filter(|set| is_open(set, states)).min_by_key(free)
    }

    /// What hitting the open sets costs at least: each set in turn takes what its cheapest free
    /// action has left, and all its actions have that much less left.
    fn bound(&self, states: &[State]) -> u64 {
        let mut left = self.costs.to_vec();
        let mut bound: u64 = 0;
        for set in self.sets.iter().filter(|set| is_open(set, states)) {
            let free = || set.iter().filter(|action| states[place(**action)] == State::Free);
            let Some(least) = free().map(|action| left[place(*action)]).min() else { continue };
            for action in free() {
                left[place(*action)] -= least;
            }
            bound = bound.saturating_add(least);
        }
        bound
    }
}

/// Whether no action of the set is taken.
fn is_open(set: &[u32], states: &[State]) -> bool {
    set.iter().all(|action| states[place(*action)] != State::Taken)
}

/// Whether every member of a sorted set is in another.
fn within(inner: &[u32], outer: &[u32]) -> bool {
    inner.iter().all(|action| outer.binary_search(action).is_ok())
}

const fn place(action: u32) -> usize {
    crate::csr::index(action)
}
