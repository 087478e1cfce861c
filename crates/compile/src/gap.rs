use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::shared::Shared;

/// What an enforcement point does not do as the policy says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Gap {
    /// More or less than intended.
    pub kind: GapKind,
    /// Why.
    pub reason: Reason,
    /// Who opens the legs: names of workloads or addresses, in order.
    pub from: Shared<String>,
    /// Who accepts them.
    pub to: Shared<String>,
    /// The legs' flows, exactly, in the text form of flow sets.
    pub over: String,
    /// The family of addresses, as `IPv4` or `IPv6`, where both ends have both and the other one has no such
    /// gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The rules or defaults of the policy that the network goes beyond or falls short of.
    pub rules: Vec<RuleRef>,
    /// Where it arises: guards, places, services.
    pub place: String,
    /// What forbids it, where that is more than a rule of its tier or a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forbidden: Option<Forbidden>,
}

/// What says that something must never be, whatever else allows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forbidden {
    /// A denial of a guardrail, or quarantine.
    Guardrail,
    /// The default of a crown jewel's segment.
    CrownJewel,
}

impl Forbidden {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Guardrail => "a guardrail",
            Self::CrownJewel => "the default of a crown jewel",
        }
    }
}

/// Which way a [`Gap`] errs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GapKind {
    /// Permitted and not intended.
    Over,
    /// Intended and not permitted.
    Under,
}

/// Why there is a [`Gap`]: a closed list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The rule asks about requests, and the plane does not read them.
    L7,
    /// The rule names domains, and the plane knows addresses alone.
    Domain,
    /// The rule names people by groups, and the plane knows addresses alone.
    People,
    /// A reference to a group that an endpoint no longer carries, or carries still.
    Membership,
    /// Several workloads have one address there.
    IdentityShared,
    /// Prefixes were merged to fit a limit.
    PrefixWidened,
    /// Prefixes of `internet` were merged to fit a limit.
    InternetWidened,
    /// The plane cannot filter it.
    Unfilterable,
    /// A guard that is not ours decides.
    OthersGuard,
    /// The template that makes replicas is not ours to see.
    Template,
    /// A denial at the edge of a subnet, which sees no connections, refuses replies too.
    StatelessReply,
    /// Something on the way cannot be read.
    UnknownBox,
}

impl Reason {
    /// The word for people and programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::L7 => "l7",
            Self::Domain => "domain",
            Self::People => "people",
            Self::Membership => "membership",
            Self::IdentityShared => "identity-shared",
            Self::PrefixWidened => "prefix-widened",
            Self::InternetWidened => "internet-widened",
            Self::Unfilterable => "unfilterable",
            Self::OthersGuard => "others-guard",
            Self::Template => "template",
            Self::StatelessReply => "stateless-reply",
            Self::UnknownBox => "unknown-box",
        }
    }
}

impl Gap {
    /// An id by which an exception of a policy names it: another one for other ends, flows or kinds.
    pub fn id(&self) -> String {
        let kind = [self.kind.word(), &self.over, self.family.as_deref().unwrap_or_default()];
        let ends = self.from.iter().map(String::as_str).chain([""]);
        gap_id("gap", kind.into_iter().chain(ends).chain(self.to.iter().map(String::as_str)))
    }
}

/// An id that nobody can give to another gap at will: whoever may name a workload must not choose which
/// exception excuses it.
pub(crate) fn gap_id<'w>(kind: &str, words: impl Iterator<Item = &'w str>) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.len().to_string());
        hash.update(":");
        hash.update(word);
    }
    let mut id = format!("{kind}-");
    for byte in hash.finalize().iter().take(10) {
        // Writing to a String cannot fail.
        let _written = write!(id, "{byte:02x}");
    }
    id
}

impl Reason {
    /// Where such gaps arise.
    pub(crate) const fn place(self) -> &'static str {
        match self {
            Self::L7 => "the plane reads no requests",
            Self::Domain => "the plane knows addresses, and no names",
            Self::People => "the plane knows addresses, and not who is signed in",
            Self::Membership => "a rule of others names a group that is taken off",
            Self::IdentityShared => {
                "the guard sees an address, or is at an interface, that several share"
            }
            Self::PrefixWidened | Self::InternetWidened => "prefixes are merged to fit a limit",
            Self::Unfilterable => "no rule of the plane expresses it",
            Self::OthersGuard => "guards of others decide: none of ours is at either end",
            Self::Template => "what makes replicas is not seen",
            Self::StatelessReply => {
                "a denial at the edge of a subnet refuses replies that look like it"
            }
            Self::UnknownBox => "something on the way cannot be read",
        }
    }
}

impl GapKind {
    /// The word for people and programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Under => "under",
        }
    }
}

/// Names a rule or a default of the policy.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RuleRef {
    /// What decides, in words: `policy card-payments, rule orders take payments`.
    pub text: String,
    /// Where it stands: file and line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

impl std::fmt::Display for RuleRef {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.at {
            Some(at) => write!(formatter, "{} ({at})", self.text),
            None => formatter.pad(&self.text),
        }
    }
}

/// A governed workload on which the plane cannot put groups.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Unheld {
    /// The workload.
    pub workload: String,
    /// Its endpoint, where it has one.
    pub endpoint: Option<String>,
    /// Why.
    pub why: String,
}
