//! What is intended with addresses that no endpoint has: outside, and in subnets where nobody is.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use watertight_model::network::RealmId;
use watertight_net::{AddressSet, AtomId};
use watertight_policy::decide::End;

use super::{Allowed, Intent, KindId};
use crate::vacant::Vacancy;

/// What the policy sees in addresses that no endpoint has: those of which it sees the same get the same
/// decisions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum NobodySight {
    /// Outside: the number of the part that the policy does not tell apart.
    Outside(AtomId),
    /// In a subnet: that number, and the network where any rule names one.
    Vacant(AtomId, Option<RealmId>),
}

/// What is known of them, asked once for each sort of ends: with `true` from there to the kind.
#[derive(Debug, Default)]
pub(super) struct WithNobody {
    known: RefCell<FxHashMap<(KindId, NobodySight, bool), Rc<Allowed>>>,
    /// The same where no rule can match both ends, by what is seen of the kind then.
    without_rules: RefCell<FxHashMap<(usize, NobodySight, bool), Rc<Allowed>>>,
}

impl Intent<'_> {
    /// What the policy sees in addresses outside that it does not tell apart.
    pub(crate) fn sight_of_outside(&self, addresses: &AddressSet) -> Option<NobodySight> {
        addresses.first().map(|first| NobodySight::Outside(self.atoms.atom_of(first)))
    }

    /// What it sees in a vacancy.
    pub(crate) fn sight_of_vacant(&self, vacancy: &Vacancy) -> Option<NobodySight> {
        let realm = self.by_network.then_some(vacancy.realm);
        let first = vacancy.addresses.first()?;
        Some(NobodySight::Vacant(self.atoms.atom_of(first), realm))
    }

    /// What is allowed between a kind and addresses outside that the policy does not tell apart, or
    /// with `ingress` from these to the kind.
    pub(crate) fn with_outside(
        &self,
        kind: KindId,
        addresses: &AddressSet,
        ingress: bool,
    ) -> Rc<Allowed> {
        let sight = self.sight_of_outside(addresses);
        self.with_nobody((kind, sight, ingress), || End::outside(addresses.clone()))
    }

    /// What is allowed between a kind and where nobody is, or with `ingress` from there to the kind.
    pub(crate) fn with_vacant(
        &self,
        kind: KindId,
        vacancy: &Vacancy,
        ingress: bool,
    ) -> Rc<Allowed> {
        self.with_nobody((kind, self.sight_of_vacant(vacancy), ingress), || vacancy.end())
    }

    fn with_nobody(
        &self,
        (kind, sight, ingress): (KindId, Option<NobodySight>, bool),
        end: impl Fn() -> End,
    ) -> Rc<Allowed> {
        let Some(sight) = sight else { return Rc::default() };
        let key = (kind, sight, ingress);
        if let Some(known) = self.nobody.known.borrow().get(&key) {
            return Rc::clone(known);
        }
        let (own, other) = (self.end_of(kind), end());
        let (source, destination) = if ingress { (&other, &own) } else { (&own, &other) };
        let ask = || Rc::new(self.ask(source, destination));
        let seen = self.backgrounds.get(kind);
        let allowed = match seen.filter(|_| !self.deciding.has_rule_between(source, destination)) {
            None => ask(),
            Some(seen) => {
                let mut known = self.nobody.without_rules.borrow_mut();
                Rc::clone(known.entry((*seen, sight, ingress)).or_insert_with(ask))
            }
        };
        self.nobody.known.borrow_mut().insert(key, Rc::clone(&allowed));
        allowed
    }
}
