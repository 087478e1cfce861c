//! Interfaces, machines, load balancers, functions and roles.

use serde_json::{Value, json};

use super::super::{Bodies, items, tags, text, texts, told};
use super::State;

const KINDS: [&str; 17] = [
    "aws_network_interface",
    "aws_network_interface_attachment",
    "aws_network_interface_sg_attachment",
    "aws_instance",
    "aws_lb",
    "aws_alb",
    "aws_lb_listener",
    "aws_alb_listener",
    "aws_lb_target_group",
    "aws_alb_target_group",
    "aws_lb_target_group_attachment",
    "aws_lambda_function",
    "aws_iam_instance_profile",
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_iam_policy",
];

/// Reads them; gives the types that are read.
pub(super) fn read(state: &State, bodies: &mut Bodies) -> Vec<&'static str> {
    for interface in state.all(&["aws_network_interface"]) {
        let list = ("ec2-describe-network-interfaces", "NetworkInterfaces");
        bodies.add(&state.place(interface), list, self::interface(state, interface));
    }
    for machine in state.all(&["aws_instance"]) {
        instance(state, bodies, machine);
    }
    balancers(state, bodies);
    for function in state.all(&["aws_lambda_function"]) {
        let list = ("lambda-list-functions", "Functions");
        bodies.add(&state.place(function), list, self::function(function));
    }
    roles(state, bodies);
    KINDS.to_vec()
}

/// The subnet's VPC.
fn vpc_of<'s>(state: &'s State, subnet: Option<&str>) -> Option<&'s str> {
    let held = state.find(&["aws_subnet", "aws_default_subnet"], subnet?)?;
    text(held, "vpc_id")
}

/// The groups of an interface, those that are given to it apart among them.
fn groups(state: &State, id: Option<&str>, own: Vec<&str>) -> Vec<Value> {
    let apart = state.all(&["aws_network_interface_sg_attachment"]);
    let apart = apart.filter(|one| id.is_some() && text(one, "network_interface_id") == id);
    let mut all = own;
    all.extend(apart.filter_map(|one| text(one, "security_group_id")));
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(|group| json!({"GroupId": group})).collect()
}

fn interface(state: &State, interface: &Value) -> Value {
    let id = text(interface, "id");
    let subnet = text(interface, "subnet_id");
    let first = text(interface, "private_ip");
    let more = texts(interface, "private_ips").filter(|one| Some(*one) != first);
    let addresses: Vec<Value> = first
        .into_iter()
        .chain(more)
        .enumerate()
        .map(|(place, address)| json!({"PrivateIpAddress": address, "Primary": place == 0}))
        .collect();
    let six: Vec<Value> =
        texts(interface, "ipv6_addresses").map(|one| json!({"Ipv6Address": one})).collect();
    let own = items(interface, "attachment").next();
    let apart = state
        .all(&["aws_network_interface_attachment"])
        .find(|one| text(one, "network_interface_id") == id);
    let machine = own.and_then(|one| text(one, "instance"));
    let machine = machine.or_else(|| apart.and_then(|one| text(one, "instance_id")));
    let attachment = machine.map(|machine| json!({"InstanceId": machine, "Status": "attached"}));
    told(json!({
        "NetworkInterfaceId": id,
        "SubnetId": subnet,
        "VpcId": vpc_of(state, subnet),
        "OwnerId": text(interface, "owner_id"),
        "Description": text(interface, "description"),
        "InterfaceType": text(interface, "interface_type"),
        "Status": if machine.is_some() { "in-use" } else { "available" },
        "SourceDestCheck": interface.get("source_dest_check"),
        "PrivateIpAddress": first,
        "PrivateIpAddresses": addresses,
        "Ipv6Addresses": six,
        "Groups": groups(state, id, texts(interface, "security_groups").collect()),
        "Attachment": attachment,
        "TagSet": tags(interface, "tags_all"),
    }))
}

fn instance(state: &State, bodies: &mut Bodies, machine: &Value) {
    let place = state.place(machine);
    let id = text(machine, "id");
    let subnet = text(machine, "subnet_id");
    let primary = text(machine, "primary_network_interface_id");
    let of_state = primary.is_some_and(|one| state.find(&["aws_network_interface"], one).is_some());
    let public = text(machine, "public_ip");
    let association = public.map(|public| json!({"PublicIp": public}));
    let first = text(machine, "private_ip");
    let more = texts(machine, "secondary_private_ips");
    let addresses: Vec<Value> = first
        .into_iter()
        .chain(more)
        .enumerate()
        .map(|(place, address)| {
            let association = if place == 0 { association.clone() } else { None };
            json!({"PrivateIpAddress": address, "Primary": place == 0, "Association": association})
        })
        .collect();
    let six: Vec<Value> =
        texts(machine, "ipv6_addresses").map(|one| json!({"Ipv6Address": one})).collect();
    let groups = groups(state, primary, texts(machine, "vpc_security_group_ids").collect());
    let vpc = vpc_of(state, subnet);
    let interface = json!({
        "NetworkInterfaceId": primary,
        "SubnetId": subnet,
        "VpcId": vpc,
        "OwnerId": place.account,
        "InterfaceType": "interface",
        "Status": "in-use",
        "SourceDestCheck": machine.get("source_dest_check"),
        "PrivateIpAddress": first,
        "PrivateIpAddresses": addresses,
        "Ipv6Addresses": six,
        "Groups": groups,
        "Association": association,
        "Attachment": {"InstanceId": id, "DeviceIndex": 0, "Status": "attached"},
    });
    let profile = text(machine, "iam_instance_profile");
    let profile = profile.map(|name| {
        let held =
            state.all(&["aws_iam_instance_profile"]).find(|one| text(one, "name") == Some(name));
        let arn = held.and_then(|one| text(one, "arn").map(str::to_owned));
        let made = || format!("arn:aws:iam::{}:instance-profile/{name}", place.account);
        json!({"Arn": arn.unwrap_or_else(made)})
    });
    let options = items(machine, "metadata_options").next();
    let options = options.map(|one| {
        json!({
            "HttpTokens": text(one, "http_tokens"),
            "HttpEndpoint": text(one, "http_endpoint"),
            "HttpPutResponseHopLimit": one.get("http_put_response_hop_limit"),
            "State": "applied",
        })
    });
    let item = told(json!({
        "InstanceId": id,
        "InstanceType": text(machine, "instance_type"),
        "State": {"Name": text(machine, "instance_state")},
        "SubnetId": subnet,
        "VpcId": vpc,
        "PrivateIpAddress": first,
        "PublicIpAddress": public,
        "SecurityGroups": interface["Groups"],
        "SourceDestCheck": machine.get("source_dest_check"),
        "IamInstanceProfile": profile,
        "MetadataOptions": options,
        "Placement": {"AvailabilityZone": text(machine, "availability_zone")},
        "Tags": tags(machine, "tags_all"),
    }));
    let reservation = json!({"OwnerId": place.account, "Instances": [item]});
    bodies.add(&place, ("ec2-describe-instances", "Reservations"), reservation);
    // An interface that is a resource of its own tells of itself.
    if primary.is_some() && !of_state {
        let list = ("ec2-describe-network-interfaces", "NetworkInterfaces");
        bodies.add(&place, list, told(interface));
    }
}

fn balancers(state: &State, bodies: &mut Bodies) {
    for balancer in state.all(&["aws_lb", "aws_alb"]) {
        let zones: Vec<Value> =
            texts(balancer, "subnets").map(|subnet| json!({"SubnetId": subnet})).collect();
        let groups: Vec<&str> = texts(balancer, "security_groups").collect();
        let internal = balancer.get("internal").and_then(Value::as_bool) == Some(true);
        let item = told(json!({
            "LoadBalancerArn": text(balancer, "arn"),
            "LoadBalancerName": text(balancer, "name"),
            "DNSName": text(balancer, "dns_name"),
            "Type": text(balancer, "load_balancer_type"),
            "Scheme": if internal { "internal" } else { "internet-facing" },
            "IpAddressType": text(balancer, "ip_address_type"),
            "VpcId": text(balancer, "vpc_id"),
            "State": {"Code": "active"},
            "AvailabilityZones": zones,
            "SecurityGroups": groups,
        }));
        let list = ("elbv2-describe-load-balancers", "LoadBalancers");
        bodies.add(&state.place(balancer), list, item);
    }
    for listener in state.all(&["aws_lb_listener", "aws_alb_listener"]) {
        let actions: Vec<Value> = items(listener, "default_action").map(action).collect();
        let item = told(json!({
            "ListenerArn": text(listener, "arn"),
            "LoadBalancerArn": text(listener, "load_balancer_arn"),
            "Port": listener.get("port"),
            "Protocol": text(listener, "protocol"),
            "DefaultActions": actions,
        }));
        let list = ("elbv2-describe-listeners", "Listeners");
        bodies.add(&state.place(listener), list, item);
    }
    for group in state.all(&["aws_lb_target_group", "aws_alb_target_group"]) {
        let place = state.place(group);
        let Some(arn) = text(group, "arn") else { continue };
        let item = told(json!({
            "TargetGroupArn": arn,
            "TargetGroupName": text(group, "name"),
            "Protocol": text(group, "protocol"),
            "Port": group.get("port"),
            "VpcId": text(group, "vpc_id"),
            "TargetType": text(group, "target_type"),
            "IpAddressType": text(group, "ip_address_type"),
            "HealthCheckPort": items(group, "health_check").find_map(|one| text(one, "port")),
            "LoadBalancerArns": texts(group, "load_balancer_arns").collect::<Vec<_>>(),
        }));
        bodies.add(&place, ("elbv2-describe-target-groups", "TargetGroups"), item);
        let preserved = text(group, "preserve_client_ip");
        let attributes: Vec<Value> = preserved
            .map(|value| json!({"Key": "preserve_client_ip.enabled", "Value": value}))
            .into_iter()
            .collect();
        let body = json!({"Attributes": attributes});
        bodies.about(&place, "elbv2-describe-target-group-attributes", arn, body);
        let own = state.all(&["aws_lb_target_group_attachment"]);
        let own = own.filter(|one| text(one, "target_group_arn") == Some(arn));
        let targets: Vec<Value> = own
            .map(|one| {
                let port = one.get("port").filter(|port| port.as_i64().is_some_and(|one| one > 0));
                let port = port.or_else(|| group.get("port"));
                told(json!({"Target": {"Id": text(one, "target_id"), "Port": port}}))
            })
            .collect();
        // Autoscaling and containers register targets that no state holds.
        let body = json!({
            "TargetHealthDescriptions": targets, "NextToken": super::super::MORE,
        });
        bodies.about(&place, "elbv2-describe-target-health", arn, body);
    }
}

fn action(one: &Value) -> Value {
    let forward = items(one, "forward").next();
    let groups = forward.into_iter().flat_map(|forward| items(forward, "target_group"));
    let groups: Vec<Value> = groups
        .map(|group| json!({"TargetGroupArn": text(group, "arn"), "Weight": group.get("weight")}))
        .collect();
    let forward = forward.map(|_| json!({"TargetGroups": groups}));
    json!({
        "Type": text(one, "type"),
        "TargetGroupArn": text(one, "target_group_arn"),
        "ForwardConfig": forward,
    })
}

fn function(function: &Value) -> Value {
    let vpc = items(function, "vpc_config").next().map(|one| {
        json!({
            "VpcId": text(one, "vpc_id"),
            "SubnetIds": texts(one, "subnet_ids").collect::<Vec<_>>(),
            "SecurityGroupIds": texts(one, "security_group_ids").collect::<Vec<_>>(),
            "Ipv6AllowedForDualStack": one.get("ipv6_allowed_for_dual_stack"),
        })
    });
    told(json!({
        "FunctionName": text(function, "function_name"),
        "FunctionArn": text(function, "arn"),
        "Role": text(function, "role"),
        "VpcConfig": vpc,
        "State": "Active",
    }))
}

/// Roles with their policies, as an account's details tell of them.
fn roles(state: &State, bodies: &mut Bodies) {
    const CALL: &str = "iam-get-account-authorization-details";
    for role in state.all(&["aws_iam_role"]) {
        let name = text(role, "name");
        let of_role = |one: &&Value| {
            let told = text(one, "role");
            told.is_some() && told == name
        };
        let own = state.all(&["aws_iam_role_policy"]).filter(of_role);
        let own: Vec<Value> = own
            .map(|one| json!({"PolicyName": text(one, "name"), "PolicyDocument": document(one, "policy")}))
            .collect();
        let given = state.all(&["aws_iam_role_policy_attachment"]).filter(of_role);
        let mut given: Vec<&str> = given.filter_map(|one| text(one, "policy_arn")).collect();
        given.extend(texts(role, "managed_policy_arns"));
        given.sort_unstable();
        given.dedup();
        let given: Vec<Value> = given.iter().map(|arn| json!({"PolicyArn": arn})).collect();
        let boundary = text(role, "permissions_boundary");
        let boundary = boundary.map(|arn| json!({"PermissionsBoundaryArn": arn}));
        let profiles = state.all(&["aws_iam_instance_profile"]).filter(of_role);
        let profiles: Vec<Value> = profiles
            .map(|one| {
                json!({"Arn": text(one, "arn"), "InstanceProfileName": text(one, "name"),
                "Roles": [{"Arn": text(role, "arn"), "RoleName": name}]})
            })
            .collect();
        let item = told(json!({
            "RoleName": name,
            "Arn": text(role, "arn"),
            "AssumeRolePolicyDocument": document(role, "assume_role_policy"),
            "RolePolicyList": own,
            "AttachedManagedPolicies": given,
            "PermissionsBoundary": boundary,
            "InstanceProfileList": profiles,
        }));
        bodies.add(&state.place(role).global(), (CALL, "RoleDetailList"), item);
    }
    for policy in state.all(&["aws_iam_policy"]) {
        let document = document(policy, "policy");
        let item = told(json!({
            "Arn": text(policy, "arn"),
            "PolicyName": text(policy, "name"),
            "DefaultVersionId": "v1",
            "PolicyVersionList":
                [{"VersionId": "v1", "IsDefaultVersion": true, "Document": document}],
        }));
        bodies.add(&state.place(policy).global(), (CALL, "Policies"), item);
    }
}

/// A policy, which Terraform keeps as text.
fn document(value: &Value, key: &str) -> Option<Value> {
    let text = text(value, key)?;
    // What is no JSON stays text, which the reader of policies tells of.
    Some(serde_json::from_str(text).unwrap_or_else(|_| json!(text)))
}
