//! Subjects: who can be breached, what can be read, what can be held.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::EndpointId;
use watertight_model::{
    Credential, CredentialId, Criticality, Estate, MetadataService, Name, Power, Workload,
    WorkloadId, WorkloadKind,
};
use watertight_reach::{Class, ClassIndex};

use super::Input;
use crate::fact::{Fact, Subject};
use crate::graph::{GraphBuilder, SubjectInfo, SubjectKind};

/// The workloads that each subject stands for.
pub type Members = BTreeMap<Subject, Vec<WorkloadId>>;

/// The subjects of an estate.
pub(crate) struct Subjects {
    pub(crate) internet: Subject,
    pub(crate) members: Members,
    of_workload: BTreeMap<WorkloadId, Subject>,
    of_credential: BTreeMap<CredentialId, Subject>,
    by_class: BTreeMap<ClassIndex, BTreeSet<WorkloadId>>,
    stores: BTreeSet<Subject>,
    jewels: BTreeSet<Subject>,
    /// Of subjects that stand for several workloads, for how many.
    several: BTreeMap<Subject, u32>,
}

impl Subjects {
    /// The subject of a workload, where it has one: what only forwards has none.
    pub(crate) fn workload(&self, id: WorkloadId) -> Option<Subject> {
        self.of_workload.get(&id).copied()
    }

    /// The subject of a credential.
    pub(crate) fn credential(&self, id: CredentialId) -> Option<Subject> {
        self.of_credential.get(&id).copied()
    }

    /// Whether a subject is data without code of its own.
    pub(crate) fn is_store(&self, subject: Subject) -> bool {
        self.stores.contains(&subject)
    }

    /// Whether a subject is a jewel.
    pub(crate) fn is_jewel(&self, subject: Subject) -> bool {
        self.jewels.contains(&subject)
    }

    /// How many workloads that nothing tells apart a subject stands for.
    pub(crate) fn members_of(&self, subject: Subject) -> u32 {
        self.several.get(&subject).copied().unwrap_or(1)
    }

    /// The workloads that have an endpoint in a class.
    pub(crate) fn in_class(&self, class: ClassIndex) -> impl Iterator<Item = WorkloadId> + '_ {
        self.by_class.get(&class).into_iter().flatten().copied()
    }

    /// The subject of an endpoint's workload.
    pub(crate) fn endpoint(&self, estate: &Estate, endpoint: EndpointId) -> Option<Subject> {
        self.workload(estate.network.endpoints[endpoint].workload)
    }
}

/// What a kind of workload is to an attacker; none for what only forwards.
fn kind_of(workload: &Workload) -> Option<SubjectKind> {
    match workload.kind {
        WorkloadKind::Machine
        | WorkloadKind::Function
        | WorkloadKind::Task
        | WorkloadKind::Pod
        | WorkloadKind::Cluster
        | WorkloadKind::Unknown => Some(SubjectKind::Workload),
        WorkloadKind::Database
        | WorkloadKind::Cache
        | WorkloadKind::Queue
        | WorkloadKind::FileSystem
        | WorkloadKind::ObjectStore
        | WorkloadKind::Table => Some(SubjectKind::Store),
        WorkloadKind::LoadBalancer | WorkloadKind::Gateway | WorkloadKind::PrivateService => None,
    }
}

/// Whether labels call a workload an AI agent or unpinned third-party code.
///
/// Recognised, in any letter case: `kind`, `type`, `role` or `workload` with the value `ai-agent`,
/// `ai`, `agent` or `llm`; `ai-agent: true`; `third-party: unpinned`; `pinned: false`.
fn is_untrusted(workload: &Workload) -> bool {
    workload.labels.iter().any(|(key, value)| {
        let (key, value) = (key.to_ascii_lowercase(), value.to_ascii_lowercase());
        match key.as_str() {
            "kind" | "type" | "role" | "workload" => {
                matches!(value.as_str(), "ai-agent" | "ai" | "agent" | "llm")
            }
            "ai-agent" => value == "true" || value == "yes",
            "third-party" => value == "unpinned",
            "pinned" => value == "false",
            _ => false,
        }
    })
}

/// Adds every subject of the estate.
pub(crate) fn add(input: &Input<'_>, graph: &mut GraphBuilder) -> Subjects {
    let estate = input.estate;
    let internet = graph.outside("internet");
    let mut subjects = Subjects {
        internet,
        members: Members::new(),
        of_workload: BTreeMap::new(),
        of_credential: BTreeMap::new(),
        by_class: BTreeMap::new(),
        stores: BTreeSet::new(),
        jewels: BTreeSet::new(),
        several: BTreeMap::new(),
    };
    for (key, workloads) in groups(input) {
        let kind = key.kind;
        let info = describe(input, &key, &workloads);
        let (members, jewel) = (info.members, info.jewel);
        let subject = graph.subject(info);
        if jewel {
            subjects.jewels.insert(subject);
        }
        if members > 1 {
            subjects.several.insert(subject, members);
        }
        if kind == SubjectKind::Store {
            subjects.stores.insert(subject);
        }
        subjects.of_workload.extend(workloads.iter().map(|id| (*id, subject)));
        subjects.members.insert(subject, workloads);
    }
    for (id, credential) in estate.credentials.iter() {
        let subject = graph.credential(credential.name.as_str());
        if credential.kind == Credential::ANYBODY {
            graph.internet_holds(Fact::hold(subject));
        }
        subjects.of_credential.insert(id, subject);
    }
    for (index, class) in input.matrix.classes.iter().enumerate() {
        if let Class::Endpoints(members) = class {
            let workloads = members.iter().map(|id| estate.network.endpoints[*id].workload);
            subjects.by_class.insert(index, workloads.collect());
        }
    }
    add_segments(estate, &subjects, graph);
    subjects
}

/// What makes workloads one subject.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct GroupKey {
    /// The owner of replicas, or the first of workloads that nothing tells apart.
    name: Name,
    kind: SubjectKind,
    weight: u32,
    /// Whether they are workloads of their own that nothing tells apart, not replicas.
    alike: bool,
}

/// What tells workloads apart for an attacker.
type Face<'a> = (
    WorkloadKind,
    u32,
    bool,
    BTreeSet<ClassIndex>,
    Option<CredentialId>,
    Option<MetadataService>,
    bool,
    Option<&'a Name>,
);

/// Workloads by subject: replicas of one owner together, unless something about them differs that
/// a reader of labels would see; and those together that nothing tells apart.
fn groups(input: &Input<'_>) -> BTreeMap<GroupKey, Vec<WorkloadId>> {
    let estate = input.estate;
    let singled_out = singled_out(input);
    let mut alike: BTreeMap<Face<'_>, Name> = BTreeMap::new();
    let mut groups: BTreeMap<GroupKey, Vec<WorkloadId>> = BTreeMap::new();
    for (id, workload) in estate.workloads.iter() {
        let Some(kind) = kind_of(workload) else { continue };
        let weight = workload.criticality().weight();
        let mut key = match &workload.owner {
            Some(owner) => GroupKey { name: owner.clone(), kind, weight, alike: false },
            None => GroupKey { name: workload.id.clone(), kind, weight, alike: true },
        };
        if key.alike && !singled_out.contains(&id) && !is_jewel(input, workload) {
            let endpoints = workload.endpoints.iter();
            let face = (
                workload.kind,
                weight,
                is_untrusted(workload),
                endpoints.filter_map(|endpoint| input.matrix.class_of(*endpoint)).collect(),
                workload.credential,
                workload.metadata,
                workload.stores_data,
                workload.account.as_ref(),
            );
            key.name = alike.entry(face).or_insert(key.name).clone();
        }
        groups.entry(key).or_default().push(id);
    }
    groups
}

/// Workloads that something names one by one, or of which something can be taken away one by one.
fn singled_out(input: &Input<'_>) -> BTreeSet<WorkloadId> {
    let estate = input.estate;
    let named = estate.grants.iter().filter_map(|grant| match grant.power {
        Power::ReadData { store, .. } => Some(store),
        Power::RunCode(workload) => Some(workload),
        Power::ReadSecret(_) | Power::Assume(_) | Power::ChangeGuards(_) => None,
    });
    let mut found: BTreeSet<WorkloadId> = named.collect();
    let public = estate.network.endpoints.values().filter(|endpoint| !endpoint.public.is_empty());
    found.extend(public.map(|endpoint| endpoint.workload));
    // Who runs on what is a matter of each.
    found.extend(estate.hosted.iter().flat_map(|hosted| [hosted.host, hosted.guest]));
    for (id, workload) in estate.workloads.iter() {
        let lax = workload.metadata.is_some_and(|metadata| {
            metadata.enabled && !metadata.token_required && workload.credential.is_some()
        });
        if lax || workload.endpoints.is_empty() {
            found.insert(id);
        }
    }
    found
}

fn is_jewel(input: &Input<'_>, workload: &Workload) -> bool {
    workload.criticality() == Criticality::CrownJewel
        || input.options.jewel_kinds.contains(&workload.kind)
        || input.options.jewel_names.contains(&workload.id)
        || input.options.jewel_names.contains(&workload.name)
}

fn describe(input: &Input<'_>, key: &GroupKey, workloads: &[WorkloadId]) -> SubjectInfo {
    let estate = input.estate;
    let all = || workloads.iter().map(|id| &estate.workloads[*id]);
    let first = workloads.first().map(|id| estate.workloads[*id].name.to_string());
    let name = match (first, workloads.len() - 1) {
        (Some(first), 0) => first,
        (Some(first), others) if key.alike => format!("{first} and {others} like it"),
        (_, _) => key.name.to_string(),
    };
    let mut info = SubjectInfo::new(key.kind, name);
    let count = u32::try_from(workloads.len()).unwrap_or(u32::MAX);
    if key.alike {
        info = info.standing_for(count);
    } else {
        info.replicas = count;
    }
    let criticality = all().map(Workload::criticality).max().unwrap_or_default();
    info = info.weighing(criticality.weight());
    if all().any(is_untrusted) {
        info = info.sharing(SubjectInfo::SHARE_UNTRUSTED);
    }
    if all().any(|workload| is_jewel(input, workload)) {
        info = info.as_crown_jewel();
    }
    info
}

/// One segment for each realm, for the scores per segment.
fn add_segments(estate: &Estate, subjects: &Subjects, graph: &mut GraphBuilder) {
    let mut realms: BTreeMap<Name, BTreeSet<Subject>> = BTreeMap::new();
    for endpoint in estate.network.endpoints.values() {
        let (Some(subnet), Some(subject)) = (endpoint.subnet, subjects.workload(endpoint.workload))
        else {
            continue;
        };
        let realm = &estate.network.realms[estate.network.subnets[subnet].realm];
        let name = if realm.title == realm.name {
            realm.name.clone()
        } else {
            Name::from(format!("{} ({})", realm.title, realm.name))
        };
        realms.entry(name).or_default().insert(subject);
    }
    for (name, members) in realms {
        graph.segment(name.as_str(), members);
    }
}
