//! What every platform needs to run, whatever a policy says: generated from the estate, with a
//! version, for people to see and for decisions to ask.

mod asked;
mod clusters;
mod legs;
mod platforms;

pub use asked::{
    is_written, past_guards, with_essentials, with_failsafe, with_filterable_essentials,
};
pub(crate) use clusters::is_tagged_node;
pub use clusters::{ListedNodes, listed_nodes};
pub(crate) use legs::{Direction, directions};
pub use legs::{EssentialLegs, control_flows, essential_legs, narrowed_legs};

use watertight_model::{Estate, Name};
use watertight_net::FlowSet;

use crate::checked::Narrowable;

/// The version of the rules: it changes with what they say.
pub const ESSENTIALS_VERSION: &str = "2026-12.2";

/// One rule of the essentials.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Essential {
    /// The platform: a provider, or `kubernetes`.
    pub platform: Name,
    /// What it is for.
    pub name: Name,
    /// Who opens the legs, in words or by name.
    pub from: Name,
    /// Who accepts them.
    pub to: Name,
    /// What is sent.
    pub over: FlowSet,
    /// Whether a policy could do without it.
    pub state: EssentialState,
}

impl Essential {
    /// As what a policy may narrow it; nothing where no plane could.
    pub fn narrowable(&self) -> Option<Narrowable> {
        if matches!(self.state, EssentialState::Unfilterable { .. }) {
            return None;
        }
        // What a user lists has the name that the user gave it.
        match (self.platform.as_str(), self.name.as_str()) {
            (_, "health checks") => Some(Narrowable::HealthChecks),
            ("kubernetes", "resolver") => Some(Narrowable::ClusterResolver),
            ("kubernetes", "control plane") => Some(Narrowable::ControlPlane),
            _ => None,
        }
    }
}

/// Whether an essential can be narrowed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EssentialState {
    /// It is on, and can be narrowed.
    On,
    /// It is on between those alone whom a policy names.
    Narrowed {
        /// Between whom, in words.
        within: Name,
    },
    /// A plane cannot filter it: a standing gap.
    Unfilterable {
        /// The plane.
        plane: Name,
        /// What the plane does not do.
        gap: Name,
    },
}

impl EssentialState {
    /// The word for people and programs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Narrowed { .. } => "narrowed",
            Self::Unfilterable { .. } => "unfilterable",
        }
    }
}

/// The essentials of an estate, by platform and name.
pub fn essentials(estate: &Estate) -> Vec<Essential> {
    let mut found = platforms::of(estate);
    found.sort();
    found.dedup();
    found
}
