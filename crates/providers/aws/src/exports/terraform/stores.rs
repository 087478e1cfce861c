//! Databases with their clusters, caches, and file systems.

use serde_json::{Value, json};

use super::super::{Bodies, tags, text, texts, told};
use super::State;

const KINDS: [&str; 15] = [
    "aws_db_instance",
    "aws_db_subnet_group",
    "aws_docdb_cluster",
    "aws_docdb_cluster_instance",
    "aws_docdb_subnet_group",
    "aws_efs_file_system",
    "aws_efs_mount_target",
    "aws_elasticache_cluster",
    "aws_elasticache_replication_group",
    "aws_elasticache_subnet_group",
    "aws_neptune_cluster",
    "aws_neptune_cluster_instance",
    "aws_neptune_subnet_group",
    "aws_rds_cluster",
    "aws_rds_cluster_instance",
];

const SUBNET_GROUPS: [&str; 3] =
    ["aws_db_subnet_group", "aws_docdb_subnet_group", "aws_neptune_subnet_group"];
const CLUSTERS: [&str; 3] = ["aws_rds_cluster", "aws_docdb_cluster", "aws_neptune_cluster"];
const MEMBERS: [&str; 3] =
    ["aws_rds_cluster_instance", "aws_docdb_cluster_instance", "aws_neptune_cluster_instance"];

/// Reads them; gives the types that are read.
pub(super) fn read(state: &State, bodies: &mut Bodies) -> Vec<&'static str> {
    for group in state.all(&SUBNET_GROUPS) {
        let list = ("rds-describe-db-subnet-groups", "DBSubnetGroups");
        let mut item = subnet_group(group);
        item["DBSubnetGroupName"] = json!(text(group, "name"));
        item["DBSubnetGroupArn"] = json!(text(group, "arn"));
        bodies.add(&state.place(group), list, told(item));
    }
    for database in state.all(&["aws_db_instance"]).chain(state.all(&MEMBERS)) {
        let list = ("rds-describe-db-instances", "DBInstances");
        bodies.add(&state.place(database), list, self::database(state, database));
    }
    for cluster in state.all(&CLUSTERS) {
        let list = ("rds-describe-db-clusters", "DBClusters");
        bodies.add(&state.place(cluster), list, self::cluster(cluster));
    }
    caches(state, bodies);
    files(state, bodies);
    KINDS.to_vec()
}

fn subnet_group(group: &Value) -> Value {
    let subnets = texts(group, "subnet_ids").map(|id| json!({"SubnetIdentifier": id}));
    json!({"VpcId": text(group, "vpc_id"), "Subnets": subnets.collect::<Vec<_>>()})
}

fn groups(value: &Value, key: &str, field: &str) -> Vec<Value> {
    texts(value, key).map(|id| json!({field: id, "Status": "active"})).collect()
}

/// The group of subnets that a database names.
fn group_of(value: &Value) -> Option<&str> {
    text(value, "db_subnet_group_name").or_else(|| text(value, "neptune_subnet_group_name"))
}

fn database(state: &State, database: &Value) -> Value {
    let name = group_of(database);
    let own = state.all(&SUBNET_GROUPS).find(|one| text(one, "name") == name);
    let own = own.filter(|_| name.is_some()).map(subnet_group).unwrap_or_default();
    told(json!({
        "DBInstanceIdentifier": text(database, "identifier"),
        "DBInstanceArn": text(database, "arn"),
        "DBInstanceStatus": text(database, "status"),
        "DBClusterIdentifier": text(database, "cluster_identifier"),
        "Engine": text(database, "engine"),
        "Endpoint": {"Address": text(database, "address"), "Port": database.get("port")},
        "PubliclyAccessible": database.get("publicly_accessible"),
        "MultiAZ": database.get("multi_az"),
        "NetworkType": text(database, "network_type"),
        "AvailabilityZone": text(database, "availability_zone"),
        "DBSubnetGroup":
            {"DBSubnetGroupName": name, "VpcId": own.get("VpcId"), "Subnets": own.get("Subnets")},
        "VpcSecurityGroups": groups(database, "vpc_security_group_ids", "VpcSecurityGroupId"),
        "TagList": tags(database, "tags_all"),
    }))
}

fn cluster(cluster: &Value) -> Value {
    told(json!({
        "DBClusterIdentifier": text(cluster, "cluster_identifier"),
        "DBClusterArn": text(cluster, "arn"),
        "Engine": text(cluster, "engine"),
        "Port": cluster.get("port"),
        "NetworkType": text(cluster, "network_type"),
        "DBSubnetGroup": group_of(cluster),
        "VpcSecurityGroups": groups(cluster, "vpc_security_group_ids", "VpcSecurityGroupId"),
        "TagList": tags(cluster, "tags_all"),
    }))
}

fn caches(state: &State, bodies: &mut Bodies) {
    for group in state.all(&["aws_elasticache_subnet_group"]) {
        let list = ("elasticache-describe-cache-subnet-groups", "CacheSubnetGroups");
        let mut item = subnet_group(group);
        item["CacheSubnetGroupName"] = json!(text(group, "name"));
        item["ARN"] = json!(text(group, "arn"));
        bodies.add(&state.place(group), list, told(item));
    }
    for one in state.all(&["aws_elasticache_cluster"]) {
        let list = ("elasticache-describe-cache-clusters", "CacheClusters");
        let mut item = cache(one);
        item["CacheClusterId"] = json!(text(one, "cluster_id"));
        item["Engine"] = json!(text(one, "engine"));
        item["PreferredAvailabilityZone"] = json!(text(one, "availability_zone"));
        bodies.add(&state.place(one), list, told(item));
    }
    for one in state.all(&["aws_elasticache_replication_group"]) {
        let list = ("elasticache-describe-replication-groups", "ReplicationGroups");
        // Where it is and what groups it has is told by its clusters, once they are there.
        let mut item = cache(one);
        item["MemberClusters"] = json!(texts(one, "member_clusters").collect::<Vec<_>>());
        bodies.add(&state.place(one), list, told(item));
    }
}

/// What a cache by itself and caches that replicate one another tell alike.
fn cache(cache: &Value) -> Value {
    json!({
        "ARN": text(cache, "arn"),
        "ReplicationGroupId": text(cache, "replication_group_id"),
        "ConfigurationEndpoint": {"Port": cache.get("port")},
        "NetworkType": text(cache, "network_type"),
        "CacheSubnetGroupName": text(cache, "subnet_group_name"),
        "SecurityGroups": groups(cache, "security_group_ids", "SecurityGroupId"),
    })
}

fn files(state: &State, bodies: &mut Bodies) {
    for system in state.all(&["aws_efs_file_system"]) {
        let list = ("efs-describe-file-systems", "FileSystems");
        let item = told(json!({
            "FileSystemId": text(system, "id"),
            "FileSystemArn": text(system, "arn"),
            "Name": text(system, "name"),
            "Tags": tags(system, "tags_all"),
        }));
        bodies.add(&state.place(system), list, item);
    }
    for target in state.all(&["aws_efs_mount_target"]) {
        let Some(id) = text(target, "id") else { continue };
        let list = ("efs-describe-mount-targets", "MountTargets");
        let item = told(json!({
            "MountTargetId": id,
            "FileSystemId": text(target, "file_system_id"),
            "SubnetId": text(target, "subnet_id"),
            "IpAddress": text(target, "ip_address"),
            "IpAddressType": text(target, "ip_address_type"),
            "NetworkInterfaceId": text(target, "network_interface_id"),
            "LifeCycleState": "available",
        }));
        let system = text(target, "file_system_arn");
        let place =
            system.map_or_else(|| state.place(target), |arn| state.place(&json!({ "arn": arn })));
        bodies.add(&place, list, item);
        let own: Vec<&str> = texts(target, "security_groups").collect();
        let body = json!({ "SecurityGroups": own });
        bodies.about(&place, "efs-describe-mount-target-security-groups", id, body);
    }
}
