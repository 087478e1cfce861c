//! What two estates differ in.
//!
//! One row stands for each pair of ends and change: addresses outside that change alike are put
//! together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_model::{Bounds, Estate, Name};
use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_reach::{Change, Class, Matrix};

use crate::csv;
use crate::ends::{Space, texts};
use crate::rows::{bounds_json, over};
use crate::table::{Layout, Table};
use crate::text::count;

/// The version of the JSON that [`json()`] gives.
pub const SCHEMA: &str = "watertight.diff/v1";

/// The words of changes, in the order in which they are listed.
const WORDS: [&str; 3] = ["added", "removed", "changed"];

/// Two estates and what they differ in.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// The estate as it was, with its connectivity.
    pub before: (&'a Estate, &'a Matrix),
    /// The estate as it is, with its connectivity.
    pub after: (&'a Estate, &'a Matrix),
    /// The pairs that differ.
    pub changes: &'a [Change],
}

/// One end of a change: a workload or owner by name, or what stands before the `@` of addresses
/// outside, with those addresses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    name: String,
    prefixes: Vec<Prefix>,
    label: String,
}

/// A pair of ends whose connections differ.
struct Row {
    word: &'static str,
    from: End,
    to: End,
    before: Bounds<FlowSet>,
    after: Bounds<FlowSet>,
}

/// All addresses of each part of the outside, by name.
type Wholes = BTreeMap<String, AddressSet>;

/// What makes changes one row: the names of the ends, and what changed.
type Key<'a> = (&'a str, &'a str, &'a Bounds<FlowSet>, &'a Bounds<FlowSet>);

/// The addresses at both ends, and the change's word.
type Sides = (BTreeSet<Prefix>, BTreeSet<Prefix>, &'static str);

fn rows(compared: &Compared<'_>) -> Vec<Row> {
    let (before, after) = (wholes(compared.before), wholes(compared.after));
    let mut groups: BTreeMap<Key<'_>, Sides> = BTreeMap::new();
    for change in compared.changes {
        let (from, from_prefix) = split(&change.from);
        let (to, to_prefix) = split(&change.to);
        let key = (from, to, &change.before, &change.after);
        let sides = groups.entry(key).or_insert((BTreeSet::new(), BTreeSet::new(), change.word()));
        sides.0.extend(from_prefix);
        sides.1.extend(to_prefix);
    }
    let mut rows: Vec<Row> = groups
        .into_iter()
        .map(|((from, to, was, is), (from_prefixes, to_prefixes, word))| {
            // What was removed belongs to the estate as it was.
            let wholes = if word == "removed" { &before } else { &after };
            Row {
                word,
                from: end(from, from_prefixes, wholes),
                to: end(to, to_prefixes, wholes),
                before: was.clone(),
                after: is.clone(),
            }
        })
        .collect();
    let place = |word: &str| WORDS.iter().position(|known| *known == word);
    rows.sort_by(|one, two| {
        let key = |row: &Row| (place(row.word), row.from.clone(), row.to.clone());
        key(one).cmp(&key(two))
    });
    rows
}

/// The name of an end, and its addresses where it is outside.
fn split(name: &Name) -> (&str, Option<Prefix>) {
    let outside = name.starts_with("internet@") || name.starts_with("outside:");
    let parts = name.rsplit_once('@').filter(|_| outside);
    match parts.and_then(|(front, prefix)| Some((front, prefix.parse().ok()?))) {
        Some((front, prefix)) => (front, Some(prefix)),
        None => (name.as_str(), None),
    }
}

fn end(name: &str, prefixes: BTreeSet<Prefix>, wholes: &Wholes) -> End {
    if prefixes.is_empty() {
        return End { name: name.to_owned(), prefixes: Vec::new(), label: name.to_owned() };
    }
    let addresses = AddressSet::from_prefixes(prefixes);
    let nothing = AddressSet::empty();
    let space = Space::new(&addresses, wholes.get(name).unwrap_or(&nothing));
    let label = space.label(name);
    End { name: name.to_owned(), prefixes: space.prefixes, label }
}

fn wholes((estate, matrix): (&Estate, &Matrix)) -> Wholes {
    let mut prefixes: BTreeMap<String, Vec<Prefix>> = BTreeMap::new();
    for class in &matrix.classes {
        let (name, atom) = match class {
            Class::Internet(atom) => ("internet".to_owned(), atom),
            Class::Outside(by, atom) => {
                (format!("outside:{}", Matrix::outside_name(&estate.network, *by)), atom)
            }
            Class::Endpoints(_) => continue,
        };
        prefixes.entry(name).or_default().extend(&atom.prefixes);
    }
    let sets = prefixes.into_iter();
    sets.map(|(name, prefixes)| (name, AddressSet::from_prefixes(prefixes))).collect()
}

/// A table of pairs that were added, removed or changed.
pub fn table(compared: &Compared<'_>, layout: &Layout) -> String {
    let rows = rows(compared);
    if rows.is_empty() {
        return "no difference\n".to_owned();
    }
    let mut table = Table::new(&["CHANGE", "FROM", "TO", "BEFORE", "AFTER"]);
    for row in &rows {
        table.push(vec![
            row.word.to_owned(),
            row.from.label.clone(),
            row.to.label.clone(),
            over(&row.before),
            over(&row.after),
        ]);
    }
    let counts: Vec<String> = WORDS
        .iter()
        .map(|word| {
            let number = rows.iter().filter(|row| row.word == *word).count();
            format!("{} {word}", count(number, "pair"))
        })
        .collect();
    table.render(layout) + &layout.faint(&format!("\n{}\n", counts.join(", ")))
}

/// The changes as JSON.
pub fn json(compared: &Compared<'_>) -> Value {
    let listed: Vec<Value> = rows(compared)
        .iter()
        .map(|row| {
            json!({
                "change": row.word,
                "from": row.from.name,
                "from_prefixes": texts(&row.from.prefixes),
                "to": row.to.name,
                "to_prefixes": texts(&row.to.prefixes),
                "before": bounds_json(&row.before),
                "after": bounds_json(&row.after),
            })
        })
        .collect();
    json!({"schema": SCHEMA, "changes": listed})
}

/// The changes as comma-separated values.
pub fn csv(compared: &Compared<'_>) -> String {
    let header = ["change", "from", "to", "before", "after"];
    let rows = rows(compared);
    let rows = rows.iter().map(|row| {
        vec![
            row.word.into(),
            row.from.label.as_str().into(),
            row.to.label.as_str().into(),
            over(&row.before).into(),
            over(&row.after).into(),
        ]
    });
    csv::write(std::iter::once(header.map(Into::into).to_vec()).chain(rows))
}
