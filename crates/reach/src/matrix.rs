//! Connectivity: every class towards every other, as sets of flows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::network::{Attached, EndpointId};
use watertight_model::{Bounds, Name, Network};
use watertight_net::{Family, FlowSet, Prefix};

use crate::answer::Reach;
use crate::classes::{Class, classes};
use crate::fold::{Asking, fold};
use crate::path::{End, OutsideBy, Path, Place, Start};

/// A class's position in [`Matrix::classes`].
pub type ClassIndex = usize;

/// Who reaches whom over what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matrix {
    /// The classes, endpoints first.
    pub classes: Vec<Class>,
    cells: BTreeMap<(ClassIndex, ClassIndex), Cell>,
    class_of: BTreeMap<EndpointId, ClassIndex>,
}

/// What one class may send to another.
///
/// The flows are those of the leg as both its ends see it: where a front passes a connection on
/// without ending its leg, the destination port is the target's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cell {
    /// What arrives.
    pub forward: Bounds<FlowSet>,
    /// That part of it for which a connection can be established: the reply comes back.
    pub established: Bounds<FlowSet>,
}

impl Default for Cell {
    fn default() -> Self {
        let none = || Bounds::exact(FlowSet::none());
        Self { forward: none(), established: none() }
    }
}

impl Cell {
    /// Adds what another way allows.
    fn add(&mut self, forward: &Bounds<FlowSet>, established: &Bounds<FlowSet>) {
        for (own, more) in [(&mut self.forward, forward), (&mut self.established, established)] {
            own.sure = own.sure.union(&more.sure);
            own.possible = own.possible.union(&more.possible);
        }
    }
}

impl Matrix {
    /// The class of an endpoint.
    pub fn class_of(&self, endpoint: EndpointId) -> Option<ClassIndex> {
        self.class_of.get(&endpoint).copied()
    }

    /// The name of what an outside network is reached by.
    pub fn outside_name(network: &Network, by: OutsideBy) -> Name {
        match by {
            OutsideBy::Gateway(id) => network.gateways[id].name.clone(),
            OutsideBy::Attachment(id) => match &network.attachments[id].attached {
                Attached::Outside(name) => name.clone(),
                Attached::Realm { .. } | Attached::Peer(_) | Attached::Opaque(_) => {
                    network.attachments[id].name.clone()
                }
            },
        }
    }

    /// Every pair of which anything could be allowed, with what is, in a stable order. A class with
    /// several members may have a cell towards itself: it is about two different members.
    pub fn cells(&self) -> impl Iterator<Item = ((ClassIndex, ClassIndex), &Cell)> {
        self.cells.iter().map(|(pair, cell)| (*pair, cell))
    }

    /// How many pairs have a cell.
    pub fn cells_len(&self) -> usize {
        self.cells.len()
    }

    /// What one class may send to another, if anything.
    pub fn cell(&self, from: ClassIndex, to: ClassIndex) -> Option<&Cell> {
        self.cells.get(&(from, to))
    }

    /// What one endpoint may send to another, if anything.
    pub fn between(&self, from: EndpointId, to: EndpointId) -> Option<&Cell> {
        if from == to {
            return None;
        }
        self.cell(self.class_of(from)?, self.class_of(to)?)
    }
}

impl Reach<'_> {
    /// The connectivity of every class with every other.
    ///
    /// `boundaries` are prefixes to tell apart beside those that the network names, for
    /// comparisons; an empty set for one network alone.
    pub fn matrix(&self, boundaries: &BTreeSet<Prefix>) -> Matrix {
        let classes = classes(self.network, boundaries);
        let mut class_of = BTreeMap::new();
        for (index, class) in classes.iter().enumerate() {
            if let Class::Endpoints(members) = class {
                class_of.extend(members.iter().map(|member| (*member, index)));
            }
        }
        let mut matrix = Matrix { classes, cells: BTreeMap::new(), class_of };
        let blocks = self.blocks(&matrix.classes);
        self.for_each_pair(&blocks, true, |source, target| {
            self.fill_pair(&mut matrix, source.class, target.class, &source.start, target.address);
        });
        for class in 0..matrix.classes.len() {
            self.fill_within(&mut matrix, class);
        }
        matrix.cells.retain(|_, cell| !cell.forward.possible.is_empty());
        matrix
    }

    /// Between two members of one class.
    fn fill_within(&self, matrix: &mut Matrix, index: ClassIndex) {
        let Some(class) = matrix.classes.get(index) else { return };
        let addresses = match class {
            Class::Endpoints(members) if members.len() > 1 => self.class_addresses(class, true),
            Class::Endpoints(_) | Class::Internet(_) | Class::Outside(..) => return,
        };
        for start in self.class_starts(class) {
            for address in &addresses {
                if start.source().map(Family::of) == Some(Family::of(*address)) {
                    self.fill_pair(matrix, index, index, &start, *address);
                }
            }
        }
    }

    fn fill_pair(
        &self,
        matrix: &mut Matrix,
        from: ClassIndex,
        to: ClassIndex,
        start: &Start,
        address: IpAddr,
    ) {
        let all = FlowSet::all();
        for path in self.walker().paths(start, address) {
            let folded = fold(self.network, &path, &all, Asking::All);
            if folded.arrived.possible.is_empty() {
                continue;
            }
            let (established, _) = self.reply(start, &path, &folded);
            let Some(end) = matrix.end_of(self.network, &path, to) else { continue };
            let as_arrived = |flows: &FlowSet| match &path.end {
                End::Delivered(_) if path.by_front => arrives_as(&path, flows),
                _ => flows.clone(),
            };
            let forward = Bounds {
                sure: as_arrived(&folded.arrived.sure),
                possible: as_arrived(&folded.arrived.possible),
            };
            let established = Bounds {
                sure: as_arrived(&established.sure),
                possible: as_arrived(&established.possible),
            };
            matrix.cells.entry((from, end)).or_default().add(&forward, &established);
        }
    }

    /// Every start of an endpoint: one for each of its addresses.
    pub fn starts_of(&self, endpoint: EndpointId) -> Vec<Start> {
        let addresses = self.network.endpoints[endpoint].addresses.iter();
        addresses.map(|address| Start::Endpoint { endpoint, address: *address }).collect()
    }

    /// Every address at which an endpoint can be dialled: its own and its public ones.
    pub fn addresses_of(&self, endpoint: EndpointId) -> Vec<IpAddr> {
        let content = &self.network.endpoints[endpoint];
        let public = content.public.iter().map(|(_, public)| *public);
        let all: BTreeSet<IpAddr> = content.addresses.iter().copied().chain(public).collect();
        all.into_iter().collect()
    }
}

impl Matrix {
    /// The class at which a path towards a class ends: that class, or the one of a front's target.
    fn end_of(&self, network: &Network, path: &Path, to: ClassIndex) -> Option<ClassIndex> {
        match &path.end {
            End::Delivered(endpoint) => match self.classes.get(to) {
                Some(Class::Endpoints(_)) => self.class_of(*endpoint),
                // An outside address that turns out to be an endpoint's is that endpoint's class.
                Some(Class::Internet(_) | Class::Outside(..)) | None => None,
            },
            End::Platform(_) | End::Stopped { .. } => None,
            End::Unknown { at, .. } => (!is_of_strangers(network, path, *at)).then_some(to),
            End::Internet => matches!(self.classes.get(to), Some(Class::Internet(_))).then_some(to),
            End::Outside(by) => match self.classes.get(to) {
                Some(Class::Outside(to_by, _)) if by == to_by => Some(to),
                Some(_) | None => None,
            },
        }
    }
}

/// Whether what is unknown is who else has an address: no known endpoint is meant then.
fn is_of_strangers(network: &Network, path: &Path, at: Place) -> bool {
    match at {
        Place::Realm(_) => true,
        Place::Subnet(id) => {
            let prefixes = &network.subnets[id].prefixes;
            prefixes.iter().any(|prefix| prefix.contains(path.destination))
        }
        Place::Endpoint(_) | Place::Gateway(_) | Place::Attachment(_) | Place::Internet => false,
    }
}

/// Flows as a front's target sees them.
pub(crate) fn arrives_as(path: &Path, flows: &FlowSet) -> FlowSet {
    path.steps.iter().fold(flows.clone(), |flows, step| match step {
        crate::path::Step::Port(port) => flows.with_destination_port(*port),
        crate::path::Step::At(_)
        | crate::path::Step::Route { .. }
        | crate::path::Step::Guards(_)
        | crate::path::Step::Source { .. }
        | crate::path::Step::Destination { .. }
        | crate::path::Step::Select(_)
        | crate::path::Step::Carry { .. }
        | crate::path::Step::SourcePort(_)
        | crate::path::Step::Box { .. } => flows,
    })
}
