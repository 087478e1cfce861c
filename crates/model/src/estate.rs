use std::fmt;

use crate::credential::{Certainty, Credential, CredentialId, Evidence, Grant};
use crate::workload::{Workload, WorkloadId};
use crate::{Arena, Name, Network};

/// Everything known at one time: workloads, networks, controls. Immutable once converted.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Estate {
    /// A hash of the canonical content, without times; empty until the shell that read it sets it.
    pub id: EstateId,
    /// What was collected, from where and when.
    pub sources: Vec<SourceRecord>,
    /// What the sources tell about each kind of resource.
    pub coverage: Vec<Coverage>,
    /// Accounts, subscriptions, projects, ordered by id.
    pub accounts: Vec<Account>,
    /// What runs or stores.
    pub workloads: Arena<WorkloadId, Workload>,
    /// What lets a holder act.
    pub credentials: Arena<CredentialId, Credential>,
    /// What each holder may do.
    pub grants: Vec<Grant>,
    /// Who is given a credential for a token of another issuer, ordered.
    pub trusts: Vec<Trust>,
    /// What runs on what, ordered: pods on machines that are in the estate.
    pub hosted: Vec<Hosted>,
    /// How packets are forwarded and filtered.
    pub network: Network,
}

/// The hash of an estate's canonical content: 64 lower-case hexadecimal digits, or empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct EstateId(pub String);

impl fmt::Display for EstateId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// A credential that is given for tokens of another issuer, as a role for a cluster's service
/// accounts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Trust {
    /// The credential that is given.
    pub credential: CredentialId,
    /// The issuer, without scheme, in lower case.
    pub issuer: Name,
    /// Patterns (`*`, `?`) of the subjects of tokens of which any will do; none is every subject.
    pub subjects: Option<Vec<Name>>,
    /// Whether every condition could be evaluated.
    pub certainty: Certainty,
    /// The statement.
    pub evidence: Evidence,
}

impl Trust {
    /// The label of a cluster that says who issues the tokens of its service accounts.
    pub const ISSUER: &'static str = "cluster.issuer";

    /// The issuer that stands for an agent of a cluster's provider, which gives pods of a service
    /// account a credential without a token: the subjects are those of tokens.
    pub fn pods_of(cluster: &str) -> Name {
        Name::from(format!("pods of {cluster}"))
    }

    /// Whether a token for a subject will do.
    pub fn admits(&self, subject: &str) -> bool {
        let matches = |pattern: &Name| {
            like(&pattern.chars().collect::<Vec<char>>(), &subject.chars().collect::<Vec<char>>())
        };
        self.subjects.as_ref().is_none_or(|subjects| subjects.iter().any(matches))
    }
}

/// Whether a text is like a pattern: `*` is any text, `?` any character.
fn like(pattern: &[char], text: &[char]) -> bool {
    // The place after the last `*`, and the place in the text where what follows is tried next.
    let (mut retry, mut at, mut place) = (None, 0, 0);
    while place < text.len() {
        match pattern.get(at) {
            Some('*') => {
                at += 1;
                retry = Some((at, place));
            }
            Some(one) if *one == '?' || Some(one) == text.get(place) => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((after, from)) = retry else { return false };
                retry = Some((after, from + 1));
                (at, place) = (after, from + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|one| *one == '*')
}

/// A workload of which something runs on a machine, in a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hosted {
    /// The machine.
    pub host: WorkloadId,
    /// What runs on it.
    pub guest: WorkloadId,
    /// Why code on the guest may take the machine (`it is privileged`), where it may.
    pub unconfined: Option<Name>,
    /// Whether the guest uses the machine's own network.
    pub shares_network: bool,
}

/// One collection of one account (subscription, cluster).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SourceRecord {
    /// The provider, for example `aws`.
    pub provider: Name,
    /// The account, where the source says.
    pub account: Option<Name>,
    /// The regions, as the source says.
    pub regions: Vec<Name>,
    /// When it was collected, as the source says (RFC 3339), or its oldest answer where some are older;
    /// never part of the estate's id.
    pub collected: Option<Name>,
}

/// An account, subscription or project.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Account {
    /// Its id.
    pub id: Name,
    /// Its name, where known.
    pub name: Option<Name>,
}

/// What the input tells about one call in one account and region.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Coverage {
    /// The account, where known.
    pub account: Option<Name>,
    /// The region, where known.
    pub region: Option<Name>,
    /// The call or kind of resource.
    pub what: Name,
    /// Whether it was read.
    pub state: CoverageState,
}

/// Whether a kind of resource was read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CoverageState {
    /// Read, with this many resources.
    Read(u32),
    /// The source was refused it.
    Denied,
    /// Not in the input.
    Absent,
}

#[cfg(test)]
mod tests {
    use super::{Name, like};

    fn is_like(pattern: &str, text: &str) -> bool {
        let of = |text: &str| text.chars().collect::<Vec<char>>();
        like(&of(pattern), &of(text))
    }

    #[test]
    fn a_subject_is_like_a_pattern_of_stars_and_question_marks() {
        let cart = Name::from("system:serviceaccount:shop:cart");
        for (pattern, expected) in [
            ("system:serviceaccount:shop:cart", true),
            ("system:serviceaccount:shop:*", true),
            ("system:serviceaccount:*:cart", true),
            ("*cart*", true),
            ("*:c?rt", true),
            ("*", true),
            ("", false),
            ("system:serviceaccount:ops:*", false),
            ("system:serviceaccount:shop:cart?", false),
            ("*:car", false),
            ("system:*:shop:*:x", false),
        ] {
            assert_eq!(is_like(pattern, &cart), expected, "{pattern}");
        }
        assert!(is_like("", "") && is_like("**", "") && !is_like("?", ""));
        // Work grows with the product of the lengths, not faster.
        assert!(!is_like(&"*a".repeat(500), &"a".repeat(499)));
    }
}
