//! What makes replicas of machines: how it is read, and how it is given a version of its template with
//! other groups.
//!
//! Sources: Amazon EC2 API reference (`CreateLaunchTemplateVersion`, `DeleteLaunchTemplateVersions`,
//! `DescribeLaunchTemplateVersions`); Amazon EC2 Auto Scaling API reference (`UpdateAutoScalingGroup`,
//! `DescribeAutoScalingGroups`) and user guide ("Control Amazon EC2 launch template usage").

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_aws::{SCALING_GROUP, template_groups, template_of, version_of};
use watertight_compile::{Template, Templated, short_hash};

use super::live::text;
use super::session::{Session, Site};
use crate::outcome::Refusal;
use crate::request::Parameters;

/// The call that lists scaling groups.
pub(super) const GROUPS: &str = "autoscaling-describe-auto-scaling-groups";
/// The call that lists versions of templates.
pub(super) const VERSIONS: &str = "ec2-describe-launch-template-versions";
/// The code with which a template is not there.
const ABSENT: &str = "InvalidLaunchTemplateId.NotFound";
/// The code with which a version is not there.
const NO_VERSION: &str = "InvalidLaunchTemplateId.VersionNotFound";

/// What a step about a template finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LiveTemplate {
    /// The template that the scaling group names, and the version; nothing where it is not there, or
    /// names none.
    pub(super) named: Option<(String, String)>,
    /// The version that this plan made, by its number, with the groups that it tells.
    pub(super) ours: Option<(String, BTreeSet<String>)>,
}

/// What tells a version of this plan from others: its description.
pub(super) fn description(mark: &str, owner: &str) -> String {
    // At most 255 letters (`VersionDescription`), and the name of a scaling group may have as many.
    let number = short_hash(owner.bytes());
    format!("watertight {mark} {number:016x} {owner}").chars().take(255).collect()
}

/// Reads what a step is about.
pub(super) async fn template(
    session: &Session,
    site: &Site,
    (step, description): (&Templated, &str),
) -> Result<LiveTemplate, Refusal> {
    let group = group(session, site, &step.owner).await?;
    let named = group.as_ref().and_then(template_of);
    let named = named.map(|(id, version)| (id.to_owned(), version.to_owned()));
    let versions = versions(session, site, &step.template.id, None).await?;
    let own = versions.iter().filter(|one| text(one, "VersionDescription") == description);
    // Where an answer was lost there may be two.
    let ours = own.max_by_key(|one| one["VersionNumber"].as_i64()).map(|one| {
        let groups = template_groups(&one["LaunchTemplateData"]).map(|(groups, _)| groups);
        (one["VersionNumber"].to_string(), groups.unwrap_or_default().into_iter().collect())
    });
    Ok(LiveTemplate { named, ours })
}

/// What is like a plan read it, as it is now; nothing where the scaling group is not there, or names no
/// template.
pub(super) async fn facts(
    session: &Session,
    site: &Site,
    owner: &str,
) -> Result<Option<BTreeMap<String, Vec<String>>>, Refusal> {
    let Some(group) = group(session, site, owner).await? else { return Ok(None) };
    let Some((id, version)) = template_of(&group) else { return Ok(None) };
    let found = versions(session, site, id, Some(version)).await?;
    let Some(one) = version_of(&found, version).or_else(|| found.first()) else { return Ok(None) };
    let (groups, interface) =
        template_groups(&one["LaunchTemplateData"]).unwrap_or_else(|why| (vec![why], None));
    let number = one["VersionNumber"].to_string();
    let (id, version) = (id.to_owned(), version.to_owned());
    let template = Template { id, version, number, groups, interface };
    Ok(Some(template.facts(SCALING_GROUP)))
}

async fn group(session: &Session, site: &Site, name: &str) -> Result<Option<Value>, Refusal> {
    let parameters =
        Parameters::from([(String::from("AutoScalingGroupNames.member"), json!([name]))]);
    let found = session.list_of(site, GROUPS, ("AutoScalingGroups", &parameters), &[]).await?;
    Ok(found.into_iter().find(|one| text(one, "AutoScalingGroupName") == name))
}

async fn versions(
    session: &Session,
    site: &Site,
    id: &str,
    version: Option<&str>,
) -> Result<Vec<Value>, Refusal> {
    let mut parameters = Parameters::from([(String::from("LaunchTemplateId"), json!(id))]);
    if let Some(version) = version {
        parameters.insert(String::from("Versions"), json!([version]));
    }
    let list = ("LaunchTemplateVersions", &parameters);
    match session.list_of(site, VERSIONS, list, &[]).await {
        Err(refusal) if refusal.code == ABSENT || refusal.code == NO_VERSION => Ok(Vec::new()),
        found => found,
    }
}
