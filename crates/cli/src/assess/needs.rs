//! What no action on offer may break: the platforms' essentials, and what a policy says is always so.

use std::path::PathBuf;

use watertight_assess::{NeededLegs, Needs};
use watertight_model::Estate;
use watertight_policy::checked::ClaimKind;
use watertight_policy::decide::{Decider, World};
use watertight_policy::{EssentialLegs, essential_legs, narrowed_legs, with_essentials};
use watertight_reach::Party;

use crate::exit::{Failure, say};
use crate::policy::alone::Alone;
use crate::policy::loaded;
use crate::simulate::assertions::assertion;

/// The needs of an estate under a policy, which may be none, and how much of it is in no segment of that.
///
/// # Errors
/// When the policy cannot be read, or has errors.
pub(super) fn needs(
    estate: &Estate,
    policy: &[PathBuf],
) -> Result<(Needs, Option<Alone>), Failure> {
    let needed = |legs: Vec<EssentialLegs>| -> Vec<NeededLegs> {
        let legs = legs.into_iter();
        legs.map(|legs| NeededLegs {
            name: legs.name,
            from: legs.from,
            to: legs.to,
            over: legs.over,
        })
        .collect()
    };
    if policy.is_empty() {
        return Ok((Needs { claims: Vec::new(), legs: needed(essential_legs(estate)) }, None));
    }
    let mut loaded = loaded::load(policy)?;
    let world = World::of_estate(estate);
    let essentials = with_essentials(&mut loaded.policy, estate);
    let decider = Decider::new(&loaded.policy, &world, &essentials);
    let always = decider.policy().assertions.iter().filter(|one| one.kind == ClaimKind::Always);
    let claims = always.map(|one| (one.name.clone(), assertion(estate, &decider, one))).collect();
    let needs = Needs { claims, legs: needed(narrowed_legs(estate, &decider)) };
    for (name, claim) in &needs.claims {
        if is_empty(&claim.from) || is_empty(&claim.to) {
            say(&format!("assertion `{name}` selects nobody on one of its sides in this estate\n"));
        }
    }
    Ok((needs, Some(Alone::of(&decider))))
}

fn is_empty(party: &Party) -> bool {
    let ends = party.endpoints.is_empty() && party.perhaps.is_empty();
    ends && party.internet.is_empty() && party.outside.is_empty() && party.missing.is_empty()
}
