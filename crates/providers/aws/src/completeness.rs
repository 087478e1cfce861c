//! Whether the input holds all interfaces of a subnet and all subnets of a VPC.
//!
//! An address that nobody has in the input is free only where the list of interfaces is whole. A
//! list counts as whole when a body of it was read for the owner's account and region, up to its
//! last page, and nothing else in the input names an interface (a subnet) that it does not hold.
//! `docs/reference/providers/aws.md` says so in the words of users.

use std::collections::BTreeSet;
use std::net::IpAddr;

use watertight_model::network::{EndpointRole, RealmId, SubnetId};
use watertight_source::{Kind as ValueKind, Node};

use crate::context::{Context, Ids};
use crate::index::{Index, Item};
use crate::lists::{is_listed, is_listed_for};
use crate::shapes::Kind;
use crate::subnet::{self, OwnedScope};

/// What exists only together with its interfaces and subnets, which it names.
const NAMING: [Kind; 14] = [
    Kind::NetworkInterfaces,
    Kind::Instances,
    Kind::RouteTables,
    Kind::NetworkAcls,
    Kind::NatGateways,
    Kind::VpcEndpoints,
    Kind::InstanceConnectEndpoints,
    Kind::TransitGatewayVpcAttachments,
    Kind::Addresses,
    Kind::LoadBalancers,
    Kind::MountTargets,
    Kind::RedshiftClusters,
    Kind::RedshiftWorkgroups,
    Kind::ContainerTasks,
];

/// States in which a resource, or a part of it, holds on to no interface and no subnet any more.
const GONE: [&str; 10] = [
    "blackhole",
    "deleted",
    "deleting",
    "detached",
    "detaching",
    "disassociated",
    "expired",
    "failed",
    "shutting-down",
    "terminated",
];

/// Sets [`Subnet::endpoints_read`](watertight_model::network::Subnet::endpoints_read) and
/// [`Realm::subnets_read`](watertight_model::network::Realm::subnets_read).
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let places = places(context);
    let listed = listed_realms(context);
    let mut missing = Missing::default();
    for kind in NAMING {
        for item in index.of(kind) {
            let (realms, places) = (&context.realms, places.as_slice());
            let mut finder = Finder { index, realms, item, places, missing: &mut missing };
            finder.visit(item.node, &Place::default());
        }
    }
    let network = &mut context.estate.network;
    for place in &places {
        network.subnets[place.subnet].endpoints_read =
            place.has_interfaces && !missing.interfaces_of.contains(&place.subnet);
        let realm = &mut network.realms[place.realm];
        // A VPC that is not in the input tells no owner: its subnets do.
        realm.subnets_read |= realm.origin.is_none() && place.has_subnets;
    }
    for realm in listed {
        network.realms[realm].subnets_read = true;
    }
    for subnet in network.subnets.values().filter(|subnet| subnet.origin.is_none()) {
        missing.subnets_of.insert(subnet.realm);
    }
    for realm in missing.subnets_of {
        network.realms[realm].subnets_read = false;
    }
    let of_input: BTreeSet<SubnetId> = places.iter().map(|place| place.subnet).collect();
    for endpoint in network.endpoints.values() {
        // Functions share interfaces, so that one which is inferred may be there already.
        if let (true, Some(subnet)) = (endpoint.inferred, endpoint.subnet)
            && endpoint.role != EndpointRole::InitiatesOnly
            && of_input.contains(&subnet)
        {
            network.subnets[subnet].endpoints_read = false;
        }
    }
}

/// A subnet of the input.
struct SubnetPlace<'t> {
    id: &'t str,
    vpc: &'t str,
    subnet: SubnetId,
    realm: RealmId,
    owner: OwnedScope,
    has_interfaces: bool,
    has_subnets: bool,
}

/// The subnets of the input, with what was asked about them.
fn places<'t>(context: &mut Context<'t>) -> Vec<SubnetPlace<'t>> {
    let index = context.index;
    let mut places = Vec::new();
    for item in index.of(Kind::Subnets) {
        let Some(subnet) = context.subnets.get(item.id) else { continue };
        let Some(vpc) = item.node.get("VpcId").and_then(Node::as_str) else { continue };
        let realm = context.estate.network.subnets[subnet].realm;
        let zone = item.node.get("AvailabilityZone").and_then(Node::as_str);
        let owner = subnet::scope(context, item, realm, zone);
        let has = |kind| is_listed(index, kind, &owner, item.scope);
        let (has_interfaces, has_subnets) = (has(Kind::NetworkInterfaces), has(Kind::Subnets));
        places.push(SubnetPlace {
            id: item.id,
            vpc,
            subnet,
            realm,
            owner,
            has_interfaces,
            has_subnets,
        });
    }
    places
}

/// The VPCs of the input whose owners' subnets were asked for.
fn listed_realms(context: &Context<'_>) -> Vec<RealmId> {
    let vpcs = context.index.of(Kind::Vpcs).iter();
    let realms = vpcs.filter_map(|item| context.realms.get(item.id));
    realms.filter(|realm| is_listed_for(context, Kind::Subnets, *realm)).collect()
}

/// Where interfaces and subnets are missing.
#[derive(Default)]
struct Missing {
    interfaces_of: BTreeSet<SubnetId>,
    subnets_of: BTreeSet<RealmId>,
}

/// What the objects around a name tell about where it is.
#[derive(Clone, Copy, Default)]
struct Place<'t> {
    vpc: Option<&'t str>,
    subnets: Subnets<'t>,
    address: Option<IpAddr>,
}

/// The subnets that an object tells.
#[derive(Clone, Copy, Default)]
enum Subnets<'t> {
    #[default]
    Untold,
    One(&'t str),
    Listed(Node<'t>),
}

impl<'t> Subnets<'t> {
    fn ids(self) -> impl Iterator<Item = &'t str> {
        let (one, list) = match self {
            Self::Untold => (None, None),
            Self::One(id) => (Some(id), None),
            Self::Listed(list) => (None, Some(list)),
        };
        let listed = list.into_iter().flat_map(Node::items).filter_map(Node::as_str);
        one.into_iter().chain(listed)
    }
}

struct Finder<'f, 't> {
    index: &'f Index<'t>,
    realms: &'f Ids<RealmId>,
    item: &'f Item<'t>,
    places: &'f [SubnetPlace<'t>],
    missing: &'f mut Missing,
}

impl<'t> Finder<'_, 't> {
    /// Looks for names of interfaces and subnets in an object and in what it holds.
    fn visit(&mut self, node: Node<'t>, around: &Place<'t>) {
        let Some(place) = place_of(node, around) else { return };
        for entry in node.entries() {
            match entry.key {
                "NetworkInterfaceId" | "networkInterfaceId" => {
                    self.interface(entry.value.as_str(), &place);
                }
                "NetworkInterfaceIds" => {
                    for id in entry.value.items() {
                        self.interface(id.as_str(), &place);
                    }
                }
                "SubnetId" | "subnetId" => self.subnet(entry.value.as_str(), &place),
                "SubnetIds" => {
                    for id in entry.value.items() {
                        self.subnet(id.as_str(), &place);
                    }
                }
                _ if entry.value.kind() == ValueKind::Object => self.visit(entry.value, &place),
                _ => {
                    for inner in entry.value.items() {
                        self.visit(inner, &place);
                    }
                }
            }
        }
    }

    fn interface(&mut self, id: Option<&str>, place: &Place<'t>) {
        let Some(id) = id.filter(|id| !id.is_empty()) else { return };
        if self.index.find(Kind::NetworkInterfaces, id).is_some() {
            return;
        }
        for one in self.places {
            let is_there = if place.subnets.ids().next().is_some() {
                place.subnets.ids().any(|id| id == one.id)
            } else if let Some(vpc) = place.vpc {
                one.vpc == vpc
            } else {
                self.is_near(one)
            };
            if is_there && self.could_hold(one, place.address) {
                self.missing.interfaces_of.insert(one.subnet);
            }
        }
    }

    fn subnet(&mut self, id: Option<&str>, place: &Place<'t>) {
        let Some(id) = id.filter(|id| !id.is_empty()) else { return };
        if self.index.find(Kind::Subnets, id).is_some() {
            return;
        }
        if let Some(vpc) = place.vpc {
            self.missing.subnets_of.extend(self.realms.get(vpc));
            return;
        }
        let near = self.places.iter().filter(|one| self.is_near(one));
        let realms: Vec<RealmId> = near.map(|one| one.realm).collect();
        self.missing.subnets_of.extend(realms);
    }

    /// Whether a subnet could be in the account and region of the body.
    fn is_near(&self, one: &SubnetPlace<'t>) -> bool {
        let fits = |left: Option<&str>, right: Option<&str>| {
            left.is_none() || right.is_none() || left == right
        };
        let scope = self.item.scope;
        fits(scope.region.as_deref(), one.owner.1.as_deref())
    }

    /// Whether an address, where one is told, is one of the subnet.
    fn could_hold(&self, one: &SubnetPlace<'t>, address: Option<IpAddr>) -> bool {
        let Some(address) = address else { return true };
        let cidr =
            self.index.find(Kind::Subnets, one.id).and_then(|item| item.node.get("CidrBlock"));
        let prefix = cidr.and_then(Node::as_str).and_then(|text| text.parse().ok());
        prefix.is_none_or(|prefix: watertight_net::Prefix| prefix.contains(address))
    }
}

/// Whether a state says that what has it is not there any more.
fn is_gone(state: Node<'_>) -> bool {
    let says = |value: Node<'_>| {
        let text = value.as_str();
        text.is_some_and(|text| GONE.iter().any(|gone| text.eq_ignore_ascii_case(gone)))
    };
    says(state) || ["Name", "Code", "State"].iter().any(|key| state.get(key).is_some_and(says))
}

/// Where an object is, by itself and what is around it; nothing where it says that it is not there any more.
/// Every object of the input is asked, so that each of its keys is looked at once.
fn place_of<'t>(node: Node<'t>, around: &Place<'t>) -> Option<Place<'t>> {
    let (mut vpc, mut subnet) = ([None; 2], [None; 2]);
    let (mut subnets, mut address) = (None, None);
    for entry in node.entries() {
        let text = || entry.value.as_str();
        match entry.key {
            "State" | "Status" | "LifeCycleState" | "AssociationState" | "lastStatus"
                if is_gone(entry.value) =>
            {
                return None;
            }
            "VpcId" => vpc[0] = text(),
            "vpcId" => vpc[1] = text(),
            "SubnetId" => subnet[0] = text(),
            "subnetId" => subnet[1] = text(),
            "SubnetIds" => subnets = Some(Subnets::Listed(entry.value)),
            "PrivateIpAddress" => address = text().and_then(|text| text.parse().ok()),
            _ => {}
        }
    }
    let told = subnet[0].or(subnet[1]).map(Subnets::One).or(subnets);
    Some(Place {
        vpc: vpc[0].or(vpc[1]).or(around.vpc),
        subnets: told.unwrap_or(around.subnets),
        address: address.or(around.address),
    })
}
