//! The example shop: what its README tells holds for the engine, and the assessment finds what is
//! wrong with it.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]
#![expect(clippy::panic, reason = "a helper that fails fails its test")]

#[path = "shop/answers.rs"]
mod answers;
#[path = "shop/chains.rs"]
mod chains;
#[path = "shop/keeping.rs"]
mod keeping;
#[path = "shop/mistakes.rs"]
mod mistakes;
#[path = "shop/properties.rs"]
mod properties;
#[path = "shop/support.rs"]
mod support;
