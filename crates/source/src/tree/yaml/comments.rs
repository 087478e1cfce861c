//! The comments of a YAML text: no data, so trees do not hold them, but writers must keep them.

use granit_parser::{Event, Parser, StrInput};

use crate::{Contents, FileId, Limits, ParseError, Span};

use super::super::checked_text;
use super::super::slot::{offset_of, widen};
use super::core_schema;
use super::places::Places;

/// A comment of a YAML text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YamlComment {
    /// From the `#` to the end of the line.
    pub span: Span,
    /// The document that it stands in, by its place among the documents of the text. What stands
    /// before the `---` of a document belongs to the one before it, if there is one.
    pub document: usize,
}

/// Every comment of a YAML text, in the order of the text.
pub fn yaml_comments(
    file: FileId,
    contents: impl Into<Contents>,
    limits: &Limits,
) -> Result<Vec<YamlComment>, ParseError> {
    let contents = contents.into();
    let text = checked_text(file, &contents, limits)?;
    let depth = widen(limits.depth_max).saturating_add(1);
    let mut options = granit_parser::options! {
        flow_nesting_limit: depth,
        block_nesting_limit: depth,
        emit_unresolved_aliases: true,
        max_buffered_comment_events: text.len(),
    };
    options.set_emit_comments(true);
    let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str_with_options(text, options);
    let (mut comments, mut starts) = (Vec::new(), Vec::new());
    let places = Places { file, base: 0, text };
    while let Some(next) = parser.next_event() {
        let (event, place) = next.map_err(|error| places.error(limits, &error))?;
        match event {
            Event::Comment(..) => comments.push(places.span(place)),
            Event::DocumentStart(..) => {
                starts.push(offset_of(place.start.byte_offset().unwrap_or_default()));
            }
            _ => {}
        }
    }
    comments.sort_unstable();
    let document = |span: Span| starts.partition_point(|start| *start <= span.start);
    let comment = |span| YamlComment { span, document: document(span).saturating_sub(1) };
    Ok(comments.into_iter().map(comment).collect())
}

/// Whether a plain scalar of this text is a string, and not a number, a boolean or nothing.
pub fn is_yaml_string(text: &str) -> bool {
    core_schema(text).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sources;

    fn comments(text: &str) -> Vec<(String, usize)> {
        let mut sources = Sources::new();
        let Ok(file) = sources.add("a.yaml", text) else { return Vec::new() };
        let found = yaml_comments(file, sources.contents(file), &Limits::default());
        let raw = |span: Span| text.get(widen(span.start)..widen(span.end)).map(str::to_owned);
        let found = found.unwrap_or_default().into_iter();
        found.map(|one| (raw(one.span).unwrap_or_default(), one.document)).collect()
    }

    #[test]
    fn comments_are_found_with_their_document() {
        let text = "# a\na: 1 # b\n# c\n---\n# d\nb: '# no' # e\nc: |\n  # no\n# f\n";
        let expected = [("# a", 0), ("# b", 0), ("# c", 0), ("# d", 1), ("# e", 1), ("# f", 1)];
        let expected = expected.map(|(text, document)| (String::from(text), document));
        assert_eq!(comments(text), expected);
    }

    #[test]
    fn a_thousand_lines_of_comments_are_found() {
        let text = format!("a:\n{}  b: 1\n{}", "# c\n".repeat(1000), "# d\n".repeat(1000));
        assert_eq!(comments(&text).len(), 2000);
    }

    #[test]
    fn only_what_the_core_schema_does_not_resolve_is_a_string() {
        for text in ["yes", "8000-8999", "10.0.0.0/8", "1.2.3", "0x", "~x"] {
            assert!(is_yaml_string(text), "{text}");
        }
        for text in ["", "~", "null", "True", "0x1f", "-3", "1e3", ".inf", "0644"] {
            assert!(!is_yaml_string(text), "{text}");
        }
    }
}
