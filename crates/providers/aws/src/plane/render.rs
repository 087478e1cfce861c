//! Artifacts as the bodies in which the provider would describe them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use watertight_compile::{
    Artifacts, AtOnce, Group, GroupName, GroupRule, RenderedBody, RulePeer, Through, both,
    short_hash, text_in_lines_to,
};
use watertight_model::Name;
use watertight_net::{ByteSet, Family, FlowPart, FlowSet, PortSet, Prefix};

use super::once::once;

/// The key of the tag, with the value `true`, of every group that is ours.
pub const MANAGED: &str = "watertight.io/managed";

/// The most groups of a body: the provider answers with no more at once (Amazon EC2 API reference,
/// `DescribeSecurityGroups`, `MaxResults`).
const PAGE: usize = 1_000;

/// Bodies for the groups of each account and region, one for the interfaces, and one for the
/// resources of services that set the groups of some of them.
pub(super) fn bodies(artifacts: &Artifacts, held: &Ids) -> Vec<RenderedBody> {
    let known = Known::new(artifacts, held);
    let groups = pages(artifacts).into_iter().map(|page| page.body(&known));
    groups.chain(carried(artifacts, &known)).collect()
}

/// [`bodies`] of two artifacts. A page of the same groups in both has one text.
pub(super) fn bodies_of_both(
    artifacts: [&Artifacts; 2],
    held: &Ids,
    at_once: &dyn AtOnce,
) -> [Vec<RenderedBody>; 2] {
    let [one, other] = artifacts;
    let known = [Known::new(one, held), Known::new(other, held)];
    let named = |artifacts: &'_ Artifacts| -> Vec<(GroupName, Name)> {
        let groups = artifacts.groups.iter();
        groups.map(|group| (group.name.clone(), group.place.0.clone())).collect()
    };
    // Rules name groups by ids and accounts that follow from these.
    let are_called_alike = named(one) == named(other);
    let [first, second] = [pages(one), pages(other)];
    let key = |of: usize, page: &Page<'_>| -> (usize, Vec<*const Group>) {
        let groups = page.groups.iter().map(|group| Arc::as_ptr(group));
        (if are_called_alike { 0 } else { of }, groups.collect())
    };
    let text = |of: usize, page: &Page<'_>| known.get(of).map(|known| page.text(known));
    let texts = once([&first, &second], key, text, at_once);
    let [first, second] = [first, second].map(Vec::into_iter);
    let [of_first, of_second] = texts.map(Vec::into_iter);
    let page = |(page, text): (Page<'_>, Option<Arc<String>>)| {
        Some(RenderedBody { path: page.path, text: text? })
    };
    let [known, other_known] = &known;
    let (carried_by_one, carried_by_other) =
        both(at_once, || carried(one, known), || carried(other, other_known));
    [
        first.zip(of_first).filter_map(page).chain(carried_by_one).collect(),
        second.zip(of_second).filter_map(page).chain(carried_by_other).collect(),
    ]
}

/// [`bodies_of_both`] of artifacts in which some groups are others than in those of which `before` are the bodies. Both
/// have groups of the same names, so that these have the same ids.
pub(super) fn bodies_again(
    artifacts: [&Artifacts; 2],
    before: [&[RenderedBody]; 2],
    held: &Ids,
    (changed, at_once): (&[GroupName], &dyn AtOnce),
) -> [Vec<RenderedBody>; 2] {
    let known = artifacts.map(|artifacts| Known::new(artifacts, held));
    let changed: BTreeSet<&GroupName> = changed.iter().collect();
    let pages = artifacts.map(|artifacts| {
        let mut pages = pages(artifacts);
        pages.retain(|page| page.groups.iter().any(|group| changed.contains(&group.name)));
        pages
    });
    let key = |_, page: &Page<'_>| -> Vec<*const Group> {
        page.groups.iter().map(|group| Arc::as_ptr(group)).collect()
    };
    let text = |of: usize, page: &Page<'_>| known.get(of).map(|known| page.text(known));
    let texts = once(pages.each_ref().map(Vec::as_slice), key, text, at_once);
    let mut each = before.map(<[RenderedBody]>::to_vec);
    for (bodies, (pages, texts)) in each.iter_mut().zip(pages.iter().zip(texts)) {
        for (page, text) in pages.iter().zip(texts) {
            let body = bodies.iter_mut().find(|body| body.path == page.path);
            if let Some((body, text)) = body.zip(text) {
                body.text = text;
            }
        }
    }
    each
}

/// Groups that are in one body.
struct Page<'a> {
    path: String,
    groups: Vec<&'a Arc<Group>>,
}

/// The groups of each account and region, in pages.
fn pages(artifacts: &Artifacts) -> Vec<Page<'_>> {
    let mut groups: BTreeMap<&(Name, Name), Vec<&Arc<Group>>> = BTreeMap::new();
    for group in &artifacts.groups {
        groups.entry(&group.place).or_default().push(group);
    }
    let mut pages = Vec::new();
    for ((account, region), groups) in groups {
        let folder = format!("raw/aws/{account}/{region}/ec2-describe-security-groups");
        for (number, groups) in (1_usize..).zip(groups.chunks(PAGE)) {
            let path = match number {
                1 => format!("{folder}/watertight.json"),
                _ => format!("{folder}/watertight.{number:06}.json"),
            };
            pages.push(Page { path, groups: groups.to_vec() });
        }
    }
    pages
}

impl Page<'_> {
    fn text(&self, known: &Known<'_>) -> Arc<String> {
        Arc::new(text_of("SecurityGroups", &GroupBodies { groups: &self.groups, known }))
    }

    fn body(self, known: &Known<'_>) -> RenderedBody {
        let text = self.text(known);
        RenderedBody { path: self.path, text }
    }
}

/// Who carries which groups.
fn carried(artifacts: &Artifacts, known: &Known<'_>) -> Vec<RenderedBody> {
    let interfaces: Vec<InterfaceBody<'_>> = artifacts
        .attachments
        .iter()
        .map(|one| {
            let ours = one
                .groups
                .iter()
                .map(|name| Carried { id: known.id(name), name: Some(name.0.as_str()) });
            let others = one.others.iter().map(|id| Carried { id: Cow::from(&**id), name: None });
            InterfaceBody { id: &one.endpoint, groups: ours.chain(others).collect() }
        })
        .collect();
    let mut services: BTreeMap<&Through, ServiceBody<'_>> = BTreeMap::new();
    for (one, interface) in artifacts.attachments.iter().zip(&interfaces) {
        let Some(through) = &one.through else { continue };
        let body = services.entry(through).or_insert_with(|| ServiceBody {
            kind: &through.kind,
            id: &through.id,
            endpoints: Vec::new(),
            groups: &interface.groups,
        });
        body.endpoints.push(&one.endpoint);
    }
    let services = (!services.is_empty()).then(|| RenderedBody {
        path: String::from("raw/aws/services/watertight.json"),
        text: Arc::new(text_of("Services", &services.into_values().collect::<Vec<_>>())),
    });
    let interfaces = RenderedBody {
        path: String::from("raw/aws/interfaces/watertight.json"),
        text: Arc::new(text_of("NetworkInterfaces", &interfaces)),
    };
    [interfaces].into_iter().chain(services).collect()
}

/// How deep bodies begin lines: each field of a permission has one, with all the peers that it lists.
const LINES: usize = 5;

/// A list under its name, as text.
fn text_of(name: &str, list: &impl Serialize) -> String {
    let text = text_in_lines_to(LINES, &BTreeMap::from([(name, list)]));
    // Texts and numbers alone, under keys that are texts: that cannot fail.
    text.unwrap_or_default() + "\n"
}

/// Groups with their ids and accounts, by their names: rules name each of them many times.
struct Known<'a> {
    held: &'a Ids,
    groups: HashMap<&'a str, (String, &'a str)>,
}

impl<'a> Known<'a> {
    fn new(artifacts: &'a Artifacts, held: &'a Ids) -> Self {
        let groups = artifacts.groups.iter().map(|group| {
            let told = (id_of(&group.name, held), &*group.place.0);
            (group.name.0.as_str(), told)
        });
        Self { held, groups: groups.collect() }
    }

    /// As [`id_of`].
    fn id<'k>(&'k self, name: &GroupName) -> Cow<'k, str> {
        match self.groups.get(name.0.as_str()) {
            Some((id, _)) => Cow::from(id),
            None => Cow::from(id_of(name, self.held)),
        }
    }

    fn pair<'k>(&'k self, name: &GroupName) -> Pair<'k> {
        match self.groups.get(name.0.as_str()) {
            Some((id, owner)) => Pair { id: Cow::from(id), owner },
            None => Pair { id: Cow::from(id_of(name, self.held)), owner: "" },
        }
    }
}

/// The bodies of groups, each made when it is written and gone after that.
struct GroupBodies<'a> {
    groups: &'a [&'a Arc<Group>],
    known: &'a Known<'a>,
}

impl Serialize for GroupBodies<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.groups.iter().map(|group| body_of(group, self.known)))
    }
}

/// A group as the provider describes it.
#[derive(Serialize)]
struct GroupBody<'a> {
    #[serde(rename = "GroupId")]
    id: Cow<'a, str>,
    #[serde(rename = "GroupName")]
    name: &'a str,
    #[serde(rename = "Description")]
    description: String,
    #[serde(rename = "VpcId")]
    vpc: &'a str,
    #[serde(rename = "OwnerId")]
    owner: &'a str,
    #[serde(rename = "SecurityGroupArn")]
    arn: String,
    #[serde(rename = "Tags")]
    tags: [BTreeMap<&'a str, &'a str>; 1],
    #[serde(rename = "IpPermissions")]
    ingress: Vec<Permission<'a>>,
    #[serde(rename = "IpPermissionsEgress")]
    egress: Vec<Permission<'a>>,
}

/// Rules of one protocol and its ports. A peer is an object with its one or two keys.
#[derive(Serialize)]
struct Permission<'a> {
    #[serde(rename = "IpProtocol")]
    protocol: String,
    #[serde(rename = "FromPort", skip_serializing_if = "Option::is_none")]
    from: Option<i64>,
    #[serde(rename = "ToPort", skip_serializing_if = "Option::is_none")]
    to: Option<i64>,
    #[serde(rename = "UserIdGroupPairs")]
    pairs: Vec<Pair<'a>>,
    #[serde(rename = "IpRanges")]
    v4: Vec<RangeV4>,
    #[serde(rename = "Ipv6Ranges")]
    v6: Vec<RangeV6>,
    #[serde(rename = "PrefixListIds")]
    lists: Vec<List<'a>>,
}

#[derive(Serialize)]
struct Pair<'a> {
    #[serde(rename = "GroupId")]
    id: Cow<'a, str>,
    #[serde(rename = "UserId")]
    owner: &'a str,
}

#[derive(Serialize)]
struct RangeV4 {
    #[serde(rename = "CidrIp", serialize_with = "shown")]
    prefix: Prefix,
}

#[derive(Serialize)]
struct RangeV6 {
    #[serde(rename = "CidrIpv6", serialize_with = "shown")]
    prefix: Prefix,
}

fn shown<S: Serializer>(prefix: &Prefix, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(prefix)
}

#[derive(Serialize)]
struct List<'a> {
    #[serde(rename = "PrefixListId")]
    id: &'a str,
}

/// An interface with the groups that it carries.
#[derive(Serialize)]
struct InterfaceBody<'a> {
    #[serde(rename = "NetworkInterfaceId")]
    id: &'a str,
    #[serde(rename = "Groups")]
    groups: Vec<Carried<'a>>,
}

#[derive(Serialize)]
struct Carried<'a> {
    #[serde(rename = "GroupId")]
    id: Cow<'a, str>,
    #[serde(rename = "GroupName", skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

/// A resource that sets the groups of its endpoints.
#[derive(Serialize)]
struct ServiceBody<'a> {
    #[serde(rename = "Kind")]
    kind: &'a str,
    #[serde(rename = "Id")]
    id: &'a str,
    #[serde(rename = "Endpoints")]
    endpoints: Vec<&'a str>,
    #[serde(rename = "Groups")]
    groups: &'a [Carried<'a>],
}

/// The ids of groups of ours that are there already, by name.
pub(super) type Ids = BTreeMap<String, String>;

/// The id of a group; before the provider gives it one, one that is made from its name.
pub(super) fn id_of(name: &GroupName, held: &Ids) -> String {
    if let Some(id) = held.get(&name.0) {
        return id.clone();
    }
    // A group of others' that a rule names which is there.
    if name.0.starts_with("sg-") {
        return name.0.clone();
    }
    format!("sg-0{:016x}", short_hash(name.0.bytes()))
}

fn body_of<'a>(group: &'a Group, known: &'a Known<'_>) -> GroupBody<'a> {
    let (account, region) = &group.place;
    let id = known.id(&group.name);
    let segments: Vec<String> = group.segments.iter().map(ToString::to_string).collect();
    GroupBody {
        name: &group.name.0,
        description: description_of(&segments),
        vpc: &group.realm,
        owner: account,
        arn: format!("arn:aws:ec2:{region}:{account}:security-group/{id}"),
        tags: [BTreeMap::from([("Key", MANAGED), ("Value", "true")])],
        ingress: permissions(&group.ingress, known),
        egress: permissions(&group.egress, known),
        id,
    }
}

/// The most letters of a description.
const DESCRIPTION_MAX: usize = 255;

/// What a group is described as, from the segments of those who carry it.
pub fn description_of(segments: &[String]) -> String {
    let text = format!("Written by Watertight for {}", segments.join(", "));
    text.chars().take(DESCRIPTION_MAX).collect()
}

/// What is left together: a group, or an endpoint with all that its resource sets alike.
pub(super) fn together(rendered: &[RenderedBody], item: &str) -> BTreeSet<String> {
    let mut items = BTreeSet::from([item.to_owned()]);
    for body in rendered {
        let value: Value = serde_json::from_str(&body.text).unwrap_or_default();
        for service in value["Services"].as_array().into_iter().flatten() {
            let endpoints = service["Endpoints"].as_array().into_iter().flatten();
            let endpoints: Vec<&str> = endpoints.filter_map(Value::as_str).collect();
            if endpoints.contains(&item) {
                items.extend(endpoints.into_iter().map(ToOwned::to_owned));
                items.extend(service["Id"].as_str().map(ToOwned::to_owned));
            }
        }
    }
    items
}

/// A body without groups of names, interfaces and resources of ids, and what subnets of ids have at their edges.
pub(super) fn without(body: &RenderedBody, items: &BTreeSet<String>) -> RenderedBody {
    let is_it = |one: &Value| {
        ["GroupName", "NetworkInterfaceId", "Id", "SubnetId"]
            .into_iter()
            .any(|key| one[key].as_str().is_some_and(|text| items.contains(text)))
    };
    let mut value: Value = serde_json::from_str(&body.text).unwrap_or_default();
    for list in value.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(list) = list.as_array_mut() {
            list.retain(|one| !is_it(one));
            let associations =
                list.iter_mut().filter_map(|one| one.get_mut("Associations")?.as_array_mut());
            associations.for_each(|all| all.retain(|one| !is_it(one)));
        }
    }
    RenderedBody { path: body.path.clone(), text: Arc::new(format!("{value:#}\n")) }
}

/// Rules of one kind of flows share a permission.
fn permissions<'a>(rules: &'a [GroupRule], known: &'a Known<'_>) -> Vec<Permission<'a>> {
    let mut by_flows: BTreeMap<&FlowSet, Vec<&RulePeer>> = BTreeMap::new();
    for rule in rules {
        by_flows.entry(&rule.flows).or_default().push(&rule.peer);
    }
    by_flows.into_iter().map(|(flows, peers)| permission(flows, &peers, known)).collect()
}

fn permission<'a>(flows: &FlowSet, peers: &[&'a RulePeer], known: &'a Known<'_>) -> Permission<'a> {
    let (protocol, ports) = protocol_of(flows);
    let (pairs, v4, v6, lists) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (from, to) = ports.unzip();
    let mut permission = Permission { protocol, from, to, pairs, v4, v6, lists };
    for peer in peers {
        match peer {
            RulePeer::Group(name) if name.0.starts_with("pl-") => {
                permission.lists.push(List { id: &name.0 });
            }
            RulePeer::Group(name) => {
                permission.pairs.push(known.pair(name));
            }
            RulePeer::Prefix(prefix) if prefix.family() == Family::V4 => {
                permission.v4.push(RangeV4 { prefix: *prefix });
            }
            RulePeer::Prefix(prefix) => {
                permission.v6.push(RangeV6 { prefix: *prefix });
            }
        }
    }
    permission
}

/// The protocol and ports of one piece of flows, in the provider's words.
pub(super) fn protocol_of(flows: &FlowSet) -> (String, Option<(i64, i64)>) {
    let mut parts = flows.parts();
    let (Some(part), None) = (parts.next(), parts.next()) else {
        return (String::from("-1"), None);
    };
    let number = part.protocol().number();
    match (&part, number) {
        (FlowPart::Ports { destination, .. }, 6) => (String::from("tcp"), Some(ends(destination))),
        (FlowPart::Ports { destination, .. }, 17) => (String::from("udp"), Some(ends(destination))),
        (FlowPart::Icmp { types, codes, .. }, _) => {
            let name = if number == 1 { "icmp" } else { "icmpv6" };
            (name.to_owned(), Some((single(types), single(codes))))
        }
        (FlowPart::Ports { .. } | FlowPart::Other { .. }, _) => (number.to_string(), None),
    }
}

fn ends(ports: &PortSet) -> (i64, i64) {
    (ports.first().map_or(0, i64::from), ports.last().map_or(0, i64::from))
}

/// One value, or -1 for all.
fn single(set: &ByteSet) -> i64 {
    if set.is_full() { -1 } else { set.first().map_or(-1, i64::from) }
}

#[cfg(test)]
mod tests {
    use watertight_compile::InTurn;

    use super::*;

    #[test]
    fn groups_come_in_pages_and_a_page_that_is_the_same_is_shared() {
        let group = |number: usize| Group {
            name: GroupName(format!("watertight/{number:05}")),
            realm: Name::from("vpc-1"),
            place: (Name::from("1"), Name::from("eu-west-1")),
            segments: Vec::new(),
            ingress: Vec::new(),
            egress: Vec::new(),
        };
        let groups: Vec<_> = (0..=2 * PAGE).map(|number| Arc::new(group(number))).collect();
        let one = Artifacts { groups, ..Artifacts::default() };
        let mut other = one.clone();
        Arc::make_mut(&mut other.groups[PAGE]).segments.push(Name::from("web"));
        let [first, second] = bodies_of_both([&one, &other], &Ids::new(), &InTurn);
        assert_eq!(first, bodies(&one, &Ids::new()));
        assert_eq!(second, bodies(&other, &Ids::new()));
        let groups: Vec<usize> =
            first.iter().map(|body| body.text.matches("GroupName").count()).collect();
        assert_eq!(groups, [PAGE, PAGE, 1, 0]);
        let all = first.iter().zip(&second);
        let shared: Vec<bool> =
            all.map(|(one, other)| Arc::ptr_eq(&one.text, &other.text)).collect();
        assert_eq!(shared, [true, false, true, false]);
    }
}
