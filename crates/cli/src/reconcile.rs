//! `watertight reconcile`: who is to carry groups that are there, carries them.

mod unheld;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use watertight_compile::{Plan, Plane as _, Whole, compile, membership, validate};
use watertight_live_aws::{Role, Unanswered, Way};
use watertight_report::reconcile::{Came, Pass, table};

use crate::apply::{self, Access, Ended, Taken};
use crate::args::InputArguments;
use crate::beside::Threads;
use crate::enforcing::{self, Asked, Ends, Ready};
use crate::exit::{Failure, Outcome, say};
use crate::live::{Origin, SourceArguments};
use crate::plan::Templates;
use crate::staged::{self, Change};
use crate::text::{clean, one_line};
use crate::{clock, output, plan};
use unheld::Record;

pub(crate) const EXAMPLES: &str = "\
Examples:
  watertight reconcile policies/ --all-regions --dry-run
  watertight reconcile policies/ --all-regions -o reconciled/
  watertight reconcile policies/ --watch --every 60 --alarm 300 -o reconciled/
  watertight rollback reconciled/20270131T000000Z.plan

A watch can be stopped at any time, as `apply` can: what was begun is in the journal, and the next pass
starts from what is there.

Exit code 0: everybody who can carry groups carries those that the policy intends. Exit code 2:
somebody is left, a group is not as the policy needs it, something changed in between so that nothing
was written, or an alarm. Exit code 1: it stopped, or nothing is planned; the same command goes on. Of
a watch that ends: that of its last pass.";

/// How many plans can be made in one second.
const PLANS_MAX: u32 = 1000;

/// The arguments of `reconcile`.
#[derive(Debug, Args)]
pub(crate) struct ReconcileArguments {
    /// The policy's files and folders
    #[arg(value_name = "POLICY", required = true)]
    policy: Vec<PathBuf>,
    #[command(flatten)]
    source: SourceArguments,
    /// What is enforced, as for `plan`
    #[arg(long, value_name = "MODES", default_value = "enforced")]
    under: String,
    /// The instant at which the policy is asked, as in `2027-01-31T00:00:00Z`; now, if not given
    #[arg(long, value_name = "INSTANT", conflicts_with = "watch")]
    at: Option<String>,
    /// Let endpoints go over although something becomes possible that no allow rule asks for
    #[arg(long)]
    widen: bool,
    /// The role that writes, in each account but the credentials' own; `--role`, if not given
    #[arg(long, value_name = "NAME")]
    apply_role: Option<String>,
    /// Write nothing, with the provider and on disk: say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Pass again and again
    #[arg(long)]
    watch: bool,
    /// How many seconds after the beginning of a pass the next one begins
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "watch",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    /// End after so many passes
    #[arg(long, value_name = "COUNT", requires = "watch",
        value_parser = clap::value_parser!(u64).range(1..))]
    passes: Option<u64>,
    /// Raise an alarm about whoever has been seen without its groups for so long
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..))]
    alarm: Option<i64>,
    #[command(flatten)]
    input: InputArguments,
    /// The folder of the plans with their journals, and of what is measured
    #[arg(short, long, value_name = "FOLDER", required_unless_present = "dry_run")]
    out: Option<PathBuf>,
}

/// Passes once, or again and again.
pub(crate) fn run(arguments: &ReconcileArguments) -> Result<Outcome, Failure> {
    if !arguments.watch {
        return pass(arguments);
    }
    let every = Duration::from_secs(arguments.every);
    let mut number = 0_u64;
    loop {
        let began = clock::instant();
        let ended = pass(arguments);
        number = number.saturating_add(1);
        let is_last = arguments.passes.is_some_and(|most| number >= most);
        match ended {
            ended if is_last => return ended,
            // What is wrong from the start, and nobody who listens, do not change by waiting.
            Err(failure) if failure.is_input() && number == 1 => return Err(failure),
            Err(failure @ Failure::Output(_)) => return Err(failure),
            Err(failure) => {
                let told = one_line(&failure.to_string());
                say(&format!("error: {told}; the next pass tries again\n"));
            }
            Ok(_) => {}
        }
        if let Some(next) = began.checked_add(every) {
            clock::wait_until(next);
        }
    }
}

/// Collects, or reads what was collected, and reconciles that.
fn pass(arguments: &ReconcileArguments) -> Result<Outcome, Failure> {
    let estate = arguments.source.read(Origin::Provider, arguments.input.verbose)?;
    if let Some(one) = in_the_way(&estate.unanswered) {
        return Err(Failure::Collect(format!(
            "`{}` was not answered in account `{}`, `{}` (`{}`): labels that did not come would lead \
             to other groups; nothing was written, and the same command tries again once it is answered",
            one.call, one.account, one.region, one.error
        )));
    }
    let asked = Asked {
        policy: &arguments.policy,
        estate: &estate.folder,
        under: &arguments.under,
        at: arguments.at.as_deref(),
        input: &arguments.input,
        former: None,
        ends: Ends::Never,
    };
    enforcing::with(&asked, |ready| reconcile(arguments, ready))
}

/// What tells who is there, with which labels and groups. Where it is told wrongly in part, somebody may
/// be taken for somebody else; what else is missing makes something unknown at most.
const TELLING: [&str; 7] = [
    "ec2-describe-instances",
    "ec2-describe-network-interfaces",
    "ec2-describe-security-groups",
    "ec2-describe-subnets",
    "ec2-describe-vpcs",
    "elbv2-describe-tags",
    "resourcegroupstaggingapi-get-resources",
];

/// The call for which a pass writes nothing: one that might have told labels, or an account that was not
/// entered. Where all that [`TELLING`] names of EC2 is denied in a region, as organizations close regions,
/// nobody there is known, and nobody there goes over.
fn in_the_way(unanswered: &[Unanswered]) -> Option<&Unanswered> {
    let is_closed = |one: &Unanswered| {
        let here = |other: &&Unanswered| {
            other.denied && (&other.account, &other.region) == (&one.account, &one.region)
        };
        let denied = || unanswered.iter().filter(here);
        let mut asked = TELLING.iter().filter(|call| call.starts_with("ec2-"));
        asked.all(|call| denied().any(|other| other.call == **call))
    };
    unanswered.iter().find(|one| {
        let is_account = one.call.starts_with("sts-") && !one.denied;
        is_account || (TELLING.contains(&one.call.as_str()) && !(one.denied && is_closed(one)))
    })
}

fn reconcile(arguments: &ReconcileArguments, ready: &Ready<'_>) -> Result<Outcome, Failure> {
    let plane = ready.plane;
    let compiled = compile(ready.intent, plane, &Threads)
        .map_err(|refusal| Failure::Plan(refusal.to_string()))?;
    let rendered = plane.render(&compiled.artifacts);
    let proof = validate(ready.intent, &compiled, plane, &rendered, (None, &Threads));
    // What opens without a rule is asked of each endpoint by itself.
    plan::refuse(&proof, true)?;
    plan::admit(ready, &proof)?;
    let whole = Whole { compiled: &compiled, rendered: &rendered, proof: &proof };
    let breaking = plan::breaking(ready);
    let found = membership(ready.intent, plane, &whole, arguments.widen, &breaking);
    let made = found.plan(plan::occasion(ready, &arguments.under, None), plane, &whole);
    if let Some(step) = made.steps.iter().find(|step| !step.is_membership()) {
        let step = step.action.words();
        return Err(Failure::Plan(format!(
            "`{step}` is no step of membership; this is a defect of the program"
        )));
    }
    let mut record = Record::read(arguments.out.as_deref())?;
    record.see(ready.now, &found);
    let seconds = record.seconds(ready.now);
    let alarms = arguments.alarm.map(|least| record.alarms(ready.now, least)).unwrap_or_default();
    // Also where writing fails below.
    for alarm in &alarms {
        say(&format!("{}\n", one_line(alarm)));
    }
    let mut came = Came::Only;
    let mut written = None;
    if let Some(folder) = arguments.out.as_deref().filter(|_| !arguments.dry_run) {
        make_folder(folder)?;
        // Before anything is written, so that a run that stops has measured all the same.
        record.write()?;
        came = Came::Moved;
        if !made.is_empty() {
            let path = write_plan(folder, &made)?;
            came = take(arguments, &path, &made)?;
            if came == Came::Moved {
                written = Some(path);
            } else {
                discard(&path);
            }
        }
        if came == Came::Moved {
            record.forget_moved(&found);
            record.write()?;
        }
    }
    let at = made.made.as_str();
    let unheld = made.unheld.len();
    let mut text = table(&Pass { at, found: &found, came, seconds: &seconds, unheld });
    let owners = plan::owners::planned(ready, &compiled.artifacts, Templates::Change);
    text.push_str(&watertight_report::drift::lacking(&owners));
    output::write(None, &clean(&text))?;
    if let Some(path) = written {
        output::write(None, &format!("\nThe plan is {}\n", one_line(&path.display().to_string())))?;
    }
    let is_fine = found.is_whole() && came != Came::Refused && alarms.is_empty();
    Ok(if is_fine { Outcome::Fine } else { Outcome::Found })
}

/// Takes the steps of a plan that was written.
fn take(arguments: &ReconcileArguments, path: &Path, made: &Plan) -> Result<Came, Failure> {
    if let Some(why) = apply::refused(made, clock::now(), false)? {
        say(&format!("refused: {}\n", one_line(&why)));
        return Ok(Came::Refused);
    }
    let asking = &arguments.source.asking;
    let role = arguments.apply_role.as_deref().or_else(|| asking.role());
    let external_id = asking.external_id().map(ToOwned::to_owned);
    let access = Access {
        profile: asking.profile().map(ToOwned::to_owned),
        role: role.map(|name| Role { name: name.to_owned(), external_id }),
        address: None,
    };
    let text = plan::text(made)?;
    let how = Taken { way: Way::Apply, dry_run: false, unless_confirmed: false };
    match apply::put(path, (made, text.as_bytes()), access, how)? {
        Ended::Taken(_) | Ended::Confirmed => Ok(Came::Moved),
        Ended::Refused(why) => {
            say(&why);
            Ok(Came::Refused)
        }
    }
}

/// Takes away a plan of which nothing was written; what stays of it would be of no use.
fn discard(path: &Path) {
    let _removed = fs::remove_file(path);
    let _removed = fs::remove_file(apply::journal_of(path));
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|source| Failure::File {
        path: folder.to_owned(),
        action: "written",
        source,
    })
}

/// Writes a plan under a name that no other has: after the instant at which it was made.
fn write_plan(folder: &Path, made: &Plan) -> Result<PathBuf, Failure> {
    let instant: String = made.made.chars().filter(|one| !matches!(one, '-' | ':')).collect();
    let names = (1..=PLANS_MAX).map(|number| match number {
        1 => folder.join(format!("{instant}.plan")),
        // Behind the first where names are in order.
        _ => folder.join(format!("{instant}_{number:04}.plan")),
    });
    let path = names.into_iter().find(|path| !path.exists()).ok_or_else(|| {
        let folder = folder.display();
        Failure::Estate(format!("`{folder}` has {PLANS_MAX} plans of one second: move them away"))
    })?;
    let new = plan::text(made)?.into_bytes();
    staged::write(&[Change { path: path.clone(), old: None, new }])?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(call: &str, region: &str, denied: bool) -> Unanswered {
        Unanswered {
            account: String::new(),
            region: region.to_owned(),
            call: call.to_owned(),
            argument: None,
            error: String::new(),
            denied,
        }
    }

    #[test]
    fn a_pass_does_not_go_on_without_what_might_tell_labels() {
        for call in ["ec2-describe-instances", "resourcegroupstaggingapi-get-resources"] {
            for denied in [false, true] {
                assert!(in_the_way(&[one(call, "here", denied)]).is_some(), "{call}, {denied}");
            }
        }
        assert!(in_the_way(&[one("sts-assume-role", "here", false)]).is_some());
        assert!(in_the_way(&[one("ec2-describe-fleets", "here", false)]).is_none());
    }

    #[test]
    fn a_region_that_is_closed_as_a_whole_keeps_no_pass_from_going_on() {
        let closed: Vec<Unanswered> =
            TELLING.iter().map(|call| one(call, "closed", true)).collect();
        assert!(in_the_way(&closed).is_none());
        let elsewhere =
            [closed.as_slice(), &[one("ec2-describe-instances", "here", true)]].concat();
        assert_eq!(in_the_way(&elsewhere).map(|found| found.region.as_str()), Some("here"));
        let (_, partly) = closed.split_first().unwrap_or((&closed[0], &[]));
        assert!(in_the_way(partly).is_some());
    }
}
