//! Instants in time as people and programs write them. What the time is now is an argument everywhere.

use std::fmt;
use std::str::FromStr;

/// A second of time, counted from 1970-01-01T00:00:00Z without leap seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(pub i64);

/// Why a text is no [`Timestamp`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampError;

const DAY_SECONDS: i64 = 86_400;

/// Days before each month of a year that is no leap year.
const DAYS_BEFORE_MONTH: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

impl Timestamp {
    /// An instant as RFC 3339 writes it, the fraction of its second left out; `None` for what is none.
    pub fn of_rfc3339(text: &str) -> Option<Self> {
        let Some((whole, rest)) = text.split_once('.') else { return text.parse().ok() };
        if whole.len() != "0000-00-00T00:00:00".len() {
            return None;
        }
        let zone = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
        if zone.len() == rest.len() {
            return None;
        }
        format!("{whole}{zone}").parse().ok()
    }

    /// The first second of a day of the proleptic Gregorian calendar, in UTC.
    fn of_date(year: i64, month: i64, day: i64) -> Option<Self> {
        let before = usize::try_from(month.checked_sub(1)?).ok()?;
        let before_month = *DAYS_BEFORE_MONTH.get(before)?;
        let month_days = match month {
            2 => 28 + i64::from(is_leap(year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if !(1..=month_days).contains(&day) {
            return None;
        }
        let leap_day = i64::from(month > 2 && is_leap(year));
        let days = days_before_year(year) + before_month + leap_day + day - 1;
        Some(Self((days - days_before_year(1970)) * DAY_SECONDS))
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days from the first of January of year 1.
fn days_before_year(year: i64) -> i64 {
    let whole = year - 1;
    whole * 365 + whole.div_euclid(4) - whole.div_euclid(100) + whole.div_euclid(400)
}

/// Reads `2027-01-31T00:00:00Z` (RFC 3339, without fractions of a second), with `Z` or an offset.
impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        parse(text).ok_or(TimestampError)
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, zone) = rest.split_at_checked(8)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 || year == 0 {
        return None;
    }
    let offset = if zone == "Z" {
        0
    } else {
        let sign = if zone.starts_with('+') { 1 } else { -1 };
        let [hours, minutes] = numbers(zone.strip_prefix(['+', '-'])?, ':', [2, 2])?;
        if hours > 23 || minutes > 59 {
            return None;
        }
        sign * (hours * 3600 + minutes * 60)
    };
    let Timestamp(midnight) = Timestamp::of_date(year, month, day)?;
    Some(Timestamp(midnight + hour * 3600 + minute * 60 + second - offset))
}

/// Numbers of so many digits each, between separators.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// In UTC, as [`FromStr`] reads it.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(DAY_SECONDS) + days_before_year(1970);
        let seconds = self.0.rem_euclid(DAY_SECONDS);
        // No year has more than 366 days, and 400 of them always have 146,097.
        let mut year = days.div_euclid(146_097) * 400 + days.rem_euclid(146_097) / 366 + 1;
        while days_before_year(year + 1) <= days {
            year += 1;
        }
        let in_year = days - days_before_year(year);
        let leap_day = |month: usize| i64::from(month >= 2 && is_leap(year));
        let month = (0..12)
            .rev()
            .find(|month| DAYS_BEFORE_MONTH[*month] + leap_day(*month) <= in_year)
            .unwrap_or(0);
        let day = in_year - DAYS_BEFORE_MONTH[month] - leap_day(month) + 1;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let month = month + 1;
        write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests;
