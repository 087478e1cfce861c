//! Services whose resources set the groups of their interfaces: nobody else can set these.
//!
//! Sources: the API references of the services, at the actions that [`Service::call`] names;
//! Elastic Load Balancing, "Security groups for your Network Load Balancer".

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_compile::Through;

use super::facts::Facts;
use super::{domains, functions, tasks};
use crate::scope::{Scope, arn_of};

/// A kind of resource that sets the groups of its interfaces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Service {
    /// An application or network load balancer.
    LoadBalancer,
    /// A load balancer of the first generation.
    ClassicLoadBalancer,
    /// A database instance that is in no cluster.
    DbInstance,
    /// A database cluster: its members carry its groups.
    DbCluster,
    /// A mount target of a file system.
    MountTarget,
    /// An interface endpoint.
    VpcEndpoint,
    /// A cluster of caches that is in no replication group.
    CacheCluster,
    /// Clusters of caches that hold the same.
    ReplicationGroup,
    /// A cluster of a data warehouse.
    RedshiftCluster,
    /// A search domain in a network: it gets other nodes with other groups.
    SearchDomain,
    /// A service of containers whose tasks have interfaces of their own: all of its tasks are replaced.
    EcsService,
    /// A function in a network: it uses other interfaces with other groups.
    Function,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::LoadBalancer,
        Self::ClassicLoadBalancer,
        Self::DbInstance,
        Self::DbCluster,
        Self::MountTarget,
        Self::VpcEndpoint,
        Self::CacheCluster,
        Self::ReplicationGroup,
        Self::RedshiftCluster,
        Self::SearchDomain,
        Self::EcsService,
        Self::Function,
    ];

    /// The word for it in plans.
    pub const fn word(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load-balancer",
            Self::ClassicLoadBalancer => "classic-load-balancer",
            Self::DbInstance => "db-instance",
            Self::DbCluster => "db-cluster",
            Self::MountTarget => "mount-target",
            Self::VpcEndpoint => "vpc-endpoint",
            Self::CacheCluster => "cache-cluster",
            Self::ReplicationGroup => "replication-group",
            Self::RedshiftCluster => "redshift-cluster",
            Self::SearchDomain => "search-domain",
            Self::EcsService => "ecs-service",
            Self::Function => "function",
        }
    }

    /// Whether what it gives groups is at other addresses then.
    pub const fn moves(self) -> bool {
        matches!(self, Self::SearchDomain | Self::EcsService | Self::Function)
    }

    /// The service of a word in plans.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    /// The key of the list in which bodies of the resource are, that of its id in a body, and that
    /// of its groups.
    const fn keys(self) -> (&'static str, [&'static str; 2], &'static str) {
        match self {
            Self::LoadBalancer => {
                ("LoadBalancers", ["LoadBalancerArn", "LoadBalancerArn"], "SecurityGroups")
            }
            Self::ClassicLoadBalancer => (
                "LoadBalancerDescriptions",
                ["LoadBalancerName", "LoadBalancerName"],
                "SecurityGroups",
            ),
            Self::DbInstance => {
                ("DBInstances", ["DBInstanceArn", "DBInstanceIdentifier"], "VpcSecurityGroups")
            }
            Self::DbCluster => {
                ("DBClusters", ["DBClusterArn", "DBClusterIdentifier"], "VpcSecurityGroups")
            }
            Self::MountTarget => {
                ("MountTargets", ["MountTargetId", "MountTargetId"], "SecurityGroups")
            }
            Self::VpcEndpoint => ("VpcEndpoints", ["VpcEndpointId", "VpcEndpointId"], "Groups"),
            Self::CacheCluster => ("CacheClusters", ["ARN", "CacheClusterId"], "SecurityGroups"),
            Self::ReplicationGroup => {
                ("ReplicationGroups", ["ARN", "ReplicationGroupId"], "SecurityGroups")
            }
            Self::RedshiftCluster => {
                ("Clusters", ["ClusterIdentifier", "ClusterIdentifier"], "VpcSecurityGroups")
            }
            Self::SearchDomain => ("DomainStatusList", ["ARN", "DomainName"], domains::GROUPS),
            Self::EcsService => ("services", ["serviceArn", "serviceArn"], "securityGroups"),
            Self::Function => ("Functions", ["FunctionArn", "FunctionArn"], "SecurityGroupIds"),
        }
    }

    /// The list of groups in a body that tells them.
    fn list(self, body: &Value) -> &Value {
        match self {
            Self::SearchDomain => domains::setting(body, domains::GROUPS),
            Self::EcsService => tasks::network(body, tasks::GROUPS),
            Self::Function => functions::setting(body, functions::GROUPS),
            other => &body[other.member_keys().2],
        }
    }

    /// A body with other groups, where they are not told in a list of its own.
    pub(super) fn nested(self, body: &Value, groups: &[String]) -> Option<Value> {
        match self {
            Self::SearchDomain => domains::with_groups(body, groups),
            Self::EcsService => tasks::with_groups(body, groups),
            Self::Function => functions::with_groups(body, groups),
            _ => None,
        }
    }

    /// The name by which the service's calls know a resource of an id: ARNs end with it, but for
    /// load balancers, which are called by their ARNs.
    pub fn name(self, id: &str) -> &str {
        match self {
            Self::LoadBalancer => id,
            Self::ClassicLoadBalancer | Self::SearchDomain => id.rsplit('/').next().unwrap_or(id),
            Self::EcsService => tasks::named(id).1,
            _ if id.starts_with("arn:") => id.rsplit(':').next().unwrap_or(id),
            _ => id,
        }
    }
}

/// The id of a body of a kind of resource. Where the body tells a name alone, it is the ARN that permissions
/// have for it.
fn id_of(service: Service, body: &Value, scope: &Scope) -> Option<String> {
    let (_, keys, _) = service.keys();
    let id = keys.into_iter().find_map(|key| body[key].as_str().filter(|id| !id.is_empty()))?;
    let place = (scope.account.as_deref(), scope.region.as_deref());
    Some(match service {
        Service::ClassicLoadBalancer => {
            arn_of("elasticloadbalancing", place, ("loadbalancer/", id))
        }
        Service::RedshiftCluster => arn_of("redshift", place, ("cluster:", id)),
        _ => id.to_owned(),
    })
}

/// The resource to which a body of a service's list belongs: a member of a cluster or of a
/// replication group has the groups of that.
pub(super) fn resource_of(list: &str, body: &Value, scope: &Scope) -> Option<(Service, String)> {
    let service = Service::ALL.into_iter().find(|one| one.keys().0 == list)?;
    let id = id_of(service, body, scope)?;
    let whole = match service {
        Service::DbInstance => {
            Some((Service::DbCluster, "DBClusterIdentifier", ":db:", ":cluster:"))
        }
        Service::CacheCluster => Some((
            Service::ReplicationGroup,
            "ReplicationGroupId",
            ":cluster:",
            ":replicationgroup:",
        )),
        _ => None,
    };
    if let Some((whole, key, own, others)) = whole
        && let Some(name) = body[key].as_str().filter(|name| !name.is_empty())
    {
        let id = match id.split_once(own) {
            Some((start, _)) if id.starts_with("arn:") => format!("{start}{others}{name}"),
            _ => name.to_owned(),
        };
        return Some((whole, id));
    }
    Some((service, id))
}

/// Keys of a group's id in lists of groups.
pub(super) const IDS: [&str; 3] = ["GroupId", "VpcSecurityGroupId", "SecurityGroupId"];

/// The ids in a list of groups, but for those that are being taken off.
fn groups_in(list: &Value) -> Option<BTreeSet<String>> {
    let items = list.as_array()?;
    let is_going = |item: &&Value| item["Status"] == "removing";
    let id = |item: &Value| {
        let mut of_object = IDS.into_iter().filter_map(|key| item[key].as_str());
        item.as_str().or_else(|| of_object.next()).map(ToOwned::to_owned)
    };
    Some(items.iter().filter(|item| !is_going(item)).filter_map(id).collect())
}

/// What is read of a resource that sets groups: what it is, these, and where it may be then, if it moves.
pub fn service_facts(
    service: Service,
    groups: &BTreeSet<String>,
    subnets: &BTreeSet<String>,
) -> Facts {
    let mut facts = BTreeMap::from([
        (String::from("kind"), vec![service.word().to_owned()]),
        (String::from("groups"), groups.iter().cloned().collect()),
    ]);
    if service.moves() {
        facts.insert(String::from("subnets"), subnets.iter().cloned().collect());
    }
    facts
}

/// The subnets that a resource which moves may be in.
pub fn service_subnets(service: Service, body: &Value) -> BTreeSet<String> {
    let list = match service {
        Service::SearchDomain => domains::setting(body, domains::SUBNETS),
        Service::EcsService => tasks::network(body, tasks::SUBNETS),
        Service::Function => functions::setting(body, functions::SUBNETS),
        _ => return BTreeSet::new(),
    };
    let ids = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    ids.map(ToOwned::to_owned).collect()
}

/// What a service could not do of what it was asked, where its body tells that.
pub fn service_trouble(service: Service, body: &Value) -> Option<String> {
    match service {
        Service::SearchDomain => domains::trouble(body),
        Service::EcsService => tasks::trouble(body),
        Service::Function => functions::trouble(body),
        _ => None,
    }
}

/// What a resource is given again word for word together with its groups.
pub fn service_settings(service: Service, body: &Value) -> Value {
    match service {
        Service::SearchDomain => domains::settings(body),
        Service::EcsService => body["networkConfiguration"].clone(),
        Service::Function => functions::settings(body),
        _ => Value::Null,
    }
}

/// States of resources in which a change of groups is refused or not done yet. In others, such as
/// `storage-optimization`, groups change.
const MOVING: [&str; 19] = [
    "available, prep-for-resize",
    "cancelling-resize",
    "creating",
    "pending",
    "pendingacceptance",
    "provisioning",
    "modifying",
    "pausing",
    "updating",
    "updating-hsm",
    "rebooting",
    "rebooting cluster nodes",
    "renaming",
    "resizing",
    "resuming",
    "rotating-keys",
    "starting",
    "stopping",
    "upgrading",
];

/// The groups that the body of a resource, or of a member of it, tells, and whether nothing about
/// it is under way.
pub fn service_groups(service: Service, body: &Value) -> Option<(BTreeSet<String>, bool)> {
    let groups = groups_in(service.list(body))?;
    let is_settled = match service {
        Service::SearchDomain => Some(domains::is_settled(body)),
        Service::EcsService => Some(tasks::is_settled(body)),
        Service::Function => Some(functions::is_settled(body)),
        _ => None,
    };
    if let Some(is_settled) = is_settled {
        return Some((groups, is_settled));
    }
    let state = [
        "Status",
        "DBInstanceStatus",
        "CacheClusterStatus",
        "ClusterStatus",
        "LifeCycleState",
        "State",
    ];
    let mut states = state.into_iter().filter_map(|key| {
        let value = &body[key];
        value.as_str().or_else(|| value["Code"].as_str())
    });
    let is_moving = |item: &Value| item["Status"].as_str().is_some_and(|text| text != "active");
    let list = body[service.member_keys().2].as_array();
    let is_moved = !list.into_iter().flatten().any(is_moving);
    Some((groups, is_moved && !states.any(|text| MOVING.contains(&&*text.to_lowercase()))))
}

impl Service {
    /// The keys of the bodies that tell a resource's groups: a replication group's clusters do.
    const fn member_keys(self) -> (&'static str, [&'static str; 2], &'static str) {
        match self {
            Self::ReplicationGroup => Self::CacheCluster.keys(),
            other => other.keys(),
        }
    }
}

/// A resource, as far as bodies tell of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Resource {
    /// The groups that it sets, where they are told.
    pub(super) groups: Option<BTreeSet<String>>,
    /// The subnets that it may be in, where it moves.
    pub(super) subnets: BTreeSet<String>,
    /// Why it can be given none.
    pub(super) refused: Option<&'static str>,
}

/// The resources of services in bodies.
#[derive(Debug, Default)]
pub(super) struct Resources {
    /// By kind and id.
    known: BTreeMap<(Service, String), Resource>,
    workloads: BTreeMap<String, (Service, String)>,
    interfaces: BTreeMap<String, (Service, String)>,
}

impl Resources {
    /// Learns what the body of a resource tells.
    pub(super) fn learn(&mut self, list: &str, body: &Value, scope: &Scope) {
        let Some(resource) = resource_of(list, body, scope) else { return };
        let service = resource.0;
        // The members' own ids name their workloads.
        for service in Service::ALL.into_iter().filter(|one| one.keys().0 == list) {
            self.workloads.extend(id_of(service, body, scope).map(|id| (id, resource.clone())));
        }
        let interfaces = body["NetworkInterfaceIds"].as_array().into_iter().flatten();
        let interfaces = interfaces.chain([&body["NetworkInterfaceId"]]);
        let interfaces = interfaces.filter_map(Value::as_str);
        self.interfaces.extend(interfaces.map(|id| (id.to_owned(), resource.clone())));
        let known = self.known.entry(resource).or_default();
        let told = groups_in(service.list(body));
        known.subnets.extend(service_subnets(service, body));
        known.groups = known.groups.take().or(told);
        known.refused = known.refused.or_else(|| refused(service, body));
    }

    /// Learns whose a task is, and which interface it has.
    pub(super) fn learn_task(&mut self, body: &Value) {
        let Some(service) = tasks::service_of(body) else { return };
        let key = (Service::EcsService, service);
        self.workloads.extend(body["taskArn"].as_str().map(|id| (id.to_owned(), key.clone())));
        let interfaces = tasks::interfaces(body).into_iter();
        self.interfaces.extend(interfaces.map(|id| (id.to_owned(), key.clone())));
    }

    /// Learns the groups of a mount target, which a call of its own tells.
    pub(super) fn mounted(&mut self, target: &str, body: &Value) {
        let key = (Service::MountTarget, target.to_owned());
        self.known.entry(key).or_default().groups = groups_in(&body["SecurityGroups"]);
    }

    /// Learns which versions the aliases of functions lead to. Of a function of which no body tells its aliases,
    /// nobody knows.
    pub(super) fn aliased(&mut self, aliases: &functions::Aliases) {
        for ((service, id), resource) in &mut self.known {
            if *service == Service::Function {
                resource.refused = resource.refused.or_else(|| aliases.refused(id));
            }
        }
    }

    /// Takes the groups of interfaces for those of mount targets whose own are not in the input.
    pub(super) fn told_by_interfaces(&mut self, groups: &dyn Fn(&str) -> Option<BTreeSet<String>>) {
        for (endpoint, key) in &self.interfaces {
            if key.0 == Service::MountTarget
                && let Some(resource) = self.known.get_mut(key)
                && resource.groups.is_none()
            {
                resource.groups = groups(endpoint);
            }
        }
    }

    /// The resource that says that an interface is its own.
    pub(super) fn of_interface(&self, id: &str) -> Option<(Through, &Resource)> {
        self.through(self.interfaces.get(id)?)
    }

    /// The resource that sets the groups of a workload.
    pub(super) fn of_workload(&self, id: &str) -> Option<(Through, &Resource)> {
        self.through(self.workloads.get(id)?)
    }

    fn through(&self, key: &(Service, String)) -> Option<(Through, &Resource)> {
        let resource = self.known.get(key)?;
        Some((Through { kind: key.0.word().to_owned(), id: key.1.clone() }, resource))
    }

    /// What bodies tell of a resource.
    pub(super) fn find(&self, through: &Through) -> Option<(Service, &Resource)> {
        let service = Service::of(&through.kind)?;
        Some((service, self.known.get(&(service, through.id.clone()))?))
    }
}

/// Why the groups of a resource cannot be set, as its body tells.
fn refused(service: Service, body: &Value) -> Option<&'static str> {
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    match service {
        Service::LoadBalancer if text("Type") == "gateway" => {
            Some("gateway load balancers carry no security groups")
        }
        Service::LoadBalancer => {
            let is_network = text("Type") == "network" || text("LoadBalancerArn").contains("/net/");
            let has_some = body["SecurityGroups"].as_array().is_some_and(|list| !list.is_empty());
            (is_network && !has_some).then_some(
                "a network load balancer that was made without security groups can never get any",
            )
        }
        Service::DbInstance | Service::DbCluster => {
            let engine = text("Engine");
            let is_other = ["docdb", "neptune"].iter().any(|one| engine.starts_with(one));
            is_other.then_some("the calls of its database service are not supported")
        }
        // Amazon Redshift management guide, "Pausing and resuming a cluster".
        Service::RedshiftCluster if ["pausing", "paused"].contains(&text("ClusterStatus")) => {
            Some("a paused cluster cannot be changed: it is to be resumed first")
        }
        Service::EcsService => tasks::refused(body),
        _ => None,
    }
}
