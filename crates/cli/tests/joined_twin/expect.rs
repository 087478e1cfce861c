//! What becomes of connections between a cluster's pods and the cloud, by two slow twins: policies decide
//! at the pods, the cloud at the attachments by which it goes.
//!
//! Sources: Amazon EKS, *Enable outbound internet access for Pods*, *Security groups for Pods* and the
//! plugin's documentation; Kubernetes, *Network Policies* and *Virtual IPs and Service Proxies*.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use watertight_testkit::twin::aws as cloud;
use watertight_testkit::twin::kubernetes::further::primary;
use watertight_testkit::twin::kubernetes::{
    Connection, End, Pod, allows_by_address, lets_by_address,
};

use crate::draw::{Drawn, Place};

pub(crate) const CLIENT_PORT: u16 = 40_000;

/// Whether something is surely delivered, and whether its reply comes back: surely, and perhaps.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) arrives: bool,
    pub(crate) established: (bool, bool),
}

impl Verdict {
    /// What gets there, and back, whatever is asked.
    const SURE: Self = Self { arrives: true, established: (true, true) };

    fn or(self, other: &Self) -> Self {
        Self {
            arrives: self.arrives || other.arrives,
            established: (
                self.established.0 || other.established.0,
                self.established.1 || other.established.1,
            ),
        }
    }
}

/// Both twins, on one estate.
pub(crate) struct Twins<'e> {
    pub(crate) drawn: &'e Drawn,
    pub(crate) cloud: &'e cloud::Estate,
    pub(crate) pods: &'e [Pod],
    /// The machine of each interface that has one.
    pub(crate) machines: &'e BTreeMap<String, String>,
}

impl Twins<'_> {
    pub(crate) fn place(&self, pod: usize) -> &Place {
        &self.drawn.places[pod]
    }

    /// Whether a pod is apart from its node: by an attachment of its own that is strict.
    pub(crate) fn is_apart(&self, pod: usize) -> bool {
        self.place(pod).own && self.drawn.plugin.strict
    }

    /// Whether what a pod sends to an address leaves under its node's: "to any IPv4 address that is not
    /// within a CIDR block that is associated to your VPC", but for those that are excluded.
    pub(crate) fn is_translated(&self, pod: usize, to: IpAddr) -> bool {
        let plugin = &self.drawn.plugin;
        let own = &self.drawn.prefixes[&self.place(pod).vpc];
        let mut kept = own.iter().chain(&plugin.keeps);
        plugin.translates && !self.is_apart(pod) && !kept.any(|prefix| prefix.contains(to))
    }

    fn policies(&self, from: End<'_>, to: End<'_>, port: u16) -> bool {
        let connection = Connection { from, to, protocol: "TCP", port, over_v6: None };
        allows_by_address(&self.drawn.objects, connection)
    }

    fn through(&self, start: (&str, IpAddr), to: IpAddr, port: u16) -> Verdict {
        let packet = packet(start, (to, port));
        let (arrives, _) = self.cloud.accepts(&packet);
        Verdict { arrives, established: self.cloud.establishes(&packet) }
    }

    /// Whether two pods are on different networks that users define.
    pub(crate) fn are_kept_apart(&self, one: usize, other: usize) -> bool {
        let of = |pod: usize| primary(&self.drawn.objects, &self.pods[pod]);
        of(one) != of(other)
    }

    /// What a pod opens to an address that no pod has, and that is not on its node.
    pub(crate) fn pod_sends(&self, pod: usize, to: IpAddr, port: u16) -> Verdict {
        if !self.policies(End::Pod(&self.pods[pod]), End::Outside(to), port) {
            return Verdict::default();
        }
        let place = self.place(pod);
        if self.is_translated(pod, to) {
            let (interface, own) = &self.drawn.primary[&place.instance];
            return self.through((interface, *own), to, port);
        }
        self.through((&place.interface, place.address), to, port)
    }

    /// What somebody at an interface opens to a pod that is not on its machine.
    pub(crate) fn to_pod(&self, from: (&str, IpAddr), pod: usize, port: u16) -> Verdict {
        if !self.policies(End::Outside(from.1), End::Pod(&self.pods[pod]), port) {
            return Verdict::default();
        }
        self.through(from, self.place(pod).address, port)
    }

    /// What a pod opens to another one; nothing where that is not asked here.
    pub(crate) fn between(&self, from: usize, to: usize, port: u16) -> Option<Verdict> {
        let (here, there) = (self.place(from), self.place(to));
        if here.vpc != there.vpc {
            return self.across(from, to, port);
        }
        let is_near = here.instance == there.instance;
        let (sender, receiver) = (&self.pods[from], &self.pods[to]);
        if !self.policies(End::Pod(sender), End::Pod(receiver), port) {
            return Some(Verdict::default());
        }
        if is_near && !self.is_apart(from) && !self.is_apart(to) {
            return Some(Verdict::SURE);
        }
        Some(self.through((&here.interface, here.address), there.address, port))
    }

    /// The same in another network of the cloud: the sender's node may stand in its place there. Addresses
    /// that several networks have are not asked about: whom they mean depends on the way.
    fn across(&self, from: usize, to: usize, port: u16) -> Option<Verdict> {
        let (here, there) = (self.place(from), self.place(to));
        let holds = |address: IpAddr| {
            let all = self.drawn.prefixes.values();
            all.filter(|own| own.iter().any(|prefix| prefix.contains(address))).count()
        };
        if [here.address, there.address].into_iter().any(|one| holds(one) != 1) {
            return None;
        }
        let (sender, receiver) = (End::Pod(&self.pods[from]), End::Pod(&self.pods[to]));
        let (own, seen) = if self.is_translated(from, there.address) {
            let (interface, address) = &self.drawn.primary[&here.instance];
            ((interface, *address), End::Outside(*address))
        } else {
            ((&here.interface, here.address), sender)
        };
        let connection =
            |from| Connection { from, to: receiver, protocol: "TCP", port, over_v6: None };
        let objects = &self.drawn.objects;
        let lets = lets_by_address(objects, connection(sender), "egress")
            && lets_by_address(objects, connection(seen), "ingress");
        Some(if lets {
            self.through((own.0, own.1), there.address, port)
        } else {
            Verdict::default()
        })
    }

    /// What either twin says of a connection between pods, for those who look into a difference.
    pub(crate) fn explained(&self, from: usize, to: usize, port: u16) -> String {
        let (here, there) = (self.place(from), self.place(to));
        let (sender, receiver) = (End::Pod(&self.pods[from]), End::Pod(&self.pods[to]));
        let packet = packet((&here.interface, here.address), (there.address, port));
        let walk = self.cloud.walk(&packet).outcomes.into_iter();
        let walk: Vec<String> =
            walk.map(|end| format!("{:?} at {}", end.disposition, end.at)).collect();
        format!("policies {}, cloud {walk:?}", self.policies(sender, receiver, port))
    }

    /// What a pod opens to a cluster IP; nothing where that is not asked here.
    pub(crate) fn served(&self, from: usize, service: &Value, port: u16) -> Option<Verdict> {
        let mut found = Verdict::default();
        for (pod, number) in self.behind(service, port) {
            // Back to itself nothing is asked.
            let one = if pod == from { Verdict::SURE } else { self.between(from, pod, number)? };
            found = found.or(&one);
        }
        Some(found)
    }

    /// What a node opens to a cluster IP from one of its interfaces; nothing where that is not asked here.
    pub(crate) fn served_to_node(
        &self,
        (interface, own): (&str, IpAddr),
        vpc: &str,
        (service, port): (&Value, u16),
    ) -> Option<Verdict> {
        let mut found = Verdict::default();
        for (pod, number) in self.behind(service, port) {
            let place = self.place(pod);
            let is_near = self.machines.get(interface) == Some(&place.instance);
            if place.vpc != vpc || is_near && self.is_apart(pod) {
                return None;
            }
            // "Traffic to and from the node where a Pod is running is always allowed."
            let one =
                if is_near { Verdict::SURE } else { self.to_pod((interface, own), pod, number) };
            found = found.or(&one);
        }
        Some(found)
    }

    /// The pods behind a service's port, with the number at which each is reached.
    pub(crate) fn behind(&self, service: &Value, port: u16) -> Vec<(usize, u16)> {
        let mut found = Vec::new();
        let selector = service["spec"]["selector"].as_object().unwrap();
        let entries = service["spec"]["ports"].as_array().unwrap().iter();
        for entry in entries.filter(|entry| entry["port"] == port) {
            for (place, pod) in self.pods.iter().enumerate() {
                let has = |(key, value): (&String, &Value)| {
                    pod.labels.get(key).map(String::as_str) == value.as_str()
                };
                if service["metadata"]["namespace"] != pod.namespace || !selector.iter().all(has) {
                    continue;
                }
                let target = &entry["targetPort"];
                let named = pod.ports.iter().find(|one| Some(one.name.as_str()) == target.as_str());
                let number = named.map(|one| one.number);
                let number = number.or(target.as_u64().and_then(|one| u16::try_from(one).ok()));
                found.push((place, number.unwrap_or(port)));
            }
        }
        found
    }
}

/// A connection that an interface opens from one of its addresses.
fn packet((interface, from): (&str, IpAddr), (to, port): (IpAddr, u16)) -> cloud::Packet {
    cloud::Packet {
        start: cloud::Start::Interface(interface.to_owned()),
        source: Some(from),
        destination: to,
        protocol: 6,
        source_port: CLIENT_PORT,
        destination_port: port,
        icmp_type: 0,
        icmp_code: 0,
    }
}
