//! Fans and classes against the same graph with every hop and workload apart.

use std::collections::BTreeSet;

use proptest::prelude::*;
use watertight_assess::{
    Action, Arm, Assessment, AssessmentLimits, Cost, Entry, Fact, Fan, GraphBuilder, Hop,
    LikelihoodTable, Removable, Seen, Status, Subject, SubjectInfo, SubjectKind, Variant, assess,
};

/// How many things can be removed.
const THINGS: usize = 6;

/// Classes of workloads with fans between them; the last class is a jewel.
#[derive(Clone, Debug)]
struct Sketch {
    /// For each class its weight and how many workloads it stands for.
    classes: Vec<(u32, u32)>,
    fans: Vec<FanSketch>,
    /// Which class holds the key that opens which, and whether workloads of a class reach one
    /// another by some thing.
    keys: Vec<(usize, usize)>,
    inner: Vec<(usize, usize)>,
}

#[derive(Clone, Debug)]
struct FanSketch {
    variant: Variant,
    sure: bool,
    sources: Vec<(usize, usize)>,
    targets: Vec<(usize, usize)>,
}

fn sketches() -> impl Strategy<Value = Sketch> {
    (3_usize..7).prop_flat_map(|count| {
        let arms = || prop::collection::vec((0..count, 0..THINGS), 1..4);
        let variants = prop_oneof![
            Just(Variant::NetAdministration),
            Just(Variant::NetKnownListener),
            Just(Variant::NetPossibleListener),
        ];
        let fan = (variants, any::<bool>(), arms(), arms()).prop_map(
            |(variant, sure, sources, targets)| FanSketch { variant, sure, sources, targets },
        );
        let classes = prop::collection::vec((prop_oneof![Just(1_u32), Just(10)], 1_u32..4), count);
        (
            classes,
            prop::collection::vec(fan, 1..5),
            prop::collection::vec((0..count, 0..count), 0..3),
            prop::collection::vec((0..count, 0..THINGS), 0..2),
        )
            .prop_map(|(mut classes, fans, keys, inner)| {
                if let Some(last) = classes.last_mut() {
                    *last = (100, 1);
                }
                Sketch { classes, fans, keys, inner }
            })
    })
}

fn exec(subject: Subject) -> Fact {
    Fact::exec(subject)
}

/// The sketch as a graph: with fans and classes, or with every hop and workload by itself.
fn build(sketch: &Sketch, apart: bool) -> (watertight_assess::HopGraph, Vec<Action>) {
    let table = LikelihoodTable::v1();
    let mut builder = GraphBuilder::new();
    let internet = builder.outside("internet");
    let mut workloads: Vec<Vec<Subject>> = Vec::new();
    let last = sketch.classes.len() - 1;
    for (class, (weight, members)) in sketch.classes.iter().enumerate() {
        let info = |name: String| {
            let info = SubjectInfo::new(SubjectKind::Workload, name).weighing(*weight);
            if class == last { info.as_jewel() } else { info }
        };
        let copies = if apart { *members } else { 1 };
        let mut own = Vec::new();
        for copy in 0..copies {
            let info = info(format!("{class}-{copy}"));
            own.push(builder.subject(if apart { info } else { info.standing_for(*members) }));
        }
        workloads.push(own);
    }
    let things: Vec<Removable> =
        (0..THINGS).map(|thing| builder.removable(format!("thing {thing}"))).collect();
    let entry = Hop::new(
        Variant::FrontKnownListener,
        [Fact::exec(internet)],
        exec(workloads[0][0]),
        &table,
    );
    for subject in &workloads[0] {
        builder.hop(Hop { conclusion: exec(*subject), ..entry.clone() }.supported_by([things[0]]));
    }
    for fan in &sketch.fans {
        let status = if fan.sure { Status::Sure } else { Status::Possible };
        if apart {
            for (from, out) in &fan.sources {
                for (to, inward) in fan.targets.iter().filter(|(to, _)| to != from) {
                    for one in &workloads[*from] {
                        for other in &workloads[*to] {
                            let mut hop = Hop::new(fan.variant, [exec(*one)], exec(*other), &table);
                            hop.status = status;
                            builder.hop(hop.supported_by([things[*out], things[*inward]]));
                        }
                    }
                }
            }
            continue;
        }
        let mut arms = |ends: &[(usize, usize)]| -> Vec<Arm> {
            let arm = |(class, thing): &(usize, usize)| {
                let support = vec![BTreeSet::from([things[*thing]])];
                let shared = builder.share(Vec::new(), support);
                Arm { fact: exec(workloads[*class][0]), shared }
            };
            ends.iter().map(arm).collect()
        };
        let (sources, targets) = (arms(&fan.sources), arms(&fan.targets));
        let likelihood = table.get(fan.variant);
        builder.fan(Fan { variant: fan.variant, likelihood, status, sources, targets });
    }
    add_rest(&mut builder, sketch, apart, &workloads, &things);
    let actions = things.iter().enumerate().map(|(number, thing)| {
        // No two sets of actions cost the same.
        let idle = 1 << number;
        Action::new(format!("remove {number}"), [*thing], Cost::of(Seen::Unlogged, idle))
    });
    (builder.build().unwrap(), actions.collect())
}

/// Keys that open classes, and what workloads of one class open to each other.
fn add_rest(
    builder: &mut GraphBuilder,
    sketch: &Sketch,
    apart: bool,
    workloads: &[Vec<Subject>],
    things: &[Removable],
) {
    let table = LikelihoodTable::v1();
    for (number, (holder, opened)) in sketch.keys.iter().enumerate() {
        let key = Fact::hold(builder.credential(format!("key {number}")));
        for subject in &workloads[*holder] {
            builder.hop(Hop::new(Variant::MetaImdsV2, [exec(*subject)], key, &table));
        }
        for subject in &workloads[*opened] {
            builder.hop(Hop::new(Variant::ControlCommand, [key], exec(*subject), &table));
        }
    }
    for (class, thing) in &sketch.inner {
        for one in &workloads[*class] {
            for other in &workloads[*class] {
                if apart == (one != other) {
                    let hop =
                        Hop::new(Variant::NetKnownListener, [exec(*one)], exec(*other), &table);
                    builder.hop(hop.supported_by([things[*thing]]));
                }
            }
        }
    }
}

fn assessed(sketch: &Sketch, apart: bool) -> (watertight_assess::HopGraph, Assessment) {
    let (graph, actions) = build(sketch, apart);
    let assessment = assess(&graph, &actions, &AssessmentLimits::default());
    (graph, assessment)
}

/// The class of an entry, by its name.
fn class(graph: &watertight_assess::HopGraph, entry: Entry) -> String {
    let name = entry.workload().map_or("internet".to_owned(), |subject| graph.name(subject));
    name.split('-').next().unwrap_or_default().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn classes_and_fans_give_what_workloads_and_hops_give_apart(sketch in sketches()) {
        let (together, one) = assessed(&sketch, false);
        let (apart, other) = assessed(&sketch, true);
        prop_assert_eq!(one.standing, other.standing);
        prop_assert_eq!(&one.cut_set.actions, &other.cut_set.actions);
        prop_assert_eq!(one.cut_set.cost, other.cut_set.cost);
        let ranked = |assessment: &Assessment| -> Vec<usize> {
            assessment.ranking.actions.iter().map(|effect| effect.action).collect()
        };
        prop_assert_eq!(ranked(&one), ranked(&other));
        for blast in &other.blasts {
            let same = one.blasts.iter().find(|found| {
                class(&together, found.entry) == class(&apart, blast.entry)
            });
            let same = same.unwrap();
            prop_assert_eq!((same.one_hop, same.any), (blast.one_hop, blast.any));
        }
        let likeliest = |assessment: &Assessment| {
            assessment.chains.chains.first().map(|chain| (chain.likelihood, chain.hops.len()))
        };
        prop_assert_eq!(likeliest(&one), likeliest(&other));
    }

    #[test]
    fn the_hops_of_a_chain_lead_from_its_entry_to_its_target(sketch in sketches()) {
        let (graph, assessment) = assessed(&sketch, false);
        for chain in &assessment.chains.chains {
            let mut known: BTreeSet<Fact> = graph.held(chain.entry).into_iter().collect();
            for hop in &chain.hops {
                let hop = graph.hop(*hop).unwrap();
                prop_assert!(hop.premises.iter().all(|premise| known.contains(premise)));
                known.insert(hop.conclusion);
            }
            prop_assert!(known.contains(&chain.target));
        }
    }
}
