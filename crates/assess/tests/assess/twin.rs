//! The definitions, computed in the slowest and plainest way.

use std::collections::{BTreeMap, BTreeSet};

use watertight_assess::{
    Bound, Entry, Fact, FactKind, Hop, HopGraph, Removable, Status, Subject, SubjectKind,
};

/// The hops that count, and nothing else of the engine.
pub(crate) struct Twin<'g> {
    pub(crate) graph: &'g HopGraph,
    pub(crate) hops: Vec<&'g Hop>,
}

impl<'g> Twin<'g> {
    pub(crate) fn new(graph: &'g HopGraph, bound: Bound, removed: &BTreeSet<Removable>) -> Self {
        let counts = |hop: &&Hop| {
            let survives = hop.support.is_empty()
                || hop.support.iter().any(|things| things.is_disjoint(removed));
            survives && (bound == Bound::All || hop.status == Status::Sure)
        };
        Self { graph, hops: graph.hops().iter().filter(counts).collect() }
    }

    pub(crate) fn whole(graph: &'g HopGraph, bound: Bound) -> Self {
        Self::new(graph, bound, &BTreeSet::new())
    }

    pub(crate) fn derive(&self, entry: Entry) -> BTreeSet<Fact> {
        derive(&self.hops, &self.graph.held(entry))
    }

    pub(crate) fn values(&self, entry: Entry) -> BTreeMap<Fact, f64> {
        values(&self.hops, &self.graph.held(entry))
    }

    pub(crate) fn jewels(&self) -> Vec<Subject> {
        let subjects = self.subjects();
        subjects.into_iter().filter(|subject| self.info(*subject).jewel).collect()
    }

    pub(crate) fn targets(&self) -> Vec<Fact> {
        let kinds = [FactKind::Exec, FactKind::Read, FactKind::Out];
        let jewels = self.jewels().into_iter();
        jewels.flat_map(|subject| kinds.map(|kind| Fact { subject, kind })).collect()
    }

    /// The subjects that count and that the entry reaches beyond itself.
    pub(crate) fn reached(&self, entry: Entry) -> BTreeSet<Subject> {
        let facts = self.derive(entry).into_iter();
        let subjects = facts.filter(|fact| fact.kind != FactKind::Hold).map(|fact| fact.subject);
        subjects
            .filter(|subject| self.counts(*subject) && entry.workload() != Some(*subject))
            .collect()
    }

    pub(crate) fn counts(&self, subject: Subject) -> bool {
        matches!(self.info(subject).kind, SubjectKind::Workload | SubjectKind::Store)
    }

    pub(crate) fn weight(&self, subjects: &BTreeSet<Subject>) -> f64 {
        subjects.iter().map(|subject| f64::from(self.info(*subject).weight)).sum()
    }

    pub(crate) fn counted(&self) -> BTreeSet<Subject> {
        self.subjects().into_iter().filter(|subject| self.counts(*subject)).collect()
    }

    /// The score with entries that `from` admits and weights that `into` admits.
    pub(crate) fn score(
        &self,
        from: &dyn Fn(Entry) -> bool,
        into: &dyn Fn(Subject) -> bool,
    ) -> f64 {
        let entries: Vec<Entry> =
            self.graph.entries().iter().copied().filter(|entry| from(*entry)).collect();
        let blast = |entry: Entry| {
            let inside = |set: BTreeSet<Subject>| -> BTreeSet<Subject> {
                set.into_iter().filter(|subject| into(*subject)).collect()
            };
            let others = inside(self.counted())
                .into_iter()
                .filter(|subject| entry.workload() != Some(*subject))
                .collect();
            let reached = self.weight(&inside(self.reached(entry)));
            if reached == 0.0 { 0.0 } else { reached / self.weight(&others) }
        };
        let all = self.expect(&entries, &blast);
        let jewels: Vec<Subject> =
            self.jewels().into_iter().filter(|subject| into(*subject)).collect();
        let weights: f64 = self.weight(&jewels.iter().copied().collect());
        let jewel = |entry: Entry| {
            let values = self.values(entry);
            let mut sum = 0.0;
            for jewel in &jewels {
                if entry.workload() != Some(*jewel) {
                    let of = values.iter().filter(|(fact, _)| fact.subject == *jewel);
                    let best = of.map(|(_, value)| *value).fold(0.0, f64::max);
                    sum += f64::from(self.info(*jewel).weight) * best;
                }
            }
            sum / weights
        };
        let jewel = if jewels.is_empty() { all } else { self.expect(&entries, &jewel) };
        100.0 * (1.0 - f64::midpoint(all, jewel))
    }

    fn expect(&self, entries: &[Entry], loss: &dyn Fn(Entry) -> f64) -> f64 {
        let shares = |entry: &Entry| {
            entry.workload().map_or(0.0, |subject| f64::from(self.info(subject).share))
        };
        let total: f64 = entries.iter().map(shares).sum();
        let internet = entries.contains(&Entry::Internet).then(|| loss(Entry::Internet));
        if total == 0.0 {
            return internet.unwrap_or(0.0);
        }
        let workloads: f64 = entries
            .iter()
            .filter(|entry| entry.workload().is_some())
            .map(|entry| shares(entry) / total * loss(*entry))
            .sum();
        internet.map_or(workloads, |internet| 0.5 * internet + 0.5 * workloads)
    }

    fn info(&self, subject: Subject) -> &watertight_assess::SubjectInfo {
        &self.graph.subjects()[usize::try_from(subject.0).unwrap()]
    }

    fn subjects(&self) -> Vec<Subject> {
        (0..u32::try_from(self.graph.subjects().len()).unwrap()).map(Subject).collect()
    }
}

pub(crate) fn derive(hops: &[&Hop], held: &[Fact]) -> BTreeSet<Fact> {
    let mut derived: BTreeSet<Fact> = held.iter().copied().collect();
    loop {
        let before = derived.len();
        for hop in hops {
            if hop.premises.iter().all(|premise| derived.contains(premise)) {
                derived.insert(hop.conclusion);
            }
        }
        if derived.len() == before {
            return derived;
        }
    }
}

/// The greatest value of each fact, by applying every hop until nothing improves.
pub(crate) fn values(hops: &[&Hop], held: &[Fact]) -> BTreeMap<Fact, f64> {
    let mut values: BTreeMap<Fact, f64> = held.iter().map(|fact| (*fact, 1.0)).collect();
    loop {
        let mut changed = false;
        for hop in hops {
            let premises: Option<Vec<f64>> =
                hop.premises.iter().map(|premise| values.get(premise).copied()).collect();
            let Some(premises) = premises else { continue };
            let value = hop.likelihood.value() * premises.into_iter().fold(1.0, f64::min);
            let known = values.entry(hop.conclusion).or_insert(0.0);
            if value > *known {
                *known = value;
                changed = true;
            }
        }
        if !changed {
            return values;
        }
    }
}

/// Whether two likelihoods or shares are the same but for rounding.
pub(crate) fn close(one: f64, two: f64) -> bool {
    (one - two).abs() <= 1e-7 * one.abs().max(two.abs())
}

/// Whether two scores are the same but for rounding, which near 0 is that of 100.
pub(crate) fn close_scores(one: f64, two: f64) -> bool {
    (one - two).abs() <= 1e-9
}
