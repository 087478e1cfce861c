//! What a plan does to network ACLs of ours, and to the subnets that have them.
//!
//! Source: documentation of `aws_network_acl` (its `subnet_ids` leave the network ACL that they have),
//! `aws_default_network_acl`, `aws_network_acl_association` and `aws_network_acl_rule`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_source::Node;

use super::super::super::super::{text, texts};
use super::super::{PlannedAction, PlannedChange, Sides, TerraformPlan};
use super::{Loosening, Part, Touched, is_tagged, listed, open};
use crate::Body;
use crate::plane::{is_managed, value_of};

const RULE: &str = "aws_network_acl_rule";
const ASSOCIATION: &str = "aws_network_acl_association";
/// The network ACLs themselves.
const ACLS: [&str; 2] = ["aws_network_acl", "aws_default_network_acl"];

/// A network ACL of ours.
#[derive(Debug, Clone)]
pub(super) struct OwnEdge {
    pub(super) name: String,
    subnets: BTreeSet<String>,
}

/// Network ACLs of ours, by id.
pub(super) type Edges = BTreeMap<String, OwnEdge>;

impl TerraformPlan {
    /// The network ACLs of ours that are there: in the estate, and in what Terraform knows.
    pub(super) fn own_edges(&self, bodies: &[Body]) -> Edges {
        let mut edges = Edges::new();
        for sides in self.resources.values().filter(|one| ACLS.contains(&one.kind.as_str())) {
            let Some(values) = sides.before.as_ref().filter(|values| is_tagged(values)) else {
                continue;
            };
            let mut tags = ["tags", "tags_all"].into_iter().filter_map(|key| values.get(key));
            let name = tags.find_map(|tags| text(tags, "Name"));
            let subnets = texts(values, "subnet_ids").map(str::to_owned).collect();
            if let Some(id) = text(values, "id") {
                let name = name.unwrap_or(id).to_owned();
                edges.insert(id.to_owned(), OwnEdge { name, subnets });
            }
        }
        for item in listed(bodies, "NetworkAcls") {
            let body = value_of(item);
            let Some(id) = text(&body, "NetworkAclId").filter(|_| is_managed(&body)) else {
                continue;
            };
            let mut tags = item.get("Tags").into_iter().flat_map(Node::items);
            let name = tags.find_map(|tag| {
                let is_name = tag.get("Key").and_then(Node::as_str) == Some("Name");
                tag.get("Value").and_then(Node::as_str).filter(|_| is_name)
            });
            let associations = item.get("Associations").into_iter().flat_map(Node::items);
            let subnets = associations
                .filter_map(|one| one.get("SubnetId").and_then(Node::as_str).map(str::to_owned));
            let name = name.unwrap_or(id).to_owned();
            edges.insert(id.to_owned(), OwnEdge { name, subnets: subnets.collect() });
        }
        edges
    }

    /// What a change does to network ACLs of ours; nothing where it is about something else.
    pub(super) fn of_edges(
        &self,
        change: &PlannedChange,
        sides: &Sides,
        edges: &Edges,
    ) -> Option<Vec<Touched>> {
        let kind = change.kind.as_str();
        if kind == RULE {
            return Some(self.of_entry(change, sides, edges));
        }
        if kind == ASSOCIATION {
            return Some(self.of_association(change, sides, edges));
        }
        if !ACLS.contains(&kind) {
            return None;
        }
        let mut found = itself(change.action, sides, edges);
        found.extend(self.moved(change, sides, edges));
        Some(found)
    }

    /// An entry of a network ACL of ours, before or after.
    fn of_entry(&self, change: &PlannedChange, sides: &Sides, edges: &Edges) -> Vec<Touched> {
        let fields = |side: &Option<Value>| side.as_ref().and_then(Value::as_object).cloned();
        let (before, after) = (fields(&sides.before), fields(&sides.after));
        let keys = || before.iter().chain(&after).flat_map(serde_json::Map::keys);
        let value = |side: &Option<serde_json::Map<String, Value>>, key: &str| {
            side.as_ref().and_then(|fields| fields.get(key)).cloned()
        };
        let is_same = keys().all(|key| key == "id" || value(&before, key) == value(&after, key));
        let is_open = keys().any(|key| key != "id" && open(sides, key));
        if change.action == PlannedAction::Update && is_same && !is_open {
            return Vec::new();
        }
        let named =
            |side: &Option<Value>| text(side.as_ref()?, "network_acl_id").map(str::to_owned);
        let ids = [named(&sides.before), named(&sides.after)];
        let ids: BTreeSet<String> = ids.into_iter().flatten().collect();
        let mut found: Vec<Touched> = ids
            .iter()
            .filter_map(|id| Some(edges.get(id)?.touched(id, Loosening::Rules, is_open)))
            .collect();
        if open(sides, "network_acl_id") {
            found.extend(self.perhaps(change, "network_acl_id", edges, Loosening::Rules));
        }
        found
    }

    /// Network ACLs of ours that an argument may mean.
    fn perhaps(
        &self,
        change: &PlannedChange,
        key: &str,
        edges: &Edges,
        how: Loosening,
    ) -> Vec<Touched> {
        let Some(meant) = self.meant(&change.address, key) else {
            if edges.is_empty() {
                return Vec::new();
            }
            let part = Part::Edge { subnets: Vec::new() };
            return vec![Touched { part, how, id: None, name: None, unknown: true }];
        };
        let known = meant.iter().filter_map(|id| Some(edges.get(id)?.touched(id, how, true)));
        known.collect()
    }

    /// Which network ACL a subnet has.
    fn of_association(&self, change: &PlannedChange, sides: &Sides, edges: &Edges) -> Vec<Touched> {
        let field = |side: &Option<Value>, key: &str| {
            side.as_ref().and_then(|side| text(side, key)).map(str::to_owned)
        };
        let [before, after] = [&sides.before, &sides.after]
            .map(|side| (field(side, "subnet_id"), field(side, "network_acl_id")));
        let is_open = open(sides, "subnet_id") || open(sides, "network_acl_id");
        if before == after && !is_open {
            return Vec::new();
        }
        let mut found = Vec::new();
        if let (Some(subnet), Some(acl)) = &before
            && let Some(edge) = edges.get(acl)
        {
            found.push(edge.off(acl, [subnet.clone()].into(), is_open));
        }
        let (subnet, acl) = after;
        match subnet {
            Some(subnet) => {
                for (id, edge) in edges.iter().filter(|(_, edge)| edge.subnets.contains(&subnet)) {
                    if acl.as_ref() != Some(id) {
                        found.push(edge.off(id, [subnet.clone()].into(), is_open));
                    }
                }
            }
            None if open(sides, "subnet_id") => {
                found.extend(self.subnets_perhaps(change, "subnet_id", edges));
            }
            None => {}
        }
        found
    }

    /// The subnets that another network ACL than ours takes, and those that ours loses.
    fn moved(&self, change: &PlannedChange, sides: &Sides, edges: &Edges) -> Vec<Touched> {
        let subnets = |side: &Option<Value>| -> BTreeSet<String> {
            side.iter().flat_map(|side| texts(side, "subnet_ids")).map(str::to_owned).collect()
        };
        let (before, after) = (subnets(&sides.before), subnets(&sides.after));
        let own = sides.before.as_ref().and_then(|before| text(before, "id"));
        let own = own.filter(|id| edges.contains_key(*id));
        let is_open = open(sides, "subnet_ids");
        // What is made takes all of its subnets, and what is changed the further ones.
        let taken: BTreeSet<String> = match change.action {
            PlannedAction::Delete => BTreeSet::new(),
            PlannedAction::Update => after.difference(&before).cloned().collect(),
            PlannedAction::Create | PlannedAction::Replace => after.clone(),
        };
        let mut found = Vec::new();
        for (id, edge) in edges.iter().filter(|(id, _)| own != Some(id.as_str())) {
            let lost: BTreeSet<String> = edge.subnets.intersection(&taken).cloned().collect();
            if !lost.is_empty() {
                found.push(edge.off(id, lost, false));
            }
        }
        if let Some((id, edge)) = own.and_then(|id| Some((id, edges.get(id)?)))
            && change.action == PlannedAction::Update
        {
            let lost: BTreeSet<String> = before.difference(&after).cloned().collect();
            if is_open || !lost.is_empty() {
                let lost = if is_open { edge.subnets.clone() } else { lost };
                found.push(edge.off(id, lost, is_open));
            }
        } else if is_open && own.is_none() {
            found.extend(self.subnets_perhaps(change, "subnet_ids", edges));
        }
        found
    }

    /// Subnets that have a network ACL of ours and that an argument may mean.
    fn subnets_perhaps(&self, change: &PlannedChange, key: &str, edges: &Edges) -> Vec<Touched> {
        let Some(meant) = self.meant(&change.address, key) else {
            if edges.values().all(|edge| edge.subnets.is_empty()) {
                return Vec::new();
            }
            let (part, how) = (Part::Edge { subnets: Vec::new() }, Loosening::TakenOff);
            return vec![Touched { part, how, id: None, name: None, unknown: true }];
        };
        let each = edges.iter().filter_map(|(id, edge)| {
            let lost: BTreeSet<String> =
                meant.iter().filter(|one| edge.subnets.contains(*one)).cloned().collect();
            (!lost.is_empty()).then(|| edge.off(id, lost, true))
        });
        each.collect()
    }
}

impl OwnEdge {
    fn touched(&self, id: &str, how: Loosening, unknown: bool) -> Touched {
        let part = Part::Edge { subnets: self.subnets.iter().cloned().collect() };
        Touched { part, how, id: Some(id.to_owned()), name: Some(self.name.clone()), unknown }
    }

    /// It is taken off subnets.
    fn off(&self, id: &str, subnets: BTreeSet<String>, unknown: bool) -> Touched {
        let part = Part::Edge { subnets: subnets.into_iter().collect() };
        Touched { part, ..self.touched(id, Loosening::TakenOff, unknown) }
    }
}

/// A network ACL of ours itself.
fn itself(action: PlannedAction, sides: &Sides, edges: &Edges) -> Vec<Touched> {
    let before = sides.before.as_ref();
    let own = before.and_then(|before| Some((before, text(before, "id")?)));
    let own = own.and_then(|(before, id)| Some((before, id, edges.get(id)?)));
    let Some((before, id, edge)) = own else { return Vec::new() };
    let Some(after) = sides.after.as_ref().filter(|_| action == PlannedAction::Update) else {
        return vec![edge.touched(id, Loosening::Deleted, false)];
    };
    let mut found = Vec::new();
    let lists = ["ingress", "egress"];
    let is_open = lists.iter().any(|key| open(sides, key));
    if is_open || lists.iter().any(|key| before.get(key) != after.get(key)) {
        found.push(edge.touched(id, Loosening::Rules, is_open));
    }
    if is_tagged(before) && !is_tagged(after) {
        let is_open = open(sides, "tags") || open(sides, "tags_all");
        found.push(edge.touched(id, Loosening::Untagged, is_open));
    }
    found
}
