//! Search domains in networks: with other groups their nodes are replaced by others at other addresses, in the
//! service's own time, and meanwhile nothing else is taken.
//!
//! Sources: Amazon OpenSearch Service API reference (`UpdateDomainConfig` and its errors, `DescribeDomains`,
//! `ChangeProgressDetails`); Amazon OpenSearch Service developer guide ("Making configuration changes in Amazon
//! OpenSearch Service").

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::state::{Held, Interface};
use super::tasks::subnets;
use super::{Fault, Strictness};
use crate::aws_server::call::{Asked, text};
use crate::aws_server::http::{Request, decoded};
use crate::aws_server::recording::Recording;

const UPDATE: &str = "UpdateDomainConfig";
const CALL: &str = "opensearch-describe-domains";

/// Domains, and where their nodes may be.
#[derive(Debug, Clone, Default)]
pub(super) struct Domains {
    /// By name.
    known: BTreeMap<String, Domain>,
    /// The VPC and the first address of each subnet.
    subnets: BTreeMap<String, (String, Ipv4Addr)>,
    /// How many interfaces were made.
    made: u32,
}

/// A domain: its recorded body, and what it is about.
#[derive(Debug, Clone)]
struct Domain {
    body: Value,
    /// The options that come in place of its own, and how many lists do not show them yet.
    coming: Option<(Value, usize)>,
    /// Whether what comes is found wrong then.
    fails: bool,
    /// Whether what came last was.
    failed: bool,
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(|one| text(one).to_owned()).collect()
}

fn setting<'v>(body: &'v Value, key: &str) -> &'v Value {
    &body["VPCOptions"][key]
}

impl Domains {
    /// What recorded bodies tell.
    pub(super) fn read(recording: &Recording, place: (&str, &str)) -> Self {
        let mut domains = Self { subnets: subnets(recording, place), ..Self::default() };
        for body in recording.items(place, CALL, "DomainStatusList") {
            let name = text(&body["DomainName"]).to_owned();
            let domain = Domain { body, coming: None, fails: false, failed: false };
            domains.known.insert(name, domain);
        }
        domains
    }
}

/// Whether an interface is that of a domain.
pub(super) fn is_own(interface: &Interface) -> bool {
    text(&interface.body["Description"]).starts_with("ES ")
}

/// The name of the domain whose configuration a request is about.
fn asked(request: &Request) -> Option<String> {
    let path = request.path.strip_prefix("/2021-01-01/opensearch/domain/")?;
    Some(decoded(path.strip_suffix("/config")?))
}

/// Whether a request asks for another configuration of a domain.
pub(super) fn is_asked(request: &Request) -> Option<&'static str> {
    (request.method == "POST" && asked(request).is_some()).then_some(UPDATE)
}

/// Starts to give a domain another configuration.
pub(super) fn update(held: &mut Held, request: &Request, most: &Strictness) -> Result<(), Fault> {
    let name = asked(request).unwrap_or_default();
    let given: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let invalid = || Fault::new("ValidationException");
    let known = held.domains.known.get(&name);
    let known = known.ok_or(Fault { status: 409, code: "ResourceNotFoundException" })?;
    // One change at a time, and a domain outside of networks never comes into one.
    if known.coming.is_some() || !known.body["VPCOptions"].is_object() {
        return Err(invalid());
    }
    let fields = |value: &Value| -> BTreeSet<String> {
        value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
    };
    let options = ["EgressEnabled", "SecurityGroupIds", "SubnetIds"];
    if fields(&given) != BTreeSet::from([String::from("VPCOptions")])
        || !fields(&given["VPCOptions"]).iter().all(|key| options.contains(&key.as_str()))
    {
        return Err(invalid());
    }
    let (groups, subnets) =
        (texts(setting(&given, "SecurityGroupIds")), texts(setting(&given, "SubnetIds")));
    let vpcs: Option<BTreeSet<String>> =
        subnets.iter().map(|id| held.domains.subnets.get(id).map(|(vpc, _)| vpc.clone())).collect();
    let vpcs = vpcs.filter(|vpcs| vpcs.len() == 1).ok_or_else(invalid)?;
    let is_there = |id: &String| held.groups.get(id).is_some_and(|one| vpcs.contains(&one.vpc));
    if groups.is_empty() || groups.len() > most.groups_max || !groups.iter().all(is_there) {
        return Err(invalid());
    }
    let Some(domain) = held.domains.known.get_mut(&name) else { return Err(invalid()) };
    let mut options = domain.body["VPCOptions"].clone();
    options["SecurityGroupIds"] = json!(groups);
    options["SubnetIds"] = json!(subnets);
    // What is not given again is as it is for a new domain.
    options["EgressEnabled"] = json!(setting(&given, "EgressEnabled") == true);
    domain.coming = Some((options, most.busy));
    (domain.fails, domain.failed) = (most.fails, false);
    settle(held, &name);
    Ok(())
}

/// Lets changes go on, by one list.
pub(super) fn go_on(held: &mut Held) {
    let names: Vec<String> = held.domains.known.keys().cloned().collect();
    for name in names {
        if let Some((_, busy)) =
            held.domains.known.get_mut(&name).and_then(|one| one.coming.as_mut())
        {
            *busy = busy.saturating_sub(1);
        }
        settle(held, &name);
    }
}

/// Has other nodes in place of a domain's, once its change is made.
fn settle(held: &mut Held, name: &str) {
    let Some(domain) = held.domains.known.get_mut(name) else { return };
    let Some((options, 0)) = domain.coming.clone() else { return };
    domain.coming = None;
    if domain.fails {
        domain.failed = true;
        return;
    }
    domain.body["VPCOptions"] = options;
    let groups: Vec<String> =
        texts(setting(&domain.body, "SecurityGroupIds")).into_iter().collect();
    let description = format!("ES {name}");
    let own = held.interfaces.iter().filter(|(_, one)| one.body["Description"] == *description);
    let own: Vec<String> = own.map(|(id, _)| id.clone()).collect();
    for old in own {
        let Some(Interface { mut body, vpc, is_managed, .. }) = held.interfaces.remove(&old) else {
            continue;
        };
        held.domains.made += 1;
        let number = held.domains.made;
        let first = held.domains.subnets.get(text(&body["SubnetId"])).map(|(_, first)| *first);
        let Some(first) = first else { continue };
        let id = format!("eni-0fee4{number:012x}");
        let address = Ipv4Addr::from(u32::from(first) + 100 + number % 100).to_string();
        body["NetworkInterfaceId"] = json!(id);
        body["PrivateIpAddress"] = json!(address);
        body["PrivateIpAddresses"] = json!([{"Primary": true, "PrivateIpAddress": address}]);
        let groups = groups.clone();
        held.interfaces.insert(id, Interface { body, vpc, is_managed, groups });
    }
}

/// A domain's body as it tells it now.
fn told(domain: &Domain) -> Value {
    let mut body = domain.body.clone();
    let is_busy = domain.coming.is_some();
    let (word, progress) = match (is_busy, domain.failed) {
        (true, _) => ("Modifying", "ApplyingChanges"),
        (false, true) => ("Modifying", "ValidationFailed"),
        (false, false) => ("Active", "Completed"),
    };
    body["Processing"] = json!(is_busy || domain.failed);
    body["DomainProcessingStatus"] = json!(word);
    body["ChangeProgressDetails"] = json!({
        "ChangeId": "00000000-0000-0000-0000-000000000000", "ConfigChangeStatus": progress,
        "Message": if domain.failed { "its subnets have no room" } else { "" },
    });
    body
}

/// The answer of the call that describes domains; nothing for any other call.
pub(super) fn list(held: &Held, asked: &Asked) -> Option<Result<Value, Fault>> {
    if asked.call != CALL || held.domains.known.is_empty() {
        return None;
    }
    let wanted = asked.parameters.get("DomainNames").cloned().unwrap_or_default();
    let own = held.domains.known.iter().filter(|(name, _)| wanted.contains(name));
    let bodies: Vec<Value> = own.map(|(_, domain)| told(domain)).collect();
    Some(Ok(json!({ "DomainStatusList": bodies })))
}

/// The configuration of every domain and what its nodes carry, by names.
pub(super) fn canonical(held: &Held, name: &dyn Fn(&str) -> String) -> Value {
    let each = held.domains.known.iter().map(|(own, one)| {
        let named = |ids: &BTreeSet<String>| ids.iter().map(|id| name(id)).collect::<BTreeSet<_>>();
        let description = format!("ES {own}");
        let nodes =
            held.interfaces.values().filter(|node| node.body["Description"] == *description);
        let mut carried: Vec<(String, BTreeSet<String>)> = nodes
            .map(|node| {
                let groups = node.groups.iter().cloned().collect();
                (text(&node.body["SubnetId"]).to_owned(), named(&groups))
            })
            .collect();
        carried.sort();
        let body = json!({
            "groups": named(&texts(setting(&one.body, "SecurityGroupIds"))), "nodes": carried,
            "subnets": setting(&one.body, "SubnetIds"),
            "egress": setting(&one.body, "EgressEnabled"), "about": one.coming.is_some(),
        });
        (own.clone(), body)
    });
    Value::Object(each.collect())
}
