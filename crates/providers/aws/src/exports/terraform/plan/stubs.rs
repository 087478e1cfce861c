//! Resources that others speak of and that Terraform does not manage, or not in this plan.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::Resource;
use super::{items, text};

/// Types whose resources are parts of another: the attribute that names it, and its type.
const PARTS: [(&str, &str, &str); 15] = [
    ("aws_security_group_rule", "security_group_id", "aws_security_group"),
    ("aws_vpc_security_group_ingress_rule", "security_group_id", "aws_security_group"),
    ("aws_vpc_security_group_egress_rule", "security_group_id", "aws_security_group"),
    ("aws_route", "route_table_id", "aws_route_table"),
    ("aws_route_table_association", "route_table_id", "aws_route_table"),
    ("aws_main_route_table_association", "route_table_id", "aws_route_table"),
    ("aws_network_acl_rule", "network_acl_id", "aws_network_acl"),
    ("aws_network_acl_association", "network_acl_id", "aws_network_acl"),
    ("aws_network_interface_sg_attachment", "network_interface_id", "aws_network_interface"),
    ("aws_network_interface_attachment", "network_interface_id", "aws_network_interface"),
    ("aws_eip_association", "allocation_id", "aws_eip"),
    ("aws_ec2_managed_prefix_list_entry", "prefix_list_id", "aws_ec2_managed_prefix_list"),
    ("aws_internet_gateway_attachment", "internet_gateway_id", "aws_internet_gateway"),
    ("aws_vpn_gateway_attachment", "vpn_gateway_id", "aws_vpn_gateway"),
    ("aws_vpc_ipv4_cidr_block_association", "vpc_id", "aws_vpc"),
];

/// What the parts of either side name and neither side holds: the same on both sides, so that only
/// its parts differ.
pub(super) fn of(before: &[Resource], after: &[Resource]) -> Vec<Resource> {
    let all = || before.iter().chain(after);
    let held = |kind: &str, id: &str| {
        let default = kind.replacen("aws_", "aws_default_", 1);
        all().any(|one| {
            (one.kind == kind || one.kind == default) && text(&one.values, "id") == Some(id)
        })
    };
    let mut named: BTreeSet<(&str, &str)> = BTreeSet::new();
    for resource in all() {
        for (part, key, kind) in PARTS {
            if resource.kind == part
                && let Some(id) = text(&resource.values, key)
                && !held(kind, id)
            {
                named.insert((kind, id));
            }
        }
    }
    let stub =
        |(kind, id): (&str, &str)| Resource { kind: kind.to_owned(), values: json!({ "id": id }) };
    named.into_iter().map(stub).collect()
}

/// Adds what machines that are made tell about interfaces of their own resources: the interfaces
/// themselves tell it only once they are there.
pub(super) fn attached(mut resources: Vec<Resource>) -> Vec<Resource> {
    let mut more = Vec::new();
    for machine in resources.iter_mut().filter(|one| one.kind == "aws_instance") {
        let id = text(&machine.values, "id").unwrap_or_default().to_owned();
        let mut first = None;
        for block in items(&machine.values, "network_interface") {
            let Some(interface) = text(block, "network_interface_id") else { continue };
            if block.get("device_index").and_then(Value::as_i64) == Some(0) {
                first = Some(interface.to_owned());
            }
            more.push(Resource {
                kind: "aws_network_interface_attachment".to_owned(),
                values: json!({ "instance_id": id, "network_interface_id": interface }),
            });
        }
        if let (Some(first), Some(values)) = (first, machine.values.as_object_mut()) {
            values.insert("primary_network_interface_id".to_owned(), json!(first));
        }
    }
    resources.extend(more);
    resources
}
