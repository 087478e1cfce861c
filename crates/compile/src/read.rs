//! What a plan read of its estate, and must find again when it is applied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One thing that a plan rests on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Read {
    /// What it is.
    pub what: ReadKind,
    /// Its id with the provider; of a group that must not be there, its name.
    pub id: String,
    /// The account to ask.
    pub account: String,
    /// The region to ask.
    pub region: String,
    /// What was read, each list in order. Where there is nothing, nothing is to be there.
    pub facts: BTreeMap<String, Vec<String>>,
}

/// What a [`Read`] is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadKind {
    /// An endpoint: where it is, its addresses, its groups.
    Endpoint,
    /// A group with its rules.
    Group,
    /// The name of a group that is made: no group has it.
    Free,
    /// A resource that sets the groups of endpoints: what it is, and these groups.
    Resource,
    /// Who carries a group that is taken away: nobody.
    Carriers,
    /// A table of routes in a realm: its routes, and whose it is.
    Routes,
    /// A list of what a subnet lets in and out: its entries, and whose it is.
    Acl,
    /// A peering of two realms: whether it works, and of whom.
    Peering,
    /// A gateway that many realms are attached to: what is attached, and where.
    Transit,
    /// A table of routes of such a gateway: its routes, and for whom and of whom it has them.
    TransitRoutes,
    /// A list of addresses that routes or rules name: what is in it.
    PrefixList,
    /// What makes replicas: from which version of which template, with which groups.
    Template,
}

impl ReadKind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Group => "group",
            Self::Free => "name",
            Self::Resource => "resource",
            Self::Carriers => "carriers of",
            Self::Routes => "routes",
            Self::Acl => "access list",
            Self::Peering => "peering",
            Self::Transit => "transit gateway",
            Self::TransitRoutes => "routes of transit gateways",
            Self::PrefixList => "prefix list",
            Self::Template => "template of",
        }
    }
}

/// How something that was read is different now.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Change {
    /// What was read.
    pub what: ReadKind,
    /// Its id.
    pub id: String,
    /// The difference, as text for people.
    pub how: String,
}

impl Read {
    /// What is different when this is found now; nothing where it is as it was.
    pub fn changes(&self, found: Option<&BTreeMap<String, Vec<String>>>) -> Vec<Change> {
        let change = |how: String| Change { what: self.what, id: self.id.clone(), how };
        let Some(found) = found else {
            return match self.what {
                ReadKind::Free | ReadKind::Carriers => Vec::new(),
                // What did not work may be gone.
                ReadKind::Peering
                | ReadKind::Transit
                | ReadKind::TransitRoutes
                | ReadKind::PrefixList
                    if self.facts.values().all(Vec::is_empty) =>
                {
                    Vec::new()
                }
                ReadKind::Endpoint
                | ReadKind::Group
                | ReadKind::Resource
                | ReadKind::Routes
                | ReadKind::Acl
                | ReadKind::Peering
                | ReadKind::Transit
                | ReadKind::TransitRoutes
                | ReadKind::PrefixList
                | ReadKind::Template => {
                    vec![change(String::from("it is gone"))]
                }
            };
        };
        if self.what == ReadKind::Free {
            return vec![change(String::from("there is a group of this name"))];
        }
        let mut changes = Vec::new();
        let keys =
            self.facts.keys().chain(found.keys().filter(|key| !self.facts.contains_key(*key)));
        for key in keys {
            let (old, new) = (list(&self.facts, key), list(found, key));
            if old == new {
                continue;
            }
            let gone: Vec<&str> = only(old, new);
            let come: Vec<&str> = only(new, old);
            let said = |word: &str, these: &[&str]| {
                let text = format!("; {word} {}", these.join(", "));
                if these.is_empty() { String::new() } else { text }
            };
            changes.push(change(format!("{key}{}{}", said("gone", &gone), said("new", &come))));
        }
        changes
    }
}

fn list<'f>(facts: &'f BTreeMap<String, Vec<String>>, key: &str) -> &'f [String] {
    facts.get(key).map(Vec::as_slice).unwrap_or_default()
}

/// What the one has and the other has not.
fn only<'f>(one: &'f [String], other: &[String]) -> Vec<&'f str> {
    one.iter().filter(|text| !other.contains(text)).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(what: ReadKind, groups: &[&str]) -> Read {
        let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
        let facts = BTreeMap::from([(String::from("groups"), groups)]);
        let text = || String::from("x");
        Read { what, id: text(), account: text(), region: text(), facts }
    }

    #[test]
    fn what_is_as_it_was_read_has_not_changed() {
        let one = read(ReadKind::Endpoint, &["sg-1", "sg-2"]);
        assert_eq!(one.changes(Some(&one.facts)), []);
        assert_eq!(read(ReadKind::Free, &[]).changes(None), []);
    }

    #[test]
    fn what_is_gone_or_other_is_told() {
        let one = read(ReadKind::Endpoint, &["sg-1", "sg-2"]);
        let other = read(ReadKind::Endpoint, &["sg-2", "sg-3"]);
        let told = one.changes(Some(&other.facts));
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].how, "groups; gone sg-1; new sg-3");
        assert_eq!(one.changes(None)[0].how, "it is gone");
        let free = read(ReadKind::Free, &[]);
        assert_eq!(free.changes(Some(&other.facts))[0].how, "there is a group of this name");
    }
}
