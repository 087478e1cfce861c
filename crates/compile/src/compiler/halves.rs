//! Who makes the groups of which identities, where two do it at once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// What comes with some groups.
struct Beside {
    left: FlowSet,
    widened: Vec<Widened>,
    named: Named,
}

/// The groups of all identities, shared out among two as they come, each of whom asks the policy for itself: who does
/// both at once and who does one after the other come to the same.
pub(super) fn halves(of: Premise<'_>, intent: &Intent<'_>, at_once: &dyn AtOnce) -> Halves {
    let premises = intent.premises();
    let (parts, next) = (parts(of.identities), AtomicUsize::new(0));
    let here = || some(of, intent, (&parts, &next));
    let beside = || some(of, &premises.intent(), (&parts, &next));
    let ((mut groups, one), (more, other)) = both(at_once, here, beside);
    groups.extend(more);
    groups.sort_by_key(|(number, _)| *number);
    let groups = groups.into_iter().map(|(_, groups)| groups).collect();
    let mut widened = [one.widened, other.widened].concat();
    widened.sort_by_key(|one| one.identity);
    let mut named = one.named;
    named.extend(other.named);
    Halves { groups, left: one.left.union(&other.left), widened, named }
}

/// The identities in parts. Those of one realm stay together, where no realm has most of them: what is asked of the
/// ways between subnets is asked once.
fn parts(identities: &Identities) -> Vec<Vec<usize>> {
    let mut of_realm: BTreeMap<RealmId, Vec<usize>> = BTreeMap::new();
    for (number, identity) in identities.list.iter().enumerate() {
        of_realm.entry(identity.realm).or_default().push(number);
    }
    let most = of_realm.values().map(Vec::len).max().unwrap_or_default();
    let alone = (0..identities.list.len()).map(|number| vec![number]);
    let is_most = most.saturating_mul(2) > identities.list.len();
    if is_most { alone.collect() } else { of_realm.into_values().collect() }
}

/// What is made of identities, with their numbers.
type Made = Vec<(usize, Result<Vec<Group>, Refusal>)>;

/// The groups of one part after the other, as long as there is one that nobody has begun.
fn some(
    of: Premise<'_>,
    intent: &Intent<'_>,
    (parts, next): (&[Vec<usize>], &AtomicUsize),
) -> (Made, Beside) {
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
        made.extend(part.iter().map(|number| (*number, work.groups(*number))));
    }
    let Work { left, widened, named, .. } = work;
    (made, Beside { left, widened, named: named.into_inner() })
}
