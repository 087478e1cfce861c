//! Calls that were denied: what they would have told is unknown, not absent.

use watertight_source::Diagnostic;

use crate::DeniedCall;
use crate::codes;
use crate::fields::Fields;
use crate::scope::words_of;
use crate::shapes::{Kind, SHAPES};

/// The denied calls of the input, by what they would have answered with.
#[derive(Debug, Default)]
pub(crate) struct Denials(Vec<Denial>);

#[derive(Debug)]
struct Denial {
    words: String,
    kinds: Vec<Kind>,
    account: Option<String>,
    region: Option<String>,
    argument: Option<String>,
}

impl Denials {
    /// Sorts the denied calls by kind; each that convert would have read is a warning.
    pub(crate) fn new(calls: &[DeniedCall], fields: &mut Fields) -> Self {
        let mut denials = Vec::with_capacity(calls.len());
        for denied in calls {
            let words = words_of(&denied.call);
            let shapes = SHAPES.iter().filter(|shape| is_call(&words, shape.call));
            let mut kinds: Vec<Kind> = shapes.map(|shape| shape.kind).collect();
            kinds.dedup();
            if !kinds.is_empty() {
                fields.diagnostics.push(warning(denied));
            }
            denials.push(Denial {
                words,
                kinds,
                account: denied.account.clone(),
                // Calls that have no region are collected under this name.
                region: denied.region.clone().filter(|region| region != "global"),
                argument: denied.argument.clone(),
            });
        }
        Self(denials)
    }

    /// Whether the list of a kind was denied in an account and region; what the input does not
    /// tell fits any.
    pub(crate) fn of_list(&self, kind: Kind, account: Option<&str>, region: Option<&str>) -> bool {
        self.0.iter().any(|one| {
            one.argument.is_none()
                && one.kinds.contains(&kind)
                && fits(one.account.as_deref(), account)
                && fits(one.region.as_deref(), region)
        })
    }

    /// Whether a call was denied anywhere, given by its name without the service.
    pub(crate) fn is_denied(&self, call: &str) -> bool {
        self.0.iter().any(|one| is_call(&one.words, call))
    }

    /// Whether the body of a kind about one resource was denied, which is named by one of `ids`;
    /// a call that was denied altogether tells of none of them.
    pub(crate) fn about(&self, kind: Kind, account: Option<&str>, ids: &[&str]) -> bool {
        self.0.iter().any(|one| {
            one.kinds.contains(&kind)
                && fits(one.account.as_deref(), account)
                && one.argument.as_deref().is_none_or(|argument| ids.contains(&argument))
        })
    }
}

/// Whether the words of a call are those of `call`, led by a service or not.
fn is_call(words: &str, call: &str) -> bool {
    let service = words.strip_suffix(call);
    service.is_some_and(|service| service.is_empty() || service.ends_with('-'))
}

fn fits(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn warning(denied: &DeniedCall) -> Diagnostic {
    let mut message = format!("`{}`", denied.call);
    let places = [
        (" about", &denied.argument),
        (" in account", &denied.account),
        (" in region", &denied.region),
    ];
    for (word, place) in places {
        if let Some(place) = place {
            message.push_str(word);
            message.push_str(" `");
            message.push_str(place);
            message.push('`');
        }
    }
    message.push_str(" was not answered");
    if let Some(error) = &denied.error {
        message.push_str(" (`");
        message.push_str(error);
        message.push_str("`)");
    }
    message.push_str("; what it would have told is unknown");
    let help = "give the collecting role this permission if it lacks it, and collect again";
    Diagnostic::warning(codes::DENIED, message).with_help(help)
}
