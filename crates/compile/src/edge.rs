//! What the edges of subnets refuse: denials in front of what others wrote there.

mod propose;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watertight_model::Name;
use watertight_net::{FlowSet, Prefix};

use crate::artifact::GroupName;
use crate::naming::{edge_mark, realm_part};
use crate::plan::PlannedRule;

pub(crate) use propose::{Barred, BarredEnd, CLIENTS_MIN, propose};

/// A list for the edges of subnets: denials of ours, and behind them all that the list has which it stands
/// in for. That one stays as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Edge {
    /// Its name, which depends on all that it holds: another content is another list.
    pub name: GroupName,
    /// The realm that it is in.
    pub realm: Name,
    /// The account and the region of the realm.
    pub place: (Name, Name),
    /// The list of others that it stands in for, by the provider's id.
    pub base: String,
    /// The subnets, by the provider's ids, in order.
    pub subnets: Vec<Name>,
    /// What does not come in, in the order in which it is asked.
    pub ingress: Vec<EdgeRule>,
    /// What does not go out, in the order in which it is asked.
    pub egress: Vec<EdgeRule>,
}

/// One denial at an edge.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EdgeRule {
    /// Who is at the other end.
    pub prefix: Prefix,
    /// What is sent; one piece that the plane can express.
    pub flows: FlowSet,
}

/// The list at the edge of a subnet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EdgeList {
    /// The subnet, by the provider's id.
    pub subnet: Name,
    /// The list of others, by the provider's id: its own, or the one that ours stands in for.
    pub base: String,
    /// A text that is another one when the entries of that list are.
    pub stamp: String,
    /// How many more entries it has room for: about what comes in, and about what goes out.
    pub room: [u32; 2],
    /// What stands in for it, where one of ours does.
    pub ours: Option<HeldEdge>,
}

/// A list of ours that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldEdge {
    /// The provider's id.
    pub id: String,
    /// What it is, with all of the subnets that have it.
    pub edge: Edge,
}

/// A list of ours that is at the edge of no subnet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnEdge {
    /// What it is, and how it would be made again.
    pub edge: PlannedEdge,
    /// What of it is read again before anything is written.
    pub facts: BTreeMap<String, Vec<String>>,
}

/// An entry of a list, as the provider has them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct EdgeEntry {
    /// Whether it is about what goes out.
    pub egress: bool,
    /// Its number: lower ones are asked first.
    pub number: u32,
    /// Whether it lets through what it matches.
    pub allow: bool,
    /// The protocol's number, or `-1` for all.
    pub protocol: String,
    /// Who is at the other end.
    pub prefix: String,
    /// The first and the last port, where it names some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<(i64, i64)>,
    /// Type and code of ICMP, -1 for all, where it names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp: Option<(i64, i64)>,
}

/// A list for edges in a plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlannedEdge {
    /// Its name.
    pub name: String,
    /// The realm that it is in.
    pub realm: String,
    /// The realm's account.
    pub account: String,
    /// The realm's region.
    pub region: String,
    /// The list of others that it stands in for.
    pub base: String,
    /// The subnets at whose edges it is.
    pub subnets: Vec<String>,
    /// What does not come in.
    pub ingress: Vec<PlannedRule>,
    /// What does not go out.
    pub egress: Vec<PlannedRule>,
    /// All of its entries but the last, which refuses what no other matched.
    pub entries: Vec<EdgeEntry>,
    /// The provider's id, where it is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub there: Option<String>,
}

impl Edge {
    /// A list that is called after what it holds: what it stands in for, with its [`EdgeList::stamp`], and
    /// the denials.
    pub fn new(
        (realm, place): (Name, (Name, Name)),
        (base, stamp): (&str, &str),
        subnets: Vec<Name>,
        [ingress, egress]: [Vec<EdgeRule>; 2],
    ) -> Self {
        let rules = |side: &str, rules: &[EdgeRule]| -> Vec<String> {
            rules.iter().map(|rule| format!("{side} {} {}", rule.prefix, rule.flows)).collect()
        };
        let mut words = vec![base.to_owned(), stamp.to_owned()];
        words.extend(rules("in", &ingress));
        words.extend(rules("out", &egress));
        let (part, mark) = (realm_part(&realm), edge_mark(&words));
        let name = GroupName(format!("{}{part}/edge/{mark}", GroupName::PREFIX));
        Self { name, realm, place, base: base.to_owned(), subnets, ingress, egress }
    }

    /// Whether it refuses all that another one refuses, rule by rule.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let all =
            |own: &[EdgeRule], others: &[EdgeRule]| others.iter().all(|one| own.contains(one));
        all(&self.ingress, &other.ingress) && all(&self.egress, &other.egress)
    }
}

impl PlannedEdge {
    /// A list with its entries and, where it is there, the provider's id.
    pub fn of(edge: &Edge, entries: Vec<EdgeEntry>, there: Option<String>) -> Self {
        let rules = |rules: &[EdgeRule]| {
            let each = rules.iter().map(|rule| PlannedRule {
                peer: rule.prefix.to_string(),
                over: rule.flows.to_string(),
            });
            each.collect()
        };
        Self {
            name: edge.name.to_string(),
            realm: edge.realm.to_string(),
            account: edge.place.0.to_string(),
            region: edge.place.1.to_string(),
            base: edge.base.clone(),
            subnets: edge.subnets.iter().map(ToString::to_string).collect(),
            ingress: rules(&edge.ingress),
            egress: rules(&edge.egress),
            entries,
            there,
        }
    }
}
