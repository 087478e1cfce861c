//! The engine, asked in the twin's words.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;
use watertight_aws::{Body, Options, convert};
use watertight_model::network::{Attached, AttachmentId, EndpointId, GatewayId, RealmId, SubnetId};
use watertight_model::{Bounds, Disposition, Estate};
use watertight_net::{Family, Flow, FlowSet, Protocol};
use watertight_reach::{End, OutsideBy, Part, Place, Reach, Start, Step};
use watertight_source::{FileId, Limits, Tree};
use watertight_testkit::twin::aws::{Packet, Start as TwinStart};

/// What becomes of one packet, in terms that engine and twin share.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Every disposition of an outcome.
    pub(crate) dispositions: BTreeSet<&'static str>,
    /// Whether it is delivered: surely, possibly.
    pub(crate) arrives: (bool, bool),
    /// Whether the reply comes back: surely, possibly.
    pub(crate) established: (bool, bool),
    /// The interfaces that accept it for sure.
    pub(crate) delivered_to: BTreeSet<String>,
}

/// A converted estate with its names.
pub(crate) struct Engine {
    pub(crate) estate: Estate,
    /// What the converter said about the bodies.
    pub(crate) told: Vec<String>,
    endpoints: BTreeMap<String, EndpointId>,
    subnets: BTreeMap<String, SubnetId>,
    realms: BTreeMap<String, RealmId>,
    gateways: BTreeMap<String, GatewayId>,
    attachments: BTreeMap<String, AttachmentId>,
}

/// Parses and converts bodies; the estate, and what there was to say about them. Where subnets were listed and the generator made no internet
/// gateway, the answer is an empty list, which it leaves out and a provider does not.
pub(crate) fn converted(files: &[(String, Value)], options: &Options) -> (Estate, Vec<String>) {
    let paths: BTreeSet<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    let answered = paths.iter().filter_map(|path| path.strip_suffix("describe-subnets.json"));
    let asked = answered.map(|folder| format!("{folder}describe-internet-gateways.json"));
    let empty = asked
        .filter(|path| !paths.contains(path.as_str()))
        .map(|path| (path, serde_json::json!({"InternetGateways": []})));
    let empty: Vec<(String, Value)> = empty.collect();
    let bodies: Vec<Body> = files
        .iter()
        .chain(&empty)
        .enumerate()
        .map(|(number, (path, value))| {
            let file = FileId(u32::try_from(number).expect("few files"));
            let text = value.to_string();
            let tree = Tree::parse_json(file, text.as_str(), &Limits::default())
                .expect("generated bodies are JSON");
            Body { path: path.clone(), tree }
        })
        .collect();
    let converted = convert(&bodies, options);
    let told = converted.diagnostics.kept().iter().map(|one| one.message.clone()).collect();
    (converted.estate, told)
}

impl Engine {
    pub(crate) fn new(files: &[(String, Value)]) -> Self {
        let (estate, told) = converted(files, &Options::default());
        let network = &estate.network;
        let mut attachments: BTreeMap<String, AttachmentId> = BTreeMap::new();
        for (id, attachment) in network.attachments.iter() {
            attachments.insert(attachment.name.to_string(), id);
            if let Attached::Outside(name) = &attachment.attached {
                attachments.insert(name.to_string(), id);
            }
        }
        Self {
            endpoints: network
                .endpoints
                .iter()
                .map(|(id, one)| (one.name.to_string(), id))
                .collect(),
            subnets: network.subnets.iter().map(|(id, one)| (one.name.to_string(), id)).collect(),
            realms: network.realms.iter().map(|(id, one)| (one.name.to_string(), id)).collect(),
            gateways: network.gateways.iter().map(|(id, one)| (one.name.to_string(), id)).collect(),
            attachments,
            estate,
            told,
        }
    }

    /// The endpoint of an interface.
    pub(crate) fn endpoint(&self, interface: &str) -> EndpointId {
        *self.endpoints.get(interface).unwrap_or_else(|| panic!("no interface {interface}"))
    }

    /// By what a network outside of the estate is reached.
    pub(crate) fn outside(&self, id: &str) -> OutsideBy {
        match (self.attachments.get(id), self.gateways.get(id)) {
            (Some(attachment), _) => OutsideBy::Attachment(*attachment),
            (None, Some(gateway)) => OutsideBy::Gateway(*gateway),
            (None, None) => panic!("no gateway or attachment {id}"),
        }
    }

    pub(crate) fn asker(&self) -> Asker<'_> {
        Asker { engine: self, reach: Reach::new(&self.estate.network) }
    }

    /// Where a packet starts; nowhere when its sender has no address of the family.
    fn start(&self, packet: &Packet) -> Option<Start> {
        let family = Family::of(packet.destination);
        Some(match &packet.start {
            TwinStart::Interface(id) => {
                let endpoint = self.endpoint(id);
                let own = self.estate.network.endpoints[endpoint].address(family);
                let address = packet.source.or(own)?;
                Start::Endpoint { endpoint, address }
            }
            TwinStart::SubnetAt(id) => {
                Start::Subnet { subnet: self.subnets[id], address: source(packet) }
            }
            TwinStart::Vpc(id) => Start::Realm(self.realms[id]),
            TwinStart::Internet => Start::Internet { address: source(packet) },
            TwinStart::Outside(id) => {
                let by = self.outside(id);
                Start::Outside { by, address: source(packet) }
            }
        })
    }
}

fn source(packet: &Packet) -> IpAddr {
    packet.source.expect("the packet has a source address")
}

/// The single flow of a packet.
pub(crate) fn flow(packet: &Packet) -> FlowSet {
    let protocol = Protocol(packet.protocol);
    let flow = if protocol.has_ports() {
        Flow::Ports {
            protocol,
            source_port: packet.source_port,
            destination_port: packet.destination_port,
        }
    } else if protocol.has_types() {
        Flow::Icmp { protocol, icmp_type: packet.icmp_type, icmp_code: packet.icmp_code }
    } else {
        Flow::Other { protocol }
    };
    flow.into()
}

/// What becomes of a part that ends behind a Box, if the Box passes it unchanged: the engine calls
/// it unknown, the twin tells both bounds.
pub(crate) fn behind_box(part: &Part) -> Option<Disposition> {
    let boxed = |step: &Step| matches!(step, Step::Box { .. });
    if part.disposition != Disposition::Unknown {
        return None;
    }
    let before = part.path.steps.get(..part.ends_at_step)?;
    if !before.iter().any(boxed) {
        return None;
    }
    match &part.path.end {
        _ if part.ends_at_step < part.path.steps.len() => Some(Disposition::DeniedIn),
        End::Stopped { disposition, .. } => Some(*disposition),
        _ => None,
    }
}

/// An engine ready for questions.
pub(crate) struct Asker<'e> {
    engine: &'e Engine,
    pub(crate) reach: Reach<'e>,
}

impl Asker<'_> {
    /// How the engine got there, for people.
    pub(crate) fn ways(&self, packet: &Packet) -> String {
        let Some(start) = self.engine.start(packet) else { return String::new() };
        let parts = self.reach.answer(&start, packet.destination, &flow(packet));
        let mut text = String::new();
        for part in parts {
            let reply = part.reply.map(|reply| {
                let places: Vec<String> =
                    reply.path.steps.iter().map(|step| self.place(step)).collect();
                format!("{:?} {:?} by {}", reply.stop, reply.path.end, places.join(" > "))
            });
            text.push_str(&format!(
                "\n  engine's way: {} at {:?}: {}; reply {reply:?}",
                part.disposition, part.at, part.why
            ));
        }
        text
    }

    fn place(&self, step: &Step) -> String {
        let network = &self.engine.estate.network;
        match step {
            Step::At(Place::Endpoint(id)) => network.endpoints[*id].name.to_string(),
            Step::At(Place::Subnet(id)) => network.subnets[*id].name.to_string(),
            Step::Guards(check) => format!("{:?} guards", check.direction),
            Step::Route { text, .. } => format!("route {text}"),
            other => format!("{other:?}"),
        }
    }

    pub(crate) fn verdict(&self, packet: &Packet) -> Verdict {
        let mut verdict = Verdict::default();
        let Some(start) = self.engine.start(packet) else {
            verdict.dispositions.insert(Disposition::NoRoute.word());
            return verdict;
        };
        let none = Bounds::exact(FlowSet::none());
        let mut established = none;
        for part in self.reach.answer(&start, packet.destination, &flow(packet)) {
            let disposition = behind_box(&part).unwrap_or(part.disposition);
            verdict.dispositions.insert(disposition.word());
            if disposition.is_delivered() {
                verdict.arrives = (true, true);
            }
            if disposition == Disposition::Unknown {
                verdict.arrives.1 = true;
            }
            if let (Disposition::Accepted, Place::Endpoint(id)) = (part.disposition, part.at) {
                let endpoint = &self.engine.estate.network.endpoints[id];
                // The twin names interfaces; a service in no subnet has none.
                if endpoint.subnet.is_some() {
                    verdict.delivered_to.insert(endpoint.name.to_string());
                }
            }
            established.sure = established.sure.union(&part.established.sure);
            established.possible = established.possible.union(&part.established.possible);
        }
        verdict.established = (!established.sure.is_empty(), !established.possible.is_empty());
        verdict
    }
}
