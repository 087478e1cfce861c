//! Which workloads belong together, by their labels, and how a policy selects them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Map, Value, json};
use watertight_model::{Estate, Name, WorkloadId};
use watertight_net::Prefix;

/// The labels that tell groups apart, where nobody says otherwise. Without the first a workload stands for itself.
pub(crate) const KEYS: [&str; 3] = ["app", "env", "kind"];

/// Who belongs to a group: those with the same values of the labels that tell groups apart; or one
/// workload that has no name for what it is a part of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Group {
    /// The values of the labels, nothing where a label is not there.
    Labelled(Vec<Option<Name>>),
    /// One workload, by its addresses.
    Alone(WorkloadId),
}

/// The groups of an estate.
pub(crate) struct Groups<'e> {
    estate: &'e Estate,
    /// The labels that tell them apart.
    keys: Vec<Name>,
    members: BTreeMap<Group, BTreeSet<WorkloadId>>,
}

impl<'e> Groups<'e> {
    pub(crate) fn of(estate: &'e Estate) -> Self {
        let [app, ..] = KEYS;
        Self::by(estate, &Name::from(app))
    }

    /// The same, with another label in the place of the first.
    pub(crate) fn by(estate: &'e Estate, label: &Name) -> Self {
        let others = KEYS.iter().skip(1).map(|key| Name::from(*key));
        let others = others.filter(|key| key != label);
        let keys = std::iter::once(label.clone()).chain(others).collect();
        let mut groups = Self { estate, keys, members: BTreeMap::new() };
        for (id, _) in estate.workloads.iter() {
            groups.members.entry(groups.group(id)).or_default().insert(id);
        }
        groups
    }

    /// The group of a workload.
    pub(crate) fn group(&self, workload: WorkloadId) -> Group {
        let labels = self.estate.workloads.get(workload).map(|one| &one.labels);
        match labels.filter(|labels| labels.contains_key(self.label())) {
            Some(labels) => {
                Group::Labelled(self.keys.iter().map(|key| labels.get(key).cloned()).collect())
            }
            None => Group::Alone(workload),
        }
    }

    /// The label without which a workload stands for itself.
    pub(crate) fn label(&self) -> &str {
        self.keys.first().map_or("", |first| first)
    }

    /// The members of a group.
    pub(crate) fn members(&self, group: &Group) -> impl Iterator<Item = WorkloadId> + '_ {
        self.members.get(group).into_iter().flatten().copied()
    }

    /// What a group is called: a name of the language, not yet told apart from others.
    pub(crate) fn name(&self, group: &Group) -> String {
        let text = match group {
            Group::Labelled(values) => {
                let parts: Vec<&str> = values.iter().flatten().map(|one| &**one).collect();
                parts.join("-")
            }
            Group::Alone(id) => self.title(*id),
        };
        named(&text)
    }

    /// A group as a peer; nothing where nobody knows its addresses.
    pub(crate) fn peer(&self, group: &Group) -> Option<Value> {
        match (self.selector(group), group) {
            (Some(selector), _) => Some(Value::Object(selector)),
            (None, Group::Alone(id)) => self.alone(*id),
            (None, Group::Labelled(_)) => None,
        }
    }

    /// The selector of a group; nothing where only addresses select it.
    pub(crate) fn selector(&self, group: &Group) -> Option<Map<String, Value>> {
        let Group::Labelled(values) = group else { return None };
        let mut selector = Map::new();
        let told = self.keys.iter().zip(values);
        let labels: Map<String, Value> = told
            .clone()
            .filter_map(|(key, value)| Some((key.to_string(), json!(value.as_deref()?))))
            .collect();
        selector.insert("matchLabels".to_owned(), Value::Object(labels));
        let absent: Vec<Value> = told
            .filter(|(_, value)| value.is_none())
            .map(|(key, _)| json!({ "key": &**key, "operator": "DoesNotExist" }))
            .collect();
        if !absent.is_empty() {
            selector.insert("matchExpressions".to_owned(), Value::Array(absent));
        }
        Some(selector)
    }

    /// One workload as a peer, by all of its addresses; nothing where they are not known, or where
    /// another network has the same and no one network has all of them.
    pub(crate) fn alone(&self, workload: WorkloadId) -> Option<Value> {
        let network = &self.estate.network;
        let own = self.estate.workloads.get(workload)?;
        let ends = own.endpoints.iter().filter_map(|id| network.endpoints.get(*id));
        let (mut realms, mut private, mut public) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for end in ends {
            let subnet = end.subnet.and_then(|id| network.subnets.get(id));
            realms
                .extend(subnet.and_then(|one| network.realms.get(one.realm)).map(|one| &one.name));
            private.extend(end.addresses.iter().copied());
            public.extend(end.public.iter().map(|(_, outer)| *outer));
        }
        if private.is_empty() {
            return None;
        }
        let all: BTreeSet<String> =
            private.union(&public).map(|one| Prefix::host(*one).to_string()).collect();
        let is_shared = |address: &IpAddr| {
            let holds = |prefix: &Prefix| prefix.contains(*address);
            network.realms.values().filter(|realm| realm.prefixes.iter().any(holds)).count() > 1
        };
        if !private.iter().any(is_shared) {
            return Some(json!({ "addresses": all }));
        }
        let realm = realms.first().filter(|_| realms.len() == 1 && public.is_empty())?;
        Some(json!({ "addresses": all, "network": &***realm }))
    }

    /// Whether nobody knows an address of some attachment of a workload.
    pub(crate) fn is_unaddressed(&self, workload: WorkloadId) -> bool {
        let network = &self.estate.network;
        let own = self.estate.workloads.get(workload);
        let ends = own.into_iter().flat_map(|one| &one.endpoints);
        let mut ends = ends.filter_map(|id| network.endpoints.get(*id)).peekable();
        ends.peek().is_none() || ends.any(|one| one.addresses.is_empty())
    }

    /// The name of a workload.
    pub(crate) fn title(&self, workload: WorkloadId) -> String {
        self.estate.workloads.get(workload).map(|one| one.name.to_string()).unwrap_or_default()
    }

    /// A group in words: its name and how many there are.
    pub(crate) fn words(&self, group: &Group) -> String {
        let count = u64::try_from(self.members(group).count()).unwrap_or(u64::MAX);
        format!("{} ({})", self.name(group), crate::text::counted(count, "workload"))
    }
}

/// A name of the language: lower-case letters, digits and single hyphens, no more than 40 of them.
pub(crate) fn named(text: &str) -> String {
    let mut name = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
    }
    name.truncate(40);
    let name = name.trim_end_matches('-');
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}
