//! A published cluster, timed from its files to all pairs: `docs/reference/conformance.md` says where
//! such cases come from. Without them it is skipped, and said to be.

use std::path::Path;

use super::{clock, since};
use crate::conformance;

/// The case: few pods, and policies whose blocks cut the space outside into many parts.
const CASE: &str = "ipblockstest_4";
/// What it may take, in seconds.
const SECONDS_MAX: f64 = 0.05;
/// How often it is asked.
const RUNS: usize = 21;

/// Prints how long the case takes: the median, and the slowest run.
pub(super) fn run(root: &Path) {
    let mut seconds = Vec::with_capacity(RUNS);
    let mut pairs = 0;
    for _ in 0..RUNS {
        let start = clock();
        match conformance::pairs_of(root, CASE) {
            None => return println!("{CASE}: skipped: the case is not there"),
            Some(Err(why)) => return println!("{CASE}: failed: {why}"),
            Some(Ok(found)) => pairs = found,
        }
        seconds.push(since(start));
    }
    println!("{}", line(&mut seconds, pairs));
}

/// The figures in one line.
fn line(seconds: &mut [f64], pairs: usize) -> String {
    seconds.sort_by(f64::total_cmp);
    let median = seconds.get(seconds.len() / 2).copied().unwrap_or_default();
    let slowest = seconds.last().copied().unwrap_or_default();
    let verdict = if median < SECONDS_MAX { "within" } else { "beyond" };
    format!(
        "{CASE}: files to all pairs ({pairs} cells) in {:.1} ms, slowest of {} runs {:.1} ms: {verdict} {:.0} ms",
        median * 1e3,
        seconds.len(),
        slowest * 1e3,
        SECONDS_MAX * 1e3,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_held_against_the_bound() {
        let text = line(&mut [0.09, 0.001, 0.002], 7);
        assert!(text.contains("2.0 ms, slowest of 3 runs 90.0 ms: within 50 ms"), "{text}");
        assert!(line(&mut [0.06], 7).contains("beyond 50 ms"));
    }

    #[test]
    fn a_case_that_is_absent_is_none() {
        assert!(conformance::pairs_of(Path::new("/nowhere"), CASE).is_none());
    }
}
