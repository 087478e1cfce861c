//! Files and functions stay short enough to be read in one go.

#[cfg(test)]
mod tests;

use syn::spanned::Spanned;
use syn::visit::Visit;

use super::Finding;
use crate::workspace::{Tree, has_extension};

const FILE_LINES_WANTED: usize = 500;
const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 80;

/// Every Rust file, tests included.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(|path| has_extension(path, "rs")) {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            let message = format!("{lines} lines; a file has at most {FILE_LINES_MAX}: split it");
            findings.push(Finding::error(path, lines, message));
        } else if lines > FILE_LINES_WANTED {
            let message = format!("{lines} lines; think of splitting above {FILE_LINES_WANTED}");
            findings.push(Finding::warning(path, lines, message));
        }
        // What does not parse is the compiler's to report.
        let Ok(file) = syn::parse_file(text) else { continue };
        let mut functions = Functions::default();
        functions.visit_file(&file);
        for (line, name, length) in functions.long {
            let message =
                format!("`{name}` has {length} lines; a function has at most {FUNCTION_LINES_MAX}");
            findings.push(Finding::error(path, line, message));
        }
    }
    findings
}

/// Collects functions above the limit: line, name, length from `fn` to the closing brace.
#[derive(Default)]
struct Functions {
    long: Vec<(usize, String, usize)>,
}

impl Functions {
    fn measure(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.span().start().line;
        let length = block.span().end().line - first + 1;
        if length > FUNCTION_LINES_MAX {
            self.long.push((first, signature.ident.to_string(), length));
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, function);
    }
}
