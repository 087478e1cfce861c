//! Network ACLs at the edges of subnets: how they are read, and what is to be written.
//!
//! Sources: Amazon EC2 API reference (`CreateNetworkAcl`, `CreateNetworkAclEntry`, `DeleteNetworkAcl`,
//! `DescribeNetworkAcls`, `ReplaceNetworkAclAssociation`, `CreateTags`).

use std::collections::BTreeSet;

use serde_json::Value;
use watertight_aws::{BASE, MANAGED, entry_of, is_last, is_managed};
use watertight_compile::{EdgeEntry, PlannedEdge};

use super::goal::Next;
use super::live::{tag, text};
use super::session::{Session, Site};
use super::writes::{PLAN, Write};
use crate::outcome::Refusal;

const CALL: &str = "ec2-describe-network-acls";
const LIST: &str = "NetworkAcls";

/// A network ACL that has the name of one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LiveEdge {
    pub(super) id: String,
    is_managed: bool,
    plan: Option<String>,
    /// All but the last; nothing where one cannot be read.
    entries: Option<BTreeSet<EdgeEntry>>,
    subnets: Vec<String>,
}

/// Which of several plans may have made what a step is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MadeBy {
    /// This one, by its mark.
    Plan(String),
    /// Another one: it has this id.
    Id(Option<String>),
}

/// The network ACL that a subnet has, with the id of the association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LiveAssociation {
    pub(super) id: String,
    pub(super) acl: String,
}

impl LiveEdge {
    fn new(body: &Value) -> Self {
        let items = |key: &str| body[key].as_array().into_iter().flatten();
        let entries: Option<BTreeSet<EdgeEntry>> = items("Entries").map(entry_of).collect();
        let entries = entries.map(|all| all.into_iter().filter(|entry| !is_last(entry)).collect());
        let subnets = items("Associations").map(|one| text(one, "SubnetId").to_owned());
        Self {
            id: text(body, "NetworkAclId").to_owned(),
            is_managed: is_managed(body),
            plan: tag(body, PLAN).map(ToOwned::to_owned),
            entries,
            subnets: subnets.collect(),
        }
    }

    /// Whether it is the one that is meant: names are no one's alone.
    fn is_of(&self, by: &MadeBy) -> bool {
        let is_it = match by {
            MadeBy::Plan(mark) => self.plan.as_ref() == Some(mark),
            MadeBy::Id(own) => own.as_ref() == Some(&self.id),
        };
        self.is_managed && is_it
    }
}

/// The network ACL of a name that is meant. Where an answer was lost there may be two: the one that has the
/// most entries is gone on with.
pub(super) async fn edge(
    session: &Session,
    site: &Site,
    (name, vpc): (&str, &str),
    by: &MadeBy,
) -> Result<Option<LiveEdge>, Refusal> {
    let filters = [("tag:Name", vec![name]), ("vpc-id", vec![vpc])];
    let found = session.list(site, CALL, LIST, &filters).await?;
    // A filter may take letters of a name for wild ones.
    let named = found.iter().filter(|body| tag(body, "Name") == Some(name));
    let own = named.map(LiveEdge::new).filter(|one| one.is_of(by));
    let count = |one: &LiveEdge| one.entries.as_ref().map_or(0, BTreeSet::len);
    Ok(own.max_by(|one, other| (count(one), &other.id).cmp(&(count(other), &one.id))))
}

/// What a subnet has.
pub(super) async fn association(
    session: &Session,
    site: &Site,
    subnet: &str,
) -> Result<Option<LiveAssociation>, Refusal> {
    let found = session.list(site, CALL, LIST, &[("association.subnet-id", vec![subnet])]).await?;
    let all = found.iter().flat_map(|body| {
        let associations = body["Associations"].as_array().into_iter().flatten();
        associations.map(move |one| (body, one))
    });
    let mut own = all.filter(|(_, one)| text(one, "SubnetId") == subnet);
    Ok(own.next().map(|(body, one)| LiveAssociation {
        id: text(one, "NetworkAclAssociationId").to_owned(),
        acl: text(body, "NetworkAclId").to_owned(),
    }))
}

/// What is left to do until a network ACL of ours is there with its entries, and no others.
pub(super) fn made(planned: &PlannedEdge, mark: &str, found: Option<&LiveEdge>) -> Next {
    let Some(found) = found else {
        return Next::Write(vec![Write::CreateEdge {
            name: planned.name.clone(),
            vpc: planned.realm.clone(),
            base: planned.base.clone(),
            plan: mark.to_owned(),
        }]);
    };
    let wanted: BTreeSet<EdgeEntry> = planned.entries.iter().cloned().collect();
    let Some(entries) = &found.entries else {
        return Next::Conflict(format!("{} has an entry that cannot be read", found.id));
    };
    if let Some(more) = entries.difference(&wanted).next() {
        let way = if more.egress { "out" } else { "in" };
        let (id, number) = (&found.id, more.number);
        return Next::Conflict(format!(
            "{id} has an entry {number} {way} that the plan did not give it"
        ));
    }
    let writes = wanted
        .difference(entries)
        .map(|entry| Write::CreateEntry { acl: found.id.clone(), entry: entry.clone() });
    let writes: Vec<Write> = writes.collect();
    if writes.is_empty() { Next::Done } else { Next::Write(writes) }
}

/// What is left to do until a network ACL of ours is not there.
pub(super) fn unmade(found: Option<&LiveEdge>) -> Next {
    let Some(found) = found else { return Next::Done };
    if found.subnets.is_empty() {
        return Next::Write(vec![Write::DeleteEdge { acl: found.id.clone() }]);
    }
    Next::Conflict(format!("{} is at the edge of {}", found.id, found.subnets.join(", ")))
}

/// What is left to do until a subnet has another network ACL.
pub(super) fn set(from: &str, to: &str, found: Option<&LiveAssociation>) -> Next {
    let Some(LiveAssociation { id, acl }) = found else {
        return Next::Conflict(String::from("the subnet is not there"));
    };
    if acl == to {
        return Next::Done;
    }
    if acl == from {
        return Next::Write(vec![Write::SetEdge { association: id.clone(), acl: to.to_owned() }]);
    }
    Next::Conflict(format!("it has {acl}"))
}

/// The arguments of a call that makes a network ACL, tagged from its first moment.
pub(super) fn create(
    (name, vpc): (&str, &str),
    (base, plan): (&str, &str),
) -> Vec<(String, String)> {
    let tags = [("Name", name), (MANAGED, "true"), (BASE, base), (PLAN, plan)];
    let mut pairs = vec![
        (String::from("VpcId"), vpc.to_owned()),
        (String::from("TagSpecification.1.ResourceType"), String::from("network-acl")),
    ];
    for (number, (key, value)) in (1..).zip(tags) {
        pairs.push((format!("TagSpecification.1.Tag.{number}.Key"), key.to_owned()));
        pairs.push((format!("TagSpecification.1.Tag.{number}.Value"), value.to_owned()));
    }
    pairs
}

/// The arguments of a call that makes an entry.
pub(super) fn entry(acl: &str, entry: &EdgeEntry) -> Vec<(String, String)> {
    let pair = |key: &str, value: String| (key.to_owned(), value);
    let block = if entry.prefix.contains(':') { "Ipv6CidrBlock" } else { "CidrBlock" };
    let mut pairs = vec![
        pair("NetworkAclId", acl.to_owned()),
        pair("Egress", entry.egress.to_string()),
        pair("RuleNumber", entry.number.to_string()),
        pair("RuleAction", String::from(if entry.allow { "allow" } else { "deny" })),
        pair("Protocol", entry.protocol.clone()),
        pair(block, entry.prefix.clone()),
    ];
    if let Some((from, to)) = entry.ports {
        pairs.push(pair("PortRange.From", from.to_string()));
        pairs.push(pair("PortRange.To", to.to_string()));
    }
    if let Some((of, code)) = entry.icmp {
        pairs.push(pair("Icmp.Type", of.to_string()));
        pairs.push(pair("Icmp.Code", code.to_string()));
    }
    pairs
}
