//! Rules as the call `describe-security-group-rules` lists them: one peer each, with an id.

use std::collections::BTreeMap;

use watertight_model::network::{Action, Peer, Rule};
use watertight_source::Node;

use crate::context::Context;
use crate::flows::Flows;
use crate::index::Item;
use crate::prefix_lists::list_of;
use crate::shapes::Kind;

use super::{RuleIds, RuleKey, guard, permission_flows};

/// The listed rules by group.
#[derive(Debug, Default)]
pub(crate) struct Listed<'t> {
    by_group: BTreeMap<&'t str, Vec<Item<'t>>>,
    ids: RuleIds<'t>,
}

/// Reads the listed rules.
pub(crate) fn read<'t>(context: &mut Context<'t>) -> Listed<'t> {
    let index = context.index;
    let mut listed = Listed::default();
    for item in index.of(Kind::SecurityGroupRules) {
        let Some(group) = context.fields.required_text(item.node, "GroupId") else { continue };
        listed.by_group.entry(group).or_default().push(*item);
        let is_egress = context.fields.flag(item.node, "IsEgress").unwrap_or(false);
        let protocol = context.fields.text(item.node, "IpProtocol").unwrap_or_default();
        let numbers = (
            number(context.fields.integer(item.node, "FromPort")),
            number(context.fields.integer(item.node, "ToPort")),
        );
        let peer = peer_text(item.node);
        listed.ids.insert((group, is_egress, protocol, numbers, peer), item.id);
    }
    listed
}

impl<'t> Listed<'t> {
    /// The groups that have listed rules.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &'t str> {
        self.by_group.keys().copied()
    }

    /// The id of a rule.
    pub(crate) fn id_of(&self, key: RuleKey<'_>) -> Option<&'t str> {
        if self.ids.is_empty() {
            return None;
        }
        let (group, is_egress, protocol, (from, to), peer) = key;
        self.ids.get(&(group, is_egress, protocol, (number(from), number(to)), peer)).copied()
    }

    /// The rules of a group that the input holds in no other way: ingress, egress.
    pub(crate) fn rules(
        &self,
        context: &mut Context<'_>,
        group: &str,
        flows: &mut Flows,
    ) -> (Vec<Rule>, Vec<Rule>) {
        let (mut ingress, mut egress) = (Vec::new(), Vec::new());
        for item in self.by_group.get(group).into_iter().flatten() {
            let is_egress = context.fields.flag(item.node, "IsEgress").unwrap_or(false);
            if let Some(rule) = rule(context, group, item, flows) {
                let side = if is_egress { &mut egress } else { &mut ingress };
                side.push(rule);
            }
        }
        (ingress, egress)
    }
}

/// -1 and absence say the same.
fn number(number: Option<i64>) -> Option<i64> {
    number.filter(|number| *number != -1)
}

fn rule(
    context: &mut Context<'_>,
    group: &str,
    item: &Item<'_>,
    flows: &mut Flows,
) -> Option<Rule> {
    let (flows, known) = permission_flows(context, group, item.node, flows)?;
    let peer = if known { peer(context, item.node) } else { None };
    let peer = peer.unwrap_or_else(|| Peer::Unread(context.name(item.id)));
    let name = context.name(item.id);
    Some(Rule { name, peer, flows, action: Action::Accept, origin: Some(item.node.span()) })
}

fn peer(context: &mut Context<'_>, rule: Node<'_>) -> Option<Peer> {
    for key in ["CidrIpv4", "CidrIpv6"] {
        if let Some(prefix) = context.fields.prefix(rule, key) {
            return Some(Peer::Prefix(prefix));
        }
    }
    if let Some(id) = context.fields.text(rule, "PrefixListId") {
        return Some(Peer::List(list_of(context, rule, id)));
    }
    let reference = context.fields.object(rule, "ReferencedGroupInfo")?;
    let id = context.fields.text(reference, "GroupId")?;
    Some(Peer::Members(guard(context, reference, id)))
}

fn peer_text(rule: Node<'_>) -> &str {
    let reference = rule.get("ReferencedGroupInfo").and_then(|group| group.get("GroupId"));
    ["CidrIpv4", "CidrIpv6", "PrefixListId"]
        .into_iter()
        .find_map(|key| rule.get(key).and_then(Node::as_str))
        .or_else(|| reference.and_then(Node::as_str))
        .unwrap_or_default()
}
