//! Elastic addresses whose interface is not in the input: somebody of the estate has them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use watertight_model::WorkloadKind;
use watertight_model::network::{Endpoint, EndpointRole, SubnetId};

use crate::codes;
use crate::context::{Context, NewWorkload};
use crate::index::Item;
use crate::security_groups;
use crate::shapes::Kind;

/// Infers an interface for each associated address that no endpoint has. Whose it is and what guards
/// it, the input does not tell; that the address leads out of the estate would be wrong.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let endpoints = context.estate.network.endpoints.values();
    let mut held: BTreeSet<IpAddr> =
        endpoints.flat_map(|one| one.public.iter().map(|(_, outer)| *outer)).collect();
    for item in index.of(Kind::Addresses) {
        let interface = context.fields.text(item.node, "NetworkInterfaceId");
        let instance = context.fields.text(item.node, "InstanceId");
        let holder = interface.filter(|id| !id.is_empty()).or(instance).filter(|id| !id.is_empty());
        let Some(public) = context.fields.address(item.node, "PublicIp") else { continue };
        let private = context.fields.address(item.node, "PrivateIpAddress");
        let (Some(holder), Some(private)) = (holder, private) else { continue };
        if context.endpoints.get(holder).is_none() && held.insert(public) {
            infer(context, item, holder, (private, public));
        }
    }
}

fn infer(context: &mut Context<'_>, item: &Item<'_>, holder: &str, address: (IpAddr, IpAddr)) {
    let message =
        format!("the interface `{holder}` is inferred from its elastic address `{}`", address.1);
    context.fields.note(item.node, codes::INFERRED, holder, message);
    let account = context.fields.text(item.node, "NetworkInterfaceOwnerId");
    let account = account.or_else(|| context.account_of(item));
    let region = context.region_of(item);
    let workload = context.add_workload(&NewWorkload {
        id: holder,
        name: "",
        kind: if holder.starts_with("i-") { WorkloadKind::Machine } else { WorkloadKind::Unknown },
        account,
        region,
        vpc: None,
        tags: Vec::new(),
        owner: None,
        stores_data: false,
        origin: Some(item.node.span()),
    });
    let layer = security_groups::unread_layer(context, holder);
    let name = context.name(holder);
    let subnet = subnet_with(context, region, address.0);
    // In no subnet that is known, it is found at its public address alone.
    let (own, public) = match subnet {
        Some(_) => (address.0, vec![address]),
        None => (address.1, Vec::new()),
    };
    let endpoint = context.estate.network.endpoints.push(Endpoint {
        name: name.clone(),
        workload,
        subnet,
        addresses: vec![own],
        delegated: Vec::new(),
        public,
        layers: vec![layer],
        role: EndpointRole::Host,
        inferred: true,
        origin: Some(item.node.span()),
    });
    context.endpoints.insert(name, endpoint);
    context.own(endpoint, workload);
}

/// The one subnet of a region in which a private address is; where several could be meant, none.
fn subnet_with(context: &Context<'_>, region: Option<&str>, address: IpAddr) -> Option<SubnetId> {
    let network = &context.estate.network;
    let mut holding = network.subnets.iter().filter(|(_, subnet)| {
        let own = network.realms[subnet.realm].region.as_deref();
        let is_near = own.is_none() || region.is_none() || own == region;
        is_near && subnet.prefixes.iter().any(|prefix| prefix.contains(address))
    });
    let (first, second) = (holding.next(), holding.next());
    first.filter(|_| second.is_none()).map(|(id, _)| id)
}
