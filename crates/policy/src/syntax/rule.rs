use watertight_model::Name;
use watertight_net::{FlowSet, PortSet, Protocol};
use watertight_source::Span;

use crate::words::words;

use super::{Expiry, Mode, Peer, Spanned};

words! {
    /// When a policy's rules are asked.
    Tier {
        /// First, in order; it can pass on to the next tier.
        Guardrail = "guardrail",
        /// Second, without order: a deny goes before an allow.
        Standard = "standard",
        /// Last before the defaults, in order.
        Baseline = "baseline",
    }
}

words! {
    /// What a rule does with what it matches.
    Action {
        /// It permits, for both ends.
        Allow = "allow",
        /// It denies.
        Deny = "deny",
        /// It leaves the rest of the tier out.
        Pass = "pass",
    }
}

words! {
    /// What is written where a plane cannot express a part of a rule.
    LoweringChoice {
        /// More than the rule says.
        Widen = "widen",
        /// Nothing of it.
        Close = "close",
        /// Nothing at all: the plan is refused.
        Refuse = "refuse",
    }
}

words! {
    /// How far an assertion follows what can be reached.
    Reach {
        /// One leg.
        Direct = "direct",
        /// Through fronts, not through workloads that were breached.
        Front = "front",
        /// Through anything.
        Any = "any",
    }
}

/// `kind: Policy`.
#[derive(Clone, Debug)]
pub struct Policy {
    /// When its rules are asked.
    pub tier: Option<Spanned<Tier>>,
    /// Its place within the tier; not for standard.
    pub order: Option<Spanned<i64>>,
    /// Whether it takes part.
    pub mode: Option<Spanned<Mode>>,
    /// From when on it takes no part.
    pub expires: Option<Expiry>,
    /// Whether its author knows that its denials end with it.
    pub expiry_opens: Option<Spanned<bool>>,
    /// What is written where a plane cannot express a rule.
    pub lowering: Lowering,
    /// The rules in the order of the text.
    pub rules: Vec<Rule>,
}

impl Policy {
    /// The tier that holds: standard where none is written.
    pub fn tier(&self) -> Tier {
        self.tier.map_or(Tier::Standard, |tier| tier.value)
    }

    /// The mode that holds: monitor where none is written, so that nothing binds unasked.
    pub fn mode(&self) -> Mode {
        self.mode.map_or(Mode::Monitor, |mode| mode.value)
    }
}

/// What a policy says about planes that cannot express it, as far as it does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lowering {
    /// For conditions on requests.
    pub requests: Option<Spanned<LoweringChoice>>,
    /// For identities.
    pub identity: Option<Spanned<LoweringChoice>>,
    /// For `internet`.
    pub internet: Option<Spanned<LoweringChoice>>,
    /// For domain names.
    pub domains: Option<Spanned<LoweringChoice>>,
    /// For denials.
    pub deny: Option<Spanned<LoweringChoice>>,
}

/// One rule of a policy.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it stands.
    pub span: Span,
    /// A name for people.
    pub name: Option<Spanned<Name>>,
    /// What it does.
    pub action: Spanned<Action>,
    /// Who opens the leg; never empty.
    pub from: Vec<Peer>,
    /// Who accepts it; never empty.
    pub to: Vec<Peer>,
    /// The fronts that it goes through.
    pub through: Vec<Peer>,
    /// What is sent; `None` is everything.
    pub over: Option<Over>,
}

/// A list of clauses of which one must hold.
#[derive(Clone, Debug)]
pub struct Over {
    /// Where it stands.
    pub span: Span,
    /// The clauses; never empty.
    pub clauses: Vec<Clause>,
}

/// One entry of `over`.
#[derive(Clone, Debug)]
pub struct Clause {
    /// Where it stands.
    pub span: Span,
    /// What carries it.
    pub transport: Transport,
    /// Conditions on requests of which one must hold; none for the transport alone.
    pub http: Vec<HttpMatch>,
}

/// What carries a clause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Transport {
    /// Packets, without a look at their contents.
    Flows(FlowSet),
    /// TCP to these ports whose first bytes are a TLS `ClientHello`.
    Tls(PortSet),
    /// What a Service says.
    Service(Spanned<Name>),
}

impl Transport {
    /// The whole of a protocol.
    pub fn protocol(protocol: Protocol) -> Self {
        Self::Flows(FlowSet::protocol(protocol))
    }
}

/// A condition on an HTTP request; every field that is there must hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpMatch {
    /// Where it stands.
    pub span: Span,
    /// The methods of which one must be used; none for any.
    pub methods: Vec<Spanned<Name>>,
    /// What must hold of the path after normalisation.
    pub path: Option<Spanned<PathMatch>>,
}

/// A condition on a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PathMatch {
    /// `path`: this path.
    Exact(Name),
    /// `pathPrefix`: this path and those below it, by whole segments.
    Prefix(Name),
}

/// `kind: Service`: the clauses of which one must hold.
#[derive(Clone, Debug)]
pub struct Service {
    /// The clauses.
    pub over: Over,
}

/// `kind: Assertion`.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// What must hold.
    pub claim: Claim,
    /// How far it follows what can be reached.
    pub reach: Option<Spanned<Reach>>,
}

impl Assertion {
    /// The reach that holds: through fronts where none is written.
    pub fn reach(&self) -> Reach {
        self.reach.map_or(Reach::Front, |reach| reach.value)
    }
}

words! {
    /// What an assertion claims of `from`, `to` and `over`.
    ClaimKind {
        /// `from` never reaches `to`.
        Never = "never",
        /// `from` always reaches `to`.
        Always = "always",
        /// Nothing but `from` reaches `to`.
        OnlyFrom = "onlyFrom",
        /// `from` reaches nothing but `to`.
        OnlyTo = "onlyTo",
    }
}

/// What an assertion claims.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Where it stands.
    pub span: Span,
    /// Which claim it is.
    pub kind: ClaimKind,
    /// Who opens legs; never empty.
    pub from: Vec<Peer>,
    /// Who accepts them; never empty.
    pub to: Vec<Peer>,
    /// What is sent; `None` is everything.
    pub over: Option<Over>,
}

/// `kind: Exception`. Its owner is in the metadata.
#[derive(Clone, Debug)]
pub struct Exception {
    /// What may be broken.
    pub excused: Excused,
    /// Until when.
    pub expires: Expiry,
}

/// What an exception excuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Excused {
    /// An assertion, by its name.
    Assertion(Spanned<Name>),
    /// A gap, by its id.
    Gap(Spanned<Name>),
}
