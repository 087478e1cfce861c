//! Service accounts: the credentials of pods, and the cloud's roles behind them.

use std::collections::BTreeMap;

use watertight_model::{
    Certainty, Credential, CredentialId, Estate, Evidence, Grant, Name, Power, Trust, WorkloadId,
    WorkloadKind,
};
use watertight_source::Span;

use crate::codes;
use crate::fields::Notes;
use crate::objects::Object;
use crate::workloads::Pod;

/// The annotation that names a role of AWS.
///
/// Source: Amazon EKS, *Assign IAM roles to Kubernetes service accounts*.
const ROLE: &str = "eks.amazonaws.com/role-arn";

/// A service account as its object tells it.
#[derive(Debug, Default)]
struct Account {
    span: Option<Span>,
    role: Option<(Name, Span)>,
    mounts_token: Option<bool>,
}

/// Gives pods the credentials of their service accounts, and these the roles that they name.
///
/// A pod gets the token of its account unless it or the account says no; without a token for the
/// cluster's API, it still gets one for the role.
///
/// Source: Kubernetes, *Configure Service Accounts for Pods*, "Opt out of API credential
/// automounting": what the pod says counts before what the account says.
pub(crate) fn add(
    estate: &mut Estate,
    objects: &[Object<'_>],
    pods: &[(Pod, WorkloadId)],
    cluster: &Name,
    notes: &mut Notes,
) {
    let accounts = read(objects, notes);
    let nothing = Account::default();
    let mut holders: BTreeMap<Name, CredentialId> = BTreeMap::new();
    for (pod, workload) in pods {
        let own = pod.service_account.clone().filter(|name| !name.is_empty());
        let own = own.unwrap_or_else(|| Name::from("default"));
        let id = Name::from(format!("{}/{own}", pod.workload.namespace));
        let account = accounts.get(&id).unwrap_or(&nothing);
        let mounts = pod.place.mounts_token.or(account.mounts_token).unwrap_or(true);
        let subject = subject_of(&id);
        if !mounts && account.role.is_none() && associated(estate, cluster, &subject).is_empty() {
            continue;
        }
        let credential = *holders.entry(id.clone()).or_insert_with(|| {
            estate.credentials.push(Credential {
                id: id.clone(),
                name: id.clone(),
                kind: Name::from("service-account"),
                account: Some(cluster.clone()),
                origin: account.span,
            })
        });
        estate.workloads[*workload].credential = Some(credential);
    }
    let issuer = issuer(estate, cluster);
    for (id, credential) in holders {
        let subject = subject_of(&id);
        let grants = associated(estate, cluster, &subject).into_iter().map(|trust| Grant {
            holder: credential,
            power: Power::Assume(trust.credential),
            certainty: trust.certainty,
            evidence: vec![trust.evidence],
        });
        estate.grants.extend(grants);
        let Some((role, span)) = accounts.get(&id).and_then(|account| account.role.clone()) else {
            continue;
        };
        let said = Evidence {
            resource: id.clone(),
            rule: Name::from(ROLE),
            text: Name::from(format!("names {role}")),
            origin: Some(span),
        };
        match given(estate, &role, issuer.as_ref(), &subject) {
            Given::Absent => {
                let message = format!("the role `{role}` is not in the estate");
                notes.warn(codes::MISSING, span, message);
            }
            Given::Refused => {
                let message = format!("the role `{role}` does not trust the service account");
                notes.warn(codes::NO_TRUST, span, message);
            }
            Given::By(role, certainty, trust) => estate.grants.push(Grant {
                holder: credential,
                power: Power::Assume(role),
                certainty,
                evidence: [said].into_iter().chain(trust).collect(),
            }),
        }
    }
}

/// What tokens call a service account, by its namespace and name.
fn subject_of(id: &Name) -> String {
    format!("system:serviceaccount:{}", id.replacen('/', ":", 1))
}

/// The roles that the cluster's provider gives pods of an account by association.
fn associated(estate: &Estate, cluster: &Name, subject: &str) -> Vec<Trust> {
    let issuer = Trust::pods_of(cluster);
    let all = estate.trusts.iter();
    all.filter(|trust| trust.issuer == issuer && trust.admits(subject)).cloned().collect()
}

fn read(objects: &[Object<'_>], notes: &mut Notes) -> BTreeMap<Name, Account> {
    let mut found = BTreeMap::new();
    for object in objects.iter().filter(|object| object.kind == "ServiceAccount") {
        let metadata = notes.take(object.node.object_field("metadata"));
        let annotations =
            metadata.and_then(|metadata| notes.take(metadata.object_field("annotations")));
        let role = annotations.and_then(|annotations| annotations.get(ROLE));
        let role = role.and_then(|role| Some((Name::from(role.as_str()?), role.span())));
        let mounts_token = notes.take(object.node.bool_field("automountServiceAccountToken"));
        let account = Account { span: Some(object.span), role, mounts_token };
        found.insert(object.full_name(), account);
    }
    found
}

/// Who issues the tokens of the cluster, where the estate tells.
fn issuer(estate: &Estate, cluster: &Name) -> Option<Name> {
    let mut clusters = estate.workloads.values().filter(|one| one.kind == WorkloadKind::Cluster);
    let named = clusters.find(|one| one.name == *cluster)?;
    named.labels.get(Trust::ISSUER).cloned()
}

/// Whether a role is given for the token of a service account.
enum Given {
    /// The estate does not hold the role.
    Absent,
    /// It is given for other tokens only.
    Refused,
    /// It is given, as far as is known, and by which statement.
    By(CredentialId, Certainty, Option<Evidence>),
}

fn given(estate: &Estate, role: &Name, issuer: Option<&Name>, subject: &str) -> Given {
    let mut credentials = estate.credentials.iter();
    let Some((role, _)) = credentials.find(|(_, one)| one.id == *role) else {
        return Given::Absent;
    };
    let Some(issuer) = issuer else { return Given::By(role, Certainty::Possible, None) };
    let mut trusts = estate.trusts.iter().filter(|trust| {
        trust.credential == role && trust.issuer == *issuer && trust.admits(subject)
    });
    match trusts.next() {
        Some(trust) => Given::By(role, trust.certainty, Some(trust.evidence.clone())),
        None => Given::Refused,
    }
}
