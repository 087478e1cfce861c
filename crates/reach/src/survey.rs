//! Coverage and layers: which guards decide each pair, which pairs none, and which denials hang on
//! one layer alone.
//!
//! [`Survey`] tells it grouped, as connectivity does: each receiver has a function of the sender that
//! changes its value seldom, and receivers that nothing tells apart share it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use watertight_model::network::{Direction, EndpointId, EndpointRole, LayerId};
use watertight_net::{Family, FlowSet};

use crate::answer::Reach;
use crate::classes::Class;
pub use crate::connect::{Point, Survey, SurveyTotals};
use crate::fold::{Asking, fold};
use crate::guards::layer_accepts;
use crate::matrix::{Arrival, ClassIndex, Matrix, arrival};
use crate::path::{End, Path, Place, Start, Step};

/// Where a layer stands, seen from the pair that it decides about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// At the endpoint that sends.
    Sender,
    /// At the edge of its subnet.
    SenderSubnet,
    /// Somewhere between the two.
    Between(Place),
    /// At the edge of the subnet of the endpoint that is dialled.
    ReceiverSubnet,
    /// At the endpoint that is dialled.
    Receiver,
}

impl Side {
    /// Whether it is a subnet's edge.
    pub fn is_subnet(self) -> bool {
        match self {
            Self::SenderSubnet | Self::ReceiverSubnet | Self::Between(Place::Subnet(_)) => true,
            Self::Sender | Self::Receiver | Self::Between(_) => false,
        }
    }
}

/// One layer of guards on the way of a pair, asked by itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DecidingLayer {
    /// Where.
    pub side: Side,
    /// In which direction.
    pub direction: Direction,
    /// The layer.
    pub layer: LayerId,
    /// What it accepts of everything, were it alone.
    pub accepts: Arc<FlowSet>,
}

/// What decides one pair of classes over one way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Surveyed {
    /// Who sends.
    pub from: ClassIndex,
    /// Who receives.
    pub to: ClassIndex,
    /// What arrives, at most.
    pub arrives: Arc<FlowSet>,
    /// The layers on the way that refuse anything, in the order in which they are met.
    pub deciding: Vec<DecidingLayer>,
    /// How many layers are on the way, those of subnets that accept everything left out.
    pub layers: usize,
}

impl Surveyed {
    /// Whether nothing on the way refuses anything.
    pub fn is_ungoverned(&self) -> bool {
        self.deciding.is_empty()
    }
}

/// What decides about one class and each of several that send to it over alike ways.
#[derive(Clone, Debug)]
pub struct Leg<'s> {
    /// Who sends: consecutive classes.
    pub from: Range<ClassIndex>,
    pub(crate) judged: &'s Judged,
}

impl Leg<'_> {
    /// What arrives, at most.
    pub fn arrives(&self) -> &FlowSet {
        &self.judged.arrives
    }

    /// Whether nothing on the way refuses anything.
    pub fn is_ungoverned(&self) -> bool {
        self.judged.refusing.is_empty()
    }

    /// How many layers on the way refuse anything.
    pub fn refusing_len(&self) -> usize {
        self.judged.refusing.len()
    }

    /// For each layer that refuses anything, in the order in which they are met: what it accepts.
    pub fn accepts(&self) -> impl ExactSizeIterator<Item = &FlowSet> {
        self.judged.refusing.iter().map(|one| &*one.accepts)
    }

    /// Whether a layer that refuses anything is the sender's own, so that it differs from class to
    /// class.
    pub fn is_decided_by_senders(&self) -> bool {
        self.judged.refusing.iter().any(|one| matches!(one.who, Who::Sender(_)))
    }
}

/// What decides, apart from which layers senders have.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Judged {
    pub(crate) arrives: Arc<FlowSet>,
    /// The layers that refuse anything, in the order in which they are met.
    pub(crate) refusing: Vec<Refusing>,
    /// How many layers on the way could refuse anything, the sender's own left out.
    pub(crate) layers: usize,
    /// Whether the sender's own layers are asked.
    pub(crate) asks_sender: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Refusing {
    pub(crate) side: Side,
    pub(crate) direction: Direction,
    pub(crate) who: Who,
    pub(crate) accepts: Arc<FlowSet>,
}

/// Which layer it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Who {
    Layer(LayerId),
    /// The sender's own layer of this number.
    Sender(usize),
}

impl Reach<'_> {
    /// What decides every pair of classes that routes connect, asked pair by pair: the slow form of
    /// [`Reach::survey`], for comparisons.
    pub fn survey_pair_by_pair(&self, matrix: &Matrix) -> Vec<Surveyed> {
        let mut found: BTreeMap<(ClassIndex, ClassIndex), BTreeSet<Surveyed>> = BTreeMap::new();
        let mut add = |from, to, start: &Start, address| {
            for path in self.walker().paths(start, address) {
                if let Some(surveyed) = self.survey_path(matrix, (from, to), start, &path) {
                    found.entry((from, to)).or_default().insert(surveyed);
                }
            }
        };
        let blocks = self.blocks(&matrix.classes);
        self.for_each_pair(&blocks, false, |source, target| {
            add(source.class, target.class, &source.start, target.address);
        });
        for (index, class) in matrix.classes.iter().enumerate() {
            let several = matches!(class, Class::Endpoints(members) if members.len() > 1);
            if !several {
                continue;
            }
            let addresses = self.class_addresses(class, true);
            for start in self.class_starts(class) {
                for address in &addresses {
                    if start.source().map(Family::of) == Some(Family::of(*address)) {
                        add(index, index, &start, *address);
                    }
                }
            }
        }
        found.into_values().flatten().collect()
    }

    /// Every start of a class: those of its first member.
    pub(crate) fn class_starts(&self, class: &Class) -> Vec<Start> {
        match class {
            Class::Endpoints(members) => {
                let opens = |id: &&EndpointId| {
                    let role = self.network.endpoints[**id].role;
                    !matches!(role, EndpointRole::AnswersOnly | EndpointRole::CarriesOnly)
                };
                members.first().filter(opens).map(|id| self.starts_of(*id)).unwrap_or_default()
            }
            Class::Internet(atom) => vec![Start::Internet { address: atom.representative }],
            Class::Outside(by, atom) => {
                vec![Start::Outside { by: *by, address: atom.representative }]
            }
        }
    }

    /// The addresses at which a class is reached: of a second member from within the class.
    pub(crate) fn class_addresses(&self, class: &Class, within: bool) -> Vec<IpAddr> {
        match class {
            Class::Endpoints(members) => {
                let member = members.get(usize::from(within));
                member.map(|endpoint| self.addresses_of(*endpoint)).unwrap_or_default()
            }
            Class::Internet(atom) | Class::Outside(_, atom) => vec![atom.representative],
        }
    }

    fn survey_path(
        &self,
        matrix: &Matrix,
        (from, to): (ClassIndex, ClassIndex),
        start: &Start,
        path: &Path,
    ) -> Option<Surveyed> {
        if !self.is_surveyed(matrix.parts(), (start, path), to) {
            return None;
        }
        let sender = match start {
            Start::Endpoint { endpoint, .. } => Some(*endpoint),
            _ => None,
        };
        let receiver = match matrix.classes.get(to) {
            Some(Class::Endpoints(members)) => {
                let dialled = |id: &&_| self.addresses_of(**id).contains(&path.dialled);
                members.iter().filter(|id| Some(**id) != sender).find(dialled).copied()
            }
            _ => None,
        };
        let judged = self.judge(path, (sender, receiver));
        let deciding = judged.refusing.iter().filter_map(|one| match one.who {
            Who::Layer(layer) => Some(DecidingLayer {
                side: one.side,
                direction: one.direction,
                layer,
                accepts: Arc::clone(&one.accepts),
            }),
            Who::Sender(_) => None,
        });
        let deciding = deciding.collect();
        Some(Surveyed { from, to, arrives: judged.arrives, deciding, layers: judged.layers })
    }

    /// Whether a path towards a class is one that something has to decide about: it leads there for
    /// sure, and not to somebody else who has the same address.
    pub(crate) fn is_surveyed(
        &self,
        (classes, class_of): (&[Class], &BTreeMap<EndpointId, ClassIndex>),
        (start, path): (&Start, &Path),
        to: ClassIndex,
    ) -> bool {
        if !matches!(path.end, End::Delivered(_) | End::Internet | End::Outside(_)) {
            return false;
        }
        match arrival(self, classes, path, to) {
            None => false,
            Some(Arrival::Class) => true,
            Some(Arrival::Endpoint(_)) => path.steps.iter().any(|step| match step {
                Step::At(Place::Endpoint(id)) => class_of.get(id) == Some(&to) && !start.is_at(*id),
                _ => false,
            }),
        }
    }

    /// What decides about one path, each layer asked by itself.
    pub(crate) fn judge(&self, path: &Path, ends: Ends) -> Judged {
        let all = FlowSet::all();
        let arrives = fold(self, path, &all, Asking::All).arrived.possible;
        let mut refusing = Vec::new();
        let mut layers: BTreeSet<(Place, Direction, LayerId)> = BTreeSet::new();
        for step in &path.steps {
            let Step::Guards(check) = step else { continue };
            for layer in &check.layers {
                if !self.index.is_transparent(*layer) {
                    layers.insert((check.place, check.direction, *layer));
                }
                let accepts =
                    layer_accepts(self.network, *layer, check.direction, check.seen, &all).possible;
                if !accepts.is_all() {
                    refusing.push(Refusing {
                        side: self.side(check.place, ends),
                        direction: check.direction,
                        who: Who::Layer(*layer),
                        accepts: Arc::new(accepts),
                    });
                }
            }
        }
        let layers = layers.len();
        Judged { arrives: Arc::new(arrives), refusing, layers, asks_sender: false }
    }

    /// Where a place is, seen from the two ends of a pair.
    pub(crate) fn side(&self, place: Place, (sender, receiver): Ends) -> Side {
        let subnet = |end: Option<_>| end.and_then(|id| self.network.endpoints[id].subnet);
        match place {
            Place::Endpoint(id) if sender == Some(id) => Side::Sender,
            Place::Endpoint(id) if receiver == Some(id) => Side::Receiver,
            Place::Subnet(id) if subnet(sender) == Some(id) => Side::SenderSubnet,
            Place::Subnet(id) if subnet(receiver) == Some(id) => Side::ReceiverSubnet,
            _ => Side::Between(place),
        }
    }
}

/// The endpoints that send and that are dialled, where they are of the estate.
pub(crate) type Ends = (Option<EndpointId>, Option<EndpointId>);
