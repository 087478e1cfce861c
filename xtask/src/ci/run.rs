//! Runs programs for the stages: output goes through, test totals are read on the way.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::totals::{Format, Totals};
use crate::workspace::Error;

/// The variable that names the file to which tests append what the closing report shall show.
const NOTES_VARIABLE: &str = "WATERTIGHT_NOTES";

/// The one clock of this program.
#[expect(clippy::disallowed_methods, reason = "the seconds in the table of stages")]
pub(super) fn clock() -> Instant {
    Instant::now()
}

/// What the stages share.
#[derive(Debug)]
pub(super) struct Runner {
    /// The checkout.
    pub(super) root: PathBuf,
    /// Where tools are installed that are not on the path.
    pub(super) tools: PathBuf,
    /// The sum over all tests that ran.
    pub(super) totals: Totals,
    /// Whether the lint stage built the tests, so that the tests need no second build.
    pub(super) built_with_lints: bool,
    notes: PathBuf,
}

impl Runner {
    /// Prepares a run in `root`, with an empty file of notes.
    pub(super) fn new(root: &Path) -> Result<Self, Error> {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |target| root.join(target));
        let tools = std::env::var_os("WATERTIGHT_TOOLS").map(PathBuf::from);
        let notes = target.join("ci-notes.txt");
        let failed = |source| Error::File { path: notes.clone(), source };
        std::fs::create_dir_all(&target).map_err(failed)?;
        std::fs::write(&notes, "").map_err(failed)?;
        Ok(Self {
            root: root.to_path_buf(),
            tools: tools.unwrap_or_else(|| target.join("tools")),
            totals: Totals::default(),
            built_with_lints: false,
            notes,
        })
    }

    /// A cargo command in the checkout.
    pub(super) fn cargo(&self, arguments: &[&str]) -> Command {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root).stdin(Stdio::null());
        command.env(NOTES_VARIABLE, &self.notes);
        command
    }

    /// Whether a command can be started and succeeds; its output is dropped.
    pub(super) fn works(command: &mut Command) -> bool {
        let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
        silent.status().is_ok_and(|status| status.success())
    }

    /// Runs a command whose output goes straight through.
    pub(super) fn run(command: &mut Command) -> Result<bool, Error> {
        say(command);
        let status = command.status().map_err(|source| start_failed(command, source))?;
        Ok(status.success())
    }

    /// Runs a test command: its output goes through, save the lines of totals, which are added up.
    pub(super) fn run_tests(
        &mut self,
        command: &mut Command,
        format: Format,
    ) -> Result<bool, Error> {
        say(command);
        // The summary of nextest goes to standard error, that of libtest to standard output.
        let (reader, writer) = std::io::pipe().map_err(|source| start_failed(command, source))?;
        let copy = writer.try_clone().map_err(|source| start_failed(command, source))?;
        command.stdout(writer).stderr(copy);
        let mut child = command.spawn().map_err(|source| start_failed(command, source))?;
        // Closes this side's writers: the reader ends when the program does.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        for line in BufReader::new(reader).split(b'\n') {
            let line = line.map_err(|source| start_failed(command, source))?;
            let line = String::from_utf8_lossy(&line);
            if let Some(totals) = Totals::read(&line, format) {
                self.totals.add(&totals);
            } else if !is_noise(&line) {
                println!("{line}");
            }
        }
        let status = child.wait().map_err(|source| start_failed(command, source))?;
        Ok(status.success())
    }

    /// What the tests wrote down, sorted because they run at the same time.
    pub(super) fn notes(&self) -> Result<Vec<String>, Error> {
        let failed = |source| Error::File { path: self.notes.clone(), source };
        let text = std::fs::read_to_string(&self.notes).map_err(failed)?;
        let mut notes: Vec<String> = text.lines().map(str::to_owned).collect();
        notes.sort();
        notes.dedup();
        Ok(notes)
    }
}

/// Whether a line is what libtest says about a binary without tests, or a partial total.
fn is_noise(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line == "running 0 tests" || line.starts_with("test result: ")
}

fn say(command: &Command) {
    let words = command.get_args().map(|word| word.to_string_lossy());
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    println!("$ {} {}", program.to_string_lossy(), words.collect::<Vec<_>>().join(" "));
}

fn start_failed(command: &Command, source: std::io::Error) -> Error {
    Error::Start { program: command.get_program().to_string_lossy().into_owned(), source }
}
