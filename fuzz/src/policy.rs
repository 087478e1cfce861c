//! A policy, whatever is in it.

use watertight_policy::{Documents, Feeds, Format, check};
use watertight_source::{Diagnostics, Limits, Severity, Sources};

/// There is a checked policy exactly where there is no error; every error is on characters of the
/// text; and reading the text again says the same.
///
/// # Panics
///
/// When the property does not hold.
pub fn policy(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    for format in [Format::Yaml, Format::Json] {
        let first = said(text, format);
        assert_eq!(first, said(text, format), "two readings differ");
    }
}

fn said(text: &str, format: Format) -> String {
    let limits = Limits {
        depth_max: 40,
        nodes_max: 20_000,
        alias_expansion_max: 5_000,
        ..Limits::default()
    };
    let mut sources = Sources::new();
    let Ok(file) = sources.add("policy", text) else { return String::new() };
    let mut diagnostics = Diagnostics::new(&limits);
    let mut documents = Documents::default();
    documents.read(file, sources.contents(file), format, &limits, &mut diagnostics);
    let policy = check(&documents, &Feeds::new(), &mut diagnostics);
    assert_eq!(policy.is_none(), diagnostics.has_errors(), "{diagnostics:?}");
    for error in diagnostics.kept().iter().filter(|one| one.severity == Severity::Error) {
        let place = error.span().and_then(|span| {
            let start = usize::try_from(span.start).ok()?;
            text.get(start..usize::try_from(span.end).ok()?)
        });
        assert!(place.is_some() || error.span().is_none(), "{error:?} is on no characters");
        assert!(error.span().is_some() || error.code.as_str() == "WT0013", "{error:?} is nowhere");
    }
    format!("{:?}", diagnostics.into_sorted())
}
