//! Who carries groups of ours and is not in a share that is enforced any more, and what it goes back to.
//!
//! In monitor an endpoint carries what its owner gave it. What that was is known to the plan that put ours in
//! its place, to whoever still carries it beside ours, and to the template that replicas are made from.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;
use watertight_model::network::EndpointId;

use crate::artifact::{Artifacts, Attachment, GroupName, Through};
use crate::identity::{guests, name_of};
use crate::intent::Intent;
use crate::owner::Owner;
use crate::plane::{Holding, Plane};

/// The groups that endpoints carried before ours, as earlier plans tell them: both by the provider's ids.
pub type Former = BTreeMap<String, Vec<String>>;

/// Those whom a share leaves out and that carry groups of ours.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Leaving {
    /// Those that go back to what they carried before, ordered.
    pub attachments: Vec<Attachment>,
    /// For each of them, in the same order, what tells that they carried it.
    pub by: Vec<ToldBy>,
    /// Those that keep what they carry, with the reason, ordered.
    pub kept: Vec<(Name, String)>,
}

/// What tells which groups an endpoint carried before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ToldBy {
    /// An earlier plan.
    Plan,
    /// It carries them still.
    Itself,
    /// What replicas are made from.
    Template,
}

impl ToldBy {
    /// The words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Plan => "as the earlier plan tells",
            Self::Itself => "which it carries beside ours",
            Self::Template => "with which its template makes replicas",
        }
    }
}

impl Leaving {
    /// What they carry afterwards, as artifacts.
    pub fn artifacts(&self) -> Artifacts {
        Artifacts { groups: Vec::new(), attachments: self.attachments.clone().into(), edges: None }
    }
}

/// Finds those whom a share leaves out, that nothing else governs, and that carry groups of ours.
pub fn leaving(intent: &Intent<'_>, plane: &dyn Plane, former: &Former) -> Leaving {
    let mut found = Leaving::default();
    let held = plane.held();
    if held.is_empty() || intent.shares().is_empty() {
        return found;
    }
    let ours: BTreeSet<&str> =
        held.iter().flat_map(|group| [group.id.as_str(), group.name.as_str()]).collect();
    let estate = intent.estate();
    let out = |id: EndpointId| !intent.is_governed(id) && intent.left_out(id).is_some();
    let ids = estate.network.endpoints.ids();
    let ids = ids.filter(|id| carried(intent, *id).iter().any(|group| ours.contains(&**group)));
    let ids: Vec<EndpointId> = ids.filter(|id| out(*id)).collect();
    if ids.is_empty() {
        return found;
    }
    let owners = plane.owners();
    let known = Known { intent, ours: &ours, former, owners: &owners };
    let holding = plane.holding(estate);
    let shared = guests(estate);
    let mut each: BTreeMap<EndpointId, (Attachment, ToldBy)> = BTreeMap::new();
    let mut kept: BTreeSet<(Name, String)> = BTreeSet::new();
    for id in ids {
        let Some(endpoint) = estate.network.endpoints.get(id) else { continue };
        // A pod carries what its node does.
        if estate.network.uplinks.contains_key(&id) {
            continue;
        }
        let workload = Name::from(name_of(estate, id));
        let Holding { through, refused, moves } = holding(id);
        let mut guests = shared.get(&id).into_iter().flatten();
        let why = if let Some(why) = refused {
            Some(why)
        } else if moves.is_some() {
            Some(String::from("its service gives it another address with other groups"))
        } else {
            let governed = guests.find(|guest| intent.is_governed(**guest));
            governed.map(|guest| format!("{} shares its interface", name_of(estate, *guest)))
        };
        if let Some(why) = why {
            kept.insert((workload, why));
            continue;
        }
        let Some((groups, by)) = known.before(id) else {
            kept.insert((workload, String::from("what it carried before is not known")));
            continue;
        };
        let attachment = Attachment {
            endpoint: endpoint.name.clone(),
            workload,
            groups: Vec::new(),
            through,
            others: groups,
            before: carried(intent, id),
        };
        each.insert(id, (attachment, by));
    }
    let apart = apart(intent, plane, &each);
    for (attachment, by) in each.into_values() {
        let why = attachment.through.as_ref().and_then(|through| apart.get(through));
        if let Some(why) = why {
            kept.insert((attachment.workload, why.clone()));
            continue;
        }
        found.attachments.push(attachment);
        found.by.push(by);
    }
    found.kept = kept.into_iter().collect();
    found
}

/// The resources of which not all endpoints go back to the same, each with the reason.
fn apart(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    each: &BTreeMap<EndpointId, (Attachment, ToldBy)>,
) -> BTreeMap<Through, String> {
    let mut found = BTreeMap::new();
    let mut first: BTreeMap<&Through, &Attachment> = BTreeMap::new();
    for (one, _) in each.values() {
        let Some(through) = &one.through else { continue };
        let known = first.entry(through).or_insert(one);
        if known.others != one.others {
            let why = format!("{} had other groups than {}", known.endpoint, one.endpoint);
            found.insert(through.clone(), why);
        }
    }
    if first.is_empty() {
        return found;
    }
    let estate = intent.estate();
    let holding = plane.holding(estate);
    for id in estate.network.endpoints.ids().filter(|id| !each.contains_key(id)) {
        let Some(through) = holding(id).through else { continue };
        if first.contains_key(&through) {
            let why = format!("{} sets the groups of {} too", through.id, name_of(estate, id));
            found.insert(through, why);
        }
    }
    found
}

/// What is known of what was before.
struct Known<'k> {
    intent: &'k Intent<'k>,
    ours: &'k BTreeSet<&'k str>,
    former: &'k Former,
    owners: &'k [Owner],
}

impl Known<'_> {
    /// What an endpoint carried, and what tells it.
    fn before(&self, id: EndpointId) -> Option<(Vec<Name>, ToldBy)> {
        let endpoint = self.intent.estate().network.endpoints.get(id)?;
        let planned = self.former.get(&*endpoint.name).cloned();
        let beside = || {
            let own = carried(self.intent, id).into_iter().map(|group| group.to_string());
            own.filter(|group| !self.ours.contains(group.as_str())).collect::<Vec<String>>()
        };
        let told = planned
            .into_iter()
            .map(|groups| (groups, ToldBy::Plan))
            .chain([(beside(), ToldBy::Itself)])
            .chain(self.template(&endpoint.name).map(|groups| (groups, ToldBy::Template)));
        let mut told = told.filter(|(groups, _)| self.is_others(groups));
        let (groups, by) = told.next()?;
        let groups: BTreeSet<Name> = groups.into_iter().map(Name::from).collect();
        Some((groups.into_iter().collect(), by))
    }

    /// Whether there are any, all of others, and all there still.
    fn is_others(&self, groups: &[String]) -> bool {
        let guards = &self.intent.estate().network.guards;
        !groups.is_empty()
            && groups.iter().all(|group| {
                let is_ours =
                    group.starts_with(GroupName::PREFIX) || self.ours.contains(group.as_str());
                !is_ours && guards.values().any(|guard| *guard.name == **group)
            })
    }

    /// The groups with which replicas like an endpoint are made.
    fn template(&self, endpoint: &str) -> Option<Vec<String>> {
        let is_it = |owner: &&Owner| owner.replicas.iter().any(|one| one.endpoint == endpoint);
        let owner = self.owners.iter().find(is_it)?;
        Some(owner.template.as_ref()?.groups.clone())
    }
}

/// The groups that an endpoint carries, by the provider's ids, ordered.
fn carried(intent: &Intent<'_>, id: EndpointId) -> Vec<Name> {
    let network = &intent.estate().network;
    let layers = network.endpoints.get(id).into_iter().flat_map(|one| &one.layers);
    let guards = layers.filter_map(|layer| network.layers.get(*layer));
    let guards = guards.flat_map(|layer| &layer.guards);
    let guards = guards.filter_map(|guard| network.guards.get(*guard));
    let names: BTreeSet<Name> =
        guards.filter(|guard| guard.is_written()).map(|guard| guard.name.clone()).collect();
    names.into_iter().collect()
}
