//! Where pods are: on which node, with which addresses, and what keeps them from taking it.

use std::net::IpAddr;

use watertight_model::join::{PlacedNode, PlacedPod, Placement};
use watertight_model::network::{GatewayId, GatewayKind, RealmId};
use watertight_model::{Estate, Name};
use watertight_net::Prefix;
use watertight_source::{Kind, Node};

use crate::codes;
use crate::fields::Notes;
use crate::lower::Lowering;
use crate::objects::Object;

/// Where a pod is, as far as its object tells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Place {
    pub(crate) node: Option<Name>,
    pub(crate) addresses: Vec<IpAddr>,
    /// Why code in it may take its node, where it may.
    pub(crate) unconfined: Option<Name>,
    /// Whether it says that it gets the token of its service account, or that it does not.
    pub(crate) mounts_token: Option<bool>,
}

impl Place {
    /// Reads a pod, or the template of one: only a pod itself has a place.
    pub(crate) fn read(notes: &mut Notes, object: &Object<'_>, spec: Node<'_>) -> Self {
        let unconfined = unconfined(notes, spec);
        let mounts_token = notes.take(spec.bool_field("automountServiceAccountToken"));
        if object.kind != "Pod" {
            return Self { unconfined, mounts_token, ..Self::default() };
        }
        let status = notes.take(object.node.object_field("status"));
        let mut addresses = Vec::new();
        if let Some(status) = status {
            let first = status.get("podIP").and_then(|node| address(notes, node));
            addresses.extend(first);
            for entry in notes.items(status, "podIPs") {
                let more = entry.get("ip").and_then(|node| address(notes, node));
                addresses.extend(more.filter(|more| !addresses.contains(more)));
            }
        }
        let node = notes.name(spec, "nodeName").filter(|name| !name.is_empty());
        Self { node, addresses, unconfined, mounts_token }
    }
}

/// Source: Kubernetes, *Pod Security Standards*, "Baseline": what it forbids lets a pod at its host.
fn unconfined(notes: &mut Notes, spec: Node<'_>) -> Option<Name> {
    let lists = ["containers", "initContainers"];
    let containers: Vec<Node<'_>> =
        lists.into_iter().flat_map(|list| notes.items(spec, list)).collect();
    for container in containers {
        let context = notes.take(container.object_field("securityContext"));
        let privileged = context.and_then(|context| notes.take(context.bool_field("privileged")));
        if privileged == Some(true) {
            return Some(Name::from("is privileged"));
        }
    }
    for volume in notes.items(spec, "volumes") {
        let Some(host) = volume.get("hostPath").filter(|node| node.kind() == Kind::Object) else {
            continue;
        };
        let path = notes.take(host.str_field("path")).unwrap_or("a folder");
        return Some(Name::from(format!("mounts {path} of its node")));
    }
    if notes.take(spec.bool_field("hostPID")) == Some(true) {
        return Some(Name::from("sees the processes of its node"));
    }
    let shares = notes.take(spec.bool_field("hostNetwork")) == Some(true);
    shares.then(|| Name::from("is on the network of its node"))
}

fn address(notes: &mut Notes, node: Node<'_>) -> Option<IpAddr> {
    let text = node.as_str().filter(|text| !text.is_empty())?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        let message = format!("`{text}` is no address");
        notes.error(codes::BAD_ADDRESS, node.span(), message);
    }
    parsed
}

/// Joins the cluster that was lowered into an estate to the rest of it; says what does not join.
pub(crate) fn join(
    estate: &mut Estate,
    objects: &[Object<'_>],
    pods: Vec<PlacedPod>,
    realm: RealmId,
    notes: &mut Notes,
) {
    let Some(surroundings) = surroundings(estate, realm) else { return };
    let plugin = Plugin::read(objects, notes);
    let placement = Placement {
        realm,
        surroundings,
        nodes: nodes(objects, notes),
        pods,
        translates: plugin.translates,
        keeps: plugin.keeps,
        own_attachments_strict: plugin.strict,
    };
    let unjoined = watertight_model::join::join(estate, &placement);
    let named =
        |name: &Name| objects.iter().find(|object| object.kind == "Node" && object.name == *name);
    for name in &unjoined.nodes {
        let Some(object) = named(name) else { continue };
        let message = format!("the machine of the node `{name}` is not in the estate");
        notes.warn(codes::NO_MACHINE, object.span, message);
    }
    for (list, what) in [
        (&unjoined.pods, "on which node of the estate it runs, or with which address"),
        (&unjoined.unattached, "which attachment of its node has its address"),
    ] {
        for (name, span) in list {
            let Some(span) = span else { continue };
            let message = format!("the input does not tell of `{name}` {what}");
            notes.warn(codes::NOT_JOINED, *span, message);
        }
    }
}

/// The pods of a cluster with their places.
pub(crate) fn pods(lowering: &Lowering<'_>) -> Vec<PlacedPod> {
    let each = lowering.placed().map(|(pod, endpoint)| PlacedPod {
        endpoint,
        node: pod.place.node.clone(),
        addresses: pod.place.addresses.clone(),
        host_network: pod.host_network,
        policies: lowering.policies_of(endpoint),
        unconfined: pod.place.unconfined.clone(),
    });
    each.collect()
}

fn surroundings(estate: &Estate, realm: RealmId) -> Option<GatewayId> {
    let mut gateways = estate.network.gateways.iter();
    let of_realm = |kind: &GatewayKind| matches!(kind, GatewayKind::Surroundings { realm: around } if *around == realm);
    gateways.find(|(_, gateway)| of_realm(&gateway.kind)).map(|(id, _)| id)
}

/// Source: Kubernetes API reference, `NodeSpec`: `providerID` is
/// `<ProviderName>://<ProviderSpecificNodeID>`.
fn nodes(objects: &[Object<'_>], notes: &mut Notes) -> Vec<PlacedNode> {
    let mut found = Vec::new();
    for object in objects.iter().filter(|object| object.kind == "Node" && object.group.is_empty()) {
        let spec = object.spec(notes);
        let id = spec.and_then(|spec| notes.take(spec.str_field("providerID")));
        let machine = id.and_then(|id| id.split_once("://")).map(|(_, id)| id);
        let mut addresses = Vec::new();
        let status = notes.take(object.node.object_field("status"));
        for entry in status.map(|status| notes.items(status, "addresses")).unwrap_or_default() {
            if notes.take(entry.str_field("type")) == Some("InternalIP") {
                let own = entry.get("address").and_then(|node| address(notes, node));
                addresses.extend(own);
            }
        }
        let machine = machine.map(|id| Name::from(id.trim_start_matches('/')));
        found.push(PlacedNode { name: object.name.clone(), machine, addresses });
    }
    found
}

/// How the network plugin translates what pods send.
#[derive(Debug)]
struct Plugin {
    translates: bool,
    keeps: Vec<Prefix>,
    strict: bool,
}

impl Plugin {
    /// Source: Amazon VPC CNI plugin, configuration variables `AWS_VPC_K8S_CNI_EXTERNALSNAT`,
    /// `AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS` and `POD_SECURITY_GROUP_ENFORCING_MODE`, in the
    /// environment of the containers of its `DaemonSet`; any other plugin gives pods addresses that
    /// the network of the nodes does not know.
    fn read(objects: &[Object<'_>], notes: &mut Notes) -> Self {
        let mut found = Self { translates: true, keeps: Vec::new(), strict: true };
        let is_plugin =
            |object: &&Object<'_>| object.kind == "DaemonSet" && *object.name == *"aws-node";
        let Some(object) = objects.iter().find(is_plugin) else { return found };
        let spec = object.node.get("spec").and_then(|spec| spec.get("template"));
        let Some(spec) = spec.and_then(|template| template.get("spec")) else { return found };
        for container in notes.items(spec, "containers") {
            for variable in notes.items(container, "env") {
                let Some(value) = variable.get("value") else { continue };
                let text = value.as_str().unwrap_or_default();
                match notes.take(variable.str_field("name")) {
                    Some("AWS_VPC_K8S_CNI_EXTERNALSNAT") => found.translates = text != "true",
                    Some("POD_SECURITY_GROUP_ENFORCING_MODE") => found.strict = text != "standard",
                    Some("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS") => {
                        let texts = text.split(',').map(str::trim).filter(|one| !one.is_empty());
                        for one in texts {
                            match one.parse::<Prefix>() {
                                Ok(prefix) => found.keeps.push(prefix),
                                Err(error) => {
                                    let message = format!("`{one}` is no prefix: {error}");
                                    notes.error(codes::BAD_ADDRESS, value.span(), message);
                                }
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        found
    }
}
