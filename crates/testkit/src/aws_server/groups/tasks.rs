//! Services of containers whose tasks have interfaces of their own: with other groups all tasks are replaced,
//! by others at other addresses, in the service's own time.
//!
//! Sources: Amazon ECS API reference (`UpdateService` and its errors, `Deployment`, `ListTasks`,
//! `DescribeTasks`); Amazon ECS developer guide ("Fargate task networking").

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::state::{Held, Interface};
use super::{Fault, Strictness};
use crate::aws_server::call::{Asked, text};
use crate::aws_server::http::Request;
use crate::aws_server::recording::Recording;

const UPDATE: &str = "UpdateService";

/// Services and their tasks.
#[derive(Debug, Clone, Default)]
pub(super) struct Clusters {
    /// By ARN.
    services: BTreeMap<String, Service>,
    tasks: Vec<Task>,
    /// The VPC and the first address of each subnet.
    subnets: BTreeMap<String, (String, Ipv4Addr)>,
    /// How many tasks and interfaces were made.
    made: u32,
}

/// A service: its recorded body, and what it is about.
#[derive(Debug, Clone)]
struct Service {
    body: Value,
    /// How many lists do not show yet that its deployment is done, while one is under way.
    busy: Option<usize>,
    /// Its settings before that, where it fails.
    before: Option<Value>,
}

/// A task.
#[derive(Debug, Clone)]
struct Task {
    body: Value,
    /// Its service's ARN; none for one that runs by itself.
    service: Option<String>,
    interface: String,
    /// The address of the task in whose place it is, or of the first of these.
    first: String,
}

fn setting<'v>(body: &'v Value, key: &str) -> &'v Value {
    &body["networkConfiguration"]["awsvpcConfiguration"][key]
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|one| text(one).to_owned()).collect()
}

fn detail<'v>(task: &'v Value, name: &str) -> &'v str {
    let details = &task["attachments"][0]["details"];
    let mut own = details.as_array().into_iter().flatten().filter(|one| one["name"] == name);
    own.next().map(|one| text(&one["value"])).unwrap_or_default()
}

/// Subnets by id, with their network and first address: where tasks and functions are put.
pub(super) fn subnets(
    recording: &Recording,
    place: (&str, &str),
) -> BTreeMap<String, (String, Ipv4Addr)> {
    let subnets = recording.items(place, "ec2-describe-subnets", "Subnets");
    let of = |subnet: &Value| {
        let first = text(&subnet["CidrBlock"]).split('/').next()?.parse().ok()?;
        let vpc = text(&subnet["VpcId"]).to_owned();
        Some((text(&subnet["SubnetId"]).to_owned(), (vpc, first)))
    };
    subnets.iter().filter_map(of).collect()
}

impl Clusters {
    /// What recorded bodies tell.
    pub(super) fn read(recording: &Recording, place: (&str, &str)) -> Self {
        let subnets = subnets(recording, place);
        let mut clusters = Self { subnets, ..Self::default() };
        let all = |call: &str, list: &str| recording.items(place, call, list);
        for body in all("ecs-describe-services", "services") {
            let arn = text(&body["serviceArn"]).to_owned();
            clusters.services.insert(arn, Service { body, busy: None, before: None });
        }
        for body in all("ecs-describe-tasks", "tasks") {
            let name = text(&body["group"]).strip_prefix("service:");
            let of = clusters.services.iter().find(|(_, one)| {
                one.body["clusterArn"] == body["clusterArn"]
                    && Some(text(&one.body["serviceName"])) == name
            });
            let service = of.map(|(arn, _)| arn.clone());
            let interface = detail(&body, "networkInterfaceId").to_owned();
            let first = detail(&body, "privateIPv4Address").to_owned();
            clusters.tasks.push(Task { body, service, interface, first });
        }
        clusters
    }

    /// The interfaces of tasks: their ids are made up.
    pub(super) fn interfaces(&self) -> BTreeSet<&str> {
        self.tasks.iter().map(|task| task.interface.as_str()).collect()
    }
}

/// Whether a request asks for another configuration of a service.
pub(super) fn is_asked(request: &Request) -> Option<&'static str> {
    let target = request.header("x-amz-target");
    (target == "AmazonEC2ContainerServiceV20141113.UpdateService").then_some(UPDATE)
}

/// Starts a deployment with another network configuration.
pub(super) fn update(held: &mut Held, request: &Request, most: &Strictness) -> Result<(), Fault> {
    let asked: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let invalid = || Fault::new("InvalidParameterException");
    let cluster = asked["cluster"].as_str().unwrap_or("default");
    let clusters = held.clusters.services.values();
    if !clusters
        .map(|one| &one.body)
        .any(|body| text(&body["clusterArn"]).ends_with(&format!("/{cluster}")))
    {
        return Err(Fault::new("ClusterNotFoundException"));
    }
    let path = format!(":service/{cluster}/{}", text(&asked["service"]));
    let arn = held.clusters.services.keys().find(|arn| arn.ends_with(&path)).cloned();
    let arn = arn.ok_or_else(|| Fault::new("ServiceNotFoundException"))?;
    let body = &held.clusters.services[&arn].body;
    if body["status"] != "ACTIVE" {
        return Err(Fault::new("ServiceNotActiveException"));
    }
    let controller = body["deploymentController"]["type"].as_str().unwrap_or("ECS");
    let known = ["cluster", "service", "networkConfiguration"];
    if controller != "ECS"
        || asked.as_object().into_iter().flatten().any(|(key, _)| !known.contains(&key.as_str()))
    {
        return Err(invalid());
    }
    let (groups, subnets) =
        (texts(setting(&asked, "securityGroups")), texts(setting(&asked, "subnets")));
    let vpcs: Option<BTreeSet<String>> = subnets
        .iter()
        .map(|id| held.clusters.subnets.get(id).map(|(vpc, _)| vpc.clone()))
        .collect();
    let vpcs = vpcs.filter(|vpcs| vpcs.len() == 1).ok_or_else(invalid)?;
    let is_there = |id: &String| held.groups.get(id).is_some_and(|one| vpcs.contains(&one.vpc));
    let distinct: BTreeSet<&String> = groups.iter().collect();
    if groups.is_empty() || distinct.len() > most.groups_max || !groups.iter().all(is_there) {
        return Err(invalid());
    }
    let Some(service) = held.clusters.services.get_mut(&arn) else { return Err(invalid()) };
    let mut settings = asked["networkConfiguration"].clone();
    // What is not given again is as it is for a new service.
    if settings["awsvpcConfiguration"]["assignPublicIp"].is_null() {
        settings["awsvpcConfiguration"]["assignPublicIp"] = json!("DISABLED");
    }
    service.before = most.fails.then(|| service.body["networkConfiguration"].clone());
    service.body["networkConfiguration"] = settings;
    service.busy = Some(most.busy);
    settle(held, &arn);
    Ok(())
}

/// Lets deployments go on, by one list.
pub(super) fn go_on(held: &mut Held) {
    let arns: Vec<String> = held.clusters.services.keys().cloned().collect();
    for arn in arns {
        if let Some(Some(busy)) = held.clusters.services.get_mut(&arn).map(|one| one.busy.as_mut())
        {
            *busy = busy.saturating_sub(1);
        }
        settle(held, &arn);
    }
}

/// Has other tasks in place of a service's, once its deployment is done.
fn settle(held: &mut Held, arn: &str) {
    let Some(service) = held.clusters.services.get_mut(arn) else { return };
    if service.busy != Some(0) {
        return;
    }
    service.busy = None;
    if let Some(before) = service.before.take() {
        service.body["networkConfiguration"] = before;
        return;
    }
    let (groups, subnets) =
        (texts(setting(&service.body, "securityGroups")), texts(setting(&service.body, "subnets")));
    for place in 0..held.clusters.tasks.len() {
        if held.clusters.tasks[place].service.as_deref() != Some(arn) {
            continue;
        }
        held.clusters.made += 1;
        let number = held.clusters.made;
        let subnet = subnets[(place + number as usize) % subnets.len()].clone();
        let first = u32::from(held.clusters.subnets[&subnet].1);
        let address = Ipv4Addr::from(first + 100 + number % 150).to_string();
        let task = &mut held.clusters.tasks[place];
        let old = held.interfaces.remove(&task.interface);
        task.interface = format!("eni-0fee2{number:012x}");
        let cluster = text(&task.body["clusterArn"]).replace(":cluster/", ":task/");
        task.body["taskArn"] = json!(format!("{cluster}/fee2{number:028x}"));
        for detail in task.body["attachments"][0]["details"].as_array_mut().into_iter().flatten() {
            let value = match text(&detail["name"]) {
                "subnetId" => &subnet,
                "networkInterfaceId" => &task.interface,
                "privateIPv4Address" => &address,
                _ => continue,
            };
            detail["value"] = json!(value);
        }
        let Some(Interface { mut body, vpc, is_managed, .. }) = old else { continue };
        body["NetworkInterfaceId"] = json!(task.interface);
        body["SubnetId"] = json!(subnet);
        body["PrivateIpAddress"] = json!(address);
        body["PrivateIpAddresses"] = json!([{"Primary": true, "PrivateIpAddress": address}]);
        let interface = Interface { body, vpc, is_managed, groups: groups.clone() };
        held.interfaces.insert(task.interface.clone(), interface);
    }
}

/// The answer of a call that lists services or tasks; nothing for any other call.
pub(super) fn list(held: &Held, asked: &Asked) -> Option<Result<Value, Fault>> {
    let clusters = &held.clusters;
    let of = |key: &str| asked.parameters.get(key).cloned().unwrap_or_default();
    let cluster = of("cluster").first().cloned().unwrap_or_default();
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    let is_there = |body: &Value| name(text(&body["clusterArn"])) == name(&cluster);
    let wanted = |arn: &str, key: &str| of(key).iter().any(|one| name(one) == name(arn));
    Some(match asked.call.as_str() {
        "ecs-describe-services" if clusters.services.is_empty() => return None,
        "ecs-describe-services" => {
            if !clusters.services.values().any(|one| is_there(&one.body)) {
                return Some(Err(Fault::new("ClusterNotFoundException")));
            }
            let found = clusters
                .services
                .iter()
                .filter(|(arn, one)| is_there(&one.body) && wanted(arn, "services"));
            let bodies: Vec<Value> = found.map(|(_, one)| told(one)).collect();
            Ok(json!({ "services": bodies, "failures": [] }))
        }
        "ecs-list-tasks" => {
            let own = clusters.tasks.iter().filter(|one| is_there(&one.body));
            let arns: Vec<&Value> = own.map(|one| &one.body["taskArn"]).collect();
            Ok(json!({ "taskArns": arns }))
        }
        "ecs-describe-tasks" => {
            let own = clusters
                .tasks
                .iter()
                .filter(|one| is_there(&one.body) && wanted(text(&one.body["taskArn"]), "tasks"));
            let bodies: Vec<&Value> = own.map(|one| &one.body).collect();
            Ok(json!({ "tasks": bodies, "failures": [] }))
        }
        _ => return None,
    })
}

/// A service's body as it tells it now.
fn told(service: &Service) -> Value {
    let mut body = service.body.clone();
    let one = |status: &str, state: &str| json!({"id": "ecs-svc/1", "status": status, "rolloutState": state});
    body["deployments"] = match service.busy {
        Some(_) => json!([one("PRIMARY", "IN_PROGRESS"), one("ACTIVE", "COMPLETED")]),
        None => json!([one("PRIMARY", "COMPLETED")]),
    };
    body
}

/// Has a body of targets tell where tasks are now.
pub(super) fn refresh(held: &Held, body: &mut Value) {
    let targets = body["TargetHealthDescriptions"].as_array_mut();
    for target in targets.into_iter().flatten() {
        let known = text(&target["Target"]["Id"]).to_owned();
        if let Some(task) = held.clusters.tasks.iter().find(|task| task.first == known) {
            target["Target"]["Id"] = json!(detail(&task.body, "privateIPv4Address"));
        }
    }
}

/// The settings of every service and what its tasks carry, by names.
pub(super) fn canonical(held: &Held, name: &dyn Fn(&str) -> String) -> Value {
    let each = held.clusters.services.iter().map(|(arn, one)| {
        let groups: BTreeSet<String> =
            texts(setting(&one.body, "securityGroups")).iter().map(|id| name(id)).collect();
        let own = held.clusters.tasks.iter().filter(|task| task.service.as_ref() == Some(arn));
        let mut carried: Vec<BTreeSet<String>> = own
            .filter_map(|task| held.interfaces.get(&task.interface))
            .map(|interface| interface.groups.iter().map(|id| name(id)).collect())
            .collect();
        carried.sort();
        let body = json!({
            "groups": groups, "tasks": carried, "subnets": setting(&one.body, "subnets"),
            "public": setting(&one.body, "assignPublicIp"), "about": one.busy.is_some(),
        });
        (text(&one.body["serviceName"]).to_owned(), body)
    });
    Value::Object(each.collect())
}
