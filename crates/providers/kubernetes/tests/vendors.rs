//! What the policies of Cilium and Calico, and those of administrators, mean in their odd corners.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod read;

use std::collections::BTreeSet;

use watertight_kubernetes::{Converted, Options};
use watertight_model::Bounds;
use watertight_net::FlowSet;
use watertight_reach::{Class, Matrix, Reach};

/// Pods `x`, `y` and `z` of the namespaces `a`, `a` and `b`, by their labels `app`.
const PODS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {team: one}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: b, labels: {team: two}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: a, labels: {app: x}}, spec: {containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: y, namespace: a, labels: {app: y}}, spec: {serviceAccountName: robot, containers: [{name: c}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: z, namespace: b, labels: {app: z}}, spec: {containers: [{name: c}]}}
---
";

/// One policy with its kind, place and specification; `namespace` is empty for a global one.
fn policy(version: &str, kind: &str, namespace: &str, spec: &str) -> String {
    let place =
        if namespace.is_empty() { String::new() } else { format!(", namespace: {namespace}") };
    format!(
        "---\n{{apiVersion: {version}, kind: {kind}, metadata: {{name: p{place}}}, spec: {spec}}}\n"
    )
}

fn calico(namespace: &str, spec: &str) -> String {
    let kind = if namespace.is_empty() { "GlobalNetworkPolicy" } else { "NetworkPolicy" };
    policy("projectcalico.org/v3", kind, namespace, spec)
}

fn cilium(namespace: &str, spec: &str) -> String {
    let kind =
        if namespace.is_empty() { "CiliumClusterwideNetworkPolicy" } else { "CiliumNetworkPolicy" };
    policy("cilium.io/v2", kind, namespace, spec)
}

fn admin(spec: &str) -> String {
    policy("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy", "", spec)
}

/// A cluster, asked by the names of pods; `outside` is an address that no rule tells apart.
struct Cluster {
    converted: Converted,
    matrix: Matrix,
}

impl Cluster {
    fn of(text: &str) -> Self {
        let converted = read::read(&format!("{PODS}{text}"), &Options::default());
        let matrix = Reach::new(&converted.estate.network).matrix(&BTreeSet::new());
        Self { converted, matrix }
    }

    fn class(&self, name: &str) -> usize {
        if name == "outside" {
            let outside = |class: &Class| match class {
                Class::Outside(_, atom) => {
                    atom.prefixes.iter().any(|prefix| prefix.contains("8.8.8.8".parse().unwrap()))
                }
                Class::Endpoints(_) | Class::Internet(_) => false,
            };
            return self.matrix.classes.iter().position(outside).unwrap();
        }
        let estate = &self.converted.estate;
        let workload = estate.workloads.values().find(|one| *one.name == *name).unwrap();
        self.matrix.class_of(workload.endpoints[0]).unwrap()
    }

    fn bounds(&self, from: &str, to: &str) -> Bounds<FlowSet> {
        let cell = self.matrix.cell(self.class(from), self.class(to));
        cell.map(|cell| cell.established.clone()).unwrap_or_default()
    }

    /// Whether TCP to a port can be established: `yes`, `no` or `unknown`.
    fn can(&self, from: &str, to: &str, port: u16) -> &'static str {
        let one = FlowSet::ports(
            watertight_net::Protocol::TCP,
            watertight_net::PortSet::full(),
            watertight_net::PortSet::single(port),
        );
        let Bounds { sure, possible } = self.bounds(from, to);
        match (sure.contains(&one), possible.contains(&one)) {
            (true, _) => "yes",
            (false, true) => "unknown",
            (false, false) => "no",
        }
    }

    fn codes(&self) -> Vec<&str> {
        let kept = self.converted.diagnostics.kept().iter();
        let mut codes: Vec<&str> = kept.map(|one| one.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

/// Asks whether pods reach each other at port 8080.
fn check(text: &str, expected: &[(&str, &str, &str)]) -> Cluster {
    let cluster = Cluster::of(text);
    for (from, to, word) in expected {
        assert_eq!(cluster.can(from, to, 8080), *word, "{from} to {to} with {text}");
    }
    cluster
}

#[test]
fn cilium_isolates_without_a_rule_where_it_is_told_to() {
    let spec = "{endpointSelector: {matchLabels: {app: x}}, enableDefaultDeny: {ingress: true}}";
    check(&cilium("", spec), &[("a/y", "a/x", "no"), ("a/x", "a/y", "yes")]);
}

#[test]
fn a_cilium_policy_of_a_namespace_is_about_pods_of_that_namespace() {
    let spec =
        "{endpointSelector: {matchLabels: {'k8s:io.kubernetes.pod.namespace': b}}, ingress: [{}]}";
    let found = check(&cilium("a", spec), &[("a/x", "b/z", "yes"), ("b/z", "a/x", "no")]);
    assert_eq!(found.codes(), ["WT0204"]);
}

#[test]
fn what_cilium_requires_puts_every_allowance_in_doubt() {
    let spec = "{endpointSelector: {matchLabels: {app: x}}, ingress: [{fromRequires: [{matchLabels: {env: p}}]}, {fromEndpoints: [{matchLabels: {app: y}}]}]}";
    let found = check(&cilium("a", spec), &[("a/y", "a/x", "unknown"), ("b/z", "a/x", "no")]);
    let message = &found.converted.diagnostics.kept()[0].message;
    assert!(message.contains("`fromRequires`"), "{message}");
}

#[test]
fn what_stands_between_the_ends_of_a_cilium_rule_puts_it_in_doubt() {
    for more in [
        "serverNames: [a.example]",
        "listener: {name: l}",
        "terminatingTLS: {}",
        "originatingTLS: {}",
    ] {
        let spec = format!(
            "{{endpointSelector: {{matchLabels: {{app: x}}}}, ingress: [{{fromEntities: [all], toPorts: [{{ports: [{{port: '8080'}}], {more}}}]}}]}}"
        );
        check(&cilium("a", &spec), &[("a/y", "a/x", "unknown")]);
    }
}

#[test]
fn ports_of_cilium_without_their_list_are_in_doubt() {
    let spec = "{endpointSelector: {matchLabels: {app: x}}, ingress: [{fromEntities: [all], toPorts: [{port: '80'}]}]}";
    let found = check(&cilium("a", spec), &[("a/y", "a/x", "unknown")]);
    assert_eq!(found.codes(), ["WT0203", "WT0211"]);
}

#[test]
fn cilium_knows_pods_by_their_service_account_and_not_by_their_cluster() {
    let from = |label: &str| {
        format!(
            "{{endpointSelector: {{matchLabels: {{app: x}}}}, ingress: [{{fromEndpoints: [{{matchLabels: {{{label}}}}}]}}]}}"
        )
    };
    let account = from("io.cilium.k8s.policy.serviceaccount: robot");
    let found = check(&cilium("", &account), &[("a/y", "a/x", "yes"), ("b/z", "a/x", "no")]);
    assert!(found.codes().is_empty());
    let cluster = from("io.cilium.k8s.policy.cluster: main");
    check(&cilium("", &cluster), &[("a/y", "a/x", "unknown")]);
}

#[test]
fn a_named_port_at_egress_keeps_the_doubt_of_its_rule() {
    let named = "toPorts: [{ports: [{port: web, protocol: TCP}], rules: {http: [{path: /}]}}]";
    let spec = format!(
        "{{endpointSelector: {{matchLabels: {{app: y}}}}, egress: [{{toEndpoints: [{{}}], {named}}}]}}"
    );
    check(&cilium("a", &spec), &[("a/y", "a/x", "unknown")]);
}

#[test]
fn an_empty_string_in_a_calico_policy_is_none_at_all() {
    let own = "{selector: app == 'x', ingress: [{action: Allow, source: {namespaceSelector: '', selector: has(app)}}]}";
    check(&calico("a", own), &[("a/y", "a/x", "yes"), ("b/z", "a/x", "no")]);
    let empty = "{selector: app == 'x', ingress: [{action: Allow, source: {selector: '', notSelector: ''}}]}";
    for namespace in ["a", ""] {
        let policy = calico(namespace, empty);
        check(&policy, &[("b/z", "a/x", "yes"), ("outside", "a/x", "yes")]);
    }
}

#[test]
fn calico_gives_pods_labels_of_their_namespace_and_account() {
    let account = "---\n{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot, namespace: a, labels: {kind: bot}}}\n";
    for (selector, from_y, from_z) in [
        ("projectcalico.org/namespace == 'a'", "yes", "no"),
        ("projectcalico.org/namespace not in {'a'}", "no", "yes"),
        ("projectcalico.org/orchestrator == 'k8s'", "yes", "yes"),
        ("pcns.team == 'two'", "no", "yes"),
        ("pcns.projectcalico.org/name == 'a'", "yes", "no"),
        ("pcsa.kind == 'bot'", "yes", "no"),
        ("projectcalico.org/serviceaccount == 'robot'", "yes", "no"),
    ] {
        let spec = format!(
            "{{selector: app == 'x', ingress: [{{action: Allow, source: {{selector: \"{selector}\"}}}}]}}"
        );
        let found = check(
            &format!("{}{account}", calico("", &spec)),
            &[("a/y", "a/x", from_y), ("b/z", "a/x", from_z)],
        );
        let workloads = &found.converted.estate.workloads;
        assert!(workloads.values().all(|one| !one.labels.keys().any(|key| key.contains("calico"))));
    }
    let subject = "{selector: pcns.team == 'two', types: [Ingress]}";
    check(&calico("", subject), &[("a/x", "b/z", "no"), ("a/y", "a/x", "yes")]);
}

#[test]
fn a_calico_policy_that_applies_on_forward_governs_pods_too() {
    let spec = "{selector: app == 'x', applyOnForward: true, types: [Ingress]}";
    let found = check(&calico("", spec), &[("a/y", "a/x", "no")]);
    assert!(found.codes().is_empty());
}

#[test]
fn whom_a_global_calico_rule_does_not_exclude_may_be_outside() {
    let spec =
        "{selector: app == 'x', ingress: [{action: Allow, source: {notSelector: app == 'y'}}]}";
    check(
        &calico("", spec),
        &[("a/y", "a/x", "no"), ("b/z", "a/x", "yes"), ("outside", "a/x", "yes")],
    );
    check(
        &calico("a", spec),
        &[("a/y", "a/x", "no"), ("b/z", "a/x", "no"), ("outside", "a/x", "no")],
    );
}

#[test]
fn what_calico_refuses_is_told_and_in_doubt() {
    for (rule, code) in [
        ("{action: Allow, destination: {ports: [8080]}}", "WT0204"),
        ("{action: Allow, icmp: {type: 8}}", "WT0204"),
        ("{action: Allow, protocol: TCP, destination: {ports: ['9000:8000']}}", "WT0206"),
    ] {
        let spec = format!("{{selector: app == 'x', ingress: [{rule}]}}");
        let found = check(&calico("a", &spec), &[("a/y", "a/x", "unknown")]);
        assert_eq!(found.codes(), [code], "{rule}");
    }
    for spec in ["{selector: app == 'x', types: [ingress]}", "{selector: app == 'x', order: first}"]
    {
        assert_eq!(Cluster::of(&calico("a", spec)).codes(), ["WT0204"], "{spec}");
    }
    let tier = policy("projectcalico.org/v3", "Tier", "", "{order: 5, defaultAction: Drop}");
    assert_eq!(Cluster::of(&tier).codes(), ["WT0204"]);
}

#[test]
fn a_misspelt_field_of_a_calico_policy_is_told() {
    let spec = "{selector: all(), ingress: [{action: Allow, sources: {selector: app == 'y'}}]}";
    assert_eq!(Cluster::of(&calico("a", spec)).codes(), ["WT0203"]);
}

#[test]
fn a_calico_tier_of_the_order_of_the_default_one_is_another_tier() {
    let tier = policy("projectcalico.org/v3", "Tier", "", "{order: 1000000, defaultAction: Pass}")
        .replace("name: p", "name: all");
    let first = calico("", "{tier: all, selector: app == 'x', ingress: [{action: Allow, source: {selector: app == 'y'}}]}")
        .replace("name: p", "name: all.p");
    let second = calico("a", "{selector: app == 'x', types: [Ingress]}");
    check(&format!("{tier}{first}{second}"), &[("a/y", "a/x", "yes"), ("b/z", "a/x", "no")]);
}

#[test]
fn an_egress_list_without_rules_does_not_isolate_by_itself() {
    let of = |spec: &str| policy("networking.k8s.io/v1", "NetworkPolicy", "a", spec);
    let found = check(&of("{podSelector: {}, egress: []}"), &[("a/x", "b/z", "yes")]);
    assert_eq!(found.codes(), ["WT0213"]);
    let said = "{podSelector: {}, policyTypes: [Egress], egress: []}";
    check(&of(said), &[("a/x", "b/z", "no")]);
    // What is no list is no list without rules.
    let found = check(&of("{podSelector: {}, egress: {}}"), &[("a/x", "b/z", "no")]);
    assert!(found.converted.diagnostics.has_errors(), "{:?}", found.codes());
}

#[test]
fn administrators_peers_of_an_old_form_or_of_two_things_are_in_doubt() {
    for peer in [
        "{namespaces: {sameLabels: [team]}}",
        "{pods: {namespaces: {notSameLabels: [team]}, podSelector: {}}}",
        "{namespaces: {}, pods: {podSelector: {}}}",
        "{namespaces: {}, networks: [0.0.0.0/0]}",
    ] {
        let spec = format!(
            "{{priority: 1, subject: {{namespaces: {{}}}}, egress: [{{action: Deny, to: [{peer}]}}]}}"
        );
        check(&admin(&spec), &[("a/y", "a/x", "unknown")]);
    }
    let lacks = "{priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{pods: {namespaceSelector: {}}}]}]}";
    assert_eq!(check(&admin(lacks), &[("a/y", "a/x", "no")]).codes(), ["WT0204"]);
}

#[test]
fn pods_with_ipv6_addresses_reach_each_other_over_it_without_a_policy() {
    let pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: d, namespace: a}, spec: {containers: []}, status: {podIP: 10.0.0.9, podIPs: [{ip: 10.0.0.9}, {ip: 'fd00::9'}]}}\n";
    let found = Cluster::of(pod);
    let endpoints = &found.converted.estate.network.endpoints;
    assert!(endpoints.values().all(|one| one.addresses.iter().any(std::net::IpAddr::is_ipv6)));
}

#[test]
fn kinds_that_decide_and_are_not_read_are_warned_of() {
    for (version, kind) in
        [("k8s.ovn.org/v1", "EgressFirewall"), ("projectcalico.org/v3", "Profile")]
    {
        let spec = "{egress: [{type: Deny, to: {cidrSelector: 0.0.0.0/0}}]}";
        let found = Cluster::of(&policy(version, kind, "a", spec));
        let kept = found.converted.diagnostics.kept();
        assert_eq!(found.codes(), ["WT0201"]);
        assert!(kept.iter().all(|one| one.severity == watertight_source::Severity::Warning));
    }
}

/// Two pods with an address, beside those of which none is told.
const TOLD: &str = "---
{apiVersion: v1, kind: Pod, metadata: {name: near, namespace: b, labels: {app: n}}, spec: {containers: []}, status: {podIP: 10.0.0.9}}
---
{apiVersion: v1, kind: Pod, metadata: {name: far, namespace: b, labels: {app: f}}, spec: {containers: []}, status: {podIP: 172.16.0.9}}
";

#[test]
fn networks_of_administrators_and_calico_mean_pods_by_their_addresses() {
    let of_admin = |cidr: &str| {
        admin(&format!(
            "{{priority: 1, subject: {{namespaces: {{}}}}, egress: [{{action: Deny, to: [{{networks: [{cidr}]}}]}}]}}"
        ))
    };
    let of_calico = |cidr: &str| {
        calico(
            "",
            &format!(
                "{{selector: all(), egress: [{{action: Deny, destination: {{nets: [{cidr}]}}}}, {{action: Allow}}]}}"
            ),
        )
    };
    let of_set = |cidr: &str| {
        let set =
            policy("projectcalico.org/v3", "GlobalNetworkSet", "", &format!("{{nets: [{cidr}]}}"))
                .replace("name: p", "name: s, labels: {set: s}");
        let rules = "{selector: all(), egress: [{action: Deny, destination: {selector: set == 's'}}, {action: Allow}]}";
        format!("{set}{}", calico("", rules))
    };
    for policy in [of_admin("0.0.0.0/0"), of_calico("0.0.0.0/0"), of_set("0.0.0.0/0")] {
        let text = format!("{TOLD}{policy}");
        check(&text, &[("a/x", "a/y", "no"), ("a/x", "b/near", "no"), ("a/x", "outside", "no")]);
    }
    for policy in [of_admin("10.0.0.0/8"), of_calico("10.0.0.0/8"), of_set("10.0.0.0/8")] {
        check(
            &format!("{TOLD}{policy}"),
            &[
                ("a/x", "a/y", "unknown"),
                ("a/x", "b/near", "no"),
                ("a/x", "b/far", "yes"),
                ("a/x", "outside", "yes"),
            ],
        );
    }
}

#[test]
fn public_networks_are_not_taken_for_pods_whose_addresses_are_not_told() {
    let spec = "{priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{networks: [203.0.113.7/32]}]}]}";
    check(&format!("{TOLD}{}", admin(spec)), &[("a/x", "a/y", "yes"), ("a/x", "b/far", "yes")]);
    // Space that is not routed in public is given to pods, too.
    for prefix in ["198.18.0.0/15", "241.0.0.0/8"] {
        let spec = spec.replace("203.0.113.7/32", prefix);
        check(&format!("{TOLD}{}", admin(&spec)), &[("a/x", "a/y", "unknown")]);
    }
}

#[test]
fn a_set_of_networks_has_the_name_of_its_namespace_as_a_label() {
    let set = policy("projectcalico.org/v3", "NetworkSet", "a", "{nets: [8.8.8.0/24]}");
    let spec = "{selector: all(), egress: [{action: Deny, destination: {selector: \"pcns.projectcalico.org/name == 'a'\"}}, {action: Allow}]}";
    check(
        &format!("{set}{}", calico("", spec)),
        &[("a/x", "outside", "no"), ("a/x", "a/y", "no"), ("a/x", "b/z", "yes")],
    );
}

#[test]
fn a_named_port_of_networks_is_that_of_the_pods_that_have_their_addresses() {
    let told = TOLD.replacen(
        "containers: []",
        "containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]",
        2,
    );
    let spec = "{selector: app == 'x', egress: [{action: Allow, protocol: TCP, destination: {nets: [10.0.0.0/8], ports: [web]}}]}";
    check(
        &format!("{told}{}", calico("a", spec)),
        &[("a/x", "b/near", "yes"), ("a/x", "b/far", "no"), ("a/x", "outside", "no")],
    );
}

/// A pod on its host's network.
const HOST: &str = "---
{apiVersion: v1, kind: Pod, metadata: {name: h, namespace: a, labels: {app: h}}, spec: {hostNetwork: true, containers: []}}
";

#[test]
fn a_pod_on_its_hosts_network_is_its_host_for_all_but_network_policies() {
    let everybody = "{pods: {namespaceSelector: {}, podSelector: {}}}";
    let of_admin = admin(&format!(
        "{{priority: 1, subject: {everybody}, ingress: [{{action: Deny, from: [{everybody}]}}]}}"
    ));
    check(
        &format!("{HOST}{of_admin}"),
        &[("a/y", "a/h", "yes"), ("a/h", "a/x", "yes"), ("a/y", "a/x", "no")],
    );
    let nodes = admin(
        "{priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{nodes: {}}]}]}",
    );
    check(&format!("{HOST}{nodes}"), &[("a/x", "a/h", "no"), ("a/x", "a/y", "yes")]);
    let of_calico =
        calico("", "{selector: all(), ingress: [{action: Allow, source: {selector: all()}}]}");
    check(
        &format!("{HOST}{of_calico}"),
        &[("a/y", "a/h", "yes"), ("a/h", "a/x", "no"), ("a/y", "a/x", "yes")],
    );
    let of_kubernetes = policy("networking.k8s.io/v1", "NetworkPolicy", "a", "{podSelector: {}}");
    check(&format!("{HOST}{of_kubernetes}"), &[("a/y", "a/h", "no")]);
}

#[test]
fn entities_of_cilium_that_are_hosts_mean_pods_on_their_network() {
    for (rule, from_host) in [
        ("fromEndpoints: [{}]", "no"),
        ("fromEntities: [host, remote-node]", "yes"),
        ("fromEntities: [host]", "unknown"),
        ("fromEntities: [cluster]", "yes"),
    ] {
        let spec = format!("{{endpointSelector: {{}}, ingress: [{{{rule}}}]}}");
        let text = format!("{HOST}{}", cilium("a", &spec));
        check(&text, &[("a/h", "a/x", from_host), ("b/z", "a/h", "yes")]);
    }
}

/// The pods of the other tests, `y` and `z` with an address each.
fn with_addresses(text: &str) -> String {
    let told = |name: &str, namespace: &str, address: &str| {
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}, spec: {{containers: [{{name: c}}]}}, status: {{podIP: {address}}}}}\n"
        )
    };
    format!("{text}{}{}", told("in", "b", "10.1.0.7"), told("out", "b", "10.2.0.7"))
}

#[test]
fn a_pod_with_an_address_that_calico_excludes_is_not_matched() {
    let set = "---\n{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: n, labels: {app: bad}}, spec: {nets: [10.1.0.0/16]}}\n";
    for (source, from_out) in [
        ("notSelector: app == 'bad'", "yes"),
        ("selector: has(app), notSelector: app == 'bad'", "yes"),
    ] {
        let spec =
            format!("{{selector: app == 'x', ingress: [{{action: Allow, source: {{{source}}}}}]}}");
        let text = with_addresses(&format!("{}{set}", calico("", &spec)));
        // Of `y` no address is told.
        check(
            &text,
            &[("b/in", "a/x", "no"), ("b/out", "a/x", from_out), ("a/y", "a/x", "unknown")],
        );
    }
    let public = set.replace("10.1.0.0/16", "192.0.2.0/24");
    let spec =
        "{selector: app == 'x', ingress: [{action: Allow, source: {notSelector: app == 'bad'}}]}";
    check(
        &format!("{}{public}", calico("", spec)),
        &[("a/y", "a/x", "yes"), ("outside", "a/x", "yes")],
    );
}

#[test]
fn a_calico_rule_with_a_selector_and_networks_means_who_is_in_both() {
    let spec = "{selector: app == 'x', ingress: [{action: Allow, source: {selector: app != 'z', nets: [10.1.0.0/16]}}]}";
    let text = with_addresses(&calico("", spec));
    check(
        &text,
        &[
            ("b/in", "a/x", "yes"),
            ("b/out", "a/x", "no"),
            ("b/z", "a/x", "no"),
            ("a/y", "a/x", "unknown"),
            ("outside", "a/x", "no"),
        ],
    );
}

#[test]
fn a_rule_for_contents_is_about_its_own_peers_and_ports() {
    let http = "rules: {http: [{method: GET, path: /public}]}";
    let of = |ports: &str| {
        format!(
            "{{endpointSelector: {{matchLabels: {{app: x}}}}, ingress: [{{fromEndpoints: [{{matchLabels: {{app: y}}}}], toPorts: [{ports}]}}]}}"
        )
    };
    let narrow = cilium("a", &of(&format!("{{ports: [{{port: '8080'}}], {http}}}")));
    let found = check(
        &narrow,
        &[("a/y", "a/x", "unknown"), ("b/z", "a/x", "no"), ("outside", "a/x", "no")],
    );
    assert_eq!(found.can("a/y", "a/x", 8081), "no");
    let lists = found.converted.estate.network.lists.values();
    let words: Vec<&str> = lists.map(|list| list.name.as_str()).collect();
    assert_eq!(words, ["pods with app=y of a, if http method GET path /public"]);
    // Where another entry says nothing of contents, what it accepts is accepted.
    let plain = "{ports: [{port: '8080'}]}";
    let both = cilium("a", &of(&format!("{{ports: [{{port: '8080'}}], {http}}}, {plain}")));
    check(&both, &[("a/y", "a/x", "yes"), ("b/z", "a/x", "no")]);
    let calicos = "{selector: app == 'x', ingress: [{action: Allow, protocol: TCP, source: {selector: app == 'y'}, destination: {ports: [8080]}, http: {methods: [GET]}}]}";
    let found = check(&calico("a", calicos), &[("a/y", "a/x", "unknown"), ("b/z", "a/x", "no")]);
    assert_eq!(found.can("a/y", "a/x", 8081), "no");
}

#[test]
fn an_expression_for_another_namespace_selects_nobody_in_a_cilium_policy() {
    let of = |operator: &str, name: &str| {
        let expression = format!(
            "{{key: 'k8s:io.kubernetes.pod.namespace', operator: {operator}, values: [{name}]}}"
        );
        cilium(
            "a",
            &format!("{{endpointSelector: {{matchExpressions: [{expression}]}}, ingress: [{{}}]}}"),
        )
    };
    check(&of("In", "b"), &[("a/y", "a/x", "yes"), ("a/x", "b/z", "yes")]);
    check(&of("In", "a"), &[("a/y", "a/x", "no"), ("a/x", "b/z", "yes")]);
    check(&of("NotIn", "a"), &[("a/y", "a/x", "yes"), ("a/x", "b/z", "yes")]);
    // In a rule, a namespace that is named in whatever way stands for the policy's own.
    let from = |expression: &str| {
        cilium(
            "a",
            &format!(
                "{{endpointSelector: {{matchLabels: {{app: x}}}}, ingress: [{{fromEndpoints: [{{matchExpressions: [{{key: 'k8s:io.kubernetes.pod.namespace', {expression}}}]}}]}}]}}"
            ),
        )
    };
    check(&from("operator: In, values: [b]"), &[("b/z", "a/x", "yes"), ("a/y", "a/x", "no")]);
    check(&from("operator: Exists"), &[("b/z", "a/x", "yes"), ("a/y", "a/x", "yes")]);
}

#[test]
fn cilium_s_ingress_may_be_any_front() {
    let served = "---\n{apiVersion: v1, kind: Service, metadata: {name: s, namespace: a}, spec: {selector: {app: x}, ports: [{port: 80, targetPort: 8080}]}}\n---\n{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: a}, spec: {defaultBackend: {service: {name: s, port: {number: 80}}}}}\n";
    let spec = "{endpointSelector: {matchLabels: {app: x}}, ingress: [{fromEntities: [ingress]}]}";
    check(
        &format!("{}{served}", cilium("a", spec)),
        &[("ingress-controller", "a/x", "unknown"), ("a/y", "a/x", "no")],
    );
}
