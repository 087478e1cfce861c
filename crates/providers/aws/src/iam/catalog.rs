//! The resources that permissions are about, by family, with their own policies.

use std::collections::BTreeMap;

use watertight_model::{
    Credential, CredentialId, Evidence, Labels, Name, Workload, WorkloadId, WorkloadKind,
};
use watertight_source::Node;

use crate::codes;
use crate::context::Context;
use crate::scope::arn_scope;
use crate::shapes::Kind;

use super::evaluate::ResourcePolicy;
use super::facts::{DocumentAt, Facts};
use super::pattern::Subject;
use super::public::{self, Blocks};
use super::request::{Tags, Target};
use super::truth::Truth;

/// One resource that permissions are about.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// Its ARN, or the beginning of the ARNs of what it holds.
    pub(crate) arn: String,
    /// Whether `arn` is only the beginning.
    pub(crate) is_open: bool,
    /// The workload that it is, if it is one.
    pub(crate) workload: Option<WorkloadId>,
    /// The credential that it is, if it is one.
    pub(crate) credential: Option<CredentialId>,
    /// Its account, where known.
    pub(crate) account: Option<Name>,
    /// Its region, where it has one.
    pub(crate) region: Option<Name>,
    /// Its tags, where they were read.
    pub(crate) tags: Option<Labels>,
    /// Whether `tags` are all.
    pub(crate) has_all_tags: bool,
    /// The organization of its account, where known.
    pub(crate) organization: Option<Name>,
    /// Its policy.
    pub(crate) policy: Option<DocumentAt>,
    /// What is known of a policy that was not read.
    pub(crate) unread: Option<Evidence>,
    /// Whether it takes the commands that a permission lets one send.
    pub(crate) is_enabled: Truth,
    /// The network that a connection to it must come from, where only that leads to it.
    pub(crate) network: Option<Name>,
    /// The key that encrypts it, where it is one of the account's own.
    pub(crate) key: Option<String>,
    /// What keeps the public away from it, for a bucket.
    pub(crate) blocks: Blocks,
}

impl Resource {
    /// A resource by its ARN.
    pub(crate) fn new(facts: &Facts, arn: String, account: Option<Name>) -> Self {
        let region = arn_scope(&arn).1.map(Name::from);
        let organization = account.as_ref().and_then(|id| facts.organization_of(id)).cloned();
        Self {
            arn,
            is_open: false,
            workload: None,
            credential: None,
            account,
            region,
            tags: None,
            has_all_tags: false,
            organization,
            policy: None,
            unread: None,
            is_enabled: Truth::Unknown,
            network: None,
            key: None,
            blocks: Blocks { restricts: Truth::No, ignores_lists: Truth::Yes },
        }
    }

    /// It as the target of requests.
    pub(crate) fn target(&self) -> Target<'_> {
        let subject =
            if self.is_open { Subject::open(&self.arn) } else { Subject::exact(&self.arn) };
        Target {
            region: self.region.as_deref(),
            organization: self.organization.as_deref(),
            tags: match &self.tags {
                None => Tags::Unknown,
                Some(tags) if self.has_all_tags => Tags::All(tags),
                Some(tags) => Tags::Some(tags),
            },
            ..Target::new(subject, self.account.as_deref())
        }
    }

    /// What is known about its policy.
    pub(crate) fn resource_policy<'p>(&'p self, facts: &'p Facts) -> ResourcePolicy<'p> {
        match (self.policy.and_then(|at| facts.document(at)), &self.unread) {
            (Some(document), _) => ResourcePolicy::Read(document),
            (None, Some(evidence)) => ResourcePolicy::Unread(evidence),
            (None, None) => ResourcePolicy::Absent,
        }
    }
}

/// The resources of the estate, each family ordered by ARN.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// Buckets, as all of their objects.
    pub(crate) buckets: Vec<Resource>,
    /// Key-value tables.
    pub(crate) tables: Vec<Resource>,
    /// Queues.
    pub(crate) queues: Vec<Resource>,
    /// Clusters of databases with a data API.
    pub(crate) data_apis: Vec<Resource>,
    /// Databases that take IAM's tokens for passwords, as all of their users.
    pub(crate) logins: Vec<Resource>,
    /// Secrets.
    pub(crate) secrets: Vec<Resource>,
    /// Machines.
    pub(crate) machines: Vec<Resource>,
    /// Functions.
    pub(crate) functions: Vec<Resource>,
    /// Tasks, as all tasks of a cluster or service.
    pub(crate) tasks: Vec<Resource>,
    /// Control planes of Kubernetes.
    pub(crate) clusters: Vec<Resource>,
}

impl Catalog {
    /// Reads workloads and secrets, with their policies.
    pub(crate) fn read(context: &mut Context<'_>, facts: &mut Facts) -> Self {
        let mut catalog = Self::default();
        let buckets = bucket_accounts(context);
        let queues = queue_policies(context);
        for id in context.estate.workloads.ids() {
            let workload = &context.estate.workloads[id];
            // Machines and what else is counted by the million matter to holders alone.
            if facts.holders.is_empty() && workload.kind == WorkloadKind::Machine {
                continue;
            }
            let workload = workload.clone();
            catalog.add_workload(context, facts, id, &workload, &buckets, &queues);
        }
        super::databases::read(context, facts, &mut catalog);
        catalog.read_secrets(context, facts);
        for family in catalog.families() {
            family.sort_by(|left, right| left.arn.cmp(&right.arn));
        }
        catalog
    }

    fn families(&mut self) -> [&mut Vec<Resource>; 10] {
        [
            &mut self.buckets,
            &mut self.tables,
            &mut self.queues,
            &mut self.data_apis,
            &mut self.logins,
            &mut self.secrets,
            &mut self.machines,
            &mut self.functions,
            &mut self.tasks,
            &mut self.clusters,
        ]
    }

    fn add_workload(
        &mut self,
        context: &mut Context<'_>,
        facts: &mut Facts,
        id: WorkloadId,
        workload: &Workload,
        buckets: &BTreeMap<Name, Name>,
        queues: &BTreeMap<String, Node<'_>>,
    ) {
        let own = workload.id.as_str();
        let (arn, service) = match workload.kind {
            WorkloadKind::ObjectStore => {
                let name = own.rsplit_once(":::").map_or(own, |(_, name)| name);
                let partition = partition_of(workload.region.as_deref());
                (format!("arn:{partition}:s3:::{name}/"), "s3")
            }
            WorkloadKind::Machine => {
                let region = workload.region.as_deref();
                let partition = partition_of(region);
                let account = workload.account.as_deref().unwrap_or_default();
                let region = region.unwrap_or_default();
                (format!("arn:{partition}:ec2:{region}:{account}:instance/{own}"), "ec2")
            }
            WorkloadKind::Queue => match queue_arn(own) {
                Some(arn) => (arn, "sqs"),
                None => return,
            },
            _ => match own.split(':').nth(2) {
                Some(service) if own.starts_with("arn:") => (own.to_owned(), service),
                _ => return,
            },
        };
        let account = workload.account.clone().or_else(|| arn_scope(&arn).0.map(Name::from));
        let mut resource = Resource::new(facts, arn, account);
        resource.workload = Some(id);
        if resource.region.is_none() {
            resource.region.clone_from(&workload.region);
        }
        resource.tags = Some(tags_of(&workload.labels));
        resource.has_all_tags = workload.kind == WorkloadKind::Machine;
        match (workload.kind, service) {
            (WorkloadKind::ObjectStore, _) => {
                self.add_bucket(context, facts, resource, own, buckets);
            }
            (WorkloadKind::Machine, _) => self.machines.push(resource),
            (WorkloadKind::Queue, "sqs") => self.add_queue(context, facts, resource, queues),
            (WorkloadKind::Table, "dynamodb") => self.tables.push(resource),
            (WorkloadKind::Function, "lambda") => {
                self.add_function(context, facts, resource, &workload.name);
            }
            (WorkloadKind::Task, "ecs") => self.add_task(context, resource),
            (WorkloadKind::Cluster, "eks") => self.add_cluster(context, resource),
            _ => {}
        }
    }

    /// A bucket's policy is a body of its own. Where the input holds that of no bucket of an
    /// account, it does not tell whether there is one.
    fn add_bucket(
        &mut self,
        context: &mut Context<'_>,
        facts: &mut Facts,
        mut resource: Resource,
        id: &str,
        buckets: &BTreeMap<Name, Name>,
    ) {
        let name = id.rsplit_once(":::").map_or(id, |(_, name)| name);
        if resource.account.is_none() {
            resource.account = buckets.get(name).cloned();
        }
        // Tags of buckets count for permissions only where a bucket is set so.
        resource.tags = None;
        resource.is_open = true;
        let owner = context.name(&format!("arn:aws:s3:::{name}"));
        let policy = context.index.find(Kind::BucketPolicies, name);
        if let Some(place) = policy.and_then(|item| item.node.get("Policy")) {
            resource.policy = Some(facts.read_document(context, &owner, place));
        } else if !has_any(context, Kind::BucketPolicies, resource.account.as_deref())
            || is_denied(context, Kind::BucketPolicies, &resource, &[name])
        {
            resource.unread = Some(unread(&owner));
        }
        resource.blocks = public::blocks(context, name, resource.account.as_deref());
        self.buckets.push(resource);
    }

    fn add_queue(
        &mut self,
        context: &mut Context<'_>,
        facts: &mut Facts,
        mut resource: Resource,
        queues: &BTreeMap<String, Node<'_>>,
    ) {
        if let Some(place) = queues.get(&resource.arn) {
            let id = context.name(&resource.arn);
            resource.policy = Some(facts.read_document(context, &id, *place));
        } else {
            let own = resource.workload.map(|id| context.estate.workloads[id].id.clone());
            let ids = [resource.arn.as_str(), own.as_deref().unwrap_or_default()];
            if is_denied(context, Kind::QueueAttributes, &resource, &ids) {
                resource.unread = Some(unread(&Name::from(resource.arn.as_str())));
            }
        }
        self.queues.push(resource);
    }

    fn add_function(
        &mut self,
        context: &mut Context<'_>,
        facts: &mut Facts,
        mut resource: Resource,
        name: &str,
    ) {
        let index = context.index;
        let policy = index.find(Kind::FunctionPolicies, &resource.arn);
        let (account, region) = (resource.account.as_deref(), resource.region.as_deref());
        let policy =
            policy.or_else(|| index.find_in(Kind::FunctionPolicies, name, account, region));
        if let Some(place) = policy.and_then(|item| item.node.get("Policy")) {
            let id = context.name(&resource.arn);
            resource.policy = Some(facts.read_document(context, &id, place));
        } else if is_denied(context, Kind::FunctionPolicies, &resource, &[&resource.arn, name]) {
            resource.unread = Some(unread(&Name::from(resource.arn.as_str())));
        }
        self.functions.push(resource);
    }

    /// `ecs:ExecuteCommand` is about tasks: `task/cluster/id`. A service stands for those of its
    /// cluster, since their ids change with each start.
    fn add_task(&mut self, context: &mut Context<'_>, mut resource: Resource) {
        let index = context.index;
        let item = index.find(Kind::ContainerServices, &resource.arn);
        let item = item.or_else(|| index.find(Kind::ContainerTasks, &resource.arn));
        if let Some(item) = item {
            let is_enabled = context.fields.flag(item.node, "enableExecuteCommand");
            resource.is_enabled = is_enabled.map_or(Truth::Unknown, Truth::from);
        }
        if let Some((head, rest)) = resource.arn.split_once(":service/") {
            let cluster = rest.split_once('/').map_or("", |(cluster, _)| cluster);
            resource.arn = format!("{head}:task/{cluster}/");
            resource.is_open = true;
        }
        self.tasks.push(resource);
    }

    /// Access entries count only in clusters that take them.
    fn add_cluster(&mut self, context: &mut Context<'_>, mut resource: Resource) {
        if let Some(item) = context.index.find(Kind::KubernetesClusters, &resource.arn) {
            let access = context.fields.object(item.node, "accessConfig");
            let mode = access.and_then(|access| context.fields.text(access, "authenticationMode"));
            resource.is_enabled = match mode {
                Some("API" | "API_AND_CONFIG_MAP") => Truth::Yes,
                Some("CONFIG_MAP") => Truth::No,
                _ => Truth::Unknown,
            };
        }
        self.clusters.push(resource);
    }

    fn read_secrets(&mut self, context: &mut Context<'_>, facts: &mut Facts) {
        for item in context.index.of(Kind::Secrets) {
            let name = context.fields.text(item.node, "Name").unwrap_or(item.id);
            let account = context.account_of(item).map(Name::from);
            let credential = Credential {
                id: context.name(item.id),
                name: context.name(name),
                kind: context.name("secret"),
                account: account.clone(),
                origin: Some(item.node.span()),
            };
            let id = credential.id.clone();
            let credential = context.estate.credentials.push(credential);
            let mut resource = Resource::new(facts, item.id.to_owned(), account);
            resource.credential = Some(credential);
            let tags = context.fields.tags(item.node, "Tags");
            let tags = tags.into_iter().map(|(key, value)| (Name::from(key), Name::from(value)));
            resource.tags = Some(tags.collect());
            resource.has_all_tags = item.node.get("Tags").is_some();
            let key = context.fields.text(item.node, "KmsKeyId");
            let own =
                key.filter(|key| !key.is_empty() && !key.ends_with("alias/aws/secretsmanager"));
            resource.key = own.map(ToOwned::to_owned);
            let policy = context.index.find(Kind::SecretPolicies, item.id);
            let (account, region) = (resource.account.as_deref(), resource.region.as_deref());
            let policy = policy
                .or_else(|| context.index.find_in(Kind::SecretPolicies, name, account, region));
            if let Some(place) = policy.and_then(|item| item.node.get("ResourcePolicy")) {
                resource.policy = Some(facts.read_document(context, &id, place));
            } else if is_denied(context, Kind::SecretPolicies, &resource, &[item.id, name]) {
                resource.unread = Some(unread(&id));
            }
            self.secrets.push(resource);
        }
        let first = context.index.of(Kind::Secrets).first();
        if let Some(item) = first.filter(|_| !context.index.has(Kind::SecretPolicies)) {
            let message = "no resource policy of a secret is in the input; secrets are taken to \
                           have none";
            context.fields.note(item.node, codes::UNREAD_CONTENT, item.id, message.to_owned());
        }
    }
}

/// The ARNs of a family, for [`Actor::named`](super::actor::Actor::named).
pub(crate) fn arns(family: &[Resource]) -> Vec<&str> {
    family.iter().map(|resource| resource.arn.as_str()).collect()
}

/// The partition of a region: `aws`, or that of China or of the government's regions.
pub(crate) fn partition_of(region: Option<&str>) -> &'static str {
    match region {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The evidence that a policy was not read.
pub(crate) fn unread(resource: &Name) -> Evidence {
    Evidence {
        resource: resource.clone(),
        rule: Name::from("policy"),
        text: Name::from("its policy is not in the input"),
        origin: None,
    }
}

/// The tags among the labels of a workload: without the provider's facts.
fn tags_of(labels: &Labels) -> Labels {
    let is_fact = |key: &str| {
        matches!(key, "cloud" | "kind" | "region") || matches!(key, "aws.account" | "aws.vpc")
    };
    let tags = labels.iter().filter(|(key, _)| !is_fact(key));
    tags.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Where the policy of each queue stands, by the queue's ARN.
fn queue_policies<'t>(context: &Context<'t>) -> BTreeMap<String, Node<'t>> {
    let mut policies = BTreeMap::new();
    for item in context.index.of(Kind::QueueAttributes) {
        let Some(attributes) = item.node.get("Attributes") else { continue };
        let arn = attributes.get("QueueArn").and_then(Node::as_str).map(ToOwned::to_owned);
        let arn = arn.or_else(|| queue_arn(item.id));
        if let (Some(arn), Some(policy)) = (arn, attributes.get("Policy")) {
            policies.insert(arn, policy);
        }
    }
    policies
}

/// The account that listed each bucket: a list holds those of the account that asked.
fn bucket_accounts(context: &Context<'_>) -> BTreeMap<Name, Name> {
    let items = context.index.of(Kind::Buckets).iter();
    let pairs = items.filter_map(|item| Some((Name::from(item.id), item.scope.account.clone()?)));
    pairs.collect()
}

/// Whether the collecting role was denied the policy of a resource, which goes by one of `ids`.
fn is_denied(context: &Context<'_>, kind: Kind, resource: &Resource, ids: &[&str]) -> bool {
    context.index.denials.about(kind, resource.account.as_deref(), ids)
}

/// Whether the input holds any body of a kind from an account.
fn has_any(context: &Context<'_>, kind: Kind, account: Option<&str>) -> bool {
    let mut marks = context.index.marks();
    marks.any(|(marked, from, _)| marked == kind && (from == account || from.is_none()))
}

/// The ARN of a queue from its ARN or URL (`https://sqs.region.amazonaws.com/account/name`).
fn queue_arn(id: &str) -> Option<String> {
    if id.starts_with("arn:") {
        return (id.split(':').nth(2) == Some("sqs")).then(|| id.to_owned());
    }
    let rest = id.strip_prefix("https://")?;
    let mut parts = rest.split('/');
    let (host, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    let region = host.strip_prefix("sqs.")?.split('.').next()?;
    let partition = partition_of(Some(region));
    Some(format!("arn:{partition}:sqs:{region}:{account}:{name}"))
}
