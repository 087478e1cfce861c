use super::support::{endpoints, estate, guards, interfaces, label, places, workload};

const CLUSTERS: &str = r#"{"CacheClusters": [{"CacheClusterId": "s-001", "Engine": "redis",
    "ARN": "arn:aws:elasticache:eu-west-1:111122223333:cluster:s-001",
    "CacheSubnetGroupName": "g", "PreferredAvailabilityZone": "eu-west-1b",
    "ReplicationGroupId": "s", "SecurityGroups": [{"SecurityGroupId": "sg-2"}],
    "CacheNodes": [{"CacheNodeId": "0001", "Endpoint": {"Port": 6379},
        "CustomerAvailabilityZone": "eu-west-1b"}]}]}"#;

const GROUPS: &str = r#"{"CacheSubnetGroups": [{"CacheSubnetGroupName": "g", "VpcId": "vpc-1",
    "ARN": "arn:aws:elasticache:eu-west-1:111122223333:subnetgroup:g",
    "Subnets": [{"SubnetIdentifier": "subnet-a"}, {"SubnetIdentifier": "subnet-b"}]}]}"#;

const REPLICATION: &str = r#"{"ReplicationGroups": [{"ReplicationGroupId": "s",
    "ARN": "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:s",
    "MemberClusters": ["s-001"], "NodeGroups": [{"PrimaryEndpoint": {"Port": 6380}}]}]}"#;

fn of(clusters: &str) -> watertight_model::Estate {
    estate(&[
        ("elasticache-describe-cache-clusters.json", clusters),
        ("elasticache-describe-cache-subnet-groups.json", GROUPS),
    ])
}

#[test]
fn a_cluster_is_inferred_in_the_zones_of_its_nodes() {
    let estate = of(CLUSTERS);
    assert_eq!(places(&estate, "s-001"), ["subnet-b"]);
    assert_eq!(guards(&estate, endpoints(&estate, "s-001")[0]), ["sg-2"]);
    assert_eq!(label(&estate, "s-001", "aws.port"), Some("6379"));
    assert_eq!(label(&estate, "s-001", "aws.engine"), Some("redis"));
    assert_eq!(label(&estate, "s-001", "aws.vpc"), Some("vpc-1"));
    assert_eq!(workload(&estate, "s-001").owner.as_ref().unwrap(), &"s");
    let moved = CLUSTERS.replace("CustomerAvailabilityZone\": \"eu-west-1b", "X\": \"");
    assert_eq!(places(&of(&moved), "s-001"), ["subnet-b"]);
    let moved = moved.replace("eu-west-1b", "Multiple");
    assert_eq!(places(&of(&moved), "s-001"), ["subnet-a", "subnet-b"]);
    let other =
        CLUSTERS.replace(r#""CacheSubnetGroupName": "g""#, r#""CacheSubnetGroupName": "h""#);
    assert!(places(&of(&other), "s-001").is_empty());
}

#[test]
fn interfaces_are_claimed_by_name() {
    let nics = interfaces(&[
        ("eni-1", "subnet-b", "10.0.2.40", &["sg-3"], "ElastiCache s-001"),
        ("eni-2", "subnet-b", "10.0.2.41", &["sg-2"], "ElastiCache s-0011"),
    ]);
    let estate = estate(&[
        ("elasticache-describe-cache-clusters.json", CLUSTERS),
        ("elasticache-describe-cache-subnet-groups.json", GROUPS),
        ("describe-network-interfaces.json", &nics),
    ]);
    let names: Vec<_> = endpoints(&estate, "s-001").iter().map(|one| one.name.clone()).collect();
    assert_eq!(names, ["eni-1"]);
}

#[test]
fn a_replication_group_stands_for_clusters_that_are_missing() {
    let nics = interfaces(&[("eni-1", "subnet-b", "10.0.2.40", &["sg-3"], "ElastiCache s-001")]);
    let alone = estate(&[
        ("elasticache-describe-replication-groups.json", REPLICATION),
        ("describe-network-interfaces.json", &nics),
    ]);
    assert_eq!(endpoints(&alone, "s")[0].name, "eni-1");
    assert_eq!(label(&alone, "s", "aws.port"), Some("6380"));
    let both = estate(&[
        ("elasticache-describe-replication-groups.json", REPLICATION),
        ("elasticache-describe-cache-clusters.json", CLUSTERS),
        ("elasticache-describe-cache-subnet-groups.json", GROUPS),
    ]);
    assert!(both.workloads.values().all(|one| one.name != "s"));
}

#[test]
fn serverless_memory_and_accelerated_caches_are_read() {
    let estate = estate(&[
        (
            "describe-serverless-caches.json",
            r#"{"ServerlessCaches": [{"ServerlessCacheName": "sl",
            "ARN": "arn:aws:elasticache:eu-west-1:111122223333:serverlesscache:sl",
            "SubnetIds": ["subnet-a"], "SecurityGroupIds": ["sg-3"],
            "Endpoint": {"Port": 6379}}]}"#,
        ),
        (
            "memorydb-describe-clusters.json",
            r#"{"Clusters": [{"Name": "mem", "ACLName": "open",
            "ARN": "arn:aws:memorydb:eu-west-1:111122223333:cluster/mem", "NumberOfShards": 1,
            "SubnetGroupName": "m", "SecurityGroups": [{"SecurityGroupId": "sg-2"}],
            "Shards": [{"Nodes": [{"AvailabilityZone": "eu-west-1a"}]}],
            "ClusterEndpoint": {"Port": 6390}}]}"#,
        ),
        (
            "memorydb-describe-subnet-groups.json",
            r#"{"SubnetGroups": [{"Name": "m",
            "ARN": "arn:aws:memorydb:eu-west-1:111122223333:subnetgroup/m", "VpcId": "vpc-1",
            "Subnets": [{"Identifier": "subnet-a"}, {"Identifier": "subnet-b"}]}]}"#,
        ),
        (
            "dax-describe-clusters.json",
            r#"{"Clusters": [{"ClusterName": "dx", "TotalNodes": 1,
            "ClusterArn": "arn:aws:dax:eu-west-1:111122223333:cache/dx", "SubnetGroup": "d",
            "SecurityGroups": [{"SecurityGroupIdentifier": "sg-1"}],
            "Nodes": [{"AvailabilityZone": "eu-west-1b"}],
            "ClusterDiscoveryEndpoint": {"Port": 8111}}]}"#,
        ),
        (
            "dax-describe-subnet-groups.json",
            r#"{"SubnetGroups": [{"SubnetGroupName": "d",
            "VpcId": "vpc-1", "Subnets": [{"SubnetIdentifier": "subnet-b"}]}]}"#,
        ),
    ]);
    for (name, subnet, group, port, kind) in [
        ("sl", "subnet-a", "sg-3", "6379", "cache"),
        ("mem", "subnet-a", "sg-2", "6390", "database"),
        ("dx", "subnet-b", "sg-1", "8111", "cache"),
    ] {
        assert_eq!(places(&estate, name), [subnet]);
        assert_eq!(guards(&estate, endpoints(&estate, name)[0]), [group]);
        assert_eq!(label(&estate, name, "aws.port"), Some(port));
        assert_eq!(workload(&estate, name).kind.word(), kind);
    }
}
