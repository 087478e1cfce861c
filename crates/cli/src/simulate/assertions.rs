//! The assertions of a policy, asked of an estate.

use std::collections::BTreeSet;

use watertight_model::{ArenaId, Estate, Name, Truth};
use watertight_net::{AddressSet, FlowSet};
use watertight_policy::checked::{self, ClaimKind, Conditions, Peer};
use watertight_policy::decide::{Decider, End};
use watertight_reach::{Assertion, Claim, Follow, Held, Judge, Judgement, Party, Witness};

use crate::text;

/// What one assertion comes to.
pub(crate) struct Judged {
    pub(crate) name: Name,
    pub(crate) before: Verdict,
    pub(crate) after: Verdict,
}

/// What an assertion comes to in one estate.
pub(crate) struct Verdict {
    pub(crate) held: Held,
    /// The flows that break it, or could, hop by hop.
    pub(crate) witness: Vec<String>,
    /// What the input lacks to tell.
    pub(crate) missing: Vec<String>,
}

/// Judges all assertions in two estates that have the same workloads.
pub(crate) fn judged(before: &Estate, after: &Estate, decider: &Decider<'_>) -> Vec<Judged> {
    let names = decider.policy().assertions.iter().map(|one| one.name.clone());
    let (old, new) = (verdicts(before, decider), verdicts(after, decider));
    let each = names.zip(old.into_iter().zip(new));
    each.map(|(name, (before, after))| Judged { name, before, after }).collect()
}

/// What all assertions come to in an estate, in their order.
pub(crate) fn verdicts(estate: &Estate, decider: &Decider<'_>) -> Vec<Verdict> {
    let policy = decider.policy();
    let asked: Vec<Assertion> =
        policy.assertions.iter().map(|one| assertion(estate, decider, one)).collect();
    let judge = Judge::new(estate, &asked);
    asked.iter().map(|asked| verdict(estate, &judge.judge(asked))).collect()
}

fn verdict(estate: &Estate, judgement: &Judgement) -> Verdict {
    Verdict {
        held: judgement.held,
        witness: judgement.witness.as_ref().map_or_else(Vec::new, |one| hops(estate, one)),
        missing: judgement.missing.iter().map(ToString::to_string).collect(),
    }
}

fn hops(estate: &Estate, witness: &Witness) -> Vec<String> {
    let each = witness.hops.iter();
    each.map(|hop| {
        let start = text::start(estate, &hop.start);
        let accepts = hop.to.and_then(|id| estate.network.endpoints.get(id));
        let accepts = accepts.and_then(|one| estate.workloads.get(one.workload));
        let accepts = accepts.map_or_else(String::new, |one| format!(" ({})", one.name));
        let target = hop.target.describe(&estate.network);
        format!("{start} -> {target}{accepts} over {}", hop.flow)
    })
    .collect()
}

/// An assertion of a policy as one about an estate.
pub(crate) fn assertion(
    estate: &Estate,
    decider: &Decider<'_>,
    one: &checked::Assertion,
) -> Assertion {
    Assertion {
        claim: match one.kind {
            ClaimKind::Never => Claim::Never,
            ClaimKind::Always => Claim::Always,
            ClaimKind::OnlyFrom => Claim::OnlyFrom,
            ClaimKind::OnlyTo => Claim::OnlyTo,
        },
        follow: match one.reach {
            checked::Reach::Direct => Follow::Direct,
            checked::Reach::Front => Follow::Front,
            checked::Reach::Any => Follow::Any,
        },
        from: party(estate, decider, &one.from),
        to: party(estate, decider, &one.to),
        over: one.over.iter().fold(FlowSet::none(), |all, clause| all.union(&clause.flows)),
    }
}

/// One side of an assertion. What a network does not know of, as names and people, is missing.
fn party(estate: &Estate, decider: &Decider<'_>, peers: &[Peer]) -> Party {
    let mut party = Party::default();
    for (id, workload) in estate.workloads.iter() {
        match decider.belongs(peers, &End::workload(vec![id.index()])) {
            Truth::Yes => party.endpoints.extend(&workload.endpoints),
            Truth::Maybe => party.perhaps.extend(&workload.endpoints),
            Truth::No => {}
        }
    }
    for peer in peers {
        let (internet, outside) = addresses(decider, peer, &mut party.missing);
        party.internet = party.internet.union(&internet);
        party.outside = party.outside.union(&outside);
    }
    party
}

fn addresses(
    decider: &Decider<'_>,
    peer: &Peer,
    missing: &mut BTreeSet<Name>,
) -> (AddressSet, AddressSet) {
    match &peer.end {
        checked::End::Any => (AddressSet::all(), AddressSet::all()),
        checked::End::Internet => (decider.internet().clone(), AddressSet::empty()),
        checked::End::Conditions(asks) => {
            missing.extend(unaddressed(decider, asks));
            if asks.metadata {
                missing.insert(Name::from("who reaches the metadata service of an instance"));
            }
            match &asks.addresses {
                Some(set) if asks.workloads.is_none() => ((**set).clone(), (**set).clone()),
                _ => (AddressSet::empty(), AddressSet::empty()),
            }
        }
    }
}

/// What a network does not know of: which addresses names, people and services have.
fn unaddressed(decider: &Decider<'_>, asks: &Conditions) -> Vec<Name> {
    let domains = asks.domains.iter().map(ToString::to_string);
    let all = &decider.policy().users;
    let users = asks.users.iter().filter_map(|id| all.get(id.index()));
    let users = users.map(|users| format!("whoever is of the users {}", users.name));
    let services = asks.provider.iter().map(|service| format!("the service {service}"));
    let each = domains.map(|name| format!("the name {name}")).chain(users).chain(services);
    each.map(|whose| Name::from(format!("which addresses {whose} has"))).collect()
}
