use super::*;
use crate::{CODES, Code, FileId, explain};

const CODE: Code = Code("WT9999");

fn at(start: u32) -> Diagnostic {
    Diagnostic::error(CODE, "wrong").with_label(Span::new(FileId(0), start, start + 1), "")
}

#[test]
fn the_order_is_that_of_the_text_whatever_was_pushed_first() {
    let one = [
        at(1),
        at(5),
        Diagnostic::warning(CODE, "doubt").with_label(Span::new(FileId(0), 5, 6), ""),
        Diagnostic::note(CODE, "b").with_label(Span::new(FileId(1), 0, 1), ""),
        Diagnostic::error(CODE, "placeless"),
        Diagnostic::note(CODE, "placeless"),
    ];
    for turn in 0..one.len() {
        let mut pushed = one.to_vec();
        pushed.rotate_left(turn);
        pushed.reverse();
        let mut diagnostics = Diagnostics::default();
        diagnostics.extend(pushed);
        assert_eq!(diagnostics.errors(), 3);
        assert_eq!(diagnostics.into_sorted(), one);
    }
}

#[test]
fn what_does_not_fit_is_counted_and_said() {
    let limits = Limits { diagnostics_max: 2, ..Limits::default() };
    let mut diagnostics = Diagnostics::new(&limits);
    diagnostics.push(Diagnostic::note(CODE, "one"));
    diagnostics.push(Diagnostic::note(CODE, "two"));
    assert_eq!((diagnostics.left_out(), diagnostics.clone().into_sorted().len()), (0, 2));
    diagnostics.push(Diagnostic::note(CODE, "three"));
    assert!(!diagnostics.has_errors());
    diagnostics.push(Diagnostic::warning(CODE, "four"));
    diagnostics.push(at(3));
    assert!(diagnostics.has_errors());
    let mut merged = Diagnostics::new(&limits);
    merged.push(at(9));
    merged.merge(diagnostics);
    assert_eq!((merged.errors(), merged.left_out(), merged.kept().len()), (2, 4, 2));
    let sorted = merged.into_sorted();
    let last = sorted.last().unwrap();
    assert_eq!(last.message, "4 more diagnostics were left out: 1 errors, 1 warnings, 2 notes");
    assert_eq!((last.severity, last.code.as_str(), sorted.len()), (Severity::Error, "WT0013", 3));
}

#[test]
fn text_has_place_code_and_help() {
    let mut sources = Sources::new();
    let file = sources.add("a.yaml", "a\nbc").unwrap();
    let diagnostic = Diagnostic::warning(CODE, "odd `c`")
        .with_label(Span::new(file, 3, 4), "this one")
        .with_related(Span::at(file, 0), "compare")
        .with_resource("sg-1")
        .with_help("drop it");
    assert_eq!(
        render_text(&[diagnostic, Diagnostic::note(CODE, "done")], &sources),
        "a.yaml:2:2: warning[WT9999]: odd `c`\n  here: this one\n  resource: sg-1\n  \
         a.yaml:1:1: compare\n  help: drop it\nnote[WT9999]: done\n"
    );
}

#[test]
fn codes_are_unique_in_order_and_explained() {
    assert!(CODES.is_sorted_by(|one, next| one.code < next.code));
    assert!(CODES.iter().all(|line| line.code.as_str().len() == 6 && !line.meaning.is_empty()));
    assert_eq!(explain(Code("WT0004")), Some("the file is not UTF-8"));
    assert_eq!(explain(CODE), None);
}
