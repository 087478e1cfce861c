//! Network ACLs: ordered, stateless, families apart (Amazon VPC user guide, "Network ACL rules").

use std::sync::Arc;

use watertight_model::network::{Action, Combine, Guard, Peer, Rule, Stage, StageDefault};
use watertight_net::FlowSet;
use watertight_source::Node;

use crate::codes;
use crate::context::Context;
use crate::flows::{Flows, RuleProtocol};
use crate::index::Item;
use crate::shapes::Kind;

/// The number of the last entry, which denies what no other matched.
const LAST_NUMBER: i64 = 32_767;

/// Converts network ACLs.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let mut flows = Flows::default();
    for item in index.of(Kind::NetworkAcls) {
        let title = context.fields.name_tag(item.node, "Tags").unwrap_or(item.id);
        let (ingress, egress) = entries(context, item, &mut flows);
        let name = context.name(item.id);
        let default = if item.node.get("Entries").is_some() {
            StageDefault::Deny
        } else {
            let text = format!("the entries of {} are not in the input", item.id);
            StageDefault::Unknown(context.name(&text))
        };
        let guard = Guard {
            name: name.clone(),
            title: context.name(title),
            kind: context.name("network ACL"),
            stateful: false,
            ingress: vec![stage(ingress, default.clone())],
            egress: vec![stage(egress, default)],
            origin: Some(item.node.span()),
        };
        let guard = context.estate.network.guards.push(guard);
        context.guards.insert(name, guard);
    }
}

/// Entries in ascending order.
fn stage(mut entries: Vec<(i64, Rule)>, default: StageDefault) -> Stage {
    entries.sort_by_key(|(number, _)| *number);
    let rules = entries.into_iter().map(|(_, rule)| rule).collect();
    Stage { combine: Combine::Ordered, rules, default }
}

type Numbered = Vec<(i64, Rule)>;

fn entries(context: &mut Context<'_>, item: &Item<'_>, flows: &mut Flows) -> (Numbered, Numbered) {
    let (mut ingress, mut egress) = (Vec::new(), Vec::new());
    for entry in context.fields.objects(item.node, "Entries") {
        let number = context.fields.keep(entry.req_i64("RuleNumber"));
        let is_egress = context.fields.keep(entry.req_bool("Egress"));
        let rule = rule(context, item.id, entry, flows);
        if let (Some(number), Some(is_egress), Some(mut rule)) = (number, is_egress, rule) {
            let text = if number == LAST_NUMBER { "*".to_owned() } else { number.to_string() };
            rule.name = context.name(&text);
            let side = if is_egress { &mut egress } else { &mut ingress };
            side.push((number, rule));
        }
    }
    (ingress, egress)
}

fn rule(context: &mut Context<'_>, acl: &str, entry: Node<'_>, flows: &mut Flows) -> Option<Rule> {
    let (flows, mut known) = flows_of(context, acl, entry, flows)?;
    let v4 = context.fields.prefix(entry, "CidrBlock");
    let prefix = v4.or_else(|| context.fields.prefix(entry, "Ipv6CidrBlock"));
    let action = match context.fields.required_text(entry, "RuleAction")? {
        "allow" => Action::Accept,
        "deny" => Action::Deny,
        _ => {
            context.fields.unknown_value(entry, "RuleAction", acl);
            known = false;
            Action::Accept
        }
    };
    let peer = match prefix {
        Some(prefix) if known => Peer::Prefix(prefix),
        Some(prefix) => Peer::Unread(context.name(&format!("entry for {prefix} of {acl}"))),
        None => {
            let message = format!("an entry of `{acl}` has no prefix");
            context.fields.warn(entry, codes::UNREAD_CONTENT, acl, message);
            Peer::Unread(context.name(&format!("an entry of {acl} without a prefix")))
        }
    };
    let name = context.name("");
    Some(Rule { name, peer, flows, action, origin: Some(entry.span()) })
}

/// What an entry matches, and whether that is known.
fn flows_of(
    context: &mut Context<'_>,
    acl: &str,
    entry: Node<'_>,
    flows: &mut Flows,
) -> Option<(Arc<FlowSet>, bool)> {
    let text = context.fields.required_text(entry, "Protocol")?;
    let Some(protocol) = RuleProtocol::read(text) else {
        context.fields.unknown_value(entry, "Protocol", acl);
        return Some((Arc::new(FlowSet::all()), false));
    };
    let is_icmp = matches!(protocol, RuleProtocol::One(one) if one.has_types());
    let (key, first, last) =
        if is_icmp { ("IcmpTypeCode", "Type", "Code") } else { ("PortRange", "From", "To") };
    let numbers = match context.fields.object(entry, key) {
        Some(range) => (context.fields.integer(range, first), context.fields.integer(range, last)),
        None => (None, None),
    };
    let set = flows.of_rule(&mut context.fields, entry, protocol, numbers)?;
    Some((set, true))
}
