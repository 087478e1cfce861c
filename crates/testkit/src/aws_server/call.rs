//! Which call a request is.

use std::collections::BTreeMap;
use std::io;

use serde_json::Value;

use super::http::{Request, decoded};

const PLAN: &str = include_str!("../../../live/aws/calls/plan.json");
const FACTS: &str = include_str!("../../../live/aws/calls/facts.json");

/// What was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) call: String,
    pub(super) account: String,
    pub(super) region: String,
    /// The parameters of the request by their names in the models.
    pub(super) parameters: BTreeMap<String, Vec<String>>,
}

/// The plan and the facts of the calls.
#[derive(Debug)]
pub(super) struct Table {
    plan: BTreeMap<String, Value>,
    pub(super) facts: Value,
}

impl Table {
    pub(super) fn load() -> io::Result<Self> {
        let plan: Vec<Value> = serde_json::from_str(PLAN)?;
        let named = plan.into_iter().map(|line| (text(&line["call"]).to_owned(), line));
        Ok(Self { plan: named.collect(), facts: serde_json::from_str(FACTS)? })
    }

    pub(super) fn call(&self, call: &str) -> &Value {
        &self.facts["calls"][call]
    }

    pub(super) fn service(&self, call: &str) -> &Value {
        &self.facts["services"][text(&self.call(call)["service"])]
    }

    pub(super) fn shape(&self, call: &str, kind: &str) -> Option<&Value> {
        self.facts["shapes"][text(&self.call(call)["service"])].get(kind)
    }

    pub(super) fn protocol(&self, call: &str) -> &str {
        text(&self.service(call)["protocol"])
    }

    /// The code of the error that says that there is nothing.
    pub(super) fn absent(&self, call: &str) -> Option<&str> {
        self.plan.get(call)?["absent"][0].as_str()
    }

    /// What the call is asked about: nothing for a call without an argument.
    pub(super) fn arguments<'a>(&self, asked: &'a Asked) -> Option<&'a [String]> {
        let parameter = self.plan.get(&asked.call)?["each"]["as"].as_str()?;
        asked.parameters.get(parameter).map(Vec::as_slice)
    }

    pub(super) fn is_regional(&self, call: &str) -> bool {
        let place = self.plan.get(call).map(|line| text(&line["place"]));
        matches!(place, Some("" | "changes"))
    }

    pub(super) fn resolve(&self, request: &Request) -> Option<Asked> {
        let (_, region, signed) = request.signature();
        let target = request.header("x-amz-target");
        let form = request.form();
        let asked = |call: &str, parameters| Asked {
            call: call.to_owned(),
            account: request.account(),
            region: region.to_owned(),
            parameters,
        };
        let calls = self.facts["calls"].as_object()?;
        if let Some((prefix, operation)) = target.rsplit_once('.') {
            let is_it = |call: &str, facts: &Value| {
                facts["operation"] == operation && self.service(call)["target"] == prefix
            };
            let (call, facts) = calls.iter().find(|(call, facts)| is_it(call, facts))?;
            let body = serde_json::from_str(&request.body).unwrap_or_default();
            return Some(asked(call, of_json(facts, &body)));
        }
        if let Some(action) = form.get("Action") {
            let is_it = |call: &str, facts: &Value| {
                facts["operation"] == action.as_str()
                    && form
                        .get("Version")
                        .is_some_and(|one| self.service(call)["version"] == one.as_str())
            };
            let (call, facts) = calls.iter().find(|(call, facts)| is_it(call, facts))?;
            return Some(asked(call, of_form(facts, &form)));
        }
        let fits = calls.iter().filter_map(|(call, facts)| {
            let service = self.service(call);
            let found = (service["signing"] == signed).then(|| of_path(facts, request)).flatten();
            // Of two that fit, the one with more said about it.
            found.map(|parameters| (text(&facts["uri"]).matches('{').count(), call, parameters))
        });
        let (_, call, parameters) = fits.min_by_key(|(holes, _, _)| *holes)?;
        Some(asked(call, parameters))
    }
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn of_json(facts: &Value, body: &Value) -> BTreeMap<String, Vec<String>> {
    let inputs = facts["input"].as_object().into_iter().flatten();
    let given = inputs.filter_map(|(name, input)| {
        let value = body.get(text(&input["name"]))?;
        let values = value
            .as_array()
            .map_or_else(|| vec![plain(value)], |all| all.iter().map(plain).collect());
        Some((name.clone(), values))
    });
    given.collect()
}

fn of_form(facts: &Value, form: &BTreeMap<String, String>) -> BTreeMap<String, Vec<String>> {
    let inputs = facts["input"].as_object().into_iter().flatten();
    let given = inputs.filter_map(|(name, input)| {
        let wire = text(&input["name"]);
        let one = form.get(wire).cloned();
        let numbered = (1..).map_while(|number| form.get(&format!("{wire}.{number}")).cloned());
        let values: Vec<String> = one.into_iter().chain(numbered).collect();
        (!values.is_empty()).then(|| (name.clone(), values))
    });
    given.collect()
}

/// The parameters of a request whose path and query fit a call.
fn of_path(facts: &Value, request: &Request) -> Option<BTreeMap<String, Vec<String>>> {
    if facts["method"] != request.method.as_str() {
        return None;
    }
    let fixed: Vec<&str> = text(&facts["query"]).split('&').filter(|one| !one.is_empty()).collect();
    let has = |key: &str| request.query.iter().any(|(name, _)| name == key);
    if !fixed.iter().all(|one| has(one.split('=').next().unwrap_or_default())) {
        return None;
    }
    let template: Vec<&str> = text(&facts["uri"]).split('/').collect();
    let path: Vec<&str> = request.path.split('/').collect();
    if template.len() != path.len() {
        return None;
    }
    let mut holes: BTreeMap<&str, String> = BTreeMap::new();
    for (wanted, part) in template.iter().zip(&path) {
        match wanted.strip_prefix('{').and_then(|hole| hole.strip_suffix('}')) {
            Some(hole) if !part.is_empty() => {
                holes.insert(hole, decoded(part));
            }
            _ if wanted == part => {}
            _ => return None,
        }
    }
    // Buckets: the query tells one call about them from another.
    let other = request.query.iter().any(|(_, value)| value.is_empty()) && fixed.is_empty();
    if other {
        return None;
    }
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let inputs = facts["input"].as_object().into_iter().flatten();
    let given = inputs.filter_map(|(name, input)| {
        let wire = text(&input["name"]);
        let values: Vec<String> = match text(&input["in"]) {
            "uri" => holes.get(wire).cloned().into_iter().collect(),
            "query" => {
                let all = request.query.iter().filter(|(key, _)| key == wire);
                all.map(|(_, value)| value.clone()).collect()
            }
            "header" => vec![request.header(wire).to_owned()],
            _ => body[wire].as_array().into_iter().flatten().map(plain).collect(),
        };
        (!values.is_empty()).then(|| (name.clone(), values))
    });
    Some(given.collect())
}
