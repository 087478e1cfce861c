//! How wide a text is in a picture, from above.
//!
//! A picture is laid out before anybody knows which font will draw it. The widths here are those of
//! the widest fonts that `sans-serif` and `system-ui` usually stand for (`DejaVu Sans`, Verdana), rounded
//! up: with them no label reaches into another, and none is cut.

#[cfg(test)]
mod tests;

/// What stands for the end of a text that was shortened.
const ELLIPSIS: char = '\u{2026}';

/// The width of one letter, in thousandths of the font size.
fn letter(letter: char) -> i32 {
    match letter {
        'i' | 'j' | 'l' | '|' | '\'' | '.' | ',' | ':' | ';' | '`' | ' ' | '\u{b7}' => 350,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '\\' | '-' | 'I' | '!' | '"' => 470,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' | 'J' | '*' | '_' | '?' => 610,
        'a' | 'b' | 'd' | 'e' | 'g' | 'h' | 'n' | 'o' | 'p' | 'q' | 'u' | '0'..='9' => 650,
        'w' | '+' | '=' | '<' | '>' | '~' | '^' | '#' | '&' | '\u{2192}' | '\u{d7}' => 850,
        'm' | 'M' | 'W' | '@' | '%' | ELLIPSIS => 1010,
        'A'..='Z' => 800,
        ' '..='~' => 720,
        other => unusual(u32::from(other)),
    }
}

/// Letters outside ASCII: wide on purpose, since any font may step in for them.
fn unusual(code: u32) -> i32 {
    match code {
        0x300..=0x36f => 0,
        0xa0..=0x24f => 1010,
        0x370..=0x52f => 1100,
        // Ligatures that stand for whole sentences.
        0xfdf0..=0xfdff => 14_000,
        0x1_2000..=0x1_2fff => 4_000,
        _ => 1700,
    }
}

/// The width of a text in whole pixels at a font size, rounded up.
pub(crate) fn of(text: &str, size: i32) -> i32 {
    let thousandths: i32 = text.chars().map(letter).fold(0, i32::saturating_add);
    thousandths.saturating_mul(size).saturating_add(999) / 1000
}

/// The text, or as much of its beginning as fits with an ellipsis.
pub(crate) fn fit(text: &str, size: i32, room: i32) -> String {
    if of(text, size) <= room {
        return text.to_owned();
    }
    let room = room.saturating_mul(1000) / size.max(1) - letter(ELLIPSIS);
    let mut used = 0;
    let mut fitted = String::new();
    for next in text.chars() {
        used += letter(next);
        if used > room {
            break;
        }
        fitted.push(next);
    }
    let mut fitted = fitted.trim_end().to_owned();
    fitted.push(ELLIPSIS);
    fitted
}

/// The number of something as a coordinate; far more than any picture has is as far as it goes.
pub(crate) fn int(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(1_000_000).min(1_000_000)
}
