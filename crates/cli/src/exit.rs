//! How the program ends: exit codes and the errors behind them.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use watertight_reach::ends::EndError;

/// What a command came to when nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing to report: exit code 0.
    Fine,
    /// Denied, findings, differences: exit code 2.
    Found,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Fine => Self::SUCCESS,
            Outcome::Found => Self::from(2),
        }
    }
}

/// Why a command did not come to an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The input is wrong, and the diagnostics that say how are printed.
    #[error("the input is not used: {errors} {}", if *errors == 1 { "error" } else { "errors" })]
    Reported {
        /// How many errors there are.
        errors: u64,
    },
    /// With `--strict`, warnings are errors, and they are printed.
    #[error(
        "`--strict`: the input is not used because of {warnings} {}",
        if *warnings == 1 { "warning" } else { "warnings" }
    )]
    Strict {
        /// How many warnings there are.
        warnings: u64,
    },
    /// An argument does not fit the estate, or another argument.
    #[error("`--{flag}`: {problem}")]
    Argument {
        /// The flag's long name.
        flag: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The name of an end is wrong.
    #[error("`--{flag}`: {source}")]
    End {
        /// The flag's long name.
        flag: &'static str,
        /// What is wrong.
        source: EndError,
    },
    /// What should be an estate is none.
    #[error("{0}")]
    Estate(String),
    /// A policy does not hold what is asked of it.
    #[error("{0}")]
    Policy(String),
    /// Reading or writing failed.
    #[error("`{}` cannot be {action}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// An editor does not speak the protocol, or is gone.
    #[error("the editor cannot be served: {0}")]
    Server(String),
    /// Nothing is planned.
    #[error("nothing is planned: {0}")]
    Plan(String),
    /// A plan is not, or not wholly, applied or taken back.
    #[error("{0}")]
    Apply(String),
    /// Nothing could be collected.
    #[error("{0}")]
    Collect(String),
    /// Standard output is closed or full.
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
}

impl Failure {
    /// Whether the input or the arguments are wrong.
    pub(crate) fn is_input(&self) -> bool {
        self.code() == 3
    }

    /// The exit code, see `docs/reference/exit-codes.md`.
    fn code(&self) -> u8 {
        match self {
            Self::Reported { .. }
            | Self::Strict { .. }
            | Self::Argument { .. }
            | Self::End { .. }
            | Self::Estate(_)
            | Self::Policy(_) => 3,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::File { .. }
            | Self::Server(_)
            | Self::Plan(_)
            | Self::Apply(_)
            | Self::Collect(_)
            | Self::Output(_) => 1,
        }
    }
}

/// Says on standard error what failed, and returns the exit code.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    let code = failure.code();
    if code != 0 {
        say(&format!("error: {}\n", crate::text::one_line(&failure.to_string())));
    }
    ExitCode::from(code)
}

/// Prints clap's own message; wrong usage is exit code 3, asked-for help is 0.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to tell when the terminal is gone.
    let _printed = error.print();
    if error.use_stderr() { ExitCode::from(3) } else { ExitCode::SUCCESS }
}

/// Writes to standard error; a closed one is nobody's concern.
pub(crate) fn say(text: &str) {
    let mut error = io::stderr().lock();
    let _written = error.write_all(text.as_bytes()).and_then(|()| error.flush());
}
