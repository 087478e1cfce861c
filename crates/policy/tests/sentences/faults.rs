//! Faults, and what explains a denial.

use watertight_net::Flow;
use watertight_policy::checked::FaultMode;
use watertight_policy::decide::{Attribute, Fault};

use crate::scene::{DATA, DB, EDGE, Scene, WEB, one, policy, segment};

/// "`onFault: {...}: closed | open | last` is a field of Segment, default closed."
#[test]
fn a_fault_closes_unless_the_segment_says_otherwise() {
    assert_eq!(Scene::new(DATA).fault(DB, Fault::MapFull), Some(FaultMode::Closed));
    let open = segment("data", "tier: data", "mode: enforce, onFault: {mapFull: open}");
    let scene = Scene::new(&open);
    assert_eq!(scene.fault(DB, Fault::MapFull), Some(FaultMode::Open));
    assert_eq!(scene.fault(DB, Fault::ProxyGone), Some(FaultMode::Closed));
    assert_eq!(scene.fault(WEB, Fault::MapFull), None, "nothing enforces there");
}

/// "`onFault: {mapFull, unknownIdentity, proxyGone, staleIdentity}: closed | open | last`": each field is its own
/// fault's, with each word.
#[test]
fn each_fault_has_a_field_and_each_field_three_words() {
    let faults = [
        ("mapFull", Fault::MapFull),
        ("unknownIdentity", Fault::UnknownIdentity),
        ("proxyGone", Fault::ProxyGone),
        ("staleIdentity", Fault::StaleIdentity),
    ];
    let words =
        [("closed", FaultMode::Closed), ("open", FaultMode::Open), ("last", FaultMode::Last)];
    for (field, own) in faults {
        for (word, expected) in words {
            let rest = format!("mode: enforce, onFault: {{{field}: {word}}}");
            let scene = Scene::new(&segment("data", "tier: data", &rest));
            for (_, fault) in faults {
                let expected = if fault == own { expected } else { FaultMode::Closed };
                assert_eq!(scene.fault(DB, fault), Some(expected), "{field}: {word}");
            }
        }
    }
}

/// Of several segments the strictest is heard.
#[test]
fn the_strictest_of_several_segments_is_heard() {
    let open = segment("data", "tier: data", "mode: enforce, onFault: {mapFull: open}");
    let last = segment("edge", "zone: x", "mode: enforce, onFault: {mapFull: last}");
    let scene = Scene::new(&format!("{open}{last}"));
    assert_eq!(scene.fault(EDGE, Fault::MapFull), Some(FaultMode::Last));
    assert_eq!(scene.fault(DB, Fault::MapFull), Some(FaultMode::Open));
}

/// "A denial by default also gives its *near miss*: the allow rules closest to it and the one
/// attribute in which each fails."
#[test]
fn a_denial_names_the_allow_that_fails_in_one_attribute() {
    let to_data = |from: &str, over: &str| {
        format!(
            "{{action: allow, from: [{{matchLabels: {{app: {from}}}}}], to: [{{segment: data}}], \
             over: [{{tcp: {over}}}]}}"
        )
    };
    let watched = policy("watched", "mode: monitor", &[&to_data("web", "443")]);
    let rules = [to_data("web", "80"), to_data("job", "443"), to_data("job", "80")];
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let enforced = policy("enforced", "mode: enforce", &rules);
    let scene = Scene::new(&format!("{DATA}{watched}{enforced}"));
    assert_eq!(scene.tcp(WEB, DB, 443), "deny: data ingress");
    let near = scene.near(one(WEB), one(DB), Flow::tcp(40_000, 443));
    let fails: Vec<Attribute> = near.iter().map(|(fails, _)| *fails).collect();
    assert_eq!(fails, [Attribute::Mode, Attribute::Over, Attribute::From]);
    let rules: Vec<&str> = near.iter().map(|(_, rule)| rule.as_str()).collect();
    assert_eq!(rules, ["watched/0", "enforced/0", "enforced/1"]);
}
