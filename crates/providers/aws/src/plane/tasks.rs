//! Tasks of containers with interfaces of their own: the services that make them give them groups.
//!
//! Sources: Amazon ECS API reference (`UpdateService`: another network configuration makes a new deployment,
//! which replaces all tasks, and is not taken by services whose deployments AWS `CodeDeploy` or somebody else
//! controls; `Deployment`; `AwsVpcConfiguration`; `Attachment`); Amazon ECS developer guide ("Fargate task
//! networking": interfaces of tasks cannot be changed by hand).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_compile::{Owner, Replica, Through};
use watertight_model::{Name, WorkloadKind};
use watertight_source::Node;

use super::services::Service;
use super::templates::Networks;
use super::value::value_of;
use crate::Body;

/// Where a service's body tells its groups, and its subnets.
pub(super) const GROUPS: &str = "securityGroups";
pub(super) const SUBNETS: &str = "subnets";

/// A part of the configuration of tasks that have interfaces of their own.
pub(super) fn network<'v>(body: &'v Value, key: &str) -> &'v Value {
    &body["networkConfiguration"]["awsvpcConfiguration"][key]
}

/// A service's body with other groups for its tasks.
pub(super) fn with_groups(body: &Value, groups: &[String]) -> Option<Value> {
    network(body, GROUPS).as_array()?;
    let mut body = body.clone();
    body["networkConfiguration"]["awsvpcConfiguration"][GROUPS] = json!(groups);
    Some(body)
}

/// The cluster and the name by which calls know a service.
pub(super) fn named(arn: &str) -> (&str, &str) {
    let path = arn.split_once(":service/").map_or(arn, |(_, path)| path);
    path.split_once('/').unwrap_or(("default", path))
}

/// Whether no deployment of a service is under way: only the one that its tasks are of is left.
pub(super) fn is_settled(body: &Value) -> bool {
    let deployments = body["deployments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_over = |one: &Value| match one["rolloutState"].as_str() {
        Some(state) => state != "IN_PROGRESS",
        None => one["runningCount"] == one["desiredCount"],
    };
    matches!(deployments, [one] if one["status"] == "PRIMARY" && is_over(one))
}

/// What became of a service's deployment, where that failed.
pub(super) fn trouble(body: &Value) -> Option<String> {
    let deployments = body["deployments"].as_array()?;
    let failed = deployments.iter().find(|one| one["rolloutState"] == "FAILED")?;
    let why = failed["rolloutStateReason"].as_str().unwrap_or("its service does not say why");
    Some(format!("its deployment failed: {why}"))
}

/// Why the tasks of a service can be given no groups.
pub(super) fn refused(body: &Value) -> Option<&'static str> {
    let controller = body["deploymentController"]["type"].as_str().unwrap_or("ECS");
    let arn = body["serviceArn"].as_str().unwrap_or_default();
    if !network(body, GROUPS).is_array() {
        return Some(
            "its tasks have no interfaces of their own, or the input does not tell their groups",
        );
    }
    match controller {
        "ECS" => {}
        "CODE_DEPLOY" => {
            return Some(
                "AWS CodeDeploy deploys its service, and takes groups with a deployment of its own alone: \
                 they are to be set there",
            );
        }
        _ => {
            return Some(
                "somebody else deploys its service, task set by task set: groups are to be set there",
            );
        }
    }
    let path = arn.split_once(":service/").map_or("", |(_, path)| path);
    (!path.contains('/'))
        .then_some("its service has an ARN of the old form, which does not tell its cluster")
}

/// The service that made a task.
pub(super) fn service_of(task: &Value) -> Option<String> {
    let name = task["group"].as_str()?.strip_prefix("service:")?;
    let (start, cluster) = task["clusterArn"].as_str()?.split_once(":cluster/")?;
    let is_over = task["lastStatus"] == "STOPPED";
    (!is_over).then(|| format!("{start}:service/{cluster}/{name}"))
}

/// The interfaces of a task.
pub(super) fn interfaces(task: &Value) -> Vec<&str> {
    let attachments = task["attachments"].as_array().into_iter().flatten();
    let attached = attachments.filter(|one| one["status"] != "DELETED");
    let details = attached.filter_map(|one| one["details"].as_array()).flatten();
    let own = details.filter(|one| one["name"] == "networkInterfaceId");
    own.filter_map(|one| one["value"].as_str()).collect()
}

fn tags(list: &Value) -> BTreeMap<String, String> {
    let each = list.as_array().into_iter().flatten().filter_map(|one| {
        let value = one["value"].as_str().unwrap_or_default();
        Some((one["key"].as_str()?.to_owned(), value.to_owned()))
    });
    each.filter(|(key, _)| !key.starts_with("aws:")).collect()
}

/// The services in bodies whose tasks have interfaces of their own, each with these: what it gives the ones that
/// are there, it gives new ones.
pub(super) fn owners(bodies: &[Body]) -> Vec<Owner> {
    let mut services: BTreeMap<String, Value> = BTreeMap::new();
    let mut replicas: BTreeMap<String, BTreeSet<Replica>> = BTreeMap::new();
    for body in bodies {
        let items = |key: &str| body.tree.root().get(key).into_iter().flat_map(Node::items);
        for item in items("services").map(value_of) {
            let id = item["serviceArn"].as_str().unwrap_or_default().to_owned();
            services.insert(id, item);
        }
        for item in items("tasks").map(value_of) {
            let Some(service) = service_of(&item) else { continue };
            let own = interfaces(&item)
                .into_iter()
                .map(|id| Replica { endpoint: id.to_owned(), tags: tags(&item["tags"]) });
            replicas.entry(service).or_default().extend(own);
        }
    }
    let networks = Networks::new(bodies);
    let owner = |(id, body): (String, Value)| {
        let mut parts = id.split(':').skip(3).map(Name::from);
        let (region, account) = (parts.next()?, parts.next()?);
        let replicas: Vec<Replica> = replicas.remove(&id).unwrap_or_default().into_iter().collect();
        network(&body, GROUPS).as_array()?;
        let tags = launched(&body, &replicas);
        let subnets = network(&body, SUBNETS).as_array().into_iter().flatten();
        let subnets = subnets.filter_map(Value::as_str);
        let place = (account, region);
        let is_defined = body["propagateTags"] == "TASK_DEFINITION";
        let is_defined =
            is_defined || body["propagateTags"] == "SERVICE" && !body["tags"].is_array();
        Some(Owner {
            kind: Service::EcsService.word().to_owned(),
            facts: networks.facts(&place, WorkloadKind::Task, subnets),
            untold: is_defined
                .then(|| String::from("the input does not hold the tags of its next task")),
            place,
            replicas,
            tags,
            template: None,
            follows: BTreeSet::new(),
            refused: None,
            through: Some(Through { kind: Service::EcsService.word().to_owned(), id: id.clone() }),
            id,
        })
    };
    services.into_iter().filter_map(owner).collect()
}

/// The tags that a service's next task is made with. Those of its definition are not in any body, so that what
/// all of its tasks have is taken for them.
fn launched(body: &Value, replicas: &[Replica]) -> BTreeMap<String, String> {
    match body["propagateTags"].as_str() {
        Some("SERVICE") if body["tags"].is_array() => tags(&body["tags"]),
        Some("SERVICE" | "TASK_DEFINITION") => {
            let mut all = replicas.iter().map(|one| one.tags.clone());
            let first = all.next().unwrap_or_default();
            all.fold(first, |mut common, own| {
                common.retain(|key, value| own.get(key) == Some(value));
                common
            })
        }
        _ => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(deployments: &Value) -> Value {
        json!({
            "serviceArn": "arn:aws:ecs:eu-west-1:111122223333:service/c/api",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"], "securityGroups": ["sg-1"]}},
            "deployments": deployments,
        })
    }

    #[test]
    fn a_service_rests_when_one_deployment_is_left_and_that_is_done() {
        let one = |status: &str, state: &str| json!({"status": status, "rolloutState": state});
        let done = one("PRIMARY", "COMPLETED");
        assert!(is_settled(&service(&json!([done]))));
        assert!(!is_settled(&service(&json!([one("PRIMARY", "IN_PROGRESS")]))));
        assert!(!is_settled(&service(&json!([done, one("ACTIVE", "COMPLETED")]))));
        assert!(!is_settled(&service(&json!([]))));
        let failed = service(&json!([one("PRIMARY", "FAILED")]));
        assert!(is_settled(&failed) && trouble(&failed).is_some());
    }

    #[test]
    fn services_that_somebody_else_deploys_and_old_names_are_refused() {
        let mut body = service(&json!([]));
        assert_eq!(refused(&body), None);
        for kind in ["CODE_DEPLOY", "EXTERNAL"] {
            body["deploymentController"] = json!({"type": kind});
            assert!(refused(&body).is_some(), "{kind}");
        }
        body = service(&json!([]));
        body["serviceArn"] = json!("arn:aws:ecs:eu-west-1:111122223333:service/api");
        assert!(refused(&body).is_some_and(|why| why.contains("old form")));
        body["networkConfiguration"] = Value::Null;
        assert!(refused(&body).is_some_and(|why| why.contains("no interfaces")));
    }

    #[test]
    fn a_task_tells_its_service_by_its_group_and_its_cluster() {
        let mut task = json!({"group": "service:api", "lastStatus": "RUNNING",
            "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/c"});
        let own = service_of(&task).unwrap();
        assert_eq!(own, "arn:aws:ecs:eu-west-1:111122223333:service/c/api");
        assert_eq!(named(&own), ("c", "api"));
        task["group"] = json!("family:api");
        assert_eq!(service_of(&task), None);
    }
}
