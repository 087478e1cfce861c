//! Policies of every kind that is read, in one form.

mod admin;
mod calico;
mod cilium;
mod network;

pub(crate) use calico::{AtHosts, Forwarded};
use watertight_model::Name;
use watertight_net::{AddressSet, Prefix};
use watertight_source::{Node, Span};

use crate::codes;
use crate::fields::Notes;
use crate::further::GROUP;
use crate::known::Known;
use crate::objects::Object;
use crate::policy::{PeerSpec, Peers, Policy, Style, Tier};

/// The directions of rules, as objects write them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Ingress,
    Egress,
}

impl Way {
    pub(crate) const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    /// The key of a policy's rules.
    const fn key(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The key of a rule's peers.
    const fn peers(self) -> &'static str {
        match self {
            Self::Ingress => "from",
            Self::Egress => "to",
        }
    }
}

/// The policies of all objects, in the order in which they are asked.
pub(crate) fn read(
    objects: &[Object<'_>],
    known: &Known,
    parts_max: u32,
    notes: &mut Notes,
) -> Vec<Policy> {
    let mut found = Vec::new();
    let tiers = calico::tiers(objects, notes);
    for object in objects {
        let before = notes.diagnostics.errors();
        let policies = match (object.group, object.kind) {
            ("networking.k8s.io" | "extensions", "NetworkPolicy") => {
                network::read(object, notes).into_iter().collect()
            }
            (GROUP, "MultiNetworkPolicy") => {
                network::read_multi(object, notes).into_iter().collect()
            }
            ("policy.networking.k8s.io", "AdminNetworkPolicy" | "BaselineAdminNetworkPolicy") => {
                admin::read(object, known, notes).into_iter().collect()
            }
            ("policy.networking.k8s.io", "ClusterNetworkPolicy") => {
                admin::read_cluster(object, known, notes).into_iter().collect()
            }
            ("cilium.io", "CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy") => {
                cilium::read(object, known, notes)
            }
            (
                "projectcalico.org" | "crd.projectcalico.org",
                "NetworkPolicy" | "GlobalNetworkPolicy",
            ) => calico::read(object, &tiers, known, notes).into_iter().collect(),
            _ => Vec::new(),
        };
        if policies.is_empty() && notes.diagnostics.errors() > before && is_policy(object) {
            let message =
                format!("the {} `{}` is left out of all answers", object.kind, object.full_name());
            notes.warn(codes::NOT_MODELLED, object.span, message);
        }
        found.extend(policies);
    }
    for policy in &mut found {
        bound(policy, parts_max, notes);
    }
    order_of_calico(&mut found);
    found.sort_by(Policy::compare);
    same_priority(&found, notes);
    found
}

/// Whether an object is a policy of a kind that is read.
pub(crate) fn is_policy(object: &Object<'_>) -> bool {
    matches!(
        (object.group, object.kind),
        ("networking.k8s.io" | "extensions", "NetworkPolicy")
            | (GROUP, "MultiNetworkPolicy")
            | (
                "policy.networking.k8s.io",
                "AdminNetworkPolicy" | "BaselineAdminNetworkPolicy" | "ClusterNetworkPolicy"
            )
            | ("cilium.io", "CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy")
            | (
                "projectcalico.org" | "crd.projectcalico.org",
                "NetworkPolicy" | "GlobalNetworkPolicy"
            )
    )
}

/// Cuts off rules beyond the limit.
fn bound(policy: &mut Policy, parts_max: u32, notes: &mut Notes) {
    let max = usize::try_from(parts_max).unwrap_or(usize::MAX);
    let mut too_many = false;
    for rules in [&mut policy.ingress, &mut policy.egress].into_iter().flatten() {
        too_many |= rules.len() > max;
        rules.truncate(max);
    }
    if too_many {
        let message = format!("the policy has more than {parts_max} rules; the rest is not read");
        notes.error(codes::BAD_VALUE, policy.span, message);
    }
}

/// Where Calico's own policies stand beside those of Kubernetes in one tier, the first that matches
/// decides.
///
/// Source: Calico documentation, "Kubernetes policy, basic tutorial" and "Tiers": the policies of
/// Kubernetes are in the tier `default`, with order 1000.
fn order_of_calico(policies: &mut [Policy]) {
    let whole = Tier { style: Style::Ordered, ..Tier::policies() };
    if policies.iter().any(|policy| policy.tier == whole) {
        for policy in policies.iter_mut().filter(|one| one.tier.name == whole.name) {
            policy.tier = whole.clone();
        }
    }
}

/// Two policies of one tier with one priority: what comes first is not defined.
fn same_priority(policies: &[Policy], notes: &mut Notes) {
    for pair in policies.windows(2) {
        let [one, other] = pair else { continue };
        let decided_by_rank =
            other.kind == "AdminNetworkPolicy" || other.kind == "ClusterNetworkPolicy";
        if decided_by_rank && one.tier == other.tier && one.rank == other.rank {
            let message = format!(
                "`{}` has the same priority as `{}`: which comes first is not defined, and by name \
                 here",
                other.name, one.name
            );
            notes.warn(codes::SAME_PRIORITY, other.span, message);
        }
    }
}

/// A prefix; what is no prefix is noted. Bits behind its length are cut off, as the API allows.
pub(crate) fn prefix(notes: &mut Notes, node: Node<'_>) -> Option<Prefix> {
    let text = match node.to_str() {
        Ok(text) => text,
        Err(error) => {
            notes.diagnostics.push(error);
            return None;
        }
    };
    match Prefix::parse_lenient(text) {
        Ok(prefix) => Some(prefix),
        Err(error) => {
            notes.error(codes::BAD_ADDRESS, node.span(), error.to_string());
            None
        }
    }
}

/// `cidr` without the prefixes under `except`, with the text that names it.
fn cidr_except(
    notes: &mut Notes,
    node: Node<'_>,
    (cidr, except): (&str, &str),
) -> Option<(AddressSet, Name)> {
    let Some(field) = node.get(cidr) else {
        notes.diagnostics.push(node.missing_field(cidr, "a prefix"));
        return None;
    };
    let whole = prefix(notes, field)?;
    let mut rest = AddressSet::from_prefix(whole);
    let mut text = whole.to_string();
    let mut word = " except ";
    for one in notes.items(node, except) {
        let taken = prefix(notes, one)?;
        if !whole.covers(taken) {
            let message = format!("`{taken}` is not a part of `{whole}`");
            notes.error(codes::BAD_ADDRESS, one.span(), message);
            continue;
        }
        rest = rest.difference(&AddressSet::from_prefix(taken));
        text.push_str(word);
        text.push_str(&taken.to_string());
        word = ", ";
    }
    Some((rest, Name::from(text)))
}

/// The name of a rule within its policy: the author's, or its place.
fn rule_name(notes: &mut Notes, node: Node<'_>, way: Way, place: usize) -> Name {
    let given = notes.name(node, "name").filter(|name| !name.is_empty());
    given.unwrap_or_else(|| numbered(way, place))
}

fn numbered(way: Way, place: usize) -> Name {
    Name::from(format!("{} {}", way.key(), place.saturating_add(1)))
}

/// Peers that are matched where something holds beside, as a text says.
fn perhaps(peers: Peers, text: Name) -> Peers {
    Peers::Listed(vec![match peers {
        Peers::Anybody => PeerSpec::Unread(text),
        Peers::Listed(listed) => PeerSpec::If(listed, text),
    }])
}

/// Notes that something is not modelled.
fn not_modelled(notes: &mut Notes, span: Span, what: &str) {
    notes.warn(codes::NOT_MODELLED, span, format!("{what} is not modelled: it may match anything"));
}
