//! Waiting for somebody to confirm what was applied, and `watertight confirm`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use watertight_compile::Plan;
use watertight_live_aws::{ApplyError, HowFar, Standing, Waiting, Way};

use super::{
    ConfirmArguments, Ended, LiveArguments, Now, Taken, hash_of, journal_of, put, summary,
};
use crate::exit::{Failure, Outcome, say};
use crate::text::one_line;
use crate::{clock, output, plan};

/// How often it is looked whether somebody has confirmed.
const EVERY: Duration = Duration::from_millis(500);
/// How often somebody else may be found to have the journal: whoever confirms has it for a moment.
const LOOKS_MAX: u32 = 20;
/// How often taking back is tried, with waits that double from a second: what the change has cut off may be what
/// it takes.
const TRIES_MAX: u32 = 4;

/// Says that what was applied stays.
pub(crate) fn confirm(arguments: &ConfirmArguments) -> Result<Outcome, Failure> {
    let path = &arguments.plan;
    let (plan, bytes) = plan::read(path)?;
    if plan.steps.is_empty() {
        output::write(None, "the plan has no steps: there is nothing to confirm\n")?;
        return Ok(Outcome::Fine);
    }
    Trial::new(path, (&plan, &bytes), 0).patiently(|waiting| waiting.confirm())?;
    output::write(None, "confirmed: what was applied stays\n")?;
    Ok(Outcome::Fine)
}

/// A plan that is applied on trial.
pub(super) struct Trial<'p> {
    path: &'p Path,
    plan: &'p Plan,
    bytes: &'p [u8],
    journal: PathBuf,
    hash: String,
    within: i64,
}

impl<'p> Trial<'p> {
    /// `within` is for how many seconds it is waited for a confirmation.
    pub(super) fn new(path: &'p Path, (plan, bytes): (&'p Plan, &'p [u8]), within: i64) -> Self {
        let (journal, hash) = (journal_of(path), hash_of(bytes));
        Self { path, plan, bytes, journal, hash, within }
    }

    fn waiting(&self) -> Waiting<'_> {
        let steps = self.plan.steps.len();
        Waiting { journal: &self.journal, hash: &self.hash, steps, clock: &Now }
    }

    pub(super) fn is_begun(&self) -> Result<bool, Failure> {
        Ok(self.waiting().is_begun()?)
    }

    pub(super) fn begin(&self) -> Result<Standing, Failure> {
        Ok(self.patiently(|waiting| waiting.begin(self.within))?)
    }

    /// Does something with the journal, and again while somebody else has it.
    fn patiently<T>(
        &self,
        what: impl Fn(Waiting<'_>) -> Result<T, ApplyError>,
    ) -> Result<T, ApplyError> {
        let mut looks = 0;
        loop {
            match what(self.waiting()) {
                Err(ApplyError::InUse(_)) if looks < LOOKS_MAX => looks += 1,
                other => return other,
            }
            pause(EVERY);
        }
    }

    /// Waits until what was applied is confirmed, and takes it back when nobody has in time.
    pub(super) fn run(&self, live: &LiveArguments) -> Result<Outcome, Failure> {
        let standing = self.begin()?;
        if let Some(until) = standing.until() {
            let command = one_line(&format!("watertight confirm {}", self.path.display()));
            say(&format!("waiting until {until} for `{command}`: else all of it is taken back\n"));
        }
        if let Standing::Awaiting { until } = standing {
            let mut said = false;
            while !self.waiting().is_over(until) {
                match self.waiting().look() {
                    Ok(HowFar::Whole(Standing::Confirmed)) => return Ok(stays()),
                    Ok(HowFar::Whole(Standing::Unasked)) => {
                        say("somebody else has applied it since, and asks for no confirmation\n");
                        return Ok(Outcome::Found);
                    }
                    Ok(HowFar::Back) => {
                        say("it was taken back by somebody else\n");
                        return Ok(Outcome::Found);
                    }
                    Ok(HowFar::Partly | HowFar::Whole(_)) => {}
                    // What cannot be read now may be later, and is taken back in any case.
                    Err(error) if !said => {
                        said = true;
                        say(&format!("{}\n", one_line(&error.to_string())));
                    }
                    Err(_) => {}
                }
                pause(EVERY);
            }
        }
        if standing == Standing::Confirmed {
            return Ok(stays());
        }
        self.take_back(live)
    }

    fn take_back(&self, live: &LiveArguments) -> Result<Outcome, Failure> {
        say("nobody has confirmed it: all of it is taken back\n");
        let how = Taken { way: Way::Rollback, dry_run: false, unless_confirmed: true };
        let mut tries = 1;
        loop {
            let failure = match put(self.path, (self.plan, self.bytes), live.access(), how) {
                Ok(Ended::Taken(applied)) => {
                    tell(&summary(&applied, Way::Rollback, false));
                    return Ok(Outcome::Found);
                }
                Ok(Ended::Refused(why)) => {
                    say(&why);
                    return Ok(Outcome::Found);
                }
                // Between the last look and taking it back.
                Ok(Ended::Confirmed) => return Ok(stays()),
                Err(failure) => failure,
            };
            if tries == TRIES_MAX {
                let command = one_line(&format!("watertight rollback {}", self.path.display()));
                say(&format!("it is taken back in part, or not at all: `{command}` goes on\n"));
                return Err(failure);
            }
            say(&format!("{}: once more\n", one_line(&failure.to_string())));
            pause(Duration::from_secs(1 << (tries - 1)));
            tries += 1;
        }
    }
}

/// Says of a plan that it is on trial, to whoever applies it and asks for none.
pub(super) fn remind(path: &Path, (plan, bytes): (&Plan, &[u8])) {
    let trial = Trial::new(path, (plan, bytes), 0);
    // What cannot be read is told by whoever needs it.
    let Ok(HowFar::Whole(standing)) = trial.waiting().look() else { return };
    if let Some(until) = standing.until() {
        let path = path.display();
        let text = format!(
            "it is on trial until {until}: `watertight confirm {path}` keeps it; `watertight apply {path} \
             --confirm-within` waits, and takes it back after that"
        );
        say(&format!("{}\n", one_line(&text)));
    }
}

/// Prints, where there is somebody who reads: the change may have cut off whoever does.
pub(super) fn tell(text: &str) {
    if let Err(error) = output::write(None, text) {
        say(&format!("{}\n", one_line(&error.to_string())));
    }
}

fn pause(long: Duration) {
    let now = clock::instant();
    clock::wait_until(now.checked_add(long).unwrap_or(now));
}

fn stays() -> Outcome {
    say("confirmed: it stays\n");
    Outcome::Fine
}
