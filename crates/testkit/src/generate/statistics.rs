//! How estates and packets are distributed, so that a test can tell that nothing is missing.

use std::collections::BTreeMap;
use std::fmt;

use super::{Feature, Generated};
use crate::twin::aws::{Disposition, Estate};

/// Counts over many estates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Estates.
    pub estates: usize,
    /// Packets.
    pub packets: usize,
    /// Estates that have a feature.
    pub features: BTreeMap<Feature, usize>,
    /// Packets by what becomes of them; of several outcomes the first one counts.
    pub dispositions: BTreeMap<Disposition, usize>,
    /// Packets whose reply comes back.
    pub established: usize,
    /// VPCs, subnets, groups and interfaces.
    pub resources: BTreeMap<&'static str, usize>,
}

/// The features that at least one estate in twenty must have.
const NEEDED: [Feature; 35] = [
    Feature::InternetGateway,
    Feature::PublicNat,
    Feature::PrivateNat,
    Feature::EgressOnlyGateway,
    Feature::TransitGateway,
    Feature::TransitPeering,
    Feature::TransitVpn,
    Feature::Peering,
    Feature::VpnGateway,
    Feature::GatewayEndpoint,
    Feature::InspectionEndpoint,
    Feature::Forwarder,
    Feature::CheckedForwarder,
    Feature::EdgeTable,
    Feature::PublicAccessBlocked,
    Feature::PublicAccessExclusion,
    Feature::PrefixList,
    Feature::Blackhole,
    Feature::PreservingLoadBalancer,
    Feature::TerminatingLoadBalancer,
    Feature::ApplicationLoadBalancer,
    Feature::EphemeralOnly,
    Feature::ReferenceAcrossVpcs,
    Feature::Replicas,
    Feature::SpreadReplicas,
    Feature::PublicReplicas,
    Feature::ReplicasAsTargets,
    Feature::ReplicasBehindPreserving,
    Feature::SecondaryAddress,
    Feature::SeveralOfBothFamilies,
    Feature::SubnetsAlike,
    Feature::AclCutsSubnet,
    Feature::NatBesideClients,
    Feature::OverlapAtTransit,
    Feature::Function,
];

impl Statistics {
    /// Counts one estate and walks its packets.
    pub fn add(&mut self, generated: &Generated) {
        self.estates += 1;
        for feature in &generated.features {
            *self.features.entry(*feature).or_default() += 1;
        }
        for (_, body) in &generated.files {
            for key in ["Vpcs", "Subnets", "SecurityGroups", "NetworkInterfaces"] {
                let count = body[key].as_array().map_or(0, Vec::len);
                *self.resources.entry(key).or_default() += count;
            }
        }
        let estate = Estate::load(&generated.files);
        for packet in &generated.queries {
            self.packets += 1;
            let walk = estate.walk(packet);
            if let Some(first) = walk.outcomes.first() {
                *self.dispositions.entry(first.disposition).or_default() += 1;
            }
            self.established += usize::from(walk.outcomes.iter().any(|end| end.established));
        }
    }

    /// The share of packets with one of these ends, in percent.
    pub fn share(&self, dispositions: &[Disposition]) -> usize {
        let count: usize = dispositions.iter().filter_map(|one| self.dispositions.get(one)).sum();
        (count * 100).checked_div(self.packets).unwrap_or(0)
    }

    /// Checks that every kind of gateway is in at least 5% of estates, IPv6 in about a third, and that
    /// at least 30% of packets are accepted and at least 30% denied.
    ///
    /// # Errors
    /// Says which share is too small.
    pub fn check(&self) -> Result<(), String> {
        for feature in NEEDED {
            let count = self.features.get(&feature).copied().unwrap_or(0);
            if count * 20 < self.estates {
                return Err(format!("{feature:?} is in {count} of {} estates", self.estates));
            }
        }
        let version_6 = self.features.get(&Feature::Version6).copied().unwrap_or(0);
        if version_6 * 4 < self.estates {
            return Err(format!("IPv6 is in {version_6} of {} estates", self.estates));
        }
        let accepted = self.share(&[Disposition::Accepted]);
        if accepted < 30 {
            return Err(format!("{accepted}% of packets are accepted"));
        }
        let denied = self.share(&[Disposition::DeniedIn, Disposition::DeniedOut]);
        if denied < 30 {
            return Err(format!("{denied}% of packets are denied"));
        }
        for disposition in Disposition::ALL {
            if !self.dispositions.contains_key(&disposition) {
                return Err(format!("no packet ends as `{}`", disposition.name()));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} estates, {} packets", self.estates, self.packets)?;
        for (key, count) in &self.resources {
            writeln!(f, "  {key}: {count}")?;
        }
        for (feature, count) in &self.features {
            writeln!(f, "  {feature:?}: in {count} estates")?;
        }
        for (disposition, count) in &self.dispositions {
            writeln!(f, "  {}: {count} packets", disposition.name())?;
        }
        writeln!(f, "  established: {} packets", self.established)
    }
}
