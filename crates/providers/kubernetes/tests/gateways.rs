//! Which routes gateways take, and where these lead.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod read;

use std::collections::BTreeSet;

use watertight_kubernetes::{Converted, Options};
use watertight_reach::{Class, Matrix, Reach};

const CLUSTER: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {open: web}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: ops}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {containers: [{name: c}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}
---
";

fn read(text: &str) -> Converted {
    let text = format!("{CLUSTER}{text}");
    read::read(&text, &Options::default())
}

/// What a front establishes with the pod, and what the front hears; none where there is no front.
fn leads(converted: &Converted, front: &str) -> Option<(String, String)> {
    let estate = &converted.estate;
    let front = estate.network.fronts.values().find(|one| *one.name == *front)?;
    let pod = estate.workloads.values().find(|one| *one.name == *"shop/web").unwrap();
    let matrix: Matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
    let cell = |from, to| matrix.between(from, to).cloned().unwrap_or_default().established.sure;
    let (own, pod) = (front.endpoints[0], pod.endpoints[0]);
    Some((cell(own, pod).to_string(), cell(pod, own).to_string()))
}

fn pair(to_pod: &str, hears: &str) -> (String, String) {
    (to_pod.to_owned(), hears.to_owned())
}

fn gateway(namespace: &str, listeners: &str) -> String {
    format!(
        "{{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {{name: edge, namespace: {namespace}}}, spec: {{listeners: [{listeners}]}}}}\n---\n"
    )
}

fn http_route(namespace: &str, parent: &str, rest: &str) -> String {
    format!(
        "{{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {{name: r, namespace: {namespace}}}, spec: {{parentRefs: [{{name: edge, {parent}}}], {rest}}}}}\n---\n"
    )
}

const TO_WEB: &str = "rules: [{backendRefs: [{name: web, namespace: shop, port: 80}]}]";

#[test]
fn a_listener_takes_routes_of_its_own_namespace_unless_it_says_otherwise() {
    let listener = |allowed: &str| format!("{{name: a, protocol: HTTP, port: 80{allowed}}}");
    let route = http_route("shop", "namespace: ops", TO_WEB);
    let of = |allowed: &str| {
        leads(&read(&format!("{}{route}", gateway("ops", &listener(allowed)))), "gateway ops/edge")
    };
    assert_eq!(of(""), None);
    assert_eq!(of(", allowedRoutes: {namespaces: {from: Same}}"), None);
    assert_eq!(of(", allowedRoutes: {namespaces: {from: None}}"), None);
    let taken = Some(pair("tcp/8080", "tcp/80"));
    assert_eq!(of(", allowedRoutes: {namespaces: {from: All}}"), taken);
    let selector = |label: &str| {
        format!(
            ", allowedRoutes: {{namespaces: {{from: Selector, selector: {{matchLabels: {{open: {label}}}}}}}}}"
        )
    };
    assert_eq!(of(&selector("web")), taken);
    assert_eq!(of(&selector("other")), None);
    let same = format!(
        "{}{}",
        gateway("shop", &listener("")),
        http_route("shop", "group: gateway.networking.k8s.io", TO_WEB)
    );
    assert_eq!(leads(&read(&same), "gateway shop/edge"), taken);
}

#[test]
fn a_listener_takes_the_kinds_of_its_protocol_or_those_that_it_lists() {
    let route = http_route("shop", "kind: Gateway", TO_WEB);
    let of = |listener: &str| {
        leads(&read(&format!("{}{route}", gateway("shop", listener))), "gateway shop/edge")
    };
    assert_eq!(of("{name: a, protocol: TCP, port: 80}"), None);
    assert_eq!(
        of("{name: a, protocol: HTTP, port: 80, allowedRoutes: {kinds: [{kind: GRPCRoute}]}}"),
        None
    );
    let listed = "{name: a, protocol: HTTP, port: 80, allowedRoutes: {kinds: [{kind: HTTPRoute}]}}";
    assert_eq!(of(listed), Some(pair("tcp/8080", "tcp/80")));
}

#[test]
fn a_route_may_ask_for_one_listener_and_must_share_its_host() {
    let two = "{name: a, protocol: HTTP, port: 80, hostname: '*.example.com'}, {name: b, protocol: HTTPS, port: 443, hostname: pay.example.com}";
    let of = |parent: &str, hosts: &str| {
        let route = http_route("shop", parent, &format!("hostnames: [{hosts}], {TO_WEB}"));
        leads(&read(&format!("{}{route}", gateway("shop", two))), "gateway shop/edge")
    };
    let taken = |hears: &str| Some(pair("tcp/8080", hears));
    assert_eq!(of("kind: Gateway", "pay.example.com"), taken("tcp/80,443"));
    assert_eq!(of("kind: Gateway", "www.example.com"), taken("tcp/80"));
    assert_eq!(of("kind: Gateway", "example.com"), None);
    assert_eq!(of("sectionName: b", "pay.example.com"), taken("tcp/443"));
    assert_eq!(of("port: 80", "pay.example.com"), taken("tcp/80"));
}

#[test]
fn another_namespace_is_led_to_only_where_it_grants_that() {
    let listener = "{name: a, protocol: HTTP, port: 80}";
    let of = |grant: &str| {
        let route = http_route("ops", "kind: Gateway", TO_WEB);
        let text = format!("{}{route}{grant}", gateway("ops", listener));
        leads(&read(&text), "gateway ops/edge").unwrap().0
    };
    let grant = |namespace: &str, from: &str, to: &str| {
        format!(
            "{{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {{name: g, namespace: {namespace}}}, spec: {{from: [{{group: gateway.networking.k8s.io, kind: {from}, namespace: ops}}], to: [{{group: '', kind: Service{to}}}]}}}}"
        )
    };
    assert_eq!(of(""), "none");
    assert_eq!(of(&grant("shop", "HTTPRoute", "")), "tcp/8080");
    assert_eq!(of(&grant("shop", "HTTPRoute", ", name: web")), "tcp/8080");
    assert_eq!(of(&grant("shop", "HTTPRoute", ", name: other")), "none");
    assert_eq!(of(&grant("shop", "GRPCRoute", "")), "none");
    assert_eq!(of(&grant("ops", "HTTPRoute", "")), "none");
}

#[test]
fn a_backend_without_weight_gets_nothing_and_a_mirror_does() {
    let of = |rules: &str| {
        let route = http_route("shop", "kind: Gateway", rules);
        let text = format!("{}{route}", gateway("shop", "{name: a, protocol: HTTP, port: 80}"));
        leads(&read(&text), "gateway shop/edge").unwrap().0
    };
    assert_eq!(of("rules: [{backendRefs: [{name: web, port: 80, weight: 0}]}]"), "none");
    let mirror = "rules: [{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 80}}}]}]";
    assert_eq!(of(mirror), "tcp/8080");
}

#[test]
fn an_openshift_route_leads_to_its_backends_of_some_weight() {
    let route = |spec: &str| {
        let text = format!(
            "{{apiVersion: route.openshift.io/v1, kind: Route, metadata: {{name: r, namespace: shop}}, spec: {{{spec}}}}}"
        );
        leads(&read(&text), "ingress-controller").unwrap()
    };
    assert_eq!(route("to: {kind: Service, name: web}"), pair("tcp/8080", "tcp/80"));
    assert_eq!(route("to: {kind: Service, name: web, weight: 0}"), pair("none", "tcp/80"));
    let alternate = "to: {kind: Service, name: gone}, alternateBackends: [{kind: Service, name: web, weight: 20}]";
    assert_eq!(route(alternate), pair("tcp/8080", "tcp/80"));
    assert_eq!(
        route("to: {kind: Service, name: web}, port: {targetPort: 9090}"),
        pair("none", "tcp/80")
    );
    let encrypted = "to: {kind: Service, name: web}, tls: {termination: edge";
    assert_eq!(route(&format!("{encrypted}}}")), pair("tcp/8080", "tcp/443"));
    let both = format!("{encrypted}, insecureEdgeTerminationPolicy: Redirect}}");
    assert_eq!(route(&both), pair("tcp/8080", "tcp/80,443"));
}

/// Source: Kubernetes, *Service*, "Services without selectors": they lead where objects list addresses,
/// whoever asks for them.
#[test]
fn a_front_leads_where_a_service_without_a_selector_does() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: old, namespace: shop}, spec: {ports: [{name: web, port: 80}]}}\n---\n";
    let list = |addresses: &str, port: &str| {
        format!(
            "{{apiVersion: v1, kind: Endpoints, metadata: {{name: old, namespace: shop}}, subsets: [{{addresses: [{addresses}], ports: [{{name: web, port: {port}}}]}}]}}\n---\n"
        )
    };
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: api, namespace: shop}, spec: {containers: [{name: c}]}, status: {podIPs: [{ip: 10.1.0.7}]}}\n---\n";
    let gateway = gateway("shop", "{name: a, protocol: HTTP, port: 80}");
    let route =
        http_route("shop", "kind: Gateway", "rules: [{backendRefs: [{name: old, port: 80}]}]");
    let ingress = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: shop}, spec: {defaultBackend: {service: {name: old, port: {name: web}}}}}\n---\n";
    let openshift = "{apiVersion: route.openshift.io/v1, kind: Route, metadata: {name: r, namespace: shop}, spec: {to: {kind: Service, name: old}}}\n---\n";
    for (front, objects) in [
        ("gateway shop/edge", format!("{gateway}{route}")),
        ("ingress-controller", ingress.to_owned()),
        ("ingress-controller", openshift.to_owned()),
    ] {
        let of = |list: &str, to: &str| {
            let converted = read(&format!("{service}{list}{pod}{objects}"));
            let estate = &converted.estate;
            let own = estate.network.fronts.values().find(|one| *one.name == *front).unwrap();
            let matrix: Matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
            let from = matrix.class_of(own.endpoints[0]).unwrap();
            let found = matrix.classes.iter().position(|class| match class {
                Class::Endpoints(members) => members.iter().any(|id| {
                    *estate.workloads[estate.network.endpoints[*id].workload].name == *to
                }),
                Class::Internet(_) => false,
                Class::Outside(_, atom) => {
                    let address = to.parse().ok();
                    let mut all = atom.prefixes.iter();
                    address.is_some_and(|address| all.any(|prefix| prefix.contains(address)))
                }
            });
            let cell = matrix.cell(from, found.unwrap()).cloned().unwrap_or_default();
            (cell.established.sure.to_string(), cell.established.possible.to_string())
        };
        let told = list("{ip: 10.1.0.7}, {ip: 203.0.113.9}", "8443");
        assert_eq!(of(&told, "shop/api"), pair("tcp/8443", "tcp/8443"), "{objects}");
        assert_eq!(of(&told, "203.0.113.9"), pair("tcp/8443", "tcp/8443"), "{objects}");
        assert_eq!(of(&told, "203.0.113.8"), pair("none", "none"), "{objects}");
        assert_eq!(of(&told, "shop/web"), pair("none", "none"), "{objects}");
        // Nothing is behind it at the moment: that is told too.
        let empty = list("", "8443");
        assert_eq!(of(&empty, "shop/api"), pair("none", "none"), "{objects}");
        // Where it leads is not known, which is not nowhere.
        assert_eq!(of("", "shop/api"), pair("none", "tcp"), "{objects}");
    }
}
