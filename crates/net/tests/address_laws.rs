//! `AddressSet` and `AddressAtoms` against their twins.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

#[path = "address_laws/windows.rs"]
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use watertight_net::{AddressAtoms, AddressRange, AddressSet, AtomId, Family, Prefix};
use windows::{any_cells, any_prefix, build, cells, cells_of};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn operations_are_the_twins_in_canonical_form(a in any_cells(), b in any_cells()) {
        let (x, y) = (build(&a), build(&b));
        let everything = (0..cells().len()).collect();
        prop_assert_eq!(x.union(&y), build(&(&a | &b)));
        prop_assert_eq!(x.intersection(&y), build(&(&a & &b)));
        prop_assert_eq!(x.difference(&y), build(&(&a - &b)));
        prop_assert_eq!(x.complement(), build(&(&everything - &a)));
        prop_assert_eq!(x.contains_set(&y), a.is_superset(&b));
        prop_assert_eq!(x.intersects(&y), !a.is_disjoint(&b));
        prop_assert_eq!(x == y, a == b);
        prop_assert_eq!(x.is_empty(), a.is_empty());
        prop_assert_eq!(x.is_all(), a == everything);
        prop_assert_eq!(x.first(), a.first().map(|cell| cells()[*cell].first()));
        for (number, cell) in cells().into_iter().enumerate() {
            prop_assert_eq!(x.contains(cell.first()), a.contains(&number));
            prop_assert_eq!(x.contains(cell.last()), a.contains(&number));
        }
        let v4 = x.of_family(Family::V4);
        prop_assert_eq!(&v4, &x.intersection(&AddressSet::all_v4()));
        prop_assert_eq!(v4.union(&x.of_family(Family::V6)), x);
    }

    #[test]
    fn laws_hold(a in any_cells(), b in any_cells(), c in any_cells()) {
        let (x, y, z) = (build(&a), build(&b), build(&c));
        prop_assert_eq!(x.union(&y).complement(), x.complement().intersection(&y.complement()));
        prop_assert_eq!(
            x.intersection(&y.union(&z)),
            x.intersection(&y).union(&x.intersection(&z))
        );
        prop_assert_eq!(x.complement().complement(), x);
    }

    #[test]
    fn a_span_is_that_of_the_part_in_a_prefix(a in any_cells(), prefix in any_prefix()) {
        let set = build(&a);
        let within = set.intersection(&AddressSet::from_prefix(prefix));
        let span = within.first().zip(within.ranges().last().map(AddressRange::last));
        prop_assert_eq!(set.span_in(prefix).map(|span| (span.first(), span.last())), span);
    }

    #[test]
    fn prefixes_are_the_fewest_that_make_the_set(a in any_cells()) {
        let set = build(&a);
        let prefixes = set.prefixes();
        prop_assert!(prefixes.is_sorted());
        for pair in prefixes.windows(2) {
            prop_assert!(!pair[0].overlaps(pair[1]));
        }
        for prefix in &prefixes {
            prop_assert!(set.contains_prefix(*prefix));
            // No longer block fits, so no cover has fewer.
            if prefix.len() > 0 {
                let twice = Prefix::masked(prefix.first(), prefix.len() - 1).unwrap();
                prop_assert!(!set.contains_prefix(twice));
            }
        }
        prop_assert_eq!(&AddressSet::from_prefixes(prefixes), &set);
        prop_assert_eq!(&AddressSet::from_ranges(set.ranges()), &set);
    }

    #[test]
    fn prefixes_nest_as_their_addresses_do(a in any_prefix(), b in any_prefix()) {
        let (x, y) = (cells_of(a), cells_of(b));
        prop_assert_eq!(a.covers(b), x.is_superset(&y));
        prop_assert_eq!(a.overlaps(b), !x.is_disjoint(&y));
        prop_assert_eq!(a == b, x == y);
        prop_assert_eq!(a.is_host(), x.len() == 1);
        prop_assert_eq!(AddressSet::from(a), build(&x));
        prop_assert_eq!(a.to_string().parse::<Prefix>().unwrap(), a);
    }

    #[test]
    fn atoms_are_the_signatures(
        prefixes in prop::collection::vec(any_prefix(), 0..12),
        sets in prop::collection::vec(any_cells(), 0..5),
    ) {
        let sets: Vec<AddressSet> = sets.iter().map(build).collect();
        let atoms = AddressAtoms::new(prefixes.iter().copied(), &sets);
        let mut by_signature: BTreeMap<(Family, Vec<bool>), AtomId> = BTreeMap::new();
        for cell in cells() {
            let atom = atoms.atom_of(cell.first());
            prop_assert_eq!(atoms.atom_of(cell.last()), atom);
            let held = prefixes.iter().map(|prefix| prefix.contains(cell.first()));
            let signature = held.chain(sets.iter().map(|set| set.contains(cell.first()))).collect();
            let known = *by_signature.entry((cell.family(), signature)).or_insert(atom);
            prop_assert_eq!(known, atom);
        }
        let distinct: BTreeSet<AtomId> = by_signature.values().copied().collect();
        prop_assert_eq!(distinct.len(), by_signature.len());
        prop_assert!(atoms.classes().eq(distinct));
        assert_consistent(&atoms);
        for prefix in prefixes {
            prop_assert_eq!(intervals_union(&atoms, prefix), prefix.into());
            prop_assert_eq!(union(&atoms, &atoms.classes_in(prefix)), prefix.into());
        }
        for set in sets {
            prop_assert_eq!(union(&atoms, &atoms.classes_in_set(&set)), set);
        }
    }
}

fn union(atoms: &AddressAtoms, classes: &[AtomId]) -> AddressSet {
    classes.iter().fold(AddressSet::empty(), |all, atom| all.union(&atoms.addresses(*atom)))
}

fn intervals_union(atoms: &AddressAtoms, prefix: Prefix) -> AddressSet {
    atoms.atoms_in(prefix).map(|number| atoms.interval(number).unwrap().range).collect()
}

/// Intervals and atoms cover everything once, neighbours differ, and every look-up agrees.
fn assert_consistent(atoms: &AddressAtoms) {
    let mut everything = AddressSet::empty();
    let mut firsts = Vec::new();
    for atom in atoms.classes() {
        let addresses = atoms.addresses(atom);
        assert!(!addresses.intersects(&everything));
        everything = everything.union(&addresses);
        assert_eq!(atoms.representative(atom), addresses.first());
        assert_eq!(addresses.ranges().count(), atoms.intervals_of(atom).len());
        firsts.push(addresses.first().unwrap());
    }
    assert!(everything.is_all());
    assert!(firsts.is_sorted());
    assert_eq!(atoms.intervals().count(), atoms.interval_count() as usize);
    for (number, interval) in (0..).zip(atoms.intervals()) {
        assert_eq!(atoms.interval_of(interval.range.first()), number);
        assert_eq!(atoms.interval_of(interval.range.last()), number);
        assert_eq!(atoms.atom_of(interval.range.last()), interval.atom);
        assert_eq!(atoms.interval_representative(number), Some(interval.range.first()));
        assert!(atoms.intervals_of(interval.atom).contains(&number));
    }
}

#[test]
fn nothing_given_leaves_one_atom_for_each_family() {
    let atoms = AddressAtoms::from_prefixes([]);
    assert_eq!((atoms.interval_count(), atoms.atom_count()), (2, 2));
    assert_eq!(atoms.addresses(AtomId(0)), AddressSet::all_v4());
    assert_eq!(atoms.addresses(AtomId(1)), AddressSet::all_v6());
    assert!(atoms.intervals_of(AtomId(2)).is_empty());
    assert_eq!(atoms.representative(AtomId(2)), None);
    assert_eq!(atoms.interval(2), None);
}

#[test]
fn intervals_with_the_same_memberships_are_one_atom() {
    let prefixes = ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"].map(|text| text.parse().unwrap());
    let atoms = AddressAtoms::from_prefixes(prefixes);
    assert_eq!((atoms.interval_count(), atoms.atom_count()), (6, 4));
    let atom = |text: &str| atoms.atom_of(text.parse().unwrap());
    assert_eq!(atom("10.0.0.1"), atom("10.200.0.1"));
    assert_eq!(atom("9.255.255.255"), atom("11.0.0.0"));
    assert_ne!(atom("10.1.0.1"), atom("10.0.0.1"));
    assert_eq!(atoms.atoms_in(prefixes[0]), 1..4);
    assert_eq!(atoms.classes_in(prefixes[1]), [atom("10.1.2.3")]);
}

#[test]
fn a_mapped_address_is_in_no_ipv4_prefix() {
    let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
    let ten: Prefix = "10.0.0.0/8".parse().unwrap();
    assert!(!ten.contains(mapped));
    assert!(!AddressSet::all_v4().contains(mapped));
    let atoms = AddressAtoms::from_prefixes([ten]);
    assert_eq!(atoms.atom_of(mapped), atoms.atom_of("::".parse().unwrap()));
}

#[test]
fn a_million_prefixes_make_as_many_atoms() {
    // Every /20 of half of IPv4 space, and the first /21 of each.
    let starts = (0..1_u32 << 19).map(|index| index << 12);
    let prefix = |start, length| Prefix::new(IpAddr::V4(Ipv4Addr::from(start)), length).unwrap();
    let prefixes = starts.flat_map(|start| [prefix(start, 20), prefix(start, 21)]);
    let atoms = AddressAtoms::from_prefixes(prefixes);
    assert_eq!(atoms.atom_count(), (1 << 20) + 2);
    assert_eq!(atoms.interval_count(), (1 << 20) + 2);
    assert_eq!(atoms.atom_of("0.0.8.1".parse().unwrap()), AtomId(1));
    assert_eq!(atoms.atom_of("128.0.0.0".parse().unwrap()), AtomId(1 << 20));
}

#[test]
fn ranges_are_of_one_family_and_in_order() {
    let range = |first: &str, last: &str| {
        AddressRange::new(first.parse().unwrap(), last.parse().unwrap()).map_err(|e| e.to_string())
    };
    assert_eq!(
        range("10.0.0.9", "10.0.0.1").unwrap_err(),
        "address range `10.0.0.9-10.0.0.1` ends before it starts: write `10.0.0.1-10.0.0.9`"
    );
    assert_eq!(
        range("10.0.0.9", "::1").unwrap_err(),
        "address range `10.0.0.9-::1` mixes IPv4 and IPv6: write one range for each"
    );
    let set = AddressSet::from_ranges([range("10.0.0.1", "10.0.0.6").unwrap()]);
    assert_eq!(set.to_string(), "10.0.0.1/32, 10.0.0.2/31, 10.0.0.4/31, 10.0.0.6/32");
}

#[test]
fn sets_print_their_prefixes() {
    assert_eq!(AddressSet::empty().to_string(), "none");
    assert_eq!(AddressSet::all().to_string(), "0.0.0.0/0, ::/0");
    assert_eq!(AddressSet::all_v6().complement(), AddressSet::all_v4());
    let last: IpAddr = "255.255.255.255".parse().unwrap();
    assert_eq!(AddressSet::from(last).complement().prefixes().len(), 32 + 1);
}
