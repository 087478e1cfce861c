//! Which labels are a provider's word, and which anybody who may tag can set.

use watertight_model::Selector;

/// The prefixes of the keys that providers give.
const RESERVED_PREFIXES: [&str; 4] = ["aws.", "azure.", "gcp.", "k8s."];

/// The keys that providers give. Of the facts of a cluster, the namespace and the service account
/// are its API server's word; labels of its objects keep their own keys.
const RESERVED_KEYS: [&str; 3] = ["cloud", "region", "kind"];

/// Whether a label is `trusted`: a fact that the users of a workload cannot set. Tags and
/// Kubernetes labels are `claimed`.
pub fn is_trusted(key: &str) -> bool {
    RESERVED_KEYS.contains(&key) || RESERVED_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// A label that a selector asks about and that users can set; `None` when it rests on trusted ones
/// alone.
pub fn claimed_label(selector: &Selector) -> Option<watertight_model::Name> {
    let mut keys = std::collections::BTreeSet::new();
    selector.keys(&mut keys);
    keys.into_iter().find(|key| !is_trusted(key)).cloned()
}
