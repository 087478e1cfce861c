//! Decisions: whether a policy lets a leg be, and why.
//!
//! [`Decider::new`] prepares a [`CheckedPolicy`](crate::checked::CheckedPolicy) for a [`World`]
//! once; [`Decider::under`] says which segments and policies are on and what the time is;
//! [`Deciding::decide`] then answers for one leg. `docs/reference/decisions.md` is the semantics.

mod bits;
mod class;
mod compile;
mod ends;
mod engine;
mod estate;
mod fault;
mod fronts;
mod internet;
pub(crate) mod labels;
mod layer;
mod near;
mod parts;
mod request;
mod types;
mod under;
mod world;

pub use class::QUARANTINE;
pub use compile::Decider;
pub use ends::{End, Who};
pub use fault::{Fault, Faulting};
pub use fronts::Expanded;
pub use internet::{metadata_addresses, public_space};
pub use labels::{Known, LabelOf, Labelled};
pub use layer::{Layered, Opened};
pub use near::{Attribute, NearMiss};
pub use parts::{Asked, Part};
pub use request::{Http, Request};
pub use types::{
    Assumption, Binding, Decision, DefaultKind, Essentials, Governed, Leg, LegPart, Outcome,
    Question, Reason, RuleId, Side,
};
pub use under::{Background, Deciding, InShare, Modes};
pub use world::{FrontLegs, ListenerLegs, Member, Place, TargetLegs, World};
