//! The estate under a policy against its slow twin: pair by pair and flow by flow, what the network
//! establishes and what the policy decides.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

#[path = "simulate/essentials.rs"]
mod essentials;

use std::collections::BTreeSet;

use watertight_aws::{Body, Options, convert};
use watertight_model::network::{Endpoint, EndpointRole};
use watertight_model::{ArenaId, Bounds, Estate, Name, Network};
use watertight_net::{Flow, FlowSet};
use watertight_policy::decide::{Decider, End, Essentials, Leg, Modes, Outcome, Question, World};
use watertight_policy::{
    CheckedPolicy, Documents, Feeds, Format, Timestamp, check, with_essentials,
};
use watertight_reach::{Change, Class, Comparison, Matrix, Reach, diff};
use watertight_source::{Diagnostics, FileId, Limits, Sources, Tree};
use watertight_testkit::generate::{self, Random, Size};

/// How many estates are drawn.
const ESTATES: u64 = 60;
const NOW: Timestamp = Timestamp(0);

/// A generated estate whose workloads have labels.
fn estate(seed: u64, random: &mut Random) -> Estate {
    let files = generate::aws(seed, Size::FEW).files;
    let bodies: Vec<Body> = files
        .iter()
        .enumerate()
        .map(|(number, (path, value))| {
            let file = FileId(u32::try_from(number).unwrap());
            let text = value.to_string();
            let tree = Tree::parse_json(file, text.as_str(), &Limits::default()).unwrap();
            Body { path: path.clone(), tree }
        })
        .collect();
    let mut estate = convert(&bodies, &Options::default()).estate;
    for (_, workload) in estate.workloads.iter_mut() {
        workload.labels.retain(|key, _| !["app", "env"].contains(&&**key));
        let app = random.pick(&["web", "api", "db"]).copied().unwrap();
        workload.labels.insert(Name::from("app"), Name::from(app));
        let env = random.pick(&["prod", "dev"]).copied().unwrap();
        workload.labels.insert(Name::from("env"), Name::from(env));
    }
    estate
}

/// A policy about these labels.
fn policy(random: &mut Random) -> CheckedPolicy {
    let mut lines = Vec::new();
    let mode = |random: &mut Random| if random.chance(70) { "enforce" } else { "monitor" };
    let action = |random: &mut Random| if random.chance(50) { "allow" } else { "deny" };
    let share = |random: &mut Random| match random.below(6) {
        0 => "  share: {percent: 50}\n",
        1 => "  share: {select: {matchLabels: {env: prod}}}\n",
        _ => "",
    };
    for app in ["web", "api"] {
        let (mode, ingress, egress) = (mode(random), action(random), action(random));
        lines.push(format!(
            "---\napiVersion: watertight.io/v1alpha1\nkind: Segment\nmetadata: {{name: {app}}}\nspec:\n  \
             members: {{matchLabels: {{app: {app}}}}}\n  mode: {mode}\n{}  \
             defaults: {{ingress: {ingress}, egress: {egress}, intra: {}}}\n",
            share(random),
            action(random)
        ));
    }
    let peers = [
        "{matchLabels: {app: web}}",
        "{matchLabels: {app: db, env: prod}}",
        "{segment: api}",
        "{matchLabels: {env: dev}}",
        "{addresses: [10.0.0.0/9]}",
    ];
    for number in 0..random.between(1, 4) {
        let mode = mode(random);
        lines.push(format!(
            "---\napiVersion: watertight.io/v1alpha1\nkind: Policy\nmetadata: {{name: p{number}}}\nspec:\n  \
             mode: {mode}\n  rules:\n"
        ));
        for _ in 0..random.between(1, 3) {
            let action = if random.chance(80) { "allow" } else { "deny" };
            let from = random.pick(&peers).unwrap();
            let to = random.pick(&peers).unwrap();
            let over = ["tcp: 443", "tcp: [22, 5432]", "udp: 53", "tcp: 80-9000"];
            let over = random.pick(&over).unwrap();
            lines.push(format!(
                "  - {{action: {action}, from: [{from}], to: [{to}], over: [{{{over}}}]}}\n"
            ));
        }
    }
    checked(&lines.concat())
}

/// A policy that is sound.
fn checked(text: &str) -> CheckedPolicy {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
    let file = sources.add("policy.yaml", text).unwrap();
    let mut documents = Documents::default();
    let limits = Limits::default();
    documents.read(file, sources.contents(file), Format::Yaml, &limits, &mut diagnostics);
    let checked = check(&documents, &Feeds::new(), &mut diagnostics);
    assert!(checked.is_some(), "{text}\n{:?}", diagnostics.into_sorted());
    checked.unwrap()
}

/// Whether an endpoint is of a front that ends no leg, at which nothing is decided.
fn keeps_sources(network: &Network, endpoint: &Endpoint) -> bool {
    let EndpointRole::Front(front) = endpoint.role else { return false };
    let groups = network.fronts[front].listeners.iter().flat_map(|one| &one.target_groups);
    groups.clone().count() > 0
        && groups.clone().all(|group| network.target_groups[*group].preserves_source)
}

/// What the twin counts.
#[derive(Debug, Default)]
struct Counts {
    pairs: usize,
    open: usize,
    closed: usize,
    differing: u64,
}

fn flows() -> Vec<Flow> {
    let ports = [22, 53, 79, 80, 443, 5432, 8080, 9000, 9001];
    let tcp = ports.iter().map(|port| Flow::tcp(40_000, *port));
    tcp.chain([Flow::udp(40_000, 53), Flow::udp(40_000, 123)]).collect()
}

fn matrix(estate: &Estate) -> Matrix {
    Reach::new(&estate.network).matrix(&BTreeSet::new())
}

/// Compares one estate under one policy; the differences.
fn compare(seed: u64, counts: &mut Counts) -> Vec<String> {
    let mut random = Random::new(seed ^ 0x51);
    let before = estate(seed, &mut random);
    let mut policy = policy(&mut random);
    let world = World::of_estate(&before);
    // Ends that rules do not tell apart are told apart by what every platform needs.
    let essentials = if seed.is_multiple_of(2) {
        with_essentials(&mut policy, &before)
    } else {
        Essentials::default()
    };
    let decider = Decider::new(&policy, &world, &essentials);
    let modes = [Modes::Enforced, Modes::Pending, Modes::PromoteSegment(Name::from("api"))];
    let deciding = decider.under(random.pick(&modes).unwrap(), NOW);
    let after = deciding.layered(&before).estate;
    let (old, new) = (matrix(&before), matrix(&after));
    let mut found = in_classes(seed, (&before, &after), (&old, &new), counts);
    let network = &before.network;
    for (one, source) in network.endpoints.iter().filter(|(_, one)| !keeps_sources(network, one)) {
        for (other, target) in before.network.endpoints.iter() {
            let Some(was) = old.between(one, other) else { continue };
            let none = FlowSet::none();
            let is = new.between(one, other);
            let (sure, possible) = is.map_or((&none, &none), |cell| {
                (&cell.established.sure, &cell.established.possible)
            });
            counts.pairs += 1;
            for flow in flows() {
                let end = |workload: usize| End::workload(vec![workload]);
                let (from, to) = (source.workload.index(), target.workload.index());
                let leg = Leg { source: end(from), destination: end(to), flow };
                let asked = Question { leg: &leg, request: None, bindings: &[] };
                let allowed = deciding.decide(&asked).outcome != Outcome::Deny;
                let network = &was.established;
                let (was_sure, was_possible) =
                    (network.sure.contains_flow(flow), network.possible.contains_flow(flow));
                counts.open += usize::from(was_possible && allowed);
                counts.closed += usize::from(was_possible && !allowed);
                let (is_sure, is_possible) =
                    (sure.contains_flow(flow), possible.contains_flow(flow));
                let say = |what: &str| {
                    format!("seed {seed}: {} -> {} {flow}: {what}", source.name, target.name)
                };
                if is_sure && !(was_sure && allowed) {
                    found.push(say("let through for sure, and should not be"));
                }
                if is_possible && !was_possible {
                    found.push(say("opened"));
                }
                if was_sure && allowed && !is_possible {
                    found.push(say("closed, and should be open"));
                }
            }
        }
    }
    found
}

/// Compares what is counted and listed by class with every pair of endpoints, and with what `diff` finds
/// without classes that both sides share; the differences.
fn in_classes(
    seed: u64,
    (before, after): (&Estate, &Estate),
    (old, new): (&Matrix, &Matrix),
    counts: &mut Counts,
) -> Vec<String> {
    let mut found = Vec::new();
    let comparison = Comparison::new(before, after);
    let none = Bounds::exact(FlowSet::none());
    let ids = || before.network.endpoints.iter().map(|(id, _)| id);
    let pairs = ids().flat_map(|one| ids().map(move |other| (one, other)));
    let differ = pairs.filter(|(one, other)| {
        let of = |matrix: &Matrix| {
            matrix
                .between(*one, *other)
                .map_or_else(|| none.clone(), |cell| cell.established.clone())
        };
        of(old) != of(new)
    });
    let expected = u64::try_from(differ.count()).unwrap();
    let between = comparison.pairs_between(|class| matches!(class, Class::Endpoints(_)));
    let counted = between.get(&(true, true)).copied().unwrap_or(0);
    counts.differing += counted;
    if counted != expected {
        found
            .push(format!("seed {seed}: {counted} pairs are counted to differ, and {expected} do"));
    }
    let of_workloads = |changes: Vec<Change>| -> Vec<Change> {
        let is_outside =
            |name: &Name| name.starts_with("internet@") || name.starts_with("outside:");
        changes.into_iter().filter(|one| !is_outside(&one.from) && !is_outside(&one.to)).collect()
    };
    let listed = of_workloads(comparison.changes(u64::MAX).unwrap());
    let expected = of_workloads(diff(before, after));
    if listed != expected {
        found.push(format!("seed {seed}: listed are {listed:#?}\nand not {expected:#?}"));
    }
    for (what, read, asked) in
        [("before", comparison.before_alone(), old), ("after", comparison.after_alone(), new)]
    {
        if read.classes != asked.classes || !read.cells().eq(asked.cells()) {
            found.push(format!("seed {seed}: {what}, common classes tell otherwise than own ones"));
        }
    }
    let all = comparison.pairs_len();
    if all > 0 && comparison.changes(all - 1).is_some() {
        found.push(format!("seed {seed}: more is listed than what was asked for"));
    }
    found
}

#[test]
fn the_estate_under_a_policy_is_what_network_and_decision_both_let_through() {
    let mut counts = Counts::default();
    let mut found = Vec::new();
    for seed in 1..=ESTATES {
        found.extend(compare(seed, &mut counts));
    }
    println!("{counts:?}");
    assert!(found.is_empty(), "{} differences: {:#?}", found.len(), &found[..found.len().min(12)]);
    assert!(counts.differing > 100, "too little differs: {counts:?}");
    assert!(counts.open > 100 && counts.closed > 100, "too little is compared: {counts:?}");
}
