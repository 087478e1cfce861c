//! Findings that an estate shows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::{Name, Truth};
use watertight_net::AddressSet;
use watertight_source::{Diagnostic, Diagnostics, Span};

use crate::checked::{Action, Conditions, ControlPlane, End, Peer, Rule, SelectorId};
use crate::codes;
use crate::decide::labels::{Known, Labelled, labels_of, look};
use crate::decide::{Member, World};
use crate::essentials::is_tagged_node;
use crate::suggest::nearest;
use crate::syntax::{LabelSelector, Object, Operator, PeerEnd, ShareOf};

use super::{Linted, warning};

/// Says what selects nobody, which addresses are in two networks, and which rules a front keeps from
/// matching.
pub(super) fn estate(linted: &Linted<'_>, world: &World, diagnostics: &mut Diagnostics) {
    let labels: Vec<Labelled> =
        world.workloads.iter().map(|member| labels_of(linted.policy, member)).collect();
    let told = unused(linted, &labels, diagnostics);
    let members = Members::new(linted, &labels);
    for segment in &linted.policy.segments {
        let Some(span) = segment.span.filter(|span| !is_told(&told, *span)) else { continue };
        if members.of(segment.members).is_empty() {
            let message = format!("the segment `{}` has no member in the estate", segment.name);
            let help = "change its `members`, or the labels of who is meant";
            diagnostics.push(warning(codes::NO_MEMBERS, span, message, help));
        }
    }
    let twice = held_twice(world);
    for (_, rule) in linted.rules() {
        for peer in rule.from.iter().chain(&rule.to).chain(&rule.through) {
            let End::Conditions(conditions) = &peer.end else { continue };
            in_two_networks(peer, conditions, &twice, diagnostics);
            let Some(id) = conditions.workloads.filter(|_| !is_told(&told, peer.span)) else {
                continue;
            };
            if members.of(id).is_empty() {
                let message = "nothing in the estate matches this peer";
                let help = "change what it selects, or leave it out";
                diagnostics.push(warning(codes::NO_MEMBERS, peer.span, message, help));
            }
        }
        front(rule, &members, world, diagnostics);
    }
    for rule in linted.policy.failsafe.iter().flat_map(|one| &one.rules) {
        for peer in rule.from.iter().chain(&rule.to) {
            let End::Conditions(conditions) = &peer.end else { continue };
            in_two_networks(peer, conditions, &twice, diagnostics);
        }
    }
    let planes = linted.policy.control_planes.iter();
    for plane in planes {
        if plane.network.is_none() {
            are_in_two_networks(plane.span, &plane.addresses, &twice, diagnostics);
        }
        of_several_clusters(plane, world, diagnostics);
    }
}

/// Says of a control plane that nobody can tell whose it is.
fn of_several_clusters(plane: &ControlPlane, world: &World, diagnostics: &mut Diagnostics) {
    let told = |told: &Option<Name>, known: &Option<Name>| told.is_none() || told == known;
    let mut places: BTreeSet<(Option<Name>, Option<Name>)> = BTreeSet::new();
    let tagged =
        || world.workloads.iter().filter(|one| is_tagged_node(&one.labels, &plane.cluster));
    let of = |member: &Member| (member.account.clone(), member.labels.get("region").cloned());
    let whole: BTreeSet<(Option<Name>, Option<Name>)> = tagged()
        .map(of)
        .filter(|(account, region)| account.is_some() && region.is_some())
        .collect();
    for mut place in tagged().map(of) {
        if !whole.contains(&place) {
            // It may be one whose place is told, as decisions take it.
            let may_be = |own: &Option<Name>, whole: &Option<Name>| own.is_none() || own == whole;
            let fits = |one: &&(Option<Name>, Option<Name>)| {
                may_be(&place.0, &one.0) && may_be(&place.1, &one.1)
            };
            let mut fitting = whole.iter().filter(fits);
            if let (Some(one), None) = (fitting.next().cloned(), fitting.next()) {
                place = one;
            }
        }
        if told(&plane.account, &place.0) && told(&plane.region, &place.1) {
            places.insert(place);
        }
    }
    if places.len() < 2 {
        return;
    }
    let known = |(account, region): &(Option<Name>, Option<Name>)| {
        let known: Vec<&str> = [account, region].into_iter().flatten().map(|one| &**one).collect();
        if known.is_empty() { "no known place".to_owned() } else { known.join(", ") }
    };
    let all: Vec<String> = places.iter().map(known).collect();
    let message = format!(
        "{} clusters of the estate are called `{}`: in {}",
        places.len(),
        plane.cluster,
        all.join("; in ")
    );
    let help =
        "add the `account` and the `region` of the one that is meant: until then it is for none";
    let error = Diagnostic::error(codes::TWO_CLUSTERS, message);
    diagnostics.push(error.with_label(plane.span, "").with_help(help));
}

/// The addresses that somebody holds in one network and somebody in another, with the two networks.
fn held_twice(world: &World) -> BTreeMap<IpAddr, [Name; 2]> {
    let mut held: BTreeMap<IpAddr, &Name> = BTreeMap::new();
    let mut twice = BTreeMap::new();
    for place in world.workloads.iter().flat_map(|one| &one.places) {
        let Some(network) = &place.network else { continue };
        let known = *held.entry(place.address).or_insert(network);
        if known != network {
            twice.entry(place.address).or_insert_with(|| [known.clone(), network.clone()]);
        }
    }
    twice
}

/// Says of addresses without a network that they are in two.
fn in_two_networks(
    peer: &Peer,
    conditions: &Conditions,
    twice: &BTreeMap<IpAddr, [Name; 2]>,
    diagnostics: &mut Diagnostics,
) {
    let Some(addresses) = &conditions.addresses else { return };
    if conditions.network.is_none() {
        are_in_two_networks(peer.span, addresses, twice, diagnostics);
    }
}

fn are_in_two_networks(
    span: Span,
    addresses: &AddressSet,
    twice: &BTreeMap<IpAddr, [Name; 2]>,
    diagnostics: &mut Diagnostics,
) {
    let mut shared = twice.iter().filter(|(address, _)| addresses.contains(**address));
    let Some((address, [one, other])) = shared.next() else { return };
    let message = format!(
        "these addresses are in two networks of the estate: {address} is in `{one}` and in `{other}`"
    );
    let help = "add `network` with the one that is meant";
    let error = Diagnostic::error(codes::TWO_NETWORKS, message);
    diagnostics.push(error.with_label(span, "").with_help(help));
}

fn is_told(told: &BTreeSet<Span>, span: Span) -> bool {
    told.iter().any(|one| one.file == span.file && span.start <= one.start && one.end <= span.end)
}

/// Which workloads are in the sets of a policy.
struct Members<'l> {
    labels: &'l [Labelled],
    classes: Vec<(Vec<Truth>, Vec<usize>)>,
}

impl<'l> Members<'l> {
    fn new(linted: &Linted<'_>, labels: &'l [Labelled]) -> Self {
        let mut same: BTreeMap<&Labelled, Vec<usize>> = BTreeMap::new();
        for (place, of_one) in labels.iter().enumerate() {
            same.entry(of_one).or_default().push(place);
        }
        let classes = same.into_iter().map(|(labels, workloads)| {
            let label = |key: &Name| look(labels, key);
            (linted.policy.memberships_where(&label), workloads)
        });
        Self { labels, classes: classes.collect() }
    }

    /// The workloads that are in a set, or may be.
    fn of(&self, id: SelectorId) -> Vec<usize> {
        let holds = |truths: &[Truth]| truths.get(id.index()).is_some_and(|one| *one != Truth::No);
        let found = self.classes.iter().filter(|(truths, _)| holds(truths));
        let mut found: Vec<usize> = found.flat_map(|(_, workloads)| workloads).copied().collect();
        found.retain(|one| *one < self.labels.len());
        found.sort_unstable();
        found
    }
}

/// Selectors that ask for what nothing has; returns where.
fn unused(
    linted: &Linted<'_>,
    labels: &[Labelled],
    diagnostics: &mut Diagnostics,
) -> BTreeSet<Span> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, label) in labels.iter().flatten() {
        let known = values.entry(key).or_default();
        if let Known::Value(value) = &label.value {
            known.insert(value);
        }
    }
    let mut told = BTreeSet::new();
    for requirement in selectors(linted).iter().flat_map(|selector| selector.requirements()) {
        let key = &requirement.key;
        let mut tell = |message: String, near: Option<&str>| {
            let help = near.map_or_else(
                || String::from("change it, or the labels of who is meant"),
                |near| format!("did you mean `{near}`?"),
            );
            told.insert(requirement.span);
            diagnostics.push(warning(codes::UNUSED_LABEL, requirement.span, message, help));
        };
        let Some(known) = values.get(&**key) else {
            let near = nearest(key, values.keys().copied());
            if requirement.operator != Operator::DoesNotExist {
                tell(format!("nothing in the estate has the label `{key}`"), near);
            }
            continue;
        };
        let (Operator::In(asked) | Operator::NotIn(asked)) = &requirement.operator else {
            continue;
        };
        for value in asked.iter().filter(|value| !known.contains(&***value)) {
            let near = nearest(value, known.iter().copied());
            let message =
                format!("nothing in the estate has the label `{key}` with the value `{value}`");
            tell(message, near);
        }
    }
    told
}

/// Every selector of the documents.
fn selectors<'l>(linted: &Linted<'l>) -> Vec<&'l LabelSelector> {
    let mut found = Vec::new();
    for document in &linted.documents.documents {
        let peers: Vec<&crate::syntax::Peer> = match &document.object {
            Object::Segment(segment) => {
                found.extend(&segment.members);
                let share = segment.share.as_ref().map(|share| &share.of);
                if let Some(ShareOf::Select(selector)) = share {
                    found.push(selector);
                }
                Vec::new()
            }
            Object::Group(group) => group.members.iter().collect(),
            Object::Policy(policy) => {
                let of = |rule: &'l crate::syntax::Rule| {
                    rule.from.iter().chain(&rule.to).chain(&rule.through)
                };
                policy.rules.iter().flat_map(of).collect()
            }
            Object::Assertion(assertion) => {
                assertion.claim.from.iter().chain(&assertion.claim.to).collect()
            }
            Object::Essentials(essentials) => {
                let tuples = essentials.failsafe.iter().map(|one| (&one.from, &one.to));
                let narrowed = essentials.narrowed.iter().map(|one| (&one.from, &one.to));
                tuples.chain(narrowed).flat_map(|(from, to)| from.iter().chain(to)).collect()
            }
            _ => Vec::new(),
        };
        found.extend(peers.iter().filter_map(|peer| match &peer.end {
            PeerEnd::Conditions(conditions) => conditions.selector.as_ref(),
            _ => None,
        }));
    }
    found
}

/// An allow from the internet to workloads that only fronts are in front of.
fn front(rule: &Rule, members: &Members<'_>, world: &World, diagnostics: &mut Diagnostics) {
    let is_internet = |peer: &Peer| peer.end == End::Internet;
    let is_direct = rule.action == Action::Allow && rule.through.is_empty();
    if !is_direct || !rule.from.iter().all(is_internet) {
        return;
    }
    let mut workloads = BTreeSet::new();
    for peer in &rule.to {
        let id = match &peer.end {
            End::Conditions(conditions) => conditions.workloads,
            _ => None,
        };
        let Some(id) = id else { return };
        workloads.extend(members.of(id));
    }
    let is_public = |workload: &usize| {
        let places = world.workloads.get(*workload).map_or(&[][..], |member| &member.places);
        places.iter().any(|place| place.network.is_none())
    };
    let is_front = |workload: &usize| world.fronts.iter().any(|front| front.workload == *workload);
    if workloads.iter().any(|one| is_public(one) || is_front(one)) {
        return;
    }
    let flows = rule.flows();
    let leads = |front: &&crate::decide::FrontLegs| {
        let mut targets = front.listeners.iter().flat_map(|listener| &listener.targets);
        targets.any(|one| workloads.contains(&one.workload) && one.flows.intersects(&flows))
    };
    let Some(front) = world.fronts.iter().find(leads) else { return };
    let name = world.workloads.get(front.workload).map_or("", |member| &member.name);
    let message = format!(
        "no leg matches this rule: what the internet sends to these workloads arrives from the front `{name}`"
    );
    let help = "add `through` with the front, so that both legs are allowed";
    diagnostics.push(warning(codes::NO_LEG, rule.span, message, help));
}
