//! Reading manifests.

use watertight_kubernetes::{Converted, Options, convert};
use watertight_source::{Limits, Sources, Tree};

/// Converts the documents of one text.
pub(crate) fn read(text: &str, options: &Options) -> Converted {
    let mut sources = Sources::new();
    let file = sources.add("all.yaml", text).unwrap();
    let limits = Limits::default();
    let documents = Tree::parse_yaml_documents(file, sources.contents(file), &limits).unwrap();
    convert(&documents, options)
}
