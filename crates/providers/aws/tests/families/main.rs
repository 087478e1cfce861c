//! Every family of resources on small bodies: what each becomes, and that each field counts.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod base;
mod denied;
mod doors;
mod fields;
mod firewalls;
mod internet;
mod lattice;
mod led;
mod network;
mod oddities;
mod partial;
mod samples;
mod support;
mod ways;
mod workloads;
