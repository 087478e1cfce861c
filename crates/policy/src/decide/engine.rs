use std::sync::Arc;

use watertight_model::Truth;

use crate::checked::{Action, Clause, DefaultAction, SegmentId, Tier};
use crate::decide::class::Class;
use crate::decide::compile::{Over, Prepared};
use crate::decide::ends::{Seen, Who};
use crate::decide::request::{Request, fits, sorts};
use crate::decide::types::{
    Assumption, Decision, DefaultKind, Governed, Outcome, Question, Reason, RuleId, Side,
};
use crate::decide::under::Deciding;

/// The classes of both ends.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) source: Arc<Class>,
    pub(super) destination: Arc<Class>,
}

/// What comes of one request.
struct Verdict {
    allows: bool,
    reason: Reason,
    assumed: Vec<Assumption>,
}

/// What of a rule matches a leg.
pub(super) enum Matched {
    /// This, whatever the request.
    Always(Truth),
    /// This and what the request makes of the clauses; by clause, how surely the leg fits it.
    ByRequest(Truth, Vec<(Option<usize>, Truth)>),
}

/// A request was needed and not told.
struct NeedsRequest;

impl Deciding<'_> {
    /// Decides about a leg.
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        self.decide_between(question, &self.ends(question))
    }

    /// The same, of ends whose classes are known.
    pub(super) fn decide_between(&self, question: &Question<'_>, ends: &Ends) -> Decision {
        let (governed, assumed) = self.governed(question, ends);
        let both = (governed, assumed);
        if let Ok(verdict) = self.walk(question, question.request, ends, &both) {
            return combined(vec![verdict], governed);
        }
        let sorts = sorts(self.clauses_about(question, ends));
        let walked =
            sorts.iter().filter_map(|request| self.walk(question, Some(request), ends, &both).ok());
        combined(walked.collect(), governed)
    }

    pub(super) fn ends(&self, question: &Question<'_>) -> Ends {
        Ends {
            source: self.decider.class(&question.leg.source),
            destination: self.decider.class(&question.leg.destination),
        }
    }

    /// Which ends are governed, and what of that is assumed. Nothing enforces at an address that
    /// nobody is known to hold.
    fn governed(&self, question: &Question<'_>, ends: &Ends) -> (Governed, Vec<Assumption>) {
        let mut assumed = Vec::new();
        let mut is_governed = |side, who: &Who, class: &Class| {
            if !matches!(who, Who::Workloads(_)) {
                return false;
            }
            let truth = self.holding(class).map(|(_, truth)| truth).max();
            if truth == Some(Truth::Maybe) {
                assumed.push(Assumption::Governed(side));
            }
            truth.is_some()
        };
        let leg = question.leg;
        let source = is_governed(Side::Source, &leg.source.who, &ends.source);
        let destination = is_governed(Side::Destination, &leg.destination.who, &ends.destination);
        (Governed { source, destination }, assumed)
    }

    /// The steps of a decision, for one request.
    fn walk(
        &self,
        question: &Question<'_>,
        request: Option<&Request>,
        ends: &Ends,
        governed: &(Governed, Vec<Assumption>),
    ) -> Result<Verdict, NeedsRequest> {
        let mut assumed = Vec::new();
        let quarantine = quarantined(ends, &mut assumed);
        if let Some(id) = self.essential(question, request, ends, quarantine.is_some())? {
            return Ok(Verdict { allows: true, reason: Reason::Essential(id), assumed });
        }
        if let Some(side) = quarantine {
            return Ok(Verdict { allows: false, reason: Reason::Quarantine(side), assumed });
        }
        let (governed, may_be) = governed;
        if !governed.source && !governed.destination {
            return Ok(Verdict { allows: true, reason: Reason::Ungoverned, assumed });
        }
        assumed.extend_from_slice(may_be);
        if let Some((rule, action)) = self.first_rule(question, request, ends, &mut assumed)? {
            let allows = action == Action::Allow;
            return Ok(Verdict { allows, reason: Reason::Rule(rule), assumed });
        }
        Ok(self.by_default(question, ends, assumed))
    }

    /// The first essential that matches for sure; the failsafe ones alone for who is in quarantine.
    fn essential(
        &self,
        question: &Question<'_>,
        request: Option<&Request>,
        ends: &Ends,
        failsafe_only: bool,
    ) -> Result<Option<RuleId>, NeedsRequest> {
        for rule in &self.decider.essentials {
            if failsafe_only && !rule.is_failsafe {
                continue;
            }
            let matched = self.matched(rule, (false, false), question, ends);
            if rule.action == Action::Allow && truth(rule, matched, request)? == Truth::Yes {
                return Ok(Some(rule.id));
            }
        }
        Ok(None)
    }

    /// The rule that decides, of all tiers.
    fn first_rule(
        &self,
        question: &Question<'_>,
        request: Option<&Request>,
        ends: &Ends,
        assumed: &mut Vec<Assumption>,
    ) -> Result<Option<(RuleId, Action)>, NeedsRequest> {
        let mut passed = false;
        let (source, destination) = (&ends.source, &ends.destination);
        for place in source.from.common(&destination.to, &self.active) {
            let Some(rule) = self.decider.rules.get(place) else { continue };
            if passed && rule.tier == Tier::Guardrail {
                continue;
            }
            let certain =
                (source.from_certain.contains(place), destination.to_certain.contains(place));
            let matched = self.matched(rule, certain, question, ends);
            match (truth(rule, matched, request)?, rule.action) {
                (Truth::No, _) => {}
                (Truth::Maybe, Action::Deny) => {
                    assumed.push(Assumption::Matches(rule.id));
                    return Ok(Some((rule.id, rule.action)));
                }
                (Truth::Maybe, _) => assumed.push(Assumption::MatchesNot(rule.id)),
                (Truth::Yes, Action::Pass) => passed = true,
                (Truth::Yes, _) => return Ok(Some((rule.id, rule.action))),
            }
        }
        Ok(None)
    }

    /// How a rule matches a leg. `certain` says of which ends it is known already.
    pub(super) fn matched(
        &self,
        rule: &Prepared<'_>,
        certain: (bool, bool),
        question: &Question<'_>,
        ends: &Ends,
    ) -> Matched {
        let leg = question.leg;
        let clauses = match &rule.over {
            Over::Clauses([only]) if !only.has_conditions() => {
                if !only.flows.contains_flow(leg.flow) {
                    return Matched::Always(Truth::No);
                }
                None
            }
            Over::Clauses(clauses) => {
                let fitting = clauses.iter().enumerate();
                let fitting = fitting.filter(|(_, clause)| clause.flows.contains_flow(leg.flow));
                Some(fitting.map(|(place, _)| (Some(place), Truth::Yes)).collect())
            }
            Over::Front(clauses, part) => Some(part.clauses(clauses, leg)),
        };
        let from = if certain.0 { Truth::Yes } else { self.from(rule, question, ends) };
        if from == Truth::No {
            return Matched::Always(Truth::No);
        }
        let to = if certain.1 { Truth::Yes } else { self.to(rule, question, ends) };
        let both = from.and(to);
        match clauses {
            None => Matched::Always(both),
            Some(clauses) if both == Truth::No || clauses.is_empty() => Matched::Always(Truth::No),
            Some(clauses) => Matched::ByRequest(both, clauses),
        }
    }

    pub(super) fn from(&self, rule: &Prepared<'_>, question: &Question<'_>, ends: &Ends) -> Truth {
        let selectors = &*ends.source.selectors;
        let (end, bindings, now) = (&question.leg.source, question.bindings, self.now);
        self.decider.any_peer(rule.from, Seen { end, selectors, asker: None, bindings, now })
    }

    pub(super) fn to(&self, rule: &Prepared<'_>, question: &Question<'_>, ends: &Ends) -> Truth {
        let selectors = &*ends.destination.selectors;
        let (end, bindings, now) = (&question.leg.destination, question.bindings, self.now);
        let asker = Some(&question.leg.source);
        self.decider.any_peer(rule.to, Seen { end, selectors, asker, bindings, now })
    }

    /// The clauses of rules that may match the leg.
    fn clauses_about<'s>(
        &'s self,
        question: &'s Question<'_>,
        ends: &'s Ends,
    ) -> impl Iterator<Item = &'s Clause> + 's {
        let rules = ends.source.from.common(&ends.destination.to, &self.active);
        let rules = rules.filter_map(|place| self.decider.rules.get(place));
        let rules = self.decider.essentials.iter().chain(rules);
        rules.flat_map(move |rule| {
            let matched = self.matched(rule, (false, false), question, ends);
            let places = match matched {
                Matched::ByRequest(_, places) => places,
                Matched::Always(_) => Vec::new(),
            };
            let places = places.into_iter().filter_map(|(place, _)| place);
            places.filter_map(|place| rule.clauses().get(place))
        })
    }

    /// What the segments say where no rule decides.
    fn by_default(
        &self,
        question: &Question<'_>,
        ends: &Ends,
        mut assumed: Vec<Assumption>,
    ) -> Verdict {
        let (source, destination) =
            (question.leg.source.one_place(), question.leg.destination.one_place());
        if source.is_some() && source == destination {
            return Verdict { allows: true, reason: Reason::Itself, assumed };
        }
        let mut defaults = Vec::new();
        self.defaults_of(Side::Source, &ends.source, &ends.destination, &mut defaults);
        self.defaults_of(Side::Destination, &ends.destination, &ends.source, &mut defaults);
        let denies = defaults.iter().find(|default| default.3 == DefaultAction::Deny);
        let Some((side, segment, kind, action, truth)) = denies.or(defaults.first()).copied()
        else {
            return Verdict { allows: true, reason: Reason::Ungoverned, assumed };
        };
        let allows = action == DefaultAction::Allow;
        if truth == Truth::Maybe && !allows {
            assumed.push(Assumption::Holds(side, segment));
        }
        Verdict { allows, reason: Reason::Default(side, segment, kind), assumed }
    }

    /// The defaults of the segments that are on and hold one end.
    fn defaults_of(
        &self,
        side: Side,
        here: &Class,
        there: &Class,
        defaults: &mut Vec<(Side, SegmentId, DefaultKind, DefaultAction, Truth)>,
    ) {
        for (id, holds) in self.holding(here) {
            let segment = &self.decider.policy.segments[id.index()];
            let other = there.selectors.get(segment.members.index()).copied();
            let other = other.unwrap_or(Truth::No);
            let (outward, action) = match side {
                Side::Source => (DefaultKind::Egress, segment.egress),
                Side::Destination => (DefaultKind::Ingress, segment.ingress),
            };
            if other != Truth::No {
                defaults.push((side, id, DefaultKind::Intra, segment.intra, holds.and(other)));
            }
            if other != Truth::Yes {
                defaults.push((side, id, outward, action, holds.and(!other)));
            }
        }
    }
}

/// The end that is in quarantine; what may be is.
fn quarantined(ends: &Ends, assumed: &mut Vec<Assumption>) -> Option<Side> {
    let sides = [(Side::Source, &ends.source), (Side::Destination, &ends.destination)];
    for (side, class) in sides {
        match class.quarantine.0 {
            Truth::No => {}
            Truth::Maybe => {
                assumed.push(Assumption::Quarantined(side));
                return Some(side);
            }
            Truth::Yes => return Some(side),
        }
    }
    None
}

/// The truth of a match for one request.
fn truth(
    rule: &Prepared<'_>,
    matched: Matched,
    request: Option<&Request>,
) -> Result<Truth, NeedsRequest> {
    let (ends, places) = match matched {
        Matched::Always(truth) => return Ok(truth),
        Matched::ByRequest(ends, places) => (ends, places),
    };
    let clauses = rule.clauses();
    let mut any = Truth::No;
    let mut is_asked = false;
    for (place, fit) in places {
        let clause = place.and_then(|place| clauses.get(place));
        let wanted = clause.filter(|clause| clause.has_conditions());
        any = any.or(match (wanted, request) {
            (None, _) => fit,
            (Some(_), None) => {
                is_asked |= fit != Truth::No;
                Truth::No
            }
            (Some(clause), Some(request)) => fit.and(fits(clause, request)),
        });
    }
    if is_asked && any != Truth::Yes {
        return Err(NeedsRequest);
    }
    Ok(ends.and(any))
}

/// One decision of those about the requests.
fn combined(verdicts: Vec<Verdict>, governed: Governed) -> Decision {
    let allowed = verdicts.iter().filter(|verdict| verdict.allows).count();
    let outcome = match allowed {
        0 => Outcome::Deny,
        all if all == verdicts.len() => Outcome::Allow,
        _ => Outcome::Inspect,
    };
    let mut reasons = Vec::with_capacity(1);
    let mut assumed = Vec::new();
    for verdict in verdicts {
        reasons.push(verdict.reason);
        assumed.extend(verdict.assumed);
    }
    reasons.sort_unstable();
    reasons.dedup();
    assumed.sort_unstable();
    assumed.dedup();
    Decision { outcome, reasons, assumed, governed }
}
