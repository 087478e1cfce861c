//! The published likelihoods of hops, and a user's changes to them.

use std::collections::BTreeMap;

use super::{Likelihood, LikelihoodError};
use crate::hop::Variant;

/// Why a change to the table was refused.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum TableError {
    /// No hop has this kind and variant.
    #[error("no hop is called `{kind}/{variant}`; `docs/concepts/breach-chains.md` lists them")]
    Unknown {
        /// The kind that was asked for.
        kind: String,
        /// The variant that was asked for.
        variant: String,
    },
    /// The number is no likelihood.
    #[error("cannot set `{kind}/{variant}`: {source}")]
    Number {
        /// The kind to be changed.
        kind: String,
        /// The variant to be changed.
        variant: String,
        /// What is wrong with the number.
        source: LikelihoodError,
    },
}

/// How likely each kind of hop succeeds: a published, versioned table that a user can override.
#[derive(Clone, PartialEq, Debug)]
pub struct LikelihoodTable {
    overrides: BTreeMap<Variant, Likelihood>,
}

impl LikelihoodTable {
    /// The version of the published numbers.
    pub const VERSION: &'static str = "likelihood/v1";

    /// The published table, `likelihood/v1`.
    pub fn v1() -> Self {
        Self { overrides: BTreeMap::new() }
    }

    /// The version to print: [`Self::VERSION`], with how many numbers the user changed.
    pub fn version(&self) -> String {
        match self.overrides.len() {
            0 => Self::VERSION.to_owned(),
            1 => format!("{} with 1 override", Self::VERSION),
            count => format!("{} with {count} overrides", Self::VERSION),
        }
    }

    /// The likelihood of a hop.
    pub fn get(&self, variant: Variant) -> Likelihood {
        self.overrides.get(&variant).copied().unwrap_or_else(|| variant.published())
    }

    /// Overrides one number, by the names of kind and variant.
    pub fn set(&mut self, kind: &str, variant: &str, value: f64) -> Result<(), TableError> {
        let named = |found: &Variant| found.kind().name() == kind && found.name() == variant;
        let Some(found) = Variant::ALL.into_iter().find(named) else {
            return Err(TableError::Unknown { kind: kind.to_owned(), variant: variant.to_owned() });
        };
        let value = Likelihood::new(value).map_err(|source| TableError::Number {
            kind: kind.to_owned(),
            variant: variant.to_owned(),
            source,
        })?;
        if value == found.published() {
            self.overrides.remove(&found);
        } else {
            self.overrides.insert(found, value);
        }
        Ok(())
    }

    /// What the user changed, in order.
    pub fn overrides(&self) -> impl Iterator<Item = (Variant, Likelihood)> {
        self.overrides.iter().map(|(variant, value)| (*variant, *value))
    }
}

impl Default for LikelihoodTable {
    fn default() -> Self {
        Self::v1()
    }
}
