//! Who may read data and secrets.

use std::collections::BTreeSet;

use watertight_model::{Certainty, Name, Power, Scope};

use super::actor::Actor;
use super::catalog::{Catalog, Resource, arns};
use super::direct::Direct;
use super::evaluate::{Outcome, ResourcePolicy, Sides};
use super::facts::Facts;
use super::grants::{Grants, remark};
use super::keys::{Keys, Parameter};
use super::pattern::Subject;
use super::places::{Guarded, Part, PrivateEndpoints};
use super::public;
use super::request::Target;
use super::truth::Truth;

/// A family of stores with what it takes to read one.
struct Family<'c> {
    resources: &'c [Resource],
    arns: Vec<&'c str>,
    direct: Direct,
    /// Each of them reads data, in lower case.
    actions: &'static [&'static str],
    /// The service as names of private endpoints end.
    service: &'static str,
}

/// Reading of stores.
pub(crate) struct Stores<'c> {
    facts: &'c Facts,
    catalog: &'c Catalog,
    endpoints: &'c PrivateEndpoints,
    families: [Family<'c>; 3],
}

impl<'c> Stores<'c> {
    /// The stores of a catalog.
    pub(crate) fn new(
        facts: &'c Facts,
        catalog: &'c Catalog,
        endpoints: &'c PrivateEndpoints,
    ) -> Self {
        let family = |resources: &'c [Resource], actions, service| Family {
            resources,
            arns: arns(resources),
            direct: Direct::of(facts, resources, actions),
            actions,
            service,
        };
        let families = [
            family(&catalog.buckets, &["s3:getobject"], "s3"),
            family(
                &catalog.tables,
                &["dynamodb:getitem", "dynamodb:query", "dynamodb:scan", "dynamodb:batchgetitem"],
                "dynamodb",
            ),
            family(&catalog.queues, &["sqs:receivemessage"], "sqs"),
        ];
        Self { facts, catalog, endpoints, families }
    }

    /// Adds what a holder may read.
    pub(crate) fn add(&self, at: usize, actor: &Actor<'_>, grants: &mut Grants) {
        for family in &self.families {
            let mut candidates: BTreeSet<usize> =
                family.direct.for_holder(at, actor.holder).collect();
            for action in family.actions {
                candidates.extend(actor.named(action, &family.arns, usize::MAX));
            }
            for resource in candidates.into_iter().filter_map(|at| family.resources.get(at)) {
                self.add_store(family, actor, resource, grants);
            }
        }
        self.add_data_apis(actor, grants);
        self.add_logins(actor, grants);
    }

    fn add_store(
        &self,
        family: &Family<'_>,
        actor: &Actor<'_>,
        resource: &Resource,
        grants: &mut Grants,
    ) {
        let Some(store) = resource.workload else { return };
        let mut parts: Vec<Part> = Vec::new();
        for action in family.actions {
            let guarded = Guarded {
                facts: self.facts,
                endpoints: self.endpoints,
                service: family.service,
                caller: &actor.holder.caller,
                action,
                target: resource.target(),
            };
            let policy = resource.resource_policy(self.facts);
            let own = match policy {
                ResourcePolicy::Read(document) => Some(document),
                ResourcePolicy::Absent | ResourcePolicy::Unread(_) => None,
            };
            let documents = actor.identity.iter().copied().chain(actor.boundary).chain(own);
            let over_resource =
                resource.account.as_ref().and_then(|account| actor.over_resources.get(account));
            let levels = actor.guardrails.levels.iter();
            let levels = levels.chain(over_resource.into_iter().flat_map(|one| &one.levels));
            let documents = documents.chain(levels.flatten().copied());
            let found = guarded.parts(documents, |place| {
                actor.may_from(place, action, resource.target(), policy, Sides::Either)
            });
            let is_best = found.iter().any(is_unbounded);
            parts.extend(found);
            if is_best {
                break;
            }
        }
        if parts.iter().any(is_unbounded) {
            parts.retain(is_unbounded);
        }
        let is_foreign = resource.account.as_ref() != Some(&actor.holder.caller.account);
        let document = resource.policy.and_then(|at| self.facts.document(at));
        let restricted = match document.filter(|_| is_foreign) {
            Some(document) if resource.blocks.restricts != Truth::No => {
                resource.blocks.restricts.and(public::is_public(document))
            }
            _ => Truth::No,
        };
        for (scope, certainty, evidence) in parts {
            let truth = match certainty {
                Certainty::Sure => Truth::Yes,
                Certainty::Possible => Truth::Unknown,
            };
            let truth = truth.and(restricted.not());
            grants.add(actor.holder.credential, Power::ReadData { store, scope }, truth, evidence);
        }
    }

    /// The data API takes the permission and a secret with the database's password. Which secret
    /// that is the body does not tell, so the grant is possible where any may be read.
    fn add_data_apis(&self, actor: &Actor<'_>, grants: &mut Grants) {
        const EXECUTE: &str = "rds-data:executestatement";
        const SECRET: &str = "secretsmanager:getsecretvalue";
        let family = &self.catalog.data_apis;
        if family.is_empty() || !actor.is_allowed_any(EXECUTE) || !actor.is_allowed_any(SECRET) {
            return;
        }
        for at in actor.named(EXECUTE, &arns(family), usize::MAX) {
            let Some(resource) = family.get(at) else { continue };
            let outcome = actor.may_simply(EXECUTE, resource.target());
            let Some(store) = resource.workload else { continue };
            let power = Power::ReadData { store, scope: Scope::Anywhere };
            let truth = outcome.allowed.and(Truth::Unknown);
            grants.add(actor.holder.credential, power, truth, outcome.evidence);
        }
    }

    /// A token opens a connection, which still has to come through the network: the scope is the
    /// database's network.
    fn add_logins(&self, actor: &Actor<'_>, grants: &mut Grants) {
        const CONNECT: &str = "rds-db:connect";
        let family = &self.catalog.logins;
        if family.is_empty() || !actor.is_allowed_any(CONNECT) {
            return;
        }
        for at in actor.named(CONNECT, &arns(family), usize::MAX) {
            let Some(resource) = family.get(at) else { continue };
            let Some(store) = resource.workload else { continue };
            let outcome = actor.may_simply(CONNECT, resource.target());
            let (scope, truth) = match &resource.network {
                Some(network) => (Scope::Only(vec![network.clone()]), outcome.allowed),
                None => (Scope::Anywhere, outcome.allowed.and(Truth::Unknown)),
            };
            let power = Power::ReadData { store, scope };
            grants.add(actor.holder.credential, power, truth, outcome.evidence);
        }
    }
}

fn is_unbounded(part: &Part) -> bool {
    part.0 == Scope::Anywhere && part.1 == Certainty::Sure
}

/// Reading of secrets.
pub(crate) struct Secrets<'c> {
    facts: &'c Facts,
    resources: &'c [Resource],
    arns: Vec<&'c str>,
    direct: Direct,
    keys: &'c Keys,
}

const GET_SECRET: &str = "secretsmanager:getsecretvalue";

impl<'c> Secrets<'c> {
    /// The secrets of a catalog.
    pub(crate) fn new(facts: &'c Facts, catalog: &'c Catalog, keys: &'c Keys) -> Self {
        let resources = catalog.secrets.as_slice();
        let direct = Direct::of(facts, resources, &[GET_SECRET]);
        Self { facts, resources, arns: arns(resources), direct, keys }
    }

    /// Adds the secrets that a holder may read.
    pub(crate) fn add(&self, at: usize, actor: &Actor<'_>, grants: &mut Grants) {
        let mut candidates: BTreeSet<usize> = self.direct.for_holder(at, actor.holder).collect();
        candidates.extend(actor.named(GET_SECRET, &self.arns, usize::MAX));
        for resource in candidates.into_iter().filter_map(|at| self.resources.get(at)) {
            let Some(secret) = resource.credential else { continue };
            let policy = resource.resource_policy(self.facts);
            let outcome = actor.may(GET_SECRET, resource.target(), policy, Sides::Either);
            if outcome.allowed == Truth::No {
                continue;
            }
            let outcome = outcome.and(self.decrypt(actor, resource));
            let power = Power::ReadSecret(secret);
            grants.add(actor.holder.credential, power, outcome.allowed, outcome.evidence);
        }
        self.add_parameters(actor, grants);
    }

    /// "Secret encryption and decryption in AWS Secrets Manager": a secret under a key of the
    /// account's own takes `kms:Decrypt`; one under the service's key cannot be read from another
    /// account.
    fn decrypt(&self, actor: &Actor<'_>, resource: &Resource) -> Outcome {
        let Some(key) = &resource.key else {
            let is_same = resource.account.as_ref() == Some(&actor.holder.caller.account);
            return Outcome { allowed: Truth::from(is_same), evidence: Vec::new() };
        };
        let (arn, policy) = self.keys.find(key, resource);
        let subject = Subject::exact(&arn);
        let target = Target { subject, tags: super::request::Tags::Unknown, ..resource.target() };
        if let Some(document) = policy.and_then(|at| self.facts.document(at)) {
            let policy = ResourcePolicy::Read(document);
            return actor.may("kms:decrypt", target, policy, Sides::Resource);
        }
        let evidence = super::catalog::unread(&Name::from(arn.as_str()));
        Outcome { allowed: Truth::Unknown, evidence: vec![evidence] }
    }

    /// Parameters are not listed in the input: those that a policy names one by one are known.
    fn add_parameters(&self, actor: &Actor<'_>, grants: &mut Grants) {
        const ACTIONS: [&str; 3] =
            ["ssm:getparameter", "ssm:getparameters", "ssm:getparametersbypath"];
        let parameters = self.keys.parameters();
        if parameters.is_empty() {
            return;
        }
        for action in ACTIONS {
            for at in actor.named(action, parameters, usize::MAX) {
                let Some(Parameter { arn, credential }) = parameters.get(at) else { continue };
                let account = arn.split(':').nth(4);
                let target = Target {
                    region: arn.split(':').nth(3),
                    ..Target::new(Subject::exact(arn), account)
                };
                let mut outcome = actor.may_simply(action, target);
                outcome.evidence.push(remark(
                    arn,
                    "parameter",
                    "named by a policy; whether it exists is not in the input",
                ));
                let truth = outcome.allowed.and(Truth::Unknown);
                let power = Power::ReadSecret(*credential);
                grants.add(actor.holder.credential, power, truth, outcome.evidence);
            }
        }
    }
}
