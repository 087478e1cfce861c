//! Stores that are reached by the provider's API alone: buckets, tables, queues.
//!
//! Their network refuses nobody: who may read what is for permissions and origin guards to say.

use watertight_model::network::EndpointRole;
use watertight_model::{WorkloadId, WorkloadKind};

use super::place::{Groups, Placement, serve};
use super::service::{Door, Service, add, door, label};
use crate::context::Context;
use crate::index::Item;
use crate::shapes::Kind;

/// Converts buckets, tables and queues.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::Buckets) {
        bucket(context, item);
    }
    for item in index.of(Kind::Tables) {
        table(context, item);
    }
    for item in index.of(Kind::TableNames) {
        for name in context.fields.texts(item.node, "TableNames") {
            named_table(context, item, name);
        }
    }
    for item in index.of(Kind::QueueUrls) {
        for url in context.fields.texts(item.node, "QueueUrls") {
            if let Some((host, path)) = split_url(url) {
                queue(context, item, url, host, path);
            }
        }
    }
    for item in index.of(Kind::QueueAttributes) {
        let attributes = context.fields.object(item.node, "Attributes");
        let arn = attributes.and_then(|node| context.fields.text(node, "QueueArn"));
        if let Some(arn) = arn {
            add_store(context, item, arn, last(arn), WorkloadKind::Queue, Vec::new());
        }
    }
}

fn bucket(context: &mut Context<'_>, item: &Item<'_>) {
    let region = context.fields.text(item.node, "BucketRegion");
    let region = region.or_else(|| location(context, item.id));
    let own = context.fields.text(item.node, "BucketArn");
    let arn = match own {
        Some(arn) => arn.to_owned(),
        None => format!("arn:{}:s3:::{}", partition(region), item.id),
    };
    let tags = tags_of(context, item.id);
    let kind = WorkloadKind::ObjectStore;
    let workload = add_store(context, item, &arn, item.id, kind, tags);
    if let Some(region) = region {
        let name = context.name(region);
        context.estate.workloads[workload].region = Some(name);
        label(context, workload, "region", region);
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

fn table(context: &mut Context<'_>, item: &Item<'_>) {
    let name = context.fields.text(item.node, "TableName").unwrap_or_else(|| last(item.id));
    add_store(context, item, item.id, name, WorkloadKind::Table, Vec::new());
}

/// A table of which only the name is known.
fn named_table(context: &mut Context<'_>, item: &Item<'_>, name: &str) {
    let place = (context.region_of(item), context.account_of(item));
    let id = match place {
        (Some(region), Some(account)) => {
            format!("arn:{}:dynamodb:{region}:{account}:table/{name}", partition(Some(region)))
        }
        _ => format!("table/{name}"),
    };
    add_store(context, item, &id, name, WorkloadKind::Table, Vec::new());
}

/// A queue by its URL: `https://sqs.<region>.amazonaws.com/<account>/<name>`, or the older
/// `https://<region>.queue.amazonaws.com/<account>/<name>` and `https://queue.amazonaws.com/...`.
fn queue(context: &mut Context<'_>, item: &Item<'_>, url: &str, host: &str, path: &str) {
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
    add_store(context, item, &id, name, WorkloadKind::Queue, Vec::new());
}

fn split_url(url: &str) -> Option<(&str, &str)> {
    url.split_once("://").and_then(|(_, rest)| rest.split_once('/'))
}

/// A store with its door: HTTPS and, for buckets and queues, HTTP.
fn add_store(
    context: &mut Context<'_>,
    item: &Item<'_>,
    id: &str,
    name: &str,
    kind: WorkloadKind,
    tags: Vec<(&str, &str)>,
) -> WorkloadId {
    if let Some(workload) = context.workloads.get(id) {
        return workload;
    }
    let workload = add(
        context,
        item,
        Service { id, name, kind, vpc: None, tags, owner: None, stores_data: true },
    );
    let layer = door(context, "API of a store", &[80, 443], &Door::Everybody);
    let placement = Placement {
        workload,
        id,
        node: item.node,
        slots: Vec::new(),
        groups: Groups::Open,
        role: EndpointRole::Host,
    };
    serve(context, &placement, vec![layer]);
    label(context, workload, "aws.port", "443");
    workload
}

/// The partition of ARNs in a region.
fn partition(region: Option<&str>) -> &'static str {
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
