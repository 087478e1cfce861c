//! What one account holds in one region.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::acls::Acls;
use super::domains::Domains;
use super::functions::Functions;
use super::rules::{Rule, rules_of};
use super::services::Resources;
use super::tasks::Clusters;
use super::templates::Templates;
use crate::aws_server::call::text;

/// Groups and interfaces by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) account: String,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) interfaces: BTreeMap<String, Interface>,
    pub(super) resources: Resources,
    pub(super) clusters: Clusters,
    pub(super) functions: Functions,
    pub(super) domains: Domains,
    pub(super) templates: Templates,
    pub(super) acls: Acls,
    /// How many groups were made.
    pub(super) made: u64,
}

/// A group.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) vpc: String,
    pub(super) owner: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) ingress: BTreeSet<Rule>,
    pub(super) egress: BTreeSet<Rule>,
}

impl Group {
    pub(super) fn side(&self, is_egress: bool) -> &BTreeSet<Rule> {
        if is_egress { &self.egress } else { &self.ingress }
    }

    pub(super) fn side_mut(&mut self, is_egress: bool) -> &mut BTreeSet<Rule> {
        if is_egress { &mut self.egress } else { &mut self.ingress }
    }
}

/// An interface: its recorded body, and what it carries.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    pub(super) body: Value,
    pub(super) vpc: String,
    pub(super) is_managed: bool,
    pub(super) groups: Vec<String>,
}

impl Held {
    /// What recorded bodies tell.
    pub(super) fn new(account: &str, groups: Value, interfaces: Value) -> Self {
        let mut held = Self { account: account.to_owned(), ..Self::default() };
        for body in list(&groups, "SecurityGroups") {
            let group = Group {
                name: owned(&body["GroupName"]),
                description: owned(&body["Description"]),
                vpc: owned(&body["VpcId"]),
                owner: owned(&body["OwnerId"]),
                tags: tags_of(body),
                ingress: rules_of(&body["IpPermissions"]),
                egress: rules_of(&body["IpPermissionsEgress"]),
            };
            held.groups.insert(owned(&body["GroupId"]), group);
        }
        for body in list(&interfaces, "NetworkInterfaces") {
            let interface = Interface {
                body: body.clone(),
                vpc: owned(&body["VpcId"]),
                is_managed: body["RequesterManaged"] == true,
                groups: list(body, "Groups").map(|one| owned(&one["GroupId"])).collect(),
            };
            held.interfaces.insert(owned(&body["NetworkInterfaceId"]), interface);
        }
        held
    }

    /// Whether an interface carries a group, or a rule of another group names it.
    pub(super) fn is_in_use(&self, id: &str) -> bool {
        let carried = self.interfaces.values().any(|one| one.groups.iter().any(|own| own == id));
        let mut others = self.groups.iter().filter(|(other, _)| *other != id);
        let names =
            |group: &Group| group.ingress.iter().chain(&group.egress).any(|one| one.peer == id);
        carried || others.any(|(_, group)| names(group))
    }
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value[key].as_array().into_iter().flatten()
}

fn owned(value: &Value) -> String {
    text(value).to_owned()
}

fn tags_of(body: &Value) -> BTreeMap<String, String> {
    list(body, "Tags").map(|tag| (owned(&tag["Key"]), owned(&tag["Value"]))).collect()
}
