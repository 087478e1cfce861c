//! Whether what a plan read is still so, before the first write.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_aws::{Service, network_facts, service_facts};
use watertight_compile::{Action, Change, Plan, Read, ReadKind};

use super::ApplyError;
use super::journal::Progress;
use super::live::{self, GroupFacts};
use super::session::{Session, Site};
use super::{services, templates, ways};
use crate::outcome::{Class, Refusal};

/// Refuses a plan when something that it read is different now, and when a service sets the groups
/// of an interface itself. What the steps that were begun have changed is left out.
pub(super) async fn check(
    session: &Session,
    plan: &Plan,
    progress: Progress,
) -> Result<(), ApplyError> {
    let (touched, taken) = (touched(plan, progress), taken(plan, progress));
    let handed = handed(plan, progress);
    let mut by_site: BTreeMap<Site, Vec<&Read>> = BTreeMap::new();
    // Groups that are there are read by id, and steps call them by name: which is which is seen below.
    for read in plan.reads.iter().filter(|read| !touched.contains(read.id.as_str())) {
        let site = Site { account: read.account.clone(), region: read.region.clone() };
        by_site.entry(site).or_default().push(read);
    }
    let set: BTreeSet<&str> = plan.steps.iter().filter_map(|step| endpoint(&step.action)).collect();
    let mut changes = Vec::new();
    let mut service_owned = Vec::new();
    for (site, reads) in by_site {
        let unread = |refusal: Refusal| ApplyError::Unread(refusal.code);
        let found = endpoints(session, &site, &reads).await.map_err(unread)?;
        changes.extend(found.changes);
        let owned = found.service_owned.into_iter().filter(|id| set.contains(id.as_str()));
        service_owned.extend(owned);
        changes.extend(groups(session, &site, &reads, (&touched, &taken)).await.map_err(unread)?);
        changes.extend(free(session, &site, &reads).await.map_err(unread)?);
        changes.extend(resources(session, &site, &reads).await.map_err(unread)?);
        for kind in [ReadKind::Routes, ReadKind::Acl] {
            let found = network(session, &site, (kind, &reads), &handed).await;
            changes.extend(found.map_err(unread)?);
        }
        changes.extend(ways::changes(session, &site, &reads).await.map_err(unread)?);
        changes.extend(made_from(session, &site, &reads).await.map_err(unread)?);
        changes.extend(carriers(session, &site, &reads).await.map_err(unread)?);
    }
    changes.sort();
    if !changes.is_empty() {
        let is_begun = progress != Progress::default();
        return Err(ApplyError::Changed { changes, is_begun });
    }
    service_owned.sort();
    if !service_owned.is_empty() {
        return Err(ApplyError::ServiceOwned(service_owned));
    }
    Ok(())
}

fn endpoint(action: &Action) -> Option<&str> {
    match action {
        Action::SetGroups { endpoint, .. } => Some(endpoint),
        _ => None,
    }
}

/// The endpoints by id and the groups by name that steps which were begun are about.
fn touched(plan: &Plan, progress: Progress) -> BTreeSet<&str> {
    let begun = plan.steps.iter().take(progress.end());
    let ids = begun.flat_map(|step| match &step.action {
        Action::CreateGroup { group }
        | Action::DeleteGroup { group }
        | Action::AddRules { group, .. }
        | Action::RemoveRules { group, .. } => vec![group.as_str()],
        Action::SetGroups { endpoint, .. } => vec![endpoint.as_str()],
        Action::SetGroupsThrough { through, endpoints, .. } => {
            endpoints.iter().map(String::as_str).chain([through.id.as_str()]).collect()
        }
        Action::SetTemplate(step) | Action::UnsetTemplate(step) => vec![step.owner.as_str()],
        Action::DeleteEdge { edge } => of_edge(plan, edge),
        // What others wrote is to be as it was, whatever subnets have it: see below.
        Action::CreateEdge { .. } | Action::SetEdge { .. } => Vec::new(),
    });
    ids.collect()
}

/// The ids of network ACLs which steps that were begun put in place of one another: which subnets have them
/// is not as it was read.
fn handed(plan: &Plan, progress: Progress) -> BTreeSet<&str> {
    let begun = plan.steps.iter().take(progress.end());
    let ids = begun.flat_map(|step| match &step.action {
        Action::SetEdge { from, to, .. } => [of_edge(plan, from), of_edge(plan, to)].concat(),
        _ => Vec::new(),
    });
    ids.collect()
}

/// The ids of the network ACLs that a step about one is about: it, and the one that it stands in for.
fn of_edge<'p>(plan: &'p Plan, name: &'p str) -> Vec<&'p str> {
    let edge = plan.edges.iter().find(|edge| edge.name == name);
    let ids = edge.into_iter().flat_map(|edge| edge.there.iter().chain([&edge.base]));
    ids.map(String::as_str).chain([name]).collect()
}

fn of<'r>(reads: &[&'r Read], what: ReadKind) -> Vec<&'r Read> {
    reads.iter().copied().filter(|read| read.what == what).collect()
}

struct Endpoints {
    changes: Vec<Change>,
    service_owned: BTreeSet<String>,
}

async fn endpoints(session: &Session, site: &Site, reads: &[&Read]) -> Result<Endpoints, Refusal> {
    let reads = of(reads, ReadKind::Endpoint);
    let ids: Vec<&str> = reads.iter().map(|read| read.id.as_str()).collect();
    let found = live::interfaces(session, site, &ids).await?;
    let changes = reads.iter().flat_map(|read| read.changes(found.facts.get(&read.id)));
    Ok(Endpoints { changes: changes.collect(), service_owned: found.service_owned })
}

/// What changed about groups, but for groups of ours whose rules steps have begun to change.
async fn groups(
    session: &Session,
    site: &Site,
    reads: &[&Read],
    (touched, taken): (&BTreeSet<&str>, &BTreeSet<&str>),
) -> Result<Vec<Change>, Refusal> {
    let reads = of(reads, ReadKind::Group);
    let ids: Vec<&str> = reads.iter().map(|read| read.id.as_str()).collect();
    let found = live::groups(session, site, ("group-id", &ids)).await?;
    let found: BTreeMap<&str, &GroupFacts> =
        found.iter().map(|group| (group.id.as_str(), group)).collect();
    let changes = reads.iter().flat_map(|read| match found.get(read.id.as_str()) {
        Some(group) if group.is_managed && touched.contains(group.name.as_str()) => Vec::new(),
        Some(group) => read.changes(Some(&group.facts)),
        None if taken.contains(read.id.as_str()) => Vec::new(),
        None => read.changes(None),
    });
    Ok(changes.collect())
}

/// What changed about resources that set groups.
async fn resources(
    session: &Session,
    site: &Site,
    reads: &[&Read],
) -> Result<Vec<Change>, Refusal> {
    let mut changes = Vec::new();
    for read in of(reads, ReadKind::Resource) {
        let kind = read.facts.get("kind").and_then(|kind| kind.first());
        let service = kind.and_then(|kind| Service::of(kind));
        let unknown = || Refusal::new("UnknownResource", Class::Refused);
        let service = service.ok_or_else(unknown)?;
        let found = services::resource(session, site, (service, &read.id)).await?;
        let facts = found.map(|found| service_facts(service, &found.groups, &found.subnets));
        changes.extend(read.changes(facts.as_ref()));
    }
    Ok(changes)
}

/// What changed about the ways between those that the plan is about.
async fn network(
    session: &Session,
    site: &Site,
    (kind, reads): (ReadKind, &[&Read]),
    handed: &BTreeSet<&str>,
) -> Result<Vec<Change>, Refusal> {
    let reads = of(reads, kind);
    let Some((list, key, facts)) = network_facts(kind) else { return Ok(Vec::new()) };
    let vpcs: BTreeSet<&str> = reads
        .iter()
        .filter_map(|read| read.facts.get("vpc")?.first().map(String::as_str))
        .collect();
    let vpcs: Vec<&str> = vpcs.into_iter().collect();
    let found = live::network(session, site, (kind, list), &vpcs).await?;
    let found: BTreeMap<&str, &Value> =
        found.iter().filter_map(|body| Some((body.get(key)?.as_str()?, body))).collect();
    let changes = reads.iter().flat_map(|read| {
        let mut facts = found.get(read.id.as_str()).map(|body| facts(body));
        let mut read = Read::clone(read);
        if handed.contains(read.id.as_str()) {
            read.facts.remove("of");
            facts = facts.map(|mut facts| {
                facts.remove("of");
                facts
            });
        }
        read.changes(facts.as_ref())
    });
    Ok(changes.collect())
}

/// What changed about what makes replicas.
async fn made_from(
    session: &Session,
    site: &Site,
    reads: &[&Read],
) -> Result<Vec<Change>, Refusal> {
    let mut changes = Vec::new();
    for read in of(reads, ReadKind::Template) {
        let facts = templates::facts(session, site, &read.id).await?;
        changes.extend(read.changes(facts.as_ref()));
    }
    Ok(changes)
}

/// The ids of groups that steps which were begun may have taken away. What is gone tells no name, so
/// that all that go are left out once the first goes.
fn taken(plan: &Plan, progress: Progress) -> BTreeSet<&str> {
    let mut begun = plan.steps.iter().take(progress.end());
    if !begun.any(|step| matches!(step.action, Action::DeleteGroup { .. })) {
        return BTreeSet::new();
    }
    let going = plan.reads.iter().filter(|read| read.what == ReadKind::Carriers);
    going.map(|read| read.id.as_str()).collect()
}

/// Who carries a group that is to be taken away.
async fn carriers(session: &Session, site: &Site, reads: &[&Read]) -> Result<Vec<Change>, Refusal> {
    let reads = of(reads, ReadKind::Carriers);
    let ids: Vec<&str> = reads.iter().map(|read| read.id.as_str()).collect();
    let found = live::carriers(session, site, &ids).await?;
    let facts = |id: &String| {
        let carriers = found.get(id).map(|ids| ids.iter().cloned().collect()).unwrap_or_default();
        BTreeMap::from([(String::from("interfaces"), carriers)])
    };
    Ok(reads.iter().flat_map(|read| read.changes(Some(&facts(&read.id)))).collect())
}

async fn free(session: &Session, site: &Site, reads: &[&Read]) -> Result<Vec<Change>, Refusal> {
    let reads = of(reads, ReadKind::Free);
    let names: Vec<&str> = reads.iter().map(|read| read.id.as_str()).collect();
    let found = live::groups(session, site, ("group-name", &names)).await?;
    let is_taken = |read: &&Read| {
        let realm = read.facts.get("realm").and_then(|realm| realm.first());
        found.iter().any(|group| group.name == read.id && Some(&group.vpc) == realm)
    };
    let taken = reads.into_iter().filter(is_taken);
    Ok(taken.flat_map(|read| read.changes(Some(&read.facts))).collect())
}
