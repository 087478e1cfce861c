//! Roles for tokens of other issuers.
//!
//! AWS STS API reference, `AssumeRoleWithWebIdentity`; IAM User Guide, "Create a role for `OpenID`
//! Connect federation": the trust policy names the issuer as a principal, and conditions on
//! `<issuer>:sub` and `<issuer>:aud` say for whose tokens.

use watertight_model::{Certainty, Name, Trust};

use super::facts::Facts;
use super::policy::{Effect, Parties, Party, Statement};
use super::truth::Truth;

const ASSUME: &str = "sts:assumerolewithwebidentity";
/// What stands before the issuer in the ARN of an identity provider.
const PROVIDER: &str = ":oidc-provider/";
/// Operators that a subject has to fulfil, in lower case.
const OPERATORS: [&str; 4] =
    ["stringequals", "stringlike", "foranyvalue:stringequals", "foranyvalue:stringlike"];

/// Who is given which role for a token.
pub(super) fn trusts(facts: &Facts) -> Vec<Trust> {
    let mut found = Vec::new();
    for role in &facts.holders {
        let Some(trust) = role.trust.and_then(|at| facts.document(at)) else { continue };
        let about: Vec<&Statement> = trust.about(ASSUME).collect();
        let denies =
            about.iter().any(|one| one.effect == Effect::Deny && one.concerns(ASSUME) != Truth::No);
        for statement in about {
            let concerned = statement.concerns(ASSUME);
            if statement.effect != Effect::Allow || concerned == Truth::No {
                continue;
            }
            let Parties::These(parties) = &statement.parties else { continue };
            for party in parties {
                let Party::Other(text) = party else { continue };
                let Some((_, issuer)) = text.split_once(PROVIDER) else { continue };
                let issuer = issuer.to_ascii_lowercase();
                let (subjects, all_read) = subjects(statement, &issuer);
                let sure = concerned == Truth::Yes && all_read && !denies;
                found.push(Trust {
                    credential: role.credential,
                    issuer: Name::from(issuer),
                    subjects,
                    certainty: if sure && !statement.is_doubtful {
                        Certainty::Sure
                    } else {
                        Certainty::Possible
                    },
                    evidence: statement.evidence.clone(),
                });
            }
        }
    }
    found.sort();
    found
}

/// For whose tokens a statement is, and whether that is all that it asks. All conditions have to
/// hold, so that one of several about the subject is kept, and the others leave doubt.
fn subjects(statement: &Statement, issuer: &str) -> (Option<Vec<Name>>, bool) {
    let (sub, aud) = (format!("{issuer}:sub"), format!("{issuer}:aud"));
    let mut found: Option<Vec<Name>> = None;
    let mut all_read = true;
    for condition in &statement.conditions {
        let operator = condition.operator().to_ascii_lowercase();
        if condition.key() == sub && OPERATORS.contains(&operator.as_str()) && found.is_none() {
            let values = condition.values().iter().map(|value| Name::from(value.text()));
            found = Some(values.collect());
        } else if condition.key() != aud {
            all_read = false;
        }
    }
    (found, all_read)
}
