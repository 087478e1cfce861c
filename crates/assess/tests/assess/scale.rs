//! Graphs of the size of a large estate: many batches of lanes, few jewels.

use std::collections::BTreeSet;

use watertight_assess::{
    AssessmentLimits, Bound, ChainLimits, Fact, GraphBuilder, Hop, HopGraph, LikelihoodTable,
    Subject, SubjectInfo, SubjectKind, Variant, assess,
};

/// How many workloads; fewer without optimisation, to keep the tests quick.
const LARGE: u32 = if cfg!(debug_assertions) { 1_200 } else { 30_000 };
const MEDIUM: u32 = if cfg!(debug_assertions) { 500 } else { 3_000 };

/// What a key needs beside itself to open the workload that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Nothing,
    /// A leg from the workload that it was taken from.
    OwnLeg,
    /// A leg from another workload.
    OtherLeg,
}

/// A fixed sequence of numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        u32::try_from((self.0 >> 33) % u64::from(most)).unwrap()
    }
}

/// Workloads in groups of 50 that reach one another, a few legs between groups, a credential per
/// third workload that opens a neighbour, and a store with a role per 300.
fn estate(count: u32, keys: Keys) -> HopGraph {
    let table = LikelihoodTable::v1();
    let mut numbers = Numbers(1);
    let mut builder = GraphBuilder::new();
    let internet = builder.outside("internet");
    let workloads: Vec<Subject> =
        (0..count).map(|place| builder.workload(format!("workload {place}"))).collect();
    let workload = |place: u32| workloads[usize::try_from(place % count).unwrap()];
    for place in 0..count {
        let from = Fact::exec(workload(place));
        for _ in 0..8 {
            let to = Fact::exec(workload(place / 50 * 50 + numbers.below(50)));
            builder.hop(Hop::new(Variant::NetKnownListener, [from], to, &table));
        }
        if place % 40 == 0 {
            let to = Fact::exec(workload(place + numbers.below(2_000)));
            builder.hop(Hop::new(Variant::NetPossibleListener, [from], to, &table).possible());
        }
        if place % 3 == 0 {
            let key = Fact::hold(builder.credential(format!("key {place}")));
            builder.hop(Hop::new(Variant::MetaImdsV2, [from], key, &table));
            let to = Fact::exec(workload(place + 60));
            let premises = match keys {
                Keys::Nothing => vec![key],
                Keys::OwnLeg => vec![from, key],
                Keys::OtherLeg => vec![Fact::exec(workload(place + 10)), key],
            };
            builder.hop(Hop::new(Variant::NetAdministrationWithKey, premises, to, &table));
        }
        if place % 300 == 0 {
            let role = Fact::hold(builder.credential(format!("role {place}")));
            let info = SubjectInfo::new(SubjectKind::Store, format!("store {place}"));
            let data = Fact::read(builder.subject(info.as_crown_jewel()));
            builder.hop(Hop::new(Variant::MetaImdsV1, [from], role, &table));
            builder.hop(Hop::new(Variant::DataApi, [role], data, &table));
        }
        if place % 500 == 0 {
            let hop = Hop::new(Variant::FrontKnownListener, [Fact::exec(internet)], from, &table);
            builder.hop(hop);
        }
    }
    builder.build().unwrap()
}

fn check(graph: &HopGraph) {
    // Where chains are without number, looking for them takes whatever work it may.
    let chains =
        ChainLimits { search_work_max: 200_000, count_work_max: 200_000, ..ChainLimits::default() };
    let assessment =
        assess(graph, &[], &AssessmentLimits { chains, ..AssessmentLimits::default() });
    assert_eq!(assessment.blasts.len(), graph.entries().len());
    let nothing = BTreeSet::new();
    let views = [graph.view(Bound::Sure, &nothing), graph.view(Bound::All, &nothing)];
    for blast in assessment.blasts.iter().step_by(graph.entries().len() / 40) {
        let [lower, upper] = views.each_ref().map(|view| {
            let derived = view.derive(blast.entry).into_iter();
            let subjects: BTreeSet<Subject> = derived
                .filter(|fact| {
                    let kind = graph.subjects()[usize::try_from(fact.subject.0).unwrap()].kind;
                    kind.counts() && blast.entry.workload() != Some(fact.subject)
                })
                .map(|fact| fact.subject)
                .collect();
            u32::try_from(subjects.len()).unwrap()
        });
        assert_eq!((blast.any.lower.count, blast.any.upper.count), (lower, upper));
    }
    assert!(!assessment.chains.chains.is_empty());
    for chain in &assessment.chains.chains {
        let best = views[1].likelihoods(chain.entry).get(chain.target).unwrap();
        assert!(chain.likelihood <= best);
    }
}

#[test]
fn a_large_graph_of_single_premises_is_assessed() {
    check(&estate(LARGE, Keys::Nothing));
}

#[test]
fn a_large_graph_with_keys_is_assessed() {
    check(&estate(LARGE, Keys::OwnLeg));
}

#[test]
fn a_graph_with_keys_that_open_elsewhere_is_assessed() {
    check(&estate(MEDIUM, Keys::OtherLeg));
}
