use watertight_source::Span;

use crate::arena::arena_id;
use crate::{Name, WorkloadId};

arena_id! {
    /// Names a [`Credential`] of an estate.
    CredentialId
}

/// What lets its holder act: a role, a user's keys, a service account, a database's password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// The provider's id (an ARN, `namespace/name`).
    pub id: Name,
    /// The short name.
    pub name: Name,
    /// What it is in its provider's words (`role`, `user`, `secret`, `service-account`), or
    /// [`ANYBODY`](Self::ANYBODY).
    pub kind: Name,
    /// The account that holds it, where known.
    pub account: Option<Name>,
    /// Where it was read from.
    pub origin: Option<Span>,
}

impl Credential {
    /// The kind of the one credential that everybody holds: what is granted to it is public.
    pub const ANYBODY: &'static str = "anybody";
}

/// How a machine hands its credential to code that runs on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MetadataService {
    /// Whether the service answers at all.
    pub enabled: bool,
    /// Whether a session token is required (`IMDSv2`); without it, a forged request is enough.
    pub token_required: bool,
    /// How many hops an answer may travel: 1 keeps it from containers behind a bridge.
    pub hop_limit: u8,
}

/// What one holder may do, as far as the permissions in the estate say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Who may do it.
    pub holder: CredentialId,
    /// What it may do.
    pub power: Power,
    /// Whether every condition could be evaluated.
    pub certainty: Certainty,
    /// The statements (and boundaries) that decide, in the order in which they were looked at.
    pub evidence: Vec<Evidence>,
}

/// What a [`Grant`] lets its holder do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Power {
    /// Read the data of a workload through the provider's API. `scope` says from where.
    ReadData {
        /// The store.
        store: WorkloadId,
        /// From where a request is admitted.
        scope: Scope,
    },
    /// Read a secret that is another credential.
    ReadSecret(CredentialId),
    /// Take on another credential (permission and trust both hold).
    Assume(CredentialId),
    /// Run code on a workload (session manager, instance connect, a function's update).
    RunCode(WorkloadId),
    /// Change guards, routes or labels of an account (the account's name).
    ChangeGuards(Name),
}

/// From where an origin guard admits a request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// No origin guard: from anywhere.
    Anywhere,
    /// Only through these places (private endpoints, networks, addresses), as the guard names them.
    Only(Vec<Name>),
}

/// Whether a permission or a hop holds for sure.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Certainty {
    /// Everything that decides was read and evaluated.
    Sure,
    /// A condition could not be evaluated, or something that could decide is missing.
    Possible,
}

/// Where a fact comes from: a resource, the rule in it, and what that rule says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Evidence {
    /// The resource's id.
    pub resource: Name,
    /// The rule, entry, route or statement in it, as the provider counts or names it.
    pub rule: Name,
    /// What it says, in one line.
    pub text: Name,
    /// Where it stands in the input.
    pub origin: Option<Span>,
}
