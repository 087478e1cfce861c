//! What never reaches disk, logs or errors: values of secrets, wherever an answer can hold one.
//!
//! Three sieves, one after the other: what the models call sensitive (in `answer` and `xml`), fields
//! whose names say that they hold a secret, and texts that look like one. What is taken out is
//! replaced by [`REDACTED`], so that it can be seen that something was there.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

/// What stands in the place of a secret.
pub(crate) const REDACTED: &str = "REDACTED";

/// Fields that hold a secret, in lower case.
const SECRET_FIELDS: &[&str] = &[
    "accesskeyid",
    "apikey",
    "apikeyvalue",
    "authorizationtoken",
    "authtoken",
    "clientsecret",
    "customergatewayconfiguration",
    "fsxadminpassword",
    "masteruserpassword",
    "password",
    "presharedkey",
    "privatekey",
    "secret",
    "secretaccesskey",
    "secretbinary",
    "secretkey",
    "secretstring",
    "sessiontoken",
    "svmadminpassword",
    "userdata",
];

/// Fields whose whole contents may hold secrets of the people who wrote them, in lower case: names
/// in them are kept and values are not.
const SECRET_PARTS: &[&str] = &[
    "args",
    "command",
    "entrypoint",
    "environment",
    "environmentvariables",
    "requestparameters",
    "requesttemplates",
    "responsetemplates",
    "stagevariables",
    "variables",
];

/// Ends of the names of tags and of entries that hold a secret, in lower case without punctuation.
const SECRET_ENDS: &[&str] = &[
    "accesskey",
    "apikey",
    "authtoken",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "secret",
    "secretkey",
    "secretvalue",
    "token",
];

/// Takes the secrets out of an answer.
pub(crate) fn redact(value: &mut Value) {
    match value {
        Value::Object(object) => redact_object(object),
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::String(text) => redact_text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Takes everything out of a value but its names.
pub(crate) fn redact_whole(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object.iter_mut() {
                let is_name = inner.is_string() && key.eq_ignore_ascii_case("name");
                if !is_name {
                    redact_whole(inner);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact_whole),
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            *value = Value::String(REDACTED.to_owned());
        }
    }
}

fn redact_object(object: &mut Map<String, Value>) {
    if has_secret_name(object) {
        for key in ["Value", "value", "ParameterValue", "HeaderValue"] {
            if let Some(value) = object.get_mut(key) {
                redact_whole(value);
            }
        }
    }
    for (key, value) in object.iter_mut() {
        let name = key.to_ascii_lowercase();
        // An external id is as good as a password.
        let is_external_id =
            name == "externalid" || (name.ends_with("externalid") && name.contains(':'));
        let is_secret =
            SECRET_FIELDS.contains(&&*name) || (is_secret_key(key) && !is_reference(value));
        if is_external_id || SECRET_PARTS.contains(&&*name) || (value.is_string() && is_secret) {
            redact_whole(value);
        } else if name == "logconfiguration" || name == "firelensconfiguration" {
            if let Some(options) = value.get_mut("options") {
                redact_whole(options);
            }
            redact(value);
        } else {
            redact(value);
        }
    }
}

/// Whether a pair of name and value, such as a tag, is named as secrets are.
fn has_secret_name(object: &Map<String, Value>) -> bool {
    let names = ["Key", "key", "Name", "name", "ParameterKey", "ParameterName", "HeaderName"];
    let mut named = names.iter().filter_map(|name| object.get(*name)?.as_str());
    named.any(|name| ends_as_secret(name) || name.eq_ignore_ascii_case("authorization"))
}

fn ends_as_secret(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    SECRET_ENDS.iter().any(|end| plain.ends_with(end))
}

/// Whether a field's own name says that it holds a secret. Tokens that lead to the next page, or
/// tell one request from another, do not.
fn is_secret_key(key: &str) -> bool {
    const PLAIN: &[&str] = &[
        "clientrequesttoken",
        "clienttoken",
        "continuationtoken",
        "creationtoken",
        "nexttoken",
        "paginationtoken",
        "updatetoken",
    ];
    // Keys of a policy's conditions have a colon: what a condition compares with is no secret.
    let name = key.to_ascii_lowercase();
    ends_as_secret(key) && !key.contains(':') && !PLAIN.contains(&&*name)
}

/// Whether a value names where a secret lies and is none.
fn is_reference(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("arn:") || matches!(text, "true" | "false"))
}

fn redact_text(text: &mut String) {
    // Policies come as text: an external id in one is taken out of the document.
    if text.starts_with('{')
        && let Ok(mut document) = serde_json::from_str::<Value>(text)
    {
        let before = document.clone();
        redact(&mut document);
        if document != before {
            *text = document.to_string();
        }
        return;
    }
    if looks_secret(text) {
        REDACTED.clone_into(text);
    }
}

/// Whether a text holds what looks like a key, a token or a password.
pub(crate) fn looks_secret(text: &str) -> bool {
    text.contains("PRIVATE KEY-----")
        || has_access_key(text)
        || has_web_token(text)
        || has_login(text)
        || has_assignment(text)
}

/// An access key's id: four letters that say its kind, and sixteen more capitals or digits.
fn has_access_key(text: &str) -> bool {
    ["AKIA", "ASIA"].iter().any(|kind| {
        text.match_indices(kind).any(|(start, _)| {
            let rest = text.as_bytes().get(start..).unwrap_or_default();
            let is_part = |byte: &&u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            rest.iter().take_while(is_part).count() == 20
        })
    })
}

/// A JSON web token: three parts, the first of which begins an object.
fn has_web_token(text: &str) -> bool {
    text.match_indices("eyJ").any(|(start, _)| {
        let rest = text.get(start..).unwrap_or_default();
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let token: String = rest.chars().take_while(|letter| is_part(*letter)).collect();
        token.matches('.').count() >= 2 && token.len() > 30
    })
}

/// An address with a password: `scheme://user:password@host`.
fn has_login(text: &str) -> bool {
    text.match_indices("://").any(|(start, _)| {
        let rest = text.get(start.saturating_add(3)..).unwrap_or_default();
        let authority = rest.split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        let login = authority.rsplit_once('@').map(|(login, _)| login);
        login.and_then(|login| login.split_once(':')).is_some_and(|(_, word)| !word.is_empty())
    })
}

/// A password that is said with its name: `password=...`, `token: ...`.
fn has_assignment(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words = ["password", "passwd", "pwd", "secret", "token", "api_key", "apikey", "access_key"];
    words.iter().any(|word| {
        lower.match_indices(word).any(|(start, _)| {
            let rest = lower.get(start.saturating_add(word.len())..).unwrap_or_default();
            let rest = rest.trim_start_matches([' ', '"', '\'']);
            let Some(rest) = rest.strip_prefix('=').or_else(|| rest.strip_prefix(": ")) else {
                return false;
            };
            let value = rest.trim_start_matches([' ', '"', '\'']);
            value.starts_with(|letter: char| {
                letter.is_ascii_alphanumeric() || "/+!$#".contains(letter)
            })
        })
    })
}
