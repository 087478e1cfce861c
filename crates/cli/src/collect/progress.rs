//! How far a collection is, on a terminal alone.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use watertight_live_aws::Progress;

use crate::clock::instant;
use crate::exit::say;

/// The line is drawn again after this time at the earliest.
const REDRAW: Duration = Duration::from_millis(200);

/// Draws one line on standard error, if that is a terminal.
#[derive(Debug)]
pub(crate) struct Meter {
    draws: bool,
    began: Instant,
    drawn: Mutex<Option<Instant>>,
    accounts: AtomicUsize,
    places: AtomicUsize,
    planned: AtomicUsize,
    called: AtomicUsize,
    throttled: AtomicBool,
}

impl Meter {
    /// A meter that begins now.
    pub(crate) fn new() -> Self {
        Self {
            draws: io::stderr().is_terminal(),
            began: instant(),
            drawn: Mutex::new(None),
            accounts: AtomicUsize::new(0),
            places: AtomicUsize::new(0),
            planned: AtomicUsize::new(0),
            called: AtomicUsize::new(0),
            throttled: AtomicBool::new(false),
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if self.draws {
            say("\r\x1b[K");
        }
    }

    fn draw(&self) {
        if !self.draws {
            return;
        }
        let now = instant();
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.is_some_and(|last| now.duration_since(last) < REDRAW) {
            return;
        }
        *drawn = Some(now);
        let load = |number: &AtomicUsize| number.load(Ordering::Relaxed);
        let counts = Counts {
            accounts: load(&self.accounts),
            places: load(&self.places),
            planned: load(&self.planned),
            called: load(&self.called),
            throttled: self.throttled.load(Ordering::Relaxed),
        };
        say(&format!("\r\x1b[K{}", line(counts, now.duration_since(self.began))));
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    accounts: usize,
    places: usize,
    planned: usize,
    called: usize,
    throttled: bool,
}

/// The line, with an estimate from the calls that are known to be left.
fn line(counts: Counts, taken: Duration) -> String {
    let Counts { accounts, places, planned, called, throttled } = counts;
    let mut line = format!("{called} of at least {planned} calls, {places} places done");
    if accounts > 1 {
        // Writing to a string cannot fail.
        let _written = write!(line, ", {accounts} accounts");
    }
    let left = planned.saturating_sub(called);
    if called > 0 && left > 0 {
        let each = taken.checked_div(u32::try_from(called).unwrap_or(u32::MAX));
        let left = each.unwrap_or_default().saturating_mul(u32::try_from(left).unwrap_or(u32::MAX));
        let _written = write!(line, ", {} s left or more", left.as_secs().max(1));
    }
    if throttled {
        line.push_str(", slowed down at the service's wish");
    }
    line
}

impl Progress for Meter {
    fn places(&self, count: usize) {
        self.accounts.store(count, Ordering::Relaxed);
        self.draw();
    }

    fn planned(&self, calls: usize) {
        self.planned.fetch_add(calls, Ordering::Relaxed);
        self.draw();
    }

    fn called(&self) {
        self.called.fetch_add(1, Ordering::Relaxed);
        self.draw();
    }

    fn place_done(&self) {
        self.places.fetch_add(1, Ordering::Relaxed);
        self.draw();
    }

    fn throttled(&self, _service: &str) {
        self.throttled.store(true, Ordering::Relaxed);
        self.draw();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_what_is_left() {
        let counts = Counts { accounts: 2, places: 1, planned: 30, called: 10, throttled: true };
        assert_eq!(
            line(counts, Duration::from_secs(5)),
            "10 of at least 30 calls, 1 places done, 2 accounts, 10 s left or more, \
             slowed down at the service's wish"
        );
        assert_eq!(line(Counts::default(), Duration::ZERO), "0 of at least 0 calls, 0 places done");
    }
}
