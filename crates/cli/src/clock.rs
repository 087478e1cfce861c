//! Where the time comes in: everything else takes it as an argument.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use watertight_policy::{Timestamp, TimestampError};

use crate::exit::Failure;

/// The time since the beginning of 1970; none before it.
#[expect(clippy::disallowed_methods, reason = "the shell's clock")]
pub(crate) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The instant.
pub(crate) fn now() -> Timestamp {
    Timestamp(i64::try_from(since_epoch().as_secs()).unwrap_or(i64::MAX))
}

/// The instant that `--at` names, or now.
///
/// # Errors
/// When the text is no time.
pub(crate) fn at(text: Option<&str>) -> Result<Timestamp, Failure> {
    let Some(text) = text else { return Ok(now()) };
    text.parse().map_err(|TimestampError| Failure::Argument {
        flag: "at",
        problem: format!("`{text}` is no time: write one as `2027-01-31T00:00:00Z`"),
    })
}
