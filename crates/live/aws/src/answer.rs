//! From the bytes of an answer to the JSON that the AWS CLI would print.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::pages::{self, Next};
use crate::secrets::{self, REDACTED};
use crate::table::{Call, Protocol, Shape, Shapes};
use crate::time;
use crate::xml;

/// Fields of the identity service that hold a policy, which comes percent-encoded.
const DOCUMENTS: [&str; 3] = ["AssumeRolePolicyDocument", "PolicyDocument", "Document"];

/// Why an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    /// The bytes are no text.
    #[error("the answer is no UTF-8")]
    Encoding,
    /// The answer is no JSON object.
    #[error("the answer is no JSON object")]
    Json,
    /// The answer is no XML that the call answers with.
    #[error("{0}")]
    Xml(#[from] xml::XmlError),
    /// The element that should hold the answer is missing.
    #[error("the answer lacks the element `{0}`")]
    Element(String),
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// What it tells, without its secrets.
    pub(crate) body: Map<String, Value>,
    /// What follows it. The token that asks for it may look like a secret, and is read before those
    /// are taken out.
    pub(crate) next: Next,
}

/// Reads a page of an answer.
///
/// # Errors
/// When the bytes are not an answer of the protocol.
pub(crate) fn read(
    call: &Call,
    protocol: Protocol,
    shapes: Shapes<'_>,
    bytes: &[u8],
) -> Result<Page, AnswerError> {
    let text = std::str::from_utf8(bytes).map_err(|_error| AnswerError::Encoding)?;
    let mut object = match protocol {
        Protocol::Json | Protocol::RestJson => of_json(call, shapes, text)?,
        Protocol::Ec2 | Protocol::Query | Protocol::RestXml => of_xml(call, shapes, text)?,
    };
    let next = pages::next(call.facts.pages.as_ref(), &object);
    if call.facts.service == "iam" {
        object.values_mut().for_each(decode_documents);
    }
    let mut value = Value::Object(object);
    secrets::redact(&mut value);
    match value {
        Value::Object(body) => Ok(Page { body, next }),
        _ => Err(AnswerError::Json),
    }
}

fn of_json(call: &Call, shapes: Shapes<'_>, text: &str) -> Result<Map<String, Value>, AnswerError> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let mut value: Value = serde_json::from_str(text).map_err(|_error| AnswerError::Json)?;
    if let Some(kind) = &call.facts.output {
        refine(&mut value, kind, shapes);
    }
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(AnswerError::Json),
    }
}

/// Writes times as texts, calls members by their names, and takes out what the models call sensitive;
/// all else stays as it is.
fn refine(value: &mut Value, kind: &str, shapes: Shapes<'_>) {
    let Some(shape) = shapes.find(kind) else {
        match kind {
            "S" => secrets::redact_whole(value),
            "t" | "tu" | "ti" | "tr" => {
                if let Some(text) = value.as_f64().and_then(time::of_seconds) {
                    *value = Value::String(text);
                }
            }
            _ => {}
        }
        return;
    };
    if shape.is_secret() {
        secrets::redact_whole(value);
        return;
    }
    match (value, shape) {
        (Value::Array(items), Shape { list: Some((_, kind)), .. }) => {
            for item in items {
                refine(item, kind, shapes);
            }
        }
        (Value::Object(entries), Shape { map: Some((_, _, kind)), .. }) => {
            for entry in entries.values_mut() {
                refine(entry, kind, shapes);
            }
        }
        (Value::Object(object), Shape { members: Some(members), .. }) => {
            for (wire, member) in members {
                let (name, kind) = member.name_and_kind(wire);
                let Some(mut inner) = object.get_mut(wire).map(Value::take) else { continue };
                // The name of an account is how people know it.
                if !(wire == "Name" && kind == "S") {
                    refine(&mut inner, kind, shapes);
                }
                if name != wire {
                    object.shift_remove(wire);
                }
                object.insert(name.to_owned(), inner);
            }
        }
        _ => {}
    }
}

fn of_xml(call: &Call, shapes: Shapes<'_>, text: &str) -> Result<Map<String, Value>, AnswerError> {
    let facts = &call.facts;
    // A bucket's policy is the whole answer, and is JSON.
    if call.name() == "s3api-get-bucket-policy" {
        return Ok(Map::from_iter([("Policy".to_owned(), Value::String(text.to_owned()))]));
    }
    let root = xml::parse(text)?;
    if call.name() == "s3api-get-bucket-location" {
        // The oldest region is told by an empty element.
        let location = match root.text.trim() {
            "" => Value::Null,
            region => Value::String(region.to_owned()),
        };
        return Ok(Map::from_iter([("LocationConstraint".to_owned(), location)]));
    }
    let Some(kind) = &facts.output else { return Ok(Map::new()) };
    let answer = match &facts.wrapper {
        Some(wrapper) if root.name != *wrapper => {
            root.child(wrapper).ok_or_else(|| AnswerError::Element(wrapper.clone()))?
        }
        _ => &root,
    };
    if let Some(payload) = &facts.payload {
        let members = shapes.find(kind).and_then(|shape| shape.members.as_ref());
        let named = members.into_iter().flatten();
        let mut named = named.map(|(wire, member)| member.name_and_kind(wire));
        let kind = named.find(|(name, _)| name == payload).map_or("s", |(_, kind)| kind);
        let value = xml::value(answer, kind, shapes);
        return Ok(Map::from_iter([(payload.clone(), value)]));
    }
    match xml::value(answer, kind, shapes) {
        Value::Object(object) => Ok(object),
        _ => Err(AnswerError::Element(root.name)),
    }
}

/// Reads the policies that the identity service writes as percent-encoded JSON.
fn decode_documents(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(decode_documents),
        Value::Object(object) => {
            for (key, inner) in object.iter_mut() {
                let text = inner.as_str().filter(|_| DOCUMENTS.contains(&&**key));
                let document = text.map(percent_decoded);
                let document = document.and_then(|text| serde_json::from_str(&text).ok());
                match document {
                    Some(document) => *inner = document,
                    // What cannot be read may hold anything.
                    None if inner.is_string() && DOCUMENTS.contains(&&**key) => {
                        *inner = Value::String(REDACTED.to_owned());
                    }
                    None => decode_documents(inner),
                }
            }
        }
        _ => {}
    }
}

/// A text with its `%3A` read as the characters that they stand for.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        if let Some(value) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(value);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
