//! What a step is to come to, and what is to be written for it: pure.

use std::collections::{BTreeMap, BTreeSet};

use watertight_aws::{RuleUnit, Service, UnitPeer};
use watertight_compile::{PlannedEdge, Templated};

use super::edges::{self, LiveAssociation, LiveEdge};
use super::live::{Carrier, LiveGroup};
use super::templates::LiveTemplate;
use super::writes::{PLAN, Write};

/// What is to be so after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Goal {
    /// A group that this plan made is there, without rules that nobody planned.
    Made { name: String, vpc: String, description: String, plan: String },
    /// The group that this plan made is not there. It had no rules but these and the one that the
    /// provider gives each group.
    Unmade { plan: String, rules: Sides },
    /// A group of ours that another plan made is not there: it was one of these, and has no rule left.
    Gone { ids: BTreeSet<String> },
    /// A group is there again as it was, with these tags and without rules.
    Again { name: String, vpc: String, description: String, tags: BTreeMap<String, String> },
    /// A group of ours has these rules.
    Has { rules: Sides },
    /// A group of ours has these rules again, if it is there still.
    HasAgain { rules: Sides },
    /// A group of ours has none of these rules.
    HasNone { rules: Sides },
    /// An interface carries these groups, or a resource has its own carry them, where it carried others
    /// before; by id.
    Carries { on: On, from: BTreeSet<String>, to: BTreeSet<String> },
    /// A scaling group makes machines from a version of its template that this plan makes, with these
    /// groups.
    Makes { template: Box<Templated>, description: String, to: BTreeSet<String> },
    /// It makes them again from the version from which it made them before, and that of the plan is not
    /// there.
    MakesAgain { template: Box<Templated> },
    /// A network ACL that this plan made is there, with its entries and no others.
    EdgeMade { edge: Box<PlannedEdge>, plan: String },
    /// A network ACL of ours is not there.
    EdgeUnmade,
    /// A subnet has this network ACL, where it had that one before; by id. If it is there still, where that
    /// is taken back.
    Edged { from: String, to: String, again: bool },
    /// It carries again what it carried before, if it is there still.
    CarriesAgain { on: On, from: BTreeSet<String>, to: BTreeSet<String> },
}

/// Where groups are set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum On {
    /// At an interface, by its id.
    Interface(String),
    /// At a resource of a service, by its id.
    Resource(Service, String),
}

/// Rules about what comes in and what goes out, peers by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sides {
    pub(super) ingress: BTreeSet<RuleUnit>,
    pub(super) egress: BTreeSet<RuleUnit>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Group(Option<LiveGroup>),
    Carrier(Option<Carrier>),
    Template(LiveTemplate),
    Edge(Option<LiveEdge>),
    Association(Option<LiveAssociation>),
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// It is so already.
    Done,
    /// The provider is still about it: it is read again.
    Wait,
    /// These writes bring it about.
    Write(Vec<Write>),
    /// It is neither as it was nor as it is to be: somebody else was there.
    Conflict(String),
}

impl Goal {
    /// Whether it takes a group away, which waits for whatever carries it.
    pub(super) const fn takes_away(&self) -> bool {
        matches!(self, Self::Unmade { .. } | Self::Gone { .. })
    }

    /// The group that is not there yet.
    fn created(&self) -> Next {
        let write = match self {
            Self::Made { name, vpc, description, plan } => Write::CreateGroup {
                name: name.clone(),
                vpc: vpc.clone(),
                description: description.clone(),
                plan: plan.clone(),
            },
            Self::Again { name, vpc, description, tags } => Write::CreateAgain {
                name: name.clone(),
                vpc: vpc.clone(),
                description: description.clone(),
                tags: tags.clone(),
            },
            _ => return Next::Done,
        };
        Next::Write(vec![write])
    }

    /// What is to be written when this was seen.
    pub(super) fn next(&self, seen: &Seen) -> Next {
        match (self, seen) {
            // What is gone is not made anew to be taken back.
            (Self::CarriesAgain { .. }, Seen::Carrier(None))
            | (Self::HasAgain { .. }, Seen::Group(None)) => Next::Done,
            (Self::Carries { on, from, to }, Seen::Carrier(found)) => {
                able(carries(on, (from, to), found.as_ref()), found.as_ref())
            }
            (Self::CarriesAgain { on, from, to }, Seen::Carrier(found)) => {
                carries(on, (from, to), found.as_ref())
            }
            (Self::Made { .. } | Self::Again { .. }, Seen::Group(None)) => self.created(),
            (Self::Again { tags, .. }, Seen::Group(Some(group))) => again(group, tags),
            (Self::Gone { ids }, Seen::Group(Some(group))) => gone(group, ids),
            (Self::Unmade { .. } | Self::Gone { .. }, Seen::Group(None)) => Next::Done,
            (Self::HasNone { .. }, Seen::Group(None)) => Next::Done,
            (Self::Made { plan, .. }, Seen::Group(Some(group))) => match foreign(group, Some(plan))
            {
                Some(conflict) => conflict,
                None => revoke(group, &group.rules),
            },
            (Self::Unmade { plan, rules }, Seen::Group(Some(group))) => {
                match foreign(group, Some(plan)).or_else(|| added(group, rules)) {
                    Some(conflict) => conflict,
                    None => Next::Write(vec![Write::DeleteGroup { id: group.id.clone() }]),
                }
            }
            (Self::Has { rules } | Self::HasAgain { rules }, Seen::Group(Some(group))) => {
                match foreign(group, None) {
                    Some(conflict) => conflict,
                    None => authorize(group, rules),
                }
            }
            (Self::HasNone { rules }, Seen::Group(Some(group))) => match foreign(group, None) {
                Some(conflict) => conflict,
                None => revoke(group, rules),
            },
            (Self::Has { .. }, Seen::Group(None)) => {
                Next::Conflict(String::from("the group is not there"))
            }
            (Self::Makes { template, description, to }, Seen::Template(found)) => {
                makes(template, (description, to), found)
            }
            (Self::MakesAgain { template }, Seen::Template(found)) => makes_again(template, found),
            (Self::EdgeMade { edge, plan }, Seen::Edge(found)) => {
                edges::made(edge, plan, found.as_ref())
            }
            (Self::EdgeUnmade, Seen::Edge(found)) => edges::unmade(found.as_ref()),
            (Self::Edged { again: true, .. }, Seen::Association(None)) => Next::Done,
            (Self::Edged { from, to, .. }, Seen::Association(found)) => {
                edges::set(from, to, found.as_ref())
            }
            (_, Seen::Carrier(_) | Seen::Template(_) | Seen::Edge(_) | Seen::Association(_))
            | (
                Self::Makes { .. }
                | Self::MakesAgain { .. }
                | Self::EdgeMade { .. }
                | Self::EdgeUnmade
                | Self::Edged { .. }
                | Self::Carries { .. }
                | Self::CarriesAgain { .. },
                _,
            ) => Next::Conflict(String::from("something else was read")),
        }
    }
}

/// What is left to do until a scaling group makes machines with other groups: first the version, then
/// the scaling group. Machines that run stay as they are.
fn makes(
    step: &Templated,
    (description, to): (&str, &BTreeSet<String>),
    found: &LiveTemplate,
) -> Next {
    let Some((id, version)) = &found.named else { return gone_owner(step) };
    let template = &step.template;
    if *id != template.id {
        return Next::Conflict(format!("it makes machines from {id} now"));
    }
    let Some((number, groups)) = &found.ours else {
        if *version != template.version {
            return Next::Conflict(format!("it makes machines from version {version} of {id} now"));
        }
        return Next::Write(vec![Write::CreateVersion {
            template: template.clone(),
            description: description.to_owned(),
            groups: to.clone(),
        }]);
    };
    if groups != to {
        return Next::Conflict(format!(
            "version {number} of {id} tells other groups than the plan"
        ));
    }
    if version == number {
        return Next::Done;
    }
    if *version != template.version {
        return Next::Conflict(format!("it makes machines from version {version} of {id} now"));
    }
    Next::Write(vec![Write::SetVersion {
        owner: step.owner.clone(),
        template: id.clone(),
        version: number.clone(),
    }])
}

/// What is left to do until a scaling group makes machines as it did, and nothing of the plan is left.
fn makes_again(step: &Templated, found: &LiveTemplate) -> Next {
    let template = &step.template;
    let ours = found.ours.as_ref().map(|(number, _)| number);
    if let Some((id, version)) = &found.named
        && *id == template.id
        && ours == Some(version)
    {
        return Next::Write(vec![Write::SetVersion {
            owner: step.owner.clone(),
            template: id.clone(),
            version: template.version.clone(),
        }]);
    }
    // What somebody else had it make since stays so.
    match ours {
        Some(number) => Next::Write(vec![Write::DeleteVersion {
            template: template.id.clone(),
            version: number.clone(),
        }]),
        None => Next::Done,
    }
}

fn gone_owner(step: &Templated) -> Next {
    Next::Conflict(format!("{} is not there, or names no template", step.owner))
}

/// Nothing without our tag is changed; what a plan makes has that plan's tag.
fn foreign(group: &LiveGroup, plan: Option<&str>) -> Option<Next> {
    if !group.is_managed {
        return Some(Next::Conflict(format!("{} has the name and is not ours", group.id)));
    }
    if plan.is_some() && group.plan.as_deref() != plan {
        return Some(Next::Conflict(format!("{} was made by another plan", group.id)));
    }
    None
}

/// What takes a group away that another plan made.
fn gone(group: &LiveGroup, ids: &BTreeSet<String>) -> Next {
    if !ids.contains(&group.id) {
        return Next::Conflict(format!("{} was made since the plan read the groups", group.id));
    }
    match foreign(group, None).or_else(|| added(group, &Sides::default())) {
        Some(conflict) => conflict,
        None => Next::Write(vec![Write::DeleteGroup { id: group.id.clone() }]),
    }
}

/// What is left to do about a group that was made again: the rule that the provider gives each.
fn again(group: &LiveGroup, tags: &BTreeMap<String, String>) -> Next {
    if let Some(conflict) = foreign(group, None) {
        return conflict;
    }
    if group.plan.as_ref() != tags.get(PLAN) {
        return Next::Conflict(format!("{} was made by another plan", group.id));
    }
    revoke(group, &group.rules)
}

/// Rules that somebody else gave a group, which would be lost with it.
fn added(group: &LiveGroup, planned: &Sides) -> Option<Next> {
    let is_given =
        |rule: &&RuleUnit| rule.protocol == "-1" && EVERYWHERE.contains(&peer_text(&rule.peer));
    let mut more: Vec<String> = Vec::new();
    more.extend(group.rules.ingress.difference(&planned.ingress).map(RuleUnit::text));
    let egress = group.rules.egress.difference(&planned.egress);
    more.extend(egress.filter(|rule| !is_given(rule)).map(RuleUnit::text));
    if more.is_empty() {
        return None;
    }
    let (id, more) = (&group.id, more.join(", "));
    Some(Next::Conflict(format!("{id} has rules that the plan did not give it: {more}")))
}

/// Where the rule leads that the provider gives each group.
const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

fn peer_text(peer: &UnitPeer) -> &str {
    match peer {
        UnitPeer::V4(text) | UnitPeer::V6(text) => text,
        UnitPeer::Group(text) | UnitPeer::List(text) => text,
    }
}

fn authorize(group: &LiveGroup, rules: &Sides) -> Next {
    changes(
        [
            (&rules.ingress - &group.rules.ingress, false),
            (&rules.egress - &group.rules.egress, true),
        ],
        |rules, is_egress| Write::Authorize { id: group.id.clone(), is_egress, rules },
    )
}

fn revoke(group: &LiveGroup, rules: &Sides) -> Next {
    changes(
        [
            (&rules.ingress & &group.rules.ingress, false),
            (&rules.egress & &group.rules.egress, true),
        ],
        |rules, is_egress| Write::Revoke { id: group.id.clone(), is_egress, rules },
    )
}

fn changes(
    sides: [(BTreeSet<RuleUnit>, bool); 2],
    write: impl Fn(BTreeSet<RuleUnit>, bool) -> Write,
) -> Next {
    let some = sides.into_iter().filter(|(rules, _)| !rules.is_empty());
    let writes: Vec<Write> = some.map(|(rules, is_egress)| write(rules, is_egress)).collect();
    if writes.is_empty() { Next::Done } else { Next::Write(writes) }
}

/// What follows, unless a service says of what it was asked that it could not do it.
fn able(next: Next, found: Option<&Carrier>) -> Next {
    match (next, found.and_then(|found| found.trouble.clone())) {
        (Next::Done, Some(trouble)) => Next::Conflict(trouble),
        (next, _) => next,
    }
}

fn carries(
    on: &On,
    (from, to): (&BTreeSet<String>, &BTreeSet<String>),
    found: Option<&Carrier>,
) -> Next {
    let Some(found) = found else {
        let what = if matches!(on, On::Interface(_)) { "interface" } else { "resource" };
        return Next::Conflict(format!("the {what} is not there"));
    };
    if !found.is_settled {
        return Next::Wait;
    }
    if found.groups == *to {
        return Next::Done;
    }
    if found.groups == *from {
        return Next::Write(vec![match on {
            On::Interface(interface) => {
                Write::SetGroups { interface: interface.clone(), groups: to.clone() }
            }
            On::Resource(service, id) => Write::SetThrough {
                through: (*service, id.clone()),
                groups: to.clone(),
                taken: from - to,
                settings: found.settings.clone(),
            },
        }]);
    }
    let carried: Vec<&str> = found.groups.iter().map(String::as_str).collect();
    Next::Conflict(format!("it carries {}", carried.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn rule(port: i64) -> RuleUnit {
        let peer = UnitPeer::V4(String::from("10.0.0.0/8"));
        RuleUnit { protocol: String::from("tcp"), ports: Some((port, port)), peer }
    }

    fn group(plan: Option<&str>, ports: &[i64]) -> LiveGroup {
        let ingress = ports.iter().map(|port| rule(*port)).collect();
        LiveGroup {
            id: String::from("sg-1"),
            is_managed: plan.is_some(),
            plan: plan.map(ToOwned::to_owned),
            rules: Sides { ingress, egress: BTreeSet::new() },
        }
    }

    fn sides(ports: &[i64]) -> Sides {
        Sides { ingress: ports.iter().map(|port| rule(*port)).collect(), egress: BTreeSet::new() }
    }

    fn made() -> Goal {
        let text = |text: &str| text.to_owned();
        Goal::Made { name: text("n"), vpc: text("v"), description: text("d"), plan: text("p") }
    }

    #[test]
    fn a_group_of_others_is_never_touched() {
        for goal in [made(), Goal::Has { rules: sides(&[1]) }, Goal::HasNone { rules: sides(&[1]) }]
        {
            let next = goal.next(&Seen::Group(Some(group(None, &[1]))));
            assert!(matches!(next, Next::Conflict(_)), "{goal:?}");
        }
        let unmade = Goal::Unmade { plan: String::from("p"), rules: Sides::default() };
        let next = unmade.next(&Seen::Group(Some(group(Some("other"), &[]))));
        assert!(matches!(next, Next::Conflict(_)));
    }

    #[test]
    fn a_group_to_which_somebody_gave_rules_is_not_deleted() {
        let unmade = |ports: &[i64]| Goal::Unmade { plan: String::from("p"), rules: sides(ports) };
        let seen = |group: LiveGroup| Seen::Group(Some(group));
        let next = unmade(&[1]).next(&seen(group(Some("p"), &[1, 22])));
        let Next::Conflict(problem) = next else { panic!("{next:?}") };
        assert!(problem.contains("tcp/22 10.0.0.0/8") && !problem.contains("tcp/1 "), "{problem}");
        let everything = RuleUnit {
            protocol: String::from("-1"),
            ports: None,
            peer: UnitPeer::V4(String::from("0.0.0.0/0")),
        };
        let mut fresh = group(Some("p"), &[1]);
        fresh.rules.egress.insert(everything.clone());
        assert!(matches!(unmade(&[1]).next(&seen(fresh)), Next::Write(_)), "each group has that");
        let mut open = group(Some("p"), &[]);
        open.rules.ingress.insert(everything);
        assert!(matches!(unmade(&[1]).next(&seen(open)), Next::Conflict(_)));
    }

    #[test]
    fn what_is_gone_stays_gone_when_a_plan_is_taken_back() {
        let set = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let (on, from, to) = (On::Interface(String::from("eni-1")), set(&["b"]), set(&["a"]));
        let again = Goal::CarriesAgain { on: on.clone(), from: from.clone(), to: to.clone() };
        assert_eq!(again.next(&Seen::Carrier(None)), Next::Done);
        assert_eq!(Goal::HasAgain { rules: sides(&[1]) }.next(&Seen::Group(None)), Next::Done);
        let carries = Goal::Carries { on, from, to };
        assert!(matches!(carries.next(&Seen::Carrier(None)), Next::Conflict(_)));
        let has = Goal::Has { rules: sides(&[1]) };
        assert!(matches!(has.next(&Seen::Group(None)), Next::Conflict(_)));
    }

    #[test]
    fn only_what_is_missing_is_written() {
        let has = Goal::Has { rules: sides(&[1, 2, 3]) };
        let next = has.next(&Seen::Group(Some(group(Some("p"), &[2]))));
        let rules = sides(&[1, 3]).ingress;
        let id = String::from("sg-1");
        assert_eq!(next, Next::Write(vec![Write::Authorize { id, is_egress: false, rules }]));
        assert_eq!(has.next(&Seen::Group(Some(group(Some("p"), &[1, 2, 3])))), Next::Done);
        assert_eq!(made().next(&Seen::Group(Some(group(Some("p"), &[])))), Next::Done);
    }

    #[test]
    fn groups_of_an_interface_change_from_what_is_known_only() {
        let set = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let (from, to) = (set(&["a"]), set(&["a", "b"]));
        let goal = Goal::Carries { on: On::Interface(String::from("eni-1")), from, to };
        let seen = |ids: &[&str]| {
            let groups = set(ids);
            Seen::Carrier(Some(Carrier { groups, is_settled: true, ..Carrier::default() }))
        };
        assert!(matches!(goal.next(&seen(&["a"])), Next::Write(_)));
        assert_eq!(goal.next(&seen(&["b", "a"])), Next::Done);
        assert!(matches!(goal.next(&seen(&["c"])), Next::Conflict(_)));
    }

    #[test]
    fn what_a_service_could_not_do_is_told_and_is_no_reason_not_to_take_it_back() {
        let set = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let on = On::Resource(Service::Function, String::from("f"));
        let (from, to) = (set(&["a"]), set(&["b"]));
        let seen = |ids: &[&str]| {
            let trouble = Some(String::from("no room"));
            let (groups, is_settled) = (set(ids), true);
            Seen::Carrier(Some(Carrier { groups, is_settled, trouble, ..Carrier::default() }))
        };
        let goal = Goal::Carries { on: on.clone(), from: from.clone(), to: to.clone() };
        assert_eq!(goal.next(&seen(&["b"])), Next::Conflict(String::from("no room")));
        assert!(matches!(goal.next(&seen(&["a"])), Next::Write(_)), "it is tried again");
        let back = Goal::CarriesAgain { on, from: to, to: from };
        assert_eq!(back.next(&seen(&["a"])), Next::Done);
        assert!(matches!(back.next(&seen(&["b"])), Next::Write(_)));
    }

    #[test]
    fn a_resource_that_its_service_is_about_is_waited_for_and_written_once_it_rests() {
        let set = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let on = On::Resource(Service::VpcEndpoint, String::from("vpce-1"));
        let goal = Goal::Carries { on, from: set(&["a", "b"]), to: set(&["b", "c"]) };
        let seen = |ids: &[&str], is_settled: bool| {
            Seen::Carrier(Some(Carrier { groups: set(ids), is_settled, ..Carrier::default() }))
        };
        assert_eq!(goal.next(&seen(&["a", "b"], false)), Next::Wait);
        assert_eq!(goal.next(&seen(&["b", "c"], false)), Next::Wait);
        assert_eq!(goal.next(&seen(&["c", "b"], true)), Next::Done);
        let through = (Service::VpcEndpoint, String::from("vpce-1"));
        let (groups, taken) = (set(&["b", "c"]), set(&["a"]));
        let write = Write::SetThrough { through, groups, taken, settings: Value::Null };
        assert_eq!(goal.next(&seen(&["a", "b"], true)), Next::Write(vec![write]));
        assert!(matches!(goal.next(&seen(&["d"], true)), Next::Conflict(_)));
    }
}
