//! Findings about credentials that lead from a breached workload to crown jewels.

use std::collections::{BTreeMap, BTreeSet};

use super::CRITICAL_LIKELIHOOD;
use crate::assessment::view::{ChainView, EvidenceView, FindingView, LinkView, Severity, View};
use crate::text::{count, few, likelihood};

/// How many ways one finding links to.
const LINKS_MAX: usize = 6;

/// One finding for each credential that code on a breached workload takes first and that leads to a
/// crown jewel.
pub(super) fn findings(view: &View) -> Vec<FindingView> {
    let mut groups: BTreeMap<&str, Vec<&ChainView>> = BTreeMap::new();
    for chain in view.chains.various.iter().filter(|chain| !chain.from_internet) {
        if let Some(first) = credentials(chain).next() {
            groups.entry(first).or_default().push(chain);
        }
    }
    groups.into_iter().filter_map(|(first, chains)| finding(first, &chains)).collect()
}

/// The credentials that a chain takes, in order.
fn credentials(chain: &ChainView) -> impl Iterator<Item = &str> {
    let gained = chain.hops.iter().map(|hop| &hop.conclusion);
    gained.filter(|fact| fact.kind == "credential").map(|fact| fact.subject.as_str())
}

fn finding(first: &str, chains: &[&ChainView]) -> Option<FindingView> {
    let best = chains.first()?;
    let all = |names: BTreeSet<&str>| -> Vec<String> {
        names.into_iter().map(ToOwned::to_owned).collect()
    };
    let entries = all(chains.iter().map(|chain| chain.entry.as_str()).collect());
    let jewels = all(chains.iter().map(|chain| chain.target.subject.as_str()).collect());
    let ways: Vec<String> = chains
        .iter()
        .map(|chain| {
            let mut names: Vec<&str> = vec![&chain.entry];
            names.extend(chain.hops.iter().map(|hop| hop.conclusion.subject.as_str()));
            names.dedup();
            names.join(" \u{2192} ")
        })
        .collect();
    let evidence: Vec<EvidenceView> = chains
        .iter()
        .flat_map(|chain| &chain.hops)
        .filter(|hop| hop.premises.iter().any(|fact| fact.kind == "credential"))
        .filter_map(|hop| hop.evidence.first().cloned())
        .collect();
    let mut seen: BTreeSet<EvidenceView> = BTreeSet::new();
    let evidence: Vec<EvidenceView> =
        evidence.into_iter().filter(|one| seen.insert(one.clone())).collect();
    let resources: BTreeSet<String> = evidence.iter().map(|one| one.resource.clone()).collect();
    let high = best.likelihood >= CRITICAL_LIKELIHOOD;
    Some(FindingView {
        id: String::new(),
        rule: "credential-path",
        severity: if high { Severity::High } else { Severity::Medium },
        title: format!(
            "The credential {first} leads from {} to {}",
            few(&entries, 2),
            few(&jewels, 3)
        ),
        text: format!(
            "{}, the likeliest {}: {}.",
            count(chains.len(), "chain"),
            likelihood(best.likelihood),
            few(&ways, 2)
        ),
        resources: resources.into_iter().collect(),
        evidence,
        links: chains
            .iter()
            .take(LINKS_MAX)
            .map(|chain| LinkView {
                text: format!("to {} ({})", chain.target.subject, likelihood(chain.likelihood)),
                to: chain.id.clone(),
            })
            .collect(),
    })
}
