use super::{decisions, status};
use crate::tidy::{Finding, sample};

fn status_of(rows: &str) -> Vec<String> {
    let text = format!("# Status\n\n| part | shows it | last figure |\n|---|---|---|\n{rows}");
    let findings = status(&sample::files(&[("docs/status.md", &text)]));
    findings.iter().map(Finding::to_string).collect()
}

fn decisions_of(names: &[&str]) -> Vec<String> {
    let paths: Vec<String> = names.iter().map(|name| format!("docs/adr/{name}")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (&**path, "# x\n")).collect();
    decisions(&sample::files(&files)).iter().map(Finding::to_string).collect()
}

#[test]
fn a_status_row_without_evidence_is_refused_with_its_line() {
    assert_eq!(
        status_of("| house | open | |\n| net | works | 3 |\n"),
        ["docs/status.md:6: error: `works` is neither open nor a command in backticks"]
    );
    assert_eq!(status_of("| net | `it works` | 3 |\n").len(), 1);
    assert_eq!(status_of("| net | open |\n").len(), 1);
}

#[test]
fn status_rows_with_a_command_are_accepted() {
    assert_eq!(status_of("| a | open | |\n| b | `cargo xtask tidy`, `make demo` | 0 |\n"), [""; 0]);
}

#[test]
fn a_status_page_that_is_missing_or_empty_is_refused() {
    assert_eq!(status(&sample::files(&[])).len(), 1);
    assert_eq!(status_of("").len(), 1);
}

#[test]
fn gaps_duplicates_and_strange_names_of_records_are_refused() {
    assert_eq!(
        decisions_of(&["0000-template.md", "0002-x.md"]),
        ["docs/adr/0002-x.md:1: error: the record after the last one is 0001"]
    );
    assert_eq!(decisions_of(&["0000-template.md", "0001-x.md", "0001-y.md"]).len(), 1);
    assert_eq!(decisions_of(&["0000-template.md", "notes.md"]).len(), 1);
    assert_eq!(decisions_of(&["0001-x.md"]).len(), 1);
    assert_eq!(decisions_of(&[]).len(), 1);
}

#[test]
fn records_without_gaps_are_accepted() {
    assert_eq!(decisions_of(&["0000-template.md", "0001-x.md", "0002-y.md"]), [""; 0]);
}
