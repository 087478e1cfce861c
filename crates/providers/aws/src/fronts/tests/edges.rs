use watertight_model::network::EndpointRole;

use crate::services::tests::support::{endpoints, estate, front, guards, label, places, targets};

const BALANCER: &str = r#"{"LoadBalancers": [{"LoadBalancerName": "nlb", "Type": "network",
    "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/nlb/0a",
    "VpcId": "vpc-1", "State": {"Code": "active"},
    "AvailabilityZones": [{"SubnetId": "subnet-a"}]}]}"#;

const LISTENERS: &str = r#"{"Listeners": [{"Port": 80, "Protocol": "TCP", "DefaultActions": [],
    "ListenerArn": "arn:aws:elasticloadbalancing:eu-west-1:1:listener/net/nlb/0a/01",
    "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/nlb/0a"}]}"#;

const NLB: &str = "front arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/nlb/0a";

#[test]
fn apis_are_public_fronts_unless_they_are_private_or_off() {
    let body = |rest: &str| {
        format!(
            r#"{{"items": [{{"id": "a1", "name": "api", "tags": {{"env": "prod"}}, {rest}}}]}}"#
        )
    };
    let public = body(r#""endpointConfiguration": {"types": ["REGIONAL"]}"#);
    let public = estate(&[("apigateway-get-rest-apis.json", &public)]);
    let found = front(&public, "api");
    assert_eq!(found.listeners[0].flows.to_string(), "tcp/443");
    let group = found.listeners[0].target_groups[0];
    assert!(!public.network.target_groups[group].targets_read);
    assert_eq!(places(&public, "api"), ["-"]);
    assert_eq!(guards(&public, endpoints(&public, "api")[0]), ["API"]);
    assert_eq!(label(&public, "api", "scheme"), Some("internet-facing"));
    let private = body(r#""endpointConfiguration": {"types": ["PRIVATE"]}"#);
    let private = estate(&[("apigateway-get-rest-apis.json", &private)]);
    assert_eq!(guards(&private, endpoints(&private, "api")[0]), ["private API"]);
    let off = body(r#""endpointConfiguration": {}, "disableExecuteApiEndpoint": true"#);
    let off = estate(&[("apigateway-get-rest-apis.json", &off)]);
    assert_eq!(guards(&off, endpoints(&off, "api")[0]), ["API without its own name"]);
}

#[test]
fn rest_apis_call_functions_and_load_balancers_behind_links() {
    let apis = r#"{"items": [{"id": "a1", "name": "api", "endpointConfiguration": {}}]}"#;
    let links = r#"{"items": [{"id": "l1", "name": "link", "status": "AVAILABLE", "targetArns":
        ["arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/nlb/0a"]}]}"#;
    let method = |integration: &str| {
        format!(
            r#"{{"items": [{{"id": "r", "path": "/", "resourceMethods": {{"GET":
            {{"methodIntegration": {{{integration}}}}}}}}}]}}"#
        )
    };
    let link = method(
        r#""type": "HTTP_PROXY", "connectionType": "VPC_LINK", "connectionId": "l1",
        "uri": "http://nlb.example:8080/x""#,
    );
    let with = |resources: &str, links: &str| {
        let estate = estate(&[
            ("elbv2-describe-load-balancers.json", BALANCER),
            ("elbv2-describe-listeners.json", LISTENERS),
            (
                "lambda-list-functions.json",
                r#"{"Functions": [{"FunctionName": "f",
                "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:f"}]}"#,
            ),
            ("apigateway-get-rest-apis.json", apis),
            ("apigateway-get-resources/a1.json", resources),
            ("apigateway-get-vpc-links.json", links),
        ]);
        let found = front(&estate, "api");
        let group = &estate.network.target_groups[found.listeners[0].target_groups[0]];
        (targets(&estate, found).join(" "), group.targets_read)
    };
    let behind = |resources: &str| with(resources, links);
    assert_eq!(behind(&link), (format!("{NLB}:8080/Unknown"), true));
    assert_eq!(behind(&link.replace(":8080", "")).0, format!("{NLB}:80/Unknown"));
    let secure = link.replace("http://nlb.example:8080", "https://nlb.example");
    assert_eq!(behind(&secure).0, format!("{NLB}:443/Unknown"));
    let unread = behind(&link.replace("\"l1\"", "\"l2\""));
    assert_eq!(unread, ("unread l2:8080/Unknown".to_owned(), true));
    let failed = with(&link, &links.replace("AVAILABLE", "FAILED"));
    assert_eq!(failed, (String::new(), true));
    let function = method(
        r#""type": "AWS_PROXY", "uri": "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111122223333:function:f/invocations""#,
    );
    let called = behind(&function);
    assert_eq!(called, ("call f/Unknown".to_owned(), true));
    assert_eq!(behind(&method(r#""type": "MOCK""#)), (String::new(), true));
    assert!(!behind(&method("")).1, "methods were not asked for");
    let page = link.replacen('{', r#"{"position": "more", "#, 1);
    assert!(!behind(&page).1, "another page follows");
}

#[test]
fn http_apis_call_functions_and_listeners() {
    let estate = estate(&[
        ("elbv2-describe-load-balancers.json", BALANCER),
        ("elbv2-describe-listeners.json", LISTENERS),
        (
            "lambda-list-functions.json",
            r#"{"Functions": [{"FunctionName": "f",
            "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:f"}]}"#,
        ),
        (
            "apigatewayv2-get-apis.json",
            r#"{"Items": [{"ApiId": "h1", "Name": "web", "ProtocolType": "HTTP"}]}"#,
        ),
        (
            "apigatewayv2-get-integrations/h1.json",
            r#"{"Items": [
            {"IntegrationId": "1", "IntegrationType": "AWS_PROXY",
             "IntegrationUri": "arn:aws:lambda:eu-west-1:111122223333:function:f"},
            {"IntegrationId": "2", "IntegrationType": "HTTP_PROXY", "ConnectionType": "VPC_LINK",
             "IntegrationUri":
                "arn:aws:elasticloadbalancing:eu-west-1:1:listener/net/nlb/0a/01"},
            {"IntegrationId": "3", "IntegrationType": "HTTP_PROXY",
             "IntegrationUri": "https://example.com"}]}"#,
        ),
    ]);
    let found = targets(&estate, front(&estate, "web"));
    assert_eq!(
        found,
        [
            "call f/Unknown".to_owned(),
            format!("{NLB}:80/Unknown"),
            "unread https://example.com/Unknown".to_owned()
        ]
    );
}

#[test]
fn accelerators_listen_on_their_own_addresses() {
    let arn = "arn:aws:globalaccelerator::111122223333:accelerator/x";
    let accelerator = format!(
        r#"{{"Accelerators": [{{"AcceleratorArn": "{arn}", "Name": "ga", "Enabled": true,
        "IpSets": [{{"IpAddresses": ["198.51.100.1", "198.51.100.2"]}}]}}]}}"#
    );
    let listener = format!(
        r#"{{"Listeners": [{{"ListenerArn": "{arn}/listener/y", "Protocol": "TCP",
        "PortRanges": [{{"FromPort": 80, "ToPort": 81}}]}}]}}"#
    );
    let group = format!(
        r#"{{"EndpointGroups": [{{"EndpointGroupArn": "{arn}/listener/y/endpoint-group/z",
        "EndpointDescriptions": [{{"EndpointId":
            "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/nlb/0a", "Weight": 128,
            "HealthState": "HEALTHY"}}, {{"EndpointId": "i-2", "Weight": 1,
            "HealthState": "UNHEALTHY"}}, {{"EndpointId": "i-1", "Weight": 0}}]}}]}}"#
    );
    let of = |accelerator: &str| {
        estate(&[
            ("elbv2-describe-load-balancers.json", BALANCER),
            ("globalaccelerator-list-accelerators.json", accelerator),
            ("globalaccelerator-list-listeners/x.json", &listener),
            ("globalaccelerator-list-endpoint-groups/y.json", &group),
        ])
    };
    let estate = of(&accelerator);
    let found = front(&estate, "ga");
    assert_eq!(found.listeners[0].flows.to_string(), "tcp/80-81");
    let ends = targets(&estate, found);
    assert_eq!(ends, [format!("{NLB}/Healthy"), "i-2@10.0.2.12/Unhealthy".to_owned()]);
    assert_eq!(endpoints(&estate, "ga")[0].addresses.len(), 2);
    let disabled = of(&accelerator.replace("true", "false"));
    assert!(front(&disabled, "ga").listeners.is_empty());
}

#[test]
fn endpoints_to_an_offered_service_lead_to_its_load_balancers() {
    let service = r#"{"ServiceConfigurations": [{"ServiceId": "vpce-svc-1",
        "ServiceName": "com.amazonaws.vpce.eu-west-1.vpce-svc-1", "NetworkLoadBalancerArns":
        ["arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/nlb/0a"]}]}"#;
    let consumer = r#"{"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "VpcId": "vpc-1",
        "VpcEndpointType": "Interface", "State": "available", "SubnetIds": ["subnet-b"],
        "Groups": [{"GroupId": "sg-2"}], "NetworkInterfaceIds": [],
        "ServiceName": "com.amazonaws.vpce.eu-west-1.vpce-svc-1",
        "Tags": [{"Key": "Name", "Value": "partner"}]}]}"#;
    let of = |service: &str| {
        estate(&[
            ("elbv2-describe-load-balancers.json", BALANCER),
            ("elbv2-describe-listeners.json", LISTENERS),
            ("describe-vpc-endpoint-service-configurations.json", service),
            ("describe-vpc-endpoints.json", consumer),
        ])
    };
    let known = of(service);
    let found = front(&known, "partner");
    assert_eq!(found.listeners[0].flows.to_string(), "tcp/80");
    assert!(found.listeners_read);
    assert_eq!(targets(&known, found), [format!("{NLB}/Unknown")]);
    let elsewhere = of(&service.replace("net/nlb/0a", "net/other/0b"));
    assert!(!front(&elsewhere, "partner").listeners_read);
    let other = of(&service.replace("vpce-svc-1\"", "vpce-svc-2\""));
    assert!(endpoints(&other, "partner").iter().all(|one| one.role == EndpointRole::AnswersOnly));
}
