//! A policy, an estate and the security groups that are to enforce the one in the other.

use std::cell::RefCell;
use std::convert::Infallible;
use std::mem::forget;
use std::path::{Path, PathBuf};
use std::time::Duration;

use watertight_aws::SecurityGroups;
use watertight_compile::{
    Earlier, Former, GroupName, Intent, Leaving, Places, PlanPieces, Plane as _, Proved, Refusal,
    leaving, promoted, prove_again,
};
use watertight_model::{Estate, Name};
use watertight_policy::checked::CheckedPolicy;
use watertight_policy::decide::{Decider, Modes, World};
use watertight_policy::{ESTATE, Timestamp, is_written, with_filterable_essentials};
use watertight_source::{Sources, Span};

use crate::args::InputArguments;
use crate::beside::Threads;
use crate::exit::Failure;
use crate::policy::loaded::{self, LoadedPolicy, Reread};
use crate::{clock, estate_folder, plan};

/// How often a watch looks whether the files of a policy have changed.
const LOOKS_EVERY: Duration = Duration::from_millis(200);
/// The word for everything that is in mode monitor.
const PROMOTE_ALL: &str = "promote-all";

/// What is to be read, and as what.
pub(crate) struct Asked<'a> {
    pub(crate) policy: &'a [PathBuf],
    pub(crate) estate: &'a Path,
    pub(crate) under: &'a str,
    pub(crate) at: Option<&'a str>,
    pub(crate) input: &'a InputArguments,
    /// Earlier plans, which tell what interfaces carried before. With some or none of them, who has left a
    /// share goes back to that; without a list nobody does.
    pub(crate) former: Option<&'a [PathBuf]>,
    pub(crate) ends: Ends,
}

/// What comes after something was done with what is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ends {
    /// The end of the process.
    WithThis,
    /// The same again and again, as a watch does: what was taken is given back each time.
    Never,
}

/// What was read.
pub(crate) struct Ready<'r> {
    pub(crate) policy: &'r CheckedPolicy,
    pub(crate) decider: &'r Decider<'r>,
    pub(crate) modes: &'r Modes,
    pub(crate) now: Timestamp,
    pub(crate) intent: &'r Intent<'r>,
    pub(crate) plane: &'r SecurityGroups<'r>,
    /// Who has left a share and carries groups of ours. The estate that is asked is the one in which those who
    /// go back carry what they did before.
    pub(crate) leaving: &'r Leaving,
    /// What comes after that.
    pub(crate) ends: Ends,
    /// What there is of the plan before, where there is one after another.
    pub(crate) before: Option<Before<'r>>,
}

/// What there is of the plan before.
#[derive(Clone, Copy)]
pub(crate) struct Before<'b> {
    /// Proves what is intended, with what was found then.
    pub(crate) prove: &'b dyn Fn(&Intent<'_>) -> Result<Proved, Refusal>,
    /// What the next plan may have in common with it.
    pub(crate) pieces: &'b RefCell<PlanPieces>,
}

/// Reads policy and estate, and does something with them.
pub(crate) fn with<T>(
    asked: &Asked<'_>,
    run: impl FnOnce(&Ready<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    with_policy(asked, |_| loaded::load(asked.policy), run)
}

/// Reads an estate without a policy, and does something with it.
pub(crate) fn with_estate<T>(
    path: &Path,
    input: &InputArguments,
    run: impl FnOnce(&Estate, &SecurityGroups<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (loaded, raw) = estate_folder::load_raw(path, input)?;
    let complete = |estate| raw.complete(estate);
    let plane = SecurityGroups::new(&raw.bodies, &raw.options, &complete);
    run(&loaded.estate, &plane)
}

/// As [`with`], with a policy that is not what the files hold, or depends on the estate.
pub(crate) fn with_policy<T>(
    asked: &Asked<'_>,
    load: impl FnOnce(&Estate) -> Result<LoadedPolicy, Failure>,
    run: impl FnOnce(&Ready<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let when = (modes_of(asked.under)?, clock::at(asked.at)?);
    let (loaded, raw) = estate_folder::load_raw(asked.estate, asked.input)?;
    let policy = load(&loaded.estate)?;
    let complete = |estate| raw.complete(estate);
    let plane = SecurityGroups::new(&raw.bodies, &raw.options, &complete);
    let done = in_estate(asked, (&loaded.estate, &plane, None), (policy, when), run);
    if asked.ends == Ends::WithThis {
        // What a large estate takes goes back with the process, at once, and not text by text.
        forget(plane);
        forget((loaded, raw));
    }
    done
}

/// Reads an estate once, and a policy each time that its files change, and does something with both: until it fails
/// the first time, unless a plan is refused then, or `told` says that it is enough. That is told what came of it, and
/// how long it took.
pub(crate) fn watch<T>(
    asked: &Asked<'_>,
    run: impl Fn(&Ready<'_>) -> Result<T, Failure>,
    mut told: impl FnMut(Result<T, Failure>, Duration) -> Result<(), Failure>,
) -> Result<Infallible, Failure> {
    modes_of(asked.under)?;
    clock::at(asked.at)?;
    let (loaded, raw) = estate_folder::load_raw(asked.estate, asked.input)?;
    let complete = |estate| raw.complete(estate);
    let plane = SecurityGroups::new(&raw.bodies, &raw.options, &complete);
    let earlier = RefCell::new(Earlier::new(&loaded.estate, &plane));
    let prove = |intent: &Intent<'_>| prove_again(intent, &mut earlier.borrow_mut(), &Threads);
    let before = Before { prove: &prove, pieces: &RefCell::default() };
    let mut policy = Reread::new(asked.policy);
    let mut is_first = true;
    loop {
        let began = clock::instant();
        if let Some(changed) = policy.changed().transpose() {
            let done = changed.and_then(|policy| {
                let when = (modes_of(asked.under)?, clock::at(asked.at)?);
                in_estate(asked, (&loaded.estate, &plane, Some(before)), (policy, when), &run)
            });
            match done {
                // What is wrong from the start does not change by waiting; what is refused may.
                Err(failure) if is_first && !matches!(failure, Failure::Plan(_)) => {
                    return Err(failure);
                }
                done => told(done, clock::instant().saturating_duration_since(began))?,
            }
            is_first = false;
        }
        if let Some(next) = began.checked_add(LOOKS_EVERY) {
            clock::wait_until(next);
        }
    }
}

/// Does something with a policy in an estate.
fn in_estate<T>(
    asked: &Asked<'_>,
    (estate, plane, before): (&Estate, &SecurityGroups<'_>, Option<Before<'_>>),
    (policy, (modes, now)): (LoadedPolicy, (Modes, Timestamp)),
    run: impl FnOnce(&Ready<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let LoadedPolicy { policy: checked, sources } = policy;
    known(&modes, &checked)?;
    let mut checked = if asked.under == PROMOTE_ALL { promoted(checked) } else { checked };
    let former = asked.former.map(former).transpose()?;
    let essentials = with_filterable_essentials(&mut checked, estate);
    let places = places_of(&checked, &sources);
    let found = match former {
        None => Leaving::default(),
        Some(former) => {
            let world = World::of_estate(estate);
            let decider = Decider::new(&checked, &world, &essentials);
            leaving(&Intent::new(estate, &decider, (&modes, now)), plane, &former)
        }
    };
    // Who goes back is as if it had never carried ours: what changes by that alone is told, and not compared.
    let gone = (!found.attachments.is_empty()).then(|| {
        let mut gone = plane.convert(&plane.render(&found.artifacts()));
        gone.id = estate.id.clone();
        gone
    });
    let estate = gone.as_ref().unwrap_or(estate);
    let world = World::of_estate(estate);
    let decider = Decider::new(&checked, &world, &essentials);
    let intent = Intent::new(estate, &decider, (&modes, now)).with_places(places);
    let intent = intent.with_leaving(found.attachments.clone());
    let done = run(&Ready {
        policy: &checked,
        decider: &decider,
        modes: &modes,
        now,
        intent: &intent,
        plane,
        leaving: &found,
        ends: asked.ends,
        before,
    });
    if asked.ends == Ends::WithThis {
        forget(intent);
        forget(decider);
        forget(world);
        forget(gone);
    }
    done
}

/// What interfaces carried before earlier plans: the first that tells it counts.
fn former(paths: &[PathBuf]) -> Result<Former, Failure> {
    let mut found = Former::new();
    for path in paths {
        let (plan, _) = plan::read(path)?;
        for one in plan.attachments {
            let is_ours = one.before.iter().any(|group| group.starts_with(GroupName::PREFIX));
            if !is_ours && !one.before.is_empty() {
                found.entry(one.endpoint).or_insert(one.before);
            }
        }
    }
    Ok(found)
}

fn modes_of(text: &str) -> Result<Modes, Failure> {
    match text.split_once(':') {
        None if text == "enforced" => Ok(Modes::Enforced),
        // The policy itself is promoted for that.
        None if text == PROMOTE_ALL => Ok(Modes::Enforced),
        Some(("promote", segment)) => Ok(Modes::PromoteSegment(Name::from(segment))),
        _ => Err(Failure::Argument {
            flag: "under",
            problem: format!("`{text}` is none of `enforced`, `promote-all` and `promote:SEGMENT`"),
        }),
    }
}

/// A segment that is promoted must be there.
fn known(modes: &Modes, policy: &CheckedPolicy) -> Result<(), Failure> {
    let Modes::PromoteSegment(name) = modes else { return Ok(()) };
    if policy.segments.iter().any(|segment| segment.name == *name) {
        return Ok(());
    }
    let names = policy.segments.iter().map(|segment| segment.name.to_string());
    let names: Vec<String> = names.filter(|name| name != ESTATE).collect();
    let problem = format!("no segment is called `{name}`; there are `{}`", names.join("`, `"));
    Err(Failure::Argument { flag: "under", problem })
}

/// Where the rules and segments of a policy stand.
fn places_of(policy: &CheckedPolicy, sources: &Sources) -> Places {
    let at = |span: Span| {
        let position = sources.position(span.file, span.start);
        format!("{}:{}", sources.path(span.file), position.line)
    };
    let mut places = Places::default();
    for (number, one) in (0_u32..).zip(&policy.policies) {
        let rules = (0_u32..).zip(&one.rules);
        for (place, rule) in rules.filter(|(_, rule)| is_written(rule.span)) {
            places.rules.insert((number, place), at(rule.span));
        }
    }
    for (number, segment) in (0_u32..).zip(&policy.segments) {
        places.segments.extend(segment.span.map(|span| (number, at(span))));
    }
    places
}
