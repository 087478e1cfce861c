//! Hops that a workload's own place gives: local, meta, token, node, exfil.

use std::collections::BTreeMap;

use watertight_model::{CredentialId, WorkloadId, WorkloadKind};
use watertight_reach::Class;

use super::hops::meet;
use super::subjects::Subjects;
use super::{Building, Change, Input, ports};
use crate::fact::{Fact, Subject};
use crate::hop::{Evidence, Hop, Status, Variant};

/// Adds what needs neither a leg nor a grant.
pub(super) fn add(input: &Input<'_>, subjects: &Subjects, building: &mut Building) {
    add_own(input, subjects, building);
    super::hosted::add(input, subjects, building);
    add_exfil(input, subjects, building);
}

/// What code on a workload has without the network: its data and its credential.
fn add_own(input: &Input<'_>, subjects: &Subjects, building: &mut Building) {
    for (id, workload) in input.estate.workloads.iter() {
        let Some(subject) = subjects.workload(id) else { continue };
        if subjects.is_store(subject) {
            continue;
        }
        let table = &input.options.likelihoods;
        if workload.stores_data {
            let hop =
                Hop::new(Variant::LocalStored, [Fact::exec(subject)], Fact::read(subject), table);
            building.graph.hop(hop.because(Evidence {
                resource: workload.id.to_string(),
                rule: String::new(),
                text: "stores data".to_owned(),
            }));
        }
        if let Some(credential) = workload.credential.and_then(|id| subjects.credential(id)) {
            if workload.kind == WorkloadKind::Pod {
                super::hosted::add_token(input, subjects, building, (id, subject));
            } else {
                add_meta(input, building, id, subject, credential);
            }
        }
    }
}

/// What code at `subject` gets of the metadata service of a machine.
pub(super) fn add_meta(
    input: &Input<'_>,
    building: &mut Building,
    id: WorkloadId,
    subject: Subject,
    credential: Subject,
) {
    let workload = &input.estate.workloads[id];
    let (first, text) = match workload.metadata {
        // What has no metadata service of a machine finds its credential in its own environment.
        None => (true, "hands its role to the code that runs on it"),
        Some(metadata) if !metadata.enabled => return,
        Some(metadata) if metadata.token_required => (false, "metadata service with token"),
        Some(_) => (true, "metadata service without token (IMDSv1)"),
    };
    let table = &input.options.likelihoods;
    let role = workload.credential.map(|id: CredentialId| &input.estate.credentials[id]);
    let evidence = Evidence {
        resource: workload.id.to_string(),
        rule: role.map(|role| role.id.to_string()).unwrap_or_default(),
        text: text.to_owned(),
    };
    let hop = |variant| {
        let hop = Hop::new(variant, [Fact::exec(subject)], Fact::hold(credential), table);
        hop.because(evidence.clone())
    };
    if !first {
        return building.graph.hop(hop(Variant::MetaImdsV2));
    }
    if workload.metadata.is_none() {
        return building.graph.hop(hop(Variant::MetaImdsV1));
    }
    // Requiring a token leaves the harder way.
    let number =
        building.removable(&Change::RequireToken(id), || format!("IMDSv1 on {}", workload.name));
    building.graph.hop(hop(Variant::MetaImdsV1).supported_by([number]));
    building.graph.hop(hop(Variant::MetaImdsV2));
}

/// Ways out for data: what is read at a workload leaves by whatever that workload reaches.
///
/// For jewels alone: data that is outside was read before, so that for anything else neither blast
/// radius nor score can tell.
fn add_exfil(input: &Input<'_>, subjects: &Subjects, building: &mut Building) {
    let holds_data = |subject: &Subject, members: &[WorkloadId]| {
        let stored = |id: &WorkloadId| input.estate.workloads[*id].stores_data;
        subjects.is_jewel(*subject) && (subjects.is_store(*subject) || members.iter().any(stored))
    };
    let data = subjects.members.iter().filter(|(subject, members)| holds_data(subject, members));
    let mut data = data.peekable();
    if data.peek().is_none() {
        return;
    }
    let mut leaving = by_resolver(input, subjects);
    leaving.extend(by_internet(input, subjects));
    for (store, _) in data {
        for (subject, way_out) in &leaving {
            let premises = [Fact::read(*store), Fact::exec(*subject)];
            let table = &input.options.likelihoods;
            let mut hop = Hop::new(way_out.variant, premises, Fact::out(*store), table);
            hop.status = way_out.status;
            building.graph.hop(hop.because(way_out.evidence.clone()));
        }
    }
}

/// How data leaves from a workload.
struct WayOut {
    variant: Variant,
    status: Status,
    evidence: Evidence,
}

fn by_internet(input: &Input<'_>, subjects: &Subjects) -> BTreeMap<Subject, WayOut> {
    let mut leaving: BTreeMap<Subject, WayOut> = BTreeMap::new();
    let classes = input.matrix.classes.iter().enumerate();
    let internet = classes.filter(|(_, class)| matches!(class, Class::Internet(_)));
    for (senders, cell) in internet.flat_map(|(to, _)| input.matrix.stretches(to)) {
        let open = meet(&cell.established, &ports::connections());
        if open.possible.is_empty() {
            continue;
        }
        let is_inside =
            |from: &usize| matches!(input.matrix.classes.get(*from), Some(Class::Endpoints(_)));
        for id in senders.filter(is_inside).flat_map(|from| subjects.in_class(from)) {
            let Some(subject) = subjects.workload(id).filter(|one| !subjects.is_store(*one)) else {
                continue;
            };
            let known = leaving.entry(subject).or_insert_with(|| WayOut {
                variant: Variant::ExfilInternet,
                status: Status::Possible,
                evidence: Evidence {
                    resource: input.estate.workloads[id].id.to_string(),
                    rule: String::new(),
                    text: format!("reaches the internet over {}", open.possible),
                },
            });
            if !open.sure.is_empty() {
                known.status = Status::Sure;
            }
        }
    }
    leaving
}

/// Who asks the provider's resolver, which asks the world; what it refuses is not in the model, so
/// that it is possible only.
fn by_resolver(input: &Input<'_>, subjects: &Subjects) -> BTreeMap<Subject, WayOut> {
    let network = &input.estate.network;
    let mut leaving: BTreeMap<Subject, WayOut> = BTreeMap::new();
    for endpoint in network.endpoints.values() {
        let Some(subnet) = endpoint.subnet.map(|id| &network.subnets[id]) else { continue };
        let realm = &network.realms[subnet.realm];
        let subject = subjects.workload(endpoint.workload);
        let Some(subject) = subject.filter(|one| !subjects.is_store(*one)) else { continue };
        if let Some(resolver) = realm.resolvers.first() {
            leaving.entry(subject).or_insert_with(|| WayOut {
                variant: Variant::ExfilResolver,
                status: Status::Possible,
                evidence: Evidence {
                    resource: realm.name.to_string(),
                    rule: String::new(),
                    text: format!("the resolver at {resolver} asks the internet"),
                },
            });
        }
    }
    leaving
}
