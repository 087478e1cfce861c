//! `FlowSet` against its twin, and the laws of its algebra.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

#[path = "flow_set_laws/cells.rs"]
mod cells;

use std::collections::BTreeSet;

use cells::{Cells, any_cells, assert_members, build, cell_set, universe};
use proptest::prelude::*;
use watertight_net::{Flow, FlowSet, FlowSetId, FlowSets, PortSet, Protocol};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn membership_is_the_twins(cells in any_cells()) {
        assert_members(&build(&cells), &cells);
    }

    #[test]
    fn operations_are_the_twins_in_canonical_form(a in any_cells(), b in any_cells()) {
        let (x, y) = (build(&a), build(&b));
        prop_assert_eq!(x.union(&y), build(&(&a | &b)));
        prop_assert_eq!(x.intersection(&y), build(&(&a & &b)));
        prop_assert_eq!(x.difference(&y), build(&(&a - &b)));
        prop_assert_eq!(x.complement(), build(&(&universe() - &a)));
        assert_members(&x.union(&y), &(&a | &b));
        assert_members(&x.difference(&y), &(&a - &b));
    }

    #[test]
    fn questions_are_answered_as_by_the_twin(a in any_cells(), b in any_cells()) {
        let (x, y) = (build(&a), build(&b));
        prop_assert_eq!(x.contains(&y), a.is_superset(&b));
        prop_assert_eq!(x.intersects(&y), !a.is_disjoint(&b));
        prop_assert_eq!(x == y, a == b);
        prop_assert_eq!(x.is_empty(), a.is_empty());
        prop_assert_eq!(x.is_all(), a == universe());
        prop_assert!(x.contains(&x.intersection(&y)));
        prop_assert!(x.union(&y).contains(&y));
        let numbers: BTreeSet<u8> = a.iter().map(|cell| cell.0).collect();
        prop_assert!(x.protocols().map(Protocol::number).eq(numbers));
    }

    #[test]
    fn a_set_that_lacks_one_cell_does_not_contain_the_whole(a in any_cells()) {
        let set = build(&a);
        for cell in a {
            let fewer = set.difference(&cell_set(cell));
            prop_assert!(!fewer.contains(&set));
            prop_assert!(set.contains(&fewer));
            prop_assert!(!fewer.intersects(&cell_set(cell)));
        }
    }

    #[test]
    fn reply_is_the_twins_and_undoes_itself(a in any_cells()) {
        let set = build(&a);
        let replies: Cells = a.iter().copied().map(cells::reply).collect();
        prop_assert_eq!(set.reply(), build(&replies));
        prop_assert_eq!(set.reply().reply(), set.clone());
        for flow in a.iter().flat_map(|cell| cells::corners(*cell)) {
            prop_assert!(set.reply().contains_flow(flow.reply()));
        }
    }

    #[test]
    fn laws_hold(a in any_cells(), b in any_cells(), c in any_cells()) {
        let (x, y, z) = (build(&a), build(&b), build(&c));
        prop_assert_eq!(x.union(&y).complement(), x.complement().intersection(&y.complement()));
        prop_assert_eq!(x.intersection(&y).complement(), x.complement().union(&y.complement()));
        prop_assert_eq!(
            x.intersection(&y.union(&z)),
            x.intersection(&y).union(&x.intersection(&z))
        );
        prop_assert_eq!(x.union(&y.intersection(&z)), x.union(&y).intersection(&x.union(&z)));
        prop_assert_eq!(x.difference(&y), x.intersection(&y.complement()));
        prop_assert_eq!(x.union(&x.intersection(&y)), x.clone());
        prop_assert_eq!(x.complement().complement(), x.clone());
        prop_assert_eq!(x.union(&y).reply(), x.reply().union(&y.reply()));
    }

    #[test]
    fn parts_are_disjoint_and_make_the_set(a in any_cells()) {
        let set = build(&a);
        let mut union = FlowSet::none();
        for part in set.parts() {
            let part = FlowSet::from(part);
            prop_assert!(!part.is_empty());
            prop_assert!(!part.intersects(&union));
            union = union.union(&part);
        }
        prop_assert_eq!(union, set);
    }

    #[test]
    fn sample_is_the_smallest_member(a in any_cells()) {
        let smallest = a.first().map(|cell| cells::corners(*cell)[0]);
        prop_assert_eq!(build(&a).sample(), smallest);
    }

    #[test]
    fn text_reads_back(a in any_cells()) {
        let set = build(&a);
        let text = set.to_string();
        prop_assert_eq!(text.parse::<FlowSet>().unwrap(), set, "{}", text);
    }

    #[test]
    fn forgotten_and_replaced_ports_are_the_twins(a in any_cells()) {
        let set = build(&a);
        let ports = |number: u8| Protocol(number).has_ports();
        let every = 0..cells::PORTS.len();
        let any_source: Cells = a.iter().flat_map(|cell| {
            every.clone().map(|port| if ports(cell.0) { (cell.0, cell.1, port) } else { *cell })
        }).collect();
        prop_assert_eq!(set.any_source(), build(&any_source));
        let any_destination: Cells = a.iter().flat_map(|cell| {
            every.clone().map(|port| if ports(cell.0) { (cell.0, port, cell.2) } else { *cell })
        }).collect();
        prop_assert_eq!(set.any_destination(), build(&any_destination));
        let to_80: Cells =
            a.iter().map(|cell| if ports(cell.0) { (cell.0, 3, cell.2) } else { *cell }).collect();
        prop_assert_eq!(set.with_destination_port(80), build(&to_80));
        let low: PortSet = "0-79".parse().unwrap();
        let tcp = [Protocol::TCP, Protocol::ICMP];
        let translated: Cells = a.iter().map(|cell| {
            if cell.0 == 6 && cell.1 < 3 { (cell.0, 3, cell.2) } else { *cell }
        }).collect();
        prop_assert_eq!(set.translate_destination(&tcp, &low, 80), build(&translated));
    }

    #[test]
    fn interned_operations_are_the_plain_ones(a in any_cells(), b in any_cells()) {
        let (x, y) = (build(&a), build(&b));
        let mut sets = FlowSets::new();
        let (i, j) = (sets.intern(x.clone()), sets.intern(y.clone()));
        prop_assert_eq!(i == j, x == y);
        for _ in 0..2 {
            let union = sets.union(i, j);
            prop_assert_eq!(sets.get(union), &x.union(&y));
            prop_assert_eq!(sets.union(j, i), union);
            let intersection = sets.intersection(i, j);
            prop_assert_eq!(sets.get(intersection), &x.intersection(&y));
            prop_assert_eq!(sets.intersection(j, i), intersection);
            let difference = sets.difference(i, j);
            prop_assert_eq!(sets.get(difference), &x.difference(&y));
            let reply = sets.reply(i);
            prop_assert_eq!(sets.get(reply), &x.reply());
            prop_assert_eq!(sets.reply(reply), i);
            let complement = sets.complement(i);
            prop_assert_eq!(sets.get(complement), &x.complement());
        }
    }
}

#[test]
fn all_and_none_are_each_others_complement() {
    assert_eq!(FlowSet::all(), build(&universe()));
    assert_eq!(FlowSet::none(), build(&Cells::new()));
    assert_eq!(FlowSet::all().complement(), FlowSet::none());
    assert_eq!(FlowSet::none().complement(), FlowSet::all());
    assert_eq!(FlowSet::all().reply(), FlowSet::all());
}

#[test]
fn a_single_flow_is_a_set_of_one() {
    for cell in universe() {
        let flow = cells::corners(cell)[0];
        let set = FlowSet::from(flow);
        assert_eq!(set.sample(), Some(flow));
        assert!(cell_set(cell).contains(&set));
        assert_eq!(flow.to_string().parse::<FlowSet>().unwrap(), set);
        assert_eq!(FlowSet::from(flow.reply()), set.reply());
    }
}

#[test]
fn a_flow_that_no_packet_can_have_is_in_no_set() {
    let impossible = [
        Flow::Ports { protocol: Protocol::GRE, source_port: 1, destination_port: 2 },
        Flow::Icmp { protocol: Protocol::TCP, icmp_type: 8, icmp_code: 0 },
        Flow::Other { protocol: Protocol::TCP },
    ];
    for flow in impossible {
        assert!(!FlowSet::all().contains_flow(flow));
        assert!(FlowSet::from(flow).is_empty());
    }
}

#[test]
fn ports_of_a_protocol_without_ports_are_all_or_nothing() {
    let full = PortSet::full;
    assert_eq!(FlowSet::ports(Protocol::GRE, full(), full()), FlowSet::protocol(Protocol::GRE));
    assert!(FlowSet::ports(Protocol::GRE, full(), 80.into()).is_empty());
    assert!(FlowSet::tcp(PortSet::none()).is_empty());
}

#[test]
fn projections_name_the_ports_that_occur() {
    let set: FlowSet = "tcp/80 from 1024-65535; udp/53; icmp/8".parse().unwrap();
    assert_eq!(set.project_destination().to_string(), "53,80");
    assert_eq!(set.destination_ports(Protocol::TCP).to_string(), "80");
    assert_eq!(set.source_ports(Protocol::TCP).to_string(), "1024-65535");
    assert!(set.project_source().is_full());
    assert!(set.destination_ports(Protocol::ICMP).is_empty());
    assert_eq!(set.of_protocol(Protocol::UDP).to_string(), "udp/53");
    let translated = set.with_source_ports(&"1-2".parse().unwrap());
    assert_eq!(translated.to_string(), "icmp/8; tcp/80 from 1-2; udp/53 from 1-2");
}

#[test]
fn the_two_fixed_numbers_are_none_and_all() {
    let mut sets = FlowSets::new();
    assert_eq!(sets.len(), 2);
    assert_eq!(sets.intern(FlowSet::none()), FlowSetId::NONE);
    assert_eq!(sets.intern(FlowSet::all()), FlowSetId::ALL);
    assert_eq!(sets.complement(FlowSetId::ALL), FlowSetId::NONE);
    assert_eq!((FlowSetId::NONE.index(), FlowSetId::ALL.index()), (0, 1));
}
