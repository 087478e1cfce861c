//! The steps one after the other.

mod places;
mod refusals;
mod subject;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::sleep;
use watertight_aws::{RuleUnit, UnitError, UnitPeer};
use watertight_compile::{Action, Again, PlannedGroup, PlannedRule, PlannedRules};

use super::edges::{self, MadeBy};
use super::goal::{Goal, Next, On, Seen, Sides};
use super::journal::{Journal, Line, Progress, Standing, Way};
use super::session::{Session, Site};
use super::writes::Write;
use super::{Applied, ApplyError, ApplyRequest, Watcher, check, live, services, templates};
use crate::outcome::{Class, Refusal};
use places::{Places, site_at, site_of, site_of_owner};
use refusals::{is_open, is_race};
use subject::{LOOKS_MAX, SERVICE_LOOKS_MAX, Subject};

/// How often in a row a step must look as it is to be where this run has not made it so, or where it is
/// not known whether it was taken: lists are late, and the first may show what was before.
const SETTLED: u32 = 5;

/// In so many looks after a write the same is not written again.
const PATIENCE: u32 = 4;

/// So many letters of a plan's hash are on the groups that it makes.
const MARK_LENGTH: usize = 32;

/// Takes the steps that are left.
pub(super) async fn run(
    request: &ApplyRequest<'_>,
    watcher: &dyn Watcher,
) -> Result<Applied, ApplyError> {
    let places = Places::new(request.plan)?;
    let steps = request.plan.steps.len();
    let mut applied = Applied { steps, ..Applied::default() };
    if request.way == Way::Rollback && steps > 0 && !request.journal.exists() {
        let problem = String::from(
            "is not there: without it nobody knows which steps were taken; put the journal that \
             `apply` wrote beside the plan",
        );
        return Err(ApplyError::Journal { path: request.journal.clone(), problem });
    }
    let mut journal = if request.dry_run || steps == 0 {
        None
    } else {
        Some(Journal::open(&request.journal, &request.hash)?)
    };
    let progress = match &journal {
        Some(journal) => journal.progress,
        None => Journal::look(&request.journal, &request.hash)?,
    };
    if progress.end() > steps {
        let problem = String::from("tells of more steps than the plan has");
        return Err(ApplyError::Journal { path: request.journal.clone(), problem });
    }
    match (progress.standing, &mut journal) {
        (Standing::Confirmed, _) if request.unless_confirmed => return Err(ApplyError::Confirmed),
        // Somebody has applied it anew, and asks for no confirmation.
        (Standing::Unasked, _) if request.unless_confirmed && progress.first() == steps => {
            return Err(ApplyError::Confirmed);
        }
        (Standing::Awaiting { .. }, Some(journal)) if request.unless_confirmed => {
            journal.say(&Line::Lapse { at: request.clock.now() })?;
        }
        _ => {}
    }
    applied.resumed = progress != Progress::default();
    let left: Vec<usize> = match request.way {
        Way::Apply => (progress.first()..steps).collect(),
        Way::Rollback => (0..progress.end()).rev().collect(),
    };
    if left.is_empty() {
        return Ok(applied);
    }
    let sites = match request.way {
        Way::Apply => places.sites_to_read(request.plan),
        Way::Rollback => places.sites(),
    };
    let session = Session::open(request, &sites).await?;
    if request.way == Way::Apply {
        check::check(&session, request.plan, progress).await?;
    }
    let mut runner = Runner { request, session, places, known: BTreeMap::new(), writes: 0 };
    let mut foreseen = BTreeSet::new();
    for number in left {
        let Some(step) = request.plan.steps.get(number) else { continue };
        let action = match request.way {
            Way::Apply => &step.action,
            Way::Rollback => &step.inverse,
        };
        let taking = Taking { number, action, in_doubt: progress.doubt == Some(number) };
        let was_so = match &mut journal {
            None if request.way == Way::Rollback => {
                runner.foresee(&taking, &mut foreseen).await?;
                false
            }
            None => false,
            Some(journal) => runner.take(&taking, journal).await?,
        };
        applied.taken += 1;
        applied.found_so += usize::from(was_so);
        watcher.step(number, steps, &action.words(), was_so);
    }
    applied.writes = runner.writes;
    Ok(applied)
}

/// Whether the same is to be written as before.
fn is_again(writes: &[Write], last: &[Write]) -> bool {
    let same = writes.iter().zip(last).all(|(one, other)| one.is_again(other));
    same && writes.len() == last.len()
}

/// One step that is being taken.
struct Taking<'p> {
    number: usize,
    action: &'p Action,
    in_doubt: bool,
}

impl Taking<'_> {
    /// The group or endpoint that it is about.
    fn about(&self) -> &str {
        match self.action {
            Action::CreateGroup { group }
            | Action::DeleteGroup { group }
            | Action::AddRules { group, .. }
            | Action::RemoveRules { group, .. } => group,
            Action::SetGroups { endpoint, .. } => endpoint,
            Action::SetGroupsThrough { through, .. } => &through.id,
            Action::SetTemplate(step) | Action::UnsetTemplate(step) => &step.owner,
            Action::CreateEdge { edge } | Action::DeleteEdge { edge } => edge,
            Action::SetEdge { subnet, .. } => subnet,
        }
    }

    fn stopped(&self, code: &str) -> ApplyError {
        let (step, what) = (self.number.saturating_add(1), self.action.words());
        ApplyError::Stopped { step, what, code: code.to_owned() }
    }

    fn conflict(&self, problem: String) -> ApplyError {
        ApplyError::Conflict {
            step: self.number.saturating_add(1),
            what: self.action.words(),
            problem,
        }
    }
}

struct Runner<'r> {
    request: &'r ApplyRequest<'r>,
    session: Session,
    places: Places<'r>,
    /// The ids of our groups, and their accounts.
    known: BTreeMap<String, (String, String)>,
    writes: usize,
}

impl<'r> Runner<'r> {
    /// Takes a step, and says so before and after; whether all was so already.
    async fn take(
        &mut self,
        taking: &Taking<'r>,
        journal: &mut Journal,
    ) -> Result<bool, ApplyError> {
        let (site, subject, goal) = self.goal(taking).await?;
        let mut found = Vec::new();
        let seen =
            self.look(&site, &subject).await.map_err(|refusal| taking.stopped(&refusal.code))?;
        if let Seen::Carrier(Some(carrier)) = &seen {
            found.extend(carrier.groups.iter().cloned());
        }
        if let Seen::Association(Some(association)) = &seen {
            found.push(association.acl.clone());
        }
        let (step, way) = (taking.number, self.request.way);
        journal.say(&Line::Begin { step, way, at: self.request.clock.now(), found })?;
        let before = self.writes;
        self.pursue(taking, (&site, &subject), &goal, seen).await?;
        journal.say(&Line::Done { step, way, at: self.request.clock.now() })?;
        Ok(self.writes == before)
    }

    /// Whether the first step that takes something back finds it as it must be: what a run that
    /// writes nothing can know of it.
    async fn foresee(
        &mut self,
        taking: &Taking<'r>,
        foreseen: &mut BTreeSet<String>,
    ) -> Result<(), ApplyError> {
        // What a later step is about may not be there yet, so that nothing is asked about it.
        if !foreseen.insert(taking.about().to_owned()) {
            return Ok(());
        }
        let (site, subject, goal) = self.goal(taking).await?;
        let seen = self.look(&site, &subject).await;
        match goal.next(&seen.map_err(|refusal| taking.stopped(&refusal.code))?) {
            Next::Conflict(problem) => Err(taking.conflict(problem)),
            Next::Done | Next::Wait | Next::Write(_) => Ok(()),
        }
    }

    /// Writes until what is read is as the goal wants it. What was written is not written again
    /// before lists have had time to show it.
    async fn pursue(
        &mut self,
        taking: &Taking<'r>,
        (site, subject): (&Site, &Subject<'r>),
        goal: &Goal,
        first: Seen,
    ) -> Result<(), ApplyError> {
        let mut seen = first;
        let mut settled = 0;
        let mut problem = None;
        let (mut last, mut patience) = (Vec::new(), 0);
        // Whether a service was seen to be about what was written.
        let mut was_about = false;
        // How many looks went by while it was otherwise than both, or refused: that does not take hours.
        let mut vain = 0;
        let mut wanted = SETTLED;
        let most = if self.places.lingers && goal.takes_away() {
            SERVICE_LOOKS_MAX
        } else {
            subject.looks_max()
        };
        for look in 0..most.saturating_add(SETTLED) {
            let next = goal.next(&seen);
            settled = if next == Next::Done { settled + 1 } else { 0 };
            match next {
                Next::Done if settled > wanted => return Ok(()),
                Next::Done => {}
                Next::Wait => was_about |= !last.is_empty(),
                // It may be an old list that says so.
                Next::Conflict(found) => {
                    vain += 1;
                    problem = Some(taking.conflict(found));
                }
                Next::Write(writes) if is_again(&writes, &last) && patience > 0 => patience -= 1,
                // It may be made and not listed yet, and nothing would refuse a second one.
                Next::Write(writes)
                    if taking.in_doubt && look < SETTLED && writes.iter().any(Write::repeats) => {}
                Next::Write(_) if look >= most => {}
                // It is not asked again for what it could not do.
                Next::Write(writes) if is_again(&writes, &last) && was_about => {
                    return Err(taking.conflict(String::from(
                        "its service was about it and went back to what it was before; what its service says of \
                         that is to be mended first",
                    )));
                }
                Next::Write(writes) => {
                    let refusal = self.write(taking, site, &writes).await?;
                    wanted = if taking.in_doubt { SETTLED } else { 0 };
                    // What was throttled was not done.
                    let is_done = refusal.as_ref().is_none_or(|one| one.class != Class::Throttled);
                    (last, patience) = (writes, if is_done { PATIENCE } else { 0 });
                    vain += if refusal.is_some() { PATIENCE + 1 } else { 0 };
                    problem = refusal.map(|refusal| taking.stopped(&refusal.code));
                }
            }
            if vain > SERVICE_LOOKS_MAX {
                break;
            }
            sleep(self.delay(look)).await;
            let looked = self.look(site, subject).await;
            seen = looked.map_err(|refusal| taking.stopped(&refusal.code))?;
        }
        match goal.next(&seen) {
            Next::Done if settled >= wanted => Ok(()),
            Next::Conflict(found) => Err(taking.conflict(found)),
            Next::Done | Next::Wait | Next::Write(_) => {
                Err(problem.unwrap_or_else(|| taking.stopped("NotSeen")))
            }
        }
    }

    /// Writes one after the other, until one is refused in a way that only a late list may explain, or
    /// its answer leaves open what was done: that one is told.
    async fn write(
        &mut self,
        taking: &Taking<'r>,
        site: &Site,
        writes: &[Write],
    ) -> Result<Option<Refusal>, ApplyError> {
        for write in writes {
            self.writes = self.writes.saturating_add(1);
            match self.session.write(site, write, &self.owners()).await {
                Ok(()) => {}
                Err(refusal) if is_race(&refusal) || is_open(write, &refusal) => {
                    return Ok(Some(refusal));
                }
                Err(refusal) => return Err(taking.stopped(&refusal.code)),
            }
        }
        Ok(None)
    }

    fn delay(&self, look: u32) -> Duration {
        // Most changes are seen at once.
        let Some(times) = look.checked_sub(1) else { return Duration::ZERO };
        let pace = &self.request.pace;
        pace.delay_first.saturating_mul(1 << times.min(16)).min(pace.delay_max)
    }

    fn owners(&self) -> BTreeMap<String, String> {
        self.known.values().cloned().collect()
    }

    async fn look(&self, site: &Site, subject: &Subject<'_>) -> Result<Seen, Refusal> {
        match subject {
            Subject::Group(group) => {
                let found = live::group(&self.session, site, (&group.name, &group.realm)).await?;
                Ok(Seen::Group(found))
            }
            Subject::Interface(id) => {
                Ok(Seen::Carrier(live::interface(&self.session, site, id).await?))
            }
            Subject::Resource(service, id) => {
                let found = services::resource(&self.session, site, (*service, id)).await?;
                Ok(Seen::Carrier(found))
            }
            Subject::Edge(edge, by) => {
                let named = (edge.name.as_str(), edge.realm.as_str());
                Ok(Seen::Edge(edges::edge(&self.session, site, named, by).await?))
            }
            Subject::Subnet(id) => {
                Ok(Seen::Association(edges::association(&self.session, site, id).await?))
            }
            Subject::Template(step, description) => {
                let about = (*step, description.as_str());
                Ok(Seen::Template(templates::template(&self.session, site, about).await?))
            }
        }
    }

    /// What a step is about and is to come to.
    async fn goal(&mut self, taking: &Taking<'r>) -> Result<(Site, Subject<'r>, Goal), ApplyError> {
        let mark: String = self.request.hash.chars().take(MARK_LENGTH).collect();
        let (group, goal) = match taking.action {
            Action::CreateGroup { group } => {
                let group = self.places.group(group)?;
                let description = watertight_aws::description_of(&group.segments);
                let (name, vpc) = (group.name.clone(), group.realm.clone());
                let goal = match &group.again {
                    Some(Again { description, tags }) => {
                        let (description, tags) = (description.clone(), tags.clone());
                        Goal::Again { name, vpc, description, tags }
                    }
                    None => Goal::Made { name, vpc, description, plan: mark },
                };
                (group, goal)
            }
            Action::DeleteGroup { group } => {
                let group = self.places.group(group)?;
                let goal = match self.request.way {
                    Way::Apply => Goal::Gone { ids: self.places.read_groups.clone() },
                    Way::Rollback => Goal::Unmade { plan: mark, rules: self.known_sides(group)? },
                };
                (group, goal)
            }
            Action::AddRules { group, rules } => {
                let group = self.places.group(group)?;
                let rules = self.sides(taking, group, rules.as_ref()).await?;
                let goal = match self.request.way {
                    Way::Apply => Goal::Has { rules },
                    Way::Rollback => Goal::HasAgain { rules },
                };
                (group, goal)
            }
            Action::RemoveRules { group, rules } => {
                let group = self.places.group(group)?;
                let rules = self.sides(taking, group, rules.as_ref()).await?;
                (group, Goal::HasNone { rules })
            }
            Action::SetGroups { endpoint, from, to } => {
                let subject = Subject::Interface(endpoint);
                let on = On::Interface(endpoint.clone());
                return self.carrying(taking, (subject, on, endpoint), (from, to)).await;
            }
            Action::SetGroupsThrough { through, endpoints, from, to } => {
                let unknown = || {
                    let (kind, id) = (&through.kind, &through.id);
                    ApplyError::Plan(format!("groups are not set through `{kind}` `{id}`"))
                };
                let (service, id) = services::of(through).ok_or_else(unknown)?;
                let first = endpoints.first().ok_or_else(unknown)?;
                let subject = Subject::Resource(service, id);
                let on = On::Resource(service, id.to_owned());
                return self.carrying(taking, (subject, on, first), (from, to)).await;
            }
            Action::CreateEdge { edge } | Action::DeleteEdge { edge } => {
                return self.about_edge(taking, edge, mark);
            }
            Action::SetEdge { subnet, account, region, from, to } => {
                let from = self.edge_id(taking, from, &mark).await?;
                let to = self.edge_id(taking, to, &mark).await?;
                let again = self.request.way == Way::Rollback;
                let goal = Goal::Edged { from, to, again };
                return Ok((site_at(account, region), Subject::Subnet(subnet), goal));
            }
            Action::SetTemplate(step) | Action::UnsetTemplate(step) => {
                let description = templates::description(&mark, &step.owner);
                let template = Box::new(step.clone());
                let goal = match self.request.way {
                    Way::Apply => {
                        let to = self.ids(taking, &step.to).await?;
                        Goal::Makes { template, description: description.clone(), to }
                    }
                    Way::Rollback => Goal::MakesAgain { template },
                };
                let subject = Subject::Template(step, description);
                return Ok((site_of_owner(step), subject, goal));
            }
        };
        Ok((site_of(group), Subject::Group(group), goal))
    }

    /// The goal of a step that makes a list for edges, or takes it away.
    fn about_edge(
        &self,
        taking: &Taking<'r>,
        name: &str,
        mark: String,
    ) -> Result<(Site, Subject<'r>, Goal), ApplyError> {
        let unknown =
            || ApplyError::Plan(format!("a step is about `{name}`, which it does not hold"));
        let edge = self.places.edges.get(name).copied().ok_or_else(unknown)?;
        let is_made = matches!(taking.action, Action::CreateEdge { .. });
        let by = match self.request.way {
            Way::Apply if !is_made => MadeBy::Id(edge.there.clone()),
            Way::Apply | Way::Rollback => MadeBy::Plan(mark.clone()),
        };
        let goal = if is_made {
            Goal::EdgeMade { edge: Box::new(edge.clone()), plan: mark }
        } else {
            Goal::EdgeUnmade
        };
        Ok((site_at(&edge.account, &edge.region), Subject::Edge(edge, by), goal))
    }

    /// The id of a list for edges of ours by its name; of others' the plan tells the ids.
    async fn edge_id(
        &self,
        taking: &Taking<'r>,
        name: &str,
        mark: &str,
    ) -> Result<String, ApplyError> {
        let Some(edge) = self.places.edges.get(name).copied() else {
            return Ok(name.to_owned());
        };
        if let Some(id) = &edge.there {
            return Ok(id.clone());
        }
        let site = site_at(&edge.account, &edge.region);
        for look in 0..LOOKS_MAX {
            let named = (edge.name.as_str(), edge.realm.as_str());
            let by = MadeBy::Plan(mark.to_owned());
            let found = edges::edge(&self.session, &site, named, &by).await;
            if let Some(found) = found.map_err(|refusal| taking.stopped(&refusal.code))? {
                return Ok(found.id);
            }
            sleep(self.delay(look)).await;
        }
        // It is taken back already, and so is what it was at the edge of.
        if self.request.way == Way::Rollback {
            return Ok(name.to_owned());
        }
        Err(taking.conflict(format!("`{name}` is not there")))
    }

    /// The goal of a step that sets groups where one of `endpoint`'s is.
    async fn carrying(
        &mut self,
        taking: &Taking<'r>,
        (subject, on, endpoint): (Subject<'r>, On, &str),
        (from, to): (&[String], &[String]),
    ) -> Result<(Site, Subject<'r>, Goal), ApplyError> {
        let site = self.places.endpoints.get(endpoint).cloned();
        let unknown = format!("a step is about `{endpoint}`, which it does not hold");
        let site = site.ok_or(ApplyError::Plan(unknown))?;
        let from = self.ids(taking, from).await?;
        let to = self.ids(taking, to).await?;
        let goal = match self.request.way {
            Way::Apply => Goal::Carries { on, from, to },
            Way::Rollback => Goal::CarriesAgain { on, from, to },
        };
        Ok((site, subject, goal))
    }

    async fn ids(
        &mut self,
        taking: &Taking<'r>,
        names: &[String],
    ) -> Result<BTreeSet<String>, ApplyError> {
        let mut ids = BTreeSet::new();
        for name in names {
            ids.insert(self.id(taking, name).await?);
        }
        Ok(ids)
    }

    /// The id of a group of ours by its name; of others' groups the plan tells the ids.
    async fn id(&mut self, taking: &Taking<'r>, name: &str) -> Result<String, ApplyError> {
        let Some(group) = self.places.groups.get(name).copied() else {
            if name.starts_with("sg-") {
                return Ok(name.to_owned());
            }
            let problem =
                format!("a step is about `{name}`, which is no id and which it does not hold");
            return Err(ApplyError::Plan(problem));
        };
        if let Some((id, _)) = self.known.get(name) {
            return Ok(id.clone());
        }
        let site = site_of(group);
        for look in 0..LOOKS_MAX {
            let found = live::group(&self.session, &site, (&group.name, &group.realm)).await;
            match found.map_err(|refusal| taking.stopped(&refusal.code))? {
                Some(found) if found.is_managed => {
                    let owned = (found.id.clone(), group.account.clone());
                    self.known.insert(name.to_owned(), owned);
                    return Ok(found.id);
                }
                Some(found) => {
                    return Err(
                        taking.conflict(format!("{} is called `{name}` and is not ours", found.id))
                    );
                }
                None => sleep(self.delay(look)).await,
            }
        }
        Err(taking.conflict(format!("`{name}` is not there")))
    }

    /// The rules that a step names, or all of its group's.
    async fn sides(
        &mut self,
        taking: &Taking<'r>,
        group: &PlannedGroup,
        rules: Option<&PlannedRules>,
    ) -> Result<Sides, ApplyError> {
        let (ingress, egress) = match rules {
            Some(rules) => (&rules.ingress, &rules.egress),
            None => (&group.ingress, &group.egress),
        };
        Ok(Sides {
            ingress: self.units(taking, ingress).await?,
            egress: self.units(taking, egress).await?,
        })
    }

    /// The rules of a group of this plan, without those that name groups which are not known: they
    /// are taken off before, and what they named may be gone.
    fn known_sides(&self, group: &PlannedGroup) -> Result<Sides, ApplyError> {
        let known = |rules: &[PlannedRule]| -> Result<BTreeSet<RuleUnit>, ApplyError> {
            let units = RuleUnit::all_planned(rules);
            let units = units.map_err(|error| ApplyError::Plan(error.to_string()))?.into_iter();
            let units = units.filter_map(|unit| match &unit.peer {
                UnitPeer::Group(name) => {
                    let (id, _) = self.known.get(name)?;
                    Some(RuleUnit { peer: UnitPeer::Group(id.clone()), ..unit })
                }
                _ => Some(unit),
            });
            Ok(units.collect())
        };
        Ok(Sides { ingress: known(&group.ingress)?, egress: known(&group.egress)? })
    }

    async fn units(
        &mut self,
        taking: &Taking<'r>,
        rules: &[PlannedRule],
    ) -> Result<BTreeSet<RuleUnit>, ApplyError> {
        let wrong = |error: UnitError| ApplyError::Plan(error.to_string());
        let mut units = BTreeSet::new();
        for rule in RuleUnit::all_planned(rules).map_err(wrong)? {
            let peer = match &rule.peer {
                UnitPeer::Group(name) => UnitPeer::Group(self.id(taking, name).await?),
                other => other.clone(),
            };
            units.insert(RuleUnit { peer, ..rule });
        }
        Ok(units)
    }
}
