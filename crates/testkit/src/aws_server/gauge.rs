//! How many requests are inside of the server at once, and who asks again too early.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most of each that were there at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peaks {
    /// Requests, in all; those that assume roles apart.
    pub requests: usize,
    /// Requests to one service in one account and region.
    pub per_service: usize,
    /// Accounts with a request.
    pub accounts: usize,
    /// Regions of one account with a request.
    pub regions: usize,
}

/// An account, a region and a service.
pub(super) type Place = (String, String, String);

/// What is inside.
#[derive(Debug, Default)]
pub(super) struct Gauge(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    now: BTreeMap<Place, usize>,
    peaks: Peaks,
    /// Until when a service wishes to be left alone.
    until: BTreeMap<Place, Instant>,
    early: usize,
}

/// A request that is inside as long as this is.
#[derive(Debug)]
pub(super) struct Guest<'g>(&'g Gauge, Place);

impl Gauge {
    /// Lets a request in.
    pub(super) fn enter(&self, place: Place) -> Guest<'_> {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let inside = &mut *inside;
        if inside.until.get(&place).is_some_and(|until| instant() < *until) {
            inside.early += 1;
        }
        let here = inside.now.entry(place.clone()).or_default();
        *here += 1;
        let accounts: BTreeSet<&str> = inside.now.keys().map(|place| place.0.as_str()).collect();
        let mut regions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (account, region, _) in inside.now.keys() {
            regions.entry(account).or_default().insert(region);
        }
        let most = regions.values().map(BTreeSet::len).max().unwrap_or_default();
        let peaks = &mut inside.peaks;
        peaks.requests = peaks.requests.max(inside.now.values().sum());
        peaks.per_service =
            peaks.per_service.max(inside.now.values().copied().max().unwrap_or_default());
        peaks.accounts = peaks.accounts.max(accounts.len());
        peaks.regions = peaks.regions.max(most);
        Guest(self, place)
    }

    /// Has a service wish to be left alone for a while.
    pub(super) fn close(&self, place: Place, time: Duration) {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inside.until.insert(place, instant() + time);
    }

    /// The most that were there at once.
    pub(super) fn peaks(&self) -> Peaks {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).peaks
    }

    /// How many requests came before the service's wish was over.
    pub(super) fn early(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).early
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let mut inside = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = inside.now.get_mut(&self.1) {
            *here -= 1;
            if *here == 0 {
                inside.now.remove(&self.1);
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the server's clock: who asks too early")]
fn instant() -> Instant {
    Instant::now()
}
