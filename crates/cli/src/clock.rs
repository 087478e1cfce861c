//! Where the time comes in: everything else takes it as an argument.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// A point in time that no setting of the clock moves.
#[expect(clippy::disallowed_methods, reason = "the shell's clock: how long to wait")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Waits until a point in time.
pub(crate) fn wait_until(then: Instant) {
    loop {
        let left = then.saturating_duration_since(instant());
        if left.is_zero() {
            return;
        }
        // It may wake up early.
        std::thread::park_timeout(left);
    }
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

/// The instant that `--since` names, or that lies so long before now.
///
/// # Errors
/// When the text is neither a time nor a duration, or a time that is still to come.
pub(crate) fn since(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let failed = |problem| Failure::Argument { flag: "since", problem };
    let since = text.parse().ok().or_else(|| Some(Timestamp(now.0.checked_sub(seconds(text)?)?)));
    let since = since.ok_or_else(|| {
        failed(format!(
            "`{text}` is neither a time as `2027-01-31T00:00:00Z` nor a duration as `7d`"
        ))
    })?;
    if since > now {
        return Err(failed(format!("`{text}` is still to come")));
    }
    Ok(since)
}

/// The seconds of a duration: a number and `s`, `m`, `h`, `d` or `w`.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let count: u32 =
        count.parse().ok().filter(|_| count.starts_with(|one: char| one.is_ascii_digit()))?;
    i64::from(count).checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_time_or_so_long_ago() {
        let now = "2026-11-28T10:00:00Z".parse().unwrap();
        let at = |text: &str| since(text, now).ok();
        assert_eq!(at("2026-11-27T09:30:00Z"), "2026-11-27T09:30:00Z".parse().ok());
        assert_eq!(at("90m"), "2026-11-28T08:30:00Z".parse().ok());
        assert_eq!(at("30s"), "2026-11-28T09:59:30Z".parse().ok());
        assert_eq!(at("12h"), "2026-11-27T22:00:00Z".parse().ok());
        assert_eq!(at("7d"), "2026-11-21T10:00:00Z".parse().ok());
        assert_eq!(at("2w"), "2026-11-14T10:00:00Z".parse().ok());
        for odd in
            ["", "d", "7", "-7d", "+7d", "7 d", "7y", "7é", "yesterday", "2026-11-29T10:00:00Z"]
        {
            assert_eq!(at(odd), None, "{odd}");
        }
    }
}
