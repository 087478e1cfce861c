use watertight_model::{Name, Truth};

use crate::Timestamp;
use crate::checked::{End as PeerEnd, Mode, SegmentId};
use crate::decide::bits::Bits;
use crate::decide::class::Class;
use crate::decide::compile::{Decider, number};
use crate::decide::ends::End;

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
        Self { decider, now, active, policies_on, segments_on, on }
    }

    /// Whether some rule that takes part, besides the essentials, can match both ends.
    pub fn has_rule_between(&self, source: &End, destination: &End) -> bool {
        let (from, to) = (self.decider.class(source), self.decider.class(destination));
        from.from.common(&to.to, &self.active).next().is_some()
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
        Background(truths.chain([class.quarantine.0]).collect())
    }

    /// The segments that are on, with how surely they hold a class of ends.
    pub(super) fn holding<'s>(
        &'s self,
        class: &'s Class,
    ) -> impl Iterator<Item = (SegmentId, Truth)> + 's {
        class.segments.iter().copied().filter(|(id, _)| self.on.contains(id.index()))
    }
}
