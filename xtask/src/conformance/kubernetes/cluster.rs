//! A case's manifests as an estate, with its matrix.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use watertight_kubernetes::{Options, convert};
use watertight_model::Estate;
use watertight_net::{AddressSet, Family, FlowSet, PortSet, Prefix, Protocol};
use watertight_reach::{Class, ClassIndex, Matrix, Reach};
use watertight_source::{Limits, Node, Sources, Tree};

use super::connections::Connections;
use super::listing::{Line, Listing, Peer};

/// A case.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) estate: Estate,
    pub(super) matrix: Matrix,
    /// Where rules for what goes in, and out, cut the space outside.
    cuts: [BTreeSet<u32>; 2],
}

impl Cluster {
    /// Reads a case's folder.
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let mut paths = Vec::new();
        walk(folder, &mut paths)?;
        paths.sort();
        let limits = Limits::default();
        let mut sources = Sources::new();
        let mut documents = Vec::new();
        for path in paths {
            let shown = path.display().to_string();
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))?;
            let file = sources.add(&shown, text).map_err(|error| error.to_string())?;
            match Tree::parse_yaml_documents(file, sources.contents(file), &limits) {
                Ok(trees) => documents.extend(trees),
                Err(error) => return Err(format!("{shown}: {error}")),
            }
        }
        let estate = convert(&documents, &Options::default()).estate;
        let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
        let mut cuts = [BTreeSet::from([0]), BTreeSet::from([0])];
        for document in &documents {
            cut(document.root(), &mut cuts);
        }
        Ok(Self { estate, matrix, cuts })
    }

    /// The same case with another estate.
    pub(super) fn with(&self, estate: Estate) -> Self {
        let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
        Self { estate, matrix, cuts: self.cuts.clone() }
    }

    /// The names of a class's members; none for what is outside.
    pub(super) fn names(&self, class: ClassIndex) -> BTreeSet<String> {
        let Some(Class::Endpoints(members)) = self.matrix.classes.get(class) else {
            return BTreeSet::new();
        };
        let name = |id: &str| {
            if id == "ingress-controller" {
                "{ingress-controller}".to_owned()
            } else {
                id.to_owned()
            }
        };
        members
            .iter()
            .map(|member| {
                let workload = self.estate.network.endpoints[*member].workload;
                name(&self.estate.workloads[workload].id)
            })
            .collect()
    }

    /// The IPv4 addresses of a class that is outside.
    pub(super) fn outside(&self, class: ClassIndex) -> Option<AddressSet> {
        match self.matrix.classes.get(class)? {
            Class::Outside(_, atom) => {
                let all = AddressSet::from_prefixes(atom.prefixes.iter().copied());
                Some(all.of_family(Family::V4))
            }
            Class::Endpoints(_) | Class::Internet(_) => None,
        }
    }

    /// What reaches what, for sure.
    pub(super) fn connections(&self) -> Connections {
        let mut found = Connections::default();
        for ((from, to), cell) in self.matrix.cells() {
            let flows = of_listings(&cell.established.sure);
            match (self.outside(from), self.outside(to)) {
                (None, None) => {
                    for from in self.names(from) {
                        for to in self.names(to) {
                            found.between(&from, &to, &flows);
                        }
                    }
                }
                (Some(addresses), None) => {
                    for to in self.names(to) {
                        found.inbound(&to, &addresses, &flows);
                    }
                }
                (None, Some(addresses)) => {
                    for from in self.names(from) {
                        found.outbound(&from, &addresses, &flows);
                    }
                }
                (Some(_), Some(_)) => {}
            }
        }
        found
    }

    /// Our answer as the published listings write theirs: what is outside cut at the boundaries of
    /// rules.
    pub(super) fn written(&self) -> Listing {
        let connections = self.connections();
        let mut lines = Vec::new();
        for ((from, to), flows) in connections.inside() {
            lines.push(Line {
                from: Peer::Inside(from.clone()),
                to: Peer::Inside(to.clone()),
                flows: flows.clone(),
            });
        }
        for (place, cuts) in self.cuts.iter().enumerate() {
            let ranges: Vec<(u32, u32)> = ranges(cuts);
            for (name, parts) in connections.beyond(place) {
                for (first, last) in &ranges {
                    let Some(flows) = parts.iter().find(|(_, addresses)| {
                        representative(*first, *last)
                            .is_some_and(|address| addresses.contains(address.into()))
                    }) else {
                        continue;
                    };
                    let outside = Peer::Outside((*first).into(), (*last).into());
                    let inside = Peer::Inside(name.clone());
                    let (from, to) = if place == 0 { (outside, inside) } else { (inside, outside) };
                    lines.push(Line { from, to, flows: flows.0.clone() });
                }
            }
        }
        Listing::sorted(lines)
    }
}

/// The addresses of a range that stand for it: one that no pod has here.
fn representative(first: u32, last: u32) -> Option<std::net::Ipv4Addr> {
    let own = u32::from(240_u8) << 24;
    let is_own = |address: u32| address >> 24 == own >> 24;
    let found = if is_own(first) { last } else { first };
    (!is_own(found)).then(|| found.into())
}

fn ranges(cuts: &BTreeSet<u32>) -> Vec<(u32, u32)> {
    let starts: Vec<u32> = cuts.iter().copied().collect();
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([u32::MAX]);
    starts.iter().copied().zip(ends).collect()
}

/// What the published listings know of flows: TCP, UDP and SCTP to ports from 1.
pub(super) fn of_listings(flows: &FlowSet) -> FlowSet {
    flows.intersection(&everything())
}

/// All that the published listings know.
pub(super) fn everything() -> FlowSet {
    let ports = PortSet::range(1, u16::MAX).unwrap_or_default();
    [Protocol::TCP, Protocol::UDP, Protocol::SCTP]
        .into_iter()
        .map(|protocol| FlowSet::ports(protocol, PortSet::full(), ports.clone()))
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else if ["yaml", "yml", "json"]
            .iter()
            .any(|end| path.extension().is_some_and(|one| one == *end))
        {
            found.push(path);
        }
    }
    Ok(())
}

/// Notes where the rules of an object, or of the items of a list, cut the space outside.
fn cut(node: Node<'_>, cuts: &mut [BTreeSet<u32>; 2]) {
    for item in node.get("items").into_iter().flat_map(Node::items) {
        cut(item, cuts);
    }
    let Some(spec) = node.get("spec") else { return };
    for (own, (rules, peers)) in cuts.iter_mut().zip([("ingress", "from"), ("egress", "to")]) {
        for rule in spec.get(rules).into_iter().flat_map(Node::items) {
            for peer in rule.get(peers).into_iter().flat_map(Node::items) {
                let block = peer.get("ipBlock");
                let cidr = block.and_then(|block| block.get("cidr"));
                let except = block.and_then(|block| block.get("except"));
                let networks = peer.get("networks");
                let listed = except.into_iter().chain(networks).flat_map(Node::items);
                for text in cidr.into_iter().chain(listed).filter_map(Node::as_str) {
                    cut_at(text, own);
                }
            }
        }
    }
}

fn cut_at(text: &str, cuts: &mut BTreeSet<u32>) {
    let Ok(prefix) = Prefix::parse_lenient(text) else { return };
    if let (std::net::IpAddr::V4(first), std::net::IpAddr::V4(last)) =
        (prefix.first(), prefix.last())
    {
        cuts.insert(first.to_bits());
        cuts.extend(last.to_bits().checked_add(1));
    }
}

/// Flows by protocol, as listings write them.
pub(super) fn protocols(flows: &FlowSet) -> BTreeMap<&'static str, PortSet> {
    let all = [("SCTP", Protocol::SCTP), ("TCP", Protocol::TCP), ("UDP", Protocol::UDP)];
    all.into_iter()
        .map(|(name, protocol)| (name, flows.destination_ports(protocol)))
        .filter(|(_, ports)| !ports.is_empty())
        .collect()
}
