//! NAT gateways (Amazon VPC user guide, "NAT gateways"): TCP, UDP and ICMP, not for peers.

use std::net::IpAddr;

use watertight_model::network::{Endpoint, EndpointId, EndpointRole, GatewayKind, SubnetId};
use watertight_model::{Truth, WorkloadId, WorkloadKind};
use watertight_net::{FlowSet, Protocol};
use watertight_source::Node;

use crate::codes;
use crate::context::{Context, NewWorkload};
use crate::gateways;
use crate::index::Item;
use crate::shapes::Kind;

/// Converts NAT gateways. One that is not available has no attachment: it only drops.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::NatGateways) {
        let states: (&[&str], &[&str]) =
            (&["available"], &["pending", "failed", "deleting", "deleted"]);
        let works = context.fields.works(item.node, "State", item.id, states);
        if works != Truth::Yes {
            let state = context.fields.text(item.node, "State").unwrap_or_default();
            let text = context.name(&format!("NAT gateway in state {state}"));
            gateways::add(context, item, GatewayKind::Opaque(text), works);
            continue;
        }
        let subnet = context.fields.text(item.node, "SubnetId");
        let Some(subnet) = subnet.and_then(|id| context.subnets.get(id)) else {
            let message = format!("the subnet of NAT gateway `{}` is not in the input", item.id);
            context.fields.warn(item.node, codes::NOT_MODELLED, item.id, message);
            let text = context.name("NAT gateway in no subnet of the input");
            gateways::add(context, item, GatewayKind::Opaque(text), Truth::Yes);
            continue;
        };
        available(context, item, subnet);
    }
}

/// One address of a NAT gateway.
struct NatAddress<'t> {
    interface: Option<&'t str>,
    private: Option<IpAddr>,
    public: Option<IpAddr>,
    is_primary: bool,
}

fn available<'t>(context: &mut Context<'t>, item: &Item<'t>, subnet: SubnetId) {
    let mut addresses = Vec::new();
    for node in context.fields.objects(item.node, "NatGatewayAddresses") {
        addresses.extend(address(context, node));
    }
    // The primary address comes first; the order of the others stays.
    addresses.sort_by_key(|address| !address.is_primary);
    let workload = workload(context, item);
    let known = addresses.iter().find_map(|address| address.interface);
    let known = known.and_then(|id| context.endpoints.get(id));
    let endpoint = known.unwrap_or_else(|| inferred(context, item, subnet, workload));
    let is_private = context.fields.text(item.node, "ConnectivityType") == Some("private");
    let node = &mut context.estate.network.endpoints[endpoint];
    for address in &addresses {
        let Some(private) = address.private else { continue };
        if !node.addresses.contains(&private) {
            node.addresses.push(private);
        }
        if let Some(public) = address.public.filter(|_| !is_private)
            && !node.public.contains(&(private, public))
        {
            node.public.push((private, public));
        }
    }
    // A NAT gateway has no security group, whatever its interface lists.
    node.layers.clear();
    let carries = [Protocol::TCP, Protocol::UDP, Protocol::ICMP, Protocol::ICMPV6]
        .into_iter()
        .fold(FlowSet::none(), |set, protocol| set.union(&FlowSet::protocol(protocol)));
    let kind =
        GatewayKind::SourceNat { endpoint, carries, admits_transit: true, admits_peers: false };
    let gateway = gateways::add(context, item, kind, Truth::Yes);
    context.estate.network.endpoints[endpoint].role = EndpointRole::Translator(gateway);
    context.own(endpoint, workload);
}

fn address<'t>(context: &mut Context<'t>, node: Node<'t>) -> Option<NatAddress<'t>> {
    let status = context.fields.text(node, "Status");
    let address = NatAddress {
        interface: context.fields.text(node, "NetworkInterfaceId"),
        private: context.fields.address(node, "PrivateIp"),
        public: context.fields.address(node, "PublicIp"),
        is_primary: context.fields.flag(node, "IsPrimary") == Some(true),
    };
    matches!(status, Some("succeeded" | "associating" | "assigning") | None).then_some(address)
}

fn workload<'t>(context: &mut Context<'t>, item: &Item<'t>) -> WorkloadId {
    let tags = context.fields.tags(item.node, "Tags");
    let name = context.fields.name_tag(item.node, "Tags").unwrap_or_default();
    let vpc = context.fields.text(item.node, "VpcId");
    let account = context.account_of(item);
    let region = context.region_of(item);
    context.add_workload(&NewWorkload {
        id: item.id,
        name,
        kind: WorkloadKind::Gateway,
        account,
        region,
        vpc,
        tags,
        owner: None,
        stores_data: false,
        origin: Some(item.node.span()),
    })
}

/// The attachment of a gateway whose interface is not in the input.
fn inferred(
    context: &mut Context<'_>,
    item: &Item<'_>,
    subnet: SubnetId,
    workload: WorkloadId,
) -> EndpointId {
    let message = format!("the interface of NAT gateway `{}` is inferred", item.id);
    context.fields.note(item.node, codes::INFERRED, item.id, message);
    let name = context.name(&format!("{}/interface", item.id));
    let endpoint = context.estate.network.endpoints.push(Endpoint {
        name: name.clone(),
        workload,
        subnet: Some(subnet),
        addresses: Vec::new(),
        delegated: Vec::new(),
        public: Vec::new(),
        layers: Vec::new(),
        role: EndpointRole::Host,
        inferred: true,
        origin: Some(item.node.span()),
    });
    context.endpoints.insert(name, endpoint);
    endpoint
}
