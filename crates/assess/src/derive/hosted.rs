//! Hops in a cluster: from a node to its pods and back, to a node's credential and to that of a
//! service account.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use watertight_model::{Certainty, Disposition, Hosted, Name, Power, WorkloadId};
use watertight_net::{FlowSet, PortSet};

use super::own::add_meta;
use super::subjects::Subjects;
use super::{Building, Change, Input};
use crate::fact::{Fact, Subject};
use crate::hop::{Evidence, Hop, Status, Variant};

/// Where machines find their metadata service.
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// Adds what runs on what, each pair of subjects once.
pub(super) fn add(input: &Input<'_>, subjects: &Subjects, building: &mut Building) {
    let mut known: BTreeSet<(Subject, Subject)> = BTreeSet::new();
    let mut escapes: BTreeMap<(Subject, Subject), (&Hosted, &Name)> = BTreeMap::new();
    let mut metadata: BTreeSet<(Subject, Subject)> = BTreeSet::new();
    for hosted in &input.estate.hosted {
        let (Some(host), Some(guest)) =
            (subjects.workload(hosted.host), subjects.workload(hosted.guest))
        else {
            continue;
        };
        if host == guest {
            continue;
        }
        if known.insert((host, guest)) {
            let premises = [Fact::exec(host)];
            let text = format!("runs {}", input.estate.workloads[hosted.guest].name);
            let because = evidence(input, hosted.host, text);
            let hop = hop(input, Variant::NodeToPod, premises, Fact::exec(guest));
            building.graph.hop(hop.because(because));
        }
        if let Some(why) = &hosted.unconfined {
            escapes.entry((guest, host)).or_insert((hosted, why));
        }
        let machine = &input.estate.workloads[hosted.host];
        let credential = machine.credential.and_then(|id| subjects.credential(id));
        if let Some(credential) = credential
            && !metadata.contains(&(guest, credential))
            && sees_metadata(input, hosted)
        {
            metadata.insert((guest, credential));
            add_meta(input, building, hosted.host, guest, credential);
        }
    }
    for ((guest, host), (hosted, why)) in escapes {
        let premises = [Fact::exec(guest)];
        let hop = hop(input, Variant::NodeFromPod, premises, Fact::exec(host));
        building.graph.hop(hop.because(evidence(input, hosted.guest, why.to_string())));
    }
}

/// Whether the metadata service of the machine answers what runs on it: on the machine's own
/// network always, else where its answers travel that far and no policy is in the way.
fn sees_metadata(input: &Input<'_>, hosted: &Hosted) -> bool {
    if hosted.shares_network {
        return true;
    }
    let estate = input.estate;
    let machine = &estate.workloads[hosted.host].endpoints;
    let uplinks = &estate.network.uplinks;
    let asks = FlowSet::tcp(PortSet::single(80));
    let guests = estate.workloads[hosted.guest]
        .endpoints
        .iter()
        .filter(|guest| uplinks.get(guest).is_some_and(|uplink| machine.contains(&uplink.by)));
    let mut starts = guests.flat_map(|guest| input.reach.starts_of(*guest));
    starts.any(|start| {
        let parts = input.reach.answer(&start, METADATA, &asks);
        parts
            .iter()
            .any(|part| matches!(part.disposition, Disposition::Accepted | Disposition::Unknown))
    })
}

/// What code in a pod holds: its service account, and the roles that are given for its token.
pub(super) fn add_token(
    input: &Input<'_>,
    subjects: &Subjects,
    building: &mut Building,
    (id, subject): (WorkloadId, Subject),
) {
    let workload = &input.estate.workloads[id];
    let Some(own) = workload.credential else { return };
    let Some(account) = subjects.credential(own) else { return };
    let name = &input.estate.credentials[own].name;
    let token = |conclusion| hop(input, Variant::TokenMounted, [Fact::exec(subject)], conclusion);
    let because = evidence(input, id, format!("has the token of {name}"));
    building.graph.hop(token(Fact::hold(account)).because(because));
    for (place, grant) in input.estate.grants.iter().enumerate() {
        let Power::Assume(role) = &grant.power else { continue };
        let Some(role) = subjects.credential(*role).filter(|_| grant.holder == own) else {
            continue;
        };
        let removable =
            building.removable(&Change::RemoveGrant(place), || format!("{name} may assume a role"));
        let mut given = token(Fact::hold(role));
        given.status = match grant.certainty {
            Certainty::Sure => Status::Sure,
            Certainty::Possible => Status::Possible,
        };
        given.evidence = grant.evidence.iter().map(super::grants::evidence_of).collect();
        building.graph.hop(given.supported_by([removable]));
    }
}

fn hop(input: &Input<'_>, variant: Variant, premises: [Fact; 1], conclusion: Fact) -> Hop {
    Hop::new(variant, premises, conclusion, &input.options.likelihoods)
}

fn evidence(input: &Input<'_>, id: WorkloadId, text: String) -> Evidence {
    let resource = input.estate.workloads[id].id.to_string();
    Evidence { resource, rule: String::new(), text }
}
