use super::support::{endpoints, estate, guards, interfaces, label, places, workload};

const GROUP: &str = r#"{"DBSubnetGroupName": "data", "VpcId": "vpc-1", "Subnets": [
    {"SubnetIdentifier": "subnet-a"}, {"SubnetIdentifier": "subnet-b"}]}"#;

fn instance(name: &str, rest: &str) -> String {
    format!(
        r#"{{"DBInstances": [{{"DBInstanceIdentifier": "{name}",
        "DBInstanceArn": "arn:aws:rds:eu-west-1:111122223333:db:{name}", "Engine": "postgres",
        "DBSubnetGroup": {GROUP}, "Endpoint": {{"Port": 5432}},
        "VpcSecurityGroups": [{{"VpcSecurityGroupId": "sg-2", "Status": "active"}}],
        "TagList": [{{"Key": "data", "Value": "personal"}}] {rest}}}]}}"#
    )
}

#[test]
fn an_instance_without_interfaces_is_inferred_in_its_zone() {
    let body =
        instance("orders", r#", "AvailabilityZone": "eu-west-1b", "PubliclyAccessible": false"#);
    let estate = estate(&[("describe-db-instances.json", &body)]);
    let orders = workload(&estate, "orders");
    assert_eq!(orders.kind.word(), "database");
    assert!(orders.stores_data);
    assert_eq!(orders.account.as_ref().unwrap(), &"111122223333");
    assert_eq!(places(&estate, "orders"), ["subnet-b"]);
    let endpoint = endpoints(&estate, "orders")[0];
    assert!(endpoint.inferred && endpoint.addresses.is_empty());
    assert_eq!(guards(&estate, endpoint), ["sg-2"]);
    assert_eq!(label(&estate, "orders", "aws.port"), Some("5432"));
    assert_eq!(label(&estate, "orders", "aws.engine"), Some("postgres"));
    assert_eq!(label(&estate, "orders", "aws.publicly-accessible"), Some("false"));
    assert_eq!(label(&estate, "orders", "data"), Some("personal"));
    assert_eq!(label(&estate, "orders", "aws.vpc"), Some("vpc-1"));
}

#[test]
fn a_standby_is_in_the_second_zone() {
    let body = instance(
        "orders",
        r#", "AvailabilityZone": "eu-west-1b", "SecondaryAvailabilityZone": "eu-west-1a""#,
    );
    let estate = estate(&[("describe-db-instances.json", &body)]);
    assert_eq!(places(&estate, "orders"), ["subnet-b", "subnet-a"]);
}

#[test]
fn interfaces_are_claimed_by_subnet_and_groups() {
    let body = instance("orders", r#", "AvailabilityZone": "eu-west-1a""#);
    let nics = interfaces(&[
        ("eni-1", "subnet-a", "10.0.1.5", &["sg-3"], "RDSNetworkInterface"),
        ("eni-2", "subnet-b", "10.0.2.5", &["sg-2"], "RDSNetworkInterface"),
        ("eni-3", "subnet-a", "10.0.1.6", &["sg-2"], "something else"),
        ("eni-4", "subnet-a", "10.0.1.7", &["sg-2"], "RDSNetworkInterface"),
    ]);
    let estate = estate(&[
        ("describe-db-instances.json", &body),
        ("describe-network-interfaces.json", &nics),
    ]);
    let found = endpoints(&estate, "orders");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name, "eni-4");
    assert!(!found[0].inferred);
}

#[test]
fn a_cluster_is_one_workload_with_its_members_places() {
    let member = |name: &str, zone: &str| {
        instance(name, &format!(r#", "AvailabilityZone": "{zone}", "DBClusterIdentifier": "crm""#))
    };
    let cluster = r#"{"DBClusters": [{"DBClusterIdentifier": "crm", "DBSubnetGroup": "data",
        "DBClusterArn": "arn:aws:rds:eu-west-1:111122223333:cluster:crm", "Port": 3306,
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-3"}]}]}"#;
    let groups = format!(r#"{{"DBSubnetGroups": [{GROUP}]}}"#)
        .replace(r#"{"DBSubnetGroupName""#, r#"{"DBSubnetGroupArn": "arn:x", "DBSubnetGroupName""#);
    let alone = estate(&[
        ("describe-db-clusters.json", cluster),
        ("describe-db-subnet-groups.json", &groups),
    ]);
    assert_eq!(places(&alone, "crm"), ["subnet-a", "subnet-b"]);
    assert_eq!(guards(&alone, endpoints(&alone, "crm")[0]), ["sg-3"]);
    assert_eq!(label(&alone, "crm", "aws.port"), Some("3306"));
    let with_members = estate(&[
        ("describe-db-clusters.json", cluster),
        ("describe-db-subnet-groups.json", &groups),
        ("a/describe-db-instances.json", &member("crm-1", "eu-west-1b")),
    ]);
    assert_eq!(places(&with_members, "crm"), ["subnet-b"]);
    assert!(with_members.workloads.values().all(|workload| workload.name != "crm-1"));
}

#[test]
fn unknown_groups_and_subnets_are_said() {
    let body = instance("orders", "").replace("VpcSecurityGroups", "Ignored");
    let known = estate(&[("describe-db-instances.json", &body)]);
    let endpoint = endpoints(&known, "orders")[0];
    assert!(guards(&known, endpoint)[0].starts_with("groups of "));
    let body =
        instance("orders", "").replace("subnet-a", "subnet-x").replace("subnet-b", "subnet-y");
    let converted = super::support::converted(&[("describe-db-instances.json", &body)]);
    assert!(endpoints(&converted.estate, "orders").is_empty());
    let text = format!("{:?}", converted.diagnostics);
    assert!(text.contains("subnet `subnet-x` is not in the input"), "{text}");
}
