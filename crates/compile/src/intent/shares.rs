//! Shares of segments: who is in them, and who is not.

use std::collections::BTreeMap;

use watertight_model::network::EndpointId;
use watertight_model::{ArenaId, Name, Truth, WorkloadId};
use watertight_policy::checked::{SegmentId, ShareOf};
use watertight_policy::decide::{End, InShare};

use super::Intent;
use crate::owner::SharedReplica;

/// How many workloads are named before the rest is counted.
const NAMED_MAX: usize = 12;

/// A segment of which a share alone is on, with the workloads of an estate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharePart {
    /// The segment.
    pub segment: Name,
    /// The share, in words: `10 percent`.
    pub share: String,
    /// The names of its workloads in the share, or that may be, in order.
    pub held: Vec<Name>,
    /// How many of its workloads are not.
    pub rest: usize,
}

/// One line for people.
impl std::fmt::Display for SharePart {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { segment, share, held, rest } = self;
        let all = held.len().saturating_add(*rest);
        let mut names: Vec<String> = held.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        let more = held.len().saturating_sub(names.len());
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        let named =
            if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        write!(
            formatter,
            "segment {segment}: a share of it is enforced, {share}: {} of its {all} workloads{named}, and {rest} as in \
             monitor",
            held.len(),
        )
    }
}

impl Intent<'_> {
    /// The segments of which a share alone is on, with who is in it.
    pub fn shares(&self) -> Vec<SharePart> {
        let mut parts: BTreeMap<SegmentId, SharePart> = BTreeMap::new();
        for (number, segment) in (0_u32..).zip(&self.decider.policy().segments) {
            let id = SegmentId(number);
            if let Some(share) = segment.enforced_share().filter(|_| self.deciding.is_shared(id)) {
                let (segment, share) = (segment.name.clone(), share.to_string());
                parts.insert(id, SharePart { segment, share, held: Vec::new(), rest: 0 });
            }
        }
        if parts.is_empty() {
            return Vec::new();
        }
        for (id, workload) in self.estate.workloads.iter() {
            for one in self.shares_of(id) {
                let Some(part) = parts.get_mut(&one.segment) else { continue };
                if one.is_in == Truth::No {
                    part.rest = part.rest.saturating_add(1);
                } else {
                    part.held.push(workload.name.clone());
                }
            }
        }
        let mut parts: Vec<SharePart> = parts.into_values().collect();
        for part in &mut parts {
            part.held.sort();
        }
        parts
    }

    fn shares_of(&self, workload: WorkloadId) -> Vec<InShare> {
        self.deciding.shares_at(&End::workload(vec![workload.index()]))
    }

    /// The segments whose share leaves an endpoint's workload out, for people; nothing where none does.
    pub(crate) fn left_out(&self, endpoint: EndpointId) -> Option<String> {
        let workload = self.estate.network.endpoints.get(endpoint)?.workload;
        let out = self.shares_of(workload).into_iter().filter(|one| one.is_in == Truth::No);
        let names: Vec<&str> = out
            .filter_map(|one| self.decider.policy().segments.get(one.segment.index()))
            .map(|segment| &*segment.name)
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The endpoints of workloads that segments hold of which a share alone is on, by the provider's id, with what
    /// their replicas have of it.
    pub fn shared_replicas(&self) -> BTreeMap<String, Vec<SharedReplica>> {
        let mut found: BTreeMap<String, Vec<SharedReplica>> = BTreeMap::new();
        if self.shares().is_empty() {
            return found;
        }
        for endpoint in self.estate.network.endpoints.values() {
            let Some(workload) = self.estate.workloads.get(endpoint.workload) else { continue };
            let each = self.shares_of(endpoint.workload).into_iter().filter_map(|one| {
                let segment = self.decider.policy().segments.get(one.segment.index())?;
                let share = segment.enforced_share()?;
                Some(SharedReplica {
                    workload: workload.name.clone(),
                    segment: segment.name.clone(),
                    share: share.to_string(),
                    is_by_number: matches!(share, ShareOf::Percent(1..=99)),
                    is_in: one.is_in != Truth::No,
                })
            });
            let each: Vec<SharedReplica> = each.collect();
            if !each.is_empty() {
                found.insert(endpoint.name.to_string(), each);
            }
        }
        found
    }
}
