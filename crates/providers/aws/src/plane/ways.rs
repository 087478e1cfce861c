//! What a plan reads of the ways between VPCs: peerings, transit gateways with their tables, and the
//! prefix lists that routes and rules name.
//!
//! What the input does not hold is not read, and so not asked again. What does not work is told as if it
//! were not there: it vanishes some time after it has ended.
//!
//! Sources: Amazon EC2 API reference, `VpcPeeringConnection`, `TransitGatewayAttachment`,
//! `TransitGatewayVpcAttachment`, `TransitGatewayRoute`, `TransitGatewayRouteTableAssociation`,
//! `TransitGatewayRouteTablePropagation`, `TransitGatewayPrefixListReference`, `ManagedPrefixList`,
//! `PrefixListEntry` and `PrefixList`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_compile::{Artifacts, Read, ReadKind, RulePeer};
use watertight_source::Node;

use super::aspects::{ASPECTS, Asked, Aspect};
use super::facts::Facts;
use super::value::value_of;
use crate::Body;
use crate::scope::Scope;

/// An account and a region.
type Place = (String, String);

/// A body that tells an aspect.
struct Told<'b> {
    aspect: &'static Aspect,
    /// What it is about, where one body is about one thing.
    about: Option<String>,
    items: Vec<Node<'b>>,
}

/// Everything that bodies tell of ways, by who tells it.
struct Tellers<'b> {
    by_place: BTreeMap<Place, Vec<Told<'b>>>,
    /// The account of each transit gateway, where it is told.
    owners: BTreeMap<String, String>,
}

/// What is read of the ways from and to VPCs, which are at `places`. What else is read is `known`.
pub(super) fn reads(
    bodies: &[Body],
    places: &BTreeMap<&str, Place>,
    (artifacts, known): (&Artifacts, &[Read]),
) -> Vec<Read> {
    let own: BTreeSet<&Place> = places.values().collect();
    let Some(first) = own.first().copied() else { return Vec::new() };
    let tellers = Tellers::of(bodies, first);
    let mut reads = Vec::new();
    for id in tellers.peerings(places) {
        reads.extend(tellers.read((ReadKind::Peering, &id), &own, None));
    }
    let gateways = tellers.gateways(places, known);
    for id in &gateways {
        let owner = tellers.owners.get(id).map(String::as_str);
        reads.extend(tellers.read((ReadKind::Transit, id), &own, owner));
    }
    for (table, gateway) in tellers.tables() {
        if gateways.contains(&gateway) {
            let owner = tellers.owners.get(&gateway).map(String::as_str);
            reads.extend(tellers.read((ReadKind::TransitRoutes, &table), &own, owner));
        }
    }
    let peers = artifacts.groups.iter().flat_map(|group| group.ingress.iter().chain(&group.egress));
    let peers = peers.filter_map(|rule| match &rule.peer {
        RulePeer::Group(name) => Some(name.0.as_str()),
        RulePeer::Prefix(_) => None,
    });
    let named = known.iter().chain(&reads).flat_map(|read| read.facts.values().flatten());
    let named = named.flat_map(|fact| fact.split([' ', ',']));
    let lists: BTreeSet<String> =
        peers.chain(named).filter(|word| word.starts_with("pl-")).map(ToOwned::to_owned).collect();
    for id in lists {
        reads.extend(tellers.read((ReadKind::PrefixList, &id), &own, None));
    }
    reads
}

impl<'b> Tellers<'b> {
    /// Sorts bodies; one whose path tells no place is of the place `usual`.
    fn of(bodies: &'b [Body], usual: &Place) -> Self {
        let mut by_place: BTreeMap<Place, Vec<Told<'b>>> = BTreeMap::new();
        let mut owners = BTreeMap::new();
        for body in bodies {
            let scope = Scope::of_path(&body.path);
            let account = scope.account.as_deref().unwrap_or(&usual.0);
            let region = scope.region.as_deref().unwrap_or(&usual.1);
            let place = (account.to_owned(), region.to_owned());
            for aspect in ASPECTS {
                let Some(list) = body.tree.root().get(aspect.list) else { continue };
                let items: Vec<Node<'b>> = list.items().collect();
                let about = match aspect.asked {
                    Asked::Filter(_) => None,
                    Asked::Parameter(key) => {
                        let call = aspect.call.strip_prefix("ec2-").unwrap_or(aspect.call);
                        let told = body.tree.root().get(key).and_then(Node::as_str);
                        let Some(about) = scope.parameter(call).or(told) else { continue };
                        Some(about.to_owned())
                    }
                };
                let has = |item: &Node<'_>| aspect.needs.iter().any(|key| item.get(key).is_some());
                if !aspect.needs.is_empty() && items.first().is_some_and(|item| !has(item)) {
                    continue;
                }
                for item in items.iter().filter(|_| aspect.kind == ReadKind::Transit) {
                    let owner = ["TransitGatewayOwnerId", "OwnerId"];
                    let owner = owner.iter().find_map(|key| item.get(key).and_then(Node::as_str));
                    let id = item.get("TransitGatewayId").and_then(Node::as_str);
                    let both = id.zip(owner);
                    owners.extend(both.map(|(id, owner)| (id.to_owned(), owner.to_owned())));
                }
                by_place.entry(place.clone()).or_default().push(Told { aspect, about, items });
            }
        }
        // What tells tables tells no owner of its own.
        Self { by_place, owners }
    }

    /// The items of a list, whoever tells them.
    fn items(&self, call: &'static str) -> impl Iterator<Item = Node<'b>> {
        let all = self.by_place.values().flatten();
        all.filter(move |told| told.aspect.call == call).flat_map(|told| told.items.iter().copied())
    }

    /// The peerings of VPCs.
    fn peerings(&self, places: &BTreeMap<&str, Place>) -> BTreeSet<String> {
        let found = self.items("ec2-describe-vpc-peering-connections").filter_map(|item| {
            let sides = ["RequesterVpcInfo", "AccepterVpcInfo"].into_iter();
            let mut vpcs = sides.filter_map(|side| text(item.get(side)?, "VpcId"));
            let id = text(item, "VpcPeeringConnectionId")?;
            vpcs.any(|vpc| places.contains_key(vpc)).then(|| id.to_owned())
        });
        found.collect()
    }

    /// The transit gateways that VPCs are attached to or have routes to, and those that these are peered
    /// with.
    fn gateways(&self, places: &BTreeMap<&str, Place>, known: &[Read]) -> BTreeSet<String> {
        let routes = known.iter().filter(|read| read.what == ReadKind::Routes);
        let words = routes.flat_map(|read| read.facts.get("routes").into_iter().flatten());
        let words = words.flat_map(|route| route.split([' ', ',']));
        let mut found: BTreeSet<String> =
            words.filter(|word| word.starts_with("tgw-")).map(ToOwned::to_owned).collect();
        let attached = |call: &'static str, key: &'static str| {
            let of = self.items(call).filter(move |item| {
                text(*item, key).is_some_and(|resource| places.contains_key(resource))
            });
            of.filter_map(|item| text(item, "TransitGatewayId")).map(ToOwned::to_owned)
        };
        found.extend(attached("ec2-describe-transit-gateway-attachments", "ResourceId"));
        found.extend(attached("ec2-describe-transit-gateway-vpc-attachments", "VpcId"));
        let peered = self.items("ec2-describe-transit-gateway-attachments").filter_map(|item| {
            let pair = (text(item, "TransitGatewayId")?, text(item, "ResourceId")?);
            pair.1.starts_with("tgw-").then_some(pair)
        });
        let peered: Vec<(&str, &str)> = peered.filter(|(one, other)| one != other).collect();
        loop {
            let ends = peered.iter().flat_map(|(one, other)| [(*one, *other), (*other, *one)]);
            let more = ends.filter(|(one, other)| found.contains(*one) && !found.contains(*other));
            let more: BTreeSet<String> = more.map(|(_, other)| other.to_owned()).collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }

    /// The tables of transit gateways, each with its gateway.
    fn tables(&self) -> BTreeMap<String, String> {
        let tables = self.items("ec2-describe-transit-gateway-route-tables");
        let both = tables.filter_map(|item| {
            let gateway = text(item, "TransitGatewayId")?;
            Some((text(item, "TransitGatewayRouteTableId")?.to_owned(), gateway.to_owned()))
        });
        both.collect()
    }

    /// What is read of one thing: by its owner, else in a place of the plan, else by anybody.
    fn read(
        &self,
        (what, id): (ReadKind, &str),
        own: &BTreeSet<&Place>,
        owner: Option<&str>,
    ) -> Option<Read> {
        let rank = |place: &Place| (owner != Some(place.0.as_str()), !own.contains(place));
        let told = self.by_place.iter().filter_map(|(place, told)| {
            let facts = facts_of(told, (what, id))?;
            Some((rank(place), place, facts))
        });
        let (_, (account, region), facts) = told.min_by(|one, other| one.0.cmp(&other.0))?;
        let (account, region) = (account.clone(), region.clone());
        Some(Read { what, id: id.to_owned(), account, region, facts })
    }
}

/// What one place tells of one thing; nothing where it tells nothing of it.
fn facts_of(told: &[Told<'_>], (what, id): (ReadKind, &str)) -> Option<Facts> {
    let mut found = Found::default();
    let mut is_told = false;
    for told in told.iter().filter(|told| told.aspect.kind == what) {
        let is_about = |item: &Node<'_>| match &told.about {
            Some(_) => true,
            None => text(*item, told.aspect.field) == Some(id),
        };
        if told.about.as_ref().is_some_and(|about| about != id) {
            continue;
        }
        let items: Vec<Value> =
            told.items.iter().filter(|item| is_about(item)).map(|item| value_of(*item)).collect();
        is_told |= told.about.is_some() || !items.is_empty();
        found.add(told.aspect, &items);
    }
    let mut facts = found.facts();
    if facts.contains_key("entries") {
        // What a list holds says more than its version, and another call tells it again.
        facts.remove("version");
        facts.remove("networks");
    }
    is_told.then_some(facts).filter(|facts| !facts.is_empty())
}

/// What was found of one thing in several answers.
#[derive(Debug, Clone, Default)]
pub struct Found(BTreeMap<&'static str, BTreeSet<String>>);

impl Found {
    /// Adds what the items that are about it tell of an aspect.
    pub fn add(&mut self, aspect: &Aspect, items: &[Value]) {
        for key in aspect.keys {
            self.0.entry(key).or_default();
        }
        for (key, fact) in items.iter().flat_map(|item| (aspect.tell)(item)) {
            self.0.entry(key).or_default().insert(fact);
        }
    }

    /// All of it, in order.
    pub fn facts(self) -> Facts {
        let each = self.0.into_iter();
        each.map(|(key, facts)| (key.to_owned(), facts.into_iter().collect())).collect()
    }
}

fn text<'n>(node: Node<'n>, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_str)
}
