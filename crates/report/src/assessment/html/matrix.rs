//! The connectivity matrix; a click on a cell shows the flows behind it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{anchor, short, shortened};
use crate::assessment::view::{EdgeView, View};
use crate::heat::{Heat, HeatCell};
use crate::openness::Openness;

/// The most letters of one set of flows.
const FLOWS_LETTERS_MAX: usize = 120;
/// The most bytes that all details may take.
const DETAILS_BYTES_MAX: usize = 2_000_000;

pub(super) fn body(view: &View) -> String {
    if view.connectivity.is_empty() {
        return "<p class=\"none\">Nothing reaches anything.</p>\n".to_owned();
    }
    let labels: Vec<String> = view.segments.iter().map(|segment| segment.label.clone()).collect();
    let cells: BTreeMap<(usize, usize), HeatCell> =
        view.connectivity.iter().map(|edge| ((edge.from, edge.to), cell(view, edge))).collect();
    let mut html = String::from(
        "<p>Rows open connections, columns take them; the colour says how many ports. Choose a cell to see \
         its flows.</p>\n",
    );
    legend(&mut html);
    let _ = writeln!(
        html,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Connectivity matrix\">{}</div>",
        Heat { labels: &labels, cells: &cells }.inline()
    );
    html.push_str("<div class=\"cells\" aria-live=\"polite\">\n");
    let start = html.len();
    for edge in &view.connectivity {
        let bare = html.len() - start > DETAILS_BYTES_MAX;
        detail(&mut html, view, edge, bare);
    }
    html.push_str("</div>\n");
    html
}

fn label(view: &View, place: usize) -> &str {
    view.segments.get(place).map_or("", |segment| &segment.label)
}

fn step(openness: u8) -> Openness {
    Openness::ALL.into_iter().find(|step| step.step() == openness).unwrap_or(Openness::Everything)
}

fn cell(view: &View, edge: &EdgeView) -> HeatCell {
    let step = step(edge.openness);
    HeatCell {
        step,
        doubtful: !edge.exact,
        blocked: step == Openness::Nothing,
        title: format!("{} to {}: {}", label(view, edge.from), label(view, edge.to), step.words()),
        link: Some(edge.id.clone()),
    }
}

fn legend(html: &mut String) {
    html.push_str("<p class=\"legend heat\">");
    for step in Openness::ALL {
        let _ = write!(
            html,
            "<span><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><rect class=\"h{}\" width=\"14\" \
             height=\"14\" rx=\"2\"/></svg> {}</span>",
            step.step(),
            step.words()
        );
    }
    html.push_str(
        "<span><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><rect class=\"h1\" width=\"14\" \
         height=\"14\" rx=\"2\"/><path class=\"doubt\" d=\"M6 0h8v8z\"/></svg> in part unknown</span>\
         <span><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><rect class=\"h0\" width=\"14\" \
         height=\"14\" rx=\"2\"/><circle class=\"blocked\" cx=\"7\" cy=\"7\" r=\"4\"/></svg> arrives, no \
         reply</span></p>\n",
    );
}

fn detail(html: &mut String, view: &View, edge: &EdgeView, bare: bool) {
    let _ = write!(
        html,
        "<section class=\"detail\" id=\"{}\"><h3>{} \u{2192} {}</h3><p><code>{}</code></p>",
        anchor(&edge.id),
        short(label(view, edge.from)),
        short(label(view, edge.to)),
        short(&edge.over),
    );
    if !bare {
        html.push_str(
            "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">From</th><th scope=\"col\">To</th>\
             <th scope=\"col\">Over</th><th scope=\"col\">Replies</th></tr></thead><tbody>",
        );
        for flow in &edge.flows {
            let text = |text: &str| shortened(text, FLOWS_LETTERS_MAX);
            let _ = write!(
                html,
                "<tr><td>{}</td><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
                text(&flow.from),
                text(&flow.to),
                text(&flow.over),
                text(&flow.reply)
            );
        }
        html.push_str("</tbody></table></div>");
    }
    let shown = if bare { 0 } else { edge.flows.len() };
    if edge.flows_total > shown {
        let _ = write!(
            html,
            "<p class=\"more\">{} pairs of classes are behind it; the widest are shown. All: \
             <code>watertight reach</code>.</p>",
            crate::text::thousands(edge.flows_total),
        );
    }
    html.push_str("</section>\n");
}
