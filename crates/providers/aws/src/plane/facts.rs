//! What a plan reads of security groups and interfaces, in a form in which two answers of the
//! provider are the same when they mean the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_compile::{
    Artifacts, Group, HeldGroup, PlannedRule, PlannedRules, Read, ReadKind, RulePeer,
};
use watertight_net::Prefix;
use watertight_source::Node;

use super::functions;
use super::render::MANAGED;
use super::services::{Resources, Service, service_facts};
use super::units::{RuleUnit, UnitPeer};
use crate::Body;
use crate::plane::value::value_of;
use crate::scope::{Scope, region_of_zone};

/// Lists of texts by what they are.
pub type Facts = BTreeMap<String, Vec<String>>;

/// What is read of an interface: its groups, its private addresses, its subnet.
pub fn interface_facts(body: &Value) -> Facts {
    let each = |list: &str, key: &str| -> BTreeSet<String> {
        let items = body[list].as_array().into_iter().flatten();
        items.filter_map(|item| item[key].as_str().map(ToOwned::to_owned)).collect()
    };
    let mut addresses = each("PrivateIpAddresses", "PrivateIpAddress");
    addresses.extend(body["PrivateIpAddress"].as_str().map(ToOwned::to_owned));
    addresses.extend(each("Ipv6Addresses", "Ipv6Address"));
    let groups = each("Groups", "GroupId");
    let subnet = body["SubnetId"].as_str().unwrap_or_default().to_owned();
    BTreeMap::from([
        (String::from("groups"), groups.into_iter().collect()),
        (String::from("addresses"), addresses.into_iter().collect()),
        (String::from("subnet"), vec![subnet]),
    ])
}

/// [`interface_facts`] of a body that is in a tree: large estates have many of them.
fn facts_of_interface(body: Node<'_>) -> Facts {
    let text = |key: &str| body.get(key).and_then(Node::as_str);
    let each = |list: &str, key: &str| -> BTreeSet<&str> {
        let items = body.get(list).into_iter().flat_map(Node::items);
        items.filter_map(|item| item.get(key).and_then(Node::as_str)).collect()
    };
    let mut addresses = each("PrivateIpAddresses", "PrivateIpAddress");
    addresses.extend(text("PrivateIpAddress"));
    addresses.extend(each("Ipv6Addresses", "Ipv6Address"));
    let owned = |texts: BTreeSet<&str>| texts.into_iter().map(ToOwned::to_owned).collect();
    BTreeMap::from([
        (String::from("groups"), owned(each("Groups", "GroupId"))),
        (String::from("addresses"), owned(addresses)),
        (String::from("subnet"), vec![text("SubnetId").unwrap_or_default().to_owned()]),
    ])
}

/// What is read of a group: its rules.
pub fn group_facts(body: &Value) -> Facts {
    let side = |key: &str| -> Vec<String> {
        let texts: BTreeSet<String> =
            RuleUnit::described(&body[key]).iter().map(RuleUnit::text).collect();
        texts.into_iter().collect()
    };
    BTreeMap::from([
        (String::from("ingress"), side("IpPermissions")),
        (String::from("egress"), side("IpPermissionsEgress")),
    ])
}

/// Whether a group has our tag.
pub fn is_managed(body: &Value) -> bool {
    let tags = body["Tags"].as_array().into_iter().flatten();
    let mut own = tags.filter(|tag| tag["Key"] == MANAGED);
    own.any(|tag| tag["Value"] == "true")
}

/// The mount target whose groups a body tells: the name of its file.
pub(super) fn mount_target(body: &Body) -> Option<String> {
    let mut parts = body.path.rsplit('/');
    let target = parts.next()?.strip_suffix(".json")?;
    let is_it = parts.next() == Some("efs-describe-mount-target-security-groups");
    (is_it && target.starts_with("fsmt-")).then(|| target.to_owned())
}

fn group_name(body: &Value) -> String {
    body["GroupName"].as_str().unwrap_or_default().to_owned()
}

/// The interfaces and groups in bodies, by id.
#[derive(Default)]
pub(super) struct Described<'b> {
    interfaces: BTreeMap<String, Node<'b>>,
    groups: BTreeMap<String, Node<'b>>,
    /// The names of the groups of ours, by their tag.
    ours: BTreeMap<String, String>,
    /// The ids of listed rules, by group, whether they are about what goes out, and rule.
    rule_ids: BTreeMap<(String, bool, RuleUnit), String>,
    pub(super) resources: Resources,
}

/// The lists of resources that set groups.
pub(super) const RESOURCES: [&str; 11] = [
    "LoadBalancers",
    "LoadBalancerDescriptions",
    "DBInstances",
    "DBClusters",
    "CacheClusters",
    "Clusters",
    "DomainStatusList",
    "VpcEndpoints",
    "MountTargets",
    "services",
    "Functions",
];

impl<'b> Described<'b> {
    /// An interface as the provider describes it.
    pub(super) fn interface(&self, id: &str) -> Option<Node<'b>> {
        self.interfaces.get(id).copied()
    }

    /// All of them, by id.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = (&str, Node<'b>)> {
        self.interfaces.iter().map(|(id, node)| (id.as_str(), *node))
    }

    /// The groups of ours or, without `ours`, those of others, by id.
    pub(super) fn groups(&self, ours: bool) -> impl Iterator<Item = (&str, Value)> {
        let all = self.groups.iter().filter(move |(id, _)| self.ours.contains_key(*id) == ours);
        all.map(|(id, node)| (id.as_str(), value_of(*node)))
    }

    pub(super) fn new(bodies: &'b [Body]) -> Self {
        let mut described = Self::default();
        for body in bodies {
            let root = body.tree.root();
            let scope = Scope::of_path(&body.path);
            for list in RESOURCES {
                for item in root.get(list).into_iter().flat_map(Node::items) {
                    described.resources.learn(list, &value_of(item), &scope);
                }
            }
            for item in root.get("tasks").into_iter().flat_map(Node::items) {
                described.resources.learn_task(&value_of(item));
            }
            for item in root.get("SecurityGroupRules").into_iter().flat_map(Node::items) {
                described.learn_rule(&value_of(item));
            }
            if let Some(target) = mount_target(body) {
                described.resources.mounted(&target, &value_of(root));
            }
            for (list, key, of) in [
                ("NetworkInterfaces", "NetworkInterfaceId", &mut described.interfaces),
                ("SecurityGroups", "GroupId", &mut described.groups),
            ] {
                for item in root.get(list).into_iter().flat_map(Node::items) {
                    let id = item.get(key).and_then(Node::as_str);
                    if let Some(id) =
                        id.filter(|id| id.starts_with("eni-") || id.starts_with("sg-"))
                    {
                        of.insert(id.to_owned(), item);
                    }
                }
            }
        }
        described.resources.aliased(&functions::Aliases::new(bodies));
        let Self { interfaces, groups, ours, resources, .. } = &mut described;
        for (id, node) in groups {
            let tags = json!({"Tags": node.get("Tags").map(value_of)});
            if is_managed(&tags) {
                let name = node.get("GroupName").and_then(Node::as_str).unwrap_or_default();
                ours.insert(id.clone(), name.to_owned());
            }
        }
        resources.told_by_interfaces(&|endpoint| {
            let facts = facts_of_interface(*interfaces.get(endpoint)?);
            Some(facts.get("groups")?.iter().cloned().collect())
        });
        described
    }

    /// Learns the id of a rule that is listed apart from its group.
    fn learn_rule(&mut self, body: &Value) {
        let text = |key: &str| body[key].as_str().map(ToOwned::to_owned);
        let (group, id) = (text("GroupId"), text("SecurityGroupRuleId"));
        if let (Some(group), Some(id), Some(unit)) = (group, id, RuleUnit::listed(body)) {
            self.rule_ids.insert((group, body["IsEgress"] == true, unit), id);
        }
    }

    /// The groups of ours, by their tag, ordered by name.
    pub(super) fn held(&self) -> Vec<HeldGroup> {
        let mut held: Vec<HeldGroup> = self
            .groups(true)
            .map(|(id, body)| {
                let (ingress, of_ingress) = self.held_rules(id, &body["IpPermissions"], false);
                let (egress, of_egress) = self.held_rules(id, &body["IpPermissionsEgress"], true);
                HeldGroup {
                    name: group_name(&body),
                    id: id.to_owned(),
                    rules: PlannedRules { ingress, egress },
                    ids: [of_ingress, of_egress],
                }
            })
            .collect();
        held.sort_by(|one, other| one.name.cmp(&other.name));
        held
    }

    /// Rules of a group of ours in the words of plans, with the ids of those that are listed.
    fn held_rules(
        &self,
        group: &str,
        permissions: &Value,
        is_egress: bool,
    ) -> (Vec<PlannedRule>, BTreeMap<PlannedRule, String>) {
        let (mut rules, mut ids) = (Vec::new(), BTreeMap::new());
        for mut unit in RuleUnit::described(permissions) {
            let id = self.rule_ids.get(&(group.to_owned(), is_egress, unit.clone())).cloned();
            let known = match &unit.peer {
                UnitPeer::Group(id) => self.ours.get(id),
                _ => None,
            };
            if let Some(name) = known {
                unit.peer = UnitPeer::Group(name.clone());
            }
            let rule = unit.rule();
            ids.extend(id.map(|id| (rule.clone(), id)));
            rules.push(rule);
        }
        (rules, ids)
    }

    fn facts_of_group(&self, id: &str) -> Option<Facts> {
        self.groups.get(id).map(|node| group_facts(&value_of(*node)))
    }

    /// What artifacts rest on.
    pub(super) fn reads(&self, artifacts: &Artifacts) -> Vec<Read> {
        let mut reads = BTreeSet::new();
        let mut places: BTreeMap<&str, (String, String)> = BTreeMap::new();
        let mut hosts: BTreeSet<Prefix> = BTreeSet::new();
        // The first of each name, as it is held.
        let managed = self.ours.iter().rev().map(|(id, name)| (name.as_str(), id.as_str()));
        let managed: BTreeMap<&str, &str> = managed.collect();
        for group in &artifacts.groups {
            let (account, region) = (group.place.0.to_string(), group.place.1.to_string());
            places.insert(&group.realm, (account.clone(), region.clone()));
            for rule in group.ingress.iter().chain(&group.egress) {
                if let RulePeer::Prefix(prefix) = &rule.peer {
                    hosts.insert(*prefix);
                }
            }
            if let Some(id) = managed.get(group.name.0.as_str()) {
                let (id, facts) = ((*id).to_owned(), self.facts_of_group(id).unwrap_or_default());
                reads.insert(Read { what: ReadKind::Group, id, account, region, facts });
                continue;
            }
            let facts = BTreeMap::from([(String::from("realm"), vec![group.realm.to_string()])]);
            let id = group.name.to_string();
            reads.insert(Read { what: ReadKind::Free, id, account, region, facts });
        }
        for one in &artifacts.attachments {
            let place = one.groups.first().and_then(|name| artifacts.group(name));
            let place = place.map(|group| (group.place.0.to_string(), group.place.1.to_string()));
            let place = place.or_else(|| place_of(self.interface(&one.endpoint)?));
            let found = one.through.as_ref().and_then(|through| {
                let (service, resource) = self.resources.find(through)?;
                let groups = resource.groups.as_ref()?;
                Some((through.id.clone(), service_facts(service, groups, &resource.subnets)))
            });
            if let (Some((id, facts)), Some((account, region))) = (found, place) {
                reads.insert(Read { what: ReadKind::Resource, id, account, region, facts });
            }
        }
        let mut read: BTreeSet<String> = BTreeSet::new();
        let ends: BTreeSet<&str> = artifacts.attachments.iter().map(|one| &*one.endpoint).collect();
        // Others may stand in their place before the plan is applied, and do afterwards.
        let moving = artifacts.attachments.iter().filter(|one| {
            let service = one.through.as_ref().and_then(|through| Service::of(&through.kind));
            service.is_some_and(Service::moves)
        });
        let moving: BTreeSet<&str> = moving.map(|one| &*one.endpoint).collect();
        for (id, node) in &self.interfaces {
            let vpc = node.get("VpcId").and_then(Node::as_str);
            let is_end = ends.contains(id.as_str());
            let place = vpc.and_then(|vpc| places.get(vpc)).cloned();
            let place = place.or_else(|| place_of(*node).filter(|_| is_end));
            let Some((account, region)) = place else { continue };
            let facts = facts_of_interface(*node);
            let is_named = || {
                let addresses = facts.get("addresses").into_iter().flatten();
                let mut addresses = addresses.filter_map(|one| one.parse().ok().map(Prefix::host));
                addresses.any(|host| hosts.contains(&host))
            };
            if !is_end && !is_named() {
                continue;
            }
            let carried = facts.get("groups").into_iter().flatten();
            for group in carried.filter(|_| is_end) {
                // Many carry the same.
                if !read.insert(group.clone()) {
                    continue;
                }
                if let Some(facts) = self.facts_of_group(group) {
                    let (what, id) = (ReadKind::Group, group.clone());
                    let (account, region) = (account.clone(), region.clone());
                    reads.insert(Read { what, id, account, region, facts });
                }
            }
            if moving.contains(id.as_str()) {
                continue;
            }
            reads.insert(Read { what: ReadKind::Endpoint, id: id.clone(), account, region, facts });
        }
        reads.into_iter().collect()
    }
}

impl Described<'_> {
    /// Whether what is read is what it was before some groups, which are told as they were and as they are, got other
    /// rules: of those, what is read follows from lists that they name and from addresses, where others have them.
    pub(super) fn reads_alike(&self, artifacts: &Artifacts, changed: &[[&Group; 2]]) -> bool {
        let (mut lists, mut hosts) = (BTreeSet::new(), BTreeSet::new());
        for [before, now] in changed {
            let [old, new] = [before, now].map(|group| {
                let rules = group.ingress.iter().chain(&group.egress);
                rules.map(|rule| &rule.peer).collect::<BTreeSet<&RulePeer>>()
            });
            for peer in old.symmetric_difference(&new) {
                match peer {
                    RulePeer::Prefix(prefix) => drop(hosts.insert(*prefix)),
                    RulePeer::Group(name) => {
                        lists.extend(Some(name).filter(|name| name.0.starts_with("pl-")));
                    }
                }
            }
        }
        let ends: BTreeSet<&str> = artifacts.attachments.iter().map(|one| &*one.endpoint).collect();
        let mut others = self.interfaces.iter().filter(|(id, _)| !ends.contains(id.as_str()));
        let is_named = |node: Node<'_>| {
            let facts = facts_of_interface(node);
            let mut addresses = facts.get("addresses").into_iter().flatten();
            addresses.any(|one| one.parse().is_ok_and(|one| hosts.contains(&Prefix::host(one))))
        };
        lists.is_empty() && !others.any(|(_, node)| is_named(*node))
    }
}

/// The account and the region of an interface, as it tells them: those whose groups are taken off may be where
/// no group is planned.
fn place_of(interface: Node<'_>) -> Option<(String, String)> {
    let text = |key: &str| interface.get(key).and_then(Node::as_str);
    let region = region_of_zone(text("AvailabilityZone")?)?;
    Some((text("OwnerId")?.to_owned(), region.to_owned()))
}

#[cfg(test)]
mod tests {
    use watertight_source::{FileId, Limits, Tree};

    use super::*;

    #[test]
    fn an_interface_in_a_tree_tells_what_its_value_tells() {
        let texts = [
            "{}",
            r#"{"Groups": [{"GroupId": "sg-2"}, {"GroupId": "sg-1"}, {"GroupId": "sg-2"}, {}, 3],
                "PrivateIpAddress": "10.0.0.5", "SubnetId": "subnet-1",
                "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.9"}, {"PrivateIpAddress": "10.0.0.5"}],
                "Ipv6Addresses": [{"Ipv6Address": "2001:db8::1"}, {"Ipv6Address": null}]}"#,
            r#"{"Groups": {"GroupId": "sg-1"}, "PrivateIpAddress": 1, "SubnetId": null}"#,
        ];
        for text in texts {
            let tree = Tree::parse_json(FileId(0), text, &Limits::default()).unwrap();
            let root = tree.root();
            assert_eq!(facts_of_interface(root), interface_facts(&value_of(root)), "{text}");
        }
    }
}
