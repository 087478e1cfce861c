//! Where boxes, bands and the ends of lines are.

use std::collections::{BTreeMap, BTreeSet};

use crate::assessment::view::{EdgeView, NodeView, View};
use crate::width::int;

/// The size of labels.
pub(super) const FONT: i32 = 12;
/// Room inside a box or a band, beside its text.
pub(super) const PAD: i32 = 10;
/// The height of a box's heading.
pub(super) const BAND: i32 = 28;
/// The height of one member.
pub(super) const ROW: i32 = 19;
/// The height of the columns' names.
pub(super) const HEAD: i32 = 36;

/// How many members and boxes a map has at most.
const NODES_MAX: usize = 300;
/// The width of boxes inside the estate, and of those outside.
const INSIDE: i32 = 188;
const OUTSIDE: i32 = 140;
/// Room between columns, and between boxes of one column.
const GAP: i32 = 56;
const STACK: i32 = 12;
/// The height of a band's name.
const NAME: i32 = 26;
/// The last column that counts hops.
const HOPS_MAX: usize = 3;

/// A box.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
    /// How many members it lists, and how many more there are.
    pub(super) rows: usize,
    pub(super) more: usize,
}

/// An account or a network behind boxes.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub(super) label: String,
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// The whole map.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) size: (i32, i32),
    pub(super) boxes: BTreeMap<usize, Placed>,
    pub(super) accounts: Vec<Band>,
    pub(super) realms: Vec<Band>,
    pub(super) columns: Vec<(i32, String)>,
    /// For each box, its lines' other ends with direction, in order, for places along its sides.
    ports: BTreeMap<usize, Vec<(usize, bool)>>,
}

impl Layout {
    pub(super) fn new(view: &View) -> Self {
        let columns = columns(view);
        let used: BTreeSet<usize> =
            columns.values().copied().filter(|column| *column > 0).collect();
        let inner: BTreeMap<usize, i32> =
            used.iter().enumerate().map(|(at, column)| (*column, int(at))).collect();
        let has = |kind: &str| view.segments.iter().any(|segment| segment.kind == kind);
        let left = if has("internet") { 1 + OUTSIDE + GAP } else { 1 };
        let band_width = 2 * (PAD + PAD) + int(inner.len()) * (INSIDE + GAP) - GAP;
        let mut layout = Self {
            size: (0, 0),
            boxes: BTreeMap::new(),
            accounts: Vec::new(),
            realms: Vec::new(),
            columns: inner
                .iter()
                .map(|(column, at)| (left + 2 * PAD + at * (INSIDE + GAP), column_name(*column)))
                .collect(),
            ports: BTreeMap::new(),
        };
        let bottom = layout.place_inside(view, &columns, &inner, (left, band_width));
        let right = if inner.is_empty() { left } else { left + band_width };
        let outside_bottom = layout.place_outside(view, right + GAP, bottom);
        let width = if has("outside") { right + GAP + OUTSIDE + 1 } else { right + 1 };
        layout.size = (width, bottom.max(outside_bottom) + 4);
        layout.place_ports(view);
        layout
    }

    /// Where along a box's side a line leaves or enters.
    pub(super) fn port(&self, edge: &EdgeView, leaves: bool) -> i32 {
        let (own, other) = if leaves { (edge.from, edge.to) } else { (edge.to, edge.from) };
        let Some(placed) = self.boxes.get(&own) else { return 0 };
        let ports = self.ports.get(&own).map_or(&[][..], Vec::as_slice);
        let at = ports.iter().position(|port| *port == (other, leaves)).unwrap_or(0);
        placed.y + placed.height * (int(at) + 1) / (int(ports.len()) + 1)
    }

    /// Bands of accounts and networks with their boxes; returns where they end.
    fn place_inside(
        &mut self,
        view: &View,
        columns: &BTreeMap<usize, usize>,
        inner: &BTreeMap<usize, i32>,
        (left, width): (i32, i32),
    ) -> i32 {
        let rows_max = rows_max(view);
        let mut accounts: BTreeMap<&str, BTreeMap<(&str, &str), Vec<usize>>> = BTreeMap::new();
        for (place, segment) in view.segments.iter().enumerate() {
            if is_inside(segment) {
                let networks = accounts.entry(&segment.account).or_default();
                networks.entry((segment.kind, &segment.realm)).or_default().push(place);
            }
        }
        let mut y = HEAD;
        for (account, networks) in accounts {
            let top = y;
            y += NAME;
            for ((_, realm), members) in networks {
                let name = if realm.is_empty() { "outside of networks" } else { realm };
                let band_top = y;
                let mut ends: BTreeMap<i32, i32> = BTreeMap::new();
                for place in members {
                    let Some(segment) = view.segments.get(place) else { continue };
                    let column = columns.get(&place).and_then(|column| inner.get(column));
                    let at = column.copied().unwrap_or(0);
                    let end = ends.entry(at).or_insert(band_top + NAME);
                    let x = left + 2 * PAD + at * (INSIDE + GAP);
                    let placed = placed(segment, (x, *end), INSIDE, rows_max);
                    *end += placed.height + STACK;
                    self.boxes.insert(place, placed);
                }
                y = ends.values().copied().max().unwrap_or(band_top + NAME);
                self.realms.push(Band {
                    label: name.to_owned(),
                    x: left + PAD,
                    y: band_top,
                    width: width - 2 * PAD,
                    height: y - band_top,
                });
                y += PAD;
            }
            self.accounts.push(Band {
                label: account.to_owned(),
                x: left,
                y: top,
                width,
                height: y - top,
            });
            y += STACK;
        }
        y
    }

    /// The internet on the left and networks outside on the right, in the middle of the height.
    fn place_outside(&mut self, view: &View, right: i32, bottom: i32) -> i32 {
        let mut lowest = HEAD;
        for (kind, x) in [("internet", 1), ("outside", right)] {
            let of: Vec<usize> = (0..view.segments.len())
                .filter(|place| view.segments.get(*place).is_some_and(|one| one.kind == kind))
                .collect();
            let height = int(of.len()) * (BAND + STACK + 8) - STACK;
            let mut y = HEAD + ((bottom - HEAD - height) / 2).max(0);
            for place in of {
                let height = BAND + 8;
                let placed = Placed { x, y, width: OUTSIDE, height, rows: 0, more: 0 };
                self.boxes.insert(place, placed);
                y += height + STACK;
            }
            lowest = lowest.max(y);
        }
        lowest
    }

    /// Orders the lines of each box by where they lead, so that few of them cross.
    fn place_ports(&mut self, view: &View) {
        let drawn =
            view.connectivity.iter().filter(|edge| edge.from != edge.to && edge.openness > 0);
        for edge in drawn {
            self.ports.entry(edge.from).or_default().push((edge.to, true));
            self.ports.entry(edge.to).or_default().push((edge.from, false));
        }
        let middle = |place: &usize| {
            self.boxes.get(place).map_or((0, 0), |placed| (placed.y + placed.height / 2, placed.x))
        };
        for ports in self.ports.values_mut() {
            ports.sort_by_key(|(other, leaves)| (middle(other), *leaves, *other));
        }
    }
}

fn is_inside(segment: &NodeView) -> bool {
    !matches!(segment.kind, "internet" | "outside")
}

fn placed(segment: &NodeView, (x, y): (i32, i32), width: i32, rows_max: usize) -> Placed {
    let shown = segment.members.len().min(rows_max);
    // One row is enough for the last member and for saying that there are more.
    let members: usize = segment.members.iter().map(|member| member.count).sum();
    let hidden = segment.workloads.saturating_sub(members);
    let listed: usize = segment.members.iter().take(shown).map(|member| member.count).sum();
    let more = members - listed + hidden;
    let rows = shown + usize::from(more > 0);
    Placed { x, y, width, height: BAND + int(rows) * ROW + 6, rows: shown, more }
}

/// How many members each box lists, so that the map keeps its limit.
fn rows_max(view: &View) -> usize {
    (1..=16_usize)
        .rev()
        .find(|rows| {
            let members = view.segments.iter().map(|segment| segment.members.len().min(*rows));
            members.sum::<usize>() + view.segments.len() <= NODES_MAX
        })
        .unwrap_or(0)
}

fn column_name(column: usize) -> String {
    match column {
        1 => "1 hop from the internet".to_owned(),
        HOPS_MAX => format!("{HOPS_MAX} hops or more"),
        column if column > HOPS_MAX => "not reached from it".to_owned(),
        column => format!("{column} hops"),
    }
}

/// The column of each segment inside: hops from the internet.
fn columns(view: &View) -> BTreeMap<usize, usize> {
    let mut columns: BTreeMap<usize, usize> = BTreeMap::new();
    let mut front: BTreeSet<usize> = BTreeSet::new();
    for (place, segment) in view.segments.iter().enumerate() {
        if segment.kind == "internet" {
            columns.insert(place, 0);
            front.insert(place);
        }
    }
    let mut hops = 0;
    while !front.is_empty() {
        hops += 1;
        let edges = view.connectivity.iter().filter(|edge| edge.openness > 0);
        let next: BTreeSet<usize> = edges
            .filter(|edge| front.contains(&edge.from) && !columns.contains_key(&edge.to))
            .map(|edge| edge.to)
            .filter(|to| view.segments.get(*to).is_some_and(is_inside))
            .collect();
        columns.extend(next.iter().map(|place| (*place, hops.min(HOPS_MAX))));
        front = next;
    }
    for (place, segment) in view.segments.iter().enumerate() {
        if is_inside(segment) {
            columns.entry(place).or_insert(HOPS_MAX + 1);
        }
    }
    columns
}
