//! What no policy closes.

use watertight_net::Flow;

use crate::scene::{DATA, DB, JOB, SICK, Scene, WEB, one, outside, policy};

const NOTHING: &str = "{action: deny, from: [any], to: [any]}";

/// A document that lists tuples.
fn listed(tuples: &[&str]) -> String {
    let lines = tuples.join("\n  - ");
    format!(
        "apiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {{name: management}}\n\
         spec:\n  failsafe:\n  - {lines}\n---\n"
    )
}

fn scene() -> Scene {
    let guard = policy("guard", "tier: guardrail, order: 1, mode: enforce", &[NOTHING]);
    let by_job = "{from: [{matchLabels: {app: job}}], to: [{matchLabels: {}}], over: [{tcp: 22}]}";
    let by_desk =
        "{from: [{addresses: [203.0.113.64/28]}], to: [{segment: data}], over: [{tcp: 22}]}";
    Scene::new(&format!("{DATA}{guard}{}", listed(&[by_job, by_desk])))
}

/// "Essentials are ... and the failsafe management tuples that the user lists", asked before every
/// rule.
#[test]
fn a_listed_tuple_goes_before_every_rule() {
    let scene = scene();
    assert_eq!(scene.tcp(JOB, DB, 22), "allow: essential failsafe management");
    assert_eq!(scene.tcp(JOB, DB, 443), "deny: guard/0");
    assert_eq!(scene.tcp(WEB, DB, 22), "deny: guard/0");
    let desk = scene.ask(outside("203.0.113.65/32"), one(DB), Flow::tcp(40_000, 22));
    assert_eq!(desk, "allow: essential failsafe management");
}

/// "denied everything but failsafe": the tuples that are listed are the failsafe.
#[test]
fn a_listed_tuple_holds_in_quarantine() {
    let scene = scene();
    assert_eq!(scene.tcp(JOB, SICK, 22), "allow: essential failsafe management");
    assert_eq!(scene.tcp(JOB, SICK, 443), "deny: quarantine");
    assert_eq!(scene.tcp(SICK, JOB, 22), "deny: quarantine");
}

/// "`maybe` counts ... as no for `allow`": an essential allows where it surely matches.
#[test]
fn a_listed_tuple_that_may_match_allows_nothing() {
    let desk = scene().ask(outside("203.0.113.0/24"), one(DB), Flow::tcp(40_000, 22));
    assert!(desk.starts_with("deny: guard/0"), "{desk}");
}
