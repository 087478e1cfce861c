//! Who may run code on what, and who may change guards, routes and labels.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{CredentialId, Estate, Labels, Name, Power};
use watertight_source::Node;

use crate::context::Context;
use crate::shapes::Kind;

use super::actor::Actor;
use super::assume::merge;
use super::catalog::{Catalog, Resource, arns, partition_of};
use super::evaluate::{Outcome, Sides};
use super::facts::Facts;
use super::grants::{Grants, remark};
use super::pattern::Subject;
use super::request::{Tags, Target};
use super::truth::Truth;

/// Guards that are tried for one holder and action before the answer stays unknown.
const GUARDS_TRIED_MAX: usize = 200;

/// Running code on workloads.
pub(crate) struct Control<'c> {
    facts: &'c Facts,
    catalog: &'c Catalog,
    machines: Vec<&'c str>,
    functions: Vec<&'c str>,
    tasks: Vec<&'c str>,
    clusters: Vec<&'c str>,
    /// Machines whose role lets them be managed by Systems Manager.
    managed: BTreeSet<usize>,
}

impl<'c> Control<'c> {
    /// The workloads of a catalog, with the actors whose roles they have.
    pub(crate) fn new(
        facts: &'c Facts,
        catalog: &'c Catalog,
        actors: &[Actor<'_>],
        estate: &Estate,
    ) -> Self {
        let mut able: BTreeMap<CredentialId, bool> = BTreeMap::new();
        for actor in actors {
            able.insert(actor.holder.credential, can_be_managed(actor));
        }
        let has_agent = |resource: &Resource| {
            let workload = resource.workload.map(|id| &estate.workloads[id]);
            let credential = workload.and_then(|workload| workload.credential);
            credential.is_some_and(|credential| able.get(&credential) == Some(&true))
        };
        let machines = catalog.machines.iter().enumerate();
        let managed = machines.filter(|(_, one)| has_agent(one)).map(|(at, _)| at).collect();
        Self {
            facts,
            catalog,
            machines: arns(&catalog.machines),
            functions: arns(&catalog.functions),
            tasks: arns(&catalog.tasks),
            clusters: arns(&catalog.clusters),
            managed,
        }
    }

    /// Adds the workloads that a holder may run code on.
    pub(crate) fn add(&self, actor: &Actor<'_>, grants: &mut Grants) {
        self.add_machines(actor, grants);
        self.add_functions(actor, grants);
        self.add_tasks(actor, grants);
        self.add_clusters(actor, grants);
    }

    fn grant(actor: &Actor<'_>, resource: &Resource, outcome: Outcome, grants: &mut Grants) {
        if let Some(workload) = resource.workload {
            let power = Power::RunCode(workload);
            grants.add(actor.holder.credential, power, outcome.allowed, outcome.evidence);
        }
    }

    /// AWS Systems Manager User Guide, "Run Command" and "Session Manager"; Amazon EC2 User Guide,
    /// "EC2 Instance Connect", whose key is of use only to who also reaches the machine's port.
    fn add_machines(&self, actor: &Actor<'_>, grants: &mut Grants) {
        const ACTIONS: [&str; 3] =
            ["ssm:sendcommand", "ssm:startsession", "ec2-instance-connect:sendsshpublickey"];
        let mut candidates = BTreeSet::new();
        for action in ACTIONS {
            candidates.extend(actor.named(action, &self.machines, usize::MAX));
        }
        for at in candidates {
            let Some(resource) = self.catalog.machines.get(at) else { continue };
            let mut best = Outcome::no();
            for action in ACTIONS {
                let mut outcome = actor.may_simply(action, resource.target());
                if outcome.allowed == Truth::No {
                    continue;
                }
                if action == "ssm:sendcommand" {
                    outcome = outcome.and(send_document(actor, resource));
                }
                if action.starts_with("ssm:") && !self.managed.contains(&at) {
                    outcome.allowed = outcome.allowed.and(Truth::Unknown);
                    let text = "whether Systems Manager manages it is not in the input";
                    outcome.evidence.push(remark(
                        &Name::from(resource.arn.as_str()),
                        "agent",
                        text,
                    ));
                }
                if action.starts_with("ec2-") {
                    outcome.allowed = outcome.allowed.and(Truth::Unknown);
                }
                if outcome.allowed > best.allowed {
                    best = outcome;
                }
            }
            Self::grant(actor, resource, best, grants);
        }
    }

    /// New code of a function runs when its next event comes; who may also invoke it need not wait.
    fn add_functions(&self, actor: &Actor<'_>, grants: &mut Grants) {
        const UPDATE: &str = "lambda:updatefunctioncode";
        for at in actor.named(UPDATE, &self.functions, usize::MAX) {
            let Some(resource) = self.catalog.functions.get(at) else { continue };
            let policy = resource.resource_policy(self.facts);
            let mut outcome = actor.may(UPDATE, resource.target(), policy, Sides::Either);
            if outcome.allowed == Truth::No {
                continue;
            }
            let invoke = "lambda:invokefunction";
            let invoke = actor.may(invoke, resource.target(), policy, Sides::Either);
            if invoke.allowed == Truth::Yes {
                merge(&mut outcome.evidence, invoke.evidence);
            }
            Self::grant(actor, resource, outcome, grants);
        }
    }

    fn add_tasks(&self, actor: &Actor<'_>, grants: &mut Grants) {
        const EXECUTE: &str = "ecs:executecommand";
        for at in actor.named(EXECUTE, &self.tasks, usize::MAX) {
            let Some(resource) = self.catalog.tasks.get(at) else { continue };
            let mut outcome = actor.may_simply(EXECUTE, resource.target());
            outcome.allowed = outcome.allowed.and(resource.is_enabled);
            Self::grant(actor, resource, outcome, grants);
        }
    }

    /// Amazon EKS User Guide, "Grant IAM users access to Kubernetes with EKS access entries": who
    /// may make an entry and give it a policy may run code in the cluster.
    fn add_clusters(&self, actor: &Actor<'_>, grants: &mut Grants) {
        const ENTRY: &str = "eks:createaccessentry";
        for at in actor.named(ENTRY, &self.clusters, usize::MAX) {
            let Some(resource) = self.catalog.clusters.get(at) else { continue };
            let entries = resource.arn.replacen(":cluster/", ":access-entry/", 1) + "/";
            let target = Target { subject: Subject::open(&entries), ..resource.target() };
            let outcome = actor.may_simply(ENTRY, resource.target());
            let mut outcome = outcome.and(actor.may_simply("eks:associateaccesspolicy", target));
            outcome.allowed = outcome.allowed.and(resource.is_enabled);
            Self::grant(actor, resource, outcome, grants);
        }
    }
}

/// Whether a machine with this role may be managed: its agent has to call in.
fn can_be_managed(actor: &Actor<'_>) -> bool {
    let account = actor.holder.caller.account.as_str();
    let target = Target::new(Subject::exact("*"), Some(account));
    ["ssm:updateinstanceinformation", "ssmmessages:createcontrolchannel"]
        .iter()
        .all(|action| actor.may_simply(action, target).allowed == Truth::Yes)
}

/// Sending a command takes the permission on a document too: that of the provider which runs any
/// shell script; one of the account's own may do so as well.
fn send_document(actor: &Actor<'_>, resource: &Resource) -> Outcome {
    const SEND: &str = "ssm:sendcommand";
    let region = resource.region.as_deref().unwrap_or_default();
    let account = resource.account.as_deref().unwrap_or_default();
    let partition = partition_of(resource.region.as_deref());
    let shell = format!("arn:{partition}:ssm:{region}::document/AWS-RunShellScript");
    let target =
        Target { subject: Subject::exact(&shell), tags: Tags::Unknown, ..resource.target() };
    let outcome = actor.may_simply(SEND, target);
    if outcome.allowed != Truth::No {
        return outcome;
    }
    let own = format!("arn:{partition}:ssm:{region}:{account}:document/");
    let mut outcome = actor.may_simply(SEND, Target { subject: Subject::open(&own), ..target });
    outcome.allowed = outcome.allowed.and(Truth::Unknown);
    outcome
}

/// Guards, routes and labelled things of one account, to ask who may change any of them.
#[derive(Debug, Default)]
struct Changeable {
    resources: Vec<Changed>,
}

/// One of them.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Changed {
    arn: String,
    tags: Labels,
    region: Option<Name>,
}

impl AsRef<str> for Changed {
    fn as_ref(&self) -> &str {
        &self.arn
    }
}

/// Changing of guards, routes and labels.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    by_account: BTreeMap<(Name, Kind), Changeable>,
}

/// Actions with the resource that each of them changes.
const CHANGES: [(&str, Kind); 14] = [
    ("ec2:authorizesecuritygroupingress", Kind::SecurityGroups),
    ("ec2:authorizesecuritygroupegress", Kind::SecurityGroups),
    ("ec2:modifysecuritygrouprules", Kind::SecurityGroups),
    ("ec2:createnetworkaclentry", Kind::NetworkAcls),
    ("ec2:replacenetworkaclentry", Kind::NetworkAcls),
    ("ec2:deletenetworkaclentry", Kind::NetworkAcls),
    ("ec2:createroute", Kind::RouteTables),
    ("ec2:replaceroute", Kind::RouteTables),
    ("ec2:modifynetworkinterfaceattribute", Kind::NetworkInterfaces),
    ("ec2:modifyinstanceattribute", Kind::Instances),
    ("ec2:createtags", Kind::Instances),
    ("ec2:deletetags", Kind::Instances),
    ("ec2:createtags", Kind::NetworkInterfaces),
    ("ec2:deletetags", Kind::NetworkInterfaces),
];

const CHANGED_KINDS: [(Kind, &str); 5] = [
    (Kind::SecurityGroups, "security-group"),
    (Kind::NetworkAcls, "network-acl"),
    (Kind::RouteTables, "route-table"),
    (Kind::NetworkInterfaces, "network-interface"),
    (Kind::Instances, "instance"),
];

impl Changes {
    /// Reads what can be changed. Where nobody is there to change it, only what is wrong with it is told.
    pub(crate) fn read(context: &mut Context<'_>, is_asked: bool) -> Self {
        let mut changes = Self::default();
        for (kind, word) in CHANGED_KINDS {
            for item in context.index.of(kind) {
                let Some(account) = context.account_of(item) else { continue };
                let region = context.region_of(item);
                let key = if item.node.get("TagSet").is_some() { "TagSet" } else { "Tags" };
                let tags = context.fields.tags(item.node, key).into_iter();
                if !is_asked {
                    continue;
                }
                let account = Name::from(account);
                let region = region.or_else(|| zone_region(item.node));
                let partition = partition_of(region);
                let place = region.unwrap_or_default();
                let arn = format!("arn:{partition}:ec2:{place}:{account}:{word}/{}", item.id);
                let tags = tags.map(|(key, value)| (Name::from(key), Name::from(value)));
                let region = region.map(Name::from);
                let resource = Changed { arn, tags: tags.collect(), region };
                changes.by_account.entry((account, kind)).or_default().resources.push(resource);
            }
        }
        for changeable in changes.by_account.values_mut() {
            changeable.resources.sort();
        }
        changes
    }

    /// Adds whether a holder may change guards, routes or labels of its account.
    pub(crate) fn add(&self, actor: &Actor<'_>, grants: &mut Grants) {
        let account = &actor.holder.caller.account;
        let mut allowed = Truth::No;
        let mut evidence = Vec::new();
        for (action, kind) in CHANGES {
            if !actor.is_allowed_any(action) {
                continue;
            }
            let Some(changeable) = self.by_account.get(&(account.clone(), kind)) else { continue };
            let outcome = changeable.change(actor, action, account);
            if outcome.allowed > allowed {
                allowed = outcome.allowed;
                evidence.clear();
            }
            if outcome.allowed == allowed && allowed != Truth::No {
                merge(&mut evidence, outcome.evidence);
            }
        }
        let power = Power::ChangeGuards(account.clone());
        grants.add(actor.holder.credential, power, allowed, evidence);
    }
}

impl Changeable {
    /// Whether the actor may do `action` to any of the resources.
    fn change(&self, actor: &Actor<'_>, action: &str, account: &Name) -> Outcome {
        let named = actor.named(action, &self.resources, GUARDS_TRIED_MAX);
        let is_cut = named.len() >= GUARDS_TRIED_MAX;
        let mut best = Outcome::no();
        for one in named.into_iter().filter_map(|at| self.resources.get(at)) {
            let target = Target {
                region: one.region.as_deref(),
                tags: Tags::All(&one.tags),
                ..Target::new(Subject::exact(&one.arn), Some(account))
            };
            let outcome = actor.may_simply(action, target);
            if outcome.allowed > best.allowed {
                best = outcome;
            }
            if best.allowed == Truth::Yes {
                return best;
            }
        }
        if is_cut && best.allowed == Truth::No {
            let text = "more guards are there than are tried";
            best =
                Outcome { allowed: Truth::Unknown, evidence: vec![remark(account, action, text)] };
        }
        best
    }
}

fn zone_region<'t>(node: Node<'t>) -> Option<&'t str> {
    let zone =
        node.get("AvailabilityZone").or_else(|| node.get("Placement")?.get("AvailabilityZone"));
    zone.and_then(Node::as_str).and_then(crate::scope::region_of_zone)
}
