//! Where the selectors of a rule look: in which namespaces, and among which sets of networks.

use watertight_model::Name;

use crate::known::{Known, Labelled, together};
use crate::policy::PeerSpec;
use crate::selector::Selector;

/// Where the selectors of a rule look.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In the namespace of the policy.
    Own(Name),
    /// Everywhere, in no namespace too.
    Anywhere,
    /// At what lives in no namespace.
    Global,
    /// In the namespaces of a selector.
    Namespaces(Selector),
}

impl Place {
    /// Source: "Network policy", `EntityRule.namespaceSelector`: without it a policy of a namespace
    /// looks there, and a global one everywhere; `global()` is what lives in no namespace.
    pub(super) fn of(own: Option<&Name>, text: Option<&str>, selector: Selector) -> Self {
        match (text.map(str::trim).filter(|text| !text.is_empty()), own) {
            (None, Some(own)) => Self::Own(own.clone()),
            (None, None) => Self::Anywhere,
            (Some("global()"), _) => Self::Global,
            (Some(_), _) => Self::Namespaces(selector),
        }
    }

    /// The namespaces of pods.
    pub(super) fn namespaces(&self) -> Selector {
        match self {
            Self::Own(name) => crate::selector::namespace(name),
            Self::Anywhere => Selector::Everything,
            Self::Global => Selector::Nothing,
            Self::Namespaces(selector) => selector.clone(),
        }
    }

    /// The sets of networks there that a selector holds for.
    pub(super) fn network_sets(&self, known: &Known, selector: &Selector) -> Vec<PeerSpec> {
        let is_here = |set: &&Labelled| match self {
            Self::Own(name) => set.namespace == *name,
            Self::Anywhere => true,
            Self::Global => set.namespace.is_empty(),
            Self::Namespaces(namespaces) => {
                !set.namespace.is_empty() && namespaces.matches(&set.of_namespace)
            }
        };
        let those = known.network_sets.iter().filter(is_here);
        let mut those = those.filter(|set| selector.matches(&set.labels)).peekable();
        if those.peek().is_none() {
            return Vec::new();
        }
        match together(those, "networks of") {
            PeerSpec::Addresses(addresses, text) => vec![PeerSpec::Holders(addresses, text)],
            other => vec![other],
        }
    }
}
