//! What is live against what is intended, by what it means.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Estate, Name};
use watertight_net::FlowSet;
use watertight_reach::{Change, diff};

use crate::artifact::{Artifacts, GroupName};
use crate::edge::Edge;
use crate::gap::gap_id;
use crate::plan::{PlannedGroup, PlannedRule, PlannedRules};
use crate::plane::{Plane, RenderedBody};
use crate::step::by_name;

/// So many single differences are weighed; the rest is listed without.
const WEIGHED_MAX: usize = 200;

/// How a difference is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DriftKind {
    /// More is possible than intended.
    Widening,
    /// More is possible than intended, and was intended until a policy expired.
    Expired,
    /// Less is possible than intended.
    Narrowing,
    /// By itself it changes nothing.
    Neutral,
    /// There are too many to weigh each.
    Unweighed,
}

impl DriftKind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Widening => "widening",
            Self::Expired => "expired",
            Self::Narrowing => "narrowing",
            Self::Neutral => "neutral",
            Self::Unweighed => "not weighed",
        }
    }
}

/// Two ends between which something else is possible than intended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DriftPair {
    /// Who opens the connections.
    pub from: Name,
    /// Who accepts them.
    pub to: Name,
    /// [`DriftKind::Widening`], [`DriftKind::Expired`] or [`DriftKind::Narrowing`].
    pub kind: DriftKind,
    /// Which.
    pub flows: FlowSet,
    /// The policies that allowed it until they expired.
    pub until: Vec<String>,
    /// The id of the gap that it is a part of: the same kind, ends and flows, over all addresses of an end
    /// outside. It stays the same as long as all of that does.
    pub gap: String,
    /// Who answers for it, and until when, where an exception of the policy excuses the gap.
    pub accepted: Option<String>,
}

/// One thing that is held otherwise than intended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DriftItem {
    /// A group by its name, or an endpoint or a subnet by its id.
    pub item: String,
    /// The difference, as text for people.
    pub how: String,
    /// What it does by itself: what else differs taken as intended.
    pub kinds: BTreeSet<DriftKind>,
}

/// What is live against what is intended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Drift {
    /// The pairs, ordered.
    pub pairs: Vec<DriftPair>,
    /// The things that differ, groups first.
    pub items: Vec<DriftItem>,
}

impl Drift {
    /// Whether what is possible is what is intended, or what somebody answers for.
    pub fn is_harmless(&self) -> bool {
        self.pairs.iter().all(|pair| pair.accepted.is_some())
    }

    /// Takes exceptions into account: by the ids of gaps, who answers for them and until when.
    pub fn accept(&mut self, exceptions: &BTreeMap<String, String>) {
        for pair in &mut self.pairs {
            pair.accepted = exceptions.get(&pair.gap).cloned();
        }
    }
}

/// The name of an end of a [`DriftPair`], and the addresses where it is outside.
pub fn end_and_part(name: &str) -> (&str, Option<&str>) {
    let is_outside = name.starts_with("internet@") || name.starts_with("outside:");
    match name.rsplit_once('@').filter(|_| is_outside) {
        Some((name, part)) => (name, Some(part)),
        None => (name, None),
    }
}

/// What was intended until a policy expired.
#[derive(Clone, Debug)]
pub struct Before {
    /// The policy.
    pub policy: String,
    /// What its policies became then.
    pub artifacts: Artifacts,
}

/// Compares the live estate of a plane with the one that would hold `intended`, and gives that too.
pub fn drift(
    plane: &dyn Plane,
    live: &Estate,
    intended: &Artifacts,
    expired: &[Before],
) -> (Drift, Estate) {
    let rendered = plane.render(intended);
    let wanted = plane.convert(&rendered);
    let earlier: Vec<(&str, Vec<Change>)> = expired
        .iter()
        .map(|one| {
            let edges = intended.edges.clone();
            let then = Artifacts { edges, ..one.artifacts.clone() };
            let then = plane.convert(&plane.render(&then));
            (one.policy.as_str(), diff(&wanted, &then))
        })
        .collect();
    let mut pairs = Vec::new();
    for change in diff(&wanted, live) {
        add_pair(&change, &earlier, &mut pairs);
    }
    pairs.sort_by(|one, other| {
        (one.kind, &one.from, &one.to).cmp(&(other.kind, &other.from, &other.to))
    });
    name_gaps(&mut pairs);
    let mut items = items(plane, intended);
    for item in items.iter_mut().take(WEIGHED_MAX) {
        item.kinds = weighed(plane, &wanted, &rendered, &item.item);
    }
    (Drift { pairs, items }, wanted)
}

/// Gives each pair the id of its gap.
fn name_gaps(pairs: &mut [DriftPair]) {
    type Ends = (DriftKind, String, String, String);
    let split = |pair: &DriftPair| -> (Ends, [String; 2]) {
        let ((from, from_part), (to, to_part)) = (end_and_part(&pair.from), end_and_part(&pair.to));
        let ends = (pair.kind, from.to_owned(), to.to_owned(), pair.flows.to_string());
        (ends, [from_part, to_part].map(|part| part.unwrap_or_default().to_owned()))
    };
    let mut parts: BTreeMap<Ends, BTreeSet<[String; 2]>> = BTreeMap::new();
    for pair in &*pairs {
        let (ends, part) = split(pair);
        parts.entry(ends).or_default().insert(part);
    }
    let ids: BTreeMap<Ends, String> = parts
        .into_iter()
        .map(|(ends, parts)| {
            let (kind, from, to, flows) = &ends;
            let words = [kind.word(), from, to, flows].into_iter();
            let id = gap_id("drift", words.chain(parts.iter().flatten().map(String::as_str)));
            (ends, id)
        })
        .collect();
    for pair in pairs {
        pair.gap = ids.get(&split(pair).0).cloned().unwrap_or_default();
    }
}

/// What is more, and what is less.
fn moved(change: &Change) -> (FlowSet, FlowSet) {
    let Change { before, after, .. } = change;
    let more = after.possible.difference(&before.possible);
    (more, before.sure.difference(&after.sure))
}

fn add_pair(change: &Change, earlier: &[(&str, Vec<Change>)], pairs: &mut Vec<DriftPair>) {
    let (mut more, less) = moved(change);
    let is_it = |other: &&Change| other.from == change.from && other.to == change.to;
    let mut of_expired = FlowSet::none();
    let mut until = Vec::new();
    for (policy, changes) in earlier {
        let Some(then) = changes.iter().find(is_it) else { continue };
        let allowed = moved(then).0.intersection(&more);
        if !allowed.is_empty() {
            of_expired = of_expired.union(&allowed);
            until.push((*policy).to_owned());
        }
    }
    more = more.difference(&of_expired);
    let (from, to) = (&change.from, &change.to);
    let pair = |kind, flows, until| DriftPair {
        from: from.clone(),
        to: to.clone(),
        kind,
        flows,
        until,
        gap: String::new(),
        accepted: None,
    };
    for (kind, flows, until) in [
        (DriftKind::Widening, more, Vec::new()),
        (DriftKind::Expired, of_expired, until),
        (DriftKind::Narrowing, less, Vec::new()),
    ] {
        if !flows.is_empty() {
            pairs.push(pair(kind, flows, until));
        }
    }
}

/// What one thing does when all else is as intended.
fn weighed(
    plane: &dyn Plane,
    wanted: &Estate,
    rendered: &[RenderedBody],
    item: &str,
) -> BTreeSet<DriftKind> {
    let mut kinds = BTreeSet::new();
    for change in diff(wanted, &plane.convert(&plane.without(rendered, item))) {
        let (more, less) = moved(&change);
        if !more.is_empty() {
            kinds.insert(DriftKind::Widening);
        }
        if !less.is_empty() {
            kinds.insert(DriftKind::Narrowing);
        }
    }
    if kinds.is_empty() {
        kinds.insert(DriftKind::Neutral);
    }
    kinds
}

fn items(plane: &dyn Plane, intended: &Artifacts) -> Vec<DriftItem> {
    let held = plane.held();
    let known = by_name(&held);
    let mut found: BTreeMap<(u8, String), String> = BTreeMap::new();
    for group in &intended.groups {
        let name = group.name.to_string();
        let Some(held) = known.get(name.as_str()) else {
            found.insert((0, name), String::from("is not there"));
            continue;
        };
        let (lacking, surplus) = held.differences(&PlannedGroup::of(group).rules());
        let said = [told("lacks", &lacking), told("has beside", &surplus)].concat();
        if !said.is_empty() {
            found.insert((0, name), said.join("; "));
        }
    }
    for held in &held {
        if intended.group(&GroupName(held.name.clone())).is_none() {
            found.insert((0, held.name.clone()), String::from("nobody needs it any more"));
        }
    }
    for one in &intended.attachments {
        let carried: BTreeSet<String> = one.before.iter().map(ToString::to_string).collect();
        let ours = one.groups.iter().map(ToString::to_string);
        let wanted: BTreeSet<String> =
            ours.chain(one.others.iter().map(ToString::to_string)).collect();
        if carried != wanted {
            let list = |names: &BTreeSet<String>| {
                names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
            };
            let how = format!(
                "of {} is to carry {} and carries {}",
                one.workload,
                list(&wanted),
                list(&carried)
            );
            found.insert((1, one.endpoint.to_string()), how);
        }
    }
    for (subnet, is, of) in at_edges(plane, intended.edges.as_deref()) {
        found.insert((2, subnet), format!("is to have {is} at its edge and has {of}"));
    }
    let unweighed = || BTreeSet::from([DriftKind::Unweighed]);
    let each = found.into_iter();
    each.map(|((_, item), how)| DriftItem { item, how, kinds: unweighed() }).collect()
}

/// The subnets that do not have at their edges what they are to have: what that is, and what they have.
fn at_edges(plane: &dyn Plane, wanted: Option<&[Edge]>) -> Vec<(String, String, String)> {
    let Some(wanted) = wanted else { return Vec::new() };
    let each = plane.edges().into_iter().filter_map(|list| {
        let edge = wanted.iter().find(|edge| edge.subnets.contains(&list.subnet));
        let is = list.ours.map(|ours| ours.edge.name.to_string());
        let is = is.unwrap_or_else(|| list.base.clone());
        let of = edge.map_or(list.base, |edge| edge.name.to_string());
        (is != of).then(|| (list.subnet.to_string(), of, is))
    });
    each.collect()
}

pub(crate) fn told(word: &str, rules: &PlannedRules) -> Vec<String> {
    let side = |way: &str, rules: &[PlannedRule]| -> Vec<String> {
        rules.iter().map(|rule| format!("{word} {way} {} {}", rule.over, rule.peer)).collect()
    };
    [side("in", &rules.ingress), side("out", &rules.egress)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use watertight_model::Bounds;

    fn change(before: &str, after: &str) -> Change {
        let exact = |text: &str| Bounds::exact(text.parse::<FlowSet>().unwrap());
        let (from, to) = (Name::from("a"), Name::from("b"));
        Change { from, to, before: exact(before), after: exact(after) }
    }

    #[test]
    fn more_is_widening_less_is_narrowing_and_what_a_policy_allowed_is_expired() {
        let mut pairs = Vec::new();
        let earlier = [("until-friday", vec![change("tcp/1", "tcp/1-2")])];
        add_pair(&change("tcp/1", "tcp/2-3"), &earlier, &mut pairs);
        let told: Vec<(DriftKind, String)> =
            pairs.iter().map(|pair| (pair.kind, pair.flows.to_string())).collect();
        assert_eq!(
            told,
            [
                (DriftKind::Widening, String::from("tcp/3")),
                (DriftKind::Expired, String::from("tcp/2")),
                (DriftKind::Narrowing, String::from("tcp/1")),
            ]
        );
        assert_eq!(pairs[1].until, ["until-friday"]);
    }

    fn widened(ends: &[(&str, &str)]) -> Drift {
        let mut pairs = Vec::new();
        for (from, to) in ends {
            let change = Change {
                from: Name::from(*from),
                to: Name::from(*to),
                ..change("tcp/1", "tcp/1-2")
            };
            add_pair(&change, &[], &mut pairs);
        }
        name_gaps(&mut pairs);
        Drift { pairs, items: Vec::new() }
    }

    #[test]
    fn a_gap_is_another_when_more_of_the_outside_takes_part_in_it() {
        let one = widened(&[("internet@1.0.0.0/8", "b")]);
        let both = widened(&[("internet@1.0.0.0/8", "b"), ("internet@2.0.0.0/8", "b")]);
        assert_eq!(both.pairs[0].gap, both.pairs[1].gap);
        assert_ne!(one.pairs[0].gap, both.pairs[0].gap);
        // What stands between the words counts, so that no two gaps read alike.
        let (split, other) = (widened(&[("a b", "c")]), widened(&[("a", "b c")]));
        assert_ne!(split.pairs[0].gap, other.pairs[0].gap);
        assert_eq!(one.pairs[0].gap, widened(&[("internet@1.0.0.0/8", "b")]).pairs[0].gap);
    }

    #[test]
    fn an_exception_excuses_its_gap_alone() {
        let mut drift = widened(&[("a", "b"), ("a", "c")]);
        let gap = drift.pairs[0].gap.clone();
        drift.accept(&BTreeMap::from([(gap, String::from("somebody"))]));
        assert!(!drift.is_harmless());
        assert_eq!(drift.pairs[0].accepted.as_deref(), Some("somebody"));
        assert_eq!(drift.pairs[1].accepted, None);
        drift.pairs.pop();
        assert!(drift.is_harmless());
    }
}
