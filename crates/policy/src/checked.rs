//! The checked policy: every name resolved, every selector compiled, every default filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use watertight_model::{Criticality, Label, Labels, Name, Selector, Truth};
use watertight_net::{AddressSet, FlowSet};
use watertight_source::Span;

pub use crate::syntax::{
    Action, ClaimKind, DefaultAction, FaultMode, HttpMatch, Labeling, LabelingRule, LoweringChoice,
    Mode, Narrowable, PathMatch, Pattern, RawFacts, Reach, Tier,
};
use crate::{Domain, Timestamp};

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident;)*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
            pub struct $name(pub u32);

            impl $name {
                /// The place in its list.
                pub const fn index(self) -> usize {
                    self.0 as usize
                }

                pub(crate) fn at(index: usize) -> Self {
                    Self(u32::try_from(index).unwrap_or(u32::MAX))
                }
            }
        )*
    };
}

ids! {
    /// Names a [`SelectorNode`] of [`CheckedPolicy::selectors`].
    SelectorId;
    /// Names a [`Segment`] of [`CheckedPolicy::segments`].
    SegmentId;
    /// Names a [`Users`] of [`CheckedPolicy::users`].
    UsersId;
    /// Names an [`Assertion`] of [`CheckedPolicy::assertions`].
    AssertionId;
}

/// The whole of a policy without errors.
#[derive(Clone, Debug)]
pub struct CheckedPolicy {
    /// The selectors, each once; a node refers to earlier ones only, so that one pass over the list
    /// evaluates all of them.
    pub selectors: Vec<SelectorNode>,
    /// The segments by name, after the first, which is `estate`.
    pub segments: Vec<Segment>,
    /// The named users, by name.
    pub users: Vec<Users>,
    /// The labelings, by name.
    pub labelings: Vec<(Name, Labeling)>,
    /// The policies by tier (guardrail, standard, baseline), order and name.
    pub policies: Vec<Policy>,
    /// The failsafe tuples: one policy of allows for each document that lists some, by name.
    pub failsafe: Vec<Policy>,
    /// Where control planes are whose addresses no estate tells, by the place in the text.
    pub control_planes: Vec<ControlPlane>,
    /// Between whom essentials are needed, by the place in the text; what is not here is needed wherever it is.
    pub narrowed: Vec<Narrowed>,
    /// The assertions, by name.
    pub assertions: Vec<Assertion>,
    /// The exceptions, by name.
    pub exceptions: Vec<Exception>,
}

/// A set of workloads by their labels.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SelectorNode {
    /// Those whose labels a selector holds for.
    Labels(Selector),
    /// Those in all of the sets.
    All(Vec<SelectorId>),
    /// Those in any of the sets.
    Any(Vec<SelectorId>),
}

/// A named set of workloads with a default and a mode.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its name.
    pub name: Name,
    /// Its document; `None` for an `estate` that nobody wrote.
    pub span: Option<Span>,
    /// Who belongs to it.
    pub members: SelectorId,
    /// Whether it takes part.
    pub mode: Mode,
    /// Which part of it is enforced, where that is not all of it.
    pub share: Option<Share>,
    /// For what comes in from outside of it.
    pub ingress: DefaultAction,
    /// For what goes out of it.
    pub egress: DefaultAction,
    /// For what stays within.
    pub intra: DefaultAction,
    /// How much its members matter.
    pub criticality: Criticality,
    /// What enforcement points do where they cannot know.
    pub on_fault: OnFault,
}

/// The part of a segment that is enforced while the rest of it stays as in monitor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Share {
    /// Where it stands.
    pub span: Span,
    /// Which part.
    pub of: ShareOf,
}

/// How the part is chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ShareOf {
    /// So many of a hundred, by [`share_number`](crate::share_number).
    Percent(u8),
    /// Those with these labels.
    Select(Selector),
}

impl Segment {
    /// The share that leaves a part of it as in monitor: it means nothing in another mode than enforce.
    pub fn enforced_share(&self) -> Option<&ShareOf> {
        self.share.as_ref().filter(|_| self.mode == Mode::Enforce).map(|share| &share.of)
    }
}

/// What enforcement points do where they cannot know, by what they lack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OnFault {
    /// Room in the kernel's map.
    pub map_full: FaultMode,
    /// The other end's identity.
    pub unknown_identity: FaultMode,
    /// The proxy that reads requests.
    pub proxy_gone: FaultMode,
    /// A fresh identity of the other end.
    pub stale_identity: FaultMode,
}

/// Named people.
#[derive(Clone, Debug)]
pub struct Users {
    /// The name.
    pub name: Name,
    /// The document.
    pub span: Span,
    /// Groups of the identity provider.
    pub groups: Vec<Name>,
    /// The addresses of access pools.
    pub pools: AddressSet,
}

/// One document of rules.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: Name,
    /// Where the name stands.
    pub name_span: Span,
    /// Who answers for it.
    pub owner: Option<Name>,
    /// The ticket that asked for it.
    pub ticket: Option<Name>,
    /// When its rules are asked.
    pub tier: Tier,
    /// Its place within the tier; 0 for standard, which has no order.
    pub order: i64,
    /// Whether it takes part.
    pub mode: Mode,
    /// From when on it takes no part.
    pub expires: Option<Timestamp>,
    /// What is written where a plane cannot express a rule.
    pub lowering: Lowering,
    /// The rules in the order of the text.
    pub rules: Vec<Rule>,
}

impl Policy {
    /// Whether it still takes part at a time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// Where the control plane of a cluster is.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    /// Where that is written.
    pub span: Span,
    /// The name of the cluster.
    pub cluster: Name,
    /// The account of the cluster that is meant; nothing for whichever.
    pub account: Option<Name>,
    /// Its region; nothing for whichever.
    pub region: Option<Name>,
    /// Its addresses.
    pub addresses: Arc<AddressSet>,
    /// The network that they are in; nothing for whichever.
    pub network: Option<Name>,
}

/// Between whom an essential is needed.
#[derive(Clone, Debug)]
pub struct Narrowed {
    /// Where that is written.
    pub span: Span,
    /// Which essential.
    pub essential: Narrowable,
    /// The workloads that open its legs: any of these; none for whoever does.
    pub from: Vec<Peer>,
    /// The workloads that accept them, likewise.
    pub to: Vec<Peer>,
}

/// What is written where a plane cannot express a part of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lowering {
    /// For conditions on requests.
    pub requests: LoweringChoice,
    /// For identities.
    pub identity: LoweringChoice,
    /// For `internet`.
    pub internet: LoweringChoice,
    /// For domain names.
    pub domains: LoweringChoice,
    /// For denials.
    pub deny: LoweringChoice,
}

impl Lowering {
    /// Whatever cannot be expressed is widened: for what must pass whatever else is written.
    pub const WIDEN: Self = Self {
        requests: LoweringChoice::Widen,
        identity: LoweringChoice::Widen,
        internet: LoweringChoice::Widen,
        domains: LoweringChoice::Widen,
        deny: LoweringChoice::Widen,
    };
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it stands.
    pub span: Span,
    /// A name for people.
    pub name: Option<Name>,
    /// What it does.
    pub action: Action,
    /// Who opens the leg: any of these.
    pub from: Vec<Peer>,
    /// Who accepts it: any of these.
    pub to: Vec<Peer>,
    /// The fronts between them: any of these; none for a leg from end to end.
    pub through: Vec<Peer>,
    /// What is sent: any of these. One clause of every packet where the rule does not say.
    pub over: Arc<[Clause]>,
}

impl Rule {
    /// The packets of all clauses, conditions on requests left aside.
    pub fn flows(&self) -> FlowSet {
        self.over.iter().fold(FlowSet::none(), |all, clause| all.union(&clause.flows))
    }
}

/// What is sent, as one alternative.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clause {
    /// Where it stands, in the rule or in the service that the rule names.
    pub span: Span,
    /// The packets.
    pub flows: FlowSet,
    /// Whether the first bytes must be a TLS `ClientHello`.
    pub tls: bool,
    /// The requests of which one must fit; none for a clause that asks nothing of requests.
    pub http: Arc<[HttpMatch]>,
}

impl Clause {
    /// Whether it asks about more than packets.
    pub fn has_conditions(&self) -> bool {
        self.tls || !self.http.is_empty()
    }
}

/// One end of a rule, as one alternative.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it stands.
    pub span: Span,
    /// Whom it means.
    pub end: End,
}

/// Whom a peer means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Everything.
    Any,
    /// Public unicast space without the estate and without providers' services.
    Internet,
    /// Those for whom every condition holds.
    Conditions(Box<Conditions>),
}

/// The conditions of a peer; `None`, empty and false ask nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Conditions {
    /// It is a workload in this set.
    pub workloads: Option<SelectorId>,
    /// The segment by which the peer was named, which is part of `workloads`.
    pub segment: Option<SegmentId>,
    /// It holds one of these addresses.
    pub addresses: Option<Arc<AddressSet>>,
    /// The network in which it holds them.
    pub network: Option<Name>,
    /// It is a workload that has an address in one of these networks, perhaps beside others elsewhere;
    /// ascending. Only what every platform needs asks so, since an address that it may also have would
    /// leave it open who it is.
    pub residents: Arc<[Name]>,
    /// It was asked for by one of these names.
    pub domains: Arc<[Domain]>,
    /// It is one of these users.
    pub users: Vec<UsersId>,
    /// It is one of these services, such as `aws.s3`.
    pub provider: Vec<Name>,
    /// It is the metadata service of the instance itself.
    pub metadata: bool,
}

/// What must hold whatever the policies say.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// Its name.
    pub name: Name,
    /// Where the name stands.
    pub name_span: Span,
    /// Who answers for it.
    pub owner: Option<Name>,
    /// What it claims.
    pub kind: ClaimKind,
    /// How far it follows what can be reached.
    pub reach: Reach,
    /// Who opens legs.
    pub from: Vec<Peer>,
    /// Who accepts them.
    pub to: Vec<Peer>,
    /// What is sent.
    pub over: Arc<[Clause]>,
}

/// What may be broken until a time.
#[derive(Clone, Debug)]
pub struct Exception {
    /// Its name.
    pub name: Name,
    /// Where the name stands.
    pub name_span: Span,
    /// Who answers for it.
    pub owner: Name,
    /// Until when.
    pub expires: Timestamp,
    /// What it excuses.
    pub excused: Excused,
}

/// What an exception excuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Excused {
    /// An assertion.
    Assertion(AssertionId),
    /// A gap, by its id.
    Gap(Name),
}

impl CheckedPolicy {
    /// The node of a selector. An id of another policy is a mistake, and selects nobody.
    pub fn selector(&self, id: SelectorId) -> &SelectorNode {
        const NOBODY: &SelectorNode = &SelectorNode::Any(Vec::new());
        self.selectors.get(id.index()).unwrap_or(NOBODY)
    }

    /// For each selector, whether a workload with these labels is in its set.
    pub fn memberships(&self, labels: &Labels) -> Vec<Truth> {
        self.memberships_where(&|key: &Name| labels.get(key).map_or(Label::Absent, Label::Value))
    }

    /// As [`memberships`](Self::memberships), where some labels are not known.
    pub fn memberships_where<'l>(&self, label: &impl Fn(&Name) -> Label<'l>) -> Vec<Truth> {
        let mut found: Vec<Truth> = Vec::with_capacity(self.selectors.len());
        for node in &self.selectors {
            let of = |id: &SelectorId| found.get(id.index()).copied().unwrap_or(Truth::No);
            let truth = node.truth(label, of);
            found.push(truth);
        }
        found
    }

    /// These selectors and all of which they are made, ascending: what is needed to tell who is in them.
    pub fn parts_of(&self, ids: &[SelectorId]) -> BTreeSet<SelectorId> {
        let mut found = BTreeSet::new();
        let mut left = ids.to_vec();
        while let Some(id) = left.pop() {
            if !found.insert(id) {
                continue;
            }
            match self.selectors.get(id.index()) {
                Some(SelectorNode::All(parts) | SelectorNode::Any(parts)) => left.extend(parts),
                Some(SelectorNode::Labels(_)) | None => {}
            }
        }
        found
    }

    /// As [`memberships_where`](Self::memberships_where), for [`parts_of`](Self::parts_of) some selectors alone.
    pub fn memberships_among<'l>(
        &self,
        parts: &BTreeSet<SelectorId>,
        label: &impl Fn(&Name) -> Label<'l>,
    ) -> BTreeMap<SelectorId, Truth> {
        let mut found: BTreeMap<SelectorId, Truth> = BTreeMap::new();
        for id in parts {
            let of = |id: &SelectorId| found.get(id).copied().unwrap_or(Truth::No);
            let truth = self.selectors.get(id.index()).map(|node| node.truth(label, of));
            found.insert(*id, truth.unwrap_or(Truth::No));
        }
        found
    }
}

impl SelectorNode {
    /// Whether a workload is in the set: `label` tells its labels, `of` whether it is in the sets before this one.
    fn truth<'l>(
        &self,
        label: &impl Fn(&Name) -> Label<'l>,
        of: impl Fn(&SelectorId) -> Truth,
    ) -> Truth {
        match self {
            Self::Labels(selector) => selector.evaluate(label),
            Self::All(parts) => Truth::all(parts.iter().map(of)),
            Self::Any(parts) => Truth::any(parts.iter().map(of)),
        }
    }
}
