//! The answers as text and as JSON, `watertight.ask/v1` (`docs/reference/formats.md`).

use std::fmt::Write as _;

use serde_json::{Value, json};
use watertight_model::Estate;
use watertight_net::FlowSet;
use watertight_policy::Timestamp;
use watertight_policy::decide::Outcome;

use super::legs::{Answered, Way};
use crate::policy::loaded::LoadedPolicy;
use crate::text::clean;

/// All that is printed.
pub(super) struct Answer<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) over: &'a FlowSet,
    pub(super) under: &'a str,
    pub(super) at: Timestamp,
    pub(super) outcome: Outcome,
    pub(super) ways: &'a [Way],
    pub(super) policy: &'a LoadedPolicy,
}

/// Text for people.
pub(super) fn text(answer: &Answer<'_>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _written = writeln!(
        text,
        "{}: {} -> {} over {}, under {} at {}",
        answer.outcome.word(),
        answer.from,
        answer.to,
        answer.over,
        answer.under,
        answer.at
    );
    for way in answer.ways {
        let _written = match (&way.through, way.is_beyond) {
            (None, _) => writeln!(text, "\nFrom end to end"),
            (Some(front), false) => writeln!(text, "\nThrough {front}: {}", way.outcome().word()),
            (Some(front), true) => writeln!(text, "\nBehind {front}"),
        };
        for leg in &way.legs {
            leg_text(&mut text, leg, answer.policy);
        }
    }
    clean(&text)
}

fn leg_text(text: &mut String, leg: &Answered, policy: &LoadedPolicy) {
    let mut line = |label: &str, value: &str| {
        let _written = writeln!(text, "    {label:<16}{value}");
    };
    let at = |origin: Option<String>| origin.map_or_else(String::new, |at| format!(" ({at})"));
    let decision = &leg.decision;
    line("leg", &format!("{} -> {} over {}", leg.from, leg.to, leg.over));
    if !leg.via.is_empty() {
        let via: Vec<String> = leg.via.iter().map(ToString::to_string).collect();
        line("via", &via.join(", "));
    }
    line("policy decides", decision.outcome.word());
    for reason in &decision.reasons {
        let why = policy.why(*reason);
        let tier = why.tier.map_or_else(String::new, |tier| format!("{tier} "));
        line("  because", &format!("{tier}{}{}", why.text, at(why.origin)));
    }
    let binds = match (decision.governed.source, decision.governed.destination) {
        (true, true) => "both ends",
        (true, false) => "the source alone",
        (false, true) => "the destination alone",
        (false, false) => "neither end",
    };
    line("  rules bind", &format!("at {binds}"));
    for share in &leg.shares {
        line("  share", &policy.shared(*share));
    }
    for assumption in &decision.assumed {
        line("  assumed", &policy.assumed(*assumption));
    }
    for near in &leg.near {
        let (miss, origin) = policy.near(near);
        line("  near miss", &format!("{miss}{}", at(origin)));
    }
    line("network does", &leg.today.text());
}

/// For programs.
pub(super) fn json(answer: &Answer<'_>, estate: &Estate) -> Value {
    let ways: Vec<Value> = answer.ways.iter().map(|way| way_json(way, answer.policy)).collect();
    json!({
        "schema": "watertight.ask/v1",
        "estate": estate.id.0,
        "from": answer.from,
        "to": answer.to,
        "over": answer.over.to_string(),
        "under": answer.under,
        "at": answer.at.to_string(),
        "decision": answer.outcome.word(),
        "ways": ways,
    })
}

fn way_json(way: &Way, policy: &LoadedPolicy) -> Value {
    let legs: Vec<Value> = way.legs.iter().map(|leg| leg_json(leg, policy)).collect();
    json!({
        "through": way.through,
        "beyond": way.is_beyond,
        "decision": way.outcome().word(),
        "legs": legs,
    })
}

fn leg_json(leg: &Answered, policy: &LoadedPolicy) -> Value {
    let decision = &leg.decision;
    let reasons: Vec<Value> = decision
        .reasons
        .iter()
        .map(|reason| {
            let why = policy.why(*reason);
            json!({ "kind": why.kind, "text": why.text, "tier": why.tier, "origin": why.origin })
        })
        .collect();
    let near: Vec<Value> = leg
        .near
        .iter()
        .map(|near| {
            let (text, origin) = policy.near(near);
            json!({ "fails": near.fails.word(), "text": text, "origin": origin })
        })
        .collect();
    let assumed: Vec<String> = decision.assumed.iter().map(|one| policy.assumed(*one)).collect();
    json!({
        "from": leg.from,
        "to": leg.to,
        "over": leg.over.to_string(),
        "via": leg.via.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "decision": decision.outcome.word(),
        "reasons": reasons,
        "binds": {
            "source": decision.governed.source,
            "destination": decision.governed.destination,
        },
        "shares": leg.shares.iter().map(|share| policy.shared_json(*share)).collect::<Vec<_>>(),
        "assumed": assumed,
        "near_misses": near,
        "network": { "answer": leg.today.answer, "dispositions": leg.today.dispositions },
    })
}
