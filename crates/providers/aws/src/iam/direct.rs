//! Whom resource policies name, so that a holder meets only those that could be about it.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;

use super::catalog::Resource;
use super::facts::{Facts, Holder};
use super::policy::{Document, Effect, Parties, Party};
use super::truth::Truth;

/// The resources whose policies address holders of their own account directly.
#[derive(Debug, Default)]
pub(crate) struct Direct {
    by_holder: BTreeMap<usize, BTreeSet<usize>>,
    anyone: BTreeMap<Name, BTreeSet<usize>>,
}

impl Direct {
    /// Those of a family for any of `actions`, in lower case. Takes time in the number of
    /// statements of the family's policies.
    pub(crate) fn of(facts: &Facts, family: &[Resource], actions: &[&str]) -> Self {
        let mut direct = Self::default();
        for (at, resource) in family.iter().enumerate() {
            let document = resource.policy.and_then(|at| facts.document(at));
            let (Some(document), Some(account)) = (document, &resource.account) else { continue };
            for action in actions {
                direct.add(facts, document, action, account, at);
            }
        }
        direct
    }

    fn add(&mut self, facts: &Facts, document: &Document, action: &str, account: &Name, at: usize) {
        for statement in document.about(action) {
            if statement.effect != Effect::Allow || statement.concerns(action) == Truth::No {
                continue;
            }
            let Parties::These(parties) = &statement.parties else {
                self.anyone.entry(account.clone()).or_default().insert(at);
                continue;
            };
            for party in parties {
                if *party == Party::Anyone {
                    self.anyone.entry(account.clone()).or_default().insert(at);
                }
                for holder in holders(facts, party) {
                    self.by_holder.entry(holder).or_default().insert(at);
                }
            }
        }
    }

    /// The resources that may address a holder.
    pub(crate) fn for_holder(&self, at: usize, holder: &Holder) -> impl Iterator<Item = usize> {
        let own = self.by_holder.get(&at).into_iter().flatten();
        let anyone = self.anyone.get(&holder.caller.account).into_iter().flatten();
        own.chain(anyone).copied()
    }
}

/// The holders that a party names by itself, its sessions or its unique id.
pub(crate) fn holders(facts: &Facts, party: &Party) -> Vec<usize> {
    match party {
        Party::Arn(arn) => match facts.by_arn.get(arn.as_str()) {
            Some(at) => vec![*at],
            None => sessions(facts, arn),
        },
        Party::UniqueId(id) => {
            let all = facts.holders.iter().enumerate();
            let named = all.filter(|(_, holder)| holder.caller.unique_id.as_deref() == Some(id));
            named.map(|(at, _)| at).collect()
        }
        _ => Vec::new(),
    }
}

/// The roles of which `arn:aws:sts::account:assumed-role/name/session` is a session.
fn sessions(facts: &Facts, arn: &str) -> Vec<usize> {
    let Some((head, rest)) = arn.split_once(":assumed-role/") else { return Vec::new() };
    let account = head.rsplit(':').next().unwrap_or_default();
    let name = rest.split('/').next().unwrap_or_default();
    let own = facts.by_account.get(account).into_iter().flatten().copied();
    own.filter(|at| facts.holders.get(*at).is_some_and(|one| *one.caller.name == *name)).collect()
}
