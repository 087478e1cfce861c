//! Generators, slow, obvious twins, and a server of recorded answers; a dev-dependency only.
//!
//! The twin answers the engine's questions packet by packet, straight from the providers' documents
//! and without a line of the product's code; the generators draw estates and packets from a seed.
//! The interpreter of policies shares the syntax tree with the product, and nothing else.

pub mod aws_server;
pub mod generate;
pub mod policy;
pub mod twin;
