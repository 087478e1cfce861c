//! Roles for pods by association.
//!
//! Amazon EKS user guide, "EKS Pod Identities": an association gives the pods of one service account
//! of a cluster a role. An agent on the node asks for it in the name of the service
//! `pods.eks.amazonaws.com`, which the role's trust policy has to admit for `sts:AssumeRole` and
//! `sts:TagSession`.

use watertight_model::{Certainty, CredentialId, Evidence, Name, Trust};

use super::facts::Facts;
use super::policy::{Effect, Parties, Party, Statement};
use super::truth::Truth;
use crate::codes;
use crate::context::Context;
use crate::shapes::Kind;

/// In whose name roles are asked for.
const SERVICE: &str = "pods.eks.amazonaws.com";
/// What the trust policy has to allow.
const ACTIONS: [&str; 2] = ["sts:assumerole", "sts:tagsession"];

/// Which pods are given which role.
pub(super) fn trusts(context: &mut Context<'_>, facts: &Facts) -> Vec<Trust> {
    let index = context.index;
    let mut found = Vec::new();
    for item in index.of(Kind::PodIdentityAssociations) {
        let fields = ["clusterName", "namespace", "serviceAccount", "roleArn"];
        let [cluster, namespace, account, role] =
            fields.map(|key| context.fields.text(item.node, key).unwrap_or_default());
        let mut credentials = context.estate.credentials.iter();
        let credential = credentials.find(|(_, one)| *one.id == *role).map(|(id, _)| id);
        let Some(credential) = credential else {
            let message = format!("the role `{role}` is not in the input");
            context.fields.warn(item.node, codes::MISSING, item.id, message);
            continue;
        };
        let Some(certainty) = admitted(facts, credential) else {
            let message = format!("the role `{role}` does not admit {SERVICE}: no pod gets it");
            context.fields.warn(item.node, codes::MISSING, item.id, message);
            continue;
        };
        found.push(Trust {
            credential,
            issuer: Trust::pods_of(cluster),
            subjects: Some(vec![Name::from(format!(
                "system:serviceaccount:{namespace}:{account}"
            ))]),
            certainty,
            evidence: Evidence {
                resource: Name::from(item.id),
                rule: Name::from("association"),
                text: Name::from(format!("gives {role} to {namespace}/{account} of {cluster}")),
                origin: Some(item.node.span()),
            },
        });
    }
    found
}

/// Whether a role's trust policy admits the service, and how surely.
fn admitted(facts: &Facts, credential: CredentialId) -> Option<Certainty> {
    let role = facts.holders.iter().find(|holder| holder.credential == credential)?;
    let trust = role.trust.and_then(|at| facts.document(at))?;
    let mut certainty = Certainty::Sure;
    for action in ACTIONS {
        let about = |effect: Effect| {
            let all = trust.about(action);
            all.filter(move |one| one.effect == effect && names_service(one))
                .map(|one| (one.concerns(action), one))
        };
        let allows: Vec<(Truth, &Statement)> =
            about(Effect::Allow).filter(|(concerned, _)| *concerned != Truth::No).collect();
        let is_plain = |(concerned, one): &(Truth, &Statement)| {
            *concerned == Truth::Yes && one.conditions.is_empty() && !one.is_doubtful
        };
        let denied = about(Effect::Deny).any(|(concerned, _)| concerned != Truth::No);
        if allows.is_empty() {
            return None;
        }
        if denied || !allows.iter().any(is_plain) {
            certainty = Certainty::Possible;
        }
    }
    Some(certainty)
}

fn names_service(statement: &Statement) -> bool {
    let is_service = |party: &Party| match party {
        Party::Service(name) => name == SERVICE,
        Party::Anyone => true,
        Party::Account(_) | Party::Arn(_) | Party::UniqueId(_) | Party::Other(_) => false,
    };
    match &statement.parties {
        Parties::These(parties) => parties.iter().any(is_service),
        Parties::Unnamed => false,
        Parties::AllBut(parties) => !parties.iter().any(is_service),
    }
}
