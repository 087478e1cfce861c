//! One page that explains an assessment: self-contained, without a request to anywhere.
//!
//! It reads without script: what unfolds is `details`, what is clicked is an anchor, and what an
//! anchor shows is styled by `:target`. The script only spares jumps and marks what belongs together.

mod chains;
mod findings;
mod headline;
mod icons;
mod lists;
mod map;
mod matrix;
mod security;

use std::fmt::Write;

use super::view::{EvidenceView, View};
use crate::text::{clean, escape, points};

/// The page's style, with that of pictures that are also files of their own.
const STYLE: &str =
    concat!(include_str!("../../assets/heat.css"), include_str!("../../assets/page.css"));
/// The page's script.
const SCRIPT: &str = include_str!("../../assets/page.js");

/// The most bytes that one section may take. There are six of them, and a page has at most 5 MB.
const SECTION_BYTES_MAX: usize = 750_000;
/// The most letters of a text of the estate that the page shows.
const TEXT_LETTERS_MAX: usize = 240;

/// The assessment as one page of HTML, at most 5 MB.
pub fn html(view: &View) -> String {
    let mut page = String::with_capacity(512 * 1024);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        security::policy(STYLE, SCRIPT),
        title(view),
    );
    page.push_str(icons::SYMBOLS);
    let sections = sections(view);
    headline::push(&mut page, view, &sections);
    page.push_str("<main>\n");
    for section in &sections {
        let _ = write!(
            page,
            "<section id=\"{}\" aria-labelledby=\"h-{}\">\n<h2 id=\"h-{}\">{}</h2>\n{}</section>\n",
            section.id, section.id, section.id, section.title, section.body
        );
    }
    page.push_str("</main>\n");
    let _ = write!(
        page,
        "<footer><p>Made by Watertight {}. Estate <code>{}</code>. The same facts are in the JSON \
         beside this page, with nothing left out for length.</p></footer>\n<script>{SCRIPT}</script>\n\
         </body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        short(if view.estate.id.is_empty() { "without id" } else { &view.estate.id }),
    );
    page
}

/// One section with its place in the list of contents.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    body: String,
}

fn sections(view: &View) -> Vec<Section> {
    let all = [
        ("findings", "Findings", findings::body(view)),
        ("chains", "Breach chains", chains::body(view)),
        ("cut", "What to change", lists::cut(view)),
        ("map", "Segment map", map::body(view)),
        ("matrix", "Connectivity", matrix::body(view)),
        ("exposure", "What the internet reaches", lists::exposure(view)),
        ("blast", "How far a breach spreads", lists::blast(view)),
        ("read", "What was read", lists::read(view)),
    ];
    all.into_iter().map(|(id, title, body)| Section { id, title, body }).collect()
}

fn title(view: &View) -> String {
    let accounts = crate::text::few(&view.estate.accounts, 3);
    let of = if accounts.is_empty() { "an estate".to_owned() } else { accounts };
    match &view.score {
        Some(score) => format!("{} of 100: assessment of {}", points(score.value), short(&of)),
        None => format!("Assessment of {}", short(&of)),
    }
}

/// A text of the estate, shortened where nobody would read on, and escaped.
fn short(text: &str) -> String {
    shortened(text, TEXT_LETTERS_MAX)
}

/// A text of at most `most` letters, escaped; the whole text stays in the JSON.
fn shortened(text: &str, most: usize) -> String {
    let mut letters = text.chars();
    let mut shown: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        shown.push('\u{2026}');
    }
    escape(&clean(&shown))
}

/// An id of a part of this page, fit for `id` and `href`.
fn anchor(id: &str) -> String {
    let fit = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    id.chars().filter(|letter| fit(*letter)).collect()
}

/// Evidence as a list.
fn evidence(list: &[EvidenceView], most: usize) -> String {
    let mut html = String::from("<ul class=\"evidence\">");
    for one in list.iter().take(most) {
        let _ = write!(html, "<li><code>{}</code>", short(&one.resource));
        if !one.rule.is_empty() {
            let _ = write!(html, " <code>{}</code>", short(&one.rule));
        }
        let _ = write!(html, " <span>{}</span>", short(&one.text));
        if let Some(place) = &one.place {
            let _ = write!(
                html,
                " <span class=\"place\">{}:{}:{}</span>",
                short(&place.file),
                place.line,
                place.column
            );
        }
        html.push_str("</li>");
    }
    if list.len() > most {
        let _ = write!(html, "<li>{} more in the JSON</li>", list.len() - most);
    }
    html.push_str("</ul>");
    html
}

/// Whether a section has grown to its limit; then the rest is counted instead.
fn is_full(html: &str) -> bool {
    html.len() >= SECTION_BYTES_MAX
}

/// A remark that some items are left out.
fn left_out(html: &mut String, number: usize, what: &str) {
    if number > 0 {
        let _ = write!(
            html,
            "<p class=\"more\">{} more {what} in the JSON.</p>",
            crate::text::thousands(number)
        );
    }
}
