use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Name, Truth};

use crate::Timestamp;
use crate::changed::RulePlace;
use crate::checked::{End as PeerEnd, Mode, Segment, SegmentId};
use crate::decide::bits::Bits;
use crate::decide::class::Class;
use crate::decide::compile::{Decider, number};
use crate::decide::ends::{End, Who};

/// Which segments and policies are on: a mode assignment, M.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Modes {
    /// Those in mode enforce.
    Enforced,
    /// Those in mode enforce or monitor.
    Pending,
    /// Those in mode enforce, and this segment.
    PromoteSegment(Name),
    /// Those in mode enforce, and this policy.
    PromotePolicy(Name),
}

impl Modes {
    fn is_on(&self, mode: Mode, name: &Name, is_segment: bool) -> bool {
        match self {
            Self::Enforced => mode == Mode::Enforce,
            Self::Pending => mode != Mode::Disabled,
            Self::PromoteSegment(promoted) => {
                mode == Mode::Enforce || (is_segment && promoted == name)
            }
            Self::PromotePolicy(promoted) => {
                mode == Mode::Enforce || (!is_segment && promoted == name)
            }
        }
    }
}

impl Modes {
    /// Whether the share of a segment is heard: what is promoted, or looked at as pending, is on as a whole.
    fn is_shared(&self, segment: &Segment) -> bool {
        let is_whole = match self {
            Self::Pending => true,
            Self::PromoteSegment(promoted) => *promoted == segment.name,
            Self::Enforced | Self::PromotePolicy(_) => false,
        };
        segment.enforced_share().is_some() && !is_whole
    }
}

/// What [`Deciding::background`] sees of a workload.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Background(Vec<Truth>);

/// A policy under a mode assignment at an instant: what answers questions.
#[derive(Debug)]
pub struct Deciding<'d> {
    pub(super) decider: &'d Decider<'d>,
    pub(super) now: Timestamp,
    /// The rules that take part.
    pub(super) active: Bits,
    /// By policy, whether its mode lets it take part.
    pub(super) policies_on: Vec<bool>,
    /// The segments that are on.
    pub(super) segments_on: Vec<SegmentId>,
    /// The same as a set.
    pub(super) on: Bits,
    /// Those of them of which a share alone is.
    pub(super) shared: Bits,
    /// By class, the first one that these modes do not tell from it; empty where there are no shares.
    alike: Vec<usize>,
}

/// A segment of which a share alone is on, and whether the share holds an end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct InShare {
    /// The segment; it holds the end, or may.
    pub segment: SegmentId,
    /// Whether the end is in the share.
    pub is_in: Truth,
}

impl<'d> Deciding<'d> {
    pub(super) fn new(decider: &'d Decider<'d>, modes: &Modes, now: Timestamp) -> Self {
        let policy = decider.policy;
        let policies_on: Vec<bool> =
            policy.policies.iter().map(|one| modes.is_on(one.mode, &one.name, false)).collect();
        let mut active = Bits::new(decider.rules.len());
        for (place, rule) in decider.rules.iter().enumerate() {
            let of = rule.id.policy as usize;
            if policies_on[of] && policy.policies[of].is_live(now) {
                active.insert(place);
            }
        }
        let segments = policy.segments.iter().enumerate();
        let segments_on: Vec<SegmentId> = segments
            .filter(|(_, segment)| modes.is_on(segment.mode, &segment.name, true))
            .map(|(place, _)| SegmentId(number(place)))
            .collect();
        let mut on = Bits::new(policy.segments.len());
        for id in &segments_on {
            on.insert(id.index());
        }
        let mut shared = Bits::new(0);
        if policy.segments.iter().any(|one| one.enforced_share().is_some()) {
            shared = Bits::new(policy.segments.len());
            let of = policy.segments.iter().enumerate();
            for (place, _) in of.filter(|(_, one)| modes.is_shared(one)) {
                shared.insert(place);
            }
        }
        let alike = alike(decider, &shared);
        Self { decider, now, active, policies_on, segments_on, on, shared, alike }
    }

    /// The number of a workload's class: equal for workloads that neither the policy nor, under these modes,
    /// the shares of its segments tell apart.
    pub fn class_number(&self, workload: usize) -> Option<usize> {
        let number = self.decider.class_number(workload)?;
        Some(self.alike.get(number).copied().unwrap_or(number))
    }

    /// The segments that are on and hold a workload, or may. Where a share of a segment is on, the share has
    /// to hold it too.
    pub fn segments_holding(&self, workload: usize) -> Vec<(SegmentId, Truth)> {
        let class = self.decider.class_of(workload);
        class.map(|class| self.holding(class).collect()).unwrap_or_default()
    }

    /// The segments of which a share alone is on and that hold an end, or may, with whether the share does.
    pub fn shares_at(&self, end: &End) -> Vec<InShare> {
        if !matches!(end.who, Who::Workloads(_)) {
            return Vec::new();
        }
        let class = self.decider.class(end);
        let shared = class.segments.iter().filter(|(id, _)| self.is_shared(*id));
        shared.map(|(id, _)| InShare { segment: *id, is_in: class.in_share(*id) }).collect()
    }

    /// Whether a share alone of a segment is on.
    pub fn is_shared(&self, segment: SegmentId) -> bool {
        self.shared.contains(segment.index())
    }

    /// Whether some rule that takes part, besides the essentials, can match both ends.
    pub fn has_rule_between(&self, source: &End, destination: &End) -> bool {
        let (from, to) = (self.decider.class(source), self.decider.class(destination));
        from.from.common(&to.to, &self.active).next().is_some()
    }

    /// Tells of an end whether one of some rules can match it, as who opens a leg or as who accepts it.
    pub fn meaning(&self, rules: &BTreeSet<RulePlace>) -> impl Fn(&End) -> bool {
        let all = self.decider.rules.iter().enumerate();
        let meant = all.filter(|(_, rule)| rules.contains(&(rule.id.policy, rule.id.rule)));
        let places: Vec<usize> = meant.map(|(place, _)| place).collect();
        move |end| {
            let class = self.decider.class(end);
            places.iter().any(|place| class.from.contains(*place) || class.to.contains(*place))
        }
    }

    /// What is seen of a workload where no rule can match both ends of a leg: two workloads of which the
    /// same is seen, at addresses that the essentials do not tell apart, get the same decisions there.
    pub fn background(&self, workload: usize) -> Background {
        let Some(class) = self.decider.class_of(workload) else { return Background(Vec::new()) };
        let segments = self
            .segments_on
            .iter()
            .filter_map(|id| Some(self.decider.policy.segments.get(id.index())?.members.index()));
        let peers = self.decider.essentials.iter().flat_map(|rule| rule.from.iter().chain(rule.to));
        let asked = peers.filter_map(|peer| match &peer.end {
            PeerEnd::Conditions(conditions) => Some(conditions.workloads?.index()),
            PeerEnd::Any | PeerEnd::Internet => None,
        });
        let truth = |place: usize| class.selectors.get(place).copied().unwrap_or(Truth::No);
        let truths = segments.chain(asked).map(truth);
        let shares = class.shares.iter().filter(|(id, _)| self.is_shared(*id));
        let shares = shares.map(|(_, truth)| *truth);
        Background(truths.chain(shares).chain([class.quarantine.0]).collect())
    }

    /// The segments that are on, with how surely they, or the shares of them that are on, hold a class of ends.
    pub(super) fn holding<'s>(
        &'s self,
        class: &'s Class,
    ) -> impl Iterator<Item = (SegmentId, Truth)> + 's {
        let on = class.segments.iter().copied().filter(|(id, _)| self.on.contains(id.index()));
        on.filter_map(|(id, member)| {
            let truth = if self.is_shared(id) { class.in_share(id) } else { member };
            (truth != Truth::No).then_some((id, truth))
        })
    }
}

/// By class, the first one that is the same but for shares that are not heard.
fn alike(decider: &Decider<'_>, shared: &Bits) -> Vec<usize> {
    let classes = decider.classes.all();
    if classes.first().is_none_or(|class| class.shares.is_empty()) {
        return Vec::new();
    }
    let mut seen = BTreeMap::new();
    let numbers = classes.iter().enumerate().map(|(number, class)| {
        let heard = class.shares.iter().filter(|(id, _)| shared.contains(id.index()));
        let key = (&class.selectors, class.quarantine, heard.collect::<Vec<_>>());
        *seen.entry(key).or_insert(number)
    });
    numbers.collect()
}
