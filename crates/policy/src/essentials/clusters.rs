//! The clusters of an estate: their pods, resolvers, nodes and control planes.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::EndpointId;
use watertight_model::{Estate, Labels, Name, Network, Workload, WorkloadId, WorkloadKind};

use super::legs::by_realm;
use crate::checked::ControlPlane;

/// Which cluster is meant: those in two accounts or regions may have one name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ClusterId {
    pub(super) name: Name,
    place: Place,
}

/// An account and a region, as far as they are known.
type Place = (Option<Name>, Option<Name>);

/// One cluster.
#[derive(Clone, Default, Debug)]
pub(super) struct Cluster {
    pub(super) pods: Vec<EndpointId>,
    pub(super) resolvers: Vec<EndpointId>,
    pub(super) nodes: BTreeSet<EndpointId>,
    pub(super) planes: Vec<EndpointId>,
}

impl Cluster {
    /// The nodes and the interfaces of the control plane, network by network: clusters in two
    /// networks may have one name.
    pub(super) fn control(&self, network: &Network) -> Vec<(Vec<EndpointId>, Vec<EndpointId>)> {
        let nodes = by_realm(network, self.nodes.iter().copied());
        let mut planes = by_realm(network, self.planes.iter().copied());
        let each = nodes.into_iter();
        each.filter_map(|(realm, nodes)| Some((nodes, planes.remove(&realm)?))).collect()
    }
}

/// The nodes that a listed control plane is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListedNodes {
    /// No cluster of the estate is meant.
    Nobody,
    /// Those of one cluster, with so many interfaces.
    One(usize),
    /// So many clusters could be meant: it is for none of them.
    Several(usize),
}

/// The nodes of an estate that a listed control plane is for.
pub fn listed_nodes(estate: &Estate, plane: &ControlPlane) -> ListedNodes {
    let clusters = Clusters::of(estate);
    let mut meant = clusters.meant(plane);
    match (meant.next(), meant.count()) {
        (None, _) => ListedNodes::Nobody,
        (Some((_, own)), 0) => ListedNodes::One(own.nodes.len()),
        (Some(_), others) => ListedNodes::Several(others + 1),
    }
}

/// All clusters.
pub(super) struct Clusters(BTreeMap<ClusterId, Cluster>);

impl Clusters {
    /// Pods of a cluster's resolver carry the label that its DNS service selects by (Kubernetes,
    /// "Customizing DNS Service": `k8s-app: kube-dns`, whichever program answers). Its nodes are the
    /// machines whose interfaces its pods share, and those that tags call its own. A cluster is where
    /// its nodes are.
    pub(super) fn of(estate: &Estate) -> Self {
        let mut found = Self(BTreeMap::new());
        let mut nodes: Vec<(Name, WorkloadId)> = Vec::new();
        for (id, workload) in estate.workloads.iter() {
            let label = |key: &str| workload.labels.get(key).map(|value| &**value);
            match workload.kind {
                WorkloadKind::Pod => {
                    let name = Name::from(label("k8s.cluster").unwrap_or_default());
                    let hosts: Vec<WorkloadId> = hosts(&estate.network, workload).collect();
                    let host = hosts.first().and_then(|host| estate.workloads.get(*host));
                    nodes.extend(hosts.iter().map(|host| (name.clone(), *host)));
                    // What reads a cluster calls it the account of its pods.
                    let own = found.at(name, host.map(place_of).unwrap_or_default());
                    own.pods.extend(&workload.endpoints);
                    let is_of_system = label("k8s.namespace") == Some("kube-system");
                    if is_of_system && label("k8s-app") == Some("kube-dns") {
                        own.resolvers.extend(&workload.endpoints);
                    }
                }
                WorkloadKind::Cluster => {
                    let own = found.entry(workload.name.clone(), workload);
                    own.planes.extend(&workload.endpoints);
                }
                WorkloadKind::Machine => {
                    nodes.extend(tagged(&workload.labels).map(|cluster| (cluster, id)));
                }
                _ => {}
            }
        }
        for (cluster, node) in nodes {
            let Some(node) = estate.workloads.get(node) else { continue };
            found.entry(cluster, node).nodes.extend(&node.endpoints);
        }
        found.settled()
    }

    fn entry(&mut self, name: Name, beside: &Workload) -> &mut Cluster {
        self.at(name, place_of(beside))
    }

    fn at(&mut self, name: Name, place: Place) -> &mut Cluster {
        self.0.entry(ClusterId { name, place }).or_default()
    }

    /// Puts what is at a place of which something is not told with the cluster of its name whose place is
    /// told and may be the same, where there is one.
    fn settled(mut self) -> Self {
        let is_whole = |id: &ClusterId| id.place.0.is_some() && id.place.1.is_some();
        let may_be = |told: &Option<Name>, whole: &Option<Name>| told.is_none() || told == whole;
        let vague: Vec<ClusterId> = self.0.keys().filter(|id| !is_whole(id)).cloned().collect();
        for id in vague {
            let mut others = self.0.keys().filter(|one| {
                let (account, region) = (&id.place.0, &id.place.1);
                is_whole(one)
                    && one.name == id.name
                    && may_be(account, &one.place.0)
                    && may_be(region, &one.place.1)
            });
            let (Some(other), None) = (others.next().cloned(), others.next()) else { continue };
            let (Some(from), Some(into)) = (self.0.remove(&id), self.0.get_mut(&other)) else {
                continue;
            };
            into.pods.extend(from.pods);
            into.resolvers.extend(from.resolvers);
            into.nodes.extend(from.nodes);
            into.planes.extend(from.planes);
        }
        self
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ClusterId, &Cluster)> {
        self.0.iter()
    }

    /// What a cluster is called, with its place where another has the name.
    pub(super) fn title(&self, id: &ClusterId) -> Name {
        if self.0.keys().filter(|one| one.name == id.name).count() == 1 {
            return id.name.clone();
        }
        let (account, region) = &id.place;
        let known: Vec<&str> = [account, region].into_iter().flatten().map(|one| &**one).collect();
        let place =
            if known.is_empty() { "at no known place".to_owned() } else { known.join(", ") };
        Name::from(format!("{} ({place})", id.name))
    }

    /// Whether a listed control plane is that of a cluster: of none where several could be meant.
    pub(super) fn is_of(&self, plane: &ControlPlane, id: &ClusterId) -> bool {
        let mut meant = self.meant(plane);
        meant.next().is_some_and(|(first, _)| first == id) && meant.next().is_none()
    }

    /// The clusters with nodes that a listed control plane may be of.
    fn meant(&self, plane: &ControlPlane) -> impl Iterator<Item = (&ClusterId, &Cluster)> {
        let is_told = |told: &Option<Name>, known: &Option<Name>| told.is_none() || told == known;
        self.0.iter().filter(move |(id, own)| {
            let (account, region) = &id.place;
            id.name == plane.cluster
                && !own.nodes.is_empty()
                && is_told(&plane.account, account)
                && is_told(&plane.region, region)
        })
    }
}

/// Where a workload is.
fn place_of(workload: &Workload) -> Place {
    (workload.account.clone(), workload.labels.get("region").cloned())
}

/// The clusters whose node tags say that a machine is.
fn tagged(labels: &Labels) -> impl Iterator<Item = Name> + '_ {
    let keys = labels.keys();
    let tagged = keys.filter_map(|key| key.strip_prefix("kubernetes.io/cluster/").map(Name::from));
    tagged.chain(labels.get("eks:cluster-name").cloned())
}

/// Whether tags say that a machine is a node of a cluster.
pub(crate) fn is_tagged_node(labels: &Labels, cluster: &Name) -> bool {
    tagged(labels).any(|one| one == *cluster)
}

/// The machines whose interfaces a pod shares.
fn hosts<'e>(network: &'e Network, pod: &'e Workload) -> impl Iterator<Item = WorkloadId> + 'e {
    let hosts = pod.endpoints.iter();
    hosts.filter_map(|one| Some(network.endpoints.get(network.uplinks.get(one)?.by)?.workload))
}
