//! Whether two texts say the same but for one field of one segment.

use watertight_source::{FileId, Kind, Limits, Node, Tree, yaml_comments};

use super::Place;

/// Whether the new trees are the old ones, but that the `spec` of the document at a place has this value in a field
/// now, or has no such field.
pub(super) fn but_for(
    old: &[Tree],
    new: &[Tree],
    place: Place,
    (key, wanted): (&str, Option<&Tree>),
) -> bool {
    let edit = Edit { place, key, wanted };
    old.len() == new.len()
        && old
            .iter()
            .zip(new)
            .enumerate()
            .all(|(number, (old, new))| edit.root(number == place.tree, old.root(), new.root()))
}

/// Whether two texts have the same comments, in the same order.
pub(super) fn comments(file: FileId, old: &str, new: &str, limits: &Limits) -> bool {
    let of = |text: &str| -> Option<Vec<String>> {
        let comments = yaml_comments(file, text, limits).ok()?;
        let texts = comments.into_iter().map(|one| {
            let range =
                usize::try_from(one.span.start).ok()?..usize::try_from(one.span.end).ok()?;
            text.get(range).map(|text| text.trim_end().to_owned())
        });
        texts.collect()
    };
    let (old, new) = (of(old), of(new));
    old.is_some() && old == new
}

struct Edit<'e> {
    place: Place,
    key: &'e str,
    wanted: Option<&'e Tree>,
}

impl Edit<'_> {
    /// A file's value, in which the document is the root or an item.
    fn root(&self, is_here: bool, old: Node<'_>, new: Node<'_>) -> bool {
        let Some(item) = self.place.item.filter(|_| is_here) else {
            return if is_here { self.document(old, new) } else { is_same(old, new) };
        };
        old.kind() == Kind::Array
            && new.kind() == Kind::Array
            && old.len() == new.len()
            && old.items().zip(new.items()).enumerate().all(|(number, (old, new))| {
                if number == item { self.document(old, new) } else { is_same(old, new) }
            })
    }

    fn document(&self, old: Node<'_>, new: Node<'_>) -> bool {
        fields(old, new, "spec")
            && match (old.get("spec"), new.get("spec")) {
                (Some(old), Some(new)) => {
                    let is_as_wanted = match (new.get(self.key), self.wanted) {
                        (None, None) => true,
                        (Some(value), Some(wanted)) => is_same(value, wanted.root()),
                        _ => false,
                    };
                    is_as_wanted && fields(old, new, self.key)
                }
                _ => false,
            }
    }
}

/// Whether two objects have the same fields in the same order, but for one.
fn fields(old: Node<'_>, new: Node<'_>, but: &str) -> bool {
    if old.kind() != Kind::Object || new.kind() != Kind::Object {
        return false;
    }
    let mut one = old.entries().filter(|entry| entry.key != but);
    let mut other = new.entries().filter(|entry| entry.key != but);
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one.key == other.key => {
                if !is_same(one.value, other.value) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// Whether two values are equal. The limits of their trees bound the depth.
fn is_same(old: Node<'_>, new: Node<'_>) -> bool {
    if old.kind() != new.kind() || old.len() != new.len() {
        return false;
    }
    match old.kind() {
        Kind::Null => true,
        Kind::Bool => old.as_bool() == new.as_bool(),
        Kind::Number => old.number_text() == new.number_text(),
        Kind::String => old.as_str() == new.as_str(),
        Kind::Array => old.items().zip(new.items()).all(|(old, new)| is_same(old, new)),
        Kind::Object => {
            let mut pairs = old.entries().zip(new.entries());
            pairs.all(|(old, new)| old.key == new.key && is_same(old.value, new.value))
        }
    }
}
