//! What two estates differ in.

use serde_json::{Value, json};
use watertight_reach::Change;

use crate::csv;
use crate::rows::{bounds_json, over};
use crate::table::{Layout, Table};
use crate::text::count;

/// The version of the JSON that [`json()`] gives.
pub const SCHEMA: &str = "watertight.diff/v1";

/// The words of changes, in the order in which they are listed.
const WORDS: [&str; 3] = ["added", "removed", "changed"];

/// A table of pairs that were added, removed or changed.
pub fn table(changes: &[Change], layout: &Layout) -> String {
    if changes.is_empty() {
        return "no difference\n".to_owned();
    }
    let mut table = Table::new(&["CHANGE", "FROM", "TO", "BEFORE", "AFTER"]);
    for word in WORDS {
        for change in changes.iter().filter(|change| change.word() == word) {
            table.push(vec![
                word.to_owned(),
                change.from.to_string(),
                change.to.to_string(),
                over(&change.before),
                over(&change.after),
            ]);
        }
    }
    let counts: Vec<String> = WORDS
        .iter()
        .map(|word| {
            let number = changes.iter().filter(|change| change.word() == *word).count();
            format!("{} {word}", count(number, "pair"))
        })
        .collect();
    table.render(layout) + &layout.faint(&format!("\n{}\n", counts.join(", ")))
}

/// The changes as JSON.
pub fn json(changes: &[Change]) -> Value {
    let listed: Vec<Value> = changes
        .iter()
        .map(|change| {
            json!({
                "change": change.word(),
                "from": change.from.as_str(),
                "to": change.to.as_str(),
                "before": bounds_json(&change.before),
                "after": bounds_json(&change.after),
            })
        })
        .collect();
    json!({"schema": SCHEMA, "changes": listed})
}

/// The changes as comma-separated values.
pub fn csv(changes: &[Change]) -> String {
    let header = ["change", "from", "to", "before", "after"];
    let rows = changes.iter().map(|change| {
        vec![
            change.word().into(),
            change.from.as_str().into(),
            change.to.as_str().into(),
            over(&change.before).into(),
            over(&change.after).into(),
        ]
    });
    csv::write(std::iter::once(header.map(Into::into).to_vec()).chain(rows))
}
