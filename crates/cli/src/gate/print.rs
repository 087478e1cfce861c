//! What the gate found as text and as JSON, `watertight.gate/v1` (`docs/reference/gate.md`).

use std::fmt::Write as _;

use serde_json::{Value, json};
use watertight_source::{Sources, Span};

use super::findings::{Finding, Judged};
use crate::policy::alone::Alone;
use crate::text::{clean, counted};

/// Changes of one finding that text names.
const CHANGES_MAX: usize = 8;

/// Text for people.
pub(super) fn text(judged: &Judged, sources: &Sources, alone: Alone) -> String {
    let mut text = String::new();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let (before, after) = judged.pairs;
    // Writing to a String cannot fail.
    let _written = match judged.changed {
        Some(changed) => writeln!(
            text,
            "The plan changes {}. Pairs of workloads that connect: {before} before, {after} after.",
            counted(count(changed), "resource")
        ),
        None => writeln!(text, "The estate as it is. Pairs of workloads that connect: {after}."),
    };
    let _written = writeln!(text, "{alone}.");
    for finding in &judged.findings {
        let _written = writeln!(text, "\n{}: {}", finding.code, finding.message);
        if let Some(span) = finding.rule {
            let _written = writeln!(text, "  stated at {}", place(span, sources));
        }
        for (address, span) in finding.changes.iter().take(CHANGES_MAX) {
            let _written = writeln!(text, "  caused by {address} ({})", place(*span, sources));
        }
        let rest = finding.changes.len().saturating_sub(CHANGES_MAX);
        if rest > 0 {
            let _written = writeln!(text, "  and {rest} more changes");
        }
        for detail in &finding.details {
            let _written = writeln!(text, "    {detail}");
        }
    }
    if !judged.excused.is_empty() {
        text.push_str("\nExcused\n");
        for line in &judged.excused {
            let _written = writeln!(text, "  {line}");
        }
    }
    if !judged.assumed.is_empty() {
        text.push_str("\nAssumed\n");
        for (subject, what) in &judged.assumed {
            let _written = writeln!(text, "  `{subject}`: {what}");
        }
    }
    let closed = match judged.findings.len() {
        0 => "\nThe gate is open.\n".to_owned(),
        number => format!("\nThe gate is closed: {}.\n", counted(count(number), "finding")),
    };
    text.push_str(&closed);
    clean(&text)
}

fn place(span: Span, sources: &Sources) -> String {
    let position = sources.position(span.file, span.start);
    format!("{}:{}", sources.path(span.file), position.line)
}

/// For programs.
pub(super) fn json(judged: &Judged, sources: &Sources, alone: Alone) -> Value {
    let finding = |one: &Finding| {
        let changes = one.changes.iter();
        let changes = changes
            .map(|(address, span)| json!({ "address": address, "place": place(*span, sources) }));
        json!({
            "code": one.code.as_str(),
            "message": one.message,
            "details": one.details,
            "changes": changes.collect::<Vec<Value>>(),
            "stated": one.rule.map(|span| place(span, sources)),
        })
    };
    json!({
        "schema": "watertight.gate/v1",
        "open": judged.findings.is_empty(),
        "changed": judged.changed,
        "workloads": alone.workloads,
        "estate_only": alone.estate_only,
        "pairs": { "before": judged.pairs.0, "after": judged.pairs.1 },
        "findings": judged.findings.iter().map(finding).collect::<Vec<Value>>(),
        "excused": judged.excused,
        "assumed": judged
            .assumed
            .iter()
            .map(|(subject, what)| json!({ "subject": subject, "text": what }))
            .collect::<Vec<Value>>(),
    })
}
