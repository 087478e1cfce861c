//! Addresses for what a plan makes: which ones it gets is known only after the plan is applied.
//!
//! One free address of the subnet stands for all of them. Where rules, lists or routes tell parts of
//! the subnet apart, no address does, which is said.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use watertight_net::Prefix;

use super::super::super::overlay::Overlay;
use super::super::super::{items, text};
use super::attachments;
use super::holders::Holders;

/// Stands where a private address will be, followed by who has it.
pub(super) const PRIVATE: &str = "planned:private:";
/// The same of a service that gets an IPv4 address alone.
pub(super) const SERVICE: &str = "planned:service:";
/// Stands between who has an address and which of its addresses it is.
pub(super) const PART: char = '\n';
/// Stands where a public address will be.
pub(super) const PUBLIC: &str = "planned:public:";
/// Stands where a public address will be if the subnet gives one to whoever is launched in it.
pub(super) const PUBLIC_BY_SUBNET: &str = "planned:subnet:";

/// The addresses at the beginning of a subnet that the provider keeps ("Subnet CIDR blocks", Amazon
/// VPC User Guide); the last one is kept, too.
const KEPT: u32 = 4;

/// How many addresses of a subnet are tried.
const TRIED_MAX: u32 = 1 << 16;

/// How many prefixes are named of those in which an address is taken not to be.
const NAMED_MAX: usize = 5;

/// Where public addresses are taken from: the first is one of the provider's own.
const PUBLIC_FIRST: Ipv4Addr = Ipv4Addr::new(44, 192, 0, 0);
/// The last before those that are shared (RFC 6598).
const PUBLIC_LAST: Ipv4Addr = Ipv4Addr::new(99, 255, 255, 255);

/// Puts addresses in place of what stands for them.
pub(super) fn fill(
    overlay: &mut Overlay<'_>,
    untold: &mut BTreeSet<(String, String)>,
    assumed: &mut BTreeSet<(String, String)>,
) {
    if overlay.added.is_empty() {
        return;
    }
    local_routes(overlay);
    balancers(overlay);
    let subnets: BTreeMap<String, Value> = overlay
        .all("Subnets")
        .into_iter()
        .filter_map(|one| Some((text(&one, "SubnetId")?.to_owned(), one)))
        .collect();
    attachments::add(overlay, &subnets, untold);
    realms(overlay, &subnets);
    let mut space = Space::new(overlay);
    let mut chosen: BTreeMap<String, Value> = BTreeMap::new();
    for (marker, subnet) in wanted(overlay) {
        let held = subnet.as_ref().and_then(|id| subnets.get(id));
        let of_service = marker.strip_prefix(SERVICE);
        if let Some(who) = marker.strip_prefix(PRIVATE).or(of_service) {
            let who = who.split(PART).next().unwrap_or(who);
            let block =
                held.and_then(|one| text(one, "CidrBlock")).and_then(|one| one.parse().ok());
            let found = block.and_then(|block| space.private(block));
            let Some((address, parts)) = found else {
                let why = "no free address of its subnet is known".to_owned();
                untold.insert((who.to_owned(), why));
                continue;
            };
            if let Some(part) = parts {
                let why = format!(
                    "its address is known after apply, and {part} is told apart from the rest of its subnet"
                );
                untold.insert((who.to_owned(), why));
            }
            let six = held.and_then(|one| one.get("AssignIpv6AddressOnCreation"));
            if of_service.is_none() && six == Some(&json!(true)) {
                let why = "its subnet gives it an IPv6 address that is known after apply";
                untold.insert((who.to_owned(), why.to_owned()));
            }
            chosen.insert(marker.clone(), json!(address.to_string()));
        } else {
            let by_subnet = marker.starts_with(PUBLIC_BY_SUBNET);
            let gives = held.and_then(|one| one.get("MapPublicIpOnLaunch"));
            let is_public = !by_subnet || gives == Some(&json!(true));
            let found = is_public.then(|| space.public());
            let who = marker.strip_prefix(PUBLIC).or(marker.strip_prefix(PUBLIC_BY_SUBNET));
            let who = who.and_then(|who| who.split(PART).next()).unwrap_or(&marker);
            if let Some(why) = found.and_then(untold_of_public) {
                untold.insert((who.to_owned(), why));
            }
            if let Some(what) = found.flatten().and_then(|(address, _)| space.beside(address)) {
                assumed.insert((who.to_owned(), what));
            }
            let address = found.flatten().map(|(address, _)| json!(address.to_string()));
            chosen.insert(marker.clone(), address.unwrap_or_default());
        }
    }
    overlay.replace(&chosen);
}

/// Everything that an address is wanted for, with the subnet that it is in.
fn wanted(overlay: &Overlay<'_>) -> Vec<(String, Option<String>)> {
    let mut found = BTreeMap::new();
    for list in ["NetworkInterfaces", "Instances", "LoadBalancers", "Addresses", "NatGateways"] {
        for item in overlay.all(list) {
            let subnet = text(&item, "SubnetId").map(str::to_owned);
            markers(&item, subnet, &mut found);
        }
    }
    found.into_iter().collect()
}

fn markers(value: &Value, subnet: Option<String>, found: &mut BTreeMap<String, Option<String>>) {
    match value {
        Value::String(text)
            if [PRIVATE, SERVICE, PUBLIC, PUBLIC_BY_SUBNET]
                .iter()
                .any(|start| text.starts_with(start)) =>
        {
            let known = found.entry(text.clone()).or_default();
            *known = known.take().or(subnet);
        }
        Value::Array(all) => all.iter().for_each(|one| markers(one, subnet.clone(), found)),
        Value::Object(fields) => {
            let subnet = text(value, "SubnetId").map(str::to_owned).or(subnet);
            fields.values().for_each(|one| markers(one, subnet.clone(), found));
        }
        _ => {}
    }
}

/// The addresses and prefixes that an estate speaks of.
struct Space {
    used: BTreeSet<IpAddr>,
    named: BTreeSet<Prefix>,
    /// Who names parts of the internet.
    holders: Holders,
    next_public: u32,
}

impl Space {
    fn new(overlay: &Overlay<'_>) -> Self {
        let texts = overlay.texts();
        let used: BTreeSet<IpAddr> = texts.iter().filter_map(|one| one.parse().ok()).collect();
        let prefixes = texts.iter().filter(|one| one.contains('/'));
        let named = prefixes.filter_map(|one| one.parse().ok()).collect();
        let holders = Holders::of(overlay);
        Self { used, named, holders, next_public: u32::from(PUBLIC_FIRST) }
    }

    /// A free address of a block, and a part of the block that is told apart from it.
    fn private(&mut self, block: Prefix) -> Option<(IpAddr, Option<Prefix>)> {
        let IpAddr::V4(first) = block.first() else { return None };
        let IpAddr::V4(last) = block.last() else { return None };
        let parts: Vec<Prefix> = self
            .named
            .iter()
            .filter(|one| block.covers(**one) && **one != block)
            .filter(|one| one.first() != one.last() || !self.used.contains(&one.first()))
            .copied()
            .collect();
        let from = u32::from(first).checked_add(KEPT)?;
        let to = u32::from(last).min(from.saturating_add(TRIED_MAX));
        let free = |number: &u32| !self.used.contains(&IpAddr::V4(Ipv4Addr::from(*number)));
        let whole = |number: &u32| {
            let address = IpAddr::V4(Ipv4Addr::from(*number));
            !parts.iter().any(|part| part.contains(address))
        };
        let all = || (from..to).filter(free);
        let number = all().find(whole).or_else(|| all().next())?;
        let address = IpAddr::V4(Ipv4Addr::from(number));
        self.used.insert(address);
        Some((address, parts.first().copied()))
    }

    /// A public address that as little as can be names, and a prefix that tells it from others.
    fn public(&mut self) -> Option<(IpAddr, Option<Prefix>)> {
        // At first named by none but the prefix of all addresses, at last by any but its own.
        let number = (0..32).find_map(|length| self.public_within(length))?;
        self.next_public = number.saturating_add(1);
        let address = IpAddr::V4(Ipv4Addr::from(number));
        self.used.insert(address);
        let naming = self.holders.prefixes().filter(|one| one.contains(address));
        Some((address, naming.max_by_key(|one| one.len())))
    }

    /// What is said of the prefixes in which an address is not, though the one that will be might.
    fn beside(&self, address: IpAddr) -> Option<String> {
        let others = self.holders.prefixes().filter(|one| !one.contains(address));
        let others: BTreeSet<Prefix> = others.collect();
        let some: Vec<String> = others.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        let more = match others.len().saturating_sub(some.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!some.is_empty()).then(|| {
            format!(
                "its public address is known after apply, and is taken to be in none of the parts of the internet \
                 that are named: {}{more}",
                some.join(", ")
            )
        })
    }

    /// The first that is free and in no prefix that is longer.
    fn public_within(&self, length: u8) -> Option<u32> {
        let mut number = self.next_public;
        while number <= u32::from(PUBLIC_LAST) {
            let address = IpAddr::V4(Ipv4Addr::from(number));
            let longer = self.naming(address).find(|one| one.len() > length);
            let IpAddr::V4(last) = longer.map_or(address, Prefix::last) else { return None };
            if longer.is_none() && !self.used.contains(&address) {
                return Some(number);
            }
            number = u32::from(last).checked_add(1)?;
        }
        None
    }

    /// The named prefixes of parts of the internet that hold an address, the longest first.
    fn naming(&self, address: IpAddr) -> impl Iterator<Item = Prefix> {
        let lengths = (1..=Prefix::host(address).len()).rev();
        let prefixes = lengths.filter_map(move |length| Prefix::masked(address, length).ok());
        prefixes.filter(|one| self.named.contains(one))
    }
}

/// Why a public address that was chosen may not stand for the one that will be.
fn untold_of_public(found: Option<(IpAddr, Option<Prefix>)>) -> Option<String> {
    match found {
        None => Some("no free public address is known".to_owned()),
        Some((_, part)) => part.map(|part| {
            format!(
                "its public address is known after apply, and {part} is told apart from the rest of the internet"
            )
        }),
    }
}

/// Gives load balancers that are made an address in each of their subnets.
fn balancers(overlay: &mut Overlay<'_>) {
    let added = overlay.added.clone();
    overlay.update("LoadBalancers", |item| {
        let Some(id) = text(item, "LoadBalancerArn").map(str::to_owned) else { return false };
        if !added.contains(&("LoadBalancers", id.clone())) {
            return false;
        }
        let is_public = text(item, "Scheme") == Some("internet-facing");
        let Some(Value::Array(zones)) = item.get_mut("AvailabilityZones") else { return false };
        for (place, zone) in zones.iter_mut().enumerate() {
            let public = is_public.then(|| format!("{PUBLIC}{id}{PART}{place}"));
            zone["LoadBalancerAddresses"] = json!([{
                "PrivateIPv4Address": format!("{PRIVATE}{id}{PART}{place}"), "IpAddress": public,
            }]);
        }
        true
    });
}

/// Says in which VPC interfaces and machines are that are made in subnets of the estate.
fn realms(overlay: &mut Overlay<'_>, subnets: &BTreeMap<String, Value>) {
    for list in ["NetworkInterfaces", "Instances"] {
        overlay.update(list, |item| {
            let subnet = text(item, "SubnetId").and_then(|id| subnets.get(id));
            let vpc = subnet.and_then(|subnet| text(subnet, "VpcId")).map(str::to_owned);
            match vpc {
                Some(vpc) if text(item, "VpcId").is_none() => {
                    item["VpcId"] = json!(vpc);
                    true
                }
                _ => false,
            }
        });
    }
}

/// Gives tables that are made in VPCs of the estate the routes that every table has.
fn local_routes(overlay: &mut Overlay<'_>) {
    let added = overlay.added.clone();
    let is_new = |item: &Value| {
        let id = text(item, "RouteTableId").unwrap_or_default().to_owned();
        added.contains(&("RouteTables", id))
    };
    if !overlay.all("RouteTables").iter().any(is_new) {
        return;
    }
    let vpcs = overlay.all("Vpcs");
    overlay.update("RouteTables", |item| {
        let is_local = |one: &Value| text(one, "GatewayId") == Some("local");
        if !is_new(item) || items(item, "Routes").any(is_local) {
            return false;
        }
        let own = text(item, "VpcId").map(str::to_owned);
        let vpc = vpcs.iter().find(|one| own.is_some() && text(one, "VpcId") == own.as_deref());
        let blocks = |list: &str, key: &'static str, name: &'static str| -> Vec<Value> {
            let all = vpc.into_iter().flat_map(|vpc| items(vpc, list));
            let all = all.filter_map(|one| text(one, key));
            all.map(|block| json!({name: block, "GatewayId": "local", "State": "active"})).collect()
        };
        let mut routes = blocks("CidrBlockAssociationSet", "CidrBlock", "DestinationCidrBlock");
        if routes.is_empty() {
            let first = vpc.and_then(|vpc| text(vpc, "CidrBlock"));
            routes.extend(first.map(|block| {
                json!({"DestinationCidrBlock": block, "GatewayId": "local", "State": "active"})
            }));
        }
        let six = "DestinationIpv6CidrBlock";
        routes.extend(blocks("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock", six));
        routes.extend(items(item, "Routes").cloned().collect::<Vec<Value>>());
        item["Routes"] = Value::Array(routes);
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A space in which each of some names some prefixes.
    fn held(holders: &[&[&str]]) -> Space {
        let parsed = |own: &&[&str]| own.iter().map(|one| one.parse().unwrap()).collect();
        let all: Vec<Vec<Prefix>> = holders.iter().map(parsed).collect();
        let named = all.iter().flatten().copied().collect();
        let holders = Holders::among(all);
        Space { used: BTreeSet::new(), named, holders, next_public: u32::from(PUBLIC_FIRST) }
    }

    fn space(named: &[&str]) -> Space {
        held(&[named])
    }

    /// Two halves of all addresses once left none, and what was public was taken for private.
    #[test]
    fn a_public_address_is_found_whatever_is_named() {
        let found = |named: &[&str]| {
            let (address, part) = space(named).public().unwrap();
            (address.to_string(), part.map(|one| one.to_string()))
        };
        let plain = |address: &str| (address.to_owned(), None);
        assert_eq!(found(&[]), plain("44.192.0.0"));
        assert_eq!(found(&["0.0.0.0/0"]), plain("44.192.0.0"));
        assert_eq!(found(&["44.192.0.0/11", "44.224.0.0/32"]), plain("44.224.0.1"));
        assert_eq!(found(&["0.0.0.0/1", "128.0.0.0/1"]), plain("44.192.0.0"));
        assert_eq!(found(&["0.0.0.0/1", "128.0.0.0/1", "44.0.0.0/8"]), plain("45.0.0.0"));
        let told = |part: &str| ("44.192.0.0".to_owned(), Some(part.to_owned()));
        assert_eq!(found(&["0.0.0.0/1"]), told("0.0.0.0/1"));
        assert_eq!(found(&["0.0.0.0/2", "64.0.0.0/2"]), told("0.0.0.0/2"));
        let quarters = ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"];
        assert_eq!(found(&quarters), plain("44.192.0.0"));
        let uneven =
            ["8.0.0.0/5", "0.0.0.0/5", "16.0.0.0/4", "32.0.0.0/3", "64.0.0.0/2", "128.0.0.0/1"];
        assert_eq!(found(&uneven), plain("64.0.0.0"));
    }

    /// Halves of the internet that two rules name tell addresses apart, and were once taken for all of it.
    #[test]
    fn parts_that_different_rules_name_tell_addresses_apart() {
        let part =
            |holders: &[&[&str]]| held(holders).public().unwrap().1.map(|one| one.to_string());
        assert_eq!(part(&[&["0.0.0.0/1"], &["128.0.0.0/1"]]), Some("0.0.0.0/1".to_owned()));
        let whole: &[&str] = &["0.0.0.0/1", "128.0.0.0/1"];
        assert_eq!(part(&[whole, &["0.0.0.0/0"]]), None);
        assert_eq!(part(&[whole, &["0.0.0.0/1"]]), Some("0.0.0.0/1".to_owned()));
    }

    #[test]
    fn what_is_named_beside_an_address_is_told() {
        let beside = |holders: &[&[&str]]| {
            let mut space = held(holders);
            let (address, _) = space.public().unwrap();
            space.beside(address)
        };
        assert_eq!(beside(&[&["0.0.0.0/0"], &["10.0.0.0/8"]]), None);
        assert_eq!(beside(&[&["0.0.0.0/1", "128.0.0.0/1"]]), None);
        let said = beside(&[&["203.0.113.0/24"], &["198.51.100.0/24", "203.0.113.0/24"]]).unwrap();
        assert!(said.ends_with("that are named: 198.51.100.0/24, 203.0.113.0/24"), "{said}");
        let many: Vec<String> = (1..=8).map(|one| format!("203.0.{one}.0/24")).collect();
        let many: Vec<&str> = many.iter().map(|one| &**one).collect();
        assert!(beside(&[&many]).unwrap().ends_with(" and 3 more"));
    }

    #[test]
    fn each_gets_a_public_address_of_its_own() {
        let mut space = space(&["0.0.0.0/1"]);
        let found: BTreeSet<IpAddr> = (0..300).map(|_| space.public().unwrap().0).collect();
        assert_eq!(found.len(), 300);
    }
}
