//! Tasks of container services and functions in the place of machines and unknown attachments.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Generated;
use super::random::Random;

/// How the description of a function's attachment begins.
const FUNCTION: &str = "AWS Lambda VPC ENI-";
/// So many tasks a service has at most.
const TASKS_MAX: usize = 3;

/// The account and the region of bodies.
type Place = (String, String);

/// An interface that may become a task's.
struct Candidate {
    id: String,
    machine: String,
    subnet: String,
    vpc: String,
    groups: Vec<String>,
    place: Place,
}

/// Has services in some estates: some machines are tasks instead, and attachments of functions have their
/// functions. What else is drawn for a seed stays as it is. Gives how many services and functions there are.
pub fn with_services(seed: u64, generated: &mut Generated) -> (usize, usize) {
    let mut random = Random::new(seed ^ 0x05e2_7ed5);
    if !random.chance(40) {
        return (0, 0);
    }
    (tasks(&mut random, generated), functions(&mut random, generated))
}

/// Makes services of machines with the same groups in one VPC.
fn tasks(random: &mut Random, generated: &mut Generated) -> usize {
    let mut alike: BTreeMap<(Place, String, Vec<String>), Vec<Candidate>> = BTreeMap::new();
    for one in candidates(&generated.files) {
        let key = (one.place.clone(), one.vpc.clone(), one.groups.clone());
        alike.entry(key).or_default().push(one);
    }
    let mut made: BTreeMap<Place, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    let mut number = 0;
    for ((place, vpc, groups), mut members) in alike {
        if !random.chance(60) {
            continue;
        }
        members.truncate(random.between(1, TASKS_MAX));
        let (account, region) = &place;
        let name = format!("drawn{number}");
        number += 1;
        let arn = |kind: &str, rest: &str| format!("arn:aws:ecs:{region}:{account}:{kind}/{rest}");
        let mut subnets: BTreeSet<String> = members.iter().map(|one| one.subnet.clone()).collect();
        // It may be elsewhere with its next deployment.
        if random.chance(30) {
            subnets.extend(random.pick(&subnets_of(&generated.files, &vpc)).cloned());
        }
        let tags = json!([{"key": "service", "value": name}]);
        let (services, tasks) = made.entry(place.clone()).or_default();
        services.push(json!({
            "serviceArn": arn("service", &format!("drawn/{name}")), "serviceName": name,
            "clusterArn": arn("cluster", "drawn"), "loadBalancers": [], "serviceRegistries": [],
            "status": "ACTIVE", "desiredCount": members.len(), "runningCount": members.len(),
            "pendingCount": 0, "launchType": "FARGATE", "taskDefinition": arn("task-definition", &name),
            "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": "COMPLETED",
                "desiredCount": members.len(), "runningCount": members.len()}],
            "networkConfiguration": {"awsvpcConfiguration": {
                "subnets": subnets, "securityGroups": groups, "assignPublicIp": "DISABLED"}},
            "schedulingStrategy": "REPLICA", "deploymentController": {"type": "ECS"},
            "propagateTags": "SERVICE", "tags": tags,
        }));
        for (task, member) in members.iter().enumerate() {
            let id = format!("{name}{task:027}");
            tasks.push(json!({
                "taskArn": arn("task", &format!("drawn/{id}")), "clusterArn": arn("cluster", "drawn"),
                "group": format!("service:{name}"), "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
                "taskDefinitionArn": arn("task-definition", &name), "tags": tags,
                "attachments": [{"id": id, "type": "ElasticNetworkInterface", "status": "ATTACHED",
                    "details": [{"name": "subnetId", "value": member.subnet},
                        {"name": "networkInterfaceId", "value": member.id}]}],
            }));
            become_task(&mut generated.files, member);
        }
    }
    for ((account, region), (services, tasks)) in made {
        let path = |call: &str| format!("raw/aws/{account}/{region}/{call}/drawn.json");
        let bodies = [
            (path("ecs-describe-services"), json!({ "services": services, "failures": [] })),
            (path("ecs-describe-tasks"), json!({ "tasks": tasks, "failures": [] })),
        ];
        generated.files.extend(bodies);
    }
    generated.files.sort_by(|one, other| one.0.cmp(&other.0));
    number
}

/// First interfaces of machines that have no other, no public address and no second one, and that no other body
/// names.
fn candidates(files: &[(String, Value)]) -> Vec<Candidate> {
    let mut found = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for (path, body) in files {
        let Some(place) = place(path) else { continue };
        for one in items(&body["NetworkInterfaces"]) {
            let addresses = one["PrivateIpAddresses"].as_array().map_or(0, Vec::len);
            let is_plain = one["InterfaceType"] == "interface"
                && one["SourceDestCheck"] == true
                && one["Association"].is_null()
                && addresses == 1;
            let machine = text(&one["Attachment"]["InstanceId"]);
            if !is_plain || machine.is_empty() || is_named(files, &machine) {
                continue;
            }
            let id = text(&one["NetworkInterfaceId"]);
            let groups: BTreeSet<String> =
                items(&one["Groups"]).map(|group| text(&group["GroupId"])).collect();
            let (subnet, vpc) = (text(&one["SubnetId"]), text(&one["VpcId"]));
            if groups.is_empty() || one["OwnerId"] != place.0.as_str() {
                continue;
            }
            let groups = groups.into_iter().collect();
            found.push(Candidate { id, machine, subnet, vpc, groups, place: place.clone() });
        }
    }
    found
}

/// Whether more than its own body and its one interface name a machine.
fn is_named(files: &[(String, Value)], machine: &str) -> bool {
    let count = |body: &Value| body.to_string().matches(machine).count();
    files.iter().map(|(_, body)| count(body)).sum::<usize>() > 2
}

/// An interface is a task's and no machine's.
fn become_task(files: &mut [(String, Value)], member: &Candidate) {
    for (_, body) in files {
        if let Some(machines) = body.get_mut("Reservations").and_then(Value::as_array_mut) {
            machines.retain(|one| one["Instances"][0]["InstanceId"] != member.machine.as_str());
        }
        let list = body.get_mut("NetworkInterfaces").and_then(Value::as_array_mut);
        for one in list.into_iter().flatten() {
            if one["NetworkInterfaceId"] == member.id.as_str() {
                one["Attachment"] = json!({"Status": "attached", "InstanceOwnerId": "amazon-aws",
                    "AttachmentId": "ela-attach-0", "DeviceIndex": 1});
                one["RequesterManaged"] = json!(true);
                one["Description"] = json!("arn:aws:ecs:attachment/drawn");
            }
        }
    }
}

/// Gives the attachments of each VPC's one function that function: with the groups of the first.
fn functions(random: &mut Random, generated: &mut Generated) -> usize {
    let mut made = 0;
    let mut attached: BTreeMap<(Place, String, String), (BTreeSet<String>, Value)> =
        BTreeMap::new();
    for (path, body) in &generated.files {
        let Some(place) = place(path) else { continue };
        for one in items(&body["NetworkInterfaces"]) {
            let Some(name) = function_of(one).filter(|_| one["OwnerId"] == place.0.as_str()) else {
                continue;
            };
            let vpc = one["VpcId"].as_str().unwrap_or_default().to_owned();
            let known = attached.entry((place.clone(), vpc, name));
            let (subnets, _) = known.or_insert_with(|| (BTreeSet::new(), one["Groups"].clone()));
            subnets.extend(one["SubnetId"].as_str().map(ToOwned::to_owned));
        }
    }
    for (((account, region), vpc, name), (subnets, groups)) in attached {
        if !random.chance(70) {
            continue;
        }
        let ids: Vec<Value> = items(&groups).map(|group| group["GroupId"].clone()).collect();
        for (path, body) in &mut generated.files {
            if place(path) != Some((account.clone(), region.clone())) {
                continue;
            }
            let list = body.get_mut("NetworkInterfaces").and_then(Value::as_array_mut);
            for one in list.into_iter().flatten() {
                if function_of(one).as_deref() == Some(name.as_str()) {
                    one["Groups"] = groups.clone();
                }
            }
        }
        let folder = format!("raw/aws/{account}/{region}");
        let function = json!({
            "FunctionName": name, "FunctionArn": format!("arn:aws:lambda:{region}:{account}:function:{name}"),
            "Role": format!("arn:aws:iam::{account}:role/{name}"), "Version": "$LATEST", "PackageType": "Zip",
            "RevisionId": "00000000-0000-0000-0000-000000000001", "Tags": {"function": name},
            "VpcConfig": {"SubnetIds": subnets, "SecurityGroupIds": ids, "VpcId": vpc,
                "Ipv6AllowedForDualStack": false},
        });
        let path = format!("{folder}/lambda-list-functions/{name}.json");
        generated.files.push((path, json!({ "Functions": [function] })));
        let path = format!("{folder}/lambda-list-aliases/{name}.json");
        generated.files.push((path, json!({ "Aliases": [] })));
        made += 1;
    }
    generated.files.sort_by(|one, other| one.0.cmp(&other.0));
    made
}

/// The name of the function whose attachment an interface is.
fn function_of(interface: &Value) -> Option<String> {
    let told = interface["Description"].as_str()?.strip_prefix(FUNCTION)?;
    let (name, _) = told.split_once('-')?;
    Some(name.to_owned())
}

/// The account and the region that a path tells.
fn place(path: &str) -> Option<Place> {
    let mut parts = path.strip_prefix("raw/aws/")?.split('/');
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

fn subnets_of(files: &[(String, Value)], vpc: &str) -> Vec<String> {
    let all = files.iter().flat_map(|(_, body)| items(&body["Subnets"]));
    let own = all.filter(|one| one["VpcId"] == vpc);
    own.filter_map(|one| one["SubnetId"].as_str().map(ToOwned::to_owned)).collect()
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
