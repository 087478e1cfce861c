//! Reading of policy documents: as objects, as JSON in a string, percent-encoded or not.

use watertight_model::{Evidence, Name};
use watertight_source::{Kind as ValueKind, Limits, Node, Span, Tree};

use crate::codes;
use crate::fields::Fields;

use super::condition::Condition;
use super::pattern::Pattern;
use super::policy::{Choice, Document, Effect, Parties, Party, Statement};

/// Actions or resources that a line about a statement lists.
const LISTED_MAX: usize = 3;
/// Characters of one action or resource that a line about a statement prints.
const LISTED_CHARACTERS_MAX: usize = 200;

/// The version in which `${...}` is a policy variable.
const WITH_VARIABLES: &str = "2012-10-17";

/// Elements of a statement that are read.
const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Reads the document at `place`, which belongs to the policy or resource `id`. What is no
/// document is an error in `fields`, and is read as one of unknown contents.
///
/// The services answer with documents in three forms: IAM's API gives percent-encoded JSON (RFC
/// 3986), which the AWS CLI turns into an object; other services give JSON in a string.
pub(crate) fn document(
    fields: &mut Fields,
    limits: &Limits,
    id: &Name,
    place: Node<'_>,
) -> Document {
    let mut reader = Reader { fields, id, place, is_inside: false, with_variables: false };
    match place.as_str() {
        None => reader.document(place),
        Some(text) => {
            let decoded;
            let text = if text.trim_start().starts_with('%') {
                decoded = percent_decoded(text);
                decoded.as_str()
            } else {
                text
            };
            reader.is_inside = true;
            if let Ok(tree) = Tree::parse_json(place.span().file, text, limits) {
                return reader.document(tree.root());
            }
            reader.error(place, "it is no JSON document");
            Document::unread(id, Some(place.span()))
        }
    }
}

struct Reader<'r, 't> {
    fields: &'r mut Fields,
    id: &'r Name,
    place: Node<'t>,
    /// Whether the document stands in a string, so that its own places mean nothing outside.
    is_inside: bool,
    with_variables: bool,
}

impl Reader<'_, '_> {
    fn document(&mut self, root: Node<'_>) -> Document {
        if root.kind() != ValueKind::Object {
            self.error(root, "it is no JSON object");
            return Document::unread(self.id, Some(self.place.span()));
        }
        let version = root.get("Version").and_then(Node::as_str);
        self.with_variables = version == Some(WITH_VARIABLES);
        let mut statements = Vec::new();
        match root.get("Statement") {
            Some(one) if one.kind() == ValueKind::Object => {
                statements.extend(self.statement(one, 1));
            }
            Some(many) if many.kind() == ValueKind::Array => {
                for (at, item) in many.items().enumerate() {
                    statements.extend(self.statement(item, at.saturating_add(1)));
                }
            }
            Some(other) => self.error(other, "`Statement` is neither an object nor an array"),
            None => {}
        }
        Document::new(statements)
    }

    fn statement(&mut self, node: Node<'_>, number: usize) -> Option<Statement> {
        if node.kind() != ValueKind::Object {
            self.error(node, "a statement is no object");
            return None;
        }
        let effect = match node.get("Effect").and_then(Node::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => {
                self.error(node, "the `Effect` of a statement is neither `Allow` nor `Deny`");
                return None;
            }
        };
        let mut is_doubtful = false;
        for entry in node.entries() {
            if !ELEMENTS.contains(&entry.key) {
                is_doubtful = true;
                self.warn(entry.value, &format!("the element `{}` is not known", entry.key));
            }
        }
        let actions = self.texts(node, "Action");
        let not_actions = self.texts(node, "NotAction");
        let resources = self.texts(node, "Resource");
        let not_resources = self.texts(node, "NotResource");
        let conditions = self.conditions(node, &mut is_doubtful);
        let parties = self.parties(node);
        if actions.is_none() && not_actions.is_none() {
            is_doubtful = true;
            self.warn(node, "a statement names no action");
        }
        let sid = node.get("Sid").and_then(Node::as_str).filter(|sid| !sid.is_empty());
        let rule = sid.map_or_else(|| format!("statement {number}"), ToOwned::to_owned);
        let text = summary(
            effect,
            &described(actions.as_deref(), not_actions.as_deref()),
            &described(resources.as_deref(), not_resources.as_deref()),
            &conditions,
        );
        let evidence = Evidence {
            resource: self.id.clone(),
            rule: Name::from(rule),
            text: Name::from(text),
            origin: Some(self.span(node)),
        };
        let lower =
            |texts: Vec<String>| texts.iter().map(|text| text.to_ascii_lowercase()).collect();
        Some(Statement {
            effect,
            parties,
            actions: choice(actions.map(lower), not_actions.map(lower), false),
            resources: choice(resources, not_resources, self.with_variables),
            conditions,
            is_doubtful,
            evidence,
        })
    }

    fn parties(&mut self, node: Node<'_>) -> Parties {
        match (node.get("Principal"), node.get("NotPrincipal")) {
            (Some(named), _) => Parties::These(self.party_list(named)),
            (None, Some(named)) => Parties::AllBut(self.party_list(named)),
            (None, None) => Parties::Unnamed,
        }
    }

    fn party_list(&mut self, node: Node<'_>) -> Vec<Party> {
        if let Some(text) = node.as_str() {
            return vec![party("AWS", text)];
        }
        if node.kind() != ValueKind::Object {
            self.error(node, "a principal is neither a string nor an object");
        }
        let mut parties = Vec::new();
        for entry in node.entries() {
            let texts = self.text_list(entry.value, entry.key);
            parties.extend(texts.iter().map(|text| party(entry.key, text)));
        }
        parties
    }

    fn conditions(&mut self, node: Node<'_>, is_doubtful: &mut bool) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let Some(block) = node.get("Condition") else { return conditions };
        if block.kind() != ValueKind::Object {
            self.error(block, "`Condition` is no object");
            *is_doubtful = true;
        }
        for operator in block.entries() {
            if operator.value.kind() != ValueKind::Object {
                self.error(operator.value, "a condition's operator holds no object");
                *is_doubtful = true;
            }
            for key in operator.value.entries() {
                let values = self.text_list(key.value, key.key);
                let condition = Condition::new(operator.key, key.key, &values, self.with_variables);
                if !condition.is_known() {
                    let what = format!("the operator `{}` is not known", operator.key);
                    self.warn(operator.value, &what);
                }
                conditions.push(condition);
            }
        }
        conditions
    }

    /// The string or strings at a key.
    fn texts(&mut self, node: Node<'_>, key: &str) -> Option<Vec<String>> {
        let value = node.get(key).filter(|value| !value.is_null())?;
        Some(self.text_list(value, key))
    }

    /// One value or a list of them; conditions hold booleans and numbers too.
    fn text_list(&mut self, value: Node<'_>, key: &str) -> Vec<String> {
        if value.kind() != ValueKind::Array {
            return self.scalar(value, key).into_iter().collect();
        }
        value.items().filter_map(|item| self.scalar(item, key)).collect()
    }

    fn scalar(&mut self, value: Node<'_>, key: &str) -> Option<String> {
        match value.kind() {
            ValueKind::String => value.as_str().map(ToOwned::to_owned),
            ValueKind::Bool | ValueKind::Number => Some(value.raw().to_owned()),
            _ => {
                let found = value.kind().with_article();
                self.error(value, &format!("`{key}` holds {found}"));
                None
            }
        }
    }

    fn span(&self, node: Node<'_>) -> Span {
        if self.is_inside { self.place.span() } else { node.span() }
    }

    fn error(&mut self, node: Node<'_>, what: &str) {
        let message = format!("the policy document of `{}`: {what}", self.id);
        if self.is_inside {
            self.fields.error(self.place, codes::BAD_DOCUMENT, self.id, message);
        } else {
            self.fields.error(node, codes::BAD_DOCUMENT, self.id, message);
        }
    }

    fn warn(&mut self, node: Node<'_>, what: &str) {
        let message = format!("the policy document of `{}`: {what}", self.id);
        if self.is_inside {
            self.fields.warn(self.place, codes::UNKNOWN_VALUE, self.id, message);
        } else {
            self.fields.warn(node, codes::UNKNOWN_VALUE, self.id, message);
        }
    }
}

/// A party from the kind and text of a `Principal` element.
fn party(kind: &str, text: &str) -> Party {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    match kind {
        _ if text == "*" => Party::Anyone,
        "AWS" if is_account => Party::Account(text.to_owned()),
        "AWS" if text.starts_with("arn:") => {
            let mut parts = text.splitn(6, ':');
            let (account, resource) = (parts.nth(4), parts.next());
            match (account, resource) {
                (Some(account), Some("root")) => Party::Account(account.to_owned()),
                _ => Party::Arn(text.to_owned()),
            }
        }
        "AWS" => Party::UniqueId(text.to_owned()),
        "Service" => Party::Service(text.to_owned()),
        _ => Party::Other(text.to_owned()),
    }
}

fn choice(these: Option<Vec<String>>, all_but: Option<Vec<String>>, variables: bool) -> Choice {
    let patterns = |texts: Vec<String>| {
        texts.iter().map(|text| Pattern::parse(text, variables)).collect::<Vec<_>>()
    };
    match (these, all_but) {
        (Some(texts), _) => Choice { excludes: false, patterns: patterns(texts) },
        (None, Some(texts)) => Choice { excludes: true, patterns: patterns(texts) },
        (None, None) => Choice::everything(),
    }
}

fn described(these: Option<&[String]>, all_but: Option<&[String]>) -> String {
    match (these, all_but) {
        (Some(texts), _) => listed(texts),
        (None, Some(texts)) => format!("all but {}", listed(texts)),
        (None, None) => String::new(),
    }
}

fn listed(texts: &[String]) -> String {
    let mut shown: Vec<String> = Vec::with_capacity(LISTED_MAX);
    for text in texts.iter().take(LISTED_MAX) {
        shown.push(text.chars().take(LISTED_CHARACTERS_MAX).collect());
    }
    let more = texts.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

/// A statement in one line, such as `Allow s3:GetObject on arn:aws:s3:::bucket/* if Bool
/// aws:securetransport`.
fn summary(effect: Effect, actions: &str, resources: &str, conditions: &[Condition]) -> String {
    let mut text = String::from(match effect {
        Effect::Allow => "Allow ",
        Effect::Deny => "Deny ",
    });
    text.push_str(actions);
    if !resources.is_empty() {
        text.push_str(" on ");
        text.push_str(resources);
    }
    for (at, condition) in conditions.iter().enumerate() {
        text.push_str(if at == 0 { " if " } else { " and " });
        text.push_str(condition.operator());
        text.push(' ');
        text.push_str(condition.key());
    }
    text
}

/// A text with its `%7B` read as the bytes that they stand for.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).filter(|_| *first == b'%');
        let value = code
            .and_then(|code| std::str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
