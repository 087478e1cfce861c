//! Whether what one rule matches is matched by others, decided on what they say.
//!
//! "Covers" is meant for answers of three values: wherever the one matches, or may, the others match
//! at least as surely.

use std::collections::BTreeMap;

use watertight_net::FlowSet;

use crate::check::overlap::{Alternative, Overlap};
use crate::checked::{
    CheckedPolicy, Clause, Conditions, End, HttpMatch, PathMatch, Peer, Rule, SelectorId,
};
use crate::syntax::Spanned;

/// Compares rules of one policy, and remembers what selectors cover.
pub(super) struct Cover<'p> {
    pub(super) overlap: Overlap<'p>,
    selectors: BTreeMap<(SelectorId, SelectorId), bool>,
}

impl<'p> Cover<'p> {
    pub(super) fn new(policy: &'p CheckedPolicy) -> Self {
        Self { overlap: Overlap::new(policy), selectors: BTreeMap::new() }
    }

    /// The places of the rules that are needed to match all that a rule matches; `None` where they
    /// do not.
    pub(super) fn rule(&mut self, rule: &Rule, by: &[&Rule]) -> Option<Vec<usize>> {
        let mut used = Vec::new();
        for from in &rule.from {
            for to in &rule.to {
                let mut here = Vec::new();
                for (place, other) in by.iter().enumerate() {
                    if self.any_of(&other.from, &from.end) && self.any_of(&other.to, &to.end) {
                        here.push(place);
                    }
                }
                for clause in rule.over.iter() {
                    used.extend(clause_by(clause, by, &here)?);
                }
            }
        }
        used.sort_unstable();
        used.dedup();
        (!used.is_empty()).then_some(used)
    }

    /// Whether one of the peers covers an end.
    pub(super) fn any_of(&mut self, peers: &[Peer], end: &End) -> bool {
        peers.iter().any(|peer| self.end(&peer.end, end))
    }

    /// Whether each of the peers is covered by one of the others.
    pub(super) fn all(&mut self, peers: &[Peer], by: &[Peer]) -> bool {
        peers.iter().all(|peer| self.any_of(by, &peer.end))
    }

    fn end(&mut self, wide: &End, narrow: &End) -> bool {
        match (wide, narrow) {
            (End::Any, _) | (End::Internet, End::Internet) => true,
            (End::Conditions(wide), End::Conditions(narrow)) => self.conditions(wide, narrow),
            _ => false,
        }
    }

    fn conditions(&mut self, wide: &Conditions, narrow: &Conditions) -> bool {
        let addresses = wide.addresses.as_ref().is_none_or(|wide| {
            narrow.addresses.as_ref().is_some_and(|narrow| wide.contains_set(narrow))
        });
        let has_domain =
            |narrow: &crate::Domain| wide.domains.iter().any(|wide| wide.covers_all_of(narrow));
        let domains = wide.domains.is_empty()
            || (!narrow.domains.is_empty() && narrow.domains.iter().all(has_domain));
        addresses
            && domains
            && wide.network.as_ref().is_none_or(|wide| narrow.network.as_ref() == Some(wide))
            && is_part(&narrow.users, &wide.users)
            && is_part(&narrow.provider, &wide.provider)
            && (!wide.metadata || narrow.metadata)
            && match (wide.workloads, narrow.workloads) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(wide), Some(narrow)) => self.selector(wide, narrow),
            }
    }

    /// Whether labels that fulfil the one selector fulfil the other.
    pub(super) fn selector(&mut self, wide: SelectorId, narrow: SelectorId) -> bool {
        if wide == narrow {
            return true;
        }
        if let Some(known) = self.selectors.get(&(wide, narrow)) {
            return *known;
        }
        let pair = (self.overlap.alternatives(wide), self.overlap.alternatives(narrow));
        let covers = match pair {
            (Some(wide), Some(narrow)) => {
                !narrow.is_empty()
                    && narrow.iter().all(|one| wide.iter().any(|other| implies(one, other)))
            }
            _ => false,
        };
        self.selectors.insert((wide, narrow), covers);
        covers
    }

    /// Whether some leg could match both rules.
    pub(super) fn can_both_match(&mut self, one: &Rule, other: &Rule) -> bool {
        let flows =
            |clause: &Clause| other.over.iter().any(|other| other.flows.intersects(&clause.flows));
        // Rules through fronts are about other legs than those from end to end.
        let is_through = !one.through.is_empty() || !other.through.is_empty();
        is_through
            || (one.over.iter().any(flows)
                && self.overlap.of_any(&one.from, &other.from)
                && self.overlap.of_any(&one.to, &other.to))
    }
}

fn implies(narrow: &Alternative, wide: &Alternative) -> bool {
    wide.iter().all(|(key, wide)| narrow.get(key).is_some_and(|narrow| narrow.implies(wide)))
}

/// A list that is empty asks nothing.
fn is_part<T: PartialEq>(narrow: &[T], wide: &[T]) -> bool {
    wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(|one| wide.contains(one)))
}

/// The rules, of those `here`, whose clauses match all that a clause matches.
fn clause_by(clause: &Clause, by: &[&Rule], here: &[usize]) -> Option<Vec<usize>> {
    let clauses_of = |place: &usize| by.get(*place).map_or(&[][..], |rule| &rule.over[..]);
    let alone = here.iter().find(|place| {
        clauses_of(place)
            .iter()
            .any(|wide| wide.flows.contains(&clause.flows) && asks_no_more(wide, clause))
    });
    if let Some(alone) = alone {
        return Some(vec![*alone]);
    }
    let (mut left, mut used) = (clause.flows.clone(), Vec::new());
    for place in here {
        for wide in clauses_of(place).iter().filter(|wide| asks_no_more(wide, clause)) {
            if wide.flows.intersects(&left) {
                left = left.difference(&wide.flows);
                used.push(*place);
            }
        }
    }
    (left.is_empty() && clause.flows != FlowSet::none()).then_some(used)
}

/// Whether the one clause asks nothing of requests that the other does not ask.
fn asks_no_more(wide: &Clause, narrow: &Clause) -> bool {
    let fits = |one: &HttpMatch| wide.http.iter().any(|wide| covers_request(wide, one));
    if wide.http.is_empty() {
        return !wide.tls || narrow.tls;
    }
    // What can be read of a request depends on whether TLS is expected.
    wide.tls == narrow.tls && !narrow.http.is_empty() && narrow.http.iter().all(fits)
}

fn covers_request(wide: &HttpMatch, narrow: &HttpMatch) -> bool {
    let method = |one: &Spanned<watertight_model::Name>| {
        wide.methods.iter().any(|wide| wide.value == one.value)
    };
    let methods = wide.methods.is_empty()
        || (!narrow.methods.is_empty() && narrow.methods.iter().all(method));
    let path = match (&wide.path, &narrow.path) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => {
            wide.value == narrow.value || is_below(&wide.value, &narrow.value)
        }
    };
    methods && path
}

/// Whether a prefix covers a path or a longer prefix, by whole segments.
fn is_below(wide: &PathMatch, narrow: &PathMatch) -> bool {
    let PathMatch::Prefix(wide) = wide else { return false };
    let (PathMatch::Exact(narrow) | PathMatch::Prefix(narrow)) = narrow;
    let stem = wide.strip_suffix('/').unwrap_or(wide);
    narrow.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
