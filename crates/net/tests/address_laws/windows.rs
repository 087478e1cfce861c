//! The slow, obvious twin of `AddressSet`: the set of the cells that it holds.
//!
//! Address space is cut into windows of single addresses, at both ends of each family, in the
//! middle, and around the IPv4-mapped block, and into one long cell between each two windows.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use watertight_net::{AddressRange, AddressSet, Prefix};

/// How many single addresses a window has.
const WIDTH: u8 = 16;

/// Numbers of cells, which are ascending.
pub(crate) type Cells = BTreeSet<usize>;

/// Every cell, ascending; together all addresses.
pub(crate) fn cells() -> Vec<AddressRange> {
    let v4 = [0, 0x0a00_0000, u32::MAX - u32::from(WIDTH) + 1];
    let v4_cells = cut(&v4.map(u128::from), u128::from(u32::MAX));
    let v6 = [0, 0xffff_0a00_0000, 0x2001_0db8 << 96, u128::MAX - u128::from(WIDTH) + 1];
    let v6_cells = cut(&v6, u128::MAX);
    let v4_address = |bits: u128| IpAddr::from(Ipv4Addr::from(u32::try_from(bits).unwrap()));
    let v6_address = |bits: u128| IpAddr::from(Ipv6Addr::from(bits));
    let v4_ranges = v4_cells.into_iter().map(|(first, last)| (v4_address(first), v4_address(last)));
    let v6_ranges = v6_cells.into_iter().map(|(first, last)| (v6_address(first), v6_address(last)));
    v4_ranges
        .chain(v6_ranges)
        .map(|(first, last)| AddressRange::new(first, last).unwrap())
        .collect()
}

fn cut(windows: &[u128], greatest: u128) -> Vec<(u128, u128)> {
    let mut cells: Vec<(u128, u128)> = Vec::new();
    for start in windows {
        if let Some((_, last)) = cells.last()
            && last + 1 < *start
        {
            cells.push((last + 1, start - 1));
        }
        cells.extend((0..u128::from(WIDTH)).map(|offset| (start + offset, start + offset)));
    }
    assert_eq!(cells.last().unwrap().1, greatest);
    cells
}

/// The set that consists of the given cells.
pub(crate) fn build(numbers: &Cells) -> AddressSet {
    let cells = cells();
    numbers.iter().rev().map(|number| cells[*number]).collect()
}

/// Runs of cells, some of them complemented.
pub(crate) fn any_cells() -> impl Strategy<Value = Cells> {
    let count = cells().len();
    let run = (0..count, 0_usize..12);
    (prop::collection::vec(run, 0..6), prop::bool::weighted(0.25)).prop_map(move |(runs, dense)| {
        let chosen: Cells =
            runs.iter().flat_map(|(first, more)| *first..(first + more + 1).min(count)).collect();
        if dense { &(0..count).collect() - &chosen } else { chosen }
    })
}

/// Prefixes that consist of whole cells: short ones inside a window, and the two families.
pub(crate) fn any_prefix() -> impl Strategy<Value = Prefix> {
    let singles: Vec<IpAddr> = cells()
        .iter()
        .filter(|cell| cell.first() == cell.last())
        .map(|cell| cell.first())
        .collect();
    let inside = (prop::sample::select(singles), 0_u8..5).prop_map(|(address, host_bits)| {
        Prefix::masked(address, Prefix::host(address).len() - host_bits).unwrap()
    });
    prop_oneof![
        12 => inside,
        1 => Just(Prefix::ALL_V4),
        1 => Just(Prefix::ALL_V6),
    ]
}

/// The cells of a prefix from [`any_prefix`].
pub(crate) fn cells_of(prefix: Prefix) -> Cells {
    let inside =
        |cell: &AddressRange| prefix.contains(cell.first()) && prefix.contains(cell.last());
    (0_usize..).zip(cells()).filter(|(_, cell)| inside(cell)).map(|(number, _)| number).collect()
}
