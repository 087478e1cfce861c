//! A firewall's policy and its rule groups.
//!
//! AWS Network Firewall developer guide, "Stateless and stateful rules engines", "Managing
//! evaluation order" and "Defining rule actions". Stateless rules come first, by the priority of
//! their group and their own; what they forward goes to the stateful ones. A rule that looks at
//! contents passes its ports as far as anybody can tell, and refuses none of them for sure.

use watertight_model::Name;
use watertight_model::network::{Direction, Stage, StageDefault};
use watertight_net::{FlowSet, PortSet, Prefix, Protocol};
use watertight_source::Node;

use super::sides::{self, Ending, FirewallRule, Side, Verdict};
use crate::context::Context;
use crate::index::Item;
use crate::shapes::Kind;

/// The stages of a guard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stages {
    pub(super) ingress: Vec<Stage>,
    pub(super) egress: Vec<Stage>,
}

/// What a firewall may pass, by both of its engines.
#[derive(Debug)]
pub(super) struct Engines {
    /// What the stateless rules pass or forward, of packets in either direction.
    pub(super) packets: Stages,
    /// What may open a connection.
    pub(super) connections: Stages,
}

/// The guards of a firewall's policy; `None` where it is not in the input.
pub(super) fn engines<'t>(context: &mut Context<'t>, firewall: &Item<'t>) -> Option<Engines> {
    let policy = policy_of(context, firewall)?;
    let first = stateless_rules(context, policy);
    let defaults = context.fields.texts(policy, "StatelessDefaultActions");
    // Fragments have no ports: what becomes of them is left out of an answer about ports.
    let (forwards, drops) =
        (defaults.contains(&"aws:forward_to_sfe"), defaults.contains(&"aws:drop"));
    let ending = |default| Ending { rule: None, default };
    let default = match (forwards, drops) {
        (true, _) => StageDefault::Next,
        (false, true) => StageDefault::Deny,
        (false, false) => StageDefault::Accept,
    };
    let second = stateful_rules(context, policy);
    let last = stateful_ending(context, policy);
    let packets: Vec<FirewallRule> = first.iter().map(forwarded_as_passed).collect();
    let passed = if default == StageDefault::Deny { default.clone() } else { StageDefault::Accept };
    let (default, passed) = (ending(default), ending(passed));
    let of_packets = |direction| vec![sides::stage(&packets, &passed, direction)];
    let of_connections = |direction| {
        vec![sides::stage(&first, &default, direction), sides::stage(&second, &last, direction)]
    };
    let [ingress, egress] = [Direction::Ingress, Direction::Egress];
    Some(Engines {
        packets: Stages { ingress: of_packets(ingress), egress: of_packets(egress) },
        connections: Stages { ingress: of_connections(ingress), egress: of_connections(egress) },
    })
}

fn forwarded_as_passed(rule: &FirewallRule) -> FirewallRule {
    let verdict = if rule.verdict == Verdict::Drop { Verdict::Drop } else { Verdict::Pass };
    FirewallRule { verdict, ..rule.clone() }
}

/// The policy that a firewall names by its ARN, by its response's own ARN or its file's name.
fn policy_of<'t>(context: &mut Context<'t>, firewall: &Item<'t>) -> Option<Node<'t>> {
    let arn = context.fields.text(firewall.node, "FirewallPolicyArn")?;
    let index = context.index;
    let mut all = index.of(Kind::FirewallPolicies).iter();
    let item =
        all.find(|item| is_named(item, "FirewallPolicyResponse", "FirewallPolicyArn", arn))?;
    context.fields.object(item.node, "FirewallPolicy")
}

fn is_named(item: &Item<'_>, response: &str, key: &str, arn: &str) -> bool {
    let own = item.node.get(response).and_then(|node| node.get(key)).and_then(Node::as_str);
    own.unwrap_or(item.id) == arn || (own.is_none() && arn.ends_with(&format!("/{}", item.id)))
}

/// A rule group that a policy refers to.
struct Group<'t> {
    priority: i64,
    /// Its rules and variables; `None` for one that is not in the input.
    content: Option<Node<'t>>,
    place: Node<'t>,
}

/// The groups that a policy refers to, in the order of priority.
fn groups<'t>(context: &mut Context<'t>, policy: Node<'t>, key: &str) -> Vec<Group<'t>> {
    let index = context.index;
    let mut found = Vec::new();
    for place in context.fields.objects(policy, key) {
        let arn = context.fields.text(place, "ResourceArn").unwrap_or_default();
        let priority = context.fields.integer(place, "Priority").unwrap_or(0);
        let mut all = index.of(Kind::FirewallRuleGroups).iter();
        let item = all.find(|item| is_named(item, "RuleGroupResponse", "RuleGroupArn", arn));
        let content = item.and_then(|item| context.fields.object(item.node, "RuleGroup"));
        if content.is_none() {
            context.warn_missing(place, "rule group", arn);
        }
        found.push(Group { priority, content, place });
    }
    found.sort_by_key(|group| group.priority);
    found
}

/// Stateless rules in the order of evaluation.
fn stateless_rules<'t>(context: &mut Context<'t>, policy: Node<'t>) -> Vec<FirewallRule> {
    let mut found = Vec::new();
    for group in groups(context, policy, "StatelessRuleGroupReferences") {
        let rules = group.content.and_then(|node| context.fields.object(node, "RulesSource"));
        let rules =
            rules.and_then(|node| context.fields.object(node, "StatelessRulesAndCustomActions"));
        let Some(rules) = rules else {
            let name = context.name(&format!("stateless {}, which is unread", group.priority));
            found.push(FirewallRule::unread(name, Some(group.place.span())));
            continue;
        };
        let mut ordered: Vec<(i64, Node<'_>)> = Vec::new();
        for rule in context.fields.objects(rules, "StatelessRules") {
            let priority = context.fields.integer(rule, "Priority").unwrap_or(0);
            let definition = context.fields.object(rule, "RuleDefinition");
            ordered.extend(definition.map(|definition| (priority, definition)));
        }
        ordered.sort_by_key(|(priority, _)| *priority);
        for (priority, definition) in ordered {
            let name = context.name(&format!("stateless {}.{priority}", group.priority));
            found.push(stateless_rule(context, name, definition));
        }
    }
    found
}

fn stateless_rule(context: &mut Context<'_>, name: Name, definition: Node<'_>) -> FirewallRule {
    let actions = context.fields.texts(definition, "Actions");
    let verdict = if actions.contains(&"aws:forward_to_sfe") {
        Verdict::Forward
    } else if actions.contains(&"aws:drop") {
        Verdict::Drop
    } else {
        Verdict::Pass
    };
    let unread = FirewallRule::unread(name, Some(definition.span()));
    let Some(attributes) = context.fields.object(definition, "MatchAttributes") else {
        return FirewallRule { verdict, ..unread };
    };
    let mut is_exact = context.fields.list(attributes, "TCPFlags").len() == 0;
    let [sources, destinations] = ["Sources", "Destinations"].map(|key| {
        let mut prefixes = Vec::new();
        for place in context.fields.objects(attributes, key) {
            match context.fields.text(place, "AddressDefinition").map(Prefix::parse_lenient) {
                Some(Ok(prefix)) => prefixes.push(prefix),
                _ => return Side::Unread,
            }
        }
        if prefixes.is_empty() { Side::Any } else { Side::Prefixes(prefixes) }
    });
    let from = ranges(context, attributes, "SourcePorts");
    let to = ranges(context, attributes, "DestinationPorts");
    let protocols = context.fields.list(attributes, "Protocols");
    let numbers: Vec<Protocol> = protocols
        .filter_map(|number| number.as_i64().and_then(|number| u8::try_from(number).ok()))
        .map(Protocol)
        .collect();
    let flows = if numbers.is_empty() {
        is_exact &= from == PortSet::full() && to == PortSet::full();
        FlowSet::all()
    } else {
        let flows = numbers.into_iter().map(|protocol| flows_of(protocol, &from, &to));
        flows.fold(FlowSet::none(), |all, one| all.union(&one))
    };
    FirewallRule { verdict, flows, is_exact, sources, destinations, ..unread }
}

fn flows_of(protocol: Protocol, sources: &PortSet, destinations: &PortSet) -> FlowSet {
    if protocol == Protocol::TCP || protocol == Protocol::UDP {
        FlowSet::ports(protocol, sources.clone(), destinations.clone())
    } else {
        FlowSet::protocol(protocol)
    }
}

/// Ranges of ports; all where none is listed.
fn ranges(context: &mut Context<'_>, node: Node<'_>, key: &str) -> PortSet {
    let mut ports = PortSet::default();
    let listed = context.fields.objects(node, key);
    if listed.is_empty() {
        return PortSet::full();
    }
    for range in listed {
        let first = context.fields.port(range, "FromPort").unwrap_or(0);
        let last = context.fields.port(range, "ToPort").unwrap_or(u16::MAX);
        ports = ports.union(&PortSet::range(first, last).unwrap_or_default());
    }
    ports
}

fn is_strict<'t>(context: &mut Context<'t>, policy: Node<'t>) -> bool {
    let options = context.fields.object(policy, "StatefulEngineOptions");
    let order = options.and_then(|options| context.fields.text(options, "RuleOrder"));
    order == Some("STRICT_ORDER")
}

/// Stateful rules in the order of evaluation.
fn stateful_rules<'t>(context: &mut Context<'t>, policy: Node<'t>) -> Vec<FirewallRule> {
    let mut rules = Vec::new();
    for group in groups(context, policy, "StatefulRuleGroupReferences") {
        let source = group.content.and_then(|node| context.fields.object(node, "RulesSource"));
        let source = source.filter(|source| source.get("StatefulRules").is_some());
        let Some(source) = source else {
            // Rules in Suricata's language, lists of domains and the provider's own groups.
            let name = context.name(&format!("stateful {}, which is unread", group.priority));
            rules.push(FirewallRule::unread(name, Some(group.place.span())));
            continue;
        };
        let variables = group.content.and_then(|node| context.fields.object(node, "RuleVariables"));
        for rule in context.fields.objects(source, "StatefulRules") {
            stateful_rule(context, rule, variables, &mut rules);
        }
    }
    if !is_strict(context, policy) {
        // "Pass rules are evaluated first, then drop rules."
        rules.sort_by_key(|rule| rule.verdict != Verdict::Pass);
    }
    rules
}

/// What becomes of what no stateful rule matches.
fn stateful_ending<'t>(context: &mut Context<'t>, policy: Node<'t>) -> Ending {
    let defaults = context.fields.texts(policy, "StatefulDefaultActions");
    let drops = |action: &&str| action.starts_with("aws:drop");
    if !is_strict(context, policy) || !defaults.iter().any(drops) {
        return Ending { rule: None, default: StageDefault::Accept };
    }
    // Without `drop_strict` connections are still opened: only established ones are dropped.
    let opens = (!defaults.contains(&"aws:drop_strict")).then(|| FirewallRule {
        flows: FlowSet::protocol(Protocol::TCP),
        ..FirewallRule::unread(Name::from("what opens a connection"), Some(policy.span()))
    });
    Ending { rule: opens, default: StageDefault::Deny }
}

/// Keywords that number or describe a rule and match nothing.
const SILENT_KEYWORDS: [&str; 6] = ["sid", "rev", "msg", "gid", "priority", "metadata"];

fn stateful_rule(
    context: &mut Context<'_>,
    rule: Node<'_>,
    variables: Option<Node<'_>>,
    rules: &mut Vec<FirewallRule>,
) {
    let action = context.fields.text(rule, "Action").unwrap_or_default();
    if action == "ALERT" {
        return;
    }
    let verdict = if matches!(action, "DROP" | "REJECT") { Verdict::Drop } else { Verdict::Pass };
    let mut is_exact = true;
    let mut number = None;
    for option in context.fields.objects(rule, "RuleOptions") {
        let keyword = context.fields.text(option, "Keyword").unwrap_or_default();
        let (name, value) = keyword.split_once(':').unwrap_or((keyword, ""));
        is_exact &= SILENT_KEYWORDS.contains(&name.trim());
        if name.trim() == "sid" {
            let setting = context.fields.texts(option, "Settings").first().copied();
            number = setting.or(Some(value)).filter(|number| !number.is_empty());
        }
    }
    let name = number.map_or_else(|| "stateful".to_owned(), |number| format!("sid {number}"));
    let unread = FirewallRule::unread(context.name(&name), Some(rule.span()));
    let Some(header) = context.fields.object(rule, "Header") else {
        rules.push(FirewallRule { verdict, ..unread });
        return;
    };
    let [sources, destinations] = ["Source", "Destination"]
        .map(|key| side(context.fields.text(header, key).unwrap_or("ANY"), variables));
    let ports = ["SourcePort", "DestinationPort"]
        .map(|key| ports(context.fields.text(header, key).unwrap_or("ANY"), variables));
    is_exact &= ports.iter().all(Option::is_some);
    let [from, to] = ports.map(|ports| ports.unwrap_or_else(PortSet::full));
    let flows = match context.fields.text(header, "Protocol").unwrap_or("IP") {
        "IP" => {
            is_exact &= from == PortSet::full() && to == PortSet::full();
            FlowSet::all()
        }
        "TCP" => FlowSet::ports(Protocol::TCP, from, to),
        "UDP" => FlowSet::ports(Protocol::UDP, from, to),
        "ICMP" => FlowSet::protocol(Protocol::ICMP).union(&FlowSet::protocol(Protocol::ICMPV6)),
        // A protocol that is told by contents may be spoken at any port.
        _ => {
            is_exact = false;
            FlowSet::all()
        }
    };
    let rule = FirewallRule { verdict, flows, is_exact, sources, destinations, ..unread };
    let turned = (context.fields.text(header, "Direction") == Some("ANY")).then(|| rule.turned());
    rules.push(rule);
    rules.extend(turned);
}

/// The parts of `[a, b]` or `a`, with the rule group's variables (`$WEB`) put in; `None` for what is
/// negated or refers to something that is not in the group.
fn parts<'t>(text: &'t str, variables: Option<Node<'t>>, sets: &str) -> Option<Vec<&'t str>> {
    let text = text.trim();
    let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let mut found = Vec::new();
    for part in list.split(',').map(str::trim) {
        match part.strip_prefix('$') {
            Some(name) => {
                let set = variables?.get(sets)?.get(name)?.get("Definition")?;
                for item in set.items() {
                    found.push(item.as_str()?);
                }
            }
            None => found.push(part),
        }
    }
    Some(found)
}

fn side(text: &str, variables: Option<Node<'_>>) -> Side {
    if text.eq_ignore_ascii_case("any") {
        return Side::Any;
    }
    let parts = parts(text, variables, "IPSets");
    let prefixes: Option<Vec<Prefix>> = parts
        .and_then(|parts| parts.into_iter().map(|part| Prefix::parse_lenient(part).ok()).collect());
    prefixes.filter(|prefixes| !prefixes.is_empty()).map_or(Side::Unread, Side::Prefixes)
}

/// A port, a range (`1024:65535`) or a list of them; `None` where it cannot be read.
fn ports(text: &str, variables: Option<Node<'_>>) -> Option<PortSet> {
    if text.eq_ignore_ascii_case("any") {
        return Some(PortSet::full());
    }
    let mut all = PortSet::default();
    for part in parts(text, variables, "PortSets")? {
        let range = match part.split_once(':') {
            None => PortSet::single(part.parse().ok()?),
            Some((first, last)) => {
                let first = if first.is_empty() { 0 } else { first.parse().ok()? };
                let last = if last.is_empty() { u16::MAX } else { last.parse().ok()? };
                PortSet::range(first, last).ok()?
            }
        };
        all = all.union(&range);
    }
    Some(all)
}
