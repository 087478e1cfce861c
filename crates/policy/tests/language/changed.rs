//! What one edit of a policy has changed.

use std::collections::BTreeSet;

use watertight_policy::changed_rules;

use crate::support::sound;

const POLICY: &str = r"apiVersion: watertight.io/v1alpha1
kind: Labeling
metadata: {name: own}
spec:
  rules:
  - when: {tags: {Team: pay*}}
    labels: {team: pay}
---
apiVersion: watertight.io/v1alpha1
kind: Segment
metadata: {name: pay}
spec: {members: {matchLabels: {team: pay}}, mode: enforce}
---
apiVersion: watertight.io/v1alpha1
kind: Policy
metadata: {name: web}
spec:
  mode: enforce
  rules:
  - action: allow
    from: [{matchLabels: {app: web}}]
    to: [{segment: pay}]
    over: [{tcp: 443}]
  - action: deny
    from: [{addresses: [10.0.0.0/8]}]
    to: [{segment: pay}]
    over: [{tcp: 22}, {udp: 53}]
---
apiVersion: watertight.io/v1alpha1
kind: Assertion
metadata: {name: shut}
spec: {never: {from: [{matchLabels: {app: guest}}], to: [{segment: pay}], over: [{tcp: 22}]}}
";

/// The rules that one replacement changes.
fn changed(from: &str, to: &str) -> Option<BTreeSet<(u32, u32)>> {
    let text = POLICY.replacen(from, to, 1);
    assert_ne!(text, POLICY, "{from} is not there");
    changed_rules(&sound(POLICY), &sound(&text))
}

#[test]
fn other_flows_and_actions_change_a_rule() {
    assert_eq!(changed("[{tcp: 443}]", "[{tcp: 8443}]"), Some(BTreeSet::from([(0, 0)])));
    assert_eq!(changed("[{tcp: 443}]", "[{tls: 443}]"), Some(BTreeSet::from([(0, 0)])));
    let http = "[{tcp: 443, http: [{methods: [GET]}]}]";
    assert_eq!(changed("[{tcp: 443}]", http), Some(BTreeSet::from([(0, 0)])));
    assert_eq!(changed(", {udp: 53}]", "]"), Some(BTreeSet::from([(0, 1)])));
    assert_eq!(changed("action: deny", "action: allow"), Some(BTreeSet::from([(0, 1)])));
}

#[test]
fn where_things_stand_makes_no_difference() {
    assert_eq!(changed("apiVersion", "# A line more.\napiVersion"), Some(BTreeSet::new()));
    assert_eq!(changed("{tcp: 443}", "{ tcp:   443 }"), Some(BTreeSet::new()));
    assert_eq!(changed("metadata: {name: web}", "metadata:\n  name: web"), Some(BTreeSet::new()));
}

#[test]
fn anything_else_is_more_than_rules() {
    let edits = [
        ("Team: pay*", "Team: pays*"),
        ("labels: {team: pay}", "labels: {team: pays}"),
        ("matchLabels: {team: pay}}, mode: enforce", "matchLabels: {team: pay}}, mode: monitor"),
        ("matchLabels: {app: web}", "matchLabels: {app: shop}"),
        ("10.0.0.0/8", "10.0.0.0/9"),
        ("to: [{segment: pay}]\n    over: [{tcp: 443}]", "to: [any]\n    over: [{tcp: 443}]"),
        ("name: web}\nspec:\n  mode: enforce", "name: web}\nspec:\n  mode: monitor"),
        ("name: web}", "name: shop}"),
        ("  - action: deny", "  - name: shut\n    action: deny"),
        ("{never:", "{always:"),
        (
            "    over: [{tcp: 443}]\n",
            "    over: [{tcp: 443}]\n  - action: allow\n    from: [any]\n    to: [any]\n",
        ),
        ("over: [{tcp: 22}]}", "over: [{tcp: 23}]}"),
    ];
    for (from, to) in edits {
        assert_eq!(changed(from, to), None, "{from} becomes {to}");
    }
}
