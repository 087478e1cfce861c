//! The algebra of traffic: which packets ([`FlowSet`]) and which addresses ([`Prefix`],
//! [`AddressSet`], [`AddressAtoms`]).
//!
//! Every set has exactly one representation, so that two sets with the same members are equal, hash
//! alike and print alike. Every operation is exact: nothing is rounded to a coarser rectangle or
//! prefix.
//!
//! This crate does no I/O, knows no provider, and holds no rule: who filters what is the model's
//! matter.
//!
//! ```
//! use watertight_net::FlowSet;
//!
//! let listener: FlowSet = "tcp/443,8443".parse()?;
//! let filter: FlowSet = "tcp/1-1023; udp/53".parse()?;
//! assert_eq!(listener.intersection(&filter).to_string(), "tcp/443");
//! assert_eq!(listener.difference(&filter).reply().to_string(), "tcp from 8443");
//! # Ok::<(), watertight_net::ParseFlowSetError>(())
//! ```

mod address_set;
mod atoms;
mod flow;
mod flow_set;
mod flow_sets;
mod grid;
mod interval;
mod prefix;
mod protocol;

pub use address_set::{AddressRange, AddressRangeError, AddressSet};
pub use atoms::{AddressAtoms, AtomId, AtomInterval};
pub use flow::Flow;
pub use flow_set::text::{FlowSetProblem, ParseFlowSetError};
pub use flow_set::{FlowPart, FlowSet};
pub use flow_sets::{FlowSetId, FlowSets};
pub use interval::{
    ByteRange, ByteSet, Interval, IntervalError, IntervalSet, PortRange, PortSet, Scalar,
};
pub use prefix::{Family, Prefix, PrefixError};
pub use protocol::{Protocol, ProtocolError};
