//! Generators and slow, obvious twins; a dev-dependency only.
//!
//! The twin answers the engine's questions packet by packet, straight from the providers' documents
//! and without a line of the product's code; the generators draw estates and packets from a seed.

pub mod generate;
pub mod twin;
