//! Essentials that are narrowed until nothing is left of them.

use watertight_model::network::EndpointId;
use watertight_model::{ArenaId as _, Estate, Truth};
use watertight_source::{Diagnostics, Span};

use super::warning;
use crate::checked::{CheckedPolicy, Narrowable, Narrowed, Peer};
use crate::codes;
use crate::decide::{Decider, End, Essentials, World};
use crate::essentials::{Direction, directions};

/// Says of which direction of an essential that the estate needs the policy leaves no leg: what an entry does not
/// name stays closed there, health checks fail and nodes lose their control plane.
pub fn lint_narrowed(
    policy: &CheckedPolicy,
    (estate, world): (&Estate, &World),
    diagnostics: &mut Diagnostics,
) {
    if policy.narrowed.is_empty() {
        return;
    }
    let essentials = Essentials::default();
    let decider = Decider::new(policy, world, &essentials);
    let is_one = |peers: &[Peer], id: &EndpointId| {
        let Some(one) = estate.network.endpoints.get(*id) else { return false };
        let end = End::workload(vec![one.workload.index()]);
        peers.is_empty() || decider.belongs(peers, &end) == Truth::Yes
    };
    // An end without endpoints is an address, which no selector means.
    let is_left = |side: &[EndpointId], peers: &[Peer]| match side {
        [] => peers.is_empty(),
        some => some.iter().any(|id| is_one(peers, id)),
    };
    for (essential, direction) in directions(estate, policy) {
        let own: Vec<&Narrowed> =
            policy.narrowed.iter().filter(|one| one.essential == essential).collect();
        let Some(first) = own.first() else { continue };
        let Direction { what, legs } = direction;
        let mut pairs = own.iter().flat_map(|one| legs.iter().map(move |leg| (one, leg)));
        if pairs.any(|(one, (from, to))| is_left(from, &one.from) && is_left(to, &one.to)) {
            continue;
        }
        let message = format!(
            "narrowed so, nothing is left of {what}: {} of the estate needs it, and policies close all of it",
            count(legs.len())
        );
        let help = help(essential);
        let others = own.iter().skip(1).map(|one| one.span);
        let found = warning(codes::NARROWED_AWAY, first.span, message, help);
        diagnostics
            .push(others.fold(found, |found, span: Span| found.with_related(span, "and so")));
    }
}

fn count(legs: usize) -> String {
    if legs == 1 { "one place".to_owned() } else { format!("{legs} places") }
}

fn help(essential: Narrowable) -> &'static str {
    match essential {
        Narrowable::ControlPlane => {
            "legs go both ways between nodes and their control plane: add an entry with the other side under `from`"
        }
        Narrowable::HealthChecks => {
            "`from` names fronts and `to` their targets: add an entry for those that have to work"
        }
        Narrowable::ClusterResolver => {
            "`from` names pods and `to` the resolver's: add an entry for those that ask for names"
        }
    }
}
