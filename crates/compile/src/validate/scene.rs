//! The classes of ends of the estate before, after, and after with our guards open, taken together.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::OnceLock;

use watertight_model::network::{EndpointId, Guard};
use watertight_model::{Bounds, Estate, Name};
use watertight_net::{AddressSet, Family, FlowSet, Prefix};
use watertight_policy::decide::{Decision, End, Reason as Because};
use watertight_reach::{Class, ClassIndex, Matrix, Reach, Start, named_prefixes};

use crate::artifact::GroupName;
use crate::compiler::Compiled;
use crate::edge::BarredEnd;
use crate::gap::{Forbidden, RuleRef};
use crate::identity::name_of;
use crate::intent::{Allowed, Intent, KindId};
use crate::vacant::{Vacancy, furnish, vacancies};
use crate::via::Vias;

/// Whether a guard is one that we wrote.
pub(super) fn is_ours(guard: &Guard) -> bool {
    guard.title.starts_with(GroupName::PREFIX)
}

/// The families that are looked at apart: what passes over one hides what does not over the other, where an
/// endpoint has addresses of both.
pub(super) fn families(estates: [&Estate; 3]) -> Vec<Option<Family>> {
    let has_both = estates.iter().any(|estate| {
        estate.network.endpoints.values().any(|endpoint| {
            let mut addresses = endpoint.addresses.iter().map(|address| Family::of(*address));
            let first = addresses.next();
            addresses.any(|family| first.is_some_and(|first| first != family))
        })
    });
    if has_both { vec![Some(Family::V4), Some(Family::V6)] } else { vec![None] }
}

/// Ends that neither a network nor the policy tells apart.
#[derive(Clone, Debug)]
pub(super) struct Party {
    pub(super) who: PartyWho,
    pub(super) is_governed: bool,
    /// The place of its identity, where our groups are on it.
    pub(super) identity: Option<usize>,
    /// Its classes before, after, and with our guards open.
    pub(super) classes: [Option<ClassIndex>; 3],
    /// Where packets of one outside start.
    pub(super) start: Option<Start>,
    pub(super) number: usize,
}

#[derive(Clone, Debug)]
pub(super) enum PartyWho {
    /// Endpoints, by their ids before, and the kind that they are of.
    Endpoints(Vec<EndpointId>, KindId),
    /// Addresses outside.
    Outside(AddressSet, Name),
    /// Addresses inside that nobody has, and the endpoint that stands there for them before.
    Vacant(Vacancy, EndpointId),
}

impl PartyWho {
    /// Whether nobody in the estate is there: such parties are asked about with others alone.
    pub(super) const fn is_nobody(&self) -> bool {
        match self {
            Self::Endpoints(..) => false,
            Self::Outside(..) | Self::Vacant(..) => true,
        }
    }

    /// Its endpoints, by their ids before: those of the estate, or the one that stands in.
    pub(super) fn endpoints(&self) -> &[EndpointId] {
        match self {
            Self::Endpoints(members, _) => members,
            Self::Outside(..) => &[],
            Self::Vacant(_, id) => std::slice::from_ref(id),
        }
    }
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

/// Who reaches whom in one estate, and which classes send alike: found once, by whoever asks first.
#[derive(Debug, Default)]
struct Sheet {
    matrix: OnceLock<Matrix>,
    alike: OnceLock<Vec<u32>>,
}

/// What scenes of one family with the same two first estates share, whatever the third is.
#[derive(Debug)]
pub(super) struct Sheets<'s> {
    estates: [&'s Estate; 2],
    /// Of what is dialled at addresses of one family, where it is not all.
    family: Option<Family>,
    told: &'s Told,
    each: [Sheet; 2],
}

impl<'s> Sheets<'s> {
    /// What is shared by scenes of two estates, of which each has a third that was told apart with them.
    pub(super) const fn new(
        estates: [&'s Estate; 2],
        told: &'s Told,
        family: Option<Family>,
    ) -> Self {
        let each = [
            Sheet { matrix: OnceLock::new(), alike: OnceLock::new() },
            Sheet { matrix: OnceLock::new(), alike: OnceLock::new() },
        ];
        Self { estates, family, told, each }
    }
}

/// What is told apart in some estates that are compared, and who stands in them where nobody is.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The prefixes.
    boundaries: BTreeSet<Prefix>,
    /// What nobody has, by the endpoint that stands there in the first of them.
    vacant: BTreeMap<EndpointId, Vacancy>,
}

impl Told {
    /// Tells apart what the policy or one of some estates does, and puts somebody where nobody is in each of
    /// them: the first is the one that is there.
    pub(super) fn apart(intent: &Intent<'_>, estates: &mut [&mut Estate]) -> Self {
        let sets = intent.sets().iter();
        let mut boundaries: BTreeSet<Prefix> = sets.flat_map(AddressSet::prefixes).collect();
        for estate in estates.iter() {
            boundaries.extend(named_prefixes(&estate.network));
        }
        let vacancies = vacancies(intent.estate(), &boundaries);
        let mut first = None;
        for estate in estates {
            let ids = furnish(&mut estate.network, &vacancies);
            first.get_or_insert(ids);
        }
        let vacant = first.into_iter().flatten().zip(vacancies);
        let vacant = vacant.filter_map(|(id, vacancy)| Some((id?, vacancy))).collect();
        Self { boundaries, vacant }
    }
}

pub(super) struct Scene<'s, 'a> {
    pub(super) intent: &'s Intent<'a>,
    pub(super) compiled: &'s Compiled,
    pub(super) estates: [&'s Estate; 3],
    pub(super) missing: Vec<String>,
    pub(super) reach: [Reach<'s>; 3],
    /// Of what is dialled at addresses of one family, where it is not all.
    pub(super) family: Option<Family>,
    /// The first two.
    shared: &'s Sheets<'s>,
    third: Sheet,
    parties: Vec<Party>,
    /// The fronts that keep their clients' addresses.
    pub(super) vias: Vias,
    /// Ids after, by ids before.
    pub(super) later: BTreeMap<EndpointId, EndpointId>,
}

impl<'s, 'a> Scene<'s, 'a> {
    /// The third estate is one of those for which `shared` was made.
    pub(super) fn new(
        intent: &'s Intent<'a>,
        compiled: &'s Compiled,
        (shared, third): (&'s Sheets<'s>, &'s Estate),
    ) -> Self {
        Self::found(intent, compiled, (shared, third), [0, 1, 2])
    }

    /// The same; what passes is found in this order, so that who does so beside another finds what that does not.
    pub(super) fn found(
        intent: &'s Intent<'a>,
        compiled: &'s Compiled,
        (shared, third): (&'s Sheets<'s>, &'s Estate),
        order: [usize; 3],
    ) -> Self {
        let [before, after] = shared.estates;
        let estates = [before, after, third];
        let (later, missing) = matched(estates[0], estates[1]);
        let mut scene = Self {
            intent,
            compiled,
            estates,
            missing,
            reach: estates.map(|estate| Reach::new(&estate.network)),
            family: shared.family,
            shared,
            third: Sheet::default(),
            parties: Vec::new(),
            vias: Vias::new(estates[0]),
            later,
        };
        for at in order {
            scene.sender_number(at, 0);
        }
        scene.parties = scene.of_endpoints();
        scene.add_outside();
        scene.add_vacant();
        scene
    }

    fn of_endpoints(&self) -> Vec<Party> {
        type Key = ([Option<ClassIndex>; 3], KindId, Option<usize>, bool);
        let mut found: BTreeMap<Key, Vec<EndpointId>> = BTreeMap::new();
        let governed: BTreeSet<EndpointId> =
            self.compiled.identities.governed.iter().copied().collect();
        let [before, after, third] = [0, 1, 2].map(|at: usize| self.matrix(at));
        for id in self.estates[0].network.endpoints.ids() {
            let Some(later) = self.later.get(&id) else { continue };
            if self.shared.told.vacant.contains_key(&id) {
                continue;
            }
            let classes = [before.class_of(id), after.class_of(*later), third.class_of(*later)];
            let identity = self.compiled.identities.guarding(id);
            let key = (classes, self.intent.kind_of(id), identity, governed.contains(&id));
            found.entry(key).or_default().push(id);
        }
        let parties = found.into_iter().enumerate();
        parties
            .map(|(number, ((classes, kind, identity, is_governed), members))| Party {
                who: PartyWho::Endpoints(members, kind),
                is_governed,
                identity,
                classes,
                start: None,
                number,
            })
            .collect()
    }

    /// What nobody has: no group is on it, and no segment holds it.
    fn add_vacant(&mut self) {
        let told = self.shared.told;
        for (id, vacancy) in &told.vacant {
            let Some(later) = self.later.get(id).copied() else { continue };
            let class = |at: usize| {
                let id = if at == 0 { *id } else { later };
                self.matrix(at).class_of(id)
            };
            let classes = [0, 1, 2].map(class);
            self.parties.push(Party {
                who: PartyWho::Vacant(vacancy.clone(), *id),
                is_governed: false,
                identity: None,
                classes,
                start: None,
                number: self.parties.len(),
            });
        }
    }

    fn add_outside(&mut self) {
        let places = |matrix: &Matrix| -> BTreeMap<Class, ClassIndex> {
            let classes = matrix.classes.iter().enumerate();
            classes.map(|(place, class)| (class.clone(), place)).collect()
        };
        let all = [0, 1, 2].map(|at: usize| places(self.matrix(at)));
        for class in all[0].keys() {
            let (atom, name, start) = match class {
                Class::Endpoints(_) => continue,
                Class::Internet(atom) => {
                    let start = Start::Internet { address: atom.representative };
                    (atom, Name::from("internet"), start)
                }
                Class::Outside(by, atom) => {
                    let name = Matrix::outside_name(&self.estates[0].network, *by);
                    let start = Start::Outside { by: *by, address: atom.representative };
                    (atom, Name::from(format!("outside:{name}")), start)
                }
            };
            let addresses = AddressSet::from_prefixes(atom.prefixes.iter().copied());
            self.parties.push(Party {
                who: PartyWho::Outside(addresses, name),
                is_governed: false,
                identity: None,
                classes: [0, 1, 2].map(|at: usize| all[at].get(class).copied()),
                start: Some(start),
                number: self.parties.len(),
            });
        }
    }

    pub(super) fn parties(&self) -> &[Party] {
        &self.parties
    }

    /// What passes before, after, or in the third estate, by its place in this order.
    pub(super) fn matrix(&self, at: usize) -> &Matrix {
        let Sheets { told, family, .. } = self.shared;
        let of = || self.reach[at].matrix_at(&told.boundaries, *family);
        self.sheet(at).matrix.get_or_init(of)
    }

    fn sheet(&self, at: usize) -> &Sheet {
        self.shared.each.get(at).unwrap_or(&self.third)
    }

    /// For a class of one of the three, the number of those that send alike.
    pub(super) fn sender_number(&self, at: usize, class: ClassIndex) -> Option<u32> {
        let alike = self.sheet(at).alike.get_or_init(|| self.matrix(at).senders_alike());
        alike.get(class).copied()
    }

    pub(super) fn governed(&self) -> impl Iterator<Item = &Party> {
        self.parties.iter().filter(|party| party.is_governed)
    }

    pub(super) fn cells(&self, from: &Party, to: &Party) -> Cells {
        let of = |at: usize| {
            let (from, to) = (from.classes[at], to.classes[at]);
            from.zip(to).and_then(|(from, to)| self.matrix(at).cell(from, to))
        };
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

impl Party {
    /// The names of its workloads, or its addresses.
    pub(super) fn text(&self, estate: &Estate) -> String {
        match &self.who {
            PartyWho::Endpoints(members, _) => {
                let names: BTreeSet<String> =
                    members.iter().map(|id| name_of(estate, *id)).collect();
                names.into_iter().collect::<Vec<_>>().join(", ")
            }
            PartyWho::Outside(addresses, name) => {
                let first = addresses.first().map(|one| one.to_string()).unwrap_or_default();
                format!("{name}@{first}")
            }
            PartyWho::Vacant(vacancy, _) => vacancy.name(),
        }
    }

    /// The party where something on the way is to refuse what it sends or is sent.
    pub(super) fn barred(&self) -> BarredEnd {
        match &self.who {
            PartyWho::Endpoints(members, _) => BarredEnd::Endpoints(members.clone()),
            PartyWho::Outside(addresses, _) => BarredEnd::Outside(addresses.clone()),
            PartyWho::Vacant(vacancy, _) => BarredEnd::Outside(vacancy.addresses.clone()),
        }
    }

    /// The ids of its endpoints, or its prefixes.
    pub(super) fn names(&self, estate: &Estate) -> Vec<String> {
        match &self.who {
            PartyWho::Endpoints(members, _) => {
                let ids = members.iter().map(|id| &estate.network.endpoints[*id].name);
                ids.map(ToString::to_string).collect()
            }
            PartyWho::Outside(addresses, name) => {
                let prefixes = addresses.prefixes().into_iter();
                prefixes.map(|prefix| format!("{name}@{prefix}")).collect()
            }
            PartyWho::Vacant(vacancy, _) => vec![vacancy.name()],
        }
    }
}

/// What of flows that the platform needs stays: nothing of what quarantine denies.
pub(super) fn needed(allowed: &Allowed, flows: &FlowSet) -> FlowSet {
    let by_quarantine = |one: &Because| matches!(one, Because::Quarantine(_));
    let parts = allowed.parts.iter();
    let denied = parts.filter(|(_, decision)| decision.reasons.iter().any(by_quarantine));
    denied.fold(flows.clone(), |rest, (denied, _)| rest.difference(denied))
}

/// Endpoints of one estate in another, by name, and what is not the same in both.
fn matched(before: &Estate, after: &Estate) -> (BTreeMap<EndpointId, EndpointId>, Vec<String>) {
    let of = |estate: &Estate| -> BTreeMap<Name, EndpointId> {
        estate.network.endpoints.iter().map(|(id, one)| (one.name.clone(), id)).collect()
    };
    let (old, new) = (of(before), of(after));
    let found = old.iter().filter_map(|(name, id)| Some((*id, *new.get(name)?))).collect();
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    let added = new.keys().filter(|name| !old.contains_key(*name));
    let missing = gone.chain(added).map(|name| format!("{name} is not in both estates"));
    (found, missing.collect())
}
