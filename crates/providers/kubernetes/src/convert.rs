//! From documents to an estate.

use std::collections::BTreeSet;

use watertight_model::{Account, Estate, Name, SourceRecord, WorkloadId, network};
use watertight_net::FlowSet;
use watertight_source::{Diagnostics, Tree};

use crate::fields::Notes;
use crate::further::Furthers;
use crate::known::Known;
use crate::lower::Lowering;
use crate::namespaces::Namespaces;
use crate::objects::Object;
use crate::policies::is_policy;
use crate::policy::{PeerSpec, Peers, Policy};
use crate::selector::PodSelector;
use crate::workloads::Pod;
use crate::{
    Converted, Options, accounts, codes, fronts, implied, networks, objects, placement, policies,
    workloads,
};

/// Kinds that are read beside policies and what has a template of pods.
const READ: [&str; 34] = [
    "KubeControllersConfiguration",
    "NetworkAttachmentDefinition",
    "UserDefinedNetwork",
    "ClusterUserDefinedNetwork",
    "Endpoints",
    "EndpointSlice",
    "Namespace",
    "Node",
    "Pod",
    "Service",
    "Ingress",
    "Route",
    "Gateway",
    "HTTPRoute",
    "GRPCRoute",
    "TCPRoute",
    "TLSRoute",
    "UDPRoute",
    "ReferenceGrant",
    "Tier",
    "NetworkSet",
    "GlobalNetworkSet",
    "CiliumCIDRGroup",
    "ServiceAccount",
    "ConfigMap",
    "Secret",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "CustomResourceDefinition",
];

/// See [`crate::convert`] and [`crate::convert_into`].
pub(crate) fn convert(estate: Estate, documents: &[Tree], options: &Options) -> Converted {
    let joins = !estate.network.realms.is_empty();
    let mut notes = Notes { diagnostics: Diagnostics::new(&options.limits) };
    let objects = objects::read(documents, &mut notes);
    let namespaces = Namespaces::read(&objects);
    let mut pods = workloads::read(&objects, &mut notes);
    let known = Known::read(&objects, &namespaces, &mut notes);
    let policies = policies::read(&objects, &known, options.parts_max, &mut notes);
    implied::add(&mut pods, &policies, &objects, &namespaces, &known.accounts);
    let networks = networks::read(&objects, &namespaces, &mut notes);
    let further = Furthers::read(&objects, &namespaces, &mut notes);
    let forwarded = policies::Forwarded::read(&objects, &mut notes);
    unread(&objects, !forwarded.is_empty(), &mut notes);
    undeclared(&objects, &namespaces, &policies, &mut notes);
    let cluster = Name::from(options.cluster.as_str());
    let has_v6 = objects.iter().any(|object| fronts::is_over_v6(object, &mut notes));
    let mut lowering =
        Lowering::new(estate, cluster.clone(), &namespaces, &pods, &policies, &mut notes, has_v6);
    lowering.forwarded = forwarded;
    lowering.pods(&networks);
    lowering.further(&further);
    // Beside a cloud's network, what serves ingresses is there itself: pods, load balancers.
    fronts::add(
        &mut lowering,
        &objects,
        fronts::Wanted { fronts: !joins, services: options.services },
    );
    let (realm, placed) = (lowering.realm(), placement::pods(&lowering));
    let owned: Vec<(Pod, WorkloadId)> = if joins { lowering.owned() } else { Vec::new() };
    let mut estate = lowering.finish();
    if joins {
        accounts::add(&mut estate, &objects, &owned, &cluster, &mut notes);
        placement::join(&mut estate, &objects, placed, realm, &mut notes);
    }
    estate.sources.push(SourceRecord {
        provider: Name::from("k8s"),
        account: Some(cluster.clone()),
        regions: Vec::new(),
        collected: None,
    });
    estate.sources.sort();
    estate.accounts.push(Account { id: cluster, name: None });
    estate.accounts.sort();
    Converted { estate, diagnostics: notes.diagnostics }
}

/// Notes objects of kinds that are not read; a policy among them could change every answer.
/// Host endpoints are read where a policy governs what they forward.
fn unread(objects: &[Object<'_>], forwards: bool, notes: &mut Notes) {
    for object in objects {
        let read =
            is_policy(object) || READ.contains(&object.kind) || workloads::has_template(object);
        if read || (forwards && object.kind == "HostEndpoint") {
            continue;
        }
        let full = if object.group.is_empty() {
            format!("{} {}", object.version, object.kind)
        } else {
            format!("{}/{} {}", object.group, object.version, object.kind)
        };
        if let Some(why) = networks::beside(object) {
            let message = format!("`{}` changes no answer: {why}", object.full_name());
            notes.warn(codes::NOT_MODELLED, object.span, message);
            continue;
        }
        let message = format!("`{}` is not read: the kind {full} is not", object.full_name());
        if (object.kind.contains("Policy") && object.kind.contains("Network")) || decides(object) {
            notes.warn(codes::UNREAD_KIND, object.span, message);
        } else {
            notes.note(codes::UNREAD_KIND, object.span, message);
        }
    }
}

/// Whether an object of a kind that is not read says what pods may do.
fn decides(object: &Object<'_>) -> bool {
    let spec = object.node.get("spec");
    let has =
        |key: &str| spec.and_then(|spec| spec.get(key)).is_some_and(|rules| !rules.is_empty());
    match object.kind {
        "EgressFirewall" => object.group == "k8s.ovn.org",
        "Profile" => {
            object.group.ends_with("projectcalico.org") && (has("ingress") || has("egress"))
        }
        _ => false,
    }
}

/// Warns of namespaces without an object where policies ask for labels of namespaces.
fn undeclared(
    objects: &[Object<'_>],
    namespaces: &Namespaces,
    policies: &[Policy],
    notes: &mut Notes,
) {
    let rules = || {
        let both = policies.iter().flat_map(|policy| [&policy.ingress, &policy.egress]);
        both.flatten().flatten()
    };
    let of_rules = rules().filter_map(|rule| match &rule.peers {
        Peers::Listed(listed) => Some(listed),
        Peers::Anybody => None,
    });
    let by_rules = of_rules.flatten().flat_map(PeerSpec::pods).any(asks_of_namespaces);
    let by_subjects = policies.iter().any(|policy| asks_of_namespaces(&policy.subject));
    if !by_rules && !by_subjects {
        return;
    }
    for name in namespaces.names().filter(|name| !namespaces.declared.contains(*name)) {
        let Some(object) = objects.iter().find(|object| object.namespace == *name) else {
            continue;
        };
        let message = format!(
            "the namespace `{name}` is not in the input: it is taken to have no label but its name"
        );
        notes.warn(codes::NO_NAMESPACE, object.span, message);
    }
}

/// Whether a selector asks about labels of namespaces other than their names.
fn asks_of_namespaces(pods: &PodSelector) -> bool {
    let mut keys = BTreeSet::new();
    pods.pods.keys(&mut keys);
    crate::selector::asks_more_than_name(&pods.namespaces)
        || keys.into_iter().any(|key| key.starts_with(implied::OF_NAMESPACE))
}

/// A rule that nobody wrote, which accepts everything from and to a peer.
pub(crate) fn accepting(name: &str, peer: network::Peer) -> network::Rule {
    network::Rule {
        name: Name::from(name),
        peer,
        flows: FlowSet::all().into(),
        action: network::Action::Accept,
        origin: None,
    }
}

/// A layer of guards, in the order that layers have.
pub(crate) fn layer(guards: Vec<network::GuardId>, complete: bool) -> network::Layer {
    let mut guards = guards;
    guards.sort();
    guards.dedup();
    network::Layer { guards, complete }
}
