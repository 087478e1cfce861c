//! Where what a plan is about is.

use std::collections::{BTreeMap, BTreeSet};

use watertight_aws::Service;
use watertight_compile::{
    Action, Plan, PlannedAttachment, PlannedEdge, PlannedGroup, ReadKind, Templated,
};

use super::super::ApplyError;
use super::super::session::Site;

/// Where the groups and endpoints of a plan are.
pub(super) struct Places<'p> {
    pub(super) groups: BTreeMap<&'p str, &'p PlannedGroup>,
    /// The site of each endpoint: that of the groups that it gets.
    pub(super) endpoints: BTreeMap<&'p str, Site>,
    /// The lists for edges.
    pub(super) edges: BTreeMap<&'p str, &'p PlannedEdge>,
    /// The sites of what makes replicas, of edges and of endpoints: their account need not be that of a group.
    owners: BTreeSet<Site>,
    /// The ids of the groups that the plan read.
    pub(super) read_groups: BTreeSet<String>,
    /// Whether interfaces that nobody uses any more may carry groups of the plan for a while.
    pub(super) lingers: bool,
}

impl<'p> Places<'p> {
    pub(super) fn new(plan: &'p Plan) -> Result<Self, ApplyError> {
        let groups: BTreeMap<&str, &PlannedGroup> =
            plan.groups.iter().map(|group| (group.name.as_str(), &**group)).collect();
        let unplaced = groups.values().find(|one| one.account.is_empty() || one.region.is_empty());
        if let Some(group) = unplaced {
            let name = &group.name;
            return Err(ApplyError::Plan(format!(
                "it does not tell the account and region of `{name}`"
            )));
        }
        let mut endpoints = BTreeMap::new();
        for one in &plan.attachments {
            let group = one.groups.first().and_then(|name| groups.get(name.as_str()));
            // Who goes back to what it carried before gets no group that is planned.
            let site = group.map(|group| site_of(group)).or_else(|| site_read(plan, one));
            if let Some(site) = site {
                endpoints.insert(one.endpoint.as_str(), site);
            }
        }
        let read = plan.reads.iter().filter(|read| read.what == ReadKind::Group);
        let read_groups = read.map(|read| read.id.clone()).collect();
        let owners = plan.steps.iter().filter_map(|step| match &step.action {
            Action::SetTemplate(step) => Some(site_of_owner(step)),
            Action::SetEdge { account, region, .. } => Some(site_at(account, region)),
            _ => None,
        });
        let edges: BTreeMap<&str, &PlannedEdge> =
            plan.edges.iter().map(|edge| (edge.name.as_str(), edge)).collect();
        let of_edges = edges.values().map(|edge| site_at(&edge.account, &edge.region));
        let owners = owners.chain(of_edges).chain(endpoints.values().cloned()).collect();
        let lingers = plan.steps.iter().any(|step| match &step.action {
            Action::SetGroupsThrough { through, .. } => {
                Service::of(&through.kind).is_some_and(Service::moves)
            }
            _ => false,
        });
        Ok(Self { groups, endpoints, edges, owners, read_groups, lingers })
    }

    pub(super) fn sites(&self) -> Vec<Site> {
        let sites: BTreeSet<Site> = self.groups.values().map(|group| site_of(group)).collect();
        sites.union(&self.owners).cloned().collect()
    }

    /// The sites of what the plan read, those of what it changes first.
    pub(super) fn sites_to_read(&self, plan: &Plan) -> Vec<Site> {
        let mut sites = self.sites();
        let read: BTreeSet<Site> =
            plan.reads.iter().map(|read| site_at(&read.account, &read.region)).collect();
        let more: Vec<Site> = read.into_iter().filter(|site| !sites.contains(site)).collect();
        sites.extend(more);
        sites
    }

    pub(super) fn group(&self, name: &str) -> Result<&'p PlannedGroup, ApplyError> {
        let unknown =
            || ApplyError::Plan(format!("a step is about `{name}`, which it does not hold"));
        self.groups.get(name).copied().ok_or_else(unknown)
    }
}

/// Where an endpoint, or the resource that sets its groups, was read.
fn site_read(plan: &Plan, one: &PlannedAttachment) -> Option<Site> {
    let (what, id) = match &one.through {
        None => (ReadKind::Endpoint, &one.endpoint),
        Some(through) => (ReadKind::Resource, &through.id),
    };
    let read = plan.reads.iter().find(|read| read.what == what && read.id == *id)?;
    Some(site_at(&read.account, &read.region))
}

pub(super) fn site_at(account: &str, region: &str) -> Site {
    Site { account: account.to_owned(), region: region.to_owned() }
}

pub(super) fn site_of(group: &PlannedGroup) -> Site {
    Site { account: group.account.clone(), region: group.region.clone() }
}

pub(super) fn site_of_owner(step: &Templated) -> Site {
    Site { account: step.account.clone(), region: step.region.clone() }
}
