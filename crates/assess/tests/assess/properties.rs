//! What must hold of every score.

use std::cmp::Ordering;

use proptest::prelude::*;
use proptest::sample::Index;
use watertight_assess::{
    Assessment, AssessmentLimits, Evidence, FactKind, Score, Status, SubjectKind, assess, outline,
    score,
};

use crate::sample::{SMALL, Sample, Size, samples};

/// Few jewels among many workloads, so that both ways of searching for values take part.
const MIXED: Size = Size { workloads: 10, others: 4, hops: 30, premises: 2, jewel_in: 6 };

fn scored(sample: &Sample) -> Score {
    score(&sample.build(), &std::collections::BTreeSet::new())
}

fn assessed(sample: &Sample) -> Assessment {
    assess(&sample.build(), &[], &AssessmentLimits::default())
}

fn at_least(one: f64, two: f64) -> bool {
    one.total_cmp(&two) != Ordering::Less
}

fn same(one: f64, two: f64) -> bool {
    one.total_cmp(&two) == Ordering::Equal
}

fn same_scores(one: &Assessment, two: &Assessment) -> bool {
    one.standing == two.standing && one.segments == two.segments
}

fn sizes() -> impl Strategy<Value = Sample> {
    prop_oneof![samples(SMALL), samples(MIXED)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn removing_a_hop_never_lowers_the_score(sample in sizes(), which in any::<Index>()) {
        prop_assume!(!sample.hops.is_empty());
        let before = assessed(&sample);
        let mut fewer = sample.clone();
        fewer.hops.remove(which.index(sample.hops.len()));
        let after = assessed(&fewer);
        let (one, two) = (after.standing.score, before.standing.score);
        prop_assert!(at_least(one.value, two.value) && at_least(one.best_case, two.best_case));
        for (one, two) in after.segments.iter().zip(&before.segments) {
            prop_assert!(at_least(one.inbound.value, two.inbound.value));
            prop_assert!(at_least(one.outbound.value, two.outbound.value));
        }
    }

    #[test]
    fn adding_a_replica_changes_nothing(sample in sizes(), which in any::<Index>()) {
        let mut more = sample.clone();
        let place = which.index(more.subjects.len());
        more.subjects[place].replicas += 1;
        let (before, after) = (assessed(&sample), assessed(&more));
        prop_assert_eq!(before, after);
    }

    #[test]
    fn an_outline_says_what_the_assessment_says(sample in sizes()) {
        let found = assessed(&sample);
        let outline = outline(&sample.build(), AssessmentLimits::default().chains);
        prop_assert_eq!(outline.standing, found.standing);
        prop_assert_eq!(outline.chains, found.chains.total);
        let blasts = found.blasts.iter().map(|blast| (blast.entry, blast.any));
        prop_assert!(outline.blasts.into_iter().eq(blasts));
    }

    #[test]
    fn renaming_and_renumbering_change_no_score(
        (sample, order) in sizes().prop_flat_map(|sample| {
            let order: Vec<usize> = (0..sample.subjects.len()).collect();
            (Just(sample), Just(order).prop_shuffle())
        }),
    ) {
        let (before, after) = (assessed(&sample), assessed(&sample.renumbered(&order)));
        prop_assert!(same_scores(&before, &after));
        prop_assert_eq!(before.chains.total, after.chains.total);
    }

    #[test]
    fn splitting_and_reordering_rules_change_nothing(
        (sample, hops) in sizes().prop_flat_map(|sample| {
            let mut hops = sample.hops.clone();
            for hop in &sample.hops {
                let mut half = hop.clone();
                half.evidence = vec![Evidence {
                    resource: "another".to_owned(),
                    rule: "half of the rule".to_owned(),
                    text: "because".to_owned(),
                }];
                hops.push(half);
            }
            (Just(sample), Just(hops).prop_shuffle())
        }),
    ) {
        let split = Sample { hops, ..sample.clone() };
        prop_assert_eq!(assessed(&sample), assessed(&split));
    }

    #[test]
    fn the_score_is_100_exactly_if_nothing_is_derived_beyond_the_entry(sample in sizes()) {
        let graph = sample.build();
        let view = graph.view(watertight_assess::Bound::All, &std::collections::BTreeSet::new());
        let beyond = graph.entries().iter().any(|entry| {
            let derived = view.derive(*entry);
            derived.iter().any(|fact| {
                let info = &graph.subjects()[usize::try_from(fact.subject.0).unwrap()];
                let counts = matches!(info.kind, SubjectKind::Workload | SubjectKind::Store);
                counts && fact.kind != FactKind::Hold && entry.workload() != Some(fact.subject)
            })
        });
        prop_assert_eq!(same(scored(&sample).value, 100.0), !beyond);
    }

    #[test]
    fn unknown_never_scores_better_than_yes(sample in sizes(), which in any::<Index>()) {
        prop_assume!(!sample.hops.is_empty());
        let place = which.index(sample.hops.len());
        let mut yes = sample.clone();
        yes.hops[place].status = Status::Sure;
        let mut unknown = sample.clone();
        unknown.hops[place].status = Status::Possible;
        let mut no = sample.clone();
        no.hops.remove(place);
        let (yes, unknown, no) = (scored(&yes), scored(&unknown), scored(&no));
        prop_assert!(same(unknown.value, yes.value));
        prop_assert!(at_least(unknown.best_case, yes.best_case));
        prop_assert!(at_least(no.value, unknown.value));
        prop_assert!(at_least(no.best_case, unknown.best_case));
        prop_assert!(at_least(unknown.best_case, unknown.value));
    }

    #[test]
    fn scores_are_within_their_range(sample in sizes()) {
        let score = scored(&sample);
        prop_assert!((0.0..=100.0).contains(&score.value));
        prop_assert!((0.0..=100.0).contains(&score.best_case));
    }

    #[test]
    fn the_same_graph_gives_the_same_assessment(sample in sizes()) {
        prop_assert_eq!(assessed(&sample), assessed(&sample));
    }
}
