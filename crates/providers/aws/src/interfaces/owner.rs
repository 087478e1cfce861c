//! Whose an interface is, by its type, description and requester.

use watertight_model::{WorkloadId, WorkloadKind};
use watertight_source::Node;

use crate::context::{Context, Holder, NewWorkload};
use crate::index::Item;

/// How the descriptions of services' interfaces begin, and what they belong to. What follows is the
/// resource's name.
const DESCRIPTIONS: [(&str, WorkloadKind); 19] = [
    ("Interface for NAT Gateway ", WorkloadKind::Gateway),
    ("Network Interface for Transit Gateway Attachment ", WorkloadKind::Gateway),
    ("ClientVPN Endpoint resource ", WorkloadKind::Gateway),
    ("AWS created network interface for Network Firewall ", WorkloadKind::Gateway),
    ("VPC Endpoint Interface ", WorkloadKind::PrivateService),
    ("VPC Endpoint ", WorkloadKind::PrivateService),
    ("EC2 Instance Connect Endpoint ", WorkloadKind::PrivateService),
    ("RDSNetworkInterface", WorkloadKind::Database),
    ("RedshiftNetworkInterface", WorkloadKind::Database),
    ("ElastiCache ", WorkloadKind::Cache),
    ("ElastiCache+", WorkloadKind::Cache),
    ("ES ", WorkloadKind::Database),
    ("DO NOT DELETE - Amazon MSK network interface for cluster ", WorkloadKind::Queue),
    ("Amazon MSK network interface for cluster ", WorkloadKind::Queue),
    ("Amazon EKS ", WorkloadKind::Cluster),
    ("EFS mount target for ", WorkloadKind::FileSystem),
    ("DocumentDB", WorkloadKind::Database),
    ("arn:aws:ecs:", WorkloadKind::Task),
    ("DMSNetworkInterface", WorkloadKind::Unknown),
];

/// What the interface tells about its owner.
pub(crate) fn holder<'t>(context: &mut Context<'t>, item: &Item<'t>) -> Holder<'t> {
    let of_type = context.fields.text(item.node, "InterfaceType").unwrap_or_default();
    let description = context.fields.text(item.node, "Description").unwrap_or_default();
    if let Some(path) = description.strip_prefix("ELB ") {
        return Holder::LoadBalancer(path);
    }
    if let Some(rest) = description.strip_prefix("AWS Lambda VPC ENI") {
        return Holder::Function(function_name(rest.trim_start_matches(['-', ':', ' '])));
    }
    for (start, kind) in DESCRIPTIONS {
        if let Some(rest) = description.strip_prefix(start)
            && kind != WorkloadKind::Unknown
        {
            let name = rest.split([' ', '(']).next().unwrap_or(rest);
            return Holder::Service(kind, name);
        }
    }
    match of_type {
        "lambda" => Holder::Function(""),
        "network_load_balancer" | "load_balancer" | "gateway_load_balancer" => {
            Holder::LoadBalancer("")
        }
        "nat_gateway" | "transit_gateway" => Holder::Service(WorkloadKind::Gateway, ""),
        "vpc_endpoint" | "gateway_load_balancer_endpoint" | "ec2_instance_connect_endpoint" => {
            Holder::Service(WorkloadKind::PrivateService, "")
        }
        "efs" => Holder::Service(WorkloadKind::FileSystem, ""),
        "branch" => Holder::Service(WorkloadKind::Pod, ""),
        "api_gateway_managed" | "global_accelerator_managed" => {
            Holder::Service(WorkloadKind::LoadBalancer, "")
        }
        _ => Holder::Unknown,
    }
}

/// The machine with this id, added when its own body is not in the input.
pub(crate) fn machine<'t>(context: &mut Context<'t>, item: &Item<'t>, id: &str) -> WorkloadId {
    if let Some(workload) = context.workloads.get(id) {
        return workload;
    }
    let attachment = item.node.get("Attachment");
    let owner = attachment.and_then(|node| node.get("InstanceOwnerId")).and_then(Node::as_str);
    let account = owner.or_else(|| context.account_of(item));
    let region = context.region_of(item);
    let vpc = context.fields.text(item.node, "VpcId");
    context.warn_missing(item.node, "instance", id);
    context.add_workload(&NewWorkload {
        id,
        name: "",
        kind: WorkloadKind::Machine,
        account,
        region,
        vpc,
        tags: Vec::new(),
        owner: None,
        stores_data: false,
        origin: Some(item.node.span()),
    })
}

/// The function's name in `name-<uuid>`.
pub(crate) fn function_name(rest: &str) -> &str {
    // A UUID has 36 characters; a dash stands before it.
    let end = rest.len().saturating_sub(37);
    match rest.get(end..) {
        Some(tail) if tail.starts_with('-') && end > 0 => rest.get(..end).unwrap_or(rest),
        _ => rest,
    }
}
