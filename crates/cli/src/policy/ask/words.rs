//! Decisions in words.

use serde_json::{Value, json};
use watertight_model::Truth;
use watertight_policy::checked::Segment;
use watertight_policy::decide::{Assumption, InShare, NearMiss, Reason, RuleId, Side};
use watertight_policy::is_written;
use watertight_source::Span;

use crate::policy::loaded::LoadedPolicy;
use crate::text;

/// What decided.
pub(super) struct Why {
    /// The word for programs.
    pub(super) kind: &'static str,
    /// What a person reads.
    pub(super) text: String,
    /// The tier of the rule, where a rule decided.
    pub(super) tier: Option<String>,
    /// File and line.
    pub(super) origin: Option<String>,
}

const fn end(side: Side) -> &'static str {
    match side {
        Side::Source => "source",
        Side::Destination => "destination",
    }
}

impl LoadedPolicy {
    /// What decided, in words.
    pub(super) fn why(&self, reason: Reason) -> Why {
        let plain = |kind, text: String| Why { kind, text, tier: None, origin: None };
        match reason {
            Reason::Quarantine(side) => {
                plain("quarantine", format!("the {} is in quarantine", end(side)))
            }
            Reason::Ungoverned => {
                plain("ungoverned", "no segment that is on holds either end".to_owned())
            }
            Reason::Itself => plain("itself", "it is an endpoint to itself".to_owned()),
            Reason::Essential(id) => {
                let policy = self.policy.policies.get(id.policy as usize);
                let name = policy.map_or("", |one| &*one.name);
                let text = format!("{name}, which every policy lets through");
                let written = self.rule_span(id).filter(|span| is_written(*span));
                Why { kind: "essential", text, tier: None, origin: self.place(written) }
            }
            Reason::Rule(id) => self.by_rule(id),
            Reason::Default(side, id, kind) => {
                let segment = self.policy.segments.get(id.index());
                let name = segment.map_or("", |one| &*one.name);
                let text = format!(
                    "the default `{}` of segment {name}, which holds the {}",
                    kind.word(),
                    end(side)
                );
                let origin = self.place(segment.and_then(|one| one.span));
                Why { kind: "default", text, tier: None, origin }
            }
        }
    }

    fn by_rule(&self, id: RuleId) -> Why {
        let tier = self.policy.policies.get(id.policy as usize).map(|one| one.tier.to_string());
        Why { kind: "rule", text: self.rule(id), tier, origin: self.place(self.rule_span(id)) }
    }

    fn rule_span(&self, id: RuleId) -> Option<Span> {
        let policy = self.policy.policies.get(id.policy as usize)?;
        policy.rules.get(id.rule as usize).map(|rule| rule.span)
    }

    fn place(&self, span: Option<Span>) -> Option<String> {
        text::origin(&self.sources, span)
    }

    /// A rule by its name, or its number, and its policy.
    fn rule(&self, id: RuleId) -> String {
        let Some(policy) = self.policy.policies.get(id.policy as usize) else {
            return String::new();
        };
        let rule = policy.rules.get(id.rule as usize);
        let name = rule.and_then(|rule| rule.name.as_ref());
        let number = u64::from(id.rule).saturating_add(1);
        let of = name.map_or_else(|| format!("rule {number}"), |name| format!("rule `{name}`"));
        let part = match id.part.word() {
            "" => String::new(),
            part => format!(", {part}"),
        };
        format!("{of} of policy {}{part}", policy.name)
    }

    /// A rule that would have allowed the leg, but for one attribute.
    pub(super) fn near(&self, near: &NearMiss) -> (String, Option<String>) {
        let text = format!("{} fails in `{}` alone", self.rule(near.rule), near.fails.word());
        (text, self.place(self.rule_span(near.rule)))
    }

    /// Whether an end is in the share of a segment that is enforced, in words.
    pub(super) fn shared(&self, (side, share): (Side, InShare)) -> String {
        let segment = self.policy.segments.get(share.segment.index());
        let name = segment.map_or("", |one| &*one.name);
        let of = segment.and_then(Segment::enforced_share).map(ToString::to_string);
        let of = of.unwrap_or_default();
        let verb = match share.is_in {
            Truth::Yes => "is in",
            Truth::No => "is not in",
            Truth::Maybe => "may be in",
        };
        format!("the {} {verb} the share of segment {name} that is enforced, {of}", end(side))
    }

    /// The segment of a share, and whether it holds the end, for programs.
    pub(super) fn shared_json(&self, (side, share): (Side, InShare)) -> Value {
        let segment = self.policy.segments.get(share.segment.index());
        let is_in = match share.is_in {
            Truth::Yes => "yes",
            Truth::No => "no",
            Truth::Maybe => "maybe",
        };
        json!({ "end": end(side), "segment": segment.map(|one| one.name.to_string()), "in": is_in })
    }

    /// What was assumed, in words.
    pub(super) fn assumed(&self, assumption: Assumption) -> String {
        match assumption {
            Assumption::Quarantined(side) => {
                format!("the {} may be in quarantine, and is taken to be", end(side))
            }
            Assumption::Governed(side) => {
                format!("the {} may be governed, and is taken to be", end(side))
            }
            Assumption::Matches(id) => {
                format!("{} may match, and is taken to", self.rule(id))
            }
            Assumption::MatchesNot(id) => {
                format!("{} may match, and is taken not to", self.rule(id))
            }
            Assumption::Holds(side, id) => {
                let name = self.policy.segments.get(id.index()).map_or("", |one| &*one.name);
                format!("segment {name} may hold the {}, and is taken to", end(side))
            }
        }
    }
}
