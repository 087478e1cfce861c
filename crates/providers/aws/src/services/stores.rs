//! Stores that are reached by the provider's API alone: buckets, tables, queues.
//!
//! Their network refuses nobody: who may read what is for permissions and origin guards to say.

pub(crate) mod plane;
pub(crate) mod policy;
#[cfg(test)]
mod tests;

use watertight_model::network::{EndpointRole, Unaddressed};
use watertight_model::{WorkloadId, WorkloadKind};

use super::place::{Groups, Placement, serve};
use super::service::{Door, Service, add, door, label, was_asked};
use crate::context::Context;
use crate::index::Item;
use crate::scope::arn_scope;
use crate::shapes::Kind;
use plane::Plane;
use policy::{Owner, Policy};

/// Converts buckets, tables and queues.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let plane = Plane::read(context);
    for item in index.of(Kind::Buckets) {
        bucket(context, &plane, item);
    }
    for item in index.of(Kind::Tables) {
        let own = context.fields.text(item.node, "TableName");
        table(context, &plane, item, item.id, own.unwrap_or_else(|| last(item.id)));
    }
    for item in index.of(Kind::TableNames) {
        for name in context.fields.texts(item.node, "TableNames") {
            named_table(context, &plane, item, name);
        }
    }
    for item in index.of(Kind::QueueUrls) {
        for url in context.fields.texts(item.node, "QueueUrls") {
            if let Some((host, path)) = split_url(url) {
                queue(context, &plane, item, url, host, path);
            }
        }
    }
    for item in index.of(Kind::QueueAttributes) {
        if let Some(arn) = queue_arn(context, item) {
            add_queue(context, &plane, item, arn, last(arn));
        }
    }
}

fn bucket(context: &mut Context<'_>, plane: &Plane, item: &Item<'_>) {
    let region = context.fields.text(item.node, "BucketRegion");
    let region = region.or_else(|| location(context, item.id));
    let own = context.fields.text(item.node, "BucketArn");
    let arn = match own {
        Some(arn) => arn.to_owned(),
        None => format!("arn:{}:s3:::{}", partition(region), item.id),
    };
    let tags = tags_of(context, item.id);
    let private = plane.private("s3", region);
    let owner = Owner { service: "s3", arn: &arn, private: &private };
    let policy = bucket_policy(context, &owner, item);
    let kind = WorkloadKind::ObjectStore;
    let store = Store { id: &arn, name: item.id, kind, region, tags, policy };
    let workload = add_store(context, plane, item, store);
    if let Some(region) = region {
        let name = context.name(region);
        context.estate.workloads[workload].region = Some(name);
        label(context, workload, "region", region);
    }
}

/// What a bucket's policy says about origins. A bucket has none where the input holds those of
/// other buckets and none of it: the call then answers with an error.
fn bucket_policy(context: &mut Context<'_>, owner: &Owner<'_>, item: &Item<'_>) -> Policy {
    let index = context.index;
    let own = index.find(Kind::BucketPolicies, item.id);
    let account = context.account_of(item);
    let is_denied = index.denials.about(Kind::BucketPolicies, account, &[item.id]);
    match own.and_then(|own| own.node.get("Policy")) {
        Some(place) => Policy::read(context, owner, place),
        None if !is_denied && was_asked(context, Kind::BucketPolicies, item) => Policy::default(),
        None => Policy::unread(context),
    }
}

/// The region of a bucket by `get-bucket-location`: null and empty mean `us-east-1`.
fn location<'t>(context: &mut Context<'t>, bucket: &str) -> Option<&'t str> {
    let item = context.index.find(Kind::BucketLocations, bucket)?;
    match item.node.get("LocationConstraint")?.as_str() {
        None | Some("") => Some("us-east-1"),
        Some("EU") => Some("eu-west-1"),
        Some(region) => Some(region),
    }
}

fn tags_of<'t>(context: &mut Context<'t>, bucket: &str) -> Vec<(&'t str, &'t str)> {
    match context.index.find(Kind::BucketTags, bucket) {
        Some(item) => context.fields.tags(item.node, "TagSet"),
        None => Vec::new(),
    }
}

fn table(context: &mut Context<'_>, plane: &Plane, item: &Item<'_>, id: &str, name: &str) {
    let region = arn_scope(id).1.or_else(|| context.region_of(item));
    let (tags, policy) = (Vec::new(), Policy::default());
    let store = Store { id, name, kind: WorkloadKind::Table, region, tags, policy };
    add_store(context, plane, item, store);
}

/// A table of which only the name is known.
fn named_table(context: &mut Context<'_>, plane: &Plane, item: &Item<'_>, name: &str) {
    let place = (context.region_of(item), context.account_of(item));
    let id = match place {
        (Some(region), Some(account)) => {
            format!("arn:{}:dynamodb:{region}:{account}:table/{name}", partition(Some(region)))
        }
        _ => format!("table/{name}"),
    };
    table(context, plane, item, &id, name);
}

/// A queue by its URL: `https://sqs.<region>.amazonaws.com/<account>/<name>`, or the older
/// `https://<region>.queue.amazonaws.com/<account>/<name>` and `https://queue.amazonaws.com/...`.
fn queue(
    context: &mut Context<'_>,
    plane: &Plane,
    item: &Item<'_>,
    url: &str,
    host: &str,
    path: &str,
) {
    let (account, name) = path.split_once('/').unwrap_or(("", path));
    let host_region = host
        .split('.')
        .find(|part| crate::scope::is_region(part))
        .or_else(|| host.starts_with("queue.").then_some("us-east-1"));
    let region = host_region.or_else(|| context.region_of(item));
    let id = match region {
        Some(region) if !account.is_empty() => {
            format!("arn:{}:sqs:{region}:{account}:{name}", partition(Some(region)))
        }
        _ => url.to_owned(),
    };
    add_queue(context, plane, item, &id, name);
}

fn add_queue(context: &mut Context<'_>, plane: &Plane, item: &Item<'_>, id: &str, name: &str) {
    let region = arn_scope(id).1.or_else(|| context.region_of(item));
    let private = plane.private("sqs", region);
    let owner = Owner { service: "sqs", arn: id, private: &private };
    let policy = queue_policy(context, &owner);
    let (kind, tags) = (WorkloadKind::Queue, Vec::new());
    add_store(context, plane, item, Store { id, name, kind, region, tags, policy });
}

/// What a queue's policy says about origins: its attributes hold it where it has one.
fn queue_policy(context: &mut Context<'_>, owner: &Owner<'_>) -> Policy {
    let index = context.index;
    for item in index.of(Kind::QueueAttributes) {
        if queue_arn(context, item) == Some(owner.arn) {
            let attributes = context.fields.object(item.node, "Attributes");
            let own = attributes.and_then(|node| node.get("Policy"));
            return match own {
                Some(place) => Policy::read(context, owner, place),
                None => Policy::default(),
            };
        }
    }
    Policy::unread(context)
}

fn queue_arn<'t>(context: &mut Context<'t>, item: &Item<'t>) -> Option<&'t str> {
    let attributes = context.fields.object(item.node, "Attributes")?;
    context.fields.text(attributes, "QueueArn")
}

fn split_url(url: &str) -> Option<(&str, &str)> {
    url.split_once("://").and_then(|(_, rest)| rest.split_once('/'))
}

struct Store<'n> {
    id: &'n str,
    name: &'n str,
    kind: WorkloadKind,
    region: Option<&'n str>,
    tags: Vec<(&'n str, &'n str)>,
    policy: Policy,
}

/// A store with its door: HTTPS and, unless its policy refuses that, HTTP.
fn add_store(
    context: &mut Context<'_>,
    plane: &Plane,
    item: &Item<'_>,
    store: Store<'_>,
) -> WorkloadId {
    let Store { id, name, kind, region, tags, policy } = store;
    if let Some(workload) = context.workloads.get(id) {
        return workload;
    }
    let workload = add(
        context,
        item,
        Service { id, name, kind, vpc: None, tags, owner: None, stores_data: true },
    );
    let layer = if policy.tls_only {
        door(context, "API of a store, by its policy over TLS only", &[443], &Door::Everybody)
    } else {
        door(context, "API of a store", &[80, 443], &Door::Everybody)
    };
    let placement = Placement {
        workload,
        id,
        node: item.node,
        slots: Vec::new(),
        groups: Groups::Open,
        role: EndpointRole::Host,
    };
    let endpoint = serve(context, &placement, vec![layer]);
    let service = match kind {
        WorkloadKind::ObjectStore => "s3",
        WorkloadKind::Queue => "sqs",
        _ => "dynamodb",
    };
    let known = plane.unaddressed(context, service, region);
    let known = Unaddressed { origin_guards: policy.guards, ..known };
    context.estate.network.unaddressed.insert(endpoint, known);
    label(context, workload, "aws.port", "443");
    workload
}

/// The partition of ARNs in a region.
pub(crate) fn partition(region: Option<&str>) -> &'static str {
    match region {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

fn last(arn: &str) -> &str {
    arn.rsplit([':', '/']).next().unwrap_or(arn)
}

/// Tags that a tagging call lists by ARN (`describe-tags`, `get-resources`), for whatever workload
/// has that ARN.
pub(crate) fn tag_by_arn(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::ResourceTags) {
        let Some(workload) = context.workloads.get(item.id) else { continue };
        for (key, value) in context.fields.tags(item.node, "Tags") {
            let (key, value) = (context.name(key), context.name(value));
            let labels = &mut context.estate.workloads[workload].labels;
            labels.entry(key).or_insert(value);
        }
    }
}
