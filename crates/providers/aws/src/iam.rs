//! Credentials, and what each of them may do.
//!
//! Runs after everything that makes workloads. Reads roles, users, groups, policies and secrets,
//! gives workloads their credentials, and derives grants by evaluating the policies that decide.
//! `docs/reference/providers/aws-iam.md` says which actions give which power.
//!
//! **Time.** Statements are indexed by service, and each holder meets only the resources that its
//! own statements name or that name it. The time goes with the number of statements plus that of
//! grants and near misses; no step takes all holders times all resources, unless the policies say
//! so. [`grants::GRANTS_MAX`] bounds what is kept.

mod actor;
mod assume;
mod attach;
mod catalog;
mod condition;
mod control;
mod data;
mod databases;
mod direct;
mod evaluate;
mod facts;
mod federated;
mod grants;
mod keys;
mod organization;
mod pattern;
mod places;
mod pods;
mod policy;
mod public;
mod read;
mod request;
mod truth;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use watertight_model::{Grant, Name};
use watertight_source::Diagnostic;

use crate::codes;
use crate::context::Context;

use actor::Actor;
use catalog::Catalog;
use control::{Changes, Control};
use data::{Secrets, Stores};
use facts::Facts;
use grants::{GRANTS_MAX, Grants};
use keys::Keys;
use places::PrivateEndpoints;

/// Reads roles, users, secrets and policies into credentials and grants.
pub(crate) fn convert(context: &mut Context<'_>) {
    let mut facts = Facts::read(context);
    attach::attach(context, &facts);
    let endpoints = PrivateEndpoints::read(context, &mut facts);
    let keys = Keys::read(context, &mut facts);
    let catalog = Catalog::read(context, &mut facts);
    let changes = Changes::read(context, !facts.holders.is_empty());
    let over_resources = facts.resource_guardrails();
    public::check(context);
    let readable = public::label(context, &facts, &catalog.buckets, &over_resources);
    let mut grants = Grants::new(GRANTS_MAX);
    public::grant(context, &readable, &mut grants);
    let actors: Vec<Actor<'_>> =
        facts.holders.iter().map(|holder| Actor::new(&facts, holder, &over_resources)).collect();
    let stores = Stores::new(&facts, &catalog, &endpoints);
    let secrets = Secrets::new(&facts, &catalog, &keys);
    let control = Control::new(&facts, &catalog, &actors, &context.estate);
    for (at, actor) in actors.iter().enumerate() {
        stores.add(at, actor, &mut grants);
        secrets.add(at, actor, &mut grants);
        control.add(actor, &mut grants);
        changes.add(actor, &mut grants);
    }
    let assumed = assume::add(&facts, &actors, &mut grants);
    assume::add_escalations(&facts, &actors, &assumed, &regions(context), &mut grants);
    let left_out = grants.left_out();
    let found: Vec<Grant> = grants.finish();
    context.estate.grants.extend(found);
    let mut trusts = federated::trusts(&facts);
    trusts.extend(pods::trusts(context, &facts));
    trusts.sort();
    context.estate.trusts = trusts;
    if left_out > 0 {
        let message = format!("{left_out} grants were left out beyond {GRANTS_MAX}");
        let help = "split the estate by account, or narrow the roles that may do everything";
        let diagnostic = Diagnostic::warning(codes::TOO_MANY, message).with_help(help);
        context.fields.diagnostics.push(diagnostic);
    }
}

/// One region of each account that has workloads.
fn regions(context: &Context<'_>) -> BTreeMap<Name, Name> {
    let workloads = context.estate.workloads.values();
    let pairs = workloads.filter_map(|one| Some((one.account.clone()?, one.region.clone()?)));
    pairs.collect()
}
