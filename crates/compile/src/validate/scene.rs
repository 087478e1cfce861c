//! The classes of ends of the estate before, after, and after with our guards open, taken together.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use watertight_model::network::{EndpointId, Guard};
use watertight_model::{Bounds, Estate};
use watertight_net::{Family, FlowSet};
use watertight_policy::decide::{Decision, End, Reason as Because};
use watertight_reach::{Classes, Matrix, Reach};

use super::AtOnce;
use super::about::About;
use super::told::{Apart, ESTATES, Ids, Party, PartyWho, Told, of_each};
use crate::artifact::GroupName;
use crate::compiler::Compiled;
use crate::gap::{Forbidden, RuleRef};
use crate::intent::{Allowed, Intent, KindId};
use crate::via::Vias;

/// Whether a guard is one that we wrote.
pub(super) fn is_ours(guard: &Guard) -> bool {
    guard.title.starts_with(GroupName::PREFIX)
}

/// The families that are looked at apart: what passes over one hides what does not over the other, where an
/// endpoint has addresses of both.
fn families(estates: &[&Estate]) -> Vec<Option<Family>> {
    let has_both = estates.iter().any(|estate| {
        estate.network.endpoints.values().any(|endpoint| {
            let mut addresses = endpoint.addresses.iter().map(|address| Family::of(*address));
            let first = addresses.next();
            addresses.any(|family| first.is_some_and(|first| first != family))
        })
    });
    if has_both { vec![Some(Family::V4), Some(Family::V6)] } else { vec![None] }
}

/// What of the policy decides about flows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct Ruled {
    pub(super) rules: Vec<RuleRef>,
    /// What forbids them, where they are denied.
    pub(super) forbidden: Option<Forbidden>,
}

/// What passes between two parties.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    pub(super) before: Bounds<FlowSet>,
    pub(super) after: Bounds<FlowSet>,
    pub(super) open: Bounds<FlowSet>,
    /// What is answered: the same three, where edges change. What sees no connections refuses replies.
    pub(super) answered: Option<[Bounds<FlowSet>; 3]>,
}

/// Who reaches whom in some estates, over each family that is looked at.
pub(super) struct Sheets<'s> {
    apart: Apart<'s>,
    /// Whom it is about, where that is not everybody: of others with each other it does not tell.
    about: Option<&'s About>,
    pub(super) families: Vec<Option<Family>>,
    /// By estate and family.
    matrices: [Vec<Matrix>; ESTATES],
}

impl<'s> Sheets<'s> {
    pub(super) fn new(apart: Apart<'s>, about: Option<&'s About>, at_once: &dyn AtOnce) -> Self {
        let families = families(&apart.estates);
        let matrices = of_each(at_once, |at| {
            let of = apart.reach.get(at).zip(apart.told.classes.get(at));
            let matrices = |(reach, classes): (&Reach<'_>, &Classes)| match about {
                None => reach.matrices(classes, &families),
                Some(about) => reach.matrices_about(classes, &families, about.parties()),
            };
            of.map(matrices).unwrap_or_default()
        });
        Self { apart, about, families, matrices }
    }

    /// All whom the policy or an estate tells apart.
    pub(super) fn parties(&self) -> &[Party] {
        &self.apart.told.parties
    }

    pub(super) fn into_parties(self) -> Vec<Party> {
        self.apart.told.parties
    }

    pub(super) const fn about(&self) -> Option<&'s About> {
        self.about
    }

    /// The estates, in their order.
    pub(super) const fn estates(&self) -> [&'s Estate; ESTATES] {
        self.apart.estates
    }
}

/// Three estates of some, over one family.
pub(super) struct Scene<'s, 'a> {
    pub(super) intent: &'s Intent<'a>,
    pub(super) compiled: &'s Compiled,
    pub(super) estates: [&'s Estate; 3],
    pub(super) reach: [Reach<'s>; 3],
    /// Of what is dialled at addresses of one family, where it is not all.
    pub(super) family: Option<Family>,
    told: &'s Told,
    about: Option<&'s About>,
    matrices: [&'s Matrix; 3],
    /// The fronts that keep their clients' addresses.
    pub(super) vias: Vias,
    /// Ids after, by ids before.
    pub(super) later: &'s Ids,
}

impl<'s, 'a> Scene<'s, 'a> {
    /// Three of the estates of `sheets`, by their places there, over one of its families. Nothing, where there is no
    /// such place.
    pub(super) fn new(
        (intent, compiled): (&'s Intent<'a>, &'s Compiled),
        sheets: &'s Sheets<'_>,
        places: [usize; 3],
        family: usize,
    ) -> Option<Self> {
        let Sheets { apart: Apart { told, estates, reach }, about, families, matrices } = sheets;
        let [first, second, third] = places;
        let estate = |at: usize| estates.get(at).copied();
        let estates = [estate(first)?, estate(second)?, estate(third)?];
        let matrix = |at: usize| matrices.get(at)?.get(family);
        let reach = |at: usize| reach.get(at).map(Reach::beside);
        Some(Self {
            intent,
            compiled,
            estates,
            reach: [reach(first)?, reach(second)?, reach(third)?],
            family: *families.get(family)?,
            told,
            about: *about,
            matrices: [matrix(first)?, matrix(second)?, matrix(third)?],
            vias: Vias::new(estates[0]),
            later: told.ids.get(second)?,
        })
    }

    pub(super) fn parties(&self) -> &'s [Party] {
        &self.told.parties
    }

    /// How many of the parties, the first ones, are classes of the matrices.
    pub(super) fn classes_len(&self) -> usize {
        self.told.classes.first().map_or(0, |classes| classes.len())
    }

    /// Whether it is looked at what a party sends and is sent; pairs of others are left out.
    pub(super) fn is_about(&self, party: &Party) -> bool {
        self.about.is_none_or(|about| about.is_about(party.number))
    }

    /// What passes before, after, and in the third estate, by the numbers of parties.
    pub(super) const fn matrices(&self) -> [&'s Matrix; 3] {
        self.matrices
    }

    pub(super) fn governed(&self) -> impl Iterator<Item = &Party> {
        self.parties().iter().filter(|party| party.is_governed)
    }

    pub(super) fn cells(&self, from: &Party, to: &Party) -> Cells {
        let of = |at: usize| self.matrices[at].cell(from.number, to.number);
        let none = || Bounds::exact(FlowSet::none());
        let cell = |at: usize| of(at).map_or_else(none, |cell| cell.forward.clone());
        let answered = |at: usize| of(at).map_or_else(none, |cell| cell.established.clone());
        let has_edges = self.compiled.artifacts.edges.is_some();
        let answered = has_edges.then(|| [0, 1, 2].map(answered));
        Cells { before: cell(0), after: cell(1), open: cell(2), answered }
    }

    /// What is intended between two parties.
    pub(super) fn allowed(&self, from: &Party, to: &Party) -> Rc<Allowed> {
        let (kind, outside, ingress) = match (&from.who, &to.who) {
            (PartyWho::Endpoints(_, from), PartyWho::Endpoints(_, to)) => {
                return self.intent.between(*from, *to);
            }
            (PartyWho::Endpoints(_, kind), _) => (*kind, to, false),
            (_, PartyWho::Endpoints(_, kind)) => (*kind, from, true),
            _ => return Rc::default(),
        };
        self.allowed_outside(kind, outside, ingress)
    }

    /// What is intended between a kind of endpoints and a party outside, or where nobody is.
    pub(super) fn allowed_outside(
        &self,
        kind: KindId,
        outside: &Party,
        ingress: bool,
    ) -> Rc<Allowed> {
        match &outside.who {
            PartyWho::Outside(addresses, _) => self.intent.with_outside(kind, addresses, ingress),
            PartyWho::Vacant(vacancy, _) => self.intent.with_vacant(kind, vacancy, ingress),
            PartyWho::Endpoints(..) => Rc::default(),
        }
    }

    pub(super) fn end(&self, party: &Party) -> End {
        match &party.who {
            PartyWho::Endpoints(members, _) => members
                .first()
                .map_or_else(|| End::workload(Vec::new()), |first| self.intent.end(*first)),
            PartyWho::Outside(addresses, _) => End::outside(addresses.clone()),
            PartyWho::Vacant(vacancy, _) => vacancy.end(),
        }
    }

    /// Whether one party is a machine and the other pods of its own.
    pub(super) fn is_node_to_own_pod(&self, (from, to): (&Party, &Party)) -> bool {
        let (PartyWho::Endpoints(hosts, _), PartyWho::Endpoints(guests, _)) = (&from.who, &to.who)
        else {
            return false;
        };
        let network = &self.estates[0].network;
        let machine = |id: &EndpointId| network.endpoints.get(*id).map(|one| one.workload);
        let hosts: BTreeSet<_> = hosts.iter().map(machine).collect();
        let mut machines = guests.iter().map(|id| machine(&network.uplinks.get(id)?.by));
        hosts.len() == 1 && machines.all(|one| one.is_some() && hosts.contains(&one))
    }

    /// Flows by what of the policy decided about them.
    pub(super) fn rules(&self, allowed: &Allowed, flows: &FlowSet) -> Vec<(FlowSet, Ruled)> {
        let mut found: BTreeMap<Ruled, FlowSet> = BTreeMap::new();
        for (part, decision) in &allowed.parts {
            let flows = part.intersection(flows);
            if !flows.is_empty() {
                let all = found.entry(self.ruled(decision)).or_default();
                *all = all.union(&flows);
            }
        }
        found.into_iter().map(|(rules, flows)| (flows, rules)).collect()
    }

    /// What of the policy decided, in words.
    pub(super) fn ruled(&self, decision: &Decision) -> Ruled {
        let forbidden = self.intent.forbids(decision);
        Ruled { rules: self.intent.rules(decision), forbidden }
    }
}

/// What of flows that the platform needs stays: nothing of what quarantine denies.
pub(super) fn needed(allowed: &Allowed, flows: &FlowSet) -> FlowSet {
    let by_quarantine = |one: &Because| matches!(one, Because::Quarantine(_));
    let parts = allowed.parts.iter();
    let denied = parts.filter(|(_, decision)| decision.reasons.iter().any(by_quarantine));
    denied.fold(flows.clone(), |rest, (denied, _)| rest.difference(denied))
}
