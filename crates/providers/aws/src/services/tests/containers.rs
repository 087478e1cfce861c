use super::support::{endpoints, estate, guards, interfaces, label, places, workload};

const TASK: &str = r#"{"tasks": [{"taskArn": "arn:aws:ecs:eu-west-1:111122223333:task/c/0a",
    "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/c", "group": "service:api",
    "lastStatus": "RUNNING", "tags": [{"key": "env", "value": "prod"}],
    "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/api:3",
    "attachments": [{"type": "ElasticNetworkInterface", "status": "ATTACHED", "details": [
        {"name": "subnetId", "value": "subnet-a"},
        {"name": "networkInterfaceId", "value": "eni-1"},
        {"name": "privateIPv4Address", "value": "10.0.1.77"}]}]}]}"#;

const SERVICE: &str = r#"{"services": [{"serviceName": "api", "desiredCount": 2,
    "serviceArn": "arn:aws:ecs:eu-west-1:111122223333:service/c/api",
    "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/c",
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-b"],
        "securityGroups": ["sg-2"], "assignPublicIp": "DISABLED"}}}]}"#;

#[test]
fn a_task_has_the_interface_of_its_attachment() {
    let nics = interfaces(&[("eni-1", "subnet-a", "10.0.1.77", &["sg-3"], "")]);
    let estate =
        estate(&[("ecs-describe-tasks.json", TASK), ("describe-network-interfaces.json", &nics)]);
    let task = workload(&estate, "api/0a");
    assert_eq!(task.kind.word(), "task");
    assert_eq!(task.owner.as_ref().unwrap(), &"service:api");
    assert_eq!(label(&estate, "api/0a", "env"), Some("prod"));
    let endpoint = endpoints(&estate, "api/0a")[0];
    assert_eq!(endpoint.name, "eni-1");
    assert_eq!(guards(&estate, endpoint), ["sg-3"]);
}

#[test]
fn a_task_without_its_interface_is_inferred_with_the_groups_of_its_service() {
    let both =
        estate(&[("ecs-describe-tasks.json", TASK), ("ecs-describe-services.json", SERVICE)]);
    let endpoint = endpoints(&both, "api/0a")[0];
    assert!(endpoint.inferred);
    assert_eq!(endpoint.addresses, ["10.0.1.77".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(guards(&both, endpoint), ["sg-2"]);
    let owner = workload(&both, "api/0a").owner.clone().unwrap();
    assert_eq!(owner, "arn:aws:ecs:eu-west-1:111122223333:service/c/api");
    assert!(both.workloads.values().all(|one| one.name != "api"));
    let alone = estate(&[("ecs-describe-tasks.json", TASK)]);
    assert!(guards(&alone, endpoints(&alone, "api/0a")[0])[0].starts_with("groups of "));
    let stopped = TASK.replace("RUNNING", "STOPPED");
    let stopped = estate(&[("ecs-describe-tasks.json", &stopped)]);
    assert!(stopped.workloads.values().all(|one| one.name != "api/0a"));
}

#[test]
fn a_service_stands_for_tasks_that_are_missing() {
    let alone = estate(&[("ecs-describe-services.json", SERVICE)]);
    assert_eq!(places(&alone, "api"), ["subnet-b"]);
    assert_eq!(guards(&alone, endpoints(&alone, "api")[0]), ["sg-2"]);
    assert_eq!(label(&alone, "api", "aws.publicly-accessible"), Some("false"));
    let host = SERVICE.replace("awsvpcConfiguration", "other");
    let host = estate(&[("ecs-describe-services.json", &host)]);
    assert_eq!(label(&host, "api", "aws.network"), Some("host"));
    let none = SERVICE.replace(r#""desiredCount": 2"#, r#""desiredCount": 0"#);
    assert!(
        estate(&[("ecs-describe-services.json", &none)])
            .workloads
            .values()
            .all(|one| one.name != "api")
    );
}
