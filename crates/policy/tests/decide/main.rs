//! The engine decides as the reference interpreter does, on generated policies, estates and legs.
//!
//! `WATERTIGHT_DECISIONS` sets how many questions are drawn (100,000 in CI, else 2,000),
//! `WATERTIGHT_DECISIONS_SEED` where the seeds begin.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of a test: what cannot be fails the test"
)]

mod engine;
mod lint;
mod must_hold;
mod shares;
mod statistics;

use std::io::Write as _;

use engine::Engine;
use statistics::Statistics;
use watertight_testkit::policy;
use watertight_testkit::policy::generate::{self, Generated};

/// How many questions are asked about one policy.
const QUESTIONS: usize = 20;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn questions() -> u64 {
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    setting("WATERTIGHT_DECISIONS", if in_ci { 100_000 } else { 2_000 })
}

/// Adds a line to the report that the checks end with.
fn note(text: &str) {
    if let Ok(path) = std::env::var("WATERTIGHT_NOTES") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        writeln!(file.expect("the notes can be opened"), "{text}").expect("the note is written");
    }
}

/// Runs over generated policies with their engines.
fn each(mut run: impl FnMut(u64, &Generated, &Engine<'_>)) {
    let first = setting("WATERTIGHT_DECISIONS_SEED", 1);
    let policies = questions().div_ceil(QUESTIONS as u64);
    for seed in first..first + policies {
        let generated = generate::policy(seed, QUESTIONS);
        let prepared = engine::Prepared::of(&generated);
        run(seed, &generated, &Engine::new(&generated, &prepared));
    }
}

#[test]
fn the_engine_decides_as_the_interpreter_does() {
    let mut statistics = Statistics::default();
    each(|seed, generated, engine| {
        let Generated { documents, world, essentials, cases } = generated;
        for (number, case) in cases.iter().enumerate() {
            let expected = policy::decide(documents, world, essentials, case);
            let decided = engine.decide(case);
            assert_eq!(decided, expected, "seed {seed}, question {number}: {case:#?}");
            statistics.add(case, &expected, generated);
        }
    });
    let text = statistics.text();
    println!("{text}");
    note(&text);
    statistics.assert_represented();
}

/// "A denial by default also gives its near miss: the allow rules closest to it and the one
/// attribute in which each fails."
#[test]
fn the_engine_finds_the_near_misses_that_the_interpreter_finds() {
    let mut found = 0_usize;
    each(|seed, generated, engine| {
        let Generated { documents, world, essentials, cases } = generated;
        for (number, case) in cases.iter().enumerate() {
            let expected = policy::near_misses(documents, world, essentials, case);
            found += expected.len();
            assert_eq!(engine.near_misses(case), expected, "seed {seed}, question {number}");
        }
    });
    assert!(found > 100, "{found} near misses are too few to tell");
}

/// "`onFault` is a field of Segment, default closed."
#[test]
fn the_engine_takes_faults_as_the_interpreter_does() {
    each(|seed, generated, engine| {
        let Generated { documents, world, cases, .. } = generated;
        for (number, case) in cases.iter().enumerate() {
            let workload = number % world.workloads.len();
            for (fault, field) in engine::FAULTS {
                let expected = policy::on_fault(documents, world, case, workload, field);
                let decided = engine.on_fault(case, workload, fault);
                assert_eq!(decided, expected, "seed {seed}, question {number}, {fault:?}");
            }
        }
    });
}
