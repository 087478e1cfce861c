use watertight_model::network::{EndpointRole, GatewayKind};
use watertight_net::{Flow, FlowSet, PortSet};

use crate::services::tests::support::{
    converted, endpoints, estate, front, guards, interfaces, label, places, targets,
};

const ARN: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/nlb/0a";
const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/tg/0b";
const OTHER: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/api/0c";

/// The bodies of one load balancer, to be changed by a test.
#[derive(Clone)]
struct Bodies {
    balancer: String,
    listener: String,
    rules: String,
    group: String,
    health: String,
    attributes: String,
    group_attributes: String,
    interfaces: String,
}

impl Bodies {
    fn new() -> Self {
        let balancer = format!(
            r#"{{"LoadBalancers": [{{"LoadBalancerArn": "{ARN}", "LoadBalancerName": "nlb",
            "Scheme": "internal", "VpcId": "vpc-1", "Type": "network",
            "State": {{"Code": "active"}}, "IpAddressType": "ipv4", "AvailabilityZones": [
            {{"SubnetId": "subnet-a", "LoadBalancerAddresses": [
                {{"IpAddress": "198.51.100.9", "PrivateIPv4Address": "10.0.1.50"}}]}},
            {{"SubnetId": "subnet-b", "LoadBalancerAddresses": []}}]}}]}}"#
        );
        let listener = format!(
            r#"{{"Listeners": [{{"ListenerArn": "{}/01", "LoadBalancerArn": "{ARN}", "Port": 80,
            "Protocol": "TCP", "DefaultActions": [
                {{"Type": "forward", "TargetGroupArn": "{GROUP}", "Order": 1}}]}}]}}"#,
            ARN.replace(":loadbalancer/", ":listener/")
        );
        let group = format!(
            r#"{{"TargetGroups": [{{"TargetGroupArn": "{GROUP}", "TargetGroupName": "tg",
            "Protocol": "TCP", "Port": 8000, "VpcId": "vpc-1", "TargetType": "instance"}}]}}"#
        );
        let health = format!(
            r#"{{"TargetGroupArn": "{GROUP}", "TargetHealthDescriptions": [
            {{"Target": {{"Id": "i-1", "Port": 22}}, "TargetHealth": {{"State": "healthy"}}}},
            {{"Target": {{"Id": "i-2", "Port": 23}}, "TargetHealth": {{"State": "unhealthy"}}}}]}}"#
        );
        let empty = String::from("{\"ResponseMetadata\": {}}");
        Self {
            balancer,
            listener,
            rules: String::from(r#"{"Rules": []}"#),
            group,
            health,
            attributes: empty.clone(),
            group_attributes: empty,
            interfaces: String::from(r#"{"NetworkInterfaces": []}"#),
        }
    }

    fn estate(&self) -> watertight_model::Estate {
        estate(&[
            ("elbv2-describe-load-balancers.json", &self.balancer),
            ("elbv2-describe-listeners.json", &self.listener),
            ("elbv2-describe-rules.json", &self.rules),
            ("elbv2-describe-target-groups.json", &self.group),
            ("elbv2-describe-target-health/tg-0b.json", &self.health),
            ("elbv2-describe-load-balancer-attributes/nlb-0a.json", &self.attributes),
            ("elbv2-describe-target-group-attributes/tg-0b.json", &self.group_attributes),
            ("describe-network-interfaces.json", &self.interfaces),
        ])
    }

    fn targets(&self) -> Vec<String> {
        let estate = self.estate();
        targets(&estate, front(&estate, "nlb"))
    }
}

fn attributes(arn_key: &str, arn: &str, key: &str, value: &str) -> String {
    format!(r#"{{"{arn_key}": "{arn}", "Attributes": [{{"Key": "{key}", "Value": "{value}"}}]}}"#)
}

fn preserve(value: &str) -> String {
    attributes("TargetGroupArn", GROUP, "preserve_client_ip.enabled", value)
}

#[test]
fn health_is_asked_for_where_the_target_or_its_group_says() {
    let ports = |bodies: &Bodies| {
        let estate = bodies.estate();
        let groups = estate.network.target_groups.values();
        let targets = groups.flat_map(|group| &group.targets);
        targets.map(|target| target.health_port).collect::<Vec<_>>()
    };
    let bodies = Bodies::new();
    assert_eq!(ports(&bodies), [Some(22), Some(23)], "without a word, at the target's own port");
    let mut own = bodies.clone();
    own.health =
        own.health.replacen("{\"Target\"", "{\"HealthCheckPort\": \"9001\", \"Target\"", 1);
    assert_eq!(ports(&own), [Some(9001), Some(23)]);
    let mut group = bodies.clone();
    group.group = group.group.replace("\"Port\": 8000", "\"HealthCheckPort\": \"9002\"");
    assert_eq!(ports(&group), [Some(9002), Some(9002)]);
    group.group = group.group.replace("9002", "traffic-port");
    assert_eq!(ports(&group), [Some(22), Some(23)]);
}

#[test]
fn targets_are_reached_at_their_registered_ports() {
    let expected = ["preserving i-1@10.0.1.11:22/Healthy", "preserving i-2@10.0.2.12:23/Unhealthy"];
    assert_eq!(Bodies::new().targets(), expected);
    let mut bodies = Bodies::new();
    bodies.health = bodies.health.replace(r#", "Port": 22"#, "");
    assert_eq!(bodies.targets()[0], "preserving i-1@10.0.1.11:8000/Healthy");
    bodies.health = bodies.health.replace("healthy", "unavailable");
    assert_eq!(bodies.targets()[0], "preserving i-1@10.0.1.11:8000/Unknown");
}

#[test]
fn client_addresses_are_preserved_by_type_protocol_and_attribute() {
    let keeps = |change: &dyn Fn(&mut Bodies)| {
        let mut bodies = Bodies::new();
        change(&mut bodies);
        bodies.targets()[0].starts_with("preserving")
    };
    let by_address = |bodies: &mut Bodies| bodies.group = bodies.group.replace("instance", "ip");
    assert!(keeps(&|_| ()));
    assert!(!keeps(&by_address));
    assert!(!keeps(&|bodies| bodies.group_attributes = preserve("false")));
    assert!(keeps(&|bodies| {
        by_address(bodies);
        bodies.group_attributes = preserve("true");
    }));
    assert!(keeps(&|bodies| {
        by_address(bodies);
        bodies.group = bodies.group.replace(r#""Protocol": "TCP""#, r#""Protocol": "UDP""#);
        bodies.group_attributes = preserve("false");
    }));
    assert!(!keeps(&|bodies| {
        bodies.group = bodies.group.replace(r#""Protocol": "TCP""#, r#""Protocol": "HTTP""#);
    }));
    // What a listener decrypts comes from the client's address still.
    assert!(keeps(&|bodies| {
        bodies.listener = bodies.listener.replace(r#""Protocol": "TCP""#, r#""Protocol": "TLS""#);
    }));
    assert!(!keeps(&|bodies| bodies.balancer = bodies.balancer.replace("network", "application")));
}

#[test]
fn listeners_hear_their_protocol_and_port() {
    let heard = |protocol: &str, port: &str| {
        let mut bodies = Bodies::new();
        let (own, given) = (r#""Protocol": "TCP""#, format!(r#""Protocol": "{protocol}""#));
        bodies.listener = bodies.listener.replace(own, &given).replace("80,", &format!("{port},"));
        let estate = bodies.estate();
        front(&estate, "nlb").listeners.first().map(|listener| listener.flows.clone())
    };
    let port = PortSet::single(81);
    let tcp = FlowSet::tcp(port.clone());
    let udp = FlowSet::udp(port);
    for protocol in ["TCP", "TLS", "HTTP", "HTTPS"] {
        assert_eq!(heard(protocol, "81").unwrap(), tcp);
    }
    assert_eq!(heard("UDP", "81").unwrap(), udp);
    assert_eq!(heard("TCP_UDP", "81").unwrap(), tcp.union(&udp));
    assert_eq!(heard("CARRIER_PIGEON", "81"), None);
    assert!(heard("TCP", "80").unwrap().contains_flow(Flow::tcp(1024, 80)));
}

#[test]
fn zones_are_crossed_by_type_and_attribute() {
    let crosses = |bodies: &Bodies| {
        let estate = bodies.estate();
        let front = front(&estate, "nlb");
        let group = front.listeners[0].target_groups[0];
        estate.network.target_groups[group].cross_zone.unwrap_or(front.cross_zone)
    };
    let mut bodies = Bodies::new();
    assert!(!crosses(&bodies));
    let key = "load_balancing.cross_zone.enabled";
    bodies.attributes = attributes("LoadBalancerArn", ARN, key, "true");
    assert!(crosses(&bodies));
    bodies.group_attributes = attributes("TargetGroupArn", GROUP, key, "false");
    assert!(!crosses(&bodies));
    bodies.attributes = String::from("{\"ResponseMetadata\": {}}");
    bodies.group_attributes = attributes("TargetGroupArn", GROUP, key, "true");
    assert!(crosses(&bodies));
    assert!(!front(&bodies.estate(), "nlb").cross_zone, "it is about this group alone");
    let inherited = "use_load_balancer_configuration";
    bodies.group_attributes = attributes("TargetGroupArn", GROUP, key, inherited);
    assert!(!crosses(&bodies));
    let mut application = Bodies::new();
    application.balancer = application.balancer.replace("network", "application");
    assert!(crosses(&application));
    application.attributes = attributes("LoadBalancerArn", ARN, key, "false");
    assert!(!crosses(&application));
}

#[test]
fn interfaces_are_claimed_by_description_and_the_rest_inferred() {
    let mut bodies = Bodies::new();
    bodies.interfaces = interfaces(&[
        ("eni-1", "subnet-b", "10.0.2.8", &["sg-2"], "ELB net/nlb/0a"),
        ("eni-2", "subnet-a", "10.0.1.8", &["sg-2"], "ELB net/nlb/0z"),
    ]);
    let estate = bodies.estate();
    assert_eq!(places(&estate, "nlb"), ["subnet-b", "subnet-a"]);
    let [claimed, inferred] = endpoints(&estate, "nlb")[..] else { panic!("two attachments") };
    assert_eq!(claimed.name, "eni-1");
    assert!(matches!(claimed.role, EndpointRole::Front(_)));
    assert_eq!(guards(&estate, claimed), ["sg-2"]);
    assert!(inferred.inferred);
    assert!(inferred.layers.is_empty(), "a network load balancer without groups is open");
    let private = "10.0.1.50".parse().unwrap();
    assert_eq!(inferred.addresses, [private]);
    assert_eq!(inferred.public, [(private, "198.51.100.9".parse().unwrap())]);
    assert_eq!(label(&estate, "nlb", "scheme"), Some("internal"));
    assert_eq!(label(&estate, "nlb", "aws.type"), Some("network"));
    bodies.balancer =
        bodies.balancer.replace("\"Type\"", "\"SecurityGroups\": [\"sg-3\"], \"Type\"");
    let estate = bodies.estate();
    assert_eq!(guards(&estate, endpoints(&estate, "nlb")[1]), ["sg-3"]);
}

#[test]
fn rules_add_clauses_and_groups_and_redirects_lead_nowhere() {
    let mut bodies = Bodies::new();
    let rule = ARN.replace(":loadbalancer/", ":listener-rule/");
    bodies.rules = format!(
        r#"{{"Rules": [
        {{"RuleArn": "{rule}/01/9", "Priority": "default", "IsDefault": true, "Conditions": [],
          "Actions": [{{"Type": "forward", "TargetGroupArn": "{GROUP}"}}]}},
        {{"RuleArn": "{rule}/01/8", "Priority": "20", "IsDefault": false,
          "Conditions": [{{"Field": "path-pattern", "Values": ["/api/*", "/v2/*"]}},
            {{"Field": "host-header", "HostHeaderConfig": {{"Values": ["shop.example"]}}}}],
          "Actions": [{{"Type": "forward", "ForwardConfig": {{"TargetGroups": [
            {{"TargetGroupArn": "{OTHER}", "Weight": 1}}]}}}}]}},
        {{"RuleArn": "{rule}/02/7", "Priority": "5", "IsDefault": false, "Conditions": [],
          "Actions": [{{"Type": "redirect"}}]}}]}}"#
    );
    let estate = bodies.estate();
    let listener = &front(&estate, "nlb").listeners[0];
    assert_eq!(listener.clauses, ["20: path-pattern /api/* or /v2/* and host-header shop.example"]);
    let names: Vec<&str> = listener
        .target_groups
        .iter()
        .map(|group| estate.network.target_groups[*group].name.as_str())
        .collect();
    assert_eq!(names, [GROUP, OTHER]);
    let other = &estate.network.target_groups[listener.target_groups[1]];
    assert!(!other.targets_read);
    bodies.rules = bodies.rules.replace(r#""Weight": 1"#, r#""Weight": 0"#);
    let estate = bodies.estate();
    assert_eq!(front(&estate, "nlb").listeners[0].target_groups.len(), 1);
    let mut redirect = Bodies::new();
    redirect.listener = redirect.listener.replace("forward", "redirect");
    let estate = redirect.estate();
    let listener = &front(&estate, "nlb").listeners[0];
    assert!(listener.target_groups.is_empty() && !listener.flows.is_empty());
}

#[test]
fn targets_are_addresses_functions_and_load_balancers_too() {
    let target = |id: &str| {
        let mut bodies = Bodies::new();
        bodies.health =
            bodies.health.replacen("i-1", id, 1).replace(r#""Port": 22"#, r#""Port": 9"#);
        bodies.targets()[0].clone()
    };
    assert_eq!(target("10.0.2.12"), "preserving i-2@10.0.2.12:9/Healthy");
    assert_eq!(target("10.9.9.9"), "preserving address 10.9.9.9:9/Healthy");
    assert_eq!(target("i-9"), "preserving unread i-9:9/Healthy");
    assert_eq!(target(ARN), format!("preserving front {ARN}:9/Healthy"));
    let mut bodies = Bodies::new();
    let function = "arn:aws:lambda:eu-west-1:111122223333:function:f";
    bodies.health = bodies.health.replacen("i-1", &format!("{function}:live"), 1);
    let list =
        format!(r#"{{"Functions": [{{"FunctionName": "f", "FunctionArn": "{function}"}}]}}"#);
    let estate = estate(&[
        ("elbv2-describe-load-balancers.json", &bodies.balancer),
        ("elbv2-describe-listeners.json", &bodies.listener),
        ("elbv2-describe-target-groups.json", &bodies.group),
        ("elbv2-describe-target-health.json", &bodies.health),
        ("list-functions.json", &list),
    ]);
    assert_eq!(targets(&estate, front(&estate, "nlb"))[0], "preserving call f/Healthy");
}

#[test]
fn what_the_input_does_not_tell_is_unread() {
    let bodies = Bodies::new();
    let estate = estate(&[("elbv2-describe-load-balancers.json", &bodies.balancer)]);
    assert!(!front(&estate, "nlb").listeners_read);
    let mut failed = Bodies::new();
    assert!(front(&failed.estate(), "nlb").listeners_read);
    failed.balancer = failed.balancer.replace("active", "failed");
    let estate = failed.estate();
    assert!(front(&estate, "nlb").listeners.is_empty());
    assert!(front(&estate, "nlb").listeners_read);
    let mut odd = Bodies::new();
    odd.balancer = odd.balancer.replace("active", "resting");
    assert!(!front(&odd.estate(), "nlb").listeners_read);
    let mut odd = Bodies::new();
    odd.listener = odd.listener.replace(r#""Protocol": "TCP""#, r#""Protocol": "HTTP3""#);
    assert!(!front(&odd.estate(), "nlb").listeners_read);
}

#[test]
fn wrapped_bodies_and_named_files_are_read_too() {
    let bodies = Bodies::new();
    let listeners = bodies.listener.trim_start_matches('{').trim_end_matches('}');
    let wrapped = format!(r#"{{"LoadBalancerListeners": [{{{listeners}}}]}}"#);
    let health = format!(r#"{{"LoadBalancerTargetHealth": [{}]}}"#, bodies.health);
    let key = "load_balancing.cross_zone.enabled";
    let attributes = attributes("LoadBalancerArn", ARN, key, "true");
    let attributes = format!(r#"{{"LoadBalancerAttributes": [{attributes}]}}"#);
    let wrapped = estate(&[
        ("LoadBalancers.json", &bodies.balancer),
        ("LoadBalancerListeners.json", &wrapped),
        ("TargetGroups.json", &bodies.group),
        ("LoadBalancerTargetHealth.json", &health),
        ("LoadBalancerAttributes.json", &attributes),
    ]);
    let found = front(&wrapped, "nlb");
    assert_eq!(targets(&wrapped, found).len(), 2);
    assert!(found.cross_zone);
    let mut named = Bodies::new();
    named.health = named.health.replace(&format!(r#""TargetGroupArn": "{GROUP}","#), "");
    assert_eq!(named.targets().len(), 2);
}

#[test]
fn a_gateway_load_balancer_is_a_box() {
    let mut bodies = Bodies::new();
    bodies.balancer = bodies.balancer.replace("\"network\"", "\"gateway\"");
    let converted = converted(&[("elbv2-describe-load-balancers.json", &bodies.balancer)]);
    let estate = &converted.estate;
    for endpoint in endpoints(estate, "nlb") {
        let EndpointRole::Inspector(gateway) = endpoint.role else { panic!("an inspector") };
        let gateway = &estate.network.gateways[gateway];
        assert!(matches!(gateway.kind, GatewayKind::Inspection { .. }) && gateway.available);
    }
    assert!(format!("{:?}", converted.diagnostics).contains("WT0111"));
    bodies.balancer = bodies.balancer.replace("active", "failed");
    let failed = bodies.estate();
    let mut own = failed.network.gateways.values().filter(|one| one.name.contains("gwy"));
    assert!(own.all(|gateway| !gateway.available));
}
