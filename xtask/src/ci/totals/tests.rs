use super::Format::{Libtest, Nextest};
use super::Totals;

fn totals(passed: u64, failed: u64, ignored: u64) -> Totals {
    Totals { passed, failed, ignored }
}

#[test]
fn the_closing_lines_of_both_runners_are_read() {
    let cases = [
        (
            Libtest,
            "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 4 filtered out; \
             finished in 0.01s",
            totals(12, 0, 3),
        ),
        (
            Libtest,
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured",
            totals(1, 2, 0),
        ),
        (
            Nextest,
            "     Summary [   0.034s] 36 tests run: 35 passed (2 slow), 1 failed, 2 skipped",
            totals(35, 1, 2),
        ),
        (Nextest, "     Summary [   1.000s] 1 test run: 1 passed, 0 skipped", totals(1, 0, 0)),
        (
            Nextest,
            "     Summary [  61.0s] 3/4 tests run: 2 passed, 1 timed out, 0 skipped",
            totals(2, 1, 0),
        ),
    ];
    for (format, line, expected) in cases {
        assert_eq!(Totals::read(line, format), Some(expected), "{line}");
    }
}

#[test]
fn the_output_of_a_failed_test_is_not_counted_again() {
    let line = "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured";
    assert_eq!(Totals::read(line, Nextest), None);
}

#[test]
fn other_lines_state_nothing() {
    for line in ["running 3 tests", "test a ... ok", "Summary of 3 passed", "3 passed, 1 failed"] {
        assert_eq!(Totals::read(line, Libtest), None, "{line}");
        assert_eq!(Totals::read(line, Nextest), None, "{line}");
    }
}

#[test]
fn the_sum_reads_like_the_line_of_one_runner() {
    let mut sum = totals(1, 0, 0);
    sum.add(&totals(2, 0, 1));
    let line = sum.closing_line(true, 1.5);
    assert_eq!(
        line,
        "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; \
         finished in 1.50s"
    );
    assert_eq!(Totals::read(&line, Libtest), Some(sum.clone()));
    assert!(sum.closing_line(false, 0.0).starts_with("test result: FAILED. 3 passed"));
    sum.add(&totals(0, 1, 0));
    assert!(sum.closing_line(true, 0.0).starts_with("test result: FAILED. 3 passed; 1 failed"));
}
