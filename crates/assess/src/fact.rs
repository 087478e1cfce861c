//! What an attacker may have gained: the facts that hops lead from and to.

use std::fmt;

/// A workload class, a credential, a data store or an atom of the outside, by number.
///
/// Numbers are given by [`crate::GraphBuilder`] in the order of addition, and break every tie in
/// this crate's output.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subject(pub u32);

/// What is gained over a subject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FactKind {
    /// The attacker's code runs on the workload.
    Exec,
    /// The attacker holds the credential.
    Hold,
    /// The attacker reads the data.
    Read,
    /// The data has left the estate.
    Out,
}

impl FactKind {
    /// All kinds, in order.
    pub const ALL: [Self; 4] = [Self::Exec, Self::Hold, Self::Read, Self::Out];

    /// The word that reports use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Hold => "hold",
            Self::Read => "read",
            Self::Out => "out",
        }
    }
}

/// Something gained by an attacker: `exec(w)`, `hold(k)`, `read(d)` or `out(d)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fact {
    /// Over which subject.
    pub subject: Subject,
    /// What is gained.
    pub kind: FactKind,
}

impl Fact {
    /// Code runs on workload `subject`.
    pub const fn exec(subject: Subject) -> Self {
        Self { subject, kind: FactKind::Exec }
    }

    /// Credential `subject` is held.
    pub const fn hold(subject: Subject) -> Self {
        Self { subject, kind: FactKind::Hold }
    }

    /// Data of `subject` is read.
    pub const fn read(subject: Subject) -> Self {
        Self { subject, kind: FactKind::Read }
    }

    /// Data of `subject` is outside.
    pub const fn out(subject: Subject) -> Self {
        Self { subject, kind: FactKind::Out }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}(#{})", self.kind.word(), self.subject.0)
    }
}
