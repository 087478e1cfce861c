//! From what is intended to rules.

mod again;
mod basis;
mod halves;
mod handed;
mod wanted;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use thiserror::Error;
use watertight_model::network::{
    Action, Combine, EndpointId, Guard, Peer, RealmId, Rule, Rules, Stage, StageDefault, SubnetId,
};
use watertight_model::{Name, Network};
use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_policy::checked::LoweringChoice;
use watertight_policy::decide::Outcome;
use watertight_reach::Matrix;

use crate::artifact::{Artifacts, Attachment, Group, GroupName, GroupRule};
use crate::fit::{Budget, Fitted, Ground, TooMany, fit};
use crate::gap::{Gap, GapKind, Reason, RuleRef, Unheld};
use crate::identity::{Identities, Identity, name_of};
use crate::intent::{Allowed, Intent, KindId};
use crate::lots::{Addresses, Lot, Lots, Own, seen};
use crate::moving::{self, Named};
use crate::outside;
use crate::plane::{KeptList, Pieces, Plane};
use crate::references::References;
use crate::shared::Shared;
use crate::validate::AtOnce;
use crate::via::Vias;
pub(crate) use again::again;
pub(crate) use basis::Basis;
use basis::OfIdentity;
use halves::halves;
use wanted::Wanted;

/// What a policy becomes on a plane.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What the plane must hold.
    pub artifacts: Artifacts,
    /// Governed workloads on which the plane cannot put groups.
    pub unheld: Vec<Unheld>,
    /// Rules that the plane cannot express at all.
    pub gaps: Vec<Gap>,
    pub(crate) identities: Arc<Identities>,
    pub(crate) widened: Vec<Widened>,
    /// What no rule of the plane expresses, and is allowed.
    pub(crate) left: FlowSet,
}

/// What merging prefixes has opened at the members of one identity.
#[derive(Clone, Debug)]
pub(crate) struct Widened {
    pub(crate) identity: usize,
    pub(crate) ingress: bool,
    pub(crate) flows: FlowSet,
    pub(crate) added: AddressSet,
    pub(crate) reason: Reason,
}

/// Why nothing is planned.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Refusal {
    /// Rules do not fit and may not be merged.
    #[error(
        "`{group}` needs {needed} {direction} rules, {least} when merged as far as is allowed, and \
         its members can carry {limit}: name fewer addresses, or let more of them be one prefix"
    )]
    TooMany {
        /// The first group of the identity.
        group: GroupName,
        /// `ingress` or `egress`.
        direction: &'static str,
        /// Rules without merging.
        needed: u32,
        /// Rules after merging.
        least: u32,
        /// The limit.
        limit: u32,
    },
    /// A condition on requests would be widened where that is refused.
    #[error(
        "{rule} asks about requests, which the plane does not read, and {why}: write \
         `lowering: {{requests: close}}`, or leave the condition out"
    )]
    Requests {
        /// The rules.
        rule: String,
        /// What refuses.
        why: &'static str,
    },
    /// Something would become possible although a guardrail or the default of a crown jewel forbids it, and no
    /// exception names that gap.
    #[error(
        "{from} to {to} over {over} becomes possible, and {forbidden} forbids it; an exception that names \
         {gaps}"
    )]
    Forbidden {
        /// Who would open the legs.
        from: String,
        /// Who would accept them.
        to: String,
        /// The flows.
        over: String,
        /// What forbids it.
        forbidden: &'static str,
        /// The id of the gap and those of the others, as the end of the sentence.
        gaps: String,
    },
}

/// Compiles what is intended for a plane; `at_once` is how two halves of the work are done.
///
/// # Errors
/// When a limit cannot be held, and when something would be widened that must not be: then nothing
/// is compiled, never a part.
pub fn compile(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    at_once: &dyn AtOnce,
) -> Result<Compiled, Refusal> {
    Ok(compile_kept(intent, plane, at_once)?.0)
}

/// The same, with what it was made from.
pub(crate) fn compile_kept(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    at_once: &dyn AtOnce,
) -> Result<(Compiled, Basis), Refusal> {
    let vias = Vias::new(intent.estate());
    // Fewer carry groups each time, so that this ends.
    let mut named = Named::default();
    loop {
        let (compiled, basis, more) = once(intent, plane, at_once, (&vias, &named))?;
        if more.is_empty() {
            return Ok((compiled, basis));
        }
        named.extend(more);
    }
}

/// Compiles where those that are `named` carry no groups; tells which more move and would have to be named
/// by their addresses.
fn once(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    at_once: &dyn AtOnce,
    (vias, named): (&Vias, &Named),
) -> Result<(Compiled, Basis, Named), Refusal> {
    let mut basis = Basis::new(intent, plane, at_once, (vias, named));
    let (made, mut named) = halves(basis.premise(plane), intent, |_| true, at_once);
    basis.made = made.into_iter().map(|(_, made)| made).collect::<Result<_, _>>()?;
    let (groups, names) = basis.groups();
    let (widened, left) = (basis.widened(), basis.left());
    let identities = Arc::clone(&basis.identities);
    let by = |number: usize| {
        let first = identities.list.get(number).and_then(|one| one.members.first());
        first.map(|id| name_of(intent.estate(), *id)).unwrap_or_default()
    };
    named.extend(moving::merged(&identities, &widened, by));
    let attachments = attachments(intent, &identities, &names, &known(plane, &groups));
    let gaps = named_gaps(intent);
    let unheld = identities.unheld.clone();
    let artifacts = Artifacts { groups, attachments: attachments.into(), edges: None };
    Ok((Compiled { artifacts, unheld, gaps, identities, widened, left }, basis, named))
}

/// What is allowed between kinds and each part of the space that no endpoint has, or with `true` from
/// these to kinds.
type KnownOutside = BTreeMap<(KindId, bool), Rc<Vec<Allowed>>>;

/// What the rules of all identities are made from.
#[derive(Clone, Copy)]
struct Premise<'w> {
    plane: &'w dyn Plane,
    /// The network without guards.
    open: &'w Network,
    identities: &'w Identities,
    /// Who gets to whom when no guard refuses anything.
    matrix: &'w Matrix,
    lots: &'w Lots,
    addresses: &'w Addresses,
    parts: &'w [outside::Part],
    /// By realm, the lists that rules there can name.
    lists: &'w BTreeMap<RealmId, Vec<KeptList>>,
    vias: &'w Vias,
}

struct Work<'w, 'a> {
    of: Premise<'w>,
    intent: &'w Intent<'a>,
    references: References<'w>,
    known: RefCell<KnownOutside>,
    /// The pieces of flows: few are asked for, by all identities.
    known_pieces: RefCell<FxHashMap<FlowSet, Rc<Pieces>>>,
    left: FlowSet,
    widened: Vec<Widened>,
    /// Those that move and are named by their addresses.
    named: RefCell<Named>,
}

impl Work<'_, '_> {
    /// What is made of one identity.
    fn of_identity(&mut self, number: usize) -> Result<OfIdentity, Refusal> {
        let groups = self.groups(number)?.into_iter().map(Arc::new).collect();
        let left = std::mem::replace(&mut self.left, FlowSet::none());
        Ok(OfIdentity { groups, left, widened: std::mem::take(&mut self.widened) })
    }

    /// The groups of one identity.
    fn groups(&mut self, number: usize) -> Result<Vec<Group>, Refusal> {
        let Some(identity) = self.of.identities.list.get(number).cloned() else {
            return Ok(Vec::new());
        };
        let ingress = self.direction(number, &identity, true)?.groups;
        let egress = self.direction(number, &identity, false)?.groups;
        let realm = &self.intent.estate().network.realms[identity.realm];
        let of = |told: &Option<Name>| told.clone().unwrap_or_else(|| Name::from(""));
        let place = (of(&realm.account), of(&realm.region));
        let count = ingress.len().max(egress.len()).max(1);
        let rules = |groups: &[Vec<GroupRule>], at: usize| groups.get(at).cloned();
        let made = (0..count).map(|at| Group {
            name: match at {
                0 => identity.name.clone(),
                _ => GroupName(format!("{}/{}", identity.name, at.saturating_add(1))),
            },
            realm: realm.name.clone(),
            place: place.clone(),
            segments: identity.segments.clone(),
            ingress: rules(&ingress, at).unwrap_or_default(),
            egress: rules(&egress, at).unwrap_or_default(),
        });
        Ok(made.collect())
    }

    fn direction(
        &mut self,
        number: usize,
        identity: &Identity,
        ingress: bool,
    ) -> Result<Fitted, Refusal> {
        let mut wanted = Wanted::default();
        let own = Own::new(self.intent.estate(), identity, self.of.matrix, self.of.vias);
        self.add_endpoints((identity, &own), ingress, &mut wanted)?;
        self.add_outside(identity, ingress, &mut wanted)?;
        self.add_vias(identity, ingress, &mut wanted)?;
        let never = if identity.is_strict { outside::hosts() } else { wanted.never.clone() };
        // Nobody who opens connections is in a list: rules name services as destinations alone.
        let lists = self.of.lists.get(&identity.realm).filter(|_| !ingress).into_iter().flatten();
        // Who writes the same addresses means these, and not what the provider adds to them.
        let lists = lists.filter(|list| wanted.services.contains(&list.service)).cloned();
        let lists: Vec<KeptList> = lists.collect();
        let ground = Ground { never, held: &self.of.addresses.held, lists: &lists };
        let budget = Budget::of(&self.of.plane.limits());
        let fitted = fit(&wanted.wishes(identity, self.of), &ground, budget);
        self.left = self.left.union(&wanted.left);
        let fitted = fitted.map_err(|TooMany { needed, least }| Refusal::TooMany {
            group: identity.name.clone(),
            direction: if ingress { "ingress" } else { "egress" },
            needed,
            least,
            limit: budget.endpoint,
        })?;
        let internet = self.intent.internet();
        for (flows, added) in &fitted.widened {
            let must = wanted.addresses.get(flows);
            let is_internet = must.is_some_and(|must| must.intersects(internet));
            let reason = if is_internet { Reason::InternetWidened } else { Reason::PrefixWidened };
            let (flows, added) = (flows.clone(), added.clone());
            self.widened.push(Widened { identity: number, ingress, flows, added, reason });
        }
        Ok(fitted)
    }

    /// Endpoints of the estate to which there is a way: by reference where one matches.
    fn add_endpoints(
        &self,
        (identity, own): (&Identity, &Own),
        ingress: bool,
        wanted: &mut Wanted,
    ) -> Result<(), Refusal> {
        let mut prefixes: BTreeMap<FlowSet, Vec<Prefix>> = BTreeMap::new();
        let mut never = Vec::new();
        let mut referring = FxHashMap::default();
        let mut partners: BTreeMap<KindId, Vec<Rc<Allowed>>> = BTreeMap::new();
        for kind in &identity.kinds {
            for (other, allowed) in self.intent.partners(*kind, ingress).iter() {
                partners.entry(*other).or_default().push(Rc::clone(allowed));
            }
        }
        for (kind, asked) in partners {
            let written = asked.iter().map(|one| self.intent.written(one, identity.is_strict));
            // What is refused to be widened is not allowed with those to whom there is no way.
            wanted.allowed.insert(kind, written.flatten().collect());
            let lots = self.of.lots.of(kind).iter();
            let met: Vec<&Lot> =
                lots.filter(|lot| own.meets(lot, self.of.matrix, ingress)).collect();
            if met.is_empty() {
                continue;
            }
            let mut pieces: BTreeSet<FlowSet> = BTreeSet::new();
            for allowed in &asked {
                pieces.extend(self.pieces(allowed, identity, wanted)?.written.iter().cloned());
            }
            let is_never = asked.iter().any(|allowed| !allowed.never.is_empty());
            let mut groups = Vec::new();
            let mut addresses = None;
            for lot in met {
                if is_never {
                    never.extend(lot.seen_in(identity.realm));
                }
                if let Some(group) = self.reference((identity, own), lot, ingress, &mut referring) {
                    groups.push(group);
                } else if !pieces.is_empty() {
                    self.name(identity, &lot.members);
                    let addresses = addresses.get_or_insert_with(Vec::new);
                    addresses.extend(lot.seen_in(identity.realm));
                }
            }
            for piece in pieces {
                if let Some(addresses) = &addresses {
                    prefixes.entry(piece.clone()).or_default().extend(addresses);
                }
                if !groups.is_empty() {
                    wanted.groups.entry(piece).or_default().extend(&groups);
                }
            }
        }
        wanted.never = wanted.never.union(&AddressSet::from_prefixes(never));
        for (piece, prefixes) in prefixes {
            wanted.add(&piece, &AddressSet::from_prefixes(prefixes));
        }
        Ok(())
    }

    /// The place of the identity by whose group rules of another name a lot, where that matches it. `known` says
    /// whether it does of realms and subnets of others: a lot is of one.
    fn reference(
        &self,
        (at, own): (&Identity, &Own),
        lot: &Lot,
        ingress: bool,
        known: &mut FxHashMap<(RealmId, Option<SubnetId>), bool>,
    ) -> Option<usize> {
        if (ingress && own.is_behind) || lot.is_front {
            return None;
        }
        let number = lot.identity?;
        let identity = self.of.identities.list.get(number)?;
        let estate = self.intent.estate();
        let other = *lot.members.first()?;
        let subnet = estate.network.endpoints.get(other).and_then(|one| one.subnet);
        let refers = *known.entry((identity.realm, subnet)).or_insert_with(|| {
            let refers = self.of.plane.refers(estate, at.realm, identity.realm, ingress);
            // In another network, a way may lead over more than what refers.
            let is_away = at.realm != identity.realm;
            let holds = |member: &EndpointId| {
                let (from, to) = if ingress { (other, *member) } else { (*member, other) };
                self.references.hold(from, to, ingress)
            };
            refers && (!is_away || own.by_subnet.values().all(holds))
        });
        refers.then_some(number)
    }

    /// Remembers that rules of an identity name endpoints by their addresses.
    fn name(&self, identity: &Identity, members: &[EndpointId]) {
        let moving = &self.of.identities.moving;
        let mut moves = members.iter().filter(|id| moving.contains_key(id)).peekable();
        if moves.peek().is_some() {
            let by = identity.members.first().map(|id| name_of(self.intent.estate(), *id));
            let by = by.unwrap_or_default();
            let mut named = self.named.borrow_mut();
            moves.for_each(|id| named.by(*id, &by));
        }
    }

    /// The addresses under which a guard of an identity may see an endpoint: its rules name them.
    fn seen(&self, identity: &Identity, id: EndpointId) -> AddressSet {
        self.name(identity, &[id]);
        AddressSet::from_prefixes(seen(self.intent.estate(), identity.realm, id))
    }

    /// Addresses that no endpoint has.
    fn add_outside(
        &self,
        identity: &Identity,
        ingress: bool,
        wanted: &mut Wanted,
    ) -> Result<(), Refusal> {
        for kind in &identity.kinds {
            for (part, allowed) in self.of.parts.iter().zip(self.outside(*kind, ingress).iter()) {
                if !allowed.never.is_empty() {
                    wanted.never = wanted.never.union(&part.addresses);
                }
                for (_, decision) in &allowed.parts {
                    wanted.services.extend(self.intent.services_of(decision));
                }
                for piece in &self.pieces(allowed, identity, wanted)?.written {
                    wanted.add(piece, &part.addresses);
                }
            }
        }
        Ok(())
    }

    /// What is allowed between a kind and each part of the space that no endpoint has.
    fn outside(&self, kind: KindId, ingress: bool) -> Rc<Vec<Allowed>> {
        let mut known = self.known.borrow_mut();
        let ask = || {
            let own = self.intent.end_of(kind);
            let parts = self.of.parts.iter();
            Rc::new(parts.map(|part| outside::ask(self.intent, &own, part, ingress)).collect())
        };
        Rc::clone(known.entry((kind, ingress)).or_insert_with(ask))
    }

    /// What of an answer is written, in pieces; what none of them is, is left.
    fn pieces(
        &self,
        allowed: &Allowed,
        identity: &Identity,
        wanted: &mut Wanted,
    ) -> Result<Rc<Pieces>, Refusal> {
        let written = self.intent.written(allowed, identity.is_strict)?;
        let mut known = self.known_pieces.borrow_mut();
        let ask = |written: &FlowSet| Rc::new(self.of.plane.pieces(written));
        let pieces = known.entry(written).or_insert_with_key(ask);
        if !pieces.left.is_empty() {
            wanted.left = wanted.left.union(&pieces.left);
        }
        Ok(Rc::clone(pieces))
    }
}

impl Intent<'_> {
    /// What is written of what is allowed: conditions on requests as their policies' lowering says.
    pub(crate) fn written(&self, allowed: &Allowed, is_strict: bool) -> Result<FlowSet, Refusal> {
        let mut written = allowed.allow.clone();
        for (flows, decision) in &allowed.parts {
            if decision.outcome != Outcome::Inspect {
                continue;
            }
            let refused = |why| {
                let rules = self.rules(decision);
                let rules: Vec<String> = rules.iter().map(|rule| format!("`{rule}`")).collect();
                Refusal::Requests { rule: rules.join(", "), why }
            };
            match self.lowering_of_requests(decision) {
                LoweringChoice::Widen if is_strict => {
                    return Err(refused("a crown jewel or an assertion is there"));
                }
                LoweringChoice::Widen => written = written.union(flows),
                LoweringChoice::Close => {}
                LoweringChoice::Refuse => return Err(refused("its policy refuses to widen that")),
            }
        }
        Ok(written)
    }
}

/// A network in which some guards accept everything.
pub(crate) fn opened(network: &Network, which: impl Fn(&Guard) -> bool) -> Network {
    let mut network = network.clone();
    let rule = Rule {
        name: Name::from("open"),
        peer: Peer::Any,
        flows: Arc::new(FlowSet::all()),
        action: Action::Accept,
        origin: None,
    };
    let rules = Rules::from(vec![rule]);
    let stage = || {
        let (combine, rules) = (Combine::Union, rules.clone());
        vec![Stage { combine, rules, default: StageDefault::Deny }]
    };
    for (_, guard) in network.guards.iter_mut() {
        if which(guard) {
            (guard.ingress, guard.egress) = (stage(), stage());
        }
    }
    network
}

/// The names of groups of ours that are there and stay, by the provider's id.
fn known(plane: &dyn Plane, groups: &[Arc<Group>]) -> BTreeMap<String, Name> {
    let stay: BTreeSet<&str> = groups.iter().map(|group| &*group.name.0).collect();
    let held = plane.held().into_iter().filter(|held| stay.contains(held.name.as_str()));
    held.map(|held| (held.id, Name::from(held.name))).collect()
}

fn attachments(
    intent: &Intent<'_>,
    identities: &Identities,
    names: &[Vec<GroupName>],
    known: &BTreeMap<String, Name>,
) -> Vec<Attachment> {
    let estate = intent.estate();
    let network = &estate.network;
    let mut attachments: Vec<Attachment> = Vec::new();
    for (id, number) in &identities.of {
        let endpoint = &network.endpoints[*id];
        let layers = endpoint.layers.iter().filter_map(|layer| network.layers.get(*layer));
        let guards = layers.flat_map(|layer| &layer.guards);
        let guards = guards.filter_map(|guard| network.guards.get(*guard));
        let written = guards.filter(|guard| guard.is_written());
        let named = |guard: &Guard| known.get(&*guard.name).unwrap_or(&guard.name).clone();
        let mut before: Vec<Name> = written.map(named).collect();
        before.sort();
        attachments.push(Attachment {
            endpoint: endpoint.name.clone(),
            workload: Name::from(name_of(estate, *id)),
            groups: names.get(*number).cloned().unwrap_or_default(),
            through: identities.through.get(id).cloned(),
            others: Vec::new(),
            before,
        });
    }
    let named = |id: &Name| known.get(&**id).unwrap_or(id).clone();
    attachments.extend(intent.leaving().iter().map(|one| {
        let mut before: Vec<Name> = one.before.iter().map(named).collect();
        before.sort();
        Attachment { before, ..one.clone() }
    }));
    attachments.sort();
    attachments
}

/// Rules that name domains or people by their groups: an answer of a resolver is needed to know an address, or what
/// tells who is signed in.
fn named_gaps(intent: &Intent<'_>) -> Vec<Gap> {
    let domains = intent.rules_with_domains().into_iter().map(|rule| (Reason::Domain, rule));
    let people = intent.rules_with_groups().into_iter().map(|rule| (Reason::People, rule));
    let gap = |(reason, rule): (Reason, RuleRef)| Gap {
        kind: GapKind::Under,
        reason,
        from: Shared::default(),
        to: Shared::default(),
        over: String::from("all"),
        family: None,
        place: reason.place().to_owned(),
        rules: vec![rule],
        forbidden: None,
    };
    domains.chain(people).map(gap).collect()
}
