//! The engine equals its slow twin on generated estates.
//!
//! The twin walks single packets over the raw bodies and shares no code with the converter or with
//! the engine. `WATERTIGHT_TWIN_ESTATES` sets how many estates are drawn (10,000 in CI),
//! `WATERTIGHT_TWIN_SEED` where the seeds begin. `WATERTIGHT_MATRIX_ESTATES` does the same for
//! connectivity.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::format_push_string,
    reason = "helpers of a test: what cannot be fails the test, and speed of messages is no matter"
)]

mod assertions;
mod engine;
mod flows;
mod matrix;
mod rows;
mod rules;
mod standing;
mod survey;
mod unread;
mod whole;

use std::collections::BTreeSet;
use std::io::Write as _;

use engine::{Engine, Verdict};
use watertight_reach::Graph;
use watertight_testkit::generate::{self, Generated, Size, Statistics};
use watertight_testkit::twin::aws::{Disposition, Estate, Outcome, Packet};

/// The twin, where its own tests look for it.
mod twin {
    pub(crate) use watertight_testkit::twin::aws;
}

/// How many estates are drawn where nothing else is said.
fn estates() -> u64 {
    if std::env::var("CI").is_ok_and(|value| value == "true") { 10_000 } else { 300 }
}

/// Adds a line to the report that the checks end with.
fn note(text: &str) {
    if let Ok(path) = std::env::var("WATERTIGHT_NOTES") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        writeln!(file.expect("the notes can be opened"), "{text}").expect("the note is written");
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// What the twin says, in the terms in which both are compared.
fn expected(outcomes: &[Outcome]) -> Verdict {
    let mut verdict = Verdict::default();
    for outcome in outcomes {
        add(&mut verdict, outcome);
        verdict.established.0 |= outcome.established;
        verdict.established.1 |= outcome.may_establish;
    }
    verdict
}

fn add(verdict: &mut Verdict, outcome: &Outcome) {
    match outcome.disposition {
        Disposition::Unknown if outcome.upper.is_empty() => {
            verdict.dispositions.insert("unknown");
            verdict.arrives.1 = true;
        }
        Disposition::Unknown => {
            for upper in &outcome.upper {
                let mut inner = Verdict::default();
                add(&mut inner, upper);
                if inner.arrives.1 {
                    verdict.arrives.1 = true;
                    verdict.dispositions.insert("unknown");
                } else {
                    verdict.dispositions.extend(inner.dispositions);
                }
            }
        }
        disposition => {
            verdict.dispositions.insert(disposition.name());
            if matches!(disposition, Disposition::Accepted | Disposition::ExitsNetwork) {
                verdict.arrives = (true, true);
            }
            if let Some(interface) = &outcome.delivered_to
                && disposition == Disposition::Accepted
            {
                verdict.delivered_to.insert(interface.clone());
            }
        }
    }
}

fn check(seed: u64, generated: &Generated, failures: &mut Vec<String>) {
    let twin = Estate::load(&generated.files);
    let engine = Engine::new(&generated.files);
    let ask = engine.asker();
    for packet in &generated.queries {
        let expected = expected(&twin.walk(packet).outcomes);
        let got = ask.verdict(packet);
        if got != expected {
            let mut text = describe(seed, packet, &expected, &got, &twin);
            text.push_str(&ask.ways(packet));
            failures.push(text);
        }
    }
}

fn describe(
    seed: u64,
    packet: &Packet,
    expected: &Verdict,
    got: &Verdict,
    twin: &Estate,
) -> String {
    let paths: Vec<String> = twin
        .walk(packet)
        .outcomes
        .iter()
        .map(|outcome| {
            format!(
                "{} at {}: {}",
                outcome.disposition.name(),
                outcome.at,
                outcome.path.join(" > ")
            )
        })
        .collect();
    format!(
        "seed {seed}: {packet:?}\n  twin   {expected:?}\n  engine {got:?}\n  twin's way: {}",
        paths.join(" | ")
    )
}

#[test]
fn dispositions_replies_and_bounds_equal_the_twins() {
    let first = setting("WATERTIGHT_TWIN_SEED", 1);
    let estates = setting("WATERTIGHT_TWIN_ESTATES", estates());
    let mut failures = Vec::new();
    let mut statistics = Statistics::default();
    for seed in first..first + estates {
        let generated = generate::aws(seed, Size::AVERAGE);
        statistics.add(&generated);
        check(seed, &generated, &mut failures);
        assert!(failures.len() < 200, "too many differences:\n{}", shown(&failures));
    }
    println!("{statistics}");
    note(&format!("twin: {} differences in\n{statistics}", failures.len()));
    assert!(failures.is_empty(), "{} differences:\n{}", failures.len(), shown(&failures));
    statistics.check().expect("generated estates are varied enough");
}

fn shown(failures: &[String]) -> String {
    let distinct: BTreeSet<&String> = failures.iter().collect();
    distinct.into_iter().take(12).cloned().collect::<Vec<_>>().join("\n")
}

/// Writes the bodies of one seed to the folder `WATERTIGHT_TWIN_DUMP`, to look into a difference by
/// hand; those of the small estates, and with their change, to `few` and `changed` in it.
#[test]
fn bodies_of_a_seed_can_be_written_out() {
    let Ok(folder) = std::env::var("WATERTIGHT_TWIN_DUMP") else { return };
    let folder = std::path::Path::new(&folder);
    let seed = setting("WATERTIGHT_TWIN_SEED", 1);
    write_out(&folder.join("average"), &generate::aws(seed, Size::AVERAGE).files);
    let few = generate::aws(seed, Size::FEW).files;
    write_out(&folder.join("few"), &few);
    write_out(&folder.join("changed"), &generate::mutated(&few, seed).0);
}

fn write_out(folder: &std::path::Path, files: &[(String, serde_json::Value)]) {
    for (path, value) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder made");
        std::fs::write(path, format!("{value:#}")).expect("body written");
    }
}

/// The blast radius of every workload at once is what asking about each says.
#[test]
fn every_blast_at_once_equals_asking_one_by_one() {
    let mut reached = 0_usize;
    for seed in 1..=30 {
        let generated = generate::aws(seed, Size::AVERAGE);
        let engine = Engine::new(&generated.files);
        let ask = engine.asker();
        let matrix = ask.reach.matrix(&BTreeSet::new());
        let graph = Graph::new(&engine.estate, &matrix);
        let sizes = graph.every_blast(&engine.estate);
        assert_eq!(sizes.len(), engine.estate.workloads.len());
        for size in sizes {
            let blast = graph.blast(&engine.estate, size.from);
            assert_eq!((size.any, size.all), (blast.weight, blast.weight_all), "seed {seed}");
            let one_hop = blast.reached.values().filter(|found| found.hops == 1).count();
            assert_eq!(u64::try_from(one_hop), Ok(size.one_hop.possible), "seed {seed}");
            reached += blast.reached.len();
        }
    }
    assert!(reached > 1_000, "the estates have something to reach");
}
