//! All answers about an estate, kept with what they were found from, so that they are given again
//! soon after a rule has changed.
//!
//! Rules of a guard that stands at endpoints alone take part in what is asked of the two ends of a
//! connection, and nowhere else: classes, sites and the ways between them stay. Whatever changes more
//! than that is computed as a whole, and said to be.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use watertight_model::network::{Guard, GuardId, LayerId, Peer};
use watertight_model::{Estate, Network};
use watertight_net::Prefix;

use crate::answer::Reach;
use crate::blast::{BlastSize, KeptBlasts};
use crate::classes::{Boundaries, Class, classes, single_prefixes};
use crate::connect::{Changed, Kept};
use crate::exposure::{Exposure, exposure_of, legs_of, renewed};
use crate::index::Index;
use crate::matrix::Matrix;

/// How many times as much as at the beginning may be kept before all is computed anew.
const GROWTH_MAX: usize = 2;
/// What is kept of a small estate before anything is too much.
const KEPT_MIN: usize = 10_000;

/// An estate and all answers about it.
#[derive(Debug)]
pub struct Standing {
    estate: Estate,
    index: Arc<Index>,
    told_apart: BTreeSet<Prefix>,
    matrix: Matrix,
    kept: Kept,
    exposure: Exposure,
    blasts: KeptBlasts,
    kept_max: usize,
}

/// How answers came about after a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renewed {
    /// What the change cannot have touched was kept.
    Part,
    /// All was computed.
    Whole(WholeBecause),
}

/// Why a change made it necessary to compute everything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WholeBecause {
    /// The guard keeps state where it did not, or the other way round.
    State,
    /// The guard stands at a subnet: it is a part of ways.
    Subnet,
    /// Connections of others pass an endpoint that has the guard.
    OnTheWay,
    /// So much would be asked anew that everything is found sooner from the beginning.
    Extent,
    /// A rule names a prefix that tells apart what was one class.
    Prefix,
    /// What is kept has grown by changes before this one.
    Growth,
}

impl Standing {
    /// All answers about an estate.
    pub fn new(estate: Estate) -> Self {
        let told_apart = single_prefixes(&estate.network);
        let reach = Reach::new(&estate.network);
        let classes = classes(&estate.network, &Boundaries::default());
        let (matrix, mut kept) = reach.matrix_kept(classes);
        kept.prepare(&estate.network);
        let legs = legs_of(&reach, &matrix);
        let exposure = exposure_of(&reach, &matrix, &legs);
        let blasts = KeptBlasts::new(&estate, &matrix, &legs);
        let index = Arc::clone(&reach.index);
        let kept_max = (kept.size() + blasts.size()).max(KEPT_MIN) * GROWTH_MAX;
        Self { estate, index, told_apart, matrix, kept, exposure, blasts, kept_max }
    }

    /// The estate as it is now.
    pub fn estate(&self) -> &Estate {
        &self.estate
    }

    /// Who reaches whom over what.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// What the internet reaches, and what reaches it.
    pub fn exposure(&self) -> &Exposure {
        &self.exposure
    }

    /// How much every workload reaches, in the order of workloads.
    pub fn blasts(&self) -> &[BlastSize] {
        self.blasts.every()
    }

    /// The prefixes that classes are told apart by, beside lists. Rules that named one of them may be
    /// gone: answers are those of [`Reach::matrix`] with these as further boundaries.
    pub fn told_apart(&self) -> &BTreeSet<Prefix> {
        &self.told_apart
    }

    /// The answers after a guard has got other rules. A guard that the estate does not have changes
    /// nothing.
    pub fn with_guard(self, id: GuardId, guard: Guard) -> (Self, Renewed) {
        self.with_guards([(id, guard)])
    }

    /// The answers after several guards have got other rules at once: a policy may be a part of
    /// several.
    pub fn with_guards(
        mut self,
        guards: impl IntoIterator<Item = (GuardId, Guard)>,
    ) -> (Self, Renewed) {
        let mut before: BTreeMap<GuardId, Guard> = BTreeMap::new();
        let network = &mut self.estate.network;
        for (id, guard) in guards {
            if network.guards.get(id).is_some() {
                let replaced = std::mem::replace(&mut network.guards[id], guard);
                before.entry(id).or_insert(replaced);
            }
        }
        let mut having: BTreeMap<GuardId, BTreeSet<LayerId>> = BTreeMap::new();
        for (id, layer) in self.estate.network.layers.iter() {
            for guard in layer.guards.iter().filter(|guard| before.contains_key(*guard)) {
                having.entry(*guard).or_default().insert(id);
            }
        }
        let mut changed = Changed::default();
        for (id, before) in &before {
            let layers = having.remove(id).unwrap_or_default();
            match self.scope((*id, before), layers) {
                Ok(one) => changed.add(one),
                Err(because) => return (Self::new(self.estate), Renewed::Whole(because)),
            }
        }
        if changed.layers.is_empty() {
            return (self, Renewed::Part);
        }
        self.renew(&changed)
    }

    /// What a guard's other rules could change at the two ends of connections. `layers` are those that
    /// have it.
    fn scope(
        &self,
        (id, before): (GuardId, &Guard),
        layers: BTreeSet<LayerId>,
    ) -> Result<Changed, WholeBecause> {
        let network = &self.estate.network;
        let guard = &network.guards[id];
        if before.stateful != guard.stateful {
            return Err(WholeBecause::State);
        }
        if self.kept.size() + self.blasts.size() > self.kept_max {
            return Err(WholeBecause::Growth);
        }
        let mut of_subnets = network.subnets.values().flat_map(|subnet| &subnet.layers);
        if of_subnets.any(|layer| layers.contains(layer)) {
            return Err(WholeBecause::Subnet);
        }
        let named = named_by(guard);
        let mut new = named.iter().filter(|prefix| !self.told_apart.contains(*prefix));
        if new.any(|prefix| self.matrix.classes.iter().any(|class| is_cut(network, class, *prefix)))
        {
            return Err(WholeBecause::Prefix);
        }
        let side = |differs: bool| if differs { layers.clone() } else { BTreeSet::new() };
        let ingress = side(before.ingress != guard.ingress);
        let egress = side(before.egress != guard.egress);
        Ok(Changed { layers, ingress, egress })
    }

    fn renew(self, changed: &Changed) -> (Self, Renewed) {
        let Self { estate, index, told_apart, mut matrix, kept, exposure, blasts, kept_max } = self;
        let reach = Reach::with_index(&estate.network, index);
        let (found, kept) = match reach.reconnect(matrix.parts(), kept, changed) {
            Ok(found) => found,
            Err(because) => return (Self::new(estate), Renewed::Whole(because)),
        };
        let touched = matrix.renew(found);
        let legs = legs_of(&reach, &matrix);
        let exposure = renewed(exposure, (&reach, &matrix), &legs, &touched);
        let blasts = blasts.renewed(&estate, &matrix, &legs, &touched);
        let index = Arc::clone(&reach.index);
        let renewed = Self { estate, index, told_apart, matrix, kept, exposure, blasts, kept_max };
        (renewed, Renewed::Part)
    }
}

/// The prefixes that a guard's rules name themselves; those of lists are named by the list.
fn named_by(guard: &Guard) -> BTreeSet<Prefix> {
    let stages = guard.ingress.iter().chain(&guard.egress);
    let peers = stages.flat_map(|stage| &stage.rules).map(|rule| &rule.peer);
    let prefixes = peers.filter_map(|peer| match peer {
        Peer::Prefix(prefix) => Some(*prefix),
        Peer::Any | Peer::List(_) | Peer::Members(_) | Peer::Unread(_) => None,
    });
    prefixes.collect()
}

/// Whether a prefix holds a part of a class and not all of it.
fn is_cut(network: &Network, class: &Class, prefix: Prefix) -> bool {
    match class {
        Class::Endpoints(members) => {
            let Some((first, others)) = members.split_first() else { return false };
            let held = |id: &_| {
                let endpoint = &network.endpoints[*id];
                let public = endpoint.public.iter().map(|(_, public)| *public);
                let addresses = endpoint.addresses.iter().copied().chain(public);
                let held = addresses.map(|address: IpAddr| prefix.contains(address));
                held.collect::<Vec<bool>>()
            };
            !others.is_empty() && {
                let of_first = held(first);
                others.iter().any(|other| held(other) != of_first)
            }
        }
        Class::Internet(atom) | Class::Outside(_, atom) => {
            let overlaps = |one: &Prefix| {
                one.family() == prefix.family()
                    && one.first() <= prefix.last()
                    && prefix.first() <= one.last()
            };
            let within = |one: &Prefix| {
                one.family() == prefix.family()
                    && prefix.first() <= one.first()
                    && one.last() <= prefix.last()
            };
            atom.prefixes.iter().any(overlaps) && !atom.prefixes.iter().all(within)
        }
    }
}
