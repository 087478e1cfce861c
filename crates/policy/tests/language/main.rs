//! The language of policies, as `docs/reference/policy.md` has it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod changed;
mod errors;
mod form;
mod lint;
mod meaning;
mod mode;
mod schema;
mod support;
