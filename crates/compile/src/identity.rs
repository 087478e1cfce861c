//! Who is governed, who of those can carry groups, and which group is whose.

use std::collections::BTreeMap;

use watertight_model::network::{EndpointId, FrontId, RealmId};
use watertight_model::{Estate, Name};

use crate::artifact::GroupName;
use crate::gap::Unheld;
use crate::intent::{Intent, KindId, realm_of};
use crate::naming::{mark, realm_part, segments_part};
use crate::plane::Plane;
use crate::via::Vias;

/// One identity in one realm: endpoints about which the policy decides alike. A front that keeps its
/// clients' addresses is one by itself: what it has to let in for its targets is nobody else's.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) name: GroupName,
    pub(crate) realm: RealmId,
    pub(crate) kind: KindId,
    pub(crate) members: Vec<EndpointId>,
    pub(crate) segments: Vec<Name>,
    /// Whether nothing may be widened at its members.
    pub(crate) is_strict: bool,
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
}

/// What tells identities apart: where, about whom, and which front that keeps its clients' addresses.
type Key = (RealmId, KindId, Option<FrontId>);

impl Identities {
    pub(crate) fn new(intent: &Intent<'_>, plane: &dyn Plane, vias: &Vias) -> Self {
        let estate = intent.estate();
        let mut found = Self::default();
        let mut by_key: BTreeMap<Key, Vec<EndpointId>> = BTreeMap::new();
        for (id, endpoint) in estate.network.endpoints.iter() {
            if !intent.is_governed(id) {
                continue;
            }
            found.governed.push(id);
            match (plane.holds(estate, id), realm_of(estate, id)) {
                (Ok(()), Some(realm)) => {
                    let key = (realm, intent.kind_of(id), vias.front_of(id));
                    by_key.entry(key).or_default().push(id);
                }
                (held, _) => {
                    let why = held.err().unwrap_or("it is in no realm");
                    let workload = name_of(estate, id);
                    let endpoint = Some(endpoint.name.to_string());
                    found.unheld.push(Unheld { workload, endpoint, why: why.to_owned() });
                }
            }
        }
        found.add_without_endpoints(intent);
        found.unheld.sort();
        found.unheld.dedup();
        let mut taken: BTreeMap<String, u32> = BTreeMap::new();
        for ((realm, kind, front), members) in by_key {
            let Some(first) = members.first().copied() else { continue };
            let (segments, is_jewel) = intent.segments_of(first);
            let is_strict = is_jewel || intent.is_asserted(first);
            let (prefix, joined) = (GroupName::PREFIX, segments_part(&segments));
            let place = realm_part(&estate.network.realms[realm].name);
            let front = front.and_then(|front| estate.network.fronts.get(front));
            let mark = mark(&intent.seen_in(first), front.map(|front| &front.name));
            let name = format!("{prefix}{place}/{joined}/{mark}");
            // Two that look alike would have to be told apart by their order.
            let count = taken.entry(name.clone()).or_default();
            *count = count.saturating_add(1);
            let name = GroupName(if *count == 1 { name } else { format!("{name}-{count}") });
            for member in &members {
                found.of.insert(*member, found.list.len());
            }
            found.list.push(Identity { name, realm, kind, members, segments, is_strict });
        }
        found
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

    pub(crate) fn identity(&self, endpoint: EndpointId) -> Option<&Identity> {
        self.list.get(*self.of.get(&endpoint)?)
    }
}

/// The name of an endpoint's workload.
pub(crate) fn name_of(estate: &Estate, endpoint: EndpointId) -> String {
    let workload = estate.network.endpoints.get(endpoint).map(|one| one.workload);
    let workload = workload.and_then(|id| estate.workloads.get(id));
    workload.map(|one| one.name.to_string()).unwrap_or_default()
}
