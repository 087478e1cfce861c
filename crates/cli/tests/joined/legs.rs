//! What else ends a leg: nodes that translate the source, API gateways, and private links.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{root, watertight};

/// What a policy with these rules, which governs everybody, decides about a connection.
fn asked(rules: &str, estate: &Path, leg: [&str; 3]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    fs::write(&file, policy("{matchExpressions: [{key: kind, operator: Exists}]}", rules)).unwrap();
    let [from, to, over] = leg;
    let ends = ["--from", from, "--to", to, "--over", over, "-f", "json"];
    let paths = ["policy", "ask", file.to_str().unwrap(), "--estate", estate.to_str().unwrap()];
    told(&[&paths[..], &ends].concat())
}

fn policy(members: &str, rules: &str) -> String {
    let segment = format!(
        "apiVersion: watertight.io/v1alpha1\nkind: Segment\nmetadata: {{name: all}}\n\
         spec: {{members: {members}, mode: enforce}}\n"
    );
    if rules.is_empty() {
        return segment;
    }
    format!(
        "{segment}---\napiVersion: watertight.io/v1alpha1\nkind: Policy\nmetadata: {{name: p}}\n\
         spec: {{mode: enforce, rules: [{rules}]}}\n"
    )
}

fn told(arguments: &[&str]) -> Value {
    let output = watertight(arguments);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The legs of a way, each with its decision and what the network does.
fn legs(way: &Value) -> Vec<String> {
    let legs = way["legs"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    legs.map(|leg| {
        let (from, to) = (text(&leg["from"]), text(&leg["to"]));
        let does = text(&leg["network"]["answer"]);
        format!("{from} -> {to} {}: {}, {does}", text(&leg["over"]), text(&leg["decision"]))
    })
    .collect()
}

/// The way through some fronts.
fn way<'a>(answer: &'a Value, through: &str) -> &'a Value {
    let mut ways = answer["ways"].as_array().unwrap().iter();
    ways.find(|way| way["through"] == through).unwrap_or_else(|| panic!("{answer:#}"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// "What terminates and reopens ends one leg and begins the next: ... `NodePorts` that translate the source." A rule
/// about clients once held for pods that never see them.
#[test]
fn a_node_port_that_translates_the_source_ends_the_leg() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw/kubernetes/0/c");
    fs::create_dir_all(&raw).unwrap();
    let source = json!([{"provider": "kubernetes", "account": "0", "regions": ["c"],
        "collected": "2026-11-20T06:31:00Z"}]);
    let estate = json!({"format": "watertight.estate/v1", "sources": source});
    fs::write(folder.path().join("estate.json"), estate.to_string()).unwrap();
    let service = |name: &str, traffic: &str, port: u16| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\n\
             spec: {{type: NodePort, externalTrafficPolicy: {traffic}, selector: {{app: web}}, \
             ports: [{{port: 80, targetPort: http, nodePort: {port}}}]}}\n"
        )
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\n\
               spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}\n";
    let text =
        [pod, &service("spread", "Cluster", 30080), &service("kept", "Local", 30081)].concat();
    fs::write(raw.join("all.yaml"), text).unwrap();
    let client = "outside:c@198.51.100.7";
    let to_web = "to: [{matchLabels: {app: web}}], over: [{tcp: 8080}]";
    let clients = format!("{{action: allow, from: [{{addresses: [198.51.100.0/24]}}], {to_web}}}");
    let ask = |rules: &str, to: &str, over: &str| asked(rules, folder.path(), [client, to, over]);
    let kept = ask(&clients, "shop/kept", "tcp/30081");
    assert_eq!(kept["decision"], "allow", "{kept:#}");
    assert_eq!(legs(&kept["ways"][0]), [format!("{client} -> shop/web tcp/8080: allow, accepted")]);
    // Of the client the pod sees a node, and which one nothing tells.
    let spread = ask(&clients, "shop/spread", "tcp/30080");
    assert_eq!(spread["decision"], "deny", "{spread:#}");
    assert_eq!(
        legs(&spread["ways"][0]),
        [
            format!("{client} -> some node tcp/30080: allow, accepted"),
            "some node -> shop/web tcp/8080: deny, accepted".to_owned(),
        ]
    );
    let assumed = &spread["ways"][0]["legs"][1]["assumed"][0];
    assert_eq!(assumed, "rule 1 of policy p may match, and is taken not to");
    let anybody = format!("{{action: allow, from: [any], {to_web}}}");
    assert_eq!(ask(&anybody, "shop/spread", "tcp/30080")["decision"], "allow");
}

const BALANCER: &str = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/net/payments-internal/84d10d96ddb45ce6";
const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/net/payments-internal/84d10d96ddb45ce6/44089a9c8c87d4ec";
const LINK: &str = "vpce-029fbaaaa5f9b8fc7";

/// The shop with two API gateways and a private link before its load balancer for payments.
fn linked() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("examples/estates/shop"), folder.path());
    let raw = folder.path().join("raw/aws/111122223333/eu-central-1");
    let write = |name: &str, body: Value| {
        let path = raw.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body.to_string()).unwrap();
    };
    let service = "com.amazonaws.vpce.eu-central-1.vpce-svc-0a1b2c3d4e5f60718";
    write(
        "ec2-describe-vpc-endpoint-service-configurations.json",
        json!({"ServiceConfigurations": [{"ServiceId": "vpce-svc-0a1b2c3d4e5f60718", "ServiceName": service,
            "ServiceState": "Available", "NetworkLoadBalancerArns": [BALANCER]}]}),
    );
    let endpoints = raw.join("ec2-describe-vpc-endpoints.json");
    let text = fs::read_to_string(&endpoints).unwrap();
    fs::write(endpoints, text.replace("com.amazonaws.eu-central-1.ssm", service)).unwrap();
    write(
        "apigateway-get-rest-apis.json",
        json!({"items": [{"id": "a1b2c3", "name": "pay-rest", "endpointConfiguration": {"types": ["REGIONAL"]}}]}),
    );
    write(
        "apigateway-get-resources/a1b2c3.json",
        json!({"items": [{"id": "r", "path": "/", "resourceMethods": {"POST": {"methodIntegration":
            {"type": "HTTP_PROXY", "connectionType": "VPC_LINK", "connectionId": "l1",
             "uri": "https://payments.example:8443/charges"}}}}]}),
    );
    write(
        "apigateway-get-vpc-links.json",
        json!({"items": [{"id": "l1", "name": "link", "status": "AVAILABLE", "targetArns": [BALANCER]}]}),
    );
    write(
        "apigatewayv2-get-apis.json",
        json!({"Items": [{"ApiId": "h1", "Name": "pay-http", "ProtocolType": "HTTP"}]}),
    );
    write(
        "apigatewayv2-get-integrations/h1.json",
        json!({"Items": [{"IntegrationId": "1", "IntegrationType": "HTTP_PROXY",
            "ConnectionType": "VPC_LINK", "ConnectionId": "v1", "IntegrationUri": LISTENER}]}),
    );
    folder
}

/// "What terminates and reopens ends one leg and begins the next: ... API gateways, ...".
#[test]
fn an_api_gateway_ends_a_leg_and_its_balancer_the_next() {
    let estate = linked();
    let rule = |from: &str, to: &str, port: u16| {
        format!("{{action: allow, from: [{from}], to: [{to}], over: [{{tcp: {port}}}]}}")
    };
    let balancer = "{matchLabels: {kind: load-balancer, scheme: internal}}";
    let machines = "{matchLabels: {kind: machine, app: payments}}";
    let gateway = "{matchLabels: {aws.type: api}}";
    // The gateway's leg is to the balancer, and that of the balancer to the machines.
    let rules = [
        rule("internet", gateway, 443),
        rule(gateway, balancer, 8443),
        rule(balancer, machines, 8443),
    ];
    let leg = ["internet@198.51.100.7", "payments-1", "tcp/8443"];
    let all = asked(&rules.join(", "), estate.path(), leg);
    for api in ["pay-rest", "pay-http"] {
        let way = way(&all, &format!("{api} and payments-internal"));
        assert_eq!(
            legs(way),
            [
                format!("internet@198.51.100.7 -> {api} tcp/443: allow, accepted"),
                // The provider carries it in ways that no route shows.
                format!("{api} -> payments-internal tcp/8443: allow, unknown"),
                "payments-internal -> payments-1 tcp/8443: allow, accepted".to_owned(),
            ]
        );
    }
    assert_eq!(all["decision"], "allow", "{all:#}");
    // Who would open a leg from the gateway to the machines opens none that there is.
    let past = [rule("internet", gateway, 443), rule(gateway, machines, 8443)].join(", ");
    let past = asked(&past, estate.path(), leg);
    assert_eq!(past["decision"], "deny", "{past:#}");
    let rest = way(&past, "pay-rest and payments-internal");
    assert_eq!(rest["legs"][1]["decision"], "deny", "{past:#}");
}

/// "What terminates and reopens ends one leg and begins the next: ... private-link services, ...".
#[test]
fn a_private_link_ends_a_leg_at_its_endpoint() {
    let estate = linked();
    let answer = asked("", estate.path(), ["web-1", LINK, "tcp/8443"]);
    let beyond: Vec<String> = answer["ways"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|way| way["beyond"] == true)
        .flat_map(legs)
        .collect();
    assert_eq!(beyond[0], "ssm -> payments-internal tcp/8443: deny, unknown", "{answer:#}");
    let target = |one: u8| {
        // Its health checks go to the port of the traffic.
        format!("payments-internal -> payments-{one} tcp/8443: allow, accepted")
    };
    assert_eq!(beyond[1..], [target(1), target(2), target(3), target(4)]);
    let through = asked("", estate.path(), ["web-1", "payments-1", "tcp/8443"]);
    let way = way(&through, "ssm and payments-internal");
    assert_eq!(legs(way)[2], target(1), "{through:#}");
}

/// What is simulated and planned is about the true legs: the machines see the balancer and not who calls it.
#[test]
fn what_is_simulated_and_planned_lets_the_balancer_in_and_nobody_behind_it() {
    let estate = linked();
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("policy.yaml"), folder.path().join("change.plan"));
    fs::write(&file, policy("{matchLabels: {app: payments, kind: machine}}", "")).unwrap();
    let (file, path) = (file.to_str().unwrap(), estate.path().to_str().unwrap());
    let simulated = told(&["simulate", file, "--estate", path, "-f", "json"]);
    let closed = simulated["closed"].as_array().unwrap();
    let from = |end: &str| {
        closed.iter().filter(|pair| pair["from"].as_str().unwrap().contains(end)).count()
    };
    assert!(!closed.is_empty());
    assert_eq!((from("loadbalancer/net/payments-internal"), from("a1b2c3"), from(LINK)), (0, 0, 0));
    let output =
        watertight(&["plan", file, "--estate", path, "--widen", "-o", out.to_str().unwrap()]);
    let plan =
        fs::read(out).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let plan: Value = serde_json::from_slice(&plan).unwrap();
    let [group] = &plan["groups"].as_array().unwrap()[..] else { panic!("{plan:#}") };
    let peers = group["ingress"].as_array().unwrap().iter();
    let peers: Vec<&str> = peers.map(|rule| rule["peer"].as_str().unwrap()).collect();
    assert_eq!(peers, ["10.10.40.8/32", "10.10.41.8/32"], "the balancer's own addresses");
}
