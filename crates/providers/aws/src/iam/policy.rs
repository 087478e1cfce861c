//! Policy documents: statements with what they allow or deny, to whom, on what and when.
//!
//! IAM User Guide, "IAM JSON policy elements reference". A document is kept as what is needed to
//! evaluate it and one line about each statement; its text is not kept, and no line holds a value of
//! a condition, since an external id is as good as a password.

use std::collections::BTreeMap;

use watertight_model::{Evidence, Name};
use watertight_source::Span;

use super::condition::Condition;
use super::pattern::{Pattern, Subject};
use super::truth::Truth;

/// What a statement does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever allows.
    Deny,
}

/// Patterns, or all but what they match (`NotAction`, `NotResource`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    /// Whether it is all but the patterns.
    pub(crate) excludes: bool,
    /// The patterns.
    pub(crate) patterns: Vec<Pattern>,
}

impl Choice {
    /// Everything.
    pub(crate) const fn everything() -> Self {
        Self { excludes: true, patterns: Vec::new() }
    }

    /// Whether the choice holds where `matches` says which patterns match.
    pub(crate) fn holds(&self, matches: impl Fn(&Pattern) -> Truth) -> Truth {
        let truth = Truth::any(self.patterns.iter().map(matches));
        if self.excludes { truth.not() } else { truth }
    }
}

/// Whom a statement of a resource policy or a trust policy names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Party {
    /// Anybody (`*`).
    Anyone,
    /// An account: it may pass the permission on to its roles and users.
    Account(String),
    /// A role, user or session by its ARN.
    Arn(String),
    /// A role or user by its unique id, which is what the ARN of a deleted one turns into.
    UniqueId(String),
    /// A service of the provider.
    Service(String),
    /// Somebody else: federated or canonical users.
    Other(String),
}

/// The parties of a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Parties {
    /// The statement names none: it is of an identity policy.
    Unnamed,
    /// These.
    These(Vec<Party>),
    /// All but these.
    AllBut(Vec<Party>),
}

/// One statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Statement {
    /// What it does.
    pub(crate) effect: Effect,
    /// To whom.
    pub(crate) parties: Parties,
    /// Which actions, as patterns in lower case.
    pub(crate) actions: Choice,
    /// On which resources.
    pub(crate) resources: Choice,
    /// When: all of these.
    pub(crate) conditions: Vec<Condition>,
    /// Whether a part of it could not be read, so that a match is in doubt.
    pub(crate) is_doubtful: bool,
    /// What it says.
    pub(crate) evidence: Evidence,
}

/// A policy document.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Document {
    statements: Vec<Statement>,
    /// Statements whose actions all belong to one service, by its prefix.
    by_service: BTreeMap<String, Vec<usize>>,
    /// Statements with actions of several services.
    of_all: Vec<usize>,
}

impl Document {
    /// A document of these statements.
    pub(crate) fn new(statements: Vec<Statement>) -> Self {
        let mut by_service: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut of_all = Vec::new();
        for (at, statement) in statements.iter().enumerate() {
            let services = statement.services();
            if services.is_empty() {
                of_all.push(at);
            }
            for service in services {
                by_service.entry(service).or_default().push(at);
            }
        }
        Self { statements, by_service, of_all }
    }

    /// A document of which the input holds no more than that it is there: whatever it could allow
    /// or deny is in doubt.
    pub(crate) fn unread(id: &Name, origin: Option<Span>) -> Self {
        let statement = |effect| Statement {
            effect,
            parties: Parties::Unnamed,
            actions: Choice::everything(),
            resources: Choice::everything(),
            conditions: Vec::new(),
            is_doubtful: true,
            evidence: Evidence {
                resource: id.clone(),
                rule: Name::from("document"),
                text: Name::from("its contents are not in the input"),
                origin,
            },
        };
        Self::new(vec![statement(Effect::Deny), statement(Effect::Allow)])
    }

    /// All statements.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter()
    }

    /// The statements that may be about an action in lower case (`s3:getobject`), without walking
    /// those about other services.
    pub(crate) fn about(&self, action: &str) -> impl Iterator<Item = &Statement> {
        let service = action.split_once(':').map_or(action, |(service, _)| service);
        let own = self.by_service.get(service).map(Vec::as_slice).unwrap_or_default();
        let at = self.of_all.iter().chain(own);
        at.filter_map(|at| self.statements.get(*at))
    }
}

impl Statement {
    /// Whether it is about an action in lower case.
    pub(crate) fn concerns(&self, action: &str) -> Truth {
        self.actions.holds(|pattern| pattern.matches(Subject::exact(action)))
    }

    /// Whether it is about a resource.
    pub(crate) fn covers(&self, resource: Subject<'_>) -> Truth {
        self.resources.holds(|pattern| {
            if pattern.is_everything() { Truth::Yes } else { pattern.matches_arn(resource) }
        })
    }

    /// The services of its actions; empty where they may be of any.
    fn services(&self) -> Vec<String> {
        if self.actions.excludes {
            return Vec::new();
        }
        let mut services = Vec::new();
        for pattern in &self.actions.patterns {
            match pattern.text().split_once(':') {
                Some((service, _)) if !service.contains(['*', '?']) => {
                    services.push(service.to_owned());
                }
                _ => return Vec::new(),
            }
        }
        services.sort_unstable();
        services.dedup();
        services
    }
}
