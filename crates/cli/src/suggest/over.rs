//! Flows as clauses of a policy.

use serde_json::{Value, json};
use watertight_net::{FlowSet, Protocol};

/// The clauses; nothing where the flows are every packet, which is what a rule without clauses says. An
/// empty list says that no policy speaks of any of the flows.
pub(crate) fn clauses(flows: &FlowSet) -> Option<Vec<Value>> {
    if flows.is_all() {
        return None;
    }
    let flows = flows.any_source();
    let mut found = Vec::new();
    for protocol in flows.protocols() {
        let text = flows.of_protocol(protocol).to_string();
        let name = word(protocol);
        match name {
            Some(word @ ("tcp" | "udp" | "sctp")) => {
                let ports = ports(&text);
                if ports.as_array().is_none_or(|all| !all.is_empty()) {
                    found.push(json!({ word: ports }));
                }
            }
            Some(word) => found.extend(types(&text).into_iter().map(|one| json!({ word: one }))),
            None => found.push(json!({ "protocol": protocol.number() })),
        }
    }
    Some(found)
}

/// The protocols that clauses name.
fn word(protocol: Protocol) -> Option<&'static str> {
    let named = [
        (Protocol::TCP, "tcp"),
        (Protocol::UDP, "udp"),
        (Protocol::SCTP, "sctp"),
        (Protocol::ICMP, "icmp"),
        (Protocol::ICMPV6, "icmpv6"),
    ];
    named.iter().find(|(known, _)| *known == protocol).map(|(_, word)| *word)
}

/// The destination ports of a text such as `tcp/80,8000-8999`.
fn ports(text: &str) -> Value {
    let Some((_, list)) = text.split_once('/') else { return json!("all") };
    let list = list.split(' ').next().unwrap_or_default();
    let each = list.split(',').filter(|one| *one != "0");
    let each = each.map(|one| match one.split_once('-') {
        // No policy speaks of port 0.
        Some(("0", "65535")) => json!("all"),
        Some(("0", last)) => json!(format!("1-{last}")),
        Some(_) => json!(one),
        None => one.parse::<u16>().map_or_else(|_| json!(one), |port| json!(port)),
    });
    let mut all: Vec<Value> = each.collect();
    if all.len() == 1 { all.remove(0) } else { Value::Array(all) }
}

/// The types and codes of a text such as `icmp/3/4; icmp/8`.
fn types(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for term in text.split("; ") {
        let mut parts = term.split('/').skip(1);
        let Some(types) = parts.next() else { return vec![json!("all")] };
        let codes = parts.next();
        for kind in numbers(types) {
            match codes {
                None => found.push(json!({ "type": kind })),
                Some(codes) => {
                    let each = numbers(codes).into_iter();
                    found.extend(each.map(|code| json!({ "type": kind, "code": code })));
                }
            }
        }
    }
    found
}

/// The numbers of a list with ranges.
fn numbers(list: &str) -> Vec<u8> {
    let mut found = Vec::new();
    for one in list.split(',') {
        let (first, last) = one.split_once('-').unwrap_or((one, one));
        if let (Ok(first), Ok(last)) = (first.parse::<u8>(), last.parse::<u8>()) {
            found.extend(first..=last);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Value {
        clauses(&text.parse().unwrap()).map_or(Value::Null, Value::Array)
    }

    #[test]
    fn flows_become_clauses_and_every_packet_none() {
        assert_eq!(of("all"), Value::Null);
        assert_eq!(
            of("tcp/80,8000-8999; udp"),
            json!([{"tcp": [80, "8000-8999"]}, {"udp": "all"}])
        );
        assert_eq!(
            of("icmp/3/4; gre"),
            json!([{"icmp": {"type": 3, "code": 4}}, {"protocol": 47}])
        );
        assert_eq!(of("tcp/0-21"), json!([{"tcp": "1-21"}]));
        assert_eq!(of("tcp/0; udp/53"), json!([{"udp": 53}]));
        assert_eq!(of("tcp/0"), json!([]));
    }
}
