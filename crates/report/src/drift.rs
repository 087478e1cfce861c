//! What is live against what is intended, as text and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};
use watertight_compile::{
    Drift, DriftItem, DriftKind, DriftPair, Holds, PlannedOwner, end_and_part,
};
use watertight_model::Estate;

use crate::text::count;

/// The version of the JSON that [`json()`] gives.
pub const SCHEMA: &str = "watertight.drift/v1alpha1";

/// The kinds of pairs, in the order in which they are printed, each with a title.
const KINDS: [(DriftKind, &str); 3] = [
    (DriftKind::Widening, "Widening: possible and not intended"),
    (DriftKind::Expired, "Expired: possible, and intended until a policy expired"),
    (DriftKind::Narrowing, "Narrowing: intended and not possible"),
];

/// How many ends or prefixes are named before the rest is counted.
const NAMED_MAX: usize = 4;

/// What drift does to breach chains.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DriftChains {
    /// The crown jewels to which steps lead that are not there as intended.
    pub opened: Vec<String>,
    /// One chain that takes such a step, in words.
    pub example: Vec<String>,
    /// The crown jewels to which steps led that are gone.
    pub closed: Vec<String>,
}

/// What pairs on one line share: to whom, over what, and until when.
type Line<'d> = (String, String, &'d [String]);

/// From whom to whom, over what, and until when.
type Ends<'d> = (&'d str, &'d str, String, &'d [String]);

/// The drift of an estate as text for people. Where chains are not compared, it says why. `owners` is what makes
/// replicas of who is to carry groups.
pub fn table(
    estate: &Estate,
    (drift, owners): (&Drift, &[PlannedOwner]),
    chains: &Result<DriftChains, String>,
) -> String {
    if drift.pairs.is_empty() && drift.items.is_empty() {
        let next = lacking(owners);
        let word = if owners.iter().any(lacks) { "No drift of what is there" } else { "No drift" };
        return format!("{word}: groups and interfaces are as intended.\n{next}");
    }
    let open = || drift.pairs.iter().filter(|pair| pair.accepted.is_none());
    let of = |kind: DriftKind| open().filter(move |pair| pair.kind == kind);
    let accepted = drift.pairs.iter().filter(|pair| pair.accepted.is_some());
    let differ = drift.items.len();
    let mut text = format!(
        "{} widened, {} expired, {} narrowed, {} accepted; {differ} groups and interfaces differ, {} of them neutral\n",
        count(of(DriftKind::Widening).count(), "pair"),
        of(DriftKind::Expired).count(),
        of(DriftKind::Narrowing).count(),
        accepted.clone().count(),
        drift.items.iter().filter(|item| item.kinds.contains(&DriftKind::Neutral)).count(),
    );
    let names = names(estate);
    for (kind, title) in KINDS {
        section(&mut text, title, &lines(of(kind), &names));
    }
    section(
        &mut text,
        "Accepted: as it is until somebody's exception expires",
        &lines(accepted, &names),
    );
    text.push_str(&chain_lines(chains));
    if !drift.items.is_empty() {
        text.push_str("\nWhat differs, and what it does by itself\n");
        for item in &drift.items {
            let kinds: Vec<&str> = item.kinds.iter().map(|kind| kind.word()).collect();
            let _written = writeln!(text, "  {}: {}", item.item, kinds.join(", "));
            let _written = writeln!(text, "    {}", item.how);
        }
    }
    text.push_str(&lacking(owners));
    text
}

/// Whether a plan would change what an owner makes its replicas with: until then a new one is governed by other
/// groups than those that are there.
pub fn lacks(owner: &PlannedOwner) -> bool {
    owner.holds == Holds::Planned
}

/// What makes replicas that will not carry what the policy needs, as text for people: nothing where nothing does.
pub fn lacking(owners: &[PlannedOwner]) -> String {
    let mut text = String::new();
    let mut all = owners.iter().filter(|one| one.holds != Holds::Already).peekable();
    if all.peek().is_some() {
        text.push_str("\nWhat makes replicas, and does not give new ones the groups of those that are there\n");
    }
    for owner in all {
        let (kind, id) = (&owner.kind, &owner.id);
        let said = match (&owner.why, &owner.template) {
            (Some(why), _) => why.clone(),
            (None, Some(template)) => {
                let (id, number) = (&template.id, &template.number);
                let groups = listed(&template.groups);
                let groups = if groups.is_empty() { "no groups" } else { &groups };
                format!("{id} version {number} gives {groups}")
            }
            (None, None) => String::from("nothing tells from what"),
        };
        let _written = writeln!(text, "  {kind} {id}: {said}");
        if !owner.groups.is_empty() {
            let _written = writeln!(text, "    to be made with {}", listed(&owner.groups));
        }
    }
    text
}

/// Lines under a title, where there are any.
fn section(text: &mut String, title: &str, lines: &BTreeMap<Line<'_>, BTreeSet<String>>) {
    if lines.is_empty() {
        return;
    }
    let _written = write!(text, "\n{title}\n");
    for ((to, over, until), from) in lines {
        let from: Vec<String> = from.iter().cloned().collect();
        let _written = writeln!(text, "  {} to {to} over {over}", listed(&from));
        if !until.is_empty() {
            let _written = writeln!(text, "    by {}", until.join(", "));
        }
    }
}

/// What the drift does to breach chains.
fn chain_lines(chains: &Result<DriftChains, String>) -> String {
    let chains = match chains {
        Ok(chains) => chains,
        Err(why) => return format!("\nBreach chains are not compared: {why}\n"),
    };
    let mut text = String::new();
    if !chains.opened.is_empty() {
        let _written =
            write!(text, "\nBreach chains that are open by it, to {}\n", listed(&chains.opened));
        for step in &chains.example {
            let _written = writeln!(text, "  {step}");
        }
    }
    if !chains.closed.is_empty() {
        let _written =
            write!(text, "\nBreach chains that are closed by it, to {}\n", listed(&chains.closed));
    }
    text
}

/// The names of workloads by their ids.
fn names(estate: &Estate) -> BTreeMap<&str, &str> {
    estate.workloads.values().map(|one| (&*one.id, &*one.name)).collect()
}

/// Pairs on lines: those who open the same to the same ends.
fn lines<'d>(
    pairs: impl Iterator<Item = &'d DriftPair>,
    names: &BTreeMap<&str, &str>,
) -> BTreeMap<Line<'d>, BTreeSet<String>> {
    // First the parts of the outside that stand for one end each.
    let mut whole: BTreeMap<Ends<'_>, [BTreeSet<String>; 2]> = BTreeMap::new();
    for pair in pairs {
        let ((from, from_part), (to, to_part)) = (end_and_part(&pair.from), end_and_part(&pair.to));
        let until = match &pair.accepted {
            Some(accepted) => std::slice::from_ref(accepted),
            None => pair.until.as_slice(),
        };
        let key = (from, to, pair.flows.to_string(), until);
        let [sources, destinations] = whole.entry(key).or_default();
        sources.extend(from_part.map(ToOwned::to_owned));
        destinations.extend(to_part.map(ToOwned::to_owned));
    }
    let label = |end: &str, parts: BTreeSet<String>| {
        let name = names.get(end).copied().unwrap_or(end);
        let parts: Vec<String> = parts.into_iter().collect();
        if parts.is_empty() { name.to_owned() } else { format!("{name} ({})", listed(&parts)) }
    };
    let mut lines: BTreeMap<Line<'_>, BTreeSet<String>> = BTreeMap::new();
    for ((from, to, over, until), [sources, destinations]) in whole {
        let line = (label(to, destinations), over, until);
        lines.entry(line).or_default().insert(label(from, sources));
    }
    lines
}

/// The first few, and how many there are more.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The drift as JSON, with how many workloads there are and how many no segment but the built-in one holds.
pub fn json(
    (drift, owners): (&Drift, &[PlannedOwner]),
    chains: &Result<DriftChains, String>,
    (workloads, estate_only): (u64, u64),
) -> Value {
    let pair = |pair: &DriftPair| {
        json!({
            "from": &*pair.from,
            "to": &*pair.to,
            "kind": pair.kind.word(),
            "over": pair.flows.to_string(),
            "until": pair.until,
            "gap": pair.gap,
            "accepted": pair.accepted,
        })
    };
    let item = |item: &DriftItem| {
        let kinds: Vec<&str> = item.kinds.iter().map(|kind| kind.word()).collect();
        json!({"item": item.item, "how": item.how, "kinds": kinds})
    };
    let owner = |owner: &PlannedOwner| {
        let of = owner.template.as_ref();
        json!({
            "kind": owner.kind, "id": owner.id, "account": owner.account, "region": owner.region,
            "holds": owner.holds, "why": owner.why, "groups": owner.groups,
            "template": of.map(|one| json!({
                "id": one.id, "number": one.number, "groups": one.groups,
            })),
        })
    };
    json!({
        "schema": SCHEMA,
        "workloads": workloads,
        "estate_only": estate_only,
        "pairs": drift.pairs.iter().map(pair).collect::<Vec<_>>(),
        "items": drift.items.iter().map(item).collect::<Vec<_>>(),
        "owners": owners.iter().filter(|one| one.holds != Holds::Already).map(owner).collect::<Vec<_>>(),
        "chains": match chains {
            Ok(chains) => json!({
                "opened": chains.opened,
                "example": chains.example,
                "closed": chains.closed,
            }),
            Err(why) => json!({ "notCompared": why }),
        },
    })
}
