//! What the internet and the estate reach of each other.

mod leading;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_model::{Bounds, Estate};
use watertight_net::FlowSet;
use watertight_reach::{ClassIndex, Exposed, Exposure, Led, Matrix};

use crate::csv;
use crate::ends::{End, Member, Names, Wholes};
use crate::rows::{bounds_json, over, reply};
use crate::table::{Layout, Table};

/// The version of the JSON that [`json()`] gives.
pub const SCHEMA: &str = "watertight.exposure/v1";

/// One line of exposure, whatever its direction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Line {
    pub(crate) direction: Way,
    /// The workloads of the estate, and the classes of what is met at the edge.
    pub(crate) inside: End,
    pub(crate) classes: BTreeSet<ClassIndex>,
    /// The addresses of the internet.
    pub(crate) outside: End,
    /// The front between them.
    pub(crate) through: Option<String>,
    /// What a target behind that front sees.
    pub(crate) behind: Option<Bounds<FlowSet>>,
    pub(crate) forward: Bounds<FlowSet>,
    pub(crate) established: Bounds<FlowSet>,
}

/// Which way a connection is opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Way {
    Inbound,
    Outbound,
}

impl Way {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// The lines of an exposure: what is reached from outside, directly and through fronts, then what
/// reaches out.
pub(crate) fn lines(estate: &Estate, matrix: &Matrix, exposure: &Exposure) -> Vec<Line> {
    let names = Names::new(estate);
    let wholes = Wholes::new(matrix);
    let line = |direction, exposed: &Exposed| Line {
        direction,
        classes: BTreeSet::from([exposed.class]),
        inside: End::Workloads(
            matrix
                .classes
                .get(exposed.class)
                .map(|class| names.class_members(class))
                .unwrap_or_default(),
        ),
        outside: End::Internet(wholes.internet(&exposed.addresses)),
        through: None,
        behind: None,
        forward: exposed.forward.clone(),
        established: exposed.established.clone(),
    };
    let mut lines: Vec<Line> =
        exposure.inbound.iter().map(|exposed| line(Way::Inbound, exposed)).collect();
    for (exposed, leg) in &exposure.through {
        let target = estate.network.endpoints[leg.to].workload;
        let front = estate.network.fronts[leg.front].workload;
        lines.push(Line {
            inside: End::Workloads(names.members([target])),
            through: Some(names.of(front)),
            behind: Some(leg.flows.clone()),
            ..line(Way::Inbound, exposed)
        });
    }
    lines.extend(exposure.outbound.iter().map(|exposed| line(Way::Outbound, exposed)));
    merged(lines)
}

type Key = (Way, Option<String>, Option<Bounds<FlowSet>>, End, Bounds<FlowSet>, Bounds<FlowSet>);

/// Lines with the same answer as one, workloads together.
fn merged(lines: Vec<Line>) -> Vec<Line> {
    let mut groups: BTreeMap<Key, (Vec<Member>, BTreeSet<ClassIndex>)> = BTreeMap::new();
    for line in lines {
        let End::Workloads(members) = line.inside else { continue };
        let key = (
            line.direction,
            line.through,
            line.behind,
            line.outside,
            line.forward,
            line.established,
        );
        let group = groups.entry(key).or_default();
        group.0.extend(members);
        group.1.extend(line.classes);
    }
    let mut lines: Vec<Line> = groups
        .into_iter()
        .map(|((direction, through, behind, outside, forward, established), (members, classes))| {
            let inside = End::Workloads(together(members));
            Line { direction, inside, classes, outside, through, behind, forward, established }
        })
        .collect();
    lines.sort();
    lines
}

/// Members by name, each once.
fn together(members: Vec<Member>) -> Vec<Member> {
    let mut found: BTreeMap<String, Member> = BTreeMap::new();
    for member in members {
        let known = found
            .entry(member.label.clone())
            .or_insert_with(|| Member { ids: Vec::new(), ..member.clone() });
        known.ids.extend(member.ids);
        known.ids.sort();
        known.ids.dedup();
    }
    found.into_values().collect()
}

/// Tables of what the internet reaches and of what reaches the internet, and of what services of a
/// cluster lead in.
pub fn table(
    estate: &Estate,
    matrix: &Matrix,
    (exposure, led): (&Exposure, &[Led]),
    layout: &Layout,
) -> String {
    let lines = lines(estate, matrix, exposure);
    let mut inbound = Table::new(&["REACHED", "FROM", "OVER", "REPLY", "THROUGH"]);
    let mut outbound = Table::new(&["REACHES OUT", "TO", "OVER", "REPLY"]);
    for line in &lines {
        let (inside, outside) = (line.inside.whole_label(), line.outside.label());
        let (over_text, reply) = (over(&line.forward), reply(&line.forward, &line.established));
        if line.direction == Way::Inbound {
            let through = match (&line.through, &line.behind) {
                (Some(front), Some(behind)) => format!("{front}, then {}", over(behind)),
                (Some(front), None) => front.clone(),
                (None, _) => String::new(),
            };
            inbound.push(vec![inside, outside, over_text, reply, through]);
        } else {
            outbound.push(vec![inside, outside, over_text, reply]);
        }
    }
    let part = |table: &Table, nothing: &str| {
        if table.is_empty() { format!("{nothing}\n") } else { table.render(layout) }
    };
    format!(
        "{}{}\n{}",
        part(&inbound, "the internet reaches nothing"),
        leading::table(estate, matrix, (&lines, led), layout),
        part(&outbound, "nothing reaches the internet")
    )
}

/// The exposure as JSON.
pub fn json(estate: &Estate, matrix: &Matrix, (exposure, led): (&Exposure, &[Led])) -> Value {
    let lines = lines(estate, matrix, exposure);
    let [led, not_led, unselected] = leading::json(estate, matrix, (&lines, led));
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "direction": line.direction.word(),
                "workloads": line.inside.json(),
                "internet": line.outside.json(),
                "through": line.through,
                "behind": line.behind.as_ref().map(bounds_json),
                "forward": bounds_json(&line.forward),
                "established": bounds_json(&line.established),
            })
        })
        .collect();
    json!({"schema": SCHEMA, "estate": estate.id.0, "exposed": lines, "led": led,
        "not_led": not_led, "unselected": unselected})
}

/// The exposure as comma-separated values. What a service leads in is a line through it.
pub fn csv(estate: &Estate, matrix: &Matrix, (exposure, led): (&Exposure, &[Led])) -> String {
    let header = ["direction", "workloads", "internet", "through", "forward", "established"];
    let rows = lines(estate, matrix, exposure).into_iter().map(|line| {
        vec![
            line.direction.word().into(),
            line.inside.whole_label().into(),
            line.outside.label().into(),
            line.through.clone().unwrap_or_default().into(),
            over(&line.forward).into(),
            over(&line.established).into(),
        ]
    });
    let led = leading::rows(estate, matrix, led).into_iter().map(|row| {
        vec![
            Way::Inbound.word().into(),
            row.to.unwrap_or_default().into(),
            row.from.into(),
            row.by.into(),
            over(&row.forward).into(),
            over(&row.established).into(),
        ]
    });
    csv::write(std::iter::once(header.map(Into::into).to_vec()).chain(rows).chain(led))
}
