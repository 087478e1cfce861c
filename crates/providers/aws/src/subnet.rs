//! Subnets with the ACL at their edge. Their tables come with the routes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use watertight_model::network::{InternetAccess, LayerId, RealmId, Subnet, SubnetId};
use watertight_net::{AddressRange, AddressSet, Prefix};
use watertight_source::Node;

use crate::codes;
use crate::context::Context;
use crate::index::Item;
use crate::internet;
use crate::public_access::{self, PublicAccess};
use crate::scope::region_of_zone;
use crate::shapes::Kind;
use crate::vpc;

/// Converts subnets.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let access = public_access::read(context);
    internet::find_switches(context, &access);
    let acls = acls_by_subnet(context);
    for item in index.of(Kind::Subnets) {
        if let Some(subnet) = subnet(context, item, &access, &acls) {
            let name = subnet.name.clone();
            let id = context.estate.network.subnets.push(subnet);
            context.subnets.insert(name, id);
        }
    }
}

/// The subnet with this id; for one that is not in the input, a subnet of which only the interfaces
/// in it are known: what enters or leaves it is unknown. `place` tells its VPC.
pub(crate) fn subnet_of(context: &mut Context<'_>, place: Node<'_>, id: &str) -> SubnetId {
    if let Some(subnet) = context.subnets.get(id) {
        return subnet;
    }
    context.warn_missing(place, "subnet", id);
    let unknown_vpc = format!("VPC of {id}");
    let vpc = context.fields.text(place, "VpcId").unwrap_or(&unknown_vpc);
    let realm = vpc::realm_of(context, place, vpc);
    let layer = edge(context, id, place, &BTreeMap::new());
    let (name, zone) = (context.name(id), context.name(""));
    let subnet = context.estate.network.subnets.push(Subnet {
        name: name.clone(),
        title: name.clone(),
        realm,
        prefixes: Vec::new(),
        zone,
        table: None,
        layers: vec![layer],
        internet_access: InternetAccess::Open,
        kept: AddressSet::empty(),
        endpoints_read: false,
        origin: None,
    });
    context.subnets.insert(name, subnet);
    subnet
}

/// What AWS keeps of each prefix of a subnet: the first four addresses and the last one (Amazon VPC user guide, "Subnet
/// sizing").
fn kept(prefixes: &[Prefix]) -> AddressSet {
    let of = |prefix: &Prefix| {
        let first = prefix.first();
        let fourth = match first {
            IpAddr::V4(first) => IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() | 3)),
            IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from_bits(first.to_bits() | 3)),
        };
        // A subnet is 16 addresses at least.
        let start = AddressRange::new(first, fourth.min(prefix.last())).ok();
        [start, AddressRange::new(prefix.last(), prefix.last()).ok()].into_iter().flatten()
    };
    AddressSet::from_ranges(prefixes.iter().flat_map(of))
}

/// Makes addresses local to a subnet, and to a realm, whose own prefixes the input does not tell.
pub(crate) fn admit(context: &mut Context<'_>, subnet: SubnetId, addresses: &[IpAddr]) {
    let network = &mut context.estate.network;
    let subnet = &mut network.subnets[subnet];
    if subnet.origin.is_some() {
        return;
    }
    let hosts = addresses.iter().copied().map(Prefix::host);
    subnet.prefixes.extend(hosts.clone());
    let realm = &mut network.realms[subnet.realm];
    if realm.origin.is_none() {
        realm.prefixes.extend(hosts);
    }
}

fn subnet<'t>(
    context: &mut Context<'t>,
    item: &Item<'t>,
    access: &PublicAccess<'_>,
    acls: &BTreeMap<&str, &str>,
) -> Option<Subnet> {
    let vpc = context.fields.required_text(item.node, "VpcId")?;
    let known = context.realms.get(vpc).is_some();
    let realm = vpc::realm_of(context, item.node, vpc);
    let mut prefixes = Vec::new();
    prefixes.extend(context.fields.prefix(item.node, "CidrBlock"));
    let set = "Ipv6CidrBlockAssociationSet";
    let state = "Ipv6CidrBlockState";
    prefixes.extend(vpc::associated(context, item.node, set, "Ipv6CidrBlock", state));
    if !known {
        let realm = &mut context.estate.network.realms[realm];
        realm.prefixes.extend(prefixes.iter().copied());
    }
    let zone = context.fields.text(item.node, "AvailabilityZone");
    let zone = zone.or_else(|| context.fields.text(item.node, "AvailabilityZoneId"));
    let title = context.fields.name_tag(item.node, "Tags").unwrap_or(item.id);
    let scope = scope(context, item, realm, zone);
    let mut internet_access = access.of_subnet(context, item.id, vpc, scope_refs(&scope));
    // Such addresses are in no table of the internet (Amazon VPC IPAM user guide, "private IPv6
    // addresses"), although they look as those that are.
    if has_private_ipv6(context, item) && !matches!(internet_access, InternetAccess::Closed(_)) {
        let message = format!("`{}` has private IPv6 addresses, which are not told apart", item.id);
        context.fields.warn(item.node, codes::NOT_MODELLED, item.id, message);
        internet_access = InternetAccess::Unread(context.name("private IPv6 addresses"));
    }
    let layer = edge(context, item.id, item.node, acls);
    Some(Subnet {
        name: context.name(item.id),
        title: context.name(title),
        realm,
        kept: kept(&prefixes),
        prefixes,
        zone: context.name(zone.unwrap_or_default()),
        table: None,
        layers: vec![layer],
        internet_access,
        endpoints_read: false,
        origin: Some(item.node.span()),
    })
}

fn has_private_ipv6(context: &mut Context<'_>, item: &Item<'_>) -> bool {
    let blocks = context.fields.objects(item.node, "Ipv6CidrBlockAssociationSet");
    blocks.into_iter().any(|block| {
        context.fields.text(block, "Ipv6AddressAttribute") == Some("private")
            // Local addresses are told apart by themselves (RFC 4193).
            && !context.fields.text(block, "Ipv6CidrBlock").is_some_and(|text| text.starts_with("fd"))
    })
}

/// Account and region.
pub(crate) type OwnedScope = (Option<String>, Option<String>);

/// Whose switches and lists count for a subnet: its owner's, in its region.
pub(crate) fn scope<'t>(
    context: &mut Context<'t>,
    item: &Item<'t>,
    realm: RealmId,
    zone: Option<&str>,
) -> OwnedScope {
    let arn = context.fields.text(item.node, "SubnetArn");
    let account = context.account_of(item);
    let region = context.region_of(item).or_else(|| zone.and_then(region_of_zone));
    let (account, region) = public_access::scope_of_arn(arn, account, region);
    let realm = &context.estate.network.realms[realm];
    let account = account.or(realm.account.as_deref()).map(str::to_owned);
    let region = region.or(realm.region.as_deref()).map(str::to_owned);
    (account, region)
}

fn scope_refs(scope: &OwnedScope) -> (Option<&str>, Option<&str>) {
    (scope.0.as_deref(), scope.1.as_deref())
}

/// The ACL at a subnet's edge; unknown when the input does not tell which one it is.
fn edge(
    context: &mut Context<'_>,
    subnet: &str,
    place: Node<'_>,
    acls: &BTreeMap<&str, &str>,
) -> LayerId {
    let acl = acls.get(subnet).and_then(|acl| context.guards.get(acl));
    let guard = acl.unwrap_or_else(|| {
        let id = format!("ACL of {subnet}");
        context.warn_missing(place, "the network ACL of subnet", subnet);
        context.unread_guard(&id, "network ACL", false)
    });
    context.layer(vec![guard])
}

/// The id of the ACL that each subnet is associated with.
fn acls_by_subnet<'t>(context: &mut Context<'t>) -> BTreeMap<&'t str, &'t str> {
    let mut acls = BTreeMap::new();
    for item in context.index.of(Kind::NetworkAcls) {
        for association in context.fields.objects(item.node, "Associations") {
            if let Some(subnet) = context.fields.text(association, "SubnetId") {
                acls.insert(subnet, item.id);
            }
        }
    }
    acls
}
