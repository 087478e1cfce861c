use std::sync::Arc;

use watertight_net::{FlowSet, Prefix};
use watertight_source::Span;

use super::{GuardId, ListId, Rules};
use crate::Name;

/// One filter: a security group, a network ACL, a NetworkPolicy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guard {
    /// The provider's id.
    pub name: Name,
    /// The name that a person gave it, or the id.
    pub title: Name,
    /// What the provider calls this kind (`security group`, `network ACL`).
    pub kind: Name,
    /// Whether replies to what it let through pass without a rule.
    pub stateful: bool,
    /// What it does with packets that go in, stage after stage.
    pub ingress: Vec<Stage>,
    /// What it does with packets that go out, stage after stage.
    pub egress: Vec<Stage>,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// Guards that decide together at one place: the layer accepts what any of them accepts.
///
/// A place has a list of layers, and all of them must accept. Guards of one layer are all
/// stateful or all stateless.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Layer {
    /// Its guards, ordered by id, without repetition. An empty layer accepts nothing.
    pub guards: Vec<GuardId>,
    /// Whether these are all guards that stand there. Where the input does not tell, a rule that
    /// refers to the members of another guard could mean the place.
    pub complete: bool,
}

/// One step of a guard's pipeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stage {
    /// How its rules combine.
    pub combine: Combine,
    /// Its rules: for [`Combine::Ordered`] in the order of evaluation.
    pub rules: Rules,
    /// What happens to what no rule matches.
    pub default: StageDefault,
}

/// How the rules of a [`Stage`] combine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Combine {
    /// The first rule that matches decides.
    Ordered,
    /// Any rule that accepts decides; rules do not deny.
    Union,
    /// A rule that denies wins over one that accepts.
    DenyOverAccept,
}

/// What a [`Stage`] does with what no rule matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StageDefault {
    /// Accept.
    Accept,
    /// Deny.
    Deny,
    /// Leave it to the next stage; after the last one, accept.
    Next,
    /// The input does not tell: the answer is unknown. The text says what is missing.
    Unknown(Name),
}

/// One rule of a guard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// The rule as the provider counts or names it (`100`, `sgr-0a1b`, `ingress 2`).
    pub name: Name,
    /// Whom it matches, as seen at the guard.
    pub peer: Peer,
    /// Which packets it matches.
    pub flows: Arc<FlowSet>,
    /// What it does with them.
    pub action: Action,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// What a [`Rule`] does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// Accept, whatever later stages say.
    Accept,
    /// Accept in this stage and go on to the next.
    AcceptHere,
    /// Leave it to the next stage.
    Next,
    /// Deny.
    Deny,
}

/// Whom a [`Rule`] matches: the packet's source at a guard's ingress, its destination at egress.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Peer {
    /// Any address of any family.
    Any,
    /// Addresses in a prefix; only packets of its family.
    Prefix(Prefix),
    /// Addresses in a named list.
    List(ListId),
    /// Addresses, in their realm, of endpoints that have this guard. It matches only while the
    /// packet travels by ways across which such references hold (not the internet, a translation,
    /// a Box; peerings and transit gateways as they say).
    Members(GuardId),
    /// Something that the input does not tell: matches perhaps. The text says what.
    Unread(Name),
}

/// The direction of a packet, seen from the place of a guard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// Into the endpoint or subnet.
    Ingress,
    /// Out of it.
    Egress,
}

impl Direction {
    /// The word that output uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl Guard {
    /// What [`join`](crate::join) calls the guards that it makes beside those of attachments.
    pub const NODE: &'static str = "node";
    /// The kind of the guards that are the policies of a cluster.
    pub const POLICIES: &'static str = "network policies";

    /// Whether somebody wrote it, so that somebody could change it.
    pub fn is_written(&self) -> bool {
        self.kind != Self::NODE
    }

    /// The stages for a direction.
    pub fn stages(&self, direction: Direction) -> &[Stage] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}
