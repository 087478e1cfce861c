//! The one form in which a policy's text is written.
//!
//! Values, the order of lists and the order of labels stay; the order of fields, quotes, indents and
//! the choice between lines and braces do not depend on how the text was written. Comments stay with
//! what they stand at.

mod attach;
mod item;
mod json;
mod scalar;
mod yaml;

#[cfg(test)]
mod tests;

use watertight_source::{Contents, FileId, Limits, ParseError, Tree, yaml_comments};

use crate::read::Format;

/// The widest line in which a list or an object is written in one.
const WIDTH_MAX: usize = 100;

/// The text of a file in its one form. It says what the file says: a text with mistakes keeps them.
///
/// # Errors
/// When the text is not well-formed.
pub fn formatted(
    file: FileId,
    contents: &Contents,
    format: Format,
    limits: &Limits,
) -> Result<String, ParseError> {
    match format {
        Format::Json => Ok(json::written(&Tree::parse_json(file, contents, limits)?)),
        Format::Yaml => {
            let trees = Tree::parse_yaml_documents(file, contents, limits)?;
            let comments = yaml_comments(file, contents, limits)?;
            Ok(yaml::written(&trees, &comments, contents.as_str().unwrap_or_default()))
        }
    }
}

/// The fields of all kinds of objects in the order in which they are written: no two objects want
/// the same two fields in different orders.
#[rustfmt::skip]
const FIELDS: [&str; 84] = [
    "apiVersion", "kind", "segment", "group", "matchLabels", "matchExpressions", "name", "owner",
    "ticket", "description", "action", "when", "labels", "cluster", "account", "subnet", "tags", "assertion",
    "gap", "tier", "order", "members", "mode", "share", "percent", "select", "expires", "expiryOpens", "lowering", "requests",
    "identity", "internet", "deny", "rules", "failsafe", "controlPlanes", "defaults", "ingress", "egress", "intra",
    "criticality", "onFault", "mapFull", "unknownIdentity", "proxyGone", "staleIdentity", "never",
    "always", "onlyFrom", "onlyTo", "from", "to", "through", "tcp", "udp", "sctp", "tls", "icmp",
    "icmpv6", "protocol", "service", "http", "over", "reach", "key", "operator", "values", "methods",
    "path", "pathPrefix", "type", "code", "prefixes", "feed", "names", "groups", "pools",
    "addresses", "network", "domains", "users", "provider", "metadata", "spec",
];

/// The place of a field among those of its object; what is not known comes last.
fn rank(field: &str) -> usize {
    FIELDS.iter().position(|one| *one == field).unwrap_or(FIELDS.len())
}

/// Whether the keys of the object under this key are people's own, and stay as they are ordered.
fn is_free(key: &str) -> bool {
    matches!(key, "matchLabels" | "labels" | "tags")
}

/// Whether the values under this key are ports, which need no quotes.
fn is_ports(key: &str) -> bool {
    matches!(key, "tcp" | "udp" | "sctp" | "tls")
}
