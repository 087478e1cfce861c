//! The segment map: accounts hold networks, networks hold tiers, tiers hold workloads.
//!
//! Columns say how many hops a tier is from the internet, rows are networks. Boxes and labels are placed
//! here, in whole units, so that the same estate gives the same picture and nothing overlaps.

mod layout;

use std::fmt::Write;

use layout::{BAND, FONT, HEAD, Layout, PAD, Placed, ROW};

use super::{anchor, icons};
use crate::assessment::view::{EdgeView, View};
use crate::openness::Openness;
use crate::text::{count, escape};
use crate::width::{fit, int, of};

/// How many edges are drawn; the widest are, and those of the internet.
const EDGES_MAX: usize = 160;

pub(super) fn body(view: &View) -> String {
    if view.segments.is_empty() {
        return "<p class=\"none\">There is nothing to draw.</p>\n".to_owned();
    }
    let layout = Layout::new(view);
    let (edges, hidden) = drawn_edges(view);
    let mut html = String::from(
        "<p>Columns say how many hops a tier is from the internet. A line is drawn where connections can be \
         opened, thicker where more ports are open; point at a box to see its own, choose a line to see its \
         flows.</p>\n",
    );
    if hidden > 0 {
        let _ = writeln!(
            html,
            "<p class=\"more\">{hidden} narrower connections are left out here; the matrix below has all.</p>"
        );
    }
    let (width, height) = layout.size;
    let _ = write!(
        html,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Segment map\">\
         <svg class=\"map\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-size=\"{FONT}\" role=\"group\" aria-label=\"Segment map\"><defs>{MARKERS}</defs>"
    );
    bands(&mut html, &layout);
    for edge in edges {
        push_edge(&mut html, view, &layout, edge);
    }
    for (place, placed) in &layout.boxes {
        push_box(&mut html, view, *place, placed);
    }
    html.push_str("</svg></div>\n");
    html
}

/// An arrow's head for each step of openness.
const MARKERS: &str = concat!(
    "<marker id=\"m1\" class=\"m1\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" ",
    "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 1l7 3-7 3z\"/></marker>",
    "<marker id=\"m2\" class=\"m2\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"9\" markerHeight=\"9\" ",
    "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 1l7 3-7 3z\"/></marker>",
    "<marker id=\"m3\" class=\"m3\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"10\" markerHeight=\"10\" ",
    "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 1l7 3-7 3z\"/></marker>",
    "<marker id=\"m4\" class=\"m4\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"11\" markerHeight=\"11\" ",
    "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 1l7 3-7 3z\"/></marker>",
);

/// The edges to draw, and how many are left out: connections between different segments, those of the
/// internet and the widest first.
fn drawn_edges(view: &View) -> (Vec<&EdgeView>, usize) {
    let kind = |place: usize| view.segments.get(place).map_or("", |segment| segment.kind);
    let mut edges: Vec<&EdgeView> =
        view.connectivity.iter().filter(|edge| edge.from != edge.to && edge.openness > 0).collect();
    edges.sort_by_key(|edge| {
        let internet = kind(edge.from) == "internet";
        (!internet, std::cmp::Reverse(edge.openness), edge.from, edge.to)
    });
    let hidden = edges.len().saturating_sub(EDGES_MAX);
    edges.truncate(EDGES_MAX);
    edges.sort_by_key(|edge| (edge.openness, edge.from, edge.to));
    (edges, hidden)
}

/// Accounts and networks as bands behind the boxes, and the names of the columns.
fn bands(html: &mut String, layout: &Layout) {
    for (x, label) in &layout.columns {
        let _ = write!(
            html,
            "<text class=\"label column\" x=\"{x}\" y=\"{}\">{label}</text>",
            HEAD - 12
        );
    }
    for band in &layout.accounts {
        let _ = write!(
            html,
            "<rect class=\"account\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
            band.x, band.y, band.width, band.height
        );
        push_label(
            html,
            "label account",
            &band.label,
            (band.x + PAD, band.y + 17),
            band.width - 2 * PAD,
        );
    }
    for band in &layout.realms {
        let _ = write!(
            html,
            "<rect class=\"realm\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\"/>",
            band.x, band.y, band.width, band.height
        );
        push_label(
            html,
            "label realm",
            &band.label,
            (band.x + PAD, band.y + 17),
            band.width - 2 * PAD,
        );
    }
}

fn push_label(html: &mut String, class: &str, text: &str, (x, y): (i32, i32), room: i32) {
    let whole = escape(text);
    let shown = escape(&fit(text, FONT, room));
    let _ = write!(
        html,
        "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{shown}<title>{whole}</title></text>"
    );
}

fn push_box(html: &mut String, view: &View, place: usize, placed: &Placed) {
    let Some(segment) = view.segments.get(place) else { return };
    let _ = write!(
        html,
        "<g class=\"box {}\" data-box=\"{place}\" tabindex=\"0\"><title>{}: {}</title>\
         <rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"5\"/>",
        segment.kind,
        escape(&segment.label),
        count(segment.workloads, "workload"),
        placed.x,
        placed.y,
        placed.width,
        placed.height,
    );
    let name = match segment.kind {
        "internet" => "internet",
        _ if !segment.tier.is_empty() => &segment.tier,
        _ if !segment.realm.is_empty() => &segment.realm,
        _ => &segment.label,
    };
    let number = if segment.workloads > 0 { segment.workloads.to_string() } else { String::new() };
    let room = placed.width - 2 * PAD - of(&number, FONT) - 6;
    let top = placed.y + 18;
    let icon = match segment.kind {
        "internet" => Some("i-internet"),
        "outside" => Some("i-outside"),
        _ => None,
    };
    let (left, room) = match icon {
        Some(icon) => {
            push_icon(html, icon, (placed.x + PAD, placed.y + 5));
            (placed.x + PAD + 20, room - 20)
        }
        None => (placed.x + PAD, room),
    };
    push_label(html, "label head", name, (left, top), room);
    if !number.is_empty() {
        let _ = write!(
            html,
            "<text class=\"label number\" text-anchor=\"end\" x=\"{}\" y=\"{top}\">{number}</text>",
            placed.x + placed.width - PAD
        );
    }
    for (row, member) in segment.members.iter().take(placed.rows).enumerate() {
        let y = placed.y + BAND + int(row) * ROW;
        let times =
            if member.count > 1 { format!("\u{d7}{}", member.count) } else { String::new() };
        let icon = if member.jewel { "i-jewel" } else { icons::of(member.kind) };
        push_icon(html, icon, (placed.x + PAD, y + 2));
        let class = if member.jewel { "label member jewel" } else { "label member" };
        let room = placed.width - 2 * PAD - 20 - of(&times, FONT) - 4;
        push_label(html, class, &member.name, (placed.x + PAD + 20, y + 14), room);
        if !times.is_empty() {
            let _ = write!(
                html,
                "<text class=\"label number\" text-anchor=\"end\" x=\"{}\" y=\"{}\">{times}</text>",
                placed.x + placed.width - PAD,
                y + 14
            );
        }
    }
    if placed.more > 0 {
        let y = placed.y + BAND + int(placed.rows) * ROW + 14;
        let text = format!("+ {} more", placed.more);
        push_label(
            html,
            "label more",
            &text,
            (placed.x + PAD + 20, y),
            placed.width - 2 * PAD - 20,
        );
    }
    html.push_str("</g>");
}

fn push_icon(html: &mut String, icon: &str, (x, y): (i32, i32)) {
    let _ = write!(
        html,
        "<use class=\"icon\" href=\"#{icon}\" x=\"{x}\" y=\"{y}\" width=\"15\" height=\"15\"/>"
    );
}

/// A curve from the side of one box to the side of another.
fn push_edge(html: &mut String, view: &View, layout: &Layout, edge: &EdgeView) {
    let (Some(from), Some(to)) = (layout.boxes.get(&edge.from), layout.boxes.get(&edge.to)) else {
        return;
    };
    let leaves = layout.port(edge, true);
    let enters = layout.port(edge, false);
    let right = |placed: &Placed| placed.x + placed.width;
    let path = if from.x + from.width <= to.x {
        let (x1, x2) = (right(from), to.x);
        let bend = ((x2 - x1) / 2).clamp(20, 90);
        format!("M{x1} {leaves}C{} {leaves} {} {enters} {x2} {enters}", x1 + bend, x2 - bend)
    } else if to.x + to.width <= from.x {
        let (x1, x2) = (from.x, right(to));
        let bend = ((x1 - x2) / 2).clamp(20, 90);
        format!("M{x1} {leaves}C{} {leaves} {} {enters} {x2} {enters}", x1 - bend, x2 + bend)
    } else {
        let (x1, x2) = (right(from), right(to));
        let bend = 14 + (leaves - enters).abs().min(160) / 8;
        format!("M{x1} {leaves}C{} {leaves} {} {enters} {x2} {enters}", x1 + bend, x2 + bend)
    };
    let name = |place: usize| view.segments.get(place).map_or("", |segment| segment.label.as_str());
    let words = Openness::ALL
        .into_iter()
        .find(|step| step.step() == edge.openness)
        .map_or("", Openness::words);
    let title = escape(&format!("{} to {}: {words}", name(edge.from), name(edge.to)));
    let kind = view.segments.get(edge.to).map_or("", |segment| segment.kind);
    let class = if kind == "internet" { "edge leaving" } else { "edge" };
    let _ = write!(
        html,
        "<a class=\"{class}\" href=\"#{}\" data-from=\"{}\" data-to=\"{}\" tabindex=\"-1\">\
         <path class=\"s{}\" marker-end=\"url(#m{})\" d=\"{path}\"><title>{title}</title></path></a>",
        anchor(&edge.id),
        edge.from,
        edge.to,
        edge.openness,
        edge.openness,
    );
}
