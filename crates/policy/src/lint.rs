//! Lint: what a policy without errors says that nobody can have meant.
//!
//! Every finding is a warning or a note. What is said of two rules holds for every estate, every
//! assignment of modes and every time from now on: it is decided on what the rules say, with the
//! algebra of packets and of selectors. What needs an estate says so.

mod broad;
mod cover;
mod estate;
mod forbidden;
mod index;
mod multicast;
mod narrowed;
mod order;
mod share;
mod text;
mod through;
mod users;

pub use multicast::is_many;
pub use narrowed::lint_narrowed;
use watertight_source::{Code, Diagnostic, Diagnostics, Span};

use crate::Timestamp;
use crate::checked::{CheckedPolicy, Mode, Policy, Rule};
use crate::decide::World;
use crate::read::Documents;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Linted<'l> {
    /// The documents, for the places of what they say.
    pub documents: &'l Documents,
    /// The policy that they make.
    pub policy: &'l CheckedPolicy,
    /// The estate; without one nothing is said about members, labels and fronts.
    pub world: Option<&'l World>,
    /// What the time is.
    pub now: Timestamp,
}

/// Adds what there is to say about a policy.
pub fn lint(linted: &Linted<'_>, diagnostics: &mut Diagnostics) {
    text::expired(linted, diagnostics);
    text::never(linted, diagnostics);
    text::resolvers(linted, diagnostics);
    text::claimed(linted, diagnostics);
    users::users(linted, diagnostics);
    share::shares(linted, diagnostics);
    multicast::multicast(linted, diagnostics);
    broad::broad(linted, diagnostics);
    order::order(linted, diagnostics);
    forbidden::forbidden(linted, diagnostics);
    if let Some(world) = linted.world {
        estate::estate(linted, world, diagnostics);
        through::through(linted, world, diagnostics);
    }
}

impl<'l> Linted<'l> {
    /// The rules that can be on, each with its policy, in the order in which they are asked.
    fn rules(&self) -> impl Iterator<Item = (&'l Policy, &'l Rule)> + use<'l> {
        self.rules_to_come().filter(|(policy, _)| policy.mode != Mode::Disabled)
    }

    /// The rules that decide, or could once their policies are promoted.
    fn rules_to_come(&self) -> impl Iterator<Item = (&'l Policy, &'l Rule)> + use<'l> {
        let now = self.now;
        let live = self.policy.policies.iter().filter(move |one| one.is_live(now));
        live.flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)))
    }
}

fn warning(
    code: Code,
    span: Span,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    Diagnostic::warning(code, message).with_label(span, "").with_help(help)
}
