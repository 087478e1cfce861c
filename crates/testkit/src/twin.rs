//! Reference interpreters: slow, obvious, and independent of the engines that they check.

pub mod aws;
pub mod kubernetes;
