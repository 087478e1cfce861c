//! Diagnostics of an input for programs: JSON, and SARIF for code review.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use watertight_source::{Code, Diagnostic, Severity, Sources, Span};

use crate::sarif::{log, uri};
use crate::text::clean;

/// Diagnostics as JSON: how many there are of each severity, and each with its place.
pub fn json(diagnostics: &[Diagnostic], sources: &Sources) -> Value {
    let count = |severity| diagnostics.iter().filter(|one| one.severity == severity).count();
    let each = diagnostics.iter().map(|one| {
        let related = one.related.iter();
        json!({
            "code": one.code.as_str(),
            "severity": one.severity.as_str(),
            "message": clean(&one.message),
            "place": one.span().map(|span| place(span, sources)),
            "help": one.help.as_deref().map(clean),
            "related": related
                .map(|(span, text)| json!({"message": clean(text), "place": place(*span, sources)}))
                .collect::<Vec<_>>(),
        })
    });
    json!({
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "notes": count(Severity::Note),
        "diagnostics": each.collect::<Vec<_>>(),
    })
}

fn place(span: Span, sources: &Sources) -> Value {
    let [start, end] = [span.start, span.end.max(span.start)].map(|offset| {
        let position = sources.position(span.file, offset);
        json!({"line": position.line, "column": position.column})
    });
    json!({"path": clean(sources.path(span.file)), "start": start, "end": end})
}

/// Diagnostics as a SARIF log: each code is a rule, and `meaning` says what it means.
///
/// Source: OASIS Static Analysis Results Interchange Format (SARIF) 2.1.0.
pub fn sarif(
    diagnostics: &[Diagnostic],
    sources: &Sources,
    meaning: &impl Fn(Code) -> Option<&'static str>,
) -> Value {
    let mut codes: BTreeMap<Code, usize> = diagnostics.iter().map(|one| (one.code, 0)).collect();
    for (place, index) in codes.values_mut().enumerate() {
        *index = place;
    }
    let rules: Vec<Value> = codes
        .keys()
        .map(|code| {
            let text = meaning(*code).unwrap_or_default();
            json!({"id": code.as_str(), "shortDescription": {"text": text}})
        })
        .collect();
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|one| {
            let mut text = clean(&one.message);
            if let Some(help) = &one.help {
                text.push_str(". Help: ");
                text.push_str(&clean(help));
            }
            let related = one.related.iter().map(|(span, text)| {
                let mut location = location(*span, sources);
                location["message"] = json!({"text": clean(text)});
                location
            });
            json!({
                "ruleId": one.code.as_str(),
                "ruleIndex": codes.get(&one.code),
                "level": one.severity.as_str(),
                "message": {"text": text},
                "locations": one.span().map(|span| location(span, sources)).into_iter().collect::<Vec<_>>(),
                "relatedLocations": related.collect::<Vec<_>>(),
            })
        })
        .collect();
    log(rules, results)
}

fn location(span: Span, sources: &Sources) -> Value {
    let start = sources.position(span.file, span.start);
    let end = sources.position(span.file, span.end.max(span.start));
    let path = clean(sources.path(span.file)).replace('\\', "/");
    let path = path.strip_prefix("./").unwrap_or(&path);
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(path)},
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
    }})
}
