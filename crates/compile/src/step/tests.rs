use super::*;
use crate::artifact::{Group, GroupName, GroupRule, RulePeer};
use watertight_model::Name;
use watertight_net::FlowSet;

const LIMITS: Limits = Limits { rules_per_direction: 4, groups_per_endpoint: 5, product: 20 };

fn prefix(number: usize) -> String {
    format!("10.0.{number}.0/24")
}

/// A group that lets in from networks of these numbers.
fn artifacts(numbers: std::ops::Range<usize>) -> Artifacts {
    let flows: FlowSet = "tcp/443".parse().unwrap();
    let rule = |number: usize| GroupRule {
        peer: RulePeer::Prefix(prefix(number).parse().unwrap()),
        flows: flows.clone().into(),
    };
    let name = || Name::from("x");
    let group = Group {
        name: GroupName(String::from("watertight/x/web/1")),
        realm: name(),
        place: (name(), name()),
        segments: vec![name()],
        ingress: numbers.map(rule).collect(),
        egress: Vec::new(),
    };
    Artifacts { groups: vec![group.into()], attachments: Vec::new().into(), edges: None }
}

fn held(numbers: std::ops::Range<usize>) -> HeldGroup {
    let rules = PlannedGroup::of(&artifacts(numbers).groups[0]).rules();
    HeldGroup {
        name: String::from("watertight/x/web/1"),
        id: String::from("sg-1"),
        rules,
        ids: Default::default(),
    }
}

/// The words of steps, and which of them are named as transient.
fn told(steps: &[Step]) -> Vec<(&'static str, bool)> {
    let word = |action: &Action| match action {
        Action::CreateGroup { .. } => "create",
        Action::DeleteGroup { .. } => "delete",
        Action::AddRules { .. } => "add",
        Action::RemoveRules { .. } => "remove",
        Action::SetGroups { .. } => "set",
        Action::SetGroupsThrough { .. } => "set through",
        Action::SetTemplate(_) | Action::UnsetTemplate(_) => "template",
        Action::CreateEdge { .. } | Action::DeleteEdge { .. } => "edge",
        Action::SetEdge { .. } => "set edge",
    };
    steps.iter().map(|step| (word(&step.action), step.transient.is_some())).collect()
}

#[test]
fn a_group_that_is_there_as_it_is_to_be_needs_no_step() {
    assert_eq!(steps(&artifacts(0..3), &[held(0..3)], &LIMITS), []);
    assert_eq!(told(&steps(&artifacts(0..3), &[], &LIMITS)), [("create", false), ("add", false)]);
}

/// One below, at and above the limit of what a group holds of old and new together.
#[test]
fn new_rules_come_before_old_ones_go_where_there_is_room_for_both() {
    let at = |held_rules: std::ops::Range<usize>, wanted: std::ops::Range<usize>| {
        told(&steps(&artifacts(wanted), &[held(held_rules)], &LIMITS))
    };
    assert_eq!(at(0..2, 1..3), [("add", false), ("remove", false)]);
    assert_eq!(at(0..2, 2..4), [("add", false), ("remove", false)]);
    assert_eq!(at(0..3, 2..5), [("remove", true), ("add", false)]);
}

#[test]
fn a_step_names_only_what_differs_and_its_inverse_takes_that_back() {
    let steps = steps(&artifacts(1..3), &[held(0..2)], &LIMITS);
    let rule = |number: usize| PlannedRule { peer: prefix(number), over: String::from("tcp/443") };
    let only =
        |number: usize| Some(PlannedRules { ingress: vec![rule(number)], egress: Vec::new() });
    let group = || String::from("watertight/x/web/1");
    assert_eq!(steps[0].action, Action::AddRules { group: group(), rules: only(2) });
    assert_eq!(steps[0].inverse, Action::RemoveRules { group: group(), rules: only(2) });
    assert_eq!(steps[1].action, Action::RemoveRules { group: group(), rules: only(0) });
    assert_eq!(steps[1].inverse, Action::AddRules { group: group(), rules: only(0) });
}

#[test]
fn what_opens_in_between_is_named_at_the_first_step_that_changes_anything() {
    let steps = || steps(&artifacts(1..3), &[held(0..2)], &LIMITS);
    assert_eq!(named(steps(), &[]), steps());
    let opened = [String::from("web to db over tcp/22"), String::from("web to db over tcp/23")];
    let named = named(steps(), &opened);
    let text = named[0].transient.as_deref().unwrap_or_default();
    assert!(text.ends_with("more is possible: web to db over tcp/22 and 1 more"), "{text}");
    assert_eq!(named[1].transient, None);
}

#[test]
fn a_rule_that_goes_names_a_group_that_does_not_stay_by_its_id() {
    let old = HeldGroup { name: String::from("old"), id: String::from("sg-old"), ..held(0..0) };
    let mut there = held(0..1);
    let named = PlannedRule { peer: String::from("old"), over: String::from("tcp/443") };
    there.rules.ingress.push(named);
    let steps = steps(&artifacts(0..1), &[there, old], &LIMITS);
    let Action::RemoveRules { rules: Some(rules), .. } = &steps[0].action else {
        panic!("{steps:?}")
    };
    assert_eq!((steps.len(), rules.ingress[0].peer.as_str()), (1, "sg-old"));
}
