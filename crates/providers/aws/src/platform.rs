//! Services that every instance reaches past every guard.

use watertight_model::network::{EndpointId, PlatformService};
use watertight_model::{Name, WorkloadKind};
use watertight_net::{AddressSet, FlowSet, PortSet, Prefix};

use crate::context::Context;

/// The instance metadata service: HTTP at a fixed address of each family.
const METADATA: [&str; 2] = ["169.254.169.254/32", "fd00:ec2::254/128"];

/// All link-local space, and the platform's own unique local space.
const PLATFORM: [&str; 2] = ["169.254.0.0/16", "fd00:ec2::/32"];

/// Neither groups nor ACLs filter what goes to the instance metadata service, the time service,
/// licence activation and the other link-local services.
///
/// Source: Amazon VPC User Guide, "Control traffic to your AWS resources using security groups",
/// "Limitations"; Amazon EC2 User Guide, "Use the Instance Metadata Service".
///
/// Runs when workloads have their endpoints: the metadata service answers instances only, and can
/// be switched off.
pub(crate) fn convert(context: &mut Context<'_>) {
    let estate = &context.estate;
    let refuses: Vec<EndpointId> = estate
        .network
        .endpoints
        .iter()
        .filter(|(_, endpoint)| {
            let workload = &estate.workloads[endpoint.workload];
            workload.kind != WorkloadKind::Machine
                || workload.metadata.is_some_and(|metadata| !metadata.enabled)
        })
        .map(|(id, _)| id)
        .collect();
    let metadata = prefixes(&METADATA);
    // Where services of a mesh answer at link-local addresses, guards do filter.
    let held = estate.network.subnets.values().flat_map(|subnet| subnet.prefixes.iter().copied());
    let held = AddressSet::from_prefixes(held);
    let rest = prefixes(&PLATFORM).difference(&metadata).difference(&held);
    context.estate.network.platform = vec![
        PlatformService {
            name: Name::from("instance-metadata"),
            addresses: metadata,
            flows: FlowSet::tcp(PortSet::single(80)),
            refuses,
        },
        PlatformService {
            name: Name::from("link-local"),
            addresses: rest,
            flows: FlowSet::all(),
            refuses: Vec::new(),
        },
    ];
}

fn prefixes(texts: &[&str]) -> AddressSet {
    AddressSet::from_prefixes(texts.iter().filter_map(|text| text.parse::<Prefix>().ok()))
}
