//! What one direction of one identity wants.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;
use watertight_net::{AddressSet, FlowSet};

use super::Premise;
use crate::artifact::GroupName;
use crate::fit::Wish;
use crate::identity::Identity;
use crate::intent::KindId;

/// What one direction of one identity wants, before prefixes.
#[derive(Default)]
pub(super) struct Wanted {
    /// The places of the identities whose groups are named.
    pub(super) groups: BTreeMap<FlowSet, BTreeSet<usize>>,
    pub(super) addresses: BTreeMap<FlowSet, AddressSet>,
    pub(super) never: AddressSet,
    /// The services that its rules name.
    pub(super) services: BTreeSet<Name>,
    pub(super) left: FlowSet,
    /// All that is written of what is allowed with endpoints, by way or without, by their kind.
    pub(super) allowed: BTreeMap<KindId, FlowSet>,
}

impl Wanted {
    pub(super) fn add(&mut self, piece: &FlowSet, addresses: &AddressSet) {
        let all = self.addresses.entry(piece.clone()).or_default();
        *all = all.union(addresses);
    }

    pub(super) fn wishes(&self, identity: &Identity, of: Premise<'_>) -> Vec<Wish> {
        let pieces: BTreeSet<&FlowSet> = self.groups.keys().chain(self.addresses.keys()).collect();
        let mut all = identity.all();
        let alone = all.next().zip(identity.kinds.first()).filter(|_| all.next().is_none());
        let alone = alone.map(|(id, kind)| (*id, *kind));
        let wish = |flows: &FlowSet| {
            let groups = self.groups.get(flows).into_iter().flatten();
            let groups = groups.filter_map(|number| of.identities.list.get(*number));
            let groups: BTreeSet<&GroupName> = groups.map(|one| &one.name).collect();
            let groups = groups.into_iter().cloned().collect();
            let Some(must) = self.addresses.get(flows).cloned() else {
                let (must, free) = (AddressSet::empty(), AddressSet::empty());
                return Wish { flows: flows.clone(), groups, must, free };
            };
            let kinds = self.allowed.iter().filter(|(_, allowed)| allowed.contains(flows));
            let kinds: BTreeSet<KindId> = kinds.map(|(kind, _)| *kind).collect();
            // Who is named by a group, or has no way here, may be in a prefix all the same.
            let free = of.addresses.free(identity.realm, &kinds, alone);
            let wider = self.addresses.iter().filter(|(other, _)| other.contains(flows));
            let free = wider.fold(free, |all, (_, more)| all.union(more));
            Wish { flows: flows.clone(), groups, must, free }
        };
        pieces.into_iter().map(wish).collect()
    }
}
