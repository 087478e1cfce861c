//! Where those are that get other addresses with their groups, and who names the ones that they have.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_compile::{Artifacts, Attachment, Through};
use watertight_model::Estate;
use watertight_net::{AddressSet, Prefix};
use watertight_source::Node;

use super::facts::Described;
use super::services::Service;
use super::value::value_of;
use crate::Body;

/// So many rules are named of each kind.
const NAMED_MAX: usize = 4;

/// Where what a resource makes may be, if it gets other addresses when its groups are set.
///
/// # Errors
/// Why that is not known.
pub(super) fn space(
    estate: &Estate,
    described: &Described<'_>,
    through: Option<&Through>,
) -> Result<Option<AddressSet>, String> {
    let found = through.and_then(|through| described.resources.find(through));
    let Some((_, resource)) = found.filter(|(service, _)| service.moves()) else { return Ok(None) };
    let mut prefixes: Vec<Prefix> = Vec::new();
    for id in &resource.subnets {
        let mut subnets = estate.network.subnets.values();
        let Some(subnet) = subnets.find(|subnet| *subnet.name == **id) else {
            return Err(format!(
                "it gets another address when its service sets its groups, and the input does not hold \
                 {id}, where it may be then"
            ));
        };
        prefixes.extend(subnet.prefixes.iter().copied());
    }
    Ok(Some(AddressSet::from_prefixes(prefixes)))
}

/// What is to be known of resources that move: that they do, and which rules of others name an address that they
/// have today, or a part of where they may be.
pub(super) fn notes(
    bodies: &[Body],
    described: &Described<'_>,
    (estate, artifacts): (&Estate, &Artifacts),
) -> Vec<String> {
    let mut moving: BTreeMap<&Through, Vec<&Attachment>> = BTreeMap::new();
    for one in &artifacts.attachments {
        let Some(through) = &one.through else { continue };
        let moves = Service::of(&through.kind).is_some_and(Service::moves);
        let wanted: BTreeSet<&str> = one.groups.iter().map(|name| name.0.as_str()).collect();
        let wanted: BTreeSet<&str> =
            wanted.into_iter().chain(one.others.iter().map(|id| &**id)).collect();
        if moves && wanted != one.before.iter().map(|id| &**id).collect() {
            moving.entry(through).or_default().push(one);
        }
    }
    if moving.is_empty() {
        return Vec::new();
    }
    let named = named_prefixes(bodies, described);
    let mut notes = Vec::new();
    for (through, attachments) in moving {
        let Ok(Some(space)) = space(estate, described, Some(through)) else { continue };
        let what = match Service::of(&through.kind) {
            Some(Service::SearchDomain) => "replaces its nodes at each of its steps",
            Some(Service::EcsService) => "replaces its tasks at each of its steps",
            _ => "uses other interfaces once its groups are set",
        };
        let endpoints: BTreeSet<&str> = attachments.iter().map(|one| &*one.endpoint).collect();
        let ends = estate.network.endpoints.values().filter(|one| endpoints.contains(&*one.name));
        let own: Vec<_> = ends.collect();
        notes.push(format!(
            "{} {} {what}: they have other addresses then",
            through.kind, through.id
        ));
        let parts = named.iter().filter(|(prefix, _)| {
            let set = AddressSet::from_prefix(**prefix);
            // What holds all of it says the same of where it may be as of where it is.
            set.intersects(&space) && !set.contains_set(&space.of_family(prefix.family()))
        });
        for (prefix, rules) in parts {
            let set = AddressSet::from_prefix(*prefix);
            let holds = |address: &std::net::IpAddr| set.contains(*address);
            let is_there = own.iter().any(|one| one.addresses.iter().any(holds));
            let holders = if is_there {
                "holds an address that it has now"
            } else {
                "holds none that it has now"
            };
            let mut list: Vec<&str> = rules.iter().take(NAMED_MAX).map(String::as_str).collect();
            let more = rules.len().saturating_sub(list.len());
            let more = format!("{more} more");
            if rules.len() > NAMED_MAX {
                list.push(&more);
            }
            notes.push(format!(
                "{} {}: {prefix} is a part of where it may be then, and {holders}: {} may mean something else of \
                 it afterwards",
                through.kind,
                through.id,
                list.join(", "),
            ));
        }
        notes.extend(elsewhere(estate, &own, (through, described)));
    }
    notes
}

/// That it may be in subnets in which it is not now, with other routes or other guards at their edges.
fn elsewhere(
    estate: &Estate,
    own: &[&watertight_model::network::Endpoint],
    (through, described): (&Through, &Described<'_>),
) -> Option<String> {
    let network = &estate.network;
    let (_, resource) = described.resources.find(through)?;
    let here: BTreeSet<_> = own.iter().filter_map(|one| one.subnet).collect();
    let sort = |id| network.subnets.get(id).map(|one| (one.table, &one.layers));
    let known: Vec<_> = here.iter().filter_map(|id| sort(*id)).collect();
    let others = network
        .subnets
        .iter()
        .filter(|(id, one)| resource.subnets.contains(&*one.name) && !here.contains(id));
    let others = others.filter(|(id, _)| sort(*id).is_none_or(|one| !known.contains(&one)));
    let names: Vec<&str> = others.map(|(_, one)| &*one.name).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} {} may be in {} then, where it is not now and where other routes or network ACLs are: what these \
             let through is not looked at",
            through.kind,
            through.id,
            names.join(", "),
        )
    })
}

/// The prefixes that rules of others' groups and entries of network ACLs name, with who names them.
fn named_prefixes(
    bodies: &[Body],
    described: &Described<'_>,
) -> BTreeMap<Prefix, BTreeSet<String>> {
    let mut found: BTreeMap<Prefix, BTreeSet<String>> = BTreeMap::new();
    let mut add = |text: Option<&str>, who: String| {
        if let Some(prefix) = text.and_then(|text| text.parse().ok()) {
            found.entry(prefix).or_default().insert(who);
        }
    };
    for (id, group) in described.groups(false) {
        for key in ["IpPermissions", "IpPermissionsEgress"] {
            for permission in group[key].as_array().into_iter().flatten() {
                for (list, key) in [("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")] {
                    for range in permission[list].as_array().into_iter().flatten() {
                        add(range[key].as_str(), format!("a rule of {id}"));
                    }
                }
            }
        }
    }
    for body in bodies {
        let acls = body.tree.root().get("NetworkAcls").into_iter().flat_map(Node::items);
        for acl in acls.map(value_of) {
            let id = acl["NetworkAclId"].as_str().unwrap_or_default().to_owned();
            let entries: &[Value] =
                acl["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
            for entry in entries {
                for key in ["CidrBlock", "Ipv6CidrBlock"] {
                    add(entry[key].as_str(), format!("an entry of {id}"));
                }
            }
        }
    }
    found
}
