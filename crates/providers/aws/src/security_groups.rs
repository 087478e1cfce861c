//! Security groups: unions of rules, stateful (Amazon VPC user guide, "Security group rules").
//!
//! Rules come from the groups' own permissions, else from the list of security group rules, which
//! also gives rules their ids. A group may serve several VPCs (group-to-VPC associations, shared
//! groups): a guard belongs to no realm, so nothing more is needed for that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use watertight_compile::GroupName;
use watertight_model::Network;
use watertight_model::network::{
    Action, Combine, Guard, GuardId, LayerId, Peer, Rule, Stage, StageDefault,
};
use watertight_net::FlowSet;
use watertight_source::{Node, Span};

use crate::codes;
use crate::context::Context;
use crate::flows::{Flows, RuleProtocol};
use crate::index::Item;
use crate::prefix_lists::list_of;
use crate::shapes::Kind;

mod listed;

/// What the provider calls these guards.
const KIND: &str = "security group";

/// Converts security groups: first all guards, then the rules that refer to them.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let listed = listed::read(context);
    for item in index.of(Kind::SecurityGroups) {
        let title = context.fields.text(item.node, "GroupName").unwrap_or(item.id);
        add_guard(context, item.id, title, Some(item.node.span()));
    }
    for id in listed.groups() {
        if context.guards.get(id).is_none() {
            add_guard(context, id, id, None);
        }
    }
    let mut flows = Flows::default();
    add_rules(context, index.of(Kind::SecurityGroups), &listed, &mut flows);
    for id in listed.groups() {
        if index.find(Kind::SecurityGroups, id).is_none() {
            let (ingress, egress) = listed.rules(context, id, &mut flows);
            set_rules(context, id, Sides { ingress, egress, untold: [false; 2] });
        }
    }
}

/// Adds the rules of groups that have bodies.
fn add_rules<'t>(
    context: &mut Context<'t>,
    items: impl IntoIterator<Item = &'t Item<'t>>,
    listed: &listed::Listed<'_>,
    flows: &mut Flows,
) {
    let index = context.index;
    for item in items {
        let mut sides = Sides::default();
        let told = [INGRESS, EGRESS].map(|key| item.node.get(key).is_some());
        if told.contains(&true) {
            sides.ingress = rules(context, item, INGRESS, listed, flows);
            sides.egress = rules(context, item, EGRESS, listed, flows);
            sides.untold = told.map(|told| !told);
        } else {
            (sides.ingress, sides.egress) = listed.rules(context, item.id, flows);
            sides.untold = [!index.has(Kind::SecurityGroupRules); 2];
        }
        set_rules(context, item.id, sides);
    }
}

/// Gives guards of a network the rules that bodies tell, see [`crate::convert::convert_again`].
pub(crate) fn convert_again(
    mut context: Context<'_>,
    network: &mut Network,
    changed: &[GroupName],
) -> Option<BTreeSet<GuardId>> {
    let index = context.index;
    let names = network.lists.iter().map(|(id, list)| (list.name.clone(), id));
    names.for_each(|(name, id)| context.lists.insert(name, id));
    for (id, guard) in network.guards.iter().filter(|(_, guard)| *guard.kind == *KIND) {
        if context.guards.get(&guard.name).is_some() {
            return None;
        }
        context.guards.insert(guard.name.clone(), id);
    }
    std::mem::swap(&mut context.estate.network.guards, &mut network.guards);
    std::mem::swap(&mut context.estate.network.lists, &mut network.lists);
    let count = |network: &Network| (network.guards.len(), network.lists.len());
    let before = count(&context.estate.network);
    let listed = listed::read(&mut context);
    let is_changed = |item: &&Item<'_>| {
        let name = item.node.get("GroupName").and_then(Node::as_str).unwrap_or(item.id);
        changed.binary_search_by(|one| one.0.as_str().cmp(name)).is_ok()
    };
    let items: Vec<&Item<'_>> = index.of(Kind::SecurityGroups).iter().filter(is_changed).collect();
    let mut found = BTreeSet::new();
    for item in &items {
        found.insert(context.guards.get(item.id)?);
    }
    add_rules(&mut context, items, &listed, &mut Flows::default());
    let is_all = found.len() == changed.len() && count(&context.estate.network) == before;
    std::mem::swap(&mut context.estate.network.guards, &mut network.guards);
    std::mem::swap(&mut context.estate.network.lists, &mut network.lists);
    is_all.then_some(found)
}

/// The fields of a group's body that hold its rules.
const INGRESS: &str = "IpPermissions";
const EGRESS: &str = "IpPermissionsEgress";

/// The fields of a permission that hold its peers.
const PEERS: [&str; 4] = ["IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs"];

/// The rules of both directions, and for which of them the input tells none.
#[derive(Default)]
struct Sides {
    ingress: Vec<Rule>,
    egress: Vec<Rule>,
    untold: [bool; 2],
}

/// The layer of an endpoint with these groups: what any of them accepts is accepted.
pub(crate) fn layer(context: &mut Context<'_>, place: Node<'_>, groups: &[&str]) -> LayerId {
    let guards = groups.iter().map(|group| guard(context, place, group)).collect();
    context.layer(guards)
}

/// The guard of a group; one that is not in the input makes whatever meets it unknown.
pub(crate) fn guard(context: &mut Context<'_>, place: Node<'_>, group: &str) -> GuardId {
    if let Some(guard) = context.guards.get(group) {
        return guard;
    }
    context.warn_missing(place, KIND, group);
    context.unread_guard(group, KIND, true)
}

/// The layer of an endpoint whose groups the input does not tell.
pub(crate) fn unread_layer(context: &mut Context<'_>, endpoint: &str) -> LayerId {
    let guard = context.unread_guard(&format!("groups of {endpoint}"), KIND, true);
    let layer = context.layer(vec![guard]);
    context.estate.network.layers[layer].complete = false;
    layer
}

fn add_guard(context: &mut Context<'_>, id: &str, title: &str, origin: Option<Span>) {
    let name = context.name(id);
    let guard = Guard {
        name: name.clone(),
        title: context.name(title),
        kind: context.name(KIND),
        stateful: true,
        ingress: Vec::new(),
        egress: Vec::new(),
        origin,
    };
    let guard = context.estate.network.guards.push(guard);
    context.guards.insert(name, guard);
}

fn set_rules(context: &mut Context<'_>, id: &str, sides: Sides) {
    let Some(guard) = context.guards.get(id) else { return };
    let untold = || format!("the rules of {id} are not in the input");
    let untold = sides.untold.contains(&true).then(|| context.name(&untold()));
    let stage = |rules: Vec<Rule>, is_untold: bool| {
        let unknown = untold.clone().filter(|_| is_untold).map(StageDefault::Unknown);
        let default = unknown.unwrap_or(StageDefault::Deny);
        vec![Stage { combine: Combine::Union, rules: rules.into(), default }]
    };
    let guard = &mut context.estate.network.guards[guard];
    guard.ingress = stage(sides.ingress, sides.untold[0]);
    guard.egress = stage(sides.egress, sides.untold[1]);
}

/// The rules of one direction, one for each peer of each permission.
fn rules(
    context: &mut Context<'_>,
    item: &Item<'_>,
    key: &str,
    listed: &listed::Listed<'_>,
    flows: &mut Flows,
) -> Vec<Rule> {
    let is_egress = key == EGRESS;
    let direction = if is_egress { "egress" } else { "ingress" };
    let max = usize::try_from(context.options.parts_max).unwrap_or(usize::MAX);
    let permissions = context.fields.objects(item.node, key);
    let peers_of = |permission: &Node<'_>| -> usize {
        PEERS.iter().filter_map(|list| permission.get(list)).map(Node::len).sum()
    };
    // A large estate has millions of rules: none is moved, and there is no room for more of them.
    let mut rules = Vec::with_capacity(permissions.iter().map(peers_of).sum());
    for permission in permissions {
        let Some((set, known)) = permission_flows(context, item.id, permission, flows) else {
            continue;
        };
        let protocol = permission.get("IpProtocol").and_then(Node::as_str).unwrap_or_default();
        let numbers = (
            permission.get("FromPort").and_then(Node::as_i64),
            permission.get("ToPort").and_then(Node::as_i64),
        );
        for (mut peer, text, place) in peers(context, item, permission) {
            if !known {
                peer = Peer::Unread(context.name(&format!("protocol {protocol} of {}", item.id)));
            }
            let rule_id = listed.id_of((item.id, is_egress, protocol, numbers, text));
            let name = match rule_id {
                Some(id) => context.name(id),
                None => context.numbered(direction, rules.len()),
            };
            let origin = Some(place.span());
            let (flows, action) = (set.clone(), Action::Accept);
            rules.push(Rule { name, peer, flows, action, origin });
        }
    }
    if rules.len() > max {
        let message = format!("`{}` has {} rules, `parts_max` is {max}", item.id, rules.len());
        context.fields.error(item.node, codes::TOO_MANY, item.id, message);
        rules.truncate(max);
    }
    rules
}

/// What a permission matches, and whether that is known.
pub(crate) fn permission_flows(
    context: &mut Context<'_>,
    group: &str,
    permission: Node<'_>,
    flows: &mut Flows,
) -> Option<(Arc<FlowSet>, bool)> {
    let text = context.fields.required_text(permission, "IpProtocol")?;
    let Some(protocol) = RuleProtocol::read(text) else {
        context.fields.unknown_value(permission, "IpProtocol", group);
        return Some((Arc::new(FlowSet::all()), false));
    };
    let numbers = (
        context.fields.integer(permission, "FromPort"),
        context.fields.integer(permission, "ToPort"),
    );
    let set = flows.of_rule(&mut context.fields, permission, protocol, numbers)?;
    Some((set, true))
}

type PeerAt<'t> = (Peer, &'t str, Node<'t>);

/// The peers of a permission, each with its text and place.
fn peers<'t>(context: &mut Context<'_>, item: &Item<'_>, permission: Node<'t>) -> Vec<PeerAt<'t>> {
    let mut peers: Vec<PeerAt<'t>> = Vec::new();
    let [v4, v6, lists, pairs] = PEERS;
    for (list, key) in [(v4, "CidrIp"), (v6, "CidrIpv6")] {
        for range in context.fields.objects(permission, list) {
            let Some(text) = context.fields.required_text(range, key) else { continue };
            let place = range.get(key).unwrap_or(range);
            if let Some(prefix) = context.fields.prefix_of(place, text) {
                peers.push((Peer::Prefix(prefix), text, range));
            }
        }
    }
    for list in context.fields.objects(permission, lists) {
        if let Some(id) = context.fields.required_text(list, "PrefixListId") {
            peers.push((Peer::List(list_of(context, list, id)), id, list));
        }
    }
    for pair in context.fields.objects(permission, pairs) {
        let (peer, text) = member_peer(context, item, pair);
        peers.push((peer, text, pair));
    }
    peers
}

/// The peer that a reference to a group stands for.
fn member_peer<'t>(context: &mut Context<'_>, item: &Item<'_>, pair: Node<'t>) -> (Peer, &'t str) {
    let vpc = context.fields.text(pair, "VpcId");
    let name = context.fields.text(pair, "GroupName");
    let told = context.fields.text(pair, "GroupId");
    let named = || {
        let vpc = vpc.or_else(|| item.node.get("VpcId").and_then(Node::as_str));
        group_by_name(context, name?, vpc)
    };
    let id = told.or_else(named);
    let told = told.unwrap_or_default();
    if let Some(id) = id {
        return (Peer::Members(guard(context, pair, id)), told);
    }
    let what = format!("a group that `{}` refers to by no id", item.id);
    context.fields.warn(pair, codes::MISSING, item.id, what.clone());
    (Peer::Unread(context.name(&what)), told)
}

/// The id of the group with a name in a VPC. Rare: only bodies of old accounts refer by name.
fn group_by_name<'t>(context: &Context<'t>, name: &str, vpc: Option<&str>) -> Option<&'t str> {
    let index = context.index;
    let fits = |item: &&Item<'_>| {
        let text = |key| item.node.get(key).and_then(Node::as_str);
        text("GroupName") == Some(name) && (vpc.is_none() || text("VpcId") == vpc)
    };
    index.of(Kind::SecurityGroups).iter().find(fits).map(|item| item.id)
}

/// What tells a rule apart: group, direction, protocol, numbers, peer.
pub(crate) type RuleKey<'t> = (&'t str, bool, &'t str, (Option<i64>, Option<i64>), &'t str);

/// Ids by what tells rules apart.
pub(crate) type RuleIds<'t> = BTreeMap<RuleKey<'t>, &'t str>;
