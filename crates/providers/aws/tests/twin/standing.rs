//! Answers that are kept while rules change, against answers from scratch.

use std::collections::BTreeMap;

use watertight_model::Estate;
use watertight_model::network::{Direction, Guard, GuardId, Peer, Rule, Stage};
use watertight_net::{Family, FlowSet, Prefix};
use watertight_reach::{Graph, Reach, Renewed, Standing, exposure};
use watertight_testkit::generate::{self, Random, Size};

use crate::engine::Engine;
use crate::{estates, note, setting};

/// How many rules of an estate change, one after the other.
const CHANGES: usize = 12;

/// A guard of an estate with one other rule; those at endpoints are drawn more often.
fn changed(estate: &Estate, random: &mut Random) -> Option<(GuardId, Guard, Direction)> {
    let network = &estate.network;
    let guards: Vec<GuardId> = network.guards.iter().map(|(id, _)| id).collect();
    let stateful: Vec<GuardId> =
        guards.iter().copied().filter(|id| network.guards[*id].stateful).collect();
    let drawn = if random.chance(92) { &stateful } else { &guards };
    let id = *random.pick(drawn)?;
    let direction = if random.chance(30) { Direction::Egress } else { Direction::Ingress };
    let known: Vec<Rule> = network
        .guards
        .values()
        .flat_map(|guard| guard.ingress.iter().chain(&guard.egress))
        .flat_map(|stage| stage.rules.iter().cloned())
        .collect();
    let mut guard = network.guards[id].clone();
    if random.chance(12) {
        // Both sides at once, to and from anybody or nobody.
        for side in [Direction::Ingress, Direction::Egress] {
            let way = random.below(4);
            for stage in stages(&mut guard, side) {
                match way {
                    0 => stage.rules.clear(),
                    1 => stage.rules.push(Rule { peer: Peer::Any, ..random.pick(&known)?.clone() }),
                    2 => {
                        let flows = FlowSet::all();
                        stage.rules.push(Rule {
                            peer: Peer::Any,
                            flows: flows.into(),
                            ..random.pick(&known)?.clone()
                        });
                    }
                    _ => {}
                }
            }
        }
        return Some((id, guard, direction));
    }
    let stage = stages(&mut guard, direction).first_mut()?;
    match random.below(4) {
        0 if !stage.rules.is_empty() => {
            let place = random.below(stage.rules.len());
            stage.rules.remove(place);
        }
        1 if !stage.rules.is_empty() => {
            let place = random.below(stage.rules.len());
            let rule = stage.rules.get_mut(place)?;
            rule.flows = random.pick(&known)?.flows.clone();
        }
        2 => {
            let mut rule = random.pick(&known)?.clone();
            rule.peer = Peer::Members(*random.pick(&guards)?);
            stage.rules.push(rule);
        }
        _ => {
            let mut rule = random.pick(&known)?.clone();
            if random.chance(15) {
                let addresses = network.endpoints.values().flat_map(|one| &one.addresses);
                let addresses: Vec<_> = addresses.copied().collect();
                rule.peer = Peer::Prefix(Prefix::host(*random.pick(&addresses)?));
            }
            stage.rules.push(rule);
        }
    }
    Some((id, guard, direction))
}

fn stages(guard: &mut Guard, direction: Direction) -> &mut Vec<Stage> {
    match direction {
        Direction::Ingress => &mut guard.ingress,
        Direction::Egress => &mut guard.egress,
    }
}

/// In what standing answers differ from answers from scratch.
fn differences(standing: &Standing) -> Vec<String> {
    let estate = standing.estate();
    let reach = Reach::new(&estate.network);
    let (kept, fresh) = (standing.matrix(), reach.matrix(standing.told_apart()));
    if kept.classes != fresh.classes {
        return vec!["the classes differ".to_owned()];
    }
    let mut found = Vec::new();
    for to in 0..fresh.classes.len() {
        let (kept, fresh) = (kept.column(to), fresh.column(to));
        if !kept.eq(fresh) {
            found.push(format!("the column of class {to} differs"));
        }
    }
    if kept.cells_len() != fresh.cells_len() {
        found.push("the number of cells differs".to_owned());
    }
    if *standing.exposure() != exposure(&estate.network, &fresh) {
        found.push("the exposure differs".to_owned());
    }
    if standing.blasts() != Graph::new(estate, &fresh).every_blast(estate) {
        found.push("the blast radii differ".to_owned());
    }
    found
}

/// After any number of changed rules, the answers that were kept are those from scratch: for both
/// bounds, both families and both directions.
#[test]
fn answers_after_changed_rules_equal_answers_from_scratch() {
    let first = setting("WATERTIGHT_TWIN_SEED", 1);
    let estates = setting("WATERTIGHT_STANDING_ESTATES", estates() / 10);
    let mut ways: BTreeMap<String, usize> = BTreeMap::new();
    let mut six = 0;
    let mut doubtful = 0;
    let mut several = 0;
    for seed in first..first + estates {
        let generated = generate::aws(seed, Size::AVERAGE);
        let engine = Engine::new(&generated.files);
        let mut random = Random::new(seed ^ 0x7374_616e_6469);
        let mut standing = Standing::new(engine.estate);
        let mut endpoints = standing.estate().network.endpoints.values();
        six += usize::from(
            endpoints
                .any(|one| one.addresses.iter().any(|address| Family::of(*address) == Family::V6)),
        );
        for number in 0..CHANGES {
            let Some((id, guard, direction)) = changed(standing.estate(), &mut random) else {
                continue;
            };
            // Now and then two guards at once.
            let other = changed(standing.estate(), &mut random).filter(|_| random.chance(25));
            let both = [Some((id, guard)), other.map(|(id, guard, _)| (id, guard))];
            several += usize::from(both.iter().all(Option::is_some));
            let (after, renewed) = standing.with_guards(both.into_iter().flatten());
            standing = after;
            let found = differences(&standing);
            assert!(found.is_empty(), "seed {seed}, change {number} ({direction:?}): {found:?}");
            let way = match renewed {
                Renewed::Part => format!("{direction:?} in part"),
                Renewed::Whole(because) => format!("{because:?}"),
            };
            *ways.entry(way).or_default() += 1;
        }
        let cells = 0..standing.matrix().classes.len();
        let mut cells = cells.flat_map(|to| standing.matrix().column(to));
        doubtful += usize::from(cells.any(|(_, cell)| cell.forward.sure != cell.forward.possible));
    }
    let text = format!(
        "{estates} estates, {six} with IPv6, {doubtful} with doubt, {several} changes of two guards: {ways:?}"
    );
    println!("{text}");
    note(&format!("answers after changed rules equal answers from scratch: {text}"));
    for way in ["Ingress in part", "Egress in part"] {
        let share = ways.get(way).copied().unwrap_or_default() * 10;
        assert!(share >= ways.values().sum::<usize>(), "a tenth of the changes is {way}");
    }
    assert!(several > 0, "guards change together");
    assert!(six > 0 && doubtful > 0, "both families and both bounds are met");
}
