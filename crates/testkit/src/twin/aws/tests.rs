//! One small test for each rule, with bodies written by hand.
//!
//! The numbers are those of the list of AWS rules that tools get wrong: what a reference matches,
//! how ACLs are ordered, which route wins, what each gateway admits.

mod edges;
mod fronts;
mod guards;
mod questions;
mod routes;
mod transit;
mod world;
