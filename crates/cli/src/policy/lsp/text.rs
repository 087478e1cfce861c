//! Places and names as the protocol writes them.

use std::path::{Path, PathBuf};

/// A text with its lines. The protocol counts in units of UTF-16.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: [0].into_iter().chain(starts).collect() }
    }

    /// The line and the column of an offset, both from 0.
    pub(super) fn place(&self, offset: u32) -> (usize, usize) {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        (line, before.encode_utf16().count())
    }

    /// The offset of a line and a column; the end of the line for one beyond it.
    pub(super) fn offset(&self, line: u64, column: u64) -> Option<u32> {
        let start = *self.starts.get(usize::try_from(line).ok()?)?;
        let rest = self.text.get(start..)?.split('\n').next().unwrap_or_default();
        let (mut units, mut offset) = (0_u64, start);
        for letter in rest.chars() {
            if units >= column {
                break;
            }
            units += u64::try_from(letter.len_utf16()).unwrap_or(1);
            offset += letter.len_utf8();
        }
        u32::try_from(offset).ok()
    }
}

/// The key whose value is written at an offset: what stands before the colon in the line.
pub(super) fn asked_for(text: &str, offset: u32) -> Option<&str> {
    let before = text.get(..usize::try_from(offset).ok()?)?;
    let line = before.rsplit('\n').next().unwrap_or_default();
    let inner = line.rsplit(['{', ',']).next().unwrap_or_default();
    let (key, _) = inner.split_once(':')?;
    let key = key.trim().trim_start_matches("- ").trim_matches(['"', '\'']);
    (!key.is_empty()).then_some(key)
}

/// The path of a `file:` URI.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let mut bytes = Vec::with_capacity(rest.len());
    let mut left = rest.bytes();
    while let Some(byte) = left.next() {
        if byte == b'%' {
            let digits = [left.next()?, left.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(PathBuf::from(String::from_utf8(bytes).ok()?))
}

/// The URI of a path.
pub(super) fn uri_of(path: &Path) -> String {
    format!("file://{}", watertight_report::uri(&path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_units_of_utf_16() {
        let lines = Lines::new("a\u{1f600}b\nc");
        assert_eq!(lines.place(5), (0, 3));
        assert_eq!(lines.offset(0, 3), Some(5));
        assert_eq!(lines.offset(0, 99), Some(6));
        assert_eq!(
            (lines.place(7), lines.offset(1, 0), lines.offset(2, 0)),
            ((1, 0), Some(7), None)
        );
    }

    #[test]
    fn the_key_before_the_colon_is_asked_for() {
        let text = "from: [{matchLabels: {app: web, env: ";
        assert_eq!(asked_for(text, u32::try_from(text.len()).unwrap()), Some("env"));
        assert_eq!(asked_for(text, 26), Some("app"));
        assert_eq!(asked_for("  - ap", 6), None);
    }

    #[test]
    fn paths_survive_uris() {
        let path = Path::new("/a b/\u{e9}%.yaml");
        assert_eq!(uri_of(path), "file:///a%20b/%C3%A9%25.yaml");
        assert_eq!(path_of(&uri_of(path)).as_deref(), Some(path));
        assert_eq!(path_of("untitled:1"), None);
    }
}
