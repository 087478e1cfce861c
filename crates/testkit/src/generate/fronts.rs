//! Load balancers with their listeners and targets.

use serde_json::{Value, json};

use super::Feature;
use super::draft::Draft;
use super::machines;
use super::vpcs::ZONES;

/// What is drawn for one load balancer.
struct Plan {
    arn: String,
    group_arn: String,
    application: bool,
    protocol: &'static str,
    group_protocol: &'static str,
    target_kind: &'static str,
    port: u16,
    preserve: Option<bool>,
    keeps_client: bool,
    cross_zone: bool,
}

pub(super) fn draw(draft: &mut Draft) {
    for vpc in 0..draft.vpcs.len() {
        if draft.random.chance(24) {
            draw_one(draft, vpc);
        }
    }
}

fn draw_one(draft: &mut Draft, vpc: usize) {
    let Some(body) = draft.vpcs.get(vpc).cloned() else { return };
    let plan = plan(draft, &body.account, &body.region);
    let name = plan.arn.split(":loadbalancer/").nth(1).unwrap_or_default().to_owned();
    let internet_facing = body.internet_gateway.is_some() && draft.random.chance(50);
    let subnets = front_subnets(draft, vpc, internet_facing);
    let without_groups = !plan.application && draft.random.chance(40);
    let mut zones = Vec::new();
    let mut groups = Vec::new();
    for subnet in subnets {
        let kind = if plan.application { "interface" } else { "network_load_balancer" };
        let at = machines::add(draft, subnet, kind, &format!("ELB {name}"));
        let address = internet_facing.then(|| machines::public_address(draft));
        if let Some(interface) = draft.interfaces.get_mut(at) {
            interface.public = address;
            interface.source_dest_check = false;
            if zones.is_empty() {
                groups.clone_from(&interface.groups);
            }
            interface.groups = if without_groups { Vec::new() } else { groups.clone() };
        }
        let carried: &[u8] = match plan.protocol {
            "UDP" => &[17],
            "TCP_UDP" => &[6, 17],
            _ => &[6],
        };
        draft.listeners.extend(carried.iter().map(|protocol| (at, *protocol, plan.port)));
        let Some(subnet) = draft.subnets.get(subnet) else { continue };
        let zone = ZONES.get(subnet.zone).copied().unwrap_or("a");
        zones.push(json!({
            "ZoneName": format!("{}{zone}", body.region), "SubnetId": subnet.id,
            "LoadBalancerAddresses": [],
        }));
    }
    let security: Vec<Value> = groups
        .iter()
        .filter(|_| !without_groups)
        .filter_map(|at| draft.groups.get(*at))
        .map(|group| json!(group.id))
        .collect();
    let kind = if plan.application { "application" } else { "network" };
    let load_balancer = json!({
        "LoadBalancerArn": plan.arn, "DNSName": "drawn.elb.amazonaws.com", "VpcId": body.id,
        "CanonicalHostedZoneId": "Z35SXDOTRQ7X7K", "CreatedTime": "2024-01-01T00:00:00+00:00",
        "LoadBalancerName": "drawn", "State": {"Code": "active"}, "Type": kind,
        "Scheme": if internet_facing { "internet-facing" } else { "internal" },
        "AvailabilityZones": zones, "SecurityGroups": security, "IpAddressType": "ipv4",
    });
    draft.emit_for_vpc(vpc, "describe-load-balancers", "LoadBalancers", load_balancer);
    emit_bodies(draft, vpc, &plan);
}

/// One subnet in each of up to two zones.
fn front_subnets(draft: &mut Draft, vpc: usize, public: bool) -> Vec<usize> {
    let mut zones = Vec::new();
    let mut chosen = Vec::new();
    for at in draft.subnets_of(vpc) {
        let Some(subnet) = draft.subnets.get(at) else { continue };
        if zones.len() < 2 && !zones.contains(&subnet.zone) && (subnet.public || !public) {
            zones.push(subnet.zone);
            chosen.push(at);
        }
    }
    chosen
}

fn plan(draft: &mut Draft, account: &str, region: &str) -> Plan {
    let hash = |draft: &mut Draft| format!("{:016x}", draft.random.number());
    let (balancer, group) = (hash(draft), hash(draft));
    let application = draft.random.chance(34);
    let choices: &[(&str, &str, &str, Option<bool>)] = if application {
        &[("HTTP", "HTTP", "instance", None), ("HTTPS", "HTTP", "ip", None)]
    } else {
        &[
            ("TCP", "TCP", "instance", None),
            ("TCP", "TCP", "instance", Some(true)),
            ("TCP", "TCP", "instance", Some(false)),
            ("TCP", "TCP", "ip", None),
            ("TCP", "TCP", "ip", Some(true)),
            ("UDP", "UDP", "ip", None),
            ("TCP_UDP", "TCP_UDP", "instance", None),
            ("TLS", "TCP", "instance", None),
        ]
    };
    let (protocol, group_protocol, target_kind, preserve) =
        draft.random.pick(choices).copied().unwrap_or(("TCP", "TCP", "instance", None));
    let kept = match (protocol, group_protocol, target_kind, preserve) {
        (_, "UDP" | "TCP_UDP", ..) => true,
        (_, _, _, Some(preserve)) => preserve,
        (_, _, kind, None) => kind == "instance",
    };
    draft.note(match (application, kept) {
        (true, _) => Feature::ApplicationLoadBalancer,
        (false, true) => Feature::PreservingLoadBalancer,
        (false, false) => Feature::TerminatingLoadBalancer,
    });
    let prefix = format!("arn:aws:elasticloadbalancing:{region}:{account}");
    let short = if application { "app" } else { "net" };
    Plan {
        arn: format!("{prefix}:loadbalancer/{short}/drawn/{balancer}"),
        group_arn: format!("{prefix}:targetgroup/drawn/{group}"),
        application,
        protocol,
        group_protocol,
        target_kind,
        port: draft.random.pick(&[80, 443, 8443]).copied().unwrap_or(443),
        preserve,
        keeps_client: !application && kept,
        cross_zone: application || draft.random.chance(60),
    }
}

fn emit_bodies(draft: &mut Draft, vpc: usize, plan: &Plan) {
    let Some(body) = draft.vpcs.get(vpc).cloned() else { return };
    let listener = plan.arn.replace(":loadbalancer/", ":listener/");
    let listener = format!("{listener}/{:016x}", draft.random.number());
    let one = json!({
        "ListenerArn": listener, "LoadBalancerArn": plan.arn, "Port": plan.port,
        "Protocol": plan.protocol, "DefaultActions": [{
            "Type": "forward", "TargetGroupArn": plan.group_arn, "Order": 1,
            "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": plan.group_arn, "Weight": 1}]},
        }],
    });
    draft.emit_for_vpc(vpc, "describe-listeners", "Listeners", one);
    let port = draft.random.pick(&[80, 443, 8080]).copied().unwrap_or(80);
    let one = json!({
        "TargetGroupArn": plan.group_arn, "TargetGroupName": "drawn", "Port": port,
        "Protocol": plan.group_protocol, "VpcId": body.id, "HealthCheckProtocol": "TCP",
        "HealthCheckPort": "traffic-port", "HealthCheckEnabled": true,
        "HealthCheckIntervalSeconds": 30, "HealthCheckTimeoutSeconds": 10,
        "HealthyThresholdCount": 3, "UnhealthyThresholdCount": 3,
        "LoadBalancerArns": [plan.arn], "TargetType": plan.target_kind, "IpAddressType": "ipv4",
    });
    draft.emit_for_vpc(vpc, "describe-target-groups", "TargetGroups", one);
    let health = targets(draft, vpc, plan, port);
    let (account, region) = (&body.account, &body.region);
    let name = format!("describe-target-health-{}", encoded(&plan.group_arn));
    draft.emit_body(account, region, &name, json!({"TargetHealthDescriptions": health}));
    let mut attributes = vec![json!({"Key": "stickiness.enabled", "Value": "false"})];
    attributes.extend(plan.preserve.map(
        |preserve| json!({"Key": "preserve_client_ip.enabled", "Value": preserve.to_string()}),
    ));
    if draft.random.chance(20) {
        let value = if draft.random.chance(50) { "true" } else { "false" };
        attributes.push(json!({"Key": "load_balancing.cross_zone.enabled", "Value": value}));
    }
    let name = format!("describe-target-group-attributes-{}", encoded(&plan.group_arn));
    draft.emit_body(account, region, &name, json!({"Attributes": attributes}));
    let attributes = json!([
        {"Key": "deletion_protection.enabled", "Value": "false"},
        {"Key": "load_balancing.cross_zone.enabled", "Value": plan.cross_zone.to_string()},
    ]);
    let name = format!("describe-load-balancer-attributes-{}", encoded(&plan.arn));
    draft.emit_body(account, region, &name, json!({"Attributes": attributes}));
}

/// An ARN as part of a file's name.
fn encoded(arn: &str) -> String {
    arn.replace(':', "%3A").replace('/', "%2F")
}

fn targets(draft: &mut Draft, vpc: usize, plan: &Plan, port: u16) -> Vec<Value> {
    let inside = |at: &usize| {
        draft.interfaces.get(*at).is_some_and(|one| {
            one.instance.is_some()
                && one.device_index == 0
                && draft.subnets.get(one.subnet).is_some_and(|subnet| subnet.vpc == vpc)
        })
    };
    let mut candidates: Vec<usize> = (0..draft.interfaces.len()).filter(inside).collect();
    let replicas: Vec<Vec<usize>> =
        draft.replicas.iter().filter(|members| members.iter().all(inside)).cloned().collect();
    let chosen = draft.random.pick(&replicas).cloned();
    if let Some(replicas) = chosen.filter(|_| draft.random.chance(65)) {
        // Others of the service stay clients only.
        candidates.clone_from(&replicas);
        candidates.pop();
        draft.note(Feature::ReplicasAsTargets);
        if plan.keeps_client {
            draft.note(Feature::ReplicasBehindPreserving);
        }
    }
    let all_fail = draft.random.chance(10);
    let mut health: Vec<Value> = Vec::new();
    for _ in 0..draft.random.between(1, 3) {
        let Some(at) = draft.random.pick(&candidates).copied() else { continue };
        let Some(interface) = draft.interfaces.get(at).cloned() else { continue };
        let address = interface.addresses.first().map(ToString::to_string);
        let id = if plan.target_kind == "instance" { interface.instance } else { address };
        if health.iter().any(|one| one["Target"]["Id"] == json!(id)) {
            continue;
        }
        draft.targets.push((plan.arn.clone(), at));
        // A target's own port, which is not always the group's.
        let own = if draft.random.chance(30) { 9000 } else { port };
        let healthy = !all_fail && draft.random.chance(80);
        health.push(json!({
            "Target": {"Id": id, "Port": own}, "HealthCheckPort": own.to_string(),
            "TargetHealth": {"State": if healthy { "healthy" } else { "unhealthy" }},
        }));
    }
    health
}
