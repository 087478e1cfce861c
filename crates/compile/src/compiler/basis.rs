//! What the rules of all identities are made from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use watertight_model::Network;
use watertight_model::network::RealmId;
use watertight_net::FlowSet;
use watertight_reach::{Matrix, Reach};

use super::{Premise, Widened, opened};
use crate::artifact::{Group, GroupName};
use crate::identity::Identities;
use crate::intent::Intent;
use crate::lots::{Addresses, Lots};
use crate::moving::Named;
use crate::outside;
use crate::plane::{KeptList, Plane};
use crate::validate::{AtOnce, both};
use crate::via::Vias;

/// What the rules of all identities are made from, whatever the rules of the policy do, and what was made.
pub(crate) struct Basis {
    pub(super) vias: Vias,
    pub(crate) identities: Arc<Identities>,
    /// The network without guards.
    open: Network,
    /// Who gets to whom there.
    matrix: Matrix,
    lots: Lots,
    addresses: Addresses,
    parts: Vec<outside::Part>,
    /// By realm, the lists that rules there can name.
    lists: BTreeMap<RealmId, Vec<KeptList>>,
    /// Whether some carry no groups because rules would have to name their addresses: which rules are that depends on
    /// the policy.
    pub(super) has_named: bool,
    /// By identity.
    pub(super) made: Vec<OfIdentity>,
}

/// What is made of one identity.
#[derive(Clone, Debug)]
pub(crate) struct OfIdentity {
    pub(crate) groups: Vec<Arc<Group>>,
    pub(super) left: FlowSet,
    pub(super) widened: Vec<Widened>,
}

impl Basis {
    /// What there is where some move and are `named` by their addresses: those carry no groups.
    pub(super) fn new(
        intent: &Intent<'_>,
        plane: &dyn Plane,
        at_once: &dyn AtOnce,
        (vias, named): (&Vias, &Named),
    ) -> Self {
        let network = &intent.estate().network;
        let ways = || {
            let open = opened(network, |_| true);
            let matrix = Reach::new(&open).matrix(&BTreeSet::new());
            (open, matrix)
        };
        let identify = || Identities::new(intent, plane, vias, named);
        let (identities, (open, matrix)) = both(at_once, identify, ways);
        Self {
            lots: Lots::new(intent, &matrix, (&identities, vias)),
            addresses: Addresses::new(intent, &identities),
            parts: outside::parts(intent),
            lists: lists(intent, plane),
            vias: vias.clone(),
            identities: Arc::new(identities),
            open,
            matrix,
            has_named: !named.is_empty(),
            made: Vec::new(),
        }
    }

    pub(super) fn premise<'w>(&'w self, plane: &'w dyn Plane) -> Premise<'w> {
        Premise {
            plane,
            open: &self.open,
            identities: &self.identities,
            matrix: &self.matrix,
            lots: &self.lots,
            addresses: &self.addresses,
            parts: &self.parts,
            lists: &self.lists,
            vias: &self.vias,
        }
    }

    /// The groups of all identities, ordered by name, and the names of each.
    pub(super) fn groups(&self) -> (Vec<Arc<Group>>, Vec<Vec<GroupName>>) {
        let mut groups: Vec<Arc<Group>> = Vec::new();
        let mut names = Vec::with_capacity(self.made.len());
        for made in &self.made {
            names.push(made.groups.iter().map(|group| group.name.clone()).collect::<Vec<_>>());
            groups.extend(made.groups.iter().map(Arc::clone));
        }
        groups.sort_by(|one, other| one.name.cmp(&other.name));
        (groups, names)
    }

    /// What merging prefixes has opened, by identity.
    pub(super) fn widened(&self) -> Vec<Widened> {
        self.made.iter().flat_map(|made| &made.widened).cloned().collect()
    }

    /// What no rule expresses.
    pub(super) fn left(&self) -> FlowSet {
        self.made.iter().fold(FlowSet::none(), |all, made| all.union(&made.left))
    }
}

/// The lists of the services that the policy names, by realm.
fn lists(intent: &Intent<'_>, plane: &dyn Plane) -> BTreeMap<RealmId, Vec<KeptList>> {
    let (estate, services) = (intent.estate(), intent.services());
    let mut found = BTreeMap::new();
    for realm in estate.network.realms.ids().filter(|_| !services.is_empty()) {
        let mut lists = plane.lists(estate, realm);
        lists.retain(|list| services.contains(&list.service));
        found.insert(realm, lists);
    }
    found
}
