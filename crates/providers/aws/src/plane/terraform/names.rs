//! What resources are called in a configuration: the same for the same, and never two alike.
//!
//! Source: Terraform language, "Identifiers": letters, digits, underscores and hyphens, and no digit at
//! the beginning.

use watertight_compile::{GroupName, short_hash};

use crate::plane::units::{RuleUnit, UnitPeer};

/// The identifier of a group, or of anything else that has a name.
///
/// What cannot be told back from it ends with a hash of the whole name, behind two underscores, which no
/// other identifier has.
pub(super) fn identifier(name: &str) -> String {
    let own = name.strip_prefix(GroupName::PREFIX).unwrap_or(name);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let is_told = own.split('/').all(|part| !part.is_empty() && part.chars().all(is_plain))
        && own.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let text: String =
        own.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    if is_told { text } else { format!("w_{text}__{:016x}", short_hash(name.bytes())) }
}

/// The name of the provider's configuration of an account and a region.
pub(super) fn alias(account: &str, region: &str) -> String {
    identifier(&format!("a{account}/{region}"))
}

/// The identifier of a rule of a group.
pub(super) fn of_rule(group: &str, direction: &str, unit: &RuleUnit) -> String {
    let protocol = if unit.protocol == "-1" { "all" } else { unit.protocol.as_str() };
    let number = |number: i64| match number {
        -1 => String::from("any"),
        other => other.to_string(),
    };
    let ports = match unit.ports {
        None => String::new(),
        Some((from, to)) if from == to => format!("-{}", number(from)),
        Some((from, to)) => format!("-{}-{}", number(from), number(to)),
    };
    let peer = match &unit.peer {
        UnitPeer::V4(prefix) | UnitPeer::V6(prefix) => {
            prefix.replace('.', "-").replace([':', '/'], "_")
        }
        UnitPeer::Group(name) | UnitPeer::List(name) => identifier(name),
    };
    format!("{}_{direction}_{protocol}{ports}_{peer}", identifier(group))
}

/// A text as a configuration writes it: what would begin a template is escaped (Terraform language,
/// "Strings and templates").
pub(super) fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_of_ours_is_read_in_its_identifier() {
        let name = "watertight/vpc-0000000000000c001/app/e7085e21";
        assert_eq!(identifier(name), "vpc-0000000000000c001_app_e7085e21");
    }

    /// Names that look alike once letters are replaced, and one that begins with a digit.
    #[test]
    fn names_that_differ_have_identifiers_that_differ() {
        let names = [
            "watertight/v/a/b",
            "watertight/v/a_b",
            "watertight/v/a+b",
            "watertight/v/a//b",
            "watertight/v/a.b",
            "watertight/1/a/b",
            "watertight/w/1/a/b",
            "v/ä",
            "v/ö",
            "",
        ];
        let all: BTreeSet<String> = names.iter().map(|name| identifier(name)).collect();
        assert_eq!(all.len(), names.len(), "{all:?}");
        for one in all {
            let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
            assert!(one.starts_with(|first: char| first.is_ascii_alphabetic()), "{one}");
            assert!(one.chars().all(is_letter), "{one}");
        }
    }

    #[test]
    fn what_would_be_a_template_is_a_text() {
        assert_eq!(literal("a ${b} %{c} $d"), "a $${b} %%{c} $d");
    }
}
