use super::support::{endpoints, estate, guards, interfaces, label, places, workload};

const WAREHOUSE: &str = r#"{"Clusters": [{"ClusterIdentifier": "dw", "VpcId": "vpc-1",
    "ClusterSubnetGroupName": "g", "AvailabilityZone": "eu-west-1a", "PubliclyAccessible": true,
    "Endpoint": {"Port": 5439}, "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-2"}],
    "ClusterNodes": [{"PrivateIPAddress": "10.0.1.60", "PublicIPAddress": "198.51.100.60"},
        {"PrivateIPAddress": "10.0.2.60"}], "Tags": [{"Key": "env", "Value": "prod"}]}]}"#;

const GROUP: &str = r#"{"ClusterSubnetGroups": [{"ClusterSubnetGroupName": "g", "VpcId": "vpc-1",
    "Subnets": [{"SubnetIdentifier": "subnet-a"}, {"SubnetIdentifier": "subnet-b"}]}]}"#;

#[test]
fn a_warehouse_is_in_its_zone_with_the_addresses_of_its_nodes() {
    let bodies = [
        ("redshift-describe-clusters.json", WAREHOUSE),
        ("redshift-describe-cluster-subnet-groups.json", GROUP),
    ];
    let known = estate(&bodies);
    assert_eq!(places(&known, "dw"), ["subnet-a"]);
    let endpoint = endpoints(&known, "dw")[0];
    let private = "10.0.1.60".parse().unwrap();
    assert_eq!(endpoint.addresses, [private]);
    assert_eq!(endpoint.public, [(private, "198.51.100.60".parse().unwrap())]);
    assert_eq!(guards(&known, endpoint), ["sg-2"]);
    assert_eq!(workload(&known, "dw").id, "arn:aws:redshift:eu-west-1:111122223333:cluster:dw");
    for (key, value) in [
        ("aws.port", "5439"),
        ("aws.publicly-accessible", "true"),
        ("env", "prod"),
        ("aws.vpc", "vpc-1"),
    ] {
        assert_eq!(label(&known, "dw", key), Some(value));
    }
    let nics = interfaces(&[
        ("eni-1", "subnet-a", "10.0.1.9", &["sg-2"], "RedshiftNetworkInterface"),
        ("eni-2", "subnet-a", "10.0.1.8", &["sg-2"], "RDSNetworkInterface"),
    ]);
    let claimed = estate(&[bodies[0], bodies[1], ("describe-network-interfaces.json", &nics)]);
    assert_eq!(endpoints(&claimed, "dw")[0].name, "eni-1");
}

#[test]
fn a_serverless_warehouse_is_in_its_subnets() {
    let estate = estate(&[(
        "redshift-serverless-list-workgroups.json",
        r#"{"workgroups": [
        {"workgroupName": "wg", "subnetIds": ["subnet-b"], "securityGroupIds": ["sg-3"],
         "workgroupArn": "arn:aws:redshift-serverless:eu-west-1:111122223333:workgroup/0a",
         "port": 5440, "publiclyAccessible": false}]}"#,
    )]);
    assert_eq!(places(&estate, "wg"), ["subnet-b"]);
    assert_eq!(guards(&estate, endpoints(&estate, "wg")[0]), ["sg-3"]);
    assert_eq!(label(&estate, "wg", "aws.port"), Some("5440"));
    assert_eq!(label(&estate, "wg", "aws.publicly-accessible"), Some("false"));
}

#[test]
fn search_domains_are_in_a_vpc_or_public() {
    let domain = |options: &str| {
        format!(
            r#"{{"DomainStatus": {{"DomainName": "logs", "Deleted": false {options},
            "ARN": "arn:aws:es:eu-west-1:111122223333:domain/logs"}}}}"#
        )
    };
    let inside = domain(
        r#", "VPCOptions": {"VPCId": "vpc-1", "SubnetIds": ["subnet-a"],
            "SecurityGroupIds": ["sg-2"]}"#,
    );
    let inferred = estate(&[("es-describe-elasticsearch-domain/logs", &inside)]);
    assert_eq!(places(&inferred, "logs"), ["subnet-a"]);
    assert_eq!(guards(&inferred, endpoints(&inferred, "logs")[0]), ["sg-2"]);
    let nics = interfaces(&[("eni-1", "subnet-a", "10.0.1.9", &["sg-3"], "ES logs")]);
    let claimed = estate(&[
        ("opensearch-describe-domain/logs.json", &inside),
        ("describe-network-interfaces.json", &nics),
    ]);
    assert_eq!(endpoints(&claimed, "logs")[0].name, "eni-1");
    let public = estate(&[("opensearch-describe-domain/logs.json", &domain(""))]);
    assert_eq!(places(&public, "logs"), ["-"]);
    assert_eq!(guards(&public, endpoints(&public, "logs")[0]), ["public search domain"]);
    assert_eq!(label(&public, "logs", "aws.publicly-accessible"), Some("true"));
    let deleted = domain("").replace("false", "true");
    let deleted = estate(&[("opensearch-describe-domain/logs.json", &deleted)]);
    assert!(deleted.workloads.values().all(|one| one.name != "logs"));
}

#[test]
fn kafka_clusters_of_both_kinds_are_read() {
    let estate = estate(&[
        (
            "kafka-list-clusters.json",
            r#"{"ClusterInfoList": [{"ClusterName": "bus",
            "ClusterArn": "arn:aws:kafka:eu-west-1:111122223333:cluster/bus/0a-1",
            "BrokerNodeGroupInfo": {"ClientSubnets": ["subnet-a", "subnet-b"],
                "SecurityGroups": ["sg-2"],
                "ConnectivityInfo": {"PublicAccess": {"Type": "SERVICE_PROVIDED_EIPS"}}}}]}"#,
        ),
        (
            "kafka-list-clusters-v2.json",
            r#"{"ClusterInfoList": [{"ClusterName": "light",
            "ClusterArn": "arn:aws:kafka:eu-west-1:111122223333:cluster/light/0b-1",
            "Serverless": {"VpcConfigs": [{"SubnetIds": ["subnet-b"],
                "SecurityGroupIds": ["sg-3"]}]}}]}"#,
        ),
    ]);
    assert_eq!(places(&estate, "bus"), ["subnet-a", "subnet-b"]);
    assert_eq!(guards(&estate, endpoints(&estate, "bus")[0]), ["sg-2"]);
    assert_eq!(label(&estate, "bus", "aws.publicly-accessible"), Some("true"));
    assert_eq!(workload(&estate, "bus").kind.word(), "queue");
    assert_eq!(places(&estate, "light"), ["subnet-b"]);
    assert_eq!(guards(&estate, endpoints(&estate, "light")[0]), ["sg-3"]);
}

#[test]
fn brokers_claim_interfaces_by_address() {
    let broker = r#"{"BrokerId": "b-1", "BrokerName": "mq", "PubliclyAccessible": false,
        "BrokerArn": "arn:aws:mq:eu-west-1:111122223333:broker:mq:b-1",
        "SubnetIds": ["subnet-a"], "SecurityGroups": ["sg-2"],
        "BrokerInstances": [{"IpAddress": "10.0.1.30"}]}"#;
    let inferred = estate(&[("mq-describe-broker/b-1.json", broker)]);
    assert_eq!(places(&inferred, "mq"), ["subnet-a"]);
    assert_eq!(guards(&inferred, endpoints(&inferred, "mq")[0]), ["sg-2"]);
    assert_eq!(label(&inferred, "mq", "aws.publicly-accessible"), Some("false"));
    let nics = interfaces(&[("eni-1", "subnet-a", "10.0.1.30", &["sg-2"], "Amazon MQ")]);
    let claimed = estate(&[
        ("mq-describe-broker/b-1.json", broker),
        ("describe-network-interfaces.json", &nics),
    ]);
    assert_eq!(endpoints(&claimed, "mq")[0].name, "eni-1");
}
