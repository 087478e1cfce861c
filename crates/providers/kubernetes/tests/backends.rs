//! What is behind services: families, lists of addresses, names of names, and clients that are hidden.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod read;

use watertight_kubernetes::Options;
use watertight_model::{Disposition, Estate};
use watertight_net::{Family, FlowSet};
use watertight_reach::Reach;
use watertight_reach::ends::{resolve_destination, resolve_start};

/// A pod that asks, one that anybody may reach, and one that admits the first alone.
const PODS: &str = "
{apiVersion: v1, kind: Pod, metadata: {name: asks, namespace: shop, labels: {app: asks}}, spec: {containers: [{name: c}]}, status: {podIPs: [{ip: 10.1.0.1}, {ip: 'fd00::1'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: open, namespace: shop, labels: {app: open}}, spec: {containers: [{name: c}]}, status: {podIPs: [{ip: 10.1.0.2}, {ip: 'fd00::2'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: shut, namespace: shop, labels: {app: shut}}, spec: {containers: [{name: c}]}, status: {podIPs: [{ip: 10.1.0.3}, {ip: 'fd00::3'}]}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: shut, namespace: shop}, spec: {podSelector: {matchLabels: {app: shut}}, ingress: [{from: [{podSelector: {matchLabels: {app: asks}}}]}, {ports: [{port: 9090}]}]}}
---
";
const CLIENT: &str = "outside:cluster@198.51.100.7";

fn service(name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: shop}}, spec: {{{spec}}}}}\n---\n"
    )
}

fn estate(services: &str) -> Estate {
    let text = format!("{PODS}{services}");
    read::read(&text, &Options { services: true, ..Options::default() }).estate
}

/// What becomes of a connection over a family: the dispositions of all its parts, each once.
fn over(
    estate: &Estate,
    family: Family,
    (from, to): (&str, &str),
    flows: &str,
) -> Vec<Disposition> {
    let network = &estate.network;
    let reach = Reach::new(network);
    let flows: FlowSet = flows.parse().unwrap();
    let end = resolve_destination(estate, to).unwrap();
    let mut found = Vec::new();
    for start in resolve_start(estate, from).unwrap().starts(network, family) {
        for target in end.targets(network).iter().filter(|target| target.family() == family) {
            let parts = reach.ask(&start, target, &flows).into_iter();
            found.extend(parts.map(|part| part.disposition));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn ask(estate: &Estate, from: &str, to: &str, flows: &str) -> Vec<Disposition> {
    over(estate, Family::V4, (from, to), flows)
}

/// Source: Kubernetes, *`IPv4/IPv6` dual-stack*, "Services".
#[test]
fn a_service_is_served_over_its_own_families_alone() {
    let spec = "type: NodePort, externalTrafficPolicy: Local, selector: {app: open}, ports: [{port: 80, nodePort: 30080}]";
    let of = |families: &str| estate(&service("s", &format!("{families}, {spec}")));
    let v6 = "outside:cluster@2001:db8::7";
    for (families, over_v4, over_v6) in [
        ("clusterIP: 10.96.0.9", true, false),
        ("clusterIP: 'fd00:96::9', clusterIPs: ['fd00:96::9']", false, true),
        ("ipFamilies: [IPv6]", false, true),
        ("clusterIPs: [10.96.0.9, 'fd00:96::9']", true, true),
        ("ipFamilyPolicy: RequireDualStack", true, true),
    ] {
        let estate = of(families);
        let is = |family, from, flows| {
            over(&estate, family, (from, "shop/s"), flows).contains(&Disposition::Accepted)
        };
        assert_eq!(is(Family::V4, "shop/asks", "tcp/80"), over_v4, "{families}");
        assert_eq!(is(Family::V6, "shop/asks", "tcp/80"), over_v6, "{families}");
        assert_eq!(is(Family::V4, CLIENT, "tcp/30080"), over_v4, "{families}");
        assert_eq!(is(Family::V6, v6, "tcp/30080"), over_v6, "{families}");
    }
}

/// Source: Kubernetes, *`EndpointSlices`*, "Ownership" and "`EndpointSlice` mirroring".
#[test]
fn a_slice_is_its_labels_service_and_endpoints_are_that_of_their_name() {
    let plain = service("s", "clusterIP: 10.96.0.9, ports: [{port: 80}]");
    let slice = |labels: &str, address: &str| {
        format!(
            "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: s, namespace: shop{labels}}}, addressType: IPv4, endpoints: [{{addresses: [{address}]}}], ports: [{{port: 80}}]}}\n---\n"
        )
    };
    let endpoints = |label: &str| {
        format!(
            "{{apiVersion: v1, kind: Endpoints, metadata: {{name: s, namespace: shop, labels: {{{label}}}}}, subsets: [{{addresses: [{{ip: 10.1.0.2}}], ports: [{{port: 80}}]}}]}}\n---\n"
        )
    };
    let asked =
        |lists: &str| ask(&estate(&format!("{plain}{lists}")), "shop/asks", "shop/s", "tcp/80");
    let own = ", labels: {kubernetes.io/service-name: s}";
    assert_eq!(asked(&slice(own, "10.1.0.2")), [Disposition::Accepted]);
    assert_eq!(asked(&slice("", "10.1.0.2")), [Disposition::Unknown]);
    assert_eq!(asked(&endpoints("kubernetes.io/service-name: other")), [Disposition::Accepted]);
    let skipped = endpoints("endpointslice.kubernetes.io/skip-mirror: 'true'");
    assert_eq!(asked(&skipped), [Disposition::Unknown]);
    // A pod is led to over the family of the address that is listed.
    let both = service("s", "clusterIPs: [10.96.0.9, 'fd00:96::9'], ports: [{port: 80}]");
    let found = estate(&format!("{both}{}", slice(own, "10.1.0.2")));
    let v6 = over(&found, Family::V6, ("shop/asks", "shop/s"), "tcp/80");
    assert_eq!(v6, [Disposition::DeniedIn]);
}

/// Source: Kubernetes API reference, `EndpointSlice`, `Endpoint.nodeName`.
#[test]
fn what_is_on_no_node_that_is_told_is_on_nobodys_own() {
    let list = |node: &str| {
        format!(
            "{{apiVersion: v1, kind: Endpoints, metadata: {{name: s, namespace: shop}}, subsets: [{{addresses: [{{ip: 10.1.0.2{node}}}, {{ip: 203.0.113.9{node}}}], ports: [{{port: 80}}]}}]}}\n---\n"
        )
    };
    let of = |policy: &str, node: &str| {
        let plain = service("s", &format!("clusterIP: 10.96.0.9, ports: [{{port: 80}}]{policy}"));
        ask(&estate(&format!("{plain}{}", list(node))), "shop/asks", "shop/s", "tcp/80")
    };
    let everywhere = [Disposition::Accepted, Disposition::ExitsNetwork];
    assert_eq!(of("", ""), everywhere);
    let local = ", internalTrafficPolicy: Local";
    assert_eq!(of(local, ", nodeName: n"), [Disposition::Unknown]);
    assert_eq!(of(local, ""), [Disposition::DeniedIn]);
}

#[test]
fn a_headless_service_is_addresses_that_no_pod_has_too() {
    let list = "{apiVersion: v1, kind: Endpoints, metadata: {name: s, namespace: shop}, subsets: [{addresses: [{ip: 10.1.0.2}, {ip: 203.0.113.9}]}]}\n---\n";
    let estate = estate(&format!("{}{list}", service("s", "clusterIP: None")));
    let found = ask(&estate, "shop/asks", "shop/s", "tcp/5432");
    assert_eq!(found, [Disposition::Accepted, Disposition::ExitsNetwork]);
}

/// Source: Kubernetes, *Service*, "type: `ExternalName`".
#[test]
fn a_name_that_stands_for_a_name_leads_on_and_is_for_those_within() {
    let name = |name: &str, of: &str| {
        let spec = format!("type: ExternalName, externalName: {of}.shop.svc.cluster.local");
        service(name, &spec)
    };
    let balanced = "type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: open}, ports: [{port: 80, nodePort: 30080}]";
    // Whatever the order of their names.
    let all = [name("a", "c"), name("c", "b"), name("b", "s"), service("s", balanced)].concat();
    let estate = estate(&all);
    for alias in ["shop/a", "shop/b", "shop/c"] {
        assert_eq!(ask(&estate, "shop/asks", alias, "tcp/80"), [Disposition::Accepted], "{alias}");
        assert_eq!(ask(&estate, CLIENT, alias, "tcp/80"), [Disposition::DeniedIn], "{alias}");
    }
    let circle = self::estate(&[name("a", "b"), name("b", "a")].concat());
    assert_eq!(ask(&circle, "shop/asks", "shop/a", "tcp/80"), []);
}

/// Source: Kubernetes API reference, `ServiceSpec.loadBalancerSourceRanges`: they restrict what comes by
/// the load balancer.
#[test]
fn what_comes_by_an_external_address_passes_no_ranges() {
    let spec = "type: LoadBalancer, externalTrafficPolicy: Local, loadBalancerSourceRanges: [192.0.2.0/24], externalIPs: [203.0.113.5], selector: {app: open}, ports: [{port: 80, nodePort: 30080}]";
    let balancer = "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: shop}, spec: {SPEC}, status: {loadBalancer: {ingress: [{ip: 203.0.113.6}]}}}\n---\n".replace("SPEC", spec);
    let estate = estate(&balancer);
    assert_eq!(ask(&estate, CLIENT, "203.0.113.5", "tcp/80"), [Disposition::Accepted]);
    assert_eq!(ask(&estate, CLIENT, "203.0.113.6", "tcp/80"), [Disposition::DeniedIn]);
    assert_eq!(ask(&estate, CLIENT, "203.0.113.6", "tcp/30080"), [Disposition::Accepted]);
}

/// Source: Kubernetes, *Network Policies*: a policy may see the node of the pod in the place of a client,
/// and that node is always let in.
#[test]
fn a_client_behind_a_node_may_be_the_pods_own_node() {
    let of = |app: &str, policy: &str| {
        let spec = format!(
            "type: NodePort{policy}, selector: {{app: {app}}}, ports: [{{name: a, port: 80, nodePort: 30080}}, {{name: b, port: 9090, nodePort: 30090}}]"
        );
        let estate = estate(&service("s", &spec));
        let at = |flows| {
            let mut found = ask(&estate, CLIENT, "shop/s", flows);
            // The cluster IP beside it is nobody's outside.
            found.retain(|one| *one != Disposition::DeniedIn);
            found
        };
        (at("tcp/30080"), at("tcp/30090"))
    };
    let accepted = vec![Disposition::Accepted];
    assert_eq!(of("open", ""), (accepted.clone(), accepted.clone()));
    // The first port is for one pod alone, the second for anybody.
    assert_eq!(of("shut", ""), (vec![Disposition::Unknown], accepted.clone()));
    assert_eq!(of("shut", ", externalTrafficPolicy: Local"), (Vec::new(), accepted));
}

/// Source: Kubernetes, *Service*, "type: `NodePort`".
#[test]
fn a_port_of_nodes_that_is_named_is_not_the_one_that_is_not() {
    let spec = |ranges: &str| {
        format!(
            "type: LoadBalancer, externalTrafficPolicy: Local{ranges}, selector: {{app: open}}, ports: [{{name: a, port: 80}}, {{name: b, port: 443, nodePort: 30443}}]"
        )
    };
    for ranges in ["", ", loadBalancerSourceRanges: [192.0.2.0/24]"] {
        let estate = estate(&service("s", &spec(ranges)));
        let at = |flows| ask(&estate, CLIENT, "shop/s", flows);
        assert!(at("tcp/30443").contains(&Disposition::Accepted), "{ranges}");
        assert!(!at("tcp/30443").contains(&Disposition::Unknown), "{ranges}");
        assert!(at("tcp/30444").contains(&Disposition::Unknown), "{ranges}");
    }
}

/// Whether something is ready changes by itself, from one moment to the next, and no policy decides it:
/// whatever may become ready is reached.
#[test]
fn what_is_not_ready_counts_as_what_is() {
    let pod = |conditions: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: slow, namespace: shop, labels: {{app: slow}}}}, spec: {{containers: [{{name: c}}]}}, status: {{podIPs: [{{ip: 10.1.0.9}}]{conditions}}}}}\n---\n"
        )
    };
    let selecting = |words: &str| {
        service(
            "s",
            &format!("clusterIP: 10.96.0.9, selector: {{app: slow}}, ports: [{{port: 80}}]{words}"),
        )
    };
    let plain = service("s", "clusterIP: 10.96.0.9, ports: [{port: 80}]");
    let slice = |conditions: &str| {
        format!(
            "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: s, namespace: shop, labels: {{kubernetes.io/service-name: s}}}}, addressType: IPv4, endpoints: [{{addresses: [10.1.0.9]{conditions}}}], ports: [{{port: 80}}]}}\n---\n"
        )
    };
    let endpoints = |key: &str| {
        format!(
            "{{apiVersion: v1, kind: Endpoints, metadata: {{name: s, namespace: shop}}, subsets: [{{{key}: [{{ip: 10.1.0.9}}], ports: [{{port: 80}}]}}]}}\n---\n"
        )
    };
    let unready = ", conditions: [{type: Ready, status: 'False'}]";
    let ready = pod("");
    for objects in [
        format!("{}{}", pod(unready), selecting("")),
        format!("{}{}", pod(unready), selecting(", publishNotReadyAddresses: true")),
        format!("{ready}{plain}{}", slice("")),
        format!("{ready}{plain}{}", slice(", conditions: {ready: true}")),
        format!("{ready}{plain}{}", slice(", conditions: {ready: false}")),
        format!(
            "{ready}{plain}{}",
            slice(", conditions: {ready: false, serving: false, terminating: true}")
        ),
        format!("{ready}{plain}{}", endpoints("addresses")),
        format!("{ready}{plain}{}", endpoints("notReadyAddresses")),
    ] {
        let found = ask(&estate(&objects), "shop/asks", "shop/s", "tcp/80");
        assert_eq!(found, [Disposition::Accepted], "{objects}");
    }
    // A policy that names a service means what is not ready behind it, too.
    let named = |key: &str| {
        let policy = "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: n, namespace: shop}, spec: {endpointSelector: {matchLabels: {app: asks}}, egress: [{toServices: [{k8sService: {serviceName: s, namespace: shop}}]}]}}\n---\n";
        let list = endpoints(key).replace("10.1.0.9", "203.0.113.9");
        ask(
            &estate(&format!("{plain}{list}{policy}")),
            "shop/asks",
            "outside:cluster@203.0.113.9",
            "tcp/80",
        )
    };
    assert_eq!(named("addresses"), [Disposition::ExitsNetwork]);
    assert_eq!(named("notReadyAddresses"), [Disposition::ExitsNetwork]);
}
