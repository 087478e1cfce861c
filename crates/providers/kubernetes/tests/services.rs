//! Services as ends that packets are sent to.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod read;

use std::collections::BTreeSet;

use watertight_kubernetes::Options;
use watertight_model::{Disposition, Estate};
use watertight_net::{Family, FlowSet};
use watertight_reach::Reach;
use watertight_reach::ends::{resolve_destination, resolve_start};

const PODS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec: {template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, ports: [{name: sql, containerPort: 5433}]}]}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5433}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{ipBlock: {cidr: 198.51.100.0/25}}]}]
  egress: [{to: [{podSelector: {matchLabels: {app: db}}}, {ipBlock: {cidr: 203.0.113.9/32}}], ports: [{port: 5433}]}]
---
";

fn estate(services: &str) -> Estate {
    let text = format!("{PODS}{services}");
    read::read(&text, &Options { services: true, ..Options::default() }).estate
}

/// What becomes of flows, with the flows for which connections can surely be established.
fn ask(estate: &Estate, from: &str, to: &str, over: &str) -> Vec<(Disposition, String)> {
    let network = &estate.network;
    let reach = Reach::new(network);
    let flows: FlowSet = over.parse().unwrap();
    let (start, end) =
        (resolve_start(estate, from).unwrap(), resolve_destination(estate, to).unwrap());
    let mut found = Vec::new();
    for start in start.starts(network, Family::V4) {
        for target in end.targets(network) {
            for part in reach.ask(&start, &target, &flows) {
                found.push((part.disposition, part.established.sure.to_string()));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn accepted(over: &str) -> Vec<(Disposition, String)> {
    vec![(Disposition::Accepted, over.to_owned())]
}

fn stopped(disposition: Disposition) -> Vec<(Disposition, String)> {
    vec![(disposition, FlowSet::none().to_string())]
}

#[test]
fn a_cluster_ip_leads_to_the_pods_at_their_port() {
    let estate = estate(
        "{apiVersion: v1, kind: Service, metadata: {name: data, namespace: shop}, spec: {clusterIP: 10.96.0.20, selector: {app: db}, ports: [{port: 5432, targetPort: sql}]}}",
    );
    for name in ["shop/data", "shop/data[Service]", "data.shop.svc", "k8s:shop/data", "10.96.0.20"]
    {
        assert_eq!(ask(&estate, "shop/web", name, "tcp/5432"), accepted("tcp/5432"), "{name}");
    }
    // Policies are about the port of the pods, and the service listens on its own alone.
    let other = ask(&estate, "shop/web", "shop/data", "tcp/5433");
    assert_eq!(other, stopped(Disposition::DeniedIn));
    // To itself nothing is refused.
    assert_eq!(ask(&estate, "shop/db", "shop/data", "tcp/5432"), accepted("tcp/5432"));
    let outside = ask(&estate, "outside:cluster@198.51.100.7", "shop/data", "tcp/5432");
    assert_eq!(outside, stopped(Disposition::DeniedIn));
}

/// Pods on their host's network have its address: who has the port is meant, as at a control plane.
#[test]
fn an_address_of_several_pods_is_that_of_the_one_with_the_port() {
    let pod = |name: &str, port: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: system, labels: {{app: {name}}}}}, spec: {{hostNetwork: true, containers: [{{name: c{port}}}]}}, status: {{podIP: 192.168.1.10, podIPs: [{{ip: 192.168.1.10}}]}}}}\n---\n"
        )
    };
    let closed = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: n, namespace: system}, spec: {podSelector: {matchLabels: {app: aetcd}}}}\n---\n";
    let service = "{apiVersion: v1, kind: Service, metadata: {name: kubernetes, namespace: shop}, spec: {clusterIP: 10.96.0.1, ports: [{name: https, port: 443, targetPort: 6443}]}}\n---\n{apiVersion: v1, kind: Endpoints, metadata: {name: kubernetes, namespace: shop}, subsets: [{addresses: [{ip: 192.168.1.10}], ports: [{name: https, port: 6443}]}]}\n---\n";
    let sender = "{apiVersion: v1, kind: Pod, metadata: {name: asks, namespace: shop}, spec: {containers: [{name: c}]}}\n---\n";
    let listens = ", ports: [{containerPort: 6443}]";
    let with = |port: &str| {
        let text = format!("{sender}{}{}{closed}{service}", pod("aetcd", ""), pod("api", port));
        read::read(&text, &Options { services: true, ..Options::default() }).estate
    };
    let over = "tcp/443";
    assert_eq!(ask(&with(listens), "shop/asks", "shop/kubernetes", over), accepted(over));
    let untold = ask(&with(""), "shop/asks", "shop/kubernetes", over);
    assert!(untold.iter().any(|(found, _)| *found == Disposition::Unknown), "{untold:?}");
}

#[test]
fn a_policy_for_what_goes_out_is_about_the_pods_behind_a_service() {
    let services = "{apiVersion: v1, kind: Service, metadata: {name: front, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}}";
    let estate = estate(services);
    // The pods refuse what is no address of the block.
    let found = ask(&estate, "shop/db", "shop/front", "tcp/80");
    assert_eq!(found, stopped(Disposition::DeniedIn));
}

#[test]
fn a_headless_service_is_its_pods() {
    let estate = estate(
        "{apiVersion: v1, kind: Service, metadata: {name: db, namespace: shop}, spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432, targetPort: sql}]}}",
    );
    assert_eq!(ask(&estate, "shop/web", "shop/db[Service]", "tcp/5433"), accepted("tcp/5433"));
    let translated = ask(&estate, "shop/web", "shop/db[Service]", "tcp/5432");
    assert_eq!(translated, stopped(Disposition::DeniedOut));
    // A workload of the same name comes first.
    assert_eq!(ask(&estate, "shop/web", "shop/db", "tcp/5433"), accepted("tcp/5433"));
}

#[test]
fn a_service_without_selector_leads_where_its_endpoints_are() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: far, namespace: shop}, spec: {ports: [{port: 5432}]}}";
    let known = format!(
        "{service}\n---\n{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: far-1, namespace: shop, labels: {{kubernetes.io/service-name: far}}}}, addressType: IPv4, endpoints: [{{addresses: [203.0.113.9]}}], ports: [{{port: 5433, protocol: TCP}}]}}"
    );
    let found = ask(&estate(&known), "shop/web", "shop/far", "tcp/5432");
    assert_eq!(found, vec![(Disposition::ExitsNetwork, "tcp/5432".to_owned())]);
    let found = ask(&estate(service), "shop/web", "shop/far", "tcp/5432");
    assert_eq!(found, stopped(Disposition::Unknown));
}

#[test]
fn a_service_that_selects_no_pod_refuses() {
    let estate = estate(
        "{apiVersion: v1, kind: Service, metadata: {name: none, namespace: shop}, spec: {selector: {app: none}, ports: [{port: 80}]}}",
    );
    let found = ask(&estate, "shop/web", "shop/none", "tcp/80");
    assert_eq!(found, stopped(Disposition::DeniedIn));
}

#[test]
fn an_external_name_is_another_service_or_not_known() {
    let estate = estate(
        "{apiVersion: v1, kind: Service, metadata: {name: data, namespace: shop}, spec: {selector: {app: db}, ports: [{port: 5432, targetPort: 5433}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: alias, namespace: shop}, spec: {type: ExternalName, externalName: data.shop.svc.cluster.local}}
---
{apiVersion: v1, kind: Service, metadata: {name: far, namespace: shop}, spec: {type: ExternalName, externalName: db.example.com}}",
    );
    assert_eq!(ask(&estate, "shop/web", "shop/alias", "tcp/5432"), accepted("tcp/5432"));
    let end = resolve_destination(&estate, "shop/far").unwrap();
    assert!(end.targets(&estate.network).is_empty());
}

#[test]
fn what_comes_from_outside_keeps_its_source_where_the_policy_says_local() {
    let service = |policy: &str| {
        format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: front, namespace: shop}}, spec: {{type: LoadBalancer, externalTrafficPolicy: {policy}, loadBalancerSourceRanges: [198.51.100.0/24], selector: {{app: web}}, ports: [{{port: 80, targetPort: http, nodePort: 30080}}]}}}}"
        )
    };
    let ask_at = |estate: &Estate, from: &str, over: &str| {
        let mut found = ask(estate, &format!("outside:cluster@{from}"), "shop/front", over);
        // The cluster IP beside it is nobody's outside.
        found.retain(|one| *one != (Disposition::DeniedIn, FlowSet::none().to_string()));
        found
    };
    let local = estate(&service("Local"));
    assert_eq!(ask_at(&local, "198.51.100.7", "tcp/80"), accepted("tcp/80"));
    assert_eq!(ask_at(&local, "198.51.100.7", "tcp/30080"), accepted("tcp/30080"));
    // Refused by the pods' policy, then by the balancer's ranges.
    assert_eq!(ask_at(&local, "198.51.100.200", "tcp/80"), Vec::new());
    assert_eq!(ask_at(&local, "192.0.2.1", "tcp/80"), Vec::new());
    // A node in the client's place may be in the policy's block or not.
    let cluster = estate(&service("Cluster"));
    let found = ask_at(&cluster, "198.51.100.7", "tcp/80");
    assert_eq!(found, stopped(Disposition::Unknown));
    assert_eq!(ask_at(&cluster, "192.0.2.1", "tcp/80"), Vec::new());
}

#[test]
fn a_node_port_that_no_manifest_names_is_one_of_its_range() {
    let estate = estate(
        "{apiVersion: v1, kind: Service, metadata: {name: data, namespace: shop}, spec: {type: NodePort, selector: {app: db}, ports: [{port: 5432, targetPort: sql}]}}",
    );
    let from = "outside:cluster@198.51.100.7";
    let found = ask(&estate, from, "shop/data", "tcp/30080");
    assert!(found.iter().any(|(disposition, _)| *disposition == Disposition::Unknown));
    let found = ask(&estate, from, "shop/data", "tcp/80");
    assert_eq!(found, stopped(Disposition::DeniedIn));
}

#[test]
fn traffic_that_stays_on_its_node_is_not_known_to_arrive() {
    let estate = estate(
        "{apiVersion: v1, kind: Service, metadata: {name: data, namespace: shop}, spec: {internalTrafficPolicy: Local, selector: {app: db}, ports: [{port: 5432, targetPort: sql}]}}",
    );
    let found = ask(&estate, "shop/web", "shop/data", "tcp/5432");
    assert_eq!(found, stopped(Disposition::Unknown));
}

#[test]
fn services_are_no_ends_unless_they_are_wanted() {
    let text = format!(
        "{PODS}{{apiVersion: v1, kind: Service, metadata: {{name: data, namespace: shop}}, spec: {{selector: {{app: db}}, ports: [{{port: 5432}}]}}}}"
    );
    let estate = read::read(&text, &Options::default()).estate;
    assert_eq!(estate.workloads.len(), 2);
    assert!(resolve_destination(&estate, "shop/data").is_err());
}

#[test]
fn who_reaches_whom_is_the_same_with_services_as_without() {
    let services = "{apiVersion: v1, kind: Service, metadata: {name: data, namespace: shop}, spec: {clusterIP: 10.96.0.20, selector: {app: db}, ports: [{port: 5432, targetPort: sql}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: front, namespace: shop}, spec: {type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80, targetPort: http}]}}";
    let (with, without) = (estate(services), estate(""));
    let matrix = |estate: &Estate| {
        let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
        let cells = matrix.cells().map(|(pair, cell)| (pair, cell.clone()));
        (matrix.classes.len(), cells.collect::<Vec<_>>())
    };
    assert_eq!(matrix(&with), matrix(&without));
}

/// Whom services lead clients outside to: the service, the clients, what they send, and the pod's port.
fn led(estate: &Estate) -> Vec<String> {
    let reach = Reach::new(&estate.network);
    let name = |id| &estate.workloads[estate.network.endpoints[id].workload].name;
    let found = reach.led(&reach.matrix(&BTreeSet::new()));
    let each = found.iter().map(|one| {
        let to = one.to.map_or("?", |to| name(to).as_str());
        let prefixes = one.addresses.prefixes();
        let from = if prefixes.len() == 1 { prefixes[0].to_string() } else { "several".to_owned() };
        let sure = one.forward.sure == one.forward.possible;
        let perhaps = if sure { "" } else { "perhaps " };
        format!("{} {from} {perhaps}{} {to} {}", name(one.at), one.forward.possible, one.behind)
    });
    each.collect()
}

#[test]
fn what_services_lead_in_is_told_with_the_clients_that_policies_admit() {
    let service = |more: &str| {
        format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: front, namespace: shop}}, spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: http, nodePort: 30080}}]{more}}}}}"
        )
    };
    assert_eq!(led(&estate(&service(""))), Vec::<String>::new());
    let local = led(&estate(&service(", type: NodePort, externalTrafficPolicy: Local")));
    assert_eq!(local, ["shop/front 198.51.100.0/25 tcp/30080 shop/web tcp/8080"]);
    let balanced = ", type: LoadBalancer, externalTrafficPolicy: Local, loadBalancerSourceRanges: [198.51.100.64/26]";
    assert_eq!(
        led(&estate(&service(balanced))),
        [
            "shop/front 198.51.100.64/26 tcp/80 shop/web tcp/8080",
            "shop/front 198.51.100.0/25 tcp/30080 shop/web tcp/8080",
        ]
    );
    // A node in the place of any client may be in the policy's block.
    let hidden = led(&estate(&service(", type: NodePort")));
    assert_eq!(hidden, ["shop/front several perhaps tcp/30080 ? tcp/8080"]);
}

#[test]
fn a_service_that_is_opened_to_outside_is_a_difference() {
    let service = |kind: &str| {
        format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: front, namespace: shop}}, spec: {{type: {kind}, externalTrafficPolicy: Local, selector: {{app: web}}, ports: [{{port: 80, targetPort: http}}]}}}}"
        )
    };
    let (before, after) = (estate(&service("ClusterIP")), estate(&service("LoadBalancer")));
    let changes = watertight_reach::diff(&before, &after);
    let added: Vec<(&str, &str, &str)> = changes
        .iter()
        .filter(|change| !change.after.sure.is_empty())
        .map(|change| (change.word(), change.from.as_str(), change.to.as_str()))
        .collect();
    assert_eq!(added, [("added", "outside:cluster@198.51.100.0/25", "shop/front[Service]")]);
    assert_eq!(watertight_reach::diff(&after, &after), []);
}

#[test]
fn the_address_that_a_pod_has_is_the_pod() {
    let estate = estate(
        "{apiVersion: v1, kind: Pod, metadata: {name: one, namespace: shop, labels: {app: db}}, spec: {containers: [{name: c}]}, status: {podIP: 10.244.1.7}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: two, namespace: shop, labels: {app: web}}, spec: {containers: [{name: c}]}, status: {podIP: 10.244.1.8}}",
    );
    for to in ["10.244.1.7", "shop/one", "shop/one@10.244.1.7"] {
        assert_eq!(ask(&estate, "10.244.1.8", to, "tcp/5433"), accepted("tcp/5433"), "{to}");
        assert_eq!(
            ask(&estate, "10.244.1.8", to, "tcp/80"),
            stopped(Disposition::DeniedOut),
            "{to}"
        );
    }
    let elsewhere = ask(&estate, "shop/two", "203.0.113.9", "tcp/5433");
    assert!(elsewhere.iter().all(|(disposition, _)| *disposition == Disposition::ExitsNetwork));
}
