use std::fmt;

/// What the [`Network`](crate::Network) does with a packet (`docs/reference/dispositions.md`).
///
/// A disposition is the model's word. It is never a policy's decision nor an enforcement point's
/// verdict.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Disposition {
    /// The packet arrives at an endpoint and every guard lets it in.
    Accepted,
    /// A guard of the source itself (at its endpoint or at its subnet's edge) refuses it.
    DeniedOut,
    /// A gateway does not admit it, or a guard or a listener further on refuses it.
    DeniedIn,
    /// No route matches the destination.
    NoRoute,
    /// A route matches and drops: a blackhole, local space that no subnet holds, an attachment
    /// without a subnet in the zone, a private address at the internet's edge.
    NullRouted,
    /// The subnet is reached, and nobody in it has the address.
    NeighborUnreachable,
    /// Handed to the internet, a tunnel or a foreign network.
    ExitsNetwork,
    /// The packet comes back to where it was.
    Loop,
    /// Something that decides is missing from the input or cannot be read.
    Unknown,
}

impl Disposition {
    /// Every disposition, in the order of the reference page.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::DeniedOut,
        Self::DeniedIn,
        Self::NoRoute,
        Self::NullRouted,
        Self::NeighborUnreachable,
        Self::ExitsNetwork,
        Self::Loop,
        Self::Unknown,
    ];

    /// The word that output and `expected.json` files use, for example `denied_in`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::DeniedOut => "denied_out",
            Self::DeniedIn => "denied_in",
            Self::NoRoute => "no_route",
            Self::NullRouted => "null_routed",
            Self::NeighborUnreachable => "neighbor_unreachable",
            Self::ExitsNetwork => "exits_network",
            Self::Loop => "loop",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the packet gets where it was sent: accepted, or handed over at the model's edge.
    pub const fn is_delivered(self) -> bool {
        matches!(self, Self::Accepted | Self::ExitsNetwork)
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

/// An answer with two bounds: what holds whatever the unknown parts do, and what could hold.
///
/// `sure` is contained in `possible`; they are equal when nothing unknown takes part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Bounds<T> {
    /// What holds in every case.
    pub sure: T,
    /// What holds in at least one case.
    pub possible: T,
}

impl<T: Clone + PartialEq> Bounds<T> {
    /// An answer without doubt.
    pub fn exact(value: T) -> Self {
        Self { sure: value.clone(), possible: value }
    }

    /// Whether both bounds agree.
    pub fn is_exact(&self) -> bool {
        self.sure == self.possible
    }
}
