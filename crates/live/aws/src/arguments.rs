//! What a call's answer gives other calls to ask about.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::request::{Parameters, encoded};
use crate::table::Call;

/// The longest name of a file that every file system takes, less `.json` and some room.
const FILE_NAME_BYTES_MAX: usize = 200;

/// One thing to ask a call about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Argument {
    /// Who it is, as `estate.json` names it and, encoded, the body's file.
    pub(crate) name: String,
    /// The parameters that say so.
    pub(crate) parameters: Parameters,
}

/// The texts at a path of an answer, as in `Reservations[].Instances[].InstanceId`.
pub(crate) fn at(body: &Value, path: &str) -> Vec<String> {
    let mut found = vec![body];
    for part in path.split('.') {
        let (key, is_list) = part.strip_suffix("[]").map_or((part, false), |key| (key, true));
        let inner = found.into_iter().filter_map(|value| value.get(key));
        found = if is_list {
            inner.filter_map(Value::as_array).flatten().collect()
        } else {
            inner.collect()
        };
    }
    let texts: BTreeSet<&str> = found.into_iter().filter_map(Value::as_str).collect();
    texts.into_iter().map(ToOwned::to_owned).collect()
}

/// The arguments of a call from the answer of `parent`, which was asked with `given`.
pub(crate) fn of_answer(
    call: &Call,
    parent: &str,
    given: Option<&Argument>,
    body: &Value,
) -> Vec<Argument> {
    let Some(each) = &call.line.each else { return Vec::new() };
    let mut found = Vec::new();
    for (of, path) in each.of.iter().zip(&each.at) {
        if of == parent {
            found.extend(arguments(call, at(body, path), given));
        }
    }
    found
}

/// The arguments of a call that its own answer names.
pub(crate) fn of_itself(call: &Call, body: &Value) -> Vec<Argument> {
    let path = call.line.again.as_deref();
    path.map(|path| arguments(call, at(body, path), None)).unwrap_or_default()
}

/// The arguments of a call that are always the same.
pub(crate) fn fixed(call: &Call) -> Vec<Argument> {
    let values = call.line.each.as_ref().map(|each| each.values.clone());
    arguments(call, values.unwrap_or_default(), None)
}

fn arguments(call: &Call, values: Vec<String>, given: Option<&Argument>) -> Vec<Argument> {
    let Some(each) = &call.line.each else { return Vec::new() };
    let inherited: Vec<(&str, &Value)> = call
        .line
        .inherit
        .iter()
        .filter_map(|name| Some((name.as_str(), given?.parameters.get(name)?)))
        .collect();
    let one = |values: &[String]| {
        let mut parameters: Parameters =
            inherited.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
        let value = if each.batch.is_some() {
            Value::from(values.to_vec())
        } else {
            Value::from(values.first().cloned().unwrap_or_default())
        };
        parameters.insert(each.parameter.clone(), value);
        let names = inherited.iter().filter_map(|(_, value)| value.as_str());
        let names: Vec<&str> = names.chain(values.first().map(String::as_str)).collect();
        Argument { name: names.join(" "), parameters }
    };
    values.chunks(each.batch.unwrap_or(1).max(1)).map(one).collect()
}

/// The name of the file of a body about an argument, without `.json`: what a file system or a
/// reader could take amiss is percent-encoded, and what is too long ends with a number made of it.
pub(crate) fn file_name(argument: &str) -> String {
    let mut name = String::with_capacity(argument.len());
    for (index, character) in argument.chars().enumerate() {
        let is_safe = character.is_ascii_alphanumeric()
            || "-_:@+=,".contains(character)
            || (character == '.' && index > 0);
        if is_safe {
            name.push(character);
        } else {
            name.push_str(&encoded_character(character));
        }
    }
    if name.len() <= FILE_NAME_BYTES_MAX {
        return name;
    }
    let cut: String = name.chars().take(FILE_NAME_BYTES_MAX.saturating_sub(17)).collect();
    format!("{cut}~{:016x}", number_of(argument))
}

fn encoded_character(character: char) -> String {
    let mut bytes = [0; 4];
    match character {
        // Unreserved, and still not to be led by.
        '.' => "%2E".to_owned(),
        '~' => "%7E".to_owned(),
        other => encoded(other.encode_utf8(&mut bytes)),
    }
}

/// The same text gives the same number everywhere.
pub(crate) fn number_of(text: &str) -> u64 {
    watertight_compile::short_hash(text.bytes())
}
