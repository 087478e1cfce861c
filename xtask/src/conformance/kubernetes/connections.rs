//! Who reaches whom, as sets.

use std::collections::BTreeMap;

use watertight_net::{AddressRange, AddressSet, FlowSet};

use super::listing::{Listing, Peer, flows_text};

/// Flows with the addresses outside for which they hold.
type Parts = Vec<(FlowSet, AddressSet)>;

/// Who reaches whom over what; pairs without any flows are left out, and a workload towards itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections {
    inside: BTreeMap<(String, String), FlowSet>,
    /// What comes from outside, and what goes there, by workload.
    beyond: [BTreeMap<String, Parts>; 2],
}

impl Connections {
    /// Adds flows between workloads; nobody asks what reaches the controller of ingresses.
    pub(super) fn between(&mut self, from: &str, to: &str, flows: &FlowSet) {
        if from == to || to.starts_with('{') || flows.is_empty() {
            return;
        }
        let known = self.inside.entry((from.to_owned(), to.to_owned())).or_default();
        *known = known.union(flows);
    }

    /// Adds flows from outside.
    pub(super) fn inbound(&mut self, to: &str, addresses: &AddressSet, flows: &FlowSet) {
        self.add(0, to, addresses, flows);
    }

    /// Adds flows to what is outside.
    pub(super) fn outbound(&mut self, from: &str, addresses: &AddressSet, flows: &FlowSet) {
        self.add(1, from, addresses, flows);
    }

    fn add(&mut self, place: usize, name: &str, addresses: &AddressSet, flows: &FlowSet) {
        if name.starts_with('{') || flows.is_empty() {
            return;
        }
        let Some(beyond) = self.beyond.get_mut(place) else { return };
        let parts = beyond.entry(name.to_owned()).or_default();
        // Several pods of one workload: what any of them reaches.
        let mut left = addresses.clone();
        let mut next: Parts = Vec::new();
        for (known, where_known) in parts.drain(..) {
            let both = where_known.intersection(addresses);
            left = left.difference(&where_known);
            next.push((known.clone(), where_known.difference(addresses)));
            next.push((known.union(flows), both));
        }
        next.push((flows.clone(), left));
        let mut merged: BTreeMap<FlowSet, AddressSet> = BTreeMap::new();
        for (flows, addresses) in next.into_iter().filter(|(_, addresses)| !addresses.is_empty()) {
            let known = merged.entry(flows).or_insert_with(AddressSet::empty);
            *known = known.union(&addresses);
        }
        *parts = merged.into_iter().collect();
    }

    /// Pairs of workloads.
    pub(super) fn inside(&self) -> impl Iterator<Item = (&(String, String), &FlowSet)> {
        self.inside.iter()
    }

    /// What comes from outside (0) or goes there (1).
    pub(super) fn beyond(&self, place: usize) -> impl Iterator<Item = (&String, &Parts)> {
        self.beyond.get(place).into_iter().flatten()
    }

    /// The connections of a published listing.
    pub(super) fn of(listing: &Listing) -> Self {
        let mut found = Self::default();
        let own = "240.0.0.0/8".parse().map(AddressSet::from_prefix).unwrap_or_default();
        for line in &listing.lines {
            let space = |first: std::net::Ipv4Addr, last: std::net::Ipv4Addr| {
                let range = AddressRange::new(first.into(), last.into()).ok();
                // Pods have addresses there in our answer: nothing outside does.
                AddressSet::from_ranges(range).difference(&own)
            };
            match (&line.from, &line.to) {
                (Peer::Inside(from), Peer::Inside(to)) => found.between(from, to, &line.flows),
                (Peer::Outside(first, last), Peer::Inside(to)) => {
                    found.inbound(to, &space(*first, *last), &line.flows);
                }
                (Peer::Inside(from), Peer::Outside(first, last)) => {
                    found.outbound(from, &space(*first, *last), &line.flows);
                }
                (Peer::Outside(..), Peer::Outside(..)) => {}
            }
        }
        found
    }

    /// In what these differ from a published listing.
    pub(super) fn differences(&self, listing: &Listing) -> Vec<String> {
        let theirs = Self::of(listing);
        let mut found = Vec::new();
        let pairs = self.inside.keys().chain(theirs.inside.keys());
        for pair in pairs.collect::<std::collections::BTreeSet<_>>() {
            let none = FlowSet::none();
            let ours = self.inside.get(pair).unwrap_or(&none);
            let other = theirs.inside.get(pair).unwrap_or(&none);
            if ours != other {
                let (from, to) = pair;
                let (ours, other) = (flows_text(ours), flows_text(other));
                found.push(format!("{from} => {to}: {ours}, not {other}"));
            }
        }
        for ((ours, theirs), word) in self.beyond.iter().zip(&theirs.beyond).zip(["from", "to"]) {
            let names = ours.keys().chain(theirs.keys());
            for name in names.collect::<std::collections::BTreeSet<_>>() {
                if ours.get(name) != theirs.get(name) {
                    let text = |parts: Option<&Parts>| -> String {
                        let each = parts.into_iter().flatten();
                        let each = each
                            .map(|(flows, addresses)| format!("{} {addresses}", flows_text(flows)));
                        each.collect::<Vec<_>>().join("; ")
                    };
                    let (ours, theirs) = (text(ours.get(name)), text(theirs.get(name)));
                    found.push(format!("{name} {word} outside: {ours}, not {theirs}"));
                }
            }
        }
        found
    }
}
