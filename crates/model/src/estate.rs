use std::fmt;

use crate::credential::{Credential, CredentialId, Grant};
use crate::workload::{Workload, WorkloadId};
use crate::{Arena, Name, Network};

/// Everything known at one time: workloads, networks, controls. Immutable once converted.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Estate {
    /// A hash of the canonical content, without times; empty until the shell that read it sets it.
    pub id: EstateId,
    /// What was collected, from where and when.
    pub sources: Vec<SourceRecord>,
    /// What the sources tell about each kind of resource.
    pub coverage: Vec<Coverage>,
    /// Accounts, subscriptions, projects, ordered by id.
    pub accounts: Vec<Account>,
    /// What runs or stores.
    pub workloads: Arena<WorkloadId, Workload>,
    /// What lets a holder act.
    pub credentials: Arena<CredentialId, Credential>,
    /// What each holder may do.
    pub grants: Vec<Grant>,
    /// What runs on what, ordered: pods on machines that are in the estate.
    pub hosted: Vec<Hosted>,
    /// How packets are forwarded and filtered.
    pub network: Network,
}

/// The hash of an estate's canonical content: 64 lower-case hexadecimal digits, or empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct EstateId(pub String);

impl fmt::Display for EstateId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// A workload of which something runs on a machine, in a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hosted {
    /// The machine.
    pub host: WorkloadId,
    /// What runs on it.
    pub guest: WorkloadId,
    /// Why code on the guest may take the machine (`it is privileged`), where it may.
    pub unconfined: Option<Name>,
    /// Whether the guest uses the machine's own network.
    pub shares_network: bool,
}

/// One collection of one account (subscription, cluster).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SourceRecord {
    /// The provider, for example `aws`.
    pub provider: Name,
    /// The account, where the source says.
    pub account: Option<Name>,
    /// The regions, as the source says.
    pub regions: Vec<Name>,
    /// When it was collected, as the source says (RFC 3339); never part of the estate's id.
    pub collected: Option<Name>,
}

/// An account, subscription or project.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Account {
    /// Its id.
    pub id: Name,
    /// Its name, where known.
    pub name: Option<Name>,
}

/// What the input tells about one call in one account and region.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Coverage {
    /// The account, where known.
    pub account: Option<Name>,
    /// The region, where known.
    pub region: Option<Name>,
    /// The call or kind of resource.
    pub what: Name,
    /// Whether it was read.
    pub state: CoverageState,
}

/// Whether a kind of resource was read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CoverageState {
    /// Read, with this many resources.
    Read(u32),
    /// The source was refused it.
    Denied,
    /// Not in the input.
    Absent,
}
