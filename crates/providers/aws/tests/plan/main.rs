//! Policies compiled to security groups, and what those mean, on the shop and on generated estates.
//!
//! `WATERTIGHT_PLAN_ESTATES` sets how many estates are drawn (else 5,000 on build machines, and 200),
//! `WATERTIGHT_PLAN_SEED` where the seeds begin.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of a test: what cannot be fails the test"
)]

mod again;
mod at_once;
mod carriers;
mod drawn;
mod edges;
mod lab;
mod memberships;
mod mutants;
mod properties;
mod serverless;
mod services;
mod shop;
mod terraform;
mod transitions;
mod vacant;
mod ways;

use std::io::Write as _;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The seeds of generated estates; a fraction of them for what is slow.
fn seeds(fraction: u64) -> std::ops::Range<u64> {
    let first = setting("WATERTIGHT_PLAN_SEED", 1);
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let estates = setting("WATERTIGHT_PLAN_ESTATES", if is_ci { 5_000 } else { 200 });
    first..first + estates.div_ceil(fraction)
}

/// The first of the seeds, for what takes long and gains little by more.
fn sample(most: u64) -> std::ops::Range<u64> {
    let all = seeds(1);
    all.start..all.end.min(all.start.saturating_add(most))
}

/// Adds a line to the report that the checks end with.
fn note(text: &str) {
    println!("{text}");
    if let Ok(path) = std::env::var("WATERTIGHT_NOTES") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        writeln!(file.expect("the notes can be opened"), "{text}").expect("the note is written");
    }
}
