//! A holder with its policies at hand, and what its policies could be about.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;

use super::evaluate::{Guardrails, Outcome, Policies, ResourcePolicy, Sides, evaluate};
use super::facts::{Facts, Holder};
use super::pattern::Pattern;
use super::policy::{Document, Effect};
use super::request::{Place, Request, Target};
use super::truth::Truth;

/// A holder with the documents that hold for it.
#[derive(Debug)]
pub(crate) struct Actor<'f> {
    /// The holder.
    pub(crate) holder: &'f Holder,
    /// Its identity policies.
    pub(crate) identity: Vec<&'f Document>,
    /// Its permissions boundary.
    pub(crate) boundary: Option<&'f Document>,
    /// The service control policies over it.
    pub(crate) guardrails: Guardrails<'f>,
    /// The resource control policies over the resources of each account.
    pub(crate) over_resources: &'f BTreeMap<Name, Guardrails<'f>>,
}

impl<'f> Actor<'f> {
    /// The actor that a holder is.
    pub(crate) fn new(
        facts: &'f Facts,
        holder: &'f Holder,
        over_resources: &'f BTreeMap<Name, Guardrails<'f>>,
    ) -> Self {
        Self {
            holder,
            identity: facts.identity(holder),
            boundary: holder.boundary.and_then(|at| facts.document(at)),
            guardrails: facts.guardrails_of(holder),
            over_resources,
        }
    }

    /// Whether it may do `action`, in lower case, from wherever.
    pub(crate) fn may(
        &self,
        action: &str,
        target: Target<'_>,
        resource: ResourcePolicy<'_>,
        sides: Sides,
    ) -> Outcome {
        self.may_from(&Place::Unsaid, action, target, resource, sides)
    }

    /// Whether it may do `action` to something of its own account that has no policy.
    pub(crate) fn may_simply(&self, action: &str, target: Target<'_>) -> Outcome {
        self.may(action, target, ResourcePolicy::Absent, Sides::Either)
    }

    /// Whether it may do `action` from a place.
    pub(crate) fn may_from(
        &self,
        place: &Place,
        action: &str,
        target: Target<'_>,
        resource: ResourcePolicy<'_>,
        sides: Sides,
    ) -> Outcome {
        let request = Request { caller: &self.holder.caller, action, target, place };
        let over_resource = target.account.and_then(|account| self.over_resources.get(account));
        let policies = Policies {
            identity: &self.identity,
            boundary: self.boundary,
            guardrails: &self.guardrails,
            // "RCPs don't restrict service-linked roles" (AWS Organizations User Guide).
            over_resource: over_resource.filter(|_| !self.holder.is_linked),
            resource,
            sides,
        };
        evaluate(&request, &policies)
    }

    /// Whether any identity policy says something in favour of `action`, on whatever.
    pub(crate) fn is_allowed_any(&self, action: &str) -> bool {
        let mut about = self.identity.iter().flat_map(|document| document.about(action));
        about.any(|one| one.effect == Effect::Allow && one.concerns(action) != Truth::No)
    }

    /// The positions in `arns`, which are sorted, that the identity policies may allow `action` on:
    /// a superset, found by what each pattern begins with, so that the time goes with the number of
    /// patterns and of what is found, not with that of all resources. Stops when `max` are found.
    pub(crate) fn named<S: AsRef<str>>(
        &self,
        action: &str,
        arns: &[S],
        max: usize,
    ) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for statement in self.identity.iter().flat_map(|document| document.about(action)) {
            if statement.effect != Effect::Allow || statement.concerns(action) == Truth::No {
                continue;
            }
            if statement.resources.excludes {
                return (0..arns.len().min(max)).collect();
            }
            for pattern in &statement.resources.patterns {
                add_beginning(&mut found, pattern, arns, max);
            }
        }
        found
    }
}

/// Adds the positions of texts that begin as the pattern does, or with which the pattern begins: a
/// text may stand for all longer ones.
fn add_beginning<S: AsRef<str>>(
    found: &mut BTreeSet<usize>,
    pattern: &Pattern,
    arns: &[S],
    max: usize,
) {
    let prefix = pattern.literal_prefix();
    let start = arns.partition_point(|arn| arn.as_ref() < prefix.as_str());
    for (at, arn) in arns.iter().enumerate().skip(start) {
        if found.len() >= max || !arn.as_ref().starts_with(prefix.as_str()) {
            break;
        }
        found.insert(at);
    }
    for (end, _) in prefix.match_indices(['/', ':']) {
        let beginning = prefix.get(..=end).unwrap_or_default();
        if let Ok(at) = arns.binary_search_by(|arn| arn.as_ref().cmp(beginning)) {
            found.insert(at);
        }
    }
}
