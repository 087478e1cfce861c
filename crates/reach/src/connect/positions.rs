//! The addresses that classes send from, numbered.
//!
//! The first address of every class has the class's own number, so that runs of positions are runs
//! of classes; further addresses come behind, by family.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watertight_model::Network;
use watertight_model::network::{EndpointId, GuardId, LayerId, ListId, Peer, SubnetId};
use watertight_net::{Family, Prefix};

use crate::answer::Reach;
use crate::classes::{Class, addresses};
use crate::matrix::ClassIndex;
use crate::path::Start;
use crate::runs::{Run, of_ascending};

/// The number of a list of layers.
pub(super) type LayersId = u32;

/// Of so many classes fewer than one sends something where those who do are looked for by each rule.
const SPARSE: usize = 4;

/// One address that a class sends from.
#[derive(Clone, Debug)]
pub(super) struct Position {
    pub(super) class: ClassIndex,
    pub(super) start: Start,
    /// The address itself.
    pub(super) own: IpAddr,
    /// The public address that stands for it.
    pub(super) public: Option<IpAddr>,
    pub(super) endpoint: Option<EndpointId>,
    pub(super) subnet: Option<SubnetId>,
    pub(super) layers: LayersId,
}

impl Position {
    pub(super) fn family(&self) -> Family {
        Family::of(self.own)
    }
}

/// Which address of a sender a guard sees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Shown {
    /// The address that it sends from.
    Own,
    /// The public address that stands for it.
    Public,
}

/// Lists of layers, each once.
#[derive(Debug, Default)]
pub(super) struct LayerLists {
    lists: Vec<Vec<LayerId>>,
    ids: FxHashMap<Vec<LayerId>, LayersId>,
    /// The lists that hold each layer.
    with: FxHashMap<LayerId, Vec<LayersId>>,
}

impl LayerLists {
    pub(super) fn intern(&mut self, layers: &[LayerId]) -> LayersId {
        if let Some(id) = self.ids.get(layers) {
            return *id;
        }
        let id = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        self.lists.push(layers.to_vec());
        self.ids.insert(layers.to_vec(), id);
        for layer in layers {
            self.with.entry(*layer).or_default().push(id);
        }
        id
    }

    /// The numbers of the lists that hold a layer.
    pub(super) fn with(&self, layer: LayerId) -> &[LayersId] {
        self.with.get(&layer).map_or(&[], Vec::as_slice)
    }

    /// For each list by its number, whether it holds one of some layers.
    pub(super) fn holding(&self, layers: &BTreeSet<LayerId>) -> Vec<bool> {
        let mut found = vec![false; self.lists.len()];
        for id in layers.iter().flat_map(|layer| self.with(*layer)) {
            if let Some(slot) = found.get_mut(place(*id)) {
                *slot = true;
            }
        }
        found
    }

    pub(super) fn get(&self, id: LayersId) -> &[LayerId] {
        self.lists.get(place(id)).map_or(&[], Vec::as_slice)
    }
}

/// Positions, and where to find those that a rule's peer could mean.
#[derive(Debug)]
pub(super) struct Positions {
    slots: Vec<Option<Position>>,
    /// By address, with positions.
    own: Vec<(IpAddr, u32)>,
    public: Vec<(IpAddr, u32)>,
    /// Positions with an address, and those with a public one, ascending.
    with_own: Vec<u32>,
    with_public: Vec<u32>,
    members: BTreeMap<GuardId, Arc<[Run<()>]>>,
    /// Positions of endpoints not all of whose guards are known.
    doubtful: Arc<[Run<()>]>,
    in_prefix: FxHashMap<(Prefix, Shown), Arc<[Run<()>]>>,
    in_list: FxHashMap<(ListId, Shown), Arc<[Run<()>]>>,
    /// Whether most classes send nothing: few rules mean any of the others.
    is_sparse: bool,
}

impl Positions {
    /// The positions of classes that send something.
    pub(super) fn new(
        reach: &Reach<'_>,
        classes: &[Class],
        sends: impl Fn(ClassIndex) -> bool,
        lists: &mut LayerLists,
    ) -> Self {
        let mut slots: Vec<Option<Position>> = Vec::with_capacity(classes.len());
        let mut further: Vec<Position> = Vec::new();
        for (class, content) in classes.iter().enumerate() {
            let starts = if sends(class) { reach.class_starts(content) } else { Vec::new() };
            let starts = starts.into_iter();
            let mut own: Vec<Position> =
                starts.filter_map(|start| position(reach.network, class, start, lists)).collect();
            let first = own.iter().position(|one| one.family() == Family::V4).unwrap_or(0);
            slots.push((first < own.len()).then(|| own.remove(first)));
            further.append(&mut own);
        }
        further.sort_by_key(Position::family);
        slots.extend(further.into_iter().map(Some));
        let mut positions = Self {
            slots,
            own: Vec::new(),
            public: Vec::new(),
            with_own: Vec::new(),
            with_public: Vec::new(),
            members: BTreeMap::new(),
            doubtful: Arc::new([]),
            in_prefix: FxHashMap::default(),
            in_list: FxHashMap::default(),
            is_sparse: false,
        };
        positions.index(reach.network);
        positions.is_sparse = positions.own.len().saturating_mul(SPARSE) < classes.len();
        positions
    }

    fn index(&mut self, network: &Network) {
        let mut members: BTreeMap<GuardId, Vec<u32>> = BTreeMap::new();
        let mut doubtful = Vec::new();
        for (number, slot) in (0_u32..).zip(&self.slots) {
            let Some(slot) = slot else { continue };
            self.own.push((slot.own, number));
            self.with_own.push(number);
            if let Some(public) = slot.public {
                self.public.push((public, number));
                self.with_public.push(number);
            }
            let Some(endpoint) = slot.endpoint else { continue };
            let layers = &network.endpoints[endpoint].layers;
            for layer in layers {
                for guard in &network.layers[*layer].guards {
                    let known = members.entry(*guard).or_default();
                    if known.last() != Some(&number) {
                        known.push(number);
                    }
                }
            }
            if !layers.iter().all(|layer| network.layers[*layer].complete) {
                doubtful.push(number);
            }
        }
        self.own.sort_unstable();
        self.public.sort_unstable();
        self.doubtful = of_ascending(doubtful).into();
        let of = |(guard, positions)| (guard, of_ascending(positions).into());
        self.members = members.into_iter().map(of).collect();
    }

    /// How many positions there are, those without an address included.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, number: u32) -> Option<&Position> {
        self.slots.get(place(number)).and_then(Option::as_ref)
    }

    /// The first position of a range of which the address that is meant exists.
    pub(super) fn first_shown(&self, from: u32, to: u32, shown: Shown) -> Option<u32> {
        match shown {
            // Nearly every position has an address, unless few classes send anything.
            Shown::Own if from < to && self.get(from).is_some() => Some(from),
            Shown::Own => first_within(&self.with_own, from, to),
            Shown::Public => first_within(&self.with_public, from, to),
        }
    }

    /// Whether a rule's peer may mean a position. Where positions are few it is looked for, as most rules mean none of them.
    pub(super) fn may_be_meant(&self, peer: &Peer) -> bool {
        if !self.is_sparse {
            return true;
        }
        match peer {
            Peer::Any | Peer::List(_) | Peer::Unread(_) => true,
            Peer::Prefix(prefix) => {
                [&self.own, &self.public].into_iter().any(|all| is_in(all, *prefix))
            }
            Peer::Members(guard) => !self.doubtful.is_empty() || self.members.contains_key(guard),
        }
    }

    /// Every position that has an address.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Position)> {
        let numbered = (0_u32..).zip(&self.slots);
        numbered.filter_map(|(number, slot)| slot.as_ref().map(|slot| (number, slot)))
    }

    /// The positions whose shown address is in a prefix.
    pub(super) fn in_prefix(&mut self, prefix: Prefix, shown: Shown) -> Arc<[Run<()>]> {
        if let Some(known) = self.in_prefix.get(&(prefix, shown)) {
            return Arc::clone(known);
        }
        let sorted = match shown {
            Shown::Own => &self.own,
            Shown::Public => &self.public,
        };
        let first = sorted.partition_point(|(address, _)| *address < prefix.first());
        let last = sorted.partition_point(|(address, _)| *address <= prefix.last());
        let within = sorted.get(first..last).unwrap_or_default();
        let mut numbers: Vec<u32> = within.iter().map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        let runs: Arc<[Run<()>]> = of_ascending(numbers).into();
        self.in_prefix.insert((prefix, shown), Arc::clone(&runs));
        runs
    }

    /// The positions whose shown address is in a list, or may be.
    pub(super) fn in_list(
        &mut self,
        network: &Network,
        list: ListId,
        shown: Shown,
    ) -> Arc<[Run<()>]> {
        if let Some(known) = self.in_list.get(&(list, shown)) {
            return Arc::clone(known);
        }
        let sorted = match shown {
            Shown::Own => &self.own,
            Shown::Public => &self.public,
        };
        let mut numbers: Vec<u32> = Vec::new();
        for prefix in addresses(&network.lists[list].content).prefixes() {
            let first = sorted.partition_point(|(address, _)| *address < prefix.first());
            let rest = sorted.get(first..).unwrap_or_default();
            let within = rest.iter().take_while(|(address, _)| *address <= prefix.last());
            numbers.extend(within.map(|(_, number)| *number));
        }
        numbers.sort_unstable();
        let runs: Arc<[Run<()>]> = of_ascending(numbers).into();
        self.in_list.insert((list, shown), Arc::clone(&runs));
        runs
    }

    /// The positions of endpoints that have a guard.
    pub(super) fn members(&self, guard: GuardId) -> Arc<[Run<()>]> {
        self.members.get(&guard).map_or_else(|| Arc::new([]) as Arc<[Run<()>]>, Arc::clone)
    }

    /// The positions of endpoints of which the input does not tell all guards.
    pub(super) fn doubtful(&self) -> Arc<[Run<()>]> {
        Arc::clone(&self.doubtful)
    }
}

/// The first of some numbers, ascending, in a range.
fn first_within(all: &[u32], from: u32, to: u32) -> Option<u32> {
    let next = all.partition_point(|number| *number < from);
    all.get(next).copied().filter(|number| *number < to)
}

/// Whether one of some addresses, ascending, is in a prefix.
pub(super) fn is_in<T>(all: &[(IpAddr, T)], prefix: Prefix) -> bool {
    let first = all.partition_point(|(address, _)| *address < prefix.first());
    all.get(first).is_some_and(|(address, _)| *address <= prefix.last())
}

fn position(
    network: &Network,
    class: ClassIndex,
    start: Start,
    lists: &mut LayerLists,
) -> Option<Position> {
    let own = start.source()?;
    let endpoint = match &start {
        Start::Endpoint { endpoint, .. } => Some(*endpoint),
        Start::Unaddressed { .. }
        | Start::Subnet { .. }
        | Start::Realm(_)
        | Start::Internet { .. }
        | Start::Outside { .. } => None,
    };
    let content = endpoint.map(|endpoint| &network.endpoints[endpoint]);
    let layers = content.map_or(&[][..], |content| content.layers.as_slice());
    Some(Position {
        class,
        start,
        own,
        public: content.and_then(|content| content.public_of(own)),
        endpoint,
        subnet: content.and_then(|content| content.subnet),
        layers: lists.intern(layers),
    })
}

pub(super) fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
