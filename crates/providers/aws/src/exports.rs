//! What other tools export about an estate, as the bodies that calls would have answered with.
//!
//! For those who cannot give access: an export tells of what the tool knows, which may be a part of
//! what there is. Where it may be, each list says that more may follow, as a page of a longer answer
//! does, so that what an export does not hold is unknown and not absent.

mod config;
mod overlay;
mod terraform;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use watertight_source::{Kind, Node};

pub use config::config_snapshot;
pub use terraform::{
    Loosened, LoosenedPart, Loosening, PlannedAction, PlannedChange, Proposal, TerraformPlan,
    terraform_state,
};

/// Stands where an answer would tell where its next page begins.
const MORE: &str = "what the export does not hold";

/// The folder of what tells no account, or no region.
const UNTOLD: &str = "unknown";

/// The folder of calls that have no region.
const GLOBAL: &str = "global";

/// A body as a call would have answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedBody {
    /// The account; `unknown` where the export does not tell.
    pub account: String,
    /// The region; `global` for a call that has none, `unknown` where the export does not tell.
    pub region: String,
    /// The call, led by its service, in the words of the AWS CLI.
    pub call: &'static str,
    /// What the call would have been asked about.
    pub argument: Option<String>,
    /// The answer.
    pub body: Value,
}

/// What an export came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exported {
    /// The bodies, in the order of their paths.
    pub bodies: Vec<ExportedBody>,
    /// How many resources of each type no body was made of.
    pub passed_over: BTreeMap<String, usize>,
}

impl Exported {
    /// Adds another export: an estate may be kept in many.
    pub fn merge(&mut self, other: Self) {
        for (kind, count) in other.passed_over {
            *self.passed_over.entry(kind).or_default() += count;
        }
        for body in other.bodies {
            match self.bodies.binary_search_by(|known| known.key().cmp(&body.key())) {
                Ok(known) => {
                    if let Some(known) = self.bodies.get_mut(known) {
                        extend(&mut known.body, body.body);
                    }
                }
                Err(place) => self.bodies.insert(place, body),
            }
        }
    }
}

impl ExportedBody {
    /// What orders bodies: the path of each.
    fn key(&self) -> (&str, &str, &str, Option<&str>) {
        (&self.account, &self.region, self.call, self.argument.as_deref())
    }
}

/// Adds the items of another answer of the same call.
fn extend(known: &mut Value, other: Value) {
    let (Value::Object(known), Value::Object(other)) = (known, other) else { return };
    for (key, value) in other {
        match (known.get_mut(&key), value) {
            (Some(Value::Array(items)), Value::Array(more)) => {
                for one in more {
                    if !items.contains(&one) {
                        items.push(one);
                    }
                }
            }
            (Some(_), _) => {}
            (None, value) => {
                known.insert(key, value);
            }
        }
    }
}

/// An export that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// It is something else.
    #[error("it is no {what}: {why}")]
    NotOne {
        /// What was expected.
        what: &'static str,
        /// What tells that it is not.
        why: String,
    },
}

/// Where a resource is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    account: String,
    region: String,
}

impl Place {
    /// The place of what an account tells once for all regions.
    fn global(&self) -> Self {
        Self { account: self.account.clone(), region: GLOBAL.to_owned() }
    }
}

/// A list of a call's answer: the call and the key of its items.
type List = (&'static str, &'static str);

/// Bodies in the making.
#[derive(Debug, Default)]
struct Bodies {
    lists: BTreeMap<(Place, List), Vec<Value>>,
    about: BTreeMap<(Place, &'static str, Option<String>), Value>,
}

impl Bodies {
    /// Adds an item to the answer of a call that lists.
    fn add(&mut self, place: &Place, list: List, item: Value) {
        self.lists.entry((place.clone(), list)).or_default().push(item);
    }

    /// Adds the answer of a call that is asked about one resource.
    fn about(&mut self, place: &Place, call: &'static str, argument: &str, body: Value) {
        self.about.insert((place.clone(), call, Some(argument.to_owned())), body);
    }

    /// Adds the answer of a call that answers with one thing.
    fn whole(&mut self, place: &Place, call: &'static str, body: Value) {
        self.about.insert((place.clone(), call, None), body);
    }

    /// The bodies in order; `whole` says that lists end where they do.
    fn finish(self, whole: bool) -> Vec<ExportedBody> {
        let mut answers: BTreeMap<(Place, &'static str), Map<String, Value>> = BTreeMap::new();
        for ((place, (call, key)), items) in self.lists {
            let body = answers.entry((place, call)).or_default();
            body.insert(key.to_owned(), Value::Array(items));
            if !whole {
                body.insert("NextToken".to_owned(), json!(MORE));
            }
        }
        let lists = answers.into_iter().map(|((place, call), body)| ExportedBody {
            account: place.account,
            region: place.region,
            call,
            argument: None,
            body: Value::Object(body),
        });
        let about = self.about.into_iter().map(|((place, call, argument), body)| ExportedBody {
            account: place.account,
            region: place.region,
            call,
            argument,
            body,
        });
        let mut bodies: Vec<ExportedBody> = lists.chain(about).collect();
        bodies.sort_by(|one, other| one.key().cmp(&other.key()));
        bodies
    }
}

/// A tree without its positions.
fn value_of(node: Node<'_>) -> Value {
    match node.kind() {
        Kind::Object => {
            let entries = node.entries().map(|entry| (entry.key.to_owned(), value_of(entry.value)));
            Value::Object(entries.collect())
        }
        Kind::Array => node.items().map(value_of).collect(),
        _ => match (node.as_str(), node.as_bool(), node.as_i64()) {
            (Some(text), _, _) => json!(text),
            (_, Some(flag), _) => json!(flag),
            (_, _, Some(number)) => json!(number),
            _ => Value::Null,
        },
    }
}

/// Takes the members that are null out of an object, and empty text, which Terraform writes for
/// what is not set. Policies stay as they are: there, empty text has a meaning.
fn told(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let set = entries.into_iter().filter(|(_, value)| !value.is_null() && *value != "");
            let inner = |(key, value): (String, Value)| {
                let value = if key.ends_with("Document") { value } else { told(value) };
                (key, value)
            };
            Value::Object(set.map(inner).collect())
        }
        Value::Array(items) => items.into_iter().map(told).collect(),
        other => other,
    }
}

/// Text of a field; none where it is empty.
fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The texts of a field that holds a list of them.
fn texts<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v str> {
    items(value, key).filter_map(Value::as_str).filter(|text| !text.is_empty())
}

/// The items of a field that holds a list.
fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Tags as answers write them.
fn tags(value: &Value, key: &str) -> Value {
    let tags = value.get(key).and_then(Value::as_object).into_iter().flatten();
    tags.map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// The account and region of a resource name (ARN).
fn of_arn(arn: &str) -> (Option<&str>, Option<&str>) {
    let mut parts = arn.split(':').skip(3);
    let region = parts.next().filter(|region| !region.is_empty());
    let account = parts.next().filter(|account| account.len() == 12);
    (account, region)
}
