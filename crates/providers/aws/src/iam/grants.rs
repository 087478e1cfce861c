//! The grants as they are found, up to a bound.

use watertight_model::{Certainty, CredentialId, Evidence, Grant, Name, Power};

use super::truth::Truth;

/// How many grants are kept. An estate of five thousand roles in which a hundred may do everything
/// has half a million.
pub(crate) const GRANTS_MAX: usize = 1_000_000;

/// Grants, with a count of those that a bound left out.
#[derive(Debug)]
pub(crate) struct Grants {
    kept: Vec<Grant>,
    max: usize,
    left_out: usize,
}

impl Grants {
    /// Nothing yet.
    pub(crate) const fn new(max: usize) -> Self {
        Self { kept: Vec::new(), max, left_out: 0 }
    }

    /// Adds a grant unless the truth is `No`; what is unknown is possible.
    pub(crate) fn add(
        &mut self,
        holder: CredentialId,
        power: Power,
        truth: Truth,
        evidence: Vec<Evidence>,
    ) {
        let certainty = match truth {
            Truth::No => return,
            Truth::Unknown => Certainty::Possible,
            Truth::Yes => Certainty::Sure,
        };
        if self.kept.len() >= self.max {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.kept.push(Grant { holder, power, certainty, evidence });
    }

    /// How many grants were left out.
    pub(crate) const fn left_out(&self) -> usize {
        self.left_out
    }

    /// The grants by holder and power. Of several with the same holder and power, the surest is
    /// kept, and of those the first that was found.
    pub(crate) fn finish(mut self) -> Vec<Grant> {
        self.kept.sort_by(|left, right| {
            (left.holder, &left.power, left.certainty).cmp(&(
                right.holder,
                &right.power,
                right.certainty,
            ))
        });
        self.kept.dedup_by(|later, earlier| {
            later.holder == earlier.holder && later.power == earlier.power
        });
        self.kept
    }
}

/// A line of evidence that is not a statement's.
pub(crate) fn remark(resource: &Name, rule: &str, text: impl Into<Name>) -> Evidence {
    Evidence { resource: resource.clone(), rule: Name::from(rule), text: text.into(), origin: None }
}
