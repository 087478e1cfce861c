//! What is made of Terraform plans, against the bodies as they are after the change.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_aws::{Body, Proposal, TerraformPlan};
use watertight_testkit::generate::{self, Size};

use super::{Files, cells, estate, state, tree};

/// The resources of a state by addresses that are the same in both states of a plan.
fn resources(files: &Files) -> BTreeMap<String, (String, Value)> {
    let state = state::of(files);
    let mut found = BTreeMap::new();
    for one in state["resources"].as_array().unwrap() {
        let kind = one["type"].as_str().unwrap().to_owned();
        let values = one["instances"][0]["attributes"].clone();
        let key = match values["id"].as_str() {
            Some(id) => id.to_owned(),
            None => values.to_string().replace('"', "'"),
        };
        found.insert(format!("{kind}.x[\"{key}\"]"), (kind, values));
    }
    found
}

/// A plan that leads from one estate to another, all values known.
fn plan(before: &Files, after: &Files) -> Value {
    let (was, is) = (resources(before), resources(after));
    let addresses: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let changes = addresses.into_iter().map(|address| {
        let (before, after) = (was.get(address), is.get(address));
        let kind = before.or(after).map(|(kind, _)| kind);
        let actions = match (before, after) {
            (None, _) => "create",
            (_, None) => "delete",
            (Some(before), Some(after)) if before == after => "no-op",
            _ => "update",
        };
        json!({
            "address": address, "mode": "managed", "type": kind, "change": {
                "actions": [actions],
                "before": before.map(|(_, values)| values),
                "after": after.map(|(_, values)| values), "after_unknown": {},
            },
        })
    });
    json!({"format_version": "1.2", "resource_changes": changes.collect::<Vec<_>>()})
}

fn bodies(files: &Files) -> Vec<Body> {
    let each = files.iter().enumerate();
    each.map(|(number, (path, value))| Body { path: path.clone(), tree: tree(number, value) })
        .collect()
}

/// The files after a plan.
fn applied(files: &Files, plan: &Value) -> (Files, Proposal) {
    let plan = TerraformPlan::read(&tree(0, plan)).unwrap();
    let all = (0..plan.changes.len()).collect();
    let proposal = plan.propose(&bodies(files), &all);
    let kept = files.iter().enumerate().filter(|(place, _)| !proposal.replaced.contains(place));
    let mut found: Files = kept.map(|(_, file)| file.clone()).collect();
    let new = proposal.bodies.iter();
    found.extend(new.map(|(path, text)| (path.clone(), serde_json::from_str(text).unwrap())));
    (found, proposal)
}

/// Something in an estate that a plan could change, taken away or turned; whether there was one.
fn changed(files: &mut Files, what: usize, which: usize) -> bool {
    let (list, part) = [
        ("SecurityGroups", "IpPermissions"),
        ("SecurityGroups", "IpPermissionsEgress"),
        ("RouteTables", "Routes"),
        ("NetworkAcls", "Entries"),
        ("NetworkInterfaces", ""),
        ("VpcPeeringConnections", ""),
        ("InternetGateways", "Attachments"),
    ][what % 7];
    let mut items: Vec<&mut Value> = Vec::new();
    for (_, body) in files.iter_mut() {
        items.extend(body.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten());
    }
    let count = items.len();
    let Some(item) = items.into_iter().nth(which % count.max(1)) else { return false };
    match list {
        "NetworkInterfaces" => {
            let groups = item.get_mut("Groups").and_then(Value::as_array_mut);
            groups.is_some_and(|groups| groups.pop().is_some())
        }
        "VpcPeeringConnections" => {
            // Both of its accounts tell of it.
            let id = item["VpcPeeringConnectionId"].clone();
            for (_, body) in files.iter_mut() {
                let all = body.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
                for one in all.filter(|one| one["VpcPeeringConnectionId"] == id) {
                    one["Status"]["Code"] = json!("deleted");
                }
            }
            true
        }
        _ => {
            let is_kept = |one: &Value| {
                one["GatewayId"] == "local"
                    || one["Origin"] == "EnableVgwRoutePropagation"
                    || one["RuleNumber"].as_i64().is_some_and(|number| number >= 32_767)
            };
            let parts = item.get_mut(part).and_then(Value::as_array_mut);
            let Some(parts) = parts else { return false };
            let Some(at) = parts.iter().position(|one| !is_kept(one)) else { return false };
            parts.remove(at);
            true
        }
    }
}

#[test]
fn a_plan_leads_to_the_estate_as_it_is_after_the_change_and_back() {
    let (mut told, mut changes) = (0, 0);
    for seed in 1..=120 {
        let before = generate::aws(seed, Size::FEW).files;
        let mut after = before.clone();
        for step in 0..3 {
            let number = usize::try_from(seed).unwrap();
            let mut next = after.clone();
            let is_changed = changed(&mut next, number + step, number * 7 + step * 3);
            // What services make for themselves is nothing that Terraform manages.
            if is_changed && resources(&next) != resources(&after) {
                after = next;
                changes += 1;
            }
        }
        for (from, to) in [(&before, &after), (&after, &before)] {
            let (found, proposal) = applied(from, &plan(from, to));
            assert_eq!(proposal.untold, BTreeSet::new(), "seed {seed}");
            let (found, expected) = (cells(&estate(&found)), cells(&estate(to)));
            for (pair, cell) in &expected {
                assert_eq!(found.get(pair), Some(cell), "seed {seed}: {pair:?}");
            }
            assert_eq!(found.len(), expected.len(), "seed {seed}");
            told += expected.len();
        }
    }
    println!("{changes} changes, {told} pairs of interfaces");
    assert!(changes > 200 && told > 5_000, "{changes} changes, {told} pairs");
}
