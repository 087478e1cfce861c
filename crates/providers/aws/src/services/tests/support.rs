//! A small VPC around the bodies of a test.

use watertight_model::network::{Endpoint, EndpointRole, Front, TargetEnd};
use watertight_model::{Estate, Name, Workload};
use watertight_source::{Limits, Sources, Tree};

use crate::{Body, Converted, Options, convert};

const FOLDER: &str = "aws/111122223333/eu-west-1";

/// Two subnets in two zones, three groups, two machines and what `bodies` add.
pub(crate) fn converted(bodies: &[(&str, &str)]) -> Converted {
    let mut all = vec![
        ("describe-vpcs.json", VPCS),
        ("describe-subnets.json", SUBNETS),
        ("describe-security-groups.json", GROUPS),
        ("describe-instances.json", INSTANCES),
    ];
    all.extend_from_slice(bodies);
    let limits = Limits::default();
    let mut sources = Sources::new();
    let mut read = Vec::new();
    for (path, text) in all {
        let path = format!("{FOLDER}/{path}");
        let file = sources.add(&path, text).unwrap();
        let tree = Tree::parse_json(file, sources.contents(file), &limits).unwrap();
        read.push(Body { path, tree });
    }
    convert(&read, &Options::default())
}

/// As [`converted`], the estate alone.
pub(crate) fn estate(bodies: &[(&str, &str)]) -> Estate {
    converted(bodies).estate
}

/// The workload with a name.
pub(crate) fn workload<'e>(estate: &'e Estate, name: &str) -> &'e Workload {
    let found = estate.workloads.values().find(|workload| workload.name == name);
    found.unwrap_or_else(|| panic!("no workload is named `{name}`"))
}

/// Its endpoints.
pub(crate) fn endpoints<'e>(estate: &'e Estate, name: &str) -> Vec<&'e Endpoint> {
    let ids = workload(estate, name).endpoints.iter();
    ids.map(|id| &estate.network.endpoints[*id]).collect()
}

/// The names of the subnets of its endpoints, `-` for none.
pub(crate) fn places(estate: &Estate, name: &str) -> Vec<String> {
    let subnet = |endpoint: &Endpoint| match endpoint.subnet {
        Some(subnet) => estate.network.subnets[subnet].name.to_string(),
        None => String::from("-"),
    };
    endpoints(estate, name).into_iter().map(subnet).collect()
}

/// The names of the guards of an endpoint.
pub(crate) fn guards<'e>(estate: &'e Estate, endpoint: &Endpoint) -> Vec<&'e str> {
    let layers = endpoint.layers.iter().map(|layer| &estate.network.layers[*layer]);
    let guards = layers.flat_map(|layer| layer.guards.iter());
    guards.map(|guard| estate.network.guards[*guard].name.as_str()).collect()
}

/// The value of a label.
pub(crate) fn label<'e>(estate: &'e Estate, name: &str, key: &str) -> Option<&'e str> {
    workload(estate, name).labels.get(key).map(Name::as_str)
}

/// The front of a workload.
pub(crate) fn front<'e>(estate: &'e Estate, name: &str) -> &'e Front {
    let roles = endpoints(estate, name).into_iter().map(|endpoint| endpoint.role);
    let front = roles.into_iter().find_map(|role| match role {
        EndpointRole::Front(front) => Some(front),
        _ => None,
    });
    &estate.network.fronts[front.unwrap_or_else(|| panic!("`{name}` is no front"))]
}

/// The targets of a front as `end:port/health`, `preserving` before those that see the client.
pub(crate) fn targets(estate: &Estate, front: &Front) -> Vec<String> {
    let network = &estate.network;
    let groups = front.listeners.iter().flat_map(|listener| listener.target_groups.iter());
    let mut texts = Vec::new();
    for group in groups.map(|group| &network.target_groups[*group]) {
        for target in &group.targets {
            let end = match &target.end {
                TargetEnd::Endpoint(endpoint, address) => {
                    let workload = network.endpoints[*endpoint].workload;
                    format!("{}@{address}", estate.workloads[workload].name)
                }
                TargetEnd::Address(address) => format!("address {address}"),
                TargetEnd::Front(front) => format!("front {}", network.fronts[*front].name),
                TargetEnd::Workload(id) => format!("call {}", estate.workloads[*id].name),
                TargetEnd::Unread(name) => format!("unread {name}"),
            };
            let port = target.port.map_or_else(String::new, |port| format!(":{port}"));
            let keeps = if group.preserves_source { "preserving " } else { "" };
            texts.push(format!("{keeps}{end}{port}/{:?}", target.health));
        }
    }
    texts
}

/// A body of `describe-network-interfaces` with interfaces given as id, subnet, address, groups
/// and description.
pub(crate) fn interfaces(rows: &[(&str, &str, &str, &[&str], &str)]) -> String {
    let mut texts = Vec::new();
    for (id, subnet, address, groups, description) in rows {
        let groups: Vec<String> =
            groups.iter().map(|group| format!(r#"{{"GroupId": "{group}"}}"#)).collect();
        let groups = groups.join(", ");
        let of_type =
            if description.starts_with("ELB net/") { "network_load_balancer" } else { "interface" };
        texts.push(format!(
            r#"{{"NetworkInterfaceId": "{id}", "SubnetId": "{subnet}", "VpcId": "vpc-1",
                "PrivateIpAddress": "{address}", "Groups": [{groups}], "OwnerId": "111122223333",
                "InterfaceType": "{of_type}", "Description": "{description}"}}"#
        ));
    }
    format!(r#"{{"NetworkInterfaces": [{}]}}"#, texts.join(", "))
}

const VPCS: &str = r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16",
    "OwnerId": "111122223333"}]}"#;

const SUBNETS: &str = r#"{"Subnets": [
    {"SubnetId": "subnet-a", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24",
     "AvailabilityZone": "eu-west-1a"},
    {"SubnetId": "subnet-b", "VpcId": "vpc-1", "CidrBlock": "10.0.2.0/24",
     "AvailabilityZone": "eu-west-1b"}]}"#;

const GROUPS: &str = r#"{"SecurityGroups": [
    {"GroupId": "sg-1", "GroupName": "one", "VpcId": "vpc-1", "IpPermissions": [],
     "IpPermissionsEgress": []},
    {"GroupId": "sg-2", "GroupName": "two", "VpcId": "vpc-1", "IpPermissions": [],
     "IpPermissionsEgress": []},
    {"GroupId": "sg-3", "GroupName": "three", "VpcId": "vpc-1", "IpPermissions": [],
     "IpPermissionsEgress": []}]}"#;

const INSTANCES: &str = r#"{"Reservations": [{"OwnerId": "111122223333", "Instances": [
    {"InstanceId": "i-1", "VpcId": "vpc-1", "SubnetId": "subnet-a", "State": {"Name": "running"},
     "NetworkInterfaces": [{"NetworkInterfaceId": "eni-i1", "SubnetId": "subnet-a",
        "VpcId": "vpc-1", "PrivateIpAddress": "10.0.1.11", "Groups": [{"GroupId": "sg-1"}],
        "Attachment": {"DeviceIndex": 0}}]},
    {"InstanceId": "i-2", "VpcId": "vpc-1", "SubnetId": "subnet-b", "State": {"Name": "running"},
     "NetworkInterfaces": [{"NetworkInterfaceId": "eni-i2", "SubnetId": "subnet-b",
        "VpcId": "vpc-1", "PrivateIpAddress": "10.0.2.12", "Groups": [{"GroupId": "sg-1"}],
        "Attachment": {"DeviceIndex": 0}}]}]}]}"#;
