//! Gateway load balancers: Boxes. What they hand to appliances cannot be read.

use watertight_model::Truth;
use watertight_model::network::{EndpointRole, Gateway, GatewayKind};

use super::elastic::{add_workload, is_named, subnets};
use super::listeners::serves;
use crate::codes;
use crate::context::Context;
use crate::services::place::{Groups, Infer, Placement, attach_named};
use crate::services::service::slots;
use crate::shapes::Kind;

/// Converts gateway load balancers: each attachment is one of an inspection gateway.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::LoadBalancers) {
        if context.fields.text(item.node, "Type") != Some("gateway") {
            continue;
        }
        let workload = add_workload(context, item);
        let subnets = subnets(context, item);
        let ids: Vec<&str> = subnets.iter().map(|(subnet, _)| *subnet).collect();
        let placement = Placement {
            workload,
            id: item.id,
            node: item.node,
            slots: slots(&ids),
            groups: Groups::Open,
            role: EndpointRole::Host,
        };
        let endpoints = attach_named(context, &placement, Infer::Each, |unowned| {
            is_named(unowned.holder, item.id)
        });
        // Behind it is a Box, about which nothing is told for sure whatever its state.
        let available = serves(context, item) != Truth::No;
        for endpoint in endpoints {
            let name = context.estate.network.endpoints[endpoint].name.clone();
            let name = context.name(&format!("{}#{name}", item.id));
            let gateway = context.estate.network.gateways.push(Gateway {
                name: name.clone(),
                kind: GatewayKind::Inspection { endpoint },
                available,
                origin: Some(item.node.span()),
            });
            context.gateways.insert(name, gateway);
            context.estate.network.endpoints[endpoint].role = EndpointRole::Inspector(gateway);
        }
        let message = format!("what the appliances behind `{}` pass cannot be read", item.id);
        context.fields.note(item.node, codes::NOT_MODELLED, item.id, message);
    }
}
