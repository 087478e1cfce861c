//! Chains equal the minimal sets of steps, found by trying every set.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use watertight_assess::{
    AssessmentLimits, Bound, Chain, ChainLimits, ChainTotal, Entry, Fact, Hop, HopGraph, Status,
    assess,
};

use crate::sample::{SMALL, Size, samples};
use crate::twin::{Twin, close, derive, values};

/// Hops of one premise: then paths are summed up where there is no circle.
const PATHS: Size = Size { workloads: 5, others: 2, hops: 9, premises: 1, jewel_in: 2 };

/// What identifies a chain, and what orders it before identity does.
#[derive(Clone, Debug)]
struct Plain {
    value: f64,
    hops: usize,
    entry: Entry,
    target: Fact,
    steps: BTreeSet<(Vec<Fact>, Fact)>,
    sure: Option<f64>,
}

/// One hop for each set of hops between the same facts: the likeliest.
fn steps<'g>(twin: &Twin<'g>) -> Vec<(&'g Hop, Option<&'g Hop>)> {
    let mut steps: BTreeMap<(Vec<Fact>, Fact), Vec<&Hop>> = BTreeMap::new();
    for hop in &twin.hops {
        steps.entry((hop.premises.clone(), hop.conclusion)).or_default().push(hop);
    }
    let best = |hops: Vec<&'g Hop>| {
        let all = hops.iter().copied().max_by_key(|hop| hop.likelihood).unwrap();
        let sure = hops.into_iter().filter(|hop| hop.status == Status::Sure);
        (all, sure.max_by_key(|hop| hop.likelihood))
    };
    let steps: Vec<(&Hop, Option<&Hop>)> = steps.into_values().map(best).collect();
    steps.iter().copied().filter(|step| !steps.iter().any(|other| asks_less(other, step))).collect()
}

/// Whether a step needs only some of the premises of another, and gives the same no less likely.
fn asks_less(one: &(&Hop, Option<&Hop>), other: &(&Hop, Option<&Hop>)) -> bool {
    let premises = |step: &(&Hop, Option<&Hop>)| -> BTreeSet<Fact> {
        step.0.premises.iter().copied().collect()
    };
    let fewer = premises(one).is_subset(&premises(other)) && premises(one) != premises(other);
    let surely = |hop: Option<&Hop>| hop.map(|hop| hop.likelihood);
    one.0.conclusion == other.0.conclusion
        && fewer
        && one.0.likelihood >= other.0.likelihood
        && surely(one.1) >= surely(other.1)
}

fn plain_chains(graph: &HopGraph) -> Vec<Plain> {
    let twin = Twin::whole(graph, Bound::All);
    let steps = steps(&twin);
    let mut chains = Vec::new();
    for set in 0..1_usize << steps.len() {
        let taken: Vec<_> =
            steps.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1).collect();
        let hops: Vec<&Hop> = taken.iter().map(|(_, step)| step.0).collect();
        for entry in graph.entries() {
            let held = graph.held(*entry);
            let derived = derive(&hops, &held);
            for target in twin.targets() {
                if !derived.contains(&target) || entry.workload() == Some(target.subject) {
                    continue;
                }
                let spare = |left_out: usize| {
                    let mut rest = hops.clone();
                    rest.remove(left_out);
                    derive(&rest, &held).contains(&target)
                };
                if (0..hops.len()).any(spare) {
                    continue;
                }
                let sure: Option<Vec<&Hop>> = taken.iter().map(|(_, step)| step.1).collect();
                chains.push(Plain {
                    value: values(&hops, &held)[&target],
                    hops: hops.len(),
                    entry: *entry,
                    target,
                    steps: hops.iter().map(|hop| (hop.premises.clone(), hop.conclusion)).collect(),
                    sure: sure.map(|hops| values(&hops, &held)[&target]),
                });
            }
        }
    }
    chains
}

fn check_chain(graph: &HopGraph, chain: &Chain, plain: &[Plain]) {
    let hops = chain.hops.iter().map(|place| &graph.hops()[*place]);
    let steps: BTreeSet<_> =
        hops.clone().map(|hop| (hop.premises.clone(), hop.conclusion)).collect();
    let same = plain.iter().find(|plain| {
        plain.entry == chain.entry && plain.target == chain.target && plain.steps == steps
    });
    let same = same.expect("the chain is among the minimal sets");
    assert_eq!(chain.hops.len(), same.hops);
    assert!(close(chain.likelihood.value(), same.value));
    assert_eq!(chain.sure.is_some(), same.sure.is_some());
    if let (Some(one), Some(two)) = (chain.sure, same.sure) {
        assert!(close(one.value(), two));
    }
    let mut known: BTreeSet<Fact> = graph.held(chain.entry).into_iter().collect();
    for hop in hops {
        assert!(hop.premises.iter().all(|premise| known.contains(premise)));
        known.insert(hop.conclusion);
    }
}

fn check(graph: &HopGraph) {
    let plain = plain_chains(graph);
    let list = assess(graph, &[], &AssessmentLimits::default()).chains;
    assert_eq!(list.total, ChainTotal::Exactly(u128::try_from(plain.len()).unwrap()));
    assert!(list.complete);
    assert_eq!(list.chains.len(), plain.len().min(100));
    for chain in &list.chains {
        check_chain(graph, chain, &plain);
    }
    let order = |chain: &Chain| {
        (std::cmp::Reverse(chain.likelihood), chain.hops.len(), chain.entry, chain.target)
    };
    assert!(list.chains.is_sorted_by_key(order));
    let distinct: BTreeSet<_> =
        list.chains.iter().map(|chain| (chain.entry, chain.target, &chain.hops)).collect();
    assert_eq!(distinct.len(), list.chains.len());
    check_prefix(graph, &list.chains);
}

/// A shorter list is the beginning of a longer one.
fn check_prefix(graph: &HopGraph, chains: &[Chain]) {
    for listed_max in [1, 2, 5] {
        let limits = ChainLimits { listed_max, ..ChainLimits::default() };
        let limits = AssessmentLimits { chains: limits, ..AssessmentLimits::default() };
        let list = assess(graph, &[], &limits).chains;
        if list.complete {
            assert_eq!(list.chains, chains[..listed_max.min(chains.len())]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chains_are_the_minimal_derivations(sample in samples(SMALL)) {
        check(&sample.build());
    }

    #[test]
    fn paths_are_the_minimal_derivations(sample in samples(PATHS)) {
        check(&sample.build());
    }

    #[test]
    fn limits_are_told(sample in samples(SMALL)) {
        let graph = sample.build();
        let total = plain_chains(&graph).len();
        let limits = ChainLimits { search_work_max: 2, count_work_max: 2, ..ChainLimits::default() };
        let limits = AssessmentLimits { chains: limits, ..AssessmentLimits::default() };
        let list = assess(&graph, &[], &limits).chains;
        if list.complete {
            prop_assert_eq!(list.chains.len(), total.min(100));
        }
        match list.total {
            ChainTotal::Exactly(count) => prop_assert_eq!(count, u128::try_from(total).unwrap()),
            ChainTotal::AtLeast(count) => prop_assert!(count <= u128::try_from(total).unwrap()),
        }
    }
}
