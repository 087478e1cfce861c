//! What must stay: actions that break an `always` assertion or what a platform needs are not
//! offered.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::EndpointId;
use watertight_model::{Estate, Name};
use watertight_net::FlowSet;
use watertight_reach::{Assertion, Held, Judge, Matrix};

use crate::action::Action;
use crate::assessment::{Assessment, AssessmentLimits, assess};
use crate::derive::{Change, Derived, apply};
use crate::hop::Bound;

/// What no action may break.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    /// What must hold, by name. What does not hold today, no action breaks.
    pub claims: Vec<(Name, Assertion)>,
    /// Connections that platforms need.
    pub legs: Vec<NeededLegs>,
}

/// Connections that a platform needs: between each of some endpoints and each of others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NeededLegs {
    /// What they are for.
    pub name: Name,
    /// Who opens them.
    pub from: Vec<EndpointId>,
    /// Who accepts them.
    pub to: Vec<EndpointId>,
    /// Over what. What is not established for sure today, no action breaks.
    pub over: FlowSet,
}

/// An action that is not offered.
#[derive(Clone, PartialEq, Debug)]
pub struct Withheld {
    /// The action.
    pub action: Action,
    /// What it breaks, alone or together with others that would have been chosen.
    pub breaks: Vec<Name>,
}

/// An assessment whose actions break nothing that must stay.
#[derive(Clone, PartialEq, Debug)]
pub struct Kept {
    /// The assessment.
    pub assessment: Assessment,
    /// The actions that were withdrawn from the offer, by name.
    pub withheld: Vec<Withheld>,
    /// The claims that do not hold today.
    pub unheld: Vec<Name>,
}

/// Assesses a graph so that neither the cut set nor the ranking breaks what must stay, and says
/// which actions were withdrawn from the offer for that.
///
/// Whether something breaks is found by changing the estate and asking it anew. Where several
/// actions break a need only together, the one of them that takes away fewest hops is withdrawn.
pub fn assess_keeping(
    estate: &Estate,
    derived: &mut Derived,
    needs: &Needs,
    limits: &AssessmentLimits,
) -> Kept {
    let mut withheld: Vec<Withheld> = Vec::new();
    let Some(keeping) = Keeping::new(estate, needs) else {
        let assessment = assess(&derived.graph, &derived.actions, limits);
        return Kept { assessment, withheld, unheld: Vec::new() };
    };
    loop {
        let found = assess(&derived.graph, &derived.actions, limits);
        let mut broken = Broken { keeping: &keeping, derived, found: BTreeMap::new() };
        broken.search(&of_network(derived, found.cut_set.actions.clone()));
        let ranked = found.ranking.actions.iter().map(|effect| effect.action);
        let ranked: Vec<usize> = ranked.filter(|one| !broken.found.contains_key(one)).collect();
        broken.search(&of_network(derived, ranked));
        if broken.found.is_empty() {
            return Kept { assessment: found, withheld, unheld: keeping.unheld() };
        }
        let mut gone = broken.found;
        while let Some((place, breaks)) = gone.pop_last() {
            withheld.push(Withheld { action: derived.actions.remove(place), breaks });
        }
        withheld.sort_by(|one, other| one.action.name.cmp(&other.action.name));
    }
}

/// Those actions that can close connections, in their order.
fn of_network(derived: &Derived, mut actions: Vec<usize>) -> Vec<usize> {
    actions.retain(|action| {
        let changes = derived.change(*action);
        !changes.iter().all(|one| matches!(one, Change::RemoveGrant(_) | Change::RequireToken(_)))
    });
    actions.sort_unstable();
    actions.dedup();
    actions
}

/// Which of some actions break something.
struct Broken<'k> {
    keeping: &'k Keeping<'k>,
    derived: &'k Derived,
    found: BTreeMap<usize, Vec<Name>>,
}

impl Broken<'_> {
    fn search(&mut self, actions: &[usize]) {
        let breaks = self.breaks(actions);
        if breaks.is_empty() {
            return;
        }
        if let [action] = actions {
            self.found.insert(*action, breaks);
            return;
        }
        let before = self.found.len();
        let (left, right) = actions.split_at(actions.len() / 2);
        self.search(left);
        self.search(right);
        if self.found.len() == before {
            self.together(actions);
        }
    }

    /// Withdraws one of the fewest that break something only together: the one that takes away
    /// fewest hops, and the dearest of those.
    fn together(&mut self, actions: &[usize]) {
        let mut fewest = actions.to_vec();
        for action in actions {
            let without: Vec<usize> =
                fewest.iter().copied().filter(|other| other != action).collect();
            if !self.breaks(&without).is_empty() {
                fewest = without;
            }
        }
        let breaks = self.breaks(&fewest);
        let least = |action: &usize| {
            let one = &self.derived.actions[*action];
            (self.taken(one), Reverse(one.cost), Reverse(*action))
        };
        if let Some(action) = fewest.into_iter().min_by_key(least) {
            self.found.insert(action, breaks);
        }
    }

    /// How many hops an action takes away by itself.
    fn taken(&self, action: &Action) -> usize {
        let graph = &self.derived.graph;
        let gone = graph.view(Bound::All, &BTreeSet::new()).gone(&action.removes);
        let gone: BTreeSet<u32> = gone.into_iter().collect();
        graph.rows.iter().filter(|row| gone.contains(&row.support)).count()
    }

    fn breaks(&self, actions: &[usize]) -> Vec<Name> {
        if actions.is_empty() {
            return Vec::new();
        }
        let changes: Vec<Change> =
            actions.iter().flat_map(|action| self.derived.change(*action)).collect();
        self.keeping.broken_by(&changes)
    }
}

/// The needs of an estate, with what they come to before anything is changed.
struct Keeping<'n> {
    estate: &'n Estate,
    needs: &'n Needs,
    claims: Vec<Held>,
    matrix: Matrix,
}

impl<'n> Keeping<'n> {
    /// Nothing where there are no needs.
    fn new(estate: &'n Estate, needs: &'n Needs) -> Option<Self> {
        if needs.claims.is_empty() && needs.legs.is_empty() {
            return None;
        }
        let (claims, matrix) = asked(estate, needs);
        Some(Self { estate, needs, claims, matrix })
    }

    fn unheld(&self) -> Vec<Name> {
        let claims = self.needs.claims.iter().zip(&self.claims);
        let failing = claims.filter(|(_, held)| **held == Held::Fails);
        failing.map(|((name, _), _)| name.clone()).collect()
    }

    fn broken_by(&self, changes: &[Change]) -> Vec<Name> {
        let changed = apply(self.estate, changes);
        let (claims, matrix) = asked(&changed, self.needs);
        let mut broken: Vec<Name> = Vec::new();
        for ((name, _), (was, is)) in self.needs.claims.iter().zip(self.claims.iter().zip(&claims))
        {
            let worse = match was {
                Held::Holds => *is != Held::Holds,
                Held::Unknown => *is == Held::Fails,
                Held::Fails => false,
            };
            if worse {
                broken.push(name.clone());
            }
        }
        let lost = self.needs.legs.iter().filter(|legs| self.is_lost(legs, &matrix));
        broken.extend(lost.map(|legs| legs.name.clone()));
        broken.sort();
        broken.dedup();
        broken
    }

    /// Whether something that was established for sure is not any more.
    fn is_lost(&self, legs: &NeededLegs, after: &Matrix) -> bool {
        let mut known = BTreeMap::new();
        let pairs = legs.from.iter().flat_map(|from| legs.to.iter().map(move |to| (*from, *to)));
        pairs.filter(|(from, to)| from != to).any(|(from, to)| {
            let classes = [&self.matrix, after].map(|one| (one.class_of(from), one.class_of(to)));
            *known.entry(classes).or_insert_with(|| {
                let sure = |matrix: &Matrix| {
                    let cell = matrix.between(from, to);
                    cell.map_or_else(FlowSet::none, |cell| {
                        cell.established.sure.intersection(&legs.over)
                    })
                };
                !sure(after).contains(&sure(&self.matrix))
            })
        })
    }
}

fn asked(estate: &Estate, needs: &Needs) -> (Vec<Held>, Matrix) {
    let claims: Vec<Assertion> = needs.claims.iter().map(|(_, claim)| claim.clone()).collect();
    let judge = Judge::new(estate, &claims);
    let held = claims.iter().map(|claim| judge.judge(claim).held).collect();
    (held, judge.into_matrix())
}
