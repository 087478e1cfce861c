//! Hops between the same facts taken together: the steps that chains are made of.

use std::collections::BTreeMap;

use crate::csr::{Rows, index, number};
use crate::graph::NONE;
use crate::view::View;

/// All standing hops with the same premises and the same conclusion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Link {
    pub(super) premises: Vec<u32>,
    /// The only premise on which all others rest, if there is one.
    pub(super) only: Option<u32>,
    pub(super) conclusion: u32,
    /// The cost of the likeliest hop.
    pub(super) cost: u64,
    /// The likeliest hop.
    pub(super) hop: u32,
    /// The cost of the likeliest sure hop.
    pub(super) sure: Option<u64>,
}

/// The links of a view, in the order of conclusions and premises.
#[derive(Clone, Debug)]
pub(super) struct Links {
    pub(super) all: Vec<Link>,
    arriving: Rows,
}

impl Links {
    /// The links that may lead to some fact of `targets`.
    pub(super) fn new(view: &View<'_>, targets: &[u32]) -> Self {
        let relevant = view.relevant(targets);
        let mut all: Vec<Link> = Vec::new();
        for (hop, row) in view.graph.rows.iter().enumerate() {
            let circular = row.premises().contains(&row.conclusion);
            if circular || !relevant[index(row.conclusion)] || !view.stands(number(hop)) {
                continue;
            }
            // The graph's order puts hops between the same facts side by side.
            if let Some(link) = all.last_mut()
                && link.conclusion == row.conclusion
                && link.premises == row.premises()
            {
                if row.cost < link.cost {
                    link.cost = row.cost;
                    link.hop = number(hop);
                }
                if row.sure && link.sure.is_none_or(|cost| row.cost < cost) {
                    link.sure = Some(row.cost);
                }
                continue;
            }
            let only = match view.reduced(number(hop)).premises() {
                [premise] => Some(*premise),
                _ => None,
            };
            all.push(Link {
                premises: row.premises().to_vec(),
                only,
                conclusion: row.conclusion,
                cost: row.cost,
                hop: number(hop),
                sure: row.sure.then_some(row.cost),
            });
        }
        let pairs: Vec<(u32, u32)> =
            all.iter().enumerate().map(|(at, link)| (link.conclusion, number(at))).collect();
        Self { arriving: Rows::gather(view.graph.facts.len(), &pairs), all }
    }

    /// The links that conclude a fact.
    pub(super) fn arriving(&self, fact: u32) -> &[u32] {
        self.arriving.row(fact)
    }

    pub(super) fn link(&self, place: u32) -> &Link {
        &self.all[index(place)]
    }
}

/// A derivation in the making: the links chosen, from the target backwards, and the facts that
/// still need one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Partial {
    pub(super) chosen: Vec<u32>,
    pub(super) open: Vec<u32>,
}

impl Partial {
    /// Nothing chosen: the target is open unless it is held.
    pub(super) fn new(target: u32, held: &[u32]) -> Self {
        let open = if held.contains(&target) { Vec::new() } else { vec![target] };
        Self { chosen: Vec::new(), open }
    }

    /// The derivations that choose one more link, for the open fact that was met last. Each
    /// derivation comes about in one way only. Links with premises that are not `derivable`, and
    /// those that would rest on their own conclusion, are left out.
    pub(super) fn extended(
        &self,
        links: &Links,
        held: &[u32],
        derivable: impl Fn(u32) -> bool,
    ) -> Vec<Self> {
        let mut open = self.open.clone();
        let Some(fact) = open.pop() else { return Vec::new() };
        let chosen = self.by_conclusion(links);
        let mut extended = Vec::new();
        for place in links.arriving(fact) {
            let premises = &links.link(*place).premises;
            if !premises.iter().all(|premise| derivable(*premise)) {
                continue;
            }
            if premises.iter().any(|premise| rests_on(links, &chosen, *premise, fact)) {
                continue;
            }
            let mut next = Self { chosen: self.chosen.clone(), open: open.clone() };
            next.chosen.push(*place);
            for premise in premises {
                let known = held.contains(premise) || chosen.contains_key(premise);
                if !known && !next.open.contains(premise) {
                    next.open.push(*premise);
                }
            }
            extended.push(next);
        }
        extended
    }

    /// The chosen link of each fact that has one.
    pub(super) fn by_conclusion(&self, links: &Links) -> BTreeMap<u32, u32> {
        self.chosen.iter().map(|place| (links.link(*place).conclusion, *place)).collect()
    }

    /// The hops chosen, premises first.
    pub(super) fn hops(&self, links: &Links, target: u32) -> Vec<usize> {
        let mut chosen = self.by_conclusion(links);
        let mut hops = Vec::new();
        let mut open = vec![(target, NONE)];
        while let Some((fact, hop)) = open.pop() {
            if hop != NONE {
                hops.push(index(hop));
            } else if let Some(place) = chosen.remove(&fact) {
                let link = links.link(place);
                open.push((fact, link.hop));
                open.extend(link.premises.iter().rev().map(|premise| (*premise, NONE)));
            }
        }
        hops
    }
}

/// Whether what `fact` rests on includes `other`.
fn rests_on(links: &Links, chosen: &BTreeMap<u32, u32>, fact: u32, other: u32) -> bool {
    let mut open = vec![fact];
    let mut done = Vec::new();
    while let Some(fact) = open.pop() {
        if fact == other {
            return true;
        }
        if done.contains(&fact) {
            continue;
        }
        done.push(fact);
        if let Some(place) = chosen.get(&fact) {
            open.extend(&links.link(*place).premises);
        }
    }
    false
}
