//! Puts a plan in place, and takes it back: decides nothing, and says before and after each step what
//! it does.
//!
//! Each step is a goal: what is there is read, and where it is not as the step wants it, what is
//! missing is written and read back. So a step that was interrupted anywhere is taken again and comes
//! to the same. Nothing without our tag is changed but the list of groups of interfaces that the plan
//! names, and the template of a scaling group, and those only where they are what the plan says.

mod check;
mod confirm;
mod edges;
mod goal;
mod journal;
mod live;
mod run;
mod services;
mod session;
mod templates;
mod ways;
mod writes;

use std::io;
use std::path::PathBuf;

use watertight_compile::{Change, Plan};

use crate::accounts::{Given, Role};
use crate::client::Pace;
use crate::error::CollectError;

pub use confirm::{HowFar, Waiting};
pub use journal::{Standing, Way};
pub use writes::apply_policy;

/// A plan to be put in place or taken back.
#[derive(Debug)]
pub struct ApplyRequest<'p> {
    /// The profile of the shared configuration; the usual chain of credentials without it.
    pub profile: Option<String>,
    /// Credentials of the caller's, instead of those that are found.
    pub given: Option<Given>,
    /// The address that stands for all endpoints.
    pub address: Option<String>,
    /// The role in each account but that of the credentials.
    pub role: Option<Role>,
    /// The plan.
    pub plan: &'p Plan,
    /// The hash of its bytes, by which its journal knows it.
    pub hash: String,
    /// Where the journal is.
    pub journal: PathBuf,
    /// Which way.
    pub way: Way,
    /// Takes nothing back that somebody has confirmed.
    pub unless_confirmed: bool,
    /// Only looks, and says what would be done.
    pub dry_run: bool,
    /// The clock.
    pub clock: &'p dyn Clock,
    /// How fast.
    pub pace: Pace,
}

/// Tells the time by RFC 3339.
pub trait Clock: std::fmt::Debug {
    /// The time.
    fn now(&self) -> String;
}

/// What applying or taking back came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The steps of the plan.
    pub steps: usize,
    /// Those that were taken this time, or would be.
    pub taken: usize,
    /// Those of them where all was so already.
    pub found_so: usize,
    /// Requests that were to change something.
    pub writes: usize,
    /// Whether it went on from an earlier time.
    pub resumed: bool,
}

/// Hears of each step that was taken, or would be.
pub trait Watcher {
    /// The step, counted from 0, of so many; what was done; whether all was so already.
    fn step(&self, number: usize, steps: usize, what: &str, was_so: bool);
}

/// Why a plan is not, or not wholly, put in place or taken back.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Credentials, the region, the table.
    #[error(transparent)]
    Access(#[from] CollectError),
    /// The plan is about an account that cannot be entered.
    #[error(
        "the plan is about account `{plan}` and the credentials are of `{own}`: name a role with `--role`"
    )]
    Account {
        /// The plan's.
        plan: String,
        /// That of the credentials.
        own: String,
    },
    /// What the plan read is different now. Nothing was written this time.
    #[error("what the plan read has changed; {}", after_change(*.is_begun))]
    Changed {
        /// What is different.
        changes: Vec<Change>,
        /// Whether steps were begun an earlier time.
        is_begun: bool,
    },
    /// Interfaces whose groups their service sets. Nothing was written this time.
    #[error("services of the provider own {}: their groups are set by these services alone", .0.join(", "))]
    ServiceOwned(Vec<String>),
    /// The plan is not one that this program writes.
    #[error("the plan: {0}")]
    Plan(String),
    /// A step found neither what was before it nor what comes after.
    #[error("step {step} ({what}): {problem}; nothing of it was changed")]
    Conflict {
        /// The step, counted from 1.
        step: usize,
        /// What it does.
        what: String,
        /// What was found.
        problem: String,
    },
    /// A step was not answered or was refused; the same command goes on with it.
    #[error("step {step} ({what}) stopped: `{code}`; the same command goes on from here")]
    Stopped {
        /// The step, counted from 1.
        step: usize,
        /// What it does.
        what: String,
        /// The provider's code.
        code: String,
    },
    /// Somebody has confirmed what was to be taken back unless that is so. Nothing was written.
    #[error("the plan is confirmed, and stays")]
    Confirmed,
    /// A question before the first step was not answered.
    #[error("what the plan read cannot be read again: `{0}`")]
    Unread(String),
    /// The journal is not one of this plan.
    #[error("`{}` {problem}", .path.display())]
    Journal {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Somebody else has the journal.
    #[error("`{}` is in use: the plan is being applied, taken back or confirmed", .0.display())]
    InUse(PathBuf),
    /// A file.
    #[error("`{}` cannot be {action}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// The runtime cannot start.
    #[error("the runtime cannot start: {0}")]
    Runtime(io::Error),
}

/// What is to be done about a plan whose reads have changed.
const fn after_change(is_begun: bool) -> &'static str {
    if is_begun { "take it back, and make a new one" } else { "make a new one" }
}

/// Takes the steps of a plan that are not taken yet, or takes back those that are.
///
/// # Errors
/// When something is in the way; what was done until then is in the journal, and the same request
/// goes on from there.
pub fn apply(request: &ApplyRequest<'_>, watcher: &dyn Watcher) -> Result<Applied, ApplyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(ApplyError::Runtime)?.block_on(run::run(request, watcher))
}
