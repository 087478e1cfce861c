//! Machines, their interfaces, and whose the other interfaces are.

use watertight_model::network::EndpointRole;
use watertight_model::{MetadataService, WorkloadKind};

use crate::support::{base, converted, endpoint, workload};

/// Rule 33: several addresses, a public one for each private one, groups bound to the interface.
#[test]
fn interfaces_have_addresses_and_one_layer() {
    let estate = base();
    let web = endpoint(&estate.network, "eni-web");
    let addresses: Vec<String> = web.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.0.1.10", "10.0.1.11", "2001:db8:a:1::10"]);
    let public: Vec<String> =
        web.public.iter().map(|(one, other)| format!("{one} {other}")).collect();
    assert_eq!(public, ["10.0.1.10 198.51.100.10", "10.0.1.11 198.51.100.11"]);
    assert_eq!(web.delegated[0].to_string(), "10.0.1.64/28");
    assert_eq!(web.layers.len(), 1);
    let guards = &estate.network.layers[web.layers[0]].guards;
    let names: Vec<&str> =
        guards.iter().map(|guard| estate.network.guards[*guard].name.as_str()).collect();
    assert_eq!(names, ["sg-db", "sg-web"]);
    assert_eq!(web.role, EndpointRole::Host);
}

#[test]
fn machines_have_labels_and_metadata() {
    let estate = base();
    let web = workload(&estate, "i-web");
    assert_eq!((web.name.as_str(), web.kind), ("web-1", WorkloadKind::Machine));
    assert_eq!(web.owner.as_deref(), Some("web"));
    let labels: Vec<String> =
        web.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let expected = [
        "Name=web-1",
        "aws.account=111111111111",
        "aws.vpc=vpc-a",
        "aws:autoscaling:groupName=web",
        "cloud=aws",
        "kind=machine",
        "region=eu-west-1",
        "tier=front",
    ];
    assert_eq!(labels, expected);
    let metadata = MetadataService { enabled: true, token_required: true, hop_limit: 2 };
    assert_eq!(web.metadata, Some(metadata));
    assert!(estate.workloads.values().all(|one| one.id != "i-ended"));
}

/// Rule 32: an interface whose check is off forwards.
#[test]
fn interfaces_come_from_instances_too() {
    let estate = base();
    let app = endpoint(&estate.network, "eni-app");
    assert_eq!(app.role, EndpointRole::Forwarder);
    assert_eq!(estate.workloads[app.workload].id, "i-app");
    let bare = endpoint(&estate.network, "i-bare/primary");
    assert!(bare.inferred && estate.workloads[bare.workload].id == "i-bare");
}

/// Rule 29: nothing can open a connection to a function's interface.
#[test]
fn owners_are_found_by_type_and_description() {
    let estate = base();
    let function = endpoint(&estate.network, "eni-fn");
    assert_eq!(function.role, EndpointRole::InitiatesOnly);
    let owner = &estate.workloads[function.workload];
    assert_eq!((owner.kind, owner.name.as_str()), (WorkloadKind::Function, "orders"));
    let odd = endpoint(&estate.network, "eni-odd");
    assert_eq!(estate.workloads[odd.workload].kind, WorkloadKind::Unknown);
    let nat = endpoint(&estate.network, "eni-nat");
    assert_eq!(estate.workloads[nat.workload].kind, WorkloadKind::Gateway);
}

#[test]
fn descriptions_tell_services() {
    let cases = [
        ("ELB app/shop/0123456789abcdef", WorkloadKind::LoadBalancer),
        ("ELB net/shop/0123456789abcdef", WorkloadKind::LoadBalancer),
        ("ELB classic", WorkloadKind::LoadBalancer),
        ("RDSNetworkInterface", WorkloadKind::Database),
        ("EFS mount target for fs-1 (fsmt-1)", WorkloadKind::FileSystem),
        ("ElastiCache sessions-001", WorkloadKind::Cache),
        ("ES search", WorkloadKind::Database),
        ("Amazon EKS shop", WorkloadKind::Cluster),
        ("arn:aws:ecs:eu-west-1:1:attachment/1", WorkloadKind::Task),
        ("somebody's", WorkloadKind::Unknown),
    ];
    for (description, kind) in cases {
        let body = format!(
            r#"{{"NetworkInterfaces": [{{"NetworkInterfaceId": "eni-1", "Groups": [],
               "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.5", "Description": "{description}"}}]}}"#
        );
        let estate = converted(&[("describe-network-interfaces.json", &body)]).estate;
        let owner = estate.network.endpoints.values().next().unwrap().workload;
        assert_eq!(estate.workloads[owner].kind, kind, "{description}");
    }
}

#[test]
fn every_endpoint_has_a_workload_that_lists_it() {
    let estate = base();
    for (id, endpoint) in estate.network.endpoints.iter() {
        let workload = estate.workloads.get(endpoint.workload).unwrap();
        assert!(workload.endpoints.contains(&id), "{}", endpoint.name);
    }
}
