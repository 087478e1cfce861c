//! Calico's policies for what hosts forward.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod read;

use std::collections::BTreeSet;

use watertight_kubernetes::{Converted, Options};
use watertight_reach::Reach;

/// Two pods on one node, one on another, one of which no node is told.
const PODS: &str = "
{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: a}, spec: {nodeName: n1, containers: [{name: c}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: y, namespace: a}, spec: {nodeName: n1, containers: [{name: c}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: z, namespace: a}, spec: {nodeName: n2, containers: [{name: c}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: w, namespace: a}, spec: {containers: [{name: c}]}}
---
";
const ENDPOINT: &str = "
{apiVersion: projectcalico.org/v3, kind: HostEndpoint, metadata: {name: e, labels: {role: node}}, spec: {node: n1, interfaceName: eth0}}
---
";

fn policy(spec: &str) -> String {
    format!(
        "{{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {{name: p}}, spec: {{{spec}}}}}\n---\n"
    )
}

fn converted(text: &str) -> Converted {
    read::read(&format!("{PODS}{text}"), &Options::default())
}

/// Whether one pod reaches another: `yes`, `no` or `unknown`.
fn can(text: &str, from: &str, to: &str) -> &'static str {
    let estate = converted(text).estate;
    let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
    let of = |name: &str| {
        let full = format!("a/{name}");
        let found = estate.workloads.values().find(|one| *one.name == *full);
        found.unwrap().endpoints[0]
    };
    match matrix.between(of(from), of(to)).map(|cell| &cell.established) {
        Some(cell) if !cell.sure.is_empty() => "yes",
        Some(cell) if !cell.possible.is_empty() => "unknown",
        _ => "no",
    }
}

/// Source: Calico documentation, "Apply on forwarded traffic".
#[test]
fn what_hosts_forward_may_be_refused_there_in_the_directions_that_are_governed() {
    let both = "selector: role == 'node', applyOnForward: true, types: [Ingress, Egress]";
    for (spec, z_to_x, x_to_z) in [
        (both, "unknown", "unknown"),
        ("selector: role == 'node', applyOnForward: true, types: [Ingress]", "unknown", "yes"),
        ("selector: role == 'node', applyOnForward: true, types: [Egress]", "yes", "unknown"),
        ("selector: role == 'node', applyOnForward: true, preDNAT: true", "unknown", "yes"),
        ("selector: role == 'node', types: [Ingress, Egress]", "yes", "yes"),
        ("selector: role == 'node', applyOnForward: true, doNotTrack: true", "yes", "yes"),
        ("selector: role == 'other', applyOnForward: true, types: [Ingress]", "yes", "yes"),
        ("selector: role == 'node', namespaceSelector: all(), applyOnForward: true", "yes", "yes"),
    ] {
        let text = format!("{ENDPOINT}{}", policy(spec));
        assert_eq!(can(&text, "z", "x"), z_to_x, "{spec}");
        assert_eq!(can(&text, "x", "z"), x_to_z, "{spec}");
    }
    let text = format!("{ENDPOINT}{}", policy(both));
    // What stays on a node passes none of its interfaces; where a pod is may not be told.
    assert_eq!(can(&text, "x", "y"), "yes");
    assert_eq!(can(&text, "w", "z"), "unknown");
    // Without a host endpoint no host asks.
    assert_eq!(can(&policy(both), "z", "x"), "yes");
    let codes = |text: &str| -> Vec<&str> {
        converted(text).diagnostics.kept().iter().map(|one| one.code.as_str()).collect()
    };
    assert_eq!(codes(&text), ["WT0211"]);
    assert_eq!(codes(ENDPOINT), ["WT0211"]);
}

/// Source: Calico documentation, "Host endpoint", automatic ones.
#[test]
fn hosts_of_calicos_own_making_have_their_nodes_labels() {
    let configuration = |word: &str| {
        format!(
            "{{apiVersion: projectcalico.org/v3, kind: KubeControllersConfiguration, metadata: {{name: default}}, spec: {{controllers: {{node: {{hostEndpoint: {{autoCreate: {word}}}}}}}}}}}\n---\n"
        )
    };
    let node = "{apiVersion: v1, kind: Node, metadata: {name: n2, labels: {role: node}}}\n---\n";
    let rest = policy("selector: role == 'node', applyOnForward: true, types: [Ingress]");
    let on = format!("{}{node}{rest}", configuration("Enabled"));
    assert_eq!(can(&on, "x", "z"), "unknown");
    assert_eq!(can(&on, "z", "x"), "yes");
    assert_eq!(can(&on.replace("Enabled", "Disabled"), "x", "z"), "yes");
    // Of nodes that are not in the input no label is known.
    let without = format!("{}{rest}", configuration("Enabled"));
    assert_eq!(can(&without, "x", "z"), "unknown");
}
