//! Workloads for the interfaces that no family has claimed.
//!
//! Runs after every family that knows its own interfaces. What an interface tells about its owner
//! (its type, its description) is enough for a workload of the right kind; an interface that tells
//! nothing becomes a workload of the kind `unknown`, since anything could run behind it.

use watertight_model::network::{EndpointId, EndpointRole, Front};
use watertight_model::{WorkloadId, WorkloadKind};

use crate::codes;
use crate::context::{Context, Holder, NewWorkload, Unowned};
use crate::interfaces::is_unattached;

/// Makes workloads of what is left in `Context::unowned`.
pub(crate) fn convert(context: &mut Context<'_>) {
    let unowned = std::mem::take(&mut context.unowned);
    for (endpoint, interface) in unowned {
        let workload = workload_of(context, &interface);
        context.own(endpoint, workload);
        if let Holder::LoadBalancer(path) = interface.holder {
            context.warn_missing(interface.item.node, "load balancer", path);
            unread_front(context, endpoint, workload);
        }
    }
}

/// Makes an interface that of a load balancer of which the input does not tell what it hears.
fn unread_front(context: &mut Context<'_>, endpoint: EndpointId, workload: WorkloadId) {
    let network = &mut context.estate.network;
    let known = network.fronts.iter().find(|(_, one)| one.workload == workload).map(|(id, _)| id);
    let front = known.unwrap_or_else(|| {
        let known = &context.estate.workloads[workload];
        network.fronts.push(Front {
            name: known.id.clone(),
            workload,
            endpoints: Vec::new(),
            listeners: Vec::new(),
            cross_zone: true,
            listeners_read: false,
            origin: known.origin,
        })
    });
    network.fronts[front].endpoints.push(endpoint);
    network.endpoints[endpoint].role = EndpointRole::Front(front);
}

fn workload_of(context: &mut Context<'_>, interface: &Unowned<'_>) -> WorkloadId {
    let item = interface.item;
    let vpc = context.fields.text(item.node, "VpcId");
    let account = context.account_of(&item);
    let region = context.region_of(&item);
    let (kind, holder) = match interface.holder {
        Holder::LoadBalancer(path) => (WorkloadKind::LoadBalancer, path),
        Holder::Function(name) => (WorkloadKind::Function, name),
        Holder::Service(kind, name) => (kind, name),
        Holder::Unknown => (WorkloadKind::Unknown, ""),
    };
    if kind == WorkloadKind::Unknown {
        let message = if is_unattached(item.node) {
            format!("the interface `{}` is attached to nothing", item.id)
        } else {
            format!("the input does not tell whose interface `{}` is", item.id)
        };
        context.fields.note(item.node, codes::UNKNOWN_OWNER, item.id, message);
    }
    // A holder's name is unique in one VPC only.
    let id = match (holder, vpc) {
        ("", _) => item.id.to_owned(),
        (holder, vpc) => format!("{}/{}/{holder}", vpc.unwrap_or_default(), kind.word()),
    };
    let name = if holder.is_empty() {
        context.fields.name_tag(item.node, "TagSet").unwrap_or_default()
    } else {
        holder.split('/').nth(1).unwrap_or(holder)
    };
    let tags = context.fields.tags(item.node, "TagSet");
    let stores_data = matches!(
        kind,
        WorkloadKind::Database | WorkloadKind::FileSystem | WorkloadKind::ObjectStore
    );
    context.add_workload(&NewWorkload {
        id: &id,
        name,
        kind,
        account,
        region,
        vpc,
        tags,
        owner: None,
        stores_data,
        origin: Some(item.node.span()),
    })
}
