//! Connectivity of classes against asking sender by sender and address by address.

use std::collections::{BTreeMap, BTreeSet};

use watertight_net::Family;
use watertight_reach::{Cell, Class, Classes, Matrix};
use watertight_testkit::generate::{self, Random, Size};

use crate::engine::Engine;
use crate::rows::{self, Peer, Rows};
use crate::{estates, note, setting};

/// How many differing pairs of an estate are shown.
const PAIRS_SHOWN: usize = 3;
/// After how many estates that differ the comparison ends.
const FAILING_MAX: usize = 10;

/// Some senders: members of large classes that are not the first, and others by chance.
fn some_senders(rows: &Rows<'_>, classes: &[Class], seed: u64, most: usize) -> BTreeSet<Peer> {
    let mut random = Random::new(seed ^ 0x5eed);
    let several = classes.iter().filter_map(|class| match class {
        Class::Endpoints(members) if members.len() > 1 => Some(members),
        _ => None,
    });
    let later: Vec<Peer> =
        several.flat_map(|members| members.iter().skip(1)).map(|id| Peer::Endpoint(*id)).collect();
    let peers = rows.peers();
    let mut chosen = BTreeSet::new();
    for at in 0..most {
        let from = if at % 3 == 0 && !later.is_empty() { &later } else { &peers };
        chosen.extend(random.pick(from).copied());
    }
    chosen
}

/// What one estate adds to the comparison.
#[derive(Default)]
struct Counts {
    rows: usize,
    pairs: usize,
    connected: usize,
}

/// Compares some rows of one estate; the differences.
fn compare(seed: u64, senders: usize, counts: &mut Counts) -> Vec<String> {
    let generated = generate::aws(seed, Size::AVERAGE);
    let engine = Engine::new(&generated.files);
    let ask = engine.asker();
    let matrix = ask.reach.matrix(&BTreeSet::new());
    let rows = Rows::new(&ask.reach, &matrix);
    let mut found = Vec::new();
    let ends = rows.peers();
    for from in some_senders(&rows, &matrix.classes, seed, senders) {
        counts.rows += 1;
        counts.pairs += ends.len() - 1;
        counts.connected += ends.iter().filter(|to| rows.cell(from, **to).is_some()).count();
        found.extend(rows::differences(&rows, from));
    }
    found
}

/// The seeds of the estates that differ, and the first pairs of each.
fn report(failures: &[(u64, Vec<String>)]) -> String {
    let mut text = String::from("the matrix differs from asking pair by pair\n");
    for (seed, pairs) in failures {
        text.push_str(&format!(
            "seed {seed}, {} pairs; again by WATERTIGHT_TWIN_SEED={seed} \
             WATERTIGHT_MATRIX_ESTATES=1\n",
            pairs.len()
        ));
        for pair in pairs.iter().take(PAIRS_SHOWN) {
            text.push_str(&format!("  {pair}\n"));
        }
    }
    text
}

/// The connectivity of classes says for every pair of members what asking about the pair says.
///
/// A failing estate is asked again by `WATERTIGHT_TWIN_SEED=<seed> WATERTIGHT_MATRIX_ESTATES=1`;
/// `WATERTIGHT_MATRIX_SENDERS` says how many senders' rows are asked for in each.
#[test]
fn the_matrix_of_classes_equals_asking_pair_by_pair() {
    let first = setting("WATERTIGHT_TWIN_SEED", 1);
    let estates = setting("WATERTIGHT_MATRIX_ESTATES", estates() / 5);
    let senders = usize::try_from(setting("WATERTIGHT_MATRIX_SENDERS", 9)).expect("few senders");
    let mut counts = Counts::default();
    let mut failures: Vec<(u64, Vec<String>)> = Vec::new();
    for seed in first..first + estates {
        let found = compare(seed, senders, &mut counts);
        if !found.is_empty() {
            failures.push((seed, found));
        }
        if failures.len() == FAILING_MAX {
            break;
        }
    }
    assert!(failures.is_empty(), "{}", report(&failures));
    let text = format!(
        "{estates} estates, {} rows, {} pairs, {} connected",
        counts.rows, counts.pairs, counts.connected
    );
    println!("{text}");
    note(&format!("connectivity by classes equals asking pair by pair: {text}"));
    assert!(counts.connected * 50 > counts.pairs, "at least 2 % of the pairs are connected");
}

#[test]
fn matrices_alongside_say_which_cells_are_the_same() {
    let (mut connected, mut also_visited) = (0_usize, 0_usize);
    for seed in 0..40 {
        let generated = generate::aws(seed, Size::AVERAGE);
        let engine = Engine::new(&generated.files);
        let reach = &engine.asker().reach;
        let classes = reach.classes(&BTreeSet::new());
        let families = [None, Some(Family::V4), Some(Family::V6)];
        let matrices = reach.matrices(&classes.clone().into(), &families);
        assert_eq!(matrices[0], reach.matrix(&BTreeSet::new()), "seed {seed}");
        let of = [&matrices[0], &matrices[1], &matrices[2]];
        let mut cells: BTreeMap<(usize, u32), Cell> = BTreeMap::new();
        // Each fifth class, and a range that touches one of them.
        let also: Vec<std::ops::Range<u32>> = (0..u32::try_from(classes.len()).unwrap())
            .filter(|one| one % 5 == 2)
            .map(|one| one..one + 1 + one / 5 % 2)
            .collect();
        for to in 0..classes.len() {
            let mut visited = 0;
            Matrix::alongside(of, to, &also, |range, numbers, is_also| {
                assert!(visited <= range.start && !range.is_empty(), "seed {seed}");
                let passed = visited..range.start;
                assert!(passed.into_iter().all(|from| {
                    of.iter().all(|one| from == to || one.cell(from, to).is_none())
                }));
                visited = range.end;
                for from in range {
                    let from_number = u32::try_from(from).unwrap();
                    let within = also.iter().any(|range| range.contains(&from_number));
                    assert_eq!(is_also, within, "seed {seed}: {from}");
                    also_visited += usize::from(is_also && numbers == [Matrix::NOTHING; 3]);
                    for (at, number) in numbers.into_iter().enumerate().filter(|_| from != to) {
                        let cell = of[at].cell(from, to);
                        assert_eq!(cell.is_none(), number == Matrix::NOTHING, "seed {seed}");
                        let Some(cell) = cell else { continue };
                        let known = cells.entry((at, number)).or_insert_with(|| cell.clone());
                        assert_eq!(known, cell, "seed {seed}: {from} to {to}");
                        connected += 1;
                    }
                }
            });
            let rest = visited..classes.len();
            assert!(rest.into_iter().all(|from| from == to || of[0].cell(from, to).is_none()));
        }
    }
    assert!(connected > 10_000, "{connected} connected pairs");
    assert!(also_visited > 1_000, "{also_visited} visited for nothing that passes");
}

#[test]
fn classes_that_are_sent_alike_have_the_same_cells() {
    let (mut apart, mut together) = (0_usize, 0_usize);
    for seed in 0..30 {
        let generated = generate::aws(seed, Size::AVERAGE);
        let engine = Engine::new(&generated.files);
        let matrix = engine.asker().reach.matrix(&BTreeSet::new());
        let all = 0..matrix.classes.len();
        let cell = |from, to| (from != to).then(|| matrix.cell(from, to));
        let mut receivers = BTreeMap::new();
        for class in all.clone() {
            let receiver = *receivers.entry(matrix.receivers_alike(class)).or_insert(class);
            for other in all.clone() {
                if let (Some(one), Some(two)) = (cell(other, class), cell(other, receiver)) {
                    assert_eq!(one, two, "seed {seed}: {other} to {class} and {receiver}");
                }
            }
            together += usize::from(receiver != class);
        }
        apart += receivers.len();
    }
    assert!(apart > 300, "{apart} sorts of classes");
    assert!(together > 300, "{together} classes are like others");
}

#[test]
fn a_matrix_about_some_classes_is_the_whole_one_as_far_as_they_take_part() {
    let (mut told, mut silent) = (0_usize, 0_usize);
    for seed in 0..80_usize {
        let generated = generate::aws(u64::try_from(seed).unwrap(), Size::AVERAGE);
        let engine = Engine::new(&generated.files);
        let reach = &engine.asker().reach;
        let classes = Classes::from(reach.classes(&BTreeSet::new()));
        let families = [None, Some(Family::V4), Some(Family::V6)];
        // One in so many of them, from nearly all to hardly any.
        let (step, first) = (2 + seed % 9, seed % 5);
        let about: Vec<bool> = (0..classes.len()).map(|one| one % step == first % step).collect();
        let whole = reach.matrices(&classes, &families);
        let some = reach.matrices_about(&classes, &families, &about);
        for (whole, some) in whole.iter().zip(&some) {
            for (from, to) in
                (0..classes.len()).flat_map(|to| (0..classes.len()).map(move |one| (one, to)))
            {
                let cell = some.cell(from, to);
                if about[from] || about[to] {
                    assert_eq!(cell, whole.cell(from, to), "seed {seed}: {from} to {to}");
                    told += usize::from(cell.is_some());
                } else {
                    assert_eq!(cell, None, "seed {seed}: {from} to {to}");
                    silent += usize::from(whole.cell(from, to).is_some());
                }
            }
        }
    }
    assert!(told > 10_000, "{told} connected pairs are told of");
    assert!(silent > 10_000, "{silent} connected pairs are not told of");
}
