//! T. Transit gateways: attachments, their tables, and the subnets on both sides.

use std::cmp::Reverse;

use super::super::bodies::{Attachment, Subnet, TransitRoute};
use super::super::guards::Verdict;
use super::super::walk::{Crossing, End, Flow, exit, guarded};
use super::super::{Disposition, Estate};
use super::Router;

impl Estate {
    /// The available attachment of a VPC to a transit gateway.
    fn vpc_attachment(&self, transit_gateway: &str, vpc: &str) -> Option<&Attachment> {
        self.bodies.attachments.values().find(|one| {
            one.transit_gateway == transit_gateway
                && one.kind == "vpc"
                && one.resource == vpc
                && one.available
        })
    }

    /// The attachment's subnet in a zone.
    fn attachment_subnet(&self, attachment: &Attachment, zone: &str) -> Option<&Subnet> {
        let mut subnets: Vec<&Subnet> =
            attachment.subnets.iter().filter_map(|id| self.bodies.subnets.get(id)).collect();
        subnets.sort_by_key(|subnet| &subnet.id);
        subnets.into_iter().find(|subnet| subnet.zone == zone)
    }

    pub(super) fn to_transit_gateway(&self, id: &str, router: Router<'_>, flow: Flow) -> Vec<End> {
        let attachment = self.vpc_attachment(id, router.vpc);
        let entry = attachment.and_then(|attachment| {
            let subnet = self.attachment_subnet(attachment, &router.subnet?.zone)?;
            Some((attachment, subnet))
        });
        let Some((attachment, subnet)) = entry else {
            return flow.end(Disposition::NullRouted, router.at);
        };
        let verdict = self.acl_admits(subnet, false, &flow);
        guarded(verdict, flow, Disposition::DeniedIn, &subnet.id, |flow| {
            self.transit(attachment, flow)
        })
    }

    /// From behind a VPN, Direct Connect or connect attachment.
    pub(super) fn enter_by_attachment(&self, id: &str, mut flow: Flow) -> Vec<End> {
        let attachment =
            self.bodies.attachments.values().find(|one| {
                (one.resource == id || one.id == id) && one.available && one.kind != "vpc"
            });
        match attachment {
            Some(attachment) => {
                flow.crossings.push(Crossing::Link);
                self.transit(attachment, flow)
            }
            None => flow.unknown(id, Vec::new()),
        }
    }

    fn transit(&self, entered: &Attachment, mut flow: Flow) -> Vec<End> {
        let here = &entered.transit_gateway;
        flow.path.push(here.clone());
        if flow.revisits(&format!("{here}/{}", entered.id)) {
            return flow.end(Disposition::Loop, here);
        }
        let Some(table) =
            entered.table.as_ref().or_else(|| self.bodies.associations.get(&entered.id))
        else {
            return flow.end(Disposition::NoRoute, here);
        };
        let Some(routes) = self.transit_routes(table) else {
            return flow.unknown(table, Vec::new());
        };
        let matching = routes.iter().filter(|route| route.prefix.contains(flow.destination()));
        let best = matching.min_by_key(|route| (Reverse(route.prefix.length), route.propagated));
        let Some(route) = best else { return flow.end(Disposition::NoRoute, here) };
        let leaving = route
            .attachment
            .as_ref()
            .and_then(|id| self.bodies.attachments.get(&(id.clone(), here.clone())));
        match leaving {
            _ if route.blackhole => flow.end(Disposition::NullRouted, here),
            Some(leaving) if leaving.available => self.leave_transit(entered, leaving, flow),
            _ => flow.end(Disposition::NullRouted, here),
        }
    }

    /// A table's routes, static and learnt; nothing if no body says what is in it.
    fn transit_routes(&self, table: &str) -> Option<Vec<TransitRoute>> {
        let printed = self.bodies.transit_routes.get(table);
        let learnt = self.bodies.propagations.get(table);
        if printed.is_none() && learnt.is_none() {
            return None;
        }
        let mut routes = printed.cloned().unwrap_or_default();
        for id in learnt.into_iter().flatten() {
            let attachments = self.bodies.attachments.values().filter(|one| one.id == *id);
            let vpcs = attachments.filter_map(|one| self.bodies.vpcs.get(&one.resource));
            routes.extend(vpcs.flat_map(|vpc| &vpc.prefixes).map(|prefix| TransitRoute {
                prefix: *prefix,
                propagated: true,
                blackhole: false,
                attachment: Some(id.clone()),
            }));
        }
        Some(routes)
    }

    fn leave_transit(
        &self,
        entered: &Attachment,
        leaving: &Attachment,
        mut flow: Flow,
    ) -> Vec<End> {
        let here = &leaving.transit_gateway;
        flow.crossings.push(Crossing::TransitGateway {
            id: here.clone(),
            entered: entered.id.clone(),
            left: leaving.id.clone(),
        });
        match leaving.kind.as_str() {
            "vpc" => self.leave_transit_to_vpc(leaving, flow),
            "peering" => {
                let (other, id) = self.other_side(leaving);
                match self.bodies.attachments.get(&(id, other.clone())) {
                    Some(attachment) => self.transit(attachment, flow),
                    None => exit(&other, flow),
                }
            }
            "vpn" | "direct-connect-gateway" | "connect" => exit(&leaving.resource, flow),
            _ => flow.unknown(&leaving.resource, Vec::new()),
        }
    }

    /// The transit gateway across a peering, and the id of the attachment there.
    fn other_side(&self, attachment: &Attachment) -> (String, String) {
        for (requester_attachment, peering) in &self.bodies.transit_peerings {
            if *requester_attachment == attachment.id
                && peering.requester == attachment.transit_gateway
            {
                return (peering.accepter.clone(), peering.accepter_attachment.clone());
            }
            if peering.accepter_attachment == attachment.id
                && peering.accepter == attachment.transit_gateway
            {
                return (peering.requester.clone(), requester_attachment.clone());
            }
        }
        (attachment.resource.clone(), attachment.id.clone())
    }

    fn leave_transit_to_vpc(&self, attachment: &Attachment, flow: Flow) -> Vec<End> {
        if !self.bodies.vpcs.contains_key(&attachment.resource) {
            return exit(&attachment.resource, flow);
        }
        let mut ids = attachment.subnets.clone();
        ids.sort();
        let first = ids.iter().find_map(|id| self.bodies.subnets.get(id));
        let subnet = self.attachment_subnet(attachment, &flow.zone).or(first);
        let Some(subnet) = subnet else {
            return flow.unknown(&attachment.id, Vec::new());
        };
        if subnet.prefixes.iter().any(|prefix| prefix.contains(flow.destination())) {
            return self.find_neighbor(subnet, flow);
        }
        let verdict: Verdict = self.acl_admits(subnet, true, &flow);
        guarded(verdict, flow, Disposition::DeniedIn, &subnet.id, |mut flow| {
            flow.path.push(subnet.id.clone());
            flow.zone.clone_from(&subnet.zone);
            self.route_from_subnet(subnet, flow)
        })
    }
}
