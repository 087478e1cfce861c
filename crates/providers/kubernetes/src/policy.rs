//! Policies of every kind in one form.

use std::cmp::Ordering;

use watertight_model::Name;
use watertight_net::{AddressSet, Family, FlowSet, Protocol};
use watertight_source::Span;

use crate::attachments::NetworkName;
use crate::selector::PodSelector;

/// A policy: for the pods that it selects, what it does in the directions that it governs.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Its kind, as its author writes it.
    pub(crate) kind: &'static str,
    /// Its name, with its namespace in front where it has one.
    pub(crate) name: Name,
    /// When it is asked.
    pub(crate) tier: Tier,
    /// Its place in its tier: lower is asked earlier.
    pub(crate) rank: Rank,
    /// The further networks that it is about; none for the primary one.
    pub(crate) networks: Option<Vec<NetworkName>>,
    /// The pods that it is about.
    pub(crate) subject: PodSelector,
    /// Its rules for what goes in; `None` when it does not govern that.
    pub(crate) ingress: Option<Vec<PolicyRule>>,
    /// Its rules for what goes out.
    pub(crate) egress: Option<Vec<PolicyRule>>,
    /// Whether it denies what no policy of its tier matches, in and out.
    pub(crate) isolates: [bool; 2],
    pub(crate) span: Span,
}

/// Policies that are asked together. Tiers are called as Calico calls them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Tier {
    /// Lower is asked earlier.
    pub(crate) order: Rank,
    pub(crate) name: Name,
    /// How its rules combine.
    pub(crate) style: Style,
}

/// How the rules of a tier combine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Style {
    /// The first that matches decides.
    Ordered,
    /// Any that allows decides, unless one denies.
    Together,
}

/// A number by which policies are ordered, in millionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Rank(pub(crate) i128);

impl Rank {
    /// After all others.
    pub(crate) const LAST: Self = Self(i128::MAX);

    /// A whole number.
    pub(crate) const fn whole(number: i64) -> Self {
        Self(number as i128 * 1_000_000)
    }

    /// Reads a decimal number such as `10` or `0.5`; digits after the sixth place do not count.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.len() > 24 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let whole: i128 = whole.parse().ok()?;
        let mut places: String = fraction.chars().take(6).collect();
        while places.len() < 6 {
            places.push('0');
        }
        let value = whole * 1_000_000 + places.parse::<i128>().ok()?;
        Some(Self(if negative { -value } else { value }))
    }
}

impl Tier {
    /// Administrators' policies, before those of namespaces' owners.
    ///
    /// Source: network-policy-api, `AdminNetworkPolicy`; the order beside Calico's tiers is that
    /// of Calico's documentation on tiers (`kube-admin` is asked before `default`).
    pub(crate) fn admin() -> Self {
        Self { order: Rank::whole(1_000), name: Name::from("kube-admin"), style: Style::Ordered }
    }

    /// `NetworkPolicy`.
    pub(crate) fn policies() -> Self {
        let name = Name::from("default");
        Self { order: Rank::whole(1_000_000), name, style: Style::Together }
    }

    /// Administrators' defaults, after those of namespaces' owners.
    pub(crate) fn baseline() -> Self {
        let name = Name::from("kube-baseline");
        Self { order: Rank::whole(10_000_000), name, style: Style::Ordered }
    }
}

/// One rule of a policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PolicyRule {
    /// How explanations call it within its policy (`ingress 1`, `allow-dns`).
    pub(crate) name: Name,
    /// Who is at the other end.
    pub(crate) peers: Peers,
    /// Over what.
    pub(crate) ports: Ports,
    pub(crate) effect: Effect,
    pub(crate) span: Span,
}

/// What a rule does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Effect {
    Allow,
    Deny,
    /// Leave it to the next tier.
    Pass,
}

/// Who is at the other end of a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Peers {
    /// Anybody: pods, nodes and what is outside.
    Anybody,
    /// Any of these.
    Listed(Vec<PeerSpec>),
}

/// One peer of a rule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum PeerSpec {
    /// Pods.
    Pods(PodSelector),
    /// Addresses outside of the cluster, with the text that names them.
    Addresses(AddressSet, Name),
    /// Whoever has one of these addresses, pods too, with the text that names them.
    Holders(AddressSet, Name),
    /// Perhaps pods on their host's network: those that are on the host that is meant.
    HostPods(Name),
    /// Something of which the input does not tell which addresses outside it is.
    SomeAddresses(Name),
    /// Something that may be anybody, because it cannot be read.
    Unread(Name),
    /// Whom the first mean and none of the second, with the text that names them.
    But(Vec<Self>, Vec<Self>, Name),
    /// These, where something holds that is no matter of addresses and ports.
    If(Vec<Self>, Name),
}

impl PeerSpec {
    /// Whether it names addresses of IPv6.
    pub(crate) fn names_v6(&self) -> bool {
        match self {
            Self::Addresses(addresses, _) | Self::Holders(addresses, _) => {
                !addresses.of_family(Family::V6).is_empty()
            }
            // Everybody but some is nobody's word about IPv6.
            Self::But(those, others, _) => those.iter().chain(others).any(|one| match one {
                Self::Addresses(all, _) | Self::Holders(all, _) if all.is_all() => false,
                other => other.names_v6(),
            }),
            Self::If(those, _) => those.iter().any(Self::names_v6),
            Self::Pods(_) | Self::HostPods(_) | Self::SomeAddresses(_) | Self::Unread(_) => false,
        }
    }

    /// The selectors of pods by which it is said whom it means.
    pub(crate) fn pods(&self) -> Vec<&PodSelector> {
        match self {
            Self::Pods(pods) => vec![pods],
            Self::But(those, others, _) => {
                those.iter().chain(others).flat_map(Self::pods).collect()
            }
            Self::If(those, _) => those.iter().flat_map(Self::pods).collect(),
            Self::Addresses(..)
            | Self::Holders(..)
            | Self::HostPods(_)
            | Self::SomeAddresses(_)
            | Self::Unread(_) => Vec::new(),
        }
    }
}

/// Over what a rule is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ports {
    /// Everything.
    All,
    /// Any of these.
    Listed(Vec<PortSpec>),
}

/// One entry of a rule's ports.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum PortSpec {
    /// Exactly these flows.
    Flows(FlowSet),
    /// A port that the containers of the destination give a name to; of any protocol when none is
    /// said.
    Named(Name, Option<Protocol>),
}

/// A port of a container that has a name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct NamedPort {
    pub(crate) name: Name,
    pub(crate) protocol: Protocol,
    pub(crate) number: u16,
}

impl Policy {
    /// The order in which policies are asked, whatever the order of documents. Tiers of one order
    /// are asked by name, as Calico does.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        fn key(one: &Policy) -> (Rank, &Name, Rank) {
            (one.tier.order, &one.tier.name, one.rank)
        }
        key(self)
            .cmp(&key(other))
            .then_with(|| self.name.cmp(&other.name))
            .then_with(|| self.kind.cmp(other.kind))
            .then_with(|| self.span.cmp(&other.span))
    }
}
