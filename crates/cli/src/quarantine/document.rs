//! The documents that put a workload into quarantine.

use watertight_compile::short_hash;
use watertight_model::{Estate, WorkloadId};
use watertight_policy::Documents;
use watertight_policy::syntax::Object;

use crate::exit::Failure;

/// The label, as decisions read it.
const LABEL: &str = "watertight.io/quarantine";
/// The segment that governs who has the label.
const SEGMENT: &str = "quarantine";
/// So many ids are listed.
const LISTED_MAX: usize = 8;

/// The workload of a name or an id.
///
/// # Errors
/// When there is none, or there are several.
pub(super) fn find(estate: &Estate, text: &str) -> Result<WorkloadId, Failure> {
    let workloads = || estate.workloads.iter();
    if let Some((id, _)) = workloads().find(|(_, one)| *one.id == *text) {
        return Ok(id);
    }
    let named: Vec<WorkloadId> =
        workloads().filter(|(_, one)| *one.name == *text).map(|(id, _)| id).collect();
    match named.as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::Policy(format!(
            "no workload is called `{text}`; `watertight inventory` lists those that there are"
        ))),
        several => {
            let ids =
                several.iter().take(LISTED_MAX).map(|id| format!("`{}`", estate.workloads[*id].id));
            let ids: Vec<String> = ids.collect();
            Err(Failure::Policy(format!(
                "{} workloads are called `{text}`: name one by its id, such as {}",
                several.len(),
                ids.join(", ")
            )))
        }
    }
}

/// The documents that a policy lacks to have a workload in quarantine.
pub(super) fn text(estate: &Estate, whom: WorkloadId, known: &Documents) -> String {
    let workload = &estate.workloads[whom];
    let name = format!("{SEGMENT}-{}", slug(&workload.name, &workload.id));
    let has = |is_it: &dyn Fn(&Object) -> bool, name: &str| {
        let mut all = known.documents.iter();
        all.any(|one| is_it(&one.object) && *one.metadata.name.value == *name)
    };
    let mut documents = Vec::new();
    if !has(&|one| matches!(one, Object::Segment(_)), SEGMENT) {
        documents.push(format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Segment\n\
             metadata: {{name: {SEGMENT}, owner: security, description: who is cut off from everything}}\n\
             spec:\n  members: {{matchExpressions: [{{key: {LABEL}, operator: Exists}}]}}\n  mode: enforce\n"
        ));
    }
    if !has(&|one| matches!(one, Object::Labeling(_)), &name) {
        documents.push(format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Labeling\n\
             metadata: {{name: {name}, owner: security, description: {}}}\n\
             spec:\n  rules:\n  - when: {}\n    labels: {{{LABEL}: \"yes\"}}\n",
            quoted(&format!("in quarantine: {}", workload.id)),
            when(estate, whom),
        ));
    }
    documents.join("---\n")
}

/// What tells the workload from all others.
fn when(estate: &Estate, whom: WorkloadId) -> String {
    let workload = &estate.workloads[whom];
    let mut parts = vec![format!("name: [{}]", quoted(&workload.name))];
    parts.extend(workload.account.iter().map(|one| format!("account: [{}]", quoted(one))));
    let twins = estate.workloads.values().filter(|one| one.name == workload.name).count();
    // A star in a name stands for any characters.
    if twins > 1 || workload.name.contains('*') {
        let endpoints =
            workload.endpoints.iter().filter_map(|id| estate.network.endpoints.get(*id));
        let addresses = endpoints.flat_map(|one| &one.addresses);
        let hosts = addresses.map(|one| quoted(&watertight_net::Prefix::host(*one).to_string()));
        let hosts: Vec<String> = hosts.collect();
        if !hosts.is_empty() {
            parts.push(format!("addresses: [{}]", hosts.join(", ")));
        }
    }
    format!("{{{}}}", parts.join(", "))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text as part of a document's name: as it is where it can be, else cut, with digits that stand for
/// what it is of.
fn slug(name: &str, id: &str) -> String {
    const LETTERS_MAX: usize = 40;
    let lower = name.chars().map(|one| one.to_ascii_lowercase());
    let part: String = lower
        .map(|one| if one.is_ascii_alphanumeric() { one } else { '-' })
        .take(LETTERS_MAX)
        .collect();
    let part = part.trim_matches('-');
    if part == name {
        part.to_owned()
    } else {
        format!("{part}-{:08x}", short_hash(id.bytes()) >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_workload_is_called_becomes_a_name() {
        assert_eq!(slug("web-7", "i-1"), "web-7");
        let other = slug("Web 7/ä", "i-1");
        assert!(other.starts_with("web-7-") && other.len() < 20, "{other}");
        assert_ne!(other, slug("Web 7/ä", "i-2"));
        assert!(slug(&"x".repeat(200), "i-1").len() <= 50);
    }
}
