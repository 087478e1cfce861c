//! What leads clients from outside to pods: ingresses, routes of `OpenShift`, gateways and their routes.

mod addressed;
mod backends;
mod behind;
mod ends;
mod gateways;
mod listed;
mod services;

use std::collections::BTreeMap;

use watertight_model::network::{
    Combine, EndpointRole, Front, Guard, Listener, Rule, Stage, StageDefault, TargetGroup,
};
use watertight_model::{Labels, Name, Workload, WorkloadId, WorkloadKind};
use watertight_net::{FlowSet, PortSet, Protocol};
use watertight_source::{Node, Span};

use crate::codes;
use crate::convert::layer;
use crate::fields::Notes;
use crate::flows::to_ports;
use crate::lower::Lowering;
use crate::objects::Object;
pub(crate) use addressed::is_over_v6;
use services::{PortRef, Services};

/// The workload that every ingress and every `Route` is served by.
const CONTROLLER: &str = "ingress-controller";

/// Where a listener leads: a service, by one of its ports or all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Backend {
    namespace: Name,
    service: Name,
    port: Option<PortRef>,
    /// The protocol that the front speaks to it.
    protocol: Protocol,
}

/// One object that leads to services.
#[derive(Clone, Debug)]
struct Way {
    /// The front that serves it.
    front: Name,
    name: Name,
    listens: FlowSet,
    backends: Vec<Backend>,
    span: Span,
}

/// What is added to a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// What leads clients from outside to pods.
    pub(crate) fronts: bool,
    /// Services as ends that packets can be sent to.
    pub(crate) services: bool,
}

/// Adds what is wanted of all objects.
pub(crate) fn add(lowering: &mut Lowering<'_>, objects: &[Object<'_>], wanted: Wanted) {
    if !wanted.fronts && !wanted.services {
        return;
    }
    let services = Services::read(objects, lowering.notes);
    let mut ways = Vec::new();
    for object in objects.iter().filter(|_| wanted.fronts) {
        match (object.group, object.kind) {
            ("networking.k8s.io" | "extensions", "Ingress") => {
                ways.extend(ingress(lowering, object));
            }
            ("route.openshift.io" | "", "Route") => ways.extend(route(lowering, object)),
            (gateways::GROUP, kind) if kind.ends_with("Route") => {
                ways.extend(gateways::routes(lowering, object, objects));
            }
            _ => {}
        }
    }
    let mut fronts: BTreeMap<Name, Vec<Way>> = BTreeMap::new();
    for way in ways {
        fronts.entry(way.front.clone()).or_default().push(way);
    }
    for (name, ways) in fronts {
        add_front(lowering, &services, &name, &ways);
    }
    if wanted.services {
        ends::add(lowering, objects, &services, !wanted.fronts);
    }
}

/// Source: Kubernetes API reference, `IngressSpec` of networking.k8s.io/v1; v1beta1 and
/// extensions/v1beta1 wrote `serviceName` and `servicePort`.
fn ingress(lowering: &mut Lowering<'_>, object: &Object<'_>) -> Option<Way> {
    let notes = &mut *lowering.notes;
    let spec = object.spec(notes)?;
    let mut nodes: Vec<Node<'_>> = Vec::new();
    nodes.extend(spec.get("defaultBackend").or(spec.get("backend")));
    for rule in notes.items(spec, "rules") {
        let Some(http) = notes.take(rule.object_field("http")) else { continue };
        let paths = notes.items(http, "paths");
        nodes.extend(paths.into_iter().filter_map(|path| path.get("backend")));
    }
    let mut backends = Vec::new();
    for node in nodes {
        let (service, port) = match node.get("service") {
            Some(service) => {
                let port = service.get("port");
                let number = port.and_then(|port| port.get("number"));
                (notes.name(service, "name"), number.or(port.and_then(|port| port.get("name"))))
            }
            None => (notes.name(node, "serviceName"), node.get("servicePort")),
        };
        let Some(service) = service else {
            let message = "the backend is no service: where it leads is not read";
            notes.warn(codes::NOT_MODELLED, node.span(), message);
            continue;
        };
        let port = port.and_then(|port| PortRef::of(notes, port));
        let (namespace, protocol) = (object.namespace.clone(), Protocol::TCP);
        backends.push(Backend { namespace, service, port, protocol });
    }
    let encrypted = spec.get("tls").is_some_and(|tls| !tls.is_empty());
    Some(Way {
        front: Name::from(CONTROLLER),
        name: Name::from(format!("Ingress {}", object.full_name())),
        listens: web(encrypted),
        backends,
        span: object.span,
    })
}

/// Source: `OpenShift` API reference, `RouteSpec` of route.openshift.io/v1: `port.targetPort` is the
/// port of the pods that the service selects; when left out, all of the service's ports.
fn route(lowering: &mut Lowering<'_>, object: &Object<'_>) -> Option<Way> {
    let notes = &mut *lowering.notes;
    let spec = object.spec(notes)?;
    let port = spec
        .get("port")
        .and_then(|port| port.get("targetPort"))
        .and_then(|port| PortRef::of(notes, port));
    let port = port.map(PortRef::target);
    let others = notes.items(spec, "alternateBackends");
    let mut backends = Vec::new();
    for node in notes.take(spec.object_field("to")).into_iter().chain(others) {
        let kind = notes.take(node.str_field("kind")).unwrap_or("Service");
        if kind != "Service" {
            let message = format!("the route leads to a {kind}, and only services are read");
            notes.warn(codes::NOT_MODELLED, node.span(), message);
            continue;
        }
        // Source: `RouteTargetReference.weight`: zero suppresses requests to this backend.
        if node.get("weight").and_then(Node::as_u64) == Some(0) {
            continue;
        }
        let Some(service) = notes.name(node, "name") else { continue };
        let (namespace, port, protocol) = (object.namespace.clone(), port.clone(), Protocol::TCP);
        backends.push(Backend { namespace, service, port, protocol });
    }
    Some(Way {
        front: Name::from(CONTROLLER),
        name: Name::from(format!("Route {}", object.full_name())),
        listens: route_listens(notes, spec),
        backends,
        span: object.span,
    })
}

/// Source: `TLSConfig.insecureEdgeTerminationPolicy`: without it, a route with TLS takes no plain
/// requests.
fn route_listens(notes: &mut Notes, spec: Node<'_>) -> FlowSet {
    let Some(tls) = notes.take(spec.object_field("tls")) else { return web(false) };
    match notes.take(tls.str_field("insecureEdgeTerminationPolicy")) {
        Some("Allow" | "Redirect") => web(true),
        _ => to_ports(Protocol::TCP, PortSet::single(443)),
    }
}

/// What a web front listens on.
fn web(encrypted: bool) -> FlowSet {
    let plain = to_ports(Protocol::TCP, PortSet::single(80));
    if encrypted { plain.union(&to_ports(Protocol::TCP, PortSet::single(443))) } else { plain }
}

/// Adds one front: a workload that listens, and opens legs to its targets and to nothing else.
fn add_front(lowering: &mut Lowering<'_>, services: &Services, name: &Name, ways: &[Way]) {
    let workload = workload(lowering, (name.clone(), name.clone()), facts(), None);
    let unlabelled = lowering.unlabelled();
    let endpoint = lowering.endpoint(name.clone(), workload, vec![unlabelled]);
    let mut rules: Vec<Rule> = Vec::new();
    let mut listeners = Vec::new();
    for way in ways {
        let led = backends::led(lowering, services, way);
        rules.extend(led.rules);
        let group = lowering.estate.network.target_groups.push(TargetGroup {
            name: way.name.clone(),
            preserves_source: false,
            cross_zone: None,
            targets: led.targets,
            targets_read: led.is_known,
            origin: Some(way.span),
        });
        listeners.push(Listener {
            name: way.name.clone(),
            flows: way.listens.clone(),
            target_groups: vec![group],
            clauses: Vec::new(),
            origin: Some(way.span),
        });
    }
    let guard = lowering.estate.network.guards.push(Guard {
        name: Name::from(format!("backends of {name}")),
        title: Name::from(format!("backends of {name}")),
        kind: Name::from("backends"),
        stateful: true,
        ingress: Vec::new(),
        egress: vec![Stage {
            combine: Combine::Union,
            rules: rules.into(),
            default: StageDefault::Deny,
        }],
        origin: None,
    });
    let backends = lowering.layer(layer(vec![guard], true));
    let front = lowering.estate.network.fronts.push(Front {
        name: name.clone(),
        workload,
        endpoints: vec![endpoint],
        listeners,
        cross_zone: true,
        listeners_read: true,
        origin: None,
    });
    let content = &mut lowering.estate.network.endpoints[endpoint];
    content.layers.push(backends);
    content.role = EndpointRole::Front(front);
}

/// A workload that leads to others, by its id and name.
fn workload(
    lowering: &mut Lowering<'_>,
    (id, name): (Name, Name),
    labels: Labels,
    origin: Option<Span>,
) -> WorkloadId {
    lowering.estate.workloads.push(Workload {
        id,
        name,
        kind: WorkloadKind::LoadBalancer,
        account: Some(lowering.account.clone()),
        region: None,
        labels,
        endpoints: Vec::new(),
        owner: None,
        credential: None,
        metadata: None,
        stores_data: false,
        origin,
    })
}

fn facts() -> Labels {
    let facts = [("cloud", "k8s"), ("kind", WorkloadKind::LoadBalancer.word())];
    facts.into_iter().map(|(key, value)| (Name::from(key), Name::from(value))).collect()
}
