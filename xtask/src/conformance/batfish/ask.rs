//! Asks for a row's flow and compares the answer.

use std::net::IpAddr;

use watertight_model::network::{AttachmentId, EndpointRole, GatewayKind};
use watertight_model::{Disposition, Estate, Network};
use watertight_net::{AddressSet, Family, FlowSet, Prefix};
use watertight_reach::ends::{self, End};
use watertight_reach::{OutsideBy, Part, Place, Reach, Start, Step};

use super::claim::{Claims, Kind};
use super::row::{Destination, From, Row, Source};

/// One snapshot, ready for questions.
#[derive(Debug)]
pub(super) struct Asked<'e> {
    estate: &'e Estate,
    reach: Reach<'e>,
}

impl<'e> Asked<'e> {
    pub(super) fn new(estate: &'e Estate) -> Self {
        Self { estate, reach: Reach::new(&estate.network) }
    }

    fn network(&self) -> &'e Network {
        &self.estate.network
    }

    /// In what our answer differs from a row.
    pub(super) fn differences(&self, row: &Row) -> Vec<String> {
        let destinations = match self.destinations(row) {
            Ok(destinations) => destinations,
            Err(error) => return vec![error],
        };
        let mut parts = Vec::new();
        for destination in destinations {
            match self.starts(row, Family::of(destination)) {
                Ok(starts) => {
                    for start in starts {
                        parts.extend(self.reach.answer(&start, destination, &row.flows));
                    }
                }
                Err(error) => return vec![error],
            }
        }
        parts.retain(|part| !part.flows.is_empty());
        if parts.is_empty() {
            return vec!["nothing was asked: no start and destination of one family".to_owned()];
        }
        if row.expected.exists {
            let fits = |part: &Part| row.expected.dispositions.contains(&part.disposition);
            parts = if parts.iter().any(fits) {
                parts.into_iter().filter(fits).take(1).collect()
            } else {
                parts
            };
        }
        let mut differences: Vec<String> = parts
            .iter()
            .flat_map(|part| part_differences(&self.names(part.at), row, part))
            .collect();
        if differences.is_empty() {
            differences = self.ways_differences(&row.claims, &parts);
        }
        if row.expected.bidirectional {
            let flows: FlowSet = parts.iter().map(|part| part.flows.clone()).collect();
            let back: FlowSet = parts.iter().map(|part| part.established.sure.clone()).collect();
            if !back.contains(&flows) {
                differences.push(format!("no reply comes back for {}", flows.difference(&back)));
            }
        }
        differences.dedup();
        differences
    }

    /// In what the ways differ. Where a load balancer has several targets the other side followed
    /// one of them: it is enough that one way is the one that the row describes.
    fn ways_differences(&self, claims: &Claims, parts: &[Part]) -> Vec<String> {
        let all: FlowSet = parts.iter().map(|part| part.flows.clone()).collect();
        let whole = parts.iter().filter(|part| part.flows == all);
        if whole.into_iter().any(|part| self.way_differences(claims, part).is_empty()) {
            return Vec::new();
        }
        parts.iter().flat_map(|part| self.way_differences(claims, part)).collect()
    }

    /// In what the way differs from what the row says of it.
    fn way_differences(&self, claims: &Claims, part: &Part) -> Vec<String> {
        let mut found = Vec::new();
        let steps = part.path.steps.iter().take(part.ends_at_step);
        let passed = steps.filter_map(|step| match step {
            Step::At(place)
            | Step::Source { at: place, .. }
            | Step::Destination { at: place, .. }
            | Step::Carry { at: place, .. }
            | Step::Box { at: place, .. } => Some(*place),
            _ => None,
        });
        let mut places: Vec<Vec<&str>> = passed.map(|place| self.names(place)).collect();
        places.push(self.names(part.at));
        let mut rest = places.iter();
        for id in &claims.passes {
            if !rest.by_ref().any(|names| names.contains(&id.as_str())) {
                let ours: Vec<String> = places.iter().map(|names| names.join("=")).collect();
                found.push(format!("our way does not pass `{id}` there: {}", ours.join(" > ")));
                break;
            }
        }
        let stop = self.names(part.at);
        let gets_there = part.disposition == Disposition::ExitsNetwork;
        if let Some(id) = claims.stop_id.as_deref().filter(|_| !gets_there)
            && !stop.contains(&id)
        {
            found.push(format!("ours ends at {}, theirs at {id}", stop.join(" ")));
        }
        if let Some(kind) = claims.stop_kind
            && !is_kind(part.at, kind)
        {
            found.push(format!("ours ends at {}, theirs at a {kind:?}", stop.join(" ")));
        }
        found
    }

    /// Every name of a place.
    fn names(&self, place: Place) -> Vec<&'e str> {
        let network = self.network();
        match place {
            Place::Endpoint(id) => {
                let endpoint = &network.endpoints[id];
                let mut names = vec![endpoint.name.as_str()];
                names.extend(self.estate.workloads.get(endpoint.workload).map(|w| w.id.as_str()));
                if let EndpointRole::Translator(gateway) = endpoint.role {
                    names.push(network.gateways[gateway].name.as_str());
                }
                let service = network.gateways.values().filter(|gateway| {
                    matches!(&gateway.kind, GatewayKind::Service { endpoint } if *endpoint == id)
                });
                names.extend(service.map(|gateway| gateway.name.as_str()));
                names.dedup();
                names
            }
            Place::Subnet(id) => vec![network.subnets[id].name.as_str()],
            Place::Realm(id) => vec![network.realms[id].name.as_str()],
            Place::Gateway(id) => vec![network.gateways[id].name.as_str()],
            Place::Attachment(id) => self.attachment_names(id),
            Place::Internet => vec!["internet"],
        }
    }

    fn attachment_names(&self, id: AttachmentId) -> Vec<&'e str> {
        let network = self.network();
        let attachment = &network.attachments[id];
        vec![network.gateways[attachment.gateway].name.as_str(), attachment.name.as_str()]
    }

    fn destinations(&self, row: &Row) -> Result<Vec<IpAddr>, String> {
        match &row.destination {
            Destination::Address(address) => Ok(vec![*address]),
            Destination::Machine(id) => {
                let end = self.resolve(id)?;
                let all = end.destinations(self.network());
                let few = if row.expected.exists { all.len() } else { 1 };
                Ok(all.into_iter().take(few).collect())
            }
        }
    }

    fn resolve(&self, text: &str) -> Result<End, String> {
        ends::resolve(self.estate, text).map_err(|error| error.to_string())
    }

    fn starts(&self, row: &Row, family: Family) -> Result<Vec<Start>, String> {
        match (&row.source, row.from) {
            (Source::Machine(id), From::Auto | From::Any) => {
                let End::Endpoints { endpoints, .. } = self.resolve(id)? else {
                    return Err(format!("`{id}` is no machine"));
                };
                let starts = endpoints.into_iter().flat_map(|one| self.reach.starts_of(one));
                let of_family =
                    starts.filter(|start| start.source().map(Family::of) == Some(family));
                let few = if row.from == From::Any { usize::MAX } else { 1 };
                Ok(of_family.take(few).collect())
            }
            (Source::Machine(id) | Source::Subnet(id), From::Address(address)) => {
                let end = self.resolve(&format!("{id}@{address}"))?;
                Ok(end.starts(self.network(), family))
            }
            (Source::Realm(id), From::Nowhere | From::Auto) => {
                let end = self.resolve(id)?;
                match end {
                    End::Realm(realm) => Ok(vec![Start::Realm(realm)]),
                    _ => Err(format!("`{id}` is no VPC")),
                }
            }
            (Source::Internet, From::Address(address)) => Ok(vec![Start::Internet { address }]),
            (Source::Internet, From::Auto) => {
                let address = self.internet_address(family)?;
                Ok(vec![Start::Internet { address }])
            }
            (Source::OnPremises, from) => {
                let by = self.on_premises()?;
                let address = match from {
                    From::Address(address) => address,
                    From::Auto | From::Any => self.outside_address(by, family)?,
                    From::Nowhere => return Err("a site sends from an address".to_owned()),
                };
                Ok(vec![Start::Outside { by, address }])
            }
            (source, from) => Err(format!("`src_ip` {from:?} does not go with {source:?}")),
        }
    }

    /// An address of the widest part of the internet: rules name it the least.
    fn internet_address(&self, family: Family) -> Result<IpAddr, String> {
        let widest = |set: &AddressSet| set.prefixes().iter().map(|one| one.len()).min();
        ends::internet_atoms(self.network())
            .into_iter()
            .filter(|(_, address)| Family::of(*address) == family)
            .min_by_key(|(set, _)| widest(set))
            .map(|(_, address)| address)
            .ok_or_else(|| "the internet has no address of the family".to_owned())
    }

    /// The one virtual private gateway of the snapshot.
    fn on_premises(&self) -> Result<OutsideBy, String> {
        let gateways = self.network().gateways.iter();
        let attached: Vec<OutsideBy> = gateways
            .filter(|(_, one)| matches!(one.kind, GatewayKind::Tunnel { realm: Some(_), .. }))
            .map(|(id, _)| OutsideBy::Gateway(id))
            .collect();
        match attached.as_slice() {
            [one] => Ok(*one),
            several => Err(format!("{} attached virtual private gateways, not 1", several.len())),
        }
    }

    /// An address behind a gateway: one that a route sends there, else a private one that nobody
    /// in the estate has.
    fn outside_address(&self, by: OutsideBy, family: Family) -> Result<IpAddr, String> {
        let routed = ends::outside_atoms(self.network(), by).into_iter().map(|(_, one)| one);
        let mut of_family = routed.filter(|address| Family::of(*address) == family);
        if let Some(address) = of_family.next() {
            return Ok(address);
        }
        let spaces = ["172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8", "fd00::/8"];
        let spaces = spaces.iter().filter_map(|text| text.parse::<Prefix>().ok());
        let own = self.network().realms.values().flat_map(|realm| realm.prefixes.iter().copied());
        AddressSet::from_prefixes(spaces)
            .difference(&AddressSet::from_prefixes(own))
            .of_family(family)
            .first()
            .ok_or_else(|| "no private address is free".to_owned())
    }
}

fn part_differences(at: &[&str], row: &Row, part: &Part) -> Vec<String> {
    let mut found = Vec::new();
    let ours = part.disposition;
    if !row.expected.dispositions.contains(&ours) {
        let theirs: Vec<&str> = row.expected.dispositions.iter().map(|one| one.word()).collect();
        let (at, theirs) = (at.join(" "), theirs.join(" or "));
        let (why, flows) = (&part.why, &part.flows);
        found.push(format!("ours is {ours} at {at} ({why}) for {flows}, theirs is {theirs}"));
    }
    if row.reach.is_some_and(|reach| reach != ours.is_delivered()) {
        found.push(format!("ours is {ours}, but `reach` says otherwise"));
    }
    found
}

fn is_kind(place: Place, kind: Kind) -> bool {
    match kind {
        Kind::Endpoint => matches!(place, Place::Endpoint(_)),
        Kind::Subnet => matches!(place, Place::Subnet(_)),
        Kind::Realm => matches!(place, Place::Realm(_)),
        Kind::TransitGateway => matches!(place, Place::Attachment(_) | Place::Gateway(_)),
    }
}
