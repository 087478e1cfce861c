//! Rows of connectivity, asked address by address: what one sender reaches everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::network::EndpointId;
use watertight_model::{Bounds, Disposition, Network};
use watertight_net::{Family, FlowSet};
use watertight_reach::{
    Cell, Class, ClassIndex, End, Matrix, OutsideAtom, OutsideBy, Part, Place, Reach, Start, Step,
};

use crate::engine::behind_box;

/// Who sends or receives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Peer {
    /// One endpoint.
    Endpoint(EndpointId),
    /// Addresses outside of the estate, as one class of the matrix.
    Outside(ClassIndex),
}

/// What one sender reaches, by family, as found address by address.
pub(crate) type Row = BTreeMap<(Peer, Family), Cell>;

/// Asks one network for rows.
pub(crate) struct Rows<'m> {
    reach: &'m Reach<'m>,
    matrix: &'m Matrix,
    /// Every address of an endpoint with those that have it.
    holders: BTreeMap<IpAddr, Vec<EndpointId>>,
}

/// What is dialled.
struct Dialled<'a> {
    address: IpAddr,
    holders: &'a [EndpointId],
    class: Option<ClassIndex>,
}

impl<'m> Rows<'m> {
    pub(crate) fn new(reach: &'m Reach<'m>, matrix: &'m Matrix) -> Self {
        let mut holders: BTreeMap<IpAddr, Vec<EndpointId>> = BTreeMap::new();
        for id in reach.network().endpoints.ids() {
            for address in reach.addresses_of(id) {
                holders.entry(address).or_default().push(id);
            }
        }
        Self { reach, matrix, holders }
    }

    pub(crate) fn network(&self) -> &'m Network {
        self.reach.network()
    }

    /// Every endpoint, then every class of outside addresses.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let endpoints = self.network().endpoints.ids().map(Peer::Endpoint);
        let classes = self.matrix.classes.iter().enumerate();
        let outside = classes.filter_map(|(index, class)| match class {
            Class::Endpoints(_) => None,
            Class::Internet(_) | Class::Outside(..) => Some(Peer::Outside(index)),
        });
        endpoints.chain(outside).collect()
    }

    /// A peer's name, for people.
    pub(crate) fn name(&self, peer: Peer) -> String {
        match peer {
            Peer::Endpoint(id) => self.network().endpoints[id].name.to_string(),
            Peer::Outside(index) => match &self.matrix.classes[index] {
                Class::Endpoints(_) => format!("class {index}"),
                Class::Internet(atom) => format!("internet@{}", other_than_first(atom)),
                Class::Outside(by, atom) => {
                    let name = Matrix::outside_name(self.network(), *by);
                    format!("outside:{name}@{}", other_than_first(atom))
                }
            },
        }
    }

    /// Every start of a peer.
    pub(crate) fn starts(&self, peer: Peer) -> Vec<Start> {
        match peer {
            Peer::Endpoint(id) => self.reach.starts_of(id),
            Peer::Outside(index) => match &self.matrix.classes[index] {
                Class::Endpoints(_) => Vec::new(),
                Class::Internet(atom) => vec![Start::Internet { address: other_than_first(atom) }],
                Class::Outside(by, atom) => {
                    vec![Start::Outside { by: *by, address: other_than_first(atom) }]
                }
            },
        }
    }

    /// What the matrix says about a pair.
    pub(crate) fn cell(&self, from: Peer, to: Peer) -> Option<&'m Cell> {
        let class = |peer| match peer {
            Peer::Endpoint(id) => self.matrix.class_of(id),
            Peer::Outside(index) => Some(index),
        };
        match (from, to) {
            (Peer::Endpoint(from), Peer::Endpoint(to)) => self.matrix.between(from, to),
            _ => self.matrix.cell(class(from)?, class(to)?),
        }
    }

    /// What a peer reaches, asked from each of its addresses to each address that anybody has.
    pub(crate) fn row(&self, from: Peer) -> Row {
        let mut row = Row::new();
        for start in self.starts(from) {
            let family = start.source().map(Family::of);
            for (address, holders) in &self.holders {
                if family == Some(Family::of(*address)) {
                    self.dial(
                        &mut row,
                        &start,
                        &Dialled { address: *address, holders, class: None },
                    );
                }
            }
            if matches!(from, Peer::Outside(_)) {
                continue;
            }
            for (index, class) in self.matrix.classes.iter().enumerate() {
                let (Class::Internet(atom) | Class::Outside(_, atom)) = class else { continue };
                let address = other_than_first(atom);
                if family == Some(Family::of(address)) {
                    let class = Some(index);
                    self.dial(&mut row, &start, &Dialled { address, holders: &[], class });
                }
            }
        }
        if let Peer::Endpoint(_) = from {
            row.retain(|(to, _), _| *to != from);
        }
        row
    }

    fn dial(&self, row: &mut Row, start: &Start, dialled: &Dialled<'_>) {
        let family = Family::of(dialled.address);
        for part in self.reach.answer(start, dialled.address, &FlowSet::all()) {
            let (ends, sure) = self.ends_of(&part, dialled);
            let seen = |flows: &FlowSet| as_seen_by_target(&part, flows);
            for end in ends {
                let cell = row.entry((end, family)).or_default();
                let possible = seen(&part.flows);
                if sure {
                    add(&mut cell.forward.sure, &possible);
                }
                add(&mut cell.forward.possible, &possible);
                add(&mut cell.established.sure, &seen(&part.established.sure));
                add(&mut cell.established.possible, &seen(&part.established.possible));
            }
        }
    }

    /// Whom a part reaches, and whether for sure.
    fn ends_of(&self, part: &Part, dialled: &Dialled<'_>) -> (Vec<Peer>, bool) {
        let sure = part.disposition.is_delivered();
        if !sure && (part.disposition != Disposition::Unknown || behind_box(part).is_some()) {
            return (Vec::new(), false);
        }
        let outside = |wanted: Option<OutsideBy>| {
            let class = dialled.class.filter(|index| match &self.matrix.classes[*index] {
                Class::Endpoints(_) => false,
                Class::Internet(_) => wanted.is_none(),
                Class::Outside(by, _) => wanted == Some(*by),
            });
            class.map(Peer::Outside).into_iter().collect()
        };
        let ends = match &part.path.end {
            End::Delivered(id) if dialled.class.is_none() => vec![Peer::Endpoint(*id)],
            End::Delivered(_) | End::Platform(_) | End::Stopped { .. } => Vec::new(),
            End::Internet => outside(None),
            End::Outside(by) => outside(Some(*by)),
            End::Unknown { at, .. } if self.is_of_strangers(*at, part) => Vec::new(),
            End::Unknown { .. } => match dialled.class {
                Some(class) => vec![Peer::Outside(class)],
                None => dialled.holders.iter().map(|id| Peer::Endpoint(*id)).collect(),
            },
        };
        (ends, sure)
    }

    /// Whether what is unknown is who else has an address: nobody who is known.
    fn is_of_strangers(&self, at: Place, part: &Part) -> bool {
        match at {
            Place::Realm(realm) => {
                let subnets = self.network().subnets.values().filter(|one| one.realm == realm);
                let mut prefixes = subnets.flat_map(|one| &one.prefixes);
                !prefixes.any(|prefix| prefix.contains(part.path.destination))
            }
            Place::Subnet(id) => {
                let prefixes = &self.network().subnets[id].prefixes;
                prefixes.iter().any(|prefix| prefix.contains(part.path.destination))
            }
            _ => false,
        }
    }
}

fn add(own: &mut FlowSet, more: &FlowSet) {
    *own = own.union(more);
}

/// The flows of a part as the endpoint that gets them sees them: a front that passes them on
/// changes the port.
fn as_seen_by_target(part: &Part, flows: &FlowSet) -> FlowSet {
    let mut flows = flows.clone();
    if matches!(part.path.end, End::Delivered(_)) {
        for step in &part.path.steps {
            if let Step::Port(port) = step {
                flows = flows.with_destination_port(*port);
            }
        }
    }
    flows
}

/// An address of a class that is not the one that the engine asks about, if there is another.
fn other_than_first(atom: &OutsideAtom) -> IpAddr {
    atom.prefixes.last().map_or(atom.representative, |prefix| prefix.last())
}

/// Adds both families of a row.
pub(crate) fn merged(row: &Row) -> BTreeMap<Peer, Cell> {
    let mut merged: BTreeMap<Peer, Cell> = BTreeMap::new();
    for ((to, _), cell) in row {
        let own = merged.entry(*to).or_default();
        for (own, more) in
            [(&mut own.forward, &cell.forward), (&mut own.established, &cell.established)]
        {
            add(&mut own.sure, &more.sure);
            add(&mut own.possible, &more.possible);
        }
    }
    merged.retain(|_, cell| !cell.forward.possible.is_empty());
    merged
}

/// One pair about which matrix and rows do not agree.
pub(crate) fn differences(rows: &Rows<'_>, from: Peer) -> Vec<String> {
    let row = rows.row(from);
    let expected = merged(&row);
    let none = Cell::default();
    let mut found = Vec::new();
    let ends: BTreeSet<Peer> = rows.peers().into_iter().filter(|to| *to != from).collect();
    for to in ends {
        if matches!((from, to), (Peer::Outside(_), Peer::Outside(_))) {
            continue;
        }
        let wanted = expected.get(&to).unwrap_or(&none);
        let cell = rows.cell(from, to).unwrap_or(&none);
        if cell == wanted {
            continue;
        }
        let mut text = format!("{} to {}\n", rows.name(from), rows.name(to));
        for family in [Family::V4, Family::V6] {
            if let Some(cell) = row.get(&(to, family)) {
                text.push_str(&format!("    expected over {family:?}: {}\n", told(cell)));
            }
        }
        text.push_str(&format!("    expected in all: {}\n", told(wanted)));
        text.push_str(&format!("    found in all:    {}", told(cell)));
        found.push(text);
    }
    found
}

/// A cell in one line.
pub(crate) fn told(cell: &Cell) -> String {
    let bounds = |bounds: &Bounds<FlowSet>| {
        if bounds.sure == bounds.possible {
            format!("[{}]", bounds.sure)
        } else {
            format!("[sure {}; possible {}]", bounds.sure, bounds.possible)
        }
    };
    format!("forward {} established {}", bounds(&cell.forward), bounds(&cell.established))
}
