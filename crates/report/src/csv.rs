//! Comma-separated values, as RFC 4180 writes them, with line feeds.

/// Rows of texts, the first being the header.
pub(crate) fn write<'a>(rows: impl IntoIterator<Item = Vec<std::borrow::Cow<'a, str>>>) -> String {
    let mut written = String::new();
    for row in rows {
        for (place, field) in row.iter().enumerate() {
            if place > 0 {
                written.push(',');
            }
            push_field(&mut written, field);
        }
        written.push('\n');
    }
    written
}

/// A field; one that a spreadsheet would take for a formula gets an apostrophe in front, since names
/// and tags may be anybody's.
fn push_field(written: &mut String, field: &str) {
    let clean = crate::text::clean(field);
    let formula = clean.starts_with(['=', '+', '-', '@']);
    let quoted = clean.contains([',', '"']) || clean.starts_with(' ') || clean.ends_with(' ');
    if quoted {
        written.push('"');
    }
    if formula {
        written.push('\'');
    }
    if quoted {
        written.push_str(&clean.replace('"', "\"\""));
        written.push('"');
    } else {
        written.push_str(&clean);
    }
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let rows = [vec!["a".into(), "b,c".into(), "d\"e".into()], vec!["=1+1".into(), "".into()]];
        assert_eq!(write(rows), "a,\"b,c\",\"d\"\"e\"\n'=1+1,\n");
    }
}
