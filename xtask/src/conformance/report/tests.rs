use super::Report;
use crate::conformance::{Case, Options, Suite};

const LISTED: &str =
    "# List\n\n## s B\n\nOurs: `loop`\nDiffers: here\nReason: the input lacks it,\nall of it.\n";

fn suite(held: usize, cases: &[(&str, &[&str])]) -> Suite {
    let cases = cases
        .iter()
        .map(|(id, differences)| Case {
            id: (*id).to_owned(),
            differences: differences.iter().map(|text| (*text).to_owned()).collect(),
        })
        .collect();
    Suite { name: "s", held, cases, broken: Vec::new() }
}

fn report(held: usize, cases: &[(&str, &[&str])]) -> (String, bool) {
    let report = Report::new(&[suite(held, cases)], LISTED, &Options::default());
    (report.text, report.passed)
}

#[test]
fn a_listed_deviation_counts_and_is_named() {
    let text = "s: 2 of 2\n  deviates B: the input lacks it,\n";
    assert_eq!(report(2, &[("A", &[]), ("B", &["ours is loop"])]), (text.to_owned(), true));
}

#[test]
fn a_difference_that_is_not_listed_fails() {
    let text = "s: 0 of 1\n  FAILS A: differs\n    ours is loop\n";
    assert_eq!(report(1, &[("A", &["ours is loop"])]), (text.to_owned(), false));
}

#[test]
fn a_listed_deviation_that_agrees_fails() {
    let text = "s: 0 of 1\n  FAILS B: is listed as a deviation and agrees\n";
    assert_eq!(report(1, &[("B", &[])]), (text.to_owned(), false));
}

#[test]
fn a_listed_deviation_that_differs_otherwise_fails() {
    let text = "s: 0 of 1\n  FAILS B: differs, but not by `loop` as listed\n    ours is accepted\n";
    assert_eq!(report(1, &[("B", &["ours is accepted"])]), (text.to_owned(), false));
}

#[test]
fn fewer_cases_than_held_fail() {
    assert_eq!(report(2, &[("A", &[])]), ("s: 1 of 2\n".to_owned(), false));
}
