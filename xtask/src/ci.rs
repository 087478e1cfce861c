//! `cargo xtask ci`: every check in order. A failure does not stop the stages after it.

mod run;
mod stages;
mod totals;

use std::path::Path;
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use crate::Subcommand;
use crate::workspace::Error;
use run::{Runner, clock};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    command: || Command::new("ci").about("Run every check of the project, in order"),
    run: |root: &Path, _: &ArgMatches| run_stages(root),
};

/// A stage: its name in the table, and what it does.
struct Stage {
    name: &'static str,
    run: fn(&mut Runner) -> Result<Outcome, Error>,
}

/// How a stage ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// It found nothing wrong.
    Passed,
    /// It found something wrong, and has said what.
    Failed,
    /// It did not run, for this reason.
    Skipped(String),
}

impl Outcome {
    fn passed_if(passed: bool) -> Self {
        if passed { Self::Passed } else { Self::Failed }
    }
}

/// A row of the closing table.
#[derive(Debug)]
struct Row {
    name: &'static str,
    outcome: Outcome,
    seconds: f64,
}

fn run_stages(root: &Path) -> Result<ExitCode, Error> {
    let mut runner = Runner::new(root)?;
    let begun = clock();
    let mut rows = Vec::new();
    for stage in stages::STAGES {
        println!("\n== {}", stage.name);
        let stage_begun = clock();
        let outcome = (stage.run)(&mut runner).unwrap_or_else(|error| {
            println!("{}: {error}", stage.name);
            Outcome::Failed
        });
        rows.push(Row { name: stage.name, outcome, seconds: stage_begun.elapsed().as_secs_f64() });
    }
    let notes = runner.notes()?;
    print!("\n{}", table(&rows, &notes));
    let passed = rows.iter().all(|row| row.outcome != Outcome::Failed);
    println!("{}", runner.totals.closing_line(passed, begun.elapsed().as_secs_f64()));
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the tests said, the stages, and how many ran and were skipped, with the reasons.
fn table(rows: &[Row], notes: &[String]) -> String {
    use std::fmt::Write as _;

    let mut text = String::new();
    for note in notes {
        let _ = writeln!(text, "{note}");
    }
    let _ = writeln!(text, "{:<12} {:<8} {:>8}", "stage", "result", "seconds");
    let mut reasons = String::new();
    let mut skipped = 0;
    for row in rows {
        let result = match &row.outcome {
            Outcome::Passed => "ok",
            Outcome::Failed => "FAILED",
            Outcome::Skipped(reason) => {
                skipped += 1;
                let _ = writeln!(reasons, "skipped {}: {reason}", row.name);
                "skipped"
            }
        };
        let _ = writeln!(text, "{:<12} {result:<8} {:>8.1}", row.name, row.seconds);
    }
    let _ = writeln!(text, "ran {}, skipped {skipped}\n{reasons}", rows.len() - skipped);
    text
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Row, table};

    #[test]
    fn the_table_names_every_stage_and_the_reason_of_a_skip() {
        let rows = [
            Row { name: "fmt", outcome: Outcome::Passed, seconds: 0.25 },
            Row { name: "lint", outcome: Outcome::Failed, seconds: 61.0 },
            Row {
                name: "deny",
                outcome: Outcome::Skipped("not installed".to_owned()),
                seconds: 0.,
            },
        ];
        let text = table(&rows, &["skipped: the corpus is absent".to_owned()]);
        assert_eq!(
            text,
            "skipped: the corpus is absent\n\
             stage        result    seconds\n\
             fmt          ok            0.2\n\
             lint         FAILED       61.0\n\
             deny         skipped       0.0\n\
             ran 2, skipped 1\n\
             skipped deny: not installed\n\n"
        );
    }
}
