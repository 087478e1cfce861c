//! Everything at once: the assessment of a graph.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Action, removed_by};
use crate::blast::{
    BlastRadius, Bounds, Reached, Spread, blasts, in_any_number, own_weight, total_weight,
};
use crate::chain::{self, Chain, ChainLimits, ChainList, ChainTotal};
use crate::csr::index;
use crate::cut::{CutLimits, CutSet, cut_set};
use crate::graph::{Entry, HopGraph};
use crate::hop::{Bound, Removable};
use crate::likelihood::real;
use crate::score::{Measured, Score, SegmentScore, measure, score_after, whole_loss};

/// Limits of an assessment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AssessmentLimits {
    /// Limits of listing and counting chains.
    pub chains: ChainLimits,
    /// Limits of the search for a cut set.
    pub cut: CutLimits,
    /// How many actions are ranked.
    pub ranked_max: usize,
    /// How often the graph is scored anew to rank actions and to tell their effect.
    pub scorings_max: usize,
    /// The most work spent on that: per scoring the hops, arms of fans one by one, times a number
    /// that grows with the entries. Large graphs are scored less often than `scorings_max`.
    pub scoring_work_max: usize,
}

impl Default for AssessmentLimits {
    fn default() -> Self {
        Self {
            chains: ChainLimits::default(),
            cut: CutLimits::default(),
            ranked_max: 5,
            scorings_max: 500,
            scoring_work_max: 2_000_000_000,
        }
    }
}

/// Score and blast radius at one time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Standing {
    /// The score.
    pub score: Score,
    /// BR of the internet.
    pub internet: Bounds<f64>,
    /// The greatest BR of a workload.
    pub greatest: Bounds<f64>,
}

/// An action of a cut set or of the ranking, with its effect after those before it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Effect {
    /// The action, as a place in the list that was offered.
    pub action: usize,
    /// Before it, after those listed before it; `None` beyond the limit of scorings.
    pub before: Option<Standing>,
    /// After it.
    pub after: Option<Standing>,
}

/// The actions that raise the score most, each chosen after those before it.
#[derive(Clone, PartialEq, Debug)]
pub struct Ranking {
    /// The actions, best first; fewer than asked for where no further one raises the score.
    pub actions: Vec<Effect>,
    /// How many of the actions on offer were tried. Fewer than all where the limit of scorings
    /// did not allow it: then those that take away most hops were.
    pub tried: usize,
}

/// Everything that is known about how breaches spread.
#[derive(Clone, PartialEq, Debug)]
pub struct Assessment {
    /// Score and blast radius.
    pub standing: Standing,
    /// The scores per segment, in the graph's order.
    pub segments: Vec<SegmentScore>,
    /// The blast radius of the internet, then of the workloads, greatest upper bound first.
    pub blasts: Vec<BlastRadius>,
    /// The chains.
    pub chains: ChainList,
    /// For each jewel the likeliest chain of each kind: by whether it begins outside, by the
    /// credentials that it takes and by its last hop.
    pub various: Vec<Chain>,
    /// The cut set.
    pub cut_set: CutSet,
    /// The effects of its actions, one after the other.
    pub cut_effects: Vec<Effect>,
    /// The actions that raise the score most.
    pub ranking: Ranking,
}

/// What is known of how breaches spread without looking for what would stop them.
#[derive(Clone, PartialEq, Debug)]
pub struct Outline {
    /// Score and blast radius.
    pub standing: Standing,
    /// What the internet reaches in any number of hops, then what each workload does, in the order of
    /// [`Assessment::blasts`].
    pub blasts: Vec<(Entry, Bounds<Reached>)>,
    /// How many chains there are.
    pub chains: ChainTotal,
}

/// The outline of a graph: the same as in its assessment.
pub fn outline(graph: &HopGraph, limits: ChainLimits) -> Outline {
    let nothing = BTreeSet::new();
    let lower = graph.view(Bound::Sure, &nothing);
    let upper = graph.view(Bound::All, &nothing);
    let measured =
        measure(&lower, &upper, limits.listed_max.saturating_mul(chain::PAIRS_PER_CHAIN));
    let standing = standing(graph, &measured);
    let Measured { spread, pairs, .. } = measured;
    let blasts = in_any_number(graph, &spread);
    let chains = chain::list(&upper, pairs, &spread.upper.joined, limits).total;
    Outline { standing, blasts, chains }
}

/// Assesses a graph with the actions on offer.
pub fn assess(graph: &HopGraph, actions: &[Action], limits: &AssessmentLimits) -> Assessment {
    let nothing = BTreeSet::new();
    let lower = graph.view(Bound::Sure, &nothing);
    let upper = graph.view(Bound::All, &nothing);
    let pairs = limits.chains.listed_max.saturating_mul(chain::PAIRS_PER_CHAIN);
    let measured = measure(&lower, &upper, pairs);
    let standing = standing(graph, &measured);
    let blasts = blasts(&lower, &upper, &measured.spread);
    let Measured { segments, spread, pairs, .. } = measured;
    let likeliest = pairs.clone().into_sorted();
    let various = chain::various(&upper, &likeliest, limits.chains);
    let chains = chain::list(&upper, pairs, &spread.upper.joined, limits.chains);
    let cut_set = cut_set(graph, actions, limits.cut);
    let work = graph.rows.len().saturating_mul(graph.entries.len() / 64 + 16).max(1);
    let scorings = limits.scorings_max.min(limits.scoring_work_max / work);
    let mut scorer = Scorer { graph, actions, left: scorings };
    let cut_effects = scorer.effects(&cut_set.actions, standing);
    let ranking = scorer.rank(standing, limits.ranked_max);
    Assessment { standing, segments, blasts, chains, various, cut_set, cut_effects, ranking }
}

fn standing(graph: &HopGraph, measured: &Measured) -> Standing {
    let total = total_weight(graph);
    let share = |spread: &Spread, place: usize| {
        let others = total - own_weight(graph, graph.entries[place]);
        if others == 0 {
            return 0.0;
        }
        real(u128::from(spread.weight[place])) / real(u128::from(others))
    };
    let greatest = |spread: &Spread| {
        let shares = (1..graph.entries.len()).map(|place| share(spread, place));
        shares.max_by(f64::total_cmp).unwrap_or(0.0)
    };
    let Bounds { lower, upper } = &measured.spread;
    Standing {
        score: measured.score,
        internet: Bounds { lower: share(lower, 0), upper: share(upper, 0) },
        greatest: Bounds { lower: greatest(lower), upper: greatest(upper) },
    }
}

/// Scores the graph after actions, as often as it may.
struct Scorer<'g> {
    graph: &'g HopGraph,
    actions: &'g [Action],
    left: usize,
}

impl Scorer<'_> {
    fn after(&mut self, removed: &BTreeSet<Removable>) -> Option<Standing> {
        self.left = self.left.checked_sub(1)?;
        let lower = self.graph.view(Bound::Sure, removed);
        let upper = self.graph.view(Bound::All, removed);
        Some(standing(self.graph, &measure(&lower, &upper, 0)))
    }

    fn effects(&mut self, chosen: &[usize], start: Standing) -> Vec<Effect> {
        let mut effects = Vec::with_capacity(chosen.len());
        let mut before = Some(start);
        for (at, action) in chosen.iter().enumerate() {
            let removed = removed_by(self.actions, chosen[..=at].iter().copied());
            let after = self.after(&removed);
            effects.push(Effect { action: *action, before, after });
            before = after;
        }
        effects
    }

    /// Chooses greedily: in each round the action after which the score is best.
    fn rank(&mut self, start: Standing, most: usize) -> Ranking {
        let order = self.by_reach();
        let tried = order.len().min(self.left / most.max(1));
        let mut candidates: Vec<usize> = order.into_iter().take(tried).collect();
        candidates.sort_unstable();
        let mut ranked: Vec<Effect> = Vec::new();
        let mut chosen: Vec<usize> = Vec::new();
        let mut before = start;
        while ranked.len() < most {
            let open: Vec<usize> =
                candidates.iter().filter(|action| !chosen.contains(action)).copied().collect();
            let Some((action, value)) = self.best(&chosen, &open) else { break };
            if value.total_cmp(&before.score.value) != Ordering::Greater {
                break;
            }
            chosen.push(action);
            self.left += 1;
            let removed = removed_by(self.actions, chosen.iter().copied());
            let Some(after) = self.after(&removed) else { break };
            ranked.push(Effect { action, before: Some(before), after: Some(after) });
            before = after;
        }
        Ranking { actions: ranked, tried }
    }

    /// The action after which the score is best, with that score; the cheapest of equals.
    fn best(&mut self, chosen: &[usize], open: &[usize]) -> Option<(usize, f64)> {
        let removed = removed_by(self.actions, chosen.iter().copied());
        let base = self.graph.view(Bound::All, &removed);
        let (loss, part) = whole_loss(&base);
        // Actions that take away the same give the same score; none is kept for what was too little.
        let mut known: BTreeMap<Vec<u32>, Option<f64>> =
            BTreeMap::from([(Vec::new(), Some(loss.score()))]);
        let mut best: Option<(usize, f64)> = None;
        for action in open {
            let Some(left) = self.left.checked_sub(1) else { break };
            self.left = left;
            let removed = removed_by(self.actions, chosen.iter().chain([action]).copied());
            let gone = base.gone(&removed);
            let least = best.map(|(_, most)| most);
            let value = *known.entry(gone).or_insert_with_key(|gone| {
                let view = self.graph.view(Bound::All, &removed);
                score_after(&view, &part, gone, least)
            });
            let Some(value) = value else { continue };
            let better = best.is_none_or(|(other, most)| {
                let costs = self.actions[other].cost.cmp(&self.actions[*action].cost);
                value.total_cmp(&most).then(costs) == Ordering::Greater
            });
            if better {
                best = Some((*action, value));
            }
        }
        best
    }

    /// The actions that take away some hop, those that take away most first.
    fn by_reach(&self) -> Vec<usize> {
        let mut rows = vec![0_usize; self.graph.supports.len()];
        for row in &self.graph.rows {
            rows[index(row.support)] += 1;
        }
        let whole = self.graph.view(Bound::All, &BTreeSet::new());
        let mut order = Vec::new();
        for (place, action) in self.actions.iter().enumerate() {
            let gone = whole.gone(&action.removes);
            let taken: usize = gone.iter().map(|support| rows[index(*support)]).sum();
            order.push((std::cmp::Reverse(taken), action.cost, place));
        }
        order.sort_unstable();
        order.into_iter().map(|(_, _, place)| place).collect()
    }
}
