//! The answer as JSON, `watertight.can/v1` (`docs/reference/formats.md`).

use serde_json::{Value, json};
use watertight_model::{Bounds, Estate, Name};
use watertight_net::FlowSet;

use super::ahead::Ahead;
use super::ask::{Group, Pair, Question, Result};
use super::explain::{Event, Explained, ExplainedReply, Hop};
use crate::text;

/// The whole answer.
pub(super) fn value(
    estate: &Estate,
    result: &Result,
    question: &Question,
    names: (&str, &str),
) -> Value {
    let dispositions: Vec<&str> = result.dispositions.iter().map(|one| one.word()).collect();
    let groups: Vec<Value> = result.groups.iter().map(|group| of_group(estate, group)).collect();
    json!({
        "schema": "watertight.can/v1",
        "estate": estate.id.0,
        "from": names.0,
        "to": names.1,
        "over": question.over.flows.to_string(),
        "answer": result.answer.word(),
        "dispositions": dispositions,
        "arrives": result.forward.to_string(),
        "established": result.established.to_string(),
        "no_pair": result.no_pair,
        "leads_on": result.ahead.iter().map(of_ahead).collect::<Vec<Value>>(),
        "groups": groups,
    })
}

fn of_ahead(ahead: &Ahead) -> Value {
    json!({
        "front": ahead.front.as_str(),
        "port": ahead.over,
        "answer": ahead.answer,
        "to": ahead.to.iter().map(Name::as_str).collect::<Vec<&str>>(),
        "more": ahead.more,
    })
}

fn of_group(estate: &Estate, group: &Group) -> Value {
    let pairs: Vec<Value> = group.pairs.iter().map(|pair| of_pair(estate, pair)).collect();
    let parts: Vec<Value> = group.parts.iter().map(of_part).collect();
    json!({ "pairs": pairs, "parts": parts })
}

fn of_pair(estate: &Estate, pair: &Pair) -> Value {
    json!({
        "start": text::start(estate, &pair.start),
        "source": pair.start.source().map(|address| address.to_string()),
        "destination": pair.target_text,
    })
}

fn of_part(part: &Explained) -> Value {
    json!({
        "flows": part.flows.to_string(),
        "disposition": part.disposition.word(),
        "at": { "kind": part.at_kind, "id": part.at_id.as_deref(), "text": part.at },
        "why": part.why.as_str(),
        "established": of_bounds(&part.established),
        "hops": part.hops.iter().map(of_hop).collect::<Vec<Value>>(),
        "reply": part.reply.as_ref().map(of_reply),
    })
}

fn of_reply(reply: &ExplainedReply) -> Value {
    let stop = reply.stop.as_ref().map(|(at, why)| json!({ "at": at, "why": why.as_str() }));
    json!({
        "returns": reply.returns,
        "stop": stop,
        "hops": reply.hops.iter().map(of_hop).collect::<Vec<Value>>(),
    })
}

fn of_hop(hop: &Hop) -> Value {
    json!({
        "at": { "kind": hop.at_kind, "id": hop.at_id.as_deref(), "text": hop.at },
        "events": hop.events.iter().map(of_event).collect::<Vec<Value>>(),
    })
}

fn of_event(event: &Event) -> Value {
    json!({
        "kind": event.kind,
        "text": event.text,
        "by": event.by.as_deref(),
        "rule": event.rule.as_deref(),
        "accepts": event.accepts,
        "flows": event.flows.as_ref().map(ToString::to_string),
        "origin": event.origin,
    })
}

fn of_bounds(bounds: &Bounds<FlowSet>) -> Value {
    json!({ "sure": bounds.sure.to_string(), "possible": bounds.possible.to_string() })
}
