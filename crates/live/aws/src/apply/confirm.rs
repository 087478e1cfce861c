//! What is done, and is taken back unless somebody confirms it in time.
//!
//! All of it is in the journal, which one at a time has: whoever confirms and whoever takes back cannot both.

use std::path::Path;

use super::journal::{Journal, Line, Progress, Standing};
use super::{ApplyError, Clock};
use crate::time::{seconds_of, time_of};

/// The journal of a plan, for those who wait for its confirmation or give it.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'w> {
    /// Where the journal is.
    pub journal: &'w Path,
    /// The hash of the plan's bytes, by which its journal knows it.
    pub hash: &'w str,
    /// The steps of the plan.
    pub steps: usize,
    /// The clock.
    pub clock: &'w dyn Clock,
}

/// How far a plan is that was applied on trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowFar {
    /// All steps are taken.
    Whole(Standing),
    /// Some of them are taken back, by somebody who goes on with that or has stopped.
    Partly,
    /// None is taken any more.
    Back,
}

impl Waiting<'_> {
    /// Whether it was applied on trial before: what is left is to wait, or to take it back.
    ///
    /// # Errors
    /// When the journal is none of this plan.
    pub fn is_begun(&self) -> Result<bool, ApplyError> {
        Ok(Journal::look(self.journal, self.hash)?.standing != Standing::Unasked)
    }

    /// Says in the journal that all that is done is taken back `within` so many seconds, unless it says so
    /// already, that it is confirmed, or that it is being taken back.
    ///
    /// # Errors
    /// When steps are left, or the journal is in use or none of this plan.
    pub fn begin(&self, within: i64) -> Result<Standing, ApplyError> {
        let mut journal = Journal::open(self.journal, self.hash)?;
        if journal.progress.standing == Standing::Lapsed {
            return Ok(Standing::Lapsed);
        }
        self.check_whole(journal.progress)?;
        if journal.progress.standing == Standing::Unasked {
            let until = self.now().saturating_add(within);
            journal.say(&Line::Await { until: text(until), at: self.clock.now() })?;
        }
        Ok(journal.progress.standing)
    }

    /// How it stands.
    ///
    /// # Errors
    /// When the journal is gone, or none of this plan.
    pub fn look(&self) -> Result<HowFar, ApplyError> {
        if !self.journal.exists() {
            return Err(self.wrong("is not there any more: nobody knows how far the plan is"));
        }
        let progress = Journal::look(self.journal, self.hash)?;
        Ok(match progress.end() {
            0 => HowFar::Back,
            _ if self.is_whole(progress) => HowFar::Whole(progress.standing),
            _ => HowFar::Partly,
        })
    }

    /// Whether nobody has confirmed it in time.
    pub fn is_over(&self, until: i64) -> bool {
        self.now() >= until
    }

    /// Confirms what is done: it stays. What is confirmed already is so.
    ///
    /// # Errors
    /// When nobody waits for that any more, or the journal is in use or none of this plan.
    pub fn confirm(&self) -> Result<(), ApplyError> {
        if !self.journal.exists() {
            return Err(self.wrong("is not there: the plan was not applied"));
        }
        let mut journal = Journal::open(self.journal, self.hash)?;
        if journal.progress.standing == Standing::Lapsed {
            return Err(self.wrong("was not confirmed in time, and is taken back"));
        }
        self.check_whole(journal.progress)?;
        match journal.progress.standing {
            Standing::Confirmed => Ok(()),
            Standing::Unasked | Standing::Lapsed => {
                Err(self.wrong("asks for no confirmation: what was applied stays as it is"))
            }
            Standing::Awaiting { until } if self.is_over(until) => {
                let until = text(until);
                Err(self.wrong(&format!("could be confirmed until {until}, and is taken back")))
            }
            Standing::Awaiting { .. } => journal.say(&Line::Confirm { at: self.clock.now() }),
        }
    }

    fn check_whole(&self, progress: Progress) -> Result<(), ApplyError> {
        if self.is_whole(progress) {
            Ok(())
        } else {
            Err(self.wrong("tells of steps that are not taken: there is nothing to confirm"))
        }
    }

    fn is_whole(&self, progress: Progress) -> bool {
        progress.first() == self.steps && progress.end() == self.steps
    }

    fn now(&self) -> i64 {
        seconds_of(&self.clock.now()).unwrap_or(i64::MAX)
    }

    fn wrong(&self, problem: &str) -> ApplyError {
        ApplyError::Journal { path: self.journal.to_owned(), problem: problem.to_owned() }
    }
}

impl Standing {
    /// Until when it can be confirmed, by RFC 3339.
    pub fn until(self) -> Option<String> {
        match self {
            Self::Awaiting { until } => Some(text(until)),
            Self::Unasked | Self::Confirmed | Self::Lapsed => None,
        }
    }
}

fn text(seconds: i64) -> String {
    time_of(std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}
