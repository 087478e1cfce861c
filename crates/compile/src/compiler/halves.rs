//! Who makes the groups of which identities, where two do it at once.

use std::cell::RefCell;
use std::collections::BTreeMap;

use watertight_model::network::RealmId;
use watertight_net::FlowSet;
use watertight_reach::Reach;

use super::{Premise, Refusal, Widened, Work};
use crate::artifact::Group;
use crate::identity::Identities;
use crate::intent::Intent;
use crate::moving::Named;
use crate::references::References;
use crate::validate::{AtOnce, both};

/// The groups of identities, in their order, and what comes with them.
pub(super) struct Halves {
    pub(super) groups: Vec<Result<Vec<Group>, Refusal>>,
    pub(super) left: FlowSet,
    pub(super) widened: Vec<Widened>,
    pub(super) named: Named,
}

/// The groups of about half of the identities in each of two halves, for which the policy is asked apart: who does
/// both at once and who does one after the other come to the same.
pub(super) fn halves(of: Premise<'_>, intent: &Intent<'_>, at_once: &dyn AtOnce) -> Halves {
    let premises = intent.premises();
    let [first, second] = halved(of.identities);
    let here = || half(of, intent, &first);
    let beside = || half(of, &premises.intent(), &second);
    let (one, other) = both(at_once, here, beside);
    let mut widened = [one.widened, other.widened].concat();
    widened.sort_by_key(|one| one.identity);
    let numbers = first.iter().chain(&second);
    let mut groups: Vec<_> = numbers.zip(one.groups.into_iter().chain(other.groups)).collect();
    groups.sort_by_key(|(number, _)| **number);
    let groups = groups.into_iter().map(|(_, groups)| groups).collect();
    let mut named = one.named;
    named.extend(other.named);
    Halves { groups, left: one.left.union(&other.left), widened, named }
}

/// The identities in two halves, each in their order. Those of one realm stay together, where no realm has most of
/// them: what is asked of the ways between subnets is asked in one half alone.
fn halved(identities: &Identities) -> [Vec<usize>; 2] {
    let mut of_realm: BTreeMap<RealmId, Vec<usize>> = BTreeMap::new();
    for (number, identity) in identities.list.iter().enumerate() {
        of_realm.entry(identity.realm).or_default().push(number);
    }
    let most = of_realm.values().map(Vec::len).max().unwrap_or_default();
    let mut halves = [Vec::new(), Vec::new()];
    let alone = (0..identities.list.len()).map(|number| vec![number]);
    let is_most = most.saturating_mul(2) > identities.list.len();
    let parts: Vec<Vec<usize>> =
        if is_most { alone.collect() } else { of_realm.into_values().collect() };
    for part in parts {
        let [first, second] = &mut halves;
        if first.len() <= second.len() { first } else { second }.extend(part);
    }
    for half in &mut halves {
        half.sort_unstable();
    }
    halves
}

fn half(of: Premise<'_>, intent: &Intent<'_>, numbers: &[usize]) -> Halves {
    let mut work = Work {
        of,
        intent,
        references: References::new(Reach::new(of.open)),
        known: RefCell::default(),
        known_pieces: RefCell::default(),
        left: FlowSet::none(),
        widened: Vec::new(),
        named: RefCell::default(),
    };
    let groups = numbers.iter().map(|number| work.groups(*number)).collect();
    let Work { left, widened, named, .. } = work;
    Halves { groups, left, widened, named: named.into_inner() }
}
