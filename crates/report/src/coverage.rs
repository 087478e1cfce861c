//! Which guards decide each pair, which pairs none, and which denials hang on one layer alone.

mod alone;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_model::Estate;
use watertight_model::network::{Direction, LayerId};
use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_reach::{Class, Matrix, Point, Survey};

pub(crate) use alone::{Alone, alone};

use crate::csv;
use crate::ends::{End, Names, Space, Wholes};
use crate::rows::{Sides, outside_prefixes};
use crate::table::{Layout, Table};
use crate::text::count;

/// The version of the JSON that [`json()`] gives.
pub const SCHEMA: &str = "watertight.coverage/v1";

/// Up to how many pairs of classes are listed one by one where nothing else is said.
pub const PAIRS_LISTED_MAX: u64 = 20_000;

/// The end that a class is; addresses outside are those of the class alone.
pub(crate) fn end_of(
    estate: &Estate,
    names: &Names<'_>,
    wholes: &Wholes,
    class: Option<&Class>,
) -> End {
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

/// Every pair by itself; addresses outside with the same answer are one end.
fn lines(estate: &Estate, matrix: &Matrix, survey: &Survey) -> Vec<Line> {
    let sides = Sides::new(estate, matrix);
    let mut groups: BTreeMap<_, BTreeSet<Prefix>> = BTreeMap::new();
    for one in survey.pairs() {
        let Some((from, to)) = sides.pair(one.from, one.to) else { continue };
        let deciding = one.deciding.iter();
        let mut by: Vec<String> = deciding
            .map(|one| describe(estate, one.layer, one.direction, one.side.is_subnet()))
            .collect();
        by.dedup();
        let key = (from, to, by, (*one.arrives).clone(), one.layers);
        let addresses = groups.entry(key).or_default();
        addresses.extend(outside_prefixes(matrix, one.from).iter().copied());
        addresses.extend(outside_prefixes(matrix, one.to).iter().copied());
    }
    let line = |((from, to, by, arrives, layers), prefixes)| {
        let addresses = AddressSet::from_prefixes(prefixes);
        let end = |side| sides.end(estate, side, &addresses);
        Line { from: end(from), to: end(to), by, arrives, layers }
    };
    let lines: BTreeSet<Line> = groups.into_iter().map(line).collect();
    lines.into_iter().collect()
}

/// A layer in words: `security group web (sg-1) inbound`.
pub(crate) fn describe(
    estate: &Estate,
    layer: LayerId,
    direction: Direction,
    at_subnet: bool,
) -> String {
    let network = &estate.network;
    let guards = &network.layers[layer].guards;
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
    let way = match direction {
        Direction::Ingress => "inbound",
        Direction::Egress => "outbound",
    };
    let at = if at_subnet { " at the subnet" } else { "" };
    format!("{kind} {} {way}{at}", names.join(" + "))
}

/// What each layer decides, in words: those that decide most pairs first.
fn points(estate: &Estate, survey: &Survey) -> Vec<(String, Point)> {
    let named =
        |point: Point| (describe(estate, point.layer, point.direction, point.at_subnet), point);
    let mut points: Vec<(String, Point)> = survey.points().into_iter().map(named).collect();
    points.sort_by(|(one, a), (other, b)| {
        b.pairs.cmp(&a.pairs).then_with(|| (one, a).cmp(&(other, b)))
    });
    points
}

/// A table of what decides each pair that routes connect; pairs that nothing decides come first.
/// Where there are more than `pairs_max`, it tells what each layer decides instead.
pub fn table(
    estate: &Estate,
    matrix: &Matrix,
    survey: &Survey,
    pairs_max: u64,
    layout: &Layout,
) -> String {
    let totals = survey.totals();
    if totals.pairs == 0 {
        return "no route connects anything\n".to_owned();
    }
    let (mut text, pairs, ungoverned) = if totals.pairs <= pairs_max {
        pairs_table(&lines(estate, matrix, survey), layout)
    } else {
        (points_table(estate, survey, layout), totals.pairs, totals.ungoverned)
    };
    let found = alone(estate, matrix, survey);
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
        count_of(pairs, "pair"),
        count(found.len(), "denial"),
    );
    text + &layout.faint(&summary)
}

fn count_of(number: u64, noun: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

/// The pairs one by one; how many there are, and how many nothing decides.
fn pairs_table(lines: &[Line], layout: &Layout) -> (String, u64, u64) {
    let mut lines: Vec<&Line> = lines.iter().collect();
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
    (table.render(layout), u64::try_from(lines.len()).unwrap_or(u64::MAX), ungoverned)
}

/// What each layer decides, where pairs are too many to be listed.
fn points_table(estate: &Estate, survey: &Survey, layout: &Layout) -> String {
    let totals = survey.totals();
    let mut table = Table::new(&["DECIDED BY", "PAIRS", "REFUSED BY IT ALONE"]);
    if totals.ungoverned > 0 {
        table.push(vec!["nothing".to_owned(), totals.ungoverned.to_string(), String::new()]);
    }
    for (text, point) in points(estate, survey) {
        table.push(vec![text, point.pairs.to_string(), point.refused_alone.to_string()]);
    }
    let why = format!(
        "{} are too many to be listed: this is what each layer decides of them\n\n",
        count_of(totals.pairs, "pair"),
    );
    why + &table.render(layout)
}

/// The coverage as JSON. Pairs are listed up to `pairs_max`; what each layer decides always is.
pub fn json(estate: &Estate, matrix: &Matrix, survey: &Survey, pairs_max: u64) -> Value {
    let totals = survey.totals();
    let pairs = (totals.pairs <= pairs_max).then(|| {
        let lines = lines(estate, matrix, survey);
        let pair = |line: &Line| {
            json!({
                "from": line.from.json(),
                "to": line.to.json(),
                "governed": !line.by.is_empty(),
                "decided_by": line.by,
                "layers": line.layers,
                "arrives": line.arrives.to_string(),
            })
        };
        lines.iter().map(pair).collect::<Vec<Value>>()
    });
    let points = points(estate, survey).into_iter().map(|(text, point)| {
        json!({
            "layer": text,
            "pairs": point.pairs,
            "refused_alone": point.refused_alone,
        })
    });
    let single: Vec<Value> = alone(estate, matrix, survey)
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
    json!({
        "schema": SCHEMA,
        "estate": estate.id.0,
        "totals": {
            "pairs": totals.pairs,
            "ungoverned": totals.ungoverned,
            "refused": totals.refused,
            "refused_by_one_layer": totals.refused_by_one,
        },
        "layers": points.collect::<Vec<Value>>(),
        "pairs": pairs,
        "single_layers": single,
    })
}

/// The pairs as comma-separated values; what each layer decides where there are more than
/// `pairs_max`.
pub fn csv(estate: &Estate, matrix: &Matrix, survey: &Survey, pairs_max: u64) -> String {
    if survey.totals().pairs > pairs_max {
        let header = ["layer", "pairs", "refused_alone"];
        let rows = points(estate, survey).into_iter().map(|(text, point)| {
            vec![
                text.into(),
                point.pairs.to_string().into(),
                point.refused_alone.to_string().into(),
            ]
        });
        return csv::write(std::iter::once(header.map(Into::into).to_vec()).chain(rows));
    }
    let header = ["from", "to", "governed", "decided_by", "arrives"];
    let rows = lines(estate, matrix, survey).into_iter().map(|line| {
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
