//! What leads clients outside to the workloads of a cluster.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use watertight_model::network::{Direction, EndpointId, GatewayKind, Guard};
use watertight_model::{Bounds, Estate, WorkloadKind};
use watertight_net::FlowSet;
use watertight_reach::{Led, Matrix};

use super::{Line, Way};
use crate::ends::{End, Names, Wholes};
use crate::rows::{bounds_json, over, reply};
use crate::table::{Layout, Table};

/// What a service leads in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) by: String,
    /// The clients' addresses.
    pub(super) from: String,
    pub(super) forward: Bounds<FlowSet>,
    pub(super) established: Bounds<FlowSet>,
    /// The workload to which it leads; none where the input does not tell.
    pub(super) to: Option<String>,
    behind: FlowSet,
}

/// One row for each service, workload, part of what is outside and answer.
pub(super) fn rows(estate: &Estate, matrix: &Matrix, led: &[Led]) -> Vec<Row> {
    let (names, wholes) = (Names::new(estate), Wholes::new(matrix));
    let name = |endpoint| names.of(estate.network.endpoints[endpoint].workload);
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for one in led {
        let by = Matrix::outside_name(&estate.network, one.by);
        let row = Row {
            by: name(one.at),
            from: End::Outside(by, wholes.outside(one.by, &one.addresses)).label(),
            forward: one.forward.clone(),
            established: one.established.clone(),
            to: one.to.map(name),
            behind: one.behind.clone(),
        };
        // Replicas are one name.
        if seen.insert(row.clone()) {
            found.push(row);
        }
    }
    found.sort_by(|one, other| {
        (&one.by, &one.to, &one.from, &one.forward).cmp(&(
            &other.by,
            &other.to,
            &other.from,
            &other.forward,
        ))
    });
    found
}

/// The workloads that clients outside may reach as far as policies go, and to which nothing in the
/// manifests of a cluster leads them; none where there is no cluster by itself.
fn not_led(estate: &Estate, lines: &[Line], rows: &[Row]) -> Option<Vec<String>> {
    let mut kinds = estate.network.gateways.values().map(|gateway| &gateway.kind);
    if !kinds.any(|kind| matches!(kind, GatewayKind::Surroundings { .. })) {
        return None;
    }
    // Where it is not known to whom a service leads, it may be anybody.
    let by_services: BTreeSet<&String> = rows.iter().filter_map(|row| row.to.as_ref()).collect();
    let perhaps = rows.iter().any(|row| row.to.is_none());
    let inbound = || lines.iter().filter(|line| line.direction == Way::Inbound);
    let names = |line: &Line| match &line.inside {
        End::Workloads(members) => members
            .iter()
            .filter(|member| member.kind != WorkloadKind::LoadBalancer.word())
            .map(|member| member.label.clone())
            .collect(),
        End::Internet(_) | End::Outside(..) => Vec::new(),
    };
    let through: BTreeSet<String> =
        inbound().filter(|line| line.through.is_some()).flat_map(names).collect();
    let all: BTreeSet<String> = inbound().flat_map(names).collect();
    let rest =
        all.into_iter().filter(|name| !through.contains(name) && !by_services.contains(name));
    Some(if perhaps { Vec::new() } else { rest.collect() })
}

/// The pods of a cluster by itself for which no policy says what comes in, or what goes out: at which
/// no guard of policies has a stage in that direction.
fn unselected(estate: &Estate, direction: Direction) -> Vec<String> {
    let (names, network) = (Names::new(estate), &estate.network);
    let is_open = |id: &EndpointId| {
        let endpoint = &network.endpoints[*id];
        let further =
            endpoint.subnet.is_some_and(|one| network.realms[network.subnets[one].realm].further);
        let mut guards = endpoint.layers.iter().flat_map(|layer| &network.layers[*layer].guards);
        let is_of_policies = |guard: &Guard| *guard.kind == *Guard::POLICIES;
        !further
            && guards.all(|guard| {
                let guard = &network.guards[*guard];
                !is_of_policies(guard) || guard.stages(direction).is_empty()
            })
    };
    let pods = estate.workloads.iter().filter(|(_, one)| one.kind == WorkloadKind::Pod);
    let open = pods.filter(|(_, one)| one.endpoints.iter().any(is_open));
    let found: BTreeSet<String> = open.map(|(id, _)| names.of(id)).collect();
    found.into_iter().collect()
}

/// The table of what services lead in, to whom nothing leads, and whom no policy selects.
pub(super) fn table(
    estate: &Estate,
    matrix: &Matrix,
    (lines, led): (&[Line], &[Led]),
    layout: &Layout,
) -> String {
    let rows = rows(estate, matrix, led);
    let mut text = String::new();
    if !rows.is_empty() {
        let mut table = Table::new(&["LED IN BY", "FROM", "OVER", "REPLY", "TO"]);
        for row in &rows {
            let to = match &row.to {
                Some(to) => format!("{to}, {}", row.behind),
                None => format!("not known to whom, {}", row.behind),
            };
            table.push(vec![
                row.by.clone(),
                row.from.clone(),
                over(&row.forward),
                reply(&row.forward, &row.established),
                to,
            ]);
        }
        text = format!("\n{}", table.render(layout));
    }
    let Some(not_led) = not_led(estate, lines, &rows) else { return text };
    let mut sentences = vec![("nothing in the input leads to", not_led)];
    for (direction, what) in [
        (Direction::Ingress, "no policy says what comes in to"),
        (Direction::Egress, "no policy says what goes out of"),
    ] {
        sentences.push((what, unselected(estate, direction)));
    }
    sentences.retain(|(_, names)| !names.is_empty());
    if !sentences.is_empty() {
        text.push('\n');
    }
    for (what, names) in sentences {
        text.push_str(&layout.faint(&format!("{what}: {}\n", names.join(", "))));
    }
    text
}

/// The same as JSON.
pub(super) fn json(
    estate: &Estate,
    matrix: &Matrix,
    (lines, led): (&[Line], &[Led]),
) -> [Value; 3] {
    let rows = rows(estate, matrix, led);
    let not_led = not_led(estate, lines, &rows);
    let unselected = not_led.as_ref().map(|_| {
        let of = |direction| unselected(estate, direction);
        json!({"ingress": of(Direction::Ingress), "egress": of(Direction::Egress)})
    });
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "by": row.by,
                "from": row.from,
                "forward": bounds_json(&row.forward),
                "established": bounds_json(&row.established),
                "to": row.to,
                "behind": row.behind.to_string(),
            })
        })
        .collect();
    [json!(rows), json!(not_led), json!(unselected)]
}
