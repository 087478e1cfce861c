//! Further attachments of pods, and policies for the networks that they are on.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod read;

use std::collections::BTreeSet;

use watertight_kubernetes::{Converted, Options};
use watertight_model::network::EndpointId;
use watertight_net::FlowSet;
use watertight_reach::{Class, Reach};

/// Nothing passes between pods on the primary network.
const CLOSED: &str = "
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: closed, namespace: shop}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}
---
";
const OVERLAY: &str = "
{apiVersion: k8s.ovn.org/v1, kind: UserDefinedNetwork, metadata: {name: blue, namespace: shop}, spec: {topology: Layer2, layer2: {role: Secondary, subnets: [10.100.0.0/16]}}}
---
";

fn pod(name: &str, annotations: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}, annotations: {{{annotations}}}}}, spec: {{containers: [{{name: c}}]}}}}\n---\n"
    )
}

fn on(name: &str, networks: &str) -> String {
    pod(name, &format!("k8s.v1.cni.cncf.io/networks: '{networks}'"))
}

fn definition(name: &str, config: &str) -> String {
    format!(
        "{{apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition, metadata: {{name: {name}, namespace: shop}}, spec: {{config: '{config}'}}}}\n---\n"
    )
}

fn policy(network: &str, rest: &str) -> String {
    format!(
        "{{apiVersion: k8s.cni.cncf.io/v1beta1, kind: MultiNetworkPolicy, metadata: {{name: p, namespace: shop, annotations: {{k8s.v1.cni.cncf.io/policy-for: {network}}}}}, spec: {{{rest}}}}}\n---\n"
    )
}

fn read(text: &str) -> Converted {
    read::read(text, &Options::default())
}

/// What two workloads establish by any of their attachments: for sure, and perhaps.
fn flows(converted: &Converted, from: &str, to: &str) -> (String, String) {
    let estate = &converted.estate;
    let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
    let of = |name: &str| -> Vec<EndpointId> {
        let found = estate.workloads.values().find(|one| *one.name == *name);
        found.unwrap().endpoints.clone()
    };
    let (mut sure, mut possible) = (FlowSet::none(), FlowSet::none());
    for one in of(from) {
        for other in of(to) {
            if let Some(cell) = matrix.between(one, other) {
                sure = sure.union(&cell.established.sure);
                possible = possible.union(&cell.established.possible);
            }
        }
    }
    (sure.to_string(), possible.to_string())
}

fn between(text: &str) -> (String, String) {
    flows(&read(&format!("{CLOSED}{text}")), "shop/web", "shop/db")
}

fn exactly(flows: &str) -> (String, String) {
    (flows.to_owned(), flows.to_owned())
}

fn perhaps(flows: &str) -> (String, String) {
    ("none".to_owned(), flows.to_owned())
}

fn codes(converted: &Converted) -> BTreeSet<&'static str> {
    converted.diagnostics.kept().iter().map(|one| one.code.as_str()).collect()
}

#[test]
fn pods_that_share_an_overlay_reach_each_other_whatever_policies_of_the_primary_network_say() {
    assert_eq!(between(&format!("{}{}", on("web", ""), on("db", ""))), exactly("none"));
    let both = format!("{OVERLAY}{}{}", on("web", "blue"), on("db", "shop/blue@net1"));
    assert_eq!(between(&both), exactly("all"));
    let one = format!("{OVERLAY}{}{}", on("web", "blue"), on("db", ""));
    assert_eq!(between(&one), exactly("none"));
    let json = r#"[{"name": "blue", "namespace": "shop"}]"#;
    let json = format!("{OVERLAY}{}{}", on("web", json), on("db", "blue"));
    assert_eq!(between(&json), exactly("all"));
}

#[test]
fn two_overlays_are_apart() {
    let green = OVERLAY.replace("name: blue", "name: green");
    let text = format!("{OVERLAY}{green}{}{}", on("web", "blue"), on("db", "green"));
    assert_eq!(between(&text), exactly("none"));
    let text = format!("{OVERLAY}{green}{}{}", on("web", "blue,green"), on("db", "green"));
    assert_eq!(between(&text), exactly("all"));
}

#[test]
fn definitions_of_one_overlay_in_two_namespaces_are_one_network() {
    let config = r#"{"cniVersion": "1.0.0", "name": "far", "type": "ovn-k8s-cni-overlay", "topology": "layer3"}"#;
    let other = definition("other", config).replace("namespace: shop", "namespace: ops");
    let text = format!(
        "{}{other}{}{}",
        definition("far", config),
        on("web", "far"),
        on("db", "ops/other")
    );
    assert_eq!(between(&text), exactly("all"));
    let local = text.replace("layer3", "localnet");
    assert_eq!(between(&local), perhaps("all"));
}

#[test]
fn a_cluster_wide_network_joins_the_namespaces_that_it_selects() {
    let network = "{apiVersion: k8s.ovn.org/v1, kind: ClusterUserDefinedNetwork, metadata: {name: wide}, spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, network: {topology: Layer3, layer3: {role: Secondary}}}}\n---\n";
    let text = format!("{network}{}{}", on("web", "wide"), on("db", "wide"));
    assert_eq!(between(&text), exactly("all"));
}

#[test]
fn whom_other_plugins_join_is_not_known_and_said() {
    let config = r#"{"type": "macvlan", "master": "eth1"}"#;
    let text = format!(
        "{CLOSED}{}{}{}{}",
        definition("lan", config),
        definition("other", config),
        on("web", "lan"),
        on("db", "other")
    );
    let converted = read(&text);
    // Two definitions may hand out the same wire.
    assert_eq!(flows(&converted, "shop/web", "shop/db"), perhaps("all"));
    assert_eq!(codes(&converted), BTreeSet::from(["WT0211"]));
    let estate = &converted.estate;
    let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
    let outside = matrix.cells().any(|((from, to), cell)| {
        matches!(matrix.classes[from], Class::Outside(..))
            && matches!(matrix.classes[to], Class::Endpoints(_))
            && !cell.established.possible.is_empty()
    });
    assert!(outside, "who is on the wire beside pods is not known either");
    // Nor is it of a network without a definition, or of words that cannot be read.
    for networks in ["gone", "[{\"name\": ", "a/b/c"] {
        let text = format!("{CLOSED}{}{}", on("web", networks), on("db", networks));
        assert_eq!(flows(&read(&text), "shop/web", "shop/db"), perhaps("all"), "{networks}");
    }
}

#[test]
fn a_policy_for_a_further_network_isolates_pods_there_and_nowhere_else() {
    let pods = format!("{OVERLAY}{}{}", on("web", "blue"), on("db", "blue"));
    let rest = "podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]";
    assert_eq!(between(&format!("{pods}{}", policy("blue", rest))), exactly("tcp/5432"));
    let closed = rest.replace("app: web", "app: none");
    assert_eq!(between(&format!("{pods}{}", policy("shop/blue", &closed))), exactly("none"));
    assert_eq!(between(&format!("{pods}{}", policy("other", &closed))), exactly("all"));
    let later = policy("blue", &closed).replace("v1beta1", "v1beta2");
    assert_eq!(between(&format!("{pods}{later}")), exactly("none"));
    // The primary network does not know it.
    let open = format!("{pods}{}", policy("blue", &closed));
    let (_, possible) = flows(&read(&open), "shop/web", "shop/db");
    assert_eq!(possible, "all");
    let nothing = format!("{pods}{}", policy("''", &closed));
    assert!(codes(&read(&nothing)).contains("WT0213"));
}

#[test]
fn a_policy_denies_on_a_network_of_which_it_is_not_known_whom_it_joins() {
    let pods = format!(
        "{}{}{}",
        definition("lan", r#"{"type": "macvlan"}"#),
        on("web", "lan"),
        on("db", "lan")
    );
    let rest = "podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 80}]}]";
    assert_eq!(between(&format!("{pods}{}", policy("lan", rest))), perhaps("tcp/80"));
}

#[test]
fn a_block_of_addresses_means_pods_with_such_an_address_there() {
    let asking =
        |address: &str| on("web", &format!(r#"[{{"name": "blue", "ips": ["{address}"]}}]"#));
    let rest = "podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 10.100.0.0/24}}]}]";
    let text = |web: String| format!("{OVERLAY}{web}{}{}", on("db", "blue"), policy("blue", rest));
    assert_eq!(between(&text(asking("10.100.0.7/16"))), exactly("all"));
    assert_eq!(between(&text(asking("10.100.1.7/16"))), exactly("none"));
    assert_eq!(between(&text(on("web", "blue"))), perhaps("all"));
    let got = r#"k8s.v1.cni.cncf.io/networks: blue, k8s.v1.cni.cncf.io/network-status: '[{"name": "ovn-kubernetes", "ips": ["10.1.0.4"], "default": true}, {"name": "shop/blue", "ips": ["10.100.0.9"]}]'"#;
    assert_eq!(between(&text(pod("web", got))), exactly("all"));
}

#[test]
fn a_block_of_addresses_means_pods_on_another_network_that_may_be_joined_to_it() {
    // Two definitions may hand out one wire: that of each namespace, say.
    let definitions = ["lan", "other"].map(|name| definition(name, r#"{"type": "macvlan"}"#));
    let on_other = |ips: &str| on("web", &format!(r#"[{{"name": "other"{ips}}}]"#));
    let rest = "podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]";
    let text = |web: String| {
        format!("{}{web}{}{}", definitions.concat(), on("db", "lan"), policy("lan", rest))
    };
    assert_eq!(between(&text(on_other(r#", "ips": ["192.0.2.7"]"#))), perhaps("all"));
    assert_eq!(between(&text(on_other(r#", "ips": ["198.51.100.7"]"#))), exactly("none"));
    assert_eq!(between(&text(on_other(""))), perhaps("all"));
}

#[test]
fn an_attachment_has_the_families_of_the_addresses_that_are_told_of_it() {
    let asking =
        |name: &str, ips: &str| on(name, &format!(r#"[{{"name": "blue", "ips": [{ips}]}}]"#));
    let v4 = r#""10.100.0.7""#;
    let v6 = r#""2001:db8::7""#;
    let text = |web: &str, db: &str| format!("{OVERLAY}{}{}", asking("web", web), asking("db", db));
    assert_eq!(between(&text(v4, v6)), exactly("none"));
    assert_eq!(between(&text(v6, v6)), exactly("all"));
    // Each end admits the other by an address of another family: no connection is admitted by both.
    let both = format!("{v4}, {v6}");
    let half = |name: &str, way: &str, cidr: &str| {
        policy("blue", &format!("podSelector: {{matchLabels: {{app: {name}}}}}, policyTypes: [{way}], {}: [{{{}: [{{ipBlock: {{cidr: '{cidr}'}}}}]}}]",
            way.to_lowercase(), if way == "Egress" { "to" } else { "from" })).replace("name: p,", &format!("name: {name},"))
    };
    let policies = format!(
        "{}{}",
        half("web", "Egress", "10.100.0.0/16"),
        half("db", "Ingress", "2001:db8::/32")
    );
    assert_eq!(between(&format!("{}{policies}", text(&both, &both))), exactly("none"));
}

#[test]
fn pods_on_their_hosts_network_get_no_attachment() {
    let host = |name: &str| on(name, "blue").replace("spec: {", "spec: {hostNetwork: true, ");
    let text = format!("{OVERLAY}{}{}", host("web"), host("db"));
    assert_eq!(between(&text), exactly("none"));
}

#[test]
fn answers_about_the_primary_network_stay_as_they_are() {
    let open = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: open, namespace: shop}, spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 443}]}], egress: [{}]}}\n---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: out, namespace: shop}, spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{}]}}\n---\n";
    let primary = |text: &str| {
        let converted = read(&format!("{CLOSED}{open}{text}"));
        let estate = &converted.estate;
        let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
        let first = |name: &str| {
            let found = estate.workloads.values().find(|one| *one.name == *name);
            found.unwrap().endpoints[0]
        };
        let cell = matrix.between(first("shop/web"), first("shop/db")).cloned().unwrap();
        (cell.established.sure.to_string(), cell.established.possible.to_string())
    };
    let alone = primary(&format!("{}{}", on("web", ""), on("db", "")));
    assert_eq!(alone, exactly("tcp/443"));
    let closed = policy("blue", "podSelector: {}");
    let beside = format!("{OVERLAY}{}{}{closed}", on("web", "blue"), on("db", "blue"));
    assert_eq!(primary(&beside), alone);
}

#[test]
fn a_name_means_a_workload_with_all_its_attachments() {
    let text = format!("{CLOSED}{OVERLAY}{}{}", on("web", "blue"), on("db", "blue"));
    let estate = read(&text).estate;
    for name in ["shop/web", "shop/db[Pod]", "k8s:shop/db"] {
        let end = watertight_reach::ends::resolve(&estate, name).unwrap();
        assert_eq!(end.targets(&estate.network).len(), 2, "{name}");
    }
    for name in ["shop/web on pods", "shop/web on shop/blue"] {
        let end = watertight_reach::ends::resolve(&estate, name).unwrap();
        assert_eq!(end.targets(&estate.network).len(), 1, "{name}");
    }
    // Without further attachments a pod is asked about by its own name.
    let alone = read(&on("web", "")).estate;
    assert_eq!(*alone.network.endpoints.values().next().unwrap().name, *"shop/web");
}
