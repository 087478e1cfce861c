use std::net::IpAddr;

use watertight_model::Name;
use watertight_net::Flow;

use crate::Timestamp;
use crate::checked::SegmentId;
use crate::decide::ends::End;
use crate::decide::request::Request;

/// One transport connection as both of its ends see it.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Who opens it, or sends the first packet.
    pub source: End,
    /// Who accepts it.
    pub destination: End,
    /// Its first packet; source ports are no matter of policy.
    pub flow: Flow,
}

/// A leg, and what else is known when somebody asks about it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The leg.
    pub leg: &'q Leg,
    /// The request on it; `None` asks about every request that there can be.
    pub request: Option<&'q Request>,
    /// What names workloads asked for, and what they were told.
    pub bindings: &'q [Binding],
}

/// An answer that a resolver gave to one workload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// Who asked.
    pub asker: usize,
    /// The name in the question: lower-case A-labels without the final dot.
    pub name: Name,
    /// The address in the answer.
    pub address: IpAddr,
    /// Its time to live plus the grace: from this instant on it binds no more.
    pub until: Timestamp,
}

/// Which policies of the checked policy are essentials: asked first, on under every mode.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Essentials {
    /// The names of all of them.
    pub policies: Vec<Name>,
    /// The names of those that hold for a quarantined workload too.
    pub failsafe: Vec<Name>,
}

/// What comes of a leg.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// It is allowed, with every request on it.
    Allow,
    /// It is denied, with every request on it.
    Deny,
    /// It depends on the request.
    Inspect,
}

impl Outcome {
    /// The word for people and programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Inspect => "inspect",
        }
    }
}

/// Names a rule of the checked policy, and which of the legs that it stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleId {
    /// The place of its policy in the list of policies.
    pub policy: u32,
    /// Its place among the policy's rules.
    pub rule: u32,
    /// Which of its legs.
    pub part: LegPart,
}

/// Which legs a rule stands for. A rule with `through` stands for the last three.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LegPart {
    /// From `from` to `to`.
    Direct,
    /// From `from` to a front, over its listeners that lead to `to`.
    ToFront,
    /// From a front to `to`, over its target ports.
    FromFront,
    /// A front's health checks of `to`.
    HealthCheck,
}

impl LegPart {
    /// What the leg is, for explanations; empty for a rule's own.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Direct => "",
            Self::ToFront => "the leg to the front",
            Self::FromFront => "the leg from the front",
            Self::HealthCheck => "the front's health checks",
        }
    }
}

/// An end of a leg.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// Who opens it.
    Source,
    /// Who accepts it.
    Destination,
}

/// Which of a segment's defaults.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DefaultKind {
    /// For what stays within.
    Intra,
    /// For what goes out.
    Egress,
    /// For what comes in.
    Ingress,
}

impl DefaultKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Intra, Self::Egress, Self::Ingress];

    /// The field of the segment.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Intra => "intra",
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        }
    }
}

/// What decided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// The workload at this end is in quarantine.
    Quarantine(Side),
    /// A rule of the essentials.
    Essential(RuleId),
    /// No segment that is on holds either end.
    Ungoverned,
    /// A rule.
    Rule(RuleId),
    /// An endpoint to itself.
    Itself,
    /// A default of a segment that holds this end.
    Default(Side, SegmentId, DefaultKind),
}

/// What a decision rests on that is not known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Assumption {
    /// This end may be in quarantine, and is taken to be.
    Quarantined(Side),
    /// This end may be governed, and is taken to be.
    Governed(Side),
    /// The rule, a deny, may match, and is taken to.
    Matches(RuleId),
    /// The rule, an allow or a pass, may match, and is taken not to.
    MatchesNot(RuleId),
    /// The segment may hold this end, and is taken to.
    Holds(Side, SegmentId),
}

/// Which ends a segment that is on holds: rules bind there, and nowhere else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Governed {
    /// Whether the source is.
    pub source: bool,
    /// Whether the destination is.
    pub destination: bool,
}

/// The decision about a leg.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What comes of the leg.
    pub outcome: Outcome,
    /// What decided, in order; several where requests fare differently.
    pub reasons: Vec<Reason>,
    /// What was assumed, in order.
    pub assumed: Vec<Assumption>,
    /// At which ends rules bind.
    pub governed: Governed,
}
