//! Rules within limits: exactly where they fit, over several groups, with merged prefixes, or not.

mod measure;
mod merging;

use std::rc::Rc;
use std::sync::Arc;

use watertight_net::{AddressSet, Family, FlowSet, Prefix};

use crate::artifact::{GroupName, GroupRule, RulePeer};
use crate::cover::fewest;
use crate::plane::{KeptList, Limits};
pub(crate) use measure::Measure;
use merging::Mergers;

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
    pub(crate) held: &'g Measure,
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

/// The prefixes of one piece.
struct Line<'w> {
    wish: &'w Wish,
    /// The lists that it names.
    lists: Vec<GroupName>,
    /// What they hold.
    listed: AddressSet,
    /// In order, and none holds another.
    prefixes: Rc<Vec<Prefix>>,
    /// What it may hold for nothing.
    may: Rc<AddressSet>,
    /// The line before it of which all this is the same, as is usual where one rule allows several flows.
    twin: Option<usize>,
    /// Whether some prefixes are merged, so that they may hold more than that.
    is_merged: bool,
}

pub(crate) fn fit(wishes: &[Wish], ground: &Ground<'_>, budget: Budget) -> Result<Fitted, TooMany> {
    let mut lines: Vec<Line<'_>> = Vec::with_capacity(wishes.len());
    for (number, wish) in wishes.iter().enumerate() {
        let alike = |line: &Line<'_>| line.wish.must == wish.must && line.wish.free == wish.free;
        let twin = lines.get(..number).unwrap_or_default().iter().position(alike);
        let line = match twin.and_then(|twin| lines.get(twin)) {
            Some(line) => line.twin_for(wish, twin),
            None => Line::new(wish, ground.lists),
        };
        lines.push(line);
    }
    let mut all = count(&lines);
    let needed = all.most();
    if needed > budget.endpoint {
        let mut mergers = Mergers::of(&lines, ground);
        // Whether IPv6 could be merged is not asked where IPv4 does not fit.
        for family in [Family::V4, Family::V6] {
            let of_family = match family {
                Family::V4 => &mut all.v4,
                Family::V6 => &mut all.v6,
            };
            let too_many = of_family.saturating_sub(budget.endpoint);
            *of_family = of_family.saturating_sub(mergers.merge(family, too_many));
            if *of_family > budget.endpoint {
                return Err(TooMany { needed, least: all.most() });
            }
        }
        mergers.write(&mut lines);
    }
    let mut rules = Vec::new();
    let mut widened = Vec::new();
    for line in &lines {
        let flows = &line.wish.flows;
        let groups = line.wish.groups.iter().chain(&line.lists).cloned().map(RulePeer::Group);
        let prefixes = line.prefixes.iter().copied().map(RulePeer::Prefix);
        let peers = groups.chain(prefixes);
        let shared = Arc::new(flows.clone());
        rules.extend(peers.map(|peer| GroupRule { peer, flows: Arc::clone(&shared) }));
        // What is not merged holds nothing else than it may.
        if line.is_merged {
            let written = AddressSet::from_prefixes(line.prefixes.iter().copied());
            let added = written.difference(&line.may).difference(&line.listed);
            if !added.is_empty() {
                widened.push((flows.clone(), added));
            }
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
        let v4 = line.prefixes.partition_point(|one| one.family() == Family::V4);
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
        let (prefixes, may) = (Rc::new(prefixes), Rc::new(may));
        Self { wish, lists, listed, prefixes, may, twin: None, is_merged: false }
    }

    /// The line of another wish for the same addresses.
    fn twin_for(&self, wish: &'w Wish, twin: Option<usize>) -> Self {
        Self {
            wish,
            lists: self.lists.clone(),
            listed: self.listed.clone(),
            prefixes: Rc::clone(&self.prefixes),
            may: Rc::clone(&self.may),
            twin,
            is_merged: false,
        }
    }
}

#[cfg(test)]
mod tests;
