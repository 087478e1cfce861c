//! Every question of `expected.json`, asked on the command line.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::thread;

use serde_json::Value;
use watertight_model::network::TargetEnd;
use watertight_model::{Estate, Workload};
use watertight_net::FlowSet;

use crate::support::{SHOP, json, root, shop, watertight};

/// How many questions are asked at a time.
const AT_A_TIME: usize = 4;
/// How much of an explanation a mismatch shows.
const LINES_SHOWN: usize = 30;

#[test]
fn questions_get_the_answers_that_the_rules_of_aws_give() {
    let estate = shop();
    let text = fs::read_to_string(root().join(SHOP).join("expected.json")).unwrap();
    let questions: Vec<Value> = serde_json::from_str(&text).unwrap();
    let ids: BTreeSet<&str> = questions.iter().map(|one| field(one, "id")).collect();
    assert_eq!(ids.len(), questions.len(), "two questions have the same id");
    let share = questions.len().div_ceil(AT_A_TIME);
    let mismatches: Vec<String> = thread::scope(|scope| {
        let ask = |part: &[Value]| -> Vec<String> {
            part.iter().filter_map(|question| mismatch(&estate, question)).collect()
        };
        let asking: Vec<_> =
            questions.chunks(share).map(|part| scope.spawn(move || ask(part))).collect();
        asking.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert!(
        mismatches.is_empty(),
        "{} of {} questions:\n{}",
        mismatches.len(),
        questions.len(),
        mismatches.join("\n")
    );
}

fn field<'v>(question: &'v Value, name: &str) -> &'v str {
    question[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {question}"))
}

/// What is answered, in the terms of the file.
#[derive(PartialEq, Eq, Debug)]
struct Answer {
    dispositions: BTreeSet<String>,
    /// Whether a connection can be established: for all of it, for none of it, or in part.
    reply: Option<bool>,
}

fn mismatch(estate: &Estate, question: &Value) -> Option<String> {
    let (from, to, over) =
        (field(question, "from"), field(question, "to"), field(question, "over"));
    let (answer, asked) = match question["via"].as_str() {
        Some(front) => (through(estate, from, front, to, over), front),
        None => (direct(estate, from, to, over), to),
    };
    let dispositions = BTreeSet::from([field(question, "expect").to_owned()]);
    let expected = Answer { dispositions, reply: question["reply"].as_bool() };
    if answer == expected {
        return None;
    }
    let mut text = format!("{}: expected {expected:?}, got {answer:?}\n", field(question, "id"));
    writeln!(text, "  because {}", field(question, "why")).unwrap();
    let output = watertight(&["can", SHOP, "--from", from, "--to", asked, "--over", over]);
    for line in String::from_utf8_lossy(&output.stdout).lines().take(LINES_SHOWN) {
        writeln!(text, "    {line}").unwrap();
    }
    Some(text)
}

fn can(from: &str, to: &str, over: &str) -> Value {
    json(&["can", SHOP, "--from", from, "--to", to, "--over", over])
}

/// The parts of an answer that are meant: those at the address that `from` would dial.
fn meant(estate: &Estate, from: &str, to: &str, answer: &Value) -> Vec<Value> {
    let mut parts = Vec::new();
    for group in answer["groups"].as_array().unwrap() {
        let mut pairs = group["pairs"].as_array().unwrap().iter();
        if pairs.any(|pair| dials(estate, from, to, field(pair, "destination"))) {
            parts.extend(group["parts"].as_array().unwrap().iter().cloned());
        }
    }
    parts
}

/// Whether `destination` is the address of `to` that is meant, see the README.
fn dials(estate: &Estate, from: &str, to: &str, destination: &str) -> bool {
    // Where no address is told, there is one way to dial it.
    let Ok(address) = destination.parse::<IpAddr>() else { return true };
    let Some(workload) = named(estate, to) else { return true };
    let wants_v6 = from.rsplit_once('@').is_some_and(|(_, address)| address.contains(':'));
    let endpoints = || workload.endpoints.iter().map(|id| &estate.network.endpoints[*id]);
    let is_public = |wanted: IpAddr| {
        endpoints().any(|one| one.public.iter().any(|(_, outer)| *outer == wanted))
    };
    let has_public = endpoints().any(|one| !one.public.is_empty());
    let in_no_subnet = |one: &Workload| {
        let mut ends = one.endpoints.iter().map(|id| &estate.network.endpoints[*id]);
        ends.all(|end| end.subnet.is_none())
    };
    let outside = from.starts_with("internet") || named(estate, from).is_some_and(in_no_subnet);
    let right_side = wants_v6 || !has_public || is_public(address) == outside;
    address.is_ipv6() == wants_v6 && right_side
}

fn named<'e>(estate: &'e Estate, name: &str) -> Option<&'e Workload> {
    estate.workloads.values().find(|one| one.id == name || one.name == name)
}

fn direct(estate: &Estate, from: &str, to: &str, over: &str) -> Answer {
    let answer = can(from, to, over);
    let parts = meant(estate, from, to, &answer);
    if parts.is_empty() {
        return Answer {
            dispositions: BTreeSet::from([field(&answer, "answer").to_owned()]),
            reply: None,
        };
    }
    of_parts(&parts)
}

fn of_parts(parts: &[Value]) -> Answer {
    let dispositions: BTreeSet<String> =
        parts.iter().map(|part| field(part, "disposition").to_owned()).collect();
    let back = |part: &Value| {
        let flows: FlowSet = field(part, "flows").parse().unwrap();
        let sure: FlowSet = field(&part["established"], "sure").parse().unwrap();
        let possible: FlowSet = field(&part["established"], "possible").parse().unwrap();
        match (sure.contains(&flows), possible.is_empty()) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    };
    let replies: BTreeSet<Option<bool>> = parts.iter().map(back).collect();
    let undecided = dispositions.contains("unknown");
    let reply =
        if replies.len() == 1 && !undecided { replies.first().copied().flatten() } else { None };
    Answer { dispositions, reply }
}

/// What is answered about the way through a front: its listener, and the target behind it.
///
/// A front that keeps the client's address leads the packet on to the target, so that one answer
/// tells both. Behind any other front a second leg begins.
fn through(estate: &Estate, from: &str, front: &str, to: &str, over: &str) -> Answer {
    let answer = can(from, front, over);
    let parts = meant(estate, from, front, &answer);
    let target = named(estate, to).unwrap();
    let of_target = |part: &&Value| {
        let at = part["at"]["id"].as_str();
        let mut ends =
            target.endpoints.iter().map(|id| estate.network.endpoints[*id].name.as_str());
        ends.any(|end| Some(end) == at)
    };
    let there: Vec<Value> = parts.iter().filter(of_target).cloned().collect();
    if !there.is_empty() {
        return of_parts(&there);
    }
    let first = of_parts(&parts);
    if first.reply != Some(true) {
        return first;
    }
    let second = direct(estate, front, to, &leg(estate, front, target, over));
    if second.reply == Some(true) { first } else { second }
}

/// The flow with which a front calls a target for what is sent to its listeners.
fn leg(estate: &Estate, front: &str, target: &Workload, over: &str) -> String {
    let over: FlowSet = over.parse().unwrap();
    let network = &estate.network;
    let is_meant = |id| estate.workloads[id].name == *front;
    let front = network.fronts.values().find(|one| is_meant(one.workload)).unwrap();
    for listener in front.listeners.iter().filter(|one| one.flows.contains(&over)) {
        for group in &listener.target_groups {
            for one in &network.target_groups[*group].targets {
                if let (TargetEnd::Endpoint(id, _), Some(port)) = (&one.end, one.port)
                    && target.endpoints.contains(id)
                {
                    return format!("tcp/{port}");
                }
            }
        }
    }
    panic!("no listener of the front for {over} leads to {}", target.name)
}

/// A load balancer that ends connections is not the end of the matter.
#[test]
fn a_front_that_was_asked_about_says_where_it_leads_on() {
    let ask = |to: &str, over: &str| {
        json(&["can", SHOP, "--from", "internet", "--to", to, "--over", over])["leads_on"].clone()
    };
    let legs = ask("copper-kettle-web", "tcp/443");
    let legs: Vec<(&str, u64, &str)> = legs
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let first = one["to"][0].as_str().unwrap();
            (first, one["port"].as_u64().unwrap(), one["answer"].as_str().unwrap())
        })
        .collect();
    let expected = [("shop/recommendations", 8080, "accepted"), ("orders-api-1", 8081, "accepted")];
    assert_eq!(legs, expected);
    assert_eq!(ask("copper-kettle-web", "tcp/8443"), serde_json::json!([]), "nothing arrives");
    assert_eq!(ask("bastion", "tcp/22"), serde_json::json!([]), "no front");
}
