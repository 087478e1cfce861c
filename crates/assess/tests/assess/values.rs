//! Fixpoints, likelihoods, blast radius and score equal their twins.

use std::collections::BTreeSet;

use proptest::prelude::*;
use watertight_assess::{
    Assessment, AssessmentLimits, Bound, Bounds, Entry, HopGraph, Reached, Score, assess,
};

use crate::sample::{SMALL, Sample, Size, samples};
use crate::twin::{Twin, close, close_scores};

/// Many workloads and few jewels: then values are searched backwards.
const WIDE: Size = Size { workloads: 14, others: 4, hops: 40, premises: 2, jewel_in: 9 };

fn assessed(sample: &Sample) -> (HopGraph, Assessment) {
    let graph = sample.build();
    let assessment = assess(&graph, &[], &AssessmentLimits::default());
    (graph, assessment)
}

fn check_values(graph: &HopGraph) {
    for bound in [Bound::Sure, Bound::All] {
        let view = graph.view(bound, &BTreeSet::new());
        let twin = Twin::whole(graph, bound);
        for entry in graph.entries() {
            assert_eq!(view.derive(*entry), twin.derive(*entry));
            let values = twin.values(*entry);
            let likelihoods = view.likelihoods(*entry);
            assert_eq!(likelihoods.iter().count(), values.len());
            for (fact, value) in values {
                let likelihood = likelihoods.get(fact).unwrap().value();
                assert!(close(likelihood, value), "{fact}: {likelihood} is not {value}");
                check_derivation(graph, *entry, fact, &likelihoods.derivation(fact), value);
            }
        }
    }
}

/// The hops of a derivation lead to the fact in their order, and are worth its value.
fn check_derivation(
    graph: &HopGraph,
    entry: Entry,
    fact: watertight_assess::Fact,
    hops: &[usize],
    value: f64,
) {
    let mut known: BTreeSet<_> = graph.held(entry).into_iter().collect();
    let hops: Vec<_> = hops.iter().map(|place| &graph.hops()[*place]).collect();
    for hop in &hops {
        assert!(hop.premises.iter().all(|premise| known.contains(premise)));
        known.insert(hop.conclusion);
    }
    assert!(known.contains(&fact));
    let own = crate::twin::values(&hops, &graph.held(entry))[&fact];
    assert!(close(own, value));
}

fn check_blasts(graph: &HopGraph, assessment: &Assessment) {
    assert_eq!(assessment.blasts.len(), graph.entries().len());
    assert_eq!(assessment.blasts[0].entry, Entry::Internet);
    let ranked = &assessment.blasts[1..];
    assert!(ranked.is_sorted_by(|one, two| one.any.upper.share >= two.any.upper.share));
    for blast in &assessment.blasts {
        let of = |bound: Bound, any: Reached, one_hop: Reached| {
            let twin = Twin::whole(graph, bound);
            let reached = twin.reached(blast.entry);
            assert_eq!(usize::try_from(any.count).unwrap(), reached.len());
            let mut others = twin.counted();
            others.retain(|subject| blast.entry.workload() != Some(*subject));
            let share =
                if others.is_empty() { 0.0 } else { twin.weight(&reached) / twin.weight(&others) };
            assert!(close(any.share, share));
            check_one_hop(&twin, blast.entry, one_hop);
        };
        of(Bound::Sure, blast.any.lower, blast.one_hop.lower);
        of(Bound::All, blast.any.upper, blast.one_hop.upper);
    }
}

fn check_one_hop(twin: &Twin<'_>, entry: Entry, one_hop: Reached) {
    let held = twin.graph.held(entry);
    let mut first: BTreeSet<_> = held.iter().copied().collect();
    for hop in &twin.hops {
        if hop.premises.iter().all(|premise| held.contains(premise)) {
            first.insert(hop.conclusion);
        }
    }
    let reached: BTreeSet<_> = first
        .into_iter()
        .map(|fact| fact.subject)
        .filter(|subject| twin.counts(*subject) && entry.workload() != Some(*subject))
        .collect();
    assert_eq!(usize::try_from(one_hop.count).unwrap(), reached.len());
    #[expect(clippy::cast_precision_loss, reason = "weights of samples are small")]
    let weight = one_hop.weight as f64;
    assert!(close(weight, twin.weight(&reached)));
}

fn check_scores(graph: &HopGraph, assessment: &Assessment) {
    let twins =
        Bounds { lower: Twin::whole(graph, Bound::Sure), upper: Twin::whole(graph, Bound::All) };
    let check = |score: Score, upper: f64, lower: f64| {
        assert!(close_scores(score.value, upper), "{} is not {upper}", score.value);
        assert!(close_scores(score.best_case, lower), "{} is not {lower}", score.best_case);
    };
    let whole = |twin: &Twin<'_>| twin.score(&|_| true, &|_| true);
    check(assessment.standing.score, whole(&twins.upper), whole(&twins.lower));
    for (segment, score) in graph.segments().iter().zip(&assessment.segments) {
        let member =
            |entry: Entry| entry.workload().is_some_and(|own| segment.members.contains(&own));
        let inbound = |twin: &Twin<'_>| {
            twin.score(&|entry| !member(entry), &|subject| segment.members.contains(&subject))
        };
        let outbound =
            |twin: &Twin<'_>| twin.score(&member, &|subject| !segment.members.contains(&subject));
        check(score.inbound, inbound(&twins.upper), inbound(&twins.lower));
        check(score.outbound, outbound(&twins.upper), outbound(&twins.lower));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn engines_equal_their_twins(sample in samples(SMALL)) {
        let (graph, assessment) = assessed(&sample);
        check_values(&graph);
        check_blasts(&graph, &assessment);
        check_scores(&graph, &assessment);
    }

    #[test]
    fn engines_equal_their_twins_on_wide_graphs(sample in samples(WIDE)) {
        let (graph, assessment) = assessed(&sample);
        check_blasts(&graph, &assessment);
        check_scores(&graph, &assessment);
    }
}
