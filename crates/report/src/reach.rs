//! Connectivity: who reaches whom over what.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use watertight_model::Estate;
use watertight_reach::Matrix;

use crate::csv;
use crate::ends::End;
use crate::heat::{Heat, HeatCell};
use crate::openness::Openness;
use crate::rows::{Row, bounds_json, over, reply, rows};
use crate::segments::{SEGMENTS_MAX, Segments};
use crate::table::{Layout, Table};
use crate::text::count;

/// The version of the JSON that [`json()`] gives.
pub const SCHEMA: &str = "watertight.reach/v1";

/// A table of what each group of workloads reaches, grouped by class and then by name; replicas of
/// one owner are one name, and addresses outside with the same answer are one row.
pub fn table(estate: &Estate, matrix: &Matrix, layout: &Layout) -> String {
    let rows = rows(estate, matrix, |_, _| true);
    let mut table = Table::new(&["FROM", "TO", "OVER", "REPLY"]);
    for row in &rows {
        table.push(vec![
            row.from.whole_label(),
            row.to.whole_label(),
            over(&row.forward),
            reply(&row.forward, &row.established),
        ]);
    }
    if table.is_empty() {
        return "nothing reaches anything\n".to_owned();
    }
    let summary = format!(
        "\n{} in {}, {}\n",
        count(estate.network.endpoints.len(), "endpoint"),
        count(matrix.classes.len(), "class"),
        count(rows.len(), "row"),
    );
    table.render(layout) + &layout.faint(&summary)
}

/// The matrix as JSON: the ends once, and for each pair of ends what is let through and what can be
/// established.
pub fn json(estate: &Estate, matrix: &Matrix) -> Value {
    let rows = rows(estate, matrix, |_, _| true);
    let mut places: BTreeMap<&End, usize> = BTreeMap::new();
    for row in &rows {
        places.insert(&row.from, 0);
        places.insert(&row.to, 0);
    }
    for (number, place) in places.values_mut().enumerate() {
        *place = number;
    }
    let ends: Vec<Value> = places.keys().map(|end| end.json()).collect();
    let cells: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "from": places.get(&row.from),
                "to": places.get(&row.to),
                "forward": bounds_json(&row.forward),
                "established": bounds_json(&row.established),
            })
        })
        .collect();
    json!({"schema": SCHEMA, "estate": estate.id.0, "ends": ends, "cells": cells})
}

/// The rows of the table as comma-separated values, one for each pair of names.
pub fn csv(estate: &Estate, matrix: &Matrix) -> String {
    let header =
        ["from", "to", "forward", "forward_possible", "established", "established_possible"];
    let rows = rows(estate, matrix, |_, _| true);
    let body = rows.iter().flat_map(|row| {
        let tail = [
            row.forward.sure.to_string(),
            row.forward.possible.to_string(),
            row.established.sure.to_string(),
            row.established.possible.to_string(),
        ];
        pairs(row).into_iter().map(move |(from, to)| {
            let mut fields = vec![from.into(), to.into()];
            fields.extend(tail.iter().cloned().map(Into::into));
            fields
        })
    });
    csv::write(std::iter::once(header.map(Into::into).to_vec()).chain(body))
}

/// Every pair of names of a row.
fn pairs(row: &Row) -> Vec<(String, String)> {
    let names = |end: &End| match end {
        End::Workloads(members) => members.iter().map(|member| member.label.clone()).collect(),
        End::Internet(_) | End::Outside(..) => vec![end.label()],
    };
    let to: Vec<String> = names(&row.to);
    let from: Vec<String> = names(&row.from);
    let of = |one: String| to.iter().map(move |other| (one.clone(), other.clone()));
    from.into_iter().flat_map(of).collect()
}

/// The matrix as a picture: segments against segments, coloured by how much is open.
pub fn svg(estate: &Estate, matrix: &Matrix) -> String {
    let segments = Segments::new(estate, matrix, SEGMENTS_MAX);
    let mut cells = BTreeMap::new();
    for (pair, flows) in segments.cells(matrix) {
        let step = Openness::of(&flows.established.possible);
        let names = (segments.label(pair.0), segments.label(pair.1));
        let title = format!("{} to {}: {}", names.0, names.1, over(&flows.established));
        let doubtful = !flows.established.is_exact();
        let blocked = flows.established.possible.is_empty();
        cells.insert(pair, HeatCell { step, doubtful, blocked, title, link: None });
    }
    let labels: Vec<String> = (0..segments.all.len()).map(|place| segments.label(place)).collect();
    Heat { labels: &labels, cells: &cells }.standalone()
}
