//! What to change, what is exposed, how far breaches spread, what was read: tables and lists.

use std::fmt::Write;

use super::{anchor, is_full, left_out, short};
use crate::assessment::view::{ActionView, CutView, View};
use crate::text::{count, few, percent, points, thousands};

/// How many blast radii are listed.
const BLASTS_MAX: usize = 25;
/// The width of a bar that stands for all.
const BAR: f64 = 160.0;

/// The cut set, and what raises the score most.
pub(super) fn cut(view: &View) -> String {
    let mut html = String::new();
    let Some(cut) = &view.cut_set else {
        return "<p class=\"none\">Nothing was derived.</p>\n".to_owned();
    };
    if cut.actions.is_empty() {
        html.push_str("<p class=\"none\">No chain is likely enough to be cut.</p>\n");
    } else {
        let gap = if cut.optimal {
            "No cheaper set does it.".to_owned()
        } else {
            format!("A cheaper set may exist: at most {} cheaper.", percent(cut.gap))
        };
        let _ = writeln!(
            html,
            "<p>{} after which no chain of likelihood 0.01 or more is left, in the order in which the \
             effects add up. Cost {}. {gap}</p>",
            count(cut.actions.len(), "change"),
            cut.cost,
        );
        actions(&mut html, &cut.actions);
    }
    uncuttable(&mut html, cut);
    withheld(&mut html, cut);
    if !view.ranking.is_empty() {
        html.push_str("<h3>What raises the score most</h3>\n");
        actions(&mut html, &view.ranking);
    }
    html
}

fn uncuttable(html: &mut String, cut: &CutView) {
    let title = format!("{} that no change on offer parts", count(cut.uncuttable_total, "way"));
    let lines = cut.uncuttable.iter().map(|one| short(one));
    folded(html, &title, lines, (cut.uncuttable_total, "ways"));
}

fn withheld(html: &mut String, cut: &CutView) {
    let title =
        format!("{} not offered for what it would break", count(cut.withheld_total, "change"));
    let lines = cut.withheld.iter().map(|one| {
        let breaks = short(&few(&one.breaks, 4));
        format!("{}, which would break {breaks}", short(&one.name))
    });
    folded(html, &title, lines, (cut.withheld_total, "changes"));
}

/// A list that opens on a click; of all, those that are not in it are counted.
fn folded(
    html: &mut String,
    title: &str,
    lines: impl ExactSizeIterator<Item = String>,
    (total, what): (usize, &str),
) {
    if total == 0 {
        return;
    }
    let listed = lines.len();
    let _ = write!(html, "<details><summary>{title}</summary><ul>");
    for line in lines {
        let _ = write!(html, "<li>{line}</li>");
    }
    html.push_str("</ul>");
    left_out(html, total.saturating_sub(listed), what);
    html.push_str("</details>\n");
}

fn actions(html: &mut String, actions: &[ActionView]) {
    html.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Changes\"><table class=\"actions\">\
         <thead><tr><th scope=\"col\">Change</th><th scope=\"col\">Cost</th><th scope=\"col\">Score</th>\
         <th scope=\"col\">Internet reaches</th></tr></thead><tbody>",
    );
    for (number, action) in actions.iter().enumerate() {
        if is_full(html) {
            break;
        }
        let _ = write!(
            html,
            "<tr><td><span class=\"number\">{}</span> {}",
            number + 1,
            short(&action.name)
        );
        if !action.denies.is_empty() {
            let _ = write!(html, "<small>denies {}</small>", short(&few(&action.denies, 4)));
        }
        let _ = write!(
            html,
            "</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            action.cost,
            change(action.score_before, action.score_after, points),
            change(action.blast_before, action.blast_after, percent),
        );
    }
    html.push_str("</tbody></table></div>\n");
}

fn change(before: Option<f64>, after: Option<f64>, show: fn(f64) -> String) -> String {
    match (before, after) {
        (Some(before), Some(after)) => format!("{} \u{2192} <b>{}</b>", show(before), show(after)),
        _ => "\u{2013}".to_owned(),
    }
}

/// What the internet reaches.
pub(super) fn exposure(view: &View) -> String {
    if view.exposure.is_empty() {
        return "<p class=\"none\">The internet reaches nothing.</p>\n".to_owned();
    }
    let mut html = String::from(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Exposure\"><table><thead><tr>\
         <th scope=\"col\">Reached</th><th scope=\"col\">From</th><th scope=\"col\">Over</th>\
         <th scope=\"col\">Replies</th><th scope=\"col\">Through</th></tr></thead><tbody>",
    );
    let mut listed = 0;
    for exposed in &view.exposure {
        if is_full(&html) {
            break;
        }
        let _ = write!(
            html,
            "<tr id=\"{}\"><th scope=\"row\">{}</th><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            anchor(&exposed.id),
            short(&exposed.workloads),
            short(&exposed.from),
            short(&exposed.over),
            short(&exposed.reply),
            short(exposed.through.as_deref().unwrap_or("directly")),
        );
        listed += 1;
    }
    html.push_str("</tbody></table></div>\n");
    left_out(&mut html, view.exposure.len() - listed, "rows");
    html
}

/// Blast radii and the scores of segments.
pub(super) fn blast(view: &View) -> String {
    if view.blasts.is_empty() {
        return "<p class=\"none\">Nothing was derived.</p>\n".to_owned();
    }
    let mut html = String::from(
        "<p>The share of all that others hold, by weight, that a breach of one entry reaches in any number \
         of hops. Where the two shades differ, the lighter one rests on something that could not be read.</p>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Blast radius\"><table class=\"blasts\">\
         <thead><tr><th scope=\"col\">Breach of</th><th scope=\"col\">Share</th><th scope=\"col\">Reaches</th>\
         <th scope=\"col\">In one hop</th></tr></thead><tbody>",
    );
    for blast in view.blasts.iter().take(BLASTS_MAX) {
        let bar = |share: f64| format!("{:.0}", share.clamp(0.0, 1.0) * BAR);
        let _ = write!(
            html,
            "<tr><th scope=\"row\">{}</th><td><svg class=\"bar\" width=\"{BAR}\" height=\"10\" aria-hidden=\"true\">\
             <rect class=\"track\" width=\"{BAR}\" height=\"10\" rx=\"2\"/>\
             <rect class=\"possible\" width=\"{}\" height=\"10\" rx=\"2\"/>\
             <rect class=\"sure\" width=\"{}\" height=\"10\" rx=\"2\"/></svg> {}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td></tr>",
            short(&blast.entry),
            bar(blast.share),
            bar(blast.share_sure),
            percent(blast.share),
            blast.reached,
            blast.one_hop,
        );
    }
    html.push_str("</tbody></table></div>\n");
    left_out(&mut html, view.blasts.len().saturating_sub(BLASTS_MAX), "entries");
    segment_scores(&mut html, view);
    html
}

fn segment_scores(html: &mut String, view: &View) {
    if view.segment_scores.is_empty() {
        return;
    }
    html.push_str(
        "<h3>Score of each network</h3>\n<p>Inbound: breaches outside of it, weights inside. Outbound: the \
         reverse.</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Scores\"><table>\
         <thead><tr><th scope=\"col\">Network</th><th scope=\"col\">Inbound</th><th scope=\"col\">Outbound</th>\
         </tr></thead><tbody>",
    );
    for segment in view.segment_scores.iter().take(BLASTS_MAX * 4) {
        let _ = write!(
            html,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            short(&segment.name),
            points(segment.inbound),
            points(segment.outbound)
        );
    }
    html.push_str("</tbody></table></div>\n");
}

/// What was read, and what was not.
pub(super) fn read(view: &View) -> String {
    let estate = &view.estate;
    let mut html = format!(
        "<p>{} in {}, {}, {} and {}. Endpoints that nothing tells apart are one class: there are {}. Of {} \
         that routes connect, {} decided by a guard; {} before what matters hang on one layer alone.</p>\n",
        count(estate.workloads, "workload"),
        count(estate.endpoints, "endpoint"),
        count(estate.realms, "network"),
        count(estate.subnets, "subnet"),
        count(estate.guards, "guard"),
        thousands(estate.classes),
        count(view.coverage.paths, "path"),
        match view.coverage.governed {
            1 => "1 is".to_owned(),
            number => format!("{} are", thousands(number)),
        },
        count(view.coverage.single_layers, "denial"),
    );
    if let Some(alone) = view.estate_only {
        let _ = writeln!(
            html,
            "<p>Of these workloads, {alone} are in no segment of the policy but <code>estate</code>.</p>"
        );
    }
    if !estate.unread.is_empty() {
        let _ = write!(html, "<h3>Not read</h3><ul>");
        for one in &estate.unread {
            let _ = write!(html, "<li>{}</li>", short(one));
        }
        html.push_str("</ul>\n");
    }
    if view.diagnostics.is_empty() {
        return html;
    }
    let _ = write!(
        html,
        "<details><summary>{} about the input</summary><ul class=\"evidence\">",
        count(view.diagnostics_total, "diagnostic")
    );
    let mut listed = 0;
    for one in &view.diagnostics {
        if is_full(&html) {
            break;
        }
        let _ = write!(
            html,
            "<li><code>{}</code> {}: {}",
            short(&one.code),
            one.severity,
            short(&one.message)
        );
        if let Some(place) = &one.place {
            let _ =
                write!(html, " <span class=\"place\">{}:{}</span>", short(&place.file), place.line);
        }
        html.push_str("</li>");
        listed += 1;
    }
    html.push_str("</ul></details>\n");
    left_out(&mut html, view.diagnostics_total - listed, "diagnostics");
    html
}
