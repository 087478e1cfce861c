use std::collections::BTreeMap;

use watertight_source::Span;

use crate::arena::arena_id;
use crate::network::EndpointId;
use crate::{CredentialId, MetadataService, Name};

arena_id! {
    /// Names a [`Workload`] of an estate.
    WorkloadId
}

/// Key and value facts on a workload. Provider facts live under reserved prefixes
/// (`aws.account`, `aws.vpc`, `cloud`, `region`, `kind`); tags keep their own keys.
pub type Labels = BTreeMap<Name, Name>;

/// What runs or stores: a virtual machine, a function, a database, a load balancer, a managed
/// service, the owner of pods or of an autoscaling group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workload {
    /// The provider's id: an instance id, an ARN or a name that is unique in the estate.
    pub id: Name,
    /// The name that a person would use: the `Name` tag, the database's identifier; else the id.
    pub name: Name,
    /// What kind of thing it is.
    pub kind: WorkloadKind,
    /// The account (subscription, project, cluster) that holds it, where known.
    pub account: Option<Name>,
    /// The region, where known.
    pub region: Option<Name>,
    /// Facts and tags.
    pub labels: Labels,
    /// Its network attachments, in the order of the provider (primary first).
    pub endpoints: Vec<EndpointId>,
    /// The group that owns it when it is a replica (an autoscaling group, a node group): replicas
    /// of one owner count once where `docs/concepts/breach-chains.md` says so.
    pub owner: Option<Name>,
    /// The credential that code on it can take (an instance profile's or a function's role).
    pub credential: Option<CredentialId>,
    /// How it hands that credential out, for machines with a metadata service.
    pub metadata: Option<MetadataService>,
    /// Whether it stores data that a reader may want (databases, buckets, file systems).
    pub stores_data: bool,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// The kind of a [`Workload`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WorkloadKind {
    /// A virtual machine.
    Machine,
    /// A function.
    Function,
    /// A container task or service that is not a Kubernetes workload.
    Task,
    /// A Kubernetes workload.
    Pod,
    /// A Kubernetes control plane.
    Cluster,
    /// A relational or other database, a data warehouse or a search domain.
    Database,
    /// A cache.
    Cache,
    /// A message broker or queue.
    Queue,
    /// A file system.
    FileSystem,
    /// An object store's bucket.
    ObjectStore,
    /// A key-value table or another data service reached by API only.
    Table,
    /// A load balancer, API gateway or other front.
    LoadBalancer,
    /// A translating or forwarding gateway that has a network attachment.
    Gateway,
    /// A private attachment to a provider's or partner's service.
    PrivateService,
    /// A network attachment whose owner the input does not tell.
    Unknown,
}

impl WorkloadKind {
    /// The word that the `kind` label and all output use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Function => "function",
            Self::Task => "task",
            Self::Pod => "pod",
            Self::Cluster => "cluster",
            Self::Database => "database",
            Self::Cache => "cache",
            Self::Queue => "queue",
            Self::FileSystem => "file-system",
            Self::ObjectStore => "object-store",
            Self::Table => "table",
            Self::LoadBalancer => "load-balancer",
            Self::Gateway => "gateway",
            Self::PrivateService => "private-service",
            Self::Unknown => "unknown",
        }
    }

    /// Whether somebody's code runs on it, so that it can be breached and used to go on.
    pub const fn runs_code(self) -> bool {
        matches!(self, Self::Machine | Self::Function | Self::Task | Self::Pod | Self::Unknown)
    }
}

/// How much a workload matters (`policy.md`, segments): the weight v of breach chains.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Criticality {
    /// Weight 1.
    #[default]
    None,
    /// Weight 10.
    Important,
    /// Weight 100.
    CrownJewel,
}

impl Criticality {
    /// Reads the value of a `criticality` label; other values are none of the three.
    pub fn from_label(value: &str) -> Option<Self> {
        match value {
            "none" => Some(Self::None),
            "important" => Some(Self::Important),
            "crown-jewel" => Some(Self::CrownJewel),
            _ => None,
        }
    }

    /// The weight v(n) of `docs/concepts/breach-chains.md`.
    pub const fn weight(self) -> u32 {
        match self {
            Self::None => 1,
            Self::Important => 10,
            Self::CrownJewel => 100,
        }
    }
}

impl Workload {
    /// The workload's criticality by its `criticality` label; none where there is no such label.
    pub fn criticality(&self) -> Criticality {
        self.labels
            .get("criticality")
            .and_then(|value| Criticality::from_label(value))
            .unwrap_or_default()
    }
}
