//! A matrix as a picture: rows send, columns receive, the colour says how much is open.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::openness::Openness;
use crate::text::escape;
use crate::width::{fit, int, of};

/// The size of labels.
const FONT: i32 = 12;
/// The most room that a label gets.
const LABEL_MAX: i32 = 230;
/// Room around the picture.
const MARGIN: i32 = 8;

/// What is drawn for one pair.
#[derive(Clone, Debug)]
pub(crate) struct HeatCell {
    pub(crate) step: Openness,
    /// Whether some of it is not sure.
    pub(crate) doubtful: bool,
    /// Whether something arrives and nothing can be established.
    pub(crate) blocked: bool,
    pub(crate) title: String,
    /// Where a click leads.
    pub(crate) link: Option<String>,
}

/// A matrix of labels against themselves.
#[derive(Debug)]
pub(crate) struct Heat<'h> {
    pub(crate) labels: &'h [String],
    pub(crate) cells: &'h BTreeMap<(usize, usize), HeatCell>,
}

impl Heat<'_> {
    /// The picture for a page that brings its own style.
    pub(crate) fn inline(&self) -> String {
        self.draw("")
    }

    /// The picture as a file of its own.
    pub(crate) fn standalone(&self) -> String {
        let style = format!("<style>{}</style>", include_str!("../assets/heat.css"));
        self.draw(&style)
    }

    fn draw(&self, style: &str) -> String {
        let number = int(self.labels.len());
        let side = if number > 24 { 20 } else { 24 };
        let widest = self.labels.iter().map(|label| of(label, FONT)).max().unwrap_or(0);
        let room = widest.clamp(90, LABEL_MAX);
        let left = MARGIN + room + 10;
        let (width, height) = (left + number * side + MARGIN, left + number * side + MARGIN);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"heat\" role=\"group\" \
             aria-label=\"Connectivity matrix: rows send, columns receive\" \
             viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             font-size=\"{FONT}\">{style}"
        );
        let _ = write!(
            svg,
            "<text class=\"axis\" x=\"{MARGIN}\" y=\"{}\">from \u{2193} to \u{2192}</text>",
            left - 10
        );
        for (place, label) in self.labels.iter().enumerate() {
            draw_labels(&mut svg, int(place), label, (left, side, room));
        }
        for from in 0..self.labels.len() {
            for to in 0..self.labels.len() {
                let (x, y) = (left + int(to) * side, left + int(from) * side);
                self.draw_cell(&mut svg, (from, to), (x, y), side);
            }
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn draw_cell(&self, svg: &mut String, pair: (usize, usize), (x, y): (i32, i32), side: i32) {
        let (x, y, side) = (x + 1, y + 1, side - 2);
        let Some(cell) = self.cells.get(&pair) else {
            let _ = write!(
                svg,
                "<rect class=\"h0\" x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" rx=\"2\"/>"
            );
            return;
        };
        let title = escape(&cell.title);
        if let Some(link) = &cell.link {
            let _ = write!(
                svg,
                "<a href=\"#{}\" class=\"cell\" data-from=\"{}\" data-to=\"{}\" \
                 aria-label=\"{title}\">",
                escape(link),
                pair.0,
                pair.1,
            );
        }
        let _ = write!(
            svg,
            "<rect class=\"h{}\" x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" rx=\"2\">\
             <title>{title}</title></rect>",
            cell.step.step(),
        );
        if cell.doubtful {
            let _ = write!(svg, "<path class=\"doubt\" d=\"M{} {y}h8v8z\"/>", x + side - 8);
        }
        if cell.blocked {
            let (middle, down) = (x + side / 2, y + side / 2);
            let _ =
                write!(svg, "<circle class=\"blocked\" cx=\"{middle}\" cy=\"{down}\" r=\"5\"/>");
        }
        if cell.link.is_some() {
            svg.push_str("</a>");
        }
    }
}

/// The name of a row and of the column of the same place.
fn draw_labels(svg: &mut String, place: i32, label: &str, (left, side, room): (i32, i32, i32)) {
    let shown = escape(&fit(label, FONT, room));
    let whole = escape(label);
    let middle = left + place * side + side / 2 + 4;
    let _ = write!(
        svg,
        "<text class=\"label row\" data-at=\"{place}\" x=\"{}\" y=\"{middle}\" \
         text-anchor=\"end\">{shown}<title>{whole}</title></text>\
         <text class=\"label column\" data-at=\"{place}\" \
         transform=\"translate({middle} {}) rotate(-90)\">{shown}<title>{whole}</title></text>",
        left - 8,
        left - 8,
    );
}
