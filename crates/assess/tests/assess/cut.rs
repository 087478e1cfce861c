//! The cut set equals exhaustive search.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use watertight_assess::{
    Action, AssessmentLimits, Bound, Cost, CutLimits, Entry, Fact, GraphBuilder, Hop, HopGraph,
    LikelihoodTable, Removable, SubjectInfo, SubjectKind, Variant, assess, cut_set,
};

use crate::sample::{SMALL, Sample, Size, actions, samples};
use crate::twin::Twin;

const LARGER: Size = Size { workloads: 4, others: 3, hops: 14, premises: 2, jewel_in: 2 };

fn samples_with_actions(size: Size, most: usize) -> impl Strategy<Value = (Sample, Vec<Action>)> {
    samples(size).prop_flat_map(move |sample| {
        let actions = actions(sample.removables, most);
        (Just(sample), actions)
    })
}

fn removed(actions: &[Action], chosen: impl Fn(usize) -> bool) -> BTreeSet<Removable> {
    let taken = actions.iter().enumerate().filter(|(place, _)| chosen(*place));
    taken.flat_map(|(_, action)| action.removes.iter().copied()).collect()
}

/// The pairs between which a chain of at least a hundredth remains.
fn remaining(graph: &HopGraph, removed: &BTreeSet<Removable>) -> BTreeSet<(Entry, Fact)> {
    let twin = Twin::new(graph, Bound::All, removed);
    let mut pairs = BTreeSet::new();
    for entry in graph.entries() {
        let values = twin.values(*entry);
        for target in twin.targets() {
            let value = values.get(&target).copied().unwrap_or(0.0);
            if value >= 0.01 - 1e-9 && entry.workload() != Some(target.subject) {
                pairs.insert((*entry, target));
            }
        }
    }
    pairs
}

/// The least cost after which no more remains than after all actions.
fn exhaustive(graph: &HopGraph, actions: &[Action]) -> Cost {
    let uncuttable = remaining(graph, &removed(actions, |_| true));
    let mut known: BTreeMap<BTreeSet<Removable>, bool> = BTreeMap::new();
    let mut best = None;
    for set in 0..1_usize << actions.len() {
        let removed = removed(actions, |place| set >> place & 1 == 1);
        let cuts = known
            .entry(removed.clone())
            .or_insert_with(|| remaining(graph, &removed) == uncuttable);
        if *cuts {
            let taken = actions.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1);
            let cost: Cost = taken.map(|(_, action)| action.cost).sum();
            best = Some(best.map_or(cost, |best: Cost| best.min(cost)));
        }
    }
    best.unwrap()
}

fn check(sample: &Sample, actions: &[Action]) {
    let graph = sample.build();
    let cut = cut_set(&graph, actions, CutLimits::default());
    let uncuttable = remaining(&graph, &removed(actions, |_| true));
    assert_eq!(cut.uncuttable_total, uncuttable.len());
    assert_eq!(cut.uncuttable.iter().copied().collect::<BTreeSet<_>>(), uncuttable);
    assert!(cut.is_optimal());
    assert_eq!(cut.cost, exhaustive(&graph, actions));
    let left = remaining(&graph, &removed(actions, |place| cut.actions.contains(&place)));
    assert_eq!(left, uncuttable);
}

/// A store per set of things, each read from the internet while none of its things is removed; an
/// action per thing. The cut set is then the cheapest hitting set.
fn hitting(sets: &[BTreeSet<u32>], costs: &[u64]) -> (HopGraph, Vec<Action>) {
    let mut builder = GraphBuilder::new();
    let internet = Fact::exec(builder.outside("internet"));
    let things: Vec<Removable> = costs.iter().map(|_| builder.removable("thing")).collect();
    for set in sets {
        let info = SubjectInfo::new(SubjectKind::Store, "store").as_jewel();
        let data = Fact::read(builder.subject(info));
        let hop = Hop::new(Variant::DataApi, [internet], data, &LikelihoodTable::v1());
        builder.hop(hop.supported_by(set.iter().copied().map(Removable)));
    }
    let action = |(thing, cost): (&Removable, &u64)| {
        Action::new("remove", [*thing], Cost::from_millionths(*cost))
    };
    let actions = things.iter().zip(costs).map(action).collect();
    (builder.build().unwrap(), actions)
}

fn cheapest_hitting(sets: &[BTreeSet<u32>], costs: &[u64]) -> u64 {
    let masks: Vec<u32> =
        sets.iter().map(|set| set.iter().fold(0, |mask, thing| mask | 1 << thing)).collect();
    let hits = (0..1_u32 << costs.len()).filter(|set| masks.iter().all(|mask| mask & set != 0));
    let cost = |set: u32| -> u64 {
        costs.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, cost)| cost).sum()
    };
    hits.map(cost).min().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cut_set_equals_exhaustive_search((sample, actions) in samples_with_actions(SMALL, 8)) {
        check(&sample, &actions);
    }

    #[test]
    fn cut_set_equals_exhaustive_search_up_to_14_actions(
        (sample, actions) in samples_with_actions(LARGER, 14),
    ) {
        check(&sample, &actions);
    }

    #[test]
    fn weighted_hitting_sets_are_solved(
        costs in prop::collection::vec(1..30_u64, 14),
        sets in prop::collection::vec(prop::collection::btree_set(0..14_u32, 1..=4), 0..=16),
        nodes_max in 0..20_usize,
    ) {
        let (graph, actions) = hitting(&sets, &costs);
        let best = cheapest_hitting(&sets, &costs);
        let cut = cut_set(&graph, &actions, CutLimits::default());
        prop_assert!(cut.is_optimal());
        prop_assert_eq!(cut.cost.millionths(), best);
        prop_assert_eq!(cut.uncuttable_total, 0);
        let hurried = cut_set(&graph, &actions, CutLimits { nodes_max, ..CutLimits::default() });
        prop_assert!(hurried.cost_min.millionths() <= best && best <= hurried.cost.millionths());
        let hit = |set: &BTreeSet<u32>| {
            hurried.actions.iter().any(|at| set.contains(&u32::try_from(*at).unwrap()))
        };
        prop_assert!(sets.iter().all(hit));
    }

    #[test]
    fn a_cut_set_within_limits_is_one_and_tells_its_gap(
        (sample, actions) in samples_with_actions(SMALL, 8),
        nodes_max in 0..3_usize,
        constraints_max in 0..3_usize,
    ) {
        let graph = sample.build();
        let limits = CutLimits { nodes_max, constraints_max, ..CutLimits::default() };
        let cut = cut_set(&graph, &actions, limits);
        let best = exhaustive(&graph, &actions);
        let left = remaining(&graph, &removed(&actions, |place| cut.actions.contains(&place)));
        prop_assert_eq!(left, remaining(&graph, &removed(&actions, |_| true)));
        prop_assert!(cut.cost_min <= best && best <= cut.cost);
        prop_assert!((0.0..=1.0).contains(&cut.gap()));
    }

    #[test]
    fn effects_tell_the_score_before_and_after(
        (sample, actions) in samples_with_actions(SMALL, 6),
    ) {
        let graph = sample.build();
        let assessment = assess(&graph, &actions, &AssessmentLimits::default());
        let mut standing = assessment.standing;
        for (at, effect) in assessment.cut_effects.iter().enumerate() {
            prop_assert_eq!(effect.before, Some(standing));
            standing = effect.after.unwrap();
            let taken = &assessment.cut_set.actions[..=at];
            let removed = removed(&actions, |place| taken.contains(&place));
            prop_assert_eq!(standing.score, watertight_assess::score(&graph, &removed));
        }
        prop_assert_eq!(assessment.ranking.tried, actions.len());
        let mut before = assessment.standing;
        for effect in &assessment.ranking.actions {
            prop_assert_eq!(effect.before, Some(before));
            before = effect.after.unwrap();
            prop_assert!(before.score.value > effect.before.unwrap().score.value);
        }
        let best_first = actions.iter().map(|action| {
            watertight_assess::score(&graph, &action.removes).value
        });
        let best_first = best_first.fold(assessment.standing.score.value, f64::max);
        let first = assessment.ranking.actions.first();
        let reached = first.map_or(assessment.standing.score.value, |effect| {
            effect.after.unwrap().score.value
        });
        prop_assert_eq!(reached.total_cmp(&best_first), std::cmp::Ordering::Equal);
    }
}
