//! What cuts the live connections of an interface, since security groups do not.
//!
//! Sources: Amazon EC2 user guide, "Security group connection tracking" (what is tracked goes on when groups
//! change; timeouts); Amazon VPC user guide, "Network ACLs" (an entry reads the address of the other side: the
//! source of what comes into the subnet, the destination of what leaves it) and "Amazon VPC quotas".

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_net::Prefix;
use watertight_source::Node;

use super::facts::{Described, interface_facts};
use super::value::value_of;
use crate::Body;

/// Entries of a network ACL in one direction that an account has without asking for more.
const ENTRIES_MAX: usize = 20;
/// The number of the entry that ends every list.
const LAST: i64 = 32_767;
/// So many network ACLs are told of.
const TOLD_MAX: usize = 4;

/// What goes on after the groups of an interface changed, and what would cut it, at which price.
pub(super) fn told(bodies: &[Body], described: &Described<'_>, interface: &str) -> Vec<String> {
    let Some(body) = described.interface(interface).map(value_of) else { return Vec::new() };
    let facts = interface_facts(&body);
    let list = |key: &str| facts.get(key).cloned().unwrap_or_default();
    let subnet = list("subnet").concat();
    let hosts: Vec<String> = list("addresses")
        .iter()
        .filter_map(|address| Some(Prefix::host(address.parse().ok()?).to_string()))
        .collect();
    let (needed, hosts) = (hosts.len(), hosts.join(", "));
    let mut lines = vec![
        format!(
            "{interface}: connections that are established and tracked go on until they end or are \
             forgotten (TCP that is idle: after 5 days, or 350 s on the newest kinds of machines); what \
             rules to and from everywhere let through is not tracked and ends at once"
        ),
        format!(
            "to cut them all: stop the machine, or detach {interface}; or deny everything in the network \
             ACL of {subnet}, which cuts everybody in it"
        ),
        format!(
            "to cut those that cross into other subnets of the VPC: deny {hosts} as the first entries, in \
             and out, of the network ACLs of these; one in that of {subnet} itself would match nothing, \
             since entries read the other side's address. What stays within {subnet}, and what comes \
             from outside of the VPC, goes on"
        ),
    ];
    let vpc = body["VpcId"].as_str().unwrap_or_default();
    let acls = acls(bodies, vpc, &subnet);
    lines.extend(acls.iter().take(TOLD_MAX).map(|(id, acl)| of_acl(id, acl, needed)));
    if let Some(more) = acls.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more network ACLs"));
    }
    lines
}

/// The network ACLs of a VPC that other subnets have.
fn acls(bodies: &[Body], vpc: &str, subnet: &str) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for body in bodies {
        for acl in body.tree.root().get("NetworkAcls").into_iter().flat_map(Node::items) {
            let acl = value_of(acl);
            let of = acl["Associations"].as_array().into_iter().flatten();
            let has_others = of.clone().any(|one| one["SubnetId"] != *subnet);
            if let (true, true, Some(id)) =
                (acl["VpcId"] == *vpc, has_others, acl["NetworkAclId"].as_str())
            {
                found.insert(id.to_owned(), acl.clone());
            }
        }
    }
    found
}

/// Whether there is room in a network ACL, and before which entry.
fn of_acl(id: &str, acl: &Value, needed: usize) -> String {
    let side = |is_egress: bool| -> String {
        let entries = acl["Entries"].as_array().into_iter().flatten();
        let own = entries.filter(|one| one["Egress"] == is_egress);
        let numbers: BTreeSet<i64> =
            own.filter_map(|one| one["RuleNumber"].as_i64()).filter(|one| *one < LAST).collect();
        let before = numbers.first().copied().unwrap_or(LAST);
        let (count, word) = (numbers.len(), if is_egress { "out" } else { "in" });
        if count.saturating_add(needed) > ENTRIES_MAX {
            return format!("{word} has no room: {count} of {ENTRIES_MAX} entries");
        }
        if before <= i64::try_from(needed).unwrap_or(i64::MAX) {
            return format!("{word} has no number before its first entry, {before}");
        }
        format!("{word} before {before}, with {count} of {ENTRIES_MAX} entries")
    };
    format!("  {id}: {}; {}", side(false), side(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn acl(count: i64, first: i64) -> Value {
        let entries = (0..count).flat_map(|more| {
            [true, false].map(|egress| json!({"Egress": egress, "RuleNumber": first + more}))
        });
        let last = [true, false].map(|egress| json!({"Egress": egress, "RuleNumber": LAST}));
        json!({ "Entries": entries.chain(last).collect::<Vec<_>>() })
    }

    /// One below, at and above the most entries; and with a number before the first, and with none.
    #[test]
    fn a_network_acl_has_room_for_twenty_entries_and_a_number_before_the_first() {
        let told = |count, first| of_acl("acl-1", &acl(count, first), 1);
        assert_eq!(
            told(18, 100),
            "  acl-1: in before 100, with 18 of 20 entries; out before 100, with 18 of 20 entries"
        );
        assert!(told(19, 100).contains("in before 100, with 19 of 20"), "{}", told(19, 100));
        assert!(told(20, 100).contains("in has no room: 20 of 20 entries"), "{}", told(20, 100));
        assert!(told(3, 2).contains("in before 2"), "{}", told(3, 2));
        assert!(told(3, 1).contains("in has no number before its first entry, 1"));
    }
}
