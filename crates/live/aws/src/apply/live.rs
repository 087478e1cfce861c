//! What the provider holds, as far as steps need it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_aws::{Facts, RuleUnit, group_facts, interface_facts, is_managed};
use watertight_compile::ReadKind;

use super::goal::Sides;
use super::session::{Session, Site};
use super::writes::PLAN;
use crate::outcome::Refusal;

/// So many ids are asked about in one request.
const BATCH: usize = 100;

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LiveGroup {
    pub(super) id: String,
    /// Whether it has our tag.
    pub(super) is_managed: bool,
    /// The plan that made it.
    pub(super) plan: Option<String>,
    pub(super) rules: Sides,
}

/// What carries groups: an interface, or a resource that sets those of its interfaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Carrier {
    pub(super) groups: BTreeSet<String>,
    /// Whether a service of the provider owns it, so that nobody else sets its groups.
    pub(super) is_service_owned: bool,
    /// Whether nothing about it is under way.
    pub(super) is_settled: bool,
    /// The subnets that a resource which moves may be in.
    pub(super) subnets: BTreeSet<String>,
    /// What a resource is given again together with its groups.
    pub(super) settings: Value,
    /// What its service could not do.
    pub(super) trouble: Option<String>,
}

pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn tag<'v>(body: &'v Value, key: &str) -> Option<&'v str> {
    let tags = body.get("Tags").and_then(Value::as_array).into_iter().flatten();
    let mut own = tags.filter(|tag| text(tag, "Key") == key);
    own.next().map(|tag| text(tag, "Value"))
}

impl LiveGroup {
    fn new(body: &Value) -> Self {
        let side = |key: &str| body.get(key).map(RuleUnit::described).unwrap_or_default();
        Self {
            id: text(body, "GroupId").to_owned(),
            is_managed: is_managed(body),
            plan: tag(body, PLAN).map(ToOwned::to_owned),
            rules: Sides { ingress: side("IpPermissions"), egress: side("IpPermissionsEgress") },
        }
    }
}

impl Carrier {
    fn new(body: &Value) -> Self {
        let groups = body.get("Groups").and_then(Value::as_array).into_iter().flatten();
        Self {
            groups: groups.map(|group| text(group, "GroupId").to_owned()).collect(),
            is_service_owned: body.get("RequesterManaged").and_then(Value::as_bool) == Some(true),
            is_settled: true,
            ..Self::default()
        }
    }
}

/// The group of a name in a VPC.
pub(super) async fn group(
    session: &Session,
    site: &Site,
    (name, vpc): (&str, &str),
) -> Result<Option<LiveGroup>, Refusal> {
    let filters = [("group-name", vec![name]), ("vpc-id", vec![vpc])];
    let found =
        session.list(site, "ec2-describe-security-groups", "SecurityGroups", &filters).await?;
    // A filter may take letters of a name for wild ones.
    let mut found = found.iter().filter(|body| text(body, "GroupName") == name);
    Ok(found.next().map(LiveGroup::new))
}

/// An interface.
pub(super) async fn interface(
    session: &Session,
    site: &Site,
    id: &str,
) -> Result<Option<Carrier>, Refusal> {
    let filters = [("network-interface-id", vec![id])];
    let call = "ec2-describe-network-interfaces";
    let found = session.list(site, call, "NetworkInterfaces", &filters).await?;
    Ok(found.first().map(Carrier::new))
}

/// What interfaces and groups are like, by id.
pub(super) struct FoundFacts {
    pub(super) facts: BTreeMap<String, Facts>,
    /// The interfaces that services of the provider own.
    pub(super) service_owned: BTreeSet<String>,
}

/// Reads interfaces.
pub(super) async fn interfaces(
    session: &Session,
    site: &Site,
    ids: &[&str],
) -> Result<FoundFacts, Refusal> {
    let mut found = FoundFacts { facts: BTreeMap::new(), service_owned: BTreeSet::new() };
    for ids in ids.chunks(BATCH) {
        let filters = [("network-interface-id", ids.to_vec())];
        let call = "ec2-describe-network-interfaces";
        for body in session.list(site, call, "NetworkInterfaces", &filters).await? {
            let id = text(&body, "NetworkInterfaceId").to_owned();
            if Carrier::new(&body).is_service_owned {
                found.service_owned.insert(id.clone());
            }
            found.facts.insert(id, interface_facts(&body));
        }
    }
    Ok(found)
}

/// The interfaces that carry groups, by the ids of these.
pub(super) async fn carriers(
    session: &Session,
    site: &Site,
    groups: &[&str],
) -> Result<BTreeMap<String, BTreeSet<String>>, Refusal> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for ids in groups.chunks(BATCH) {
        let filters = [("group-id", ids.to_vec())];
        let call = "ec2-describe-network-interfaces";
        for body in session.list(site, call, "NetworkInterfaces", &filters).await? {
            let carried = body.get("Groups").and_then(Value::as_array).into_iter().flatten();
            for group in carried {
                let of = found.entry(text(group, "GroupId").to_owned()).or_default();
                of.insert(text(&body, "NetworkInterfaceId").to_owned());
            }
        }
    }
    Ok(found)
}

/// Reads the route tables or network ACLs of VPCs.
pub(super) async fn network(
    session: &Session,
    site: &Site,
    (kind, list): (ReadKind, &str),
    vpcs: &[&str],
) -> Result<Vec<Value>, Refusal> {
    let call = match kind {
        ReadKind::Acl => "ec2-describe-network-acls",
        _ => "ec2-describe-route-tables",
    };
    let mut found = Vec::new();
    for vpcs in vpcs.chunks(BATCH) {
        found.extend(session.list(site, call, list, &[("vpc-id", vpcs.to_vec())]).await?);
    }
    Ok(found)
}

/// What a group is like, whoever has it.
pub(super) struct GroupFacts {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) vpc: String,
    /// Whether it has our tag.
    pub(super) is_managed: bool,
    pub(super) facts: Facts,
}

/// Reads groups, by `group-id` or by `group-name`.
pub(super) async fn groups(
    session: &Session,
    site: &Site,
    (key, ids): (&'static str, &[&str]),
) -> Result<Vec<GroupFacts>, Refusal> {
    let mut found = Vec::new();
    for ids in ids.chunks(BATCH) {
        let filters = [(key, ids.to_vec())];
        let call = "ec2-describe-security-groups";
        for body in session.list(site, call, "SecurityGroups", &filters).await? {
            found.push(GroupFacts {
                id: text(&body, "GroupId").to_owned(),
                name: text(&body, "GroupName").to_owned(),
                vpc: text(&body, "VpcId").to_owned(),
                is_managed: is_managed(&body),
                facts: group_facts(&body),
            });
        }
    }
    Ok(found)
}
