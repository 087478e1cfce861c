//! What a firewall's policy passes at most, whatever the addresses and contents are.
//!
//! AWS Network Firewall developer guide, "Stateless and stateful rules engines", "Managing
//! evaluation order" and "Defining rule actions". Stateless rules come first, by the priority of
//! their group and their own; what they forward goes to the stateful ones. A rule that looks at
//! addresses or contents passes its ports as far as anybody can tell, and refuses none of them for
//! sure.

use watertight_net::{FlowSet, PortSet, Protocol};
use watertight_source::Node;

use crate::context::Context;
use crate::index::Item;
use crate::shapes::Kind;

/// What one pass over rules has found: what may be passed and what no rule has decided.
struct Found {
    passed: FlowSet,
    left: FlowSet,
}

impl Found {
    fn pass(&mut self, flows: &FlowSet, is_whole: bool) {
        self.passed = self.passed.union(&self.left.intersection(flows));
        self.decide(flows, is_whole);
    }

    fn decide(&mut self, flows: &FlowSet, is_whole: bool) {
        if is_whole {
            self.left = self.left.difference(flows);
        }
    }
}

/// The flows that a firewall may pass, by both of its engines.
#[derive(Debug)]
pub(super) struct Passed {
    /// What the stateless rules pass or forward, of packets in either direction.
    pub(super) packets: FlowSet,
    /// What may open a connection.
    pub(super) connections: FlowSet,
}

/// What a firewall may pass; everything where its policy is not in the input.
pub(super) fn passed<'t>(context: &mut Context<'t>, firewall: &Item<'t>, has_v6: bool) -> Passed {
    let Some(policy) = policy_of(context, firewall) else {
        return Passed { packets: FlowSet::all(), connections: FlowSet::all() };
    };
    let (passed, forwarded) = stateless(context, policy, has_v6);
    let connections = passed.union(&stateful(context, policy, &forwarded, has_v6));
    Passed { packets: passed.union(&forwarded), connections }
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

/// The rules of the groups that a policy refers to, in the order of priority; `None` for a group
/// that is not in the input.
fn groups<'t>(context: &mut Context<'t>, policy: Node<'t>, key: &str) -> Vec<Option<Node<'t>>> {
    let index = context.index;
    let mut found = Vec::new();
    for reference in context.fields.objects(policy, key) {
        let arn = context.fields.text(reference, "ResourceArn").unwrap_or_default();
        let priority = context.fields.integer(reference, "Priority").unwrap_or(0);
        let mut all = index.of(Kind::FirewallRuleGroups).iter();
        let item = all.find(|item| is_named(item, "RuleGroupResponse", "RuleGroupArn", arn));
        let group = item.and_then(|item| context.fields.object(item.node, "RuleGroup"));
        if group.is_none() {
            context.warn_missing(reference, "rule group", arn);
        }
        found.push((priority, group));
    }
    found.sort_by_key(|(priority, _)| *priority);
    found.into_iter().map(|(_, group)| group).collect()
}

/// What stateless rules pass, and what they forward to the stateful ones.
fn stateless<'t>(context: &mut Context<'t>, policy: Node<'t>, has_v6: bool) -> (FlowSet, FlowSet) {
    let mut found = Found { passed: FlowSet::none(), left: FlowSet::all() };
    let mut forwarded = FlowSet::none();
    for group in groups(context, policy, "StatelessRuleGroupReferences") {
        let rules = group.and_then(|group| context.fields.object(group, "RulesSource"));
        let rules =
            rules.and_then(|node| context.fields.object(node, "StatelessRulesAndCustomActions"));
        let Some(rules) = rules else {
            found.passed = found.passed.union(&found.left);
            forwarded = forwarded.union(&found.left);
            continue;
        };
        let mut ordered: Vec<(i64, Node<'_>)> = Vec::new();
        for rule in context.fields.objects(rules, "StatelessRules") {
            let priority = context.fields.integer(rule, "Priority").unwrap_or(0);
            let definition = context.fields.object(rule, "RuleDefinition");
            ordered.extend(definition.map(|definition| (priority, definition)));
        }
        ordered.sort_by_key(|(priority, _)| *priority);
        for (_, definition) in ordered {
            let (flows, is_whole) = stateless_match(context, definition, has_v6);
            let actions = context.fields.texts(definition, "Actions");
            if actions.contains(&"aws:forward_to_sfe") {
                forwarded = forwarded.union(&found.left.intersection(&flows));
                found.decide(&flows, is_whole);
            } else if actions.contains(&"aws:drop") {
                found.decide(&flows, is_whole);
            } else {
                found.pass(&flows, is_whole);
            }
        }
    }
    let defaults = context.fields.texts(policy, "StatelessDefaultActions");
    // Fragments have no ports: what becomes of them is left out of an answer about ports.
    if defaults.contains(&"aws:forward_to_sfe") {
        forwarded = forwarded.union(&found.left);
    } else if !defaults.contains(&"aws:drop") {
        found.passed = found.passed.union(&found.left);
    }
    (found.passed, forwarded)
}

/// The protocols and ports of a stateless rule, and whether it matches all of them.
fn stateless_match(
    context: &mut Context<'_>,
    definition: Node<'_>,
    has_v6: bool,
) -> (FlowSet, bool) {
    let Some(attributes) = context.fields.object(definition, "MatchAttributes") else {
        return (FlowSet::all(), false);
    };
    let mut is_whole = context.fields.list(attributes, "TCPFlags").len() == 0;
    for key in ["Sources", "Destinations"] {
        let prefixes = context.fields.objects(attributes, key);
        let mut texts = Vec::new();
        for prefix in prefixes {
            texts.extend(context.fields.text(prefix, "AddressDefinition"));
        }
        is_whole &= texts.is_empty() || is_everywhere(&texts, has_v6);
    }
    let sources = ranges(context, attributes, "SourcePorts");
    let destinations = ranges(context, attributes, "DestinationPorts");
    let protocols = context.fields.list(attributes, "Protocols");
    let numbers: Vec<Protocol> = protocols
        .filter_map(|number| number.as_i64().and_then(|number| u8::try_from(number).ok()))
        .map(Protocol)
        .collect();
    if numbers.is_empty() {
        let has_ports = sources != PortSet::full() || destinations != PortSet::full();
        return (FlowSet::all(), is_whole && !has_ports);
    }
    let flows = numbers.into_iter().map(|protocol| flows_of(protocol, &sources, &destinations));
    (flows.fold(FlowSet::none(), |all, one| all.union(&one)), is_whole)
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

/// What stateful rules pass of what reaches them.
fn stateful<'t>(
    context: &mut Context<'t>,
    policy: Node<'t>,
    forwarded: &FlowSet,
    has_v6: bool,
) -> FlowSet {
    let mut found = Found { passed: FlowSet::none(), left: forwarded.clone() };
    let options = context.fields.object(policy, "StatefulEngineOptions");
    let order = options.and_then(|options| context.fields.text(options, "RuleOrder"));
    let is_strict = order == Some("STRICT_ORDER");
    let mut rules = Vec::new();
    for group in groups(context, policy, "StatefulRuleGroupReferences") {
        let source = group.and_then(|group| context.fields.object(group, "RulesSource"));
        match source.filter(|source| source.get("StatefulRules").is_some()) {
            Some(source) => {
                for rule in context.fields.objects(source, "StatefulRules") {
                    rules.push(stateful_rule(context, rule, has_v6));
                }
            }
            // Rules in Suricata's language, lists of domains and the provider's own groups.
            None => {
                rules.push(StatefulRule { passes: true, flows: FlowSet::all(), is_whole: false });
            }
        }
    }
    if !is_strict {
        // "Pass rules are evaluated first, then drop rules."
        rules.sort_by_key(|rule| !rule.passes);
    }
    for rule in rules {
        if rule.passes {
            found.pass(&rule.flows, rule.is_whole);
        } else {
            found.decide(&rule.flows, rule.is_whole);
        }
    }
    let defaults = context.fields.texts(policy, "StatefulDefaultActions");
    let default = if !is_strict {
        found.left
    } else if defaults.contains(&"aws:drop_strict") {
        FlowSet::none()
    } else if defaults.iter().any(|action| action.starts_with("aws:drop")) {
        // Connections are still opened: only established ones are dropped.
        found.left.intersection(&FlowSet::protocol(Protocol::TCP))
    } else {
        found.left
    };
    found.passed.union(&default)
}

/// A stateful rule: what it matches, and whether it matches all of it.
struct StatefulRule {
    passes: bool,
    flows: FlowSet,
    is_whole: bool,
}

/// Keywords that number or describe a rule and match nothing.
const SILENT_KEYWORDS: [&str; 6] = ["sid", "rev", "msg", "gid", "priority", "metadata"];

fn stateful_rule(context: &mut Context<'_>, rule: Node<'_>, has_v6: bool) -> StatefulRule {
    let action = context.fields.text(rule, "Action").unwrap_or_default();
    let refuses = matches!(action, "DROP" | "REJECT" | "ALERT");
    let mut is_whole = action != "ALERT";
    for option in context.fields.objects(rule, "RuleOptions") {
        let keyword = context.fields.text(option, "Keyword").unwrap_or_default();
        let name = keyword.split(':').next().unwrap_or(keyword).trim();
        is_whole &= SILENT_KEYWORDS.contains(&name);
    }
    let Some(header) = context.fields.object(rule, "Header") else {
        return StatefulRule { passes: !refuses, flows: FlowSet::all(), is_whole: false };
    };
    for key in ["Source", "Destination"] {
        let text = context.fields.text(header, key).unwrap_or("ANY");
        is_whole &= text.eq_ignore_ascii_case("any") || is_everywhere(&[text], has_v6);
    }
    let mut port = |key: &str| port_of(context.fields.text(header, key).unwrap_or("ANY"));
    let (sources, destinations) = (port("SourcePort"), port("DestinationPort"));
    is_whole &= sources.is_some() && destinations.is_some();
    let (sources, destinations) =
        (sources.unwrap_or_else(PortSet::full), destinations.unwrap_or_else(PortSet::full));
    let flows = match context.fields.text(header, "Protocol").unwrap_or("IP") {
        "IP" => {
            is_whole &= sources == PortSet::full() && destinations == PortSet::full();
            FlowSet::all()
        }
        "TCP" => FlowSet::ports(Protocol::TCP, sources, destinations),
        "UDP" => FlowSet::ports(Protocol::UDP, sources, destinations),
        "ICMP" => FlowSet::protocol(Protocol::ICMP).union(&FlowSet::protocol(Protocol::ICMPV6)),
        // A protocol that is told by contents may be spoken at any port.
        _ => {
            is_whole = false;
            FlowSet::all()
        }
    };
    let is_both = context.fields.text(header, "Direction") == Some("ANY");
    let flows = if is_both { flows.union(&flows.reply()) } else { flows };
    StatefulRule { passes: !refuses, flows, is_whole }
}

/// A port or a range (`1024:65535`, `[443,8443]` is not read); `None` where it cannot be read.
fn port_of(text: &str) -> Option<PortSet> {
    if text.eq_ignore_ascii_case("any") {
        return Some(PortSet::full());
    }
    match text.split_once(':') {
        None => Some(PortSet::single(text.parse().ok()?)),
        Some((first, last)) => {
            let first = if first.is_empty() { 0 } else { first.parse().ok()? };
            let last = if last.is_empty() { u16::MAX } else { last.parse().ok()? };
            PortSet::range(first, last).ok()
        }
    }
}

/// Whether prefixes hold every address that the firewall sees.
fn is_everywhere(texts: &[&str], has_v6: bool) -> bool {
    texts.contains(&"0.0.0.0/0") && (!has_v6 || texts.contains(&"::/0"))
}
