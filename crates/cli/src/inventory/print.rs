//! The inventory as text and as JSON, `watertight.inventory/v1` (`docs/reference/formats.md`).

use std::fmt::Write as _;

use serde_json::{Value, json};
use watertight_model::{Coverage, CoverageState, Name};

use super::{Inventory, Line};
use crate::table::Table;
use crate::text::counted;

/// The whole inventory for people.
pub(super) fn text(inventory: &Inventory<'_>) -> String {
    let mut text = String::new();
    summary(&mut text, inventory);
    section(&mut text, "Workloads", &workloads(&inventory.workloads, false), true);
    let mut points = Table::new(&["kind", "workload", "address", "listens on", "endpoint"]);
    for point in &inventory.access_points {
        points.row(vec![
            point.kind.to_owned(),
            point.workload.to_string(),
            point.address.map(|address| address.to_string()).unwrap_or_default(),
            point.listens.clone(),
            point.endpoint.to_string(),
        ]);
    }
    let title = "Access points (addresses and names on the internet)";
    section(&mut text, title, &points, !inventory.access_points.is_empty());
    let mut external = Table::new(&["kind", "what", "detail"]);
    for one in &inventory.dependencies {
        external.row(vec![one.kind.to_owned(), one.id.clone(), one.detail.clone()]);
    }
    let title = "External dependencies";
    section(&mut text, title, &external, !inventory.dependencies.is_empty());
    let mut open = Table::new(&["workload", "endpoint", "why"]);
    for one in &inventory.ungoverned {
        open.row(vec![one.workload.to_string(), one.endpoint.to_string(), one.why.clone()]);
    }
    let title = "What nothing governs";
    section(&mut text, title, &open, !inventory.ungoverned.is_empty());
    let mut unread = Table::new(&["account", "region", "what", "state"]);
    for line in inventory.denied.iter().chain(&inventory.absent) {
        unread.row(vec![
            or_empty(line.account.as_ref()),
            or_empty(line.region.as_ref()),
            line.what.to_string(),
            state(line).to_owned(),
        ]);
    }
    let some = !(inventory.denied.is_empty() && inventory.absent.is_empty());
    section(&mut text, "Not in the input", &unread, some);
    text
}

fn summary(text: &mut String, inventory: &Inventory<'_>) {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let estate = inventory.estate;
    // Writing to a String cannot fail.
    let _infallible = writeln!(
        text,
        "{} in {}, {} and {}",
        counted(number(inventory.workloads.len()), "workload"),
        counted(number(estate.accounts.len()), "account"),
        counted(number(estate.network.realms.len()), "network"),
        counted(number(estate.network.subnets.len()), "subnet"),
    );
    let kinds: Vec<String> = inventory
        .kinds()
        .into_iter()
        .map(|(kind, count)| format!("{count} {}", kind.word()))
        .collect();
    if !kinds.is_empty() {
        let _infallible = writeln!(text, "kinds: {}", kinds.join(", "));
    }
    let lacking = inventory.workloads.iter().filter(|line| !line.missing.is_empty()).count();
    let _infallible = writeln!(
        text,
        "{}, {}, {}; {} lack one of the labels {}",
        counted(number(inventory.access_points.len()), "access point"),
        counted(number(inventory.dependencies.len()), "external dependency"),
        counted(number(inventory.ungoverned.len()), "ungoverned endpoint"),
        lacking,
        inventory.required.join(", "),
    );
}

fn section(text: &mut String, title: &str, table: &Table, some: bool) {
    let _infallible = writeln!(text, "\n{title}");
    if some {
        text.push_str(&table.aligned(2));
    } else {
        text.push_str("  none\n");
    }
}

/// The workloads; `whole` adds what people do not need at a glance.
pub(super) fn workloads(lines: &[Line<'_>], whole: bool) -> Table {
    let mut header =
        vec!["kind", "name", "account", "network", "owner", "missing labels", "addresses", "id"];
    if whole {
        header.extend(["region", "labels"]);
    }
    let mut table = Table::new(&header);
    for line in lines {
        let one = line.workload;
        let realms: Vec<&str> = line.realms.iter().map(|name| name.as_str()).collect();
        let mut row = vec![
            one.kind.word().to_owned(),
            one.name.to_string(),
            or_empty(one.account.as_ref()),
            realms.join(" "),
            or_empty(one.owner.as_ref()),
            line.missing.join(" "),
            line.addresses.join(" "),
            one.id.to_string(),
        ];
        if whole {
            row.push(or_empty(one.region.as_ref()));
            let labels: Vec<String> =
                one.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            row.push(labels.join(";"));
        }
        table.row(row);
    }
    table
}

fn or_empty(name: Option<&Name>) -> String {
    name.map(ToString::to_string).unwrap_or_default()
}

fn state(line: &Coverage) -> &'static str {
    match line.state {
        CoverageState::Read(_) => "read",
        CoverageState::Denied => "denied",
        CoverageState::Absent => "absent",
    }
}

/// The whole inventory for programs.
pub(super) fn json(inventory: &Inventory<'_>) -> Value {
    let workloads: Vec<Value> = inventory.workloads.iter().map(of_workload).collect();
    let points: Vec<Value> = inventory
        .access_points
        .iter()
        .map(|one| {
            json!({
                "kind": one.kind,
                "workload": one.workload.as_str(),
                "endpoint": one.endpoint.as_str(),
                "address": one.address.map(|address| address.to_string()),
                "listens": one.listens,
            })
        })
        .collect();
    let external: Vec<Value> = inventory
        .dependencies
        .iter()
        .map(|one| json!({ "kind": one.kind, "id": one.id, "detail": one.detail }))
        .collect();
    let ungoverned: Vec<Value> = inventory
        .ungoverned
        .iter()
        .map(|one| {
            json!({
                "workload": one.workload.as_str(),
                "endpoint": one.endpoint.as_str(),
                "why": one.why,
            })
        })
        .collect();
    let coverage: Vec<Value> = inventory.estate.coverage.iter().map(of_coverage).collect();
    let accounts: Vec<Value> = inventory
        .estate
        .accounts
        .iter()
        .map(|one| json!({ "id": one.id.as_str(), "name": one.name.as_deref() }))
        .collect();
    json!({
        "schema": "watertight.inventory/v1",
        "estate": inventory.estate.id.0,
        "accounts": accounts,
        "workloads": workloads,
        "access_points": points,
        "external_dependencies": external,
        "ungoverned": ungoverned,
        "coverage": coverage,
    })
}

fn of_workload(line: &Line<'_>) -> Value {
    let one = line.workload;
    let labels: serde_json::Map<String, Value> = one
        .labels
        .iter()
        .map(|(key, value)| (key.to_string(), Value::from(value.as_str())))
        .collect();
    json!({
        "id": one.id.as_str(),
        "name": one.name.as_str(),
        "kind": one.kind.word(),
        "account": one.account.as_deref(),
        "region": one.region.as_deref(),
        "networks": line.realms.iter().map(|name| name.as_str()).collect::<Vec<&str>>(),
        "owner": one.owner.as_deref(),
        "addresses": line.addresses,
        "labels": labels,
        "missing_labels": line.missing,
    })
}

fn of_coverage(line: &Coverage) -> Value {
    let count = match line.state {
        CoverageState::Read(count) => Some(count),
        CoverageState::Denied | CoverageState::Absent => None,
    };
    json!({
        "account": line.account.as_deref(),
        "region": line.region.as_deref(),
        "what": line.what.as_str(),
        "state": state(line),
        "count": count,
    })
}
