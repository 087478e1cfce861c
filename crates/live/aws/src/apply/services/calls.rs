//! What each kind of resource is read with and given groups with.
//!
//! Sources: the API references of the services, at the operations; the service authorization reference, for what
//! permits them.

use watertight_aws::Service;

/// How a kind of resource is read and given groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    /// The call that lists it.
    pub(crate) read: &'static str,
    /// The list in its answer.
    pub(super) list: &'static str,
    /// The permission to read it: `rds:DescribeDBInstances`.
    pub(crate) reads: &'static str,
    /// The operation that sets groups.
    pub(crate) operation: &'static str,
    /// The service in the words of permissions, and the resources to which its operation applies.
    pub(crate) permission: (&'static str, &'static str),
    /// The code with which the call says that there is no such resource.
    pub(super) absent: &'static str,
}

/// How resources of a kind are read and given groups.
pub(crate) const fn call(service: Service) -> Call {
    match service {
        Service::LoadBalancer => LOAD_BALANCER,
        Service::ClassicLoadBalancer => CLASSIC_LOAD_BALANCER,
        Service::DbInstance => DB_INSTANCE,
        Service::DbCluster => DB_CLUSTER,
        Service::MountTarget => MOUNT_TARGET,
        Service::VpcEndpoint => VPC_ENDPOINT,
        Service::CacheCluster => CACHE_CLUSTER,
        Service::ReplicationGroup => REPLICATION_GROUP,
        Service::RedshiftCluster => REDSHIFT_CLUSTER,
        Service::SearchDomain => SEARCH_DOMAIN,
        Service::EcsService => ECS_SERVICE,
        Service::Function => FUNCTION,
    }
}

const LOAD_BALANCER: Call = Call {
    read: "elbv2-describe-load-balancers",
    list: "LoadBalancers",
    reads: "elasticloadbalancing:DescribeLoadBalancers",
    operation: "SetSecurityGroups",
    permission: ("elasticloadbalancing", "arn:*:elasticloadbalancing:*:*:loadbalancer/*"),
    absent: "LoadBalancerNotFound",
};

const CLASSIC_LOAD_BALANCER: Call = Call {
    read: "elb-describe-load-balancers",
    list: "LoadBalancerDescriptions",
    reads: "elasticloadbalancing:DescribeLoadBalancers",
    operation: "ApplySecurityGroupsToLoadBalancer",
    permission: ("elasticloadbalancing", "arn:*:elasticloadbalancing:*:*:loadbalancer/*"),
    absent: "LoadBalancerNotFound",
};

const DB_INSTANCE: Call = Call {
    read: "rds-describe-db-instances",
    list: "DBInstances",
    reads: "rds:DescribeDBInstances",
    operation: "ModifyDBInstance",
    permission: ("rds", "arn:*:rds:*:*:db:*"),
    absent: "DBInstanceNotFound",
};

const DB_CLUSTER: Call = Call {
    read: "rds-describe-db-clusters",
    list: "DBClusters",
    reads: "rds:DescribeDBClusters",
    operation: "ModifyDBCluster",
    permission: ("rds", "arn:*:rds:*:*:cluster:*"),
    absent: "DBClusterNotFoundFault",
};

const MOUNT_TARGET: Call = Call {
    read: "efs-describe-mount-target-security-groups",
    list: "SecurityGroups",
    reads: "elasticfilesystem:DescribeMountTargetSecurityGroups",
    operation: "ModifyMountTargetSecurityGroups",
    permission: ("elasticfilesystem", "arn:*:elasticfilesystem:*:*:file-system/*"),
    absent: "MountTargetNotFound",
};

const VPC_ENDPOINT: Call = Call {
    read: "ec2-describe-vpc-endpoints",
    list: "VpcEndpoints",
    reads: "ec2:DescribeVpcEndpoints",
    operation: "ModifyVpcEndpoint",
    permission: ("ec2", "arn:*:ec2:*:*:vpc-endpoint/*"),
    absent: "InvalidVpcEndpointId.NotFound",
};

const CACHE_CLUSTER: Call = Call {
    read: "elasticache-describe-cache-clusters",
    list: "CacheClusters",
    reads: "elasticache:DescribeCacheClusters",
    operation: "ModifyCacheCluster",
    permission: ("elasticache", "arn:*:elasticache:*:*:cluster:*"),
    absent: "CacheClusterNotFound",
};

const REPLICATION_GROUP: Call = Call {
    read: "elasticache-describe-cache-clusters",
    list: "CacheClusters",
    reads: "elasticache:DescribeCacheClusters",
    operation: "ModifyReplicationGroup",
    permission: ("elasticache", "arn:*:elasticache:*:*:replicationgroup:*"),
    absent: "ReplicationGroupNotFoundFault",
};

const REDSHIFT_CLUSTER: Call = Call {
    read: "redshift-describe-clusters",
    list: "Clusters",
    reads: "redshift:DescribeClusters",
    operation: "ModifyCluster",
    permission: ("redshift", "arn:*:redshift:*:*:cluster:*"),
    absent: "ClusterNotFound",
};

const SEARCH_DOMAIN: Call = Call {
    read: "opensearch-describe-domains",
    list: "DomainStatusList",
    reads: "es:DescribeDomains",
    operation: "UpdateDomainConfig",
    permission: ("es", "arn:*:es:*:*:domain/*"),
    absent: "ResourceNotFoundException",
};

const ECS_SERVICE: Call = Call {
    read: "ecs-describe-services",
    list: "services",
    reads: "ecs:DescribeServices",
    operation: "UpdateService",
    permission: ("ecs", "arn:*:ecs:*:*:service/*"),
    absent: "ClusterNotFoundException",
};

const FUNCTION: Call = Call {
    read: "lambda-list-functions",
    list: "Functions",
    reads: "lambda:GetFunctionConfiguration",
    operation: "UpdateFunctionConfiguration",
    permission: ("lambda", "arn:*:lambda:*:*:function:*"),
    absent: "ResourceNotFoundException",
};
