//! Chains, score, blast radius and cut set, as they are shown.

use std::collections::BTreeSet;

use watertight_assess::{
    Assessment, Bound, Chain, ChainTotal, Effect, Entry, Fact, FactKind, Hop, Status, Subject,
    SubjectInfo, Withheld,
};

use super::view::{
    ActionView, BlastView, ChainView, ChainsView, CutView, EvidenceView, FactView, HopView,
    PlaceView, ScoreView, SegmentScoreView, View, WithheldView,
};
use super::{Assessed, Facts};
use crate::places::{Places, position};

/// To how many jewels the likeliest way is listed.
const JEWELS_LISTED_MAX: usize = 50;
/// How many kinds of chains are listed.
const VARIOUS_LISTED_MAX: usize = 200;
/// How many blast radii are listed.
const BLASTS_LISTED_MAX: usize = 200;
/// How many pairs that no action parts are listed.
const UNCUTTABLE_LISTED_MAX: usize = 20;
/// How many actions that are not on offer are listed, and how many needs of each.
const WITHHELD_LISTED_MAX: usize = 20;
/// How many denied flows of an action are listed.
const DENIES_LISTED_MAX: usize = 20;
/// How many pieces of evidence of a hop are listed.
const EVIDENCE_LISTED_MAX: usize = 12;

/// A number as output shows it: four decimals, the same on every machine.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// No chains, because nothing was derived.
pub(super) fn no_chains() -> ChainsView {
    ChainsView {
        total: None,
        total_exact: true,
        complete: true,
        to_jewels: Vec::new(),
        various: Vec::new(),
        listed: Vec::new(),
    }
}

/// What fills the breach side of a view.
pub(super) struct Breach<'a> {
    assessed: Assessed<'a>,
    facts: &'a Facts<'a>,
    places: Places<'a>,
}

impl<'a> Breach<'a> {
    pub(super) fn new(facts: &'a Facts<'a>, assessed: Assessed<'a>) -> Self {
        Self { assessed, facts, places: Places::new(facts.estate) }
    }

    pub(super) fn fill(&self, view: &mut View) {
        let Assessment {
            standing,
            segments,
            blasts,
            chains,
            various,
            cut_set,
            cut_effects,
            ranking,
        } = self.assessed.assessment;
        let (total, total_exact) = match chains.total {
            ChainTotal::Exactly(number) => (number, true),
            ChainTotal::AtLeast(number) => (number, false),
        };
        view.chains = ChainsView {
            total: Some(total.to_string()),
            total_exact,
            complete: chains.complete,
            to_jewels: self.to_jewels(),
            various: various
                .iter()
                .take(VARIOUS_LISTED_MAX)
                .enumerate()
                .map(|(at, chain)| self.chain(format!("kind-{}", at + 1), chain))
                .collect(),
            listed: chains
                .chains
                .iter()
                .enumerate()
                .map(|(at, chain)| self.chain(format!("chain-{}", at + 1), chain))
                .collect(),
        };
        view.score = Some(ScoreView {
            value: rounded(standing.score.value),
            best_case: rounded(standing.score.best_case),
            after_cut: cut_effects
                .last()
                .and_then(|effect| effect.after)
                .map(|after| rounded(after.score.value)),
            loss_all: rounded(standing.score.loss.upper.all),
            loss_jewel: rounded(standing.score.loss.upper.jewel),
            internet_blast: rounded(standing.internet.upper),
            greatest_blast: rounded(standing.greatest.upper),
        });
        view.segment_scores = segments
            .iter()
            .map(|segment| SegmentScoreView {
                name: segment.name.clone(),
                inbound: rounded(segment.inbound.value),
                outbound: rounded(segment.outbound.value),
            })
            .collect();
        view.blasts =
            blasts.iter().take(BLASTS_LISTED_MAX).map(|blast| self.blast(blast)).collect();
        let uncuttable = cut_set.uncuttable.iter().take(UNCUTTABLE_LISTED_MAX);
        view.cut_set = Some(CutView {
            actions: cut_effects.iter().map(|effect| self.action(effect)).collect(),
            cost: rounded(cut_set.cost.value()),
            optimal: cut_set.is_optimal(),
            gap: rounded(cut_set.gap()),
            uncuttable: uncuttable
                .map(|(entry, fact)| {
                    format!("{}: {}", self.entry(*entry), self.assessed.graph.describe(*fact))
                })
                .collect(),
            uncuttable_total: cut_set.uncuttable_total,
            withheld: self.withheld(),
            withheld_total: self.assessed.withheld.len(),
        });
        view.ranking = ranking.actions.iter().map(|effect| self.action(effect)).collect();
    }

    fn withheld(&self) -> Vec<WithheldView> {
        let view = |one: &Withheld| WithheldView {
            name: one.action.name.clone(),
            breaks: one.breaks.iter().take(WITHHELD_LISTED_MAX).map(ToString::to_string).collect(),
        };
        self.assessed.withheld.iter().take(WITHHELD_LISTED_MAX).map(view).collect()
    }

    /// The likeliest chain from the internet to each jewel, likeliest first.
    fn to_jewels(&self) -> Vec<ChainView> {
        let graph = self.assessed.graph;
        let nothing = BTreeSet::new();
        let (all_view, sure_view) =
            (graph.view(Bound::All, &nothing), graph.view(Bound::Sure, &nothing));
        let all = all_view.likelihoods(Entry::Internet);
        let sure = sure_view.likelihoods(Entry::Internet);
        let mut best: Vec<Chain> = Vec::new();
        for (place, info) in graph.subjects().iter().enumerate().filter(|(_, info)| info.jewel) {
            let Ok(subject) = u32::try_from(place).map(Subject) else { continue };
            let facts = FactKind::ALL.into_iter().filter(|kind| info.kind.admits(*kind));
            let gained = facts.filter_map(|kind| {
                let target = Fact { subject, kind };
                Some((all.get(target)?, target))
            });
            // Of facts that are as likely, the first has the fewest hops behind it.
            let likeliest = gained.reduce(|one, other| if other.0 > one.0 { other } else { one });
            let Some((likelihood, target)) = likeliest else { continue };
            let hops = all.derivation(target);
            let sure = sure.get(target);
            best.push(Chain { entry: Entry::Internet, target, likelihood, sure, hops });
        }
        best.sort_by(|one, two| {
            two.likelihood.cmp(&one.likelihood).then_with(|| one.target.cmp(&two.target))
        });
        best.truncate(JEWELS_LISTED_MAX);
        let number = |(place, chain)| self.chain(format!("way-{}", place + 1), chain);
        best.iter().enumerate().map(number).collect()
    }

    fn info(&self, subject: Subject) -> Option<&'a SubjectInfo> {
        self.assessed.graph.subjects().get(usize::try_from(subject.0).ok()?)
    }

    fn entry(&self, entry: Entry) -> String {
        match entry {
            Entry::Internet => "internet".to_owned(),
            Entry::Workload(subject) => self.assessed.graph.name(subject),
        }
    }

    fn fact(&self, fact: Fact) -> FactView {
        let info = self.info(fact.subject);
        FactView {
            fact: fact.kind.word(),
            subject: self.assessed.graph.name(fact.subject),
            kind: info.map_or("workload", |info| info.kind.word()),
            jewel: info.is_some_and(|info| info.jewel),
        }
    }

    fn chain(&self, id: String, chain: &Chain) -> ChainView {
        let graph = self.assessed.graph;
        ChainView {
            id,
            entry: self.entry(chain.entry),
            from_internet: chain.entry == Entry::Internet,
            target: self.fact(chain.target),
            likelihood: chain.likelihood.value(),
            sure_likelihood: chain.sure.map(watertight_assess::Likelihood::value),
            hops: chain
                .hops
                .iter()
                .filter_map(|hop| graph.hop(*hop))
                .map(|hop| self.hop(&hop))
                .collect(),
        }
    }

    fn hop(&self, hop: &Hop) -> HopView {
        HopView {
            kind: hop.variant.kind().name(),
            variant: hop.variant.name(),
            technique: hop.technique.id,
            technique_name: hop.technique.name,
            likelihood: hop.likelihood.value(),
            sure: hop.status == Status::Sure,
            premises: hop.premises.iter().map(|fact| self.fact(*fact)).collect(),
            conclusion: self.fact(hop.conclusion),
            evidence: hop
                .evidence
                .iter()
                .take(EVIDENCE_LISTED_MAX)
                .map(|evidence| EvidenceView {
                    resource: evidence.resource.clone(),
                    rule: evidence.rule.clone(),
                    text: evidence.text.clone(),
                    place: place(
                        &self.places,
                        self.facts,
                        &evidence.resource,
                        &evidence.rule,
                        &evidence.text,
                    ),
                })
                .collect(),
        }
    }

    fn blast(&self, blast: &watertight_assess::BlastRadius) -> BlastView {
        BlastView {
            entry: self.entry(blast.entry),
            one_hop: blast.one_hop.upper.count,
            reached_sure: blast.any.lower.count,
            reached: blast.any.upper.count,
            share_sure: rounded(blast.any.lower.share),
            share: rounded(blast.any.upper.share),
        }
    }

    fn action(&self, effect: &Effect) -> ActionView {
        let action = self.assessed.actions.get(effect.action);
        let score = |standing: Option<watertight_assess::Standing>| {
            standing.map(|standing| rounded(standing.score.value))
        };
        let blast = |standing: Option<watertight_assess::Standing>| {
            standing.map(|standing| rounded(standing.internet.upper))
        };
        ActionView {
            name: action.map(|action| action.name.clone()).unwrap_or_default(),
            cost: action.map_or(0.0, |action| rounded(action.cost.value())),
            denies: action
                .map(|action| action.denies.iter().take(DENIES_LISTED_MAX).cloned().collect())
                .unwrap_or_default(),
            score_before: score(effect.before),
            score_after: score(effect.after),
            blast_before: blast(effect.before),
            blast_after: blast(effect.after),
        }
    }
}

/// The place of a resource's rule in the input; routes are known by their text.
pub(super) fn place(
    places: &Places<'_>,
    facts: &Facts<'_>,
    resource: &str,
    rule: &str,
    text: &str,
) -> Option<PlaceView> {
    let span = places.find(resource, rule, text)?;
    let (file, line, column) = position(facts.sources?, span);
    Some(PlaceView { file, line, column })
}
