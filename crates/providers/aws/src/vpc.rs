//! VPCs: the realms.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use watertight_model::network::{Realm, RealmId};
use watertight_net::{Family, Prefix};
use watertight_source::Node;

use crate::context::Context;
use crate::index::Item;
use crate::scope::{arn_scope, region_of_zone};
use crate::shapes::Kind;

/// The resolver's link-local addresses (Amazon VPC user guide, "DNS attributes for your VPC").
const RESOLVERS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 253)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253)),
];

/// Converts VPCs.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let regions = regions_of_subnets(context);
    for item in index.of(Kind::Vpcs) {
        let prefixes = prefixes(context, item);
        let region = context.region_of(item).or_else(|| regions.get(item.id).copied());
        let account = context.account_of(item);
        let title = context.fields.name_tag(item.node, "Tags").unwrap_or(item.id);
        let mut resolvers: Vec<IpAddr> = Vec::new();
        resolvers.extend(prefixes.iter().find_map(|prefix| second_after_base(*prefix)));
        resolvers.extend(RESOLVERS);
        let name = context.name(item.id);
        let realm = Realm {
            name: name.clone(),
            title: context.name(title),
            account: account.map(|account| context.name(account)),
            region: region.map(|region| context.name(region)),
            prefixes,
            internet: None,
            resolvers,
            subnets_read: false,
            further: false,
            origin: Some(item.node.span()),
        };
        let realm = context.estate.network.realms.push(realm);
        context.realms.insert(name, realm);
    }
}

/// The realm of a VPC; for one that is not in the input, a realm of which only its subnets are known.
pub(crate) fn realm_of(context: &mut Context<'_>, place: Node<'_>, id: &str) -> RealmId {
    if let Some(realm) = context.realms.get(id) {
        return realm;
    }
    context.warn_missing(place, "VPC", id);
    let name = context.name(id);
    let realm = Realm {
        name: name.clone(),
        title: name.clone(),
        account: None,
        region: None,
        prefixes: Vec::new(),
        internet: None,
        resolvers: RESOLVERS.to_vec(),
        subnets_read: false,
        further: false,
        origin: None,
    };
    let realm = context.estate.network.realms.push(realm);
    context.realms.insert(name, realm);
    realm
}

/// The prefixes in one `...CidrBlockAssociationSet` whose state is `associated`.
pub(crate) fn associated(
    context: &mut Context<'_>,
    node: Node<'_>,
    set: &str,
    cidr: &str,
    state: &str,
) -> Vec<Prefix> {
    let mut prefixes = Vec::new();
    for association in context.fields.objects(node, set) {
        let state = context.fields.object(association, state);
        let state = state.and_then(|state| context.fields.text(state, "State"));
        if state.is_none_or(|state| state == "associated") {
            prefixes.extend(context.fields.prefix(association, cidr));
        }
    }
    prefixes
}

/// Primary IPv4 prefix first, then the secondary ones, then IPv6.
fn prefixes(context: &mut Context<'_>, item: &Item<'_>) -> Vec<Prefix> {
    let mut prefixes: Vec<Prefix> = Vec::new();
    let primary = context.fields.prefix(item.node, "CidrBlock");
    let set = "CidrBlockAssociationSet";
    let secondary = associated(context, item.node, set, "CidrBlock", "CidrBlockState");
    let has_set = item.node.get(set).is_some_and(|set| !set.is_empty());
    prefixes.extend(primary.filter(|primary| !has_set || secondary.contains(primary)));
    prefixes.extend(secondary);
    let set = "Ipv6CidrBlockAssociationSet";
    prefixes.extend(associated(context, item.node, set, "Ipv6CidrBlock", "Ipv6CidrBlockState"));
    let mut seen = std::collections::BTreeSet::new();
    prefixes.retain(|prefix| seen.insert(*prefix));
    prefixes
}

/// The address at which the resolver answers: the base of the VPC's IPv4 prefix plus two.
fn second_after_base(prefix: Prefix) -> Option<IpAddr> {
    match (prefix.family(), prefix.first()) {
        (Family::V4, IpAddr::V4(base)) => {
            u32::from(base).checked_add(2).map(|address| IpAddr::V4(Ipv4Addr::from(address)))
        }
        _ => None,
    }
}

/// The region of each VPC, by the zones and ARNs of its subnets.
fn regions_of_subnets<'t>(context: &mut Context<'t>) -> BTreeMap<&'t str, &'t str> {
    let mut regions = BTreeMap::new();
    for item in context.index.of(Kind::Subnets) {
        let zone = context.fields.text(item.node, "AvailabilityZone").and_then(region_of_zone);
        let arn = context.fields.text(item.node, "SubnetArn").and_then(|arn| arn_scope(arn).1);
        if let (Some(vpc), Some(region)) = (context.fields.text(item.node, "VpcId"), arn.or(zone)) {
            regions.entry(vpc).or_insert(region);
        }
    }
    regions
}
