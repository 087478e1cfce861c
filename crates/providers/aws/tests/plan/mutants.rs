//! Rules that are dropped, widened, narrowed and swapped: every change of meaning is reported.

use std::collections::BTreeSet;
use std::sync::Arc;

use watertight_compile::{Artifacts, GroupRule, RulePeer};
use watertight_model::Estate;
use watertight_net::{FlowSet, PortSet, Prefix};
use watertight_reach::{Reach, named_prefixes};

use crate::{drawn, note, seeds};

/// What a network permits, by the names of ends, refined by the boundaries of all.
fn meaning(estate: &Estate, boundaries: &BTreeSet<Prefix>) -> BTreeSet<String> {
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(boundaries);
    let name = |class: usize| format!("{:?}", matrix.classes.get(class));
    // What is not known for sure is no difference that anybody could be told of.
    let cells = matrix.cells().filter(|(_, cell)| cell.forward.sure == cell.forward.possible);
    cells
        .map(|((from, to), cell)| format!("{} {} {}", name(from), name(to), cell.forward.possible))
        .collect()
}

/// Every artifact that differs from these in one rule.
fn mutants(artifacts: &Artifacts) -> Vec<(String, Artifacts)> {
    let mut found = Vec::new();
    for (number, group) in artifacts.groups.iter().enumerate() {
        for ingress in [true, false] {
            let rules = if ingress { &group.ingress } else { &group.egress };
            for (place, rule) in rules.iter().enumerate() {
                for (what, new) in changed(rule) {
                    let mut mutant = artifacts.clone();
                    let group = Arc::make_mut(&mut mutant.groups[number]);
                    let rules = if ingress { &mut group.ingress } else { &mut group.egress };
                    rules.splice(place..=place, new);
                    let direction = if ingress { "ingress" } else { "egress" };
                    found.push((format!("{what} {direction} {place} of {}", group.name), mutant));
                }
            }
        }
        let mut swapped = artifacts.clone();
        let group = Arc::make_mut(&mut swapped.groups[number]);
        std::mem::swap(&mut group.ingress, &mut group.egress);
        found.push((format!("swap directions of {}", group.name), swapped));
    }
    found
}

fn changed(rule: &GroupRule) -> Vec<(&'static str, Option<GroupRule>)> {
    let mut found = vec![("drop", None)];
    let with = |flows: FlowSet| Some(GroupRule { peer: rule.peer.clone(), flows: flows.into() });
    found.push(("widen flows of", with(FlowSet::all())));
    found.push(("narrow flows of", with(FlowSet::tcp(PortSet::single(9)))));
    if let RulePeer::Prefix(prefix) = rule.peer {
        let wider = Prefix::masked(prefix.first(), prefix.len().saturating_sub(6));
        let peer = RulePeer::Prefix(wider.expect("shorter is fine"));
        found.push(("widen peer of", Some(GroupRule { peer, flows: rule.flows.clone() })));
    }
    found
}

#[test]
fn every_change_of_meaning_is_reported() {
    let (mut all, mut changed) = (0_u64, 0_u64);
    for seed in seeds(20) {
        let (lab, _) = drawn::lab(seed);
        let Ok(made) = lab.make() else { continue };
        let mut boundaries = named_prefixes(&made.after.network);
        boundaries.extend(named_prefixes(&lab.estate.network));
        // Enough of each estate to see every sort of change.
        for (what, mutant) in mutants(&made.compiled.artifacts).into_iter().take(40) {
            let after = lab.holding(&mutant);
            let mut refined = boundaries.clone();
            refined.extend(named_prefixes(&after.network));
            all += 1;
            if meaning(&after, &refined) == meaning(&made.after, &refined) {
                continue;
            }
            changed += 1;
            let found = lab.judged(&made.compiled, &mutant);
            assert_ne!(found, made.found, "seed {seed}: {what}");
        }
    }
    note(&format!("plan: {changed} of {all} changed rules change the meaning, all are reported"));
    assert!(changed > 50, "{changed} of {all} are too few to tell");
}
