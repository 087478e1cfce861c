//! The top of the page: the score, and what it means.

use std::fmt::Write;

use super::{Section, short};
use crate::assessment::view::{ScoreView, Severity, View};
use crate::text::{count, few, likelihood, percent, points, thousands};
use crate::width::int;

/// The width of the scale.
const SCALE: i32 = 640;

pub(super) fn push(page: &mut String, view: &View, sections: &[Section]) {
    page.push_str("<header>\n<p class=\"brand\">Watertight <span>assessment</span></p>\n");
    let accounts = few(&view.estate.accounts, 4);
    let of = if accounts.is_empty() { "An estate".to_owned() } else { accounts };
    let _ = write!(
        page,
        "<p class=\"estate\">{}{}</p>\n<div class=\"headline\">\n",
        short(&of),
        times(view)
    );
    match &view.score {
        Some(score) => scored(page, view, score),
        None if view.estate.workloads == 0 => page.push_str(
            "<div class=\"meaning\"><h1>No workloads were read</h1><p>There is nothing to weigh, so there \
             is no score. What was read is told below.</p></div>\n",
        ),
        None => page.push_str(
            "<div class=\"meaning\"><h1>No score</h1><p>No hops were derived, so there are no chains \
             to weigh. What the network permits is below.</p></div>\n",
        ),
    }
    page.push_str("</div>\n");
    figures(page, view);
    page.push_str("<nav aria-label=\"Contents\"><ul>");
    for section in sections {
        let _ = write!(page, "<li><a href=\"#{}\">{}</a></li>", section.id, section.title);
    }
    page.push_str("</ul></nav>\n</header>\n");
}

/// When the sources say they were read.
fn times(view: &View) -> String {
    let mut times: Vec<&str> =
        view.estate.sources.iter().filter_map(|source| source.collected.as_deref()).collect();
    times.sort_unstable();
    times.dedup();
    match (times.first(), times.last()) {
        (Some(first), Some(last)) if first == last => format!(", as of {}", short(first)),
        (Some(first), Some(last)) => format!(", as of {} to {}", short(first), short(last)),
        _ => String::new(),
    }
}

fn scored(page: &mut String, view: &View, score: &ScoreView) {
    let (whole, rest) = parts(score.value);
    let _ = write!(
        page,
        "<div class=\"score {}\"><p><strong>{whole}<span>{rest}</span></strong> of 100</p></div>\n\
         <div class=\"meaning\"><h1>{}</h1><p>{}</p>",
        band(score.value),
        verdict(view, score),
        meaning(view, score),
    );
    scale(page, score);
    page.push_str("</div>\n");
}

/// The score as whole points and one decimal.
fn parts(value: f64) -> (String, String) {
    let tenths = points(value);
    match tenths.split_once('.') {
        Some((whole, rest)) => (whole.to_owned(), format!(".{rest}")),
        None => (tenths, String::new()),
    }
}

fn band(value: f64) -> &'static str {
    match value {
        value if value >= 90.0 => "good",
        value if value >= 70.0 => "fair",
        value if value >= 50.0 => "weak",
        _ => "bad",
    }
}

fn verdict(view: &View, score: &ScoreView) -> String {
    let reached = view.chains.to_jewels.len();
    if reached > 0 && reached == view.estate.jewels {
        return match reached {
            1 => "The internet can get to the crown jewel.".to_owned(),
            number => format!("The internet can get to all {number} crown jewels."),
        };
    }
    if reached > 0 {
        return format!(
            "The internet can get to {reached} of {}.",
            count(view.estate.jewels, "crown jewel")
        );
    }
    if view.chains.listed.is_empty() && score.value >= 100.0 {
        return "A breach stays where it is.".to_owned();
    }
    if view.chains.listed.is_empty() {
        return "No chain leads to a crown jewel.".to_owned();
    }
    "The internet gets to no crown jewel; a breached workload does.".to_owned()
}

fn meaning(view: &View, score: &ScoreView) -> String {
    let mut text = format!(
        "Half of what is weighed is a breach from the internet, half a breach of any one workload. It \
         reaches {} of the estate by weight",
        percent(score.loss_all),
    );
    if view.estate.jewels > 0 {
        let _ =
            write!(text, ", and a crown jewel with likelihood {}", likelihood(score.loss_jewel));
    }
    text.push('.');
    if let (Some(cut), Some(after)) = (&view.cut_set, score.after_cut)
        && !cut.actions.is_empty()
    {
        let _ = write!(
            text,
            " <a href=\"#cut\">{}</a> would raise the score to {}.",
            count(cut.actions.len(), "change"),
            points(after)
        );
    }
    text
}

/// Score, best case and score after the cut, on a line from 0 to 100. The legend below it names them,
/// so that marks that lie close do not write over each other.
fn scale(page: &mut String, score: &ScoreView) {
    let _ = write!(
        page,
        "<svg class=\"scale\" viewBox=\"0 0 {SCALE} 22\" role=\"img\" \
         aria-label=\"Score {}, best case {}\">\
         <rect class=\"track\" x=\"0\" y=\"8\" width=\"{SCALE}\" height=\"6\" rx=\"3\"/>\
         <rect class=\"fill\" x=\"0\" y=\"8\" width=\"{}\" height=\"6\" rx=\"3\"/>",
        points(score.value),
        points(score.best_case),
        along(score.value),
    );
    let mut mark = |class: &str, value: f64| {
        let _ = write!(
            page,
            "<path class=\"{class}\" d=\"M{} 2v18\"/>",
            along(value).clamp(2, SCALE - 2)
        );
    };
    mark("best", score.best_case);
    if let Some(after) = score.after_cut {
        mark("after", after);
    }
    mark("now", score.value);
    page.push_str("</svg><p class=\"legend\"><span class=\"now\">score</span>");
    let _ = write!(
        page,
        "<span class=\"best\">best case {}, if all that could not be read holds</span>",
        points(score.best_case)
    );
    if let Some(after) = score.after_cut {
        let _ = write!(page, "<span class=\"after\">after the changes {}</span>", points(after));
    }
    page.push_str("</p>");
}

/// How far along the scale a score lies, in whole units.
fn along(value: f64) -> i32 {
    let text = format!("{:.0}", value.clamp(0.0, 100.0) * f64::from(SCALE) / 100.0);
    text.parse().unwrap_or(0)
}

fn figures(page: &mut String, view: &View) {
    let estate = &view.estate;
    let severe = view.findings.iter().filter(|finding| finding.severity <= Severity::High).count();
    let chains = match &view.chains.total {
        Some(total) if total.len() > 7 => format!("10<sup>{}</sup>", int(total.len() - 1)),
        Some(total) => thousands(total.parse().unwrap_or(0)),
        None => "\u{2013}".to_owned(),
    };
    let plus = if view.chains.total_exact { "" } else { "+" };
    let figures = [
        (thousands(estate.workloads), "workloads"),
        (thousands(estate.jewels), "crown jewels"),
        (format!("{chains}{plus}"), "breach chains"),
        (thousands(severe), "severe findings"),
        (thousands(view.exposure.len()), "groups exposed"),
        (thousands(estate.classes), "classes"),
    ];
    page.push_str("<dl class=\"figures\">");
    for (number, name) in figures {
        let _ = write!(page, "<div><dt>{name}</dt><dd>{number}</dd></div>");
    }
    page.push_str("</dl>\n");
}
