//! What objects list behind a service that selects no pods.

use std::collections::BTreeSet;
use std::net::IpAddr;

use watertight_model::Name;
use watertight_model::network::EndpointId;
use watertight_net::Protocol;
use watertight_source::Node;

use super::services::ServicePort;
use crate::fields::Notes;
use crate::flows::{port, protocol};
use crate::objects::Object;
use crate::workloads::Pod;

/// Addresses with their ports, as one object lists them.
#[derive(Clone, Debug)]
struct Slice {
    /// Each with whether the object says on which node it is.
    addresses: Vec<(IpAddr, bool)>,
    ports: Vec<(Option<Name>, Protocol, u16)>,
}

/// One address behind a service, with the number at which it is reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Listed {
    pub(super) address: IpAddr,
    pub(super) number: u16,
    /// Whether it is said on which node it is: what is not is on nobody's own.
    ///
    /// Source: Kubernetes API reference, `EndpointSlice`, `Endpoint.nodeName`.
    pub(super) has_node: bool,
}

/// Who has a listed address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Holder {
    /// No pod: it is outside.
    Nobody,
    Pod(EndpointId),
    /// One of several pods; which one is not told.
    OneOf(Vec<EndpointId>),
}

impl Listed {
    /// Who has it. Pods on their host's network share its address: who has the port is meant.
    pub(super) fn holder(&self, pods: &[(&Pod, EndpointId)]) -> Holder {
        let holds = |(pod, _): &&(&Pod, EndpointId)| pod.place.addresses.contains(&self.address);
        let holders: Vec<_> = pods.iter().filter(holds).collect();
        let listens = |pod: &Pod| pod.ports.iter().any(|port| port.number == self.number);
        let by_port: Vec<_> = holders.iter().filter(|(pod, _)| listens(pod)).collect();
        match (holders.as_slice(), by_port.as_slice()) {
            ([], _) => Holder::Nobody,
            ([(_, only)], _) | (_, [(_, only)]) => Holder::Pod(*only),
            _ => Holder::OneOf(holders.iter().map(|(_, endpoint)| *endpoint).collect()),
        }
    }
}

/// All that objects list behind one service.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    /// Whether there is such an object.
    pub(super) are_there: bool,
    slices: Vec<Slice>,
}

impl Lists {
    /// Reads the objects that are a service's.
    pub(super) fn read(objects: &[&Object<'_>], notes: &mut Notes) -> Self {
        let slices = objects.iter().flat_map(|object| slices(object, notes)).collect();
        Self { are_there: !objects.is_empty(), slices }
    }

    /// The addresses, whatever their ports.
    pub(super) fn addresses(&self) -> BTreeSet<IpAddr> {
        let all = self.slices.iter().flat_map(|slice| &slice.addresses);
        all.map(|(address, _)| *address).collect()
    }

    /// The addresses and numbers to which a port leads.
    pub(super) fn behind(&self, port: &ServicePort) -> Vec<Listed> {
        let mut found = Vec::new();
        for slice in &self.slices {
            let fits = |(name, protocol, _): &&(Option<Name>, Protocol, u16)| {
                *protocol == port.protocol
                    && name.as_deref().unwrap_or_default()
                        == port.name.as_deref().unwrap_or_default()
            };
            for (_, _, number) in slice.ports.iter().filter(fits) {
                found.extend(slice.addresses.iter().map(|(address, has_node)| Listed {
                    address: *address,
                    number: *number,
                    has_node: *has_node,
                }));
            }
        }
        // One that several objects list is where one of them says that it is.
        found.sort_by_key(|one| (one.address, one.number, !one.has_node));
        found.dedup_by_key(|one| (one.address, one.number));
        found
    }
}

/// Whether an entry says on which node it is.
fn is_placed(entry: Node<'_>) -> bool {
    entry.get("nodeName").and_then(Node::as_str).is_some_and(|name| !name.is_empty())
}

/// What an `Endpoints` or `EndpointSlice` object lists, whether it is ready at the moment or not: what is
/// not may be a moment later, and no policy decides that.
fn slices(object: &Object<'_>, notes: &mut Notes) -> Vec<Slice> {
    let mut found = Vec::new();
    if object.kind == "EndpointSlice" {
        let mut addresses = Vec::new();
        for endpoint in notes.items(object.node, "endpoints") {
            let has_node = is_placed(endpoint);
            let texts = notes.items(endpoint, "addresses").into_iter().filter_map(Node::as_str);
            let parsed = texts.filter_map(|text| text.parse().ok());
            addresses.extend(parsed.map(|address| (address, has_node)));
        }
        found.push(Slice { addresses, ports: ports(notes, object.node) });
        return found;
    }
    for subset in notes.items(object.node, "subsets") {
        let mut entries = notes.items(subset, "addresses");
        entries.extend(notes.items(subset, "notReadyAddresses"));
        let each = entries.into_iter().filter_map(|one| {
            let address = one.get("ip").and_then(Node::as_str)?.parse().ok()?;
            Some((address, is_placed(one)))
        });
        let addresses = each.collect();
        found.push(Slice { addresses, ports: ports(notes, subset) });
    }
    found
}

fn ports(notes: &mut Notes, node: Node<'_>) -> Vec<(Option<Name>, Protocol, u16)> {
    let mut found = Vec::new();
    for one in notes.items(node, "ports") {
        let number = one.get("port").and_then(|number| port(notes, number));
        if let (Some(number), Some(protocol)) = (number, protocol(notes, one)) {
            found.push((notes.name(one, "name"), protocol, number));
        }
    }
    found
}
