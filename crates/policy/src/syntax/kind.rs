use std::fmt;

/// The kind of a document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A named set of workloads with a default and a mode.
    Segment,
    /// A named set of workloads.
    Group,
    /// Named protocols and ports.
    Service,
    /// Named prefixes.
    Addresses,
    /// Named domain names.
    Domains,
    /// Named people.
    Users,
    /// Labels by raw facts.
    Labeling,
    /// Rules.
    Policy,
    /// What must hold.
    Assertion,
    /// What may be broken for a time.
    Exception,
    /// What no policy closes.
    Essentials,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Segment,
        Self::Group,
        Self::Service,
        Self::Addresses,
        Self::Domains,
        Self::Users,
        Self::Labeling,
        Self::Policy,
        Self::Assertion,
        Self::Exception,
        Self::Essentials,
    ];

    /// The word after `kind:`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Segment => "Segment",
            Self::Group => "Group",
            Self::Service => "Service",
            Self::Addresses => "Addresses",
            Self::Domains => "Domains",
            Self::Users => "Users",
            Self::Labeling => "Labeling",
            Self::Policy => "Policy",
            Self::Assertion => "Assertion",
            Self::Exception => "Exception",
            Self::Essentials => "Essentials",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}
