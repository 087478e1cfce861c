//! Collects what AWS tells about an estate, body by body, with read-only calls; and puts plans in
//! place.
//!
//! [`collect`] asks every call of the [`Table`] in every account and region of a [`Request`], keeps
//! each answer whole as a body of an estate folder, and says in `estate.json` what was answered and
//! what was not. It starts a runtime of its own and ends with it. What is pure (requests, answers,
//! pages, secrets, policies) lies in modules of its own that know no socket, file or clock.
//!
//! [`apply()`] puts a plan in place and takes it back, with calls from a small table of its own.
//!
//! [`import`] writes such a folder from what another tool exported, and asks nobody.
//!
//! `docs/guides/collect-aws.md` shows how it is used; a decision record says why there is one client
//! over a generated table.

mod accounts;
mod answer;
mod apply;
mod arguments;
mod changes;
mod client;
mod collect;
mod description;
mod endpoint;
mod error;
mod former;
mod import;
mod outcome;
mod pages;
mod permissions;
mod place;
mod progress;
mod request;
mod secrets;
mod staging;
mod table;
mod time;
mod xml;

pub use accounts::{Given, Role};
pub use apply::{
    Applied, ApplyError, ApplyRequest, Clock, HowFar, Standing, Waiting, Watcher, Way, apply,
    apply_policy,
};
pub use client::Pace;
pub use collect::{Report, Request, Since, Unanswered, Who, collect};
pub use error::CollectError;
pub use import::import;
pub use permissions::policy;
pub use progress::{Progress, Silent};
pub use table::Table;
pub use time::time_of;
