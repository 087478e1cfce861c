//! One small test for each rule, with bodies written by hand.
//!
//! The numbers are those of the list of AWS rules that tools get wrong: what a reference matches,
//! how ACLs are ordered, which route wins, what each gateway admits.

use serde_json::Value;

use super::{Outcome, Packet};

mod edges;
mod fronts;
mod guards;
mod questions;
mod routes;
mod transit;
mod world;

/// Where another implementation is held to the same cases: the engine's tests read these files too.
fn also(_files: &[(String, Value)], _packet: &Packet, _outcomes: &[Outcome]) {}
