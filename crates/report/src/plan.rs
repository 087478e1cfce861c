//! A plan as text for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use watertight_compile::{Gap, GapKind, Holds, Plan, PlannedRule};

use crate::Layout;

/// How many ends of a gap are named before the rest is counted.
const NAMED_MAX: usize = 4;

/// A plan in a few tables: groups, what they do not do as intended, and steps.
pub fn plan(plan: &Plan, _layout: &Layout) -> String {
    let mut text = head(plan);
    let mut carriers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in &plan.attachments {
        for group in &one.groups {
            carriers.entry(group).or_default().push(&one.workload);
        }
    }
    for group in &plan.groups {
        let mut members = carriers.remove(group.name.as_str()).unwrap_or_default();
        members.dedup();
        let _written = write!(text, "\n{}\n  carried by {}\n", group.name, listed(&members));
        rules(&mut text, "in ", &group.ingress);
        rules(&mut text, "out", &group.egress);
    }
    for edge in &plan.edges {
        let subnets: Vec<&str> = edge.subnets.iter().map(String::as_str).collect();
        let (name, base) = (&edge.name, &edge.base);
        let _written =
            write!(text, "\n{name}\n  at the edge of {}, before {base}\n", listed(&subnets));
        for (title, denied) in [("not in ", &edge.ingress), ("not out", &edge.egress)] {
            if !denied.is_empty() {
                rules(&mut text, title, denied);
            }
        }
    }
    for (kind, title) in [
        (GapKind::Over, "Permitted and not intended"),
        (GapKind::Under, "Intended and not permitted"),
    ] {
        gaps(&mut text, title, plan.gaps.iter().filter(|gap| gap.kind == kind));
    }
    gaps(&mut text, "Becomes possible without an allow rule", plan.surprises.iter());
    if !plan.unheld.is_empty() {
        text.push_str("\nGoverned, and no group can be put on it\n");
        for one in &plan.unheld {
            let endpoint = one.endpoint.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
            let _written = writeln!(text, "  {}{endpoint}: {}", one.workload, one.why);
        }
    }
    owners(&mut text, plan);
    assertions(&mut text, plan);
    if !plan.notes.is_empty() {
        text.push_str("\nTo be known\n");
        for note in &plan.notes {
            let _written = writeln!(text, "  {note}");
        }
    }
    steps(&mut text, plan);
    text
}

fn head(plan: &Plan) -> String {
    let until = plan.valid_until.as_deref().map(|until| format!(", valid until {until}"));
    let until = until.unwrap_or_default();
    // Who goes back to what it carried before carries none of ours.
    let ends = plan.attachments.iter().filter(|one| !one.groups.is_empty()).count();
    let groups = plan.groups.len();
    if plan.is_empty() {
        return format!("Nothing to do under {} at {}{until}.\n", plan.under, plan.made);
    }
    let of = |kind: GapKind| plan.gaps.iter().filter(|gap| gap.kind == kind).count();
    let edges = match plan.edges.len() {
        0 => String::new(),
        1 => String::from("1 network ACL, "),
        more => format!("{more} network ACLs, "),
    };
    let any = plan.groups.iter().flat_map(|group| group.ingress.iter().chain(&group.egress));
    let any = any.filter(|rule| is_any(rule)).count();
    format!(
        "Plan under {} at {}{until}\n  {groups} {} on {ends} interfaces, {edges}{} steps; {} pairs compared\n  \
         {} gaps over, {} gaps under, {} workloads unheld, {any} rules name any address\n",
        plan.under,
        plan.made,
        plan.plane,
        plan.steps.len(),
        plan.compared,
        of(GapKind::Over),
        of(GapKind::Under),
        plan.unheld.len(),
    )
}

/// What makes replicas, and whether new ones will carry what the policy needs.
fn owners(text: &mut String, plan: &Plan) {
    let of = |holds: Holds| plan.owners.iter().filter(move |owner| owner.holds == holds);
    let already = of(Holds::Already).count();
    if plan.owners.is_empty() || already == plan.owners.len() && plan.is_empty() {
        return;
    }
    text.push_str("\nWhat makes replicas of these, and whether new ones will carry their groups\n");
    for (holds, word) in [(Holds::Unheld, "no"), (Holds::Planned, "with this plan")] {
        for owner in of(holds) {
            let (kind, id) = (&owner.kind, &owner.id);
            let why = owner.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let _written = writeln!(text, "  {kind} {id}: {word}{why}");
            if holds == Holds::Unheld && !owner.groups.is_empty() {
                let groups: Vec<&str> = owner.groups.iter().map(String::as_str).collect();
                let _written = writeln!(text, "    to be made with {}", groups.join(", "));
            }
        }
    }
    if already > 0 {
        let _written = writeln!(text, "  {already} more: already");
    }
}

/// What does not hold with the plan, whatever the rules say.
fn assertions(text: &mut String, plan: &Plan) {
    if plan.assertions.is_empty() {
        return;
    }
    text.push_str("\nAssertions that do not hold, or are not known to, with this plan\n");
    for one in &plan.assertions {
        let excused = one.excused.as_ref().map(|by| format!(", excused by {by}"));
        let excused = excused.unwrap_or_default();
        let _written =
            writeln!(text, "  {}: {} now, {} then{excused}", one.name, one.before, one.after);
        for hop in &one.witness {
            let _written = writeln!(text, "    {hop}");
        }
        for lacking in &one.missing {
            let _written = writeln!(text, "    not known: {lacking}");
        }
    }
}

/// Whether a rule is about every address of a family.
fn is_any(rule: &PlannedRule) -> bool {
    rule.peer == "0.0.0.0/0" || rule.peer == "::/0"
}

fn rules(text: &mut String, title: &str, rules: &[PlannedRule]) {
    if rules.is_empty() {
        let _written = writeln!(text, "  {title}  nothing");
    }
    let mut flows: Vec<&str> = rules.iter().map(|rule| rule.over.as_str()).collect();
    flows.sort_unstable();
    flows.dedup();
    for over in flows {
        let peers = rules.iter().filter(|rule| rule.over == over);
        let peers: Vec<&str> = peers.map(|rule| rule.peer.as_str()).collect();
        let _written = writeln!(text, "  {title}  {over}  {}", listed(&peers));
    }
}

fn gaps<'g>(text: &mut String, title: &str, gaps: impl Iterator<Item = &'g Gap>) {
    let mut gaps = gaps.peekable();
    if gaps.peek().is_none() {
        return;
    }
    let _written = write!(text, "\n{title}\n");
    for gap in gaps {
        let names = |ends: &[String]| {
            let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
            listed(&ends)
        };
        let ends = match (gap.from.is_empty(), gap.to.is_empty()) {
            (true, true) => String::from("legs of the rule"),
            _ => format!("{} to {}", names(&gap.from), names(&gap.to)),
        };
        let rules: Vec<String> = gap.rules.iter().map(ToString::to_string).collect();
        let _written = write!(
            text,
            "  {}: {ends}\n    over {}{}\n    {}; {}\n{}",
            gap.reason.word(),
            gap.over,
            gap.family.as_ref().map(|family| format!(", {family} alone")).unwrap_or_default(),
            gap.place,
            rules.join("; "),
            gap.forbidden.map(|one| format!("    {} forbids it\n", one.word())).unwrap_or_default(),
        );
    }
}

fn steps(text: &mut String, plan: &Plan) {
    if plan.steps.is_empty() {
        return;
    }
    text.push_str("\nSteps\n");
    for (number, step) in plan.steps.iter().enumerate() {
        let what = step.action.words();
        let _written = writeln!(text, "  {:>4}  {what}", number.saturating_add(1));
        if let Some(transient) = &step.transient {
            let _written = writeln!(text, "        {transient}");
        }
    }
}

/// The first few of a list, and how many there are more.
fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
