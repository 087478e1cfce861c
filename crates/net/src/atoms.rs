//! The fewest pieces of address space that a collection of prefixes and sets tells apart.

mod family;
mod membership;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::address_set::{AddressRange, AddressSet};
use crate::interval::Interval;
use crate::prefix::Prefix;
use family::{FamilyAtoms, FamilyInput};

/// The number of an atom, from 0, in the order of the atoms' first addresses (IPv4 before IPv6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AtomId(pub u32);

impl AtomId {
    /// The position among the atoms, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Consecutive addresses of one atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AtomInterval {
    /// The addresses.
    pub range: AddressRange,
    /// The atom that they belong to.
    pub atom: AtomId,
}

/// A partition of both address families. Two addresses are in one atom (class) exactly if they are
/// of one family and in the same of the given prefixes and sets.
///
/// An atom is one or more intervals: the ends of the given prefixes and sets cut address space into
/// intervals, and intervals with the same memberships are one atom. `10.0.0.0/8` and `10.1.0.0/16`
/// make five IPv4 intervals and three IPv4 atoms.
#[derive(Clone, Debug)]
pub struct AddressAtoms {
    v4: FamilyAtoms<u32>,
    v6: FamilyAtoms<u128>,
    /// Interval numbers grouped by atom; atom `a` has `members[member_starts[a]..member_starts[a +
    /// 1]]`.
    members: Vec<u32>,
    member_starts: Vec<u32>,
}

impl AddressAtoms {
    /// The atoms that prefixes tell apart.
    pub fn from_prefixes(prefixes: impl IntoIterator<Item = Prefix>) -> Self {
        Self::new(prefixes, [])
    }

    /// The atoms that prefixes and sets tell apart.
    pub fn new<'a>(
        prefixes: impl IntoIterator<Item = Prefix>,
        sets: impl IntoIterator<Item = &'a AddressSet>,
    ) -> Self {
        let mut v4 = FamilyInput::default();
        let mut v6 = FamilyInput::default();
        for prefix in prefixes {
            match (prefix.first(), prefix.last()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4.prefix(Interval::ordered(first.to_bits(), last.to_bits()));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    v6.prefix(Interval::ordered(first.to_bits(), last.to_bits()));
                }
                // A prefix is of one family.
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
            }
        }
        for set in sets {
            v4.set(set.v4());
            v6.set(set.v6());
        }
        let v4 = v4.build(0);
        let v6 = v6.build(v4.atom_end());
        Self::group(v4, v6)
    }

    /// How many intervals there are: interval numbers go from 0 to this, excluded.
    pub fn interval_count(&self) -> u32 {
        self.v4.interval_count() + self.v6.interval_count()
    }

    /// How many atoms there are: atom numbers go from 0 to this, excluded.
    pub fn atom_count(&self) -> u32 {
        self.v6.atom_end()
    }

    /// The atom of an address.
    pub fn atom_of(&self, address: IpAddr) -> AtomId {
        match address {
            IpAddr::V4(v4) => self.v4.atom(self.v4.position(v4.to_bits())),
            IpAddr::V6(v6) => self.v6.atom(self.v6.position(v6.to_bits())),
        }
    }

    /// The number of the interval of an address.
    pub fn interval_of(&self, address: IpAddr) -> u32 {
        match address {
            IpAddr::V4(v4) => self.v4.position(v4.to_bits()),
            IpAddr::V6(v6) => self.v4.interval_count() + self.v6.position(v6.to_bits()),
        }
    }

    /// The numbers of the intervals that share an address with a prefix. For a prefix that was
    /// given these are exactly the intervals that it consists of.
    pub fn atoms_in(&self, prefix: Prefix) -> Range<u32> {
        self.intervals_in(prefix.into())
    }

    /// The numbers of the intervals that share an address with a range.
    pub fn intervals_in(&self, range: AddressRange) -> Range<u32> {
        self.interval_of(range.first())..self.interval_of(range.last()) + 1
    }

    /// The atoms that share an address with a prefix, ascending, each once. For a prefix that was
    /// given these are exactly the atoms that it consists of.
    pub fn classes_in(&self, prefix: Prefix) -> Vec<AtomId> {
        self.distinct([prefix.into()])
    }

    /// The atoms that share an address with a set, ascending, each once. For a set that was given
    /// these are exactly the atoms that it consists of.
    pub fn classes_in_set(&self, set: &AddressSet) -> Vec<AtomId> {
        self.distinct(set.ranges())
    }

    /// One interval, or nothing if there is no such number.
    pub fn interval(&self, number: u32) -> Option<AtomInterval> {
        let v4 = self.v4.interval_count();
        if number < v4 {
            let (interval, atom) = self.v4.interval(number)?;
            return Some(AtomInterval { range: interval.into(), atom });
        }
        let (interval, atom) = self.v6.interval(number - v4)?;
        Some(AtomInterval { range: interval.into(), atom })
    }

    /// The intervals by number, which is ascending, IPv4 before IPv6.
    pub fn intervals(&self) -> impl Iterator<Item = AtomInterval> + '_ {
        (0..self.interval_count()).filter_map(|number| self.interval(number))
    }

    /// The atoms by number.
    pub fn classes(&self) -> impl Iterator<Item = AtomId> + use<> {
        (0..self.atom_count()).map(AtomId)
    }

    /// The numbers of the intervals of an atom, ascending; empty if there is no such atom.
    pub fn intervals_of(&self, atom: AtomId) -> &[u32] {
        match (self.member_starts.get(atom.index()), self.member_starts.get(atom.index() + 1)) {
            (Some(start), Some(end)) => &self.members[*start as usize..*end as usize],
            _ => &[],
        }
    }

    /// The smallest address of an atom, or nothing if there is no such atom.
    pub fn representative(&self, atom: AtomId) -> Option<IpAddr> {
        let number = self.intervals_of(atom).first()?;
        self.interval(*number).map(|interval| interval.range.first())
    }

    /// The smallest address of an interval, or nothing if there is no such number.
    pub fn interval_representative(&self, number: u32) -> Option<IpAddr> {
        let v4 = self.v4.interval_count();
        if number < v4 {
            return self.v4.start(number).map(|start| Ipv4Addr::from(start).into());
        }
        self.v6.start(number - v4).map(|start| Ipv6Addr::from(start).into())
    }

    /// The addresses of an atom; empty if there is no such atom.
    pub fn addresses(&self, atom: AtomId) -> AddressSet {
        let numbers = self.intervals_of(atom).iter();
        numbers.filter_map(|number| self.interval(*number)).map(|found| found.range).collect()
    }

    fn distinct(&self, ranges: impl IntoIterator<Item = AddressRange>) -> Vec<AtomId> {
        let mut atoms: Vec<AtomId> = Vec::new();
        for range in ranges {
            let v4 = self.v4.interval_count();
            atoms.extend(self.intervals_in(range).map(|number| {
                if number < v4 { self.v4.atom(number) } else { self.v6.atom(number - v4) }
            }));
        }
        atoms.sort_unstable();
        atoms.dedup();
        atoms
    }

    /// Groups the intervals by atom, by counting.
    fn group(v4: FamilyAtoms<u32>, v6: FamilyAtoms<u128>) -> Self {
        let atoms = || v4.atoms().iter().chain(v6.atoms());
        let mut member_starts = vec![0_u32; v6.atom_end() as usize + 1];
        for atom in atoms() {
            member_starts[atom.index() + 1] += 1;
        }
        for index in 1..member_starts.len() {
            member_starts[index] += member_starts[index - 1];
        }
        let mut next = member_starts.clone();
        let mut members = vec![0_u32; (v4.interval_count() + v6.interval_count()) as usize];
        for (number, atom) in (0_u32..).zip(atoms()) {
            let position = &mut next[atom.index()];
            members[*position as usize] = number;
            *position += 1;
        }
        Self { v4, v6, members, member_starts }
    }
}
