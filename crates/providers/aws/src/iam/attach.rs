//! Which credential each workload has.

use std::collections::BTreeMap;

use watertight_model::{Credential, CredentialId, Name, WorkloadId};

use crate::codes;
use crate::context::Context;
use crate::scope::arn_scope;
use crate::shapes::Kind;

use super::facts::Facts;

/// Gives every workload the credential that code on it can take: that of the role in the machine's
/// instance profile, or of the role that a function or task runs with.
pub(crate) fn attach(context: &mut Context<'_>, facts: &Facts) {
    let mut roles: BTreeMap<WorkloadId, Name> = BTreeMap::new();
    for (workload, profile) in context.instance_profiles.clone() {
        match facts.profiles.get(profile) {
            Some(role) => {
                roles.insert(workload, role.clone());
            }
            None => missing_profile(context, profile),
        }
    }
    for (workload, role) in context.roles.clone() {
        roles.insert(workload, Name::from(role));
    }
    let mut unread: BTreeMap<Name, CredentialId> = BTreeMap::new();
    for (workload, role) in roles {
        let known = facts.by_arn.get(&role).and_then(|at| facts.holders.get(*at));
        let credential = match known {
            Some(holder) => holder.credential,
            None => *unread.entry(role.clone()).or_insert_with(|| unread_role(context, &role)),
        };
        context.estate.workloads[workload].credential = Some(credential);
    }
}

/// A profile of which the input does not tell the role: the workload has some credential.
fn missing_profile(context: &mut Context<'_>, profile: &str) {
    let place = context.index.of(Kind::Instances).iter().find(|item| {
        let own = item.node.get("IamInstanceProfile").and_then(|own| own.get("Arn"));
        own.and_then(|arn| arn.as_str()) == Some(profile)
    });
    if let Some(item) = place {
        context.warn_missing(item.node, "instance profile", profile);
    }
}

/// The credential of a role whose policies are not in the input: what it may do is not known, and
/// it gets no grants.
fn unread_role(context: &mut Context<'_>, arn: &Name) -> CredentialId {
    let known = context.index.find(Kind::Roles, arn);
    let place = known.map(|item| item.node);
    if let Some(node) = place.or_else(|| first_user(context, arn)) {
        let message = format!("the policies of `{arn}` are not in the input");
        context.fields.warn(node, codes::UNREAD_CONTENT, arn, message);
    }
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let credential = Credential {
        id: arn.clone(),
        name: context.name(name),
        kind: context.name("role"),
        account: arn_scope(arn).0.map(Name::from),
        origin: place.map(|node| node.span()),
    };
    context.estate.credentials.push(credential)
}

/// A body that names the role.
fn first_user<'t>(context: &Context<'t>, arn: &str) -> Option<watertight_source::Node<'t>> {
    let index = context.index;
    let functions = index.of(Kind::Functions).iter().chain(index.of(Kind::TaskDefinitions));
    let named = functions.filter(|item| {
        let role = item.node.get("Role").or_else(|| item.node.get("taskRoleArn"));
        role.and_then(|role| role.as_str()) == Some(arn)
    });
    named.map(|item| item.node).next()
}
