//! A body as a service writes it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::call::{Asked, Table, text};
use super::http::Response;

/// The answer to a role's being assumed.
pub(super) fn credentials(account: &str) -> Response {
    let body = format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
         <Credentials><AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
         <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
         <AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId><Arn>arn:aws:sts::{account}:assumed-role/r/x</Arn>\
         </AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
    );
    Response::good("text/xml", body)
}

/// The answer of somebody who has none of it.
pub(super) fn nothing(table: &Table, asked: &Asked) -> Value {
    let results = table.call(&asked.call)["pages"]["results"].as_array();
    let lists = results.into_iter().flatten().map(|key| (text(key).to_owned(), json!([])));
    Value::Object(lists.collect())
}

/// The page of a body that was asked for.
pub(super) fn page(table: &Table, asked: &Asked, body: Value, size: Option<usize>) -> Value {
    let pages = &table.call(&asked.call)["pages"];
    let (Some(results), Value::Object(mut body)) = (pages["results"].as_array(), body.clone())
    else {
        return body;
    };
    let size = size.unwrap_or(usize::MAX);
    let token = asked.parameters.get(text(&pages["input"][0])).and_then(|values| values.first());
    let start: usize =
        token.and_then(|token| token.strip_prefix("page-")?.parse().ok()).unwrap_or(0);
    let mut seen = 0;
    for key in results {
        let Some(Value::Array(list)) = body.get_mut(text(key)) else { continue };
        let before = seen;
        seen += list.len();
        let range = start.saturating_sub(before)..start.saturating_add(size).saturating_sub(before);
        let kept = list.iter().enumerate().filter(|(index, _)| range.contains(index));
        *list = kept.map(|(_, item)| item.clone()).collect();
    }
    let is_last = start.saturating_add(size) >= seen;
    if !is_last {
        let next = Value::from(format!("page-{}", start + size));
        body.insert(text(&pages["output"][0]).to_owned(), next);
    }
    if let Some(more) = pages["more"].as_str() {
        body.insert(more.to_owned(), Value::from(!is_last));
    }
    Value::Object(body)
}

/// The events that a lookup asks for, of all that are recorded: those from its start on, and those
/// that only read where it asks for these.
pub(super) fn looked_up(asked: &Asked, mut body: Value) -> Value {
    let one = |key: &str| asked.parameters.get(key).and_then(|values| values.first());
    let start: f64 = one("StartTime").and_then(|text| text.parse().ok()).unwrap_or_default();
    let attribute: Value = one("LookupAttributes")
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    if let Some(events) = body["Events"].as_array_mut() {
        events.retain(|event| {
            event["EventTime"].as_f64().is_some_and(|time| time >= start)
                && (attribute["AttributeKey"] != "ReadOnly"
                    || event["ReadOnly"] == attribute["AttributeValue"])
        });
    }
    body
}

/// A body in the protocol of its call.
pub(super) fn answer(table: &Table, asked: &Asked, body: Value) -> Response {
    let protocol = table.protocol(&asked.call);
    if matches!(protocol, "json" | "rest-json") {
        let wire = wired(table, &asked.call, body, text(&table.call(&asked.call)["output"]));
        return Response::good("application/x-amz-json-1.1", wire.to_string());
    }
    if asked.call == "s3api-get-bucket-policy" {
        return Response::good("application/json", text(&body["Policy"]).to_owned());
    }
    let facts = table.call(&asked.call);
    let operation = text(&facts["operation"]);
    let writer = Writer { table, call: &asked.call };
    let mut xml = String::new();
    if asked.call == "s3api-get-bucket-location" {
        write_element(&mut xml, "LocationConstraint", text(&body["LocationConstraint"]));
        return Response::good("text/xml", xml);
    }
    let kind = text(&facts["output"]);
    let mut inner = String::new();
    match facts["payload"].as_str() {
        Some(payload) => {
            let members =
                table.shape(&asked.call, kind).and_then(|shape| shape["struct"].as_object());
            let kind = members.into_iter().flatten().map(|(wire, member)| named(wire, member));
            let kind =
                kind.into_iter().find(|(name, _)| *name == payload).map_or("s", |(_, kind)| kind);
            writer.members(&mut inner, &body[payload], kind);
        }
        None => writer.members(&mut inner, &body, kind),
    }
    let name_space = "xmlns=\"http://amazonaws.com/doc/\"";
    let _written = match facts["wrapper"].as_str() {
        Some(wrapper) => write!(
            xml,
            "<{operation}Response {name_space}><{wrapper}>{inner}</{wrapper}>\
             <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{operation}Response>"
        ),
        None => write!(
            xml,
            "<{operation}Response {name_space} xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
             {inner}<requestId>r</requestId></{operation}Response>"
        ),
    };
    Response::good("text/xml", xml)
}

/// A value with its members called as they are on the wire.
fn wired(table: &Table, call: &str, value: Value, kind: &str) -> Value {
    let Some(shape) = table.shape(call, kind) else { return value };
    match value {
        Value::Array(items) => {
            let kind = text(&shape["list"][1]);
            items.into_iter().map(|item| wired(table, call, item, kind)).collect()
        }
        Value::Object(mut object) => {
            for (wire, member) in shape["struct"].as_object().into_iter().flatten() {
                let (name, kind) = named(wire, member);
                if let Some(inner) = object.remove(name) {
                    object.insert(wire.clone(), wired(table, call, inner, kind));
                }
            }
            Value::Object(object)
        }
        other => other,
    }
}

struct Writer<'t> {
    table: &'t Table,
    call: &'t str,
}

impl Writer<'_> {
    /// The members of a structure, without an element around them.
    fn members(&self, xml: &mut String, value: &Value, kind: &str) {
        let Some(members) =
            self.table.shape(self.call, kind).and_then(|shape| shape["struct"].as_object())
        else {
            return;
        };
        for (wire, member) in members {
            let (name, kind) = named(wire, member);
            let Some(inner) = value.get(name).filter(|inner| !inner.is_null()) else { continue };
            if wire.starts_with('@') {
                continue;
            }
            let shape = self.table.shape(self.call, kind);
            match shape.filter(|shape| shape["flat"] == 1) {
                Some(flat) => self.flat(xml, wire, inner, flat),
                None => self.element(xml, wire, inner, kind),
            }
        }
    }

    fn flat(&self, xml: &mut String, wire: &str, value: &Value, shape: &Value) {
        let kind = text(&shape["list"][1]);
        for item in value.as_array().into_iter().flatten() {
            self.element(xml, wire, item, kind);
        }
        for (key, inner) in value.as_object().into_iter().flatten() {
            self.entry(xml, wire, (key, inner), &shape["map"]);
        }
    }

    fn entry(&self, xml: &mut String, around: &str, (key, value): (&str, &Value), map: &Value) {
        let _written = write!(xml, "<{around}>");
        write_element(xml, text(&map[0]), key);
        self.element(xml, text(&map[1]), value, text(&map[2]));
        let _written = write!(xml, "</{around}>");
    }

    fn element(&self, xml: &mut String, wire: &str, value: &Value, kind: &str) {
        let Some(shape) = self.table.shape(self.call, kind) else {
            return write_element(xml, wire, &scalar(value));
        };
        let attributes = attributes(shape, value);
        let _written = write!(xml, "<{wire}{attributes}>");
        if shape.get("list").is_some() {
            for item in value.as_array().into_iter().flatten() {
                self.element(xml, text(&shape["list"][0]), item, text(&shape["list"][1]));
            }
        } else if shape.get("map").is_some() {
            for (key, inner) in value.as_object().into_iter().flatten() {
                self.entry(xml, "entry", (key, inner), &shape["map"]);
            }
        } else {
            self.members(xml, value, kind);
        }
        let _written = write!(xml, "</{wire}>");
    }
}

fn attributes(shape: &Value, value: &Value) -> String {
    let members = shape["struct"].as_object().into_iter().flatten();
    let mut found = String::new();
    for (wire, member) in members {
        let (name, _) = named(wire, member);
        if let Some(wire) = wire.strip_prefix('@')
            && let Some(inner) = value.get(name)
        {
            let _written = write!(found, " {wire}=\"{}\"", escaped(&scalar(inner)));
        }
    }
    found
}

/// The name and kind of a member.
fn named<'m>(wire: &'m str, member: &'m Value) -> (&'m str, &'m str) {
    match member {
        Value::Array(pair) => {
            (pair.first().map(text).unwrap_or_default(), pair.get(1).map(text).unwrap_or_default())
        }
        kind => (wire, text(kind)),
    }
}

/// A scalar as text. Policies of the identity service are percent-encoded documents.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => encoded(&value.to_string()),
        other => other.to_string(),
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _written = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn write_element(xml: &mut String, name: &str, text: &str) {
    let _written = write!(xml, "<{name}>{}</{name}>", escaped(text));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let mut xml = String::new();
        write_element(&mut xml, "a", "1 < 2 & \"3\"");
        assert_eq!(xml, "<a>1 &lt; 2 &amp; &quot;3&quot;</a>");
        assert_eq!(encoded("{\"a\"}"), "%7B%22a%22%7D");
        assert_eq!(scalar(&json!({})), "%7B%7D");
    }
}
