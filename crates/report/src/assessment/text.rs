//! The summary for a terminal.

use std::fmt::Write;

use super::view::{ActionView, ChainView, ChainsView, CutView, EvidenceView, Severity, View};
use crate::table::{Layout, Table, wrap};
use crate::text::{clean, count, few, likelihood, percent, points};

/// How many chains are told with their hops.
const CHAINS_TOLD_MAX: usize = 5;
/// How many findings are told.
const FINDINGS_TOLD_MAX: usize = 25;
/// How many pieces of evidence are told for each hop.
const EVIDENCE_TOLD_MAX: usize = 2;
/// How many rows of exposure are told.
const EXPOSED_TOLD_MAX: usize = 15;

/// Score and best case, the likeliest chains with their hops, the cut set, findings, and what the
/// internet reaches.
pub fn text(view: &View, layout: &Layout) -> String {
    let mut text = String::new();
    headline(&mut text, view, layout);
    chains(&mut text, (&view.chains, view.estate.jewels), layout);
    cut(&mut text, view, layout);
    findings(&mut text, view, layout);
    exposure(&mut text, view, layout);
    doubts(&mut text, view, layout);
    text
}

fn headline(text: &mut String, view: &View, layout: &Layout) {
    let estate = &view.estate;
    match &view.score {
        Some(score) => {
            let title = format!("Score {} of 100", points(score.value));
            let _ = writeln!(text, "{}", layout.heading(&title));
            if (score.best_case - score.value).abs() > 0.05 {
                let _ = writeln!(
                    text,
                    "  {} at best, if everything that could not be read holds",
                    points(score.best_case)
                );
            }
            let _ = writeln!(
                text,
                "  a breach reaches {} of the estate by weight, and a crown jewel with likelihood {}",
                percent(score.loss_all),
                likelihood(score.loss_jewel),
            );
        }
        None => {
            let _ = writeln!(
                text,
                "{}",
                layout.heading(match estate.workloads {
                    0 => "No score: no workloads were read",
                    _ => "No score: no hops were derived",
                })
            );
        }
    }
    if let Some(alone) = view.estate_only {
        let _ = writeln!(
            text,
            "  {alone} of {} workloads are in segment `estate` alone",
            estate.workloads
        );
    }
    let _ = writeln!(
        text,
        "  {}, {} in {}; {}",
        count(estate.workloads, "workload"),
        count(estate.endpoints, "endpoint"),
        count(estate.subnets, "subnet"),
        count(estate.jewels, "crown jewel"),
    );
}

fn chains(text: &mut String, (chains, jewels): (&ChainsView, usize), layout: &Layout) {
    let Some(total) = &chains.total else { return };
    let at_least = if chains.total_exact { "" } else { "at least " };
    let _ = writeln!(text, "\n{}", layout.heading(&format!("Breach chains: {at_least}{total}")));
    if jewels == 0 {
        let hint = "no crown jewel is known, so that no chain has an end: name what must not be lost with \
                    --jewel or --jewel-kind, or by the tag or label criticality=crown-jewel";
        for line in wrap(hint, layout.width.saturating_sub(2).max(20)) {
            let _ = writeln!(text, "  {line}");
        }
    }
    // The ways from the internet to each jewel say more than the likeliest of all, which differ
    // little.
    let ways = if chains.to_jewels.is_empty() { &chains.listed } else { &chains.to_jewels };
    for chain in ways.iter().take(CHAINS_TOLD_MAX) {
        tell_chain(text, chain, layout);
    }
    let told = ways.len().min(CHAINS_TOLD_MAX);
    let more = (chains.listed.len() + chains.to_jewels.len()).saturating_sub(told);
    if more > 0 {
        let _ =
            writeln!(text, "  {}", layout.faint(&format!("{more} more in the page and the JSON")));
    }
}

fn tell_chain(text: &mut String, chain: &ChainView, layout: &Layout) {
    let certainty = match chain.sure_likelihood {
        Some(sure) if (sure - chain.likelihood).abs() < 1e-9 => String::new(),
        Some(sure) => format!(", {} for sure", likelihood(sure)),
        None => ", not for sure".to_owned(),
    };
    let title = format!(
        "{} to {}: likelihood {}{certainty}",
        clean(&chain.entry),
        clean(&chain.target.subject),
        likelihood(chain.likelihood),
    );
    let _ = writeln!(text, "  {}", layout.heading(&title));
    for (number, hop) in chain.hops.iter().enumerate() {
        let sure = if hop.sure { "" } else { " (possible)" };
        let _ = writeln!(
            text,
            "    {}. {} {}  {} {}  {}{sure}",
            number + 1,
            hop.conclusion.verb(),
            clean(&hop.conclusion.subject),
            hop.technique,
            hop.technique_name,
            likelihood(hop.likelihood),
        );
        for evidence in hop.evidence.iter().take(EVIDENCE_TOLD_MAX) {
            tell_evidence(text, evidence, layout);
        }
    }
}

fn tell_evidence(text: &mut String, evidence: &EvidenceView, layout: &Layout) {
    let mut line = clean(&evidence.resource);
    if !evidence.rule.is_empty() {
        let _ = write!(line, " {}", clean(&evidence.rule));
    }
    let _ = write!(line, ": {}", clean(&evidence.text));
    if let Some(place) = &evidence.place {
        let _ = write!(line, " ({}:{})", clean(&place.file), place.line);
    }
    for (number, part) in wrap(&line, layout.width.saturating_sub(9).max(20)).iter().enumerate() {
        let indent = if number == 0 { "       " } else { "         " };
        let _ = writeln!(text, "{indent}{}", layout.faint(part));
    }
}

fn cut(text: &mut String, view: &View, layout: &Layout) {
    let Some(cut) = &view.cut_set else { return };
    let optimal = if cut.optimal {
        String::new()
    } else {
        format!(", at most {} from the best", percent(cut.gap))
    };
    let title =
        format!("Cut set: {}, cost {}{optimal}", count(cut.actions.len(), "action"), cut.cost);
    let _ = writeln!(text, "\n{}", layout.heading(&title));
    if cut.actions.is_empty() {
        let _ = writeln!(text, "  nothing to cut");
    } else {
        text.push_str(&actions(&cut.actions).render(layout));
    }
    if cut.uncuttable_total > 0 {
        let _ = writeln!(
            text,
            "  {} that no action parts: {}",
            count(cut.uncuttable_total, "way"),
            clean(&cut.uncuttable.join(", ")),
        );
    }
    withheld(text, cut);
    if !view.ranking.is_empty() {
        let _ = writeln!(text, "\n{}", layout.heading("What raises the score most"));
        text.push_str(&actions(&view.ranking).render(layout));
    }
}

fn withheld(text: &mut String, cut: &CutView) {
    for one in &cut.withheld {
        let breaks = few(&one.breaks, 3);
        let _ = writeln!(text, "  not offered: {}, which would break {breaks}", clean(&one.name));
    }
    let more = cut.withheld_total.saturating_sub(cut.withheld.len());
    if more > 0 {
        let _ = writeln!(text, "  {more} more are not offered");
    }
}

fn actions(actions: &[ActionView]) -> Table {
    let mut table = Table::new(&["ACTION", "COST", "SCORE", "INTERNET REACHES", "DENIES"]);
    for action in actions {
        let change = |before: Option<f64>, after: Option<f64>, show: fn(f64) -> String| match (
            before, after,
        ) {
            (Some(before), Some(after)) => format!("{} -> {}", show(before), show(after)),
            _ => String::new(),
        };
        table.push(vec![
            action.name.clone(),
            action.cost.to_string(),
            change(action.score_before, action.score_after, points),
            change(action.blast_before, action.blast_after, percent),
            few(&action.denies, 2),
        ]);
    }
    table
}

fn findings(text: &mut String, view: &View, layout: &Layout) {
    let _ = writeln!(text, "\n{}", layout.heading(&format!("Findings: {}", view.findings_total)));
    for severity in Severity::ALL {
        let number = view.findings.iter().filter(|finding| finding.severity == severity).count();
        if number > 0 {
            let _ = writeln!(text, "  {} {}", number, severity.word());
        }
    }
    if view.findings.is_empty() {
        return;
    }
    text.push('\n');
    let mut table = Table::new(&["SEVERITY", "FINDING", "WHERE"]);
    for finding in view.findings.iter().take(FINDINGS_TOLD_MAX) {
        let place = finding.evidence.iter().find_map(|evidence| evidence.place.as_ref());
        let place = place.map(|place| format!("{}:{}", place.file, place.line));
        table.push(vec![
            finding.severity.word().to_owned(),
            finding.title.clone(),
            place.unwrap_or_default(),
        ]);
    }
    text.push_str(&table.render(layout));
    let more = view.findings_total.saturating_sub(FINDINGS_TOLD_MAX);
    if more > 0 {
        let _ =
            writeln!(text, "{}", layout.faint(&format!("{more} more in the page and the JSON")));
    }
}

fn exposure(text: &mut String, view: &View, layout: &Layout) {
    let title = format!("The internet reaches: {}", count(view.exposure.len(), "group"));
    let _ = writeln!(text, "\n{}", layout.heading(&title));
    if view.exposure.is_empty() {
        return;
    }
    let mut table = Table::new(&["REACHED", "FROM", "OVER", "REPLY", "THROUGH"]);
    for exposed in view.exposure.iter().take(EXPOSED_TOLD_MAX) {
        table.push(vec![
            exposed.workloads.clone(),
            exposed.from.clone(),
            exposed.over.clone(),
            exposed.reply.clone(),
            exposed.through.clone().unwrap_or_default(),
        ]);
    }
    text.push_str(&table.render(layout));
    let more = view.exposure.len().saturating_sub(EXPOSED_TOLD_MAX);
    if more > 0 {
        let _ = writeln!(text, "{}", layout.faint(&format!("{more} more: watertight exposure")));
    }
}

fn doubts(text: &mut String, view: &View, layout: &Layout) {
    if view.diagnostics_total == 0 && view.estate.unread.is_empty() {
        return;
    }
    let title = format!(
        "What the input lacks: {}, {} not read",
        count(view.diagnostics_total, "diagnostic"),
        count(view.estate.unread.len(), "call"),
    );
    let _ = writeln!(text, "\n{}", layout.heading(&title));
}
