//! The language as `docs/reference/policy.md` has it: what is read, and what it is checked into.

use crate::support::{checked, diagnostics, document, sound};
use watertight_model::{Labels, Name, Truth};
use watertight_net::FlowSet;
use watertight_policy::checked::{
    Action, Conditions, DefaultAction, End, FaultMode, LoweringChoice, Mode, PathMatch, Reach,
    SegmentId, Tier,
};
use watertight_policy::{CheckedPolicy, Timestamp};

const EXAMPLE: &str = "
apiVersion: watertight.io/v1alpha1
kind: Segment
metadata: {name: cardholder}
spec:
  members: {matchLabels: {data: cardholder}}
  mode: monitor
  defaults: {ingress: deny, egress: deny, intra: deny}
  criticality: crown-jewel
---
apiVersion: watertight.io/v1alpha1
kind: Policy
metadata: {name: checkout-charges-cards, owner: payments, ticket: SEC-1423}
spec:
  tier: standard
  mode: enforce
  expires: 2027-01-31T00:00:00Z
  rules:
  - action: allow
    from: [{matchLabels: {app: checkout, env: prod}}]
    to:   [{segment: cardholder, matchLabels: {app: payments}}]
    through: [{matchLabels: {name: payments-alb}}]
    over: [{tcp: 8443, http: [{methods: [POST], path: /v1/charges}]}]
  - action: allow
    from: [{matchLabels: {app: payments}}]
    to:   [{domains: [api.stripe.com]}]
    over: [{tls: 443}]
";

fn conditions(end: &End) -> &Conditions {
    match end {
        End::Conditions(conditions) => conditions,
        other => panic!("{other:?}"),
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| (Name::from(*key), Name::from(*value))).collect()
}

/// Whether a peer's workloads hold one with these labels.
fn holds(policy: &CheckedPolicy, end: &End, pairs: &[(&str, &str)]) -> Truth {
    let id = conditions(end).workloads.unwrap();
    policy.memberships(&labels(pairs))[id.index()]
}

#[test]
fn the_example_of_the_page_is_read() {
    let policy = sound(EXAMPLE);
    let [estate, cardholder] = &*policy.segments else { panic!("{:?}", policy.segments) };
    assert_eq!((&*estate.name, &*cardholder.name), ("estate", "cardholder"));
    assert_eq!(cardholder.mode, Mode::Monitor);
    let [checkout] = &*policy.policies else { panic!("{:?}", policy.policies) };
    assert_eq!((checkout.tier, checkout.mode), (Tier::Standard, Mode::Enforce));
    assert_eq!(checkout.expires, "2027-01-31T00:00:00Z".parse().ok());
    assert_eq!(checkout.owner.as_deref(), Some("payments"));
    assert_eq!(checkout.ticket.as_deref(), Some("SEC-1423"));
    let [charge, stripe] = &*checkout.rules else { panic!() };
    assert_eq!(charge.action, Action::Allow);
    assert_eq!(charge.flows(), "tcp/8443".parse::<FlowSet>().unwrap());
    let http = &charge.over[0].http[0];
    assert_eq!(&*http.methods[0].value, "POST");
    assert_eq!(http.path.as_ref().unwrap().value, PathMatch::Exact(Name::from("/v1/charges")));
    assert_eq!(charge.through.len(), 1);
    assert!(stripe.over[0].tls);
    assert_eq!(conditions(&stripe.to[0].end).domains[0].name(), "api.stripe.com");
}

/// "A YAML file holds one or more documents; a JSON file holds one, or an array of them."
#[test]
fn json_says_what_yaml_says() {
    let json = r#"[{"apiVersion": "watertight.io/v1alpha1", "kind": "Group",
        "metadata": {"name": "web"}, "spec": {"members": [{"matchLabels": {"app": "web"}}]}}]"#;
    let rule =
        document("Policy", "p", "{rules: [{action: allow, from: [{group: web}], to: [any]}]}");
    let (policy, text) = checked(&[("web.json", json), ("rule.yaml", &rule)]);
    let policy = policy.unwrap_or_else(|| panic!("{text}"));
    let from = &policy.policies[0].rules[0].from[0].end;
    assert_eq!(holds(&policy, from, &[("app", "web")]), Truth::Yes);
    assert_eq!(holds(&policy, from, &[("app", "db")]), Truth::No);
}

/// "Every field of an object must hold; of a list, one entry must."
#[test]
fn fields_of_a_peer_are_all_wanted_and_entries_of_a_list_any() {
    let policy = sound(EXAMPLE);
    let to = &policy.policies[0].rules[0].to[0].end;
    let both = [("app", "payments"), ("data", "cardholder")];
    assert_eq!(holds(&policy, to, &both), Truth::Yes);
    assert_eq!(holds(&policy, to, &both[..1]), Truth::No);
    assert_eq!(holds(&policy, to, &both[1..]), Truth::No);
    assert_eq!(conditions(to).segment, Some(SegmentId(1)));
    let any = document("Group", "g", "{members: [{matchLabels: {a: x}}, {matchLabels: {a: y}}]}")
        + &document("Policy", "p", "{rules: [{action: deny, from: [{group: g}], to: [any]}]}");
    let policy = sound(&any);
    let from = &policy.policies[0].rules[0].from[0].end;
    assert_eq!(holds(&policy, from, &[("a", "y")]), Truth::Yes);
    assert_eq!(holds(&policy, from, &[("a", "z")]), Truth::No);
}

/// "the operators are `In`, `NotIn`, `Exists`, `DoesNotExist`".
#[test]
fn expressions_are_those_of_kubernetes() {
    let rule = |expression: &str| {
        let from = format!("{{matchExpressions: [{{key: env, {expression}}}]}}");
        let spec = format!("{{rules: [{{action: allow, from: [{from}], to: [any]}}]}}");
        sound(&document("Policy", "p", &spec))
    };
    let cases = [
        ("operator: In, values: [dev, test]", [false, true, false]),
        ("operator: NotIn, values: [dev, test]", [true, false, true]),
        ("operator: Exists", [false, true, true]),
        ("operator: DoesNotExist", [true, false, false]),
    ];
    for (expression, expected) in cases {
        let policy = rule(expression);
        let end = &policy.policies[0].rules[0].from[0].end;
        let answers = [&[][..], &[("env", "dev")], &[("env", "prod")]]
            .map(|labels| holds(&policy, end, labels) == Truth::Yes);
        assert_eq!(answers, expected, "{expression}");
    }
}

/// Segment, "when it is not written".
#[test]
fn what_a_segment_does_not_say_is_closed() {
    let policy = sound(&document(
        "Segment",
        "s",
        "{members: {matchLabels: {a: b}}, defaults: {egress: allow}, onFault: {mapFull: open}}",
    ));
    let segment = &policy.segments[1];
    assert_eq!(segment.ingress, DefaultAction::Deny);
    assert_eq!(segment.egress, DefaultAction::Allow);
    assert_eq!(segment.intra, DefaultAction::Deny);
    assert_eq!(segment.mode, Mode::Monitor);
    assert_eq!(segment.on_fault.map_full, FaultMode::Open);
    assert_eq!(segment.on_fault.stale_identity, FaultMode::Closed);
}

/// "The segment `estate` is always there and holds every workload. Until a document of that name says
/// otherwise it is in `monitor` and its defaults are `allow`. It cannot be given members."
#[test]
fn the_segment_estate_is_there_and_can_be_changed() {
    let unchanged = sound(&document("Group", "g", "{members: [{segment: estate}]}"));
    let estate = &unchanged.segments[0];
    assert_eq!((estate.mode, estate.ingress), (Mode::Monitor, DefaultAction::Allow));
    assert_eq!(unchanged.memberships(&labels(&[]))[estate.members.index()], Truth::Yes);
    let changed =
        sound(&document("Segment", "estate", "{mode: enforce, defaults: {ingress: deny}}"));
    let [estate] = &*changed.segments else { panic!() };
    assert_eq!((estate.mode, estate.ingress), (Mode::Enforce, DefaultAction::Deny));
    assert_eq!(estate.egress, DefaultAction::Allow);
    let members = diagnostics(&document("Segment", "estate", "{members: {matchLabels: {a: b}}}"));
    assert!(members.contains("error[WT0314]"), "{members}");
}

/// "Without `over` a rule is about every packet of every protocol, ICMP among them."
#[test]
fn clauses_are_packets_with_conditions() {
    let over = |over: &str| {
        let spec = format!("{{rules: [{{action: allow, from: [any], to: [any]{over}}}]}}");
        sound(&document("Policy", "p", &spec)).policies[0].rules[0].over.to_vec()
    };
    let all = over("");
    assert!(all[0].flows.is_all() && !all[0].has_conditions());
    let tls = over(", over: [{tls: 443}]");
    assert_eq!((tls[0].flows.to_string().as_str(), tls[0].tls), ("tcp/443", true));
    let cases = [
        ("tcp: [22, 8000-8999, '80']", "tcp/22,80,8000-8999"),
        ("udp: all", "udp"),
        ("sctp: 1", "sctp/1"),
        ("icmp: {type: 8, code: 0}", "icmp/8/0"),
        ("icmp: {type: 8}", "icmp/8"),
        ("icmpv6: all", "icmpv6"),
        ("protocol: gre", "gre"),
        ("protocol: 17", "udp"),
    ];
    for (clause, flows) in cases {
        let expected: FlowSet = flows.parse().unwrap();
        assert_eq!(over(&format!(", over: [{{{clause}}}]"))[0].flows, expected, "{clause}");
    }
}

#[test]
fn services_are_expanded_through_services() {
    let text = document("Service", "web", "{over: [{tcp: 80}, {service: secure}]}")
        + &document("Service", "secure", "{over: [{tls: 443}]}")
        + &document(
            "Policy",
            "p",
            "{rules: [{action: allow, from: [any], to: [any], over: [{service: web}, {udp: 443}]}]}",
        );
    let policy = sound(&text);
    let over = &policy.policies[0].rules[0].over;
    let flows: Vec<String> = over.iter().map(|clause| clause.flows.to_string()).collect();
    assert_eq!(flows, ["tcp/80", "tcp/443", "udp/443"]);
    assert_eq!(over.iter().map(|clause| clause.tls).collect::<Vec<_>>(), [false, true, false]);
}

/// "a `feed`: a file with a prefix a line, named relative to the document's file".
#[test]
fn addresses_come_from_the_text_and_from_a_feed() {
    let text = document("Addresses", "partners", "{prefixes: [192.0.2.0/24], feed: feed.txt}")
        + &document(
            "Policy",
            "p",
            "{rules: [{action: allow, from: [{addresses: [partners, 10.0.0.0/8], network: vpc-1}], to: [any]}]}",
        );
    let feed = "# partners\n198.51.100.0/25 # one\n\n2001:db8::/32\n";
    let (policy, text) = checked(&[("p.yaml", &text), ("feed.txt", feed)]);
    let policy = policy.unwrap_or_else(|| panic!("{text}"));
    let from = conditions(&policy.policies[0].rules[0].from[0].end);
    let prefixes: Vec<String> =
        from.addresses.as_ref().unwrap().prefixes().iter().map(ToString::to_string).collect();
    assert_eq!(prefixes, ["10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/25", "2001:db8::/32"]);
    assert_eq!(from.network.as_deref(), Some("vpc-1"));
    let (_, bad) = checked(&[("p.yaml", &text), ("feed.txt", "10.0.0.1/8\n")]);
    assert!(bad.is_empty(), "the text of diagnostics is no policy: {bad}");
}

#[test]
fn a_feed_is_checked_line_by_line_and_must_be_there() {
    let text = document("Addresses", "partners", "{feed: feed.txt}");
    let (policy, bad) = checked(&[("p.yaml", &text), ("feed.txt", "10.0.0.0/8\n10.0.0.1/8\n")]);
    assert!(policy.is_none());
    assert!(bad.starts_with("feed.txt:2:1: error[WT0309]"), "{bad}");
    let (_, absent) = checked(&[("p.yaml", &text)]);
    assert!(absent.contains("error[WT0322]: the feed `feed.txt` is not there"), "{absent}");
}

/// "From the instant of its expiry on a policy takes no part".
#[test]
fn a_policy_lives_until_the_instant_of_its_expiry() {
    let policy = sound(EXAMPLE);
    let policy = &policy.policies[0];
    let Timestamp(end) = policy.expires.unwrap();
    assert!(policy.is_live(Timestamp(end - 1)));
    assert!(!policy.is_live(Timestamp(end)));
}

/// "Guardrails: policies by ascending `order`", then standard, then baseline.
#[test]
fn policies_are_sorted_by_tier_and_order() {
    let policy = |name: &str, tier: &str, order: &str| {
        let rules = "rules: [{action: deny, from: [any], to: [any], over: [{tcp: 23}]}]";
        document("Policy", name, &format!("{{tier: {tier}{order}, {rules}}}"))
    };
    let text = policy("e", "baseline", ", order: 1")
        + &policy("d", "standard", "")
        + &policy("a", "guardrail", ", order: 20")
        + &policy("b", "guardrail", ", order: -5")
        + &policy("c", "standard", "");
    let checked = sound(&text);
    let names: Vec<&str> = checked.policies.iter().map(|policy| &*policy.name).collect();
    assert_eq!(names, ["b", "a", "c", "d", "e"]);
}

/// Policy, `lowering`: "`widen`, `widen`, `widen`, `close`, `refuse`".
#[test]
fn lowering_has_defaults_that_a_policy_may_set() {
    let spec = "{lowering: {domains: refuse}, rules: [{action: allow, from: [any], to: [any]}]}";
    let policy = sound(&document("Policy", "p", spec));
    let lowering = policy.policies[0].lowering;
    assert_eq!(lowering.domains, LoweringChoice::Refuse);
    assert_eq!(lowering.requests, LoweringChoice::Widen);
    assert_eq!(lowering.deny, LoweringChoice::Refuse);
}

/// "`reach`, which is `direct`, `front` (when it is not written) or `any`".
#[test]
fn assertions_are_of_four_kinds_and_reach_through_fronts() {
    for kind in ["never", "always", "onlyFrom", "onlyTo"] {
        let spec = format!("{{{kind}: {{from: [any], to: [internet], over: [{{tcp: 22}}]}}}}");
        let policy = sound(&document("Assertion", "a", &spec));
        let [assertion] = &*policy.assertions else { panic!() };
        assert_eq!(assertion.kind.word(), kind);
        assert_eq!(assertion.reach, Reach::Front);
        assert_eq!(assertion.to[0].end, End::Internet);
    }
}

/// "What a Labeling gives is trusted only if all that it looks at is".
#[test]
fn a_labeling_is_claimed_where_it_rests_on_names_or_tags() {
    let rule = |when: &str| {
        let spec = format!("{{rules: [{{when: {{{when}}}, labels: {{env: prod}}}}]}}");
        sound(&document("Labeling", "l", &spec)).labelings[0].1.rules[0].when.is_claimed()
    };
    assert!(rule("name: ['web-*']"));
    assert!(rule("account: ['1234'], tags: {Env: 'prod*'}"));
    assert!(!rule("account: ['1234'], subnet: [subnet-1], addresses: [10.0.0.0/8]"));
}

#[test]
fn stars_of_a_pattern_stand_for_any_characters() {
    use watertight_policy::checked::Pattern;
    let fits = |pattern: &str, text: &str| Pattern(Name::from(pattern)).matches(text);
    assert!(fits("web-*", "web-1") && fits("web-*", "web-") && !fits("web-*", "a-web-1"));
    assert!(fits("*-db-*", "prod-db-1") && !fits("*-db-*", "prod-db"));
    assert!(fits("a*b*a", "aba") && !fits("a*a", "a") && fits("*", ""));
    assert!(fits("exact", "exact") && !fits("exact", "exactly"));
}

/// "Two rules of different action, in different policies of one tier and one order, that some labels
/// could match both are an error".
#[test]
fn rules_that_no_labels_can_match_both_do_not_conflict() {
    let of = |name: &str, order: i64, action: &str, from: &str, to: &str, over: &str| {
        let rule = format!("{{action: {action}, from: [{from}], to: [{to}], over: [{over}]}}");
        let spec = format!("{{tier: baseline, order: {order}, rules: [{rule}]}}");
        document("Policy", name, &spec)
    };
    let dev = "{matchLabels: {env: dev}}";
    let all = "{protocol: 6}";
    let deny = of("a", 1, "deny", dev, "any", all);
    let conflicts = |other: String| diagnostics(&(deny.clone() + &other)).matches("WT0318").count();
    let prod = "{matchLabels: {env: prod}}";
    let not_dev = "{matchExpressions: [{key: env, operator: NotIn, values: [dev]}]}";
    let no_env = "{matchExpressions: [{key: env, operator: DoesNotExist}]}";
    let web = "{matchLabels: {app: web}}";
    assert_eq!(conflicts(of("b", 1, "allow", web, "any", all)), 1, "other labels");
    assert_eq!(conflicts(of("b", 1, "allow", "any", "internet", all)), 1, "any");
    assert_eq!(conflicts(of("b", 1, "allow", "{addresses: [10.0.0.0/8]}", "any", all)), 1);
    assert_eq!(conflicts(of("b", 1, "allow", "internet", "any", all)), 0, "no workload");
    assert_eq!(conflicts(of("b", 1, "allow", prod, "any", all)), 0, "another value");
    assert_eq!(conflicts(of("b", 1, "allow", not_dev, "any", all)), 0, "not that value");
    assert_eq!(conflicts(of("b", 1, "allow", no_env, "any", all)), 0, "no value");
    assert_eq!(conflicts(of("b", 1, "allow", dev, "any", "{udp: 53}")), 0, "other packets");
    assert_eq!(conflicts(of("b", 2, "allow", dev, "any", all)), 0, "another order");
    assert_eq!(conflicts(of("b", 1, "deny", dev, "any", all)), 0, "the same action");
}
