//! Functions: in VPCs, where they only open connections, and outside of them.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{
    EndpointId, EndpointRole, Front, Health, Listener, Target, TargetEnd, TargetGroup, Unaddressed,
};
use watertight_model::{WorkloadId, WorkloadKind};
use watertight_net::{AddressSet, FlowSet, PortSet};

use super::place::{Groups, Infer, Placement, attach_alike, has_groups, infer_in, serve};
use super::service::{Door, Service, add, door, label, slots, tag_map};
use super::stores::plane::elsewhere;
use crate::context::{Context, Holder};
use crate::index::Item;
use crate::shapes::Kind;

/// Interfaces of functions by subnet and groups: functions with the same ones share them.
type Shared<'t> = BTreeMap<(&'t str, BTreeSet<&'t str>), EndpointId>;

/// Converts functions. Their environment is not looked at: it may hold secrets.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let urls = urls(context);
    let mut shared = Shared::new();
    // Interfaces are named after the function that came first: it is the one that claims them.
    let mut functions: Vec<&Item<'_>> = index.of(Kind::Functions).iter().collect();
    let named: BTreeSet<&str> = context
        .unowned
        .values()
        .filter_map(|unowned| match unowned.holder {
            Holder::Function(name) if !name.is_empty() => Some(name),
            _ => None,
        })
        .collect();
    functions.sort_by_key(|item| !named.contains(short_name(item.id)));
    for item in functions {
        function(context, item, &urls, &mut shared);
    }
}

/// How calls through a function's URL are authorised, by the function's ARN.
fn urls<'t>(context: &mut Context<'t>) -> BTreeMap<&'t str, Vec<Item<'t>>> {
    let index = context.index;
    let mut urls: BTreeMap<&str, Vec<Item<'_>>> = BTreeMap::new();
    for item in index.of(Kind::FunctionUrls) {
        if let Some(arn) = context.fields.text(item.node, "FunctionArn") {
            urls.entry(crate::fronts::without_qualifier(arn)).or_default().push(*item);
        }
    }
    urls
}

fn function<'t>(
    context: &mut Context<'t>,
    item: &Item<'t>,
    urls: &BTreeMap<&str, Vec<Item<'t>>>,
    shared: &mut Shared<'t>,
) {
    let name = context.fields.text(item.node, "FunctionName").unwrap_or_default();
    let config = context.fields.object(item.node, "VpcConfig");
    let vpc = config.and_then(|config| context.fields.text(config, "VpcId"));
    let vpc = vpc.filter(|vpc| !vpc.is_empty());
    let tags = tag_map(context, item.node, "Tags");
    let id = crate::fronts::without_qualifier(item.id);
    let workload = add(
        context,
        item,
        Service {
            id,
            name,
            kind: WorkloadKind::Function,
            vpc,
            tags,
            owner: None,
            stores_data: false,
        },
    );
    if let Some(role) = context.fields.text(item.node, "Role") {
        context.roles.insert(workload, role);
    }
    let subnets = match config {
        Some(config) => context.fields.texts(config, "SubnetIds"),
        None => Vec::new(),
    };
    let urls = urls.get(id).map(Vec::as_slice).unwrap_or_default();
    let outside = subnets.is_empty() && vpc.is_none();
    if outside {
        outside_function(context, item, workload, urls);
        return;
    }
    let groups = match config {
        Some(config) => context.fields.texts(config, "SecurityGroupIds"),
        None => Vec::new(),
    };
    let placement = Placement {
        workload,
        id,
        node: item.node,
        slots: slots(&subnets),
        groups: Groups::Known(groups.clone()),
        role: EndpointRole::InitiatesOnly,
    };
    share(context, &placement, &subnets, &groups, shared);
    for url in urls {
        url_front(context, item, workload, url);
    }
}

/// One attachment for each subnet: the interface of these groups there, a copy of it when another
/// function has claimed it, or an inferred one.
fn share<'t>(
    context: &mut Context<'t>,
    placement: &Placement<'t>,
    subnets: &[&'t str],
    groups: &[&'t str],
    shared: &mut Shared<'t>,
) {
    let set: BTreeSet<&str> = groups.iter().copied().collect();
    for subnet in subnets {
        let key = (*subnet, set.clone());
        if let Some(known) = shared.get(&key).copied() {
            copy_of(context, placement, subnet, known);
            continue;
        }
        let one = Placement {
            slots: vec![vec![*subnet]],
            groups: placement.groups.clone(),
            ..*placement
        };
        let found = attach_alike(context, &one, Infer::Each, |unowned| {
            matches!(unowned.holder, Holder::Function(_)) && has_groups(unowned, groups)
        });
        if let [endpoint] = found.as_slice() {
            shared.insert(key, *endpoint);
        }
    }
}

/// An attachment at an interface that another function has too: same addresses, same groups.
fn copy_of(context: &mut Context<'_>, placement: &Placement<'_>, subnet: &str, known: EndpointId) {
    let Some(endpoint) = infer_in(context, placement, subnet) else { return };
    let known = &context.estate.network.endpoints[known];
    let (addresses, public, layers) =
        (known.addresses.clone(), known.public.clone(), known.layers.clone());
    let endpoint = &mut context.estate.network.endpoints[endpoint];
    endpoint.addresses = addresses;
    endpoint.public = public;
    endpoint.layers = layers;
}

/// A function outside of a VPC: it reaches the internet from the provider's space, and is reached
/// by its URL if it has one.
fn outside_function(
    context: &mut Context<'_>,
    item: &Item<'_>,
    workload: WorkloadId,
    urls: &[Item<'_>],
) {
    let layer = url_layer(context, workload, urls);
    let role = if layer.is_some() { EndpointRole::Host } else { EndpointRole::InitiatesOnly };
    let id = context.estate.workloads[workload].id.clone();
    let placement = Placement {
        workload,
        id: &id,
        node: item.node,
        slots: Vec::new(),
        groups: Groups::Open,
        role,
    };
    let endpoint = serve(context, &placement, layer.into_iter().collect());
    answers_anywhere(context, endpoint, true);
    if layer.is_some() {
        label(context, workload, "aws.port", "443");
    }
}

/// What a function's URLs admit: on the network everybody, with or without a signature. It is looked
/// at once the request has arrived, so a label tells of it (`Security and auth model for Lambda
/// function URLs`).
fn url_layer(
    context: &mut Context<'_>,
    workload: WorkloadId,
    urls: &[Item<'_>],
) -> Option<watertight_model::network::LayerId> {
    let mut found = None;
    for url in urls {
        let auth = context.fields.text(url.node, "AuthType").unwrap_or_default();
        // One URL that asks for no signature opens the function.
        if found.is_none() || auth == "NONE" {
            found = Some(auth);
        }
    }
    let auth = found?;
    label(context, workload, "aws.function-url-auth", auth);
    let name = if auth == "NONE" { "function URL" } else { "signed function URL" };
    Some(door(context, name, &[443], &Door::Everybody))
}

/// At which addresses functions and their URLs are is not told: any public ones, in both families
/// ("Creating and managing Lambda function URLs": they are dual stack).
fn answers_anywhere(context: &mut Context<'_>, endpoint: EndpointId, opens: bool) {
    let known = Unaddressed {
        service: context.name("functions"),
        public: elsewhere(context).union(&AddressSet::all_v6()),
        gateways: Vec::new(),
        interfaces: Vec::new(),
        opens,
        origin_guards: Vec::new(),
    };
    context.estate.network.unaddressed.insert(endpoint, known);
}

/// The URL of a function in a VPC: a front of its own, since what the function opens leaves through
/// the VPC alone.
fn url_front(context: &mut Context<'_>, item: &Item<'_>, function: WorkloadId, url: &Item<'_>) {
    let name = url.id.trim_start_matches("https://").trim_end_matches('/');
    let workload = add(
        context,
        item,
        Service {
            id: url.id,
            name,
            kind: WorkloadKind::LoadBalancer,
            vpc: None,
            tags: Vec::new(),
            owner: None,
            stores_data: false,
        },
    );
    label(context, workload, "scheme", "internet-facing");
    let layer = url_layer(context, workload, std::slice::from_ref(url));
    let front = context.estate.network.fronts.next_id();
    let placement = Placement {
        workload,
        id: url.id,
        node: url.node,
        slots: Vec::new(),
        groups: Groups::Open,
        role: EndpointRole::Front(front),
    };
    let endpoint = serve(context, &placement, layer.into_iter().collect());
    answers_anywhere(context, endpoint, false);
    let id = context.name(url.id);
    let origin = Some(url.node.span());
    let end = TargetEnd::Workload(function);
    let group = context.estate.network.target_groups.push(TargetGroup {
        name: id.clone(),
        preserves_source: false,
        cross_zone: None,
        targets: vec![Target { end, port: None, health_port: None, health: Health::Unknown }],
        targets_read: true,
        origin,
    });
    context.estate.network.fronts.push(Front {
        name: id.clone(),
        workload,
        endpoints: vec![endpoint],
        listeners: vec![Listener {
            name: id,
            flows: FlowSet::tcp(PortSet::single(443)),
            target_groups: vec![group],
            clauses: Vec::new(),
            origin,
        }],
        cross_zone: true,
        listeners_read: true,
        origin,
    });
}

/// The name in a function's ARN.
fn short_name(arn: &str) -> &str {
    crate::fronts::without_qualifier(arn).rsplit(':').next().unwrap_or(arn)
}
