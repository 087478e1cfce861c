//! Counts of tests, read from the closing lines of the test runners and added up.

#[cfg(test)]
mod tests;

/// Which runner's closing lines count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `test result: ok. 3 passed; 0 failed; ...`, one for each binary.
    Libtest,
    /// `Summary [ 0.1s] 3 tests run: 3 passed, 0 skipped`, one for the whole run.
    Nextest,
}

/// How many tests ended how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Totals {
    /// The totals that a line of output states, if `format` is what states them. Libtest's lines
    /// show up in nextest's output too, where a test failed, and would be counted twice.
    pub(super) fn read(line: &str, format: Format) -> Option<Self> {
        let counts = match format {
            Format::Libtest => line.trim().strip_prefix("test result: ")?,
            Format::Nextest => {
                let (_, counts) = line.trim().strip_prefix("Summary [")?.split_once(" run: ")?;
                counts
            }
        };
        let of = |words: &[&str]| words.iter().map(|word| count_before(counts, word)).sum();
        Some(Self {
            passed: of(&["passed"]),
            failed: of(&["failed", "timed out"]),
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
