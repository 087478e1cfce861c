//! The simulation as text and as JSON, `watertight.simulation/v1` (`docs/reference/formats.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};
use watertight_assess::{ChainTotal, Standing};
use watertight_model::Estate;
use watertight_policy::Timestamp;
use watertight_reach::Change;

use super::assertions::{Judged, Verdict};
use super::compare::{Pairs, Simulation, Spread};
use crate::table::Table;
use crate::text::{clean, counted};

/// Rows of a list that text shows.
const ROWS_MAX: usize = 25;
/// Names that one row shows.
const NAMES_MAX: usize = 3;

/// What the simulation is about.
pub(super) struct About<'a> {
    pub(super) estate: &'a Estate,
    pub(super) under: &'a str,
    pub(super) at: Timestamp,
}

/// Text for people.
pub(super) fn text(about: &About<'_>, found: &Simulation) -> String {
    let mut text = format!("The estate under {} at {}, simulated\n\n", about.under, about.at);
    numbers(&mut text, found);
    assertions(&mut text, &found.assertions);
    let names = Names::new(about.estate);
    let closed = format!("Closed: {}", counted(found.closed.count, "pair"));
    changes(&mut text, &closed, &found.closed, &names);
    if found.saved_by_monitored.count > 0 {
        let title = "Of what is closed, only rules in monitor would keep open";
        changes(&mut text, title, &found.saved_by_monitored, &names);
    }
    unopened(&mut text, found);
    clean(&text)
}

fn numbers(text: &mut String, found: &Simulation) {
    let mut table = Table::new(&["", "before", "after"]);
    let mut row = |what: &str, of: &dyn Fn(&Spread) -> String| {
        table.row(vec![what.to_owned(), of(&found.before), of(&found.after)]);
    };
    if found.before.assessed.is_some() {
        let of = |one: &Spread, of: &dyn Fn(&(Standing, ChainTotal)) -> String| {
            one.assessed.as_ref().map_or_else(String::new, of)
        };
        row("score", &|one| of(one, &|(standing, _)| format!("{:.1}", standing.score.value)));
        row("breach chains", &|one| of(one, &|(_, total)| chains(*total)));
        row("the internet reaches, at most", &|one| {
            of(one, &|(standing, _)| percent(standing.internet.upper))
        });
        row("the worst breach reaches, at most", &|one| {
            of(one, &|(standing, _)| percent(standing.greatest.upper))
        });
    } else {
        row("the worst breach reaches by the network, at most", &|one| {
            percent(one.shares.values().copied().fold(0.0, f64::max))
        });
    }
    text.push_str(&table.aligned(2));
    // Writing to a String cannot fail.
    let _written = writeln!(
        text,
        "\n  {} of {} are governed; segment `estate` alone holds {}",
        found.governed,
        counted(number(found.workloads), "workload"),
        found.estate_only
    );
    if found.before.assessed.is_none() {
        text.push_str(
            "  Score and chains are not found for so many: `watertight assess` tells them.\n",
        );
    }
    let mut shrunk: Vec<(&String, f64, f64)> = found
        .before
        .shares
        .iter()
        .filter_map(|(name, was)| Some((name, *was, *found.after.shares.get(name)?)))
        .filter(|(_, was, is)| was > is)
        .collect();
    shrunk.sort_by(|one, two| (two.1 - two.2).total_cmp(&(one.1 - one.2)).then(one.0.cmp(two.0)));
    if !shrunk.is_empty() {
        text.push_str("\nBlast radius: breaches that would spread less far\n");
        let mut table = Table::new(&["breach of", "before", "after"]);
        for (name, was, is) in shrunk.iter().take(NAMES_MAX + 7) {
            table.row(vec![(*name).clone(), percent(*was), percent(*is)]);
        }
        text.push_str(&table.aligned(2));
        more(text, shrunk.len(), NAMES_MAX + 7);
    }
}

fn assertions(text: &mut String, judged: &[Judged]) {
    if judged.is_empty() {
        return;
    }
    text.push_str("\nAssertions\n");
    for one in judged {
        let (was, is) = (one.before.held.word(), one.after.held.word());
        let _written = writeln!(text, "  {}: {was} today, {is} then", one.name);
        for (when, verdict) in [("today", &one.before), ("then", &one.after)] {
            for hop in &verdict.witness {
                let _written = writeln!(text, "    {when}: {hop}");
            }
            if !verdict.missing.is_empty() {
                let missing = verdict.missing.join(", ");
                let _written = writeln!(text, "    {when}, not known: {missing}");
            }
        }
    }
}

/// Changes, those to one end over the same flows together.
fn changes(text: &mut String, title: &str, pairs: &Pairs<Change>, names: &Names<'_>) {
    let _written = writeln!(text, "\n{title}");
    let Some(all) = &pairs.listed else { return between(text, &pairs.between) };
    let mut groups: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for change in all {
        let lost = change.before.possible.difference(&change.after.possible);
        let gained = change.after.possible.difference(&change.before.possible);
        let flows = if lost.is_empty() && gained.is_empty() {
            "less surely than before".to_owned()
        } else {
            lost.union(&gained).any_source().to_string()
        };
        groups
            .entry((names.short(&change.to), flows))
            .or_default()
            .insert(names.short(&change.from));
    }
    if groups.is_empty() {
        text.push_str("  none\n");
        return;
    }
    let mut table = Table::new(&["to", "from", "over"]);
    for ((to, flows), from) in groups.iter().take(ROWS_MAX) {
        table.row(vec![to.clone(), some(from), flows.clone()]);
    }
    text.push_str(&table.aligned(2));
    more(text, groups.len(), ROWS_MAX);
}

fn unopened(text: &mut String, found: &Simulation) {
    text.push_str("\nAllowed by policy, denied by the network today\n");
    let pairs = &found.unopened;
    let Some(all) = &pairs.listed else { return between(text, &pairs.between) };
    let mut groups: BTreeMap<(&str, String), BTreeSet<String>> = BTreeMap::new();
    for one in all {
        let key = (&*one.to, one.flows.to_string());
        groups.entry(key).or_default().insert(one.from.clone());
    }
    if groups.is_empty() {
        text.push_str("  none\n");
        return;
    }
    let mut table = Table::new(&["to", "from", "over"]);
    for ((to, flows), from) in groups.iter().take(ROWS_MAX) {
        table.row(vec![(*to).to_owned(), some(from), flows.clone()]);
    }
    text.push_str(&table.aligned(2));
    more(text, groups.len(), ROWS_MAX);
}

/// Pairs that are too many to be listed, by segment, the most first.
fn between(text: &mut String, pairs: &BTreeMap<(String, String), u64>) {
    let mut sorted: Vec<(&(String, String), u64)> =
        pairs.iter().map(|(ends, count)| (ends, *count)).collect();
    sorted.sort_by(|one, two| two.1.cmp(&one.1).then(one.0.cmp(two.0)));
    let mut table = Table::new(&["pairs", "from", "to"]);
    for ((from, to), count) in sorted.iter().take(ROWS_MAX) {
        table.row(vec![count.to_string(), from.clone(), to.clone()]);
    }
    text.push_str(&table.aligned(2));
    more(text, sorted.len(), ROWS_MAX);
}

/// The names of workloads by their ids.
struct Names<'e>(BTreeMap<&'e str, &'e str>);

impl<'e> Names<'e> {
    fn new(estate: &'e Estate) -> Self {
        let workloads = estate.workloads.values();
        Self(workloads.map(|one| (one.id.as_str(), one.name.as_str())).collect())
    }

    /// A workload by its name, addresses outside by the part of the outside that they are in.
    fn short(&self, name: &str) -> String {
        if let Some(known) = self.0.get(name) {
            return (*known).to_owned();
        }
        let outside = name.starts_with("internet@") || name.starts_with("outside:");
        let front = name.rsplit_once('@').filter(|_| outside);
        front.map_or(name, |(front, _)| front).to_owned()
    }
}

fn some(names: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    let rest = names.len().saturating_sub(NAMES_MAX);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}

fn more(text: &mut String, all: usize, shown: usize) {
    let rest = all.saturating_sub(shown);
    if rest > 0 {
        let _written = writeln!(text, "  and {rest} more; `-f json` has all");
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn chains(total: ChainTotal) -> String {
    match total {
        ChainTotal::Exactly(number) => number.to_string(),
        ChainTotal::AtLeast(number) => format!("at least {number}"),
    }
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// For programs.
pub(super) fn json(about: &About<'_>, found: &Simulation) -> Value {
    let unopened = found.unopened.listed.iter().flatten();
    let unopened: Vec<Value> = unopened
        .map(|one| json!({ "from": one.from, "to": one.to, "flows": one.flows.to_string() }))
        .collect();
    json!({
        "schema": "watertight.simulation/v1",
        "estate": about.estate.id.0,
        "under": about.under,
        "at": about.at.to_string(),
        "workloads": found.workloads,
        "governed": found.governed,
        "estate_only": found.estate_only,
        "before": spread_json(&found.before),
        "after": spread_json(&found.after),
        "closed": changes_json(&found.closed),
        "saved_by_monitored": changes_json(&found.saved_by_monitored),
        "allowed_and_denied_today": unopened,
        "pairs": {
            "closed": pairs_json(&found.closed),
            "saved_by_monitored": pairs_json(&found.saved_by_monitored),
            "allowed_and_denied_today": pairs_json(&found.unopened),
        },
        "assertions": found.assertions.iter().map(judged_json).collect::<Vec<Value>>(),
    })
}

fn spread_json(spread: &Spread) -> Value {
    let Some((standing, chains)) = &spread.assessed else {
        return json!({ "blast": spread.shares });
    };
    let (count, exact) = match chains {
        ChainTotal::Exactly(number) => (number, true),
        ChainTotal::AtLeast(number) => (number, false),
    };
    json!({
        "score": standing.score.value,
        "score_best_case": standing.score.best_case,
        "chains": { "count": count.to_string(), "exact": exact },
        "internet": {
            "lower": standing.internet.lower, "upper": standing.internet.upper,
        },
        "greatest": {
            "lower": standing.greatest.lower, "upper": standing.greatest.upper,
        },
        "blast": spread.shares,
    })
}

fn pairs_json<T>(pairs: &Pairs<T>) -> Value {
    let between = pairs.between.iter();
    let between: Vec<Value> = between
        .map(|((from, to), count)| json!({ "from": from, "to": to, "count": count }))
        .collect();
    json!({
        "count": pairs.count, "listed": pairs.listed.is_some(), "by_segment": between,
    })
}

fn changes_json(changes: &Pairs<Change>) -> Vec<Value> {
    let bounds = |sure: String, possible: String| json!({ "sure": sure, "possible": possible });
    let each = changes.listed.iter().flatten();
    each.map(|one| {
        json!({
            "from": one.from.as_str(),
            "to": one.to.as_str(),
            "before": bounds(one.before.sure.to_string(), one.before.possible.to_string()),
            "after": bounds(one.after.sure.to_string(), one.after.possible.to_string()),
        })
    })
    .collect()
}

fn judged_json(one: &Judged) -> Value {
    let verdict = |one: &Verdict| json!({ "held": one.held.word(), "witness": one.witness, "missing": one.missing });
    json!({
        "name": one.name.as_str(), "before": verdict(&one.before), "after": verdict(&one.after),
    })
}
