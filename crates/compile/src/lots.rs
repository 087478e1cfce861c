//! Endpoints that need not be told apart to write rules: the policy decides alike about them, and so does
//! the network where no guard refuses anything.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Estate;
use watertight_model::network::{EndpointId, RealmId, SubnetId};
use watertight_net::{AddressSet, Prefix};
use watertight_reach::{ClassIndex, Matrix};

use crate::fit::Measure;
use crate::identity::{Identities, Identity};
use crate::intent::{Intent, KindId, realm_of};
use crate::via::Vias;

/// Such endpoints.
#[derive(Clone, Debug)]
pub(crate) struct Lot {
    pub(crate) members: Vec<EndpointId>,
    class: Option<ClassIndex>,
    /// The place of the identity whose groups are on their interfaces.
    pub(crate) identity: Option<usize>,
    /// Whether they are attachments of a front that keeps its clients' addresses.
    pub(crate) is_front: bool,
    /// Where they are, in the subnet that all of them are in.
    realm: Option<RealmId>,
    /// The addresses under which guards see them, in their own realm and in others.
    seen: Seen,
}

/// Addresses of endpoints, by where they are seen.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Everywhere.
    own: Vec<Prefix>,
    /// In other realms alone.
    public: Vec<Prefix>,
}

impl Lot {
    /// The addresses under which guards in a realm may see them.
    pub(crate) fn seen_in(&self, realm: RealmId) -> impl Iterator<Item = Prefix> {
        let public: &[Prefix] =
            if self.realm == Some(realm) { &[] } else { self.seen.public.as_slice() };
        self.seen.own.iter().chain(public).copied()
    }
}

/// What tells lots of one kind apart.
type Key = (KindId, Option<ClassIndex>, Option<SubnetId>, Option<usize>, bool);

/// All of them.
#[derive(Debug)]
pub(crate) struct Lots {
    by_kind: BTreeMap<KindId, Vec<Lot>>,
}

impl Lots {
    /// The lots of an estate whose connectivity without guards is `matrix`.
    pub(crate) fn new(
        intent: &Intent<'_>,
        matrix: &Matrix,
        (identities, vias): (&Identities, &Vias),
    ) -> Self {
        let mut found: BTreeMap<Key, Vec<EndpointId>> = BTreeMap::new();
        for (id, endpoint) in intent.estate().network.endpoints.iter() {
            let (identity, is_front) = (identities.guarding(id), vias.is_front(id));
            let class = matrix.class_of(id);
            let key = (intent.kind_of(id), class, endpoint.subnet, identity, is_front);
            found.entry(key).or_default().push(id);
        }
        let mut by_kind: BTreeMap<KindId, Vec<Lot>> = BTreeMap::new();
        let estate = intent.estate();
        for ((kind, class, subnet, identity, is_front), members) in found {
            let realm = subnet.and_then(|id| estate.network.subnets.get(id)).map(|one| one.realm);
            let mut seen = Seen::default();
            for id in &members {
                seen.own.extend(own_addresses(estate, *id));
                seen.public.extend(public_addresses(estate, *id));
            }
            let lot = Lot { members, class, identity, is_front, realm, seen };
            by_kind.entry(kind).or_default().push(lot);
        }
        Self { by_kind }
    }

    /// Those of one kind.
    pub(crate) fn of(&self, kind: KindId) -> &[Lot] {
        self.by_kind.get(&kind).map_or(&[], Vec::as_slice)
    }
}

/// The ends that one identity's rules are about.
#[derive(Debug)]
pub(crate) struct Own {
    /// The classes of its members and guests, with the first of each and whether there are others.
    classes: BTreeMap<ClassIndex, (EndpointId, bool)>,
    /// One for each subnet.
    pub(crate) by_subnet: BTreeMap<Option<SubnetId>, EndpointId>,
    /// Whether some of them are targets of fronts that keep their clients' addresses.
    pub(crate) is_behind: bool,
}

impl Own {
    pub(crate) fn new(estate: &Estate, identity: &Identity, matrix: &Matrix, vias: &Vias) -> Self {
        let (mut classes, mut by_subnet) = (BTreeMap::new(), BTreeMap::new());
        for id in identity.all() {
            let several = |one: &mut (EndpointId, bool)| one.1 = true;
            if let Some(class) = matrix.class_of(*id) {
                classes.entry(class).and_modify(several).or_insert((*id, false));
            }
            let subnet = estate.network.endpoints.get(*id).and_then(|one| one.subnet);
            by_subnet.entry(subnet).or_insert(*id);
        }
        Self { classes, by_subnet, is_behind: identity.all().any(|one| vias.is_target(*one)) }
    }

    /// Whether some of these have to do with others of a lot if no guard refuses: nobody has with
    /// itself.
    pub(crate) fn meets(&self, lot: &Lot, matrix: &Matrix, ingress: bool) -> bool {
        let Some(other) = lot.class else { return false };
        self.classes.iter().any(|(class, (first, several))| {
            let (from, to) = if ingress { (other, *class) } else { (*class, other) };
            let is_itself = !several && lot.members == [*first];
            !is_itself
                && matrix.cell(from, to).is_some_and(|cell| !cell.forward.possible.is_empty())
        })
    }
}

/// An address of an endpoint.
#[derive(Clone, Copy, Debug)]
struct Held {
    endpoint: EndpointId,
    kind: KindId,
    address: Prefix,
    /// For a public address, where its endpoint is: nobody there sees it.
    unseen_in: Option<RealmId>,
}

/// Which addresses endpoints have, where guards see them.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// By kind.
    of_kind: BTreeMap<KindId, Vec<Held>>,
    /// Those that several endpoints have.
    shared: Vec<Held>,
    /// Addresses of endpoints, public ones too.
    pub(crate) held: Measure,
    /// Where no host is.
    nobody: AddressSet,
}

impl Addresses {
    /// What moves has its address for a while only: nothing is free for its sake.
    pub(crate) fn new(intent: &Intent<'_>, identities: &Identities) -> Self {
        let estate = intent.estate();
        let mut of_kind: BTreeMap<KindId, Vec<Held>> = BTreeMap::new();
        let mut holders: BTreeMap<Prefix, u32> = BTreeMap::new();
        for (id, endpoint) in estate.network.endpoints.iter() {
            if identities.moving.contains_key(&id) {
                continue;
            }
            let kind = intent.kind_of(id);
            let realm = realm_of(estate, id);
            let mut own: BTreeSet<Prefix> = BTreeSet::new();
            own.extend(own_addresses(estate, id));
            let outer = endpoint.public.iter().map(|(_, outer)| Prefix::host(*outer));
            let outer: BTreeSet<Prefix> = outer.filter(|outer| !own.contains(outer)).collect();
            for address in own.iter().chain(&outer) {
                let count = holders.entry(*address).or_default();
                *count = count.saturating_add(1);
            }
            let own = own.into_iter().map(|address| (address, None));
            let all = own.chain(outer.into_iter().map(|address| (address, realm)));
            of_kind.entry(kind).or_default().extend(all.map(|(address, unseen_in)| Held {
                endpoint: id,
                kind,
                address,
                unseen_in,
            }));
        }
        let several = |held: &&Held| holders.get(&held.address).is_some_and(|count| *count > 1);
        let shared = of_kind.values().flatten().filter(several).copied().collect();
        let held = Measure::of(&crate::outside::held(estate));
        Self { of_kind, shared, held, nobody: crate::outside::hosts().complement() }
    }

    /// Addresses that prefixes of an identity's rules may hold without opening anything: those with
    /// which what a rule says is allowed anyway, and where nobody is. It is allowed with `kinds`; who is
    /// `alone` in the identity meets nobody at its own addresses.
    pub(crate) fn free(
        &self,
        realm: RealmId,
        kinds: &BTreeSet<KindId>,
        alone: Option<(EndpointId, KindId)>,
    ) -> AddressSet {
        let is_seen = |held: &&Held| held.unseen_in != Some(realm);
        let is_alone = |held: &&Held| alone.is_some_and(|(id, _)| held.endpoint == id);
        let is_allowed = |held: &&Held| kinds.contains(&held.kind) || is_alone(held);
        let of_kind = |kind: &KindId| self.of_kind.get(kind).into_iter().flatten();
        let own = alone.iter().flat_map(|(_, kind)| of_kind(kind)).filter(is_alone);
        let may = kinds.iter().flat_map(of_kind).chain(own).filter(is_seen);
        let may = may.map(|held| held.address);
        let others = self.shared.iter().filter(is_seen).filter(|held| !is_allowed(held));
        let others = AddressSet::from_prefixes(others.map(|held| held.address));
        AddressSet::from_prefixes(may).difference(&others).union(&self.nobody)
    }
}

/// The addresses under which a guard of an identity may see an endpoint.
pub(crate) fn seen(estate: &Estate, realm: RealmId, id: EndpointId) -> Vec<Prefix> {
    let is_away = realm_of(estate, id) != Some(realm);
    let public = public_addresses(estate, id).filter(|_| is_away);
    own_addresses(estate, id).chain(public).collect()
}

fn public_addresses(estate: &Estate, id: EndpointId) -> impl Iterator<Item = Prefix> {
    estate.network.endpoints[id].public.iter().map(|(_, outer)| Prefix::host(*outer))
}

/// An endpoint's own addresses, and those of its machine: what that translates comes from there.
fn own_addresses(estate: &Estate, id: EndpointId) -> impl Iterator<Item = Prefix> {
    let network = &estate.network;
    let host = network.uplinks.get(&id).map(|uplink| uplink.by);
    let host = host.into_iter().flat_map(|id| &network.endpoints[id].addresses);
    network.endpoints[id].addresses.iter().chain(host).copied().map(Prefix::host)
}
