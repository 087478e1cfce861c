//! Calico's `NetworkPolicy` and `GlobalNetworkPolicy`, with tiers.
//!
//! Source: Calico documentation, resource definitions "Network policy", "Global network policy" and
//! "Tier". Tiers are asked by order, policies in a tier by order, rules in turn; the first that
//! matches allows, denies, or passes to the next tier. A tier of which a policy governs the pod
//! denies the rest, unless its default action is `Pass`.

mod accounts;
mod expression;
mod place;
mod ports;

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_net::AddressSet;
use watertight_source::Node;

use super::{Way, not_modelled, numbered, prefix};
use crate::codes;
use crate::fields::Notes;
use crate::known::Known;
use crate::objects::Object;
use crate::policy::{Effect, PeerSpec, Peers, Policy, PolicyRule, Ports, Rank, Style, Tier};
use crate::selector::{PodSelector, Selector};
use place::Place;

/// What a policy says.
const OF_POLICY: [&str; 8] = [
    "tier",
    "order",
    "selector",
    "serviceAccountSelector",
    "types",
    "ingress",
    "egress",
    "performanceHints",
];
/// What a global one says beside.
const OF_GLOBAL: [&str; 4] = ["namespaceSelector", "applyOnForward", "doNotTrack", "preDNAT"];
/// What a rule says.
const OF_RULE: [&str; 10] = [
    "action",
    "protocol",
    "notProtocol",
    "icmp",
    "notICMP",
    "ipVersion",
    "source",
    "destination",
    "http",
    "metadata",
];
/// What a rule says of one side that is read.
const OF_SIDE: [&str; 8] = [
    "selector",
    "notSelector",
    "namespaceSelector",
    "nets",
    "notNets",
    "ports",
    "notPorts",
    "serviceAccounts",
];
/// What of it means pods.
const BY_LABELS: [&str; 4] = ["selector", "notSelector", "namespaceSelector", "serviceAccounts"];

/// The tier of policies that name none.
const DEFAULT: &str = "default";

/// A tier as its object defines it.
#[derive(Clone, Debug)]
pub(super) struct TierFacts {
    order: Rank,
    passes: bool,
}

/// Tiers by name.
pub(super) fn tiers(objects: &[Object<'_>], notes: &mut Notes) -> BTreeMap<Name, TierFacts> {
    let mut found = BTreeMap::new();
    let tiers =
        objects.iter().filter(|one| one.kind == "Tier" && one.group.ends_with("projectcalico.org"));
    for object in tiers {
        let Some(spec) = object.spec(notes) else { continue };
        let order = order(notes, spec);
        let passes = match notes.take(spec.str_field("defaultAction")) {
            Some("Pass") => true,
            Some("Deny") | None => false,
            Some(other) => {
                let message = format!("expected the action `Deny` or `Pass`, found `{other}`");
                notes.error(codes::BAD_VALUE, spec.span(), message);
                false
            }
        };
        found.insert(object.name.clone(), TierFacts { order, passes });
    }
    found
}

/// `order`; what has none comes last.
fn order(notes: &mut Notes, spec: Node<'_>) -> Rank {
    let Some(node) = given(spec, "order") else { return Rank::LAST };
    node.number_text().and_then(Rank::parse).unwrap_or_else(|| {
        let message = format!("expected a number to order by, found {}", node.describe());
        notes.error(codes::BAD_VALUE, node.span(), message);
        Rank::LAST
    })
}

/// A field that says something: in Calico's objects an empty string is as none at all.
fn given<'t>(node: Node<'t>, key: &str) -> Option<Node<'t>> {
    node.get(key).filter(|value| !value.is_null() && value.as_str() != Some(""))
}

/// Reads one policy.
pub(super) fn read(
    object: &Object<'_>,
    tiers: &BTreeMap<Name, TierFacts>,
    known: &Known,
    notes: &mut Notes,
) -> Option<Policy> {
    let spec = object.spec(notes)?;
    let is_global = object.kind == "GlobalNetworkPolicy";
    let fields = OF_POLICY.into_iter().chain(OF_GLOBAL.into_iter().filter(|_| is_global));
    notes.only(spec, &fields.collect::<Vec<_>>());
    let own = (!is_global).then(|| object.namespace.clone());
    let tier_name = notes.name(spec, "tier").unwrap_or_else(|| Name::from(DEFAULT));
    let facts = tiers.get(&tier_name);
    let is_default = *tier_name == *DEFAULT;
    let tier_order = match facts {
        Some(facts) => facts.order,
        None if is_default => Tier::policies().order,
        None => {
            let message = format!("the tier `{tier_name}` is not in the input: it comes last");
            notes.warn(codes::MISSING, object.span, message);
            Rank::LAST
        }
    };
    let name = if is_default { Tier::policies().name } else { tier_name };
    let tier_order = if is_default { Tier::policies().order } else { tier_order };
    let tier = Tier { order: tier_order, name, style: Style::Ordered };
    // `applyOnForward` adds what hosts forward; pods are governed all the same.
    for key in ["preDNAT", "doNotTrack"] {
        if spec.get(key).and_then(Node::as_bool) == Some(true) {
            let message = format!("`{key}` is about hosts: the policy is not read");
            notes.warn(codes::NOT_MODELLED, object.span, message);
            return None;
        }
    }
    let subject = subject(notes, spec, known, own.as_ref())?;
    let governed = types(notes, spec);
    let mut read = |way: Way, governs: bool| {
        governs.then(|| {
            let nodes = notes.items(spec, way.key());
            let each = nodes.into_iter().enumerate();
            each.filter_map(|(place, node)| {
                rule(notes, node, (way, numbered(way, place)), known, own.as_ref())
            })
            .collect::<Vec<_>>()
        })
    };
    let ingress = read(Way::Ingress, governed[0]);
    let egress = read(Way::Egress, governed[1]);
    let denies = facts.is_none_or(|facts| !facts.passes);
    Some(Policy {
        kind: if is_global { "GlobalNetworkPolicy" } else { "NetworkPolicy" },
        name: object.full_name(),
        tier,
        rank: order(notes, spec),
        networks: None,
        subject,
        ingress,
        egress,
        isolates: [denies, denies],
        span: object.span,
    })
}

fn subject(
    notes: &mut Notes,
    spec: Node<'_>,
    known: &Known,
    own: Option<&Name>,
) -> Option<PodSelector> {
    let mut pods = selector(notes, spec, "selector")?;
    let by_namespace = selector(notes, spec, "namespaceSelector")?;
    let accounts = ["serviceAccountSelector"].iter().find_map(|key| spec.get(key));
    if let Some(accounts) = accounts.filter(|one| one.as_str() != Some("")) {
        let Some(own) = own else {
            let message = "the policy selects by service accounts of any namespace: it is not read";
            notes.error(codes::NOT_MODELLED, accounts.span(), message);
            return None;
        };
        let accounts = selector(notes, spec, "serviceAccountSelector")?;
        pods = Selector::all([pods, accounts::of_namespace(known, own, &accounts)]);
    }
    let namespaces = match own {
        Some(own) => crate::selector::namespace(own),
        None => by_namespace,
    };
    Some(PodSelector::own(namespaces, pods))
}

/// A selector under a key; everything where there is none.
fn selector(notes: &mut Notes, node: Node<'_>, key: &str) -> Option<Selector> {
    let Some(text) = notes.take(node.str_field(key)) else { return Some(Selector::Everything) };
    match expression::parse(text) {
        Ok(selector) => Some(selector),
        Err(why) => {
            let span = node.get(key).map_or(node.span(), Node::span);
            let message = format!("the selector `{text}` cannot be read: {why}");
            notes.error(codes::BAD_VALUE, span, message);
            None
        }
    }
}

/// Source: "Network policy", `types`: when left out, ingress, unless there are egress rules alone.
/// They are `Ingress` and `Egress`, written so.
fn types(notes: &mut Notes, spec: Node<'_>) -> [bool; 2] {
    let listed = notes.items(spec, "types");
    if listed.is_empty() {
        let has = |way: Way| spec.get(way.key()).is_some_and(|rules| !rules.is_empty());
        let out = has(Way::Egress);
        return [has(Way::Ingress) || !out, out];
    }
    let wrong = |one: &&Node<'_>| !matches!(one.as_str(), Some("Ingress" | "Egress"));
    for one in listed.iter().filter(wrong) {
        let message =
            format!("expected a policy type, `Ingress` or `Egress`, found {}", one.describe());
        notes.error(codes::BAD_VALUE, one.span(), message);
    }
    let has = |word: &str| listed.iter().any(|one| one.as_str() == Some(word));
    [has("Ingress"), has("Egress")]
}

/// One rule; nothing for one that only writes a log.
fn rule(
    notes: &mut Notes,
    node: Node<'_>,
    (way, name): (Way, Name),
    known: &Known,
    own: Option<&Name>,
) -> Option<PolicyRule> {
    let before = notes.diagnostics.errors();
    notes.only(node, &OF_RULE);
    let effect = match notes.take(node.str_field("action")) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        Some("Pass") => Effect::Pass,
        Some("Log") => return None,
        _ => {
            let message = "expected the action `Allow`, `Deny`, `Pass` or `Log`";
            notes.error(codes::BAD_VALUE, node.span(), message);
            Effect::Deny
        }
    };
    let (theirs, ours) = match way {
        Way::Ingress => (node.get("source"), node.get("destination")),
        Way::Egress => (node.get("destination"), node.get("source")),
    };
    let mut unread = None;
    for key in ["http", "ipVersion"] {
        if let Some(field) = node.get(key) {
            not_modelled(notes, field.span(), &format!("`{key}` of a rule"));
            unread = Some(Name::from(key));
        }
    }
    let of_ours = ours
        .into_iter()
        .flat_map(|ours| ours.entries().filter(move |entry| given(ours, entry.key).is_some()));
    for entry in of_ours.filter(|entry| !matches!(entry.key, "ports" | "notPorts")) {
        not_modelled(notes, entry.key_span, "what a rule says of its own side");
        unread = Some(Name::from("a rule about its own side"));
    }
    let peers = match theirs {
        Some(theirs) => peers(notes, theirs, known, own, &mut unread),
        None => Peers::Anybody,
    };
    let ports = ports::read(notes, node, &mut unread);
    if notes.diagnostics.errors() > before {
        unread = Some(Name::from("a rule that cannot be read"));
    }
    let (peers, ports) = match unread {
        Some(text) => (Peers::Listed(vec![PeerSpec::Unread(text)]), Ports::All),
        None => (peers, ports),
    };
    Some(PolicyRule { name, peers, ports, effect, span: node.span() })
}

/// Whom a rule means at the other side: selectors mean pods and sets of networks, networks whoever has
/// an address of them, pods too.
fn peers(
    notes: &mut Notes,
    node: Node<'_>,
    known: &Known,
    own: Option<&Name>,
    unread: &mut Option<Name>,
) -> Peers {
    let odd = |key: &str| !OF_SIDE.contains(&key) && given(node, key).is_some();
    for entry in node.entries().filter(|entry| odd(entry.key)) {
        not_modelled(notes, entry.key_span, &format!("`{}` of a rule", entry.key));
        *unread = Some(Name::from(entry.key));
    }
    let by_pods = BY_LABELS.iter().any(|key| given(node, key).is_some());
    let (nets, not_nets) = (networks(notes, node, "nets"), networks(notes, node, "notNets"));
    if by_pods && (nets.is_some() || not_nets.is_some()) {
        not_modelled(notes, node.span(), "a selector together with networks");
        *unread = Some(Name::from("a selector together with networks"));
        return Peers::Anybody;
    }
    if by_pods {
        let Some(pods) = selector(notes, node, "selector") else { return Peers::Anybody };
        let Some(but) = not_selector(notes, node) else { return Peers::Anybody };
        let Some(namespaces) = selector(notes, node, "namespaceSelector") else {
            return Peers::Anybody;
        };
        let named = given(node, "namespaceSelector").and_then(Node::as_str);
        let place = Place::of(own, named, namespaces);
        let negative =
            BY_LABELS.iter().all(|key| *key == "notSelector" || given(node, key).is_none());
        if negative && own.is_none() {
            return everybody_but(known, but);
        }
        let pods = Selector::all([pods, but]);
        let Some(accounts) = given(node, "serviceAccounts") else {
            let mut listed = place.network_sets(known, &pods);
            listed.push(PeerSpec::Pods(PodSelector::own(place.namespaces(), pods)));
            return Peers::Listed(listed);
        };
        return Peers::Listed(accounts::peers(notes, accounts, known, &place, &pods));
    }
    match (nets, not_nets) {
        (None, None) => Peers::Anybody,
        (Some((all, text)), None) => Peers::Listed(vec![PeerSpec::Holders(all, text)]),
        (all, Some((but, _))) => {
            let all = all.map_or_else(AddressSet::all, |(all, _)| all);
            let left = all.difference(&but);
            let text = Name::from(left.to_string());
            Peers::Listed(vec![PeerSpec::Holders(left, text)])
        }
    }
}

/// Whom a global policy means that names nobody and excludes some: pods, and what is outside of the
/// sets of networks that are excluded.
///
/// Source: "Global network policy", `EntityRule.notSelector`: what a selector does not hold for. In
/// a policy of a namespace it stands beside the namespace, which is a selector of pods itself.
fn everybody_but(known: &Known, but: Selector) -> Peers {
    let sets = known.network_sets.iter().filter(|set| !but.matches(&set.labels));
    let excluded = sets.fold(AddressSet::empty(), |all, set| all.union(&set.addresses));
    let outside = AddressSet::all().difference(&excluded);
    let text = Name::from("everything outside that is not excluded");
    Peers::Listed(vec![
        PeerSpec::Pods(PodSelector::own(Selector::Everything, but)),
        PeerSpec::Pods(PodSelector::OF_HOSTS),
        PeerSpec::Addresses(outside, text),
    ])
}

fn not_selector(notes: &mut Notes, node: Node<'_>) -> Option<Selector> {
    if given(node, "notSelector").is_none() {
        return Some(Selector::Everything);
    }
    selector(notes, node, "notSelector").map(Selector::negated)
}

/// The prefixes under a key; nothing when there is none.
fn networks(notes: &mut Notes, node: Node<'_>, key: &str) -> Option<(AddressSet, Name)> {
    let nodes = notes.items(node, key);
    if nodes.is_empty() {
        return None;
    }
    let prefixes: Vec<_> = nodes.into_iter().filter_map(|one| prefix(notes, one)).collect();
    let text = prefixes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Some((AddressSet::from_prefixes(prefixes), Name::from(text)))
}
