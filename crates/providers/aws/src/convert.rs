//! The order in which the families are converted.

use std::collections::{BTreeMap, BTreeSet};

use watertight_compile::GroupName;
use watertight_model::network::GuardId;
use watertight_model::{Name, Network};
use watertight_source::{Diagnostics, Node};

use crate::context::Context;
use crate::denials::Denials;
use crate::fields::Fields;
use crate::index::Collected;
use crate::scope::Scope;
use crate::{
    Body, Converted, DeniedCall, Options, accounts, acls, bodies, completeness, elastic, endpoints,
    firewalls, fronts, gateways, instances, interfaces, internet, nat, owners, platform,
    prefix_lists, routes, security_groups, services, subnet, transit, vpc,
};

/// A family's conversion.
type Family = fn(&mut Context<'_>);

/// Every family, each after those whose results it needs:
///
/// - lists and realms first, then guards, subnets and gateways that stand on them;
/// - machines, then interfaces: each interface finds its owner or is left in `Context::unowned`;
/// - gateways that have interfaces, attachments, then the routes that lead to all of these;
/// - services, which claim what is left in `Context::unowned`, or add what has no interface;
/// - `owners`, which makes workloads of what nobody claimed;
/// - `completeness`, which tells by all of these what is missing.
const FAMILIES: &[Family] = &[
    accounts::convert,
    prefix_lists::convert,
    vpc::convert,
    security_groups::convert,
    acls::convert,
    subnet::convert,
    gateways::convert,
    instances::convert,
    interfaces::convert,
    nat::convert,
    endpoints::convert,
    transit::convert,
    firewalls::convert,
    routes::convert,
    internet::convert,
    services::convert,
    fronts::convert,
    services::convert_tags,
    elastic::convert,
    owners::convert,
    firewalls::convert_rules,
    completeness::convert,
    platform::convert,
    crate::iam::convert,
];

/// See [`crate::convert`].
pub(crate) fn convert(mut bodies: Vec<&Body>, options: &Options) -> Converted {
    let mut fields = Fields { diagnostics: Diagnostics::new(&options.limits) };
    bodies.sort_by(|left, right| left.path.cmp(&right.path));
    let scopes = scopes_of(&bodies);
    let collected = collected(&bodies, &scopes, &mut fields);
    let mut denied: Vec<DeniedCall> = options.denied.clone();
    denied.sort_unstable();
    denied.dedup();
    let denials = Denials::new(&denied, &mut fields);
    let index = collected.finish(denials, &mut fields);
    let mut context = Context::new(&index, options, fields);
    for family in FAMILIES {
        family(&mut context);
    }
    Converted { estate: context.estate, diagnostics: context.fields.diagnostics }
}

/// Gives guards of a network the rules that bodies of security groups tell, as [`convert`] would with these among all
/// bodies. The guards of those that `changed`; nothing, where the bodies tell of more than rules of guards that are
/// there, and the network is good for nothing any more.
pub(crate) fn convert_again(
    mut bodies: Vec<&Body>,
    options: &Options,
    network: &mut Network,
    changed: &[GroupName],
) -> Option<BTreeSet<GuardId>> {
    let mut fields = Fields { diagnostics: Diagnostics::new(&options.limits) };
    bodies.sort_by(|left, right| left.path.cmp(&right.path));
    let scopes = scopes_of(&bodies);
    let collected = collected(&bodies, &scopes, &mut fields);
    let index = collected.finish(Denials::new(&[], &mut fields), &mut fields);
    security_groups::convert_again(Context::new(&index, options, fields), network, changed)
}

fn collected<'t>(bodies: &[&'t Body], scopes: &'t [Scope], fields: &mut Fields) -> Collected<'t> {
    let mut collected = Collected::new();
    for (body, scope) in bodies.iter().zip(scopes) {
        bodies::collect(body.tree.root(), scope, &mut collected, fields);
    }
    collected
}

/// The scope of each body: by its path, else by who the caller was in the same folder.
fn scopes_of(bodies: &[&Body]) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = bodies.iter().map(|body| Scope::of_path(&body.path)).collect();
    let mut callers: BTreeMap<String, Name> = BTreeMap::new();
    for (body, scope) in bodies.iter().zip(&scopes) {
        let root = body.tree.root();
        let account = root.get("Account").and_then(Node::as_str);
        if let (Some(account), Some(_), Some(_)) = (account, root.get("UserId"), root.get("Arn")) {
            callers.insert(scope.folder.clone(), Name::from(account));
        }
    }
    for scope in &mut scopes {
        if scope.account.is_none() {
            scope.account = caller_of(&callers, &scope.folder);
        }
    }
    scopes
}

/// The caller of a folder or of the nearest folder above it.
fn caller_of(callers: &BTreeMap<String, Name>, folder: &str) -> Option<Name> {
    let mut folder = folder;
    loop {
        if let Some(caller) = callers.get(folder) {
            return Some(caller.clone());
        }
        folder = folder.rsplit_once('/')?.0;
    }
}
