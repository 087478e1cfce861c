//! `estate.json`: what was asked and what was not answered, beside what it said before about others.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::collect::Unanswered;
use crate::staging::{Done, State};

/// The one version of the format that is written.
const FORMAT: &str = "watertight.estate/v1";

/// What a collection says about one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) regions: Vec<String>,
    /// When, by RFC 3339; nothing when nothing could be asked.
    pub(crate) collected: Option<String>,
    pub(crate) done: Vec<Done>,
    /// Where it could not be looked up what changed.
    pub(crate) unknown_changes: Vec<Unanswered>,
}

/// The description with the accounts' own entries replaced. With `keep_unanswered`, what was not
/// answered before stays too: so it is while bodies are exchanged, when old ones and new ones lie
/// side by side.
pub(crate) fn merged(before: &Value, accounts: &[Account], keep_unanswered: bool) -> Value {
    let ours: BTreeSet<&str> = accounts.iter().map(|account| account.id.as_str()).collect();
    let replaced: BTreeSet<&str> = accounts
        .iter()
        .filter(|account| account.collected.is_some())
        .map(|account| account.id.as_str())
        .collect();
    let kept = |list: &str, ours: &BTreeSet<&str>| -> Vec<Value> {
        let entries = before.get(list).and_then(Value::as_array).into_iter().flatten();
        entries.filter(|entry| !is_of(entry, ours)).cloned().collect()
    };
    let none = BTreeSet::new();
    let unanswered = if keep_unanswered { &none } else { &ours };
    let mut sources = kept("sources", &replaced);
    let mut coverage = kept("coverage", &replaced);
    let mut denied = kept("denied", unanswered);
    let mut failed = kept("failed", unanswered);
    for account in accounts {
        sources.extend(source(account));
        coverage.extend(covered(account));
        denied.extend(refused(account, State::Denied));
        failed.extend(refused(account, State::Failed));
    }
    let mut description = match before {
        Value::Object(before) => before.clone(),
        _ => Map::new(),
    };
    description.insert("format".to_owned(), Value::from(FORMAT));
    let lists =
        [("sources", sources), ("coverage", coverage), ("denied", denied), ("failed", failed)];
    for (key, mut entries) in lists {
        entries.sort_by_cached_key(Value::to_string);
        entries.dedup();
        description.insert(key.to_owned(), Value::Array(entries));
    }
    Value::Object(description)
}

/// Whether an entry is about one of these accounts of AWS.
fn is_of(entry: &Value, accounts: &BTreeSet<&str>) -> bool {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    text("provider").is_none_or(|provider| provider == "aws")
        && text("account").is_some_and(|account| accounts.contains(account))
}

fn source(account: &Account) -> Option<Value> {
    let collected = account.collected.as_ref()?;
    Some(json!({
        "provider": "aws",
        "account": account.id,
        "regions": account.regions,
        "collected": collected,
    }))
}

fn covered(account: &Account) -> Vec<Value> {
    let mut by_region: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut kept: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for done in &account.done {
        if done.state == State::Answered {
            by_region.entry(&done.region).or_default().insert(&done.call);
        }
        if let Some(collected) = &done.collected {
            by_region.entry(&done.region).or_default();
            keep(kept.entry(&done.region).or_default(), done, collected);
        }
    }
    let entry = |(region, calls): (&str, BTreeSet<&str>)| {
        let mut entry = Map::new();
        entry.insert("provider".to_owned(), Value::from("aws"));
        entry.insert("account".to_owned(), Value::from(account.id.as_str()));
        entry.insert("region".to_owned(), Value::from(region));
        entry.insert("calls".to_owned(), json!(calls));
        if let Some(times) = kept.remove(region) {
            entry.insert("collected".to_owned(), Value::Object(times));
        }
        Value::Object(entry)
    };
    by_region.into_iter().map(entry).collect()
}

/// Says the time of an answer that is older than the collection: by call, or by call and argument.
fn keep(times: &mut Map<String, Value>, done: &Done, collected: &str) {
    let time = Value::from(collected);
    match &done.argument {
        None => {
            times.insert(done.call.clone(), time);
        }
        Some(argument) => {
            let known = times.entry(done.call.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(known) = known {
                known.insert(argument.clone(), time);
            }
        }
    }
}

fn refused(account: &Account, state: State) -> Vec<Value> {
    let entry = |done: &Done| {
        let mut entry = Map::new();
        let mut add = |key: &str, value: &str| entry.insert(key.to_owned(), Value::from(value));
        add("provider", "aws");
        add("account", &account.id);
        if !done.region.is_empty() {
            add("region", &done.region);
        }
        add("call", &done.call);
        if let Some(argument) = &done.argument {
            add("argument", argument);
        }
        if let Some(error) = &done.error {
            add("error", error);
        }
        Value::Object(entry)
    };
    account.done.iter().filter(|done| done.state == state).map(entry).collect()
}
