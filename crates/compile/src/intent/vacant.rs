//! What is intended for addresses of subnets that nobody has.

use std::rc::Rc;

use watertight_model::network::RealmId;
use watertight_net::AtomId;

use super::{Allowed, Intent, KindId};
use crate::vacant::Vacancy;

/// What the policy sees where nobody is: the addresses, and the network where any rule names one.
pub(crate) type VacantSight = (Option<AtomId>, Option<RealmId>);

impl Intent<'_> {
    /// What the policy sees in a vacancy: two of which it sees the same get the same decisions.
    pub(crate) fn sight_of(&self, vacancy: &Vacancy) -> VacantSight {
        let realm = self.by_network.then_some(vacancy.realm);
        (self.atom_of(&vacancy.addresses), realm)
    }

    /// What is allowed between a kind and where nobody is, or with `ingress` from there to the kind.
    pub(crate) fn with_vacant(
        &self,
        kind: KindId,
        vacancy: &Vacancy,
        ingress: bool,
    ) -> Rc<Allowed> {
        let key = (kind, self.sight_of(vacancy), ingress);
        if let Some(known) = self.vacant.borrow().get(&key) {
            return Rc::clone(known);
        }
        let (own, other) = (self.end_of(kind), vacancy.end());
        let (source, destination) = if ingress { (&other, &own) } else { (&own, &other) };
        let ask = || Rc::new(self.ask(source, destination));
        let seen = self.backgrounds.get(kind);
        let allowed = match seen.filter(|_| !self.deciding.has_rule_between(source, destination)) {
            None => ask(),
            Some(seen) => {
                let key = (*seen, key.1, ingress);
                let mut known = self.vacant_without_rules.borrow_mut();
                Rc::clone(known.entry(key).or_insert_with(ask))
            }
        };
        self.vacant.borrow_mut().insert(key, Rc::clone(&allowed));
        allowed
    }
}
