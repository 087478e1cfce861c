//! Policies of growing size: how long they take to check, to lint, to format, and to decide by.

use std::fmt::Write as _;
use std::hint::black_box;
use std::ops::Range;
use std::process::ExitCode;

use watertight_model::Name;
use watertight_net::Flow;
use watertight_policy::decide::{
    Decider, End, Essentials, Leg, Member, Modes, Place, Question, World,
};
use watertight_policy::{CheckedPolicy, Documents, Feeds, Format, Linted, Timestamp};
use watertight_policy::{check, formatted, lint};
use watertight_source::{Diagnostics, Limits, Sources};

use super::figures::seconds;
use super::{clock, float, since};

/// Rules of the policies that are checked.
const RULES: [usize; 3] = [1_000, 10_000, 100_000];
/// Rules and workloads of the estates that are decided about.
const DECIDED: [(usize, usize); 3] = [(50, 1_000), (500, 10_000), (5_000, 100_000)];
/// How many decisions are asked for.
const ASKED: usize = 200_000;
/// Rules of one document.
pub(super) const RULES_EACH: usize = 20;

/// Measures and prints.
pub(super) fn run() -> ExitCode {
    let mut last = None;
    println!(
        "{:>9} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "rules", "read", "check", "lint", "form", "growth"
    );
    for rules in RULES {
        let text = text(rules);
        let mut sources = Sources::new();
        let Ok(file) = sources.add("policy.yaml", text) else { return ExitCode::FAILURE };
        let (contents, limits) = (sources.contents(file), Limits::default());
        let (mut documents, mut diagnostics) = (Documents::default(), Diagnostics::default());
        let start = clock();
        documents.read(file, contents, Format::Yaml, &limits, &mut diagnostics);
        let read = since(start);
        let start = clock();
        let policy = check(&documents, &Feeds::new(), &mut diagnostics);
        let checked = since(start);
        let Some(policy) = policy else { return ExitCode::FAILURE };
        let start = clock();
        let (documents, now) = (&documents, Timestamp(0));
        let linted = Linted { documents, policy: &policy, world: None, now };
        lint(&linted, &mut diagnostics);
        let linted = since(start);
        let start = clock();
        black_box(formatted(file, contents, Format::Yaml, &limits).is_ok());
        let form = since(start);
        let whole = read + checked + linted;
        let growth = last.map_or_else(String::new, |last: f64| format!("{:.1}x", whole / last));
        last = Some(whole);
        let [read, checked, linted, form] = [read, checked, linted, form].map(seconds);
        println!("{rules:>9} {read:>9} {checked:>9} {linted:>9} {form:>9} {growth:>8}");
    }
    println!(
        "\n{:>9} {:>9} {:>9} {:>9} {:>8}",
        "rules", "workloads", "prepare", "decision", "growth"
    );
    let mut last = None;
    for (rules, workloads) in DECIDED {
        let Some(policy) = checked(&text(rules)) else { return ExitCode::FAILURE };
        let world = world(workloads);
        let start = clock();
        let decider = Decider::new(&policy, &world, &Essentials::default());
        let prepared = since(start);
        let each = decisions(&decider, workloads);
        let growth = last.map_or_else(String::new, |last: f64| format!("{:.1}x", each / last));
        last = Some(each);
        let [prepared, each] = [prepared, each].map(seconds);
        println!("{rules:>9} {workloads:>9} {prepared:>9} {each:>9} {growth:>8}");
    }
    ExitCode::SUCCESS
}

/// Seconds of one decision, over many.
fn decisions(decider: &Decider<'_>, workloads: usize) -> f64 {
    let deciding = decider.under(&Modes::Enforced, Timestamp(0));
    let end = |place: usize| End::workload(vec![place % workloads]);
    let legs: Vec<Leg> = (0..1000)
        .map(|number| Leg {
            source: end(number * 7919),
            destination: end(number * 104_729 + 1),
            flow: Flow::tcp(40_000, if number % 2 == 0 { 443 } else { 5432 }),
        })
        .collect();
    let start = clock();
    for number in 0..ASKED {
        let leg = &legs[number % legs.len()];
        black_box(deciding.decide(&Question { leg, request: None, bindings: &[] }));
    }
    since(start) / float(ASKED)
}

fn checked(text: &str) -> Option<CheckedPolicy> {
    let mut sources = Sources::new();
    let file = sources.add("policy.yaml", text).ok()?;
    let (mut documents, mut diagnostics) = (Documents::default(), Diagnostics::default());
    documents.read(
        file,
        sources.contents(file),
        Format::Yaml,
        &Limits::default(),
        &mut diagnostics,
    );
    check(&documents, &Feeds::new(), &mut diagnostics)
}

/// A policy of so many rules: a segment and an application for each twenty of them, each rule between
/// two applications over a port of its own, one in ten a denial.
fn text(rules: usize) -> String {
    part(rules, 0..rules.div_ceil(RULES_EACH))
}

/// Some of the policies of such a text.
pub(super) fn part(rules: usize, policies: Range<usize>) -> String {
    let head = "apiVersion: watertight.io/v1alpha1\nkind:";
    let mut text = String::new();
    for policy in policies {
        // Writing to a String cannot fail.
        let _infallible = write!(
            text,
            "---\n{head} Segment\nmetadata: {{name: s{policy}}}\n\
             spec: {{members: {{matchLabels: {{app: a{policy}}}}}, mode: enforce}}\n\
             ---\n{head} Policy\nmetadata: {{name: p{policy}}}\nspec:\n  mode: enforce\n  rules:\n"
        );
        for rule in 0..RULES_EACH.min(rules - policy * RULES_EACH) {
            let action = if rule % 10 == 9 { "deny" } else { "allow" };
            let from = (policy * 31 + rule * 7) % rules.div_ceil(RULES_EACH);
            let env = ["prod", "test", "dev"][rule % 3];
            let port = 1024 + (policy * RULES_EACH + rule) % 60_000;
            let _infallible = writeln!(
                text,
                "  - action: {action}\n    from: [{{matchLabels: {{app: a{from}, env: {env}}}}}]\n    \
                 to: [{{segment: s{policy}, matchLabels: {{env: {env}}}}}]\n    \
                 over: [{{tcp: {port}}}, {{tls: 443}}]"
            );
        }
    }
    text
}

/// So many workloads, of as many applications as the policy of that size has.
fn world(workloads: usize) -> World {
    let applications = (workloads / 400).max(1);
    let member = |number: usize| {
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + u32::try_from(number).unwrap_or(0));
        let app = format!("a{}", number % applications);
        let env = ["prod", "test", "dev"][number % 3];
        let labels = [("app", app.as_str()), ("env", env)];
        Member {
            id: Name::from(format!("i-{number}").as_str()),
            name: Name::from(format!("w{number}").as_str()),
            account: None,
            subnets: Vec::new(),
            labels: labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            places: vec![Place { network: Some("vpc".into()), address: address.into() }],
        }
    };
    World { workloads: (0..workloads).map(member).collect(), ..World::default() }
}
