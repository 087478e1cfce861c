//! Labels that a network plugin gives pods beside their own, where a policy asks for them.
//!
//! Sources: Calico documentation, "Selectors" and "Use service accounts rules in policy": every pod
//! has `projectcalico.org/namespace`, `projectcalico.org/orchestrator` and
//! `projectcalico.org/serviceaccount`; the labels of its namespace are `pcns.` and those of its
//! service account `pcsa.` ones. Cilium documentation, "Using Kubernetes Constructs In Policy":
//! `io.cilium.k8s.policy.serviceaccount`.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;

use crate::namespaces::Namespaces;
use crate::objects::Object;
use crate::policy::{PeerSpec, Peers, Policy};
use crate::selector::{LabelMap, NAMESPACE_NAME, PodSelector, SERVICE_ACCOUNT};
use crate::workloads::Pod;

/// The namespace that something is in.
const NAMESPACE: &str = "projectcalico.org/namespace";
/// What made it: always Kubernetes here.
const ORCHESTRATOR: &str = "projectcalico.org/orchestrator";
/// Calico's label of the name of a namespace or a service account, on that itself.
const OWN_NAME: &str = "projectcalico.org/name";
/// What comes before the keys of a namespace's labels.
pub(crate) const OF_NAMESPACE: &str = "pcns.";
/// What comes before the keys of a service account's labels.
const OF_ACCOUNT: &str = "pcsa.";
/// Cilium's label of the name of a service account.
const CILIUMS_ACCOUNT: &str = "io.cilium.k8s.policy.serviceaccount";

/// Service accounts' labels, by namespace and name.
type Accounts = BTreeMap<(Name, Name), LabelMap>;

/// Gives pods the labels that policies ask for, as far as the plugins give them.
pub(crate) fn add(
    pods: &mut [Pod],
    policies: &[Policy],
    objects: &[Object<'_>],
    namespaces: &Namespaces,
    accounts: &Accounts,
) {
    let is_of = |group: &str| objects.iter().any(|object| object.group.ends_with(group));
    let (calico, cilium) = (is_of("projectcalico.org"), is_of("cilium.io"));
    if !calico && !cilium {
        return;
    }
    let mut keys: BTreeSet<&Name> = BTreeSet::new();
    for selector in policies.iter().flat_map(selectors) {
        selector.pods.keys(&mut keys);
    }
    let is_given = |key: &&Name| {
        if **key == *CILIUMS_ACCOUNT {
            return cilium;
        }
        let prefixes = ["projectcalico.org/", OF_NAMESPACE, OF_ACCOUNT];
        calico && prefixes.iter().any(|prefix| key.starts_with(prefix))
    };
    let keys: Vec<&Name> = keys.into_iter().filter(is_given).collect();
    for pod in pods {
        for key in &keys {
            if let Some(value) = value(key, pod, namespaces, accounts) {
                pod.implied.insert((*key).clone(), value);
            }
        }
    }
}

/// The selectors of pods in a policy.
fn selectors(policy: &Policy) -> impl Iterator<Item = &PodSelector> {
    let rules = [&policy.ingress, &policy.egress].into_iter().flatten().flatten();
    let peers = rules.filter_map(|rule| match &rule.peers {
        Peers::Listed(listed) => Some(listed),
        Peers::Anybody => None,
    });
    let of_peers = peers.flatten().flat_map(PeerSpec::pods);
    of_peers.chain([&policy.subject])
}

fn value(key: &Name, pod: &Pod, namespaces: &Namespaces, accounts: &Accounts) -> Option<Name> {
    let namespace = &pod.workload.namespace;
    let account = || pod.service_account.clone().unwrap_or_else(|| Name::from("default"));
    match key.as_str() {
        NAMESPACE => Some(namespace.clone()),
        ORCHESTRATOR => Some(Name::from("k8s")),
        SERVICE_ACCOUNT | CILIUMS_ACCOUNT => Some(account()),
        other => {
            if let Some(rest) = other.strip_prefix(OF_NAMESPACE) {
                return of_namespace(rest, namespaces.labels(namespace));
            }
            let rest = other.strip_prefix(OF_ACCOUNT)?;
            if rest == OWN_NAME {
                return Some(account());
            }
            accounts.get(&(namespace.clone(), account()))?.get(rest).cloned()
        }
    }
}

/// A label of a namespace, whose name Calico has as a label of its own too.
fn of_namespace(key: &str, labels: &LabelMap) -> Option<Name> {
    labels.get(if key == OWN_NAME { NAMESPACE_NAME } else { key }).cloned()
}

/// The labels that a set of networks of a namespace has beside its own.
pub(crate) fn of_network_set(namespace: &Name, labels: &LabelMap) -> LabelMap {
    if namespace.is_empty() {
        return LabelMap::new();
    }
    let each = labels
        .iter()
        .map(|(key, value)| (Name::from(format!("{OF_NAMESPACE}{key}")), value.clone()));
    let own_name = (Name::from(format!("{OF_NAMESPACE}{OWN_NAME}")), namespace.clone());
    each.chain([(Name::from(NAMESPACE), namespace.clone()), own_name]).collect()
}
