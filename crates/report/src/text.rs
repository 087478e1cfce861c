//! Making text harmless for where it goes.

#[cfg(test)]
mod tests;

/// What stands for a character that is not shown.
const REPLACEMENT: char = '\u{fffd}';

/// Replaces characters that steer a terminal, hide, or turn the direction of text.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|letter| if steers(letter) { REPLACEMENT } else { letter }).collect()
}

/// Cleans text and escapes it for the content and the quoted attributes of HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter if steers(letter) => escaped.push(REPLACEMENT),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Control characters, directional controls, invisible characters and noncharacters.
///
/// Source: Unicode Technical Report 36, sections 2.5 and 3, and UAX 9 for the directional ones.
fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(u32::from(letter),
            0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
            | 0xfeff | 0xfff0..=0xfffb | 0xfffe..=0xffff | 0xe0000..=0xe0fff)
}

/// How many columns of a terminal a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(letter_columns).sum()
}

/// How many columns a letter takes: none for marks that join the letter before, two for the wide
/// ones of East Asia and for pictures.
pub(crate) fn letter_columns(letter: char) -> usize {
    match u32::from(letter) {
        0x300..=0x36f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe4f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1_f300..=0x1_faff
        | 0x2_0000..=0x3_fffd => 2,
        _ => 1,
    }
}

/// A count with its noun: `1 workload`, `12 workloads`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{} {stem}ies", thousands(number)),
        (_, None) if noun.ends_with('s') => format!("{} {noun}es", thousands(number)),
        (_, None) => format!("{} {noun}s", thousands(number)),
    }
}

/// A number with a thin space between thousands, from 10 000 on.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{2009}');
        }
        grouped.push(digit);
    }
    grouped
}

/// The first few of a list, and how many more there are.
pub(crate) fn few<T: AsRef<str>>(items: &[T], most: usize) -> String {
    let shown: Vec<&str> = items.iter().take(most).map(AsRef::as_ref).collect();
    let more = items.len() - shown.len();
    let shown = shown.join(", ");
    if more == 0 { shown } else { format!("{shown} +{more}") }
}

/// A share as a percentage: whole from 10 % on, one decimal below, `<0.1 %` for what is not nothing.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 {
        "<0.1 %".to_owned()
    } else if percent < 10.0 && percent > 0.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// A score in points with one decimal, never rounded up: only what is 100 is shown as such, and every
/// output shows the same figure.
pub(crate) fn points(score: f64) -> String {
    // A tenth is no binary fraction: what is 64.1 lies a hair below it.
    format!("{:.1}", (score * 10.0 + 1e-9).floor() / 10.0)
}

/// A likelihood with two digits that matter.
pub(crate) fn likelihood(value: f64) -> String {
    if value >= 0.1 {
        format!("{value:.2}")
    } else if value >= 0.001 {
        format!("{value:.3}")
    } else {
        "<0.001".to_owned()
    }
}
