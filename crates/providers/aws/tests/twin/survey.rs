//! Coverage and layers of classes against asking pair by pair.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{Direction, LayerId};
use watertight_reach::{Point, Reach, Surveyed};
use watertight_testkit::generate::{self, Size};

use crate::engine::Engine;
use crate::{estates, note, setting};

/// How many differing pairs of an estate are shown.
const PAIRS_SHOWN: usize = 3;

/// What one estate adds to the comparison.
#[derive(Default, Debug)]
struct Counts {
    pairs: u64,
    legs: usize,
    ungoverned: u64,
    refused: u64,
    by_one: u64,
}

/// Compares what decides all pairs of one estate; the differences.
fn compare(seed: u64, counts: &mut Counts) -> Vec<String> {
    let generated = generate::aws(seed, Size::AVERAGE);
    let engine = Engine::new(&generated.files);
    let reach = Reach::new(&engine.estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let survey = reach.survey(&matrix);
    let grouped: Vec<Surveyed> = survey.pairs().collect();
    let each: BTreeSet<Surveyed> = reach.survey_pair_by_pair(&matrix).into_iter().collect();
    let mut found = Vec::new();
    let known: BTreeSet<&Surveyed> = grouped.iter().collect();
    if known.len() != grouped.len() {
        found.push(format!("{} pairs are told twice", grouped.len() - known.len()));
    }
    let only = |text: &str, one: &Surveyed| {
        let classes = [one.from, one.to].map(|class| matrix.classes.get(class));
        let others = grouped.iter().filter(|other| (other.from, other.to) == (one.from, one.to));
        let others: Vec<&Surveyed> = others.collect();
        format!("{text}: {one:?} between {classes:?}, grouped: {others:?}")
    };
    found.extend(each.iter().filter(|one| !known.contains(one)).map(|one| only("missing", one)));
    found.extend(known.iter().filter(|one| !each.contains(**one)).map(|one| only("extra", one)));
    let totals = survey.totals();
    let count = |counts: &dyn Fn(&&Surveyed) -> bool| {
        u64::try_from(each.iter().filter(counts).count()).expect("few pairs")
    };
    let refused = |one: &&Surveyed| one.arrives.is_empty();
    let expected = [
        count(&|_| true),
        count(&|one| one.is_ungoverned()),
        count(&refused),
        count(&|one| refused(one) && one.deciding.len() == 1),
    ];
    let told = [totals.pairs, totals.ungoverned, totals.refused, totals.refused_by_one];
    if told != expected {
        found.push(format!("the totals are {told:?}, and {expected:?} pair by pair"));
    }
    if survey.points() != points(&each) {
        found.push("what each layer decides is counted otherwise pair by pair".to_owned());
    }
    counts.pairs += totals.pairs;
    counts.ungoverned += totals.ungoverned;
    counts.refused += totals.refused;
    counts.by_one += totals.refused_by_one;
    counts.legs += (0..survey.classes_len()).map(|to| survey.onto(to).len()).sum::<usize>();
    found
}

/// What each layer decides, counted pair by pair.
fn points(each: &BTreeSet<Surveyed>) -> Vec<Point> {
    let mut found: BTreeMap<(LayerId, Direction, bool), (u64, u64)> = BTreeMap::new();
    for one in each {
        let alone = one.arrives.is_empty() && one.deciding.len() == 1;
        for layer in &one.deciding {
            let key = (layer.layer, layer.direction, layer.side.is_subnet());
            let counted = found.entry(key).or_default();
            counted.0 += 1;
            counted.1 += u64::from(alone);
        }
    }
    let point = |((layer, direction, at_subnet), (pairs, refused_alone))| Point {
        layer,
        direction,
        at_subnet,
        pairs,
        refused_alone,
    };
    found.into_iter().map(point).collect()
}

/// What classes say of what decides each pair is what asking pair by pair says: what arrives, every
/// layer that refuses something with what it accepts, in order, and how many layers there are.
#[test]
fn coverage_of_classes_equals_asking_pair_by_pair() {
    let first = setting("WATERTIGHT_TWIN_SEED", 1);
    let estates = setting("WATERTIGHT_SURVEY_ESTATES", estates() / 5);
    let mut counts = Counts::default();
    for seed in first..first + estates {
        let found = compare(seed, &mut counts);
        let shown: Vec<&String> = found.iter().take(PAIRS_SHOWN).collect();
        assert!(found.is_empty(), "seed {seed}, {} differences: {shown:#?}", found.len());
    }
    let text = format!("{estates} estates: {counts:?}");
    println!("{text}");
    note(&format!("coverage by classes equals asking pair by pair: {text}"));
    assert!(counts.ungoverned > 0 && counts.by_one > 0, "there is something to cover");
    assert!(counts.refused > counts.by_one, "some pairs are refused by several layers");
}
