//! The steps of a plan, replayed: what is possible in between lies between old ∩ new and old ∪ new.

use std::collections::{BTreeMap, BTreeSet};

use watertight_aws::SecurityGroups;
use watertight_compile::{Action, Artifacts, Attachment, GroupName, steps};
use watertight_model::{Estate, Name};
use watertight_net::{FlowSet, Prefix};
use watertight_reach::{Class, Reach, named_prefixes};

use crate::{drawn, note, seeds};

/// What passes for sure between endpoints and outside parts, by name.
type Passing = BTreeMap<(String, String), FlowSet>;

fn passing(estate: &Estate, boundaries: &BTreeSet<Prefix>) -> Passing {
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(boundaries);
    let names = |class: usize| -> Vec<String> {
        match &matrix.classes[class] {
            Class::Endpoints(members) => {
                members.iter().map(|id| estate.network.endpoints[*id].name.to_string()).collect()
            }
            other => vec![format!("{other:?}")],
        }
    };
    let mut found = Passing::new();
    for ((from, to), cell) in matrix.cells() {
        for one in names(from) {
            for other in names(to).into_iter().filter(|other| *other != one) {
                found.insert((one.clone(), other), cell.forward.possible.clone());
            }
        }
    }
    found
}

/// Artifacts as they are in between: what is made, and who carries what.
fn between(whole: &Artifacts, carried: &BTreeMap<String, Vec<String>>) -> Artifacts {
    let attachments = whole.attachments.iter().map(|one| {
        let now = carried.get(&*one.endpoint).cloned().unwrap_or_default();
        let (ours, others): (Vec<String>, Vec<String>) =
            now.into_iter().partition(|name| name.starts_with(GroupName::PREFIX));
        Attachment {
            groups: ours.into_iter().map(GroupName).collect(),
            others: others.into_iter().map(Name::from).collect(),
            ..one.clone()
        }
    });
    Artifacts { groups: whole.groups.clone(), attachments: attachments.collect() }
}

#[test]
fn every_step_stays_between_old_and_new() {
    let mut replayed = 0_u64;
    for seed in seeds(10) {
        let (lab, _) = drawn::lab(seed);
        let Ok(made) = lab.make() else { continue };
        let whole = &made.compiled.artifacts;
        let mut boundaries = named_prefixes(&made.after.network);
        boundaries.extend(named_prefixes(&lab.estate.network));
        let (old, new) = (passing(&lab.estate, &boundaries), passing(&made.after, &boundaries));
        let mut carried: BTreeMap<String, Vec<String>> = whole
            .attachments
            .iter()
            .map(|one| {
                (one.endpoint.to_string(), one.before.iter().map(ToString::to_string).collect())
            })
            .collect();
        for (number, step) in steps(whole, &[], &SecurityGroups::QUOTAS).iter().enumerate() {
            let Action::SetGroups { endpoint, from, to } = &step.action else { continue };
            assert_eq!(carried.get(endpoint), Some(from), "seed {seed}: steps follow each other");
            carried.insert(endpoint.clone(), to.clone());
            let now = passing(&lab.holding(&between(whole, &carried)), &boundaries);
            let pairs: BTreeSet<_> = old.keys().chain(new.keys()).chain(now.keys()).collect();
            for pair in pairs {
                let of = |all: &Passing| all.get(pair).cloned().unwrap_or_default();
                let (old, new, now) = (of(&old), of(&new), of(&now));
                let at_least = old.intersection(&new);
                let at_most = old.union(&new);
                let name = format!("seed {seed}, step {number}: {pair:?}");
                if step.transient.is_none() {
                    assert!(
                        now.contains(&at_least),
                        "{name} loses {:?}",
                        at_least.difference(&now)
                    );
                }
                assert!(at_most.contains(&now), "{name} opens {:?}", now.difference(&at_most));
            }
            replayed += 1;
        }
    }
    note(&format!("plan: {replayed} steps replayed, none opens or interrupts what it must not"));
    assert!(replayed > 50, "{replayed} steps are too few to tell");
}
