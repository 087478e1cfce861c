//! All resources of the input by kind and id.

use std::collections::BTreeSet;

use watertight_model::Name;
use watertight_source::{Diagnostic, Kind as ValueKind, Node};

use crate::codes;
use crate::denials::Denials;
use crate::fields::Fields;
use crate::scope::Scope;
use crate::shapes::Kind;

/// One resource of the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'t> {
    /// What identifies it; empty where nothing does.
    pub(crate) id: &'t str,
    /// Its object.
    pub(crate) node: Node<'t>,
    /// The object that holds its list: a body with what was asked for, or a reservation.
    pub(crate) holder: Node<'t>,
    /// What the path of its body tells.
    pub(crate) scope: &'t Scope,
}

/// The resources of the input while bodies are read.
#[derive(Debug)]
pub(crate) struct Collected<'t> {
    items: Vec<Vec<Item<'t>>>,
    marks: BTreeSet<Mark<'t>>,
    ended: BTreeSet<Mark<'t>>,
}

/// Kind, account and region of a body.
type Mark<'t> = (Kind, Option<&'t str>, Option<&'t str>);

impl<'t> Collected<'t> {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let (marks, ended) = (BTreeSet::new(), BTreeSet::new());
        Self { items: vec![Vec::new(); Kind::COUNT], marks, ended }
    }

    /// Notes that a body of a kind was there, with or without resources, and whether it is the
    /// last page of its list.
    pub(crate) fn mark(&mut self, kind: Kind, scope: &'t Scope, is_last: bool) {
        let mark = (kind, scope.account.as_deref(), scope.region.as_deref());
        self.marks.insert(mark);
        if is_last {
            self.ended.insert(mark);
        }
    }

    /// Adds a resource.
    pub(crate) fn push(&mut self, kind: Kind, item: Item<'t>) {
        if let Some(items) = self.items.get_mut(kind.index()) {
            items.push(item);
        }
    }

    /// Sorts by id and merges what was read twice; two contents of one id are an error.
    pub(crate) fn finish(self, denials: Denials, fields: &mut Fields) -> Index<'t> {
        let local = LOCAL.map(Kind::index);
        let items = self.items.into_iter().enumerate();
        let items = items.map(|(at, items)| merged(items, local.contains(&at), fields)).collect();
        Index { items, marks: self.marks, ended: self.ended, denials }
    }
}

/// The resources of the input, each once, ordered by id.
#[derive(Debug)]
pub(crate) struct Index<'t> {
    items: Vec<Vec<Item<'t>>>,
    marks: BTreeSet<Mark<'t>>,
    ended: BTreeSet<Mark<'t>>,
    /// Calls that were denied.
    pub(crate) denials: Denials,
}

impl<'t> Index<'t> {
    /// The resources of a kind, ordered by id.
    pub(crate) fn of(&self, kind: Kind) -> &[Item<'t>] {
        self.items.get(kind.index()).map(Vec::as_slice).unwrap_or_default()
    }

    /// The resource of a kind with an id.
    pub(crate) fn find(&self, kind: Kind, id: &str) -> Option<&Item<'t>> {
        let items = self.of(kind);
        let at = items.binary_search_by(|item| item.id.cmp(id)).ok()?;
        items.get(at)
    }

    /// The resource of a kind with an id in an account and region, for ids that are unique there
    /// only. Accounts and regions that the input does not tell fit any, after those that are told.
    pub(crate) fn find_in(
        &self,
        kind: Kind,
        id: &str,
        account: Option<&str>,
        region: Option<&str>,
    ) -> Option<&Item<'t>> {
        let items = self.of(kind);
        let start = items.partition_point(|item| item.id < id);
        let same = items.get(start..)?.iter().take_while(|item| item.id == id);
        let fits = |one: &Option<Name>, other: Option<&str>| match (one.as_deref(), other) {
            (Some(one), Some(other)) => (one == other).then_some(1),
            _ => Some(0_u8),
        };
        let weighed = same.filter_map(|item| {
            let weight = fits(&item.scope.account, account)?
                .saturating_add(fits(&item.scope.region, region)?);
            Some((weight, item))
        });
        weighed.max_by_key(|(weight, _)| *weight).map(|(_, item)| item)
    }

    /// Whether any body of this kind was in the input, with or without resources.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.marks.iter().any(|(marked, _, _)| *marked == kind)
    }

    /// Kind, account and region of every body that was in the input.
    pub(crate) fn marks(&self) -> impl Iterator<Item = Mark<'t>> {
        self.marks.iter().copied()
    }

    /// Account and region of every list of a kind of which the last page was in the input.
    pub(crate) fn lists(
        &self,
        kind: Kind,
    ) -> impl Iterator<Item = (Option<&'t str>, Option<&'t str>)> {
        let of_kind = self.ended.iter().filter(move |(ended, _, _)| *ended == kind);
        of_kind.map(|(_, account, region)| (*account, *region))
    }

    /// Account and region of every list of a kind of which the input holds pages but not the last.
    pub(crate) fn unended(
        &self,
        kind: Kind,
    ) -> impl Iterator<Item = (Option<&'t str>, Option<&'t str>)> {
        let unended = self.marks.difference(&self.ended).filter(move |(one, _, _)| *one == kind);
        unended.map(|(_, account, region)| (*account, *region))
    }
}

/// Kinds whose ids are names that an account may give again in another region.
const LOCAL: [Kind; 15] = [
    Kind::AutoScalingGroups,
    Kind::CacheClusters,
    Kind::CacheSubnetGroups,
    Kind::ClassicLoadBalancerAttributes,
    Kind::DaxSubnetGroups,
    Kind::DbClusters,
    Kind::DbInstances,
    Kind::DbSubnetGroups,
    Kind::FunctionPolicies,
    Kind::InstanceHealth,
    Kind::QueueAttributes,
    Kind::ReplicationGroups,
    Kind::SecretPolicies,
    Kind::TargetHealth,
    Kind::TopicAttributes,
];

/// Whether two bodies come from two accounts or two regions for sure.
fn are_apart(one: &Item<'_>, other: &Item<'_>) -> bool {
    let differ = |left: &Option<Name>, right: &Option<Name>| {
        left.is_some() && right.is_some() && left != right
    };
    let (one, other) = (one.scope, other.scope);
    differ(&one.account, &other.account) || differ(&one.region, &other.region)
}

fn merged<'t>(mut items: Vec<Item<'t>>, is_local: bool, fields: &mut Fields) -> Vec<Item<'t>> {
    items.sort_by(|left, right| left.id.cmp(right.id));
    let mut kept: Vec<Item<'t>> = Vec::with_capacity(items.len());
    for item in items {
        let same = kept.iter_mut().rev().take_while(|one| one.id == item.id && !item.id.is_empty());
        let is_same = |one: &&mut Item<'_>| {
            is_same_thing(one.node, item.node) && !(is_local && are_apart(one, &item))
        };
        match same.into_iter().find(is_same) {
            Some(one) => merge(one, item, fields),
            None => kept.push(item),
        }
    }
    kept
}

/// Whether two resources with one id are one thing. The two ends of a transit gateway's peering are
/// not, although they share an id; nor are answers about two kinds of policies of one target.
fn is_same_thing(one: Node<'_>, other: Node<'_>) -> bool {
    let types = [one, other].map(|node| {
        let policies = node.get("Policies").filter(|list| list.kind() == ValueKind::Array);
        let first = policies.and_then(|list| list.items().next());
        first.and_then(|first| first.get("Type")).and_then(Node::as_str)
    });
    if !types.contains(&None) && types[0] != types[1] {
        return false;
    }
    let gateways = [one, other].map(|node| node.get("TransitGatewayId").and_then(Node::as_str));
    gateways.contains(&None) || gateways[0] == gateways[1]
}

/// Makes one of two resources with one id.
fn merge<'t>(kept: &mut Item<'t>, other: Item<'t>, fields: &mut Fields) {
    if are_equal(kept.node, other.node) {
        return;
    }
    if let Some(tags) = two_tellings(kept, &other) {
        let [own, others] = tags.map(|item| tags_of(item.node));
        if own != others {
            let message = format!("two calls tell other tags of `{}`", kept.id);
            let diagnostic = Diagnostic::note(codes::TWO_VIEWS, message).with_resource(kept.id);
            let diagnostic = diagnostic.with_label(tags[0].node.span(), "");
            fields.diagnostics.push(diagnostic.with_related(tags[1].node.span(), "the other view"));
        }
        *kept = tags[0];
        return;
    }
    let accounts = (kept.scope.account.as_deref(), other.scope.account.as_deref());
    let (Some(first), Some(second)) = accounts else { return conflict(kept, &other, fields) };
    if first == second {
        // What lies between two regions is seen by both, with tags and options of each.
        if !are_apart(kept, &other) || !are_compatible(kept.node, other.node) {
            return conflict(kept, &other, fields);
        }
        if weight(other.node) > weight(kept.node) {
            *kept = other;
        }
        return;
    }
    // Shared resources are seen by several accounts, some fields by their owner only.
    let owner = owner_of(kept.node).or_else(|| owner_of(other.node));
    let is_owned = owner == Some(first) || owner == Some(second);
    if !are_compatible(kept.node, other.node) {
        if !is_owned {
            return conflict(kept, &other, fields);
        }
        let message = format!("accounts `{first}` and `{second}` see `{}` differently", kept.id);
        let diagnostic = Diagnostic::note(codes::TWO_VIEWS, message).with_resource(kept.id);
        let diagnostic = diagnostic.with_label(kept.node.span(), "");
        fields.diagnostics.push(diagnostic.with_related(other.node.span(), "the other view"));
    }
    let other_is_better =
        if is_owned { owner == Some(second) } else { weight(other.node) > weight(kept.node) };
    if other_is_better {
        *kept = other;
    }
}

/// Two answers about the tags of one resource, by the call of its own service and by the one about all
/// services, in this order: they name the resource by keys of their own.
fn two_tellings<'t>(one: &Item<'t>, other: &Item<'t>) -> Option<[Item<'t>; 2]> {
    let is_own = |item: &Item<'_>| item.node.get("ResourceArn").is_some();
    let is_of_all = |item: &Item<'_>| item.node.get("ResourceARN").is_some();
    if is_own(one) && is_of_all(other) {
        return Some([*one, *other]);
    }
    (is_own(other) && is_of_all(one)).then_some([*other, *one])
}

/// The tags that a body tells.
fn tags_of<'t>(node: Node<'t>) -> BTreeSet<[Option<&'t str>; 2]> {
    let tags = node.get("Tags").into_iter().flat_map(Node::items);
    let pair = |tag: Node<'t>| ["Key", "Value"].map(|key| tag.get(key).and_then(Node::as_str));
    tags.map(pair).collect()
}

fn conflict(kept: &Item<'_>, other: &Item<'_>, fields: &mut Fields) {
    let message = format!("`{}` stands for two resources with different contents", kept.id);
    let diagnostic = Diagnostic::error(codes::CONFLICT, message)
        .with_resource(kept.id)
        .with_label(other.node.span(), "the second one")
        .with_related(kept.node.span(), "the first one is here")
        .with_help("keep the newer of both files, or collect again");
    fields.diagnostics.push(diagnostic);
}

fn owner_of(node: Node<'_>) -> Option<&str> {
    node.get("OwnerId").or_else(|| node.get("TransitGatewayOwnerId")).and_then(Node::as_str)
}

/// Whether two values have the same content, whatever the order of their keys.
fn are_equal(left: Node<'_>, right: Node<'_>) -> bool {
    compare(left, right, false)
}

/// Whether two views of one resource agree in what both of them show.
fn are_compatible(left: Node<'_>, right: Node<'_>) -> bool {
    compare(left, right, true)
}

/// Fields whose content depends on who asks, or when.
const VIEWS: [&str; 6] = [
    "AttachmentCount",
    "AvailableIpAddressCount",
    "PeeringOptions",
    "PermissionsBoundaryUsageCount",
    "TagSet",
    "Tags",
];

fn compare(left: Node<'_>, right: Node<'_>, views: bool) -> bool {
    if views && (left.is_null() || right.is_null()) {
        return true;
    }
    if left.kind() != right.kind() {
        return false;
    }
    match left.kind() {
        ValueKind::Object => {
            let within = |one: Node<'_>, other: Node<'_>| {
                one.entries().all(|entry| match other.get(entry.key) {
                    _ if views && VIEWS.contains(&entry.key) => true,
                    Some(value) => compare(entry.value, value, views),
                    None => views,
                })
            };
            (views || left.len() == right.len()) && within(left, right)
        }
        ValueKind::Array => {
            left.len() == right.len()
                && left.items().zip(right.items()).all(|(one, other)| compare(one, other, views))
        }
        ValueKind::String => left.as_str() == right.as_str(),
        _ => left.raw() == right.raw(),
    }
}

/// How many values a node holds.
fn weight(node: Node<'_>) -> usize {
    let inside = node.entries().map(|entry| weight(entry.value)).sum::<usize>();
    let items = node.items().map(weight).sum::<usize>();
    inside.saturating_add(items).saturating_add(1)
}
