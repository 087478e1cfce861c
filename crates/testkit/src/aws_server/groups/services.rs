//! Resources of services that set the groups of their interfaces: each by its service's own call, in its
//! own time, and refused while it is in the middle of something.
//!
//! Sources: the API references of Elastic Load Balancing, Amazon RDS, Amazon EFS, Amazon `ElastiCache` and
//! Amazon EC2 (the actions and their errors).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::state::Held;
use super::write::numbered;
use super::{Fault, Strictness};
use crate::aws_server::call::text;
use crate::aws_server::http::{Request, decoded};
use crate::aws_server::recording::Recording;

type Form = BTreeMap<String, String>;

/// A kind of resource.
#[derive(Debug)]
pub(super) struct Kind {
    /// The call that lists resources of the kind, and the list in its answer.
    call: &'static str,
    list: &'static str,
    /// The key of the name in a body, and of one that is asked for.
    name: &'static str,
    asked: &'static str,
    /// The key of the groups in a body, and of an id there; none where ids stand by themselves.
    groups: &'static str,
    id: Option<&'static str>,
    /// The key of its state, with the words for rest and for work; none where changes are at once.
    state: Option<(&'static str, &'static str, &'static str)>,
    /// The action that sets groups, and the keys of the name and of the groups in it.
    action: &'static str,
    given: (&'static str, &'static str),
    /// The errors: no such resource, in the middle of something, no such group or too many of them.
    faults: [&'static str; 3],
}

/// The kinds whose action has a form.
const KINDS: [Kind; 8] = [
    Kind {
        call: "elbv2-describe-load-balancers",
        list: "LoadBalancers",
        name: "LoadBalancerArn",
        asked: "LoadBalancerArns.member.1",
        groups: "SecurityGroups",
        id: None,
        state: None,
        action: "SetSecurityGroups",
        given: ("LoadBalancerArn", "SecurityGroups.member"),
        faults: ["LoadBalancerNotFound", "InvalidConfigurationRequest", "InvalidSecurityGroup"],
    },
    Kind {
        call: "elb-describe-load-balancers",
        list: "LoadBalancerDescriptions",
        name: "LoadBalancerName",
        asked: "LoadBalancerNames.member.1",
        groups: "SecurityGroups",
        id: None,
        state: None,
        action: "ApplySecurityGroupsToLoadBalancer",
        given: ("LoadBalancerName", "SecurityGroups.member"),
        faults: ["LoadBalancerNotFound", "InvalidConfigurationRequest", "InvalidSecurityGroup"],
    },
    Kind {
        call: "rds-describe-db-instances",
        list: "DBInstances",
        name: "DBInstanceIdentifier",
        asked: "DBInstanceIdentifier",
        groups: "VpcSecurityGroups",
        id: Some("VpcSecurityGroupId"),
        state: Some(("DBInstanceStatus", "available", "modifying")),
        action: "ModifyDBInstance",
        given: ("DBInstanceIdentifier", "VpcSecurityGroupIds.VpcSecurityGroupId"),
        faults: ["DBInstanceNotFound", "InvalidDBInstanceState", "InvalidParameterValue"],
    },
    Kind {
        call: "rds-describe-db-clusters",
        list: "DBClusters",
        name: "DBClusterIdentifier",
        asked: "DBClusterIdentifier",
        groups: "VpcSecurityGroups",
        id: Some("VpcSecurityGroupId"),
        state: Some(("Status", "available", "modifying")),
        action: "ModifyDBCluster",
        given: ("DBClusterIdentifier", "VpcSecurityGroupIds.VpcSecurityGroupId"),
        faults: ["DBClusterNotFoundFault", "InvalidDBClusterStateFault", "InvalidParameterValue"],
    },
    Kind {
        call: "elasticache-describe-cache-clusters",
        list: "CacheClusters",
        name: "CacheClusterId",
        asked: "CacheClusterId",
        groups: "SecurityGroups",
        id: Some("SecurityGroupId"),
        state: Some(("CacheClusterStatus", "available", "modifying")),
        action: "ModifyCacheCluster",
        given: ("CacheClusterId", "SecurityGroupIds.SecurityGroupId"),
        faults: ["CacheClusterNotFound", "InvalidCacheClusterState", "InvalidParameterValue"],
    },
    Kind {
        call: "redshift-describe-clusters",
        list: "Clusters",
        name: "ClusterIdentifier",
        asked: "ClusterIdentifier",
        groups: "VpcSecurityGroups",
        id: Some("VpcSecurityGroupId"),
        state: Some(("ClusterStatus", "available", "modifying")),
        action: "ModifyCluster",
        given: ("ClusterIdentifier", "VpcSecurityGroupIds.VpcSecurityGroupId"),
        faults: ["ClusterNotFound", "InvalidClusterState", "InvalidParameterValue"],
    },
    Kind {
        call: "ec2-describe-vpc-endpoints",
        list: "VpcEndpoints",
        name: "VpcEndpointId",
        asked: "",
        groups: "Groups",
        id: Some("GroupId"),
        state: None,
        action: "ModifyVpcEndpoint",
        given: ("VpcEndpointId", "AddSecurityGroupId"),
        faults: ["InvalidVpcEndpointId.NotFound", "IncorrectState", "InvalidGroup.NotFound"],
    },
    MOUNT_TARGETS,
];

/// Mount targets, whose action has a path, and whose groups a call of their own tells.
const MOUNT_TARGETS: Kind = Kind {
    call: "efs-describe-mount-target-security-groups",
    list: "SecurityGroups",
    name: "MountTargetId",
    asked: "",
    groups: "SecurityGroups",
    id: None,
    state: None,
    action: "ModifyMountTargetSecurityGroups",
    given: ("", ""),
    faults: ["MountTargetNotFound", "IncorrectMountTargetState", "SecurityGroupNotFound"],
};

/// A resource: its recorded body, and what it sets.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    body: Value,
    interfaces: Vec<String>,
    /// The whole whose groups it has, instead of its own: a cluster or a replication group.
    whole: Option<String>,
    groups: BTreeSet<String>,
    /// The groups that come in their place, and how many lists do not show it yet.
    coming: Option<(BTreeSet<String>, usize)>,
}

/// Resources by the place of their kind in [`KINDS`], and name.
pub(super) type Resources = BTreeMap<(usize, String), Resource>;

/// The resources that recorded bodies tell of.
pub(super) fn read(recording: &Recording, place: (&str, &str), held: &Held) -> Resources {
    let mut resources = Resources::new();
    for (number, kind) in KINDS.iter().enumerate() {
        let is_mount = kind.call == MOUNT_TARGETS.call;
        let (call, list) = if is_mount {
            ("efs-describe-mount-targets", "MountTargets")
        } else {
            (kind.call, kind.list)
        };
        for (_, body) in recording.all(place, call) {
            for body in body[list].as_array().into_iter().flatten() {
                let (resource, name) = (Resource::new(kind, body, held), text(&body[kind.name]));
                resources.insert((number, name.to_owned()), resource);
            }
        }
    }
    resources
}

impl Resource {
    fn new(kind: &Kind, body: &Value, held: &Held) -> Self {
        let mut groups: BTreeSet<String> = body[kind.groups]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| kind.id.map_or(item, |key| &item[key]))
            .map(|id| text(id).to_owned())
            .collect();
        let named = body["NetworkInterfaceIds"].as_array().into_iter().flatten();
        let named = named.chain([&body["NetworkInterfaceId"]]).filter_map(Value::as_str);
        let mut interfaces: Vec<String> = named.map(ToOwned::to_owned).collect();
        let name = text(&body[kind.name]);
        let path = name.split_once(":loadbalancer/").map_or(name, |(_, path)| path);
        for (id, interface) in &held.interfaces {
            let description = text(&interface.body["Description"]);
            let carried: BTreeSet<&str> = interface.groups.iter().map(String::as_str).collect();
            let is_own = match kind.call {
                "elbv2-describe-load-balancers" => description == format!("ELB {path}"),
                "elb-describe-load-balancers" => description == format!("ELB {name}"),
                "elasticache-describe-cache-clusters" => {
                    description == format!("ElastiCache {name}")
                }
                "redshift-describe-clusters" => {
                    let mut nodes = body["ClusterNodes"].as_array().into_iter().flatten();
                    let address = &interface.body["PrivateIpAddress"];
                    description == "RedshiftNetworkInterface"
                        && nodes.any(|node| node["PrivateIPAddress"] == *address)
                }
                // Interfaces of databases do not tell whose they are.
                "rds-describe-db-instances" => {
                    description == "RDSNetworkInterface"
                        && carried == groups.iter().map(String::as_str).collect()
                }
                _ => false,
            };
            if is_own {
                interfaces.push(id.clone());
            }
        }
        if kind.call == MOUNT_TARGETS.call {
            let carried = interfaces.iter().filter_map(|id| held.interfaces.get(id));
            groups = carried.flat_map(|interface| interface.groups.clone()).collect();
        }
        let whole = ["DBClusterIdentifier", "ReplicationGroupId"].into_iter();
        let whole = whole.filter(|key| *key != kind.name).find_map(|key| body[key].as_str());
        let whole = whole.map(ToOwned::to_owned);
        Self { body: body.clone(), interfaces, whole, groups, coming: None }
    }

    /// The body as the service tells it now.
    fn told(&self, kind: &Kind) -> Value {
        let mut body = self.body.clone();
        let item = |id: &String, state: &str| match kind.id {
            None => json!(id),
            Some("GroupId") => json!({"GroupId": id, "GroupName": id}),
            Some(key) => json!({ key: id, "Status": state }),
        };
        let (coming, busy) = self.coming.clone().unwrap_or_else(|| (self.groups.clone(), 0));
        let kept = self.groups.intersection(&coming).map(|id| item(id, "active"));
        let going = self.groups.difference(&coming).map(|id| item(id, "removing"));
        let come = coming.difference(&self.groups).map(|id| item(id, "adding"));
        body[kind.groups] = kept.chain(going).chain(come).collect();
        if let Some((key, _, work)) = kind.state.filter(|_| busy > 0) {
            body[key] = json!(work);
        }
        body
    }
}

/// An action on a resource: what it is called, and what it asks for.
pub(super) struct Asked {
    pub(super) action: &'static str,
    kind: usize,
    /// The one, or the replication group whose members are meant.
    name: String,
    added: Vec<String>,
    /// What goes, where groups are not replaced.
    taken: Option<Vec<String>>,
}

/// Reads an action on a resource out of a request.
pub(super) fn asked(request: &Request, form: &Form) -> Option<Asked> {
    let owned = |ids: Vec<&str>| ids.into_iter().map(ToOwned::to_owned).collect::<Vec<_>>();
    if request.method == "PUT"
        && let Some(path) = request.path.strip_prefix("/2015-02-01/mount-targets/")
    {
        let name = decoded(path.strip_suffix("/security-groups")?);
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let groups = body["SecurityGroups"].as_array().into_iter().flatten();
        let added = groups.map(|id| text(id).to_owned()).collect();
        let kind = KINDS.len() - 1;
        return Some(Asked { action: MOUNT_TARGETS.action, kind, name, added, taken: None });
    }
    let action = form.get("Action")?;
    if action == "ModifyReplicationGroup" {
        let kind = KINDS.iter().position(|kind| kind.list == "CacheClusters")?;
        let added = owned(numbered(form, KINDS[kind].given.1));
        let name = form.get("ReplicationGroupId")?.clone();
        return Some(Asked { action: "ModifyReplicationGroup", kind, name, added, taken: None });
    }
    let kind = KINDS.iter().position(|kind| kind.action == action)?;
    let (name, groups) = KINDS[kind].given;
    let name = form.get(name)?.clone();
    let added = owned(numbered(form, groups));
    let taken =
        (groups == "AddSecurityGroupId").then(|| owned(numbered(form, "RemoveSecurityGroupId")));
    Some(Asked { action: KINDS[kind].action, kind, name, added, taken })
}

/// Sets the groups of a resource, and of all members of a replication group alike.
pub(super) fn set(held: &mut Held, asked: &Asked, most: &Strictness) -> Result<(), Fault> {
    let kind = &KINDS[asked.kind];
    let [absent, state, group] = kind.faults;
    let is_whole = asked.action == "ModifyReplicationGroup";
    let meant = |(of, name): &(usize, String), one: &Resource| {
        let own = if is_whole { one.whole.as_ref() } else { Some(name) };
        *of == asked.kind && own == Some(&asked.name)
    };
    let chosen: Vec<(usize, String)> = held
        .resources
        .iter()
        .filter(|(key, one)| meant(key, one))
        .map(|(key, _)| key.clone())
        .collect();
    if chosen.is_empty() {
        return Err(Fault::new(absent));
    }
    for key in chosen {
        let Some(resource) = held.resources.get(&key) else { continue };
        let is_member = resource.whole.is_some() && !is_whole;
        if resource.coming.is_some() || is_member {
            return Err(Fault::new(state));
        }
        // A network load balancer that was made without groups gets none, ever.
        if resource.body["Type"] == "network" && resource.groups.is_empty() {
            return Err(Fault::new("InvalidConfigurationRequest"));
        }
        let mut next: BTreeSet<String> = asked.added.iter().cloned().collect();
        if let Some(taken) = &asked.taken {
            next.extend(resource.groups.iter().filter(|id| !taken.contains(id)).cloned());
        }
        let vpcs: BTreeSet<&str> = resource
            .interfaces
            .iter()
            .filter_map(|id| held.interfaces.get(id))
            .map(|interface| interface.vpc.as_str())
            .collect();
        let is_known = |id: &String| {
            let known = held.groups.get(id);
            known.is_some_and(|known| vpcs.iter().all(|vpc| *vpc == known.vpc))
        };
        if next.is_empty() || next.len() > most.groups_max || !next.iter().all(is_known) {
            return Err(Fault::new(group));
        }
        let busy = if kind.state.is_some() { most.busy } else { 0 };
        if let Some(resource) = held.resources.get_mut(&key) {
            resource.coming = Some((next, busy));
        }
        settle(held, &key);
    }
    Ok(())
}

/// Has what is done take effect: on the resource's interfaces, and on members of a cluster.
fn settle(held: &mut Held, key: &(usize, String)) {
    let Some(resource) = held.resources.get_mut(key) else { return };
    let Some((groups, 0)) = resource.coming.clone() else { return };
    resource.groups.clone_from(&groups);
    resource.coming = None;
    let mut interfaces = resource.interfaces.clone();
    for other in held.resources.values_mut() {
        if other.whole.as_ref() == Some(&key.1) {
            other.groups.clone_from(&groups);
            interfaces.extend(other.interfaces.iter().cloned());
        }
    }
    for id in interfaces {
        if let Some(interface) = held.interfaces.get_mut(&id) {
            interface.groups = groups.iter().cloned().collect();
        }
    }
}

/// Lets services go on with what they are about, by one list.
pub(super) fn go_on(held: &mut Held) {
    let keys: Vec<(usize, String)> = held.resources.keys().cloned().collect();
    for key in keys {
        if let Some((_, busy)) = held.resources.get_mut(&key).and_then(|one| one.coming.as_mut()) {
            *busy = busy.saturating_sub(1);
        }
        settle(held, &key);
    }
}

/// The answer of a call that lists resources of a kind; nothing for any other call.
pub(super) fn list(
    held: &Held,
    call: &str,
    (path, form): (&str, &Form),
) -> Option<Result<Value, Fault>> {
    let (number, kind) = KINDS.iter().enumerate().find(|(_, kind)| kind.call == call)?;
    let of_kind = || held.resources.iter().filter(move |((of, _), _)| *of == number);
    if call == MOUNT_TARGETS.call {
        let name = decoded(path.split('/').nth(3).unwrap_or_default());
        let found = held.resources.get(&(number, name));
        return Some(match found {
            Some(target) => Ok(json!({ "SecurityGroups": target.groups })),
            None => Err(Fault::new(kind.faults[0])),
        });
    }
    let mut wanted = form.get(kind.asked).cloned();
    if form.get("Filter.1.Name").is_some_and(|name| name == "vpc-endpoint-id") {
        wanted = form.get("Filter.1.Value.1").cloned();
    }
    let is_asked = |name: &String| wanted.as_ref().is_none_or(|wanted| wanted == name);
    let found: Vec<Value> = of_kind()
        .filter(|((_, name), _)| is_asked(name))
        .map(|(_, resource)| resource.told(kind))
        .collect();
    if found.is_empty() && wanted.is_some() && !kind.asked.is_empty() {
        return Some(Err(Fault::new(kind.faults[0])));
    }
    Some(Ok(json!({ kind.list: found })))
}

/// The groups of every resource that has some, by names.
pub(super) fn canonical(held: &Held, name: &dyn Fn(&str) -> String) -> Value {
    let each = held.resources.iter().map(|((_, resource), one)| {
        let groups: BTreeSet<String> = one.groups.iter().map(|id| name(id)).collect();
        (resource.clone(), json!(groups))
    });
    Value::Object(each.collect())
}
