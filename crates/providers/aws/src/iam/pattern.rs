//! Matching of texts and ARNs against patterns with `*`, `?` and policy variables.
//!
//! IAM User Guide, "IAM JSON policy elements: Resource": `*` stands for any combination of
//! characters and `?` for any one, within one of the parts that colons divide; in the last part of
//! the pattern they go beyond colons. "IAM policy elements: Variables and tags": `${key}` stands for
//! a value of the request; `${*}`, `${?}` and `${$}` for the character itself; a document of the
//! version 2008-10-17 knows no variables.

use super::truth::Truth;

/// One step of a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// This character.
    Literal(char),
    /// Any one character.
    One,
    /// Any characters, none among them.
    Many,
}

/// A pattern for a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pattern {
    text: String,
    steps: Vec<Step>,
    /// Whether a variable stands in it; each is a `Many`, so that what does not match cannot.
    has_variable: bool,
}

/// A text that a pattern is held against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Subject<'s> {
    /// The text.
    pub(crate) text: &'s str,
    /// Whether it stands for every text that begins so and goes on by at least one character, such
    /// as all objects of a bucket.
    pub(crate) is_open: bool,
}

impl<'s> Subject<'s> {
    /// One text.
    pub(crate) const fn exact(text: &'s str) -> Self {
        Self { text, is_open: false }
    }

    /// All longer texts that begin with `text`.
    pub(crate) const fn open(text: &'s str) -> Self {
        Self { text, is_open: true }
    }
}

impl Pattern {
    /// Reads a pattern; `with_variables` says whether `${...}` is one.
    pub(crate) fn parse(text: &str, with_variables: bool) -> Self {
        let mut steps = Vec::with_capacity(text.len());
        let mut has_variable = false;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if with_variables
                && let Some(inner) = rest.strip_prefix("${")
                && let Some((name, after)) = inner.split_once('}')
            {
                match name {
                    "*" => steps.push(Step::Literal('*')),
                    "?" => steps.push(Step::Literal('?')),
                    "$" => steps.push(Step::Literal('$')),
                    _ => {
                        has_variable = true;
                        steps.push(Step::Many);
                    }
                }
                rest = after;
                continue;
            }
            steps.push(match first {
                '*' => Step::Many,
                '?' => Step::One,
                other => Step::Literal(other),
            });
            rest = rest.strip_prefix(first).unwrap_or_default();
        }
        steps.dedup_by(|left, right| *left == Step::Many && *right == Step::Many);
        Self { text: text.to_owned(), steps, has_variable }
    }

    /// The pattern as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether a variable stands in it, so that the input does not tell what it stands for.
    pub(crate) const fn has_variable(&self) -> bool {
        self.has_variable
    }

    /// Whether it is `*`: everything matches.
    pub(crate) fn is_everything(&self) -> bool {
        self.steps == [Step::Many] && !self.has_variable
    }

    /// The text that it stands for, where it stands for one.
    pub(crate) fn literal(&self) -> Option<String> {
        let prefix = self.literal_prefix();
        (prefix.chars().count() == self.steps.len()).then_some(prefix)
    }

    /// What every text that matches begins with.
    pub(crate) fn literal_prefix(&self) -> String {
        let literal = |step: &Step| match step {
            Step::Literal(character) => Some(*character),
            Step::One | Step::Many => None,
        };
        self.steps.iter().map_while(literal).collect()
    }

    /// Whether a text as a whole matches, as `StringLike` compares.
    pub(crate) fn matches(&self, subject: Subject<'_>) -> Truth {
        self.doubted(glob(&self.steps, subject))
    }

    /// Whether an ARN matches part by part, as `Resource` and `ArnLike` compare.
    pub(crate) fn matches_arn(&self, subject: Subject<'_>) -> Truth {
        let mut truth = Truth::Yes;
        let mut pattern = self.steps.as_slice();
        let mut text = subject.text;
        for _ in 0..5 {
            let Some(end) = pattern.iter().position(|step| *step == Step::Literal(':')) else {
                break;
            };
            let Some((part, rest)) = text.split_once(':') else {
                // What an open subject goes on with may hold the missing parts.
                return truth.and(if subject.is_open { Truth::Unknown } else { Truth::No });
            };
            let (head, tail) = pattern.split_at(end);
            truth = truth.and(glob(head, Subject::exact(part)));
            pattern = tail.get(1..).unwrap_or_default();
            text = rest;
        }
        self.doubted(truth.and(glob(pattern, Subject { text, ..subject })))
    }

    /// A match in which a variable took part is in doubt.
    fn doubted(&self, truth: Truth) -> Truth {
        if self.has_variable { truth.and(Truth::Unknown) } else { truth }
    }
}

/// Whether a text matches: `Yes` where every text that an open subject stands for does, `Unknown`
/// where some may.
///
/// Takes the steps as states of an automaton, so that the time is at most the product of both
/// lengths, whatever the pattern.
fn glob(steps: &[Step], subject: Subject<'_>) -> Truth {
    // alive[i] says that the text so far matches the first i steps.
    let mut alive = vec![false; steps.len().saturating_add(1)];
    if let Some(first) = alive.first_mut() {
        *first = true;
    }
    skip_many(steps, &mut alive);
    for character in subject.text.chars() {
        let mut next = vec![false; alive.len()];
        for (at, step) in steps.iter().enumerate() {
            if !alive.get(at).copied().unwrap_or_default() {
                continue;
            }
            let reached = match step {
                Step::Many => Some(at),
                Step::One => at.checked_add(1),
                Step::Literal(literal) => (*literal == character).then_some(at.saturating_add(1)),
            };
            if let Some(slot) = reached.and_then(|reached| next.get_mut(reached)) {
                *slot = true;
            }
        }
        skip_many(steps, &mut next);
        alive = next;
        if !alive.contains(&true) {
            return Truth::No;
        }
    }
    if !subject.is_open {
        return Truth::from(alive.last().copied().unwrap_or_default());
    }
    let mut some = false;
    for (at, is_alive) in alive.iter().enumerate() {
        let rest = steps.get(at..).unwrap_or_default();
        if *is_alive && !rest.is_empty() {
            some = true;
            let takes_all = matches!(rest, [Step::Many] | [Step::One, Step::Many])
                || matches!(rest, [Step::Many, Step::One]);
            if takes_all {
                return Truth::Yes;
            }
        }
    }
    if some { Truth::Unknown } else { Truth::No }
}

/// A `Many` may stand for nothing.
fn skip_many(steps: &[Step], alive: &mut [bool]) {
    for (at, step) in steps.iter().enumerate() {
        if *step == Step::Many
            && alive.get(at).copied().unwrap_or_default()
            && let Some(slot) = alive.get_mut(at.saturating_add(1))
        {
            *slot = true;
        }
    }
}
