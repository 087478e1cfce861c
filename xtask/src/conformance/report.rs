//! What came of the cases, as text.

use std::fmt::Write as _;

use super::deviations::{self, Deviation};
use super::{Case, Options, Suite};

#[cfg(test)]
mod tests;

/// What is printed, and whether it is good.
#[derive(Debug)]
pub(super) struct Report {
    /// The text, whole lines.
    pub(super) text: String,
    /// Whether every case that is held ran, and agrees or deviates as listed.
    pub(super) passed: bool,
}

/// How a case stands to the list of deviations.
enum Standing<'l> {
    Agrees,
    Deviates(&'l Deviation),
    Fails(String),
}

impl Report {
    /// Holds the cases of all suites against the list.
    pub(super) fn new(suites: &[Suite], listed: &str, options: &Options) -> Self {
        let mut report = Self { text: String::new(), passed: true };
        let listed = deviations::parse(listed).unwrap_or_else(|error| {
            report.fail(&format!("the list of deviations cannot be read: {error}"));
            Vec::new()
        });
        for suite in suites {
            report.suite(suite, &listed, options);
        }
        if suites.iter().all(|suite| suite.held == 0) {
            let asked = options.case.as_deref().unwrap_or("any");
            report.fail(&format!("no case `{asked}` in the folder"));
        }
        report
    }

    fn suite(&mut self, suite: &Suite, listed: &[Deviation], options: &Options) {
        let mut good = 0;
        let mut lines = String::new();
        for case in &suite.cases {
            match standing(suite, case, listed) {
                Standing::Agrees => {
                    good += 1;
                    if options.verbose {
                        let _ = writeln!(lines, "  agrees {}", case.id);
                    }
                }
                Standing::Deviates(deviation) => {
                    good += 1;
                    let _ = writeln!(lines, "  deviates {}: {}", case.id, deviation.reason);
                    if options.verbose {
                        add_differences(&mut lines, case);
                    }
                }
                Standing::Fails(why) => {
                    self.passed = false;
                    let _ = writeln!(lines, "  FAILS {}: {why}", case.id);
                    add_differences(&mut lines, case);
                }
            }
        }
        for broken in &suite.broken {
            let _ = writeln!(lines, "  NOT RUN {broken}");
        }
        self.passed &= suite.cases.len() == suite.held && suite.broken.is_empty();
        if options.case.is_none() || suite.held > 0 {
            let _ = writeln!(self.text, "{}: {good} of {}", suite.name, suite.held);
        }
        self.text.push_str(&lines);
    }

    fn fail(&mut self, why: &str) {
        self.passed = false;
        let _ = writeln!(self.text, "conformance: {why}");
    }
}

fn standing<'l>(suite: &Suite, case: &Case, listed: &'l [Deviation]) -> Standing<'l> {
    let is_this = |one: &&Deviation| one.suite == suite.name && one.id == case.id;
    match (listed.iter().find(is_this), case.differences.is_empty()) {
        (None, true) => Standing::Agrees,
        (None, false) => Standing::Fails("differs".to_owned()),
        (Some(_), true) => Standing::Fails("is listed as a deviation and agrees".to_owned()),
        (Some(deviation), false) => {
            if case.differences.iter().any(|difference| difference.contains(&deviation.ours)) {
                Standing::Deviates(deviation)
            } else {
                Standing::Fails(format!("differs, but not by `{}` as listed", deviation.ours))
            }
        }
    }
}

fn add_differences(lines: &mut String, case: &Case) {
    for difference in &case.differences {
        let _ = writeln!(lines, "    {difference}");
    }
}
