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
    let micros = format!("{:.0}", seconds * 1_000_000.0).parse::<i64>().ok()?;
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
        assert_eq!(of_seconds(f64::NAN), None);
        assert_eq!(of_seconds(1e300), None);
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
