//! Selectors and labelings.

use std::collections::BTreeSet;
use std::str::FromStr;

use watertight_model::Name;
use watertight_net::Prefix;
use watertight_source::{Diagnostic, Node};

use crate::codes;
use crate::suggest;
use crate::syntax::{
    LabelSelector, Labeling, LabelingRule, Operator, Pattern, RawFacts, Requirement, Spanned,
};
use crate::trust::is_trusted;

use super::reader::{Reader, shortened};

/// The fields of a selector.
pub(super) const SELECTOR_FIELDS: [&str; 2] = ["matchLabels", "matchExpressions"];

const OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];

/// The selector that `matchLabels` and `matchExpressions` of an object make; the object's fields
/// are checked by the caller.
pub(super) fn selector(reader: &mut Reader<'_>, node: Node<'_>) -> LabelSelector {
    let mut requirements = Vec::new();
    if let Some(labels) = reader.take(node.object_field("matchLabels")).flatten() {
        for entry in labels.entries() {
            let key = label_key(reader, entry.key, entry.key_span);
            let value = reader.text(entry.value);
            if let Some((key, value)) = key.zip(value) {
                let span = watertight_source::Span { end: value.span.end, ..entry.key_span };
                let operator = Operator::In(BTreeSet::from([value.value]));
                requirements.push(Requirement { span, key, operator });
            }
        }
    }
    for expression in reader.list(node, "matchExpressions") {
        requirements.extend(requirement(reader, expression));
    }
    LabelSelector::new(node.span(), requirements)
}

fn label_key(reader: &mut Reader<'_>, key: &str, span: watertight_source::Span) -> Option<Name> {
    if key.is_empty() || key.len() > 320 || key.chars().any(char::is_control) {
        let message = format!("`{}` is not the key of a label", shortened(key));
        reader.error(codes::BAD_NAME, span, message, "keys have 1 to 320 bytes on one line");
        return None;
    }
    Some(Name::from(key))
}

fn requirement(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Requirement> {
    reader.object(node, &["key", "operator", "values"])?;
    let key = reader.take(node.req_field("key"));
    let key = key.and_then(|key| reader.text(key));
    let key = key.and_then(|key| label_key(reader, &key.value, key.span));
    let operator = reader.take(node.req_field("operator"));
    let values: Option<BTreeSet<Name>> = node.get("values").map(|_| {
        let values = reader.items(node, "values", Reader::text);
        values.into_iter().map(|value| value.value).collect()
    });
    let operator = operator?;
    let word = reader.string(operator)?;
    let operator = match (word, values) {
        ("In", Some(values)) => Operator::In(values),
        ("NotIn", Some(values)) => Operator::NotIn(values),
        ("Exists", None) => Operator::Exists,
        ("DoesNotExist", None) => Operator::DoesNotExist,
        ("In" | "NotIn", None) => {
            let message = format!("the operator `{word}` needs `values`");
            reader.error(codes::BAD_SELECTOR, node.span(), message, "add `values: [...]`");
            return None;
        }
        ("Exists" | "DoesNotExist", Some(_)) => {
            let message = format!("the operator `{word}` takes no `values`");
            let other = if word == "Exists" { "In" } else { "NotIn" };
            let help = format!("leave `values` out, or use `{other}`");
            reader.error(codes::BAD_SELECTOR, node.span(), message, help);
            return None;
        }
        _ => {
            let message = format!("there is no operator `{}`", shortened(word));
            let help = suggest::help(word, &OPERATORS);
            reader.error(codes::BAD_SELECTOR, operator.span(), message, help);
            return None;
        }
    };
    Some(Requirement { span: node.span(), key: key?, operator })
}

/// A prefix in canonical form.
pub(super) fn prefix(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Spanned<Prefix>> {
    let text = reader.string(node)?;
    match Prefix::from_str(text) {
        Ok(prefix) => Some(Spanned::new(prefix, node.span())),
        Err(error) => {
            // The messages of prefixes say themselves what to write.
            let diagnostic = Diagnostic::error(codes::BAD_ADDRESS, error.to_string());
            reader.push(diagnostic.with_label(node.span(), ""));
            None
        }
    }
}

pub(super) fn labeling(reader: &mut Reader<'_>, spec: Node<'_>) -> Option<Labeling> {
    reader.object(spec, &["rules"])?;
    let rules = reader.required_list(spec, "rules");
    let rules = rules.into_iter().filter_map(|rule| labeling_rule(reader, rule)).collect();
    Some(Labeling { rules })
}

fn labeling_rule(reader: &mut Reader<'_>, node: Node<'_>) -> Option<LabelingRule> {
    reader.object(node, &["when", "labels"])?;
    let when = reader.take(node.req_field("when"));
    let when = when.and_then(|when| raw_facts(reader, when));
    let given = reader.take(node.req_object("labels"))?;
    let mut labels = Vec::new();
    for entry in given.entries() {
        let key = label_key(reader, entry.key, entry.key_span);
        if is_trusted(entry.key) {
            let message = format!("the label `{}` is its provider's to give", entry.key);
            let help = "give it another key, without a provider's prefix";
            reader.error(codes::RESERVED_LABEL, entry.key_span, message, help);
        }
        labels.extend(key.zip(reader.text(entry.value)));
    }
    if given.is_empty() {
        let message = "the rule gives no label";
        reader.error(codes::EMPTY, given.span(), message, "name a label with its value");
    }
    Some(LabelingRule { span: node.span(), when: when?, labels })
}

fn raw_facts(reader: &mut Reader<'_>, node: Node<'_>) -> Option<RawFacts> {
    reader.object(node, &["name", "account", "subnet", "tags", "addresses"])?;
    let pattern = |text: Spanned<Name>| Spanned::new(Pattern(text.value), text.span);
    let mut tags = Vec::new();
    if let Some(given) = reader.take(node.object_field("tags")).flatten() {
        for entry in given.entries() {
            let key = label_key(reader, entry.key, entry.key_span);
            tags.extend(key.zip(reader.text(entry.value).map(pattern)));
        }
    }
    if node.is_empty() || node.get("tags").is_some_and(Node::is_empty) {
        let message = "the rule has no condition, so it would hold for every workload";
        let help = "name what it holds for: `name`, `account`, `subnet`, `tags` or `addresses`";
        reader.error(codes::EMPTY, node.span(), message, help);
    }
    Some(RawFacts {
        name: reader.items(node, "name", Reader::text).into_iter().map(pattern).collect(),
        account: reader.items(node, "account", Reader::text),
        subnet: reader.items(node, "subnet", Reader::text),
        tags,
        addresses: reader.items(node, "addresses", prefix),
    })
}
