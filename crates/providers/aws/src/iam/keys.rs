//! Keys with their policies, and parameters that policies name.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Credential, CredentialId, Name};

use crate::context::Context;
use crate::shapes::Kind;

use super::catalog::{Resource, partition_of};
use super::facts::{DocumentAt, Facts};
use super::pattern::Pattern;
use super::policy::Effect;

/// Parameters that are made credentials; a policy names a handful.
const PARAMETERS_MAX: usize = 10_000;

/// Policies of keys by the key's id, and parameters ordered by ARN.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    policies: BTreeMap<String, DocumentAt>,
    parameters: Vec<Parameter>,
}

/// A parameter that a policy names.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// Its ARN.
    pub(crate) arn: Name,
    /// What it is to the estate.
    pub(crate) credential: CredentialId,
}

impl AsRef<str> for Parameter {
    fn as_ref(&self) -> &str {
        &self.arn
    }
}

impl Keys {
    /// Reads policies of keys, and the names of parameters from the policies of holders.
    pub(crate) fn read(context: &mut Context<'_>, facts: &mut Facts) -> Self {
        let mut keys = Self::default();
        for item in context.index.of(Kind::KeyPolicies) {
            if let Some(place) = item.node.get("Policy") {
                let id = context.name(item.id);
                let at = facts.read_document(context, &id, place);
                keys.policies.insert(last(item.id).to_owned(), at);
            }
        }
        for arn in named_parameters(facts) {
            let name = arn.split_once(":parameter/").map_or(arn.as_str(), |(_, name)| name);
            let credential = Credential {
                id: context.name(&arn),
                name: context.name(name),
                kind: context.name("secret"),
                account: arn.split(':').nth(4).map(Name::from),
                origin: None,
            };
            let arn = credential.id.clone();
            let credential = context.estate.credentials.push(credential);
            keys.parameters.push(Parameter { arn, credential });
        }
        keys
    }

    /// The ARN of the key of a resource, and its policy. An alias leads nowhere: which key it
    /// stands for is not in the input.
    pub(crate) fn find(&self, key: &str, resource: &Resource) -> (String, Option<DocumentAt>) {
        let policy = self.policies.get(last(key)).copied();
        if key.starts_with("arn:") {
            return (key.to_owned(), policy);
        }
        let region = resource.region.as_deref().unwrap_or_default();
        let account = resource.account.as_deref().unwrap_or_default();
        let partition = partition_of(resource.region.as_deref());
        let kind = if key.starts_with("alias/") { "" } else { "key/" };
        (format!("arn:{partition}:kms:{region}:{account}:{kind}{key}"), policy)
    }

    /// Parameters, ordered by ARN.
    pub(crate) fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }
}

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// The parameters that identity policies allow reading by their full ARNs.
fn named_parameters(facts: &Facts) -> BTreeSet<String> {
    let mut arns = BTreeSet::new();
    let documents: BTreeSet<DocumentAt> =
        facts.holders.iter().flat_map(|holder| holder.identity.iter().copied()).collect();
    for document in documents.into_iter().filter_map(|at| facts.document(at)) {
        let about = document.about("ssm:getparameter");
        for statement in about.filter(|one| one.effect == Effect::Allow) {
            if statement.resources.excludes {
                continue;
            }
            for arn in statement.resources.patterns.iter().filter_map(Pattern::literal) {
                if arn.contains(":parameter/") && arns.len() < PARAMETERS_MAX {
                    arns.insert(arn);
                }
            }
        }
    }
    arns
}
