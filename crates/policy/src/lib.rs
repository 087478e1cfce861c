//! The policy language: text into a syntax tree ([`syntax`]), and that checked, with names
//! resolved ([`CheckedPolicy`]).

mod changed;
mod check;
pub mod checked;
mod codes;
pub mod decide;
mod domain;
mod edit;
mod essentials;
mod format;
mod lint;
mod mode_edit;
mod read;
mod request_path;
mod schema;
mod share;
mod suggest;
pub mod syntax;
mod trust;
mod words;

pub use changed::{RulePlace, changed_rules};
pub use check::{Feeds, check, feeds_of};
pub use checked::CheckedPolicy;
pub use codes::{CODES, explain};
pub use domain::{Domain, DomainError};
pub use edit::{Hover, Labels, hover};
pub use essentials::{
    ESSENTIALS_VERSION, Essential, EssentialLegs, EssentialState, ListedNodes, control_flows,
    essential_legs, essentials, is_written, listed_nodes, narrowed_legs, past_guards,
    with_essentials, with_failsafe, with_filterable_essentials,
};
pub use format::formatted;
pub use lint::{Linted, is_many, lint, lint_narrowed};
pub use mode_edit::{ModeEdit, ModeError, NewShare, Promotion, with_mode};
pub use read::{API_VERSION, Documents, Format};
pub use request_path::normal_path;
pub use schema::schema;
pub use share::share_number;
pub use trust::{claimed_label, is_trusted};
pub use watertight_source::{Timestamp, TimestampError};

/// The name of the built-in segment that holds every workload.
pub const ESTATE: &str = "estate";
