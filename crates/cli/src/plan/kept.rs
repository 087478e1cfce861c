//! The assertions of a policy, asked of the estate as the rendered artifacts would make it.

use watertight_aws::SecurityGroups;
use watertight_compile::{Plan, Plane as _, PlannedAssertion, RenderedBody};
use watertight_model::Estate;
use watertight_policy::Timestamp;
use watertight_policy::checked::{AssertionId, Excused};
use watertight_policy::decide::{Decider, Essentials, World};
use watertight_reach::Held;

use crate::enforcing::Ready;
use crate::exit::Failure;
use crate::simulate::assertions::{Verdict, verdicts};

/// The assertions that do not hold, or are not known to, once what is rendered is in place, and until when
/// exceptions answer for those that hold without it.
pub(super) fn broken(
    ready: &Ready<'_>,
    rendered: &[RenderedBody],
) -> (Vec<PlannedAssertion>, Option<Timestamp>) {
    let policy = ready.policy;
    if policy.assertions.is_empty() {
        return (Vec::new(), None);
    }
    let plane: &SecurityGroups<'_> = ready.plane;
    let after = asked(ready, &plane.convert(rendered));
    if after.iter().all(|verdict| verdict.held == Held::Holds) {
        return (Vec::new(), None);
    }
    let before = asked(ready, ready.intent.estate());
    let (mut found, mut until) = (Vec::new(), None);
    for ((number, assertion), (is, was)) in
        (0_u32..).zip(&policy.assertions).zip(after.into_iter().zip(before))
    {
        if is.held == Held::Holds {
            continue;
        }
        let excuses = policy.exceptions.iter().filter(|one| {
            one.excused == Excused::Assertion(AssertionId(number)) && one.expires > ready.now
        });
        let excuse = excuses.max_by_key(|one| one.expires);
        let expires = excuse.map(|one| one.expires).filter(|_| was.held == Held::Holds);
        until = until.into_iter().chain(expires).min();
        found.push(PlannedAssertion {
            name: assertion.name.to_string(),
            before: was.held.word().to_owned(),
            after: is.held.word().to_owned(),
            witness: is.witness,
            missing: is.missing,
            excused: excuse
                .map(|one| format!("{} until {} ({})", one.name, one.expires, one.owner)),
        });
    }
    (found, until)
}

/// Says of an estate which assertion it breaks that holds in the one that is there and that nobody excuses, with
/// what shows it.
pub(crate) fn breaking<'r>(ready: &'r Ready<'_>) -> impl Fn(&Estate) -> Option<String> + 'r {
    let policy = ready.policy;
    let is_excused = |number: u32| {
        let mut excuses = policy.exceptions.iter();
        excuses.any(|one| {
            one.excused == Excused::Assertion(AssertionId(number)) && one.expires > ready.now
        })
    };
    let held: Vec<bool> = if policy.assertions.is_empty() {
        Vec::new()
    } else {
        let before = (0_u32..).zip(asked(ready, ready.intent.estate()));
        before.map(|(number, was)| was.held == Held::Holds && !is_excused(number)).collect()
    };
    move |estate| {
        if !held.contains(&true) {
            return None;
        }
        let after = asked(ready, estate);
        let all = policy.assertions.iter().zip(after).zip(&held);
        let mut broken = all.filter(|((_, is), held)| **held && is.held != Held::Holds);
        let ((assertion, is), _) = broken.next()?;
        let shown: Vec<&str> = is.witness.iter().chain(&is.missing).map(String::as_str).collect();
        let becomes = becomes(is.held.word());
        Some(format!("the assertion {} {becomes}: {}", assertion.name, shown.join(", ")))
    }
}

/// What becomes of an assertion that holds.
fn becomes(after: &str) -> &'static str {
    if after == Held::Fails.word() {
        "would not hold any more"
    } else {
        "would not be known to hold any more"
    }
}

/// What the assertions come to in an estate: who belongs to whom is asked of its own workloads.
fn asked(ready: &Ready<'_>, estate: &Estate) -> Vec<Verdict> {
    let world = World::of_estate(estate);
    verdicts(estate, &Decider::new(ready.policy, &world, &Essentials::default()))
}

/// Refuses a plan that breaks what holds.
///
/// # Errors
/// When an assertion that nobody excuses holds without the plan, and does not, or is not known to, with it.
pub(super) fn refuse(plan: &Plan) -> Result<(), Failure> {
    let holds = Held::Holds.word();
    let mut broken =
        plan.assertions.iter().filter(|one| one.before == holds && one.excused.is_none());
    let Some(first) = broken.next() else { return Ok(()) };
    let becomes = becomes(&first.after);
    let shown: Vec<&str> = first.witness.iter().chain(&first.missing).map(String::as_str).collect();
    let others = match broken.count() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Err(Failure::Plan(format!(
        "the assertion {} {becomes}{others}: {}; an exception that names it excuses it",
        first.name,
        shown.join(", ")
    )))
}
