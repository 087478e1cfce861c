//! Counts of tests, read from the closing lines of the test runners and added up.

#[cfg(test)]
mod tests;

/// How many tests ended how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Totals {
    /// The totals that a line of output states: libtest's `test result:` or nextest's `Summary`.
    pub(super) fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        let counts = line.strip_prefix("test result: ").or_else(|| {
            line.strip_prefix("Summary [")
                .and_then(|rest| {
                    rest.split_once("tests run: ").or_else(|| rest.split_once("test run: "))
                })
                .map(|(_, counts)| counts)
        })?;
        let of = |words: &[&str]| words.iter().map(|word| count_before(counts, word)).sum();
        Some(Self {
            passed: of(&["passed"]),
            failed: of(&["failed", "timed out", "exec failed"]),
            ignored: of(&["ignored", "skipped"]),
        })
    }

    /// Adds what another line stated.
    pub(super) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// The sum in the form of libtest's own closing line; `passed` is that of the whole run.
    pub(super) fn closing_line(&self, passed: bool, seconds: f64) -> String {
        let verdict = if passed && self.failed == 0 { "ok" } else { "FAILED" };
        format!(
            "test result: {verdict}. {} passed; {} failed; {} ignored; 0 measured; \
             0 filtered out; finished in {seconds:.2}s",
            self.passed, self.failed, self.ignored
        )
    }
}

/// The number before `word` in a list such as `3 passed; 1 failed` or `3 passed (1 slow), 2 skipped`.
fn count_before(counts: &str, word: &str) -> u64 {
    let parts = counts.split([';', ',', '(', ')', '.']).map(str::trim);
    let numbers = parts.filter_map(|part| part.strip_suffix(word)?.trim().parse::<u64>().ok());
    numbers.sum()
}
