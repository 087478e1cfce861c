//! Which credential each workload has.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Credential, CredentialId, Name, WorkloadId};
use watertight_source::Node;

use crate::codes;
use crate::context::Context;
use crate::scope::arn_scope;
use crate::shapes::Kind;

use super::facts::Facts;

/// Gives every workload the credential that code on it can take: that of the role in the machine's
/// instance profile, or of the role that a function or task runs with.
pub(crate) fn attach(context: &mut Context<'_>, facts: &Facts) {
    let mut roles: BTreeMap<WorkloadId, Name> = BTreeMap::new();
    let mut missing = BTreeSet::new();
    for (workload, profile) in context.instance_profiles.clone() {
        if let Some(role) = facts.profiles.get(profile) {
            roles.insert(workload, role.clone());
        } else {
            missing.insert(profile);
        }
    }
    warn_profiles(context, missing);
    for (workload, role) in context.roles.clone() {
        roles.insert(workload, Name::from(role));
    }
    let mut unread: BTreeMap<Name, CredentialId> = BTreeMap::new();
    let users = role_users(context);
    for (workload, role) in roles {
        let known = facts.by_arn.get(&role).and_then(|at| facts.holders.get(*at));
        let credential = match known {
            Some(holder) => holder.credential,
            None => {
                *unread.entry(role.clone()).or_insert_with(|| unread_role(context, &role, &users))
            }
        };
        context.estate.workloads[workload].credential = Some(credential);
    }
}

/// Warns of profiles of which the input does not tell the role, once each.
fn warn_profiles(context: &mut Context<'_>, mut missing: BTreeSet<&str>) {
    for item in context.index.of(Kind::Instances) {
        if missing.is_empty() {
            return;
        }
        let profile = item.node.get("IamInstanceProfile").and_then(|profile| profile.get("Arn"));
        let profile = profile.and_then(Node::as_str);
        if let Some(profile) = profile.filter(|profile| missing.remove(*profile)) {
            context.warn_missing(item.node, "instance profile", profile);
        }
    }
}

/// The credential of a role whose policies are not in the input: what it may do is not known, and
/// it gets no grants.
fn unread_role(
    context: &mut Context<'_>,
    arn: &Name,
    users: &BTreeMap<&str, Node<'_>>,
) -> CredentialId {
    let known = context.index.find(Kind::Roles, arn);
    let place = known.map(|item| item.node);
    if let Some(node) = place.or_else(|| users.get(arn.as_str()).copied()) {
        let message = format!("the policies of `{arn}` are not in the input");
        context.fields.warn(node, codes::UNREAD_CONTENT, arn, message);
    }
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let credential = Credential {
        id: arn.clone(),
        name: context.name(name),
        kind: context.name("role"),
        account: arn_scope(arn).0.map(Name::from),
        origin: place.map(Node::span),
    };
    context.estate.credentials.push(credential)
}

/// A body that names each role of functions and tasks.
fn role_users<'t>(context: &Context<'t>) -> BTreeMap<&'t str, Node<'t>> {
    let index = context.index;
    let mut users = BTreeMap::new();
    for item in index.of(Kind::Functions).iter().chain(index.of(Kind::TaskDefinitions)) {
        let role = item.node.get("Role").or_else(|| item.node.get("taskRoleArn"));
        if let Some(role) = role.and_then(Node::as_str) {
            users.entry(role).or_insert(item.node);
        }
    }
    users
}
