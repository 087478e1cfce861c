//! Resources of services that set the groups of their interfaces: how they are read, and how they are
//! given groups.
//!
//! Sources: the API references of the services, at the operations that [`Call`] names. None of them
//! takes groups off by itself or adds one, but that of endpoints: the groups of a resource are
//! replaced.

mod calls;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use watertight_aws::{Service, service_groups, service_settings, service_subnets, service_trouble};
use watertight_compile::Through;

use super::live::{Carrier, text};
use super::session::{Session, Site};
use crate::outcome::Refusal;
use crate::request::{Parameters, Wire, encoded};

pub(super) use calls::{Call, call};

/// Reads a resource: its groups, and whether the service is still about it.
pub(super) async fn resource(
    session: &Session,
    site: &Site,
    (service, id): (Service, &str),
) -> Result<Option<Carrier>, Refusal> {
    let Call { read, list, absent, .. } = call(service);
    let name = service.name(id);
    if service == Service::Function {
        // The list of functions does not tell whether one is being changed.
        return match session.get(site, read, &function_path(name)).await {
            Ok(body) => Ok(carrier(service, [body].iter())),
            Err(refusal) if refusal.code == absent => Ok(None),
            Err(refusal) => Err(refusal),
        };
    }
    let mut parameters = Parameters::new();
    let mut filters = Vec::new();
    let mut ask = |key: &str, value: Value| parameters.insert(key.to_owned(), value);
    match service {
        Service::LoadBalancer => ask("LoadBalancerArns.member", json!([id])),
        Service::ClassicLoadBalancer => ask("LoadBalancerNames.member", json!([name])),
        Service::DbInstance => ask("DBInstanceIdentifier", json!(name)),
        Service::DbCluster => ask("DBClusterIdentifier", json!(name)),
        Service::MountTarget => ask("MountTargetId", json!(name)),
        Service::CacheCluster => ask("CacheClusterId", json!(name)),
        Service::RedshiftCluster => ask("ClusterIdentifier", json!(name)),
        Service::SearchDomain => ask("DomainNames", json!([name])),
        Service::VpcEndpoint => {
            filters.push(("vpc-endpoint-id", vec![id]));
            None
        }
        Service::ReplicationGroup | Service::Function => None,
        Service::EcsService => {
            parameters.insert(String::from("cluster"), json!(cluster_of(id)));
            parameters.insert(String::from("services"), json!([name]))
        }
    };
    let found = match session.list_of(site, read, (list, &parameters), &filters).await {
        Ok(found) => found,
        Err(refusal) if refusal.code == absent => return Ok(None),
        Err(refusal) => return Err(refusal),
    };
    if service == Service::MountTarget {
        // Its groups are all that the call tells, and they change at once.
        let groups = found.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        return Ok(Some(Carrier { groups, is_settled: true, ..Carrier::default() }));
    }
    let is_it = |body: &&Value| match service {
        Service::ReplicationGroup => text(body, "ReplicationGroupId") == name,
        // What was deleted is told for a while.
        Service::EcsService => {
            text(body, "serviceArn") == id && matches!(text(body, "status"), "" | "ACTIVE")
        }
        Service::SearchDomain => body["Deleted"] != true,
        _ => true,
    };
    Ok(carrier(service, found.iter().filter(is_it)))
}

/// What the bodies of a resource's members tell together: members that do not carry the same groups
/// are on their way.
fn carrier<'b>(service: Service, bodies: impl Iterator<Item = &'b Value>) -> Option<Carrier> {
    let mut whole: Option<Carrier> = None;
    for body in bodies {
        let (groups, is_settled) = service_groups(service, body).unwrap_or_default();
        let own = Carrier {
            groups,
            is_settled,
            subnets: service_subnets(service, body),
            settings: service_settings(service, body),
            trouble: service_trouble(service, body),
            is_service_owned: false,
        };
        whole = Some(match whole {
            None => own,
            Some(known) => {
                let is_settled = known.is_settled && own.is_settled && known.groups == own.groups;
                Carrier { is_settled, ..known }
            }
        });
    }
    whole
}

/// The cluster in the id of a service of containers.
fn cluster_of(id: &str) -> &str {
    let path = id.split_once(":service/").map_or(id, |(_, path)| path);
    path.split_once('/').map_or("default", |(cluster, _)| cluster)
}

/// The settings of a resource with other groups: all else word for word as it was read.
fn with_groups(settings: &Value, keys: &[&str], groups: &BTreeSet<String>) -> Value {
    let Some((key, rest)) = keys.split_first() else { return json!(groups) };
    let mut object = settings.as_object().cloned().unwrap_or_default();
    let inner = with_groups(object.get(*key).unwrap_or(&Value::Null), rest, groups);
    object.insert((*key).to_owned(), inner);
    Value::Object(object)
}

/// The request of an operation whose arguments are a JSON object.
fn update_service(id: &str, groups: &BTreeSet<String>, settings: &Value) -> Wire {
    let keys = ["awsvpcConfiguration", "securityGroups"];
    let body = json!({
        "cluster": cluster_of(id),
        "service": Service::EcsService.name(id),
        "networkConfiguration": with_groups(settings, &keys, groups),
    });
    let target = "AmazonEC2ContainerServiceV20141113.UpdateService";
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
    Wire {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        body: body.to_string(),
    }
}

/// The request that gives a search domain groups. Other options are as they were: what is not given stays.
fn update_domain(name: &str, groups: &BTreeSet<String>, settings: &Value) -> Wire {
    Wire {
        method: "POST".to_owned(),
        path: format!("/2021-01-01/opensearch/domain/{}/config", encoded(name)),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: with_groups(settings, &["VPCOptions", "SecurityGroupIds"], groups).to_string(),
    }
}

/// Where a function's configuration is.
fn function_path(name: &str) -> String {
    format!("/2015-03-31/functions/{}/configuration", encoded(name))
}

/// The request that gives a function groups, if it is still as it was read.
fn update_function(name: &str, groups: &BTreeSet<String>, settings: &Value) -> Wire {
    Wire {
        method: "PUT".to_owned(),
        path: function_path(name),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: with_groups(settings, &["VpcConfig", "SecurityGroupIds"], groups).to_string(),
    }
}

/// The request that gives a resource groups. `taken` are those that it has and is not to keep, and `settings`
/// what it is given again with them.
pub(super) fn wire(
    through: (Service, &str),
    version: &str,
    (groups, taken): (&BTreeSet<String>, &BTreeSet<String>),
    settings: &Value,
) -> Wire {
    let (service, id) = through;
    let name = service.name(id);
    let (key, list) = match service {
        Service::LoadBalancer => ("LoadBalancerArn", "SecurityGroups.member"),
        Service::ClassicLoadBalancer => ("LoadBalancerName", "SecurityGroups.member"),
        Service::DbInstance => ("DBInstanceIdentifier", "VpcSecurityGroupIds.VpcSecurityGroupId"),
        Service::DbCluster => ("DBClusterIdentifier", "VpcSecurityGroupIds.VpcSecurityGroupId"),
        Service::CacheCluster => ("CacheClusterId", "SecurityGroupIds.SecurityGroupId"),
        Service::ReplicationGroup => ("ReplicationGroupId", "SecurityGroupIds.SecurityGroupId"),
        Service::RedshiftCluster => ("ClusterIdentifier", "VpcSecurityGroupIds.VpcSecurityGroupId"),
        Service::VpcEndpoint => ("VpcEndpointId", "AddSecurityGroupId"),
        Service::SearchDomain => return update_domain(name, groups, settings),
        Service::EcsService => return update_service(id, groups, settings),
        Service::Function => return update_function(name, groups, settings),
        Service::MountTarget => {
            return Wire {
                method: "PUT".to_owned(),
                path: format!("/2015-02-01/mount-targets/{}/security-groups", encoded(name)),
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: json!({ "SecurityGroups": groups }).to_string(),
            };
        }
    };
    let mut pairs = vec![(key.to_owned(), name.to_owned())];
    let numbered = |list: &str, ids: &BTreeSet<String>| -> Vec<(String, String)> {
        (1..).zip(ids).map(|(number, id)| (format!("{list}.{number}"), id.clone())).collect()
    };
    pairs.extend(numbered(list, groups));
    if service == Service::VpcEndpoint {
        pairs.extend(numbered("RemoveSecurityGroupId", taken));
    }
    super::writes::form(call(service).operation, version, &pairs)
}

/// Whether a code says that a resource is in the middle of something, or does not know yet a group
/// that was made just now: it is read again.
pub(super) fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "InvalidDBInstanceState"
            | "InvalidDBClusterStateFault"
            | "InvalidCacheClusterState"
            | "InvalidReplicationGroupState"
            | "InvalidClusterState"
            | "IncorrectMountTargetState"
            | "IncorrectState"
            | "InvalidSecurityGroup"
            | "ResourceConflictException"
            | "PreconditionFailedException"
            // Of search domains: another change is in progress, or a group is not known yet.
            | "ValidationException"
    )
}

/// The resource through which a plan sets groups: its kind and id.
pub(super) fn of(through: &Through) -> Option<(Service, &str)> {
    Some((Service::of(&through.kind)?, through.id.as_str()))
}
