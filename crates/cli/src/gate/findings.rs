//! What closes the gate.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Estate, Name};
use watertight_net::FlowSet;
use watertight_policy::Timestamp;
use watertight_policy::checked::{AssertionId, Excused};
use watertight_policy::decide::{Decider, Essentials, World};
use watertight_reach::Held;
use watertight_source::{Code, Diagnostic, Span};

use super::budget::{Budget, Reachable, segments};
use super::cause::causes;
use super::enforced;
use super::needs::{NeedKey, Needs, lines};
use super::proposed::Change;
use crate::chains::{StepKey, Steps, crowned};
use crate::exit::Failure;
use crate::simulate::assertions::{Verdict, verdicts};
use crate::text::counted;

/// A change makes a breach chain possible that there was none of.
pub(crate) const NEW_CHAIN: Code = Code("WT0911");
/// An assertion of the policy does not hold.
pub(crate) const BROKEN: Code = Code("WT0912");
/// More is reachable than the budget allows.
pub(crate) const OVER_BUDGET: Code = Code("WT0913");
/// What a planned change does is not known.
pub(crate) const UNTOLD: Code = Code("WT0914");

/// A change loosens what a group or network ACL of Watertight enforces.
pub(crate) const LOOSENED: Code = Code("WT0915");

/// A change cuts what a platform needs, or what the policy calls failsafe.
pub(crate) const CUT: Code = Code("WT0916");

/// Names that one finding lists.
const NAMES_MAX: usize = 5;

/// What is judged.
pub(super) struct Gate<'a> {
    pub(super) before: &'a Estate,
    pub(super) decider: &'a Decider<'a>,
    pub(super) change: Option<&'a Change<'a>>,
    pub(super) budget: Option<&'a Budget>,
    pub(super) now: Timestamp,
}

/// Something that closes the gate.
pub(super) struct Finding {
    pub(super) code: Code,
    pub(super) message: String,
    /// What shows it, line by line.
    pub(super) details: Vec<String>,
    /// The addresses of the changes that bring it about, with where the plan holds them.
    pub(super) changes: Vec<(String, Span)>,
    /// Where the policy says what is broken.
    pub(super) rule: Option<Span>,
}

/// What comes of judging.
pub(super) struct Judged {
    pub(super) findings: Vec<Finding>,
    /// How many resources the plan changes; nothing without a plan.
    pub(super) changed: Option<usize>,
    /// Pairs of workloads that connect, before and after.
    pub(super) pairs: (usize, usize),
    /// What was judged as if it were known: whose it is, and what is assumed.
    pub(super) assumed: BTreeSet<(String, String)>,
    /// Assertions that do not hold and are excused, with who excuses them until when.
    pub(super) excused: Vec<String>,
}

/// What a change brings about, to ask for its causes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Step(StepKey),
    Broken(Name),
    Pair((Name, Name)),
    Internet(Name),
    Cut(NeedKey),
}

/// Everything that is asked of one estate.
struct Seen {
    steps: Steps,
    verdicts: BTreeMap<Name, Verdict>,
    reachable: Reachable,
    needs: Needs,
}

impl Judged {
    /// The findings for code review.
    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        let each = self.findings.iter();
        each.map(|finding| {
            let mut text = finding.message.clone();
            for detail in &finding.details {
                text.push_str("; ");
                text.push_str(detail);
            }
            let mut diagnostic = Diagnostic::error(finding.code, text);
            let mut places = finding.changes.iter().map(|(address, span)| (*span, address.clone()));
            let first = match finding.rule {
                Some(span) => Some((span, String::new())),
                None => places.next(),
            };
            if let Some((span, label)) = first {
                diagnostic = diagnostic.with_label(span, label);
            }
            for (span, address) in places {
                diagnostic = diagnostic.with_related(span, address);
            }
            if let Some((address, _)) = finding.changes.first() {
                diagnostic = diagnostic.with_resource(address.clone());
            }
            diagnostic
        })
        .collect()
    }
}

impl Gate<'_> {
    /// Judges.
    ///
    /// # Errors
    /// When the estate has more parts than are compared, and when the budget names a segment that
    /// the policy does not have.
    pub(super) fn judge(&self) -> Result<Judged, Failure> {
        self.known_segments()?;
        let before = self.seen(self.before)?;
        let Some(change) = self.change else {
            let mut judged = Judged {
                findings: Vec::new(),
                changed: None,
                pairs: (before.reachable.pairs.len(), before.reachable.pairs.len()),
                excused: Vec::new(),
                assumed: BTreeSet::new(),
            };
            let nothing = BTreeMap::new();
            self.assertions(&before, &before, &nothing, &mut judged);
            self.budget(&before, &before, self.before, &nothing, &mut judged);
            return Ok(judged);
        };
        let (estate, proposal) = change.applied(&change.all());
        let after = self.seen(&estate)?;
        let keys = self.keys(&before, &after, &estate);
        let mut failed = None;
        let causes = causes(change.plan.changes.len(), &keys, &mut |which| {
            let (estate, _) = change.applied(which);
            match self.seen(&estate) {
                Ok(seen) => self.keys(&before, &seen, &estate),
                Err(failure) => {
                    failed = Some(failure);
                    BTreeSet::new()
                }
            }
        });
        if let Some(failure) = failed {
            return Err(failure);
        }
        let mut judged = Judged {
            findings: Vec::new(),
            changed: Some(change.plan.changes.len()),
            pairs: (before.reachable.pairs.len(), after.reachable.pairs.len()),
            excused: Vec::new(),
            assumed: BTreeSet::new(),
        };
        self.chains(&after, &estate, &causes, &mut judged);
        self.assertions(&before, &after, &causes, &mut judged);
        self.budget(&before, &after, &estate, &causes, &mut judged);
        self.cut(&before, &after, &causes, &mut judged);
        judged.findings.extend(enforced::findings(change, &estate));
        judged.assumed = proposal.assumed;
        let mut untold = proposal.untold;
        untold.extend(self.unaddressed(&estate));
        for (subject, why) in &untold {
            let changes = change.plan.changes.iter();
            let own: Vec<(String, Span)> = changes
                .filter(|one| one.address == *subject)
                .map(|one| (one.address.clone(), one.span))
                .collect();
            judged.findings.push(Finding {
                code: UNTOLD,
                message: format!("what the plan does to `{subject}` is not known: {why}"),
                details: Vec::new(),
                changes: own,
                rule: None,
            });
        }
        Ok(judged)
    }

    /// What is new and has no address that is known: connectivity does not tell of it.
    fn unaddressed(&self, after: &Estate) -> BTreeSet<(String, String)> {
        let known: BTreeSet<&Name> =
            self.before.network.endpoints.values().map(|one| &one.name).collect();
        let new = after.network.endpoints.values().filter(|one| {
            one.subnet.is_some() && one.addresses.is_empty() && !known.contains(&one.name)
        });
        let workloads = new.filter_map(|one| after.workloads.get(one.workload));
        let why = "its addresses are known after apply";
        workloads.map(|one| (one.id.to_string(), why.to_owned())).collect()
    }

    fn known_segments(&self) -> Result<(), Failure> {
        let policy = self.decider.policy();
        for name in self.budget.iter().flat_map(|budget| budget.segments.keys()) {
            if !policy.segments.iter().any(|segment| segment.name == *name) {
                let problem = format!("the policy has no segment `{name}`");
                return Err(Failure::Argument { flag: "budget", problem });
            }
        }
        Ok(())
    }

    fn seen(&self, estate: &Estate) -> Result<Seen, Failure> {
        let policy = self.decider.policy();
        // A change may bring workloads: they have places of their own.
        let world = World::of_estate(estate);
        let decider = Decider::new(policy, &world, &Essentials::default());
        let jewels = crowned(policy, estate);
        let judged = verdicts(estate, &decider);
        let names = policy.assertions.iter().map(|one| one.name.clone());
        Ok(Seen {
            steps: Steps::of(estate, &jewels)?,
            verdicts: names.zip(judged).collect(),
            reachable: Reachable::of(estate),
            needs: Needs::of(estate, &decider),
        })
    }

    /// What an estate has that the estate before has not.
    fn keys(&self, before: &Seen, after: &Seen, estate: &Estate) -> BTreeSet<Key> {
        let steps = before.steps.new_in(&after.steps, estate).into_iter().map(Key::Step);
        let broken = after.verdicts.iter().filter(|(name, verdict)| {
            let was = before.verdicts.get(*name);
            verdict.held != Held::Holds && was.is_some_and(|was| was.held != verdict.held)
        });
        let broken = broken.map(|(name, _)| Key::Broken(name.clone()));
        let cut = before.needs.cut_in(&after.needs).into_keys().map(Key::Cut);
        let mut keys: BTreeSet<Key> = steps.chain(broken).chain(cut).collect();
        if self.budget.is_some() {
            let pairs = after.reachable.pairs.difference(&before.reachable.pairs);
            keys.extend(pairs.cloned().map(Key::Pair));
            let ends = after.reachable.internet.difference(&before.reachable.internet);
            keys.extend(ends.cloned().map(Key::Internet));
        }
        keys
    }

    /// The changes by their places.
    fn named(&self, places: &BTreeSet<usize>) -> Vec<(String, Span)> {
        let all = self.change.map(|change| change.plan.changes.as_slice()).unwrap_or_default();
        let of = places.iter().filter_map(|place| all.get(*place));
        of.map(|one| (one.address.clone(), one.span)).collect()
    }

    fn chains(
        &self,
        after: &Seen,
        estate: &Estate,
        causes: &BTreeMap<Key, BTreeSet<usize>>,
        judged: &mut Judged,
    ) {
        let mut groups: BTreeMap<&BTreeSet<usize>, BTreeSet<StepKey>> = BTreeMap::new();
        for (key, places) in causes {
            if let Key::Step(step) = key {
                groups.entry(places).or_default().insert(step.clone());
            }
        }
        for (places, steps) in groups {
            let jewels = after.steps.jewels(estate, &steps);
            let chain = after.steps.chain(estate, &steps);
            let number = u64::try_from(steps.len()).unwrap_or(u64::MAX);
            let mut details = Vec::new();
            if let Some(chain) = chain {
                details.push(format!("a chain to {}:", chain.jewel));
                details.extend(chain.steps);
            }
            judged.findings.push(Finding {
                code: NEW_CHAIN,
                message: format!(
                    "new breach chains: {} that there was none of, on the way to {}",
                    counted(number, "step"),
                    some(&jewels)
                ),
                details,
                changes: self.named(places),
                rule: None,
            });
        }
    }

    fn assertions(
        &self,
        before: &Seen,
        after: &Seen,
        causes: &BTreeMap<Key, BTreeSet<usize>>,
        judged: &mut Judged,
    ) {
        let policy = self.decider.policy();
        for (number, assertion) in (0_u32..).zip(&policy.assertions) {
            let Some(verdict) = after.verdicts.get(&assertion.name) else { continue };
            if verdict.held == Held::Holds {
                continue;
            }
            let excuse = policy.exceptions.iter().find(|one| {
                one.excused == Excused::Assertion(AssertionId(number)) && one.expires > self.now
            });
            if let Some(excuse) = excuse {
                judged.excused.push(format!(
                    "{}: excused by {} until {} ({})",
                    assertion.name, excuse.name, excuse.expires, excuse.owner
                ));
                continue;
            }
            let word = match verdict.held {
                Held::Fails => "does not hold",
                Held::Holds | Held::Unknown => "is not known to hold",
            };
            let was = before.verdicts.get(&assertion.name).map(|was| was.held);
            let since = match was {
                Some(was) if self.change.is_some() && was == verdict.held => ", as before",
                Some(Held::Holds) if self.change.is_some() => " any more",
                _ => "",
            };
            let mut details = verdict.witness.clone();
            details.extend(verdict.missing.iter().map(|one| format!("not known: {one}")));
            let places = causes.get(&Key::Broken(assertion.name.clone()));
            judged.findings.push(Finding {
                code: BROKEN,
                message: format!("the assertion {} {word}{since}", assertion.name),
                details,
                changes: places.map(|places| self.named(places)).unwrap_or_default(),
                rule: Some(assertion.name_span),
            });
        }
    }

    /// What is cut that is needed, each need by itself.
    fn cut(
        &self,
        before: &Seen,
        after: &Seen,
        causes: &BTreeMap<Key, BTreeSet<usize>>,
        judged: &mut Judged,
    ) {
        let mut by_need: BTreeMap<Name, Vec<(NeedKey, FlowSet)>> = BTreeMap::new();
        for (key, flows) in before.needs.cut_in(&after.needs) {
            by_need.entry(key.0.clone()).or_default().push((key, flows));
        }
        for (need, cut) in by_need {
            let causes = cut.iter().filter_map(|(key, _)| causes.get(&Key::Cut(key.clone())));
            let places: BTreeSet<usize> = causes.flatten().copied().collect();
            let mut details = lines(self.before, cut.iter().map(|(key, flows)| (key, flows)));
            let rest = details.len().saturating_sub(NAMES_MAX);
            details.truncate(NAMES_MAX);
            if rest > 0 {
                details.push(format!("and {rest} more"));
            }
            judged.findings.push(Finding {
                code: CUT,
                message: format!("what no policy closes is cut: {need}"),
                details,
                changes: self.named(&places),
                rule: None,
            });
        }
    }

    fn budget(
        &self,
        before: &Seen,
        after: &Seen,
        estate: &Estate,
        causes: &BTreeMap<Key, BTreeSet<usize>>,
        judged: &mut Judged,
    ) {
        let Some(budget) = self.budget else { return };
        let (is, was) = (&after.reachable, &before.reachable);
        let opened: BTreeSet<Key> =
            is.pairs.difference(&was.pairs).cloned().map(Key::Pair).collect();
        let found: BTreeSet<Key> =
            is.internet.difference(&was.internet).cloned().map(Key::Internet).collect();
        let mut over = |what: &str, (count, most): (usize, Option<u64>), keys: &BTreeSet<Key>| {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            let Some(most) = most.filter(|most| count > *most) else { return };
            let places = keys.iter().filter_map(|key| causes.get(key)).flatten().copied().collect();
            judged.findings.push(Finding {
                code: OVER_BUDGET,
                message: format!("{what}: {count}, and the budget allows {most}"),
                details: listed(keys, estate),
                changes: self.named(&places),
                rule: None,
            });
        };
        over("pairs of workloads that connect", (is.pairs.len(), budget.pairs), &opened);
        if self.change.is_some() {
            over("pairs that the change opens", (opened.len(), budget.opened), &opened);
        }
        over("workloads that the internet reaches", (is.internet.len(), budget.internet), &found);
        let world = World::of_estate(estate);
        let decider = Decider::new(self.decider.policy(), &world, &Essentials::default());
        let members = segments(&decider, estate);
        for (segment, most) in &budget.segments {
            let Some(members) = members.get(segment) else { continue };
            let into = |(from, to): &&(Name, Name)| members.contains(to) && !members.contains(from);
            let count = is.pairs.iter().filter(into).count();
            let new = opened.iter().filter(|key| matches!(key, Key::Pair(pair) if into(&pair)));
            let new: BTreeSet<Key> = new.cloned().collect();
            over(&format!("pairs into the segment {segment}"), (count, Some(*most)), &new);
        }
    }
}

/// What is new, in the names of the estate.
fn listed(keys: &BTreeSet<Key>, estate: &Estate) -> Vec<String> {
    let name = |id: &Name| {
        let known = estate.workloads.values().find(|one| one.id == *id);
        known.map_or_else(|| id.to_string(), |one| one.name.to_string())
    };
    let each = keys.iter().filter_map(|key| match key {
        Key::Pair((from, to)) => Some(format!("new: {} -> {}", name(from), name(to))),
        Key::Internet(to) => Some(format!("new: internet -> {}", name(to))),
        Key::Step(_) | Key::Broken(_) | Key::Cut(_) => None,
    });
    let mut lines: Vec<String> = each.take(NAMES_MAX).collect();
    let rest = keys.len().saturating_sub(NAMES_MAX);
    if rest > 0 {
        lines.push(format!("and {rest} more"));
    }
    lines
}

fn some(names: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    let rest = names.len().saturating_sub(NAMES_MAX);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}
