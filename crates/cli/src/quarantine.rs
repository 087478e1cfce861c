//! `watertight quarantine`: one workload cut off from everything.

mod document;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use watertight_compile::{GapKind, Plan, PlannedEdge, Reason};
use watertight_net::Prefix;

use crate::args::InputArguments;
use crate::enforcing::{self, Asked, Ends, Ready};
use crate::exit::{Failure, Outcome};
use crate::plan::{Allowing, Made, Templates};
use crate::policy::loaded;
use crate::staged::{self, Change};
use crate::text::clean;
use crate::{output, plan};

pub(crate) const EXAMPLES: &str = "\
Examples:
  watertight quarantine web-7 --estate estate/ -o q.plan && watertight apply q.plan
  watertight quarantine web-7 policies/ --estate estate/ --labels policies/web-7.yaml -o q.plan
  watertight quarantine web-7 --cut --estate estate/ -o q.plan
  watertight rollback q.plan

Without a policy, this workload alone is governed. With one, the plan is that of the policy with the
workload in quarantine. The document that is printed, or written with `--labels`, keeps it there in
every later plan: put it beside the policy.

To release it, take the plan back: `rollback` knows which groups it carried. Where the policy changed
since, remove the document and plan anew.

Exit code 0: every interface of the workload is held. Exit code 2: one is not, or something passes it
besides what no group can filter; the plan says what.";

/// The arguments of `quarantine`.
#[derive(Debug, Args)]
pub(crate) struct QuarantineArguments {
    /// The workload: its name, or its id where several have the name
    #[arg(value_name = "WORKLOAD")]
    workload: String,
    /// The policy's files and folders
    #[arg(value_name = "POLICY")]
    policy: Vec<PathBuf>,
    /// The estate's folder
    #[arg(long, value_name = "ESTATE")]
    estate: PathBuf,
    /// What is enforced besides, as for `plan`
    #[arg(long, value_name = "MODES", default_value = "enforced")]
    under: String,
    /// The instant at which the policy is asked, as in `2027-01-31T00:00:00Z`; now, if not given
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    #[command(flatten)]
    input: InputArguments,
    /// Cut live connections too: at the edges of all other subnets of its VPC
    #[arg(long)]
    cut: bool,
    /// Write the document that labels the workload to this file instead of printing it
    #[arg(long, value_name = "PATH")]
    labels: Option<PathBuf>,
    /// Write the plan to this file
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// Makes the plan.
pub(crate) fn run(arguments: &QuarantineArguments) -> Result<Outcome, Failure> {
    let asked = Asked {
        policy: &arguments.policy,
        estate: &arguments.estate,
        under: &arguments.under,
        at: arguments.at.as_deref(),
        input: &arguments.input,
        former: None,
        ends: Ends::WithThis,
    };
    let written = RefCell::default();
    let load = |estate: &watertight_model::Estate| {
        let whom = document::find(estate, &arguments.workload)?;
        let text = |known: &_| document::text(estate, whom, known);
        let (policy, text) = loaded::load_with(&arguments.policy, ("quarantine.yaml", &text))?;
        *written.borrow_mut() = (estate.workloads[whom].name.to_string(), text);
        Ok(policy)
    };
    enforcing::with_policy(&asked, load, |ready| make(arguments, ready, &written.borrow()))
}

fn make(
    arguments: &QuarantineArguments,
    ready: &Ready<'_>,
    (name, document): &(String, String),
) -> Result<Outcome, Failure> {
    // One replica is in quarantine, and not what is made in its place.
    let whom = document::find(ready.intent.estate(), &arguments.workload)?;
    let cut = arguments.cut.then_some(whom);
    let allowing = Allowing { widen: false, templates: Templates::Leave, breaks: true, cut };
    let Made { mut plan, alone, .. } = plan::make(ready, &arguments.under, allowing)?;
    let uncut = std::mem::take(&mut plan.notes);
    plan.notes = notes(&plan, ready, (name, arguments.cut));
    plan.notes.extend(uncut);
    let mut changes = Vec::new();
    if let Some(path) = &arguments.out {
        changes.push(Change::of_output(path, plan::text(&plan)?.into_bytes())?);
    }
    let labels = arguments.labels.as_ref().filter(|_| !document.is_empty());
    if let Some(path) = labels {
        changes.push(Change::of_output(path, document.clone().into_bytes())?);
    }
    staged::write(&changes)?;
    let told = match (labels, document.as_str()) {
        (_, "") => String::from("\nThe policy keeps it in quarantine already.\n"),
        (Some(path), _) => {
            format!("\nWhat keeps it in quarantine is written to {}\n", path.display())
        }
        (None, text) => {
            format!("\nTo keep it in quarantine, put this beside the policy:\n---\n{text}")
        }
    };
    output::write(None, &format!("{}{alone}{}", plan::summary(&plan), clean(&told)))?;
    Ok(if is_held(&plan, name) { Outcome::Fine } else { Outcome::Found })
}

/// What becomes of what is connected, and what the plan does besides.
fn notes(plan: &Plan, ready: &Ready<'_>, (name, cut): (&str, bool)) -> Vec<String> {
    let own = || plan.attachments.iter().filter(|one| one.workload == name);
    let network = &ready.intent.estate().network;
    let is_own =
        |one: &&watertight_model::network::Endpoint| own().any(|own| own.endpoint == *one.name);
    let addresses = network.endpoints.values().filter(is_own).flat_map(|one| &one.addresses);
    let hosts: BTreeSet<String> = addresses.map(|one| Prefix::host(*one).to_string()).collect();
    let denies = |edge: &&PlannedEdge| edge.ingress.iter().any(|rule| hosts.contains(&rule.peer));
    let cutting = plan.edges.iter().filter(denies);
    let subnets = cutting.flat_map(|edge| &edge.subnets).map(String::as_str);
    let subnets: BTreeSet<&str> = subnets.collect();
    let told = |endpoint: &str| {
        if cut { vec![told_of_cut(endpoint, &subnets)] } else { ready.plane.cutting(endpoint) }
    };
    let mut notes: Vec<String> = own().flat_map(|one| told(&one.endpoint)).collect();
    let is_own = |told: &str| own().any(|one| told.contains(&one.endpoint));
    let is_of_it = |step: &&watertight_compile::Step| {
        let words = step.action.words();
        let mut groups = own().flat_map(|one| &one.groups);
        is_own(&words) || groups.any(|group| words.contains(group.as_str()))
    };
    let others = plan.steps.len() - plan.steps.iter().filter(is_of_it).count();
    if others > 0 {
        notes.push(format!(
            "{others} of the {} steps are about others: rules that named {name}, and what of the \
             policy is not in place yet",
            plan.steps.len()
        ));
    }
    for one in plan.unheld.iter().filter(|one| one.workload == name) {
        notes.push(format!("{name} cannot be held: {}", one.why));
    }
    notes
}

/// What of live connections is cut, and what is not.
fn told_of_cut(interface: &str, subnets: &BTreeSet<&str>) -> String {
    if subnets.is_empty() {
        return format!("{interface}: nothing is cut at the edges of other subnets");
    }
    let subnets: Vec<&str> = subnets.iter().copied().collect();
    format!(
        "{interface}: connections that cross the edges of {} are cut there; what stays within its own subnet, \
         and what comes from outside of the VPC, goes on until it ends or is forgotten. The next plan without \
         `--cut` gives the subnets back",
        subnets.join(", ")
    )
}

/// Whether nothing passes a workload but what no group can filter.
fn is_held(plan: &Plan, name: &str) -> bool {
    let is_unheld = plan.unheld.iter().any(|one| one.workload == name);
    let passes = plan.gaps.iter().any(|gap| {
        let mut ends = gap.from.iter().chain(&gap.to);
        gap.kind == GapKind::Over
            && gap.reason != Reason::Unfilterable
            && ends.any(|end| end == name)
    });
    !is_unheld && !passes && plan.attachments.iter().any(|one| one.workload == name)
}
