//! Golden transcripts: each file in `tests/transcripts` is a command with its standard output,
//! standard error and exit code. `UPDATE=1 cargo test -p watertight --test transcripts` writes them
//! anew from their first lines.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn transcripts_are_what_the_program_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 10, "transcripts are missing");
    let mut stale = Vec::new();
    for path in paths {
        let expected = std::fs::read_to_string(&path).unwrap();
        let command = expected.lines().next().unwrap_or_default();
        let actual = transcript(command);
        if actual == expected {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, actual).unwrap();
        } else {
            stale.push(format!("{}: {}", path.display(), difference(&expected, &actual)));
        }
    }
    assert!(stale.is_empty(), "{}", stale.join("\n"));
}

/// Runs a line such as `$ watertight can ... --over 'tcp/80; tcp/443'` from the root of the
/// checkout.
fn transcript(line: &str) -> String {
    let words = words(line.strip_prefix("$ watertight ").unwrap());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(words)
        .current_dir(root)
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    let mut text = format!("{line}\n");
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let content = std::str::from_utf8(bytes).unwrap();
        if !content.is_empty() {
            write!(text, "--- {name}\n{content}").unwrap();
        }
    }
    writeln!(text, "--- exit {}", output.status.code().unwrap()).unwrap();
    text
}

/// Splits a line at blanks; single quotes keep blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn difference(expected: &str, actual: &str) -> String {
    let mut pairs = expected.lines().zip(actual.lines()).enumerate();
    match pairs.find(|(_, (left, right))| left != right) {
        Some((number, (left, right))) => {
            format!("line {}:\n  expected {left}\n  found    {right}", number + 1)
        }
        None => "one is longer than the other".to_owned(),
    }
}
