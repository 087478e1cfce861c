//! Launch templates with their versions, and the scaling groups that make machines from them.
//!
//! Sources: Amazon EC2 API reference (`CreateLaunchTemplateVersion`: what is not given is taken from the
//! source; `DeleteLaunchTemplateVersions`: not
//! the default one, and numbers are never given twice); Amazon EC2 Auto Scaling API reference
//! (`UpdateAutoScalingGroup`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::state::Held;
use super::write::numbered;
use super::{Fault, Strictness};
use crate::aws_server::call::text;
use crate::aws_server::recording::Recording;

type Form = BTreeMap<String, String>;

/// So many scaling groups are asked for by name in one request at most (`AutoScalingGroupNames`).
const NAMES_MAX: usize = 50;

/// What machines are made from.
#[derive(Debug, Clone, Default)]
pub(super) struct Templates {
    /// Versions by template and number.
    versions: BTreeMap<String, BTreeMap<i64, Value>>,
    /// The highest number that a template ever gave.
    newest: BTreeMap<String, i64>,
    /// Scaling groups by name.
    scaling: BTreeMap<String, Value>,
}

impl Templates {
    /// What recorded bodies tell.
    pub(super) fn read(recording: &Recording, place: (&str, &str)) -> Self {
        let mut templates = Self::default();
        let bodies = |call: &str, list: &str| recording.items(place, call, list);
        for body in bodies("ec2-describe-launch-template-versions", "LaunchTemplateVersions") {
            let id = text(&body["LaunchTemplateId"]).to_owned();
            let number = body["VersionNumber"].as_i64().unwrap_or_default();
            let newest = templates.newest.entry(id.clone()).or_default();
            *newest = number.max(*newest);
            templates.versions.entry(id).or_default().insert(number, body);
        }
        for body in bodies("autoscaling-describe-auto-scaling-groups", "AutoScalingGroups") {
            templates.scaling.insert(text(&body["AutoScalingGroupName"]).to_owned(), body);
        }
        templates
    }

    /// The number of a version that a template has.
    fn number(&self, template: &str, version: &str) -> Option<i64> {
        let versions = self.versions.get(template)?;
        match version {
            "$Latest" => versions.keys().next_back().copied(),
            "$Default" => {
                versions.iter().find(|(_, one)| one["DefaultVersion"] == true).map(|(n, _)| *n)
            }
            number => number.parse().ok().filter(|number| versions.contains_key(number)),
        }
    }
}

/// The list of a call.
pub(super) fn call(name: &str) -> Option<super::describe::List> {
    Some(match name {
        "ec2-describe-launch-template-versions" => versions,
        "autoscaling-describe-auto-scaling-groups" => scaling,
        _ => return None,
    })
}

fn versions(held: &Held, form: &Form) -> Result<Value, Fault> {
    let templates = &held.templates;
    let asked = numbered(form, "LaunchTemplateVersion");
    let Some(id) = form.get("LaunchTemplateId") else {
        if asked.is_empty() || asked.iter().any(|one| !one.starts_with('$')) {
            return Err(Fault::new("MissingParameter"));
        }
        let mut found = Vec::new();
        for (id, versions) in &templates.versions {
            let numbers: BTreeSet<i64> =
                asked.iter().filter_map(|one| templates.number(id, one)).collect();
            found.extend(numbers.iter().filter_map(|number| versions.get(number)).cloned());
        }
        return Ok(json!({ "LaunchTemplateVersions": found }));
    };
    let known = templates.versions.get(id);
    let known = known.ok_or_else(|| Fault::new("InvalidLaunchTemplateId.NotFound"))?;
    let mut found: Vec<&Value> = Vec::new();
    for version in &asked {
        let number = templates.number(id, version).and_then(|number| known.get(&number));
        let missing = || Fault::new("InvalidLaunchTemplateId.VersionNotFound");
        found.push(number.ok_or_else(missing)?);
    }
    if asked.is_empty() {
        found.extend(known.values().rev());
    }
    Ok(json!({ "LaunchTemplateVersions": found }))
}

fn scaling(held: &Held, form: &Form) -> Result<Value, Fault> {
    let names = numbered(form, "AutoScalingGroupNames.member");
    if names.len() > NAMES_MAX {
        return Err(Fault::new("ValidationError"));
    }
    let asked = |name: &str| names.is_empty() || names.contains(&name);
    let found = held.templates.scaling.iter().filter(|(name, _)| asked(name));
    let found: Vec<&Value> = found.map(|(_, body)| body).collect();
    Ok(json!({ "AutoScalingGroups": found }))
}

/// Makes a version after another one.
pub(super) fn create(held: &mut Held, form: &Form, _most: &Strictness) -> Result<String, Fault> {
    let given = |key: &str| form.get(key).filter(|value| !value.is_empty());
    let missing = || Fault::new("MissingParameter");
    let id = given("LaunchTemplateId").ok_or_else(missing)?;
    let source = given("SourceVersion").ok_or_else(missing)?;
    let description = given("VersionDescription").cloned().unwrap_or_default();
    if description.len() > 255 {
        return Err(Fault::new("InvalidParameterValue"));
    }
    if !held.templates.versions.contains_key(id) {
        return Err(Fault::new("InvalidLaunchTemplateId.NotFound"));
    }
    let unknown = || Fault::new("InvalidLaunchTemplateId.VersionNotFound");
    let source = held.templates.number(id, source).ok_or_else(unknown)?;
    let mut body = held.templates.versions[id][&source].clone();
    let ids = numbered(form, "LaunchTemplateData.SecurityGroupId");
    let first = "LaunchTemplateData.NetworkInterface.1";
    let fields = form.iter().filter_map(|(key, value)| {
        Some((key.strip_prefix(first)?.strip_prefix('.')?, value.as_str()))
    });
    let fields: Vec<(&str, &str)> = fields.collect();
    let data = &mut body["LaunchTemplateData"];
    if !ids.is_empty() {
        data["SecurityGroupIds"] = json!(ids);
    }
    if !fields.is_empty() {
        let mut interface = json!({"Groups": numbered(form, &format!("{first}.SecurityGroupId"))});
        for (key, value) in fields.into_iter().filter(|(key, _)| !key.contains('.')) {
            let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            interface[key] = value;
        }
        data["NetworkInterfaces"] = json!([interface]);
    }
    // No machine could be made from it.
    let has = |key: &str| data[key].as_array().is_some_and(|list| !list.is_empty());
    if has("SecurityGroupIds") && has("NetworkInterfaces") {
        return Err(Fault::new("InvalidParameterCombination"));
    }
    let newest = held.templates.newest.entry(id.clone()).or_default();
    *newest += 1;
    let number = *newest;
    body["VersionNumber"] = json!(number);
    body["VersionDescription"] = json!(description);
    body["DefaultVersion"] = json!(false);
    held.templates.versions.entry(id.clone()).or_default().insert(number, body);
    Ok(format!(
        "<launchTemplateVersion><versionNumber>{number}</versionNumber></launchTemplateVersion>"
    ))
}

/// Deletes versions.
pub(super) fn delete(held: &mut Held, form: &Form, _most: &Strictness) -> Result<String, Fault> {
    let id = form.get("LaunchTemplateId").ok_or_else(|| Fault::new("MissingParameter"))?;
    let absent = || Fault::new("InvalidLaunchTemplateId.NotFound");
    let versions = held.templates.versions.get_mut(id).ok_or_else(absent)?;
    for number in numbered(form, "LaunchTemplateVersion") {
        let number: i64 = number.parse().map_err(|_error| Fault::new("InvalidParameterValue"))?;
        // The answer tells it, and is no refusal.
        if versions.get(&number).is_some_and(|one| one["DefaultVersion"] != true) {
            versions.remove(&number);
        }
    }
    Ok(String::new())
}

/// Has a scaling group make machines from another version.
pub(super) fn update(held: &mut Held, form: &Form, _most: &Strictness) -> Result<String, Fault> {
    let invalid = || Fault::new("ValidationError");
    let name = form.get("AutoScalingGroupName").ok_or_else(invalid)?;
    let id = form.get("LaunchTemplate.LaunchTemplateId").ok_or_else(invalid)?;
    let version = form.get("LaunchTemplate.Version").ok_or_else(invalid)?;
    held.templates.number(id, version).ok_or_else(invalid)?;
    let body = held.templates.scaling.get_mut(name).ok_or_else(invalid)?;
    if body["MixedInstancesPolicy"].is_object() {
        return Err(invalid());
    }
    body["LaunchTemplate"]["LaunchTemplateId"] = json!(id);
    body["LaunchTemplate"]["Version"] = json!(version);
    if let Some(body) = body.as_object_mut() {
        body.remove("LaunchConfigurationName");
    }
    Ok(String::new())
}

/// The groups with which each scaling group makes machines, by names, and how many versions each template
/// has.
pub(super) fn canonical(held: &Held, name: &dyn Fn(&str) -> String) -> Value {
    let groups = held.templates.scaling.iter().map(|(owner, body)| {
        let id = text(&body["LaunchTemplate"]["LaunchTemplateId"]);
        let version = text(&body["LaunchTemplate"]["Version"]);
        let number = held.templates.number(id, version);
        let data = number.and_then(|number| held.templates.versions.get(id)?.get(&number));
        let data = data.map(|one| &one["LaunchTemplateData"]);
        let lists = |data: &Value| {
            let interfaces = data["NetworkInterfaces"].as_array().cloned().unwrap_or_default();
            let of_interfaces =
                interfaces.iter().filter_map(|one| one["Groups"].as_array().cloned());
            data["SecurityGroupIds"]
                .as_array()
                .cloned()
                .into_iter()
                .chain(of_interfaces)
                .flatten()
                .collect()
        };
        let ids: Vec<Value> = data.map(lists).unwrap_or_default();
        let names: BTreeSet<String> = ids.iter().map(|id| name(text(id))).collect();
        (owner.clone(), json!({"template": id, "groups": names}))
    });
    let versions = held.templates.versions.iter().map(|(id, all)| (id.clone(), json!(all.len())));
    json!({
        "groups": groups.collect::<serde_json::Map<_, _>>(),
        "versions": versions.collect::<serde_json::Map<_, _>>(),
    })
}
