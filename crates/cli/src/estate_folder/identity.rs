//! The id of an estate: a hash of its canonical content, without times of collection.
//!
//! `docs/reference/estate-folder.md` defines what is hashed. Two estates with the same id hold the
//! same values under the same paths, however they are written.

use sha2::{Digest, Sha256};
use watertight_aws::Body;
use watertight_model::EstateId;
use watertight_source::{Kind, Node, Tree};

/// Keys of an estate's description that say when something was collected.
const TIMES: [&str; 1] = ["collected"];
/// Keys of bodies that describe the call and not what is deployed.
const OF_THE_CALL: [&str; 1] = ["ResponseMetadata"];

/// The id of bodies, which are ordered by path, and of the description.
pub(crate) fn of<'b>(
    bodies: impl IntoIterator<Item = &'b Body>,
    manifest: Option<&Tree>,
) -> EstateId {
    let mut hash = Sha256::new();
    for body in bodies {
        text(&mut hash, b'f', &body.path);
        value(&mut hash, body.tree.root(), &OF_THE_CALL);
    }
    if let Some(manifest) = manifest {
        text(&mut hash, b'f', "estate.json");
        value(&mut hash, manifest.root(), &TIMES);
    }
    let digits = hash.finalize().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    EstateId(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect())
}

/// Adds a value: a byte for its kind, then its content; keys in the order of their bytes.
fn value(hash: &mut Sha256, node: Node<'_>, left_out: &[&str]) {
    match node.kind() {
        Kind::Object => {
            let mut entries: Vec<_> =
                node.entries().filter(|entry| !left_out.contains(&entry.key)).collect();
            entries.sort_by_key(|entry| entry.key);
            count(hash, b'o', entries.len());
            for entry in entries {
                text(hash, b'k', entry.key);
                value(hash, entry.value, left_out);
            }
        }
        Kind::Array => {
            count(hash, b'a', node.len());
            for item in node.items() {
                value(hash, item, left_out);
            }
        }
        Kind::String => text(hash, b's', node.as_str().unwrap_or_default()),
        Kind::Number => text(hash, b'n', node.number_text().unwrap_or_default()),
        Kind::Bool | Kind::Null => text(hash, b'w', node.raw()),
    }
}

fn text(hash: &mut Sha256, kind: u8, text: &str) {
    count(hash, kind, text.len());
    hash.update(text.as_bytes());
}

fn count(hash: &mut Sha256, kind: u8, count: usize) {
    hash.update([kind]);
    hash.update(u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
}
