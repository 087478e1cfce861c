//! The hop graph: subjects, hops, entries, segments.

mod builder;
mod fan;
mod rows;

use std::collections::BTreeSet;

pub use builder::{GraphBuilder, GraphError};
pub use fan::{Arm, Fan, Shared};

use crate::csr::{Rows, index};
use crate::fact::{Fact, FactKind, Subject};
use crate::hop::{Hop, Removable};
use crate::view::{Value, View};

/// Stands for "no such number" in the tables of this crate.
pub(crate) const NONE: u32 = u32::MAX;

/// What a subject is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SubjectKind {
    /// A class of workloads: code runs on it, and it may store data.
    Workload,
    /// Data without code of its own: a bucket, a managed table.
    Store,
    /// A role, a key, a service account.
    Credential,
    /// An atom of the outside, such as the internet.
    Outside,
}

impl SubjectKind {
    /// Whether a fact of this kind can hold over such a subject.
    pub const fn admits(self, fact: FactKind) -> bool {
        match self {
            Self::Workload => !matches!(fact, FactKind::Hold),
            Self::Store => matches!(fact, FactKind::Read | FactKind::Out),
            Self::Credential => matches!(fact, FactKind::Hold),
            Self::Outside => matches!(fact, FactKind::Exec),
        }
    }

    /// Whether such a subject has a weight and counts as reached.
    pub const fn counts(self) -> bool {
        matches!(self, Self::Workload | Self::Store)
    }

    /// The word that messages use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Store => "store",
            Self::Credential => "credential",
            Self::Outside => "outside",
        }
    }
}

/// What the assessment knows about a subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectInfo {
    /// The name that reports print.
    pub name: String,
    /// What it is.
    pub kind: SubjectKind,
    /// What it is worth, v(n); ignored for credentials and the outside.
    pub weight: u32,
    /// How readily it is assumed breached, before shares are made to add up to 1; workloads only.
    pub share: u32,
    /// How many replicas of one owner it stands for; for reports, never for the score.
    pub replicas: u32,
    /// How many workloads that nothing tells apart it stands for: each has the weight and the share.
    pub members: u32,
    /// Whether it is what attackers are after.
    pub jewel: bool,
}

impl SubjectInfo {
    /// The weight of a subject of no stated criticality.
    pub const WEIGHT_NONE: u32 = 1;
    /// The weight of an important subject.
    pub const WEIGHT_IMPORTANT: u32 = 10;
    /// The weight of a crown jewel.
    pub const WEIGHT_CROWN_JEWEL: u32 = 100;
    /// The share of an ordinary workload.
    pub const SHARE_EQUAL: u32 = 1;
    /// The share of a workload that labels call an AI agent or unpinned third-party code.
    pub const SHARE_UNTRUSTED: u32 = 3;

    /// A subject of no stated criticality with an equal share.
    pub fn new(kind: SubjectKind, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind,
            weight: Self::WEIGHT_NONE,
            share: Self::SHARE_EQUAL,
            replicas: 1,
            members: 1,
            jewel: false,
        }
    }

    /// The weight of all its workloads together.
    pub(crate) fn together(&self) -> u64 {
        u64::from(self.weight) * u64::from(self.members)
    }

    /// The same subject with another weight.
    #[must_use]
    pub fn weighing(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// The same subject for this many workloads that nothing tells apart.
    #[must_use]
    pub fn standing_for(mut self, members: u32) -> Self {
        self.members = members;
        self
    }

    /// The same subject with another share.
    #[must_use]
    pub fn sharing(mut self, share: u32) -> Self {
        self.share = share;
        self
    }

    /// The same subject as a jewel; its weight stays.
    #[must_use]
    pub fn as_jewel(mut self) -> Self {
        self.jewel = true;
        self
    }

    /// The same subject as a crown jewel: a jewel, with its weight.
    #[must_use]
    pub fn as_crown_jewel(self) -> Self {
        self.weighing(Self::WEIGHT_CROWN_JEWEL).as_jewel()
    }
}

/// Where a breach begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Entry {
    /// What the outside holds without any breach.
    Internet,
    /// This workload is assumed breached.
    Workload(Subject),
}

impl Entry {
    /// The workload, if the entry is one.
    pub const fn workload(self) -> Option<Subject> {
        match self {
            Self::Internet => None,
            Self::Workload(subject) => Some(subject),
        }
    }
}

/// A named set of workloads and stores, for the scores per segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentMembers {
    /// The name of the segment.
    pub name: String,
    /// Its members; credentials and the outside are ignored.
    pub members: BTreeSet<Subject>,
}

/// A hop by fact numbers, for the engines; or an arm of a fan, whose middle counts as a fact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct HopRow {
    premises: [u32; 3],
    count: u8,
    pub(crate) conclusion: u32,
    pub(crate) cost: u64,
    pub(crate) sure: bool,
    /// Whether it leads into the middle of a fan: half a hop, which does not count as one.
    pub(crate) silent: bool,
    /// What holds it up, as a place in the graph's supports.
    pub(crate) support: u32,
}

impl HopRow {
    /// The premises as fact numbers, in order, each once.
    pub(crate) fn premises(&self) -> &[u32] {
        self.premises.get(..usize::from(self.count)).unwrap_or(&self.premises)
    }

    /// What the hop adds to the value of its premises.
    pub(crate) fn adds(&self) -> Value {
        Value::new(self.cost, u32::from(!self.silent))
    }

    /// The same hop with those premises only that `keep` keeps.
    pub(crate) fn keeping(&self, keep: impl Fn(u32) -> bool) -> Self {
        let mut kept = Self { premises: [NONE; 3], count: 0, ..*self };
        let premises = self.premises().iter().filter(|premise| keep(**premise));
        for (slot, premise) in kept.premises.iter_mut().zip(premises) {
            *slot = *premise;
            kept.count += 1;
        }
        kept
    }
}

/// A checked, canonical hop graph. Build one with [`GraphBuilder`].
#[derive(Clone, PartialEq, Debug)]
pub struct HopGraph {
    pub(crate) subjects: Vec<SubjectInfo>,
    pub(crate) removables: Vec<String>,
    pub(crate) hops: Vec<Hop>,
    pub(crate) fans: Vec<Fan>,
    /// Where the rows of each fan begin, after those of the hops.
    pub(crate) fan_rows: Vec<u32>,
    /// The hops of several premises.
    pub(crate) several: Vec<u32>,
    shared: Vec<fan::SharedContent>,
    pub(crate) supports: Vec<Vec<BTreeSet<Removable>>>,
    /// For each removable thing the supports that speak of it.
    pub(crate) resting: Rows,
    pub(crate) rows: Vec<HopRow>,
    pub(crate) facts: Vec<Fact>,
    numbers: Vec<u32>,
    pub(crate) entries: Vec<Entry>,
    internet: Vec<u32>,
    pub(crate) jewels: Vec<Jewel>,
    pub(crate) segments: Vec<SegmentMembers>,
}

/// A jewel and those of its facts that occur.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Jewel {
    pub(crate) subject: Subject,
    pub(crate) targets: Vec<u32>,
}

impl HopGraph {
    /// The subjects, by number.
    pub fn subjects(&self) -> &[SubjectInfo] {
        &self.subjects
    }

    /// The hops that are no part of a fan, in canonical order; [`crate::Chain::hops`] counts in it,
    /// and beyond it through the pairs of the fans.
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// The fans.
    pub fn fans(&self) -> &[Fan] {
        &self.fans
    }

    /// How many facts there are, the middles of fans included.
    pub(crate) fn nodes(&self) -> usize {
        self.facts.len() + self.fans.len()
    }

    /// The fact of a number; none for the middle of a fan.
    pub(crate) fn fact(&self, number: u32) -> Option<Fact> {
        self.facts.get(index(number)).copied()
    }

    /// Whether a number stands for the middle of a fan.
    pub(crate) fn is_middle(&self, number: u32) -> bool {
        index(number) >= self.facts.len()
    }

    /// The entries: the internet, then each workload.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The segments, in the order of addition.
    pub fn segments(&self) -> &[SegmentMembers] {
        &self.segments
    }

    /// The name of a subject; `#n` where there is none of that number.
    pub fn name(&self, subject: Subject) -> String {
        match self.subjects.get(index(subject.0)) {
            Some(info) => info.name.clone(),
            None => format!("#{}", subject.0),
        }
    }

    /// The name of a removable thing; `#n` where there is none of that number.
    pub fn removable_name(&self, thing: Removable) -> String {
        match self.removables.get(index(thing.0)) {
            Some(name) => name.clone(),
            None => format!("#{}", thing.0),
        }
    }

    /// A fact in words: `exec(web)`.
    pub fn describe(&self, fact: Fact) -> String {
        format!("{}({})", fact.kind.word(), self.name(fact.subject))
    }

    /// The facts that an entry holds from the start.
    pub fn held(&self, entry: Entry) -> Vec<Fact> {
        match entry {
            Entry::Internet => self.internet.iter().map(|fact| self.facts[index(*fact)]).collect(),
            Entry::Workload(subject) => vec![Fact::exec(subject)],
        }
    }

    /// The hops that stand when `removed` is taken away and that `bound` counts.
    pub fn view(&self, bound: crate::Bound, removed: &BTreeSet<Removable>) -> View<'_> {
        View::new(self, bound, removed)
    }

    pub(crate) fn number(&self, fact: Fact) -> Option<u32> {
        let slot = slot(fact).and_then(|slot| self.numbers.get(slot));
        slot.copied().filter(|number| *number != NONE)
    }

    /// The facts that an entry holds, as numbers.
    pub(crate) fn held_numbers(&self, entry: Entry) -> Vec<u32> {
        match entry {
            Entry::Internet => self.internet.clone(),
            Entry::Workload(subject) => self.number(Fact::exec(subject)).into_iter().collect(),
        }
    }

    /// Whether some entry holds a fact from the start.
    pub(crate) fn is_held(&self, fact: u32) -> bool {
        let Some(Fact { subject, kind }) = self.fact(fact) else { return false };
        let info = self.subjects.get(index(subject.0));
        let workload = info.is_some_and(|info| info.kind == SubjectKind::Workload);
        (workload && kind == FactKind::Exec) || self.internet.contains(&fact)
    }

    /// The numbers of the facts over a subject by which it counts as reached.
    pub(crate) fn reach_facts(&self, subject: Subject) -> impl Iterator<Item = u32> {
        let facts = [Fact::exec(subject), Fact::read(subject), Fact::out(subject)];
        facts.into_iter().filter_map(|fact| self.number(fact))
    }

    /// The subjects that count, with what they are.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (Subject, &SubjectInfo)> {
        let counted = self.subjects.iter().enumerate().filter(|(_, info)| info.kind.counts());
        counted.map(|(place, info)| (Subject(crate::csr::number(place)), info))
    }

    /// The share of an entry's workloads together before shares are made to add up to 1.
    pub(crate) fn share(&self, subject: Subject) -> u64 {
        let info = self.subjects.get(index(subject.0));
        info.map_or(0, |info| u64::from(info.share) * u64::from(info.members))
    }

    /// The weight of a subject, of one workload where it stands for several.
    pub(crate) fn weight(&self, subject: Subject) -> u32 {
        self.subjects.get(index(subject.0)).map_or(0, |info| info.weight)
    }
}

/// The place of a fact in the table of fact numbers.
fn slot(fact: Fact) -> Option<usize> {
    let kind = match fact.kind {
        FactKind::Exec => 0,
        FactKind::Hold => 1,
        FactKind::Read => 2,
        FactKind::Out => 3,
    };
    index(fact.subject.0).checked_mul(4)?.checked_add(kind)
}
