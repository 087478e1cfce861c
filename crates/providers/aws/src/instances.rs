//! Instances: machines. Their interfaces come from `interfaces`.

use std::collections::BTreeMap;

use watertight_model::{MetadataService, WorkloadId, WorkloadKind};
use watertight_source::Node;

use crate::context::{Context, NewWorkload};
use crate::index::Item;
use crate::scope::region_of_zone;
use crate::shapes::Kind;

/// The tag with which an autoscaling group marks its instances.
const GROUP_TAG: &str = "aws:autoscaling:groupName";

/// Converts instances.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let groups = groups_by_instance(context);
    let profiles = profiles_by_instance(context);
    for item in index.of(Kind::Instances) {
        if is_gone(item.node) {
            continue;
        }
        let workload = machine(context, item, groups.get(item.id).copied());
        let profile = context.fields.object(item.node, "IamInstanceProfile");
        let profile = profile.and_then(|profile| context.fields.text(profile, "Arn"));
        if let Some(arn) = profile.or_else(|| profiles.get(item.id).copied()) {
            context.instance_profiles.insert(workload, arn);
        }
        let metadata = metadata(context, item);
        context.estate.workloads[workload].metadata = metadata;
    }
}

/// Whether an instance has ended: it has no interface any more, and nothing runs on it.
pub(crate) fn is_gone(instance: Node<'_>) -> bool {
    let state = instance.get("State").and_then(|state| state.get("Name")).and_then(Node::as_str);
    matches!(state, Some("terminated" | "shutting-down"))
}

fn machine<'t>(context: &mut Context<'t>, item: &Item<'t>, group: Option<&'t str>) -> WorkloadId {
    let tags = context.fields.tags(item.node, "Tags");
    let tag = |key| tags.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
    let (name, owner) = (tag("Name").unwrap_or_default(), tag(GROUP_TAG).or(group));
    let account = context.account_of(item);
    let zone = context.fields.object(item.node, "Placement");
    let zone = zone.and_then(|placement| context.fields.text(placement, "AvailabilityZone"));
    let region = context.region_of(item).or_else(|| zone.and_then(region_of_zone));
    let vpc = context.fields.text(item.node, "VpcId");
    context.add_workload(&NewWorkload {
        id: item.id,
        name,
        kind: WorkloadKind::Machine,
        account,
        region,
        vpc,
        tags,
        owner,
        stores_data: false,
        origin: Some(item.node.span()),
    })
}

/// The metadata service's settings (EC2 API reference, `InstanceMetadataOptionsResponse`). Bodies
/// that do not tell them leave them unknown.
fn metadata(context: &mut Context<'_>, item: &Item<'_>) -> Option<MetadataService> {
    let options = context.fields.object(item.node, "MetadataOptions")?;
    let endpoint = context.fields.text(options, "HttpEndpoint");
    let tokens = context.fields.text(options, "HttpTokens");
    let hops = context.fields.integer(options, "HttpPutResponseHopLimit");
    if !matches!(endpoint, Some("enabled" | "disabled") | None) {
        context.fields.unknown_value(options, "HttpEndpoint", item.id);
    }
    if !matches!(tokens, Some("required" | "optional") | None) {
        context.fields.unknown_value(options, "HttpTokens", item.id);
    }
    Some(MetadataService {
        enabled: endpoint != Some("disabled"),
        token_required: tokens == Some("required"),
        hop_limit: hops.and_then(|hops| u8::try_from(hops).ok()).unwrap_or(1),
    })
}

/// The autoscaling group of each instance, for bodies without tags.
fn groups_by_instance<'t>(context: &mut Context<'t>) -> BTreeMap<&'t str, &'t str> {
    let mut groups = BTreeMap::new();
    for item in context.index.of(Kind::AutoScalingGroups) {
        let Some(name) = context.fields.text(item.node, "AutoScalingGroupName") else { continue };
        for instance in context.fields.objects(item.node, "Instances") {
            if let Some(id) = context.fields.text(instance, "InstanceId") {
                groups.insert(id, name);
            }
        }
    }
    groups
}

/// The instance profile of each instance, for bodies of instances without it.
fn profiles_by_instance<'t>(context: &mut Context<'t>) -> BTreeMap<&'t str, &'t str> {
    let mut profiles = BTreeMap::new();
    for item in context.index.of(Kind::IamInstanceProfileAssociations) {
        let state = context.fields.text(item.node, "State");
        let profile = context.fields.object(item.node, "IamInstanceProfile");
        let arn = profile.and_then(|profile| context.fields.text(profile, "Arn"));
        let id = context.fields.text(item.node, "InstanceId");
        if let (Some(id), Some(arn), Some("associated") | None) = (id, arn, state) {
            profiles.insert(id, arn);
        }
    }
    profiles
}
