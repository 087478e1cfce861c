//! Subjects: who can be breached, what can be read, what can be held.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::EndpointId;
use watertight_model::{
    CredentialId, Criticality, Estate, Name, Workload, WorkloadId, WorkloadKind,
};
use watertight_reach::{Class, ClassIndex};

use super::Input;
use crate::fact::Subject;
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
    };
    for (key, workloads) in groups(estate) {
        let (_, kind, _) = key;
        let info = describe(input, kind, &workloads);
        let subject = graph.subject(info);
        if kind == SubjectKind::Store {
            subjects.stores.insert(subject);
        }
        subjects.of_workload.extend(workloads.iter().map(|id| (*id, subject)));
        subjects.members.insert(subject, workloads);
    }
    for (id, credential) in estate.credentials.iter() {
        let subject = graph.credential(credential.name.as_str());
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

type GroupKey = (Name, SubjectKind, u32);

/// Workloads by subject: replicas of one owner together, unless something about them differs that
/// a reader of labels would see.
fn groups(estate: &Estate) -> BTreeMap<GroupKey, Vec<WorkloadId>> {
    let mut groups: BTreeMap<GroupKey, Vec<WorkloadId>> = BTreeMap::new();
    for (id, workload) in estate.workloads.iter() {
        let Some(kind) = kind_of(workload) else { continue };
        let owner = workload.owner.clone().unwrap_or_else(|| workload.id.clone());
        let weight = workload.criticality().weight();
        groups.entry((owner, kind, weight)).or_default().push(id);
    }
    groups
}

fn describe(input: &Input<'_>, kind: SubjectKind, workloads: &[WorkloadId]) -> SubjectInfo {
    let estate = input.estate;
    let all = || workloads.iter().map(|id| &estate.workloads[*id]);
    let first = workloads.first().map(|id| &estate.workloads[*id]);
    let name = first.map_or_else(String::new, |workload| {
        let owner = workload.owner.as_ref().filter(|_| workloads.len() > 1);
        owner.map_or_else(|| workload.name.to_string(), ToString::to_string)
    });
    let mut info = SubjectInfo::new(kind, name);
    info.replicas = u32::try_from(workloads.len()).unwrap_or(u32::MAX);
    let criticality = all().map(Workload::criticality).max().unwrap_or_default();
    info = info.weighing(criticality.weight());
    if all().any(is_untrusted) {
        info = info.sharing(SubjectInfo::SHARE_UNTRUSTED);
    }
    let named = |workload: &Workload| {
        input.options.jewel_kinds.contains(&workload.kind)
            || input.options.jewel_names.contains(&workload.id)
            || input.options.jewel_names.contains(&workload.name)
    };
    if criticality == Criticality::CrownJewel || all().any(named) {
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
