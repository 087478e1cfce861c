//! Who is at the ends of pairs, and pairs put together by that.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use watertight_model::{Estate, Name};
use watertight_net::{AddressRange, AddressSet};

use super::{Pairwise, SERVICES};
use crate::identity::name_of;
use crate::validate::told::{Party, PartyWho};

/// Who is at the ends of pairs, each once.
pub(super) struct Sides {
    all: Vec<Side>,
    pub(super) names: Names,
    /// By party.
    of: Vec<u32>,
    /// By service.
    of_service: Vec<u32>,
}

/// Who is at one end of several pairs: the numbers of names, and addresses by what they are behind.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Side {
    /// Ascending, each once.
    names: Vec<u32>,
    addresses: Vec<(Name, AddressSet)>,
}

/// Names, each once. What is told of thousands of pairs names the same ends again and again.
#[derive(Default)]
pub(super) struct Names {
    all: Vec<String>,
    of: FxHashMap<String, u32>,
}

impl Sides {
    /// The sides of all services, and of parties at which some things were found; others have the number of an empty one.
    pub(super) fn new(
        estate: &Estate,
        parties: &[Party],
        (found, places): (&Pairwise, &[usize]),
    ) -> Self {
        let mut is_used = vec![false; parties.len()];
        let pairs = places.iter().filter_map(|place| found.pairs.get(*place));
        for (from, to) in pairs.flatten().flatten() {
            for end in [from, to] {
                let place = usize::try_from(*end).ok().filter(|_| *end < SERVICES);
                if let Some(slot) = place.and_then(|place| is_used.get_mut(place)) {
                    *slot = true;
                }
            }
        }
        let mut sides = Self {
            all: vec![Side::default()],
            names: Names::default(),
            of: Vec::with_capacity(parties.len()),
            of_service: Vec::with_capacity(found.services.len()),
        };
        let mut of: Vec<Side> = Vec::with_capacity(parties.len());
        for (party, is_used) in parties.iter().zip(is_used) {
            of.push(if is_used { sides.side(estate, party) } else { Side::default() });
        }
        let services = found.services.iter().map(|address| {
            let names = vec![sides.names.number(address.clone())];
            Side { names, addresses: Vec::new() }
        });
        let mut of_service: Vec<Side> = services.collect();
        sides.order_names(of.iter_mut().chain(&mut of_service));
        let mut numbers: FxHashMap<Side, u32> = FxHashMap::default();
        numbers.insert(Side::default(), 0);
        let mut number = |side: Side| {
            let next = u32::try_from(sides.all.len()).unwrap_or(u32::MAX);
            let number = *numbers.entry(side.clone()).or_insert(next);
            if number == next {
                sides.all.push(side);
            }
            number
        };
        sides.of.extend(of.into_iter().map(&mut number));
        sides.of_service.extend(of_service.into_iter().map(&mut number));
        sides
    }

    fn side(&mut self, estate: &Estate, party: &Party) -> Side {
        let mut side = Side::default();
        match &party.who {
            PartyWho::Endpoints(members, _) => {
                let names = members.iter().map(|id| name_of(estate, *id));
                side.names.extend(names.map(|name| self.names.number(name)));
            }
            PartyWho::Outside(addresses, name) => {
                side.addresses.push((name.clone(), addresses.clone()));
            }
            PartyWho::Vacant(vacancy, _) => side.names.push(self.names.number(vacancy.name())),
        }
        side
    }

    /// Gives names other numbers, so that these are in their order.
    fn order_names<'s>(&mut self, sides: impl Iterator<Item = &'s mut Side>) {
        let mut order: Vec<usize> = (0..self.names.all.len()).collect();
        order.sort_unstable_by(|one, other| self.names.all[*one].cmp(&self.names.all[*other]));
        let mut ranks = vec![0; order.len()];
        for (rank, place) in (0_u32..).zip(&order) {
            ranks[*place] = rank;
        }
        self.names.all = order.iter().map(|at| std::mem::take(&mut self.names.all[*at])).collect();
        for side in sides {
            for name in &mut side.names {
                *name = usize::try_from(*name)
                    .ok()
                    .and_then(|at| ranks.get(at))
                    .map_or(*name, |rank| *rank);
            }
            side.names.sort_unstable();
            side.names.dedup();
        }
    }

    /// The number of the side of an end.
    fn of_end(&self, end: u32) -> u32 {
        let (all, place) = match end.checked_sub(SERVICES) {
            None => (&self.of, end),
            Some(place) => (&self.of_service, place),
        };
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        all.get(place).copied().unwrap_or_default()
    }

    /// Pairs as sides: those with the same sender as one, and then those with the same receivers.
    pub(super) fn joined(&self, pairs: &[(u32, u32)]) -> Vec<(Side, Side)> {
        // As one number they are sorted quicker.
        let pack = |(from, to): &(u32, u32)| {
            u64::from(self.of_end(*from)) << 32 | u64::from(self.of_end(*to))
        };
        let mut packed: Vec<u64> = pairs.iter().map(pack).collect();
        packed.sort_unstable();
        packed.dedup();
        let unpacked = |pair: &u64| (pair >> 32, u32::try_from(pair & 0xffff_ffff).unwrap_or(0));
        let mut by_receivers: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
        for part in packed.chunk_by(|one, other| one >> 32 == other >> 32) {
            let receivers = part.iter().map(|pair| unpacked(pair).1).collect();
            let from = part.first().and_then(|pair| u32::try_from(unpacked(pair).0).ok());
            by_receivers.entry(receivers).or_default().extend(from);
        }
        let all = |numbers: &[u32]| {
            let places =
                numbers.iter().map(|number| usize::try_from(*number).unwrap_or(usize::MAX));
            Side::of_all(places.filter_map(|place| self.all.get(place)))
        };
        // What is called differently may hold the same in all.
        let turned = by_receivers.iter().map(|(to, from)| (all(to), all(from))).collect();
        merged(turned).into_iter().map(|(to, from)| (from, to)).collect()
    }
}

impl Names {
    fn number(&mut self, name: String) -> u32 {
        let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let number = *self.of.entry(name.clone()).or_insert(next);
        if number == next {
            self.all.push(name);
        }
        number
    }

    fn get(&self, number: u32) -> Option<&String> {
        usize::try_from(number).ok().and_then(|place| self.all.get(place))
    }
}

impl Side {
    /// Who is at any of some.
    fn of_all<'s>(all: impl IntoIterator<Item = &'s Self>) -> Self {
        let mut found = Self::default();
        let mut ranges: BTreeMap<&Name, Vec<AddressRange>> = BTreeMap::new();
        for side in all {
            found.names.extend_from_slice(&side.names);
            for (name, more) in &side.addresses {
                ranges.entry(name).or_default().extend(more.ranges());
            }
        }
        found.names.sort_unstable();
        found.names.dedup();
        let of = |(name, ranges): (&Name, _)| (name.clone(), AddressSet::from_ranges(ranges));
        found.addresses = ranges.into_iter().map(of).collect();
        found
    }

    pub(super) fn texts(&self, names: &Names) -> Vec<String> {
        let outside = self.addresses.iter().flat_map(|(name, set)| {
            set.prefixes().into_iter().map(move |prefix| format!("{name}@{prefix}"))
        });
        let names = self.names.iter().filter_map(|number| names.get(*number)).cloned();
        names.chain(outside).collect()
    }
}

/// Pairs with the same sender as one.
fn merged(pairs: Vec<(Side, Side)>) -> Vec<(Side, Side)> {
    let mut found: Vec<(Side, Side)> = Vec::new();
    let mut places: FxHashMap<Side, usize> = FxHashMap::default();
    for (one, other) in pairs {
        let next = found.len();
        let place = *places.entry(one.clone()).or_insert(next);
        match found.get_mut(place) {
            Some((_, all)) => *all = Side::of_all([&*all, &other]),
            None => found.push((one, other)),
        }
    }
    found
}
