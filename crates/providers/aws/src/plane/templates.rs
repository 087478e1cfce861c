//! What makes replicas of machines: autoscaling groups, each with a version of a launch template.
//!
//! Sources: Amazon EC2 API reference (`DescribeLaunchTemplateVersions`, `CreateLaunchTemplateVersion`:
//! what a new version does not name it takes from its source, lists as a whole); Amazon EC2 Auto Scaling API
//! reference (`AutoScalingGroup`, `UpdateAutoScalingGroup`: machines that run stay as they are) and user
//! guide ("Tag Auto Scaling groups and instances": tags of the group go over those of the template);
//! Amazon EKS user guide ("Customize managed nodes with launch templates").

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_compile::{Owner, Replica, Template};
use watertight_model::{Name, WorkloadKind};
use watertight_source::Node;

use super::facts::Described;
use super::value::value_of;
use crate::Body;
use crate::scope::Scope;

/// The word for autoscaling groups in plans.
pub const SCALING_GROUP: &str = "scaling-group";

/// The tag that tells an instance's autoscaling group.
const GROUP_TAG: &str = "aws:autoscaling:groupName";
/// The tag of what a stack makes.
const STACK_TAG: &str = "aws:cloudformation:stack-name";
/// The tag of a managed node group's scaling group.
const NODES_TAG: &str = "eks:nodegroup-name";

/// What a template may say of an interface beside its groups, so that a version with other groups can be
/// written: each is one word or number.
const OF_INTERFACE: [&str; 12] = [
    "AssociateCarrierIpAddress",
    "AssociatePublicIpAddress",
    "DeleteOnTermination",
    "Description",
    "DeviceIndex",
    "InterfaceType",
    "Ipv4PrefixCount",
    "Ipv6AddressCount",
    "Ipv6PrefixCount",
    "NetworkCardIndex",
    "SecondaryPrivateIpAddressCount",
    "SubnetId",
];

/// The autoscaling groups in bodies, ordered; those without machines too, since they may use what others
/// are given.
pub(super) fn owners(bodies: &[Body], described: &Described<'_>) -> Vec<Owner> {
    let found = Found::new(bodies);
    if found.groups.is_empty() {
        return Vec::new();
    }
    let by_machine = interfaces(described);
    let networks = Networks::new(bodies);
    let mut owners: Vec<Owner> = found
        .groups
        .iter()
        .map(|group| {
            let (replicas, is_single) = group.replicas(&found, &by_machine);
            let mut owner = group.owner(&found, replicas);
            let several =
                (!is_single).then(|| String::from("its machines have several interfaces"));
            owner.refused = owner.refused.or(several);
            let subnets = group.body["VPCZoneIdentifier"].as_str().unwrap_or_default().split(',');
            owner.facts = networks.facts(&owner.place, WorkloadKind::Machine, subnets);
            owner
        })
        .collect();
    owners.sort_by(|one, other| (&one.place, &one.id).cmp(&(&other.place, &other.id)));
    owners
}

/// The networks of subnets.
pub(super) struct Networks<'b>(BTreeMap<&'b str, &'b str>);

impl<'b> Networks<'b> {
    pub(super) fn new(bodies: &'b [Body]) -> Self {
        let items = bodies.iter().filter_map(|body| body.tree.root().get("Subnets"));
        let items = items.flat_map(Node::items);
        let text = |item: Node<'b>, key: &str| item.get(key).and_then(Node::as_str);
        Self(items.filter_map(|item| text(item, "SubnetId").zip(text(item, "VpcId"))).collect())
    }

    /// How what is made in one of these subnets is labelled by what it is and where.
    pub(super) fn facts<'s>(
        &self,
        (account, region): &(Name, Name),
        kind: WorkloadKind,
        subnets: impl IntoIterator<Item = &'s str>,
    ) -> BTreeMap<String, String> {
        let vpc = subnets.into_iter().find_map(|subnet| self.0.get(subnet.trim()).copied());
        let facts = [
            ("cloud", Some("aws")),
            ("kind", Some(kind.word())),
            ("region", Some(&**region)),
            ("aws.account", Some(&**account)),
            ("aws.vpc", vpc),
        ];
        let told = facts.into_iter().filter_map(|(key, value)| Some((key, value?)));
        told.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

/// The groups that a template tells, and what else it says of the interface where it tells them there.
type Told = (Vec<String>, Option<BTreeMap<String, String>>);

/// What a template's version tells of the groups of the machines that are made from it: these, and the
/// interface at which it tells them.
///
/// # Errors
/// Why no version with other groups can be written.
pub fn template_groups(data: &Value) -> Result<Told, String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let ids = |value: &Value| -> Vec<String> {
        let ids: BTreeSet<String> =
            list(value).iter().filter_map(|id| id.as_str().map(ToOwned::to_owned)).collect();
        ids.into_iter().collect()
    };
    let interfaces = list(&data["NetworkInterfaces"]);
    let interface = match interfaces.as_slice() {
        [] if list(&data["SecurityGroups"]).is_empty() => {
            return Ok((ids(&data["SecurityGroupIds"]), None));
        }
        [] => return Err(String::from("its template tells groups by name")),
        [one] => one,
        _ => return Err(String::from("its template tells several interfaces")),
    };
    let mut fields = BTreeMap::new();
    for (key, value) in interface.as_object().into_iter().flatten() {
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if key == "Groups" || is_empty {
            continue;
        }
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if !OF_INTERFACE.contains(&key.as_str()) {
            return Err(format!(
                "its template tells `{key}` of the interface, which plans do not write"
            ));
        }
        fields.insert(key.clone(), text);
    }
    Ok((ids(&interface["Groups"]), Some(fields)))
}

/// The template that the body of an autoscaling group names: its id, and the version. Nothing where some
/// kinds of its machines have templates of their own.
pub fn template_of(group: &Value) -> Option<(&str, &str)> {
    let own = &group["LaunchTemplate"];
    let kinds = group["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"].as_array();
    if kinds.into_iter().flatten().any(|kind| kind["LaunchTemplateSpecification"].is_object()) {
        return None;
    }
    let mixed = &group["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"];
    let named = if own.is_object() { own } else { mixed };
    let id = named["LaunchTemplateId"].as_str()?;
    // Amazon EC2 Auto Scaling API reference, `LaunchTemplateSpecification`: the default one otherwise.
    Some((id, named["Version"].as_str().unwrap_or("$Default")))
}

/// The templates of which an autoscaling group takes the newest version for some of its machines.
fn followed(group: &Value) -> BTreeSet<String> {
    let mixed = &group["MixedInstancesPolicy"]["LaunchTemplate"];
    let kinds = mixed["Overrides"].as_array().into_iter().flatten();
    let kinds = kinds.map(|kind| &kind["LaunchTemplateSpecification"]);
    let named = [&group["LaunchTemplate"], &mixed["LaunchTemplateSpecification"]];
    let named = named.into_iter().chain(kinds).filter(|one| one["Version"] == "$Latest");
    named.filter_map(|one| one["LaunchTemplateId"].as_str().map(ToOwned::to_owned)).collect()
}

/// The version of a template that a name means, among bodies of its versions.
pub fn version_of<'v>(versions: &'v [Value], version: &str) -> Option<&'v Value> {
    let number = |one: &Value| one["VersionNumber"].as_i64();
    match version {
        // The newest and the default one are listed wherever any is.
        "$Latest" => versions.iter().max_by_key(|one| number(one)),
        "$Default" => versions.iter().find(|one| one["DefaultVersion"] == true),
        named => {
            let named: i64 = named.parse().ok()?;
            versions.iter().find(|one| number(one) == Some(named))
        }
    }
}

/// What bodies tell of machines and of what makes them.
#[derive(Default)]
struct Found {
    groups: Vec<Group>,
    /// Versions, by the id of their template.
    versions: BTreeMap<String, Vec<Value>>,
    /// Tags of machines, by id.
    machines: BTreeMap<String, BTreeMap<String, String>>,
    /// The node group of an autoscaling group, by the account, the region and the name of this.
    nodes: BTreeMap<(String, String, String), String>,
}

/// An autoscaling group.
struct Group {
    account: Name,
    region: Name,
    name: String,
    body: Value,
}

impl Found {
    fn new(bodies: &[Body]) -> Self {
        let mut found = Self::default();
        for body in bodies {
            let root = body.tree.root();
            let items = |key: &str| root.get(key).into_iter().flat_map(Node::items);
            for item in items("AutoScalingGroups") {
                found.groups.extend(Group::new(value_of(item), &Scope::of_path(&body.path)));
            }
            for item in items("LaunchTemplateVersions") {
                let body = value_of(item);
                let id = body["LaunchTemplateId"].as_str().unwrap_or_default().to_owned();
                found.versions.entry(id).or_default().push(body);
            }
            for item in items("Instances") {
                found.learn(&value_of(item));
            }
            for item in items("Reservations") {
                for machine in item.get("Instances").into_iter().flat_map(Node::items) {
                    found.learn(&value_of(machine));
                }
            }
            if let Some(nodes) = root.get("nodegroup") {
                found.learn_nodes(&value_of(nodes));
            }
        }
        found
    }

    fn learn(&mut self, machine: &Value) {
        let state = machine["State"]["Name"].as_str();
        let is_gone = matches!(state, Some("terminated" | "shutting-down"));
        if let (Some(id), false) = (machine["InstanceId"].as_str(), is_gone) {
            self.machines.insert(id.to_owned(), tags(&machine["Tags"]));
        }
    }

    fn learn_nodes(&mut self, nodes: &Value) {
        let arn = nodes["nodegroupArn"].as_str().unwrap_or_default();
        let part = |number: usize| arn.split(':').nth(number).unwrap_or_default().to_owned();
        let name = nodes["nodegroupName"].as_str().unwrap_or_default();
        for group in nodes["resources"]["autoScalingGroups"].as_array().into_iter().flatten() {
            if let Some(group) = group["name"].as_str() {
                self.nodes.insert((part(4), part(3), group.to_owned()), name.to_owned());
            }
        }
    }
}

impl Group {
    fn new(body: Value, scope: &Scope) -> Option<Self> {
        let name = body["AutoScalingGroupName"].as_str()?.to_owned();
        let arn = body["AutoScalingGroupARN"].as_str().unwrap_or_default();
        let part = |number: usize| arn.split(':').nth(number).filter(|part| !part.is_empty());
        let account = scope.account.clone().or_else(|| part(4).map(Name::from))?;
        let region = scope.region.clone().or_else(|| part(3).map(Name::from))?;
        Some(Self { account, region, name, body })
    }

    /// The first interfaces of its machines, with their tags, and whether these are all.
    fn replicas(
        &self,
        found: &Found,
        by_machine: &BTreeMap<&str, BTreeMap<i64, &str>>,
    ) -> (Vec<Replica>, bool) {
        let listed = self.body["Instances"].as_array().into_iter().flatten();
        let listed = listed.filter_map(|one| one["InstanceId"].as_str());
        let tagged = found.machines.iter().filter(|(_, tags)| {
            // Another account may have a group of the name.
            let is_named = tags.get(GROUP_TAG) == Some(&self.name);
            is_named && self.body["Instances"].as_array().is_none()
        });
        let ids: BTreeSet<&str> = listed.chain(tagged.map(|(id, _)| id.as_str())).collect();
        let is_single = ids.iter().all(|id| by_machine.get(id).is_none_or(|all| all.len() == 1));
        let replicas: BTreeSet<Replica> = ids
            .into_iter()
            .filter_map(|id| {
                let endpoint = by_machine.get(id)?.values().next()?;
                let own = found.machines.get(id).cloned().unwrap_or_default();
                let tags = own.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect();
                Some(Replica { endpoint: (*endpoint).to_owned(), tags })
            })
            .collect();
        (replicas.into_iter().collect(), is_single)
    }

    fn owner(&self, found: &Found, replicas: Vec<Replica>) -> Owner {
        let named = template_of(&self.body);
        let versions = named.and_then(|(id, _)| found.versions.get(id));
        let version = named.zip(versions).and_then(|((_, name), all)| version_of(all, name));
        let data = version.map(|one| &one["LaunchTemplateData"]);
        let read = data.map(template_groups);
        let mut template = None;
        if let (Some((id, name)), Some(one), Some(Ok((groups, interface)))) =
            (named, version, read.clone())
        {
            template = Some(Template {
                id: id.to_owned(),
                version: name.to_owned(),
                number: one["VersionNumber"].to_string(),
                groups,
                interface,
            });
        }
        let mut launched: BTreeMap<String, String> = BTreeMap::new();
        let specified = data.and_then(|data| data["TagSpecifications"].as_array());
        for one in specified.into_iter().flatten().filter(|one| one["ResourceType"] == "instance") {
            launched.extend(tags(&one["Tags"]));
        }
        let own = self.body["Tags"].as_array().into_iter().flatten();
        let own = own.filter(|tag| tag["PropagateAtLaunch"] == true);
        launched.extend(own.filter_map(tag));
        launched.retain(|key, _| !key.starts_with("aws:"));
        let refused = self.refused(found, named, read.and_then(Result::err));
        Owner {
            kind: SCALING_GROUP.to_owned(),
            id: self.name.clone(),
            place: (self.account.clone(), self.region.clone()),
            replicas,
            tags: launched,
            refused: refused.or_else(|| match (&template, named) {
                (None, Some((id, version))) => Some(format!(
                    "the input does not hold version {version} of its template {id}: the newest and the \
                     default one are asked for"
                )),
                _ => None,
            }),
            untold: template.is_none().then(|| {
                String::from("what it makes them from is not known, and so which tags that gives")
            }),
            template,
            follows: followed(&self.body),
            through: None,
            facts: BTreeMap::new(),
        }
    }

    /// Why a plan does not change the template.
    fn refused(
        &self,
        found: &Found,
        named: Option<(&str, &str)>,
        unread: Option<String>,
    ) -> Option<String> {
        let tags = tags(&self.body["Tags"]);
        let key = (self.account.to_string(), self.region.to_string(), self.name.clone());
        if let Some(nodes) = found.nodes.get(&key).or_else(|| tags.get(NODES_TAG)) {
            return Some(format!(
                "the managed node group {nodes} writes its template, and replaces its nodes when it is \
                 given another one"
            ));
        }
        if let Some(stack) = tags.get(STACK_TAG) {
            return Some(format!(
                "the stack {stack} describes it, and its template is to change there"
            ));
        }
        if let Some(name) = self.body["LaunchConfigurationName"].as_str() {
            return Some(format!(
                "it makes them from the launch configuration {name}, which cannot change"
            ));
        }
        if self.body["MixedInstancesPolicy"].is_object() {
            return Some(String::from(
                "its policy for mixed instances names the template, which plans do not write",
            ));
        }
        if named.is_none() {
            return Some(String::from("the input does not tell its template"));
        }
        unread
    }
}

/// The interfaces of machines, by the machine and by their places at it.
fn interfaces<'d>(described: &'d Described<'_>) -> BTreeMap<&'d str, BTreeMap<i64, &'d str>> {
    let mut found: BTreeMap<&str, BTreeMap<i64, &str>> = BTreeMap::new();
    for (id, body) in described.interfaces() {
        let attachment = body.get("Attachment");
        let machine = attachment.and_then(|one| one.get("InstanceId")).and_then(Node::as_str);
        if let Some(machine) = machine {
            let place = attachment.and_then(|one| one.get("DeviceIndex")).map(value_of);
            let place = place.and_then(|place| place.as_i64()).unwrap_or_default();
            found.entry(machine).or_default().insert(place, id);
        }
    }
    found
}

fn tags(list: &Value) -> BTreeMap<String, String> {
    list.as_array().into_iter().flatten().filter_map(tag).collect()
}

fn tag(tag: &Value) -> Option<(String, String)> {
    let value = tag["Value"].as_str().unwrap_or_default();
    Some((tag["Key"].as_str()?.to_owned(), value.to_owned()))
}
