//! What the guards of senders accept of what is sent to a target, as functions of the position.
//!
//! Most senders' guards answer alike whoever the target is. What they answer to anybody is one
//! function; a target is left with those whose rules mean it in particular, found by what it is.

mod terms;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watertight_model::Network;
use watertight_model::network::{Direction, GuardId, LayerId, ListId};
use watertight_net::{AddressAtoms, AddressSet, Family, Prefix};

use super::filters::{Accepts, Opens, accepted};
use super::positions::{LayerLists, LayersId, Positions, place};
use super::sets::{BoundsId, Sets};
use super::targets::Target;
use crate::classes::addresses;
use crate::path::Seen;
use crate::runs::{Run, of_ascending, push, replaced};
pub(super) use terms::{Meant, Name};
use terms::{Part, Terms};

/// What the layers of senders accept of what is sent to a target: to one of those that are meant, where it was made
/// for some.
#[derive(Debug)]
pub(super) struct Egress {
    v4: OfFamily,
    v6: OfFamily,
    opens: Opens,
    lists_at: ListsAt,
}

/// What other rules of senders have changed: at which positions, and for which targets.
#[derive(Debug, Default)]
pub(super) struct Touching {
    /// The positions, ascending.
    pub(super) runs: Vec<Run<()>>,
    /// Those of them from where other things are let out to anybody, ascending.
    pub(super) to_anybody: Vec<Run<()>>,
    /// By what the targets are named.
    pub(super) names: BTreeSet<Name>,
    /// Whether targets are meant too of which the input does not tell all guards.
    pub(super) doubtful: bool,
}

/// Which of the layers that senders have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
    All,
    /// The layer of this number in each list, by itself.
    Rank(usize),
}

/// The number of a function that [`Egress`] gave.
pub(super) type EgressId = u32;

/// Which lists addresses are in, or may be.
#[derive(Debug)]
struct ListsAt {
    atoms: AddressAtoms,
    /// By atom.
    lists: Vec<Vec<ListId>>,
}

impl ListsAt {
    fn new(network: &Network) -> Self {
        let contents = network.lists.iter().map(|(id, list)| (id, addresses(&list.content)));
        let contents: Vec<(ListId, AddressSet)> = contents.collect();
        let atoms = AddressAtoms::new([], contents.iter().map(|(_, content)| content));
        let mut lists = vec![Vec::new(); place(atoms.atom_count())];
        for (id, content) in &contents {
            for atom in atoms.classes_in_set(content) {
                if let Some(lists) = lists.get_mut(atom.index()) {
                    lists.push(*id);
                }
            }
        }
        Self { atoms, lists }
    }

    fn of(&self, address: IpAddr) -> &[ListId] {
        self.lists.get(self.atoms.atom_of(address).index()).map_or(&[], Vec::as_slice)
    }
}

#[derive(Debug, Default)]
struct OfFamily {
    /// What is let out to anybody.
    base: Accepts,
    restricted: FxHashMap<LayersId, Restricted>,
    by_prefix: FxHashMap<Prefix, Vec<Part>>,
    prefix_lengths: BTreeSet<u8>,
    by_list: FxHashMap<ListId, Vec<Part>>,
    by_member: FxHashMap<GuardId, Vec<Part>>,
    /// Lists of layers with a rule that refers to members.
    with_members: BTreeSet<LayersId>,
    /// Lists of layers that are asked whoever the target is.
    always: BTreeSet<LayersId>,
    ids: FxHashMap<Vec<(LayersId, BoundsId)>, EgressId>,
    functions: Vec<Accepts>,
    /// The function for targets that rules name alike, where nothing has to be asked of one of them.
    by_names: FxHashMap<Named, EgressId>,
}

/// By which of the names that rules use a target is named, and whether the input does not tell all of
/// its guards.
type Named = (Vec<Prefix>, Vec<ListId>, Vec<GuardId>, bool);

/// A list of layers that accepts some things.
#[derive(Debug)]
struct Restricted {
    /// The positions that have it.
    runs: Vec<Run<()>>,
    terms: Terms,
}

impl Egress {
    pub(super) fn new(
        network: &Network,
        lists: &mut LayerLists,
        positions: &Positions,
        sets: &mut Sets,
        (which, meant): (Of, Option<&Meant>),
    ) -> Self {
        let mut opens = Opens::default();
        let mut of = |family| {
            OfFamily::new(network, lists, positions, sets, &mut opens, (family, which, meant))
        };
        let (v4, v6) = (of(Family::V4), of(Family::V6));
        Self { v4, v6, opens, lists_at: ListsAt::new(network) }
    }

    /// Forgets by which names targets were found to be alike: other rules may have other names.
    pub(super) fn forget_names(&mut self) {
        self.v4.by_names.clear();
        self.v6.by_names.clear();
    }

    /// How many functions are kept.
    pub(super) fn len(&self) -> usize {
        self.v4.functions.len() + self.v6.functions.len()
    }

    /// Takes over other rules of layers; none where one lets everything out that did not, or the other
    /// way round, or is asked whoever the target is, so that all has to be found anew.
    pub(super) fn renew(
        &mut self,
        network: &Network,
        lists: &LayerLists,
        sets: &mut Sets,
        changed: &BTreeSet<LayerId>,
    ) -> Option<Touching> {
        if self.opens.differ(network, changed, Direction::Egress) {
            return None;
        }
        self.forget_names();
        let mut touching = Touching::default();
        for (of, family) in [(&mut self.v4, Family::V4), (&mut self.v6, Family::V6)] {
            of.renew(network, lists, sets, (family, changed), &mut touching)?;
        }
        touching.runs.sort_unstable_by_key(|run| run.start);
        touching.to_anybody.sort_unstable_by_key(|run| run.start);
        Some(touching)
    }

    /// What every position's layers accept of what is sent to a target's address, with `members`
    /// where references to the target's guards hold.
    pub(super) fn of(
        &mut self,
        network: &Network,
        lists: &LayerLists,
        sets: &mut Sets,
        target: &Target,
        members: bool,
    ) -> EgressId {
        let seen = Seen {
            address: Some(target.address),
            ipv6: target.family() == Family::V6,
            member: target.endpoint.filter(|_| members),
            front: None,
        };
        let family = match target.family() {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        };
        let at = self.lists_at.of(target.address);
        let named = family.named(network, (seen, at));
        if let Some(known) = family.by_names.get(&named) {
            return *known;
        }
        let (key, is_shared) = family.exceptions(network, lists, sets, (seen, &named));
        let id = family.function(key);
        if is_shared {
            family.by_names.insert(named, id);
        }
        id
    }

    /// A function as exceptions and what holds elsewhere.
    pub(super) fn get(&self, family: Family, id: EgressId) -> (Accepts, Accepts) {
        let family = self.family(family);
        let found = family.functions.get(place(id));
        let over = found.map_or_else(|| Arc::new([]) as Accepts, Arc::clone);
        (over, Arc::clone(&family.base))
    }

    fn family(&self, family: Family) -> &OfFamily {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

impl OfFamily {
    fn new(
        network: &Network,
        lists: &mut LayerLists,
        positions: &Positions,
        sets: &mut Sets,
        opens: &mut Opens,
        (family, which, meant): (Family, Of, Option<&Meant>),
    ) -> Self {
        let mut found = Self::default();
        let mut base: Vec<Run<BoundsId>> = Vec::new();
        let mut without_open: FxHashMap<LayersId, LayersId> = FxHashMap::default();
        let mut restricted: BTreeMap<LayersId, Vec<u32>> = BTreeMap::new();
        for (number, position) in positions.iter() {
            if position.family() != family {
                continue;
            }
            let closed = *without_open.entry(position.layers).or_insert_with(|| {
                let all = lists.get(position.layers);
                let mut layers = match which {
                    Of::All => all.to_vec(),
                    Of::Rank(rank) => all.get(rank).copied().into_iter().collect(),
                };
                layers.retain(|one| !opens.is_open(network, *one, Direction::Egress, family));
                lists.intern(&layers)
            });
            if lists.get(closed).is_empty() {
                push(&mut base, number, number + 1, BoundsId::ALL);
            } else {
                restricted.entry(closed).or_default().push(number);
            }
        }
        for (id, positions) in restricted {
            let terms = Terms::of(network, lists.get(id), (family, meant), sets);
            let runs = of_ascending(positions);
            let always = terms.to_anybody();
            if always != BoundsId::NONE {
                base.extend(runs.iter().map(|run| run.with(always)));
            }
            found.index(id, &terms);
            found.restricted.insert(id, Restricted { runs, terms });
        }
        base.sort_unstable_by_key(|run| run.start);
        let mut whole = Vec::with_capacity(base.len());
        for run in base {
            push(&mut whole, run.start, run.end, run.value);
        }
        found.base = whole.into();
        found
    }

    /// Notes for which targets a list of layers could accept other things than of anybody.
    fn index(&mut self, id: LayersId, terms: &Terms) {
        for (name, part) in &terms.parts {
            match name {
                Name::Member(guard) => self.by_member.entry(*guard).or_default().push((id, *part)),
                Name::Prefix(prefix) => {
                    self.prefix_lengths.insert(prefix.len());
                    self.by_prefix.entry(*prefix).or_default().push((id, *part));
                }
                Name::List(list) => self.by_list.entry(*list).or_default().push((id, *part)),
            }
        }
        if terms.with_members {
            self.with_members.insert(id);
        }
        if terms.always {
            self.always.insert(id);
        }
    }

    /// Forgets what [`OfFamily::index`] has noted.
    fn forget(&mut self, id: LayersId, terms: &Terms) {
        for (name, _) in &terms.parts {
            let parts = match name {
                Name::Member(guard) => self.by_member.get_mut(guard),
                Name::Prefix(prefix) => self.by_prefix.get_mut(prefix),
                Name::List(list) => self.by_list.get_mut(list),
            };
            if let Some(parts) = parts {
                parts.retain(|(one, _)| *one != id);
            }
        }
        self.with_members.remove(&id);
        self.always.remove(&id);
    }

    /// Takes over other rules of layers, see [`Egress::renew`].
    fn renew(
        &mut self,
        network: &Network,
        lists: &LayerLists,
        sets: &mut Sets,
        (family, changed): (Family, &BTreeSet<LayerId>),
        touching: &mut Touching,
    ) -> Option<()> {
        let holding: BTreeSet<LayersId> =
            changed.iter().flat_map(|layer| lists.with(*layer)).copied().collect();
        let having: Vec<LayersId> =
            holding.into_iter().filter(|id| self.restricted.contains_key(id)).collect();
        let mut base: Vec<Run<BoundsId>> = Vec::new();
        for id in having {
            let terms = Terms::of(network, lists.get(id), (family, None), sets);
            let restricted = self.restricted.get_mut(&id)?;
            if terms.always || restricted.terms.always {
                return None;
            }
            let before = std::mem::replace(&mut restricted.terms, terms.clone());
            if before == terms && terms.base.is_some() {
                continue;
            }
            if before.to_anybody() != terms.to_anybody() {
                base.extend(restricted.runs.iter().map(|run| run.with(terms.to_anybody())));
            }
            touching.runs.extend_from_slice(&restricted.runs);
            touching.names.extend(before.differing(&terms));
            touching.doubtful |= before.with_members || terms.with_members;
            self.forget(id, &before);
            self.index(id, &terms);
        }
        if !base.is_empty() {
            base.sort_unstable_by_key(|run| run.start);
            let ranges: Vec<Run<()>> = base.iter().map(|run| run.with(())).collect();
            base.retain(|run| run.value != BoundsId::NONE);
            self.base = replaced(&self.base, &ranges, &base).into();
            touching.to_anybody.extend(ranges);
        }
        Some(())
    }

    /// How rules name who is seen.
    fn named(&self, network: &Network, (seen, at): (Seen, &[ListId])) -> Named {
        let prefixes = seen.address.into_iter().flat_map(|address| self.prefixes_of(address));
        let prefixes = prefixes.filter(|prefix| self.by_prefix.contains_key(prefix));
        let lists = at.iter().filter(|list| self.by_list.contains_key(list));
        let layers = seen.member.map(|member| &network.endpoints[member].layers);
        let layers = || layers.into_iter().flatten().map(|layer| &network.layers[*layer]);
        let guards = layers().flat_map(|layer| &layer.guards);
        let guards = guards.filter(|guard| self.by_member.contains_key(guard));
        let is_doubtful = layers().any(|layer| !layer.complete);
        (prefixes.collect(), lists.copied().collect(), guards.copied().collect(), is_doubtful)
    }

    /// The lists of layers that answer otherwise than to anybody, with their answers, and whether they
    /// answer so to whoever has the same names.
    fn exceptions(
        &self,
        network: &Network,
        lists: &LayerLists,
        sets: &mut Sets,
        (seen, named): (Seen, &Named),
    ) -> (Vec<(LayersId, BoundsId)>, bool) {
        let (prefixes, in_lists, guards, is_doubtful) = named;
        let mut asked: BTreeSet<LayersId> = self.always.clone();
        if *is_doubtful {
            asked.extend(&self.with_members);
        }
        let by_prefix = prefixes.iter().filter_map(|prefix| self.by_prefix.get(prefix));
        let by_list = in_lists.iter().filter_map(|list| self.by_list.get(list));
        let by_member = guards.iter().filter_map(|guard| self.by_member.get(guard));
        let mut parts: Vec<Part> =
            by_prefix.chain(by_list).chain(by_member).flatten().copied().collect();
        parts.sort_unstable();
        let mut found: Vec<(LayersId, BoundsId)> = Vec::new();
        for of_list in parts.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((id, _)) = of_list.first().copied() else { continue };
            match self.restricted.get(&id).and_then(|restricted| restricted.terms.base) {
                Some(base) if !asked.contains(&id) => {
                    let whole = of_list.iter().fold(base, |all, (_, part)| sets.join(all, *part));
                    if whole != base {
                        found.push((id, whole));
                    }
                }
                _ => {
                    asked.insert(id);
                }
            }
        }
        let is_shared = asked.is_empty();
        for id in asked {
            let base = self.restricted.get(&id).and_then(|restricted| restricted.terms.base);
            let answer = accepted(network, lists.get(id), Direction::Egress, seen);
            let answer = sets.intern(answer);
            if answer != base.unwrap_or(BoundsId::NONE) {
                found.push((id, answer));
            }
        }
        found.sort_unstable();
        (found, is_shared)
    }

    fn prefixes_of(&self, address: IpAddr) -> impl Iterator<Item = Prefix> + '_ {
        let lengths = self.prefix_lengths.iter();
        lengths.filter_map(move |length| Prefix::masked(address, *length).ok())
    }

    fn function(&mut self, key: Vec<(LayersId, BoundsId)>) -> EgressId {
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let mut pieces: Vec<Run<BoundsId>> = Vec::new();
        for (layers, value) in &key {
            let runs = self.restricted.get(layers).into_iter().flat_map(|one| &one.runs);
            pieces.extend(runs.map(|run| run.with(*value)));
        }
        pieces.sort_unstable_by_key(|run| run.start);
        let mut runs = Vec::with_capacity(pieces.len());
        for piece in pieces {
            push(&mut runs, piece.start, piece.end, piece.value);
        }
        let id = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        self.functions.push(runs.into());
        self.ids.insert(key, id);
        id
    }
}
