//! How stores in the provider's own plane are reached: at the addresses of their service, through
//! gateway endpoints, and through interface endpoints that answer to the service's own name.
//!
//! "Gateway endpoints" and "Access AWS services through AWS PrivateLink" (AWS `PrivateLink` guide),
//! "AWS-managed prefix lists" (Amazon VPC user guide): a service's list holds the addresses of its
//! public endpoints in the region.

use std::collections::BTreeMap;

use watertight_model::network::{EndpointId, GatewayId, ListContent, Origin, Unaddressed};
use watertight_net::AddressSet;

use crate::context::Context;
use crate::shapes::Kind;

/// What the input tells of the ways to the provider's services, by the name of the service in its
/// region (`eu-central-1.s3`).
#[derive(Debug, Default)]
pub(crate) struct Plane {
    services: BTreeMap<String, Ways>,
}

#[derive(Clone, Debug, Default)]
struct Ways {
    /// The addresses of its prefix list, where the input holds the list.
    listed: Option<AddressSet>,
    gateways: Vec<GatewayId>,
    interfaces: Vec<EndpointId>,
    /// All interfaces, those among them that have names of their own only.
    private: Vec<EndpointId>,
}

impl Plane {
    /// Reads VPC endpoints and the provider's prefix lists.
    pub(crate) fn read(context: &mut Context<'_>) -> Self {
        let mut plane = Self::default();
        let index = context.index;
        for kind in [Kind::ManagedPrefixLists, Kind::PrefixLists] {
            for item in index.of(kind) {
                let name = context.fields.text(item.node, "PrefixListName").unwrap_or_default();
                let list = context.lists.get(item.id);
                let list = list.map(|list| &context.estate.network.lists[list].content);
                if let (Some(service), Some(ListContent::Known(prefixes))) =
                    (name.strip_prefix("com.amazonaws."), list)
                {
                    let listed = AddressSet::from_prefixes(prefixes.iter().copied());
                    plane.service(service).listed = Some(listed);
                }
            }
        }
        for item in index.of(Kind::VpcEndpoints) {
            let name = context.fields.text(item.node, "ServiceName").unwrap_or_default();
            let Some(service) = name.strip_prefix("com.amazonaws.") else { continue };
            if let Some(gateway) = context.gateways.get(item.id) {
                plane.service(service).gateways.push(gateway);
                continue;
            }
            let Some(workload) = context.workloads.get(item.id) else { continue };
            let own = context.estate.workloads[workload].endpoints.clone();
            let named = context.fields.flag(item.node, "PrivateDnsEnabled") == Some(true);
            // For S3, that may hold for what comes in from outside of the VPC alone.
            let options = context.fields.object(item.node, "DnsOptions");
            let inbound = options.and_then(|options| {
                context.fields.flag(options, "PrivateDnsOnlyForInboundResolverEndpoint")
            });
            let ways = plane.service(service);
            ways.private.extend(own.iter().copied());
            if named && inbound != Some(true) {
                ways.interfaces.extend(own);
            }
        }
        for ways in plane.services.values_mut() {
            ways.gateways.sort_unstable();
            ways.interfaces.sort_unstable();
        }
        plane
    }

    fn service(&mut self, name: &str) -> &mut Ways {
        self.services.entry(name.to_owned()).or_default()
    }

    fn ways(&self, service: &str, region: Option<&str>) -> Option<&Ways> {
        self.services.get(&format!("{}.{service}", region?))
    }

    /// What is known of a store's endpoint; its origin guards are for the caller to add.
    pub(crate) fn unaddressed(
        &self,
        context: &mut Context<'_>,
        service: &str,
        region: Option<&str>,
    ) -> Unaddressed {
        let name = match region {
            Some(region) => format!("{service}.{region}"),
            None => service.to_owned(),
        };
        let ways = self.ways(service, region).cloned().unwrap_or_default();
        let public = match (ways.listed, region) {
            (Some(listed), _) => listed,
            (None, Some(_)) => elsewhere(context),
            // It may be any region's.
            (None, None) => AddressSet::all_v4(),
        };
        Unaddressed {
            service: context.name(&name),
            public,
            gateways: ways.gateways,
            interfaces: ways.interfaces,
            opens: false,
            origin_guards: Vec::new(),
        }
    }

    /// The attachments of a service's interface endpoints, whichever names they answer to, ordered.
    pub(crate) fn interfaces(&self, service: &str, region: Option<&str>) -> Vec<EndpointId> {
        let Some(ways) = self.ways(service, region) else { return Vec::new() };
        let mut own = ways.private.clone();
        own.sort_unstable();
        own
    }

    /// The ways through any private endpoint of a service.
    pub(crate) fn private(&self, service: &str, region: Option<&str>) -> Vec<Origin> {
        let Some(ways) = self.ways(service, region) else { return Vec::new() };
        let gateways = ways.gateways.iter().copied().map(Origin::Gateway);
        gateways.chain(ways.private.iter().copied().map(Origin::Interface)).collect()
    }
}

/// Where services answer that have no prefix list in the input: any public IPv4 address that is in
/// no other service's list.
pub(in crate::services) fn elsewhere(context: &Context<'_>) -> AddressSet {
    AddressSet::all_v4().difference(&context.estate.network.service_space)
}
