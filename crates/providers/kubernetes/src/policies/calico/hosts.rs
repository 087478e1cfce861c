//! What Calico's policies for hosts do to what hosts forward: packets that come in by a host's interface
//! for a pod there, and those that a pod sends out by one.
//!
//! Source: Calico documentation, "Apply on forwarded traffic", "Pre-DNAT policy" and "Summary of host
//! endpoint policies": policies with `applyOnForward` that select a host endpoint look at both, and those
//! with `preDNAT` at what comes in; a direction that none of them governs is open. Those with
//! `doNotTrack` have no effect on pods in practice.

use watertight_model::Name;
use watertight_source::Node;

use super::{given, selector, types};
use crate::codes;
use crate::fields::Notes;
use crate::objects::Object;
use crate::selector::LabelMap;

/// The label of host endpoints that Calico makes for nodes.
const CREATED_BY: (&str, &str) = ("projectcalico.org/created-by", "calico-kube-controllers");

/// The policies at hosts that may refuse what is forwarded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Forwarded {
    /// For what comes in to pods.
    pub(crate) ingress: Vec<AtHosts>,
    /// For what pods send out.
    pub(crate) egress: Vec<AtHosts>,
}

/// A policy with the nodes at which it is, where they are known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AtHosts {
    pub(crate) policy: Name,
    nodes: Vec<Option<Name>>,
}

impl AtHosts {
    /// Whether it may be at a node, or at one that is not known.
    pub(crate) fn may_be_at(&self, node: Option<&Name>) -> bool {
        let is = |own: &Option<Name>| own.is_none() || node.is_none() || own.as_ref() == node;
        self.nodes.iter().any(is)
    }
}

/// A host endpoint: its labels and its node, where they are known.
struct HostEndpoint {
    labels: Option<LabelMap>,
    node: Option<Name>,
}

impl Forwarded {
    /// Whether nothing is refused.
    pub(crate) fn is_empty(&self) -> bool {
        self.ingress.is_empty() && self.egress.is_empty()
    }

    /// Reads the host endpoints and the policies for what they forward.
    pub(crate) fn read(objects: &[Object<'_>], notes: &mut Notes) -> Self {
        let mut found = Self::default();
        let Some(endpoints) = host_endpoints(objects) else { return found };
        let global = objects.iter().filter(|object| {
            object.group.ends_with("projectcalico.org") && object.kind == "GlobalNetworkPolicy"
        });
        for object in global {
            let Some(spec) = object.spec(notes) else { continue };
            let is = |key: &str| spec.get(key).and_then(Node::as_bool) == Some(true);
            let forwards = is("applyOnForward") || is("preDNAT");
            // What selects namespaces or service accounts selects no host.
            let of_pods = ["namespaceSelector", "serviceAccountSelector"];
            if !forwards || is("doNotTrack") || of_pods.iter().any(|key| given(spec, key).is_some())
            {
                continue;
            }
            let before = notes.diagnostics.errors();
            let Some(hosts) = selector(notes, spec, "selector") else { continue };
            let selected = endpoints
                .iter()
                .filter(|one| one.labels.as_ref().is_none_or(|labels| hosts.matches(labels)));
            let nodes: Vec<Option<Name>> = selected.map(|one| one.node.clone()).collect();
            if nodes.is_empty() || notes.diagnostics.errors() > before {
                continue;
            }
            let at = AtHosts { policy: object.full_name(), nodes };
            let [ingress, egress] = if is("preDNAT") { [true, false] } else { types(notes, spec) };
            found.ingress.extend(ingress.then(|| at.clone()));
            found.egress.extend(egress.then_some(at));
            let message = format!(
                "`{}` governs what hosts forward, and in which way is not read: what passes there is \
                 unknown",
                object.full_name()
            );
            notes.warn(codes::NOT_MODELLED, object.span, message);
        }
        found
    }
}

/// The host endpoints; nothing where there is none.
///
/// Source: Calico documentation, "Host endpoint", "Automatic host endpoints": they have the labels of
/// their nodes.
fn host_endpoints(objects: &[Object<'_>]) -> Option<Vec<HostEndpoint>> {
    let of_calico = || objects.iter().filter(|one| one.group.ends_with("projectcalico.org"));
    let made = of_calico().filter(|one| one.kind == "HostEndpoint");
    let made = made.map(|one| {
        let node = one.node.get("spec").and_then(|spec| spec.get("node")).and_then(Node::as_str);
        HostEndpoint { labels: Some(one.labels.clone()), node: node.map(Name::from) }
    });
    let mut found: Vec<HostEndpoint> = made.collect();
    let configurations = of_calico().filter(|one| one.kind == "KubeControllersConfiguration");
    if configurations.into_iter().any(creates) {
        let nodes = objects.iter().filter(|one| one.kind == "Node" && one.group.is_empty());
        let automatic = nodes.map(|node| {
            let mut labels = node.labels.clone();
            labels.insert(Name::from(CREATED_BY.0), Name::from(CREATED_BY.1));
            HostEndpoint { labels: Some(labels), node: Some(node.name.clone()) }
        });
        let automatic: Vec<HostEndpoint> = automatic.collect();
        // Of nodes that are not in the input nothing is known.
        let unknown = automatic.is_empty().then_some(HostEndpoint { labels: None, node: None });
        found.extend(automatic.into_iter().chain(unknown));
    }
    (!found.is_empty()).then_some(found)
}

/// Whether Calico makes host endpoints for nodes by itself.
fn creates(object: &Object<'_>) -> bool {
    let keys = ["spec", "controllers", "node", "hostEndpoint", "autoCreate"];
    let found = keys.iter().try_fold(object.node, |node, key| node.get(key));
    found.and_then(Node::as_str) == Some("Enabled")
}
