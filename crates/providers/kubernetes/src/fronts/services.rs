//! Services: which pods they lead to, and at which ports.

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_net::Protocol;
use watertight_source::Node;

use super::listed::Lists;
use crate::codes;
use crate::fields::Notes;
use crate::flows::{is_number, port, protocol};
use crate::labels;
use crate::objects::Object;
use crate::selector::{LabelMap, Selector};
use crate::workloads::Pod;

/// A port as a reference names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum PortRef {
    /// The service's port of this number.
    Number(u16),
    /// The service's port of this name.
    Named(Name),
    /// The port of the pods of this number, or that the service leads to by this number.
    TargetNumber(u16),
    /// The port of the pods of this name, or the service's.
    TargetNamed(Name),
}

impl PortRef {
    /// Reads a number or a name.
    pub(super) fn of(notes: &mut Notes, node: Node<'_>) -> Option<Self> {
        match node.as_str() {
            Some(text) if is_number(notes, node, text) => text.parse().ok().map(Self::Number),
            Some(text) => Some(Self::Named(Name::from(text))),
            None => node.as_u64().and_then(|number| u16::try_from(number).ok()).map(Self::Number),
        }
    }

    /// The same as a reference to a port of pods.
    pub(super) fn target(self) -> Self {
        match self {
            Self::Number(number) => Self::TargetNumber(number),
            Self::Named(name) => Self::TargetNamed(name),
            other => other,
        }
    }
}

/// One port of a service.
#[derive(Clone, Debug)]
pub(super) struct ServicePort {
    pub(super) name: Option<Name>,
    pub(super) number: u16,
    pub(super) protocol: Protocol,
    pub(super) node_port: Option<u16>,
    target: TargetPort,
}

impl ServicePort {
    /// How explanations call it.
    pub(super) fn title(&self) -> Name {
        match self.name.as_deref() {
            None | Some("") => Name::from(format!("port {}", self.number)),
            Some(name) => Name::from(format!("port {} ({name})", self.number)),
        }
    }
}

/// The port of the pods that a service's port leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
enum TargetPort {
    Number(u16),
    Named(Name),
}

/// A service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    namespace: Name,
    selector: Option<Selector>,
    ports: Vec<ServicePort>,
    /// What objects list behind it; nothing of one that selects pods counts.
    pub(super) lists: Lists,
}

/// The services of a cluster.
#[derive(Debug, Default)]
pub(super) struct Services {
    by_name: BTreeMap<(Name, Name), Service>,
}

impl Services {
    /// Reads every service.
    pub(super) fn read(objects: &[Object<'_>], notes: &mut Notes) -> Self {
        let mut found = Self::default();
        let mut listing: BTreeMap<(Name, Name), Vec<&Object<'_>>> = BTreeMap::new();
        for object in objects {
            if let Some(name) = crate::known::service_of(object) {
                listing.entry((object.namespace.clone(), name)).or_default().push(object);
            }
        }
        for object in objects.iter().filter(|one| one.kind == "Service" && one.group.is_empty()) {
            let key = (object.namespace.clone(), object.name.clone());
            let listing = listing.get(&key).map_or(&[][..], Vec::as_slice);
            let Some(spec) = object.spec(notes) else { continue };
            let labels = labels::read(notes, spec, "selector");
            let parts = labels.iter().map(|(key, value)| Selector::is(key, value));
            let selector = (!labels.is_empty()).then(|| Selector::all(parts));
            if selector.is_none() && listing.is_empty() && !is_alias(spec) {
                let message = format!(
                    "the service `{}` selects no pods, and no object lists what is behind it: where it \
                     leads is not known",
                    object.full_name()
                );
                notes.note(codes::NOT_MODELLED, object.span, message);
            }
            let nodes = notes.items(spec, "ports");
            let ports = nodes.into_iter().filter_map(|node| service_port(notes, node)).collect();
            let lists = Lists::read(listing, notes);
            let namespace = object.namespace.clone();
            found.by_name.insert(key, Service { namespace, selector, ports, lists });
        }
        found
    }

    pub(super) fn get(&self, namespace: &Name, name: &Name) -> Option<&Service> {
        self.by_name.get(&(namespace.clone(), name.clone()))
    }
}

/// Source: Kubernetes API reference, `ServicePort`: `targetPort` defaults to the port's own number.
fn service_port(notes: &mut Notes, node: Node<'_>) -> Option<ServicePort> {
    let number = node.get("port").and_then(|number| port(notes, number))?;
    let protocol = protocol(notes, node)?;
    let target = match node.get("targetPort") {
        Some(target) => match target.as_str() {
            Some(text) if is_number(notes, target, text) => TargetPort::Number(text.parse().ok()?),
            Some(text) => TargetPort::Named(Name::from(text)),
            None if target.as_u64() == Some(0) || target.is_null() => TargetPort::Number(number),
            None => TargetPort::Number(port(notes, target)?),
        },
        None => TargetPort::Number(number),
    };
    // Zero leaves it to the API server, as no number does.
    let by_node = node.get("nodePort").filter(|one| !one.is_null() && one.as_u64() != Some(0));
    let node_port = by_node.and_then(|one| port(notes, one));
    Some(ServicePort { name: notes.name(node, "name"), number, protocol, node_port, target })
}

impl Service {
    /// Whether a pod is behind it.
    pub(super) fn selects(&self, pod: &Pod) -> bool {
        let none = LabelMap::new();
        let labels = if pod.workload.namespace == self.namespace { &pod.labels } else { &none };
        pod.workload.namespace == self.namespace
            && self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }

    pub(super) fn has_selector(&self) -> bool {
        self.selector.is_some()
    }

    /// Whether the input tells what is behind it.
    pub(super) fn is_told(&self) -> bool {
        self.has_selector() || self.lists.are_there
    }

    pub(super) fn ports(&self) -> &[ServicePort] {
        &self.ports
    }

    /// The ports that a reference means; all where it says none.
    pub(super) fn meant<'s>(
        &'s self,
        wanted: Option<&'s PortRef>,
    ) -> impl Iterator<Item = &'s ServicePort> + 's {
        self.ports.iter().filter(move |port| match wanted {
            None => true,
            Some(PortRef::Number(number)) => port.number == *number,
            Some(PortRef::Named(name)) => port.name.as_ref() == Some(name),
            Some(PortRef::TargetNumber(number)) => {
                port.target == TargetPort::Number(*number) || port.number == *number
            }
            Some(PortRef::TargetNamed(name)) => {
                port.target == TargetPort::Named(name.clone()) || port.name.as_ref() == Some(name)
            }
        })
    }
}

/// Whether a service is a name for another name.
fn is_alias(spec: Node<'_>) -> bool {
    spec.get("type").and_then(Node::as_str) == Some("ExternalName")
}

/// The numbers of a pod's ports that a service's port leads to.
pub(super) fn numbers<'p>(pod: &'p Pod, port: &'p ServicePort) -> impl Iterator<Item = u16> + 'p {
    let (plain, name) = match &port.target {
        TargetPort::Number(number) => (Some(*number), None),
        TargetPort::Named(name) => (None, Some(name)),
    };
    let named = pod.ports.iter().filter(move |declared| {
        name.is_some_and(|name| declared.name == *name) && declared.protocol == port.protocol
    });
    plain.into_iter().chain(named.map(|declared| declared.number))
}
