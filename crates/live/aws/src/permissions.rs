//! The permissions that a collection needs, from the table of calls.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::table::{Call, Table};

/// The permissions of a call.
pub(crate) fn actions(table: &Table, call: &Call) -> Vec<String> {
    if !call.line.actions.is_empty() {
        return call.line.actions.clone();
    }
    let signing = table.service(call).map(|service| service.signing.as_str()).unwrap_or_default();
    let prefix = if signing == "tagging" { "tag" } else { signing };
    vec![format!("{prefix}:{}", call.facts.operation)]
}

/// The policy of a role that may make every call of the table, and nothing else. With
/// `assume`, also the permission to become the role of that name in other accounts.
pub fn policy(table: &Table, assume: Option<&str>) -> Value {
    let mut by_service: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for action in table.calls.iter().flat_map(|call| actions(table, call)) {
        let service = action.split(':').next().unwrap_or_default().to_owned();
        by_service.entry(service).or_default().insert(action);
    }
    let actions: Vec<&String> = by_service.values().flatten().collect();
    let mut statements = vec![json!({
        "Sid": "WatertightCollect",
        "Effect": "Allow",
        "Action": actions,
        "Resource": "*",
    })];
    if let Some(role) = assume {
        statements.push(json!({
            "Sid": "WatertightCollectAccounts",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": format!("arn:*:iam::*:role/{}", role.trim_start_matches('/')),
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}
