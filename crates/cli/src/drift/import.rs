//! Rules that allow what is possible and not intended.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use watertight_compile::{Drift, DriftKind, DriftPair, end_and_part, short_hash};
use watertight_model::{ArenaId as _, Estate, Name, WorkloadId};
use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_policy::API_VERSION;
use watertight_policy::decide::{Decider, Known};
use watertight_reach::Called;

use super::named;
use crate::exit::{Failure, say};
use crate::output;
use crate::suggest::groups::{Group, Groups, KEYS};
use crate::suggest::in_form;
use crate::suggest::over::clauses;
use crate::text::{clean, counted, one_line};

/// One end of what is imported.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Workload(WorkloadId),
    /// Addresses outside, by what leads there.
    Outside(String, Prefix),
}

/// The workloads that go by one name in pairs: one, or all of one owner.
type ByName = BTreeMap<Name, BTreeSet<WorkloadId>>;

/// Who sends the same to the same.
type Wide = BTreeMap<(FlowSet, BTreeSet<End>), BTreeSet<End>>;

/// Writes them. What narrows is no rule: it is in the rules that are there.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(
    path: &Path,
    (estate, decider): (&Estate, &Decider<'_>),
    names: &BTreeMap<&str, &str>,
    drift: &Drift,
) -> Result<(), Failure> {
    let drafting = Drafting { groups: Groups::of(estate), estate, decider };
    let called = Called::new([estate]);
    let mut by_name = ByName::new();
    for (id, workload) in estate.workloads.iter() {
        by_name.entry(called.of(workload)).or_default().insert(id);
    }
    let mut gaps: BTreeSet<&str> = BTreeSet::new();
    let mut left_out: Vec<String> = Vec::new();
    let mut senders: BTreeMap<(End, FlowSet), BTreeSet<End>> = BTreeMap::new();
    let is_more = |pair: &&DriftPair| {
        matches!(pair.kind, DriftKind::Widening | DriftKind::Expired) && pair.accepted.is_none()
    };
    for pair in drift.pairs.iter().filter(is_more) {
        match (ends(&pair.from, &by_name), ends(&pair.to, &by_name)) {
            (Some(from), Some(to)) => {
                gaps.insert(&pair.gap);
                for one in to {
                    let key = (one, pair.flows.clone());
                    senders.entry(key).or_default().extend(from.iter().cloned());
                }
            }
            _ => left_out.push(told(pair, names)),
        }
    }
    let mut wide = Wide::new();
    for ((to, flows), from) in senders {
        wide.entry((flows, from)).or_default().insert(to);
    }
    let mut rules: Vec<Value> = Vec::new();
    for ((flows, from), to) in &wide {
        match drafting.rule(flows, from, to) {
            Some(rule) => rules.push(rule),
            None => left_out.push(drafting.words(flows, from, to)),
        }
    }
    for line in &left_out {
        say(&clean(&format!("no rule says {}\n", one_line(line))));
    }
    if rules.is_empty() {
        say("there is nothing to import\n");
        return Ok(());
    }
    let count = counted(u64::try_from(rules.len()).unwrap_or(u64::MAX), "rule");
    let all: Vec<&str> = gaps.into_iter().collect();
    let name = format!("imported-{:016x}", short_hash(all.join(" ").bytes()));
    let document = json!({
        "apiVersion": API_VERSION,
        "kind": "Policy",
        "metadata": { "name": name, "description": "What was possible and not intended." },
        "spec": { "tier": "standard", "mode": "enforce", "rules": rules },
    });
    let (text, _) = in_form("imported.yaml", &document.to_string())?;
    output::write(Some(path), &text)?;
    say(&format!("{count} imported, once the file is a part of the policy\n"));
    Ok(())
}

/// The ends that a name stands for.
fn ends(name: &str, by_name: &ByName) -> Option<Vec<End>> {
    match end_and_part(name) {
        (by, Some(part)) => Some(vec![End::Outside(by.to_owned(), part.parse().ok()?)]),
        (name, None) => Some(by_name.get(name)?.iter().copied().map(End::Workload).collect()),
    }
}

fn told(pair: &DriftPair, names: &BTreeMap<&str, &str>) -> String {
    format!("{} to {} over {}", named(&pair.from, names), named(&pair.to, names), pair.flows)
}

struct Drafting<'e> {
    groups: Groups<'e>,
    estate: &'e Estate,
    decider: &'e Decider<'e>,
}

impl Drafting<'_> {
    /// A rule; nothing where an end cannot be named, or the language does not say the flows.
    fn rule(&self, flows: &FlowSet, from: &BTreeSet<End>, to: &BTreeSet<End>) -> Option<Value> {
        let mut rule =
            json!({ "action": "allow", "from": self.peers(from)?, "to": self.peers(to)? });
        if let Some(over) = clauses(flows) {
            if over.is_empty() {
                return None;
            }
            rule["over"] = Value::Array(over);
        }
        Some(rule)
    }

    /// Ends as peers: groups whose members are all there by their labels, others by their addresses.
    fn peers(&self, ends: &BTreeSet<End>) -> Option<Vec<Value>> {
        let workloads = ends.iter().filter_map(|end| match end {
            End::Workload(id) => Some(*id),
            End::Outside(..) => None,
        });
        let workloads: BTreeSet<WorkloadId> = workloads.collect();
        let mut peers = Vec::new();
        let groups: BTreeSet<Group> = workloads.iter().map(|id| self.groups.group(*id)).collect();
        for group in &groups {
            if self.holds_only(group, &workloads) {
                peers.push(self.groups.peer(group)?);
                continue;
            }
            for one in self.groups.members(group).filter(|one| workloads.contains(one)) {
                peers.push(self.groups.alone(one)?);
            }
        }
        let outside = ends.iter().filter_map(|end| match end {
            End::Outside(by, prefix) => Some((by.as_str(), *prefix)),
            End::Workload(_) => None,
        });
        let mut by: BTreeMap<&str, Vec<Prefix>> = BTreeMap::new();
        for (name, prefix) in outside {
            by.entry(name).or_default().push(prefix);
        }
        for (name, prefixes) in by {
            let addresses = AddressSet::from_prefixes(prefixes.iter().copied());
            if name == "internet" && addresses == *self.decider.internet() {
                peers.push(json!("internet"));
                continue;
            }
            let all: Vec<String> = addresses.prefixes().iter().map(ToString::to_string).collect();
            peers.push(json!({ "addresses": all }));
        }
        Some(peers)
    }

    /// Whether labels select all members of a group and nobody beside some workloads: the policy's own
    /// labelings may give others the same.
    fn holds_only(&self, group: &Group, workloads: &BTreeSet<WorkloadId>) -> bool {
        let Group::Labelled(values) = group else {
            return self.groups.members(group).all(|one| workloads.contains(&one));
        };
        let selects = |id: WorkloadId| {
            let labels = self.decider.labels(id.index());
            let label = |key: &str| labels.and_then(|all| all.get(key)).map(|one| &one.value);
            KEYS.iter().zip(values).all(|(key, value)| match (label(key), value) {
                (Some(Known::Value(known)), Some(value)) => known == value,
                (None, None) | (Some(Known::Unknown), _) => true,
                (None, Some(_)) | (Some(Known::Value(_)), None) => false,
            })
        };
        let mut all = self.estate.workloads.ids();
        self.groups.members(group).all(selects)
            && all.all(|id| !selects(id) || workloads.contains(&id))
    }

    fn words(&self, flows: &FlowSet, from: &BTreeSet<End>, to: &BTreeSet<End>) -> String {
        let side = |ends: &BTreeSet<End>| {
            let names = ends.iter().map(|end| match end {
                End::Workload(id) => self.groups.title(*id),
                End::Outside(by, prefix) => format!("{by}@{prefix}"),
            });
            names.collect::<Vec<_>>().join(", ")
        };
        format!("{} to {} over {flows}", side(from), side(to))
    }
}
