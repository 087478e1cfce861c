//! What changes between two sets of bodies, done to the bodies of an estate.
//!
//! Each resource is compared field by field. What is the same on both sides stays as the estate has
//! it: an estate knows more than whoever plans a change to it.

mod follow;
mod merge;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Bodies, List, MORE, Place, text, value_of};
use crate::Body;
use crate::scope::Scope;
use merge::merge;

/// The lists of resources, with the field that tells a resource's id.
const IDS: [(&str, &str); 30] = [
    ("Addresses", "AllocationId"),
    ("CacheClusters", "CacheClusterId"),
    ("CacheSubnetGroups", "CacheSubnetGroupName"),
    ("DBClusters", "DBClusterIdentifier"),
    ("DBInstances", "DBInstanceIdentifier"),
    ("DBSubnetGroups", "DBSubnetGroupName"),
    ("EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId"),
    ("FileSystems", "FileSystemId"),
    ("Functions", "FunctionName"),
    ("Instances", "InstanceId"),
    ("InternetGateways", "InternetGatewayId"),
    ("Listeners", "ListenerArn"),
    ("LoadBalancers", "LoadBalancerArn"),
    ("MountTargets", "MountTargetId"),
    ("NatGateways", "NatGatewayId"),
    ("NetworkAcls", "NetworkAclId"),
    ("NetworkInterfaces", "NetworkInterfaceId"),
    ("Policies", "Arn"),
    ("PrefixLists", "PrefixListId"),
    ("ReplicationGroups", "ReplicationGroupId"),
    ("RoleDetailList", "RoleName"),
    ("RouteTables", "RouteTableId"),
    ("SecurityGroups", "GroupId"),
    ("Subnets", "SubnetId"),
    ("TargetGroups", "TargetGroupArn"),
    ("TransitGatewayAttachments", "TransitGatewayAttachmentId"),
    ("TransitGatewayRouteTables", "TransitGatewayRouteTableId"),
    ("TransitGateways", "TransitGatewayId"),
    ("VpcEndpoints", "VpcEndpointId"),
    ("Vpcs", "VpcId"),
];

/// Those that the table has no room for in the order of names.
const MORE_IDS: [(&str, &str); 4] = [
    ("TransitGatewayVpcAttachments", "TransitGatewayAttachmentId"),
    ("VpcBlockPublicAccessExclusions", "ExclusionId"),
    ("VpcPeeringConnections", "VpcPeeringConnectionId"),
    ("VpnGateways", "VpnGatewayId"),
];

/// Lists whose ids are names, which an account may give again in another region.
const NAMED: [&str; 6] = [
    "CacheClusters",
    "CacheSubnetGroups",
    "DBClusters",
    "DBInstances",
    "DBSubnetGroups",
    "ReplicationGroups",
];

/// A change to one resource, or to one answer about a resource.
pub(super) struct Edit {
    place: Place,
    call: &'static str,
    what: What,
    before: Option<Value>,
    after: Option<Value>,
}

/// What is changed.
enum What {
    /// An item of a list.
    Item { key: &'static str, id: String },
    /// An answer about one resource, or about a whole region.
    Answer { argument: Option<String> },
}

/// The field that tells the id of a list's items.
fn id_field(key: &str) -> Option<&'static str> {
    IDS.iter().chain(&MORE_IDS).find(|(list, _)| *list == key).map(|(_, field)| *field)
}

/// The items of one side by their ids. Machines stand in reservations of their own.
fn by_id(bodies: &Bodies) -> BTreeMap<(Place, List, String), Value> {
    let mut found = BTreeMap::new();
    for ((place, (call, key)), items) in &bodies.lists {
        for item in items {
            let (key, item) = match *key {
                "Reservations" => ("Instances", item.get("Instances").and_then(|all| all.get(0))),
                other => (other, Some(item)),
            };
            let (Some(item), Some(field)) = (item, id_field(key)) else { continue };
            if let Some(id) = item.get(field).and_then(Value::as_str) {
                found.insert((place.clone(), (*call, key), id.to_owned()), item.clone());
            }
        }
    }
    found
}

/// What differs between two sets of bodies.
pub(super) fn edits(before: Bodies, after: Bodies) -> Vec<Edit> {
    let (was, is) = (by_id(&before), by_id(&after));
    let keys: BTreeSet<_> = was.keys().chain(is.keys()).cloned().collect();
    let mut edits = Vec::new();
    for key in keys {
        let (before, after) = (was.get(&key).cloned(), is.get(&key).cloned());
        if before != after {
            let (place, (call, key), id) = key;
            edits.push(Edit { place, call, what: What::Item { key, id }, before, after });
        }
    }
    let keys: BTreeSet<_> = before.about.keys().chain(after.about.keys()).cloned().collect();
    for key in keys {
        let (before, after) = (before.about.get(&key).cloned(), after.about.get(&key).cloned());
        if before != after {
            let (place, call, argument) = key;
            edits.push(Edit { place, call, what: What::Answer { argument }, before, after });
        }
    }
    edits
}

/// An estate's bodies, some of them changed.
pub(super) struct Overlay<'b> {
    bodies: &'b [Body],
    changed: BTreeMap<usize, Value>,
    /// Bodies that are new, by path.
    new: BTreeMap<String, Value>,
    /// What was added: the list and the id of each resource.
    pub(super) added: BTreeSet<(&'static str, String)>,
    /// Where each of them was added.
    places: BTreeMap<(&'static str, String), Place>,
}

impl<'b> Overlay<'b> {
    pub(super) fn new(bodies: &'b [Body]) -> Self {
        let (changed, new) = (BTreeMap::new(), BTreeMap::new());
        Self { bodies, changed, new, added: BTreeSet::new(), places: BTreeMap::new() }
    }

    /// The new bodies as paths and texts, and the places of those that they stand for.
    pub(super) fn finish(self) -> (Vec<(String, String)>, BTreeSet<usize>) {
        let replaced: BTreeSet<usize> = self.changed.keys().copied().collect();
        let path = |place: usize| self.bodies.get(place).map(|one| one.path.clone());
        let changed = self.changed.into_iter();
        let changed = changed.filter_map(|(place, value)| Some((path(place)?, value.to_string())));
        let mut bodies: Vec<(String, String)> = changed.collect();
        bodies.extend(self.new.into_iter().map(|(path, value)| (path, value.to_string())));
        (bodies, replaced)
    }

    /// Does edits. What an edit changes and the estate does not hold is untold.
    pub(super) fn apply(&mut self, edits: Vec<Edit>, untold: &mut BTreeSet<(String, String)>) {
        self.rules_in_groups(&edits);
        let mut moved = follow::Moved::default();
        for edit in edits {
            match &edit.what {
                What::Item { key, id } => {
                    let found = self.item(key, id, &edit, &mut moved);
                    let is_made = edit.before.is_none() && edit.after.is_some();
                    if found && is_made && NAMED.contains(key) {
                        let why = "the estate holds one that is called so already".to_owned();
                        untold.insert((id.clone(), why));
                    } else if !found && edit.before.is_some() && edit.after.is_some() {
                        let why = "the plan changes it, and the estate does not hold it".to_owned();
                        untold.insert((id.clone(), why));
                    } else if !found && let Some(after) = &edit.after {
                        self.add((&edit.place, edit.call), key, id, after);
                        moved.learn(key, (None, None), Some(after));
                    }
                }
                What::Answer { argument } => self.answer(&edit, argument.as_deref()),
            }
        }
        follow::apply(self, &moved);
    }

    /// Puts the rules of groups that change into the groups, where the estate lists them apart.
    fn rules_in_groups(&mut self, edits: &[Edit]) {
        let groups: BTreeSet<&str> = edits
            .iter()
            .filter_map(|edit| match &edit.what {
                What::Item { key: "SecurityGroups", id } => Some(id.as_str()),
                _ => None,
            })
            .collect();
        if groups.is_empty() {
            return;
        }
        let listed = self.all("SecurityGroupRules");
        self.update("SecurityGroups", |item| {
            let id = text(item, "GroupId").unwrap_or_default().to_owned();
            let is_told = PERMISSIONS.iter().any(|(key, _)| item.get(key).is_some());
            if is_told || !groups.contains(id.as_str()) {
                return false;
            }
            for (key, is_egress) in PERMISSIONS {
                let own = listed.iter().filter(|rule| {
                    text(rule, "GroupId") == Some(&id)
                        && rule.get("IsEgress").and_then(Value::as_bool) == Some(is_egress)
                });
                item[key] = own.map(permission).collect();
            }
            true
        });
    }

    /// Changes an item wherever the estate tells of it; whether it does.
    fn item(&mut self, key: &str, id: &str, edit: &Edit, moved: &mut follow::Moved) -> bool {
        let Some(field) = id_field(key) else { return false };
        let mut found = false;
        self.visit(id, |body| {
            let mut is_changed = false;
            each_list(body, key, &mut |items| {
                let is_it = |item: &Value| item.get(field).and_then(Value::as_str) == Some(id);
                for item in items.iter_mut().filter(|item| is_it(item)) {
                    moved.learn(key, (Some(item), edit.before.as_ref()), edit.after.as_ref());
                    if let Some(after) = &edit.after {
                        let before = edit.before.as_ref().unwrap_or(&Value::Null);
                        *item = merge(key, item.take(), before, after);
                    }
                    is_changed = true;
                }
                if edit.after.is_none() {
                    items.retain(|item| !is_it(item));
                }
            });
            found |= is_changed;
            is_changed
        });
        found
    }

    /// Adds an item to the list of its account and region, or to a list of which more may follow.
    fn add(
        &mut self,
        (at, call): (&Place, &'static str),
        key: &'static str,
        id: &str,
        item: &Value,
    ) {
        self.added.insert((key, id.to_owned()));
        self.places.insert((key, id.to_owned()), at.clone());
        let (list, item) = match key {
            "Instances" => ("Reservations", json!({"OwnerId": at.account, "Instances": [item]})),
            other => (other, item.clone()),
        };
        let mut is_added = false;
        if let Some(place) = self.listing(list, at) {
            self.change(place, |body| {
                each_list(body, list, &mut |items| {
                    if !is_added {
                        items.push(item.clone());
                        is_added = true;
                    }
                });
                is_added
            });
        }
        if !is_added {
            let path = path_of(at, call, None);
            let body = self.new.entry(path).or_insert_with(|| json!({"NextToken": MORE}));
            match body.get_mut(list) {
                Some(Value::Array(items)) => items.push(item),
                _ => body[list] = json!([item]),
            }
        }
    }

    /// Adds an interface in the account and region in which a resource was added.
    pub(super) fn add_beside(&mut self, (list, id): (&'static str, &str), interface: Value) {
        let Some(at) = self.places.get(&(list, id.to_owned())).cloned() else { return };
        let own = text(&interface, "NetworkInterfaceId").unwrap_or_default().to_owned();
        let call = "ec2-describe-network-interfaces";
        self.add((&at, call), "NetworkInterfaces", &own, &interface);
    }

    /// The texts that the new answer about one resource lists.
    pub(super) fn answer_list(&self, call: &str, argument: &str, key: &str) -> Vec<String> {
        let end = format!("/{call}/{}.json", file_name(argument));
        let found = self.new.iter().find(|(path, _)| path.ends_with(&end));
        let listed = found.and_then(|(_, body)| body.get(key)).and_then(Value::as_array);
        let texts = listed.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// The body that lists resources of an account and a region: the one of which the path says
    /// so, or the only one that there is.
    fn listing(&self, key: &str, place: &Place) -> Option<usize> {
        let lists = |body: &Body| {
            let root = body.tree.root();
            root.get(key).or_else(|| root.get("data").and_then(|data| data.get(key))).is_some()
        };
        let all = self.bodies.iter().enumerate().filter(|(_, body)| lists(body));
        let all: Vec<(usize, &str)> = all.map(|(at, body)| (at, body.path.as_str())).collect();
        let of = |path: &str, part: &str| path.split(['/', '\\']).any(|one| one == part);
        let own = |path: &str| of(path, &place.account) && of(path, &place.region);
        let found = all.iter().find(|(_, path)| own(path));
        found.or_else(|| all.first().filter(|_| all.len() == 1)).map(|(at, _)| *at)
    }

    /// Changes an answer about one resource.
    fn answer(&mut self, edit: &Edit, argument: Option<&str>) {
        let known = self.bodies.iter().position(|body| {
            let scope = Scope::of_path(&body.path);
            match argument {
                Some(argument) => scope.parent == edit.call && scope.stem == argument,
                None => {
                    scope.stem == edit.call && scope.region.as_deref() == Some(&edit.place.region)
                }
            }
        });
        let path = path_of(&edit.place, edit.call, argument);
        let (before, after) = (edit.before.as_ref(), edit.after.as_ref());
        match (known, after) {
            (Some(place), Some(after)) => self.change(place, |body| {
                let before = before.unwrap_or(&Value::Null);
                *body = merge(edit.call, body.take(), before, after);
                true
            }),
            (Some(place), None) => {
                self.changed.insert(place, json!({}));
            }
            (None, Some(after)) => {
                self.new.insert(path, after.clone());
            }
            (None, None) => {}
        }
    }

    /// Hands every body that speaks of something to a function, which tells if it changed it.
    fn visit(&mut self, name: &str, mut function: impl FnMut(&mut Value) -> bool) {
        for place in 0..self.bodies.len() {
            let is_named = match self.changed.get(&place) {
                // What is changed already may speak of it by now.
                Some(_) => true,
                None => {
                    self.bodies.get(place).is_some_and(|body| body.tree.root().raw().contains(name))
                }
            };
            if is_named {
                self.change(place, &mut function);
            }
        }
        for body in self.new.values_mut() {
            function(body);
        }
    }

    fn change(&mut self, place: usize, function: impl FnOnce(&mut Value) -> bool) {
        if let Some(body) = self.changed.get_mut(&place) {
            function(body);
            return;
        }
        let Some(body) = self.bodies.get(place) else { return };
        let root = body.tree.root();
        // As it is written: a tree does not keep every number.
        let mut value = serde_json::from_str(root.raw()).unwrap_or_else(|_| value_of(root));
        if function(&mut value) {
            self.changed.insert(place, value);
        }
    }

    /// Every item of a list of resources, as it is by now.
    pub(super) fn all(&self, key: &str) -> Vec<Value> {
        let mut found = Vec::new();
        for (place, body) in self.bodies.iter().enumerate() {
            let root = body.tree.root();
            let mut value = match self.changed.get(&place) {
                Some(value) => value.clone(),
                None if root.raw().contains(key) => value_of(root),
                None => continue,
            };
            each_list(&mut value, key, &mut |items| found.append(items));
        }
        for body in self.new.values() {
            each_list(&mut body.clone(), key, &mut |items| found.append(items));
        }
        found
    }

    /// Changes items of a list of resources; the function tells if it changed one.
    pub(super) fn update(&mut self, key: &str, mut function: impl FnMut(&mut Value) -> bool) {
        self.visit(key, |body| {
            let mut is_changed = false;
            each_list(body, key, &mut |items| {
                for item in items {
                    is_changed |= function(item);
                }
            });
            is_changed
        });
    }

    /// Puts values in place of texts, in what is new or changed.
    pub(super) fn replace(&mut self, texts: &BTreeMap<String, Value>) {
        self.changed.values_mut().chain(self.new.values_mut()).for_each(|one| replaced(one, texts));
    }

    /// What the bodies and what is added hold.
    pub(super) fn values(&self) -> Vec<Value> {
        let bodies = self.bodies.iter().enumerate();
        let bodies = bodies.map(|(place, body)| match self.changed.get(&place) {
            Some(value) => value.clone(),
            None => value_of(body.tree.root()),
        });
        bodies.chain(self.new.values().cloned()).collect()
    }

    /// The texts of all bodies that could be addresses and prefixes.
    pub(super) fn texts(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (place, body) in self.bodies.iter().enumerate() {
            match self.changed.get(&place) {
                Some(value) => numeric(value, &mut found),
                None => numeric(&value_of(body.tree.root()), &mut found),
            }
        }
        self.new.values().for_each(|value| numeric(value, &mut found));
        found
    }
}

fn replaced(value: &mut Value, texts: &BTreeMap<String, Value>) {
    match value {
        Value::String(text) => {
            if let Some(other) = texts.get(text) {
                *value = other.clone();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|one| replaced(one, texts)),
        Value::Object(fields) => fields.values_mut().for_each(|one| replaced(one, texts)),
        _ => {}
    }
}

/// The texts that could be addresses or prefixes.
fn numeric(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let is_one = |letter: char| letter.is_ascii_hexdigit() || ".:/".contains(letter);
            if (3..=43).contains(&text.len()) && text.chars().all(is_one) {
                found.insert(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|one| numeric(one, found)),
        Value::Object(fields) => fields.values().for_each(|one| numeric(one, found)),
        _ => {}
    }
}

/// The rules of a group, and whether they are about what goes out.
const PERMISSIONS: [(&str, bool); 2] = [("IpPermissions", false), ("IpPermissionsEgress", true)];

/// A rule of the list of rules as a group holds it.
fn permission(rule: &Value) -> Value {
    let of = |key: &str, name: &str| -> Vec<Value> {
        text(rule, key).map(|peer| json!({name: peer})).into_iter().collect()
    };
    let group = rule.get("ReferencedGroupInfo").and_then(|info| text(info, "GroupId"));
    let groups: Vec<Value> = group.map(|id| json!({"GroupId": id})).into_iter().collect();
    json!({
        "IpProtocol": rule.get("IpProtocol"),
        "FromPort": rule.get("FromPort"),
        "ToPort": rule.get("ToPort"),
        "IpRanges": of("CidrIpv4", "CidrIp"),
        "Ipv6Ranges": of("CidrIpv6", "CidrIpv6"),
        "PrefixListIds": of("PrefixListId", "PrefixListId"),
        "UserIdGroupPairs": groups,
    })
}

/// Lists that stand within resources too: machines in reservations, interfaces in machines.
const NESTED: [&str; 2] = ["Instances", "NetworkInterfaces"];

/// Hands every list of resources of a name to a function. The tree's limits bound the depth.
fn each_list(value: &mut Value, key: &str, function: &mut dyn FnMut(&mut Vec<Value>)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|one| each_list(one, key, function)),
        Value::Object(fields) => {
            for (name, inner) in fields {
                match inner {
                    Value::Array(items) if name == key => function(items),
                    // What stands elsewhere by the same name lists ids, or parts.
                    _ if name == "data" || NESTED.contains(&key) => each_list(inner, key, function),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Where an estate's folder holds an answer.
fn path_of(place: &Place, call: &str, argument: Option<&str>) -> String {
    let folder = format!("raw/aws/{}/{}/{call}", place.account, place.region);
    match argument {
        None => format!("{folder}.json"),
        Some(argument) => format!("{folder}/{}.json", file_name(argument)),
    }
}

/// What a file is called that holds the answer about something.
fn file_name(argument: &str) -> String {
    argument.replace('%', "%25").replace('/', "%2F").replace('\\', "%5C")
}
