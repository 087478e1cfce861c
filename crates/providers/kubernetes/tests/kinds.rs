//! Objects of each kind, and what they come to.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod read;

use std::collections::BTreeSet;

use watertight_kubernetes::{Converted, Options};
use watertight_model::Bounds;
use watertight_net::FlowSet;
use watertight_reach::{Class, Matrix, Reach};

const PODS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec: {template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, ports: [{name: sql, containerPort: 5432}]}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: job, namespace: ops}
spec: {jobTemplate: {spec: {template: {metadata: {labels: {app: job}}, spec: {containers: [{name: c}]}}}}}
---
";

fn read(text: &str) -> Converted {
    read::read(text, &Options::default())
}

/// What can be established between two workloads.
fn flows(converted: &Converted, from: &str, to: &str) -> Bounds<FlowSet> {
    let estate = &converted.estate;
    let matrix: Matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
    let endpoint = |name: &str| {
        let workload = estate.workloads.values().find(|one| *one.name == *name).unwrap();
        workload.endpoints[0]
    };
    let cell = matrix.between(endpoint(from), endpoint(to)).cloned().unwrap_or_default();
    cell.established
}

fn sure(text: &str, from: &str, to: &str) -> String {
    let found = flows(&read(&format!("{PODS}{text}")), from, to);
    assert_eq!(found.sure, found.possible);
    found.sure.to_string()
}

fn codes(converted: &Converted) -> Vec<&'static str> {
    let mut codes: Vec<&str> =
        converted.diagnostics.kept().iter().map(|one| one.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn owners_are_workloads() {
    let converted = read(
        "{apiVersion: v1, kind: List, items: [
        {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {metadata: {labels: {a: b}}, spec: {containers: []}}}},
        {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-1, ownerReferences: [{kind: Deployment, name: web, controller: true}]}, spec: {template: {spec: {containers: []}}}},
        {apiVersion: v1, kind: Pod, metadata: {name: web-1-x, ownerReferences: [{kind: ReplicaSet, name: web-1, controller: true}]}, spec: {containers: []}},
        {apiVersion: v1, kind: Pod, metadata: {name: web-1-y, ownerReferences: [{kind: ReplicaSet, name: web-1, controller: true}]}, spec: {containers: []}},
        {apiVersion: v1, kind: Pod, metadata: {name: over}, spec: {containers: []}, status: {phase: Succeeded}},
        {apiVersion: v1, kind: Pod, metadata: {name: other, ownerReferences: [{kind: DaemonSet, name: agent}]}, spec: {containers: []}}]}",
    );
    let ids: Vec<(&str, usize)> = converted
        .estate
        .workloads
        .values()
        .map(|one| (one.id.as_str(), one.endpoints.len()))
        .collect();
    assert_eq!(ids, [("default/agent[DaemonSet]", 1), ("default/web[Deployment]", 2)]);
}

#[test]
fn cilium_denies_over_what_others_allow_and_isolates_where_it_has_rules() {
    let allow = "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  endpointSelector: {matchLabels: {'k8s:app': db}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: web}}, {matchLabels: {'k8s:io.kubernetes.pod.namespace': ops}}]
    toPorts: [{ports: [{port: '5432', protocol: TCP}]}]
";
    assert_eq!(sure(allow, "shop/web", "shop/db"), "tcp/5432");
    assert_eq!(sure(allow, "ops/job", "shop/db"), "tcp/5432");
    assert_eq!(sure(allow, "shop/db", "shop/web"), "all");
    let deny = format!(
        "{allow}  ingressDeny: [{{fromEntities: [cluster], toPorts: [{{ports: [{{port: '5000', endPort: 5999}}]}}]}}]\n"
    );
    assert_eq!(sure(&deny, "shop/web", "shop/db"), "none");
    let empty = "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db, namespace: shop}
spec: {endpointSelector: {}, ingress: [{}]}
";
    assert_eq!(sure(empty, "ops/job", "shop/db"), "none");
    let off = empty.replace("ingress: [{}]", "ingress: [{}], enableDefaultDeny: {ingress: false}");
    assert_eq!(sure(&off, "ops/job", "shop/db"), "all");
}

#[test]
fn what_cilium_sees_in_contents_is_in_doubt() {
    let http = format!(
        "{PODS}
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: web, namespace: shop}}
spec:
  endpointSelector: {{matchLabels: {{app: web}}}}
  ingress: [{{fromEntities: [all], toPorts: [{{ports: [{{port: '8080'}}], rules: {{http: [{{method: GET}}]}}}}]}}]
"
    );
    let found = flows(&read(&http), "ops/job", "shop/web");
    assert!(found.sure.is_empty());
    assert_eq!(found.possible.to_string(), "tcp/8080; udp/8080; sctp/8080");
}

#[test]
fn calico_asks_tiers_in_order_and_passes_on() {
    let tiers = "
apiVersion: projectcalico.org/v3
kind: Tier
metadata: {name: security}
spec: {order: 10}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: security.first}
spec:
  tier: security
  order: 1
  selector: app in {'db', 'web'}
  ingress:
  - {action: Deny, protocol: TCP, source: {selector: app == 'job'}, destination: {ports: [22, '8000:9000']}}
  - {action: Pass}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  order: 5
  selector: has(app) && app != 'web'
  ingress: [{action: Allow, protocol: TCP, source: {selector: app starts with 'w'}, destination: {ports: [sql]}}]
";
    assert_eq!(sure(tiers, "shop/web", "shop/db"), "tcp/5432");
    assert_eq!(sure(tiers, "ops/job", "shop/db"), "none");
    assert_eq!(
        FlowSet::all()
            .difference(&flows(&read(&format!("{PODS}{tiers}")), "ops/job", "shop/web").sure)
            .to_string(),
        "tcp/22,8000-9000"
    );
    let first = format!(
        "{tiers}---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: all, namespace: shop}}
spec: {{podSelector: {{}}, ingress: [{{}}]}}
"
    );
    assert_eq!(
        sure(&first, "ops/job", "shop/db"),
        "all except tcp/22,8000-9000",
        "a policy of Kubernetes comes after, in the same tier"
    );
}

#[test]
fn gateways_lead_to_the_pods_of_services() {
    let routes = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: main, port: 80, targetPort: http}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: ops}
spec: {listeners: [{name: https, protocol: HTTPS, port: 443, allowedRoutes: {namespaces: {from: All}}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: edge, namespace: ops}]
  rules: [{backendRefs: [{name: web, port: 80}]}]
";
    assert_eq!(sure(routes, "gateway ops/edge", "shop/web"), "tcp/8080");
    assert_eq!(sure(routes, "gateway ops/edge", "shop/db"), "none");
    assert_eq!(sure(routes, "shop/db", "gateway ops/edge"), "tcp/443");
}

#[test]
fn what_cannot_be_read_of_a_rule_is_in_doubt_and_the_rest_holds() {
    let odd = format!(
        "{PODS}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: db, namespace: shop}}
spec:
  podSelector: {{matchLabels: {{app: db}}}}
  ingress:
  - from: [{{podSelector: {{matchLabels: {{app: web}}}}}}]
    ports: [{{port: 5432}}]
  - from: [{{ipBlock: {{cidr: 10.0.0.0/33}}}}]
    ports: [{{port: 99999}}]
"
    );
    let converted = read(&odd);
    assert_eq!(codes(&converted), ["WT0205", "WT0206"]);
    let found = flows(&converted, "shop/web", "shop/db");
    assert_eq!(found.sure.to_string(), "tcp/5432");
    assert_eq!(found.possible.to_string(), "all");
}

#[test]
fn a_misspelt_field_and_an_unknown_kind_are_told() {
    let odd = format!(
        "{PODS}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: db, namespace: shop}}
spec: {{podSelector: {{}}, ingress: [{{form: [{{podSelector: {{}}}}]}}]}}
---
apiVersion: example.org/v1
kind: FancyNetworkPolicy
metadata: {{name: x}}
---
just: a map
"
    );
    let converted = read(&odd);
    assert_eq!(codes(&converted), ["WT0200", "WT0201", "WT0203"]);
    let spans = converted.diagnostics.kept().iter().filter(|one| one.label.is_some()).count();
    assert_eq!(spans, converted.diagnostics.kept().len(), "every one says where");
}

#[test]
fn a_host_networks_pod_is_governed_and_told() {
    let host = format!(
        "{PODS}{}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: h, namespace: shop}\nspec: {hostNetwork: true, containers: []}\n"
    );
    assert_eq!(codes(&read(&host)), ["WT0210"]);
}

#[test]
fn nobody_knows_where_nodes_are() {
    let nodes = format!(
        "{PODS}
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {{name: nodes}}
spec:
  priority: 1
  subject: {{namespaces: {{}}}}
  egress: [{{action: Deny, to: [{{nodes: {{}}}}]}}]
"
    );
    let converted = read(&nodes);
    assert_eq!(codes(&converted), ["WT0211"]);
    let found = flows(&converted, "shop/web", "shop/db");
    assert_eq!(found.sure.to_string(), "all", "a pod is no node");
}

#[test]
fn nodes_that_are_known_are_their_addresses() {
    let text = format!(
        "{PODS}
apiVersion: v1
kind: Node
metadata: {{name: n1, labels: {{zone: a}}}}
status: {{addresses: [{{type: InternalIP, address: 192.0.2.10}}, {{type: Hostname, address: n1}}]}}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {{name: nodes}}
spec:
  priority: 1
  subject: {{namespaces: {{}}}}
  egress: [{{action: Deny, to: [{{nodes: {{matchLabels: {{zone: a}}}}}}]}}]
"
    );
    let converted = read(&text);
    assert_eq!(codes(&converted), Vec::<&str>::new());
    let estate = &converted.estate;
    let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
    let web = estate.workloads.values().find(|one| *one.name == *"shop/web").unwrap();
    let web = matrix.class_of(web.endpoints[0]).unwrap();
    let denied: Vec<String> = (0..matrix.classes.len())
        .filter(|to| matrix.cell(web, *to).is_none() && *to != web)
        .filter_map(|to| match &matrix.classes[to] {
            Class::Outside(_, atom) => Some(atom.prefixes[0].to_string()),
            Class::Endpoints(_) | Class::Internet(_) => None,
        })
        .collect();
    assert_eq!(denied, ["192.0.2.10/32"]);
}

#[test]
fn calico_knows_service_accounts_and_types_of_icmp() {
    let accounts = PODS.replacen(
        "containers: [{name: c, ports: [{name: http",
        "serviceAccountName: front, containers: [{name: c, ports: [{name: http",
        1,
    );
    let text = format!(
        "{accounts}
apiVersion: v1
kind: ServiceAccount
metadata: {{name: front, namespace: shop, labels: {{kind: web}}}}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {{name: db, namespace: shop}}
spec:
  selector: app == 'db'
  ingress:
    - {{action: Allow, protocol: ICMP, icmp: {{type: 8}}, source: {{serviceAccounts: {{names: [front]}}}}}}
    - {{action: Allow, protocol: TCP, source: {{serviceAccounts: {{selector: kind == 'web'}}}}, destination: {{ports: [sql], notPorts: [5433]}}}}
    - {{action: Allow, protocol: UDP, source: {{serviceAccounts: {{names: [other]}}}}}}
"
    );
    let converted = read(&text);
    assert_eq!(codes(&converted), Vec::<&str>::new());
    let found = flows(&converted, "shop/web", "shop/db");
    assert_eq!(found.sure, found.possible);
    assert_eq!(found.sure.to_string(), "icmp/8; tcp/5432");
    assert_eq!(flows(&converted, "ops/job", "shop/db").possible.to_string(), "none");
}

#[test]
fn cilium_knows_services_and_types_of_icmp() {
    let text = "
apiVersion: v1
kind: Service
metadata: {name: sql, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
    - {toServices: [{k8sService: {serviceName: sql, namespace: shop}}], toPorts: [{ports: [{port: '5432', protocol: TCP}]}]}
    - {icmps: [{fields: [{family: IPv4, type: EchoRequest}]}]}
";
    assert_eq!(sure(text, "shop/web", "shop/db"), "icmp/8; tcp/5432");
    assert_eq!(sure(text, "shop/web", "ops/job"), "icmp/8");
}

#[test]
fn pods_on_a_network_of_their_own_reach_each_other_and_what_is_outside() {
    let network = "
apiVersion: k8s.ovn.org/v1
kind: UserDefinedNetwork
metadata: {name: own, namespace: shop}
spec: {topology: Layer2, layer2: {role: Primary, subnets: [10.100.0.0/16]}}
";
    let labelled =
        PODS.replacen("{team: shop}", "{k8s.ovn.org/primary-user-defined-network: ''}", 1);
    let converted = read(&format!("{labelled}{network}"));
    assert_eq!(codes(&converted), Vec::<&str>::new());
    for (from, to, expected) in [
        ("shop/web", "shop/db", "all"),
        ("shop/web", "ops/job", "none"),
        ("ops/job", "shop/web", "none"),
    ] {
        let found = flows(&converted, from, to);
        assert_eq!(found.sure, found.possible);
        assert_eq!(found.sure.to_string(), expected, "{from} to {to}");
    }
    let without = read(&format!("{PODS}{network}"));
    assert_eq!(codes(&without), ["WT0213"], "the namespace lacks its label");
    assert_eq!(flows(&without, "ops/job", "shop/web").sure.to_string(), "all");
}

#[test]
fn an_ingress_leads_to_the_port_of_tcp_among_those_of_one_number() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: shop}, spec: {selector: {app: web}, ports: [{name: dns, port: 80, protocol: UDP, targetPort: 5353}, {name: w, port: 80, targetPort: http}, {name: a, port: 8080, targetPort: 9090}]}}\n---\n";
    let ingress = |port: &str| {
        format!(
            "{service}{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: i, namespace: shop}}, spec: {{defaultBackend: {{service: {{name: s, port: {{{port}}}}}}}}}}}"
        )
    };
    // 8080 is a port of the service, whose pods hear it at 9090; that they have an 8080 too is no matter.
    for (port, expected) in [
        ("number: 80", "tcp/8080"),
        ("name: w", "tcp/8080"),
        ("number: 8080", "tcp/9090"),
        ("number: 9090", "none"),
    ] {
        assert_eq!(sure(&ingress(port), "ingress-controller", "shop/web"), expected, "{port}");
    }
}

#[test]
fn a_port_in_quotes_is_told_and_its_rule_is_in_doubt() {
    let policy = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: shop}, spec: {podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: '5432'}]}]}}";
    let converted = read(&format!("{PODS}{policy}"));
    assert_eq!(codes(&converted), ["WT0206"]);
    let found = flows(&converted, "shop/web", "shop/db");
    assert!(found.sure.is_empty() && !found.possible.is_empty());
    let service = "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: '8080'}]}}\n---\n{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: shop}, spec: {defaultBackend: {service: {name: s, port: {number: 80}}}}}";
    assert_eq!(sure(service, "ingress-controller", "shop/web"), "tcp/8080");
}

#[test]
fn policies_of_one_priority_are_told_in_every_tier() {
    for (tier, action) in [("Admin", "Deny"), ("Baseline", "Deny")] {
        let policy = |name: &str, priority: u8| {
            format!(
                "{{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {{name: {name}}}, spec: {{tier: {tier}, priority: {priority}, subject: {{namespaces: {{}}}}, ingress: [{{action: {action}, from: [{{namespaces: {{}}}}]}}]}}}}\n---\n"
            )
        };
        let tie = read(&format!("{PODS}{}{}", policy("a", 5), policy("b", 5)));
        assert_eq!(codes(&tie), ["WT0212"], "{tier}");
        let none = read(&format!("{PODS}{}{}", policy("a", 5), policy("b", 6)));
        assert!(codes(&none).is_empty(), "{tier}");
    }
}
