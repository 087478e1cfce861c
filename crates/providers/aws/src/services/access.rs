//! Ways in that people and gateways use: Instance Connect endpoints, Client VPN, VPC links.
//!
//! Each opens connections from its interfaces, and nothing in the VPC can open one to them.

use watertight_model::WorkloadKind;
use watertight_model::network::EndpointRole;

use super::place::{Groups, Infer, Placement, attach_alike, attach_interface, attach_named};
use super::service::{Service, add, label, label_port, slots, tag_map, texts};
use crate::codes;
use crate::context::{Context, Holder};
use crate::index::Item;
use crate::shapes::Kind;

/// Converts them.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::InstanceConnectEndpoints) {
        instance_connect(context, item);
    }
    for item in index.of(Kind::ClientVpnEndpoints) {
        client_vpn(context, item);
    }
    for item in index.of(Kind::ApiVpcLinks) {
        vpc_link(context, item);
    }
}

fn instance_connect(context: &mut Context<'_>, item: &Item<'_>) {
    let state = context.fields.text(item.node, "State");
    if matches!(state, Some("create-failed" | "delete-in-progress" | "delete-complete")) {
        return;
    }
    let tags = context.fields.tags(item.node, "Tags");
    let name = context.fields.name_tag(item.node, "Tags").unwrap_or_default();
    let vpc = context.fields.text(item.node, "VpcId");
    let kind = WorkloadKind::PrivateService;
    let workload = add(
        context,
        item,
        Service { id: item.id, name, kind, vpc, tags, owner: None, stores_data: false },
    );
    label(context, workload, "aws.type", "instance-connect-endpoint");
    let subnet = context.fields.text(item.node, "SubnetId");
    let groups = texts(context, item.node, "SecurityGroupIds");
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: subnet.into_iter().map(|subnet| vec![subnet]).collect(),
        groups: Groups::required(groups),
        role: EndpointRole::InitiatesOnly,
    };
    let mut found = false;
    for interface in context.fields.texts(item.node, "NetworkInterfaceIds") {
        found |= attach_interface(context, &placement, interface).is_some();
    }
    if !found {
        attach_named(context, &placement, Infer::Each, |unowned| {
            unowned.holder == Holder::Service(kind, item.id)
        });
    }
    if context.fields.flag(item.node, "PreserveClientIp") == Some(true) {
        let message = format!("`{}` keeps its clients' addresses, which are not told", item.id);
        context.fields.note(item.node, codes::NOT_MODELLED, item.id, message);
    }
}

fn client_vpn(context: &mut Context<'_>, item: &Item<'_>) {
    let status = context.fields.object(item.node, "Status");
    let status = status.and_then(|status| context.fields.text(status, "Code"));
    if matches!(status, Some("deleting" | "deleted")) {
        return;
    }
    let tags = context.fields.tags(item.node, "Tags");
    let name = context.fields.name_tag(item.node, "Tags").unwrap_or_default();
    let vpc = context.fields.text(item.node, "VpcId");
    let workload = add(
        context,
        item,
        Service {
            id: item.id,
            name,
            kind: WorkloadKind::Gateway,
            vpc,
            tags,
            owner: None,
            stores_data: false,
        },
    );
    label(context, workload, "aws.type", "client-vpn");
    label(context, workload, "scheme", "internet-facing");
    let port = context.fields.port(item.node, "VpnPort");
    label_port(context, workload, port);
    if let Some(cidr) = context.fields.text(item.node, "ClientCidrBlock") {
        label(context, workload, "aws.client-cidr", cidr);
    }
    let mut subnets = Vec::new();
    for network in context.fields.objects(item.node, "AssociatedTargetNetworks") {
        let id = context.fields.text(network, "NetworkId");
        subnets.extend(id.filter(|id| id.starts_with("subnet-")));
    }
    let index = context.index;
    for network in index.of(Kind::ClientVpnTargetNetworks) {
        let status = context.fields.object(network.node, "Status");
        let status = status.and_then(|status| context.fields.text(status, "Code"));
        let is_associated =
            !matches!(status, Some("association-failed" | "disassociating" | "disassociated"));
        let is_own = context.fields.text(network.node, "ClientVpnEndpointId") == Some(item.id);
        if is_own && is_associated {
            subnets.extend(context.fields.text(network.node, "TargetNetworkId"));
        }
    }
    let groups = texts(context, item.node, "SecurityGroupIds");
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots(&subnets),
        groups: Groups::required(groups),
        role: EndpointRole::InitiatesOnly,
    };
    attach_named(context, &placement, Infer::Each, |unowned| {
        unowned.holder == Holder::Service(WorkloadKind::Gateway, item.id)
    });
    let message = format!("who dials in to `{}` and what it admits is not modelled", item.id);
    context.fields.warn(item.node, codes::NOT_MODELLED, item.id, message);
}

/// The interfaces by which HTTP APIs reach into a VPC.
fn vpc_link(context: &mut Context<'_>, item: &Item<'_>) {
    let status = context.fields.text(item.node, "VpcLinkStatus");
    if matches!(status, Some("DELETING" | "FAILED")) {
        return;
    }
    let name = context.fields.text(item.node, "Name").unwrap_or_default();
    let tags = tag_map(context, item.node, "Tags");
    let workload = add(
        context,
        item,
        Service {
            id: item.id,
            name,
            kind: WorkloadKind::Gateway,
            vpc: None,
            tags,
            owner: None,
            stores_data: false,
        },
    );
    label(context, workload, "aws.type", "vpc-link");
    let subnets = context.fields.texts(item.node, "SubnetIds");
    let groups = texts(context, item.node, "SecurityGroupIds");
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots(&subnets),
        groups: Groups::required(groups),
        role: EndpointRole::InitiatesOnly,
    };
    attach_alike(context, &placement, Infer::Each, |unowned| {
        unowned.holder == Holder::Service(WorkloadKind::LoadBalancer, "")
    });
}
