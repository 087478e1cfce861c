//! Actions as text for people.

use super::Action;
use crate::artifact::Through;
use crate::owner::Templated;
use crate::plan::{PlannedRule, PlannedRules};

/// So many rules are named before the rest is counted.
const NAMED_MAX: usize = 4;

impl Action {
    /// What is done, on one line.
    pub fn words(&self) -> String {
        match self {
            Self::CreateGroup { group } => format!("create {group}"),
            Self::DeleteGroup { group } => format!("delete {group}"),
            Self::AddRules { group, rules: None } => format!("add the rules of {group}"),
            Self::AddRules { group, rules: Some(rules) } => {
                format!("add to {group}: {}", told(rules))
            }
            Self::RemoveRules { group, rules: None } => format!("remove the rules of {group}"),
            Self::RemoveRules { group, rules: Some(rules) } => {
                format!("remove from {group}: {}", told(rules))
            }
            Self::SetGroups { endpoint, from, to } => {
                format!("{endpoint}: {} -> {}", from.join(" "), to.join(" "))
            }
            Self::SetGroupsThrough { through, from, to, .. } => {
                let Through { kind, id } = through;
                format!("{kind} {id}: {} -> {}", from.join(" "), to.join(" "))
            }
            Self::SetTemplate(Templated { kind, owner, template, to, .. }) => {
                let (id, number, from) = (&template.id, &template.number, &template.groups);
                let groups = format!("{} -> {}", from.join(" "), to.join(" "));
                format!("{kind} {owner}: a version after {number} of {id}: {groups}")
            }
            Self::CreateEdge { edge } => format!("create the network ACL {edge}"),
            Self::DeleteEdge { edge } => format!("delete the network ACL {edge}"),
            Self::SetEdge { subnet, from, to, .. } => format!("edge of {subnet}: {from} -> {to}"),
            Self::UnsetTemplate(Templated { kind, owner, template, .. }) => {
                format!("{kind} {owner}: version {} of {}", template.version, template.id)
            }
        }
    }
}

fn told(rules: &PlannedRules) -> String {
    let side = |word: &str, rules: &[PlannedRule]| -> Vec<String> {
        rules.iter().map(|rule| format!("{word} {} {}", rule.over, rule.peer)).collect()
    };
    let all = [side("in", &rules.ingress), side("out", &rules.egress)].concat();
    let shown = all.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
