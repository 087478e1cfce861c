//! A firewall's rules as stages of a guard: by the source where packets come in, by the destination
//! where they go on.
//!
//! A rule of a firewall looks at both addresses, a rule of a guard at one. So the rules are asked
//! twice, and each time what they say of the other address is left open: a rule that refuses some
//! destinations only refuses no source for sure. Both together bound from above what passes, and a
//! Box is between the two, so that nothing passes for sure.

use watertight_model::Name;
use watertight_model::network::{Action, Combine, Direction, Peer, Rule, Stage, StageDefault};
use watertight_net::{Family, FlowSet, Prefix};
use watertight_source::Span;

/// What a rule does with what it matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Pass,
    /// Hand it to the stateful rules.
    Forward,
    Drop,
}

/// The addresses that a rule matches at one end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Any,
    Prefixes(Vec<Prefix>),
    /// A variable, a negation or something else that is not told.
    Unread,
}

impl Side {
    fn is_whole(&self, family: Family) -> bool {
        match self {
            Self::Any => true,
            Self::Prefixes(prefixes) => {
                prefixes.iter().any(|prefix| prefix.len() == 0 && prefix.family() == family)
            }
            Self::Unread => false,
        }
    }
}

/// One rule of a firewall.
#[derive(Clone, Debug)]
pub(super) struct FirewallRule {
    pub(super) name: Name,
    pub(super) verdict: Verdict,
    pub(super) flows: FlowSet,
    /// Whether it matches all of its flows between its addresses, and not only some contents.
    pub(super) is_exact: bool,
    pub(super) sources: Side,
    pub(super) destinations: Side,
    pub(super) origin: Option<Span>,
}

impl FirewallRule {
    /// A rule that may pass anything, which stands for rules that cannot be read.
    pub(super) fn unread(name: Name, origin: Option<Span>) -> Self {
        Self {
            name,
            verdict: Verdict::Pass,
            flows: FlowSet::all(),
            is_exact: false,
            sources: Side::Any,
            destinations: Side::Any,
            origin,
        }
    }

    /// The same rule for packets the other way.
    pub(super) fn turned(&self) -> Self {
        Self {
            flows: self.flows.reply(),
            sources: self.destinations.clone(),
            destinations: self.sources.clone(),
            ..self.clone()
        }
    }

    /// The rules of a guard that sees one end.
    fn seen(&self, direction: Direction) -> Vec<Rule> {
        let (own, other) = match direction {
            Direction::Ingress => (&self.sources, &self.destinations),
            Direction::Egress => (&self.destinations, &self.sources),
        };
        let decided = if self.is_exact { decided(own, other) } else { Vec::new() };
        match self.verdict {
            // Whatever the other address is, it may be one that the rule passes.
            Verdict::Pass => self.rules(peers(own), Action::Accept),
            Verdict::Drop => self.rules(decided, Action::Deny),
            Verdict::Forward if self.is_exact && decided == peers(own) => {
                self.rules(decided, Action::Next)
            }
            Verdict::Forward => {
                let text = Name::from("the other address, or contents");
                self.rules(vec![Peer::Unread(text)], Action::Next)
            }
        }
    }

    fn rules(&self, peers: Vec<Peer>, action: Action) -> Vec<Rule> {
        let rules = peers.into_iter().map(|peer| Rule {
            name: self.name.clone(),
            peer,
            flows: self.flows.clone().into(),
            action,
            origin: self.origin,
        });
        rules.collect()
    }
}

/// The peers that a side could mean.
fn peers(side: &Side) -> Vec<Peer> {
    match side {
        Side::Prefixes(prefixes) => prefixes.iter().copied().map(Peer::Prefix).collect(),
        Side::Any | Side::Unread => vec![Peer::Any],
    }
}

/// The peers of one end for which a rule matches whatever the other end is.
fn decided(own: &Side, other: &Side) -> Vec<Peer> {
    let families = [(Family::V4, "0.0.0.0/0"), (Family::V6, "::/0")];
    match own {
        Side::Any if *other == Side::Any => vec![Peer::Any],
        Side::Any => {
            let whole = families.iter().filter(|(family, _)| other.is_whole(*family));
            whole.filter_map(|(_, text)| text.parse().ok().map(Peer::Prefix)).collect()
        }
        Side::Prefixes(prefixes) => {
            let whole = prefixes.iter().filter(|prefix| other.is_whole(prefix.family()));
            whole.copied().map(Peer::Prefix).collect()
        }
        Side::Unread => Vec::new(),
    }
}

/// What rules leave to their default: a last rule, and what becomes of the rest.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) rule: Option<FirewallRule>,
    pub(super) default: StageDefault,
}

/// The rules of one engine, in the order of evaluation.
pub(super) fn stage(rules: &[FirewallRule], ending: &Ending, direction: Direction) -> Stage {
    let rules = rules.iter().chain(&ending.rule).flat_map(|rule| rule.seen(direction));
    Stage { combine: Combine::Ordered, rules: rules.collect(), default: ending.default.clone() }
}

/// Whether stages let everything through.
pub(super) fn is_open(stages: &[Stage]) -> bool {
    stages.iter().all(|stage| {
        stage.default != StageDefault::Deny
            && stage.rules.iter().all(|rule| rule.action != Action::Deny)
    })
}
