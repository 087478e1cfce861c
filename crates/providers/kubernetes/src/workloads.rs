//! Workloads and their pods.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;
use watertight_source::{Kind, Node, Span};

use crate::attachments::{self, Attached};
use crate::codes;
use crate::fields::Notes;
use crate::flows::{port, protocol};
use crate::labels;
use crate::objects::Object;
use crate::placement::Place;
use crate::policy::NamedPort;
use crate::selector::LabelMap;

/// Owners above owners: a pod, its replica set, its deployment, what made that.
const OWNERS_MAX: u32 = 8;

/// A workload: what owns pods, or a pod that nobody owns.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct WorkloadKey {
    pub(crate) namespace: Name,
    pub(crate) name: Name,
    /// `Deployment` and so on.
    pub(crate) kind: Name,
}

/// Pods that nothing tells apart: those of one template, or one pod.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) workload: WorkloadKey,
    /// The name of the pod, or of the workload where only the template is known.
    pub(crate) name: Name,
    pub(crate) labels: LabelMap,
    /// Labels that a network plugin gives it, where policies ask for them.
    pub(crate) implied: LabelMap,
    /// All ports that its containers declare.
    pub(crate) ports: Vec<NamedPort>,
    pub(crate) host_network: bool,
    pub(crate) service_account: Option<Name>,
    pub(crate) place: Place,
    /// What it is attached to beside the primary network.
    pub(crate) further: Vec<Attached>,
    pub(crate) span: Span,
}

/// The pods of all objects, ordered by workload and name.
pub(crate) fn read(objects: &[Object<'_>], notes: &mut Notes) -> Vec<Pod> {
    let owners = Owners::of(objects, notes);
    let mut found: Vec<Pod> = Vec::new();
    let mut shown: BTreeSet<WorkloadKey> = BTreeSet::new();
    for object in objects.iter().filter(|object| is_pod(object)) {
        let Some(spec) = object.spec(notes) else { continue };
        if is_over(notes, object) {
            continue;
        }
        let workload = owners.top(&key_of(object), OWNERS_MAX);
        shown.insert(workload.clone());
        let metadata = object.node.get("metadata");
        let further = attachments::read(notes, metadata, spec, &object.namespace);
        let labels = &object.labels;
        let content = (workload, object.name.clone(), labels, further);
        found.push(pod(notes, object, spec, content));
    }
    for object in objects.iter().filter(|object| !is_pod(object)) {
        let Some((template, spec)) = template(notes, object) else { continue };
        let workload = owners.top(&key_of(object), OWNERS_MAX);
        // The pods themselves tell more than their template.
        if shown.contains(&workload) || workload != key_of(object) && owners.knows(&workload) {
            continue;
        }
        let metadata = notes.take(template.object_field("metadata"));
        let labels = match metadata {
            Some(metadata) => labels::read(notes, metadata, "labels"),
            None => LabelMap::new(),
        };
        let name = workload.name.clone();
        let further = attachments::read(notes, metadata, spec, &object.namespace);
        found.push(pod(notes, object, spec, (workload, name, &labels, further)));
    }
    found.sort_by(|one, other| {
        (&one.workload, &one.name, one.span).cmp(&(&other.workload, &other.name, other.span))
    });
    found
}

fn is_pod(object: &Object<'_>) -> bool {
    object.kind == "Pod" && object.group.is_empty()
}

fn key_of(object: &Object<'_>) -> WorkloadKey {
    WorkloadKey {
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        kind: Name::from(object.kind),
    }
}

/// Whether a pod has ended: it has no address any more.
fn is_over(notes: &mut Notes, object: &Object<'_>) -> bool {
    let status = notes.take(object.node.object_field("status"));
    let phase = status.and_then(|status| notes.take(status.str_field("phase")));
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// The template of a workload's pods, with its specification: of any kind that has one at a place
/// where kinds have it.
fn template<'t>(notes: &mut Notes, object: &Object<'t>) -> Option<(Node<'t>, Node<'t>)> {
    let spec = object.node.get("spec")?;
    let direct = spec.get("template");
    let by_job = || spec.get("jobTemplate")?.get("spec")?.get("template");
    let template = direct.or_else(by_job)?;
    let pod = template.get("spec")?;
    // A virtual machine runs in a pod of its own and has a domain in the place of containers.
    pod.get("containers").or(pod.get("domain"))?;
    if template.kind() != Kind::Object || pod.kind() != Kind::Object {
        return None;
    }
    let known = matches!(
        object.kind,
        "Deployment"
            | "StatefulSet"
            | "DaemonSet"
            | "ReplicaSet"
            | "ReplicationController"
            | "Job"
            | "CronJob"
            | "DeploymentConfig"
            | "VirtualMachine"
            | "Rollout"
    );
    if !known {
        let message = format!("the {} is read as a workload, for its pod template", object.kind);
        notes.note(codes::UNREAD_KIND, object.span, message);
    }
    Some((template, pod))
}

/// Whether an object has a template of pods.
pub(crate) fn has_template(object: &Object<'_>) -> bool {
    let spec = object.node.get("spec");
    let by_job = |spec: Node<'_>| spec.get("jobTemplate").is_some();
    spec.is_some_and(|spec| spec.get("template").is_some() || by_job(spec))
}

fn pod(
    notes: &mut Notes,
    object: &Object<'_>,
    spec: Node<'_>,
    (workload, name, labels, further): (WorkloadKey, Name, &LabelMap, Vec<Attached>),
) -> Pod {
    let mut ports = Vec::new();
    let sidecars = notes.items(spec, "initContainers").into_iter().filter(|container| {
        container.get("restartPolicy").and_then(Node::as_str) == Some("Always")
    });
    let sidecars: Vec<Node<'_>> = sidecars.collect();
    for container in notes.items(spec, "containers").into_iter().chain(sidecars) {
        for declared in notes.items(container, "ports") {
            let name = notes.name(declared, "name").unwrap_or_else(|| Name::from(""));
            let number = declared.get("containerPort").and_then(|number| port(notes, number));
            if let (Some(number), Some(protocol)) = (number, protocol(notes, declared)) {
                ports.push(NamedPort { name, protocol, number });
            }
        }
    }
    ports.sort();
    ports.dedup();
    let host_network = notes.take(spec.bool_field("hostNetwork")).unwrap_or(false);
    let account = notes.name(spec, "serviceAccountName");
    let service_account = account.or_else(|| notes.name(spec, "serviceAccount"));
    Pod {
        workload,
        name,
        labels: labels.clone(),
        implied: LabelMap::new(),
        ports,
        host_network,
        service_account,
        place: Place::read(notes, object, spec),
        further,
        span: object.span,
    }
}

/// Who owns whom.
#[derive(Debug)]
struct Owners {
    owner: BTreeMap<WorkloadKey, WorkloadKey>,
    known: BTreeSet<WorkloadKey>,
}

impl Owners {
    fn of(objects: &[Object<'_>], notes: &mut Notes) -> Self {
        let mut found = Self { owner: BTreeMap::new(), known: BTreeSet::new() };
        for object in objects.iter().filter(|object| is_pod(object) || has_template(object)) {
            found.known.insert(key_of(object));
            if let Some(owner) = owner(notes, object) {
                found.owner.insert(key_of(object), owner);
            }
        }
        found
    }

    /// The topmost owner. A pod is its owner's, known or not; above that, an owner counts only when
    /// it is in the input.
    fn top(&self, key: &WorkloadKey, left: u32) -> WorkloadKey {
        let Some(left) = left.checked_sub(1) else { return key.clone() };
        match self.owner.get(key) {
            Some(owner) if *key.kind == *"Pod" || self.known.contains(owner) => {
                self.top(owner, left)
            }
            _ => key.clone(),
        }
    }

    fn knows(&self, key: &WorkloadKey) -> bool {
        self.known.contains(key)
    }
}

/// The owner that an object names: the one that controls it, else the first.
///
/// A static pod is its node's; that says nothing about what runs in it, so it stays its own.
fn owner(notes: &mut Notes, object: &Object<'_>) -> Option<WorkloadKey> {
    let metadata = notes.take(object.node.object_field("metadata"))?;
    let owners = notes.items(metadata, "ownerReferences");
    let controls = |owner: &&Node<'_>| owner.get("controller").and_then(Node::as_bool);
    let controller = owners.iter().find(|owner| controls(owner) == Some(true));
    let owner = controller.or(owners.first())?;
    let kind = notes.name(*owner, "kind").unwrap_or_else(|| Name::from(object.kind));
    let name = notes.name(*owner, "name")?;
    if *kind == *"Node" {
        return None;
    }
    Some(WorkloadKey { namespace: object.namespace.clone(), name, kind })
}
