//! Who makes the groups of which identities, where two do it at once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use watertight_model::network::RealmId;
use watertight_net::FlowSet;
use watertight_reach::Reach;

use super::{OfIdentity, Premise, Refusal, Work};
use crate::identity::Identities;
use crate::intent::Intent;
use crate::moving::Named;
use crate::references::References;
use crate::validate::{AtOnce, both};

/// What is made of identities, with their numbers.
type Made = Vec<(usize, Result<OfIdentity, Refusal>)>;

/// What is made of some identities, in their order, and who moves and is named; shared out among two as they come, each
/// of whom asks the policy for itself: who does both at once and who does one after the other come to the same.
pub(super) fn halves(
    of: Premise<'_>,
    intent: &Intent<'_>,
    is_asked: impl Fn(usize) -> bool,
    at_once: &dyn AtOnce,
) -> (Made, Named) {
    let premises = intent.premises();
    let (parts, next) = (parts(of.identities, is_asked), AtomicUsize::new(0));
    let here = || some(of, intent, (&parts, &next));
    let beside = || some(of, &premises.intent(), (&parts, &next));
    let ((mut made, mut named), (more, others)) = both(at_once, here, beside);
    made.extend(more);
    made.sort_by_key(|(number, _)| *number);
    named.extend(others);
    (made, named)
}

/// The identities in parts. Those of one realm stay together, where no realm has most of them: what is asked of the
/// ways between subnets is asked once.
fn parts(identities: &Identities, is_asked: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let mut of_realm: BTreeMap<RealmId, Vec<usize>> = BTreeMap::new();
    let asked = || (0..identities.list.len()).filter(|number| is_asked(*number));
    for number in asked() {
        let realm = identities.list[number].realm;
        of_realm.entry(realm).or_default().push(number);
    }
    let most = of_realm.values().map(Vec::len).max().unwrap_or_default();
    let is_most = most.saturating_mul(2) > asked().count();
    if is_most { asked().map(|one| vec![one]).collect() } else { of_realm.into_values().collect() }
}

/// What is made of one part after the other, as long as there is one that nobody has begun.
fn some(
    of: Premise<'_>,
    intent: &Intent<'_>,
    (parts, next): (&[Vec<usize>], &AtomicUsize),
) -> (Made, Named) {
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
    let mut made = Made::new();
    while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
        made.extend(part.iter().map(|number| (*number, work.of_identity(*number))));
    }
    (made, work.named.into_inner())
}
