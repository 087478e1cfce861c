//! What is made of a policy that differs in a few rules from the one before.

use std::sync::Arc;

use watertight_net::FlowSet;

use super::halves::halves;
use super::{Basis, Compiled, OfIdentity, Refusal, named_gaps};
use crate::artifact::{Artifacts, GroupName};
use crate::identity::Identity;
use crate::intent::{Intent, KindId};
use crate::plane::Plane;
use crate::validate::AtOnce;

/// What a change of rules makes of identities.
pub(crate) struct Again {
    pub(crate) compiled: Compiled,
    /// By identity, whether it was compiled anew.
    pub(crate) is_anew: Vec<bool>,
    /// The names of groups that are others now, ordered.
    pub(crate) changed: Vec<GroupName>,
    /// What was made anew, by identity.
    made: Vec<(usize, OfIdentity)>,
}

/// Compiles where only about kinds for which `is_touched` the policy says other things than it did, from what was made
/// before. Nothing, where more changes by that than the rules of groups.
///
/// # Errors
/// See [`compile`](super::compile()).
pub(crate) fn again(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    (basis, before): (&Basis, &Compiled),
    is_touched: impl Fn(KindId) -> bool,
    at_once: &dyn AtOnce,
) -> Result<Option<Again>, Refusal> {
    let identities = &basis.identities;
    // Who moves may be named by its address, and carries no groups then.
    if !identities.moving.is_empty() || basis.has_named || before.artifacts.edges.is_some() {
        return Ok(None);
    }
    let is_asked = |identity: &Identity| {
        identity.kinds.iter().any(|kind| is_touched(*kind))
            || identity.all().any(|member| basis.vias.is_front(*member))
    };
    let is_anew: Vec<bool> = identities.list.iter().map(is_asked).collect();
    let is_asked = |number: usize| is_anew.get(number).copied().unwrap_or(true);
    let (found, _) = halves(basis.premise(plane), intent, is_asked, at_once);
    let mut made = Vec::with_capacity(found.len());
    for (number, found) in found {
        made.push((number, found?));
    }
    let mut groups = before.artifacts.groups.clone();
    let mut changed = Vec::new();
    for (number, made) in &made {
        let known = basis.made.get(*number).map(|known| known.groups.as_slice());
        let known = known.filter(|known| known.len() == made.groups.len());
        let Some(known) = known else { return Ok(None) };
        for (one, other) in known.iter().zip(&made.groups).filter(|(one, other)| one != other) {
            let at = groups.binary_search_by(|group| group.name.cmp(&one.name));
            let slot = at.ok().and_then(|at| groups.get_mut(at));
            let Some(slot) = slot.filter(|_| one.name == other.name) else { return Ok(None) };
            *slot = Arc::clone(other);
            changed.push(one.name.clone());
        }
    }
    changed.sort();
    let (mut left, mut widened) = (FlowSet::none(), Vec::new());
    let mut anew = made.iter().peekable();
    for (number, known) in basis.made.iter().enumerate() {
        let anew = anew.next_if(|(at, _)| *at == number);
        let one = anew.map_or(known, |(_, made)| made);
        left = left.union(&one.left);
        widened.extend(one.widened.iter().cloned());
    }
    if left != before.left {
        return Ok(None);
    }
    let attachments = before.artifacts.attachments.clone();
    let compiled = Compiled {
        artifacts: Artifacts { groups, attachments, edges: None },
        unheld: before.unheld.clone(),
        gaps: named_gaps(intent),
        identities: Arc::clone(&before.identities),
        widened,
        left,
    };
    Ok(Some(Again { compiled, is_anew, changed, made }))
}

impl Basis {
    /// Takes over what was made anew.
    pub(crate) fn take_over(&mut self, made: Vec<(usize, OfIdentity)>) {
        for (number, made) in made {
            if let Some(slot) = self.made.get_mut(number) {
                *slot = made;
            }
        }
    }
}

impl Again {
    /// What there is now, with what was made anew for it.
    pub(crate) fn into_parts(self) -> (Compiled, Vec<(usize, OfIdentity)>) {
        (self.compiled, self.made)
    }
}
