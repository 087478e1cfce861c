//! Mode assignments.

use watertight_policy::decide::Modes;

use crate::scene::{DB, EDGE, JOB, Scene, WEB, nobody, one, outside, policy, segment};

/// Data is in monitor, an allow into it is too, and one from jobs is enforced.
fn text() -> String {
    let data = segment("data", "tier: data", "mode: monitor");
    let to_data = |app| {
        format!(
            "{{action: allow, from: [{{matchLabels: {{app: {app}}}}}], to: [{{segment: data}}]}}"
        )
    };
    let watched = policy("watched", "mode: monitor", &[&to_data("web")]);
    let enforced = policy("enforced", "mode: enforce", &[&to_data("job")]);
    format!("{data}{watched}{enforced}")
}

/// "`M_enforced`: those in mode enforce."
#[test]
fn what_is_in_monitor_is_off_under_enforced() {
    let scene = Scene::new(&text());
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: ungoverned");
}

/// "`M_pending`: enforce or monitor."
#[test]
fn what_is_in_monitor_is_on_under_pending() {
    let scene = Scene::new(&text()).under(Modes::Pending);
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: watched/0");
    assert_eq!(scene.tcp(JOB, DB, 443), "allow: enforced/0");
}

/// "`M_promote(X)`: `M_enforced` with X on", and "an allow that is itself only in monitor does not save
/// a flow".
#[test]
fn a_promoted_segment_hears_enforced_rules_alone() {
    let scene = Scene::new(&text()).under(Modes::PromoteSegment("data".into()));
    assert_eq!(scene.tcp(WEB, DB, 443), "deny: data ingress");
    assert_eq!(scene.tcp(JOB, DB, 443), "allow: enforced/0");
}

/// "A mode assignment M says which segments and policies are on": a policy that is promoted is on.
#[test]
fn a_promoted_policy_decides_where_a_segment_governs() {
    let rule = "{action: allow, from: [{matchLabels: {app: web}}], to: [{segment: data}]}";
    let data = segment("data", "tier: data", "mode: enforce");
    let text = format!("{data}{}", policy("watched", "mode: monitor", &[rule]));
    assert_eq!(Scene::new(&text).tcp(WEB, DB, 443), "deny: data ingress");
    let promoted = Scene::new(&text).under(Modes::PromotePolicy("watched".into()));
    assert_eq!(promoted.tcp(WEB, DB, 443), "allow: watched/0");
}

/// "`M_promote(X)`" of a policy turns that one on, and no segment.
#[test]
fn a_promoted_policy_is_on_and_governs_nobody() {
    let scene = Scene::new(&text()).under(Modes::PromotePolicy("watched".into()));
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: ungoverned");
}

/// "Rules bind only at governed ends": the decision says at which.
#[test]
fn a_decision_says_at_which_ends_it_binds() {
    let scene = Scene::new(&text()).under(Modes::PromoteSegment("data".into()));
    let flow = watertight_net::Flow::tcp(40_000, 443);
    let decision = scene.decision(one(WEB), one(DB), flow);
    assert_eq!((decision.governed.source, decision.governed.destination), (false, true));
}

/// "A workload is *governed* under M if a segment that is on holds it."
#[test]
fn a_workload_is_governed_by_any_segment_that_is_on_and_holds_it() {
    let off = segment("data", "tier: data", "mode: monitor");
    let on = segment("databases", "app: db", "mode: enforce");
    assert_eq!(Scene::new(&off).tcp(WEB, DB, 443), "allow: ungoverned");
    let both = Scene::new(&format!("{off}{on}"));
    assert_eq!(both.tcp(WEB, DB, 443), "deny: databases ingress");
    assert_eq!(both.tcp(WEB, JOB, 443), "allow: ungoverned");
}

/// "Monitor mode reports the difference between D(`M_enforced`) and D(`M_pending`)": both are asked of the
/// same leg, and "a denial that is only pending is never reported as enforced".
#[test]
fn what_monitor_mode_would_change_is_the_difference_of_two_decisions() {
    let text = segment("data", "tier: data", "mode: monitor");
    assert_eq!(Scene::new(&text).tcp(WEB, DB, 443), "allow: ungoverned");
    assert_eq!(Scene::new(&text).under(Modes::Pending).tcp(WEB, DB, 443), "deny: data ingress");
}

/// "nor an audited one as allowed by a rule": what a rule in monitor would allow is not told as allowed by
/// it.
#[test]
fn what_a_rule_in_monitor_would_allow_is_not_told_as_allowed_by_it() {
    let rule = "{action: allow, from: [{matchLabels: {app: web}}], to: [{segment: data}]}";
    let data = segment("data", "tier: data", "mode: monitor");
    let text = format!("{data}{}", policy("watched", "mode: monitor", &[rule]));
    assert_eq!(Scene::new(&text).tcp(WEB, DB, 443), "allow: ungoverned");
    assert_eq!(Scene::new(&text).under(Modes::Pending).tcp(WEB, DB, 443), "allow: watched/0");
    // What would be denied is allowed because nobody governs it, not by that rule.
    assert_eq!(Scene::new(&text).under(Modes::Pending).tcp(JOB, DB, 443), "deny: data ingress");
    assert_eq!(Scene::new(&text).tcp(JOB, DB, 443), "allow: ungoverned");
}

/// "`mode: disabled | monitor | enforce`" and "`M_pending`: enforce or monitor", and nothing else: what is
/// left is the segment of all workloads.
#[test]
fn what_is_disabled_is_off_under_pending_too() {
    let text = segment("data", "tier: data", "mode: disabled");
    assert_eq!(Scene::new(&text).under(Modes::Pending).tcp(WEB, DB, 443), "allow: estate intra");
}

/// "optionally over a share of a segment first": DB and EDGE are data, and EDGE alone is in zone x.
fn shared(share: &str, defaults: &str) -> String {
    segment("data", "tier: data", &format!("mode: enforce, share: {share}, defaults: {defaults}"))
}

const BY_ZONE: &str = "{select: {matchLabels: {zone: x}}}";
const DENY: &str = "{ingress: deny, egress: deny, intra: deny}";

#[test]
fn a_share_of_a_segment_is_governed_and_the_rest_is_not() {
    let scene = Scene::new(&shared(BY_ZONE, DENY));
    assert_eq!(scene.tcp(WEB, EDGE, 443), "deny: data ingress");
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: ungoverned");
    assert_eq!(scene.tcp(DB, WEB, 443), "allow: ungoverned");
}

/// Who is not in the share is a member all the same: between the two it is `intra`, at the end that is in it.
#[test]
fn the_rest_of_a_segment_belongs_to_it_and_is_bound_by_nothing() {
    let inward = Scene::new(&shared(BY_ZONE, "{ingress: deny, egress: deny, intra: allow}"));
    assert_eq!(inward.tcp(DB, EDGE, 443), "allow: data intra");
    assert_eq!(inward.tcp(EDGE, DB, 443), "allow: data intra");
    let scene = Scene::new(&shared(BY_ZONE, "{ingress: allow, egress: allow, intra: deny}"));
    assert_eq!(scene.tcp(DB, EDGE, 443), "deny: data intra");
    assert_eq!(scene.tcp(WEB, EDGE, 443), "allow: data ingress");
    let flow = watertight_net::Flow::tcp(40_000, 443);
    let decision = scene.decision(one(EDGE), one(DB), flow);
    assert_eq!((decision.governed.source, decision.governed.destination), (true, false));
    // A rule about the segment is about all of it.
    let rule = "{action: allow, from: [{segment: data}], to: [{segment: data}]}";
    let text = format!("{}{}", shared(BY_ZONE, DENY), policy("p", "mode: enforce", &[rule]));
    assert_eq!(Scene::new(&text).tcp(DB, EDGE, 443), "allow: p/0");
    assert_eq!(Scene::new(&text).tcp(DB, DB, 443), "allow: ungoverned");
}

#[test]
fn what_is_promoted_or_pending_is_on_as_a_whole() {
    for modes in [Modes::Pending, Modes::PromoteSegment("data".into())] {
        let scene = Scene::new(&shared(BY_ZONE, DENY)).under(modes);
        assert!(scene.tcp(WEB, DB, 443).starts_with("deny: data ingress"));
    }
    let other = Modes::PromoteSegment("web".into());
    let text = format!("{}{}", shared(BY_ZONE, DENY), segment("web", "app: web", "mode: monitor"));
    assert_eq!(Scene::new(&text).under(other).tcp(JOB, DB, 443), "allow: ungoverned");
}

/// As a segment that may hold an end counts, and is assumed, so does a share that may.
#[test]
fn whoever_may_be_in_the_share_counts_as_in_it_and_the_decision_says_so() {
    let scene = Scene::new(&shared(BY_ZONE, DENY));
    let flow = watertight_net::Flow::tcp(40_000, 443);
    let either = watertight_policy::decide::End::workload(vec![DB, EDGE]);
    assert_eq!(scene.ask(one(WEB), either.clone(), flow), "deny: data ingress, assumed");
    let none = Scene::new(&shared("{percent: 0}", DENY));
    assert_eq!(none.ask(one(WEB), either, flow), "allow: ungoverned");
    // Two of whom neither is in the share are known not to be.
    let neither = watertight_policy::decide::End::workload(vec![DB, WEB]);
    assert_eq!(scene.ask(one(JOB), neither, flow), "allow: ungoverned");
    // Nothing enforces at an address that nobody holds, nor outside.
    assert_eq!(scene.ask(one(WEB), nobody("10.0.0.200"), flow), "allow: ungoverned");
    assert_eq!(scene.ask(outside("192.0.2.1/32"), one(DB), flow), "allow: ungoverned");
    assert_eq!(scene.ask(outside("192.0.2.1/32"), one(EDGE), flow), "deny: data ingress");
}

/// By number: that of a workload is the same everywhere.
#[test]
fn a_share_of_so_many_of_a_hundred_goes_by_number() {
    let number = watertight_policy::share_number("data", "db");
    let at = |percent: u8| Scene::new(&shared(&format!("{{percent: {percent}}}"), DENY));
    assert_eq!(at(number).tcp(WEB, DB, 443), "allow: ungoverned");
    assert_eq!(at(number + 1).tcp(WEB, DB, 443), "deny: data ingress");
    assert_eq!(at(100).tcp(WEB, DB, 443), "deny: data ingress");
}
