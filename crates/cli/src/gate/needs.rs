//! What no policy closes, and what a change cuts of it.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::EndpointId;
use watertight_model::{ArenaId, Estate, Name, Truth};
use watertight_net::FlowSet;
use watertight_policy::checked::Peer;
use watertight_policy::decide::{Decider, End};
use watertight_policy::narrowed_legs;
use watertight_reach::{Matrix, Reach};

/// What is needed, who opens it and who accepts it, endpoints by their names.
pub(super) type NeedKey = (Name, Name, Name);

/// Connections that the platforms of an estate need, and those that the policy calls failsafe.
pub(super) struct Needs {
    legs: BTreeMap<Name, Vec<Legs>>,
    endpoints: BTreeMap<Name, EndpointId>,
    matrix: Matrix,
}

/// Between each of some endpoints and each of others.
struct Legs {
    from: BTreeSet<Name>,
    to: BTreeSet<Name>,
    over: FlowSet,
}

impl Needs {
    /// Those of an estate. Of failsafe tuples, what has both ends in it.
    pub(super) fn of(estate: &Estate, decider: &Decider<'_>) -> Self {
        let network = &estate.network;
        let named = |ids: &[EndpointId]| -> BTreeSet<Name> {
            ids.iter().filter_map(|id| Some(network.endpoints.get(*id)?.name.clone())).collect()
        };
        let mut legs: BTreeMap<Name, Vec<Legs>> = BTreeMap::new();
        let mut add = |name: Name, (from, to): (&[EndpointId], &[EndpointId]), over: FlowSet| {
            let own = Legs { from: named(from), to: named(to), over };
            legs.entry(name).or_default().push(own);
        };
        for one in narrowed_legs(estate, decider) {
            add(one.name.clone(), (&one.from, &one.to), one.over.clone());
        }
        for policy in &decider.policy().failsafe {
            for (number, rule) in (1_u32..).zip(&policy.rules) {
                let rule_name = rule.name.as_ref().map(ToString::to_string);
                let rule_name = rule_name.unwrap_or_else(|| number.to_string());
                let ends = |peers| belonging(estate, decider, peers);
                let name = Name::from(format!("{}, tuple {rule_name}", policy.name));
                add(name, (&ends(&rule.from), &ends(&rule.to)), rule.flows());
            }
        }
        let endpoints = network.endpoints.iter().map(|(id, one)| (one.name.clone(), id)).collect();
        let matrix = Reach::new(network).matrix(&BTreeSet::new());
        Self { legs, endpoints, matrix }
    }

    /// What is established for sure here, needed in another estate too, and not sure there.
    pub(super) fn cut_in(&self, after: &Self) -> BTreeMap<NeedKey, FlowSet> {
        let mut cut = BTreeMap::new();
        for (name, own) in &self.legs {
            let Some(others) = after.legs.get(name) else { continue };
            for legs in own {
                for (from, to) in legs.pairs() {
                    if !others.iter().any(|one| one.from.contains(from) && one.to.contains(to)) {
                        continue;
                    }
                    let was = self.established(from, to).intersection(&legs.over);
                    let lost = was.difference(&after.established(from, to));
                    if !lost.is_empty() {
                        cut.insert((name.clone(), from.clone(), to.clone()), lost);
                    }
                }
            }
        }
        cut
    }

    fn established(&self, from: &Name, to: &Name) -> FlowSet {
        let ends = self.endpoints.get(from).zip(self.endpoints.get(to));
        let cell = ends.and_then(|(from, to)| self.matrix.between(*from, *to));
        cell.map_or_else(FlowSet::none, |cell| cell.established.sure.clone())
    }
}

impl Legs {
    fn pairs(&self) -> impl Iterator<Item = (&Name, &Name)> {
        let from = self.from.iter();
        from.flat_map(move |from| self.to.iter().map(move |to| (from, to)))
            .filter(|(from, to)| from != to)
    }
}

/// The endpoints of workloads that surely are among some peers.
fn belonging(estate: &Estate, decider: &Decider<'_>, peers: &[Peer]) -> Vec<EndpointId> {
    let workloads = estate
        .workloads
        .iter()
        .filter(|(id, _)| decider.belongs(peers, &End::workload(vec![id.index()])) == Truth::Yes);
    workloads.flat_map(|(_, one)| one.endpoints.iter().copied()).collect()
}

/// What is cut, line by line, in the names of workloads.
pub(super) fn lines<'c>(
    estate: &Estate,
    cut: impl Iterator<Item = (&'c NeedKey, &'c FlowSet)>,
) -> Vec<String> {
    let endpoints = estate.network.endpoints.values();
    let names: BTreeMap<&Name, &Name> = endpoints
        .filter_map(|one| Some((&one.name, &estate.workloads.get(one.workload)?.name)))
        .collect();
    let name = |endpoint: &Name| names.get(endpoint).map_or("", |name| name.as_str()).to_owned();
    let lines = cut
        .map(|((_, from, to), flows)| format!("cut: {} -> {} over {flows}", name(from), name(to)));
    lines.collect::<BTreeSet<String>>().into_iter().collect()
}
