//! A call with its arguments as an HTTP request, in the words of the service's protocol.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::table::{Call, Input, Location, Protocol, Service};

/// A request without its endpoint and signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) method: String,
    /// Path and query, percent-encoded.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// The arguments of a call by parameter.
pub(crate) type Parameters = BTreeMap<String, Value>;

/// Writes a request.
pub(crate) fn wire(call: &Call, service: &Service, parameters: &Parameters) -> Wire {
    match service.protocol {
        Protocol::Ec2 | Protocol::Query => form(call, service, parameters),
        Protocol::Json => json(call, service, parameters),
        Protocol::RestJson | Protocol::RestXml => rest(call, parameters),
    }
}

fn input<'c>(call: &'c Call, parameter: &'c str) -> (Location, &'c str) {
    let known = call.facts.input.get(parameter);
    known.map_or((Location::Body, parameter), |Input { place, name }| (*place, name))
}

fn form(call: &Call, service: &Service, parameters: &Parameters) -> Wire {
    let mut body = format!("Action={}&Version={}", call.facts.operation, service.version);
    let mut add = |key: &str, value: &str| {
        body.push('&');
        body.push_str(&encoded(key));
        body.push('=');
        body.push_str(&encoded(value));
    };
    for (key, value) in &call.line.raw {
        add(key, value);
    }
    for (parameter, value) in parameters {
        let (_, name) = input(call, parameter);
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    add(&format!("{name}.{}", index.saturating_add(1)), &text(item));
                }
            }
            other => add(name, &text(other)),
        }
    }
    let content = "application/x-www-form-urlencoded; charset=utf-8";
    Wire {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: vec![("content-type".to_owned(), content.to_owned())],
        body,
    }
}

fn json(call: &Call, service: &Service, parameters: &Parameters) -> Wire {
    let object: Map<String, Value> = parameters
        .iter()
        .map(|(parameter, value)| (input(call, parameter).1.to_owned(), value.clone()))
        .collect();
    let version = service.json.as_deref().unwrap_or("1.0");
    let target = service.target.as_deref().unwrap_or_default();
    let headers = [
        ("content-type", format!("application/x-amz-json-{version}")),
        ("x-amz-target", format!("{target}.{}", call.facts.operation)),
    ];
    Wire {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        body: Value::Object(object).to_string(),
    }
}

fn rest(call: &Call, parameters: &Parameters) -> Wire {
    let mut path = call.facts.uri.clone().unwrap_or_else(|| "/".to_owned());
    let mut query: Vec<(String, Option<String>)> = Vec::new();
    for part in call.facts.query.iter().flat_map(|query| query.split('&')) {
        let (key, value) = part.split_once('=').map_or((part, None), |(key, one)| (key, Some(one)));
        query.push((key.to_owned(), value.map(ToOwned::to_owned)));
    }
    let mut headers = Vec::new();
    let mut body = Map::new();
    for (parameter, value) in parameters {
        let (place, name) = input(call, parameter);
        match (place, value) {
            (Location::Uri, value) => {
                let value = text(value);
                path = path.replace(&format!("{{{name}}}"), &encoded(&value));
            }
            (Location::Query, Value::Array(items)) => {
                query.extend(items.iter().map(|item| (name.to_owned(), Some(text(item)))));
            }
            (Location::Query, value) => query.push((name.to_owned(), Some(text(value)))),
            (Location::Header, value) => headers.push((name.to_owned(), text(value))),
            (Location::Body, value) => {
                body.insert(name.to_owned(), value.clone());
            }
        }
    }
    for (index, (key, value)) in query.iter().enumerate() {
        path.push(if index == 0 { '?' } else { '&' });
        path.push_str(&encoded(key));
        if let Some(value) = value {
            path.push('=');
            path.push_str(&encoded(value));
        }
    }
    let method = call.facts.method.clone().unwrap_or_else(|| "GET".to_owned());
    let body = if body.is_empty() && method == "GET" {
        String::new()
    } else {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        Value::Object(body).to_string()
    };
    Wire { method, path, headers, body }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text as a part of a path or a form (RFC 3986: all but unreserved characters).
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _written = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
