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

/// What the README shows of the demonstration had gone stale when the shop's policy changed.
#[test]
fn the_readme_shows_what_the_demonstration_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let shown = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(shown.lines().count() > 4, "the README shows nothing: {shown}");
    let printed = transcript(
        "$ watertight simulate examples/policies/shop --estate examples/estates/shop --under pending \
         --at 2026-12-01T00:00:00Z",
    );
    assert!(printed.contains(shown), "the README shows\n{shown}\nand not\n{printed}");
}

/// Figures in the guides had gone stale with the shop. What a command writes is read by those after it;
/// commands about `policies/` are about the reader's own.
#[test]
fn the_guides_show_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let scratch = tempfile::tempdir().unwrap();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root.join("docs/guides"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut stale = Vec::new();
    let mut shown = 0_usize;
    for path in paths {
        let guide = std::fs::read_to_string(&path).unwrap();
        let blocks = guide.split("\n```").filter_map(|block| {
            let (_, block) = block.split_once('\n')?;
            block.strip_prefix("$ watertight ")
        });
        for block in blocks.filter(|block| !block.contains(" policies/ ")) {
            let (line, expected) = block.split_once('\n').unwrap_or((block, ""));
            let printed = in_scratch(line, scratch.path());
            shown += 1;
            for part in expected.split("\n...\n").filter(|part| !printed.contains(part.trim())) {
                stale.push(format!("{}: {line}\n{part}\nis not in\n{printed}", path.display()));
            }
        }
    }
    assert!(stale.is_empty(), "{}", stale.join("\n"));
    assert!(shown > 8, "{shown} commands are shown");
}

/// What a command prints that writes into a scratch folder, and may read what was written there.
fn in_scratch(line: &str, scratch: &Path) -> String {
    let (line, into) = line.split_once(" > ").map_or((line, None), |(a, b)| (a, Some(b)));
    let mut is_out = false;
    let words = words(line).into_iter().map(|word| {
        let file = scratch.join(&word);
        let is_there = is_out || file.is_file();
        is_out = word == "-o" || word == "--out";
        if is_there { file.display().to_string() } else { word }
    });
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(words)
        .current_dir(root)
        .output()
        .unwrap();
    if let Some(file) = into {
        std::fs::write(scratch.join(file), &output.stdout).unwrap();
    }
    let text = |bytes| String::from_utf8(bytes).unwrap();
    format!("{}{}", text(output.stdout), text(output.stderr))
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
