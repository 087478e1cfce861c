//! The pages of an answer as one body.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::request::Parameters;
use crate::table::Pages;

/// What follows a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: it was the last one.
    End,
    /// A page that these parameters ask for.
    Page(Parameters),
}

/// What the parameters of the next page are.
pub(crate) fn next(pages: Option<&Pages>, page: &Map<String, Value>) -> Next {
    let Some(pages) = pages else { return Next::End };
    if let Some(more) = pages.more.as_deref().and_then(|more| page.get(more))
        && *more == Value::Bool(false)
    {
        return Next::End;
    }
    let mut parameters = Parameters::new();
    for (input, output) in pages.input.iter().zip(&pages.output) {
        if let Some(token) = page.get(output).filter(|token| is_token(token)) {
            parameters.insert(input.clone(), token.clone());
        }
    }
    if parameters.is_empty() { Next::End } else { Next::Page(parameters) }
}

fn is_token(token: &Value) -> bool {
    match token {
        Value::String(text) => !text.is_empty(),
        Value::Null => false,
        _ => true,
    }
}

/// Adds a page to those before it: lists go on, all else is that of the last page, and tokens go.
pub(crate) fn add(whole: &mut Map<String, Value>, page: Map<String, Value>, pages: Option<&Pages>) {
    let results = pages.map(|pages| pages.results.as_slice()).unwrap_or_default();
    let tokens = pages.map(|pages| pages.output.as_slice()).unwrap_or_default();
    for (key, value) in page {
        if tokens.contains(&key) {
            continue;
        }
        match (whole.get_mut(&key), value) {
            (Some(Value::Array(list)), Value::Array(more)) if results.contains(&key) => {
                list.extend(more);
            }
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
}
