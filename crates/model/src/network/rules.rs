use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::Rule;

/// Rules of a stage. Copies of a network share them until one of the copies changes its own: a large estate has
/// millions.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Rules(Arc<Vec<Rule>>);

impl Deref for Rules {
    type Target = Vec<Rule>;

    fn deref(&self) -> &Vec<Rule> {
        &self.0
    }
}

impl DerefMut for Rules {
    fn deref_mut(&mut self) -> &mut Vec<Rule> {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Vec<Rule>> for Rules {
    fn from(rules: Vec<Rule>) -> Self {
        Self(Arc::new(rules))
    }
}

impl FromIterator<Rule> for Rules {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        Self::from(rules.into_iter().collect::<Vec<Rule>>())
    }
}

impl<'r> IntoIterator for &'r Rules {
    type Item = &'r Rule;
    type IntoIter = std::slice::Iter<'r, Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
