//! Legs and fronts.

use watertight_net::Flow;
use watertight_policy::{Documents, Feeds, Format, Linted, check, lint};
use watertight_source::{Diagnostics, Limits, Severity, Sources};

use crate::scene::{ALB, DATA, DB, JOB, NOW, Scene, WEB, one, policy, world};

const RULE: &str = "{action: allow, from: [{matchLabels: {app: web}}], to: [{segment: data}], \
                through: [{matchLabels: {name: alb}}], over: [{tcp: 8443}]}";

fn scene() -> Scene {
    let alb = crate::scene::segment("front", "name: alb", "mode: enforce");
    Scene::new(&format!("{DATA}{alb}{}", policy("p", "mode: enforce", &[RULE])))
}

/// "from the endpoint that opens it (or sends the first packet) to the endpoint that accepts it": a rule about
/// one direction says nothing of the other.
#[test]
fn a_leg_goes_from_who_opens_it_to_who_accepts_it() {
    let rule = "{action: allow, from: [{matchLabels: {app: web}}], to: [{segment: data}]}";
    let scene = Scene::new(&format!("{DATA}{}", policy("p", "mode: enforce", &[rule])));
    for flow in [Flow::tcp(40_000, 443), Flow::udp(40_000, 53)] {
        assert_eq!(scene.ask(one(WEB), one(DB), flow), "allow: p/0");
        assert_eq!(scene.ask(one(DB), one(WEB), flow), "deny: data egress");
    }
}

/// "F -> B admits whomever F admits": the leg from the front is the same whoever has opened the one to it.
#[test]
fn the_leg_from_a_front_is_for_whomever_the_front_admits() {
    let open = RULE.replace("{matchLabels: {app: web}}", "any");
    let alb = crate::scene::segment("front", "name: alb", "mode: enforce");
    for rule in [RULE, &open] {
        let text = format!("{DATA}{alb}{}", policy("p", "mode: enforce", &[rule]));
        let scene = Scene::new(&text);
        let admitted = if rule == RULE { "deny: front ingress" } else { "allow: p/0" };
        assert_eq!(scene.tcp(JOB, ALB, 443), admitted);
        assert_eq!(scene.tcp(ALB, DB, 8443), "allow: p/0");
    }
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

/// What a check shows of the legs that a rule stands for in the estate of the scene.
fn shown(rule: &str) -> Vec<String> {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
    let text = format!("{DATA}{}", policy("p", "mode: enforce", &[rule]));
    let file = sources.add("policy.yaml", text).expect("a small file");
    let mut documents = Documents::default();
    let contents = sources.contents(file);
    documents.read(file, contents, Format::Yaml, &Limits::default(), &mut diagnostics);
    let policy = check(&documents, &Feeds::new(), &mut diagnostics).expect("a sound policy");
    let world = world();
    let linted = Linted { documents: &documents, policy: &policy, world: Some(&world), now: NOW };
    lint(&linted, &mut diagnostics);
    let found = diagnostics.into_sorted().into_iter().filter(|one| one.code.as_str() == "WT0346");
    let lines = found.flat_map(|one| {
        assert_eq!(one.severity, Severity::Note);
        let legs: Vec<String> = one.related.iter().map(|(_, text)| text.clone()).collect();
        if legs.is_empty() { vec![one.message] } else { legs }
    });
    lines.collect()
}

/// "each expansion is shown": what a rule with `through` stands for is told leg by leg, and a rule that
/// stands for itself says nothing.
#[test]
fn through_shows_what_it_stands_for() {
    assert_eq!(
        shown(RULE),
        [
            "whoever this means -> alb over tcp/443",
            "alb -> db over tcp/8443",
            "health checks: alb -> db over tcp/8080",
        ]
    );
    let direct = RULE.replace("through: [{matchLabels: {name: alb}}], ", "");
    assert_eq!(shown(&direct), [""; 0]);
    // The front checks the health of whom it may not send anything to, as the decision has it.
    let elsewhere = RULE.replace("8443", "9000");
    assert_eq!(shown(&elsewhere), ["health checks: alb -> db over tcp/8080"]);
    let nobody = shown(&RULE.replace("name: alb", "name: proxy"));
    assert!(nobody[0].starts_with("this rule stands for no leg of the estate"), "{nobody:?}");
}
