//! The order in which artifacts come to be, each step with its inverse.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::artifact::{Artifacts, Attachment};
use crate::plane::Limits;

/// One change, and the one that takes it back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// What takes it back.
    pub inverse: Action,
    /// What it may interrupt or open until the steps after it are done, where it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transient: Option<String>,
}

/// What is done in a [`Step`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Makes a group without any rule.
    CreateGroup {
        /// Its name.
        group: String,
    },
    /// Deletes a group that nobody carries and no rule names.
    DeleteGroup {
        /// Its name.
        group: String,
    },
    /// Gives a group all of its rules.
    AddRules {
        /// Its name.
        group: String,
    },
    /// Takes all rules off a group.
    RemoveRules {
        /// Its name.
        group: String,
    },
    /// Puts groups on an endpoint in place of those that it carries, at once.
    SetGroups {
        /// The endpoint, by the provider's id.
        endpoint: String,
        /// What it must carry before: ours by name, others' by id.
        from: Vec<String>,
        /// What it carries after.
        to: Vec<String>,
    },
}

/// The steps from what is there to what artifacts say.
///
/// Groups and rules come first: nobody carries them, so nothing changes. Then every endpoint gets
/// ours beside the others', and when all have them the others' are taken off. Since both ends of a
/// pair get the same allow set, what is possible in between lies between old ∩ new and old ∪ new. An
/// endpoint without room for both goes over in one step, which is named.
pub fn steps(artifacts: &Artifacts, limits: &Limits) -> Vec<Step> {
    let mut steps = Vec::new();
    for group in &artifacts.groups {
        let name = || group.name.to_string();
        steps.push(Step::new(
            Action::CreateGroup { group: name() },
            Action::DeleteGroup { group: name() },
        ));
    }
    for group in &artifacts.groups {
        let name = || group.name.to_string();
        steps.push(Step::new(
            Action::AddRules { group: name() },
            Action::RemoveRules { group: name() },
        ));
    }
    let most = usize::try_from(limits.groups_per_endpoint).unwrap_or(usize::MAX);
    let fits = |one: &&Attachment| beside(one).len() <= most;
    let both: Vec<&Attachment> = artifacts.attachments.iter().filter(fits).collect();
    for one in &both {
        steps.extend(set(one, old(one), beside(one), None));
    }
    for one in artifacts.attachments.iter().filter(|one| beside(one).len() > most) {
        let text = format!(
            "{} has no room for both: references of endpoints that are not over yet are interrupted",
            one.workload
        );
        steps.extend(set(one, old(one), new(one), Some(text)));
    }
    for one in &both {
        steps.extend(set(one, beside(one), new(one), None));
    }
    steps
}

impl Step {
    const fn new(action: Action, inverse: Action) -> Self {
        Self { action, inverse, transient: None }
    }
}

fn set(
    one: &Attachment,
    from: Vec<String>,
    to: Vec<String>,
    transient: Option<String>,
) -> Option<Step> {
    if from == to {
        return None;
    }
    let endpoint = one.endpoint.to_string();
    let inverse =
        Action::SetGroups { endpoint: endpoint.clone(), from: to.clone(), to: from.clone() };
    Some(Step { action: Action::SetGroups { endpoint, from, to }, inverse, transient })
}

fn old(one: &Attachment) -> Vec<String> {
    one.before.iter().map(ToString::to_string).collect()
}

fn new(one: &Attachment) -> Vec<String> {
    let ours = one.groups.iter().map(ToString::to_string);
    ours.chain(one.others.iter().map(ToString::to_string)).collect()
}

/// What an endpoint carries between the two: all of both.
fn beside(one: &Attachment) -> Vec<String> {
    let old = old(one);
    let known: BTreeSet<&String> = old.iter().collect();
    let more: Vec<String> = new(one).into_iter().filter(|name| !known.contains(name)).collect();
    old.into_iter().chain(more).collect()
}
