use crate::services::tests::support::{
    endpoints, estate, front, guards, interfaces, label, places, targets,
};

const BALANCER: &str = r#"{"LoadBalancerDescriptions": [{"LoadBalancerName": "old",
    "VPCId": "vpc-1", "Scheme": "internet-facing", "Subnets": ["subnet-a"],
    "SecurityGroups": ["sg-2"], "Instances": [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}],
    "ListenerDescriptions": [{"Listener": {"Protocol": "SSL", "LoadBalancerPort": 443,
        "InstanceProtocol": "TCP", "InstancePort": 8443}, "PolicyNames": []}]}]}"#;

#[test]
fn a_classic_load_balancer_is_a_front() {
    let estate = estate(&[("elb-describe-load-balancers.json", BALANCER)]);
    let front = front(&estate, "old");
    assert_eq!(front.name, "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/old");
    assert_eq!(places(&estate, "old"), ["subnet-a"]);
    assert_eq!(guards(&estate, endpoints(&estate, "old")[0]), ["sg-2"]);
    assert_eq!(front.listeners[0].flows.to_string(), "tcp/443");
    assert_eq!(
        targets(&estate, front),
        ["i-1@10.0.1.11:8443/Unknown", "i-2@10.0.2.12:8443/Unknown"]
    );
    assert!(!front.cross_zone && front.listeners_read);
    assert_eq!(label(&estate, "old", "scheme"), Some("internet-facing"));
}

#[test]
fn health_is_asked_for_where_the_check_says() {
    let with = |target: &str| {
        let check = format!("\"HealthCheck\": {{\"Target\": \"{target}\"}}, \"VPCId\"");
        let body = BALANCER.replace("\"VPCId\"", &check);
        let estate = estate(&[("elb-describe-load-balancers.json", &body)]);
        let groups: Vec<_> = estate.network.target_groups.values().collect();
        groups[0].targets[0].health_port
    };
    assert_eq!(with("HTTP:8081/alive/now"), Some(8081));
    assert_eq!(with("TCP:8443"), Some(8443));
    assert_eq!(with("TCP"), None, "what cannot be read is not made up");
}

#[test]
fn health_attributes_and_interfaces_count() {
    let nics = interfaces(&[("eni-1", "subnet-a", "10.0.1.8", &["sg-2"], "ELB old")]);
    let estate = estate(&[
        ("elb-describe-load-balancers.json", BALANCER),
        (
            "elb-describe-instance-health/old.json",
            r#"{"InstanceStates": [
            {"InstanceId": "i-1", "State": "InService"},
            {"InstanceId": "i-2", "State": "OutOfService"}]}"#,
        ),
        (
            "elb-describe-load-balancer-attributes/old.json",
            r#"{"LoadBalancerAttributes": {"CrossZoneLoadBalancing": {"Enabled": true}}}"#,
        ),
        ("describe-network-interfaces.json", &nics),
    ]);
    let front = front(&estate, "old");
    assert!(front.cross_zone);
    assert_eq!(
        targets(&estate, front),
        ["i-1@10.0.1.11:8443/Healthy", "i-2@10.0.2.12:8443/Unhealthy"]
    );
    assert_eq!(endpoints(&estate, "old")[0].name, "eni-1");
}
