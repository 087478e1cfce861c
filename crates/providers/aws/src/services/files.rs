//! File systems: EFS with its mount targets, and `FSx`.

use std::collections::BTreeMap;

use watertight_model::WorkloadKind;
use watertight_model::network::EndpointRole;

use super::place::{Groups, Placement, attach_interface, infer_in};
use super::service::{Service, add, label, texts};
use crate::context::Context;
use crate::index::Item;
use crate::shapes::Kind;

/// Converts file systems.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let mut targets: BTreeMap<&str, Vec<&Item<'_>>> = BTreeMap::new();
    for item in index.of(Kind::MountTargets) {
        if let Some(system) = context.fields.required_text(item.node, "FileSystemId") {
            targets.entry(system).or_default().push(item);
        }
    }
    for item in index.of(Kind::FileSystems) {
        let id = context.fields.text(item.node, "FileSystemId").unwrap_or(item.id);
        let targets = targets.remove(id).unwrap_or_default();
        file_system(context, item, id, &targets);
    }
    for (id, targets) in targets {
        // Mount targets of a file system that the input does not hold.
        if let Some(first) = targets.first() {
            context.warn_missing(first.node, "file system", id);
            file_system(context, first, id, &targets);
        }
    }
}

fn file_system(context: &mut Context<'_>, item: &Item<'_>, id: &str, targets: &[&Item<'_>]) {
    let mut tags = context.fields.tags(item.node, "Tags");
    let named = tags.iter().find(|(key, value)| *key == "Name" && !value.is_empty());
    let name = named.map(|(_, value)| *value).or_else(|| context.fields.text(item.node, "Name"));
    tags.retain(|(key, _)| !key.is_empty());
    let first = targets.first().map(|target| target.node);
    let vpc = first.and_then(|node| context.fields.text(node, "VpcId"));
    let vpc = vpc.or_else(|| context.fields.text(item.node, "VpcId"));
    let workload = add(
        context,
        item,
        Service {
            id,
            name: name.unwrap_or_default(),
            kind: WorkloadKind::FileSystem,
            vpc,
            tags,
            owner: None,
            stores_data: true,
        },
    );
    if !targets.is_empty() {
        label(context, workload, "aws.port", "2049");
    }
    for target in targets {
        let groups = groups(context, target);
        let placement = Placement {
            workload,
            id: target.id,
            node: target.node,
            slots: Vec::new(),
            groups: Groups::required(groups),
            role: EndpointRole::Host,
        };
        mount(context, &placement, target);
    }
    // FSx lists its interfaces itself; what the input does not hold of them is inferred.
    let interfaces = context.fields.texts(item.node, "NetworkInterfaceIds");
    let placement = Placement {
        workload,
        id,
        node: item.node,
        slots: Vec::new(),
        groups: Groups::Unread,
        role: EndpointRole::Host,
    };
    let mut found = false;
    for interface in interfaces {
        found |= attach_interface(context, &placement, interface).is_some();
    }
    if !found {
        for subnet in context.fields.texts(item.node, "SubnetIds") {
            infer_in(context, &placement, subnet);
        }
    }
}

/// A mount target: its interface, or one inferred with its address.
fn mount(context: &mut Context<'_>, placement: &Placement<'_>, target: &Item<'_>) {
    let state = context.fields.text(target.node, "LifeCycleState");
    if matches!(state, Some("deleted" | "deleting" | "error")) {
        return;
    }
    let interface = context.fields.text(target.node, "NetworkInterfaceId");
    let attached = interface.and_then(|id| attach_interface(context, placement, id));
    let Some(subnet) = context.fields.required_text(target.node, "SubnetId") else { return };
    if attached.is_some() {
        return;
    }
    if let Some(endpoint) = infer_in(context, placement, subnet) {
        let address = context.fields.address(target.node, "IpAddress");
        let v6 = context.fields.address(target.node, "Ipv6Address");
        let addresses = &mut context.estate.network.endpoints[endpoint].addresses;
        addresses.extend(address);
        addresses.extend(v6);
    }
}

/// The groups of a mount target, which a call of its own tells.
fn groups<'t>(context: &mut Context<'t>, target: &Item<'_>) -> Option<Vec<&'t str>> {
    let item = *context.index.find(Kind::MountTargetSecurityGroups, target.id)?;
    texts(context, item.node, "SecurityGroups")
}
