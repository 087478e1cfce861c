//! What a check says: the sentences that make something an error or a warning.

use watertight_policy::{Documents, Feeds, Format, Linted, check, lint};
use watertight_source::{Diagnostics, Limits, Sources};

use crate::scene::{NOW, policy, segment};

/// The codes of everything that a check and its lint find, in order.
fn codes(text: &str) -> Vec<String> {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
    let file = sources.add("policy.yaml", text).expect("a small file");
    let mut documents = Documents::default();
    let contents = sources.contents(file);
    documents.read(file, contents, Format::Yaml, &Limits::default(), &mut diagnostics);
    if let Some(policy) = check(&documents, &Feeds::new(), &mut diagnostics) {
        let linted = Linted { documents: &documents, policy: &policy, world: None, now: NOW };
        lint(&linted, &mut diagnostics);
    }
    let sorted = diagnostics.into_sorted();
    sorted.iter().map(|one| one.code.as_str().to_owned()).collect()
}

/// A rule from what is trusted to what is trusted, so that nothing else is said of it.
fn rule(action: &str) -> String {
    let peer = |kind: &str| format!("[{{matchLabels: {{kind: {kind}}}}}]");
    let (from, to) = (peer("machine"), peer("database"));
    format!("{{action: {action}, from: {from}, to: {to}, over: [{{tcp: 443}}]}}")
}

const NOTHING: [&str; 0] = [];

/// "`order` is an error" in standard.
#[test]
fn a_standard_policy_has_no_order() {
    assert_eq!(codes(&policy("p", "tier: standard", &[&rule("allow")])), NOTHING);
    assert_eq!(codes(&policy("p", "tier: standard, order: 3", &[&rule("allow")])), ["WT0316"]);
}

/// "**Baseline** as guardrail, without `pass`"; "`pass`: guardrail only".
#[test]
fn only_guardrails_pass() {
    assert_eq!(codes(&policy("p", "tier: guardrail, order: 1", &[&rule("pass")])), NOTHING);
    assert_eq!(codes(&policy("p", "tier: baseline, order: 1", &[&rule("pass")])), ["WT0316"]);
    assert_eq!(codes(&policy("p", "tier: standard", &[&rule("pass")])), ["WT0316"]);
}

/// "In guardrail and baseline, two rules of different action in policies of the same order that some
/// label set could both match are an error, decided on the selectors, not on today's members."
#[test]
fn rules_of_one_order_do_not_contradict_each_other() {
    let of = |name, order, action| {
        let head = format!("tier: guardrail, order: {order}");
        policy(name, &head, &[&rule(action)])
    };
    assert_eq!(codes(&format!("{}{}", of("p", 1, "allow"), of("q", 1, "deny"))), ["WT0318"]);
    let apart = codes(&format!("{}{}", of("p", 1, "allow"), of("q", 2, "deny")));
    assert!(!apart.contains(&"WT0318".to_owned()), "{apart:?}");
}

/// "A missing or empty `from` or `to` is an error."
#[test]
fn both_ends_of_a_rule_are_named() {
    let missing = "{action: allow, to: [{matchLabels: {kind: database}}], over: [{tcp: 443}]}";
    let empty =
        "{action: allow, from: [], to: [{matchLabels: {kind: database}}], over: [{tcp: 443}]}";
    assert_eq!(codes(&policy("p", "", &[missing])), ["WT0315"]);
    assert_eq!(codes(&policy("p", "", &[empty])), ["WT0315"]);
}

/// "`domains` in a deny need `tls` or `http`."
#[test]
fn a_denied_domain_is_recognised_by_what_is_said() {
    let deny = |over: &str| {
        let from = "[{matchLabels: {kind: machine}}]";
        format!(
            "{{action: deny, from: {from}, to: [{{domains: [a.example]}}], over: [{{{over}}}]}}"
        )
    };
    let found = |over: &str| codes(&policy("p", "", &[&deny(over)]));
    assert!(found("tcp: 443").contains(&"WT0319".to_owned()));
    assert!(!found("tls: 443").contains(&"WT0319".to_owned()));
}

/// "A policy with a deny needs `expiryOpens: true` to have an expiry."
#[test]
fn a_denial_that_expires_says_that_it_opens() {
    let expires = "mode: enforce, expires: 2030-01-01T00:00:00Z";
    assert_eq!(codes(&policy("p", expires, &[&rule("deny")])), ["WT0317"]);
    assert_eq!(codes(&policy("p", expires, &[&rule("allow")])), NOTHING);
    let said = format!("{expires}, expiryOpens: true");
    assert_eq!(codes(&policy("p", &said, &[&rule("deny")])), NOTHING);
}

/// "Guardrail rules on claimed labels are a warning."
#[test]
fn a_guardrail_on_what_users_can_set_is_warned_of() {
    let claimed = rule("deny").replace("kind: machine", "app: web");
    assert_eq!(codes(&policy("p", "tier: guardrail, order: 1", &[&claimed])), ["WT0341"]);
    assert_eq!(codes(&policy("p", "tier: guardrail, order: 1", &[&rule("deny")])), NOTHING);
}

/// "An owner, an expiry and one gap or assertion that may be broken until then."
#[test]
fn an_exception_names_its_owner_and_its_end() {
    let exception = |metadata: &str, spec: &str| {
        format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Exception\nmetadata: {{name: e{metadata}}}\n\
             spec: {{{spec}}}\n---\n"
        )
    };
    let gap = "gap: sg-1/egress";
    let until = "expires: 2030-01-01T00:00:00Z";
    assert_eq!(codes(&exception(", owner: us", &format!("{until}, {gap}"))), NOTHING);
    assert_eq!(codes(&exception("", &format!("{until}, {gap}"))).len(), 1);
    assert_eq!(codes(&exception(", owner: us", gap)).len(), 1);
    assert_eq!(codes(&exception(", owner: us", until)).len(), 1);
}

/// "`defaults: {ingress: deny, egress: deny, intra: deny}`, omitted: deny"; a segment needs members.
#[test]
fn a_segment_says_whom_it_holds() {
    assert_eq!(codes(&segment("s", "kind: machine", "mode: monitor")), NOTHING);
    let without = "apiVersion: watertight.io/v1alpha1\nkind: Segment\nmetadata: {name: s}\nspec: {mode: monitor}\n";
    assert_eq!(codes(without), ["WT0315"]);
}

/// "Provider facts are labels under reserved prefixes (...); tags and Kubernetes labels keep their own keys."
#[test]
fn a_label_of_providers_is_given_by_nobody_else() {
    let labeling = |key: &str| {
        codes(&format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Labeling\nmetadata: {{name: l}}\n\
             spec: {{rules: [{{when: {{name: [web]}}, labels: {{{key}: x}}}}]}}\n"
        ))
    };
    for reserved in ["aws.vpc", "aws.account", "k8s.namespace", "cloud", "region", "kind"] {
        assert!(labeling(reserved).contains(&"WT0321".to_owned()), "{reserved}");
    }
    assert_eq!(labeling("app"), NOTHING);
}

/// "criticality (`none`, `important`, `crown-jewel`)".
#[test]
fn a_segment_says_how_critical_it_is() {
    let of = |word: &str| {
        let rest = format!("mode: monitor, criticality: {word}");
        codes(&segment("s", "kind: machine", &rest))
    };
    for word in ["none", "important", "crown-jewel"] {
        assert_eq!(of(word), NOTHING, "{word}");
    }
    assert_eq!(of("high"), ["WT0303"]);
}

/// "`tier: standard  # guardrail | standard | baseline`" and "`action: allow  # allow | deny | pass`".
#[test]
fn tiers_and_actions_are_three_words_each() {
    for (tier, order) in [("guardrail", ", order: 1"), ("standard", ""), ("baseline", ", order: 1")]
    {
        let head = format!("tier: {tier}{order}");
        assert_eq!(codes(&policy("p", &head, &[&rule("allow")])), NOTHING, "{tier}");
    }
    assert_eq!(codes(&policy("p", "tier: last", &[&rule("allow")])), ["WT0303"]);
    assert_eq!(codes(&policy("p", "", &[&rule("deny")])), NOTHING);
    assert_eq!(codes(&policy("p", "", &[&rule("drop")])), ["WT0303"]);
}

/// "Kubernetes-shaped (`apiVersion: watertight.io/v1alpha1`, `kind`, `metadata`, `spec`)": all four are wanted,
/// and nothing else.
#[test]
fn a_document_has_the_shape_of_kubernetes() {
    let fields = [
        "apiVersion: watertight.io/v1alpha1",
        "kind: Service",
        "metadata: {name: s}",
        "spec: {over: [{tcp: 1}]}",
    ];
    let of = |fields: &[&str]| codes(&(fields.join("\n") + "\n"));
    assert_eq!(of(&fields), NOTHING);
    for left_out in 0..fields.len() {
        let mut rest = fields.to_vec();
        let field = rest.remove(left_out);
        assert_ne!(of(&rest), NOTHING, "without {field}");
    }
    assert_eq!(of(&[&fields[..], &["status: {}"]].concat()), ["WT0302"]);
    let other = fields.map(|field| field.replace("v1alpha1", "v1"));
    assert_eq!(of(&other.each_ref().map(String::as_str)), ["WT0300"]);
}

/// "Each is `on` (it can be narrowed), or `unfilterable` on a plane": what no plane filters is not narrowed, and who
/// narrows says between which workloads.
#[test]
fn what_is_narrowed_can_be_filtered_and_is_between_workloads() {
    let of = |narrowed: &str| {
        codes(&format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {{name: e}}\n\
             spec: {{narrowed: [{{{narrowed}}}]}}\n"
        ))
    };
    let machines = "to: [{matchLabels: {kind: machine}}]";
    for essential in ["health checks", "cluster resolver", "control plane"] {
        assert_eq!(of(&format!("essential: {essential}, {machines}")), NOTHING, "{essential}");
    }
    for essential in ["time", "neighbour discovery", "address configuration", "resolver"] {
        assert_eq!(of(&format!("essential: {essential}, {machines}")), ["WT0303"], "{essential}");
    }
    assert_eq!(of("essential: health checks"), ["WT0315"]);
    assert_eq!(of("essential: health checks, to: []"), ["WT0315"]);
    assert_eq!(of("essential: health checks, to: [internet]"), ["WT0314"]);
    assert_eq!(of("essential: health checks, from: [{segment: nowhere}]"), ["WT0306"]);
}
