//! One change to an estate, as somebody makes one, for differences.

use serde_json::{Value, json};

use super::random::Random;

/// A change to an estate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each name says what it is")]
pub enum Mutation {
    RuleAdded,
    RuleRemoved,
    RuleChanged,
    EntryRemoved,
    EntryDenies,
    RouteRemoved,
    TransitRouteRemoved,
    GroupMoved,
    PublicAddressTaken,
    InterfaceRemoved,
    PeeringDeleted,
    NatDeleted,
    TargetFails,
    ListenerRemoved,
    ForwardingBegins,
}

const MUTATIONS: [Mutation; 24] = [
    Mutation::RuleAdded,
    Mutation::RuleAdded,
    Mutation::RuleAdded,
    Mutation::RuleRemoved,
    Mutation::RuleRemoved,
    Mutation::RuleRemoved,
    Mutation::RuleChanged,
    Mutation::RuleChanged,
    Mutation::RuleChanged,
    Mutation::EntryRemoved,
    Mutation::EntryDenies,
    Mutation::RouteRemoved,
    Mutation::RouteRemoved,
    Mutation::RouteRemoved,
    Mutation::TransitRouteRemoved,
    Mutation::GroupMoved,
    Mutation::GroupMoved,
    Mutation::PublicAddressTaken,
    Mutation::InterfaceRemoved,
    Mutation::PeeringDeleted,
    Mutation::NatDeleted,
    Mutation::TargetFails,
    Mutation::ListenerRemoved,
    Mutation::ForwardingBegins,
];

/// How often a change is drawn anew where the estate has nothing that it could change.
const TRIES_MAX: usize = 40;

type Files = Vec<(String, Value)>;

/// The estate with one change, and which; the same seed gives the same change.
pub fn mutated(files: &[(String, Value)], seed: u64) -> (Files, Option<Mutation>) {
    let mut random = Random::new(seed ^ 0x6d75_7461_7465);
    for _ in 0..TRIES_MAX {
        let mut changed = files.to_vec();
        let mutation = random.pick(&MUTATIONS).copied();
        let done = mutation.and_then(|one| apply(&mut random, &mut changed, one));
        if done.is_some() && changed != files {
            return (changed, mutation);
        }
    }
    (files.to_vec(), None)
}

fn apply(random: &mut Random, files: &mut Files, mutation: Mutation) -> Option<()> {
    match mutation {
        Mutation::RuleAdded => {
            let rule = some_rule(random, files)?;
            some_rules(random, files)?.push(rule);
        }
        Mutation::RuleRemoved => {
            let rules = some_rules(random, files)?;
            remove_one(random, rules)?;
        }
        Mutation::RuleChanged => change_rule(random, files)?,
        Mutation::EntryRemoved => {
            let entries = some(random, files, "NetworkAcls")?.get_mut("Entries")?.as_array_mut()?;
            remove_one(random, entries)?;
        }
        Mutation::EntryDenies => {
            let acl = some(random, files, "NetworkAcls")?;
            let entry = pick_mut(random, acl.get_mut("Entries")?.as_array_mut()?)?;
            entry["RuleAction"] = json!("deny");
        }
        Mutation::RouteRemoved => {
            let routes = some(random, files, "RouteTables")?.get_mut("Routes")?.as_array_mut()?;
            let at = random.below(routes.len());
            // The local routes stay as long as the VPC.
            if routes.get(at)?["GatewayId"] == "local" {
                return None;
            }
            routes.remove(at);
        }
        Mutation::TransitRouteRemoved => {
            let tables =
                files.iter_mut().filter(|(path, _)| path.contains("transit-gateway-route"));
            let mut tables: Vec<&mut Value> =
                tables.filter_map(|(_, body)| body.get_mut("Routes")).collect();
            let at = random.below(tables.len());
            remove_one(random, tables.get_mut(at)?.as_array_mut()?)?;
        }
        Mutation::GroupMoved => move_group(random, files)?,
        Mutation::PublicAddressTaken => take_public_address(random, files)?,
        Mutation::InterfaceRemoved => remove_interface(random, files)?,
        Mutation::PeeringDeleted => {
            some(random, files, "VpcPeeringConnections")?["Status"]["Code"] = json!("deleted");
        }
        Mutation::NatDeleted => some(random, files, "NatGateways")?["State"] = json!("deleted"),
        Mutation::TargetFails => {
            some(random, files, "TargetHealthDescriptions")?["TargetHealth"]["State"] =
                json!("unhealthy");
        }
        Mutation::ListenerRemoved => {
            let mut lists = lists(files, "Listeners");
            let at = random.below(lists.len());
            remove_one(random, lists.get_mut(at)?)?;
        }
        Mutation::ForwardingBegins => {
            let interface = some(random, files, "NetworkInterfaces")?;
            if interface["Attachment"].is_null() {
                return None;
            }
            interface["SourceDestCheck"] = json!(false);
        }
    }
    Some(())
}

fn lists<'f>(files: &'f mut Files, key: &str) -> Vec<&'f mut Vec<Value>> {
    let bodies = files.iter_mut().filter_map(|(_, body)| body.get_mut(key));
    bodies.filter_map(Value::as_array_mut).collect()
}

/// One resource of a kind.
fn some<'f>(random: &mut Random, files: &'f mut Files, key: &str) -> Option<&'f mut Value> {
    let mut all: Vec<&mut Value> = lists(files, key).into_iter().flatten().collect();
    let at = random.below(all.len());
    (at < all.len()).then(|| all.swap_remove(at))
}

fn pick_mut<'v>(random: &mut Random, list: &'v mut [Value]) -> Option<&'v mut Value> {
    let at = random.below(list.len());
    list.get_mut(at)
}

fn remove_one(random: &mut Random, list: &mut Vec<Value>) -> Option<Value> {
    let at = random.below(list.len());
    (at < list.len()).then(|| list.remove(at))
}

/// The rules of one group that some interface has, mostly those of ingress.
fn some_rules<'f>(random: &mut Random, files: &'f mut Files) -> Option<&'f mut Vec<Value>> {
    let key = if random.chance(75) { "IpPermissions" } else { "IpPermissionsEgress" };
    let interface = some(random, files, "NetworkInterfaces")?;
    let group = pick_mut(random, interface.get_mut("Groups")?.as_array_mut()?)?["GroupId"].clone();
    let mut groups = lists(files, "SecurityGroups").into_iter().flatten();
    groups.find(|one| one["GroupId"] == group)?.get_mut(key)?.as_array_mut()
}

fn some_rule(random: &mut Random, files: &mut Files) -> Option<Value> {
    let rules = some_rules(random, files)?;
    pick_mut(random, rules).cloned()
}

/// Other ports, or the peer of another rule.
fn change_rule(random: &mut Random, files: &mut Files) -> Option<()> {
    let other = some_rule(random, files)?;
    let rules = some_rules(random, files)?;
    let rule = pick_mut(random, rules)?;
    let keys: &[&str] = if random.chance(50) {
        &["IpProtocol", "FromPort", "ToPort"]
    } else {
        &["UserIdGroupPairs", "IpRanges", "Ipv6Ranges", "PrefixListIds"]
    };
    let rule = rule.as_object_mut()?;
    for key in keys {
        match other.get(*key) {
            Some(value) => rule.insert((*key).to_owned(), value.clone()),
            None => rule.remove(*key),
        };
    }
    Some(())
}

/// An interface gets the groups of another one in its VPC.
fn move_group(random: &mut Random, files: &mut Files) -> Option<()> {
    let other = some(random, files, "NetworkInterfaces")?.clone();
    let mut all: Vec<&mut Value> =
        lists(files, "NetworkInterfaces").into_iter().flatten().collect();
    all.retain(|one| one["VpcId"] == other["VpcId"] && one["Groups"] != json!([]));
    let at = random.below(all.len());
    let interface = all.get_mut(at)?;
    // Without groups an interface would be no interface that can be drawn.
    if other["Groups"] == json!([]) {
        return None;
    }
    interface["Groups"] = other["Groups"].clone();
    Some(())
}

fn take_public_address(random: &mut Random, files: &mut Files) -> Option<()> {
    let mut all: Vec<&mut Value> =
        lists(files, "NetworkInterfaces").into_iter().flatten().collect();
    all.retain(|one| !one["Association"].is_null());
    let at = random.below(all.len());
    let interface = all.get_mut(at)?;
    let public = interface["Association"]["PublicIp"].clone();
    interface.as_object_mut()?.remove("Association");
    for address in interface.get_mut("PrivateIpAddresses")?.as_array_mut()? {
        address.as_object_mut()?.remove("Association");
    }
    for addresses in lists(files, "Addresses") {
        addresses.retain(|one| one["PublicIp"] != public);
    }
    for nat in lists(files, "NatGateways").into_iter().flatten() {
        let addresses = nat.get_mut("NatGatewayAddresses").and_then(Value::as_array_mut)?;
        // A NAT gateway keeps its address as long as it is there.
        if addresses.iter().any(|one| one["PublicIp"] == public) {
            return None;
        }
    }
    Some(())
}

/// Removes the interface of no instance or of an instance that goes with it.
fn remove_interface(random: &mut Random, files: &mut Files) -> Option<()> {
    let chosen = some(random, files, "NetworkInterfaces")?.clone();
    let instance = chosen["Attachment"]["InstanceId"].clone();
    let service = chosen["RequesterManaged"] == json!(true);
    if service {
        return None;
    }
    for interfaces in lists(files, "NetworkInterfaces") {
        interfaces.retain(|one| {
            let same = !instance.is_null() && one["Attachment"]["InstanceId"] == instance;
            one["NetworkInterfaceId"] != chosen["NetworkInterfaceId"] && !same
        });
    }
    for addresses in lists(files, "Addresses") {
        addresses.retain(|one| one["NetworkInterfaceId"] != chosen["NetworkInterfaceId"]);
    }
    for reservations in lists(files, "Reservations") {
        reservations.retain(|one| one["Instances"][0]["InstanceId"] != instance);
    }
    // What is terminated is no longer registered as a target.
    for targets in lists(files, "TargetHealthDescriptions") {
        targets.retain(|one| {
            let id = &one["Target"]["Id"];
            *id != instance && *id != chosen["PrivateIpAddress"]
        });
    }
    Some(())
}
