//! Which guards decide each pair, which pairs none, and which denials hang on one layer alone.

mod alone;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_model::Estate;
use watertight_model::network::Direction;
use watertight_net::FlowSet;
use watertight_reach::{Class, ClassIndex, DecidingLayer, Matrix, Place, Surveyed};

pub(crate) use alone::{Alone, alone};

use crate::csv;
use crate::ends::{End, Names, Space, Wholes};
use crate::table::{Layout, Table};
use crate::text::count;

/// The version of the JSON that [`json()`] gives.
pub const SCHEMA: &str = "watertight.coverage/v1";

/// The end that a class is; addresses outside are those of the class alone.
pub(crate) fn end_of(
    estate: &Estate,
    names: &Names<'_>,
    wholes: &Wholes,
    class: Option<&Class>,
) -> End {
    use watertight_net::AddressSet;
    match class {
        Some(class @ Class::Endpoints(_)) => End::Workloads(names.class_members(class)),
        Some(Class::Internet(atom)) => {
            let addresses = AddressSet::from_prefixes(atom.prefixes.iter().copied());
            End::Internet(wholes.internet(&addresses))
        }
        Some(Class::Outside(by, atom)) => {
            let addresses = AddressSet::from_prefixes(atom.prefixes.iter().copied());
            let name = Matrix::outside_name(&estate.network, *by);
            End::Outside(name, wholes.outside(*by, &addresses))
        }
        None => End::Internet(Space::new(&AddressSet::empty(), &AddressSet::empty())),
    }
}

/// What decides for one pair of ends.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    from: End,
    to: End,
    /// The layers that refuse something, as kind, names, place and direction.
    by: Vec<String>,
    arrives: FlowSet,
    layers: usize,
}

fn lines(estate: &Estate, matrix: &Matrix, surveyed: &[Surveyed]) -> Vec<Line> {
    let names = Names::new(estate);
    let wholes = Wholes::new(matrix);
    let mut ends: BTreeMap<ClassIndex, End> = BTreeMap::new();
    let mut lines: BTreeSet<Line> = BTreeSet::new();
    for one in surveyed {
        let mut end = |class: ClassIndex| {
            let of = || end_of(estate, &names, &wholes, matrix.classes.get(class));
            ends.entry(class).or_insert_with(of).clone()
        };
        let mut by: Vec<String> =
            one.deciding.iter().map(|layer| describe(estate, layer)).collect();
        by.dedup();
        let (from, to) = (end(one.from), end(one.to));
        lines.insert(Line { from, to, by, arrives: one.arrives.clone(), layers: one.layers });
    }
    lines.into_iter().collect()
}

/// A layer in words: `security group web (sg-1) inbound`.
pub(crate) fn describe(estate: &Estate, deciding: &DecidingLayer) -> String {
    let network = &estate.network;
    let guards = &network.layers[deciding.layer].guards;
    let names: Vec<String> = guards
        .iter()
        .map(|guard| {
            let guard = &network.guards[*guard];
            if guard.title == guard.name {
                guard.name.to_string()
            } else {
                format!("{} ({})", guard.title, guard.name)
            }
        })
        .collect();
    let kind = guards.first().map_or("no guard", |guard| network.guards[*guard].kind.as_str());
    let way = match deciding.direction {
        Direction::Ingress => "inbound",
        Direction::Egress => "outbound",
    };
    let at = match deciding.place {
        Place::Subnet(_) => " at the subnet",
        Place::Endpoint(_)
        | Place::Realm(_)
        | Place::Gateway(_)
        | Place::Attachment(_)
        | Place::Internet => "",
    };
    format!("{kind} {} {way}{at}", names.join(" + "))
}

/// A table of what decides each pair that routes connect; pairs that nothing decides come first.
pub fn table(estate: &Estate, matrix: &Matrix, surveyed: &[Surveyed], layout: &Layout) -> String {
    if surveyed.is_empty() {
        return "no route connects anything\n".to_owned();
    }
    let mut lines = lines(estate, matrix, surveyed);
    lines.sort_by_key(|line| !line.by.is_empty());
    let mut table = Table::new(&["DECIDED BY", "FROM", "TO", "LETS THROUGH"]);
    let mut ungoverned = 0;
    for line in &lines {
        let by = if line.by.is_empty() {
            ungoverned += 1;
            "nothing".to_owned()
        } else {
            line.by.join("; ")
        };
        let (from, to) = (line.from.whole_label(), line.to.whole_label());
        table.push(vec![by, from, to, line.arrives.to_string()]);
    }
    let mut text = table.render(layout);
    let found = alone(estate, matrix, surveyed);
    if !found.is_empty() {
        let mut single = Table::new(&["ONE LAYER ALONE", "KEEPS", "FROM", "REFUSES"]);
        for one in &found {
            single.push(vec![
                one.layer.clone(),
                one.sources_text(),
                one.target.whole_label(),
                one.flows.to_string(),
            ]);
        }
        text.push('\n');
        text.push_str(&single.render(layout));
    }
    let summary = format!(
        "\n{} connected by routes, {ungoverned} decided by nothing, {} held by one layer alone\n",
        count(lines.len(), "pair"),
        count(found.len(), "denial"),
    );
    text + &layout.faint(&summary)
}

/// The coverage as JSON.
pub fn json(estate: &Estate, matrix: &Matrix, surveyed: &[Surveyed]) -> Value {
    let pairs: Vec<Value> = lines(estate, matrix, surveyed)
        .iter()
        .map(|line| {
            json!({
                "from": line.from.json(),
                "to": line.to.json(),
                "governed": !line.by.is_empty(),
                "decided_by": line.by,
                "layers": line.layers,
                "arrives": line.arrives.to_string(),
            })
        })
        .collect();
    let single: Vec<Value> = alone(estate, matrix, surveyed)
        .iter()
        .map(|one| {
            json!({
                "layer": one.layer,
                "from": one.sources.iter().map(End::json).collect::<Vec<_>>(),
                "to": one.target.json(),
                "refuses": one.flows.to_string(),
            })
        })
        .collect();
    json!({"schema": SCHEMA, "estate": estate.id.0, "pairs": pairs, "single_layers": single})
}

/// The pairs as comma-separated values.
pub fn csv(estate: &Estate, matrix: &Matrix, surveyed: &[Surveyed]) -> String {
    let header = ["from", "to", "governed", "decided_by", "arrives"];
    let rows = lines(estate, matrix, surveyed).into_iter().map(|line| {
        vec![
            line.from.whole_label().into(),
            line.to.whole_label().into(),
            if line.by.is_empty() { "no" } else { "yes" }.into(),
            line.by.join("; ").into(),
            line.arrives.to_string().into(),
        ]
    });
    csv::write(std::iter::once(header.map(Into::into).to_vec()).chain(rows))
}
