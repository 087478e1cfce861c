//! XML answers: first a tree of elements, then the JSON that the AWS CLI would print.

#[cfg(test)]
mod tests;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Number, Value};

use crate::secrets::REDACTED;
use crate::table::{Shape, Shapes};
use crate::time;

/// Elements inside each other; answers have fewer than twenty.
const DEPTH_MAX: usize = 100;

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlError {
    /// Not well-formed.
    #[error("the answer is no XML")]
    Malformed,
    /// More elements inside each other than any answer has.
    #[error("the answer nests more than {DEPTH_MAX} elements, the limit `DEPTH_MAX`")]
    Deep,
}

/// An element with what it holds; names are without the prefix of their name space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Self>,
    pub(crate) text: String,
}

impl Element {
    /// The first child of a name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first element of a name, at any depth.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        if self.name == name {
            return Some(&self.text);
        }
        self.children.iter().find_map(|child| child.text_of(name))
    }
}

/// Reads a document.
///
/// # Errors
/// When it is not well-formed, or nests too deep.
pub(crate) fn parse(text: &str) -> Result<Element, XmlError> {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|_error| XmlError::Malformed)? {
            Event::Start(start) => {
                if open.len() > DEPTH_MAX {
                    return Err(XmlError::Deep);
                }
                open.push(begun(&start)?);
            }
            Event::Empty(start) => top(&mut open)?.children.push(begun(&start)?),
            Event::End(_) => {
                let element = open.pop().ok_or(XmlError::Malformed)?;
                top(&mut open)?.children.push(element);
            }
            Event::Text(text) => top(&mut open)?.text.push_str(&text.xml10_content()),
            Event::CData(text) => top(&mut open)?.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character,
                    Ok(None) => named(&reference.xml10_content()).ok_or(XmlError::Malformed)?,
                    Err(_) => return Err(XmlError::Malformed),
                };
                top(&mut open)?.text.push(character);
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let mut document = open.pop().ok_or(XmlError::Malformed)?;
    match (document.children.pop(), open.is_empty() && document.children.is_empty()) {
        (Some(root), true) => Ok(root),
        _ => Err(XmlError::Malformed),
    }
}

fn top(open: &mut [Element]) -> Result<&mut Element, XmlError> {
    open.last_mut().ok_or(XmlError::Malformed)
}

fn begun(start: &BytesStart<'_>) -> Result<Element, XmlError> {
    let mut element = Element { name: local(start.local_name().as_ref()), ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_error| XmlError::Malformed)?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|_error| XmlError::Malformed)?;
        element.attributes.push((local(attribute.key.as_ref()), value.into_owned()));
    }
    Ok(element)
}

fn local(name: &str) -> String {
    name.to_owned()
}

/// The entities that every document has.
fn named(entity: &str) -> Option<char> {
    Some(match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// The value of an element whose kind the models name: a scalar's letter, or a shape.
pub(crate) fn value(element: &Element, kind: &str, shapes: Shapes<'_>) -> Value {
    let Some(shape) = shapes.find(kind) else { return scalar(&element.text, kind) };
    if let Some((name, kind)) = &shape.list {
        let items = element.children.iter().filter(|child| child.name == *name);
        return Value::Array(items.map(|item| value(item, kind, shapes)).collect());
    }
    if let Some((key, inner, kind)) = &shape.map {
        let entries = element.children.iter().filter_map(|entry| pair(entry, key, inner));
        return Value::Object(entries.map(|(key, one)| (key, value(one, kind, shapes))).collect());
    }
    structure(element, shape, shapes)
}

fn pair<'e>(entry: &'e Element, key: &str, value: &str) -> Option<(String, &'e Element)> {
    Some((entry.child(key)?.text.clone(), entry.child(value)?))
}

/// A structure; an element that the models do not know is kept by its own name.
fn structure(element: &Element, shape: &Shape, shapes: Shapes<'_>) -> Value {
    let mut object = Map::new();
    let Some(members) = &shape.members else { return Value::Object(object) };
    for (name, text) in &element.attributes {
        let wire = format!("@{name}");
        if let Some(member) = members.get(&wire) {
            let (name, kind) = member.name_and_kind(&wire);
            object.insert(name.to_owned(), scalar(text, kind));
        }
    }
    for child in &element.children {
        let Some(member) = members.get(&child.name) else {
            if child.name != "requestId" && child.name != "ResponseMetadata" {
                object.entry(child.name.clone()).or_insert_with(|| plain(child));
            }
            continue;
        };
        let (name, kind) = member.name_and_kind(&child.name);
        match shapes.find(kind) {
            Some(flat) if flat.is_flat() => flattened(&mut object, name, child, flat, shapes),
            _ => {
                object.insert(name.to_owned(), value(child, kind, shapes));
            }
        }
    }
    Value::Object(object)
}

/// One element of a list, or entry of a map, that has no element around it.
fn flattened(
    object: &mut Map<String, Value>,
    name: &str,
    child: &Element,
    shape: &Shape,
    shapes: Shapes<'_>,
) {
    if let Some((_, kind)) = &shape.list {
        let list = object.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value(child, kind, shapes));
        }
    } else if let Some((key, inner, kind)) = &shape.map
        && let Some((key, one)) = pair(child, key, inner)
        && let Value::Object(map) = object.entry(name).or_insert_with(|| Value::Object(Map::new()))
    {
        map.insert(key, value(one, kind, shapes));
    }
}

/// What nothing is known about: texts, and objects of texts.
fn plain(element: &Element) -> Value {
    if element.children.is_empty() {
        return Value::String(element.text.clone());
    }
    let mut object = Map::new();
    for child in &element.children {
        let one = plain(child);
        match object.get_mut(&child.name) {
            Some(Value::Array(list)) => list.push(one),
            Some(first) => *first = Value::Array(vec![first.take(), one]),
            None => {
                object.insert(child.name.clone(), one);
            }
        }
    }
    Value::Object(object)
}

/// The value of a scalar's text; one that is not of its kind stays a text.
fn scalar(text: &str, kind: &str) -> Value {
    let number = |number: Option<Number>| {
        number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
    };
    let trimmed = text.trim();
    match kind {
        "n" => number(trimmed.parse::<i64>().ok().map(Number::from)),
        "f" => number(trimmed.parse::<f64>().ok().and_then(Number::from_f64)),
        "b" => match trimmed {
            "true" | "1" => Value::Bool(true),
            "false" | "0" => Value::Bool(false),
            _ => Value::String(text.to_owned()),
        },
        "S" => Value::String(REDACTED.to_owned()),
        "t" | "ti" | "tu" | "tr" => Value::String(time::of_text(trimmed)),
        _ => Value::String(text.to_owned()),
    }
}
