//! Functions in networks: their groups are a part of their configuration.
//!
//! Sources: AWS Lambda API reference (`UpdateFunctionConfiguration`: settings of a published version are locked;
//! `FunctionConfiguration`; `ListAliases`); AWS Lambda developer guide ("Giving Lambda functions access to
//! resources in an Amazon VPC": functions with the same subnet and groups share an interface, which nobody else
//! changes).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use watertight_source::Node;

use super::value::value_of;
use crate::Body;
use crate::interfaces::owner::function_name;
use crate::scope::Scope;

/// Where a function's body tells its groups, and its subnets.
pub(super) const GROUPS: &str = "SecurityGroupIds";
pub(super) const SUBNETS: &str = "SubnetIds";

/// How descriptions of the interfaces of functions begin.
const DESCRIPTION: &str = "AWS Lambda VPC ENI";

/// A part of a function's configuration of its network.
pub(super) fn setting<'v>(body: &'v Value, key: &str) -> &'v Value {
    &body["VpcConfig"][key]
}

/// A function's body with other groups.
pub(super) fn with_groups(body: &Value, groups: &[String]) -> Option<Value> {
    setting(body, GROUPS).as_array()?;
    let mut body = body.clone();
    body["VpcConfig"][GROUPS] = json!(groups);
    Some(body)
}

/// Whether nothing about a function is under way.
pub(super) fn is_settled(body: &Value) -> bool {
    body["State"] != "Pending" && body["LastUpdateStatus"] != "InProgress"
}

/// Why a function was not changed, where that failed.
pub(super) fn trouble(body: &Value) -> Option<String> {
    let why = body["LastUpdateStatusReason"].as_str().unwrap_or("its service does not say why");
    (body["LastUpdateStatus"] == "Failed").then(|| format!("its update failed: {why}"))
}

/// What a function is given again with its groups: both lists are given at once, and what else its network
/// configuration says would be as for a new function. With its revision nobody's change in between is lost.
pub(super) fn settings(body: &Value) -> Value {
    let mut config: Map<String, Value> = body["VpcConfig"].as_object().cloned().unwrap_or_default();
    config.remove("VpcId");
    json!({ "VpcConfig": config, "RevisionId": body["RevisionId"] })
}

/// The aliases of functions, by account, region and name.
#[derive(Debug, Default)]
pub(super) struct Aliases(BTreeMap<[String; 3], Vec<Value>>);

impl Aliases {
    /// Those that bodies tell.
    pub(super) fn new(bodies: &[Body]) -> Self {
        let mut found = Self::default();
        for body in bodies {
            let Some(list) = body.tree.root().get("Aliases") else { continue };
            let Some((_, name)) = body.path.rsplit_once("lambda-list-aliases/") else { continue };
            let scope = Scope::of_path(&body.path);
            let (Some(account), Some(region)) = (scope.account, scope.region) else { continue };
            let name = name.trim_end_matches(".json").to_owned();
            let own = found.0.entry([account.to_string(), region.to_string(), name]).or_default();
            own.extend(list.items().map(value_of));
        }
        found
    }

    /// Why a function can be given no groups, for what its aliases lead to.
    pub(super) fn refused(&self, arn: &str) -> Option<&'static str> {
        let parts: Vec<&str> = arn.split(':').collect();
        let [_, _, _, region, account, _, name, ..] = parts.as_slice() else { return None };
        let key = [(*account).to_owned(), (*region).to_owned(), (*name).to_owned()];
        let Some(aliases) = self.0.get(&key) else {
            return Some(
                "the input does not tell its aliases, which may lead to published versions: these keep the \
                 groups that they have",
            );
        };
        let published = |alias: &Value| {
            let weights = alias["RoutingConfig"]["AdditionalVersionWeights"].as_object();
            let more = weights.into_iter().flatten().map(|(version, _)| version.as_str());
            let mut all = alias["FunctionVersion"].as_str().into_iter().chain(more);
            all.any(|version| version != "$LATEST")
        };
        aliases.iter().any(published).then_some(
            "an alias of it leads to a published version, which keeps the groups that it has: the next version \
             is to be published with others",
        )
    }
}

/// A function, with what it carries and is to carry.
struct Function {
    arn: String,
    subnets: BTreeSet<String>,
    old: BTreeSet<String>,
    new: Vec<String>,
}

fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(ToOwned::to_owned).collect()
}

/// More interfaces for functions that share one and are to carry different groups: each set of groups has one of
/// its own then, called as conversion calls what it infers. At which address it will be nobody knows, so that
/// it has that of the shared one.
pub(super) fn twins(
    bodies: &[Body],
    wanted: &dyn Fn(&str) -> Option<Vec<String>>,
) -> Vec<(String, Value)> {
    let items = |key: &'static str| {
        bodies.iter().flat_map(move |body| {
            let all = body.tree.root().get(key).into_iter().flat_map(Node::items);
            all.map(move |item| (body, item))
        })
    };
    let (mut functions, mut is_wanted) = (Vec::new(), false);
    for (_, item) in items("Functions") {
        let body = value_of(item);
        let Some(arn) = body["FunctionArn"].as_str() else { continue };
        let (old, planned) = (texts(setting(&body, GROUPS)), wanted(arn));
        is_wanted |= planned.is_some();
        functions.push(Function {
            arn: arn.to_owned(),
            subnets: texts(setting(&body, SUBNETS)).into_iter().collect(),
            old: old.iter().cloned().collect(),
            new: planned.unwrap_or(old),
        });
    }
    if !is_wanted {
        return Vec::new();
    }
    let description = |item: &Node<'_>| -> Option<String> {
        let text = item.get("Description").and_then(Node::as_str)?;
        Some(text.strip_prefix(DESCRIPTION)?.to_owned())
    };
    let own: Vec<(&Body, Value, String)> = items("NetworkInterfaces")
        .filter_map(|(body, item)| Some((body, value_of(item), description(&item)?)))
        .collect();
    let named: BTreeSet<&str> = own
        .iter()
        .map(|(_, _, rest)| function_name(rest.trim_start_matches(['-', ':', ' '])))
        .collect();
    // The order in which conversion gives them interfaces.
    functions.sort_by_key(|one| {
        let name = one.arn.rsplit(':').next().unwrap_or_default();
        (!named.contains(name), one.arn.clone())
    });
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for (body, interface, _) in &own {
        let subnet = interface["SubnetId"].as_str().unwrap_or_default();
        let groups = interface["Groups"].as_array().into_iter().flatten();
        let groups: BTreeSet<String> =
            groups.filter_map(|one| one["GroupId"].as_str().map(ToOwned::to_owned)).collect();
        if !seen.insert((subnet.to_owned(), groups.clone())) {
            continue;
        }
        let mut sharing =
            functions.iter().filter(|one| one.subnets.contains(subnet) && one.old == groups);
        let set = |one: &Function| one.new.iter().cloned().collect::<BTreeSet<String>>();
        let Some(first) = sharing.next() else { continue };
        let mut there = BTreeSet::from([set(first)]);
        for other in sharing {
            if !there.insert(set(other)) {
                continue;
            }
            let mut twin = interface.clone();
            twin["NetworkInterfaceId"] = json!(format!("{}/{subnet}", other.arn));
            twin["Groups"] = other.new.iter().map(|id| json!({"GroupId": id})).collect();
            found.push((path_of(body), twin));
        }
    }
    found
}

/// Where more interfaces lie beside those of a body.
fn path_of(body: &Body) -> String {
    let call = "ec2-describe-network-interfaces";
    let folder = body.path.rsplit_once(call).map_or("raw/aws/", |(folder, _)| folder);
    format!("{folder}{call}/functions.json")
}
