//! The engines against slow, obvious twins, and the properties of the definitions.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests, where a failure is to end the test"
)]

mod chains;
mod cut;
mod example;
mod fans;
mod properties;
mod sample;
mod scale;
mod table;
mod twin;
mod values;
