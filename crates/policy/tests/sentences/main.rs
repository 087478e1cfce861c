//! The sentences of the semantics, one test for each, on a small estate.
//!
//! `docs/reference/decisions.md` has the sentences. Each test quotes the one that it shows; `contract.txt`
//! lists them, with those that tests elsewhere show.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "helpers of a test: what cannot be fails the test"
)]

mod contract;
mod defaults;
mod essentials;
mod faults;
mod language;
mod legs;
mod matching;
mod modes;
mod requests;
mod scene;
mod tiers;
