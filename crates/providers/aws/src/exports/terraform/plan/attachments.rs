//! Interfaces of services that a plan makes: the provider makes them, in subnets and with groups that the
//! plan tells.
//!
//! Which of its subnets a database will be in is known only after the plan is applied. It gets an
//! interface in each, so that whatever may reach it somewhere counts. Where subnets or groups are not
//! told, there is none, and the service is named.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::super::overlay::Overlay;
use super::super::super::{items, text, told};
use super::places::{PART, PUBLIC, SERVICE};

/// What follows a function's name in the description of its interface, in place of a number.
const SUFFIX: &str = "-00000000-0000-0000-0000-000000000000";

/// A service that is made.
struct Service {
    list: &'static str,
    id: String,
    /// By which name it is told of.
    name: String,
    subnets: Vec<String>,
    groups: Vec<String>,
    description: String,
    of_type: &'static str,
    is_public: bool,
    /// Its address, where the plan tells one.
    address: Option<String>,
    /// Whether nothing but its interfaces tells where it is: without one it would be nowhere.
    is_told_by_them: bool,
}

impl Service {
    fn new(list: &'static str, id: &str, name: Option<&str>) -> Self {
        Self {
            list,
            id: id.to_owned(),
            name: name.unwrap_or(id).to_owned(),
            subnets: Vec::new(),
            groups: Vec::new(),
            description: String::new(),
            of_type: "interface",
            is_public: false,
            address: None,
            is_told_by_them: false,
        }
    }
}

/// Adds the interfaces.
pub(super) fn add(
    overlay: &mut Overlay<'_>,
    subnets: &BTreeMap<String, Value>,
    untold: &mut BTreeSet<(String, String)>,
) {
    let databases = subnet_groups(overlay, ("DBSubnetGroups", "DBSubnetGroupName"));
    let caches = subnet_groups(overlay, ("CacheSubnetGroups", "CacheSubnetGroupName"));
    let each = |list: &'static str, of: &dyn Fn(&Value) -> Option<Service>| -> Vec<Service> {
        overlay.all(list).iter().filter_map(of).collect()
    };
    let mut services = each("DBInstances", &|one| database(one, &databases));
    let public = public_clusters(overlay);
    services.extend(each("DBClusters", &|one| cluster(one, &databases, &public)));
    services.extend(each("CacheClusters", &|one| cache(one, &caches, "CacheClusters")));
    services.extend(each("ReplicationGroups", &|one| cache(one, &caches, "ReplicationGroups")));
    services.extend(each("MountTargets", &|one| mount_target(one, overlay)));
    services.extend(each("Functions", &function));
    services.retain(|one| overlay.added.contains(&(one.list, one.id.clone())));
    members(overlay, untold);
    for service in &services {
        let is_known = |subnet: &String| subnets.contains_key(subnet);
        // An attachment at a place that nobody knows may be anywhere.
        let is_placed = !service.subnets.is_empty() && service.subnets.iter().all(is_known);
        if service.groups.is_empty() || !is_placed {
            if service.is_told_by_them {
                let why =
                    "in which subnets and with which groups it will be is not told".to_owned();
                untold.insert((service.name.clone(), why));
            }
            continue;
        }
        for subnet in service.subnets.iter().collect::<BTreeSet<_>>() {
            overlay.add_beside((service.list, &service.id), interface(service, subnet));
        }
        mounted(overlay, service);
    }
}

/// The id of a service's interface in a subnet.
fn interface_id(service: &Service, subnet: &str) -> String {
    format!("{}/{subnet}", service.name)
}

fn interface(service: &Service, subnet: &str) -> Value {
    let marked = |start: &str| format!("{start}{}{PART}{subnet}", service.name);
    let public = service.is_public.then(|| json!({"PublicIp": marked(PUBLIC)}));
    let groups = service.groups.iter().map(|id| json!({"GroupId": id}));
    let private = service.address.clone().unwrap_or_else(|| marked(SERVICE));
    told(json!({
        "NetworkInterfaceId": interface_id(service, subnet),
        "SubnetId": subnet,
        "Description": service.description,
        "InterfaceType": service.of_type,
        "RequesterManaged": true,
        "Status": "in-use",
        "PrivateIpAddress": private,
        "PrivateIpAddresses":
            [told(json!({"PrivateIpAddress": private, "Primary": true, "Association": public}))],
        "Groups": groups.collect::<Vec<Value>>(),
        "Association": public,
    }))
}

/// Members of clusters are where their clusters are: of a cluster that is made, in any of its subnets.
/// Where a member will be of a cluster that is there is not known.
fn members(overlay: &mut Overlay<'_>, untold: &mut BTreeSet<(String, String)>) {
    let added = overlay.added.clone();
    overlay.update("DBInstances", |item| {
        let id = text(item, "DBInstanceIdentifier").unwrap_or_default().to_owned();
        let Some(cluster) = text(item, "DBClusterIdentifier").map(str::to_owned) else {
            return false;
        };
        if added.contains(&("DBClusters", cluster.clone())) {
            let zone = item.as_object_mut().and_then(|item| item.remove("AvailabilityZone"));
            return zone.is_some();
        }
        if added.contains(&("DBInstances", id.clone())) {
            let name = text(item, "DBInstanceArn").unwrap_or(&id).to_owned();
            let why =
                format!("it joins the cluster {cluster} in a subnet that is known after apply");
            untold.insert((name, why));
        }
        false
    });
}

/// Tells a mount target which interface is its own.
fn mounted(overlay: &mut Overlay<'_>, service: &Service) {
    let [subnet] = &*service.subnets else { return };
    if service.list != "MountTargets" {
        return;
    }
    let interface = interface_id(service, subnet);
    overlay.update("MountTargets", |item| {
        let is_it = text(item, "MountTargetId") == Some(&service.id);
        if is_it {
            item["NetworkInterfaceId"] = json!(interface);
        }
        is_it
    });
}

/// The subnets of each group of subnets that the estate knows.
fn subnet_groups(
    overlay: &Overlay<'_>,
    (list, name): (&str, &str),
) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut several = BTreeSet::new();
    for one in &overlay.all(list) {
        let Some(name) = text(one, name) else { continue };
        let subnets = subnets_of(one);
        if found.get(name).is_some_and(|known| *known != subnets) {
            several.insert(name.to_owned());
        }
        found.insert(name.to_owned(), subnets);
    }
    // Names are of one account and region: which of several is meant, nobody tells.
    found.retain(|name, _| !several.contains(name));
    found
}

fn subnets_of(group: &Value) -> Vec<String> {
    let listed = items(group, "Subnets").filter_map(|one| text(one, "SubnetIdentifier"));
    listed.map(str::to_owned).collect()
}

fn ids(item: &Value, list: &str, field: &str) -> Vec<String> {
    items(item, list).filter_map(|one| text(one, field)).map(str::to_owned).collect()
}

/// Whether it gets IPv6 addresses, of which none can be chosen for it.
fn has_six(item: &Value) -> bool {
    matches!(text(item, "NetworkType"), Some("DUAL" | "dual_stack" | "ipv6"))
}

/// A database by itself, with IPv4 alone. Where members of clusters are is told by their clusters.
fn database(item: &Value, listed: &BTreeMap<String, Vec<String>>) -> Option<Service> {
    if has_six(item) || text(item, "DBClusterIdentifier").is_some() {
        return None;
    }
    let id = text(item, "DBInstanceIdentifier")?;
    let group = item.get("DBSubnetGroup")?;
    let mut subnets = subnets_of(group);
    if subnets.is_empty() {
        subnets.clone_from(listed.get(text(group, "DBSubnetGroupName")?)?);
    }
    Some(Service {
        subnets,
        groups: ids(item, "VpcSecurityGroups", "VpcSecurityGroupId"),
        description: String::from("RDSNetworkInterface"),
        is_public: item.get("PubliclyAccessible") == Some(&json!(true)),
        ..Service::new("DBInstances", id, text(item, "DBInstanceArn"))
    })
}

/// The clusters of which a member is public.
fn public_clusters(overlay: &Overlay<'_>) -> BTreeSet<String> {
    let mut members = overlay.all("DBInstances");
    members.retain(|one| one.get("PubliclyAccessible") == Some(&json!(true)));
    members.iter().filter_map(|one| text(one, "DBClusterIdentifier")).map(str::to_owned).collect()
}

/// A cluster of databases, with IPv4 alone.
fn cluster(
    item: &Value,
    listed: &BTreeMap<String, Vec<String>>,
    public: &BTreeSet<String>,
) -> Option<Service> {
    let id = text(item, "DBClusterIdentifier")?;
    let group = text(item, "DBSubnetGroup").and_then(|name| listed.get(name));
    let subnets = group.filter(|_| !has_six(item)).cloned().unwrap_or_default();
    Some(Service {
        subnets,
        groups: ids(item, "VpcSecurityGroups", "VpcSecurityGroupId"),
        description: String::from("RDSNetworkInterface"),
        is_public: public.contains(id),
        is_told_by_them: true,
        ..Service::new("DBClusters", id, text(item, "DBClusterArn"))
    })
}

/// A cache by itself, or caches that replicate one another.
fn cache(
    item: &Value,
    listed: &BTreeMap<String, Vec<String>>,
    list: &'static str,
) -> Option<Service> {
    let is_alone = list == "CacheClusters";
    let id = text(item, if is_alone { "CacheClusterId" } else { "ReplicationGroupId" })?;
    let group = text(item, "CacheSubnetGroupName").and_then(|name| listed.get(name));
    let subnets = group.filter(|_| !has_six(item)).cloned().unwrap_or_default();
    // The first of several is called so.
    let node = if is_alone { id.to_owned() } else { format!("{id}-001") };
    Some(Service {
        subnets,
        groups: ids(item, "SecurityGroups", "SecurityGroupId"),
        description: format!("ElastiCache {node}"),
        is_told_by_them: true,
        ..Service::new(list, id, text(item, "ARN"))
    })
}

/// The one subnet in which a file system is mounted. Its groups are an answer of their own.
fn mount_target(item: &Value, overlay: &Overlay<'_>) -> Option<Service> {
    let id = text(item, "MountTargetId")?;
    let is_four = text(item, "IpAddressType").is_none_or(|one| one == "IPV4_ONLY");
    let system = text(item, "FileSystemId").filter(|_| is_four)?;
    Some(Service {
        subnets: vec![text(item, "SubnetId")?.to_owned()],
        groups: overlay.answer_list(
            "efs-describe-mount-target-security-groups",
            id,
            "SecurityGroups",
        ),
        description: format!("EFS mount target for {system} ({id})"),
        of_type: "efs",
        address: text(item, "IpAddress").map(str::to_owned),
        is_told_by_them: true,
        ..Service::new("MountTargets", id, None)
    })
}

/// A function in a network.
fn function(item: &Value) -> Option<Service> {
    let id = text(item, "FunctionName")?;
    let config = item.get("VpcConfig")?;
    if config.get("Ipv6AllowedForDualStack") == Some(&json!(true)) {
        return None;
    }
    let list = |key: &str| -> Vec<String> {
        let values = config.get(key).and_then(Value::as_array).into_iter().flatten();
        values.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Some(Service {
        subnets: list("SubnetIds"),
        groups: list("SecurityGroupIds"),
        description: format!("AWS Lambda VPC ENI-{id}{SUFFIX}"),
        of_type: "lambda",
        ..Service::new("Functions", id, text(item, "FunctionArn"))
    })
}
