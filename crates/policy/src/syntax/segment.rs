use watertight_model::Criticality;
use watertight_source::Span;

use crate::words::words;

use super::{LabelSelector, Spanned};

words! {
    /// Whether a segment or a policy takes part.
    Mode {
        /// It takes no part in anything.
        Disabled = "disabled",
        /// It is reported on, and binds nobody.
        Monitor = "monitor",
        /// It binds.
        Enforce = "enforce",
    }
}

words! {
    /// What a segment's default does with what no rule decides.
    DefaultAction {
        /// It permits.
        Allow = "allow",
        /// It denies.
        Deny = "deny",
    }
}

words! {
    /// What an enforcement point does where it cannot know.
    FaultMode {
        /// It denies.
        Closed = "closed",
        /// It permits.
        Open = "open",
        /// It does as it last did.
        Last = "last",
    }
}

/// `kind: Segment`.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Who belongs to it. `None` for the built-in segment `estate` alone, which holds everybody.
    pub members: Option<LabelSelector>,
    /// Whether it takes part.
    pub mode: Option<Spanned<Mode>>,
    /// Which part of it is enforced; all of it where none is written.
    pub share: Option<Share>,
    /// What happens where no rule decides.
    pub defaults: Defaults,
    /// How much its members matter.
    pub criticality: Option<Spanned<Criticality>>,
    /// What its members' enforcement points do where they cannot know.
    pub on_fault: OnFault,
}

/// The part of a segment that is enforced while the rest of it stays as in monitor.
#[derive(Clone, Debug)]
pub struct Share {
    /// Where it stands.
    pub span: Span,
    /// Which part.
    pub of: ShareOf,
}

/// How the part is chosen.
#[derive(Clone, Debug)]
pub enum ShareOf {
    /// So many of a hundred, by a number that follows from the names of the segment and of the workload.
    Percent(u8),
    /// Those with these labels.
    Select(LabelSelector),
}

/// The defaults of a segment, as far as they are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults {
    /// For what comes in from outside of the segment.
    pub ingress: Option<Spanned<DefaultAction>>,
    /// For what goes out of the segment.
    pub egress: Option<Spanned<DefaultAction>>,
    /// For what stays within.
    pub intra: Option<Spanned<DefaultAction>>,
}

/// The faults of a segment's enforcement points, as far as they are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnFault {
    /// The policy does not fit into the kernel's map.
    pub map_full: Option<Spanned<FaultMode>>,
    /// The other end's identity is not known.
    pub unknown_identity: Option<Spanned<FaultMode>>,
    /// The proxy that reads requests is gone.
    pub proxy_gone: Option<Spanned<FaultMode>>,
    /// The other end's identity is older than it may be.
    pub stale_identity: Option<Spanned<FaultMode>>,
}

impl Segment {
    /// The mode that holds: monitor where none is written, so that nothing binds unasked.
    pub fn mode(&self) -> Mode {
        self.mode.map_or(Mode::Monitor, |mode| mode.value)
    }
}
