//! Building a hop graph: checks, canonical order, merging of equal hops.

use std::collections::{BTreeMap, BTreeSet};

use super::fan::{Fan, Shared, SharedContent};
use super::{Entry, HopGraph, Jewel, NONE, SegmentMembers, SubjectInfo, SubjectKind, slot};
use crate::csr::{Rows, index, number};
use crate::fact::{Fact, FactKind, Subject};
use crate::hop::{Evidence, Hop, Removable, Status, Variant};
use crate::likelihood::Likelihood;

/// Why a hop graph cannot be built.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GraphError {
    /// A fact names a subject that was not added.
    #[error("{place} names subject #{subject}, which was not added; add it before its facts")]
    UnknownSubject {
        /// Where the fact stands.
        place: String,
        /// The number that was named.
        subject: u32,
    },
    /// A fact cannot hold over such a subject.
    #[error("{place} says `{fact}` of `{name}`, a {kind}; no such fact can hold of it")]
    WrongFact {
        /// Where the fact stands.
        place: String,
        /// The kind of fact.
        fact: &'static str,
        /// The subject's name.
        name: String,
        /// What the subject is.
        kind: &'static str,
    },
    /// A hop has no premise, or more than three.
    #[error("{place} has {count} premises; a hop has one to three")]
    Premises {
        /// Where the hop stands.
        place: String,
        /// How many premises it has.
        count: usize,
    },
    /// A hop rests on something removable that was not added.
    #[error("{place} rests on removable #{removable}, which was not added; add it before the hop")]
    UnknownRemovable {
        /// Where the hop stands.
        place: String,
        /// The number that was named.
        removable: u32,
    },
    /// A weight or a share is out of range.
    #[error("`{name}` has {what} {value}; give it 1 to {most}")]
    OutOfRange {
        /// The subject's name.
        name: String,
        /// Weight or share.
        what: &'static str,
        /// The value given.
        value: u32,
        /// The limit.
        most: u32,
    },
    /// A jewel is neither a workload nor a store.
    #[error("`{name}` is a {kind} and cannot be a jewel; mark the workload or store that it opens")]
    Jewel {
        /// The subject's name.
        name: String,
        /// What the subject is.
        kind: &'static str,
    },
    /// There are more of something than this crate handles.
    #[error("the graph has {count} {what}; the most is {most}: assess parts of the estate apart")]
    TooMany {
        /// Subjects, hops or removable things.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// The limit.
        most: usize,
    },
}

/// Gathers the parts of a [`HopGraph`].
#[derive(Clone, Debug, Default)]
pub struct GraphBuilder {
    subjects: Vec<SubjectInfo>,
    removables: Vec<String>,
    hops: Vec<Hop>,
    fans: Vec<Fan>,
    shared: BTreeMap<SharedContent, Shared>,
    internet: BTreeSet<Fact>,
    segments: Vec<SegmentMembers>,
}

/// What makes two hops one: all but evidence and support.
type HopKey = (Fact, Vec<Fact>, Variant, Likelihood, Status);

impl GraphBuilder {
    /// The most subjects.
    pub const SUBJECTS_MAX: usize = 1 << 21;
    /// The most hops.
    pub const HOPS_MAX: usize = 1 << 27;
    /// The most removable things.
    pub const REMOVABLES_MAX: usize = 1 << 27;
    /// The greatest weight.
    pub const WEIGHT_MAX: u32 = 1_000_000;
    /// The greatest share before shares are made to add up to 1.
    pub const SHARE_MAX: u32 = 1_000;

    /// The most workloads that a subject stands for.
    pub const MEMBERS_MAX: u32 = 1 << 24;

    /// A builder with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a subject and returns its number.
    pub fn subject(&mut self, info: SubjectInfo) -> Subject {
        self.subjects.push(info);
        Subject(number(self.subjects.len() - 1))
    }

    /// Adds a workload class of no stated criticality.
    pub fn workload(&mut self, name: impl Into<String>) -> Subject {
        self.subject(SubjectInfo::new(SubjectKind::Workload, name))
    }

    /// Adds a data store of no stated criticality.
    pub fn store(&mut self, name: impl Into<String>) -> Subject {
        self.subject(SubjectInfo::new(SubjectKind::Store, name))
    }

    /// Adds a credential.
    pub fn credential(&mut self, name: impl Into<String>) -> Subject {
        self.subject(SubjectInfo::new(SubjectKind::Credential, name))
    }

    /// Adds an atom of the outside from which attacks come: the internet holds `exec` of it, so
    /// that what a leg from outside yields is a hop with likelihood, evidence and support.
    pub fn outside(&mut self, name: impl Into<String>) -> Subject {
        let subject = self.subject(SubjectInfo::new(SubjectKind::Outside, name));
        self.internet.insert(Fact::exec(subject));
        subject
    }

    /// Adds a fact that the internet holds from the start.
    pub fn internet_holds(&mut self, fact: Fact) {
        self.internet.insert(fact);
    }

    /// Adds something that actions can remove.
    pub fn removable(&mut self, name: impl Into<String>) -> Removable {
        self.removables.push(name.into());
        Removable(number(self.removables.len() - 1))
    }

    /// Adds a hop. Hops that differ only in evidence and support become one.
    pub fn hop(&mut self, hop: Hop) {
        self.hops.push(hop);
    }

    /// Adds what arms of fans have in common: evidence, and the alternatives that hold them up as
    /// in [`Hop::support`].
    pub fn share(&mut self, evidence: Vec<Evidence>, support: Vec<BTreeSet<Removable>>) -> Shared {
        let next = Shared(number(self.shared.len()));
        *self.shared.entry(SharedContent { evidence, support }).or_insert(next)
    }

    /// Adds a fan. A source that is also a target has no hop to itself by it.
    pub fn fan(&mut self, fan: Fan) {
        self.fans.push(fan);
    }

    /// Adds a segment.
    pub fn segment(&mut self, name: impl Into<String>, members: impl IntoIterator<Item = Subject>) {
        let members = members.into_iter().collect();
        self.segments.push(SegmentMembers { name: name.into(), members });
    }

    /// Checks everything and puts it into canonical order.
    pub fn build(self) -> Result<HopGraph, GraphError> {
        self.check()?;
        let hops = merge(self.hops);
        let fans = ordered(self.fans);
        let facts = facts(&self.subjects, &self.internet, &hops, &fans);
        let workloads = self.subjects.iter().enumerate().filter(|(_, info)| is_workload(info));
        let entries = workloads.map(|(place, _)| Entry::Workload(Subject(number(place))));
        let entries = std::iter::once(Entry::Internet).chain(entries).collect();
        let mut numbers = vec![NONE; self.subjects.len() * FactKind::ALL.len()];
        for (place, fact) in facts.iter().enumerate() {
            if let Some(entry) = slot(*fact).and_then(|slot| numbers.get_mut(slot)) {
                *entry = number(place);
            }
        }
        let mut shared: Vec<(Shared, SharedContent)> =
            self.shared.into_iter().map(|(content, number)| (number, content)).collect();
        shared.sort_by_key(|(number, _)| *number);
        let mut graph = HopGraph {
            subjects: self.subjects,
            removables: self.removables,
            hops,
            fans,
            fan_rows: Vec::new(),
            several: Vec::new(),
            shared: shared.into_iter().map(|(_, content)| content).collect(),
            supports: Vec::new(),
            resting: Rows::default(),
            rows: Vec::new(),
            facts,
            numbers,
            entries,
            internet: Vec::new(),
            jewels: Vec::new(),
            segments: self.segments,
        };
        graph.internet = self.internet.iter().filter_map(|fact| graph.number(*fact)).collect();
        graph.lay_out();
        graph.jewels = jewels(&graph);
        Ok(graph)
    }

    fn check(&self) -> Result<(), GraphError> {
        limit("subjects", self.subjects.len(), Self::SUBJECTS_MAX)?;
        limit("hops", self.hops.len(), Self::HOPS_MAX)?;
        limit("removable things", self.removables.len(), Self::REMOVABLES_MAX)?;
        for info in &self.subjects {
            range(info, "weight", info.weight, Self::WEIGHT_MAX)?;
            range(info, "share", info.share, Self::SHARE_MAX)?;
            range(info, "number of members", info.members, Self::MEMBERS_MAX)?;
            if info.jewel {
                // What a jewel is worth to its own kind could not be told.
                range(info, "number of members as a jewel", info.members, 1)?;
            }
            if info.jewel && !info.kind.counts() {
                return Err(GraphError::Jewel { name: info.name.clone(), kind: info.kind.word() });
            }
        }
        for fact in &self.internet {
            self.check_fact(*fact, || "the internet".to_owned())?;
        }
        for segment in &self.segments {
            for member in &segment.members {
                let place = || format!("segment `{}`", segment.name);
                self.info(*member, place)?;
            }
        }
        for (place, fan) in self.fans.iter().enumerate() {
            let place = || format!("fan {place} (`{}`)", fan.variant.kind().name());
            for arm in fan.sources.iter().chain(&fan.targets) {
                self.check_fact(arm.fact, place)?;
            }
        }
        for (place, hop) in self.hops.iter().enumerate() {
            self.check_hop(hop, || format!("hop {place} (`{}`)", hop.variant.kind().name()))?;
        }
        Ok(())
    }

    fn check_hop(&self, hop: &Hop, place: impl Fn() -> String) -> Result<(), GraphError> {
        let count = hop.premises.len();
        if count == 0 || count > 3 {
            return Err(GraphError::Premises { place: place(), count });
        }
        for fact in hop.premises.iter().chain([&hop.conclusion]) {
            self.check_fact(*fact, &place)?;
        }
        for thing in hop.support.iter().flatten() {
            if index(thing.0) >= self.removables.len() {
                return Err(GraphError::UnknownRemovable { place: place(), removable: thing.0 });
            }
        }
        Ok(())
    }

    fn check_fact(&self, fact: Fact, place: impl Fn() -> String) -> Result<(), GraphError> {
        let info = self.info(fact.subject, &place)?;
        if info.kind.admits(fact.kind) {
            return Ok(());
        }
        Err(GraphError::WrongFact {
            place: place(),
            fact: fact.kind.word(),
            name: info.name.clone(),
            kind: info.kind.word(),
        })
    }

    fn info(
        &self,
        subject: Subject,
        place: impl Fn() -> String,
    ) -> Result<&SubjectInfo, GraphError> {
        let unknown = || GraphError::UnknownSubject { place: place(), subject: subject.0 };
        self.subjects.get(index(subject.0)).ok_or_else(unknown)
    }
}

fn limit(what: &'static str, count: usize, most: usize) -> Result<(), GraphError> {
    if count > most { Err(GraphError::TooMany { what, count, most }) } else { Ok(()) }
}

fn range(info: &SubjectInfo, what: &'static str, value: u32, most: u32) -> Result<(), GraphError> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(GraphError::OutOfRange { name: info.name.clone(), what, value, most })
}

/// Every fact that an entry holds or a hop speaks of, in order.
fn facts(
    subjects: &[SubjectInfo],
    internet: &BTreeSet<Fact>,
    hops: &[Hop],
    fans: &[Fan],
) -> Vec<Fact> {
    let mut occurs = vec![false; subjects.len() * FactKind::ALL.len()];
    let mut add = |fact: Fact| {
        if let Some(occurs) = slot(fact).and_then(|slot| occurs.get_mut(slot)) {
            *occurs = true;
        }
    };
    internet.iter().copied().for_each(&mut add);
    for hop in hops {
        hop.premises.iter().chain([&hop.conclusion]).copied().for_each(&mut add);
    }
    for fan in fans {
        fan.sources.iter().chain(&fan.targets).map(|arm| arm.fact).for_each(&mut add);
    }
    let workloads = subjects.iter().enumerate().filter(|(_, info)| is_workload(info));
    workloads.map(|(place, _)| Fact::exec(Subject(number(place)))).for_each(&mut add);
    let all = (0..subjects.len()).map(|place| Subject(number(place)));
    let all = all.flat_map(|subject| FactKind::ALL.map(|kind| Fact { subject, kind }));
    all.zip(occurs).filter(|(_, occurs)| *occurs).map(|(fact, _)| fact).collect()
}

fn is_workload(info: &SubjectInfo) -> bool {
    info.kind == SubjectKind::Workload
}

/// Fans in canonical order, without those that have no hop.
fn ordered(mut fans: Vec<Fan>) -> Vec<Fan> {
    for fan in &mut fans {
        for arms in [&mut fan.sources, &mut fan.targets] {
            arms.sort_unstable();
            arms.dedup();
        }
    }
    fans.retain(|fan| !fan.sources.is_empty() && !fan.targets.is_empty());
    fans.sort_unstable();
    fans.dedup();
    fans
}

/// Makes one hop of those that differ only in evidence and support, in canonical order.
fn merge(hops: Vec<Hop>) -> Vec<Hop> {
    let mut merged: BTreeMap<HopKey, Hop> = BTreeMap::new();
    for mut hop in hops {
        hop.premises.sort_unstable();
        hop.premises.dedup();
        if hop.support.is_empty() {
            hop.support.push(BTreeSet::new());
        }
        let premises = hop.premises.clone();
        let key = (hop.conclusion, premises, hop.variant, hop.likelihood, hop.status);
        match merged.get_mut(&key) {
            Some(known) => {
                known.evidence.append(&mut hop.evidence);
                known.support.append(&mut hop.support);
                known.technique = known.technique.min(hop.technique);
            }
            None => {
                merged.insert(key, hop);
            }
        }
    }
    merged.into_values().map(canonical).collect()
}

fn canonical(mut hop: Hop) -> Hop {
    let evidence: BTreeSet<Evidence> = hop.evidence.into_iter().collect();
    hop.evidence = evidence.into_iter().collect();
    let support: BTreeSet<BTreeSet<Removable>> = hop.support.into_iter().collect();
    hop.support = support.into_iter().collect();
    hop
}

fn jewels(graph: &HopGraph) -> Vec<Jewel> {
    let mut jewels = Vec::new();
    for (place, info) in graph.subjects.iter().enumerate() {
        if !info.jewel || !info.kind.counts() {
            continue;
        }
        let subject = Subject(number(place));
        let kinds = [FactKind::Exec, FactKind::Read, FactKind::Out];
        let facts = kinds.into_iter().map(|kind| Fact { subject, kind });
        let targets = facts.filter_map(|fact| graph.number(fact)).collect();
        jewels.push(Jewel { subject, targets });
    }
    jewels
}
