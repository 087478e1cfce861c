//! A policy, whatever is in it.

use watertight_policy::{Documents, Feeds, Format, check, formatted};
use watertight_source::{Diagnostics, Limits, Severity, Sources};

/// There is a checked policy exactly where there is no error; every error is on characters of the
/// text; and reading the text again says the same. Its form is its own form, and says what it says.
///
/// # Panics
///
/// When the property does not hold.
pub fn policy(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    for format in [Format::Yaml, Format::Json] {
        let first = said(text, format);
        assert_eq!(first, said(text, format), "two readings differ");
        if let Some(form) = form(text, format) {
            let again = self::form(&form, format);
            assert_eq!(again.as_ref(), Some(&form), "the form is not its own");
            assert_eq!(codes(&form, format), codes(text, format), "the form says something else");
        }
    }
}

fn limits() -> Limits {
    Limits { depth_max: 40, nodes_max: 20_000, alias_expansion_max: 5_000, ..Limits::default() }
}

fn form(text: &str, format: Format) -> Option<String> {
    let mut sources = Sources::new();
    let file = sources.add("policy", text).ok()?;
    formatted(file, sources.contents(file), format, &limits()).ok()
}

/// The code and the message of every diagnostic, in order.
fn codes(text: &str, format: Format) -> Vec<String> {
    let (diagnostics, _) = read(text, format);
    let mut codes: Vec<String> =
        diagnostics.kept().iter().map(|one| format!("{} {}", one.code, one.message)).collect();
    codes.sort();
    codes
}

fn read(text: &str, format: Format) -> (Diagnostics, bool) {
    let limits = limits();
    let mut sources = Sources::new();
    let mut diagnostics = Diagnostics::new(&limits);
    let Ok(file) = sources.add("policy", text) else { return (diagnostics, false) };
    let mut documents = Documents::default();
    documents.read(file, sources.contents(file), format, &limits, &mut diagnostics);
    let policy = check(&documents, &Feeds::new(), &mut diagnostics);
    (diagnostics, policy.is_some())
}

fn said(text: &str, format: Format) -> String {
    let (diagnostics, is_sound) = read(text, format);
    assert_eq!(!is_sound, diagnostics.has_errors(), "{diagnostics:?}");
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
