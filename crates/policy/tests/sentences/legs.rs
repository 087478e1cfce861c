//! Legs and fronts.

use crate::scene::{ALB, DATA, DB, JOB, Scene, WEB, policy};

fn scene() -> Scene {
    let rule = "{action: allow, from: [{matchLabels: {app: web}}], to: [{segment: data}], \
                through: [{matchLabels: {name: alb}}], over: [{tcp: 8443}]}";
    let alb = crate::scene::segment("front", "name: alb", "mode: enforce");
    Scene::new(&format!("{DATA}{alb}{}", policy("p", "mode: enforce", &[rule])))
}

/// "`through: F` in a rule from A to B over S expands, when checked, to A -> F over F's listeners
/// that lead to B".
#[test]
fn through_opens_the_listeners_that_lead_there() {
    assert_eq!(scene().tcp(WEB, ALB, 443), "allow: p/0");
    assert_eq!(scene().tcp(WEB, ALB, 8443), "deny: front ingress");
    assert_eq!(scene().tcp(JOB, ALB, 443), "deny: front ingress");
}

/// "F -> B over the target ports".
#[test]
fn through_opens_the_target_ports_to_the_front() {
    assert_eq!(scene().tcp(ALB, DB, 8443), "allow: p/0");
    assert_eq!(scene().tcp(ALB, DB, 443), "deny: front egress");
    assert_eq!(scene().tcp(JOB, DB, 8443), "deny: data ingress");
}

/// "and F's health checks -> B".
#[test]
fn through_opens_health_checks() {
    assert_eq!(scene().tcp(ALB, DB, 8080), "allow: p/0");
}

/// "Rules name the ends of legs": with `through`, no leg goes from A to B itself.
#[test]
fn through_opens_no_leg_past_the_front() {
    assert_eq!(scene().tcp(WEB, DB, 8443), "deny: data ingress");
}
