//! Small random graphs.

use std::collections::BTreeSet;

use proptest::prelude::*;
use watertight_assess::{
    Action, Cost, Evidence, Fact, FactKind, GraphBuilder, Hop, HopGraph, LikelihoodTable,
    Removable, Status, Subject, SubjectInfo, SubjectKind, Variant,
};

/// The parts of a graph, before it is built.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) subjects: Vec<SubjectInfo>,
    pub(crate) internet: Vec<Fact>,
    pub(crate) hops: Vec<Hop>,
    pub(crate) removables: usize,
    pub(crate) segments: Vec<BTreeSet<Subject>>,
}

/// How large samples are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) workloads: usize,
    pub(crate) others: usize,
    pub(crate) hops: usize,
    /// The most premises of a hop.
    pub(crate) premises: usize,
    /// Of how many subjects that count one is a jewel.
    pub(crate) jewel_in: u8,
}

/// Few facts and many hops between them, so that most entries derive something.
pub(crate) const SMALL: Size = Size { workloads: 3, others: 2, hops: 10, premises: 3, jewel_in: 2 };

impl Size {
    /// The fewest hops: with fewer, little is derived.
    fn fewest(self) -> usize {
        self.hops / 2
    }
}

/// How many facts other than `exec` of a workload take part.
const EXTRA_FACTS: usize = 3;

impl Sample {
    pub(crate) fn build(&self) -> HopGraph {
        let mut builder = GraphBuilder::new();
        for info in &self.subjects {
            builder.subject(info.clone());
        }
        for fact in &self.internet {
            builder.internet_holds(*fact);
        }
        for place in 0..self.removables {
            builder.removable(format!("thing {place}"));
        }
        for hop in &self.hops {
            builder.hop(hop.clone());
        }
        for (place, members) in self.segments.iter().enumerate() {
            builder.segment(format!("segment {place}"), members.iter().copied());
        }
        builder.build().expect("samples are valid")
    }

    /// The same graph with subject `n` renumbered to `order[n]` and renamed.
    pub(crate) fn renumbered(&self, order: &[usize]) -> Self {
        let subject =
            |old: Subject| Subject(u32::try_from(order[usize::try_from(old.0).unwrap()]).unwrap());
        let fact = |old: &Fact| Fact { subject: subject(old.subject), kind: old.kind };
        let mut other = self.clone();
        for (old, info) in self.subjects.iter().enumerate() {
            let renamed = SubjectInfo { name: format!("renamed {old}"), ..info.clone() };
            other.subjects[order[old]] = renamed;
        }
        other.internet = self.internet.iter().map(fact).collect();
        for hop in &mut other.hops {
            hop.premises = hop.premises.iter().map(fact).collect();
            hop.conclusion = fact(&hop.conclusion);
        }
        let renumber =
            |members: &BTreeSet<Subject>| members.iter().map(|old| subject(*old)).collect();
        other.segments = self.segments.iter().map(renumber).collect();
        other
    }
}

pub(crate) fn samples(size: Size) -> impl Strategy<Value = Sample> {
    let workloads = prop::collection::vec(counted(SubjectKind::Workload, size), 1..=size.workloads);
    let others = prop::collection::vec(
        prop_oneof![
            counted(SubjectKind::Store, size),
            Just(SubjectInfo::new(SubjectKind::Credential, "credential")),
            Just(SubjectInfo::new(SubjectKind::Outside, "outside")),
        ],
        0..=size.others,
    );
    (workloads, others, 0..=6_usize).prop_flat_map(move |(workloads, others, removables)| {
        let subjects: Vec<SubjectInfo> = workloads.into_iter().chain(others).collect();
        let (held, extra): (Vec<Fact>, Vec<Fact>) =
            facts(&subjects).into_iter().partition(|fact| {
                let info = &subjects[usize::try_from(fact.subject.0).unwrap()];
                fact.kind == FactKind::Exec && info.kind == SubjectKind::Workload
            });
        let most = extra.len().min(EXTRA_FACTS);
        let facts = prop::sample::subsequence(extra, most)
            .prop_map(move |extra| held.iter().copied().chain(extra).collect::<Vec<Fact>>());
        let parts = facts.prop_flat_map(move |facts| {
            let hop = hop(facts.clone(), removables, size);
            let internet = prop::collection::vec(prop::sample::select(facts), 0..=2);
            (internet, prop::collection::vec(hop, size.fewest()..=size.hops))
        });
        let count = u32::try_from(subjects.len()).unwrap();
        let members = prop::collection::btree_set((0..count).prop_map(Subject), 0..=4);
        let segments = prop::collection::vec(members, 0..=2);
        (Just(subjects), parts, segments).prop_map(move |(subjects, (internet, hops), segments)| {
            Sample { subjects, internet, hops, removables, segments }
        })
    })
}

/// Actions that remove a few things each.
pub(crate) fn actions(removables: usize, most: usize) -> BoxedStrategy<Vec<Action>> {
    if removables == 0 {
        return Just(Vec::new()).boxed();
    }
    let removes = prop::collection::btree_set(thing(removables), 1..=3);
    let action = (removes, 1..=4_u64).prop_map(|(removes, cost)| {
        Action::new("action", removes, Cost::from_millionths(cost * 500_000))
    });
    prop::collection::vec(action, most / 2..=most).boxed()
}

fn counted(kind: SubjectKind, size: Size) -> impl Strategy<Value = SubjectInfo> {
    let weights = prop::sample::select(vec![1, 10, 100]);
    (weights, prop::sample::select(vec![1, 3]), 0..size.jewel_in).prop_map(
        move |(weight, share, jewel)| {
            let info = SubjectInfo::new(kind, "counted").weighing(weight).sharing(share);
            if jewel == 0 { info.as_jewel() } else { info }
        },
    )
}

fn facts(subjects: &[SubjectInfo]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (place, info) in subjects.iter().enumerate() {
        let subject = Subject(u32::try_from(place).unwrap());
        let kinds = FactKind::ALL.into_iter().filter(|kind| info.kind.admits(*kind));
        facts.extend(kinds.map(|kind| Fact { subject, kind }));
    }
    facts
}

fn hop(facts: Vec<Fact>, removables: usize, size: Size) -> impl Strategy<Value = Hop> {
    let premises = prop_oneof![
        4 => Just(1),
        5 => Just(2_usize.min(size.premises)),
        1 => Just(size.premises),
    ]
    .prop_flat_map({
        let facts = facts.clone();
        move |count| prop::collection::vec(prop::sample::select(facts.clone()), count)
    });
    let variant = prop::sample::select(Variant::ALL.to_vec());
    let support = if removables == 0 {
        Just(Vec::new()).boxed()
    } else {
        let things = prop::collection::btree_set(thing(removables), 1..=2);
        // Some hops cannot be removed.
        prop_oneof![
            1 => Just(Vec::new()),
            7 => prop::collection::vec(things, 1..=2),
        ]
        .boxed()
    };
    (premises, prop::sample::select(facts), variant, any::<bool>(), support).prop_map(
        |(premises, conclusion, variant, sure, support)| {
            let mut hop = Hop::new(variant, premises, conclusion, &LikelihoodTable::v1());
            hop.status = if sure { Status::Sure } else { Status::Possible };
            hop.support = support;
            hop.because(Evidence {
                resource: "resource".to_owned(),
                rule: String::new(),
                text: "because".to_owned(),
            })
        },
    )
}

fn thing(removables: usize) -> impl Strategy<Value = Removable> {
    (0..u32::try_from(removables).unwrap()).prop_map(Removable)
}
