//! The shop's policy, as it would be if all of it were enforced.

use std::collections::BTreeSet;

use watertight_aws::SecurityGroups;
use watertight_compile::{GapKind, Plane as _, ReadKind, Reason, RuleCount, RulePeer};
use watertight_model::Name;
use watertight_policy::decide::Modes;

use crate::lab::{Lab, body};

#[test]
fn the_shop_compiles_without_a_single_any() {
    let made = Lab::promoted_shop().make().expect("it compiles");
    let groups = &made.compiled.artifacts.groups;
    assert!(groups.len() > 5, "{}", groups.len());
    for group in groups {
        for rule in group.ingress.iter().chain(&group.egress) {
            if let RulePeer::Prefix(prefix) = &rule.peer {
                assert!(prefix.len() > 0, "{}: {rule:?}", group.name);
            }
        }
    }
    let proof = &made.proof;
    assert!(proof.holds(), "{:#?}\n{:#?}", proof.unexplained, proof.frame);
    // The default of one segment opens more than is open now, and nothing else does.
    let opens = |gap: &watertight_compile::Gap| {
        gap.rules.iter().all(|rule| rule.text == "segment management, default intra")
    };
    assert!(!proof.surprises.is_empty() && proof.surprises.iter().all(opens), "{proof:#?}");
}

#[test]
fn groups_of_the_shop_keep_the_quotas() {
    let made = Lab::promoted_shop().make().expect("it compiles");
    let quotas = SecurityGroups::QUOTAS;
    for group in &made.compiled.artifacts.groups {
        for rules in [&group.ingress, &group.egress] {
            let count = RuleCount::of(rules);
            assert!(count.v4.max(count.v6) <= quotas.rules_per_direction, "{}", group.name);
        }
    }
    for one in &made.compiled.artifacts.attachments {
        assert!(one.groups.len() <= 5, "{one:?}");
    }
}

#[test]
fn nothing_is_governed_until_something_is_enforced() {
    let made = Lab::shop(Modes::Enforced).make().expect("it compiles");
    assert_eq!(made.compiled.artifacts.groups, []);
    assert_eq!(*made.compiled.artifacts.attachments, []);
    assert!(made.proof.gaps.is_empty() && made.found.is_empty());
}

#[test]
fn promoting_a_segment_alone_closes_what_only_a_rule_in_monitor_would_allow() {
    let made = Lab::shop(Modes::PromoteSegment(Name::from("cardholder"))).make().expect("compiles");
    let groups = &made.compiled.artifacts.groups;
    assert!(!groups.is_empty());
    for group in groups {
        // No rule but what a load balancer asks of its target: a healthy target stays healthy.
        let rules = group.ingress.iter().chain(&group.egress);
        assert!(rules.clone().all(|rule| rule.flows.to_string() == "tcp/8443"), "{group:?}");
    }
    assert!(
        groups.iter().any(|group| !group.ingress.is_empty()),
        "the payments' targets are asked"
    );
    assert!(made.proof.holds(), "{:#?}", made.proof.unexplained);
}

#[test]
fn what_security_groups_cannot_filter_is_a_gap_that_names_the_rule() {
    let made = Lab::promoted_shop().make().expect("it compiles");
    let over: Vec<_> = made.proof.of(GapKind::Over).collect();
    let unfilterable = |gap: &&&watertight_compile::Gap| gap.reason == Reason::Unfilterable;
    let metadata = over.iter().filter(unfilterable).find(|gap| {
        gap.to.contains(&String::from("169.254.169.254"))
            && gap.from.iter().any(|name| name.starts_with("ai-agent"))
    });
    let metadata = metadata.expect("agents reach the metadata service, whatever a guardrail says");
    assert!(metadata.rules.iter().any(|rule| rule.text.contains("agents never")), "{metadata:?}");
    let reasons: BTreeSet<Reason> = over.iter().map(|gap| gap.reason).collect();
    assert!(reasons.contains(&Reason::L7), "{reasons:?}");
    // The resolver answers past every group too, and that is what every policy lets through.
    assert!(!over.iter().filter(unfilterable).any(|gap| gap.place.contains("resolver")));
}

/// "denied everything but failsafe": the resolver answers who is in quarantine all the same.
#[test]
fn the_resolver_of_who_is_in_quarantine_is_a_gap() {
    let made = Lab::promoted_shop_with(
        "apiVersion: watertight.io/v1alpha1\nkind: Labeling\nmetadata: {name: cut-off}\nspec:\n  \
         rules:\n  - {when: {name: [web-1]}, labels: {watertight.io/quarantine: \"yes\"}}\n",
    );
    let made = made.make().expect("it compiles");
    let resolver = |gap: &&watertight_compile::Gap| gap.place.contains("resolver");
    let gaps: Vec<_> = made.proof.of(GapKind::Over).filter(resolver).collect();
    assert!(!gaps.is_empty());
    for gap in gaps {
        assert_eq!(*gap.from, ["web-1"], "{gap:?}");
        assert_eq!(gap.over, "tcp/53; udp/53", "{gap:?}");
        assert!(gap.rules.iter().all(|rule| rule.text == "quarantine"), "{gap:?}");
    }
}

/// What a user lists as failsafe is written where nothing else would be, in quarantine too.
#[test]
fn failsafe_tuples_are_written_into_groups() {
    let listed = "apiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {name: desk}\nspec:\n  \
         failsafe:\n  - {from: [{addresses: [192.0.2.0/28]}], to: [{segment: cardholder}], \
         over: [{tcp: 2222}]}\n";
    let into = |more: &str| -> BTreeSet<String> {
        let made = Lab::promoted_shop_with(more).make().expect("it compiles");
        assert!(made.proof.holds(), "{:#?}", made.proof.unexplained);
        let rules = made.compiled.artifacts.groups.iter();
        let desk = rules.filter(|group| {
            group.ingress.iter().any(|rule| {
                rule.flows.to_string() == "tcp/2222"
                    && matches!(&rule.peer, RulePeer::Prefix(prefix) if prefix.to_string() == "192.0.2.0/28")
            })
        });
        desk.flat_map(|group| group.segments.iter().map(ToString::to_string)).collect()
    };
    assert_eq!(into(""), BTreeSet::new());
    assert_eq!(into(listed), BTreeSet::from(["cardholder".to_owned()]));
}

#[test]
fn the_same_estate_and_policy_give_the_same_bytes() {
    let bytes = || {
        let lab = Lab::promoted_shop();
        let artifacts = lab.make().expect("it compiles").compiled.artifacts;
        lab.with(|_, plane| plane.render(&artifacts))
    };
    assert_eq!(bytes(), bytes());
}

/// What an account is told with which subnets are shared is a part of a route table, and counts where nobody
/// else tells it: then it is asked of the same account again.
#[test]
fn ways_are_read_from_whoever_owns_them_or_from_whoever_tells() {
    let (owner, other) = ("111122223333", "444455556666");
    let reads = |lab: &Lab| {
        let made = lab.make().expect("it compiles");
        let reads = lab.with(|_, plane| plane.reads(&made.compiled.artifacts));
        let ways = reads.into_iter().filter(|one| one.what == ReadKind::Routes);
        ways.collect::<Vec<_>>()
    };
    let plain = reads(&Lab::promoted_shop());
    let of = |all: &[watertight_compile::Read], account: &str| {
        let own = all.iter().filter(|one| one.account == account);
        own.map(|one| one.id.clone()).collect::<BTreeSet<String>>()
    };
    let (own, others) = (of(&plain, owner), of(&plain, other));
    assert!(own.len() > 3, "{plain:#?}");
    let mut lab = Lab::promoted_shop();
    let is_table = |path: &str| path.contains(owner) && path.contains("ec2-describe-route-tables");
    let place = lab.bodies.iter().position(|one| is_table(&one.path)).unwrap();
    let path = lab.bodies[place].path.replace(owner, other);
    let shared = body(10_000, &path, lab.bodies[place].tree.root().raw());
    lab.bodies.push(shared);
    assert_eq!(reads(&lab), plain);
    lab.bodies.remove(place);
    let alone = reads(&lab);
    assert_eq!(of(&alone, other), own.union(&others).cloned().collect());
    assert_eq!(alone.len(), plain.len());
}
