//! Routes of the Gateway API: which listeners of which gateways take them, and where they lead.
//!
//! Source: Gateway API specification, `ParentReference`, `AllowedRoutes`, `BackendRef` and
//! `ReferenceGrant`.

use watertight_model::Name;
use watertight_net::{FlowSet, PortSet, Protocol};
use watertight_source::Node;

use super::services::PortRef;
use super::{Backend, Way};
use crate::codes;
use crate::fields::Notes;
use crate::flows::to_ports;
use crate::labels;
use crate::lower::Lowering;
use crate::namespaces::Namespaces;
use crate::objects::Object;

/// The API group of gateways and of their routes.
pub(super) const GROUP: &str = "gateway.networking.k8s.io";

/// One way for each gateway that takes a route. A reference without a namespace means the route's
/// own.
pub(super) fn routes(
    lowering: &mut Lowering<'_>,
    object: &Object<'_>,
    objects: &[Object<'_>],
) -> Vec<Way> {
    let namespaces = lowering.namespaces;
    let notes = &mut *lowering.notes;
    let Some(spec) = object.spec(notes) else { return Vec::new() };
    let mut backends = Vec::new();
    for rule in notes.items(spec, "rules") {
        let mut nodes = notes.items(rule, "backendRefs");
        // Mirrored requests get to their backend too.
        for filter in notes.items(rule, "filters") {
            let mirror = filter.get("requestMirror").and_then(|mirror| mirror.get("backendRef"));
            nodes.extend(mirror);
        }
        backends.extend(nodes.into_iter().filter_map(|node| backend(notes, object, objects, node)));
    }
    let mut found = Vec::new();
    for parent in notes.items(spec, "parentRefs") {
        let kind = notes.take(parent.str_field("kind")).unwrap_or("Gateway");
        if kind != "Gateway" {
            let message = format!("the route's parent is a {kind}, and only gateways are read");
            notes.warn(codes::NOT_MODELLED, parent.span(), message);
            continue;
        }
        let Some(name) = notes.name(parent, "name") else { continue };
        let namespace = notes.name(parent, "namespace");
        let namespace = namespace.unwrap_or_else(|| object.namespace.clone());
        let gateway = objects
            .iter()
            .find(|one| one.kind == "Gateway" && one.namespace == namespace && one.name == name);
        let Some(gateway) = gateway else {
            let message = format!("the gateway `{namespace}/{name}` is not in the input");
            notes.warn(codes::MISSING, parent.span(), message);
            continue;
        };
        let listens = Taking { route: object, spec, parent, gateway, namespaces }.listens(notes);
        if listens.is_empty() {
            let message =
                format!("no listener of the gateway `{namespace}/{name}` takes the route");
            notes.warn(codes::NO_EFFECT, parent.span(), message);
            continue;
        }
        found.push(Way {
            front: Name::from(format!("gateway {namespace}/{name}")),
            name: Name::from(format!("{} {}", object.kind, object.full_name())),
            listens,
            backends: backends.clone(),
            span: object.span,
        });
    }
    found
}

/// A route and one of the gateways that it names.
struct Taking<'a, 't> {
    route: &'a Object<'t>,
    spec: Node<'t>,
    parent: Node<'t>,
    gateway: &'a Object<'t>,
    namespaces: &'a Namespaces,
}

impl Taking<'_, '_> {
    /// What the listeners that take the route listen on.
    fn listens(&self, notes: &mut Notes) -> FlowSet {
        let section = notes.name(self.parent, "sectionName");
        let wanted = notes.take(self.parent.u16_field("port"));
        let mut listens = FlowSet::none();
        let listeners = self.gateway.spec(notes).map(|spec| notes.items(spec, "listeners"));
        for listener in listeners.unwrap_or_default() {
            let name = notes.name(listener, "name");
            let Some(port) = notes.take(listener.u16_field("port")) else { continue };
            if section.is_some() && section != name
                || wanted.is_some_and(|wanted| wanted != port)
                || !self.is_taken(notes, listener)
            {
                continue;
            }
            let protocol = match notes.take(listener.str_field("protocol")) {
                Some("UDP") => Protocol::UDP,
                _ => Protocol::TCP,
            };
            listens = listens.union(&to_ports(protocol, PortSet::single(port)));
        }
        listens
    }

    fn is_taken(&self, notes: &mut Notes, listener: Node<'_>) -> bool {
        let allowed = listener.get("allowedRoutes").filter(|one| !one.is_null());
        self.is_of_kind(notes, listener, allowed)
            && self.is_of_namespace(notes, allowed)
            && self.shares_a_host(notes, listener)
    }

    /// Source: `AllowedRoutes.kinds`: "When unspecified or empty, the kinds of Routes selected are
    /// determined using the Listener protocol."
    fn is_of_kind(&self, notes: &mut Notes, listener: Node<'_>, allowed: Option<Node<'_>>) -> bool {
        let kinds = allowed.map(|allowed| notes.items(allowed, "kinds")).unwrap_or_default();
        if !kinds.is_empty() {
            let of_kind = |kind: &Node<'_>| {
                let group = kind.get("group").and_then(Node::as_str).unwrap_or(GROUP);
                let kind = kind.get("kind").and_then(Node::as_str);
                group == self.route.group && kind == Some(self.route.kind)
            };
            return kinds.iter().any(of_kind);
        }
        match notes.take(listener.str_field("protocol")) {
            Some("HTTP" | "HTTPS") => matches!(self.route.kind, "HTTPRoute" | "GRPCRoute"),
            Some("TLS") => matches!(self.route.kind, "TLSRoute" | "TCPRoute"),
            Some("TCP") => self.route.kind == "TCPRoute",
            Some("UDP") => self.route.kind == "UDPRoute",
            // A protocol of an implementation's own takes what it takes.
            _ => true,
        }
    }

    /// Source: `RouteNamespaces.from`: the default is `Same`.
    fn is_of_namespace(&self, notes: &mut Notes, allowed: Option<Node<'_>>) -> bool {
        let given = allowed.and_then(|allowed| allowed.get("namespaces"));
        let from = given.and_then(|given| notes.take(given.str_field("from"))).unwrap_or("Same");
        match from {
            "All" => true,
            "Same" => self.route.namespace == self.gateway.namespace,
            "None" => false,
            "Selector" => {
                let selector = given.and_then(|given| given.get("selector"));
                let selector = selector.and_then(|node| labels::selector(notes, node));
                let labels = self.namespaces.labels(&self.route.namespace);
                selector.is_some_and(|selector| selector.matches(labels))
            }
            other => {
                let span = given.map_or(self.gateway.span, Node::span);
                let message = format!("`{other}` is none of `All`, `Same`, `Selector` and `None`");
                notes.error(codes::BAD_VALUE, span, message);
                false
            }
        }
    }

    /// Source: `HTTPRouteSpec.hostnames`: with hostnames on both sides, one must fit.
    fn shares_a_host(&self, notes: &mut Notes, listener: Node<'_>) -> bool {
        let own = notes.items(self.spec, "hostnames");
        let Some(host) = notes.take(listener.str_field("hostname")) else { return true };
        let mut own = own.into_iter().filter_map(Node::as_str).peekable();
        host.is_empty() || own.peek().is_none() || own.any(|one| fit(host, one) || fit(one, host))
    }
}

/// Whether a pattern, which may begin with `*.`, holds for a host name.
fn fit(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    match pattern.strip_prefix('*') {
        Some(end) => host.len() > end.len() && host.ends_with(end),
        None => pattern == host,
    }
}

fn backend(
    notes: &mut Notes,
    route: &Object<'_>,
    objects: &[Object<'_>],
    node: Node<'_>,
) -> Option<Backend> {
    // Source: `BackendRef.weight`: "If weight is set to 0, no traffic should be forwarded".
    if node.get("weight").and_then(Node::as_u64) == Some(0) {
        return None;
    }
    let group = notes.take(node.str_field("group")).unwrap_or_default();
    let kind = notes.take(node.str_field("kind")).unwrap_or("Service");
    if kind != "Service" || !group.is_empty() {
        let message = "the backend is no service: where it leads is not read";
        notes.warn(codes::NOT_MODELLED, node.span(), message);
        return None;
    }
    let service = notes.name(node, "name")?;
    let namespace = notes.name(node, "namespace").unwrap_or_else(|| route.namespace.clone());
    if namespace != route.namespace {
        let mut grants = objects.iter().filter(|one| {
            one.group == GROUP && one.kind == "ReferenceGrant" && one.namespace == namespace
        });
        if !grants.any(|grant| grants_reference(notes, grant, route, &service)) {
            let message = format!(
                "no ReferenceGrant of `{namespace}` lets the {} lead to the service `{namespace}/{service}`",
                route.kind
            );
            notes.warn(codes::NO_EFFECT, node.span(), message);
            return None;
        }
    }
    let port = node.get("port").and_then(|port| PortRef::of(notes, port));
    let protocol = if route.kind == "UDPRoute" { Protocol::UDP } else { Protocol::TCP };
    Some(Backend { namespace, service, port, protocol })
}

/// Source: `ReferenceGrantSpec`: any `from` with any `to`; a `to` without a name means all.
fn grants_reference(
    notes: &mut Notes,
    grant: &Object<'_>,
    route: &Object<'_>,
    service: &Name,
) -> bool {
    let Some(spec) = grant.spec(notes) else { return false };
    let text = |node: &Node<'_>, key: &str| {
        node.get(key).and_then(Node::as_str).unwrap_or_default().to_owned()
    };
    let from = notes.items(spec, "from").iter().any(|one| {
        text(one, "group") == route.group
            && text(one, "kind") == route.kind
            && text(one, "namespace") == route.namespace.as_str()
    });
    let to = notes.items(spec, "to").iter().any(|one| {
        let name = text(one, "name");
        text(one, "group").is_empty()
            && text(one, "kind") == "Service"
            && (name.is_empty() || name == service.as_str())
    });
    from && to
}
