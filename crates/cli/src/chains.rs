//! Breach chains that a change makes possible.
//!
//! A chain is new where one of its steps is: a step between facts between which there was none. Of
//! the new steps those count that some breach can take and that lead on to a crown jewel; what is
//! possible counts like what is sure.

use std::collections::{BTreeMap, BTreeSet};

use watertight_assess::{Bound, DeriveOptions, Derived, Entry, Fact, Hop, Variant, derive};
use watertight_model::{ArenaId as _, Criticality, Estate, Name, Truth, WorkloadId};
use watertight_policy::checked::CheckedPolicy;
use watertight_policy::decide::{Decider, Essentials, World};
use watertight_reach::{Called, Reach, front_legs};

use crate::exit::Failure;

/// What tells a step apart, in the names of the estate: what it is, where it leads, what it needs.
pub(crate) type StepKey = (Variant, String, Vec<String>);

/// Steps that one estate may have at most, so that fans of any size are bounded.
const STEPS_MAX: usize = 5_000_000;

/// The steps of an estate.
pub(crate) struct Steps {
    derived: Derived,
    keys: BTreeSet<StepKey>,
}

/// A new step with a chain that takes it.
pub(crate) struct NewChain {
    /// The crown jewel that it leads to.
    pub(crate) jewel: String,
    /// Each step in words, the new one marked.
    pub(crate) steps: Vec<String>,
}

/// The ids of the workloads that segments of crown jewels hold, or may hold.
pub(crate) fn crowned(policy: &CheckedPolicy, estate: &Estate) -> BTreeSet<Name> {
    let world = World::of_estate(estate);
    let decider = Decider::new(policy, &world, &Essentials::default());
    let segments = || {
        let all = policy.segments.iter();
        all.filter(|one| one.criticality == Criticality::CrownJewel)
    };
    let is_jewel =
        |id: &WorkloadId| segments().any(|one| decider.holds(one, id.index()) != Truth::No);
    let held = estate.workloads.iter().filter(|(id, _)| is_jewel(id));
    held.map(|(_, workload)| workload.id.clone()).collect()
}

impl Steps {
    /// Derives them. `jewels` are the ids of workloads that are crown jewels beside those that are
    /// labelled so.
    ///
    /// # Errors
    /// When the estate has more parts than a graph holds, or more steps than are compared.
    pub(crate) fn of(estate: &Estate, jewels: &BTreeSet<Name>) -> Result<Self, Failure> {
        let reach = Reach::new(&estate.network);
        let matrix = reach.matrix(&BTreeSet::new());
        let legs = front_legs(&estate.network, &matrix);
        let options = DeriveOptions { jewel_names: jewels.clone(), ..DeriveOptions::default() };
        let derived = derive(estate, &reach, &matrix, &legs, None, &options)
            .map_err(|error| Failure::Estate(error.to_string()))?;
        let graph = &derived.graph;
        let fans = graph.fans().iter();
        let pairs = fans.map(|fan| fan.sources.len().saturating_mul(fan.targets.len()));
        let count = pairs.fold(graph.hops().len(), usize::saturating_add);
        if count > STEPS_MAX {
            return Err(Failure::Estate(format!(
                "the estate has {count} steps of breaches, and no more than {STEPS_MAX} are compared"
            )));
        }
        let names = Names::new(estate, &derived);
        let keys = all(&derived).map(|(step, _)| names.key(&step)).collect();
        Ok(Self { derived, keys })
    }

    /// The steps of another estate that this one does not have and that matter.
    pub(crate) fn new_in(&self, after: &Self, estate: &Estate) -> BTreeSet<StepKey> {
        let graph = &after.derived.graph;
        let held: BTreeSet<Fact> =
            graph.entries().iter().flat_map(|entry| graph.held(*entry)).collect();
        let held: Vec<Fact> = held.into_iter().collect();
        let view = graph.view(Bound::All, &BTreeSet::new());
        let attained = view.derive_from(&held);
        let useful = useful(&after.derived);
        let names = Names::new(estate, &after.derived);
        all(&after.derived)
            .filter(|(step, _)| useful.contains(&step.conclusion))
            .filter(|(step, _)| step.premises.iter().all(|fact| attained.contains(fact)))
            .map(|(step, _)| names.key(&step))
            .filter(|key| !self.keys.contains(key))
            .collect()
    }

    /// For some steps, a chain through one of them: from the internet, if there is one.
    pub(crate) fn chain(&self, estate: &Estate, wanted: &BTreeSet<StepKey>) -> Option<NewChain> {
        let graph = &self.derived.graph;
        let names = Names::new(estate, &self.derived);
        let view = graph.view(Bound::All, &BTreeSet::new());
        let jewels = jewels(&self.derived);
        let starts = wanted.iter().filter_map(|key| self.find(&names, key));
        let starts = starts.filter_map(|step| step.premises.first().copied());
        let starts: BTreeSet<Entry> = starts.map(|fact| Entry::Workload(fact.subject)).collect();
        let entries = [Entry::Internet].into_iter().chain(starts);
        for entry in entries.take(8) {
            let likelihoods = view.likelihoods(entry);
            for jewel in &jewels {
                let steps: Vec<Hop> = likelihoods
                    .derivation(*jewel)
                    .into_iter()
                    .filter_map(|hop| graph.hop(hop))
                    .collect();
                if steps.iter().any(|step| wanted.contains(&names.key(&step.into()))) {
                    let steps = steps.iter().map(|step| {
                        let is_new = wanted.contains(&names.key(&step.into()));
                        names.words(step, is_new)
                    });
                    let jewel = graph.name(jewel.subject);
                    return Some(NewChain { jewel, steps: steps.collect() });
                }
            }
        }
        let step = wanted.iter().find_map(|key| self.find(&names, key))?;
        let leads = useful_jewels(&self.derived, step.conclusion);
        let jewel = leads.first().map(|jewel| graph.name(jewel.subject)).unwrap_or_default();
        let words = all(&self.derived).find(|(other, _)| *other == step);
        let words = words.and_then(|(_, hop)| graph.hop(hop)).map(|hop| names.words(&hop, true));
        Some(NewChain { jewel, steps: words.into_iter().collect() })
    }

    /// The jewels that the conclusions of some steps lead to.
    pub(crate) fn jewels(&self, estate: &Estate, wanted: &BTreeSet<StepKey>) -> BTreeSet<String> {
        let names = Names::new(estate, &self.derived);
        let mut ends = BTreeSet::new();
        for (step, _) in all(&self.derived) {
            if wanted.contains(&names.key(&step)) {
                ends.insert(step.conclusion);
            }
        }
        let leads = ends.into_iter().flat_map(|end| useful_jewels(&self.derived, end));
        leads.map(|jewel| self.derived.graph.name(jewel.subject)).collect()
    }

    fn find(&self, names: &Names<'_>, key: &StepKey) -> Option<Step> {
        all(&self.derived).map(|(step, _)| step).find(|step| names.key(step) == *key)
    }
}

/// A step by its facts.
#[derive(Clone, PartialEq, Eq)]
struct Step {
    variant: Variant,
    premises: Vec<Fact>,
    conclusion: Fact,
}

impl From<&Hop> for Step {
    fn from(hop: &Hop) -> Self {
        Self { variant: hop.variant, premises: hop.premises.clone(), conclusion: hop.conclusion }
    }
}

/// All steps, those of fans one by one; with the number of each that is no part of a fan.
fn all(derived: &Derived) -> impl Iterator<Item = (Step, usize)> + '_ {
    let graph = &derived.graph;
    let single = graph.hops().iter().enumerate().map(|(place, hop)| (Step::from(hop), place));
    let fans = graph.fans().iter().flat_map(|fan| {
        fan.sources.iter().flat_map(move |source| {
            let targets =
                fan.targets.iter().filter(move |target| target.fact.subject != source.fact.subject);
            targets.map(move |target| {
                let premises = vec![source.fact];
                let step = Step { variant: fan.variant, premises, conclusion: target.fact };
                (step, usize::MAX)
            })
        })
    });
    single.chain(fans)
}

/// The facts over crown jewels.
fn jewels(derived: &Derived) -> Vec<Fact> {
    let subjects = (0_u32..).zip(derived.graph.subjects());
    let jewels = subjects.filter(|(_, info)| info.jewel);
    let facts = jewels.flat_map(|(number, _)| {
        let subject = watertight_assess::Subject(number);
        [Fact::exec(subject), Fact::read(subject), Fact::out(subject)]
    });
    facts.collect()
}

/// The facts from which a crown jewel may be gained, each premise taken for enough.
fn useful(derived: &Derived) -> BTreeSet<Fact> {
    let mut into: BTreeMap<Fact, Vec<Fact>> = BTreeMap::new();
    for (step, _) in all(derived) {
        into.entry(step.conclusion).or_default().extend(step.premises);
    }
    let mut found: BTreeSet<Fact> = BTreeSet::new();
    let mut open = jewels(derived);
    while let Some(fact) = open.pop() {
        if found.insert(fact) {
            open.extend(into.get(&fact).into_iter().flatten());
        }
    }
    found
}

/// The crown jewels that a fact leads to.
fn useful_jewels(derived: &Derived, start: Fact) -> Vec<Fact> {
    let mut onward: BTreeMap<Fact, Vec<Fact>> = BTreeMap::new();
    for (step, _) in all(derived) {
        for premise in step.premises {
            onward.entry(premise).or_default().push(step.conclusion);
        }
    }
    let mut found: BTreeSet<Fact> = BTreeSet::new();
    let mut open = vec![start];
    while let Some(fact) = open.pop() {
        if found.insert(fact) {
            open.extend(onward.get(&fact).into_iter().flatten());
        }
    }
    jewels(derived).into_iter().filter(|jewel| found.contains(jewel)).collect()
}

/// How facts are named across estates: by what workloads are called, which a change does not touch.
struct Names<'a> {
    estate: &'a Estate,
    derived: &'a Derived,
    called: Called,
}

impl<'a> Names<'a> {
    fn new(estate: &'a Estate, derived: &'a Derived) -> Self {
        Self { estate, derived, called: Called::new([estate]) }
    }

    fn fact(&self, fact: Fact) -> String {
        let members = self.derived.members.get(&fact.subject);
        let ids = members.into_iter().flatten().filter_map(|id| self.estate.workloads.get(*id));
        let first = ids.map(|one| self.called.of(one)).min();
        match first {
            Some(id) => format!("{}({id})", fact.kind.word()),
            None => self.derived.graph.describe(fact),
        }
    }

    fn key(&self, step: &Step) -> StepKey {
        let mut premises: Vec<String> = step.premises.iter().map(|fact| self.fact(*fact)).collect();
        premises.sort();
        (step.variant, self.fact(step.conclusion), premises)
    }

    fn words(&self, hop: &Hop, is_new: bool) -> String {
        let graph = &self.derived.graph;
        let premises: Vec<String> = hop.premises.iter().map(|fact| graph.describe(*fact)).collect();
        let why = hop.evidence.iter().map(|one| match one.rule.as_str() {
            "" => short(&one.resource).to_owned(),
            rule => format!("{} {}", short(&one.resource), short(rule)),
        });
        let why: Vec<String> = why.collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        let mark = if is_new { "new: " } else { "" };
        let (from, to) = (premises.join(" and "), graph.describe(hop.conclusion));
        format!("{mark}{from} -> {to}{why}")
    }
}

/// A resource's name without the account and region that lead it.
fn short(resource: &str) -> &str {
    let is_arn = resource.starts_with("arn:");
    resource.splitn(6, ':').nth(5).filter(|_| is_arn).unwrap_or(resource)
}
