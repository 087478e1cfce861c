//! What is told apart in estates that are compared: by it, ends are taken together, the same in each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::FxHashMap;
use watertight_model::network::EndpointId;
use watertight_model::{Estate, Name, Network};
use watertight_net::{AddressSet, Prefix};
use watertight_reach::{Class, Classes, Matrix, OutsideAtom, Reach, Start, named_prefixes};

use super::{AtOnce, both};
use crate::compiler::Compiled;
use crate::edge::BarredEnd;
use crate::identity::name_of;
use crate::intent::{Intent, KindId};
use crate::vacant::{Vacancy, furnish, vacancies};

/// Ends that neither a network nor the policy tells apart.
#[derive(Clone, Debug)]
pub(super) struct Party {
    pub(super) who: PartyWho,
    pub(super) is_governed: bool,
    /// The place of its identity, where our groups are on it.
    pub(super) identity: Option<usize>,
    /// Where packets of one outside start.
    pub(super) start: Option<Start>,
    /// Its place among all, and that of its class, if it has one.
    pub(super) number: usize,
}

#[derive(Clone, Debug)]
pub(super) enum PartyWho {
    /// Endpoints, by their ids before, and the kind that they are of.
    Endpoints(Vec<EndpointId>, KindId),
    /// Addresses outside.
    Outside(AddressSet, Name),
    /// Addresses inside that nobody has, and the endpoint that stands there for them before.
    Vacant(Vacancy, EndpointId),
}

/// The endpoints of an estate by the ids that they have in the first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Ids {
    /// They have the same.
    Same,
    Other(BTreeMap<EndpointId, EndpointId>),
}

/// How many estates are compared with each other.
pub(super) const ESTATES: usize = 4;

/// Estates in which the same is told apart, with who answers about each.
pub(super) struct Apart<'e> {
    pub(super) told: Told,
    pub(super) estates: [&'e Estate; ESTATES],
    pub(super) reach: [Reach<'e>; ESTATES],
}

/// What is told apart in some estates.
#[derive(Debug)]
pub(super) struct Told {
    /// Those that are classes come first.
    pub(super) parties: Vec<Party>,
    /// The same as classes, in each of the estates.
    pub(super) classes: [Classes; ESTATES],
    pub(super) ids: [Ids; ESTATES],
}

/// What tells endpoints apart: their classes in each estate, their kind, the identity and whether a segment holds
/// them. Those that do not have a class everywhere come last.
type Key = (bool, [Option<usize>; ESTATES], KindId, Option<usize>, bool);

impl<'e> Apart<'e> {
    /// Tells apart what the policy or one of some estates does, and puts somebody where nobody is in each of
    /// them: the first is the one that is there.
    pub(super) fn new(
        (intent, compiled): (&Intent<'_>, &Compiled),
        mut estates: [&'e mut Estate; ESTATES],
        at_once: &dyn AtOnce,
    ) -> Self {
        let sets = intent.sets().iter();
        let mut boundaries: BTreeSet<Prefix> = sets.flat_map(AddressSet::prefixes).collect();
        let named =
            of_each(at_once, |at| estates.get(at).map(|estate| named_prefixes(&estate.network)));
        boundaries.extend(named.into_iter().flatten().flatten());
        let vacancies = vacancies(intent.estate(), &boundaries);
        let mut first = None;
        for estate in &mut estates {
            let ids = furnish(&mut estate.network, &vacancies);
            first.get_or_insert(ids);
        }
        let vacant = first.into_iter().flatten().zip(vacancies);
        let vacant = vacant.filter_map(|(id, vacancy)| Some((id?, vacancy))).collect();
        let estates = estates.map(|estate| &*estate);
        let networks = estates.map(|estate| &estate.network);
        let [before, ..] = networks;
        let ids = networks.map(|network| Ids::between(before, network));
        let each = of_each(at_once, |at| {
            let reach = Reach::new(networks[at]);
            (reach.classes(&boundaries), reach)
        });
        let [first, second, third, last] = each;
        let reach = [first.1, second.1, third.1, last.1];
        let each = [first.0, second.0, third.0, last.0];
        let (parties, placed) = parties((intent, compiled), before, &vacant, (&each, &ids));
        let placed = parties.get(..placed).unwrap_or_default();
        let of =
            |ids: &Ids| Classes::from(placed.iter().map(|one| one.class(ids)).collect::<Vec<_>>());
        let own = of(&Ids::Same);
        let classes = ids.each_ref().map(|ids| match ids {
            Ids::Same => own.clone(),
            Ids::Other(_) => of(ids),
        });
        Self { told: Told { parties, classes, ids }, estates, reach }
    }
}

/// What is found of each estate. Whoever has done one goes on with the next that nobody has begun; those after a plan
/// and in the middle of one come first, as they are most work where it changes much.
pub(super) fn of_each<T: Send>(
    at_once: &dyn AtOnce,
    of: impl Fn(usize) -> T + Sync,
) -> [T; ESTATES] {
    const ORDER: [usize; ESTATES] = [3, 1, 0, 2];
    let next = AtomicUsize::new(0);
    let some = || {
        let places = iter::from_fn(|| ORDER.get(next.fetch_add(1, Ordering::Relaxed)).copied());
        places.map(|at| (at, of(at))).collect::<Vec<_>>()
    };
    let (one, other) = both(at_once, some, some);
    let mut found = [const { None }; ESTATES];
    for (at, one) in one.into_iter().chain(other) {
        if let Some(slot) = found.get_mut(at) {
            *slot = Some(one);
        }
    }
    let mut places = 0..;
    found.map(|one| {
        let at = places.next().unwrap_or_default();
        one.unwrap_or_else(|| of(at))
    })
}

/// Who may be an end of what is compared, and how many of them, the first ones, are classes.
fn parties(
    (intent, compiled): (&Intent<'_>, &Compiled),
    before: &Network,
    vacant: &BTreeMap<EndpointId, Vacancy>,
    (each, ids): (&[Vec<Class>; ESTATES], &[Ids; ESTATES]),
) -> (Vec<Party>, usize) {
    let mut found: BTreeMap<Key, Vec<EndpointId>> = BTreeMap::new();
    let mut nobody = Vec::new();
    let governed: BTreeSet<EndpointId> = compiled.identities.governed.iter().copied().collect();
    let places = each.each_ref().map(|classes| by_member(classes));
    for id in before.endpoints.ids() {
        let in_each = ids.each_ref().map(|ids| ids.get(id));
        if in_each.iter().any(Option::is_none) {
            continue;
        }
        let mut classes = [None; ESTATES];
        for (class, (places, id)) in classes.iter_mut().zip(places.iter().zip(in_each)) {
            *class = id.and_then(|id| places.get(&id)).copied();
        }
        let is_nowhere = classes.iter().any(Option::is_none);
        if let Some(vacancy) = vacant.get(&id) {
            nobody.push((is_nowhere, PartyWho::Vacant(vacancy.clone(), id), None));
            continue;
        }
        let identity = compiled.identities.guarding(id);
        let key = (is_nowhere, classes, intent.kind_of(id), identity, governed.contains(&id));
        found.entry(key).or_default().push(id);
    }
    let [first, ..] = each;
    nobody.extend(first.iter().filter_map(|class| outside(before, class)));
    let endpoints = found.into_iter().map(|((is_nowhere, _, kind, identity, is_governed), ids)| {
        let who = PartyWho::Endpoints(ids, kind);
        (is_nowhere, Party { who, is_governed, identity, start: None, number: 0 })
    });
    let nobody = nobody.into_iter().map(|(is_nowhere, who, start)| {
        (is_nowhere, Party { who, is_governed: false, identity: None, start, number: 0 })
    });
    let (last, first): (Vec<_>, Vec<_>) =
        endpoints.chain(nobody).partition(|(is_nowhere, _)| *is_nowhere);
    let placed = first.len();
    let all = first.into_iter().chain(last).enumerate();
    (all.map(|(number, (_, party))| Party { number, ..party }).collect(), placed)
}

fn by_member(classes: &[Class]) -> FxHashMap<EndpointId, usize> {
    let mut found = FxHashMap::default();
    for (place, class) in classes.iter().enumerate() {
        if let Class::Endpoints(members) = class {
            found.extend(members.iter().map(|member| (*member, place)));
        }
    }
    found
}

/// Addresses outside as a party, with where their packets start.
fn outside(before: &Network, class: &Class) -> Option<(bool, PartyWho, Option<Start>)> {
    let (atom, name, start) = match class {
        Class::Endpoints(_) => return None,
        Class::Internet(atom) => {
            let start = Start::Internet { address: atom.representative };
            (atom, Name::from("internet"), start)
        }
        Class::Outside(by, atom) => {
            let name = Matrix::outside_name(before, *by);
            let start = Start::Outside { by: *by, address: atom.representative };
            (atom, Name::from(format!("outside:{name}")), start)
        }
    };
    let addresses = AddressSet::from_prefixes(atom.prefixes.iter().copied());
    Some((false, PartyWho::Outside(addresses, name), Some(start)))
}

impl Ids {
    fn between(one: &Network, other: &Network) -> Self {
        let all = |network: &'_ Network| -> Vec<(Name, EndpointId)> {
            network.endpoints.iter().map(|(id, one)| (one.name.clone(), id)).collect()
        };
        let (one, other) = (all(one), all(other));
        if one == other {
            return Self::Same;
        }
        let other: BTreeMap<Name, EndpointId> = other.into_iter().collect();
        let of = |(name, id): (Name, EndpointId)| Some((id, *other.get(&name)?));
        Self::Other(one.into_iter().filter_map(of).collect())
    }

    /// The id that one of the first estate has in this one.
    pub(super) fn get(&self, id: EndpointId) -> Option<EndpointId> {
        match self {
            Self::Same => Some(id),
            Self::Other(ids) => ids.get(&id).copied(),
        }
    }
}

/// The endpoints that one of two estates does not have.
pub(super) fn missing(before: &Estate, after: &Estate) -> Vec<String> {
    let names = |estate: &Estate| -> BTreeSet<Name> {
        estate.network.endpoints.values().map(|one| one.name.clone()).collect()
    };
    let (old, new) = (names(before), names(after));
    let missing = old.difference(&new).chain(new.difference(&old));
    missing.map(|name| format!("{name} is not in both estates")).collect()
}

impl PartyWho {
    /// Whether nobody in the estate is there: such parties are asked about with others alone.
    pub(super) const fn is_nobody(&self) -> bool {
        match self {
            Self::Endpoints(..) => false,
            Self::Outside(..) | Self::Vacant(..) => true,
        }
    }

    /// Its endpoints, by their ids before: those of the estate, or the one that stands in.
    pub(super) fn endpoints(&self) -> &[EndpointId] {
        match self {
            Self::Endpoints(members, _) => members,
            Self::Outside(..) => &[],
            Self::Vacant(_, id) => std::slice::from_ref(id),
        }
    }
}

impl Party {
    /// As a class of an estate in which endpoints have these ids.
    fn class(&self, ids: &Ids) -> Class {
        let atom = |addresses: &AddressSet, representative| OutsideAtom {
            representative,
            prefixes: addresses.prefixes(),
        };
        match (&self.who, &self.start) {
            (PartyWho::Outside(addresses, _), Some(Start::Outside { by, address })) => {
                Class::Outside(*by, atom(addresses, *address))
            }
            (PartyWho::Outside(addresses, _), Some(Start::Internet { address })) => {
                Class::Internet(atom(addresses, *address))
            }
            (who, _) => {
                let own = who.endpoints().iter().filter_map(|id| ids.get(*id));
                let mut members: Vec<EndpointId> = own.collect();
                members.sort_unstable();
                Class::Endpoints(members)
            }
        }
    }

    /// The names of its workloads, or its addresses.
    pub(super) fn text(&self, estate: &Estate) -> String {
        match &self.who {
            PartyWho::Endpoints(members, _) => {
                let names: BTreeSet<String> =
                    members.iter().map(|id| name_of(estate, *id)).collect();
                names.into_iter().collect::<Vec<_>>().join(", ")
            }
            PartyWho::Outside(addresses, name) => {
                let first = addresses.first().map(|one| one.to_string()).unwrap_or_default();
                format!("{name}@{first}")
            }
            PartyWho::Vacant(vacancy, _) => vacancy.name(),
        }
    }

    /// The party where something on the way is to refuse what it sends or is sent.
    pub(super) fn barred(&self) -> BarredEnd {
        match &self.who {
            PartyWho::Endpoints(members, _) => BarredEnd::Endpoints(members.clone()),
            PartyWho::Outside(addresses, _) => BarredEnd::Outside(addresses.clone()),
            PartyWho::Vacant(vacancy, _) => BarredEnd::Outside(vacancy.addresses.clone()),
        }
    }

    /// The ids of its endpoints, or its prefixes.
    pub(super) fn names(&self, estate: &Estate) -> Vec<String> {
        match &self.who {
            PartyWho::Endpoints(members, _) => {
                let ids = members.iter().map(|id| &estate.network.endpoints[*id].name);
                ids.map(ToString::to_string).collect()
            }
            PartyWho::Outside(addresses, name) => {
                let prefixes = addresses.prefixes().into_iter();
                prefixes.map(|prefix| format!("{name}@{prefix}")).collect()
            }
            PartyWho::Vacant(vacancy, _) => vec![vacancy.name()],
        }
    }
}
