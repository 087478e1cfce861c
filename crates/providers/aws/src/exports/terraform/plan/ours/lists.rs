//! What a plan does to prefix lists that rules of groups of ours name.
//!
//! Source: documentation of `aws_ec2_managed_prefix_list` and `aws_ec2_managed_prefix_list_entry`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_source::Node;

use super::super::super::super::{items, text, texts};
use super::super::super::rules::RULES;
use super::super::{PlannedAction, PlannedChange, Sides, TerraformPlan};
use super::{Loosening, Ours, Part, Touched, listed, open};
use crate::Body;
use crate::plane::value_of;

const LIST: &str = "aws_ec2_managed_prefix_list";
const ENTRY: &str = "aws_ec2_managed_prefix_list_entry";

/// The groups of ours of which rules name prefix lists, by the ids of these.
pub(super) type Lists = BTreeMap<String, BTreeSet<String>>;

impl TerraformPlan {
    /// The prefix lists that rules of groups of ours name: in the estate, and in what Terraform knows.
    pub(super) fn own_lists(&self, bodies: &[Body], ours: &Ours) -> Lists {
        let mut lists = Lists::new();
        let mut add = |list: &str, group: &str| {
            lists.entry(list.to_owned()).or_default().insert(group.to_owned());
        };
        for item in listed(bodies, "SecurityGroups") {
            let id = item.get("GroupId").and_then(Node::as_str);
            let Some(id) = id.filter(|id| ours.contains_key(*id)) else { continue };
            let body = value_of(item);
            for side in ["IpPermissions", "IpPermissionsEgress"] {
                let named = items(&body, side).flat_map(|rule| items(rule, "PrefixListIds"));
                named.filter_map(|one| text(one, "PrefixListId")).for_each(|list| add(list, id));
            }
        }
        for sides in self.resources.values().filter(|one| RULES.contains(&one.kind.as_str())) {
            let Some(before) = &sides.before else { continue };
            let group = text(before, "security_group_id").filter(|id| ours.contains_key(*id));
            let named = texts(before, "prefix_list_ids").chain(text(before, "prefix_list_id"));
            if let Some(group) = group {
                named.for_each(|list| add(list, group));
            }
        }
        lists
    }

    /// What a change does to prefix lists that rules of ours name; nothing where it is about something else.
    pub(super) fn of_lists(
        &self,
        change: &PlannedChange,
        sides: &Sides,
        (lists, ours): (&Lists, &Ours),
    ) -> Option<Vec<Touched>> {
        let named = |side: &Option<Value>, key: &str| text(side.as_ref()?, key).map(str::to_owned);
        match change.kind.as_str() {
            LIST => {
                let Some(id) = named(&sides.before, "id") else { return Some(Vec::new()) };
                if change.action != PlannedAction::Update {
                    return Some(naming(&id, (lists, ours), Loosening::Deleted, false));
                }
                let cidrs = |side: &Option<Value>| -> BTreeSet<String> {
                    let entries = side.iter().flat_map(|side| items(side, "entry"));
                    entries.filter_map(|one| text(one, "cidr")).map(str::to_owned).collect()
                };
                let is_open = open(sides, "entry");
                if !is_open && cidrs(&sides.before) == cidrs(&sides.after) {
                    return Some(Vec::new());
                }
                Some(naming(&id, (lists, ours), Loosening::Rules, is_open))
            }
            ENTRY => {
                let key = "prefix_list_id";
                let of = |side: &Option<Value>| (named(side, key), named(side, "cidr"));
                let is_open = open(sides, key) || open(sides, "cidr");
                if of(&sides.before) == of(&sides.after) && !is_open {
                    return Some(Vec::new());
                }
                let ids = [named(&sides.before, key), named(&sides.after, key)];
                let ids: BTreeSet<String> = ids.into_iter().flatten().collect();
                let how = Loosening::Rules;
                let mut found: Vec<Touched> =
                    ids.iter().flat_map(|id| naming(id, (lists, ours), how, is_open)).collect();
                if open(sides, key) && !lists.is_empty() {
                    let part = || Part::List { id: None };
                    let none =
                        || Touched { part: part(), how, id: None, name: None, unknown: true };
                    found.extend(match self.meant(&change.address, key) {
                        None => vec![none()],
                        Some(meant) => {
                            let each = meant.iter();
                            each.flat_map(|id| naming(id, (lists, ours), how, true)).collect()
                        }
                    });
                }
                Some(found)
            }
            _ => None,
        }
    }
}

/// One for each group of ours that names a prefix list.
fn naming(
    list: &str,
    (lists, ours): (&Lists, &Ours),
    how: Loosening,
    unknown: bool,
) -> Vec<Touched> {
    let groups = lists.get(list).into_iter().flatten();
    let each = groups.filter_map(|group| {
        let name = Some(ours.get(group)?.name.clone());
        let part = Part::List { id: Some(list.to_owned()) };
        Some(Touched { part, how, id: Some(group.clone()), name, unknown })
    });
    each.collect()
}
