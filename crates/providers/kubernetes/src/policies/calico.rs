//! Calico's `NetworkPolicy` and `GlobalNetworkPolicy`, with tiers.
//!
//! Source: Calico documentation, resource definitions "Network policy", "Global network policy" and
//! "Tier". Tiers are asked by order, policies in a tier by order, rules in turn; the first that
//! matches allows, denies, or passes to the next tier. A tier of which a policy governs the pod
//! denies the rest, unless its default action is `Pass`.

mod accounts;
mod expression;
mod hosts;
mod place;
mod ports;

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_net::AddressSet;
use watertight_source::Node;

use super::{Way, not_modelled, numbered, perhaps, prefix};
use crate::codes;
use crate::fields::Notes;
use crate::known::Known;
use crate::objects::Object;
use crate::policy::{Effect, PeerSpec, Peers, Policy, PolicyRule, Ports, Rank, Style, Tier};
use crate::selector::{PodSelector, Selector};
pub(crate) use hosts::{AtHosts, Forwarded};
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
            unread = Some(Name::from(format!("a rule with `{key}`")));
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
    // What is not read of a rule narrows whom and what it matches.
    let (peers, ports) = match unread {
        Some(text) if notes.diagnostics.errors() > before => {
            (Peers::Listed(vec![PeerSpec::Unread(text)]), Ports::All)
        }
        Some(text) => (perhaps(peers, text), ports),
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
    let of_nets = match (nets, not_nets) {
        (None, None) => None,
        (Some(holders), None) => Some(holders),
        (all, Some((but, _))) => {
            let all = all.map_or_else(AddressSet::all, |(all, _)| all);
            let left = all.difference(&but);
            let text = Name::from(left.to_string());
            Some((left, text))
        }
    };
    let of_nets = of_nets.map(|(addresses, text)| PeerSpec::Holders(addresses, text));
    match (by_pods, of_nets) {
        (false, None) => Peers::Anybody,
        (false, Some(holders)) => Peers::Listed(vec![holders]),
        (true, None) => by_labels(notes, node, known, own),
        (true, Some(holders)) => {
            let Peers::Listed(listed) = by_labels(notes, node, known, own) else {
                return Peers::Listed(vec![holders]);
            };
            // Both must hold: those of the selectors, but not those without such an address.
            let text = Name::from("a selector together with networks");
            let rest = PeerSpec::But(vec![everybody()], vec![holders], text.clone());
            Peers::Listed(vec![PeerSpec::But(listed, vec![rest], text)])
        }
    }
}

/// Everybody who has an address.
fn everybody() -> PeerSpec {
    PeerSpec::Holders(AddressSet::all(), Name::from("everybody"))
}

/// Whom selectors and service accounts mean.
///
/// Source: "Network policy", `EntityRule`: a selector means the addresses of pods and of sets of
/// networks with such labels; who has an address that `notSelector` means is not matched. What a
/// global policy's `notSelector` alone does not mean is everybody else.
fn by_labels(notes: &mut Notes, node: Node<'_>, known: &Known, own: Option<&Name>) -> Peers {
    let Some(pods) = selector(notes, node, "selector") else { return Peers::Anybody };
    let Some(not) = selector(notes, node, "notSelector") else { return Peers::Anybody };
    let not = given(node, "notSelector").map(|_| not);
    let Some(namespaces) = selector(notes, node, "namespaceSelector") else {
        return Peers::Anybody;
    };
    let named = given(node, "namespaceSelector").and_then(Node::as_str);
    let place = Place::of(own, named, namespaces);
    let negative = BY_LABELS.iter().all(|key| *key == "notSelector" || given(node, key).is_none());
    let but = not.clone().map_or(Selector::Everything, Selector::negated);
    let pods = Selector::all([pods, but]);
    let listed = if negative && own.is_none() {
        vec![
            PeerSpec::Pods(PodSelector::own(Selector::Everything, pods)),
            PeerSpec::Pods(PodSelector::OF_HOSTS),
            PeerSpec::Addresses(AddressSet::all(), Name::from("everything outside")),
        ]
    } else if let Some(accounts) = given(node, "serviceAccounts") {
        accounts::peers(notes, accounts, known, &place, &pods)
    } else {
        let mut listed = place.network_sets(known, &pods);
        listed.push(PeerSpec::Pods(PodSelector::own(place.namespaces(), pods)));
        listed
    };
    Peers::Listed(match not {
        Some(not) => without(known, listed, not),
        None => listed,
    })
}

/// Peers of which those are left out that have an address which a selector means.
fn without(known: &Known, listed: Vec<PeerSpec>, not: Selector) -> Vec<PeerSpec> {
    let sets = known.network_sets.iter().filter(|set| not.matches(&set.labels));
    let excluded = sets.fold(AddressSet::empty(), |all, set| all.union(&set.addresses));
    let has_sets = listed.iter().any(|peer| matches!(peer, PeerSpec::Holders(..)));
    if excluded.is_empty() && !has_sets {
        return listed;
    }
    let text = Name::from("whoever is not excluded");
    let sets = PeerSpec::Holders(excluded, Name::from("networks that are excluded"));
    let pods = PeerSpec::Pods(PodSelector::own(Selector::Everything, not));
    vec![PeerSpec::But(listed, vec![sets, pods], text)]
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
