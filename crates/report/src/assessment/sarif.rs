//! Findings as SARIF 2.1.0, for tools that show findings beside files.

use serde_json::{Value, json};

use super::findings::RULES;
use super::view::{EvidenceView, FindingView, Severity, View};
use crate::sarif::{log, uri};
use crate::text::clean;

/// The level that SARIF knows for a severity.
const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// The number by which code scanning tools rank, 0 to 10.
const fn rank(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.0",
        Severity::Low => "2.0",
    }
}

/// The findings as a SARIF log: resources as logical locations, and as physical locations the lines
/// where the input says what the finding rests on.
///
/// Source: OASIS Static Analysis Results Interchange Format (SARIF) 2.1.0.
pub fn sarif(view: &View) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "name": rule.name,
                "shortDescription": {"text": rule.name},
                "fullDescription": {"text": rule.text},
            })
        })
        .collect();
    let results: Vec<Value> = view.findings.iter().map(result).collect();
    log(rules, results)
}

fn result(finding: &FindingView) -> Value {
    let mut locations: Vec<Value> = finding.evidence.iter().map(location).collect();
    if locations.is_empty() {
        locations = finding
            .resources
            .iter()
            .map(|name| json!({"logicalLocations": [logical(name, "")]}))
            .collect();
    }
    let rule = RULES.iter().position(|rule| rule.id == finding.rule);
    let message = format!("{}. {}", finding.title, finding.text);
    json!({
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": {"text": clean(&message)},
        "locations": locations,
        "partialFingerprints": {"watertight/v1": format!("{}: {}", finding.rule, clean(&finding.title))},
        "properties": {"security-severity": rank(finding.severity), "severity": finding.severity.word()},
    })
}

fn location(evidence: &EvidenceView) -> Value {
    let mut location = json!({
        "logicalLocations": [logical(&evidence.resource, &evidence.rule)],
        "message": {"text": clean(&evidence.text)},
    });
    if let Some(place) = &evidence.place {
        location["physicalLocation"] = json!({
            "artifactLocation": {"uri": uri(&place.file.replace('\\', "/"))},
            "region": {"startLine": place.line, "startColumn": place.column},
        });
    }
    location
}

fn logical(resource: &str, rule: &str) -> Value {
    let name = if rule.is_empty() { resource.to_owned() } else { format!("{resource}/{rule}") };
    json!({"fullyQualifiedName": clean(&name), "kind": "resource"})
}
