//! What could carry or refuse traffic and is not modelled: Boxes with a diagnostic each.

use watertight_model::network::{Gateway, GatewayKind};

use crate::codes;
use crate::context::Context;
use crate::shapes::Kind;

/// What is a Box, and what it is called.
const BOXES: [(Kind, &str); 2] =
    [(Kind::CoreNetworks, "the core network"), (Kind::ListedFirewalls, "the network firewall")];

/// Converts them.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for (kind, what) in BOXES {
        for item in index.of(kind) {
            if item.id.is_empty() || context.gateways.get(item.id).is_some() {
                continue;
            }
            let name = context.name(item.id);
            let text = context.name(&format!("{what} {}", item.id));
            let gateway = context.estate.network.gateways.push(Gateway {
                name: name.clone(),
                kind: GatewayKind::Opaque(text),
                available: true,
                origin: Some(item.node.span()),
            });
            context.gateways.insert(name, gateway);
            let message = format!("what {what} `{}` passes is not modelled", item.id);
            context.fields.warn(item.node, codes::NOT_MODELLED, item.id, message);
        }
    }
    for item in index.of(Kind::DnsFirewallAssociations) {
        // It refuses names, not packets: reachability does not depend on it.
        let message = format!("`{}` filters names; names are not modelled", item.id);
        context.fields.note(item.node, codes::NOT_MODELLED, item.id, message);
    }
}
