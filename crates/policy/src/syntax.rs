//! The syntax tree: what a policy's documents say, value by value, with the place of each.
//!
//! Single values are read here (a prefix is a prefix, a port is in range); what needs a second
//! document is not. Names are not resolved, and a field that is not written is `None`, so that the
//! tree says what the author said; the accessors give the defaults of `docs/reference/policy.md`.

mod end;
mod essentials;
mod kind;
mod labeling;
mod rule;
mod segment;

use std::sync::Arc;

use watertight_model::Name;
use watertight_source::Span;

use crate::{Domain, Timestamp};

pub use end::{
    AddressItem, Conditions, DomainItem, LabelSelector, Operator, Peer, PeerEnd, Requirement,
};
pub use essentials::{ControlPlane, Essentials, Failsafe, Narrowable, Narrowed};
pub use kind::Kind;
pub use labeling::{Labeling, LabelingRule, Pattern, RawFacts};
pub use rule::{
    Action, Assertion, Claim, ClaimKind, Clause, Exception, Excused, HttpMatch, Lowering,
    LoweringChoice, Over, PathMatch, Policy, Reach, Rule, Service, Tier, Transport,
};
pub use segment::{DefaultAction, Defaults, FaultMode, Mode, OnFault, Segment, Share, ShareOf};

/// A value with the place that it was read from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value at a place.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// One document of a policy.
#[derive(Clone, Debug)]
pub struct Document {
    /// The whole document.
    pub span: Span,
    /// Its name, and who answers for it.
    pub metadata: Metadata,
    /// What it declares.
    pub object: Object,
}

/// The `metadata` of a document.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Unique among the documents of its kind.
    pub name: Spanned<Name>,
    /// Who answers for it.
    pub owner: Option<Spanned<Name>>,
    /// The ticket that asked for it.
    pub ticket: Option<Spanned<Name>>,
    /// What it is for.
    pub description: Option<Spanned<Name>>,
}

/// What a document declares: its `spec`, by its kind.
#[derive(Clone, Debug)]
pub enum Object {
    /// A named set of workloads with a default and a mode.
    Segment(Box<Segment>),
    /// A named set of workloads without one.
    Group(Group),
    /// Named protocols and ports.
    Service(Service),
    /// Named prefixes.
    Addresses(Addresses),
    /// Named domain names.
    Domains(Domains),
    /// Named people.
    Users(Users),
    /// Labels for workloads by raw facts.
    Labeling(Labeling),
    /// Rules.
    Policy(Arc<Policy>),
    /// What must hold whatever the policies say.
    Assertion(Box<Assertion>),
    /// What may be broken until a time.
    Exception(Exception),
    /// What no policy closes, beside what every platform needs.
    Essentials(Essentials),
}

impl Object {
    /// The kind of the document.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Segment(_) => Kind::Segment,
            Self::Group(_) => Kind::Group,
            Self::Service(_) => Kind::Service,
            Self::Addresses(_) => Kind::Addresses,
            Self::Domains(_) => Kind::Domains,
            Self::Users(_) => Kind::Users,
            Self::Labeling(_) => Kind::Labeling,
            Self::Policy(_) => Kind::Policy,
            Self::Assertion(_) => Kind::Assertion,
            Self::Exception(_) => Kind::Exception,
            Self::Essentials(_) => Kind::Essentials,
        }
    }
}

/// `kind: Group`: the workloads that any member names.
#[derive(Clone, Debug)]
pub struct Group {
    /// Each a selector, a segment or another group.
    pub members: Vec<Peer>,
}

/// `kind: Addresses`: the prefixes of the text and those of the feed.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The prefixes.
    pub prefixes: Vec<Spanned<watertight_net::Prefix>>,
    /// The file with more of them, a prefix a line, relative to the document's own file.
    pub feed: Option<Spanned<Name>>,
}

/// `kind: Domains`: the names that any entry covers.
#[derive(Clone, Debug)]
pub struct Domains {
    /// The names.
    pub names: Vec<Spanned<Domain>>,
}

/// `kind: Users`: people by their groups, or by the addresses that their access gives them.
#[derive(Clone, Debug)]
pub struct Users {
    /// Groups of the identity provider.
    pub groups: Vec<Spanned<Name>>,
    /// The prefixes of access pools.
    pub pools: Vec<Spanned<AddressItem>>,
}

/// When something ends.
pub type Expiry = Spanned<Timestamp>;
