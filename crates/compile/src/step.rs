//! The order in which artifacts come to be, each step with its inverse.

mod edges;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::artifact::{Artifacts, Attachment, Through};
use crate::held::HeldGroup;
use crate::owner::Templated;
use crate::plan::{PlannedGroup, PlannedRule, PlannedRules};
use crate::plane::Limits;

pub(crate) use edges::{edge_steps, middle};

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
    /// Gives a group rules.
    AddRules {
        /// Its name.
        group: String,
        /// The rules; all that the plan has for it, where none are named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rules: Option<PlannedRules>,
    },
    /// Takes rules off a group.
    RemoveRules {
        /// Its name.
        group: String,
        /// The rules; all that the plan has for it, where none are named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rules: Option<PlannedRules>,
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
    /// Has a resource put groups on all of its endpoints in place of those that they carry.
    SetGroupsThrough {
        /// The resource.
        through: Through,
        /// Its endpoints, by the provider's ids.
        endpoints: Vec<String>,
        /// What they must carry before: ours by name, others' by id.
        from: Vec<String>,
        /// What they carry after.
        to: Vec<String>,
    },
    /// Has what makes replicas make them from a new version of its template, with other groups.
    SetTemplate(Templated),
    /// Makes a list for the edges of subnets, with all of its entries.
    CreateEdge {
        /// Its name.
        edge: String,
    },
    /// Deletes a list that is at the edge of no subnet.
    DeleteEdge {
        /// Its name.
        edge: String,
    },
    /// Puts a list at the edge of a subnet in place of the one that is there, at once.
    SetEdge {
        /// The subnet, by the provider's id.
        subnet: String,
        /// The account of its realm.
        account: String,
        /// The region of its realm.
        region: String,
        /// What must be there before: ours by name, others' by id.
        from: String,
        /// What is there after.
        to: String,
    },
    /// Has it make them again from the version from which it made them before, and takes the new one
    /// away.
    UnsetTemplate(Templated),
}

/// The steps from what is there to what artifacts say.
///
/// Groups and their rules come first: nobody carries the new ones, so nothing changes; groups that are
/// there already get what they lack. Then every endpoint gets ours beside the others', and when all
/// have them the others' are taken off, and from groups that were there what nobody intends any more.
/// Since both ends of a pair get the same allow set, what is possible in between lies between old ∩ new
/// and old ∪ new. Where it does not, the step with which that begins is named, and it holds until the
/// last step: an endpoint without room for both goes over in one step, and a group without room for old
/// and new rules loses the old first. What opens in between the proof finds, which compares the middle
/// with old and new.
pub fn steps(artifacts: &Artifacts, held: &[HeldGroup], limits: &Limits) -> Vec<Step> {
    let known = by_name(held);
    let stays: BTreeSet<&str> = artifacts.groups.iter().map(|one| &*one.name.0).collect();
    let of = |name: &str| known.get(name).copied();
    let mut steps = Vec::new();
    for group in artifacts.groups.iter().filter(|group| of(&group.name.0).is_none()) {
        let name = || group.name.to_string();
        steps.push(Step::new(
            Action::CreateGroup { group: name() },
            Action::DeleteGroup { group: name() },
        ));
    }
    let mut last = Vec::new();
    for group in &artifacts.groups {
        let name = || group.name.to_string();
        let Some(there) = of(&group.name.0) else {
            steps.push(Step::new(
                Action::AddRules { group: name(), rules: None },
                Action::RemoveRules { group: name(), rules: None },
            ));
            continue;
        };
        let wanted = PlannedGroup::of(group).rules();
        let (lacking, surplus) = there.differences(&wanted);
        let has_room = has_room(&there.rules, &lacking, limits);
        let add = (!lacking.is_empty()).then(|| added(&name(), lacking));
        let surplus = by_id(surplus, &stays, &known);
        let mut take = (!surplus.is_empty()).then(|| added(&name(), surplus).turned());
        if has_room {
            steps.extend(add);
            last.extend(take);
            continue;
        }
        if let Some(take) = &mut take {
            take.transient = Some(format!(
                "{} has no room for old and new rules: what both allow may be interrupted",
                group.name
            ));
        }
        steps.extend(take);
        steps.extend(add);
    }
    let most = usize::try_from(limits.groups_per_endpoint).unwrap_or(usize::MAX);
    let carriers = Carrier::of(artifacts);
    let (both, at_once): (Vec<_>, Vec<_>) =
        carriers.iter().partition(|one| beside(one.first).len() <= most);
    for one in &both {
        steps.extend(one.set(old(one.first), beside(one.first), None));
    }
    for one in at_once {
        let text = format!(
            "{} has no room for both: references of endpoints that are not over yet are interrupted",
            one.first.workload
        );
        steps.extend(one.set(old(one.first), new(one.first), Some(text)));
    }
    for one in &both {
        steps.extend(one.set(beside(one.first), new(one.first), None));
    }
    steps.extend(last);
    steps
}

/// What gets groups in one step: an endpoint, or all endpoints of a resource.
pub(crate) struct Carrier<'a> {
    pub(crate) first: &'a Attachment,
    pub(crate) endpoints: Vec<String>,
}

impl<'a> Carrier<'a> {
    /// All of them, in the order of their first endpoints.
    pub(crate) fn of(artifacts: &'a Artifacts) -> Vec<Self> {
        let mut carriers: Vec<Self> = Vec::new();
        let mut known: BTreeMap<&Through, usize> = BTreeMap::new();
        for one in &artifacts.attachments {
            let number = one.through.as_ref().and_then(|through| known.get(through).copied());
            if let Some(carrier) = number.and_then(|number| carriers.get_mut(number)) {
                carrier.endpoints.push(one.endpoint.to_string());
                continue;
            }
            known.extend(one.through.as_ref().map(|through| (through, carriers.len())));
            carriers.push(Self { first: one, endpoints: vec![one.endpoint.to_string()] });
        }
        carriers
    }

    /// The step from groups to others, where these are not the same.
    fn set(&self, from: Vec<String>, to: Vec<String>, transient: Option<String>) -> Option<Step> {
        let (old, new): (BTreeSet<&String>, BTreeSet<&String>) =
            (from.iter().collect(), to.iter().collect());
        if old == new {
            return None;
        }
        let action = |from: Vec<String>, to: Vec<String>| match &self.first.through {
            None => Action::SetGroups { endpoint: self.first.endpoint.to_string(), from, to },
            Some(through) => Action::SetGroupsThrough {
                through: through.clone(),
                endpoints: self.endpoints.clone(),
                from,
                to,
            },
        };
        let inverse = action(to.clone(), from.clone());
        Some(Step { action: action(from, to), inverse, transient })
    }
}

/// Steps of which the first that changes what is possible names what is so in between alone.
pub(crate) fn named(mut steps: Vec<Step>, between: &[String]) -> Vec<Step> {
    let begins = |step: &&mut Step| match &step.action {
        Action::AddRules { rules, .. } => rules.is_some(),
        Action::SetGroups { .. } | Action::SetGroupsThrough { .. } => true,
        _ => false,
    };
    if let Some((first, more)) = between.split_first()
        && let Some(step) = steps.iter_mut().find(begins)
    {
        let more =
            if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        let opened = format!("until the last step is done more is possible: {first}{more}");
        step.transient = Some(match step.transient.take() {
            Some(text) => format!("{text}; {opened}"),
            None => opened,
        });
    }
    steps
}

impl Step {
    /// Whether it sets which groups are carried, and changes no group.
    pub const fn is_membership(&self) -> bool {
        matches!(self.action, Action::SetGroups { .. } | Action::SetGroupsThrough { .. })
    }

    pub(crate) const fn new(action: Action, inverse: Action) -> Self {
        Self { action, inverse, transient: None }
    }

    /// The step that takes this one back.
    fn turned(self) -> Self {
        Self { action: self.inverse, inverse: self.action, transient: self.transient }
    }
}

/// Groups that are there, by name: the first of each.
pub(crate) fn by_name(held: &[HeldGroup]) -> BTreeMap<&str, &HeldGroup> {
    held.iter().rev().map(|one| (one.name.as_str(), one)).collect()
}

/// Rules that name groups which do not stay by their ids: the plan does not hold their names.
fn by_id(
    rules: PlannedRules,
    stays: &BTreeSet<&str>,
    held: &BTreeMap<&str, &HeldGroup>,
) -> PlannedRules {
    let each = |rules: Vec<PlannedRule>| -> Vec<PlannedRule> {
        let named = rules.into_iter().map(|rule| match held.get(rule.peer.as_str()) {
            Some(one) if !stays.contains(rule.peer.as_str()) => {
                PlannedRule { peer: one.id.clone(), ..rule }
            }
            _ => rule,
        });
        named.collect()
    };
    PlannedRules { ingress: each(rules.ingress), egress: each(rules.egress) }
}

fn added(group: &str, rules: PlannedRules) -> Step {
    let (name, more) = (|| group.to_owned(), rules.clone());
    Step::new(
        Action::AddRules { group: name(), rules: Some(rules) },
        Action::RemoveRules { group: name(), rules: Some(more) },
    )
}

/// Whether a group can hold more rules beside those that it has, each family counted for itself.
fn has_room(held: &PlannedRules, more: &PlannedRules, limits: &Limits) -> bool {
    let most = usize::try_from(limits.rules_per_direction).unwrap_or(usize::MAX);
    let sides = [(&held.ingress, &more.ingress), (&held.egress, &more.egress)];
    sides.into_iter().all(|(old, new)| {
        let count = |is_v6: bool| {
            let all = old.iter().chain(new);
            // A peer that is no prefix counts in both families.
            all.filter(|rule| is_family(rule, is_v6).unwrap_or(true)).count()
        };
        count(false) <= most && count(true) <= most
    })
}

/// Whether a rule is about addresses of a family; nothing where it is not about addresses.
fn is_family(rule: &PlannedRule, is_v6: bool) -> Option<bool> {
    let prefix: watertight_net::Prefix = rule.peer.parse().ok()?;
    Some((prefix.family() == watertight_net::Family::V6) == is_v6)
}

pub(crate) fn old(one: &Attachment) -> Vec<String> {
    one.before.iter().map(ToString::to_string).collect()
}

pub(crate) fn new(one: &Attachment) -> Vec<String> {
    let ours = one.groups.iter().map(ToString::to_string);
    ours.chain(one.others.iter().map(ToString::to_string)).collect()
}

/// What an endpoint carries between the two: all of both.
pub(crate) fn beside(one: &Attachment) -> Vec<String> {
    let old = old(one);
    let known: BTreeSet<&String> = old.iter().collect();
    let more: Vec<String> = new(one).into_iter().filter(|name| !known.contains(name)).collect();
    old.into_iter().chain(more).collect()
}
