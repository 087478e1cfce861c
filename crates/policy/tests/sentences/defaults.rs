//! Defaults of segments, and time.

use watertight_net::Flow;
use watertight_policy::Timestamp;
use watertight_policy::decide::End;

use crate::scene::{DATA, DB, EDGE, JOB, Scene, WEB, one, place, policy, segment};

/// "Source side: for each segment that is on and holds the source, `intra` if it also holds the
/// destination, else `egress`. Destination side likewise with `ingress`."
#[test]
fn a_default_is_intra_within_a_segment_and_egress_or_ingress_across_its_edge() {
    let data = segment("data", "tier: data", "mode: enforce, defaults: {intra: allow}");
    let scene = Scene::new(&data);
    assert_eq!(scene.tcp(DB, EDGE, 443), "allow: data intra");
    assert_eq!(scene.tcp(DB, WEB, 443), "deny: data egress");
    assert_eq!(scene.tcp(WEB, DB, 443), "deny: data ingress");
}

/// "Any deny denies: an inner segment never reopens an outer one; a rule does."
#[test]
fn an_inner_segment_does_not_reopen_an_outer_one_and_a_rule_does() {
    let open = "mode: enforce, defaults: {ingress: allow, egress: allow, intra: allow}";
    let inner = segment("inner", "app: db", open);
    let scene = Scene::new(&format!("{DATA}{inner}"));
    assert_eq!(scene.tcp(WEB, DB, 443), "deny: data ingress");
    let rule = "{action: allow, from: [{matchLabels: {app: web}}], to: [{segment: inner}]}";
    let allow = policy("reopen", "mode: enforce", &[rule]);
    let scene = Scene::new(&format!("{DATA}{inner}{allow}"));
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: reopen/0");
}

/// "An endpoint to itself is allowed; replicas of one workload are two ends."
#[test]
fn an_endpoint_reaches_itself_and_not_another_replica() {
    let scene = Scene::new(DATA);
    let at = |address| End { places: vec![place(Some("vpc-a"), address)], ..one(DB) };
    let flow = Flow::tcp(40_000, 443);
    assert_eq!(scene.ask(at("10.0.0.2"), at("10.0.0.2"), flow), "allow: itself");
    assert_eq!(scene.ask(at("10.0.0.2"), at("10.0.0.9"), flow), "deny: data intra");
}

/// "One allow rule authorises both ends".
#[test]
fn one_allow_opens_the_egress_of_one_segment_and_the_ingress_of_another() {
    let web = segment("web", "app: web", "mode: enforce");
    let scene = Scene::new(&format!("{DATA}{web}"));
    assert_eq!(scene.tcp(WEB, DB, 443), "deny: web egress");
    let rule = "{action: allow, from: [{segment: web}], to: [{segment: data}]}";
    let scene = Scene::new(&format!("{DATA}{web}{}", policy("p", "mode: enforce", &[rule])));
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: p/0");
}

/// "The built-in segment `estate` holds every workload; its defaults are allow and its mode is
/// monitor until the user changes it".
#[test]
fn the_segment_estate_holds_every_workload_and_allows_until_it_is_changed() {
    let any = "{action: deny, from: [any], to: [any], over: [{tcp: 23}]}";
    let telnet = policy("telnet", "mode: enforce", &[any]);
    let scene = Scene::new(&telnet);
    assert_eq!(scene.tcp(WEB, JOB, 23), "allow: ungoverned");
    let head = "apiVersion: watertight.io/v1alpha1\nkind: Segment\nmetadata: {name: estate}\n";
    let enforced = format!("{head}spec: {{mode: enforce}}\n---\n");
    let scene = Scene::new(&format!("{enforced}{telnet}"));
    assert_eq!(scene.tcp(WEB, JOB, 23), "deny: telnet/0");
    assert_eq!(scene.tcp(WEB, JOB, 443), "allow: estate intra");
    let closed = format!("{head}spec: {{mode: enforce, defaults: {{intra: deny}}}}\n---\n");
    assert_eq!(Scene::new(&closed).tcp(WEB, JOB, 443), "deny: estate intra");
}

/// "An expired policy takes no part from that instant".
#[test]
fn an_expired_policy_takes_no_part_from_that_instant() {
    let rule = "{action: allow, from: [any], to: [{segment: data}]}";
    let brief = policy("brief", "mode: enforce, expires: 2027-01-31T00:00:00Z", &[rule]);
    let mut scene = Scene::new(&format!("{DATA}{brief}"));
    let expires: Timestamp = "2027-01-31T00:00:00Z".parse().expect("an instant");
    scene.now = Timestamp(expires.0 - 1);
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: brief/0");
    scene.now = expires;
    assert_eq!(scene.tcp(WEB, DB, 443), "deny: data ingress");
}
