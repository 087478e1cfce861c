//! How many chains there are.

use super::ChainTotal;
use super::links::{Links, Partial};
use crate::csr::{Rows, index, number};
use crate::jewel::is_own;
use crate::view::View;

impl ChainTotal {
    /// The same total where at least `listed` chains are known.
    pub(super) fn at_least(self, listed: usize) -> Self {
        match self {
            Self::Exactly(count) => Self::Exactly(count),
            Self::AtLeast(count) => Self::AtLeast(count.max(u128::from(number(listed)))),
        }
    }
}

/// Counts the chains of a view. Where no hop of several premises takes part and no steps lead in
/// a circle, sums over paths count them; elsewhere they are gone through one by one, within
/// `work_max`.
pub(super) fn count(
    view: &View<'_>,
    links: &mut Links<'_, '_>,
    joined: &[bool],
    work_max: usize,
) -> ChainTotal {
    // Links of fans are made one by one, so that there is no formula over all of them.
    let single = view.graph.fans().is_empty() && !joined.contains(&true);
    if let Some(paths) = single.then(|| Paths::new(view, links)).flatten() {
        return match paths.total(view) {
            Some(total) => ChainTotal::Exactly(total),
            None => ChainTotal::AtLeast(u128::MAX),
        };
    }
    enumerate(view, links, work_max)
}

fn enumerate(view: &View<'_>, links: &mut Links<'_, '_>, work_max: usize) -> ChainTotal {
    let graph = view.graph;
    let mut work = 0;
    let mut count = 0;
    let targets: Vec<u32> =
        graph.jewels.iter().flat_map(|jewel| jewel.targets.iter().copied()).collect();
    // Where nothing that an entry holds matters to a jewel, no chain begins there.
    let relevant = view.relevant(&targets);
    for entry in &graph.entries {
        let held = graph.held_numbers(*entry);
        if !held.iter().any(|fact| relevant[index(*fact)]) {
            continue;
        }
        let derivable = view.closure(&held);
        for (at, jewel) in graph.jewels.iter().enumerate() {
            if is_own(graph, *entry, at) {
                continue;
            }
            let targets = jewel.targets.iter().filter(|target| derivable[index(**target)]);
            let mut open: Vec<Partial> =
                targets.map(|target| Partial::new(*target, &held)).collect();
            while let Some(partial) = open.pop() {
                if partial.open.is_empty() {
                    count += 1;
                    continue;
                }
                work += partial.work(links);
                if work > work_max {
                    return ChainTotal::AtLeast(count);
                }
                open.extend(partial.extended(links, &held, |fact| derivable[index(fact)]));
            }
        }
    }
    ChainTotal::Exactly(count)
}

/// Paths along links of one premise that never lead in a circle.
struct Paths {
    /// Conclusions of the links from each fact.
    leaving: Rows,
    /// The facts, conclusions before premises.
    order: Vec<u32>,
}

impl Paths {
    /// `None` where links lead in a circle.
    fn new(view: &View<'_>, links: &Links<'_, '_>) -> Option<Self> {
        let facts = view.graph.nodes();
        // Premises that another rests on lie on every path to it and branch off nothing.
        let single = links.all.iter();
        let single = single.filter_map(|link| link.only.map(|premise| (premise, link.conclusion)));
        let pairs: Vec<(u32, u32)> = single.collect();
        let leaving = Rows::gather(facts, &pairs);
        let order = conclusions_first(&leaving, facts)?;
        Some(Self { leaving, order })
    }

    /// The number of chains; `None` where it does not fit.
    fn total(&self, view: &View<'_>) -> Option<u128> {
        let graph = view.graph;
        let mut is_target = vec![false; graph.nodes()];
        for target in graph.jewels.iter().flat_map(|jewel| &jewel.targets) {
            is_target[index(*target)] = true;
        }
        let mut total: u128 = 0;
        let all = self.paths_by_start(&is_target, &[])?;
        for entry in &graph.entries {
            let held = graph.held_numbers(*entry);
            // From several held facts, a path that meets another of them has a step to spare.
            let own;
            let paths_by_start = if held.len() > 1 {
                own = self.paths_by_start(&is_target, &held)?;
                &own
            } else {
                &all
            };
            for fact in held {
                total = total.checked_add(paths_by_start[index(fact)])?;
            }
        }
        for (at, jewel) in graph.jewels.iter().enumerate() {
            let entry = crate::Entry::Workload(jewel.subject);
            if !is_own(graph, entry, at) || graph.entries.binary_search(&entry).is_err() {
                continue;
            }
            let mut is_target = vec![false; graph.nodes()];
            for target in &jewel.targets {
                is_target[index(*target)] = true;
            }
            let own = self.paths_by_start(&is_target, &[])?;
            for fact in graph.held_numbers(entry) {
                total = total.checked_sub(own[index(fact)])?;
            }
        }
        Some(total)
    }

    /// From each fact, how many paths lead to a target without a step into `barred`.
    fn paths_by_start(&self, is_target: &[bool], barred: &[u32]) -> Option<Vec<u128>> {
        let mut paths = vec![0_u128; is_target.len()];
        for fact in &self.order {
            let mut sum = u128::from(is_target[index(*fact)]);
            for conclusion in self.leaving.row(*fact) {
                if !barred.contains(conclusion) {
                    sum = sum.checked_add(paths[index(*conclusion)])?;
                }
            }
            paths[index(*fact)] = sum;
        }
        Some(paths)
    }
}

/// The rows, each after all that it leads to; `None` where there is a circle.
fn conclusions_first(leaving: &Rows, count: usize) -> Option<Vec<u32>> {
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut state = vec![0_u8; count];
    let mut order = Vec::with_capacity(count);
    for root in 0..number(count) {
        let mut path = vec![(root, 0)];
        while let Some((fact, at)) = path.pop() {
            if at == 0 {
                match state[index(fact)] {
                    DONE => continue,
                    OPEN => return None,
                    _ => state[index(fact)] = OPEN,
                }
            }
            if let Some(next) = leaving.row(fact).get(at) {
                path.push((fact, at + 1));
                path.push((*next, 0));
            } else {
                state[index(fact)] = DONE;
                order.push(fact);
            }
        }
    }
    Some(order)
}
