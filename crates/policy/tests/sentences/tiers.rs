//! The steps: quarantine, essentials, guardrail, standard, baseline.

use crate::scene::{DATA, DB, JOB, SICK, Scene, WEB, policy};

const ALLOW: &str = "{action: allow, from: [any], to: [{matchLabels: {app: db}}]}";
const DENY: &str = "{action: deny, from: [any], to: [{matchLabels: {app: db}}]}";
const PASS: &str = "{action: pass, from: [{matchLabels: {app: web}}], to: [any]}";

/// "Neither end governed: allow, reason `ungoverned`."
#[test]
fn where_neither_end_is_governed_all_is_allowed() {
    let deny = policy("stop", "mode: enforce", &["{action: deny, from: [any], to: [any]}"]);
    let scene = Scene::new(&format!("{DATA}{deny}"));
    assert_eq!(scene.tcp(WEB, JOB, 443), "allow: ungoverned");
    assert_eq!(scene.tcp(WEB, DB, 443), "deny: stop/0");
}

/// "Guardrail policies by ascending `order`, rules top to bottom; the first `allow` or `deny`
/// decides".
#[test]
fn guardrails_are_asked_by_order_and_from_top_to_bottom() {
    let late = policy("a-late", "tier: guardrail, order: 2, mode: enforce", &[ALLOW]);
    let early = policy("z-early", "tier: guardrail, order: 1, mode: enforce", &[DENY, ALLOW]);
    let scene = Scene::new(&format!("{DATA}{late}{early}"));
    assert_eq!(scene.tcp(WEB, DB, 443), "deny: z-early/0");
}

/// "`pass` goes to 3", to the standard rules.
#[test]
fn a_pass_leaves_the_rest_of_the_guardrails_out() {
    let guard = policy("guard", "tier: guardrail, order: 1, mode: enforce", &[PASS, DENY]);
    let standard = policy("standard", "mode: enforce", &[ALLOW]);
    let scene = Scene::new(&format!("{DATA}{guard}{standard}"));
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: standard/0");
    assert_eq!(scene.tcp(JOB, DB, 443), "deny: guard/1");
}

/// "Standard rules, unordered: any matching deny, else any matching allow."
#[test]
fn a_standard_deny_goes_before_an_allow_wherever_it_stands() {
    let first = policy("a", "mode: enforce", &[ALLOW]);
    let scene = Scene::new(&format!("{DATA}{first}"));
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: a/0");
    let second = policy("b", "mode: enforce", &[DENY]);
    let scene = Scene::new(&format!("{DATA}{first}{second}"));
    assert_eq!(scene.tcp(WEB, DB, 443), "deny: b/0");
}

/// "Baseline as guardrail, without `pass`", after the standard rules and before the defaults.
#[test]
fn the_baseline_is_asked_in_order_after_the_standard_rules() {
    let late = policy("a-late", "tier: baseline, order: 2, mode: enforce", &[DENY]);
    let early = policy("z-early", "tier: baseline, order: 1, mode: enforce", &[ALLOW]);
    let scene = Scene::new(&format!("{DATA}{late}{early}"));
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: z-early/0");
    let standard = policy("standard", "mode: enforce", &[DENY]);
    let scene = Scene::new(&format!("{DATA}{late}{early}{standard}"));
    assert_eq!(scene.tcp(WEB, DB, 443), "deny: standard/0");
}

/// "A workload labelled `watertight.io/quarantine` is denied everything but failsafe, above
/// guardrail allows."
#[test]
fn who_is_in_quarantine_has_the_failsafe_alone() {
    let any = "{action: allow, from: [any], to: [any]}";
    let guard = policy("guard", "tier: guardrail, order: 1, mode: enforce", &[any]);
    let ssh = "{action: allow, from: [any], to: [any], over: [{tcp: 22}]}";
    let failsafe = policy("failsafe", "tier: guardrail, order: 0, mode: enforce", &[ssh]);
    let dns = "{action: allow, from: [any], to: [any], over: [{tcp: 53}]}";
    let usual = policy("usual", "tier: guardrail, order: -1, mode: enforce", &[dns]);
    let scene = Scene::new(&format!("{guard}{failsafe}{usual}"));
    let scene = scene.with_essentials(&["failsafe", "usual"], &["failsafe"]);
    assert_eq!(scene.tcp(SICK, DB, 443), "deny: quarantine");
    assert_eq!(scene.tcp(WEB, SICK, 443), "deny: quarantine");
    assert_eq!(scene.tcp(SICK, DB, 53), "deny: quarantine");
    assert_eq!(scene.tcp(WEB, SICK, 22), "allow: essential failsafe");
}

/// "Quarantine, then essentials", before any rule and whatever the modes.
#[test]
fn essentials_go_before_every_rule() {
    let dns = "{action: allow, from: [any], to: [any], over: [{udp: 53}, {tcp: 53}]}";
    let essentials = policy("resolver", "tier: baseline, order: 9, mode: monitor", &[dns]);
    let guard = policy("guard", "tier: guardrail, order: 1, mode: enforce", &[DENY]);
    let scene = Scene::new(&format!("{DATA}{essentials}{guard}"));
    let scene = scene.with_essentials(&["resolver"], &[]);
    assert_eq!(scene.tcp(WEB, DB, 53), "allow: essential resolver");
    assert_eq!(scene.tcp(WEB, DB, 443), "deny: guard/0");
}
