//! Who makes replicas of governed workloads, and which groups a new replica would carry.
//!
//! Groups on an interface last as long as that does. What replaces it is made from a template, so that a
//! workload is held only when its template says the same as its interfaces.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use watertight_model::{Estate, Name, Workload};

use crate::artifact::{Artifacts, Attachment, GroupName, Through};
use crate::held::HeldGroup;
use crate::plan::Plan;
use crate::read::{Read, ReadKind};
use crate::step::{Action, Step, new, old};

/// What makes replicas, as far as the provider's bodies tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    /// What it is, in the plane's words: `scaling-group`.
    pub kind: String,
    /// The name by which the provider's calls know it.
    pub id: String,
    /// The account and the region.
    pub place: (Name, Name),
    /// The endpoints of its replicas, ordered.
    pub replicas: Vec<Replica>,
    /// The tags that a replica is made with.
    pub tags: BTreeMap<String, String>,
    /// What replicas are made from, where the bodies tell.
    pub template: Option<Template>,
    /// The templates of which it takes whatever version is the newest.
    pub follows: BTreeSet<String>,
    /// Why a plan does not change what it makes: somebody else's code does, or it is not told.
    pub refused: Option<String>,
    /// The resource that sets the groups of its replicas, where that makes them too: what it sets, a new one
    /// is made with.
    pub through: Option<Through>,
    /// How any replica of it is labelled by what it is and where, beside its tags.
    pub facts: BTreeMap<String, String>,
    /// Why it is not known with which tags a replica is made, where none is there.
    pub untold: Option<String>,
}

/// An endpoint of a replica.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Replica {
    /// The endpoint, by the provider's id.
    pub endpoint: String,
    /// The tags that the replica has.
    pub tags: BTreeMap<String, String>,
}

/// One version of a template.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Template {
    /// The provider's id of it.
    pub id: String,
    /// The version as the owner names it: a number, or a word for the newest or the default one.
    pub version: String,
    /// The number that this is.
    pub number: String,
    /// The groups that replicas are made with, by id, ordered.
    pub groups: Vec<String>,
    /// What else it says of a replica's interface, where it says it there: the groups are told there
    /// too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<BTreeMap<String, String>>,
}

/// An owner in a [`Plan`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlannedOwner {
    /// See [`Owner::kind`].
    pub kind: String,
    /// See [`Owner::id`].
    pub id: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The workloads that it makes, ordered.
    pub workloads: Vec<String>,
    /// What replicas are made from, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
    /// The groups with which a replica is to be made: ours by name, others' by id. None where the policy
    /// tells replicas apart.
    pub groups: Vec<String>,
    /// Whether a replica will carry them.
    pub holds: Holds,
    /// Why it will not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Whether an owner's new replicas carry what the policy needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// They do already.
    Already,
    /// They do once the plan is in place.
    Planned,
    /// They do not, until somebody changes what they are made from: a replica is governed from the next
    /// pass of reconciling on, and until then it carries what its template says.
    Unheld,
}

/// A change of what an owner makes, in a [`Step`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Templated {
    /// The owner's kind.
    pub kind: String,
    /// The owner's id.
    pub owner: String,
    /// The account to ask.
    pub account: String,
    /// The region to ask.
    pub region: String,
    /// What replicas are made from before.
    pub template: Template,
    /// The groups with which they are made after: ours by name, others' by id.
    pub to: Vec<String>,
}

/// What is asked of a policy about replicas: of pairs of workloads, in which of them it sees the same.
pub type Alike<'a> = dyn Fn(&[(Workload, Workload)]) -> Vec<bool> + 'a;

/// What a replica has of a segment of which a share alone is enforced.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SharedReplica {
    /// The replica's name.
    pub workload: Name,
    /// The segment, which holds it.
    pub segment: Name,
    /// The share, in words.
    pub share: String,
    /// Whether a number decides that each new replica gets anew.
    pub is_by_number: bool,
    /// Whether the share holds it, or may.
    pub is_in: bool,
}

/// What owners of governed workloads make, beside what the artifacts need them to make.
#[derive(Debug)]
pub struct Asking<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// What is to be carried.
    pub artifacts: &'a Artifacts,
    /// The groups of ours that are there.
    pub held: &'a [HeldGroup],
    /// The owners.
    pub owners: &'a [Owner],
    /// What replicas have of segments of which a share alone is enforced, by endpoint.
    pub shared: &'a BTreeMap<String, Vec<SharedReplica>>,
}

impl Asking<'_> {
    /// What each owner of workloads that are to carry groups has to say about these. `alike` is asked, of
    /// all at once, about replicas that are there and the same with the labels that a new one would
    /// have.
    pub fn planned(&self, alike: &Alike<'_>) -> Vec<PlannedOwner> {
        let attachments = &self.artifacts.attachments;
        let wanted: BTreeMap<&str, (&Name, Vec<String>)> =
            attachments.iter().map(|one| (&*one.endpoint, (&one.workload, new(one)))).collect();
        let carried_now: BTreeMap<&str, &Attachment> =
            attachments.iter().map(|one| (&*one.endpoint, one)).collect();
        let lost = self.lost(alike);
        let planned = self.owners.iter().zip(lost).filter_map(|(owner, lost)| {
            let carry = |replica: &Replica| wanted.get(replica.endpoint.as_str());
            let carried: Vec<_> = owner.replicas.iter().filter_map(carry).collect();
            let shared = self.by_share(owner);
            // None of those that are there need be in a share by number for the next one to be.
            let none = Vec::new();
            let groups = match carried.first() {
                Some((_, groups)) => groups,
                None if shared.is_some() => &none,
                None => return None,
            };
            let mut names: BTreeSet<String> =
                carried.iter().map(|(name, _)| name.to_string()).collect();
            if shared.is_some() {
                names.extend(self.shared_of(owner).map(|one| one.workload.to_string()));
            }
            let apart = shared.or_else(|| apart(owner, &carried));
            let is_one = apart.is_none();
            // What tags its template gives is not known where that is not.
            let untold = owner.refused.clone().filter(|_| owner.template.is_none());
            let why = apart.or(untold).or(lost);
            let template = owner.template.as_ref();
            // What one resource sets is the same at all of its endpoints.
            let is_set = owner.through.is_some()
                && owner.replicas.first().is_some_and(|replica| {
                    carried_now.get(replica.endpoint.as_str()).is_some_and(|one| is_settled(one))
                });
            let is_told = is_set || template.is_some_and(|one| self.is_carried(one, groups));
            let (holds, why) = match why {
                Some(why) => (Holds::Unheld, Some(why)),
                None if is_told => (Holds::Already, None),
                None => match owner.refused.clone().or_else(|| self.followers(owner)) {
                    Some(why) => (Holds::Unheld, Some(why)),
                    None => (Holds::Planned, None),
                },
            };
            Some(PlannedOwner {
                kind: owner.kind.clone(),
                id: owner.id.clone(),
                account: owner.place.0.to_string(),
                region: owner.place.1.to_string(),
                workloads: names.into_iter().collect(),
                template: owner.template.clone(),
                groups: if is_one { groups.clone() } else { Vec::new() },
                holds,
                why,
            })
        });
        planned.collect()
    }

    /// What an owner's replicas have of segments of which a share alone is enforced.
    fn shared_of(&self, owner: &Owner) -> impl Iterator<Item = &SharedReplica> {
        owner.replicas.iter().filter_map(|one| self.shared.get(&one.endpoint)).flatten()
    }

    /// Why a template cannot be for the share of a segment: who is in it is known by each replica itself.
    fn by_share(&self, owner: &Owner) -> Option<String> {
        let all: BTreeSet<&SharedReplica> = self.shared_of(owner).collect();
        if let Some(one) = all.iter().find(|one| one.is_by_number) {
            return Some(format!(
                "{} of segment {} are enforced, and whether a new replica is among them is known when it is there",
                one.share, one.segment
            ));
        }
        all.iter().filter(|one| one.is_in).find_map(|one| {
            let is_other = |other: &&&SharedReplica| other.segment == one.segment && !other.is_in;
            let other = all.iter().find(is_other)?;
            Some(format!(
                "a share of segment {} is enforced, which holds {} and not {}, and a template does not tell them \
                 apart",
                one.segment, one.workload, other.workload
            ))
        })
    }

    /// For each owner, what its new replicas lack of what the policy sees in one that is there.
    fn lost(&self, alike: &Alike<'_>) -> Vec<Option<String>> {
        let replicas = self.owners.iter().flat_map(|owner| &owner.replicas);
        let names: BTreeSet<&str> = replicas.map(|one| one.endpoint.as_str()).collect();
        let endpoints = self.estate.network.endpoints.values();
        let workloads: BTreeMap<&str, &Workload> = endpoints
            .filter(|one| names.contains(&*one.name))
            .filter_map(|one| Some((&*one.name, self.estate.workloads.get(one.workload)?)))
            .collect();
        let (mut pairs, mut asked) = (Vec::new(), Vec::new());
        for (number, owner) in self.owners.iter().enumerate() {
            for replica in &owner.replicas {
                let Some(workload) = workloads.get(replica.endpoint.as_str()) else { continue };
                let made = made(owner, replica, workload);
                if made.labels != workload.labels {
                    pairs.push(((*workload).clone(), made));
                    asked.push((number, owner, replica));
                }
            }
        }
        let mut lost = vec![None; self.owners.len()];
        let answers = if pairs.is_empty() { Vec::new() } else { alike(&pairs) };
        for ((number, owner, replica), ((workload, _), is_alike)) in
            asked.into_iter().zip(pairs.iter().zip(answers))
        {
            if let (Some(first @ None), false) = (lost.get_mut(number), is_alike) {
                *first = Some(lacking(owner, replica, &workload.name));
            }
        }
        lost
    }

    /// Whether replicas are made with groups that are there under the ids that a template names.
    fn is_carried(&self, template: &Template, wanted: &[String]) -> bool {
        let known = crate::step::by_name(self.held);
        let id = |name: &'_ String| match known.get(name.as_str()) {
            Some(held) => Some(held.id.clone()),
            None => (!name.starts_with(GroupName::PREFIX)).then(|| name.clone()),
        };
        let ids: Option<BTreeSet<String>> = wanted.iter().map(id).collect();
        ids.is_some_and(|ids| ids == template.groups.iter().cloned().collect())
    }

    /// Why no version is added to an owner's template: another owner would take it too.
    fn followers(&self, owner: &Owner) -> Option<String> {
        let template = owner.template.as_ref()?;
        let follows = |other: &&Owner| {
            let is_here = (&other.place, &other.kind) == (&owner.place, &owner.kind);
            other.follows.contains(&template.id) && is_here && other.id != owner.id
        };
        let other = self.owners.iter().find(follows)?;
        let (id, other) = (&template.id, &other.id);
        Some(format!(
            "{other} takes the newest version of {id} too, and would make the same replicas"
        ))
    }
}

/// Whether an endpoint carries what it is to carry.
fn is_settled(one: &Attachment) -> bool {
    let set = |groups: Vec<String>| groups.into_iter().collect::<BTreeSet<String>>();
    set(old(one)) == set(new(one))
}

/// Why one template cannot be for all of an owner's replicas.
fn apart(owner: &Owner, carried: &[&(&Name, Vec<String>)]) -> Option<String> {
    let set = |groups: &[String]| groups.iter().cloned().collect::<BTreeSet<String>>();
    if carried.len() < owner.replicas.len() {
        return Some(String::from("not all of its replicas can carry groups"));
    }
    let mut sets: Vec<_> = carried.iter().map(|(name, groups)| (set(groups), name)).collect();
    sets.sort();
    sets.dedup_by(|one, other| one.0 == other.0);
    let [(_, one), (_, other), ..] = sets.as_slice() else { return None };
    Some(format!("the policy tells its replicas {one} and {other} apart, and a template does not"))
}

/// What an owner would make in place of a replica.
fn made(owner: &Owner, replica: &Replica, workload: &Workload) -> Workload {
    let mut labels = workload.labels.clone();
    labels.retain(|key, value| replica.tags.get(&**key).is_none_or(|own| **own != **value));
    for (key, value) in &owner.tags {
        labels.insert(Name::from(key.as_str()), Name::from(value.as_str()));
    }
    Workload { labels, ..workload.clone() }
}

/// What a new replica is made without, and with, that one that is there has, or has not.
fn lacking(owner: &Owner, replica: &Replica, name: &Name) -> String {
    let texts = |tags: &BTreeMap<String, String>, others: &BTreeMap<String, String>| {
        let differ = tags.iter().filter(|(key, value)| others.get(*key) != Some(*value));
        differ.map(|(key, value)| format!("`{key}={value}`")).collect::<Vec<_>>().join(", ")
    };
    let said = |word: &str, tags: String| {
        if tags.is_empty() { tags } else { format!(" {word} {tags}") }
    };
    format!(
        "the policy sees something else in a new replica than in {name}: it is made{}{}",
        said("without", texts(&replica.tags, &owner.tags)),
        said("with", texts(&owner.tags, &replica.tags)),
    )
}

impl Plan {
    /// The plan, with more that one must know of.
    #[must_use]
    pub fn with_notes(mut self, notes: Vec<String>) -> Self {
        self.notes.extend(notes);
        self
    }

    /// The plan with what owners of its workloads have to say: those whose replicas are to be made with
    /// other groups get steps, after all others, when the groups are as they are to be.
    #[must_use]
    pub fn with_owners(mut self, owners: Vec<PlannedOwner>) -> Self {
        let mut reads = Vec::new();
        for owner in owners.iter().filter(|owner| owner.holds == Holds::Planned) {
            let Some(template) = &owner.template else { continue };
            let change = Templated {
                kind: owner.kind.clone(),
                owner: owner.id.clone(),
                account: owner.account.clone(),
                region: owner.region.clone(),
                template: template.clone(),
                to: owner.groups.clone(),
            };
            let again = change.clone();
            reads.push(change.read());
            self.steps.push(Step::new(Action::SetTemplate(change), Action::UnsetTemplate(again)));
        }
        if !reads.is_empty() {
            self.reads.extend(reads);
            self.reads.sort();
        }
        self.owners = owners;
        self
    }
}

impl Templated {
    fn read(&self) -> Read {
        Read {
            what: ReadKind::Template,
            id: self.owner.clone(),
            account: self.account.clone(),
            region: self.region.clone(),
            facts: self.template.facts(&self.kind),
        }
    }
}

impl Template {
    /// What is read again before it is changed.
    pub fn facts(&self, kind: &str) -> BTreeMap<String, Vec<String>> {
        let one = |key: &str, value: &str| (key.to_owned(), vec![value.to_owned()]);
        let mut facts = BTreeMap::from([
            one("kind", kind),
            one("template", &self.id),
            one("version", &self.version),
            one("number", &self.number),
        ]);
        facts.insert(String::from("groups"), self.groups.clone());
        let interface = self.interface.iter().flatten();
        let interface = interface.map(|(key, value)| format!("{key}={value}"));
        facts.insert(String::from("interface"), interface.collect());
        facts
    }
}
