//! What could be changed, and what changing it costs.

use std::collections::BTreeSet;
use std::fmt;
use std::iter::Sum;

use crate::hop::Removable;
use crate::likelihood::{real, whole};

/// Millionths in a whole cost.
const MILLIONTHS: u64 = 1_000_000;

/// On what share of days a flow was seen that an action would deny.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Seen {
    /// This share of the days for which there are logs, 0 to 1.
    Share(f64),
    /// There are no logs.
    Unlogged,
}

/// What an action costs: a whole number of millionths, so that sums are exact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Cost(u64);

impl Cost {
    /// No cost.
    pub const ZERO: Self = Self(0);

    /// The cost of an action: 1, and 4 times the share of days on which a flow was seen that it
    /// would deny (one half for want of logs), and a tenth for each accepted pair of classes that
    /// it closes and that lies on no chain.
    pub fn of(seen: Seen, idle_pairs: u32) -> Self {
        let share = match seen {
            Seen::Share(share) => share.clamp(0.0, 1.0),
            Seen::Unlogged => 0.5,
        };
        let seen = whole(share * 4.0 * real(u128::from(MILLIONTHS)));
        let idle = u64::from(idle_pairs) * (MILLIONTHS / 10);
        Self(MILLIONTHS.saturating_add(seen).saturating_add(idle))
    }

    /// A cost in millionths.
    pub const fn from_millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    /// The cost in millionths.
    pub const fn millionths(self) -> u64 {
        self.0
    }

    /// The cost as a number.
    pub fn value(self) -> f64 {
        real(u128::from(self.0)) / real(u128::from(MILLIONTHS))
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        Self(costs.fold(0, |sum, cost| sum.saturating_add(cost.0)))
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.value())
    }
}

/// A change to the estate that takes things away from attackers: a rule narrowed, a deny added, a
/// public address or a route dropped, `IMDSv2` required, a statement removed, an origin
/// guard added.
///
/// What breaks an `always` assertion or an essential is not to be offered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// What to do, in words.
    pub name: String,
    /// What it removes.
    pub removes: BTreeSet<Removable>,
    /// What it costs.
    pub cost: Cost,
    /// The flows that it would deny, in words.
    pub denies: Vec<String>,
}

impl Action {
    /// An action that denies no flow that anybody saw.
    pub fn new(
        name: impl Into<String>,
        removes: impl IntoIterator<Item = Removable>,
        cost: Cost,
    ) -> Self {
        let removes = removes.into_iter().collect();
        Self { name: name.into(), removes, cost, denies: Vec::new() }
    }
}

/// Everything that some actions remove.
pub(crate) fn removed_by(
    actions: &[Action],
    chosen: impl IntoIterator<Item = usize>,
) -> BTreeSet<Removable> {
    chosen.into_iter().flat_map(|place| actions[place].removes.iter().copied()).collect()
}
