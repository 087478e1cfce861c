//! Who is governed, who of those can carry groups, and which group is whose.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use watertight_model::network::{EndpointId, FrontId, RealmId};
use watertight_model::{Estate, Name};
use watertight_net::AddressSet;

use crate::artifact::{GroupName, Through};
use crate::gap::Unheld;
use crate::intent::{Intent, KindId, Seen, realm_of};
use crate::moving::{self, Named};
use crate::naming::{mark, realm_part, segments_part};
use crate::plane::{Holding, Plane};
use crate::via::Vias;

/// One identity in one realm: endpoints about which the policy decides alike. A front that keeps its
/// clients' addresses is one by itself: what it has to let in for its targets is nobody else's.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) name: GroupName,
    pub(crate) realm: RealmId,
    pub(crate) members: Vec<EndpointId>,
    /// Who shares the members' interfaces: what they may send and accept, the members' groups must
    /// let through.
    pub(crate) guests: Vec<EndpointId>,
    /// The kinds of members and guests, the members' first.
    pub(crate) kinds: Vec<KindId>,
    pub(crate) segments: Vec<Name>,
    /// Whether nothing may be widened at its members.
    pub(crate) is_strict: bool,
}

impl Identity {
    /// Members and guests.
    pub(crate) fn all(&self) -> impl Iterator<Item = &EndpointId> {
        self.members.iter().chain(&self.guests)
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identities {
    pub(crate) list: Vec<Identity>,
    /// By endpoint, the place of its identity.
    pub(crate) of: BTreeMap<EndpointId, usize>,
    pub(crate) unheld: Vec<Unheld>,
    /// Every governed endpoint, in order.
    pub(crate) governed: Vec<EndpointId>,
    /// The endpoints that share the interface of another, by that one: pods by their node.
    pub(crate) guests: BTreeMap<EndpointId, Vec<EndpointId>>,
    /// By endpoint, the resource that sets its groups.
    pub(crate) through: BTreeMap<EndpointId, Through>,
    /// By guest, the place of the identity of the interface that it shares.
    pub(crate) hosting: BTreeMap<EndpointId, usize>,
    /// By endpoint that carries groups and gets other addresses with them, where it may be then.
    pub(crate) moving: BTreeMap<EndpointId, AddressSet>,
}

/// What tells identities apart: where, about whom, which front that keeps its clients' addresses, and
/// whether others share the interface. Which others does not: pods come and go, and names of groups
/// stay.
type Key = (RealmId, KindId, Option<FrontId>, bool);

impl Identities {
    /// `named` are those that move and whose addresses rules would have to name: they carry none.
    pub(crate) fn new(intent: &Intent<'_>, plane: &dyn Plane, vias: &Vias, named: &Named) -> Self {
        let estate = intent.estate();
        let mut found = Self { guests: guests(estate), ..Self::default() };
        let mut by_key: BTreeMap<Key, Vec<EndpointId>> = BTreeMap::new();
        let resources = Resources::new(intent, plane, vias, named);
        for (id, endpoint) in estate.network.endpoints.iter() {
            if !intent.is_governed(id) {
                continue;
            }
            found.governed.push(id);
            let held = resources.holds(intent, id).and_then(|()| found.is_alone(intent, id));
            match (held, realm_of(estate, id)) {
                (Ok(()), Some(realm)) => {
                    let shares = found.guests.contains_key(&id);
                    let key = (realm, intent.kind_of(id), vias.front_of(id), shares);
                    by_key.entry(key).or_default().push(id);
                    found.through.extend(resources.through(id).map(|one| (id, one.clone())));
                    found.moving.extend(resources.moves(id).map(|space| (id, space.clone())));
                }
                (held, _) => {
                    let why = held.err().unwrap_or_else(|| "it is in no realm".to_owned());
                    let workload = name_of(estate, id);
                    let endpoint = Some(endpoint.name.to_string());
                    found.unheld.push(Unheld { workload, endpoint, why });
                }
            }
        }
        found.add_without_endpoints(intent);
        found.unheld.sort();
        found.unheld.dedup();
        let mut taken: BTreeMap<String, u32> = BTreeMap::new();
        // What is seen in members is much to write, and the same in many networks.
        let mut marks: FxHashMap<(Seen, bool, Option<Name>), String> = FxHashMap::default();
        for ((realm, kind, front, shares), members) in by_key {
            let Some(first) = members.first().copied() else { continue };
            let (segments, is_jewel) = intent.segments_of(first);
            let guests: BTreeSet<EndpointId> =
                members.iter().filter_map(|id| found.guests.get(id)).flatten().copied().collect();
            let mut kinds = vec![kind];
            kinds.extend(guests.iter().map(|guest| intent.kind_of(*guest)).filter(|k| *k != kind));
            kinds.sort_unstable_by_key(|one| (*one != kind, *one));
            kinds.dedup();
            let of_guests =
                guests.iter().any(|one| intent.segments_of(*one).1 || intent.is_asserted(*one));
            let is_strict = is_jewel || intent.is_asserted(first) || of_guests;
            let guests: Vec<EndpointId> = guests.into_iter().collect();
            let (prefix, joined) = (GroupName::PREFIX, segments_part(&segments));
            let place = realm_part(&estate.network.realms[realm].name);
            let front = front.and_then(|front| estate.network.fronts.get(front));
            let seen = (intent.seen_in(first), shares, front.map(|front| front.name.clone()));
            let mark = marks.entry(seen).or_insert_with_key(|(seen, shares, front)| {
                let mut words = intent.words(seen);
                if *shares {
                    words.insert("shares its interface".to_owned());
                }
                mark(&words, front.as_ref())
            });
            let name = format!("{prefix}{place}/{joined}/{mark}");
            // Two that look alike would have to be told apart by their order.
            let count = taken.entry(name.clone()).or_default();
            *count = count.saturating_add(1);
            let name = GroupName(if *count == 1 { name } else { format!("{name}-{count}") });
            for member in &members {
                found.of.insert(*member, found.list.len());
            }
            for guest in &guests {
                found.hosting.insert(*guest, found.list.len());
            }
            found.list.push(Identity { name, realm, members, guests, kinds, segments, is_strict });
        }
        found
    }

    /// Whether everybody who shares an endpoint's interface is governed: groups there would close what
    /// no policy speaks of.
    fn is_alone(&self, intent: &Intent<'_>, id: EndpointId) -> Result<(), String> {
        let guests = self.guests.get(&id).into_iter().flatten();
        let free = guests.filter(|guest| !intent.is_governed(**guest));
        let (mut nobodys, mut left_out) = (BTreeSet::new(), BTreeSet::new());
        for guest in free {
            let name = name_of(intent.estate(), *guest);
            let of = if intent.left_out(*guest).is_some() { &mut left_out } else { &mut nobodys };
            of.insert(name);
        }
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<String>>().join(", ");
        if !nobodys.is_empty() {
            let names = list(nobodys);
            return Err(format!("pods that no segment holds share its interface: {names}"));
        }
        if left_out.is_empty() {
            return Ok(());
        }
        let names = list(left_out);
        Err(format!(
            "pods that are not in the share of their segment that is enforced share its interface: {names}"
        ))
    }

    /// Governed workloads that have no endpoint at all.
    fn add_without_endpoints(&mut self, intent: &Intent<'_>) {
        for (id, workload) in intent.estate().workloads.iter() {
            if workload.endpoints.is_empty() && intent.is_governed_workload(id) {
                self.unheld.push(Unheld {
                    workload: workload.name.to_string(),
                    endpoint: None,
                    why: String::from("it has no attachment in a network of the estate"),
                });
            }
        }
    }

    /// The place of the identity whose groups are on an endpoint's interface: its own, or that of the
    /// machine whose interface it shares.
    pub(crate) fn guarding(&self, endpoint: EndpointId) -> Option<usize> {
        self.of.get(&endpoint).or_else(|| self.hosting.get(&endpoint)).copied()
    }
}

/// How endpoints can carry groups, and which of them get theirs from one resource.
struct Resources {
    holdings: BTreeMap<EndpointId, Holding>,
    by_resource: BTreeMap<Through, Vec<EndpointId>>,
    /// Where an endpoint is, and what the policy sees in it.
    seen: BTreeMap<EndpointId, (Option<RealmId>, KindId, Option<FrontId>)>,
}

impl Resources {
    fn new(intent: &Intent<'_>, plane: &dyn Plane, vias: &Vias, named: &Named) -> Self {
        let estate = intent.estate();
        let holding = plane.holding(estate);
        let all = estate.network.endpoints.ids().map(|id| (id, holding(id)));
        let all: Vec<(EndpointId, Holding)> = all.collect();
        let stays = moving::stays(estate, &all);
        let (mut holdings, mut seen) = (BTreeMap::new(), BTreeMap::new());
        let mut by_resource: BTreeMap<Through, Vec<EndpointId>> = BTreeMap::new();
        for (id, mut one) in all {
            if let (Some(space), None) = (&mut one.moves, &one.refused) {
                *space = space.difference(&stays);
                one.refused = named.why(id).or_else(|| moving::split(intent, id, (space, &stays)));
            }
            if let Some(through) = &one.through {
                by_resource.entry(through.clone()).or_default().push(id);
                let place = (realm_of(estate, id), intent.kind_of(id), vias.front_of(id));
                seen.insert(id, place);
            }
            if one.through.is_some() || intent.is_governed(id) {
                holdings.insert(id, one);
            }
        }
        Self { holdings, by_resource, seen }
    }

    fn through(&self, id: EndpointId) -> Option<&Through> {
        self.holdings.get(&id)?.through.as_ref()
    }

    fn moves(&self, id: EndpointId) -> Option<&AddressSet> {
        self.holdings.get(&id)?.moves.as_ref()
    }

    /// Whether groups can be put on an endpoint. What is set through a resource is set on all of its
    /// endpoints alike: one that can carry none, that no segment holds, or that the policy tells
    /// apart refuses it for all.
    fn holds(&self, intent: &Intent<'_>, id: EndpointId) -> Result<(), String> {
        let Some(holding) = self.holdings.get(&id) else { return Ok(()) };
        if let Some(why) = &holding.refused {
            return Err(why.clone());
        }
        let Some(through) = &holding.through else { return Ok(()) };
        let own = self.seen.get(&id);
        for other in self.by_resource.get(through).into_iter().flatten() {
            let name = || name_of(intent.estate(), *other);
            if let Some(why) = self.holdings.get(other).and_then(|one| one.refused.as_ref()) {
                return Err(format!("{} sets the groups of {} too: {why}", through.id, name()));
            }
            if !intent.is_governed(*other) {
                let (id, of) = (&through.id, name());
                let why = match intent.left_out(*other) {
                    Some(segment) => {
                        format!("which is not in the share of {segment} that is enforced")
                    }
                    None => String::from("of which no segment speaks"),
                };
                return Err(format!("{id} sets the groups of {of} too, {why}"));
            }
            if self.seen.get(other) != own {
                let of = name();
                return Err(format!(
                    "{} sets the same groups for {of} too, about which the policy decides otherwise",
                    through.id
                ));
            }
        }
        Ok(())
    }
}

/// Who shares an interface with a machine: its pods have addresses of any of its interfaces, and the
/// groups of that one.
pub(crate) fn guests(estate: &Estate) -> BTreeMap<EndpointId, Vec<EndpointId>> {
    let network = &estate.network;
    let mut found: BTreeMap<EndpointId, Vec<EndpointId>> = BTreeMap::new();
    for (guest, uplink) in &network.uplinks {
        let layers = &network.endpoints[*guest].layers;
        let machine = network.endpoints[uplink.by].workload;
        for own in &estate.workloads[machine].endpoints {
            let shares = network.endpoints[*own].layers.iter().any(|one| layers.contains(one));
            if *own == uplink.by || shares {
                found.entry(*own).or_default().push(*guest);
            }
        }
    }
    found
}

/// The name of an endpoint's workload.
pub(crate) fn name_of(estate: &Estate, endpoint: EndpointId) -> String {
    let workload = estate.network.endpoints.get(endpoint).map(|one| one.workload);
    let workload = workload.and_then(|id| estate.workloads.get(id));
    workload.map(|one| one.name.to_string()).unwrap_or_default()
}
