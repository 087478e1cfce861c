//! Connectivity: every class towards every other, as sets of flows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::{Deref, Range};
use std::sync::Arc;

use watertight_model::network::{Attached, EndpointId};
use watertight_model::{Bounds, Name, Network};
use watertight_net::{Family, FlowSet, Prefix};

use crate::answer::Reach;
use crate::classes::{Boundaries, Class, classes};
use crate::connect::{Column, Connected, Kept, Reconnected};
use crate::fold::{Asking, fold};
use crate::path::{End, OutsideBy, Path, Place, Start};
use crate::runs::{Run, at};

/// A class's position in [`Matrix::classes`].
pub type ClassIndex = usize;

/// Classes, which copies share, with that of each endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Classes(Arc<(Vec<Class>, BTreeMap<EndpointId, ClassIndex>)>);

impl Classes {
    pub(crate) fn of_endpoints(&self) -> &BTreeMap<EndpointId, ClassIndex> {
        &self.0.1
    }
}

impl From<Vec<Class>> for Classes {
    fn from(classes: Vec<Class>) -> Self {
        let mut of_endpoints = BTreeMap::new();
        for (index, class) in classes.iter().enumerate() {
            if let Class::Endpoints(members) = class {
                of_endpoints.extend(members.iter().map(|member| (*member, index)));
            }
        }
        Self(Arc::new((classes, of_endpoints)))
    }
}

impl Deref for Classes {
    type Target = Vec<Class>;

    fn deref(&self) -> &Vec<Class> {
        &self.0.0
    }
}

impl<'c> IntoIterator for &'c Classes {
    type Item = &'c Class;
    type IntoIter = std::slice::Iter<'c, Class>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.0.iter()
    }
}

/// Who reaches whom over what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matrix {
    /// The classes, endpoints first.
    pub classes: Classes,
    /// For each class, the number of its column.
    column_of: Vec<u32>,
    /// Functions of the sending class: the number of the cell. Classes share them.
    columns: Vec<Column>,
    cells: Vec<Cell>,
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

/// What a change of rules has touched.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Classes to which others send otherwise than before.
    pub(crate) classes: BTreeSet<ClassIndex>,
    /// Numbers of columns that are gone or stand for something else.
    pub(crate) columns: BTreeSet<usize>,
    /// The classes that send otherwise to whom no guard stands before; none where any may.
    pub(crate) senders: Option<BTreeSet<ClassIndex>>,
}

impl Default for Cell {
    fn default() -> Self {
        let none = || Bounds::exact(FlowSet::none());
        Self { forward: none(), established: none() }
    }
}

impl Matrix {
    fn new(classes: Classes, Connected { column_of, columns, cells }: Connected) -> Self {
        Self { classes, column_of, columns, cells }
    }

    /// The class of an endpoint.
    pub fn class_of(&self, endpoint: EndpointId) -> Option<ClassIndex> {
        self.classes.of_endpoints().get(&endpoint).copied()
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

    /// Every pair of which anything could be allowed, with what is: ordered by who receives, then
    /// by who sends. A class with several members may have a cell towards itself: it is about two
    /// different members.
    pub fn cells(&self) -> impl Iterator<Item = ((ClassIndex, ClassIndex), &Cell)> {
        (0..self.classes.len())
            .flat_map(|to| self.column(to).map(move |(from, cell)| ((from, to), cell)))
    }

    /// What each class may send to one, as far as anything could be allowed, ordered by class.
    pub fn column(&self, to: ClassIndex) -> impl Iterator<Item = (ClassIndex, &Cell)> {
        self.stretches(to).flat_map(|(senders, cell)| senders.map(move |from| (from, cell)))
    }

    /// The same, consecutive classes that may send the same together.
    pub fn stretches(&self, to: ClassIndex) -> impl Iterator<Item = (Range<ClassIndex>, &Cell)> {
        let own = if self.is_lonely(to) { to } else { usize::MAX };
        self.runs(to).iter().flat_map(move |run| {
            let cell = self.cells.get(place(run.value));
            let (start, end) = (place(run.start), place(run.end));
            let split = own.clamp(start, end);
            let behind = if split == own { own + 1 } else { split };
            let parts = [start..split, behind..end].into_iter().filter(|part| !part.is_empty());
            cell.into_iter().flat_map(move |cell| parts.clone().map(move |part| (part, cell)))
        })
    }

    /// How many pairs have a cell.
    pub fn cells_len(&self) -> usize {
        let classes = 0..self.classes.len();
        classes
            .map(|to| {
                let own = u32::try_from(to).unwrap_or(u32::MAX);
                let runs = self.runs(to);
                let all: usize = runs.iter().map(|run| place(run.end - run.start)).sum();
                all - usize::from(self.is_lonely(to) && at(runs, own).is_some())
            })
            .sum()
    }

    /// What one class may send to another, if anything.
    pub fn cell(&self, from: ClassIndex, to: ClassIndex) -> Option<&Cell> {
        if from == to && self.is_lonely(to) {
            return None;
        }
        let run = at(self.runs(to), u32::try_from(from).ok()?)?;
        self.cells.get(place(run.value))
    }

    /// The column of a class, which may hold a cell of a class with one member towards itself.
    pub(crate) fn runs(&self, to: ClassIndex) -> &[Run<u32>] {
        let column = self.column_of.get(to).and_then(|id| self.columns.get(place(*id)));
        column.map_or(&[], |column| &**column)
    }

    /// The number of the column of a class: classes with one number have the same column.
    pub(crate) fn column_number(&self, to: ClassIndex) -> Option<usize> {
        self.column_of.get(to).map(|id| place(*id))
    }

    /// The cell of a run's value.
    pub(crate) fn numbered(&self, cell: u32) -> Option<&Cell> {
        self.cells.get(place(cell))
    }

    /// Whether a class has one member, which no other member can send to.
    pub(crate) fn is_lonely(&self, class: ClassIndex) -> bool {
        !matches!(self.classes.get(class), Some(Class::Endpoints(members)) if members.len() > 1)
    }

    /// Takes over columns that are found after a change.
    pub(crate) fn renew(&mut self, found: Reconnected) -> Touched {
        self.cells.extend(found.cells);
        let mut columns = found.columns;
        columns.retain(|(class, column)| self.runs(*class) != &**column);
        for (class, _) in &columns {
            if let Some(number) = self.column_of.get_mut(*class) {
                *number = u32::MAX;
            }
        }
        // Columns that nobody has any more make room for new ones.
        let mut used = vec![false; self.columns.len()];
        for number in &self.column_of {
            if let Some(used) = used.get_mut(place(*number)) {
                *used = true;
            }
        }
        let numbers = (0_u32..).zip(&used).filter(|(_, used)| !**used);
        let mut free: Vec<u32> = numbers.map(|(number, _)| number).collect();
        let mut touched = Touched { senders: found.senders, ..Touched::default() };
        touched.columns.extend(free.iter().map(|number| place(*number)));
        let mut known: HashMap<*const Run<u32>, u32> = HashMap::new();
        for (class, column) in &columns {
            touched.classes.insert(*class);
            let number = *known.entry(column.as_ptr()).or_insert_with(|| {
                free.pop().unwrap_or_else(|| {
                    self.columns.push(Column::from([]));
                    u32::try_from(self.columns.len() - 1).unwrap_or(u32::MAX)
                })
            });
            if let Some(slot) = self.columns.get_mut(place(number)) {
                *slot = Arc::clone(column);
            }
            if let Some(slot) = self.column_of.get_mut(*class) {
                *slot = number;
            }
        }
        for number in free {
            if let Some(slot) = self.columns.get_mut(place(number)) {
                *slot = Column::from([]);
            }
        }
        touched
    }

    /// The same cells by other classes.
    pub(crate) fn with_columns(
        &self,
        classes: Vec<Class>,
        (column_of, columns): (Vec<u32>, Vec<Column>),
    ) -> Self {
        Self { classes: Classes::from(classes), column_of, columns, cells: self.cells.clone() }
    }

    /// The classes, with the class of each endpoint.
    pub(crate) fn parts(&self) -> (&[Class], &BTreeMap<EndpointId, ClassIndex>) {
        (&self.classes, self.classes.of_endpoints())
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
        self.matrix_of(self.classes(boundaries))
    }

    /// The classes of [`Reach::matrix`].
    pub fn classes(&self, boundaries: &BTreeSet<Prefix>) -> Vec<Class> {
        let boundaries = Boundaries { prefixes: boundaries.clone(), lists: Vec::new() };
        classes(self.network, &boundaries)
    }

    /// The connectivity of classes that are given, of what is dialled at addresses of each of some families, or
    /// at all. Nothing in the network may tell members of a class apart; classes of endpoints come first.
    pub fn matrices(&self, classes: &Classes, families: &[Option<Family>]) -> Vec<Matrix> {
        let found = self.connect_by_family(classes, classes.of_endpoints(), families).into_iter();
        found.map(|connected| Matrix::new(classes.clone(), connected)).collect()
    }

    /// [`Reach::matrices`] without what classes for which `about` does not hold send to each other: who asks about one
    /// of those for which it does, at either end, gets the same answer.
    pub fn matrices_about(
        &self,
        classes: &Classes,
        families: &[Option<Family>],
        about: &[bool],
    ) -> Vec<Matrix> {
        let parts: (&[Class], _) = (classes, classes.of_endpoints());
        let found = self.connect_about(parts, families, about).into_iter();
        found.map(|connected| Matrix::new(classes.clone(), connected)).collect()
    }

    /// The connectivity of classes that are given: nothing in the network tells members of one apart.
    pub(crate) fn matrix_of(&self, classes: Vec<Class>) -> Matrix {
        self.matrix_kept(classes).0
    }

    /// The same, with what it was made of.
    pub(crate) fn matrix_kept(&self, classes: Vec<Class>) -> (Matrix, Kept) {
        let classes = Classes::from(classes);
        let (connected, kept) = self.connect(&classes, classes.of_endpoints());
        (Matrix::new(classes, connected), kept)
    }

    /// What one start may send to one address of a class: by the class at which it arrives.
    pub(crate) fn pair(
        &self,
        classes: &[Class],
        class_of: &BTreeMap<EndpointId, ClassIndex>,
        to: ClassIndex,
        (start, address): (&Start, IpAddr),
    ) -> Vec<(ClassIndex, Cell)> {
        let all = FlowSet::all();
        let mut found = Vec::new();
        for path in self.walker().paths(start, address) {
            let folded = fold(self, &path, &all, Asking::All);
            if folded.arrived.possible.is_empty() {
                continue;
            }
            let end = match arrival(self, classes, &path, to) {
                // What an endpoint sends to an address of its own reaches no other member.
                Some(Arrival::Endpoint(endpoint)) if start.is_at(endpoint) => None,
                Some(Arrival::Endpoint(endpoint)) => class_of.get(&endpoint).copied(),
                Some(Arrival::Class) => Some(to),
                None => None,
            };
            let Some(end) = end else { continue };
            let (established, _) = self.reply(start, &path, &folded);
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
            found.push((end, Cell { forward, established }));
        }
        found
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

/// Where a path towards a class ends, for a matrix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arrival {
    /// At an endpoint: the one that was dialled, or a front's target.
    Endpoint(EndpointId),
    /// At the class itself, or perhaps there.
    Class,
}

/// Where a path towards a class ends, if it does so at anybody whom the matrix tells of.
pub(crate) fn arrival(
    reach: &Reach<'_>,
    classes: &[Class],
    path: &Path,
    to: ClassIndex,
) -> Option<Arrival> {
    match &path.end {
        End::Delivered(endpoint) => match classes.get(to) {
            Some(Class::Endpoints(_)) => Some(Arrival::Endpoint(*endpoint)),
            // An outside address that turns out to be an endpoint's is that endpoint's class.
            Some(Class::Internet(_) | Class::Outside(..)) | None => None,
        },
        End::Platform(_) | End::Stopped { .. } => None,
        End::Unknown { at, .. } => (!is_of_strangers(reach, path, *at)).then_some(Arrival::Class),
        End::Internet => {
            matches!(classes.get(to), Some(Class::Internet(_))).then_some(Arrival::Class)
        }
        End::Outside(by) => match classes.get(to) {
            Some(Class::Outside(to_by, _)) => (by == to_by).then_some(Arrival::Class),
            Some(_) | None => None,
        },
    }
}

/// Whether what is unknown is who else has an address: no known endpoint is meant then.
fn is_of_strangers(reach: &Reach<'_>, path: &Path, at: Place) -> bool {
    match at {
        // Where a subnet holds the address, it is the way there that is unknown.
        Place::Realm(realm) => reach.index.subnet_of(realm, path.destination).is_none(),
        Place::Subnet(id) => {
            let prefixes = &reach.network.subnets[id].prefixes;
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
        | crate::path::Step::Switch { .. }
        | crate::path::Step::Box { .. } => flows,
    })
}

pub(crate) fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
