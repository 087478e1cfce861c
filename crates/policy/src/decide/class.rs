use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use watertight_model::{Name, Selector, Truth};

use crate::Timestamp;
use crate::checked::{
    CheckedPolicy, Conditions, End as PeerEnd, Peer, SegmentId, SelectorNode, ShareOf,
};
use crate::decide::bits::Bits;
use crate::decide::compile::{Decider, interned};
use crate::decide::ends::{End, Who, agreed};
use crate::decide::labels::{Known, Labelled, look};
use crate::decide::world::World;
use crate::share_number;

/// The label by which a workload is put into quarantine.
pub const QUARANTINE: &str = "watertight.io/quarantine";

/// Ends that no selector tells apart.
#[derive(Debug, Default)]
pub(super) struct Class {
    /// The truth of every selector of the policy.
    pub(super) selectors: Vec<Truth>,
    pub(super) quarantine: Truth3,
    /// The segments that hold it or may, on or not: few of all that there are.
    pub(super) segments: Vec<(SegmentId, Truth)>,
    /// Of the segments of which a share is enforced, how surely their share holds it.
    pub(super) shares: Shares,
    /// The rules whose `from` can match.
    pub(super) from: Bits,
    /// The rules whose `to` can match.
    pub(super) to: Bits,
    /// The rules whose `from` matches whatever the address.
    pub(super) from_certain: Bits,
    /// The rules whose `to` matches whatever the address.
    pub(super) to_certain: Bits,
}

/// How surely the shares of segments hold a class: one entry for each segment with a share that is enforced.
pub(super) type Shares = Vec<(SegmentId, Truth)>;

impl Class {
    /// How surely the share of a segment holds it.
    pub(super) fn in_share(&self, segment: SegmentId) -> Truth {
        let found = self.shares.iter().find(|(one, _)| *one == segment);
        found.map_or(Truth::No, |(_, truth)| *truth)
    }
}

/// A truth that is no by default.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Truth3(pub(super) Truth);

impl Default for Truth3 {
    fn default() -> Self {
        Self(Truth::No)
    }
}

/// The labels of a workload that any selector asks about, by their places among these, and whether shares hold it by its
/// number.
type Facts<'l> = (Vec<(usize, &'l Known)>, Vec<bool>);

/// All classes.
#[derive(Debug, Default)]
pub(super) struct Classes {
    list: Vec<Arc<Class>>,
    of_workload: Vec<usize>,
    /// What no selector matches.
    outside: Arc<Class>,
    /// What every selector may match.
    unknown: Arc<Class>,
}

impl Classes {
    /// Classes with the truth of their selectors, before rules are known.
    pub(super) fn of_selectors(policy: &CheckedPolicy, world: &World, labels: &[Labelled]) -> Self {
        let mut keys: BTreeSet<&Name> = BTreeSet::new();
        for node in &policy.selectors {
            if let SelectorNode::Labels(selector) = node {
                selector.keys(&mut keys);
            }
        }
        let shared = shared(policy);
        for (_, _, share) in &shared {
            if let ShareOf::Select(selector) = share {
                selector.keys(&mut keys);
            }
        }
        let quarantine = Selector::Exists(Name::from(QUARANTINE));
        quarantine.keys(&mut keys);
        let keys: Vec<&Name> = keys.into_iter().collect();
        let mut classes = Self::default();
        // First by the labels that any selector asks about and the shares that hold it by its number, then
        // by what the selectors and the shares make of it.
        let mut by_facts: BTreeMap<Facts<'_>, usize> = BTreeMap::new();
        let mut by_truth: BTreeMap<(Vec<Truth>, Truth3, Shares), usize> = BTreeMap::new();
        for (place, of_one) in labels.iter().enumerate() {
            let shown: Vec<(usize, &Known)> = keys
                .iter()
                .enumerate()
                .filter_map(|(place, key)| Some((place, &of_one.get(*key)?.value)))
                .collect();
            let id = world.workloads.get(place).map_or("", |member| &*member.id);
            let facts = (shown, numbered(&shared, id));
            let class = if let Some(class) = by_facts.get(&facts) {
                *class
            } else {
                let selectors = policy.memberships_where(&|key: &Name| look(of_one, key));
                let quarantine = Truth3(quarantine.evaluate(&|key: &Name| look(of_one, key)));
                let shares = shared.iter().map(|(segment, name, share)| {
                    let held = share.holds((name, id), &|key: &Name| look(of_one, key));
                    let members = policy.segments.get(segment.index()).map(|one| one.members);
                    let member = members.and_then(|id| selectors.get(id.index()));
                    (*segment, member.map_or(Truth::No, |member| member.and(held)))
                });
                let shares: Shares = shares.collect();
                let key = (selectors.clone(), quarantine, shares.clone());
                let make = || Arc::new(Class { selectors, quarantine, shares, ..Class::default() });
                let class = interned(&mut by_truth, &mut classes.list, key, make);
                by_facts.insert(facts, class);
                class
            };
            classes.of_workload.push(class);
        }
        let length = policy.selectors.len();
        let all = |truth, shares| {
            Arc::new(Class { selectors: vec![truth; length], shares, ..Class::default() })
        };
        let unknown = shared.iter().map(|(segment, _, share)| (*segment, share.holds_unknown()));
        classes.outside = all(Truth::No, Shares::new());
        classes.unknown = all(Truth::Maybe, unknown.collect());
        classes
    }

    /// Finds for each class the rules that can match it.
    pub(super) fn prepare(&mut self, decider: &Decider<'_>) {
        for class in self.list.iter_mut().chain([&mut self.outside, &mut self.unknown]) {
            let seen = (class.selectors.clone(), class.quarantine, class.shares.clone());
            *class = Arc::new(with_rules(decider, seen));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn number_of(&self, workload: usize) -> Option<usize> {
        self.of_workload.get(workload).copied()
    }

    /// All of them, by number.
    pub(super) fn all(&self) -> &[Arc<Class>] {
        &self.list
    }

    pub(super) fn of_workload(&self, workload: usize) -> Option<&Arc<Class>> {
        self.list.get(*self.of_workload.get(workload)?)
    }
}

/// The segments of which a share is enforced, with their names.
fn shared(policy: &CheckedPolicy) -> Vec<(SegmentId, &Name, &ShareOf)> {
    let segments = policy.segments.iter().enumerate();
    let shared = segments.filter_map(|(place, segment)| {
        Some((SegmentId::at(place), &segment.name, segment.enforced_share()?))
    });
    shared.collect()
}

/// By share of so many of a hundred, whether it holds a workload.
fn numbered(shared: &[(SegmentId, &Name, &ShareOf)], workload: &str) -> Vec<bool> {
    let numbered = shared.iter().filter_map(|(_, segment, share)| match share {
        ShareOf::Percent(percent) => Some(share_number(segment, workload) < *percent),
        ShareOf::Select(_) => None,
    });
    numbered.collect()
}

/// A class with the rules that can match it.
fn with_rules(
    decider: &Decider<'_>,
    (selectors, quarantine, shares): (Vec<Truth>, Truth3, Shares),
) -> Class {
    let length = decider.rules.len();
    let segments = decider.policy.segments.iter().enumerate();
    let segments = segments.filter_map(|(place, segment)| {
        let truth = selectors.get(segment.members.index()).copied()?;
        (truth != Truth::No).then(|| (SegmentId::at(place), truth))
    });
    let mut class = Class {
        quarantine,
        segments: segments.collect(),
        shares,
        from: Bits::new(length),
        to: Bits::new(length),
        from_certain: Bits::new(length),
        to_certain: Bits::new(length),
        selectors,
    };
    for (place, rule) in decider.rules.iter().enumerate() {
        let (from, certain) = at_most(rule.from, &class.selectors);
        if from {
            class.from.insert(place);
        }
        if certain {
            class.from_certain.insert(place);
        }
        let (to, certain) = at_most(rule.to, &class.selectors);
        if to {
            class.to.insert(place);
        }
        if certain {
            class.to_certain.insert(place);
        }
    }
    class
}

/// Whether peers can match, and whether they do whatever is not about labels.
fn at_most(peers: &[Peer], selectors: &[Truth]) -> (bool, bool) {
    let (mut can, mut certain) = (false, false);
    for peer in peers {
        match &peer.end {
            PeerEnd::Any => (can, certain) = (true, true),
            PeerEnd::Internet => can = true,
            PeerEnd::Conditions(conditions) => {
                let truth = conditions.workloads.map_or(Truth::Yes, |id| {
                    selectors.get(id.index()).copied().unwrap_or(Truth::No)
                });
                can |= truth != Truth::No;
                certain |= truth == Truth::Yes && is_about_labels(conditions);
            }
        }
    }
    (can, certain)
}

fn is_about_labels(conditions: &Conditions) -> bool {
    conditions.addresses.is_none()
        && conditions.network.is_none()
        && conditions.residents.is_empty()
        && conditions.domains.is_empty()
        && conditions.users.is_empty()
        && conditions.provider.is_empty()
        && !conditions.metadata
}

impl Decider<'_> {
    /// The class of an end: prepared for one workload, made for several candidates.
    pub(super) fn class(&self, end: &End) -> Arc<Class> {
        let workloads = match &end.who {
            Who::Outside { .. } => return Arc::clone(&self.classes.outside),
            Who::Unknown => return Arc::clone(&self.classes.unknown),
            Who::Workloads(workloads) => workloads,
        };
        let classes: Vec<&Arc<Class>> =
            workloads.iter().filter_map(|workload| self.class_of(*workload)).collect();
        match &*classes {
            [] => Arc::clone(&self.classes.unknown),
            [first, rest @ ..] if rest.iter().all(|one| Arc::ptr_eq(first, one)) => {
                Arc::clone(first)
            }
            several => {
                let at = |place: usize| several.iter().map(move |class| class.selectors[place]);
                let selectors = (0..self.policy.selectors.len()).map(|place| agreed(at(place)));
                let quarantine = agreed(several.iter().map(|class| class.quarantine.0));
                let shares = several.first().map_or(&[][..], |first| &*first.shares).iter();
                let shares = shares.map(|(segment, _)| {
                    (*segment, agreed(several.iter().map(|class| class.in_share(*segment))))
                });
                let seen = (selectors.collect(), Truth3(quarantine), shares.collect());
                Arc::new(with_rules(self, seen))
            }
        }
    }

    /// The expiry of bindings needs an instant where nobody asks about names.
    pub(super) const BEFORE_ALL: Timestamp = Timestamp(i64::MIN);
}
