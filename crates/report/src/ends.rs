//! What is shown as one end of a connection: workloads by the names people use, and the outside.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_model::network::EndpointId;
use watertight_model::{Estate, Name, Network, WorkloadId};
use watertight_net::{AddressSet, Family, Prefix};
use watertight_reach::{Class, Matrix, OutsideBy};

use crate::text::few;

/// How many names or prefixes a label lists.
const LISTED_MAX: usize = 4;

/// One end, as output shows it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum End {
    /// Workloads that nothing tells apart; replicas of one owner are one member.
    Workloads(Vec<Member>),
    /// The internet, or a part of it.
    Internet(Space),
    /// A network outside of the estate, or a part of it, by the name of what leads there.
    Outside(Name, Space),
}

/// One workload, or the replicas of one owner.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Member {
    /// The name that people use.
    pub(crate) label: String,
    /// The workloads' ids, ordered.
    pub(crate) ids: Vec<Name>,
    /// Their kind.
    pub(crate) kind: &'static str,
}

/// Addresses outside.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Space {
    /// The fewest prefixes.
    pub(crate) prefixes: Vec<Prefix>,
    /// Whether it is all addresses that rules tell apart, in its families.
    pub(crate) everywhere: bool,
    /// It in words, without a name in front; empty for all addresses of all families.
    text: String,
}

impl Space {
    /// The part `addresses` of the whole that rules tell apart.
    pub(crate) fn new(addresses: &AddressSet, whole: &AddressSet) -> Self {
        let mut everywhere = true;
        let mut parts: Vec<String> = Vec::new();
        let mut families = 0;
        for (family, word) in [(Family::V4, "IPv4"), (Family::V6, "IPv6")] {
            let all = whole.of_family(family);
            families += usize::from(!all.is_empty());
            let own = addresses.of_family(family);
            if own.is_empty() {
                continue;
            }
            let rest = all.difference(&own);
            everywhere &= rest.is_empty();
            parts.push(if rest.is_empty() {
                word.to_owned()
            } else if size(&rest) < size(&own) {
                format!("{word} except {}", listed(&rest.prefixes()))
            } else {
                listed(&own.prefixes())
            });
        }
        let whole_text = everywhere && parts.len() == families;
        let text = if whole_text { String::new() } else { parts.join(", ") };
        Self { prefixes: addresses.prefixes(), everywhere, text }
    }

    /// Whether it is all but a few addresses of one of its families.
    pub(crate) fn is_most(&self) -> bool {
        self.text.contains(" except ")
    }

    pub(crate) fn label(&self, name: &str) -> String {
        if self.text.is_empty() { name.to_owned() } else { format!("{name} ({})", self.text) }
    }
}

/// How many addresses a set of one family has; as good as exact for comparing.
fn size(addresses: &AddressSet) -> u128 {
    let of = |prefix: &Prefix| {
        let free = prefix.family().bits().saturating_sub(prefix.len());
        1_u128.checked_shl(u32::from(free)).unwrap_or(u128::MAX)
    };
    addresses.prefixes().iter().map(of).fold(0, u128::saturating_add)
}

fn listed(prefixes: &[Prefix]) -> String {
    let texts: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
    few(&texts, LISTED_MAX)
}

impl End {
    /// The end in a few words.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Workloads(members) => {
                let labels: Vec<String> = members.iter().map(Member::text).collect();
                few(&labels, LISTED_MAX)
            }
            Self::Internet(space) => space.label("internet"),
            Self::Outside(name, space) => space.label(&format!("outside:{name}")),
        }
    }

    /// Every name of the end, for tables that leave nothing out.
    pub(crate) fn whole_label(&self) -> String {
        match self {
            Self::Workloads(members) => {
                let labels: Vec<String> = members.iter().map(Member::text).collect();
                labels.join(", ")
            }
            Self::Internet(_) | Self::Outside(..) => self.label(),
        }
    }

    /// The end with all that it stands for.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Workloads(members) => {
                let members: Vec<Value> = members
                    .iter()
                    .map(|member| {
                        let ids: Vec<&str> = member.ids.iter().map(Name::as_str).collect();
                        json!({"name": member.label, "kind": member.kind, "ids": ids})
                    })
                    .collect();
                json!({"kind": "workloads", "label": self.label(), "workloads": members})
            }
            Self::Internet(space) => {
                json!({"kind": "internet", "label": self.label(),
                    "everywhere": space.everywhere, "prefixes": texts(&space.prefixes)})
            }
            Self::Outside(name, space) => {
                json!({"kind": "outside", "label": self.label(), "by": name.as_str(),
                    "everywhere": space.everywhere, "prefixes": texts(&space.prefixes)})
            }
        }
    }
}

impl Member {
    fn text(&self) -> String {
        if self.ids.len() > 1 {
            format!("{} (\u{d7}{})", self.label, self.ids.len())
        } else {
            self.label.clone()
        }
    }
}

pub(crate) fn texts(prefixes: &[Prefix]) -> Vec<String> {
    prefixes.iter().map(ToString::to_string).collect()
}

/// The names of an estate's workloads, each telling one from the others.
#[derive(Debug)]
pub(crate) struct Names<'e> {
    estate: &'e Estate,
    times: BTreeMap<&'e str, usize>,
}

impl<'e> Names<'e> {
    pub(crate) fn new(estate: &'e Estate) -> Self {
        let mut times = BTreeMap::new();
        for workload in estate.workloads.values().filter(|workload| workload.owner.is_none()) {
            *times.entry(workload.name.as_str()).or_insert(0) += 1;
        }
        Self { estate, times }
    }

    /// The name by which a workload is shown: its owner's where it is a replica, and its id beside
    /// the name where several have the same.
    pub(crate) fn of(&self, id: WorkloadId) -> String {
        let workload = &self.estate.workloads[id];
        if let Some(owner) = &workload.owner {
            return owner.as_str().to_owned();
        }
        if self.times.get(workload.name.as_str()).copied().unwrap_or(0) > 1
            && workload.name != workload.id
        {
            return format!("{} ({})", workload.name, workload.id);
        }
        workload.name.as_str().to_owned()
    }

    /// Workloads as members, replicas together, ordered by name.
    pub(crate) fn members(&self, workloads: impl IntoIterator<Item = WorkloadId>) -> Vec<Member> {
        let mut found: BTreeMap<String, (BTreeSet<Name>, &'static str)> = BTreeMap::new();
        for id in workloads {
            let workload = &self.estate.workloads[id];
            let entry = found.entry(self.of(id)).or_insert((BTreeSet::new(), workload.kind.word()));
            entry.0.insert(workload.id.clone());
        }
        found
            .into_iter()
            .map(|(label, (ids, kind))| Member { label, ids: ids.into_iter().collect(), kind })
            .collect()
    }

    /// The members of a class of endpoints; none for a class outside.
    pub(crate) fn class_members(&self, class: &Class) -> Vec<Member> {
        match class {
            Class::Endpoints(endpoints) => {
                let network = &self.estate.network;
                let all = endpoints.iter().map(|endpoint| network.endpoints[*endpoint].workload);
                let mut members = self.members(all);
                if let Some(title) = endpoints.first().and_then(|one| further(network, *one)) {
                    for member in &mut members {
                        member.label = format!("{} on {title}", member.label);
                    }
                }
                members
            }
            Class::Internet(_) | Class::Outside(..) => Vec::new(),
        }
    }
}

/// The network of an attachment that its workload has beside others elsewhere.
fn further(network: &Network, endpoint: EndpointId) -> Option<&Name> {
    let subnet = &network.subnets[network.endpoints[endpoint].subnet?];
    network.realms[subnet.realm].further.then_some(&subnet.title)
}

/// Everything that rules tell apart of the internet, and of each network outside.
#[derive(Debug)]
pub(crate) struct Wholes {
    internet: AddressSet,
    outside: BTreeMap<OutsideBy, AddressSet>,
}

impl Wholes {
    pub(crate) fn new(matrix: &Matrix) -> Self {
        let mut internet = Vec::new();
        let mut outside: BTreeMap<OutsideBy, Vec<Prefix>> = BTreeMap::new();
        for class in &matrix.classes {
            match class {
                Class::Internet(atom) => internet.extend(&atom.prefixes),
                Class::Outside(by, atom) => outside.entry(*by).or_default().extend(&atom.prefixes),
                Class::Endpoints(_) => {}
            }
        }
        // Where nothing leads to the internet as such, it is a part of what is outside.
        if internet.is_empty() {
            internet.extend(outside.values().flatten());
        }
        let set = |prefixes: Vec<Prefix>| AddressSet::from_prefixes(prefixes);
        Self {
            internet: set(internet),
            outside: outside.into_iter().map(|(by, prefixes)| (by, set(prefixes))).collect(),
        }
    }

    /// A part of the internet.
    pub(crate) fn internet(&self, addresses: &AddressSet) -> Space {
        Space::new(addresses, &self.internet)
    }

    /// A part of a network outside.
    pub(crate) fn outside(&self, by: OutsideBy, addresses: &AddressSet) -> Space {
        let nothing = AddressSet::empty();
        Space::new(addresses, self.outside.get(&by).unwrap_or(&nothing))
    }
}
