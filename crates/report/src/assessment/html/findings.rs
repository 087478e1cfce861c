//! Findings, worst first, each with what it rests on.

use std::fmt::Write;

use super::{anchor, evidence, is_full, left_out, short};
use crate::assessment::view::{FindingView, Severity, View};

/// How many findings of a severity are listed outright; the rest unfolds.
const SHOWN_MAX: usize = 12;
/// How many pieces of evidence are shown.
const EVIDENCE_MAX: usize = 8;

pub(super) fn body(view: &View) -> String {
    let mut html = String::new();
    if view.findings.is_empty() {
        html.push_str("<p class=\"none\">Nothing was found.</p>\n");
        return html;
    }
    let mut listed = 0;
    for severity in Severity::ALL {
        let of: Vec<&FindingView> =
            view.findings.iter().filter(|finding| finding.severity == severity).collect();
        if of.is_empty() {
            continue;
        }
        let word = severity.word();
        let _ = writeln!(
            html,
            "<h3 class=\"severity {word}\">{word} <span>{}</span></h3>\n<div class=\"findings\">",
            of.len()
        );
        for (number, finding) in of.iter().enumerate() {
            if is_full(&html) {
                break;
            }
            if number == SHOWN_MAX {
                let _ = write!(
                    html,
                    "<details class=\"rest\"><summary>{} more</summary>",
                    of.len() - SHOWN_MAX
                );
            }
            push(&mut html, finding);
            listed += 1;
            if number + 1 == of.len() && number >= SHOWN_MAX {
                html.push_str("</details>");
            }
        }
        html.push_str("</div>\n");
    }
    left_out(&mut html, view.findings_total - listed, "findings");
    html
}

fn push(html: &mut String, finding: &FindingView) {
    let word = finding.severity.word();
    let _ = write!(
        html,
        "<article class=\"finding {word}\" id=\"{}\"><h4>{}</h4><p>{}</p>",
        anchor(&finding.id),
        short(&finding.title),
        short(&finding.text),
    );
    if !finding.links.is_empty() {
        html.push_str("<p class=\"links\">See ");
        for (place, link) in finding.links.iter().enumerate() {
            if place > 0 {
                html.push_str(", ");
            }
            let _ = write!(html, "<a href=\"#{}\">{}</a>", anchor(&link.to), short(&link.text));
        }
        html.push_str("</p>");
    }
    if !finding.evidence.is_empty() {
        let _ = write!(
            html,
            "<details><summary>Evidence</summary>{}</details>",
            evidence(&finding.evidence, EVIDENCE_MAX)
        );
    }
    html.push_str("</article>\n");
}
