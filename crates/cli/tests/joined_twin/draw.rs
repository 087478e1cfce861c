//! A cluster in the network that an estate's bodies make: pods at attachments of machines and at some of
//! their own, the plugin's settings, policies, services.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use watertight_net::Prefix;
use watertight_testkit::generate::{Random, kubernetes};

/// Pods of one estate.
const PODS_MAX: usize = 5;
/// Where cluster IPs are: in no network of the estate.
const SERVICES: &str = "172.20.0.";

/// A pod's place: its attachment, the machine of its node, and its address.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) interface: String,
    pub(crate) instance: String,
    pub(crate) address: IpAddr,
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    /// Whether the attachment is the pod's own.
    pub(crate) own: bool,
    /// Whether the attachment is the machine's second one, in another subnet.
    pub(crate) second: bool,
    /// Whether routes lead to the attachment or its machine.
    pub(crate) routed: bool,
}

/// What the plugin is told.
#[derive(Debug)]
pub(crate) struct Plugin {
    /// Whether what leaves the nodes' network leaves under a node's address.
    pub(crate) translates: bool,
    /// Where else pods send under their own addresses.
    pub(crate) keeps: Vec<Prefix>,
    /// Whether an attachment of a pod's own keeps it apart from its node.
    pub(crate) strict: bool,
}

/// A cluster in an estate.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) places: Vec<Place>,
    pub(crate) plugin: Plugin,
    pub(crate) objects: Vec<Value>,
    /// The attachment of each node by which it leaves, with the address under which.
    pub(crate) primary: BTreeMap<String, (String, IpAddr)>,
    /// The IPv4 prefixes of each network.
    pub(crate) prefixes: BTreeMap<String, Vec<Prefix>>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn each<'v>(files: &'v [(String, Value)], key: &'v str) -> impl Iterator<Item = &'v Value> {
    files.iter().flat_map(move |(_, body)| body[key].as_array().into_iter().flatten())
}

/// Draws a cluster, and gives the estate's attachments what its pods need.
pub(crate) fn draw(seed: u64, files: &mut [(String, Value)]) -> Drawn {
    let mut random = Random::new(seed ^ 0x701d);
    let mut prefixes: BTreeMap<String, Vec<Prefix>> = BTreeMap::new();
    for vpc in each(files, "Vpcs") {
        let sets = vpc["CidrBlockAssociationSet"].as_array().into_iter().flatten();
        let blocks = sets.filter(|set| set["CidrBlockState"]["State"] == "associated");
        let own = blocks.map(|set| text(&set["CidrBlock"])).chain([text(&vpc["CidrBlock"])]);
        let own = own.filter_map(|block| block.parse().ok()).collect();
        prefixes.insert(text(&vpc["VpcId"]), own);
    }
    let places = places(&mut random, files);
    let keeps = if random.chance(40) {
        let all: Vec<Prefix> = prefixes.values().flatten().copied().collect();
        random.pick(&all).copied().into_iter().collect()
    } else {
        Vec::new()
    };
    let plugin = Plugin { translates: random.chance(60), keeps, strict: !random.chance(30) };
    let mut primary = BTreeMap::new();
    for one in each(files, "NetworkInterfaces") {
        if one["Attachment"]["DeviceIndex"] == 0 {
            let own = one["PrivateIpAddress"].as_str().and_then(|own| own.parse().ok());
            if let Some(own) = own {
                let id = text(&one["NetworkInterfaceId"]);
                primary.insert(text(&one["Attachment"]["InstanceId"]), (id, own));
            }
        }
    }
    let objects = objects(seed, &mut random, &places, (&plugin, &primary));
    Drawn { places, plugin, objects, primary, prefixes }
}

/// Gives attachments of machines a further address, for a pod each, or the pod an attachment of its own
/// beside it.
fn places(random: &mut Random, files: &mut [(String, Value)]) -> Vec<Place> {
    let mut routed: BTreeSet<String> = BTreeSet::new();
    for route in each(files, "RouteTables").filter_map(|table| table["Routes"].as_array()).flatten()
    {
        for key in ["NetworkInterfaceId", "InstanceId"] {
            routed.extend(route[key].as_str().map(str::to_owned));
        }
    }
    let subnets: BTreeMap<String, Prefix> = each(files, "Subnets")
        .map(|one| (text(&one["SubnetId"]), text(&one["CidrBlock"]).parse().unwrap()))
        .collect();
    let in_network: Vec<(String, String)> =
        each(files, "Subnets").map(|one| (text(&one["VpcId"]), text(&one["SubnetId"]))).collect();
    let mut used: BTreeSet<IpAddr> = each(files, "NetworkInterfaces")
        .flat_map(|one| one["PrivateIpAddresses"].as_array().into_iter().flatten())
        .map(|one| text(&one["PrivateIpAddress"]).parse().unwrap())
        .collect();
    let mut found = Vec::new();
    for (_, body) in files.iter_mut() {
        let Some(all) = body["NetworkInterfaces"].as_array_mut() else { continue };
        let mut more = Vec::new();
        for one in all.iter_mut() {
            let instance = text(&one["Attachment"]["InstanceId"]);
            if instance.is_empty() || found.len() == PODS_MAX {
                continue;
            }
            let own_subnet = text(&one["SubnetId"]);
            let Some(address) = free(&mut used, subnets[&own_subnet]) else { continue };
            let id = text(&one["NetworkInterfaceId"]);
            let is_routed = routed.contains(&id) || routed.contains(&instance);
            let own = random.chance(30);
            let place = |interface| Place {
                interface,
                instance: instance.clone(),
                address,
                vpc: text(&one["VpcId"]),
                subnet: text(&one["SubnetId"]),
                own,
                second: false,
                routed: is_routed && !own,
            };
            if own {
                let branch = branch(random, one, address);
                found.push(place(text(&branch["NetworkInterfaceId"])));
                more.push(branch);
            } else {
                found.push(place(id));
                one["PrivateIpAddresses"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"Primary": false, "PrivateIpAddress": address.to_string()}));
            }
            // A pod at another attachment of the machine, in another subnet.
            let vpc = text(&one["VpcId"]);
            let others: Vec<&String> = in_network
                .iter()
                .filter(|(of, subnet)| *of == vpc && *subnet != own_subnet)
                .map(|(_, subnet)| subnet)
                .collect();
            if found.len() == PODS_MAX || !random.chance(50) {
                continue;
            }
            let Some(subnet) = random.pick(&others).copied().cloned() else { continue };
            let pair = (free(&mut used, subnets[&subnet]), free(&mut used, subnets[&subnet]));
            let (Some(first), Some(address)) = pair else { continue };
            let made = second(random, one, &subnet, [first, address]);
            let interface = text(&made["NetworkInterfaceId"]);
            more.push(made);
            let (own, second, routed) = (false, true, false);
            found.push(Place { interface, instance, address, vpc, subnet, own, second, routed });
        }
        all.extend(more);
    }
    found
}

/// An address of a subnet that nobody has.
fn free(used: &mut BTreeSet<IpAddr>, prefix: Prefix) -> Option<IpAddr> {
    let IpAddr::V4(last) = prefix.last() else { return None };
    let hosts = (2..20).map(|back| IpAddr::V4(Ipv4Addr::from_bits(last.to_bits() - back)));
    let mut free = hosts.filter(|host| prefix.contains(*host));
    let found = free.find(|host| !used.contains(host))?;
    used.insert(found);
    Some(found)
}

/// Another attachment of a machine beside one, in another subnet: as the plugin of Amazon EKS makes them.
fn second(random: &mut Random, beside: &Value, subnet: &str, addresses: [IpAddr; 2]) -> Value {
    let mut found = beside.clone();
    found.as_object_mut().unwrap().remove("Association");
    let groups = found["Groups"].as_array().cloned().unwrap_or_default();
    let own: Vec<Value> = random.pick(&groups).cloned().into_iter().collect();
    let [first, other] = addresses.map(|one| one.to_string());
    found["Groups"] = json!(own);
    found["NetworkInterfaceId"] = json!(random.id("eni"));
    found["SubnetId"] = json!(subnet);
    found["Attachment"]["DeviceIndex"] = json!(7);
    found["Attachment"]["AttachmentId"] = json!(random.id("eni-attach"));
    found["Ipv6Addresses"] = json!([]);
    found["PrivateIpAddress"] = json!(first);
    found["PrivateIpAddresses"] = json!([{"Primary": true, "PrivateIpAddress": first},
        {"Primary": false, "PrivateIpAddress": other}]);
    found
}

/// An attachment of a pod's own beside one of its node: as Amazon EKS makes them, with groups of its own.
fn branch(random: &mut Random, beside: &Value, address: IpAddr) -> Value {
    let mut found = beside.clone();
    let fields = found.as_object_mut().unwrap();
    for gone in ["Attachment", "Association"] {
        fields.remove(gone);
    }
    let groups = fields["Groups"].as_array().cloned().unwrap_or_default();
    let own: Vec<Value> = random.pick(&groups).cloned().into_iter().collect();
    found["Groups"] = json!(own);
    found["NetworkInterfaceId"] = json!(random.id("eni"));
    found["InterfaceType"] = json!("branch");
    found["Description"] = json!("aws-k8s-branch-eni");
    found["SourceDestCheck"] = json!(true);
    found["RequesterManaged"] = json!(false);
    found["Ipv6Addresses"] = json!([]);
    found["PrivateIpAddress"] = json!(address.to_string());
    found["PrivateIpAddresses"] =
        json!([{"Primary": true, "PrivateIpAddress": address.to_string()}]);
    found
}

/// The cluster's objects: pods at their places, nodes, the plugin, policies, services.
fn objects(
    seed: u64,
    random: &mut Random,
    places: &[Place],
    (plugin, primary): (&Plugin, &BTreeMap<String, (String, IpAddr)>),
) -> Vec<Value> {
    let wanted = ["Namespace", "NetworkPolicy"];
    let mut found = kubernetes::cluster(seed);
    found.retain(|object| wanted.contains(&object["kind"].as_str().unwrap()));
    if random.chance(30) {
        let network = network_of_users(random, &mut found);
        found.extend(network);
    }
    for (number, place) in places.iter().enumerate() {
        let mut labels = json!({});
        for key in ["app", "tier", "role"] {
            labels[key] = json!(random.pick(&["a", "b", "c"]).unwrap());
        }
        let namespace = random.pick(&["shop", "data", "ops"]).unwrap();
        found.push(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("pod{number}"), "namespace": namespace, "labels": labels},
            "spec": {"nodeName": place.instance, "containers": [{"name": "c", "ports":
                [{"name": "web", "containerPort": 8080}, {"name": "db", "containerPort": 5432}]}]},
            "status": {"podIP": place.address.to_string()}}));
        // Each pod has a service that leads to those like it, if not to more.
        let key = *random.pick(&["app", "tier", "role"]).unwrap();
        found.push(json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": format!("service{number}"), "namespace": namespace},
            "spec": {"type": "ClusterIP", "clusterIP": format!("{SERVICES}{}", number + 10),
                "selector": {key: labels[key]},
                "ports": [{"name": "one", "port": 80, "targetPort": "web"},
                    {"name": "two", "port": 443, "targetPort": 22},
                    {"name": "three", "port": 8080}]}}));
    }
    let nodes: BTreeSet<&String> = places.iter().map(|place| &place.instance).collect();
    for node in nodes {
        let mut object = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node},
            "spec": {"providerID": format!("aws:///zone/{node}")}});
        if let Some((_, own)) = primary.get(node).filter(|_| random.chance(60)) {
            object["status"] = json!({"addresses": [{"type": "InternalIP", "address": own.to_string()},
                {"type": "Hostname", "address": node}]});
        }
        found.push(object);
    }
    found.extend(daemon(random, plugin));
    found
}

/// A network in the place of the cluster's own for the pods of a namespace.
fn network_of_users(random: &mut Random, objects: &mut [Value]) -> Option<Value> {
    let namespaces = objects.iter_mut().filter(|one| one["kind"] == "Namespace");
    let mut all: Vec<&mut Value> = namespaces.collect();
    let chosen = random.below(all.len().max(1));
    let namespace = all.get_mut(chosen)?;
    namespace["metadata"]["labels"]["k8s.ovn.org/primary-user-defined-network"] = json!("");
    Some(json!({"apiVersion": "k8s.ovn.org/v1", "kind": "UserDefinedNetwork",
        "metadata": {"name": "inner", "namespace": namespace["metadata"]["name"]},
        "spec": {"topology": "Layer2", "layer2": {"role": "Primary", "subnets": ["10.20.0.0/16"]}}}))
}

/// The plugin's own object, unless what it says is what holds without it.
fn daemon(random: &mut Random, plugin: &Plugin) -> Option<Value> {
    let mut variables = Vec::new();
    if !plugin.translates || random.chance(50) {
        let value = if plugin.translates { "false" } else { "true" };
        variables.push(json!({"name": "AWS_VPC_K8S_CNI_EXTERNALSNAT", "value": value}));
    }
    if !plugin.keeps.is_empty() {
        let all: Vec<String> = plugin.keeps.iter().map(ToString::to_string).collect();
        let name = "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS";
        variables.push(json!({"name": name, "value": all.join(",")}));
    }
    if !plugin.strict || random.chance(50) {
        let value = if plugin.strict { "strict" } else { "standard" };
        variables.push(json!({"name": "POD_SECURITY_GROUP_ENFORCING_MODE", "value": value}));
    }
    (!variables.is_empty()).then(|| {
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"name": "aws-node", "namespace": "kube-system"},
            "spec": {"template": {"spec": {"hostNetwork": true,
                "containers": [{"name": "aws-node", "env": variables}]}}}})
    })
}
