//! Collections over the wire: against a server that answers from recordings and makes trouble, and
//! against a mock server.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]
#![expect(clippy::panic, reason = "a helper that fails fails its test")]

#[path = "wire/moto.rs"]
mod moto;
#[path = "wire/organization.rs"]
mod organization;
#[path = "wire/pace.rs"]
mod pace;
#[path = "wire/recorded.rs"]
mod recorded;
#[path = "wire/secrets.rs"]
mod secrets;
#[path = "wire/since.rs"]
mod since;
#[path = "wire/support.rs"]
mod support;
