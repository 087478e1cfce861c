use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watertight_model::Name;
use watertight_net::{FlowSet, Prefix};

use crate::edge::Edge;
use crate::shared::Shared;

/// What enforcement points must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Artifacts {
    /// The groups, ordered by name. Those that are the same in other artifacts are shared with them.
    pub groups: Vec<Arc<Group>>,
    /// Which endpoints carry them, ordered by endpoint.
    pub attachments: Shared<Attachment>,
    /// The lists at the edges of subnets, ordered: every other subnet has the list that others wrote.
    /// Nothing where all edges stay as they are.
    pub edges: Option<Vec<Edge>>,
}

/// The name of a group that is ours. Its provider gives it an id when it is made.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GroupName(pub String);

impl GroupName {
    /// What every name of ours begins with.
    pub const PREFIX: &'static str = "watertight/";
}

impl fmt::Display for GroupName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// A union of rules for those that carry it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// The realm that it is in.
    pub realm: Name,
    /// The account and the region of the realm.
    pub place: (Name, Name),
    /// The segments that hold those who carry it.
    pub segments: Vec<Name>,
    /// What may come in.
    pub ingress: Vec<GroupRule>,
    /// What may go out.
    pub egress: Vec<GroupRule>,
}

/// One rule that accepts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct GroupRule {
    /// Who is at the other end.
    pub peer: RulePeer,
    /// What is sent; one piece that the plane can express.
    pub flows: Arc<FlowSet>,
}

/// Whom a [`GroupRule`] names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RulePeer {
    /// Those who carry a group; or the addresses in a list that the provider keeps, by its id.
    Group(GroupName),
    /// Addresses.
    Prefix(Prefix),
}

/// A resource of a service of the provider that sets the groups of endpoints: nobody else can.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Through {
    /// What it is, in the plane's words.
    pub kind: String,
    /// The provider's id.
    pub id: String,
}

/// An endpoint with the groups that it carries.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Attachment {
    /// The endpoint, by the provider's id.
    pub endpoint: Name,
    /// The workload.
    pub workload: Name,
    /// The groups of ours, in order.
    pub groups: Vec<GroupName>,
    /// The resource that sets its groups; nothing where they are set at the endpoint itself.
    pub through: Option<Through>,
    /// Groups of others that it carries beside ours, by the provider's id.
    pub others: Vec<Name>,
    /// The groups that it carries now.
    pub before: Vec<Name>,
}

impl Artifacts {
    /// A group by its name.
    pub fn group(&self, name: &GroupName) -> Option<&Group> {
        let at = self.groups.binary_search_by(|group| group.name.cmp(name)).ok()?;
        self.groups.get(at).map(Arc::as_ref)
    }
}
