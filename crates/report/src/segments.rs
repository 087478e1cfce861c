//! Workloads put together for pictures: account, then realm, then tier of subnets.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{GatewayKind, Hop, SubnetId};
use watertight_model::{Bounds, Criticality, Estate, Name, Network, WorkloadId};
use watertight_net::FlowSet;
use watertight_reach::{Class, Matrix};

use crate::ends::Names;

/// How many segments a picture has at most; beyond that, tiers are put together.
pub(crate) const SEGMENTS_MAX: usize = 40;

/// What a segment is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum SegmentKind {
    Internet,
    Inside,
    Services,
    Outside,
}

impl SegmentKind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Internet => "internet",
            Self::Inside => "inside",
            Self::Services => "services",
            Self::Outside => "outside",
        }
    }
}

/// One segment of a picture.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) kind: SegmentKind,
    pub(crate) account: String,
    pub(crate) realm: String,
    /// The tier of subnets; empty where realms or accounts were put together.
    pub(crate) tier: String,
    /// What is in it, the most critical first, then by name.
    pub(crate) groups: Vec<Group>,
    /// How many workloads are in it.
    pub(crate) workloads: usize,
}

/// A workload, or the replicas of one owner.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) label: String,
    pub(crate) kind: &'static str,
    pub(crate) count: usize,
    pub(crate) criticality: Criticality,
}

/// What tells segments apart; ordered as they are shown.
type Key = (SegmentKind, String, String, String);

/// The segments of an estate, and which one each class is in.
#[derive(Debug)]
pub(crate) struct Segments {
    pub(crate) all: Vec<Segment>,
    pub(crate) of_class: Vec<usize>,
}

/// What segments let through to each other, all pairs of their classes together.
#[derive(Clone, Debug)]
pub(crate) struct SegmentFlows {
    pub(crate) forward: Bounds<FlowSet>,
    pub(crate) established: Bounds<FlowSet>,
}

/// How finely workloads are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Grain {
    Tier,
    Realm,
    Account,
    All,
}

impl Segments {
    /// Groups an estate into at most `most` segments, by tiers if these are few enough, else by
    /// realms, accounts, or all together.
    pub(crate) fn new(estate: &Estate, matrix: &Matrix, most: usize) -> Self {
        let grains = [Grain::Tier, Grain::Realm, Grain::Account];
        let fine = grains.into_iter().map(|grain| Self::grouped(estate, matrix, grain));
        let mut fitting = fine.filter(|segments| segments.all.len() <= most);
        fitting.next().unwrap_or_else(|| Self::grouped(estate, matrix, Grain::All))
    }

    fn grouped(estate: &Estate, matrix: &Matrix, grain: Grain) -> Self {
        let classes: Vec<Key> =
            matrix.classes.iter().map(|class| class_key(estate, class, grain)).collect();
        let workloads: Vec<(WorkloadId, Key)> =
            estate.workloads.ids().map(|id| (id, workload_key(estate, id, grain))).collect();
        let keys: BTreeSet<&Key> =
            classes.iter().chain(workloads.iter().map(|(_, key)| key)).collect();
        let places: BTreeMap<&Key, usize> =
            keys.into_iter().enumerate().map(|(place, key)| (key, place)).collect();
        let mut all: Vec<Segment> = places
            .keys()
            .map(|(kind, account, realm, tier)| Segment {
                kind: *kind,
                account: account.clone(),
                realm: realm.clone(),
                tier: tier.clone(),
                groups: Vec::new(),
                workloads: 0,
            })
            .collect();
        let place = |key: &Key| places.get(key).copied().unwrap_or(0);
        let mut members: BTreeMap<usize, Vec<WorkloadId>> = BTreeMap::new();
        for (id, key) in &workloads {
            members.entry(place(key)).or_default().push(*id);
        }
        let names = Names::new(estate);
        for (at, ids) in &members {
            if let Some(segment) = all.get_mut(*at) {
                segment.workloads = ids.len();
                segment.groups = groups(estate, &names, ids);
            }
        }
        let of_class = classes.iter().map(place).collect();
        Self { all, of_class }
    }

    /// A segment's name: `realm / tier`, with the account in front where there are several.
    pub(crate) fn label(&self, place: usize) -> String {
        let Some(segment) = self.all.get(place) else { return String::new() };
        let accounts: BTreeSet<&str> = self
            .all
            .iter()
            .filter(|other| !matches!(other.kind, SegmentKind::Internet | SegmentKind::Outside))
            .map(|other| other.account.as_str())
            .collect();
        let several = accounts.len() > 1;
        let realms: BTreeSet<(&str, &str)> =
            self.all.iter().map(|other| (&*other.realm, &*other.account)).collect();
        let same_realm = realms.iter().filter(|(realm, _)| *realm == segment.realm).count() > 1;
        let mut parts: Vec<&str> = Vec::new();
        if several && (segment.realm.is_empty() || same_realm) {
            parts.push(&segment.account);
        }
        parts.extend([segment.realm.as_str(), segment.tier.as_str()]);
        parts.retain(|part| !part.is_empty());
        if parts.is_empty() { "everything".to_owned() } else { parts.join(" / ") }
    }

    /// What each segment lets through to each other, and within itself.
    pub(crate) fn cells(&self, matrix: &Matrix) -> BTreeMap<(usize, usize), SegmentFlows> {
        let mut cells: BTreeMap<(usize, usize), SegmentFlows> = BTreeMap::new();
        for ((from, to), cell) in matrix.cells() {
            let (Some(source), Some(destination)) =
                (self.of_class.get(from), self.of_class.get(to))
            else {
                continue;
            };
            let none = || Bounds::exact(FlowSet::none());
            let entry = cells
                .entry((*source, *destination))
                .or_insert_with(|| SegmentFlows { forward: none(), established: none() });
            join(&mut entry.forward, &cell.forward);
            join(&mut entry.established, &cell.established);
        }
        cells
    }
}

fn join(own: &mut Bounds<FlowSet>, more: &Bounds<FlowSet>) {
    if !own.sure.contains(&more.sure) {
        own.sure = own.sure.union(&more.sure);
    }
    if !own.possible.contains(&more.possible) {
        own.possible = own.possible.union(&more.possible);
    }
}

fn groups(estate: &Estate, names: &Names<'_>, ids: &[WorkloadId]) -> Vec<Group> {
    let mut found: BTreeMap<String, Group> = BTreeMap::new();
    for id in ids {
        let workload = &estate.workloads[*id];
        let label = names.of(*id);
        let group = found.entry(label.clone()).or_insert_with(|| Group {
            label,
            kind: workload.kind.word(),
            count: 0,
            criticality: Criticality::None,
        });
        group.count += 1;
        group.criticality = group.criticality.max(workload.criticality());
    }
    let mut groups: Vec<Group> = found.into_values().collect();
    groups.sort_by(|one, two| {
        two.criticality.cmp(&one.criticality).then_with(|| one.label.cmp(&two.label))
    });
    groups
}

fn class_key(estate: &Estate, class: &Class, grain: Grain) -> Key {
    match class {
        Class::Endpoints(members) => match members.first() {
            Some(endpoint) => {
                let content = &estate.network.endpoints[*endpoint];
                match content.subnet {
                    Some(subnet) => subnet_key(estate, subnet, grain),
                    None => services_key(estate, content.workload, grain),
                }
            }
            None => (SegmentKind::Inside, String::new(), String::new(), String::new()),
        },
        Class::Internet(_) => {
            (SegmentKind::Internet, String::new(), "internet".to_owned(), String::new())
        }
        Class::Outside(by, _) => {
            let name = match grain {
                Grain::All => "outside".to_owned(),
                Grain::Tier | Grain::Realm | Grain::Account => {
                    format!("outside:{}", Matrix::outside_name(&estate.network, *by))
                }
            };
            (SegmentKind::Outside, String::new(), name, String::new())
        }
    }
}

fn workload_key(estate: &Estate, id: WorkloadId, grain: Grain) -> Key {
    let endpoints = estate.workloads[id].endpoints.iter();
    let mut subnets = endpoints.filter_map(|endpoint| estate.network.endpoints[*endpoint].subnet);
    match subnets.next() {
        Some(subnet) => subnet_key(estate, subnet, grain),
        None => services_key(estate, id, grain),
    }
}

fn subnet_key(estate: &Estate, id: SubnetId, grain: Grain) -> Key {
    let subnet = &estate.network.subnets[id];
    let realm = &estate.network.realms[subnet.realm];
    let account = account_title(estate, realm.account.as_ref());
    let title = realm.title.to_string();
    match grain {
        Grain::Tier => (SegmentKind::Inside, account, title, tier_of(&estate.network, id)),
        Grain::Realm => (SegmentKind::Inside, account, title, String::new()),
        Grain::Account => (SegmentKind::Inside, account, String::new(), String::new()),
        Grain::All => (SegmentKind::Inside, String::new(), String::new(), String::new()),
    }
}

fn services_key(estate: &Estate, id: WorkloadId, grain: Grain) -> Key {
    let account = match grain {
        Grain::All => String::new(),
        Grain::Tier | Grain::Realm | Grain::Account => {
            account_title(estate, estate.workloads[id].account.as_ref())
        }
    };
    (SegmentKind::Services, account, String::new(), "services".to_owned())
}

/// The name of an account, or its id.
fn account_title(estate: &Estate, id: Option<&Name>) -> String {
    let Some(id) = id else { return "unknown account".to_owned() };
    let known = estate.accounts.iter().find(|account| account.id == *id);
    known.and_then(|account| account.name.as_ref()).unwrap_or(id).to_string()
}

/// The tier of a subnet: its title without what says in which zone it is, and without its realm's
/// title in front; where people gave it no title, what its routes lead to.
fn tier_of(network: &Network, id: SubnetId) -> String {
    let subnet = &network.subnets[id];
    if subnet.title == subnet.name {
        return routed(network, id).to_owned();
    }
    let splits = ['-', '_', '.', ' ', '/'];
    let zone: BTreeSet<&str> = subnet.zone.split(splits).collect();
    let mut parts: Vec<&str> = subnet.title.split(splits).filter(|part| !part.is_empty()).collect();
    while let Some(last) = parts.last() {
        let letter = last.len() == 1 && last.chars().all(|c| c.is_ascii_alphanumeric());
        let number = last.chars().all(|c| c.is_ascii_digit());
        let ends_zone = !subnet.zone.is_empty() && last.len() <= 2 && subnet.zone.ends_with(last);
        if !(letter || number || ends_zone || zone.contains(last)) || parts.len() == 1 {
            break;
        }
        parts.pop();
    }
    let realm: Vec<&str> = network.realms[subnet.realm].title.split(splits).collect();
    let own = match parts.strip_prefix(realm.as_slice()) {
        Some(rest) if !rest.is_empty() => rest,
        Some(_) | None => &parts,
    };
    own.join("-")
}

/// What a subnet's routes lead to.
fn routed(network: &Network, id: SubnetId) -> &'static str {
    let Some(table) = network.subnets[id].table else { return "unknown routes" };
    let routes = &network.tables[table].routes;
    let to_internet = |hop: &Hop| {
        matches!(hop, Hop::Gateway(gateway)
            if matches!(network.gateways[*gateway].kind, GatewayKind::Internet { .. }))
    };
    if routes.iter().any(|route| to_internet(&route.hop)) {
        "public"
    } else if routes.iter().any(|route| !matches!(route.hop, Hop::Local | Hop::Blackhole(_))) {
        "private"
    } else {
        "isolated"
    }
}
