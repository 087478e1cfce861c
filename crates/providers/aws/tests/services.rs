//! Services and fronts of whole estates: the shop of the examples, and a published test case.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use watertight_aws::{Body, Converted, Options, convert};
use watertight_model::network::{Endpoint, EndpointRole, Front, TargetEnd};
use watertight_model::{Estate, Workload};
use watertight_source::{Limits, Sources, Tree};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn converted(folder: &Path) -> Converted {
    let limits = Limits::default();
    let mut sources = Sources::new();
    let mut paths = Vec::new();
    files(folder, &mut paths);
    paths.sort();
    let mut bodies = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        let file = sources.add(&name, text).unwrap();
        let tree = Tree::parse_json(file, sources.contents(file), &limits).unwrap();
        bodies.push(Body { path: name, tree });
    }
    convert(&bodies, &Options::default())
}

fn workload<'e>(estate: &'e Estate, name: &str) -> &'e Workload {
    let mut named = estate.workloads.values();
    named.find(|one| one.name == name || one.id == name).unwrap_or_else(|| panic!("no `{name}`"))
}

fn endpoints<'e>(estate: &'e Estate, name: &str) -> Vec<&'e Endpoint> {
    let ids = workload(estate, name).endpoints.iter();
    ids.map(|id| &estate.network.endpoints[*id]).collect()
}

fn names(estate: &Estate, name: &str) -> Vec<String> {
    let mut names: Vec<String> =
        endpoints(estate, name).iter().map(|one| one.name.to_string()).collect();
    names.sort();
    names
}

fn front<'e>(estate: &'e Estate, name: &str) -> &'e Front {
    let EndpointRole::Front(front) = endpoints(estate, name)[0].role else {
        panic!("`{name}` is no front")
    };
    &estate.network.fronts[front]
}

fn targets(estate: &Estate, name: &str) -> Vec<(String, Option<u16>, bool)> {
    let listeners = front(estate, name).listeners.iter();
    let groups = listeners.flat_map(|listener| listener.target_groups.iter());
    let mut found = Vec::new();
    for group in groups.map(|group| &estate.network.target_groups[*group]) {
        for target in &group.targets {
            let TargetEnd::Endpoint(endpoint, _) = target.end else { panic!("an endpoint") };
            let workload = estate.network.endpoints[endpoint].workload;
            let name = estate.workloads[workload].name.to_string();
            found.push((name, target.port, group.preserves_source));
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn services_of_the_shop_have_their_own_interfaces() {
    let estate = converted(&root().join("examples/estates/shop/raw/aws")).estate;
    for (name, interfaces) in [
        ("orders-db", ["eni-02e1092089e3e08d5", "eni-07cecb0617f076c81"]),
        ("customers", ["eni-01ceba38b3daca8dc", "eni-0a6c7782fd6a5d46c"]),
        ("vault-db", ["eni-012882302bca52626", "eni-04219687939d0b38a"]),
        ("order-events", ["eni-05252ce5496fafa41", "eni-0fcee3efca4aaf6fc"]),
        ("fs-0a57caaee1189d5a2", ["eni-00301c96cbbd807b5", "eni-0cc8ec135853fe28f"]),
        ("copper-kettle-web", ["eni-01c46b0799d9bb9c1", "eni-0a3cd222db9f5333c"]),
        ("payments-internal", ["eni-04381522a2c477077", "eni-0c09e45df58c5b7ee"]),
    ] {
        assert_eq!(names(&estate, name), interfaces, "{name}");
    }
    assert_eq!(names(&estate, "sessions-001"), ["eni-006e65d5b5eb37f44"]);
    assert_eq!(names(&estate, "sessions-002"), ["eni-06ecb4778a6772785"]);
    assert_eq!(names(&estate, "kettle").len(), 3);
    let criticality = workload(&estate, "customers").criticality();
    assert_eq!(criticality.weight(), 100);
    assert_eq!(workload(&estate, "copper-kettle-customers").criticality().weight(), 100);
}

#[test]
fn what_is_in_no_subnet_of_the_shop_is_reached_as_its_settings_say() {
    let estate = converted(&root().join("examples/estates/shop/raw/aws")).estate;
    let role = |name: &str| {
        let [endpoint] = endpoints(&estate, name)[..] else { panic!("one endpoint of `{name}`") };
        assert!(endpoint.subnet.is_none(), "{name}");
        endpoint.role
    };
    assert_eq!(role("price-webhook"), EndpointRole::Host);
    assert_eq!(role("invoice-mailer"), EndpointRole::InitiatesOnly);
    assert_eq!(role("preview-cleanup"), EndpointRole::InitiatesOnly);
    for bucket in ["assets", "customers", "logs", "backups", "dev-artifacts"] {
        assert_eq!(role(&format!("copper-kettle-{bucket}")), EndpointRole::Host);
    }
}

#[test]
fn fronts_of_the_shop_lead_to_registered_ports() {
    let estate = converted(&root().join("examples/estates/shop/raw/aws")).estate;
    let web = targets(&estate, "copper-kettle-web");
    // Two of them are addresses of nodes that pods have.
    assert_eq!(web.len(), 14);
    for (name, port, preserves) in web {
        let of_pods = name.starts_with("eks-node-");
        let expected = if name.starts_with("web-") || of_pods { 8080 } else { 8081 };
        assert_eq!((port, preserves), (Some(expected), false), "{name}");
    }
    assert!(front(&estate, "copper-kettle-web").cross_zone);
    let payments = targets(&estate, "payments-internal");
    assert_eq!(payments.len(), 4);
    assert!(payments.iter().all(|(_, port, preserves)| *port == Some(8443) && *preserves));
    assert!(!front(&estate, "payments-internal").cross_zone);
}

/// Skipped where the conformance cases are not beside the project.
#[test]
fn a_published_network_load_balancer_is_read() {
    let folder = root().join("../shared/conformance/aws/batfish/test-load-balancer/aws_configs");
    if !folder.is_dir() {
        return;
    }
    let estate = converted(&folder).estate;
    let interfaces = ["eni-01f261dccaba46564", "eni-0c82d6f7254ae6695"];
    assert_eq!(names(&estate, "test-lb"), interfaces);
    assert!(endpoints(&estate, "test-lb").iter().all(|one| one.layers.is_empty()));
    let front = front(&estate, "test-lb");
    assert!(front.cross_zone && front.listeners_read);
    let targets = targets(&estate, "test-lb");
    assert_eq!(targets.len(), 2);
    assert!(targets.iter().all(|(_, port, preserves)| *port == Some(22) && *preserves));
}
