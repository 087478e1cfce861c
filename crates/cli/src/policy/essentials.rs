//! `watertight policy essentials`: what every platform of an estate needs.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use watertight_model::{Estate, Name};
use watertight_net::FlowSet;
use watertight_policy::checked::Peer;
use watertight_policy::{
    ESSENTIALS_VERSION, Essential, EssentialState, ListedNodes, control_flows, essentials,
    listed_nodes,
};
use watertight_source::{Sources, Span};

use crate::args::{InputArguments, TextFormat};
use crate::estate_folder;
use crate::exit::{Failure, Outcome};
use crate::output;
use crate::table::Table;

use super::loaded::{self, LoadedPolicy};

/// The arguments of `policy essentials`.
#[derive(Debug, Args)]
pub(crate) struct EssentialsArguments {
    /// The policy's files and folders, for the failsafe tuples and control planes that they list
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The estate's folder, or one file of it
    #[arg(long, value_name = "ESTATE")]
    estate: PathBuf,
    #[command(flatten)]
    input: InputArguments,
    /// How to print the rules
    #[arg(short, long, value_enum, default_value_t = TextFormat::Table)]
    format: TextFormat,
    /// Write the rules to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// Prints the rules.
pub(super) fn run(arguments: &EssentialsArguments) -> Result<Outcome, Failure> {
    let estate = estate_folder::load_folder(&arguments.estate, &arguments.input)?.estate;
    let mut found = essentials(&estate);
    if !arguments.paths.is_empty() {
        let policy = loaded::load(&arguments.paths)?;
        found.extend(listed(&policy, &estate));
        narrow(&mut found, &policy);
    }
    let data = match arguments.format {
        TextFormat::Table => text(&found),
        TextFormat::Json => output::json(&json!({
            "schema": "watertight.essentials/v1",
            "estate": estate.id.0,
            "version": ESSENTIALS_VERSION,
            "essentials": found.iter().map(value).collect::<Vec<Value>>(),
        })),
    };
    output::write(arguments.out.as_deref(), &data)?;
    Ok(Outcome::Fine)
}

/// What the policy lists beside what its platforms need.
fn listed(policy: &LoadedPolicy, estate: &Estate) -> Vec<Essential> {
    let mut found = Vec::new();
    let row = |name: &str, from: &str, to: &str, over: FlowSet| Essential {
        platform: Name::from("policy"),
        name: Name::from(name),
        from: Name::from(from),
        to: Name::from(to),
        over,
        state: EssentialState::On,
    };
    let of = |peers: &[Peer]| {
        let texts = peers.iter().map(|peer| written(&policy.sources, peer.span));
        texts.collect::<Vec<_>>().join(" or ")
    };
    for one in &policy.policy.failsafe {
        for rule in &one.rules {
            found.push(row(&one.name, &of(&rule.from), &of(&rule.to), rule.flows()));
        }
    }
    for one in &policy.policy.control_planes {
        let place = [&one.account, &one.region].into_iter().flatten().map(|name| &**name);
        let place = place.collect::<Vec<_>>().join(", ");
        let own = &one.cluster;
        let own = if place.is_empty() { own.to_string() } else { format!("{own} ({place})") };
        let nodes = match listed_nodes(estate, one) {
            ListedNodes::One(count) => format!("every node of {own} ({count} interfaces)"),
            ListedNodes::Nobody => format!("every node of {own}, none of which is in the estate"),
            ListedNodes::Several(count) => format!(
                "no node of {own}, since {count} clusters are called so: its `account` and `region` tell which"
            ),
        };
        let plane = format!("the control plane of {own} at {}", one.addresses);
        let (kubelet, api) = (control_flows(false), control_flows(true));
        found.push(row("control plane", &plane, &nodes, kubelet));
        found.push(row("control plane", &nodes, &plane, api));
    }
    found
}

/// Says of what the policy narrows between whom it is on.
fn narrow(found: &mut [Essential], policy: &LoadedPolicy) {
    let side = |word: &str, peers: &[Peer]| {
        let texts: Vec<String> =
            peers.iter().map(|peer| written(&policy.sources, peer.span)).collect();
        (!texts.is_empty()).then(|| format!("{word} {}", texts.join(" or ")))
    };
    for one in found {
        let Some(narrowable) = one.narrowable() else { continue };
        let own = policy.policy.narrowed.iter().filter(|own| own.essential == narrowable);
        let within: Vec<String> = own
            .map(|own| {
                let sides = [side("from", &own.from), side("to", &own.to)];
                sides.into_iter().flatten().collect::<Vec<_>>().join(" ")
            })
            .collect();
        if !within.is_empty() {
            one.state = EssentialState::Narrowed { within: Name::from(within.join(", or ")) };
        }
    }
}

/// What stands at a place, in one line.
fn written(sources: &Sources, span: Span) -> String {
    let text = sources.contents(span.file).as_str().unwrap_or_default();
    let at = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
    let text = text.get(at(span.start)..at(span.end)).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn text(found: &[Essential]) -> String {
    let mut table = Table::new(&["platform", "for", "from", "to", "over", "state"]);
    for one in found {
        let state = match &one.state {
            EssentialState::On => one.state.word().to_owned(),
            EssentialState::Narrowed { within } => format!("{}: {within}", one.state.word()),
            EssentialState::Unfilterable { plane, gap } => {
                format!("{}: {plane}, {gap}", one.state.word())
            }
        };
        table.row(vec![
            one.platform.to_string(),
            one.name.to_string(),
            one.from.to_string(),
            one.to.to_string(),
            one.over.to_string(),
            state,
        ]);
    }
    let is_unfilterable =
        |one: &&Essential| matches!(one.state, EssentialState::Unfilterable { .. });
    let unfilterable = found.iter().filter(is_unfilterable).count();
    let narrowed =
        found.iter().filter(|one| matches!(one.state, EssentialState::Narrowed { .. })).count();
    let on = found.len().saturating_sub(unfilterable).saturating_sub(narrowed);
    let narrowed = if narrowed == 0 { String::new() } else { format!(" {narrowed} narrowed,") };
    format!(
        "{}\nVersion {ESSENTIALS_VERSION}: {on} on,{narrowed} {unfilterable} unfilterable. Instance metadata is not among them: a rule \
         `to: [{{metadata: instance}}]` allows it.\n",
        table.aligned(0)
    )
}

fn value(one: &Essential) -> Value {
    let (plane, gap, within) = match &one.state {
        EssentialState::On => (None, None, None),
        EssentialState::Narrowed { within } => (None, None, Some(within.as_str())),
        EssentialState::Unfilterable { plane, gap } => {
            (Some(plane.as_str()), Some(gap.as_str()), None)
        }
    };
    json!({
        "platform": one.platform.as_str(),
        "name": one.name.as_str(),
        "from": one.from.as_str(),
        "to": one.to.as_str(),
        "over": one.over.to_string(),
        "state": one.state.word(),
        "plane": plane,
        "gap": gap,
        "within": within,
    })
}
