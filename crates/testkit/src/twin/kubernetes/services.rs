//! What leads to services, straight from their documents.
//!
//! Sources: *Service*, *Virtual IPs and Service Proxies* and *Ingress* in the concepts of Kubernetes;
//! the API reference of `OpenShift`'s `Route`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use super::Pod;
use super::read::{items, text};
use super::served::{Behind, has_selector, listings, ways};

/// Whom an ingress or a route leads to. Each is reached over a protocol at a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Led {
    /// Pods, by their places among all, with whether they are reached over IPv6.
    pub pods: BTreeSet<(usize, bool, String, u16)>,
    /// Addresses that no pod has.
    pub outside: BTreeSet<(IpAddr, String, u16)>,
    /// Pods that share an address, as `pods`: one of them.
    pub one_of: BTreeSet<(usize, bool, String, u16)>,
    /// Whether it leads somewhere over TCP of which the objects do not tell.
    pub untold: bool,
}

/// Whom an ingress or a route leads to.
pub fn led(objects: &[Value], pods: &[Pod], front: &Value) -> Led {
    let mut found = Led::default();
    let namespace = text(front, "/metadata/namespace");
    for (name, wanted) in backends(front) {
        let service = objects.iter().find(|object| {
            text(object, "/kind") == "Service"
                && text(object, "/metadata/namespace") == namespace
                && text(object, "/metadata/name") == name
        });
        let Some(service) = service else { continue };
        if !has_selector(service) && listings(objects, service).is_empty() {
            found.untold = true;
            continue;
        }
        let entries = items(service, "/spec/ports").iter();
        // What leads to services speaks HTTP or TLS, over TCP.
        let entries = entries.filter(|entry| protocol_of(entry) == "TCP");
        for entry in entries.filter(|entry| is_wanted(entry, &wanted)) {
            for v6 in [false, true] {
                for (behind, number, _) in ways(objects, pods, service, (entry, v6)) {
                    found.add(pods, v6, (behind, number));
                }
            }
        }
    }
    found
}

impl Led {
    fn add(&mut self, pods: &[Pod], v6: bool, (behind, number): (Behind, u16)) {
        let protocol = "TCP".to_owned();
        match behind {
            Behind::Pod(place) => {
                if pods.get(place).is_some_and(|pod| pod.is_of(v6)) {
                    self.pods.insert((place, v6, protocol, number));
                }
            }
            Behind::Address(address) => drop(self.outside.insert((address, protocol, number))),
            Behind::OneOfSeveral(address) => {
                let holders = pods.iter().enumerate();
                let holders = holders.filter(|(_, pod)| pod.addresses.contains(&address));
                let all = holders.map(|(place, _)| (place, v6, protocol.clone(), number));
                self.one_of.extend(all);
            }
        }
    }

    /// What several lead to.
    #[must_use]
    pub fn union(mut self, other: Self) -> Self {
        self.pods.extend(other.pods);
        self.outside.extend(other.outside);
        self.one_of.extend(other.one_of);
        self.untold |= other.untold;
        self
    }
}

/// Which port of a service is meant.
enum Wanted {
    Any,
    /// The service's own.
    Own(Value),
    /// That of the pods, or the service's own.
    Target(Value),
}

fn backends(front: &Value) -> Vec<(String, Wanted)> {
    if text(front, "/kind") == "Route" {
        let to = front.pointer("/spec/to").into_iter();
        let all = to.chain(items(front, "/spec/alternateBackends"));
        let heavy = all.filter(|one| one.get("weight").and_then(Value::as_u64) != Some(0));
        let port = || front.pointer("/spec/port/targetPort").cloned();
        let wanted = || port().map_or(Wanted::Any, Wanted::Target);
        return heavy.map(|one| (text(one, "/name").to_owned(), wanted())).collect();
    }
    let mut found = Vec::new();
    let mut add = |backend: &Value| {
        if let Some(name) = backend.get("serviceName").and_then(Value::as_str) {
            let own = backend.get("servicePort").cloned().unwrap_or_default();
            found.push((name.to_owned(), Wanted::Own(own)));
            return;
        }
        let port = backend.pointer("/service/port").cloned().unwrap_or_default();
        let own = port.get("number").or(port.get("name")).cloned().unwrap_or_default();
        found.push((text(backend, "/service/name").to_owned(), Wanted::Own(own)));
    };
    let default = front.pointer("/spec/defaultBackend");
    if let Some(backend) = default.or(front.pointer("/spec/backend")) {
        add(backend);
    }
    for rule in items(front, "/spec/rules") {
        items(rule, "/http/paths").iter().filter_map(|path| path.get("backend")).for_each(&mut add);
    }
    found
}

fn is_wanted(entry: &Value, wanted: &Wanted) -> bool {
    let is = |key: &str, value: &Value| entry.get(key) == Some(value);
    match wanted {
        Wanted::Any => true,
        Wanted::Own(value) => is("port", value) || is("name", value),
        Wanted::Target(value) => is("targetPort", value) || is("port", value) || is("name", value),
    }
}

pub(super) fn is_behind(service: &Value, pod: &Pod) -> bool {
    let selector = service.pointer("/spec/selector").and_then(Value::as_object);
    let holds =
        |(key, value): (&String, &Value)| pod.labels.get(key).map(String::as_str) == value.as_str();
    text(service, "/metadata/namespace") == pod.namespace
        && selector.is_some_and(|selector| !selector.is_empty() && selector.iter().all(holds))
}

/// The numbers at which a pod is reached by a port of a service.
pub(super) fn targets(entry: &Value, pod: &Pod) -> Vec<u16> {
    let number = |value: &Value| u16::try_from(value.as_u64().unwrap_or(0)).unwrap_or(0);
    match entry.get("targetPort") {
        None => entry.get("port").map(number).into_iter().collect(),
        Some(Value::String(name)) => {
            let named = pod.ports.iter().filter(|port| port.name == *name);
            let own = named.filter(|port| port.protocol == protocol_of(entry));
            own.map(|port| port.number).collect()
        }
        Some(value) => vec![number(value)],
    }
}

pub(super) fn protocol_of(entry: &Value) -> &str {
    let protocol = text(entry, "/protocol");
    if protocol.is_empty() { "TCP" } else { protocol }
}
