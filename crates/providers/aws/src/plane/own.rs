//! The groups of ours that the provider holds, with what holds each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_compile::{Again, OwnGroup, PlannedGroup, PlannedRule};
use watertight_model::Estate;
use watertight_source::Node;

use super::facts::{Described, group_facts};
use super::templates;
use super::units::{RuleUnit, UnitPeer};
use crate::Body;
use crate::scope::Scope;

/// Lists that tell of groups and of who carries them: these are read as what they are.
const READ: [&str; 3] = ["SecurityGroups", "SecurityGroupRules", "NetworkInterfaces"];
/// Lists of what bears a tag, which says nothing about who needs it.
const OF_TAGS: [&str; 2] = ["Tags", "ResourceTagMappingList"];
/// So many holders of one kind are named.
const NAMED_MAX: usize = 4;

/// The groups with our tag, ordered by name.
pub(super) fn groups(bodies: &[Body], described: &Described<'_>, estate: &Estate) -> Vec<OwnGroup> {
    let ours: BTreeMap<&str, Value> = described.groups(true).collect();
    let mut holders = Holders::default();
    holders.add_interfaces(described);
    holders.add_groups(described);
    holders.add_bodies(bodies, &ours);
    let owners = templates::owners(bodies, described);
    let mut found: Vec<OwnGroup> = ours
        .into_iter()
        .map(|(id, body)| {
            let group = planned(&body, estate);
            let mut holders = holders.of(id);
            let is_told = bodies.iter().any(|body| tells_interfaces(body, &group));
            if group.account.is_empty() || group.region.is_empty() || !is_told {
                holders.push(String::from("the input does not tell who carries it"));
            }
            // A machine that is made with a group which is gone is never made.
            let untold = owners.iter().filter(|owner| {
                let place = (&*owner.place.0, &*owner.place.1);
                owner.template.is_none() && place == (group.account.as_str(), group.region.as_str())
            });
            holders.extend(untold.take(NAMED_MAX).map(|owner| {
                format!("the input does not tell the groups with which {} makes machines", owner.id)
            }));
            OwnGroup { id: id.to_owned(), group, facts: group_facts(&body), holders }
        })
        .collect();
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for one in &found {
        *count.entry(one.group.name.clone()).or_default() += 1;
    }
    for one in found.iter_mut().filter(|one| count.get(&one.group.name).is_some_and(|n| *n > 1)) {
        one.holders.push(String::from("another group of ours has its name"));
    }
    found.sort_by(|one, other| (&one.group.name, &one.id).cmp(&(&other.group.name, &other.id)));
    found
}

/// A group as a plan has it, its rules naming groups by id.
fn planned(body: &Value, estate: &Estate) -> PlannedGroup {
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let vpc = text("VpcId");
    let realm = estate.network.realms.values().find(|realm| *realm.name == *vpc);
    let told = |name: Option<&watertight_model::Name>| name.map(ToString::to_string);
    let rules = |key: &str| -> Vec<PlannedRule> {
        RuleUnit::described(&body[key]).iter().map(RuleUnit::rule).collect()
    };
    let tags = body["Tags"].as_array().into_iter().flatten();
    let tag = |tag: &Value| {
        Some((
            tag["Key"].as_str()?.to_owned(),
            tag["Value"].as_str().unwrap_or_default().to_owned(),
        ))
    };
    PlannedGroup {
        name: text("GroupName"),
        account: realm.and_then(|realm| told(realm.account.as_ref())).unwrap_or_default(),
        region: realm.and_then(|realm| told(realm.region.as_ref())).unwrap_or_default(),
        realm: vpc,
        segments: Vec::new(),
        ingress: rules("IpPermissions"),
        egress: rules("IpPermissionsEgress"),
        there: None,
        again: Some(Again {
            description: text("Description"),
            tags: tags.filter_map(tag).collect(),
        }),
    }
}

/// Whether a body lists interfaces of a group's account and region.
fn tells_interfaces(body: &Body, group: &PlannedGroup) -> bool {
    let scope = Scope::of_path(&body.path);
    let fits =
        |told: Option<watertight_model::Name>, own: &str| told.is_none_or(|told| *told == *own);
    body.tree.root().get("NetworkInterfaces").is_some()
        && fits(scope.account, &group.account)
        && fits(scope.region, &group.region)
}

/// What holds groups, by the group's id and the kind of holder.
#[derive(Default)]
struct Holders(BTreeMap<(String, &'static str), BTreeSet<String>>);

impl Holders {
    fn add(&mut self, group: &str, kind: &'static str, holder: &str) {
        self.0.entry((group.to_owned(), kind)).or_default().insert(holder.to_owned());
    }

    fn add_interfaces(&mut self, described: &Described<'_>) {
        for (interface, body) in described.interfaces() {
            for group in body.get("Groups").into_iter().flat_map(Node::items) {
                let id = group.get("GroupId").and_then(Node::as_str).unwrap_or_default();
                self.add(id, "carried by", interface);
            }
        }
    }

    /// Rules of others that name a group.
    fn add_groups(&mut self, described: &Described<'_>) {
        for (own, body) in described.groups(false) {
            for key in ["IpPermissions", "IpPermissionsEgress"] {
                for unit in RuleUnit::described(&body[key]) {
                    if let UnitPeer::Group(id) = &unit.peer {
                        self.add(id, "named by rules of", own);
                    }
                }
            }
        }
    }

    /// Whatever else names a group by its id: templates, services.
    fn add_bodies(&mut self, bodies: &[Body], ours: &BTreeMap<&str, Value>) {
        for body in bodies {
            let root = body.tree.root();
            if READ.iter().chain(&OF_TAGS).any(|key| root.get(key).is_some()) {
                continue;
            }
            for part in root.raw().split("sg-").skip(1) {
                let end = part.find(|letter: char| !letter.is_ascii_alphanumeric());
                let id =
                    format!("sg-{}", part.get(..end.unwrap_or(part.len())).unwrap_or_default());
                if ours.contains_key(id.as_str()) {
                    self.add(&id, "named in", &body.path);
                }
            }
        }
    }

    fn of(&self, group: &str) -> Vec<String> {
        let all = self.0.iter().filter(|((id, _), _)| id == group);
        let told = all.map(|((_, kind), holders)| {
            let named: Vec<&str> = holders.iter().take(NAMED_MAX).map(String::as_str).collect();
            let more = holders.len().saturating_sub(named.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{kind} {}{more}", named.join(", "))
        });
        told.collect()
    }
}
