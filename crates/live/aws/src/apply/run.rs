//! The steps one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::sleep;
use watertight_aws::{RuleUnit, UnitError, UnitPeer};
use watertight_compile::{Action, Plan, PlannedGroup, PlannedRule, PlannedRules};

use super::goal::{Goal, Next, Seen, Sides};
use super::journal::{Journal, Line, Progress, Way};
use super::session::{Session, Site};
use super::writes::Write;
use super::{Applied, ApplyError, ApplyRequest, Watcher, check, live};
use crate::outcome::Refusal;

/// How often it is looked whether a change can be seen, with waits that double.
const LOOKS_MAX: u32 = 14;

/// How often a step of which it is not known whether it was taken must look as it is to be: lists are
/// late, and the first may show what was before.
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
    applied.resumed = progress != Progress::default();
    let left: Vec<usize> = match request.way {
        Way::Apply => (progress.first()..steps).collect(),
        Way::Rollback => (0..progress.end()).rev().collect(),
    };
    if left.is_empty() {
        return Ok(applied);
    }
    let session = Session::open(request, &places.sites()).await?;
    if request.way == Way::Apply {
        check::check(&session, request.plan, progress).await?;
    }
    let mut runner = Runner { request, session, places, known: BTreeMap::new(), writes: 0 };
    for number in left {
        let Some(step) = request.plan.steps.get(number) else { continue };
        let action = match request.way {
            Way::Apply => &step.action,
            Way::Rollback => &step.inverse,
        };
        let taking = Taking { number, action, in_doubt: progress.doubt == Some(number) };
        let was_so = match &mut journal {
            None => false,
            Some(journal) => runner.take(&taking, journal).await?,
        };
        applied.taken += 1;
        applied.found_so += usize::from(was_so);
        watcher.step(number, steps, &words(action), was_so);
    }
    applied.writes = runner.writes;
    Ok(applied)
}

/// An action as text for people.
fn words(action: &Action) -> String {
    match action {
        Action::CreateGroup { group } => format!("create {group}"),
        Action::DeleteGroup { group } => format!("delete {group}"),
        Action::AddRules { group, .. } => format!("add the rules of {group}"),
        Action::RemoveRules { group, .. } => format!("remove the rules of {group}"),
        Action::SetGroups { endpoint, to, .. } => format!("{endpoint}: {}", to.join(" ")),
    }
}

/// Where the groups and endpoints of a plan are.
struct Places<'p> {
    groups: BTreeMap<&'p str, &'p PlannedGroup>,
    /// The site of each endpoint: that of the groups that it gets.
    endpoints: BTreeMap<&'p str, Site>,
}

impl<'p> Places<'p> {
    fn new(plan: &'p Plan) -> Result<Self, ApplyError> {
        let groups: BTreeMap<&str, &PlannedGroup> =
            plan.groups.iter().map(|group| (group.name.as_str(), group)).collect();
        let unplaced = groups.values().find(|one| one.account.is_empty() || one.region.is_empty());
        if let Some(group) = unplaced {
            let name = &group.name;
            return Err(ApplyError::Plan(format!(
                "it does not tell the account and region of `{name}`"
            )));
        }
        let mut endpoints = BTreeMap::new();
        for one in &plan.attachments {
            let group = one.groups.first().and_then(|name| groups.get(name.as_str()));
            if let Some(group) = group {
                endpoints.insert(one.endpoint.as_str(), site_of(group));
            }
        }
        Ok(Self { groups, endpoints })
    }

    fn sites(&self) -> Vec<Site> {
        let sites: BTreeSet<Site> = self.groups.values().map(|group| site_of(group)).collect();
        sites.into_iter().collect()
    }

    fn group(&self, name: &str) -> Result<&'p PlannedGroup, ApplyError> {
        let unknown =
            || ApplyError::Plan(format!("a step is about `{name}`, which it does not hold"));
        self.groups.get(name).copied().ok_or_else(unknown)
    }
}

fn site_of(group: &PlannedGroup) -> Site {
    Site { account: group.account.clone(), region: group.region.clone() }
}

/// One step that is being taken.
struct Taking<'p> {
    number: usize,
    action: &'p Action,
    in_doubt: bool,
}

impl Taking<'_> {
    fn stopped(&self, code: &str) -> ApplyError {
        let (step, what) = (self.number.saturating_add(1), words(self.action));
        ApplyError::Stopped { step, what, code: code.to_owned() }
    }

    fn conflict(&self, problem: String) -> ApplyError {
        ApplyError::Conflict {
            step: self.number.saturating_add(1),
            what: words(self.action),
            problem,
        }
    }
}

/// What a step is about.
enum Subject<'p> {
    Group(&'p PlannedGroup),
    Interface(&'p str),
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
        if let Seen::Interface(Some(interface)) = &seen {
            found.extend(interface.groups.iter().cloned());
        }
        let (step, way) = (taking.number, self.request.way);
        journal.say(&Line::Begin { step, way, at: self.request.clock.now(), found })?;
        let before = self.writes;
        self.pursue(taking, (&site, &subject), &goal, seen).await?;
        journal.say(&Line::Done { step, way, at: self.request.clock.now() })?;
        Ok(self.writes == before)
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
        for look in 0..LOOKS_MAX {
            match goal.next(&seen) {
                Next::Done if taking.in_doubt && settled < SETTLED => settled += 1,
                Next::Done => return Ok(()),
                // It may be an old list that says so.
                Next::Conflict(found) => problem = Some(taking.conflict(found)),
                Next::Write(writes) if writes == last && patience > 0 => patience -= 1,
                Next::Write(writes) => {
                    problem = self.write(taking, site, &writes).await?;
                    (last, patience) = (writes, PATIENCE);
                }
            }
            sleep(self.delay(look)).await;
            let looked = self.look(site, subject).await;
            seen = looked.map_err(|refusal| taking.stopped(&refusal.code))?;
        }
        match goal.next(&seen) {
            Next::Done => Ok(()),
            Next::Conflict(found) => Err(taking.conflict(found)),
            Next::Write(_) => Err(problem.unwrap_or_else(|| taking.stopped("NotSeen"))),
        }
    }

    /// Writes one after the other, until one is refused in a way that only a late list may explain:
    /// that one is told.
    async fn write(
        &mut self,
        taking: &Taking<'r>,
        site: &Site,
        writes: &[Write],
    ) -> Result<Option<ApplyError>, ApplyError> {
        for write in writes {
            self.writes = self.writes.saturating_add(1);
            match self.session.write(site, write, &self.owners()).await {
                Ok(()) => {}
                Err(refusal) if is_race(&refusal) => {
                    return Ok(Some(taking.stopped(&refusal.code)));
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
                Ok(Seen::Interface(live::interface(&self.session, site, id).await?))
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
                (group, Goal::Made { name, vpc, description, plan: mark })
            }
            Action::DeleteGroup { group } => {
                (self.places.group(group)?, Goal::Unmade { plan: mark })
            }
            Action::AddRules { group, rules } => {
                let group = self.places.group(group)?;
                let rules = self.sides(taking, group, rules.as_ref()).await?;
                (group, Goal::Has { rules })
            }
            Action::RemoveRules { group, rules } => {
                let group = self.places.group(group)?;
                let rules = self.sides(taking, group, rules.as_ref()).await?;
                (group, Goal::HasNone { rules })
            }
            Action::SetGroups { endpoint, from, to } => {
                let site = self.places.endpoints.get(endpoint.as_str()).cloned();
                let unknown = format!("a step is about `{endpoint}`, which it does not hold");
                let site = site.ok_or(ApplyError::Plan(unknown))?;
                let from = self.ids(taking, from).await?;
                let to = self.ids(taking, to).await?;
                let goal = Goal::Carries { interface: endpoint.clone(), from, to };
                return Ok((site, Subject::Interface(endpoint), goal));
            }
        };
        Ok((site_of(group), Subject::Group(group), goal))
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
        let Some(group) = self.places.groups.get(name).copied() else { return Ok(name.to_owned()) };
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

/// Whether a refusal may only say that a list was late: then what is there is read again.
fn is_race(refusal: &Refusal) -> bool {
    matches!(
        refusal.code.as_str(),
        "InvalidGroup.Duplicate"
            | "InvalidGroup.NotFound"
            | "InvalidPermission.Duplicate"
            | "InvalidPermission.NotFound"
            | "DependencyViolation"
    )
}
