//! Prefix lists: the provider's own and managed ones with their entries.

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_model::network::{AddressList, ListContent, ListId};
use watertight_net::{AddressSet, Prefix};
use watertight_source::Node;

use crate::codes;
use crate::context::Context;
use crate::index::Item;
use crate::scope::is_region;
use crate::shapes::Kind;

/// How the names of the provider's own lists begin.
const PROVIDER_LISTS: &str = "com.amazonaws.";

/// Converts prefix lists, and fills the network's service space from the provider's own.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    // Name, family and content by id, from all the bodies that tell something of a list.
    let mut lists: BTreeMap<&str, Known<'_>> = BTreeMap::new();
    for item in index.of(Kind::ManagedPrefixLists) {
        let name = context.fields.text(item.node, "PrefixListName");
        let family = context.fields.text(item.node, "AddressFamily");
        let list = lists.entry(item.id).or_default();
        (list.item, list.name, list.family) = (Some(*item), name, family);
    }
    for item in index.of(Kind::PrefixLists) {
        let name = context.fields.text(item.node, "PrefixListName");
        let prefixes = cidrs(context, item.node);
        let list = lists.entry(item.id).or_default();
        list.item = Some(*item);
        list.name = name.or(list.name);
        list.prefixes = Some(prefixes);
    }
    for item in index.of(Kind::PrefixListEntries) {
        if item.id.is_empty() {
            let message = String::from("the body does not say whose entries these are");
            context.fields.warn(item.node, codes::NO_PARAMETER, "", message);
            continue;
        }
        let prefixes = entries(context, item);
        let list = lists.entry(item.id).or_default();
        list.item = list.item.or(Some(*item));
        list.prefixes.get_or_insert(prefixes);
    }
    let mut service_space = Vec::new();
    let mut services: BTreeMap<String, Vec<Prefix>> = BTreeMap::new();
    for (id, list) in lists {
        if let Some(name) = list.name.filter(|name| name.starts_with(PROVIDER_LISTS)) {
            let prefixes = || list.prefixes.iter().flatten().copied();
            service_space.extend(prefixes());
            if let Some(service) = service_of(name).filter(|_| list.prefixes.is_some()) {
                services.entry(service).or_default().extend(prefixes());
            }
        }
        add(context, id, list);
    }
    let services = services.into_iter();
    let network = &mut context.estate.network;
    network.service_space = AddressSet::from_prefixes(service_space);
    network.services = services
        .map(|(name, prefixes)| (Name::from(name), AddressSet::from_prefixes(prefixes)))
        .collect();
}

/// The word in policies for the service whose addresses one of the provider's own lists holds:
/// `com.amazonaws.eu-central-1.s3` is that of `aws.s3`, in whatever region.
pub(crate) fn service_of(name: &str) -> Option<String> {
    let (place, service) = name.strip_prefix(PROVIDER_LISTS)?.split_once('.')?;
    let service = service.strip_prefix("ipv6.").unwrap_or(service);
    let is_place = place == "global" || is_region(place);
    (is_place && !service.is_empty()).then(|| format!("aws.{service}"))
}

/// The list with this id; one that is not in the input could hold any address.
pub(crate) fn list_of(context: &mut Context<'_>, place: Node<'_>, id: &str) -> ListId {
    if let Some(list) = context.lists.get(id) {
        return list;
    }
    context.warn_missing(place, "prefix list", id);
    let name = context.name(id);
    let content = ListContent::Unread(AddressSet::all());
    let list = AddressList { name: name.clone(), content, origin: None };
    let list = context.estate.network.lists.push(list);
    context.lists.insert(name, list);
    list
}

/// What the bodies tell of one list.
#[derive(Default)]
struct Known<'t> {
    item: Option<Item<'t>>,
    name: Option<&'t str>,
    family: Option<&'t str>,
    prefixes: Option<Vec<Prefix>>,
}

fn add(context: &mut Context<'_>, id: &str, list: Known<'_>) {
    let origin = list.item.map(|item| item.node.span());
    let content = if let Some(prefixes) = list.prefixes {
        ListContent::Known(prefixes)
    } else {
        if let Some(item) = list.item {
            let message = format!("the entries of prefix list `{id}` are not in the input");
            context.fields.warn(item.node, codes::UNREAD_CONTENT, id, message);
        }
        ListContent::Unread(match list.family {
            Some("IPv4") => AddressSet::all_v4(),
            Some("IPv6") => AddressSet::all_v6(),
            _ => AddressSet::all(),
        })
    };
    let name = context.name(id);
    let list = AddressList { name: name.clone(), content, origin };
    let list = context.estate.network.lists.push(list);
    context.lists.insert(name, list);
}

fn cidrs(context: &mut Context<'_>, node: Node<'_>) -> Vec<Prefix> {
    let mut prefixes = Vec::new();
    for place in context.fields.list(node, "Cidrs") {
        if let Some(text) = context.fields.keep(place.to_str()) {
            prefixes.extend(context.fields.prefix_of(place, text));
        }
    }
    bounded(context, node, prefixes)
}

fn entries(context: &mut Context<'_>, item: &Item<'_>) -> Vec<Prefix> {
    let mut prefixes = Vec::new();
    for entry in context.fields.objects(item.node, "Entries") {
        prefixes.extend(context.fields.prefix(entry, "Cidr"));
    }
    bounded(context, item.node, prefixes)
}

/// At most `parts_max` prefixes; more are an error.
fn bounded(context: &mut Context<'_>, node: Node<'_>, mut prefixes: Vec<Prefix>) -> Vec<Prefix> {
    let max = usize::try_from(context.options.parts_max).unwrap_or(usize::MAX);
    if prefixes.len() > max {
        let message = format!("the list has {} entries, `parts_max` is {max}", prefixes.len());
        context.fields.error(node, codes::TOO_MANY, "", message);
        prefixes.truncate(max);
    }
    prefixes
}
