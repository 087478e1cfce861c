//! Hops between the same facts taken together: the steps that chains are made of.

use std::collections::BTreeMap;

use crate::csr::{index, number};
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
    /// The likeliest hop, by its number.
    pub(super) hop: usize,
    /// The cost of the likeliest sure hop.
    pub(super) sure: Option<u64>,
}

/// The links of a view. Those of a fact are made when they are first asked for, in the order of
/// premises; without fans, all are made at once, in the order of conclusions.
#[derive(Debug)]
pub(super) struct Links<'v, 'g> {
    view: &'v View<'g>,
    pub(super) all: Vec<Link>,
    /// For each fact where its links begin and end; `None` before they are made.
    arriving: Vec<Option<(u32, u32)>>,
}

impl<'v, 'g> Links<'v, 'g> {
    /// The links that may lead to some fact of `targets`.
    pub(super) fn new(view: &'v View<'g>, targets: &[u32]) -> Self {
        let graph = view.graph;
        let mut links = Self { view, all: Vec::new(), arriving: vec![None; graph.nodes()] };
        if graph.fans().is_empty() {
            let relevant = view.relevant(targets);
            for fact in 0..number(graph.facts.len()) {
                if relevant[index(fact)] {
                    links.load(fact);
                }
            }
        }
        links
    }

    /// Makes the links that conclude a fact, if they are not there; gives how many there are.
    pub(super) fn load(&mut self, fact: u32) -> usize {
        if let Some((start, end)) = self.arriving[index(fact)] {
            return index(end - start);
        }
        let mut found: BTreeMap<Vec<u32>, Link> = BTreeMap::new();
        for hop in self.view.arriving(fact) {
            let row = &self.view.graph.rows[index(*hop)];
            match row.premises() {
                [middle] if self.view.graph.is_middle(*middle) => {
                    for arm in self.view.arriving(*middle) {
                        let pair = self.view.graph.paired(*arm, *hop);
                        let source = &self.view.graph.rows[index(*arm)];
                        self.offer(&mut found, source.premises(), pair, *hop);
                    }
                }
                premises => self.offer(&mut found, premises, index(*hop), *hop),
            }
        }
        let start = number(self.all.len());
        let needed = found.values().filter(|link| !asks_for_more(link, &found));
        self.all.extend(needed.cloned());
        let end = number(self.all.len());
        self.arriving[index(fact)] = Some((start, end));
        index(end - start)
    }

    /// Adds a hop of these premises; `row` is its row, of a fan's hop that of the target.
    fn offer(&self, found: &mut BTreeMap<Vec<u32>, Link>, premises: &[u32], hop: usize, row: u32) {
        let content = &self.view.graph.rows[index(row)];
        if premises.contains(&content.conclusion) {
            return;
        }
        if let Some(link) = found.get_mut(premises) {
            if content.cost < link.cost {
                link.cost = content.cost;
                link.hop = hop;
            }
            if content.sure && link.sure.is_none_or(|cost| content.cost < cost) {
                link.sure = Some(content.cost);
            }
            return;
        }
        let only = match (premises, self.view.reduced(row).premises()) {
            ([premise], _) | (_, [premise]) => Some(*premise),
            _ => None,
        };
        let link = Link {
            premises: premises.to_vec(),
            only,
            conclusion: content.conclusion,
            cost: content.cost,
            hop,
            sure: content.sure.then_some(content.cost),
        };
        found.insert(premises.to_vec(), link);
    }

    /// The links that conclude a fact; none before they are made.
    pub(super) fn arriving(&self, fact: u32) -> std::ops::Range<u32> {
        self.arriving[index(fact)].map_or(0..0, |(start, end)| start..end)
    }

    pub(super) fn link(&self, place: u32) -> &Link {
        &self.all[index(place)]
    }

    /// Whether links are made one by one, so that making them is work.
    fn is_lazy(&self) -> bool {
        !self.view.graph.fans().is_empty()
    }
}

/// Whether another link with fewer of a link's premises leads to the same, no less likely: then no
/// chain has the link, since a premise could be dropped.
fn asks_for_more(link: &Link, all: &BTreeMap<Vec<u32>, Link>) -> bool {
    let parts = 1..(1_usize << link.premises.len()) - 1;
    parts.into_iter().any(|part| {
        let kept = link.premises.iter().enumerate().filter(|(place, _)| part >> place & 1 == 1);
        let kept: Vec<u32> = kept.map(|(_, premise)| *premise).collect();
        let gives = |cost: u64, other: Option<u64>| other.is_some_and(|other| other <= cost);
        all.get(&kept).is_some_and(|other| {
            other.cost <= link.cost && link.sure.is_none_or(|cost| gives(cost, other.sure))
        })
    })
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

    /// How much work it is to extend it: its length; where links are made one by one, its length for
    /// each of those of the fact that comes next, which are made.
    pub(super) fn work(&self, links: &mut Links<'_, '_>) -> usize {
        let made = self.open.last().map_or(0, |fact| links.load(*fact));
        (self.chosen.len() + 1) * if links.is_lazy() { made + 1 } else { 1 }
    }

    /// The derivations that choose one more link, for the open fact that was met last. Each
    /// derivation comes about in one way only. Links with premises that are not `derivable`, and
    /// those that would rest on their own conclusion, are left out.
    pub(super) fn extended(
        &self,
        links: &Links<'_, '_>,
        held: &[u32],
        derivable: impl Fn(u32) -> bool,
    ) -> Vec<Self> {
        let Some((fact, open)) = self.open.split_last() else { return Vec::new() };
        let chosen = self.by_conclusion(links);
        let mut extended = Vec::new();
        for place in links.arriving(*fact) {
            let premises = &links.link(place).premises;
            if !premises.iter().all(|premise| derivable(*premise)) {
                continue;
            }
            if premises.iter().any(|premise| chosen.rests_on(links, *premise, *fact)) {
                continue;
            }
            let mut next = Self {
                chosen: Vec::with_capacity(self.chosen.len() + 1),
                open: Vec::with_capacity(open.len() + premises.len()),
            };
            next.chosen.extend(&self.chosen);
            next.chosen.push(place);
            next.open.extend(open);
            for premise in premises {
                let known = held.contains(premise) || chosen.get(*premise).is_some();
                if !known && !next.open.contains(premise) {
                    next.open.push(*premise);
                }
            }
            extended.push(next);
        }
        extended
    }

    /// The chosen link of each fact that has one.
    pub(super) fn by_conclusion(&self, links: &Links<'_, '_>) -> Chosen {
        let pairs = self.chosen.iter().map(|place| (links.link(*place).conclusion, *place));
        Chosen { pairs: pairs.collect() }
    }

    /// The hops chosen, premises first.
    pub(super) fn hops(&self, links: &Links<'_, '_>, target: u32) -> Vec<usize> {
        let mut chosen = self.by_conclusion(links);
        let mut hops = Vec::new();
        let mut open = vec![(target, None)];
        while let Some((fact, hop)) = open.pop() {
            if let Some(hop) = hop {
                hops.push(hop);
            } else if let Some(place) = chosen.take(fact) {
                let link = links.link(place);
                open.push((fact, Some(link.hop)));
                open.extend(link.premises.iter().rev().map(|premise| (*premise, None)));
            }
        }
        hops
    }
}

/// The links that a derivation chose, by conclusion. They are few, so that a list is searched faster
/// than a tree.
pub(super) struct Chosen {
    pairs: Vec<(u32, u32)>,
}

impl Chosen {
    pub(super) fn get(&self, fact: u32) -> Option<u32> {
        self.pairs.iter().find(|(conclusion, _)| *conclusion == fact).map(|(_, place)| *place)
    }

    fn take(&mut self, fact: u32) -> Option<u32> {
        let place = self.get(fact)?;
        self.pairs.retain(|(conclusion, _)| *conclusion != fact);
        Some(place)
    }

    /// Whether what `fact` rests on includes `other`.
    fn rests_on(&self, links: &Links<'_, '_>, fact: u32, other: u32) -> bool {
        if fact == other {
            return true;
        }
        let Some(mut place) = self.get(fact) else { return false };
        // Of one premise each, as most are: no list of what is open is needed.
        while let [premise] = links.link(place).premises[..] {
            if premise == other {
                return true;
            }
            let Some(next) = self.get(premise) else { return false };
            place = next;
        }
        let mut open = links.link(place).premises.clone();
        let mut done = Vec::new();
        while let Some(fact) = open.pop() {
            if fact == other {
                return true;
            }
            if done.contains(&fact) {
                continue;
            }
            done.push(fact);
            if let Some(place) = self.get(fact) {
                open.extend(&links.link(place).premises);
            }
        }
        false
    }
}
