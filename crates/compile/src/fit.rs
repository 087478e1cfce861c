//! Rules within limits: exactly where they fit, over several groups, with merged prefixes, or not.

mod measure;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Bound;

use watertight_net::{AddressSet, Family, FlowSet, Prefix};

use crate::artifact::{GroupName, GroupRule, RulePeer};
use crate::cover::{fewest, supernet};
use crate::plane::{KeptList, Limits};
use measure::Measure;

/// What rules take of a limit, each family for itself: a reference counts in both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct RuleCount {
    /// Rules about IPv4.
    pub v4: u32,
    /// Rules about IPv6.
    pub v6: u32,
}

/// How many rules there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// In one group.
    pub group: u32,
    /// On one endpoint.
    pub endpoint: u32,
}

impl RuleCount {
    /// Counts rules.
    pub fn of(rules: &[GroupRule]) -> Self {
        rules.iter().fold(Self::default(), |all, rule| all.plus(&rule.peer))
    }

    fn plus(self, peer: &RulePeer) -> Self {
        let (v4, v6) = match peer {
            RulePeer::Group(_) => (1, 1),
            RulePeer::Prefix(prefix) if prefix.family() == Family::V4 => (1, 0),
            RulePeer::Prefix(_) => (0, 1),
        };
        Self { v4: self.v4.saturating_add(v4), v6: self.v6.saturating_add(v6) }
    }

    fn most(self) -> u32 {
        self.v4.max(self.v6)
    }
}

impl Budget {
    /// The budget of limits.
    pub const fn of(limits: &Limits) -> Self {
        let groups = limits.full_groups();
        let group = limits.rules_per_direction;
        Self { group, endpoint: group.saturating_mul(groups) }
    }
}

/// What is to be written for one piece of flows in one direction.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) flows: FlowSet,
    pub(crate) groups: Vec<GroupName>,
    /// Addresses that are allowed.
    pub(crate) must: AddressSet,
    /// Addresses of which nobody minds: allowed by a wider piece, or nobody's.
    pub(crate) free: AddressSet,
}

/// What bounds merging.
#[derive(Clone, Debug)]
pub(crate) struct Ground<'g> {
    /// Addresses into which nothing may be widened.
    pub(crate) never: AddressSet,
    /// Addresses of endpoints of the estate: each of these that is added weighs most.
    pub(crate) held: &'g AddressSet,
    /// Lists of addresses that a rule may name, each for the price of one rule.
    pub(crate) lists: &'g [KeptList],
}

/// Rules that fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fitted {
    /// For each group, its rules.
    pub(crate) groups: Vec<Vec<GroupRule>>,
    /// What merging has added, by piece.
    pub(crate) widened: Vec<(FlowSet, AddressSet)>,
}

/// Rules that do not fit, however they are merged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooMany {
    pub(crate) needed: u32,
    pub(crate) least: u32,
}

/// The prefixes of one piece, with the price of merging each with the next.
struct Line<'w> {
    wish: &'w Wish,
    /// The lists that it names.
    lists: Vec<GroupName>,
    /// What they hold.
    listed: AddressSet,
    prefixes: BTreeMap<Prefix, Option<Price>>,
    /// What it may hold for nothing; and which of that endpoints have, and which must not be opened.
    may: Measure,
    may_of: [Measure; 2],
}

/// What prices ask of all lines alike: what endpoints have, and what must not be opened.
struct Prices {
    held: Measure,
    never: Measure,
}

/// What a merger adds: endpoints of the estate, then addresses.
type Price = (u128, u128);

/// A merger: its price, the line, and the first of both prefixes.
type Offer = (Price, usize, Prefix);

/// The mergers that there were, by family, cheapest first. Nothing is taken out when a line changes: an offer holds
/// as long as its prefix has its price.
#[derive(Default)]
struct Offers([BinaryHeap<Reverse<Offer>>; 2]);

impl Offers {
    fn of(&mut self, family: Family) -> &mut BinaryHeap<Reverse<Offer>> {
        let [v4, v6] = &mut self.0;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }

    /// Takes the cheapest merger that there is.
    fn take(&mut self, family: Family, lines: &[Line<'_>]) -> Option<(usize, Prefix)> {
        loop {
            let Reverse((price, number, first)) = self.of(family).pop()?;
            let now = lines.get(number).and_then(|line| line.prefixes.get(&first));
            if now == Some(&Some(price)) {
                return Some((number, first));
            }
        }
    }
}

pub(crate) fn fit(wishes: &[Wish], ground: &Ground<'_>, budget: Budget) -> Result<Fitted, TooMany> {
    let new = |wish| Line::new(wish, ground.lists);
    let mut lines: Vec<Line<'_>> = wishes.iter().map(new).collect();
    let mut all = count(&lines);
    let needed = all.most();
    let mut offers = Offers::default();
    let mut prices = None;
    if needed > budget.endpoint {
        let prices = prices
            .insert(Prices { held: Measure::of(ground.held), never: Measure::of(&ground.never) });
        for (number, line) in lines.iter_mut().enumerate() {
            line.offer(number, (ground, prices), &mut offers);
        }
    }
    while all.most() > budget.endpoint {
        let family = if all.v4 > budget.endpoint { Family::V4 } else { Family::V6 };
        let Some((number, first)) = offers.take(family, &lines) else {
            return Err(TooMany { needed, least: all.most() });
        };
        let Some(line) = lines.get_mut(number) else { break };
        let Some(prices) = &prices else { break };
        let saved = line.merge((number, first), prices, &mut offers);
        match family {
            Family::V4 => all.v4 = all.v4.saturating_sub(saved),
            Family::V6 => all.v6 = all.v6.saturating_sub(saved),
        }
    }
    let mut rules = Vec::new();
    let mut widened = Vec::new();
    for line in &lines {
        let flows = &line.wish.flows;
        let groups = line.wish.groups.iter().chain(&line.lists).cloned().map(RulePeer::Group);
        let prefixes = line.prefixes.keys().copied().map(RulePeer::Prefix);
        let peers = groups.chain(prefixes);
        rules.extend(peers.map(|peer| GroupRule { peer, flows: flows.clone() }));
        let written = AddressSet::from_prefixes(line.prefixes.keys().copied());
        let added = written.difference(&line.wish.must).difference(&line.wish.free);
        let added = added.difference(&line.listed);
        if !added.is_empty() {
            widened.push((flows.clone(), added));
        }
    }
    rules.sort();
    Ok(Fitted { groups: split(rules, budget.group), widened })
}

/// Rules over as few groups as hold them.
fn split(rules: Vec<GroupRule>, limit: u32) -> Vec<Vec<GroupRule>> {
    let mut groups: Vec<(RuleCount, Vec<GroupRule>)> = Vec::new();
    for rule in rules {
        let room = groups.iter_mut().find(|(count, _)| count.plus(&rule.peer).most() <= limit);
        match room {
            Some((count, group)) => {
                *count = count.plus(&rule.peer);
                group.push(rule);
            }
            None => groups.push((RuleCount::default().plus(&rule.peer), vec![rule])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn count(lines: &[Line<'_>]) -> RuleCount {
    let mut all = RuleCount::default();
    for line in lines {
        let named = line.wish.groups.len().saturating_add(line.lists.len());
        let groups = u32::try_from(named).unwrap_or(u32::MAX);
        let v4 = line.prefixes.keys().filter(|one| one.family() == Family::V4).count();
        let v6 = line.prefixes.len().saturating_sub(v4);
        let of = |prefixes: usize| u32::try_from(prefixes).unwrap_or(u32::MAX);
        all.v4 = all.v4.saturating_add(groups).saturating_add(of(v4));
        all.v6 = all.v6.saturating_add(groups).saturating_add(of(v6));
    }
    all
}

impl<'w> Line<'w> {
    /// The fewest prefixes, and the lists that hold nothing else than what is wanted: they stay right when
    /// who keeps them changes them, so that they are named even where prefixes would take no more.
    fn new(wish: &'w Wish, known: &[KeptList]) -> Self {
        let may = wish.must.union(&wish.free);
        let mut prefixes = fewest(&wish.must, &may);
        let (mut lists, mut listed) = (Vec::new(), AddressSet::empty());
        for list in known {
            let is_wanted =
                may.contains_set(&list.addresses) && list.addresses.intersects(&wish.must);
            if !is_wanted {
                continue;
            }
            let held = listed.union(&list.addresses);
            let rest = fewest(&wish.must.difference(&held), &may);
            // What stands among much else is not told apart from it.
            if rest.len() < prefixes.len() {
                (prefixes, listed) = (rest, held);
                lists.push(GroupName(list.id.clone()));
            }
        }
        let (may, may_of) = (Measure::default(), Default::default());
        let prefixes = prefixes.into_iter().map(|one| (one, None)).collect();
        Self { wish, lists, listed, prefixes, may, may_of }
    }

    /// Prices every merger, and offers it.
    fn offer(
        &mut self,
        number: usize,
        (ground, prices): (&Ground<'_>, &Prices),
        offers: &mut Offers,
    ) {
        let may = self.wish.must.union(&self.wish.free);
        let of = |set: &AddressSet| Measure::of(&may.intersection(set));
        self.may_of = [of(ground.held), of(&ground.never)];
        self.may = Measure::of(&may);
        let all: Vec<Prefix> = self.prefixes.keys().copied().collect();
        let (mut made, mut prices_of) = (Offers::default(), Vec::with_capacity(all.len()));
        for (at, one) in all.iter().enumerate() {
            let other = all.get(at.saturating_add(1));
            let price = other.and_then(|other| self.price((*one, *other), prices));
            if let Some(price) = price {
                made.of(one.family()).push(Reverse((price, number, *one)));
            }
            prices_of.push((*one, price));
        }
        self.prefixes = prices_of.into_iter().collect();
        for family in [Family::V4, Family::V6] {
            offers.of(family).append(made.of(family));
        }
    }

    fn offer_one(
        &mut self,
        (number, first): (usize, Prefix),
        prices: &Prices,
        offers: &mut Offers,
    ) {
        let price = self.next(first).and_then(|next| self.price((first, next), prices));
        if let Some(price) = price {
            offers.of(first.family()).push(Reverse((price, number, first)));
        }
        self.prefixes.insert(first, price);
    }

    fn next(&self, first: Prefix) -> Option<Prefix> {
        let behind = (Bound::Excluded(first), Bound::Unbounded);
        self.prefixes.range(behind).next().map(|(next, _)| *next)
    }

    /// What it costs to merge a prefix with the next. Some of it may be held for nothing, so
    /// that what is added is never all that a family has, and its count fits.
    fn price(&self, (one, other): (Prefix, Prefix), prices: &Prices) -> Option<Price> {
        let merged = supernet(one, other)?;
        let added = |all: u128, may: &Measure| all.wrapping_sub(may.within(merged));
        let [may_held, may_never] = &self.may_of;
        if added(prices.never.within(merged), may_never) > 0 {
            return None;
        }
        let size = u32::from(merged.family().bits().saturating_sub(merged.len()));
        let size = 1_u128.checked_shl(size).unwrap_or(0);
        Some((added(prices.held.within(merged), may_held), added(size, &self.may)))
    }

    /// Merges a prefix with the next, and whatever else the result holds. Returns how many fewer
    /// there are.
    fn merge(
        &mut self,
        (number, first): (usize, Prefix),
        prices: &Prices,
        offers: &mut Offers,
    ) -> u32 {
        let merged = self.next(first).and_then(|next| supernet(first, next));
        let Some(merged) = merged else { return 0 };
        let before = self.prefixes.range(..first).rev().map(|(one, _)| *one);
        let (mut held, mut last) = (vec![first], None);
        for one in before {
            if !merged.covers(one) {
                last = Some(one);
                break;
            }
            held.push(one);
        }
        let behind = (Bound::Excluded(first), Bound::Unbounded);
        let behind = self.prefixes.range(behind).map(|(one, _)| *one);
        held.extend(behind.take_while(|one| merged.covers(*one)));
        for one in &held {
            self.prefixes.remove(one);
        }
        self.prefixes.insert(merged, None);
        for one in [last, Some(merged)].into_iter().flatten() {
            self.offer_one((number, one), prices, offers);
        }
        u32::try_from(held.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
