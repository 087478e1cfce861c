//! Network ACLs at the edges of subnets.
//!
//! Source: the documentation of Terraform's AWS provider, `aws_network_acl`, `aws_network_acl_rule` (imported
//! as `ID:NUMBER:PROTOCOL:EGRESS`) and `aws_network_acl_association` (taken away, the subnet has the
//! default one of its VPC).

use serde_json::{Value, json};
use watertight_compile::{Action, EdgeEntry, Plan, PlannedEdge};

use super::names::{alias, identifier, literal};
use super::{File, TerraformError};
use crate::plane::edges::BASE;
use crate::plane::render::MANAGED;

/// The type of lists.
const ACL: &str = "aws_network_acl";
/// The type of their entries.
const ENTRY: &str = "aws_network_acl_rule";
/// The type of what puts one at the edge of a subnet.
const ASSOCIATION: &str = "aws_network_acl_association";

/// Writes them.
pub(super) fn write(file: &mut File<'_>, plan: &Plan) -> Result<(), TerraformError> {
    for edge in &plan.edges {
        acl(file, edge)?;
    }
    for step in &plan.steps {
        let Action::SetEdge { subnet, to, .. } = &step.action else { continue };
        if !plan.edges.iter().any(|edge| edge.name == *to) {
            file.notes.push(format!(
                "{subnet} is to have {to} again: without its association in the configuration it gets the \
                 default network ACL of its VPC; put {to} there where subnets are configured"
            ));
        }
    }
    if !plan.edges.is_empty() {
        file.notes.push(String::from(
            "a network ACL is put at the edge of a subnet in place of what is there: where that is configured \
             too, as in `subnet_ids` of `aws_network_acl`, take the subnet out of it",
        ));
    }
    Ok(())
}

fn acl(file: &mut File<'_>, edge: &PlannedEdge) -> Result<(), TerraformError> {
    let name = identifier(&edge.name);
    let provider = format!("aws.{}", alias(&edge.account, &edge.region));
    let value = json!({
        "provider": provider,
        "vpc_id": literal(&edge.realm),
        "tags": {"Name": literal(&edge.name), MANAGED: "true", BASE: literal(&edge.base)},
    });
    file.add(ACL, name.clone(), value)?;
    if let Some(id) = &edge.there {
        file.import(ACL, &name, id);
    }
    let acl = format!("${{{ACL}.{name}.id}}");
    for entry in &edge.entries {
        let way = if entry.egress { "out" } else { "in" };
        let own = format!("{name}_{way}_{}", entry.number);
        if let Some(id) = &edge.there {
            let EdgeEntry { egress, number, protocol, .. } = entry;
            file.import(ENTRY, &own, &format!("{id}:{number}:{protocol}:{egress}"));
        }
        file.add(ENTRY, own, rule(entry, &provider, &acl))?;
    }
    for subnet in &edge.subnets {
        let value = json!({
            "provider": provider,
            "network_acl_id": acl,
            "subnet_id": literal(subnet),
        });
        file.add(ASSOCIATION, format!("{name}_{}", identifier(subnet)), value)?;
    }
    Ok(())
}

fn rule(entry: &EdgeEntry, provider: &str, acl: &str) -> Value {
    let block = if entry.prefix.contains(':') { "ipv6_cidr_block" } else { "cidr_block" };
    let mut value = json!({
        "provider": provider,
        "network_acl_id": acl,
        "rule_number": entry.number,
        "egress": entry.egress,
        "protocol": entry.protocol,
        "rule_action": if entry.allow { "allow" } else { "deny" },
        block: entry.prefix,
    });
    if let Some((from, to)) = entry.ports {
        (value["from_port"], value["to_port"]) = (json!(from), json!(to));
    }
    if let Some((of, code)) = entry.icmp {
        (value["icmp_type"], value["icmp_code"]) = (json!(of), json!(code));
    }
    value
}
