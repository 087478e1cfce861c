//! Every family of resources on small bodies: what each becomes, and that each field counts.

mod base;
mod fields;
mod network;
mod oddities;
mod support;
mod workloads;
