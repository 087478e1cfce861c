//! A converted cluster with its matrix, asked by the twin's ends.

use std::collections::BTreeSet;

use serde_json::Value;
use watertight_kubernetes::{Options, convert};
use watertight_model::{Bounds, Estate};
use watertight_net::{FlowSet, PortSet, Protocol};
use watertight_reach::{Class, ClassIndex, Matrix, Reach};
use watertight_source::{Limits, Sources, Tree};
use watertight_testkit::twin::kubernetes::End;

/// The protocols that policies know.
pub(crate) const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// A cluster and who reaches whom in it.
pub(crate) struct Cluster {
    pub(crate) estate: Estate,
    pub(crate) matrix: Matrix,
}

impl Cluster {
    /// Converts objects, one document each.
    pub(crate) fn of(objects: &[Value]) -> Self {
        let mut sources = Sources::new();
        let limits = Limits::default();
        let mut documents = Vec::new();
        for (number, object) in objects.iter().enumerate() {
            let text = object.to_string();
            let file = sources.add(format!("{number}.json"), text).unwrap();
            documents.push(Tree::parse_json(file, sources.contents(file), &limits).unwrap());
        }
        let converted = convert(&documents, &Options::default());
        let errors: Vec<_> = converted.diagnostics.kept().iter().collect();
        assert!(!converted.diagnostics.has_errors(), "{errors:#?}");
        let estate = converted.estate;
        let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
        Self { estate, matrix }
    }

    fn class(&self, end: End<'_>) -> Option<ClassIndex> {
        match end {
            End::Pod(pod) => {
                let id = format!("{}/{}[{}]", pod.namespace, pod.name, pod.kind);
                let workload = self.estate.workloads.values().find(|one| *one.id == *id)?;
                self.matrix.class_of(*workload.endpoints.first()?)
            }
            End::Outside(address) => self.matrix.classes.iter().position(|class| match class {
                Class::Outside(_, atom) => {
                    atom.prefixes.iter().any(|prefix| prefix.contains(address))
                }
                Class::Endpoints(_) | Class::Internet(_) => false,
            }),
        }
    }

    /// Whether the cluster has addresses of the end's family.
    pub(crate) fn has(&self, end: End<'_>) -> bool {
        self.class(end).is_some()
    }

    /// What can be established, which the input tells for sure.
    pub(crate) fn forward(&self, from: End<'_>, to: End<'_>) -> FlowSet {
        let (from, to) = (self.class(from).unwrap(), self.class(to).unwrap());
        let Some(cell) = self.matrix.cell(from, to) else { return FlowSet::none() };
        assert_eq!(cell.established.sure, cell.established.possible);
        assert_eq!(cell.established, cell.forward);
        cell.forward.sure.clone()
    }

    /// What can be established, in both bounds.
    pub(crate) fn bounds(&self, from: End<'_>, to: End<'_>) -> Bounds<FlowSet> {
        let (from, to) = (self.class(from).unwrap(), self.class(to).unwrap());
        let none = || Bounds::exact(FlowSet::none());
        self.matrix.cell(from, to).map_or_else(none, |cell| cell.established.clone())
    }

    /// Every pair that reaches each other, by ids, with what it does over TCP, UDP and SCTP.
    pub(crate) fn pairs(&self) -> BTreeSet<(String, String, String)> {
        let mut found = BTreeSet::new();
        for ((from, to), cell) in self.matrix.cells() {
            for from in self.names(from) {
                for to in self.names(to) {
                    let flows = cell.established.possible.to_string();
                    found.insert((from.clone(), to, flows));
                }
            }
        }
        found
    }

    /// The names of a class's members.
    pub(crate) fn names(&self, class: ClassIndex) -> Vec<String> {
        match &self.matrix.classes[class] {
            Class::Endpoints(members) => members
                .iter()
                .map(|member| {
                    let endpoint = &self.estate.network.endpoints[*member];
                    self.estate.workloads[endpoint.workload].id.to_string()
                })
                .collect(),
            Class::Internet(atom) | Class::Outside(_, atom) => {
                atom.prefixes.iter().map(ToString::to_string).collect()
            }
        }
    }
}

/// Whether flows hold a connection from a client's port.
pub(crate) fn contains(flows: &FlowSet, protocol: &str, port: u16) -> bool {
    let protocol = match protocol {
        "UDP" => Protocol::UDP,
        "SCTP" => Protocol::SCTP,
        _ => Protocol::TCP,
    };
    flows.contains(&FlowSet::ports(protocol, PortSet::full(), PortSet::single(port)))
}
