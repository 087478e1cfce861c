//! The answer as text: what it comes to in the first lines, the reasons below.

use std::fmt::Write as _;

use watertight_model::Disposition;
use watertight_reach::ends::End;

use super::ahead::Ahead;
use super::ask::{Answer, Group, Over, Question, Result};
use super::explain::{Explained, ExplainedReply, Hop, refusal};
use crate::text::{counted, one_line};

/// How many pairs of a group are named.
const PAIRS_SHOWN: usize = 4;

/// The whole answer.
pub(super) fn text(result: &Result, question: &Question, names: (&str, &str)) -> String {
    let mut text = String::new();
    let (from, to) = names;
    let over = question.over.show(&question.over.flows);
    // Writing to a String cannot fail.
    let _infallible = writeln!(text, "{}: {from} -> {to} over {over}", first_word(result));
    let _infallible = writeln!(text, "{}", second_line(result, question));
    for ahead in &result.ahead {
        let _infallible = writeln!(text, "{}", ahead_line(ahead));
    }
    for group in &result.groups {
        text.push('\n');
        print_group(&mut text, group, &question.over);
    }
    crate::text::clean(&text)
}

/// Where a front leads on.
fn ahead_line(ahead: &Ahead) -> String {
    let shown: Vec<String> = ahead.to.iter().take(PAIRS_SHOWN).map(|to| one_line(to)).collect();
    let mut names = shown.join(", ");
    let more = ahead.to.len().saturating_sub(PAIRS_SHOWN);
    if more > 0 {
        let _infallible = write!(names, " and {more} more");
    }
    let over = ahead.over.map_or_else(String::new, |port| format!(" over port {port}"));
    let beyond = if ahead.more { ", and there are more targets than were asked about" } else { "" };
    let front = one_line(&ahead.front);
    format!("{front} leads on to {names}{over}: {}{beyond}", ahead.answer)
}

/// The answer, or for what is denied the one disposition of all of it.
fn first_word(result: &Result) -> String {
    match (result.answer, result.dispositions.as_slice()) {
        (Answer::Denied, [one]) => one.word().to_owned(),
        (Answer::Partly, _) => "partly accepted".to_owned(),
        (Answer::OneWay, _) => "accepted one way".to_owned(),
        (answer, _) => answer.word().to_owned(),
    }
}

fn second_line(result: &Result, question: &Question) -> String {
    let over = &question.over;
    if let Some(why) = &result.no_pair {
        return why.clone();
    }
    match result.answer {
        Answer::Accepted | Answer::ExitsNetwork if matches!(question.from, End::Realm(_)) => {
            format!("nobody in particular sends, so no reply is followed{}", between(result))
        }
        Answer::Accepted | Answer::ExitsNetwork => {
            format!("the connection can be established{}", between(result))
        }
        Answer::Partly => {
            format!("a connection can be established over {} only", over.show(&result.established))
        }
        Answer::OneWay => match broken_reply(result) {
            Some((at, why)) => {
                format!("no connection can be established: the reply is dropped at {at}: {why}")
            }
            None => "no connection can be established: the reply does not come back".to_owned(),
        },
        Answer::Unknown => match unknown(result) {
            Some(part) => format!("what decides is not in the input: {} ({})", part.why, part.at),
            None => "what decides about the reply is not in the input".to_owned(),
        },
        Answer::Denied => match most_telling(result) {
            Some(part) => {
                let why = refusal(&part.hops).unwrap_or(&part.why);
                let word = part.disposition.word();
                let word = if first_word(result) == word { "" } else { word };
                format!("{word} at {}: {why}", part.at).trim_start().to_owned()
            }
            None => "nothing arrives".to_owned(),
        },
    }
}

/// Says how many pairs it holds for, when not for all.
fn between(result: &Result) -> String {
    let pairs = |groups: &mut dyn Iterator<Item = &Group>| {
        groups.fold(0usize, |sum, group| sum.saturating_add(group.pairs.len()))
    };
    let all = pairs(&mut result.groups.iter());
    let delivers = |group: &&Group| {
        group
            .parts
            .iter()
            .any(|part| part.disposition.is_delivered() && !part.established.sure.is_empty())
    };
    let some = pairs(&mut result.groups.iter().filter(delivers));
    if some == all { String::new() } else { format!(" between {some} of {all} pairs of addresses") }
}

fn parts(result: &Result) -> impl Iterator<Item = &Explained> {
    result.groups.iter().flat_map(|group| &group.parts)
}

fn broken_reply(result: &Result) -> Option<(&str, &str)> {
    let replies = parts(result).filter_map(|part| part.reply.as_ref());
    let mut stopped = replies.filter_map(|reply| Some((reply, reply.stop.as_ref()?)));
    stopped.next().map(|(reply, (at, why))| (at.as_str(), refusal(&reply.hops).unwrap_or(why)))
}

fn unknown(result: &Result) -> Option<&Explained> {
    parts(result).find(|part| part.disposition == Disposition::Unknown)
}

/// The refusal that came the farthest.
fn most_telling(result: &Result) -> Option<&Explained> {
    parts(result)
        .filter(|part| !part.disposition.is_delivered())
        .reduce(|best, part| if part.hops.len() > best.hops.len() { part } else { best })
}

fn print_group(text: &mut String, group: &Group, over: &Over) {
    for pair in group.pairs.iter().take(PAIRS_SHOWN) {
        let _infallible = writeln!(text, "from {} to {}", pair.start_text, pair.target_text);
    }
    let more = group.pairs.len().saturating_sub(PAIRS_SHOWN);
    if more > 0 {
        let more = counted(u64::try_from(more).unwrap_or(u64::MAX), "more pair");
        let _infallible = writeln!(text, "and {more} that fare alike");
    }
    for part in &group.parts {
        print_part(text, part, over);
    }
}

fn print_part(text: &mut String, part: &Explained, over: &Over) {
    let _infallible =
        write!(text, "  {}: {} at {}", over.show(&part.flows), part.disposition, part.at);
    let _infallible = match part.why.as_str() {
        "" => writeln!(text),
        why => writeln!(text, ": {why}"),
    };
    print_hops(text, &part.hops, over);
    let Some(reply) = &part.reply else { return };
    let _infallible = writeln!(text, "  reply: {}", reply_line(part, reply, over));
    print_hops(text, &reply.hops, over);
}

fn reply_line(part: &Explained, reply: &ExplainedReply, over: &Over) -> String {
    let established = &part.established;
    if established.sure == part.flows {
        return "comes back".to_owned();
    }
    let stop = match &reply.stop {
        Some((at, why)) => format!(": it is dropped at {at}: {why}"),
        None if !reply.returns => ": its way does not lead back to the sender".to_owned(),
        None => String::new(),
    };
    if established.possible.is_empty() {
        format!("does not come back{stop}")
    } else if established.is_exact() {
        format!("comes back for {} only{stop}", over.show(&established.sure))
    } else {
        format!("unknown whether it comes back{stop}")
    }
}

fn print_hops(text: &mut String, hops: &[Hop], over: &Over) {
    for (position, hop) in hops.iter().enumerate() {
        let number = position.saturating_add(1);
        let _infallible = writeln!(text, "    {number:>2}  {}", hop.at);
        for event in &hop.events {
            let _infallible = write!(text, "          {}", event.text);
            if let Some(flows) = &event.flows {
                let _infallible = write!(text, " (for {})", over.show(flows));
            }
            if let Some(origin) = &event.origin {
                let _infallible = write!(text, "  [{origin}]");
            }
            text.push('\n');
        }
    }
}
