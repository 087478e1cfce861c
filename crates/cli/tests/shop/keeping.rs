//! No action on offer breaks what must stay.

use std::collections::BTreeSet;

use watertight_assess::{
    AssessmentLimits, Change, Derived, Kept, NeededLegs, Needs, apply, assess_keeping,
};
use watertight_model::Estate;
use watertight_model::network::EndpointId;
use watertight_net::{FlowSet, PortSet};
use watertight_policy::essential_legs;
use watertight_reach::{Assertion, Claim, Follow, Held, Judge, Party, Reach};

use crate::properties::opened;
use crate::support::{SHOP, hops, shop, watertight, workload};

const DATABASE: &str = "sg-0fb33e82f42f5f59f";
const FROM_ORDERS: &str =
    "remove tcp/5432 from orders-api from security group sg-0fb33e82f42f5f59f";

/// Machines of the orders service reach the customers' database.
fn orders_are_kept(estate: &Estate) -> Assertion {
    let ends = |name: &str| workload(estate, name).endpoints.iter().copied().collect();
    let party = |endpoints: BTreeSet<EndpointId>| Party { endpoints, ..Party::default() };
    Assertion {
        claim: Claim::Always,
        follow: Follow::Direct,
        from: party(ends("orders-api-1")),
        to: party(ends("customers")),
        over: FlowSet::tcp(PortSet::single(5432)),
    }
}

fn kept(estate: &Estate, needs: &Needs) -> (Derived, Kept) {
    let mut derived = hops(estate);
    let limits = AssessmentLimits { scorings_max: 100, ..AssessmentLimits::default() };
    let kept = assess_keeping(estate, &mut derived, needs, &limits);
    (derived, kept)
}

fn names(kept: &Kept) -> Vec<&str> {
    kept.withheld.iter().map(|one| one.action.name.as_str()).collect()
}

/// The estate after the cut set, and after the ranked actions.
fn after(estate: &Estate, derived: &Derived, kept: &Kept) -> [Estate; 2] {
    let changed = |actions: &mut dyn Iterator<Item = usize>| {
        let changes: Vec<Change> = actions.flat_map(|action| derived.change(action)).collect();
        apply(estate, &changes)
    };
    let ranked = &kept.assessment.ranking.actions;
    [
        changed(&mut kept.assessment.cut_set.actions.iter().copied()),
        changed(&mut ranked.iter().map(|effect| effect.action)),
    ]
}

#[test]
fn what_is_always_so_stays_so_after_the_cut_set_and_the_ranking() {
    let estate = shop();
    let claim = orders_are_kept(&estate);
    let (_, without) = kept(&estate, &Needs::default());
    assert!(without.withheld.is_empty());
    let needs = Needs { claims: vec![("orders".into(), claim.clone())], legs: Vec::new() };
    let (derived, kept) = kept(&estate, &needs);
    assert!(names(&kept).contains(&FROM_ORDERS), "{:?}", names(&kept));
    assert!(kept.withheld.iter().all(|one| one.breaks == ["orders"]));
    for changed in after(&estate, &derived, &kept) {
        let held = Judge::new(&changed, std::slice::from_ref(&claim)).judge(&claim).held;
        assert_eq!(held, Held::Holds);
    }
}

/// Two rules that each let the orders in: one of them may go, and it is the wide one that does.
#[test]
fn of_rules_that_only_together_break_something_the_wide_one_is_offered() {
    let estate = opened(&shop(), DATABASE);
    let claim = orders_are_kept(&estate);
    let needs = Needs { claims: vec![("orders".into(), claim.clone())], legs: Vec::new() };
    let (derived, kept) = kept(&estate, &needs);
    assert!(names(&kept).contains(&FROM_ORDERS), "{:?}", names(&kept));
    assert!(!names(&kept).iter().any(|name| name.contains("anywhere")), "{:?}", names(&kept));
    let [changed, _] = after(&estate, &derived, &kept);
    let held = Judge::new(&changed, std::slice::from_ref(&claim)).judge(&claim).held;
    assert_eq!(held, Held::Holds);
    let rules = |estate: &Estate| {
        let mut guards = estate.network.guards.values();
        guards.find(|one| one.name == DATABASE).unwrap().ingress[0].rules.clone()
    };
    assert!(rules(&estate).iter().any(|rule| rule.name == "added"));
    assert!(
        rules(&changed).iter().all(|rule| rule.name != "added" || *rule.flows != FlowSet::all())
    );
}

#[test]
fn what_does_not_hold_today_withholds_nothing_and_is_told() {
    let estate = shop();
    let mut claim = orders_are_kept(&estate);
    claim.over = FlowSet::tcp(PortSet::single(3306));
    let needs = Needs { claims: vec![("another port".into(), claim)], legs: Vec::new() };
    let (_, kept) = kept(&estate, &needs);
    assert!(kept.withheld.is_empty());
    assert_eq!(kept.unheld, ["another port"]);
}

#[test]
fn health_checks_and_what_a_cluster_needs_stay_after_the_cut_set_and_the_ranking() {
    let estate = shop();
    let legs = essential_legs(&estate).into_iter();
    let legs: Vec<NeededLegs> = legs
        .map(|one| NeededLegs { name: one.name, from: one.from, to: one.to, over: one.over })
        .collect();
    let (checks, of_cluster): (Vec<_>, Vec<_>) =
        legs.iter().partition(|one| one.name.starts_with("health checks by "));
    assert!(checks.len() > 2, "{checks:?}");
    let of_cluster: Vec<&str> = of_cluster.iter().map(|one| one.name.as_str()).collect();
    let control = ["the control plane of cluster kettle", "the nodes of cluster kettle"];
    assert_eq!(of_cluster, [&["the resolver of cluster kettle"][..], &control].concat());
    let needs = Needs { claims: Vec::new(), legs: legs.clone() };
    let (derived, kept) = kept(&estate, &needs);
    assert!(names(&kept).iter().any(|name| name.contains("tcp/8443")), "{:?}", names(&kept));
    let before = Reach::new(&estate.network).matrix(&BTreeSet::new());
    let mut asked = 0;
    for changed in after(&estate, &derived, &kept) {
        let matrix = Reach::new(&changed.network).matrix(&BTreeSet::new());
        for one in &legs {
            let pairs = one.from.iter().flat_map(|from| one.to.iter().map(move |to| (*from, *to)));
            for (from, to) in pairs.filter(|(from, to)| from != to) {
                let flows = |cell: Option<&watertight_reach::Cell>| {
                    let sure =
                        cell.map_or_else(FlowSet::none, |cell| cell.established.sure.clone());
                    sure.intersection(&one.over)
                };
                let was = flows(before.between(from, to));
                asked += usize::from(!was.is_empty());
                assert!(flows(matrix.between(from, to)).contains(&was), "{}", one.name);
            }
        }
    }
    assert!(asked > 20, "{asked} connections");
}

/// The same by the program: the assertion of a policy's file.
#[test]
fn assess_says_which_actions_a_policy_withholds() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("always.yaml");
    let text = "apiVersion: watertight.io/v1alpha1\nkind: Assertion\n\
        metadata: {name: orders-know-customers, owner: orders}\nspec:\n  always:\n\
        \x20   from: [{matchLabels: {Name: orders-api-1}}]\n\
        \x20   to: [{matchLabels: {app: customers, kind: database}}]\n    over: [{tcp: 5432}]\n";
    std::fs::write(&policy, text).unwrap();
    let policy = policy.to_str().unwrap();
    let output = watertight(&["assess", SHOP, "--policy", policy]);
    let text = String::from_utf8(output.stdout).unwrap();
    let told = format!("not offered: {FROM_ORDERS}, which would break orders-know-customers");
    assert!(text.contains(&told), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let wrong = watertight(&["assess", SHOP, "--policy", "no/such/folder"]);
    assert_eq!((wrong.status.code(), wrong.stdout), (Some(1), Vec::new()));
}

/// "Each is `on` (it can be narrowed)": what a policy does not need keeps no action from being offered.
#[test]
fn health_checks_that_a_policy_narrows_away_withhold_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("narrowed.yaml");
    let text = |app: &str| {
        format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {{name: narrowed}}\n\
             spec: {{narrowed: [{{essential: health checks, to: [{{matchLabels: {{app: {app}}}}}]}}]}}\n"
        )
    };
    let withholds = |app: &str| {
        std::fs::write(&policy, text(app)).unwrap();
        let output = watertight(&["assess", SHOP, "--policy", policy.to_str().unwrap()]);
        let text = String::from_utf8(output.stdout).unwrap();
        text.contains("which would break health checks by payments-internal over tcp/8443")
    };
    assert!(withholds("payments"));
    assert!(!withholds("web"));
}
