//! Reachability: what becomes of packets in a [`Network`](watertight_model::Network), for whole
//! sets of flows at once, with every hop, the rules that decide, and the reply.
//!
//! The crate is pure: it reads a network and answers. Routing looks at addresses only, so a walk
//! ([`Path`]) is computed first and guards then take flows away along it. What the input does not
//! tell gives an answer with two bounds, never a guess.

mod alongside;
mod answer;
mod assertion;
mod assumed;
mod blast;
mod blocks;
mod classes;
mod coarser;
mod comparison;
mod connect;
mod diff;
pub mod ends;
mod exposure;
mod fold;
mod guards;
mod index;
mod led;
mod matrix;
mod path;
mod platform;
mod runs;
mod services;
mod space;
mod standing;
mod survey;
mod transparent;
mod unaddressed;
mod walk;
mod ways;

pub use answer::{Part, Reach, Reply};
pub use assertion::{Assertion, Claim, Follow, Held, Hop, Judge, Judgement, Party, Witness};
pub use blast::{Blast, BlastSize, Graph, Reached};
pub use classes::{Class, OutsideAtom, leads_outside, named_prefixes};
pub use comparison::{CommonClasses, Comparison, Differing};
pub use diff::{Called, Change, diff};
pub use exposure::{Exposed, Exposure, FrontLeg, exposure, front_legs};
pub use guards::Deciding;
pub use led::Led;
pub use matrix::{Cell, ClassIndex, Classes, Matrix};
pub use path::{Check, End, OutsideBy, Path, Place, Seen, Start, Step};
pub use space::is_public;
pub use standing::{Renewed, Standing, WholeBecause};
pub use survey::{DecidingLayer, Leg, Point, Side, Survey, SurveyTotals, Surveyed};
pub use unaddressed::{Target, describe as describe_unaddressed};
pub use ways::{RuleAt, Way};
