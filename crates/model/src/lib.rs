//! The model: what an estate holds ([`Estate`]), and what its networks forward and filter
//! ([`Network`]).
//!
//! Nothing here names a cloud. A provider's `convert` lowers its resources into these parts, and
//! everything that is computed (reachability, blast radius, chains) is computed on them alone.
//! This crate does no I/O, reads no clock and decides nothing: it is data with its invariants.

mod arena;
mod credential;
mod disposition;
mod estate;
pub mod join;
mod name;
pub mod network;
mod selector;
mod truth;
mod workload;

pub use arena::{Arena, ArenaId};
pub use credential::{
    Certainty, Credential, CredentialId, Evidence, Grant, MetadataService, Power, Scope,
};
pub use disposition::{Bounds, Disposition};
pub use estate::{Account, Coverage, CoverageState, Estate, EstateId, Hosted, SourceRecord, Trust};
pub use name::Name;
pub use network::Network;
pub use selector::{Label, Selector};
pub use truth::Truth;
pub use workload::{Criticality, Labels, Workload, WorkloadId, WorkloadKind};
