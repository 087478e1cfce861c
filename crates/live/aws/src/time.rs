//! Times as the AWS CLI prints them: `2026-09-14T07:00:00+00:00`.

/// A time since 1970 by RFC 3339, to the second.
pub fn time_of(since: std::time::Duration) -> String {
    let seconds = u32::try_from(since.as_secs()).unwrap_or(u32::MAX);
    of_seconds(f64::from(seconds)).unwrap_or_default().replace("+00:00", "Z")
}

/// Seconds since 1970 as a time; what lies outside of the years 1 to 9999 is nothing.
pub(crate) fn of_seconds(seconds: f64) -> Option<String> {
    if !seconds.is_finite() || seconds.abs() > 300_000_000_000.0 {
        return None;
    }
    // The part behind the point alone: a product of all would be rounded twice.
    let micros = format!("{:.0}", seconds.fract() * 1_000_000.0).parse::<i64>().ok()?;
    let micros = format!("{:.0}", seconds.trunc()).parse::<i64>().ok()? * 1_000_000 + micros;
    let whole = micros.div_euclid(1_000_000);
    let rest = micros.rem_euclid(1_000_000);
    let (year, month, day) = date_of(whole.div_euclid(86_400));
    if !(1..=9999).contains(&year) {
        return None;
    }
    let second = whole.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = if rest == 0 { String::new() } else { format!(".{rest:06}") };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}+00:00"))
}

/// The seconds since 1970 of a time in UTC, as [`time_of`] and [`of_seconds`] write it; fractions of a
/// second are left out.
pub(crate) fn seconds_of(text: &str) -> Option<i64> {
    let whole = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (whole, fraction) = split(whole);
    let part = |from: usize, to: usize, end: &str| -> Option<i64> {
        let digits =
            whole.get(from..to).filter(|one| one.bytes().all(|byte| byte.is_ascii_digit()));
        digits.filter(|_| whole.get(to..).is_some_and(|rest| rest.starts_with(end)))?.parse().ok()
    };
    if whole.len() != 19 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) = (part(0, 4, "-")?, part(5, 7, "-")?, part(8, 10, "T")?);
    let (hour, minute, second) = (part(11, 13, ":")?, part(14, 16, ":")?, part(17, 19, "")?);
    let days = day_of(year, month, day);
    let is_one = date_of(days) == (year, month, day) && hour < 24 && minute < 60 && second < 60;
    is_one.then(|| days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// A time with `Z` at its end as the AWS CLI prints it; any other text as it is.
pub(crate) fn of_text(text: &str) -> String {
    let Some((whole, fraction)) = text.strip_suffix('Z').map(split) else {
        return text.to_owned();
    };
    if whole.len() != 19 || !whole.is_ascii() || !fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        return text.to_owned();
    }
    let fraction = format!("{fraction:0<6}");
    let fraction = fraction.get(..6).unwrap_or_default();
    if fraction == "000000" {
        format!("{whole}+00:00")
    } else {
        format!("{whole}.{fraction}+00:00")
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_once('.').unwrap_or((text, ""))
}

/// The date of a day since 1970-01-01 in the Gregorian calendar.
fn date_of(day: i64) -> (i64, i64, i64) {
    // Days since 0000-03-01, in eras of 400 years: leap days then end each year.
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let day = day.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, date)
}

/// The day since 1970-01-01 of a date; one that there is not gives the day of another.
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_the_time_that_they_are() {
        assert_eq!(of_seconds(0.0).as_deref(), Some("1970-01-01T00:00:00+00:00"));
        assert_eq!(of_seconds(951_782_400.0).as_deref(), Some("2000-02-29T00:00:00+00:00"));
        assert_eq!(
            of_seconds(1_789_369_200.25).as_deref(),
            Some("2026-09-14T07:00:00.250000+00:00")
        );
        assert_eq!(of_seconds(-1.0).as_deref(), Some("1969-12-31T23:59:59+00:00"));
        assert_eq!(of_seconds(-0.25).as_deref(), Some("1969-12-31T23:59:59.750000+00:00"));
        assert_eq!(of_seconds(f64::NAN), None);
        assert_eq!(of_seconds(1e300), None);
    }

    #[test]
    fn fractions_of_a_second_are_rounded_once() {
        for (seconds, micros) in [
            (1_795_942_450.000_001_4, "000001"),
            (1_795_942_450.000_002_6, "000003"),
            (1_795_942_450.000_005_5, "000005"),
        ] {
            let text = format!("2026-11-29T08:54:10.{micros}+00:00");
            assert_eq!(of_seconds(seconds), Some(text));
        }
    }

    #[test]
    fn the_seconds_of_a_time_are_those_that_it_was_written_from() {
        for day in (-800..60_000).step_by(7) {
            let seconds = day * 86_400 + 3_723;
            let text = of_seconds(f64::from(i32::try_from(day).unwrap()) * 86_400.0 + 3_723.0);
            assert_eq!(seconds_of(&text.unwrap()), Some(seconds));
        }
        assert_eq!(seconds_of("1970-01-01T00:00:10.250000Z"), Some(10));
        for odd in [
            "2026-02-30T00:00:00Z",
            "2026-09-14T24:00:00Z",
            "2026-09-14 07:00:00Z",
            "soon",
            "2026-09-14T07:00:00",
            "2026-09-14T07:00:00+02:00",
            "+026-09-14T07:00:00Z",
            "",
        ] {
            assert_eq!(seconds_of(odd), None, "{odd}");
        }
    }

    #[test]
    fn texts_get_an_offset_and_fractions_that_say_something() {
        assert_eq!(of_text("2026-09-14T07:00:00.000Z"), "2026-09-14T07:00:00+00:00");
        assert_eq!(of_text("2026-09-14T07:00:00Z"), "2026-09-14T07:00:00+00:00");
        assert_eq!(of_text("2026-09-14T07:00:00.5Z"), "2026-09-14T07:00:00.500000+00:00");
        assert_eq!(of_text("soon"), "soon");
        assert_eq!(of_text("bluez. Z"), "bluez. Z");
    }
}
