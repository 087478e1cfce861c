//! Waiting for somebody to confirm what was applied, and `watertight confirm`.

use std::path::Path;
use std::time::Duration;

use watertight_compile::Plan;
use watertight_live_aws::{Standing, Waiting, Way};

use super::{
    ConfirmArguments, Ended, LiveArguments, Now, Taken, hash_of, journal_of, put, summary,
};
use crate::exit::{Failure, Outcome, say};
use crate::text::one_line;
use crate::{clock, output, plan};

/// How often it is looked whether somebody has confirmed.
const EVERY: Duration = Duration::from_millis(500);

/// Says that what was applied stays.
pub(crate) fn confirm(arguments: &ConfirmArguments) -> Result<Outcome, Failure> {
    let path = &arguments.plan;
    let (plan, bytes) = plan::read(path)?;
    let (journal, hash) = (journal_of(path), hash_of(&bytes));
    let steps = plan.steps.len();
    Waiting { journal: &journal, hash: &hash, steps, clock: &Now }.confirm()?;
    output::write(None, "confirmed: what was applied stays\n")?;
    Ok(Outcome::Fine)
}

/// Waits until what was applied is confirmed, and takes it back when nobody has for so many seconds.
pub(super) fn wait(
    path: &Path,
    (plan, bytes): (&Plan, &[u8]),
    live: &LiveArguments,
    within: i64,
) -> Result<Outcome, Failure> {
    let (journal, hash) = (journal_of(path), hash_of(bytes));
    let waiting = Waiting { journal: &journal, hash: &hash, steps: plan.steps.len(), clock: &Now };
    if let Some(until) = waiting.begin(within)?.until() {
        let command = one_line(&format!("watertight confirm {}", path.display()));
        say(&format!("waiting until {until} for `{command}`: else all of it is taken back\n"));
    }
    loop {
        match waiting.look()? {
            None | Some(Standing::Unasked) => {
                say("it is taken back by somebody else\n");
                return Ok(Outcome::Found);
            }
            Some(Standing::Confirmed) => return Ok(stays()),
            Some(Standing::Awaiting { until }) if waiting.is_over(until) => break,
            Some(Standing::Awaiting { .. }) => {}
        }
        let now = clock::instant();
        clock::wait_until(now.checked_add(EVERY).unwrap_or(now));
    }
    say("nobody has confirmed it: all of it is taken back\n");
    let back = Taken { way: Way::Rollback, dry_run: false, unless_confirmed: true };
    let command = one_line(&format!("watertight rollback {}", path.display()));
    let ended = put(path, (plan, bytes), live.access(), back).inspect_err(|_stopped| {
        say(&format!("it is taken back in part, or not at all: `{command}` goes on\n"));
    })?;
    match ended {
        Ended::Taken(applied) => {
            output::write(None, &summary(&applied, Way::Rollback, false))?;
            Ok(Outcome::Found)
        }
        Ended::Refused(why) => {
            say(&why);
            Ok(Outcome::Found)
        }
        // Between the last look and taking it back.
        Ended::Confirmed => Ok(stays()),
    }
}

fn stays() -> Outcome {
    say("confirmed: it stays\n");
    Outcome::Fine
}
