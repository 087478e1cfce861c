//! Estates and packets from a seed.
//!
//! Bodies have the shape that the AWS CLI prints, in files named
//! `raw/aws/<account>/<region>/<call>.json`. A body that does not name the resource that it is about
//! (routes of a transit gateway's table, entries of a prefix list, target health, attributes) lies in
//! `<call>-<id or percent-encoded ARN>.json`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::twin::aws::Packet;

mod clusters;
mod connections;
mod draft;
mod fronts;
mod gateways;
mod groups;
pub mod kubernetes;
mod machines;
mod mutation;
mod queries;
mod random;
mod scaled;
mod services;
mod statistics;
mod vpcs;

pub use clusters::{ClusterScale, ClusterShape, cluster_policy, cluster_scaled};
pub use mutation::{Mutation, mutated};
pub use random::Random;
pub use scaled::{Scale, Written, aws_scaled};

pub use services::with_services;
pub use statistics::Statistics;

/// How large estates are on average.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// VPCs in an estate; at least one.
    pub vpcs: usize,
    /// Subnets in a VPC; at least two.
    pub subnets_per_vpc: usize,
    /// Security groups in a VPC; at least four.
    pub groups_per_vpc: usize,
    /// Interfaces in a subnet, without those of gateways and load balancers; at most twenty.
    pub interfaces_per_subnet: usize,
    /// Packets for an estate, exactly.
    pub queries: usize,
}

impl Size {
    /// One or two VPCs, to find the smallest estate that shows something.
    pub const SMALL: Self = Self {
        vpcs: 1,
        subnets_per_vpc: 2,
        groups_per_vpc: 4,
        interfaces_per_subnet: 1,
        queries: 20,
    };
    /// Up to three VPCs with few interfaces, to try everything with everything.
    pub const FEW: Self = Self {
        vpcs: 2,
        subnets_per_vpc: 2,
        groups_per_vpc: 4,
        interfaces_per_subnet: 1,
        queries: 0,
    };
    /// 5 VPCs, 20 subnets and 40 groups.
    pub const AVERAGE: Self = Self {
        vpcs: 5,
        subnets_per_vpc: 4,
        groups_per_vpc: 8,
        interfaces_per_subnet: 2,
        queries: 60,
    };
}

/// What an estate has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each name says what it is")]
pub enum Feature {
    InternetGateway,
    PublicNat,
    PrivateNat,
    EgressOnlyGateway,
    TransitGateway,
    TransitPeering,
    TransitVpn,
    Peering,
    VpnGateway,
    GatewayEndpoint,
    InspectionEndpoint,
    Forwarder,
    CheckedForwarder,
    EdgeTable,
    PublicAccessBlocked,
    PublicAccessExclusion,
    PrefixList,
    UndescribedPrefixList,
    Blackhole,
    PreservingLoadBalancer,
    TerminatingLoadBalancer,
    ApplicationLoadBalancer,
    OrderedAcl,
    EphemeralOnly,
    ReferenceAcrossVpcs,
    SeveralInterfaces,
    Version6,
    /// Interfaces of one subnet that nothing but their addresses tells apart.
    Replicas,
    /// The same in several subnets.
    SpreadReplicas,
    /// The same with public addresses.
    PublicReplicas,
    /// Some of them are targets of a load balancer, others are not.
    ReplicasAsTargets,
    /// A load balancer that keeps the client's address has such targets.
    ReplicasBehindPreserving,
    /// An interface with a secondary address.
    SecondaryAddress,
    /// An interface with a secondary address and one of IPv6.
    SeveralOfBothFamilies,
    /// Subnets of one VPC with the same route table and network ACL.
    SubnetsAlike,
    /// An entry of a network ACL whose prefix holds a part of a subnet.
    AclCutsSubnet,
    /// Routes of a NAT gateway's own subnet lead to it.
    NatBesideClients,
    /// VPCs with addresses in common at one transit gateway.
    OverlapAtTransit,
    /// A function's attachment.
    Function,
}

/// An estate and packets to ask about.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The bodies by path, in the order of the paths.
    pub files: Vec<(String, Value)>,
    /// The packets.
    pub queries: Vec<Packet>,
    /// What the estate has in it.
    pub features: BTreeSet<Feature>,
}

/// Draws an estate; the same seed and size give the same bytes.
pub fn aws(seed: u64, size: Size) -> Generated {
    let mut draft = draft::Draft::new(seed);
    groups_and_machines(&mut draft, &size);
    gateways::draw(&mut draft);
    connections::draw(&mut draft);
    fronts::draw(&mut draft);
    groups::draw_rules(&mut draft);
    vpcs::emit(&mut draft);
    groups::emit(&mut draft);
    machines::emit(&mut draft);
    let queries = queries::draw(&mut draft, size.queries);
    if draft.version_6 {
        draft.note(Feature::Version6);
    }
    let features = std::mem::take(&mut draft.features);
    Generated { files: draft.into_files(), queries, features }
}

fn groups_and_machines(draft: &mut draft::Draft, size: &Size) {
    vpcs::draw(draft, size);
    groups::draw_lists(draft);
    groups::draw(draft, size);
    machines::draw(draft, size);
}
