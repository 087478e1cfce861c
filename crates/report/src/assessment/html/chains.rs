//! Chains as pictures: from the entry on the left, hop by hop, to the jewel on the right.
//!
//! A picture is a list that flows and wraps, so that names keep their whole length, nothing overlaps
//! on a narrow screen, and a screen reader hears the hops in order.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt::Write;

use super::{anchor, evidence, icons, is_full, left_out, short, shortened};
use crate::assessment::view::{ChainView, FactView, HopView, View};
use crate::text::likelihood;

/// How many chains are shown outright; the rest unfolds.
const SHOWN_MAX: usize = 6;
/// How many pieces of evidence of a hop are shown.
const EVIDENCE_MAX: usize = 6;
/// The most letters of a name in a picture.
const NAME_LETTERS_MAX: usize = 80;

pub(super) fn body(view: &View) -> String {
    let chains = &view.chains;
    let mut html = String::new();
    let Some(total) = &chains.total else {
        html.push_str("<p class=\"none\">No hops were derived.</p>\n");
        return html;
    };
    if chains.listed.is_empty() && chains.to_jewels.is_empty() {
        html.push_str("<p class=\"none\">No chain leads from an entry to a crown jewel.</p>\n");
        return html;
    }
    let exact = if chains.total_exact { "" } else { "at least " };
    let best = if chains.complete {
        ""
    } else {
        " The search met its limit: likelier ones may be missing."
    };
    let _ = writeln!(
        html,
        "<p>There are {exact}{total}; the {} likeliest are listed, likeliest first.{best} A hop's number \
         is how likely it succeeds; a dashed hop rests on something that could not be read.</p>",
        chains.listed.len(),
    );
    if !chains.to_jewels.is_empty() {
        html.push_str("<h3>From the internet to each crown jewel</h3>\n");
        folded(&mut html, &chains.to_jewels);
    }
    if !chains.various.is_empty() {
        html.push_str("<h3>Of each kind, by credentials taken and last hop</h3>\n");
        let shown = folded(&mut html, &chains.various);
        left_out(&mut html, chains.various.len() - shown, "chains");
    }
    html.push_str("<h3>Likeliest of all</h3>\n");
    let listed = folded(&mut html, &varied(&chains.listed));
    left_out(&mut html, chains.listed.len() - listed, "chains");
    html
}

/// The chains with those first that differ in more than their entry; each kind stays in order.
fn varied(chains: &[ChainView]) -> Vec<&ChainView> {
    let mut seen: BTreeSet<Vec<&FactView>> = BTreeSet::new();
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for chain in chains {
        let way: Vec<&FactView> = chain.hops.iter().map(|hop| &hop.conclusion).collect();
        if seen.insert(way) { first.push(chain) } else { rest.push(chain) }
    }
    first.append(&mut rest);
    first
}

/// Some chains, all but the first few folded away; how many there was room for.
fn folded<C: Borrow<ChainView>>(html: &mut String, chains: &[C]) -> usize {
    let mut listed = 0;
    for (number, chain) in chains.iter().enumerate() {
        if is_full(html) {
            break;
        }
        if number == SHOWN_MAX {
            let _ = write!(
                html,
                "<details class=\"rest\"><summary>{} more</summary>",
                chains.len() - SHOWN_MAX
            );
        }
        push(html, chain.borrow());
        listed += 1;
    }
    if listed > SHOWN_MAX {
        html.push_str("</details>\n");
    }
    listed
}

fn push(html: &mut String, chain: &ChainView) {
    let certainty = match chain.sure_likelihood {
        Some(sure) if (sure - chain.likelihood).abs() < 1e-9 => String::new(),
        Some(sure) => format!(", {} for sure", likelihood(sure)),
        None => ", not for sure".to_owned(),
    };
    let _ = write!(
        html,
        "<article class=\"chain\" id=\"{}\"><h3><span class=\"number\">{}</span> {} \u{2192} {} \
         <span class=\"odds\">likelihood {}{certainty}</span></h3><ol class=\"picture\">",
        anchor(&chain.id),
        chain.id.rsplit('-').next().unwrap_or_default(),
        short(&chain.entry),
        short(&chain.target.subject),
        likelihood(chain.likelihood),
    );
    let entry_kind = if chain.from_internet { "internet" } else { "workload" };
    let word = if chain.from_internet { "entry" } else { "breached" };
    let _ = write!(
        html,
        "<li class=\"fact entry\">{}<span class=\"name\">{}</span><span class=\"what\">{word}</span></li>",
        icon(entry_kind),
        shortened(&chain.entry, NAME_LETTERS_MAX),
    );
    for (place, hop) in chain.hops.iter().enumerate() {
        step(html, chain, place, hop);
    }
    html.push_str("</ol>");
    let _ = write!(
        html,
        "<details class=\"why\"><summary>Evidence of {}</summary><ol class=\"hops\">",
        crate::text::count(chain.hops.len(), "hop"),
    );
    for hop in &chain.hops {
        let _ = write!(
            html,
            "<li><p><strong>{} {}</strong> by {} <code>{} {}</code>, {}, likelihood {}</p>{}</li>",
            hop.conclusion.verb(),
            short(&hop.conclusion.subject),
            escape_static(hop.technique_name),
            hop.kind,
            hop.variant,
            if hop.sure { "sure" } else { "possible" },
            likelihood(hop.likelihood),
            evidence(&hop.evidence, EVIDENCE_MAX),
        );
    }
    html.push_str("</ol></details></article>\n");
}

/// An arrow with its technique, and what it leads to.
fn step(html: &mut String, chain: &ChainView, place: usize, hop: &HopView) {
    let doubt = if hop.sure { "" } else { " possible" };
    let strength = match hop.likelihood {
        odds if odds >= 0.8 => "strong",
        odds if odds >= 0.25 => "middling",
        _ => "faint",
    };
    let _ = write!(
        html,
        "<li class=\"hop {strength}{doubt}\" title=\"{}\"><span class=\"technique\">{}</span>\
         <span class=\"arrow\" aria-hidden=\"true\"></span><span class=\"odds\">{}</span></li>",
        escape_static(hop.technique_name),
        hop.technique,
        likelihood(hop.likelihood),
    );
    let fact = &hop.conclusion;
    let jewel = if fact.jewel { " jewel" } else { "" };
    let _ = write!(
        html,
        "<li class=\"fact{jewel}\">{}<span class=\"name\">{}</span><span class=\"what\">{}{}</span></li>",
        icon(if fact.jewel { "jewel" } else { fact.kind }),
        shortened(&fact.subject, NAME_LETTERS_MAX),
        fact.verb(),
        also(chain, place, hop),
    );
}

/// The premises of a hop beside what the hop before it gained, in words.
fn also(chain: &ChainView, place: usize, hop: &HopView) -> String {
    let before: Option<&FactView> =
        place.checked_sub(1).and_then(|before| chain.hops.get(before)).map(|hop| &hop.conclusion);
    let others: Vec<String> = hop
        .premises
        .iter()
        .filter(|premise| Some(*premise) != before && premise.subject != chain.entry)
        .map(|premise| shortened(&premise.subject, NAME_LETTERS_MAX))
        .collect();
    if others.is_empty() || (place == 0 && chain.from_internet) {
        String::new()
    } else {
        format!(", from {}", others.join(" and "))
    }
}

fn icon(kind: &str) -> String {
    let id = if kind == "jewel" { "i-jewel" } else { icons::of(kind) };
    format!(
        "<svg class=\"icon\" width=\"18\" height=\"18\" aria-hidden=\"true\"><use href=\"#{id}\"/></svg>"
    )
}

fn escape_static(text: &'static str) -> String {
    crate::text::escape(text)
}
