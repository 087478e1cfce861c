//! What the tests of the language share.

use std::path::Path;

use watertight_model::Name;
use watertight_policy::{CheckedPolicy, Documents, Feeds, Format, check, feeds_of};
use watertight_source::{Diagnostics, Limits, Sources, render_text};

/// Checks files, given by path and text; `.txt` files are feeds.
pub(crate) fn checked(files: &[(&str, &str)]) -> (Option<CheckedPolicy>, String) {
    let limits = Limits::default();
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
    let mut documents = Documents::default();
    for (path, text) in files {
        let file = sources.add(*path, *text).unwrap();
        if Path::new(path).extension().is_none_or(|end| end != "txt") {
            let format = Format::of_path(path);
            documents.read(file, sources.contents(file), format, &limits, &mut diagnostics);
        }
    }
    let feed = |(file, name): (_, Name)| {
        let found = sources.find(&name)?;
        Some(((file, name), (found, sources.contents(found).clone())))
    };
    let feeds: Feeds = feeds_of(&documents).into_iter().filter_map(feed).collect();
    let policy = check(&documents, &feeds, &mut diagnostics);
    (policy, render_text(&diagnostics.into_sorted(), &sources))
}

/// Checks one text that has no errors.
pub(crate) fn sound(text: &str) -> CheckedPolicy {
    let (policy, diagnostics) = checked(&[("policy.yaml", text)]);
    policy.unwrap_or_else(|| panic!("{diagnostics}"))
}

/// The diagnostics of one text.
pub(crate) fn diagnostics(text: &str) -> String {
    checked(&[("policy.yaml", text)]).1
}

/// One document.
pub(crate) fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: watertight.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}, owner: me}}\nspec: {spec}\n"
    )
}
