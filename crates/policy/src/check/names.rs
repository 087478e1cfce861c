//! Names of documents, and what they lead to.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;
use watertight_source::{Diagnostic, Diagnostics, Span};

use crate::read::Documents;
use crate::syntax::{Kind, Spanned};
use crate::{codes, suggest};

use super::error;

/// Where each name is declared, by kind.
pub(super) struct Names {
    /// The document's place in the list; `None` for a document with errors.
    declared: BTreeMap<Kind, BTreeMap<Name, Declared>>,
    /// The names of documents of which nobody can tell what they are.
    lost: BTreeSet<Name>,
    /// Whether some file could not be taken apart.
    is_partial: bool,
}

#[derive(Clone, Copy)]
struct Declared {
    document: Option<usize>,
    span: Span,
}

impl Names {
    /// Every name; two documents of one kind with one name are an error.
    pub(super) fn collect(documents: &Documents, diagnostics: &mut Diagnostics) -> Self {
        let mut all: Vec<(Kind, &Spanned<Name>, Option<usize>)> = Vec::new();
        for (index, document) in documents.documents.iter().enumerate() {
            all.push((document.object.kind(), &document.metadata.name, Some(index)));
        }
        all.extend(documents.broken.iter().map(|(kind, name)| (*kind, name, None)));
        all.sort_by_key(|(_, name, _)| name.span);
        let mut declared: BTreeMap<Kind, BTreeMap<Name, Declared>> = BTreeMap::new();
        for (kind, name, document) in all {
            let names = declared.entry(kind).or_default();
            if let Some(first) = names.get(&name.value) {
                let message = format!("there are two documents `{kind}/{}`", name.value);
                let twice = error(codes::DUPLICATE_NAME, name.span, message, "rename one of them");
                diagnostics.push(twice.with_related(first.span, "the first one is here"));
            } else {
                names.insert(name.value.clone(), Declared { document, span: name.span });
            }
        }
        let lost = documents.lost.iter().cloned().collect();
        Self { declared, lost, is_partial: documents.unread > 0 }
    }

    /// The document that a reference leads to. One that leads nowhere is an error; one that leads to
    /// a document with errors of its own, or perhaps into what could not be read, is none, and nothing.
    pub(super) fn resolve(
        &self,
        kind: Kind,
        name: &Spanned<Name>,
        diagnostics: &mut Diagnostics,
    ) -> Option<usize> {
        let found = self.declared.get(&kind).and_then(|names| names.get(&name.value));
        if found.is_none() && !self.is_partial && !self.lost.contains(&name.value) {
            diagnostics.push(self.unknown(kind, name));
        }
        found?.document
    }

    fn unknown(&self, kind: Kind, name: &Spanned<Name>) -> Diagnostic {
        let known: Vec<&str> =
            self.declared.get(&kind).into_iter().flatten().map(|(name, _)| &**name).collect();
        let message = format!("there is no `{kind}/{}`", name.value);
        let elsewhere = self.declared.iter().find_map(|(other, names)| {
            names.get(&name.value).map(|declared| (*other, declared.span))
        });
        let near = suggest::nearest(&name.value, known.iter().copied());
        let help = match (near, elsewhere) {
            (None, Some((other, _))) => format!("there is a {other} of this name"),
            _ => suggest::help(&name.value, &known),
        };
        let diagnostic = error(codes::UNKNOWN_NAME, name.span, message, help);
        match (near, elsewhere) {
            (None, Some((other, span))) => {
                diagnostic.with_related(span, format!("this is a {other}"))
            }
            _ => diagnostic,
        }
    }
}
