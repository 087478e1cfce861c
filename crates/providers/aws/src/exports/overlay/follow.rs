//! What follows from a change in what the change does not name: a subnet has one network ACL and one
//! route table, so that whoever gains it takes it from another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Overlay;

/// What moved from one table or ACL to another.
#[derive(Default)]
pub(super) struct Moved {
    /// By list and subnet, or VPC for a main table: who holds it now.
    gained: BTreeMap<(&'static str, String), String>,
    /// The subnets that an ACL lost, with the ACL's VPC.
    lost: BTreeMap<String, String>,
    /// Subnets that are new, with their VPCs.
    new: BTreeMap<String, String>,
    /// The VPCs that got another main table.
    mains: BTreeMap<String, String>,
}

/// The subnets of a table or an ACL.
fn subnets(item: &Value) -> BTreeSet<&str> {
    let all = item.get("Associations").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|one| text(one, "SubnetId")).collect()
}

fn is_main(item: &Value) -> bool {
    let mut all = item.get("Associations").and_then(Value::as_array).into_iter().flatten();
    all.any(|one| one.get("Main") == Some(&json!(true)))
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

impl Moved {
    /// Learns what an item gains and loses: what it is in the estate, if anything, and what the change says of it before and after.
    pub(super) fn learn(
        &mut self,
        key: &str,
        (current, before): (Option<&Value>, Option<&Value>),
        after: Option<&Value>,
    ) {
        let nothing = Value::Null;
        let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
        let (list, field) = match key {
            "NetworkAcls" => ("NetworkAcls", "NetworkAclId"),
            "RouteTables" => ("RouteTables", "RouteTableId"),
            "Subnets" => {
                if let (None, Some(id), Some(vpc)) =
                    (current, text(after, "SubnetId"), text(after, "VpcId"))
                {
                    self.new.insert(id.to_owned(), vpc.to_owned());
                }
                return;
            }
            _ => return,
        };
        let was = current.map(subnets).unwrap_or_default();
        let is = subnets(after);
        if let Some(own) = text(after, field) {
            for subnet in is.difference(&subnets(before)) {
                self.gained.insert((list, (*subnet).to_owned()), own.to_owned());
            }
            let vpc = text(after, "VpcId").or_else(|| current.and_then(|one| text(one, "VpcId")));
            if let Some(vpc) = vpc.filter(|_| is_main(after) && !is_main(before)) {
                self.mains.insert(vpc.to_owned(), own.to_owned());
            }
        }
        if list == "NetworkAcls"
            && let Some(vpc) = current.and_then(|one| text(one, "VpcId"))
        {
            // Terraform may not know of what the estate holds: a subnet is lost only to another.
            let gone = was.difference(&is).map(|one| ((*one).to_owned(), vpc.to_owned()));
            self.lost.extend(gone);
        }
    }
}

/// Does what follows.
pub(super) fn apply(overlay: &mut Overlay<'_>, moved: &Moved) {
    for (list, field) in [("NetworkAcls", "NetworkAclId"), ("RouteTables", "RouteTableId")] {
        overlay.update(list, |item| {
            let own = text(item, field).unwrap_or_default().to_owned();
            let takes = |one: &Value| {
                let subnet = text(one, "SubnetId").map(|subnet| (list, subnet.to_owned()));
                let taken = subnet.and_then(|subnet| moved.gained.get(&subnet));
                taken.is_some_and(|holder| *holder != own)
            };
            let vpc = text(item, "VpcId").map(str::to_owned);
            let other = vpc.and_then(|vpc| moved.mains.get(&vpc));
            let is_replaced = list == "RouteTables" && other.is_some_and(|main| *main != own);
            let Some(Value::Array(all)) = item.get_mut("Associations") else { return false };
            let before = all.len();
            all.retain(|one| {
                let is_main = one.get("Main") == Some(&json!(true));
                !(takes(one) || is_main && is_replaced)
            });
            all.len() != before
        });
    }
    default_acls(overlay, moved);
}

/// Gives subnets that no ACL holds to the default one of their VPC.
fn default_acls(overlay: &mut Overlay<'_>, moved: &Moved) {
    let acls = overlay.all("NetworkAcls");
    let held: BTreeSet<&str> = acls.iter().flat_map(subnets).collect();
    let loose: BTreeMap<&String, &String> = moved
        .lost
        .iter()
        .chain(&moved.new)
        .filter(|(one, _)| !held.contains(one.as_str()))
        .collect();
    if loose.is_empty() {
        return;
    }
    overlay.update("NetworkAcls", |item| {
        if item.get("IsDefault") != Some(&json!(true)) {
            return false;
        }
        let id = text(item, "NetworkAclId").unwrap_or_default().to_owned();
        let vpc = text(item, "VpcId").unwrap_or_default().to_owned();
        let own = loose.iter().filter(|(_, of)| ***of == vpc);
        let more: Vec<Value> =
            own.map(|(subnet, _)| json!({"NetworkAclId": id, "SubnetId": subnet})).collect();
        let is_changed = !more.is_empty();
        match item.get_mut("Associations") {
            Some(Value::Array(all)) => all.extend(more),
            _ => item["Associations"] = Value::Array(more),
        }
        is_changed
    });
}
