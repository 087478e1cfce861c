use super::support::{endpoints, estate, guards, interfaces, label, places, workload};

const SYSTEMS: &str = r#"{"FileSystems": [{"FileSystemId": "fs-1", "OwnerId": "111122223333",
    "FileSystemArn": "arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/fs-1",
    "Tags": [{"Key": "Name", "Value": "images"}]}]}"#;

const TARGETS: &str = r#"{"MountTargets": [{"MountTargetId": "fsmt-1", "FileSystemId": "fs-1",
    "SubnetId": "subnet-a", "LifeCycleState": "available", "IpAddress": "10.0.1.95",
    "NetworkInterfaceId": "eni-1", "VpcId": "vpc-1"}]}"#;

#[test]
fn a_mount_target_is_its_interface() {
    let nics = interfaces(&[(
        "eni-1",
        "subnet-a",
        "10.0.1.95",
        &["sg-2"],
        "EFS mount target for fs-1 (fsmt-1)",
    )]);
    let estate = estate(&[
        ("efs-describe-file-systems.json", SYSTEMS),
        ("efs-describe-mount-targets/fs-1.json", TARGETS),
        ("describe-network-interfaces.json", &nics),
    ]);
    let images = workload(&estate, "images");
    assert_eq!(images.id, "fs-1");
    assert_eq!(images.kind.word(), "file-system");
    assert!(images.stores_data);
    let endpoint = endpoints(&estate, "images")[0];
    assert_eq!(endpoint.name, "eni-1");
    assert_eq!(guards(&estate, endpoint), ["sg-2"]);
    assert_eq!(label(&estate, "images", "aws.port"), Some("2049"));
}

#[test]
fn a_mount_target_without_interface_is_inferred_with_its_address() {
    let known = estate(&[
        ("efs-describe-file-systems.json", SYSTEMS),
        ("efs-describe-mount-targets/fs-1.json", TARGETS),
        (
            "efs-describe-mount-target-security-groups/fsmt-1.json",
            r#"{"SecurityGroups": ["sg-3"]}"#,
        ),
    ]);
    let endpoint = endpoints(&known, "images")[0];
    assert!(endpoint.inferred);
    assert_eq!(endpoint.addresses, ["10.0.1.95".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(guards(&known, endpoint), ["sg-3"]);
    let unread = estate(&[
        ("efs-describe-file-systems.json", SYSTEMS),
        ("efs-describe-mount-targets/fs-1.json", TARGETS),
    ]);
    assert!(guards(&unread, endpoints(&unread, "images")[0])[0].starts_with("groups of "));
    let deleted = TARGETS.replace("available", "deleted");
    let gone = estate(&[
        ("efs-describe-file-systems.json", SYSTEMS),
        ("efs-describe-mount-targets/fs-1.json", &deleted),
    ]);
    assert!(endpoints(&gone, "images").is_empty());
}

#[test]
fn targets_without_a_file_system_and_other_file_systems_are_kept() {
    let alone = estate(&[("efs-describe-mount-targets/fs-1.json", TARGETS)]);
    assert_eq!(places(&alone, "fs-1"), ["subnet-a"]);
    let windows = r#"{"FileSystems": [{"FileSystemId": "fs-2", "OwnerId": "111122223333",
        "FileSystemType": "WINDOWS", "VpcId": "vpc-1", "SubnetIds": ["subnet-b"],
        "NetworkInterfaceIds": ["eni-2"], "Tags": []}]}"#;
    let inferred = estate(&[("fsx-describe-file-systems.json", windows)]);
    assert_eq!(places(&inferred, "fs-2"), ["subnet-b"]);
    let nics = interfaces(&[("eni-2", "subnet-a", "10.0.1.9", &["sg-2"], "Created by FSx")]);
    let claimed = estate(&[
        ("fsx-describe-file-systems.json", windows),
        ("describe-network-interfaces.json", &nics),
    ]);
    assert_eq!(endpoints(&claimed, "fs-2")[0].name, "eni-2");
}
