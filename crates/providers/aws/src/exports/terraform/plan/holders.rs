//! Who names which parts of the internet: rules that let the same through, a list, a table's routes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use watertight_net::{AddressSet, Prefix};

use super::super::super::overlay::Overlay;

/// What keeps an address from being a public one, and multicast and reserved space (IANA IPv4 Special-Purpose Address
/// Registry).
const SPECIAL: [&str; 9] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// The lists of peers in a rule of a group: rules that differ in these alone let the same through.
const PEERS: [&str; 4] = ["IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs"];
/// What tells rules apart and lets nothing through.
const NAMES: [&str; 4] = ["Description", "Tags", "SecurityGroupRuleId", "SecurityGroupRuleArn"];

/// The parts of the internet that each who names some does.
#[derive(Debug)]
pub(super) struct Holders(Vec<Vec<Prefix>>);

impl Holders {
    /// Those of an estate. Who names all of the internet, in however many parts, tells no public address from another
    /// and is none.
    pub(super) fn of(overlay: &Overlay<'_>) -> Self {
        let mut found: BTreeMap<String, Vec<Prefix>> = BTreeMap::new();
        for (place, value) in overlay.values().into_iter().enumerate() {
            gather(&value, &place.to_string(), &mut found);
        }
        Self::among(found.into_values())
    }

    pub(super) fn among(all: impl IntoIterator<Item = Vec<Prefix>>) -> Self {
        let special = SPECIAL.iter().filter_map(|one| one.parse::<Prefix>().ok());
        let special = AddressSet::from_prefixes(special);
        let internet = AddressSet::all_v4().difference(&special);
        let telling = all.into_iter().filter_map(|own| {
            let own: Vec<Prefix> = own
                .into_iter()
                .filter(|one| internet.intersects(&AddressSet::from_prefix(*one)))
                .collect();
            let named = AddressSet::from_prefixes(own.iter().copied());
            (!own.is_empty() && !named.contains_set(&internet)).then_some(own)
        });
        Self(telling.collect())
    }

    /// The prefixes that tell some public address from another.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = Prefix> {
        self.0.iter().flatten().copied()
    }
}

/// Adds what a value names, by what else it says.
fn gather(value: &Value, path: &str, found: &mut BTreeMap<String, Vec<Prefix>>) {
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                match item {
                    Value::Object(fields) => own(fields, path, place, found),
                    other => gather(other, path, found),
                }
            }
        }
        Value::Object(fields) => own(fields, path, 0, found),
        Value::String(text) => {
            if let Some(prefix) = prefix(text) {
                found.entry(path.to_owned()).or_default().push(prefix);
            }
        }
        _ => {}
    }
}

fn own(
    fields: &Map<String, Value>,
    path: &str,
    place: usize,
    found: &mut BTreeMap<String, Vec<Prefix>>,
) {
    let is_prefix = |value: &Value| value.as_str().is_some_and(|text| prefix(text).is_some());
    let said: Map<String, Value> = fields
        .iter()
        .filter(|(key, value)| {
            !is_prefix(value) && !NAMES.contains(&key.as_str()) && !PEERS.contains(&key.as_str())
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let alike = format!("{path} {}", Value::Object(said));
    for (key, value) in fields {
        match value {
            Value::String(text) => {
                if let Some(prefix) = prefix(text) {
                    found.entry(alike.clone()).or_default().push(prefix);
                }
            }
            peers if PEERS.contains(&key.as_str()) => {
                gather(peers, &format!("{alike} {key}"), found);
            }
            other => gather(other, &format!("{path}/{place}/{key}"), found),
        }
    }
}

/// A prefix of IPv4 that a text is.
fn prefix(text: &str) -> Option<Prefix> {
    let prefix: Prefix = text.contains('/').then(|| text.parse().ok())??;
    prefix.first().is_ipv4().then_some(prefix)
}
