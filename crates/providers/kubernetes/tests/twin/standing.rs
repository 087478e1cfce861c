//! Answers that are kept while rules of policies change, against answers from scratch.

use serde_json::Value;
use watertight_model::Estate;
use watertight_model::network::{
    Combine, Direction, Guard, GuardId, Peer, Rule, Stage, StageDefault,
};
use watertight_reach::{Graph, Reach, Renewed, Standing, exposure};
use watertight_testkit::generate::Random;
use watertight_testkit::generate::kubernetes::{calico_cluster, cilium_cluster, cluster};

use crate::support::Cluster;

/// Clusters of each kind, and changes of each.
const CLUSTERS: u64 = 400;
const CHANGES: usize = 8;

/// Some guards of policies with other rules: one, or all that hold a rule from one place.
fn changed(estate: &Estate, random: &mut Random) -> Option<Vec<(GuardId, Guard)>> {
    let network = &estate.network;
    let is_policy = |guard: &&(GuardId, &Guard)| *guard.1.kind == *Guard::POLICIES;
    let policies: Vec<(GuardId, &Guard)> =
        network.guards.iter().filter(|one| is_policy(&one)).collect();
    let direction = if random.chance(60) { Direction::Egress } else { Direction::Ingress };
    let all = policies.iter().flat_map(|(_, guard)| guard.stages(direction));
    let known: Vec<Rule> = all.flat_map(|stage| stage.rules.iter().cloned()).collect();
    let meant = random.pick(&known)?.clone();
    let other = random.pick(&known)?.clone();
    let how = random.below(6);
    if how == 5 {
        return Some(turned(&policies, &other, random));
    }
    if how == 4 {
        return Some(moved(&policies, direction, &meant, random));
    }
    let mut found = Vec::new();
    for (id, guard) in policies {
        let mut guard = guard.clone();
        let stages = match direction {
            Direction::Ingress => &mut guard.ingress,
            Direction::Egress => &mut guard.egress,
        };
        let mut differs = false;
        for stage in stages {
            let Some(place) = stage.rules.iter().position(|rule| rule.origin == meant.origin)
            else {
                continue;
            };
            differs = true;
            match how {
                0 => drop(stage.rules.remove(place)),
                1 => stage.rules[place].flows = other.flows.clone(),
                2 => stage.rules[place].peer = other.peer.clone(),
                _ => stage.rules.push(other.clone()),
            }
        }
        if differs {
            found.push((id, guard));
        }
    }
    Some(found)
}

/// Some guards that take other things in and let other things out at once, to and from anybody among them:
/// what stands for several receivers before may not after.
fn turned(
    policies: &[(GuardId, &Guard)],
    other: &Rule,
    random: &mut Random,
) -> Vec<(GuardId, Guard)> {
    let shut =
        || Stage { combine: Combine::Union, rules: Vec::new().into(), default: StageDefault::Deny };
    let mut found = Vec::new();
    for (id, guard) in policies {
        if !random.chance(35) {
            continue;
        }
        let mut guard = (*guard).clone();
        match random.below(4) {
            0 => guard.ingress.clear(),
            1 => guard.ingress = vec![shut()],
            2 => guard.ingress.push(shut()),
            _ => {}
        }
        match random.below(5) {
            0 => guard.egress.clear(),
            1 => guard.egress = vec![shut()],
            _ => {
                for stage in &mut guard.egress {
                    stage.rules.push(Rule { peer: Peer::Any, ..other.clone() });
                }
            }
        }
        found.push((*id, guard));
    }
    found
}

/// Guards after the rules from one place have gone to other ones: a policy that selects other pods, where
/// those that share policies go together.
fn moved(
    policies: &[(GuardId, &Guard)],
    direction: Direction,
    meant: &Rule,
    random: &mut Random,
) -> Vec<(GuardId, Guard)> {
    let mut found = Vec::new();
    for (id, guard) in policies {
        let mut guard = (*guard).clone();
        let stages = match direction {
            Direction::Ingress => &mut guard.ingress,
            Direction::Egress => &mut guard.egress,
        };
        let mut has = false;
        for stage in stages.iter_mut() {
            let before = stage.rules.len();
            stage.rules.retain(|rule| rule.origin != meant.origin);
            has |= stage.rules.len() < before;
        }
        if !has && random.chance(30) {
            has = true;
            for stage in stages.iter_mut() {
                stage.rules.push(meant.clone());
            }
        }
        if has {
            found.push((*id, guard));
        }
    }
    found
}

fn agree(cluster: fn(u64) -> Vec<Value>) {
    let (mut in_part, mut all) = (0, 0);
    for seed in 0..CLUSTERS {
        let mut random = Random::new(seed ^ 0x57a4d);
        let mut standing = Standing::new(Cluster::of(&cluster(seed)).estate);
        for number in 0..CHANGES {
            let Some(guards) = changed(standing.estate(), &mut random) else { continue };
            let (after, renewed) = standing.with_guards(guards);
            standing = after;
            let estate = standing.estate();
            let fresh = Reach::new(&estate.network).matrix(standing.told_apart());
            let place = format!("seed {seed}, change {number}");
            assert_eq!(standing.matrix().classes, fresh.classes, "{place}");
            for to in 0..fresh.classes.len() {
                let (kept, fresh) = (standing.matrix().column(to), fresh.column(to));
                assert!(kept.eq(fresh), "{place}: the column of class {to}");
            }
            assert_eq!(*standing.exposure(), exposure(&estate.network, &fresh), "{place}");
            let blasts = Graph::new(estate, &fresh).every_blast(estate);
            assert_eq!(standing.blasts(), blasts, "{place}");
            all += 1;
            in_part += usize::from(renewed == Renewed::Part);
        }
    }
    assert!(all > 200 && in_part * 2 > all, "{in_part} of {all} in part");
}

#[test]
fn answers_after_changed_policies_equal_answers_from_scratch() {
    agree(cluster);
}

#[test]
fn answers_after_changed_policies_of_cilium_equal_answers_from_scratch() {
    agree(cilium_cluster);
}

#[test]
fn answers_after_changed_policies_of_calico_equal_answers_from_scratch() {
    agree(calico_cluster);
}
