use watertight_model::Name;
use watertight_net::Prefix;
use watertight_source::Span;

use super::Spanned;

/// `kind: Labeling`: labels for workloads by raw facts.
#[derive(Clone, Debug)]
pub struct Labeling {
    /// The rules. All apply; two that give one label different values make it unknown.
    pub rules: Vec<LabelingRule>,
}

/// One rule of a labeling.
#[derive(Clone, Debug)]
pub struct LabelingRule {
    /// Where it stands.
    pub span: Span,
    /// For whom it holds.
    pub when: RawFacts,
    /// The labels that it gives, with the place of each.
    pub labels: Vec<(Name, Spanned<Name>)>,
}

/// Conditions on raw facts. Each field that is there must hold; within a list, one must.
#[derive(Clone, Debug, Default)]
pub struct RawFacts {
    /// The workload's name; anybody who may tag can set it.
    pub name: Vec<Spanned<Pattern>>,
    /// The account that holds it.
    pub account: Vec<Spanned<Name>>,
    /// A subnet of one of its endpoints.
    pub subnet: Vec<Spanned<Name>>,
    /// Tags; all of them must be there, each with a value that fits.
    pub tags: Vec<(Name, Spanned<Pattern>)>,
    /// The prefixes of which one holds one of its addresses.
    pub addresses: Vec<Spanned<Prefix>>,
}

impl RawFacts {
    /// Whether the users of a workload can bring it about that this holds: names and tags are
    /// claimed, the rest is its provider's word.
    pub const fn is_claimed(&self) -> bool {
        !self.name.is_empty() || !self.tags.is_empty()
    }
}

/// A text in which `*` stands for any characters, also none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pattern(pub Name);

impl Pattern {
    /// Whether a text fits.
    ///
    /// Takes time in the length of the text for each star, and no more.
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            let Some((_, behind)) = rest.split_once(part) else { return false };
            rest = behind;
        }
        rest.ends_with(last)
    }
}
