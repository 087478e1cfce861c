//! Functions in networks: those with the same subnet and groups share an interface, others have others, and
//! what nobody uses any more is there for a while.
//!
//! Sources: AWS Lambda API reference (`UpdateFunctionConfiguration` and its errors, `GetFunctionConfiguration`,
//! `ListFunctions`: it does not tell what is under way); AWS Lambda developer guide ("Giving Lambda functions
//! access to resources in an Amazon VPC").

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::state::{Held, Interface};
use super::tasks::subnets;
use super::{Fault, Strictness};
use crate::aws_server::call::text;
use crate::aws_server::http::{Request, decoded};
use crate::aws_server::recording::Recording;

const UPDATE: &str = "UpdateFunctionConfiguration";

/// Functions, and what they used.
#[derive(Debug, Clone, Default)]
pub(super) struct Functions {
    /// By name.
    known: BTreeMap<String, Function>,
    /// Interfaces that nobody uses, and in how many lists they are still.
    lingering: BTreeMap<String, usize>,
    /// The VPC and the first address of each subnet.
    subnets: BTreeMap<String, (String, Ipv4Addr)>,
    /// How many interfaces and revisions were made.
    made: u32,
}

/// A function: its recorded body, and what it is about.
#[derive(Debug, Clone)]
struct Function {
    body: Value,
    busy: Option<usize>,
    /// Its configuration before that, where it fails.
    before: Option<Value>,
    failed: bool,
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(|one| text(one).to_owned()).collect()
}

fn setting<'v>(body: &'v Value, key: &str) -> &'v Value {
    &body["VpcConfig"][key]
}

impl Functions {
    /// What recorded bodies tell.
    pub(super) fn read(recording: &Recording, place: (&str, &str)) -> Self {
        let subnets = subnets(recording, place);
        let mut functions = Self { subnets, ..Self::default() };
        let all = |call: &str, list: &str| recording.items(place, call, list);
        for body in all("lambda-list-functions", "Functions") {
            let name = text(&body["FunctionName"]).to_owned();
            functions
                .known
                .insert(name, Function { body, busy: None, before: None, failed: false });
        }
        functions
    }
}

/// Whether an interface is that of functions.
pub(super) fn is_own(interface: &Interface) -> bool {
    interface.body["InterfaceType"] == "lambda"
}

/// The name of the function whose configuration a request is about.
fn asked(request: &Request) -> Option<String> {
    let path = request.path.strip_prefix("/2015-03-31/functions/")?;
    let name = decoded(path.strip_suffix("/configuration")?);
    Some(name.rsplit(':').next().unwrap_or_default().to_owned())
}

/// Whether a request asks for another configuration of a function.
pub(super) fn is_asked(request: &Request) -> Option<&'static str> {
    (request.method == "PUT" && asked(request).is_some()).then_some(UPDATE)
}

/// Starts to give a function another configuration.
pub(super) fn update(held: &mut Held, request: &Request, most: &Strictness) -> Result<(), Fault> {
    let name = asked(request).unwrap_or_default();
    let given: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let invalid = || Fault::new("InvalidParameterValueException");
    let known = held.functions.known.get(&name);
    let known = known.ok_or(Fault { status: 404, code: "ResourceNotFoundException" })?;
    if known.busy.is_some() {
        return Err(Fault { status: 409, code: "ResourceConflictException" });
    }
    if !given["RevisionId"].is_null() && given["RevisionId"] != known.body["RevisionId"] {
        return Err(Fault { status: 412, code: "PreconditionFailedException" });
    }
    if given
        .as_object()
        .into_iter()
        .flatten()
        .any(|(key, _)| key != "VpcConfig" && key != "RevisionId")
    {
        return Err(invalid());
    }
    let (groups, subnets) =
        (texts(setting(&given, "SecurityGroupIds")), texts(setting(&given, "SubnetIds")));
    let vpcs: Option<BTreeSet<String>> = subnets
        .iter()
        .map(|id| held.functions.subnets.get(id).map(|(vpc, _)| vpc.clone()))
        .collect();
    let vpcs = vpcs.filter(|vpcs| vpcs.len() == 1).ok_or_else(invalid)?;
    let is_there = |id: &String| held.groups.get(id).is_some_and(|one| vpcs.contains(&one.vpc));
    if groups.is_empty() || groups.len() > most.groups_max || !groups.iter().all(is_there) {
        return Err(invalid());
    }
    held.functions.made += 1;
    let revision = format!("00000000-0000-0000-0000-{:012x}", held.functions.made);
    let Some(function) = held.functions.known.get_mut(&name) else { return Err(invalid()) };
    let mut config = given["VpcConfig"].clone();
    config["VpcId"] = json!(vpcs.first());
    // What is not given again is as it is for a new function.
    if config["Ipv6AllowedForDualStack"].is_null() {
        config["Ipv6AllowedForDualStack"] = json!(false);
    }
    function.before = most.fails.then(|| function.body["VpcConfig"].clone());
    function.body["VpcConfig"] = config;
    function.body["RevisionId"] = json!(revision);
    function.busy = Some(most.busy);
    function.failed = false;
    settle(held, &name, most.busy);
    Ok(())
}

/// Lets updates go on, by one list, and takes away what nobody uses.
pub(super) fn go_on(held: &mut Held, linger: usize) {
    let names: Vec<String> = held.functions.known.keys().cloned().collect();
    for name in names {
        if let Some(Some(busy)) = held.functions.known.get_mut(&name).map(|one| one.busy.as_mut()) {
            *busy = busy.saturating_sub(1);
        }
        settle(held, &name, linger);
    }
    held.functions.lingering.values_mut().for_each(|left| *left = left.saturating_sub(1));
    let gone = held.functions.lingering.iter().filter(|(_, left)| **left == 0);
    let gone: Vec<String> = gone.map(|(id, _)| id.clone()).collect();
    for id in gone {
        held.functions.lingering.remove(&id);
        held.interfaces.remove(&id);
    }
}

/// Has a function use the interfaces of its groups, once its update is done.
fn settle(held: &mut Held, name: &str, linger: usize) {
    let Some(function) = held.functions.known.get_mut(name) else { return };
    if function.busy != Some(0) {
        return;
    }
    function.busy = None;
    if let Some(before) = function.before.take() {
        function.body["VpcConfig"] = before;
        function.failed = true;
        return;
    }
    let mut used: BTreeSet<(String, BTreeSet<String>)> = BTreeSet::new();
    for function in held.functions.known.values() {
        let groups = texts(setting(&function.body, "SecurityGroupIds"));
        for subnet in texts(setting(&function.body, "SubnetIds")) {
            used.insert((subnet, groups.clone()));
        }
    }
    let key = |one: &Interface| {
        (
            text(&one.body["SubnetId"]).to_owned(),
            one.groups.iter().cloned().collect::<BTreeSet<_>>(),
        )
    };
    let own = held.interfaces.iter().filter(|(_, one)| is_own(one));
    let own: Vec<(String, (String, BTreeSet<String>))> =
        own.map(|(id, one)| (id.clone(), key(one))).collect();
    let sample = own.first().and_then(|(id, _)| held.interfaces.get(id)).cloned();
    for (id, of) in &own {
        if used.contains(of) {
            held.functions.lingering.remove(id);
        } else if linger == 0 {
            held.interfaces.remove(id);
        } else {
            held.functions.lingering.entry(id.clone()).or_insert(linger);
        }
    }
    for (subnet, groups) in used {
        if own.iter().any(|(_, of)| *of == (subnet.clone(), groups.clone())) {
            continue;
        }
        let (Some(sample), Some((vpc, first))) =
            (sample.clone(), held.functions.subnets.get(&subnet).cloned())
        else {
            continue;
        };
        held.functions.made += 1;
        let number = held.functions.made;
        let id = format!("eni-0fee3{number:012x}");
        let address = Ipv4Addr::from(u32::from(first) + 150 + number % 100).to_string();
        let mut body = sample.body;
        body["NetworkInterfaceId"] = json!(id);
        body["SubnetId"] = json!(subnet);
        body["Description"] =
            json!(format!("AWS Lambda VPC ENI-{name}-0d5f2a7e-1b3c-4d5e-8f90-{number:012x}"));
        body["PrivateIpAddress"] = json!(address);
        body["PrivateIpAddresses"] = json!([{"Primary": true, "PrivateIpAddress": address}]);
        let groups = groups.into_iter().collect();
        held.interfaces.insert(id, Interface { body, vpc, is_managed: true, groups });
    }
}

/// The answer to a request for a function's configuration; nothing for any other request.
pub(super) fn configuration(held: &Held, request: &Request) -> Option<Result<Value, Fault>> {
    let name = asked(request).filter(|_| request.method == "GET")?;
    let Some(function) = held.functions.known.get(&name) else {
        return Some(Err(Fault { status: 404, code: "ResourceNotFoundException" }));
    };
    let mut body = function.body.clone();
    body["State"] = json!("Active");
    body["LastUpdateStatus"] = match function.busy {
        Some(_) => json!("InProgress"),
        None if function.failed => json!("Failed"),
        None => json!("Successful"),
    };
    Some(Ok(body))
}

/// The answer of a call that lists functions; nothing for any other call.
pub(super) fn list(held: &Held, call: &str) -> Option<Result<Value, Fault>> {
    let known = held.functions.known.values();
    let bodies: Vec<&Value> = known.map(|one| &one.body).collect();
    (call == "lambda-list-functions").then(|| Ok(json!({ "Functions": bodies })))
}

/// The configuration of every function and what its interfaces carry, by names.
pub(super) fn canonical(held: &Held, name: &dyn Fn(&str) -> String) -> Value {
    let named =
        |ids: &BTreeSet<String>| ids.iter().map(|id| name(id)).collect::<BTreeSet<String>>();
    let each = held.functions.known.iter().map(|(own, one)| {
        let groups = texts(setting(&one.body, "SecurityGroupIds"));
        let subnets = texts(setting(&one.body, "SubnetIds"));
        let has = |subnet: &String| {
            held.interfaces.values().any(|interface| {
                is_own(interface)
                    && interface.body["SubnetId"] == subnet.as_str()
                    && interface.groups.iter().cloned().collect::<BTreeSet<_>>() == groups
            })
        };
        let body = json!({
            "groups": named(&groups), "subnets": subnets, "attached": subnets.iter().all(has),
            "dual": setting(&one.body, "Ipv6AllowedForDualStack"), "about": one.busy.is_some(),
        });
        (own.clone(), body)
    });
    Value::Object(each.collect())
}
