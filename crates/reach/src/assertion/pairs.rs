//! `always`: everybody on one side reaches everybody on the other.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::EndpointId;
use watertight_model::{Bounds, Name, WorkloadId};
use watertight_net::FlowSet;

use super::search::{Bound, Search, Who};
use super::sides::{Members, Sides};
use super::witness::clients;
use super::{Assertion, Held, Judge, Judgement, Witness};
use crate::matrix::ClassIndex;

/// A workload or the outside addresses of a class, with what tells it apart from others.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    /// At most two workloads: they fare like all others of the group.
    workloads: Vec<WorkloadId>,
    outside: Option<ClassIndex>,
    /// Whether it belongs for sure.
    sure: bool,
    endpoints: Vec<EndpointId>,
}

impl Judge<'_> {
    /// Claims that connections can be established.
    pub(super) fn always(&self, assertion: &Assertion, sides: &Sides) -> Judgement {
        let over = assertion.over.intersection(&clients());
        let (from, to) = (self.groups(&sides.from), self.groups(&sides.to));
        let mut doubtful: Option<Judgement> = None;
        for source in &from {
            let own = self.alone(source, sides);
            let searches = [Bound::Sure, Bound::Possible].map(|bound| {
                let mut search = Search::new(self, assertion, &own, bound);
                search.spread();
                search
            });
            for target in &to {
                let Some((one, other)) = differing(source, target) else { continue };
                let [sure, possible] = &searches;
                let covered = Bounds {
                    sure: self.covered(sure, target, one),
                    possible: self.covered(possible, target, one),
                };
                if covered.sure.contains(&over) {
                    continue;
                }
                let fails = source.sure && target.sure && !covered.possible.contains(&over);
                let wanted = over.difference(if fails { &covered.possible } else { &covered.sure });
                let judgement = self.lost(fails, (source, one), (target, other), &wanted);
                if fails {
                    return judgement;
                }
                doubtful.get_or_insert(judgement);
            }
        }
        let holds = Judgement { held: Held::Holds, witness: None, missing: BTreeSet::new() };
        doubtful.unwrap_or(holds)
    }

    /// The judgement on a pair over which something is lost.
    fn lost(
        &self,
        fails: bool,
        (source, one): (&Group, Option<WorkloadId>),
        (target, other): (&Group, Option<WorkloadId>),
        wanted: &FlowSet,
    ) -> Judgement {
        let (from, to) = (self.ends(source, one), self.ends(target, other));
        let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
        let hop = pairs.clone().find_map(|(from, to)| self.refused(from, to, wanted));
        let mut missing = BTreeSet::new();
        if !fails {
            let unknown = pairs.flat_map(|(from, to)| self.doubts(from, to)).collect();
            missing = unknown;
            if missing.is_empty() {
                missing.insert(Name::from("whether one of the ends belongs to the assertion"));
            }
        }
        Judgement {
            held: if fails { Held::Fails } else { Held::Unknown },
            witness: hop.map(|hop| Witness { hops: vec![hop] }),
            missing,
        }
    }

    fn ends(&self, group: &Group, workload: Option<WorkloadId>) -> Vec<Who> {
        let Some(workload) = workload else {
            return group.outside.map(Who::Outside).into_iter().collect();
        };
        self.estate.workloads[workload].endpoints.iter().copied().map(Who::Endpoint).collect()
    }

    /// What a search's senders establish with a target.
    fn covered(&self, search: &Search<'_, '_>, target: &Group, not: Option<WorkloadId>) -> FlowSet {
        let workload = target.workloads.iter().copied().find(|one| Some(*one) != not);
        let mut found = FlowSet::none();
        for who in self.ends(target, workload) {
            found = found.union(&search.established(who));
        }
        found
    }

    fn groups(&self, side: &[Members]) -> Vec<Group> {
        let mut classes: BTreeMap<WorkloadId, (bool, BTreeSet<ClassIndex>)> = BTreeMap::new();
        let mut found = Vec::new();
        for (class, members) in side.iter().enumerate() {
            let sure = members.sure.iter().map(|one| (*one, true));
            let perhaps = members.perhaps.iter().map(|one| (*one, false));
            for (endpoint, sure) in sure.chain(perhaps) {
                let workload = self.estate.network.endpoints[endpoint].workload;
                let entry = classes.entry(workload).or_default();
                entry.0 |= sure;
                entry.1.insert(class);
            }
            if members.outside {
                found.push(Group {
                    workloads: Vec::new(),
                    outside: Some(class),
                    sure: true,
                    endpoints: Vec::new(),
                });
            }
        }
        let mut by_classes: BTreeMap<(bool, BTreeSet<ClassIndex>), Vec<WorkloadId>> =
            BTreeMap::new();
        for (workload, key) in classes {
            let known = by_classes.entry(key).or_default();
            if known.len() < 2 {
                known.push(workload);
            }
        }
        found.extend(by_classes.into_iter().map(|((sure, _), workloads)| {
            let endpoints = workloads
                .iter()
                .flat_map(|one| self.estate.workloads[*one].endpoints.iter().copied())
                .collect();
            Group { workloads, outside: None, sure, endpoints }
        }));
        found
    }

    /// The sides with one group alone as those who open connections.
    fn alone(&self, group: &Group, sides: &Sides) -> Sides {
        let mut from = vec![Members::default(); self.matrix.classes.len()];
        for endpoint in &group.endpoints {
            let class = self.matrix.class_of(*endpoint).and_then(|class| from.get_mut(class));
            if let Some(members) = class {
                members.sure.push(*endpoint);
                members.sure.sort();
            }
        }
        if let Some(members) = group.outside.and_then(|class| from.get_mut(class)) {
            members.outside = true;
        }
        Sides { from, to: sides.to.clone(), fronts_open: true, fronts_accept: true }
    }
}

/// A workload of each that are not the same; `None` stands for addresses outside.
fn differing(source: &Group, target: &Group) -> Option<(Option<WorkloadId>, Option<WorkloadId>)> {
    match (source.outside, target.outside) {
        (Some(_), Some(_)) => None,
        (Some(_), None) => target.workloads.first().map(|one| (None, Some(*one))),
        (None, Some(_)) => source.workloads.first().map(|one| (Some(*one), None)),
        (None, None) => source.workloads.iter().find_map(|one| {
            let other = target.workloads.iter().find(|other| *other != one)?;
            Some((Some(*one), Some(*other)))
        }),
    }
}
