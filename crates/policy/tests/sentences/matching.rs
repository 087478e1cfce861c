//! Ends and matching.

use std::net::IpAddr;

use watertight_net::{Flow, Prefix};
use watertight_policy::Timestamp;
use watertight_policy::decide::{Binding, End};

use crate::scene::{
    DATA, DB, EDGE, NOW, Scene, TWIN, WEB, is_counted, nobody, one, outside, policy,
};

const FLOW: Flow = Flow::tcp(40_000, 443);

/// The data segment, and one rule of one action from or to a peer.
fn to_data(action: &str, from: &str) -> Scene {
    let rule = format!("{{action: {action}, from: [{from}], to: [{{segment: data}}]}}");
    Scene::new(&format!("{DATA}{}", policy("p", "mode: enforce", &[&rule])))
}

fn from_data(to: &str) -> Scene {
    let rule = format!("{{action: allow, from: [{{segment: data}}], to: [{to}]}}");
    Scene::new(&format!("{DATA}{}", policy("p", "mode: enforce", &[&rule])))
}

/// "Selectors, segments and groups match workloads only: an outside atom is `no` for every selector,
/// `NotIn` and `DoesNotExist` included".
#[test]
fn no_selector_matches_an_outside_address() {
    for operator in
        ["{key: app, operator: NotIn, values: [x]}", "{key: app, operator: DoesNotExist}"]
    {
        let scene = to_data("allow", &format!("{{matchExpressions: [{operator}]}}"));
        assert_eq!(scene.ask(outside("192.0.2.7/32"), one(DB), FLOW), "deny: data ingress");
    }
}

/// "Selectors, segments and groups match workloads only": nobody outside is of a segment or a group, also
/// where that holds every workload.
#[test]
fn no_segment_and_no_group_holds_an_outside_address() {
    let group = "apiVersion: watertight.io/v1alpha1\nkind: Group\nmetadata: {name: all}\n\
                 spec: {members: [{matchLabels: {}}]}\n---\n";
    for peer in ["{segment: estate}", "{group: all}", "{matchLabels: {}}"] {
        let rule = format!("{{action: allow, from: [{peer}], to: [{{segment: data}}]}}");
        let rule = policy("p", "mode: enforce", &[&rule]);
        let scene = Scene::new(&format!("{DATA}{group}{rule}"));
        assert_eq!(scene.ask(one(WEB), one(DB), FLOW), "allow: p/0", "{peer}");
        assert_eq!(scene.ask(outside("192.0.2.7/32"), one(DB), FLOW), "deny: data ingress");
        let unknown = scene.ask(nobody("10.0.0.99"), one(DB), FLOW);
        let is_maybe = unknown.starts_with("deny: data ") && unknown.ends_with(", assumed");
        assert!(is_maybe, "{peer}: {unknown}");
    }
}

/// "Group, Service, Addresses, Domains: named selectors, protocol/port sets, CIDR sets, DNS names": by its name each
/// says what it says where it stands.
#[test]
fn sets_that_have_names_are_what_they_hold() {
    let document = |kind: &str, name: &str, spec: &str| {
        format!(
            "apiVersion: watertight.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n\
             spec: {{{spec}}}\n---\n"
        )
    };
    let sets = document("Group", "pages", "members: [{matchLabels: {app: web}}]")
        + &document("Service", "secure", "over: [{tcp: 443}]")
        + &document("Addresses", "office", "prefixes: [192.0.2.0/24]")
        + &document("Domains", "partners", "names: ['*.example.com']");
    let rules = [
        "{action: allow, from: [{group: pages}], to: [{segment: data}], over: [{service: secure}]}",
        "{action: allow, from: [{addresses: [office]}], to: [{segment: data}], over: [{tcp: 22}]}",
        "{action: allow, from: [{segment: data}], to: [{domains: [partners]}]}",
    ];
    let mut scene = Scene::new(&format!("{sets}{DATA}{}", policy("p", "mode: enforce", &rules)));
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: p/0");
    assert_eq!(scene.tcp(WEB, DB, 80), "deny: data ingress");
    assert_eq!(scene.tcp(EDGE, DB, 443), "deny: data intra");
    let ssh = Flow::tcp(40_000, 22);
    assert_eq!(scene.ask(outside("192.0.2.7/32"), one(DB), ssh), "allow: p/1");
    assert_eq!(scene.ask(outside("198.18.0.1/32"), one(DB), ssh), "deny: data ingress");
    let address = "203.0.113.9".parse().expect("an address");
    let until = Timestamp(NOW.0 + 1);
    scene.bindings = vec![Binding { asker: DB, name: "a.example.com".into(), address, until }];
    assert_eq!(scene.ask(one(DB), outside("203.0.113.9/32"), FLOW), "allow: p/2");
    assert_eq!(scene.ask(one(DB), outside("203.0.113.8/32"), FLOW), "deny: data egress");
}

/// "public unicast space (IANA's special-purpose registries excluded, the list versioned with us)": what the list
/// of 2026-01 keeps from the public, at the first and the last address of each block, and just outside of it.
#[test]
fn the_internet_is_without_special_purposes() {
    let scene = to_data("allow", "internet");
    let word = |address: IpAddr| {
        let host = Prefix::host(address).to_string();
        scene.decision(outside(&host), one(DB), FLOW).outcome.word()
    };
    let blocks = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    ];
    let blocks = blocks.map(|text| text.parse::<Prefix>().expect("a prefix"));
    let is_special = |address: IpAddr| blocks.iter().any(|block| block.contains(address));
    let mut beside = 0;
    for block in blocks {
        let (first, last) = (block.first(), block.last());
        assert_eq!((word(first), word(last)), ("deny", "deny"), "{block}");
        let number = |address: IpAddr| match address {
            IpAddr::V4(v4) => Some(u32::from(v4)),
            IpAddr::V6(_) => None,
        };
        let before = number(first).and_then(|one| one.checked_sub(1));
        let around = [before, number(last).and_then(|one| one.checked_add(1))];
        for address in around.into_iter().flatten().map(|bits| IpAddr::V4(bits.into())) {
            let expected = if is_special(address) { "deny" } else { "allow" };
            assert_eq!(word(address), expected, "{address}");
            beside += usize::from(expected == "allow");
        }
    }
    assert_eq!(
        beside, 18,
        "both sides of each block but the ends of the space and between the last two"
    );
    // Of IPv6, all that is unicast and public is in one block.
    for special in
        ["::1", "fe80::1", "fc00::1", "fdff::1", "64:ff9b::1", "100::1", "1fff:ffff::", "4000::"]
    {
        assert_eq!(word(special.parse().expect("an address")), "deny", "{special}");
    }
    for public in ["2600::1", "2000::", "3fff:ffff:ffff::"] {
        assert_eq!(word(public.parse().expect("an address")), "allow", "{public}");
    }
    let page = include_str!("../../../../docs/reference/decisions.md");
    assert!(
        page.contains("registries keep private or local, as of 2026-01."),
        "the page says which"
    );
}

/// "an unknown end, or candidates that differ, is `maybe`", and "`maybe` counts as yes for `deny` and
/// as no for `allow` and `pass`; the decision carries what it assumed."
#[test]
fn what_may_match_counts_against_the_flow_and_is_told() {
    let peer = "{matchLabels: {app: web}}";
    let differ = || End::workload(vec![WEB, DB]);
    for end in [nobody("10.0.0.99"), differ()] {
        let allow = to_data("allow", peer).decision(end.clone(), one(EDGE), FLOW);
        assert_eq!(allow.outcome.word(), "deny");
        assert!(is_counted(&allow, false), "{allow:?}");
        let deny = to_data("deny", peer).decision(end, one(EDGE), FLOW);
        assert!(is_counted(&deny, true), "{deny:?}");
    }
    let agree = to_data("allow", peer).decision(End::workload(vec![WEB, TWIN]), one(DB), FLOW);
    assert_eq!((agree.outcome.word(), agree.assumed.len()), ("allow", 0));
}

/// "`addresses` match whatever holds the address, in the named network".
#[test]
fn addresses_match_whatever_holds_them_in_the_named_network() {
    let scene = to_data("allow", "{addresses: [10.0.0.0/28], network: vpc-a}");
    assert_eq!(scene.ask(one(WEB), one(DB), FLOW), "allow: p/0");
    assert_eq!(scene.ask(one(TWIN), one(DB), FLOW), "deny: data ingress");
    assert_eq!(scene.ask(nobody("10.0.0.9"), one(DB), FLOW), "allow: p/0");
    let scene = to_data("allow", "{addresses: [192.0.2.0/24]}");
    assert_eq!(scene.ask(outside("192.0.2.7/32"), one(DB), FLOW), "allow: p/0");
}

/// "`internet` is public unicast space ... less the public addresses of estate workloads, which are
/// those workloads, and less `provider` services. `any` is everything."
#[test]
fn the_internet_is_public_space_without_the_estate_and_without_services() {
    let scene = to_data("allow", "internet");
    let mut answers = Vec::new();
    for prefix in ["192.0.2.7/32", "203.0.113.5/32", "198.51.100.1/32", "10.9.9.9/32"] {
        answers.push(scene.decision(outside(prefix), one(DB), FLOW).outcome.word());
    }
    assert_eq!(answers, ["allow", "deny", "deny", "deny"]);
    assert_eq!(scene.ask(one(EDGE), one(DB), FLOW), "deny: data intra");
    let scene = to_data("allow", "any");
    assert_eq!(scene.ask(outside("10.9.9.9/32"), one(DB), FLOW), "allow: p/0");
}

/// A provider's service is its addresses; where nobody tells them, any public address may be it.
#[test]
fn a_provider_service_is_where_it_answers() {
    let scene = from_data("{provider: [aws.s3]}");
    assert_eq!(scene.ask(one(DB), outside("198.51.100.1/32"), FLOW), "allow: p/0");
    assert_eq!(scene.ask(one(DB), outside("192.0.2.7/32"), FLOW), "deny: data egress");
    let scene = from_data("{provider: [aws.sqs]}");
    let decision = scene.decision(one(DB), outside("192.0.2.7/32"), FLOW);
    assert!(is_counted(&decision, false), "{decision:?}");
}

/// "`Users` | user groups (by identity provider group or access address pool)": whoever is in one of the
/// groups, from wherever, and whoever comes from the pool.
#[test]
fn users_are_known_by_their_group_or_by_their_pool() {
    let scene = |action: &str, spec: &str| {
        let users = format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Users\nmetadata: {{name: staff}}\nspec: {{{spec}}}\n---\n"
        );
        let rule =
            format!("{{action: {action}, from: [{{users: [staff]}}], to: [{{segment: data}}]}}");
        Scene::new(&format!("{DATA}{users}{}", policy("p", "mode: enforce", &[&rule])))
    };
    let person = |prefix: &str, groups: &[&str]| End {
        groups: Some(groups.iter().map(|group| (*group).into()).collect()),
        ..outside(prefix)
    };
    let ask = |scene: &Scene, prefix: &str, groups: &[&str]| {
        scene.ask(person(prefix, groups), one(DB), FLOW)
    };
    let both = scene("allow", "groups: [staff@idp], pools: [203.0.113.128/28]");
    assert_eq!(ask(&both, "192.0.2.7/32", &["guests@idp", "staff@idp"]), "allow: p/0");
    assert_eq!(ask(&both, "203.0.113.130/32", &[]), "allow: p/0");
    assert_eq!(ask(&both, "192.0.2.7/32", &["guests@idp"]), "deny: data ingress");
    // Of addresses that are partly in the pool, nobody can tell.
    assert_eq!(ask(&both, "203.0.113.0/24", &[]), "deny: data ingress, assumed");
    let by_group = scene("deny", "groups: [staff@idp]");
    assert_eq!(ask(&by_group, "192.0.2.7/32", &["staff@idp"]), "deny: p/0");
    assert_eq!(ask(&by_group, "192.0.2.7/32", &["guests@idp"]), "deny: data ingress");
    let by_pool = scene("deny", "pools: [203.0.113.128/28]");
    assert_eq!(ask(&by_pool, "203.0.113.130/32", &["staff@idp"]), "deny: p/0");
    assert_eq!(ask(&by_pool, "203.0.113.0/24", &[]), "deny: p/0, assumed");
}

/// "`maybe` counts as yes for `deny` and as no for `allow` and `pass`": where nothing tells who is signed in, each
/// end may be one of a group, a workload too. A denial of people by groups once denied nobody there.
#[test]
fn whoever_may_be_signed_in_is_denied_and_not_allowed() {
    let scene = |action: &str, spec: &str, also: &str| {
        let users = format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Users\nmetadata: {{name: staff}}\nspec: {{{spec}}}\n---\n"
        );
        let allow = "{action: allow, from: [any], to: [{segment: data}]}";
        let rule = format!(
            "{{action: {action}, from: [{{users: [staff]{also}}}], to: [{{segment: data}}]}}"
        );
        let rules: &[&str] = if action == "deny" { &[allow, &rule] } else { &[&rule] };
        Scene::new(&format!("{DATA}{users}{}", policy("p", "mode: enforce", rules)))
    };
    let by_group = "groups: [staff@idp]";
    let person = || outside("192.0.2.7/32");
    let deny = scene("deny", by_group, "");
    assert_eq!(deny.ask(person(), one(DB), FLOW), "deny: p/1, assumed");
    assert_eq!(deny.ask(one(WEB), one(DB), FLOW), "deny: p/1, assumed");
    let signed_out = End { groups: Some(Vec::new()), ..one(WEB) };
    assert_eq!(deny.ask(signed_out, one(DB), FLOW), "allow: p/0");
    let allow = scene("allow", by_group, "");
    assert_eq!(allow.ask(person(), one(DB), FLOW), "deny: data ingress, assumed");
    // What else the peer asks for says at which ends they may be.
    let there = scene("deny", by_group, ", matchLabels: {app: web}");
    assert_eq!(there.ask(one(WEB), one(DB), FLOW), "deny: p/1, assumed");
    assert_eq!(there.ask(person(), one(DB), FLOW), "allow: p/0");
    // Pools say where they are: they stand for the groups where nothing tells those.
    let with_pool = scene("deny", "groups: [staff@idp], pools: [203.0.113.128/28]", "");
    assert_eq!(with_pool.ask(person(), one(DB), FLOW), "allow: p/0");
    assert_eq!(with_pool.ask(outside("203.0.113.130/32"), one(DB), FLOW), "deny: p/1");
}

/// "Instance metadata is never implied: it needs `to: [{metadata: instance}]`."
#[test]
fn metadata_is_reached_by_name_alone() {
    let metadata = || outside("169.254.169.254/32");
    assert_eq!(from_data("internet").ask(one(DB), metadata(), FLOW), "deny: data egress");
    assert_eq!(from_data("{metadata: instance}").ask(one(DB), metadata(), FLOW), "allow: p/0");
}

/// "`domains` match the question name that the workload asked (...; `*.` is one or more labels, not
/// the apex) and an address bound to it in `bindings` for that asker until TTL plus grace."
#[test]
fn a_domain_matches_the_address_that_the_asker_was_told_while_it_holds() {
    let mut scene = from_data("{domains: ['*.example.com']}");
    let bound = |asker, name: &str, until| Binding {
        asker,
        name: name.into(),
        address: "192.0.2.7".parse().expect("an address"),
        until: Timestamp(until),
    };
    let ask = |scene: &Scene, address| scene.ask(one(DB), outside(address), FLOW);
    assert_eq!(ask(&scene, "192.0.2.7/32"), "deny: data egress");
    scene.bindings = vec![bound(DB, "a.b.example.com", NOW.0 + 1)];
    assert_eq!(ask(&scene, "192.0.2.7/32"), "allow: p/0");
    assert_eq!(ask(&scene, "192.0.2.8/32"), "deny: data egress");
    for other in [
        bound(DB, "a.example.com", NOW.0),
        bound(WEB, "a.example.com", NOW.0 + 1),
        bound(DB, "example.com", NOW.0 + 1),
    ] {
        scene.bindings = vec![other];
        assert_eq!(ask(&scene, "192.0.2.7/32"), "deny: data egress");
    }
}

/// "A missing `over` is every protocol and port, ICMP included."
#[test]
fn a_rule_without_over_is_about_every_packet() {
    let scene = to_data("allow", "any");
    let echo = Flow::Icmp { protocol: watertight_net::Protocol::ICMP, icmp_type: 8, icmp_code: 0 };
    for flow in [echo, Flow::udp(1, 1), Flow::Other { protocol: watertight_net::Protocol(47) }] {
        assert_eq!(scene.ask(one(WEB), one(DB), flow), "allow: p/0");
    }
}

/// "Source ports are not a policy matter."
#[test]
fn source_ports_make_no_difference() {
    let rule = "{action: allow, from: [any], to: [{segment: data}], over: [{tcp: 443}]}";
    let scene = Scene::new(&format!("{DATA}{}", policy("p", "mode: enforce", &[rule])));
    for port in [0, 1, 443, u16::MAX] {
        assert_eq!(scene.ask(one(WEB), one(DB), Flow::tcp(port, 443)), "allow: p/0");
    }
}

/// "Labelings read raw facts only, in one pass; two that disagree make the label unknown for that
/// workload."
#[test]
fn labelings_that_disagree_make_a_label_unknown() {
    let labeling = |name: &str, value: &str| {
        format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Labeling\nmetadata: {{name: {name}}}\n\
             spec: {{rules: [{{when: {{name: [web]}}, labels: {{role: {value}}}}}]}}\n---\n"
        )
    };
    let rule = "{action: allow, from: [{matchLabels: {role: a}}], to: [{segment: data}]}";
    let rest = format!("{DATA}{}", policy("p", "mode: enforce", &[rule]));
    let scene = Scene::new(&format!("{}{rest}", labeling("one", "a")));
    assert_eq!(scene.ask(one(WEB), one(DB), FLOW), "allow: p/0");
    let both = format!("{}{}{rest}", labeling("one", "a"), labeling("two", "b"));
    let decision = Scene::new(&both).decision(one(WEB), one(DB), FLOW);
    assert_eq!(decision.outcome.word(), "deny");
    assert!(is_counted(&decision, false), "{decision:?}");
}

/// "Labelings read raw facts only, in one pass": what one gives, no other sees.
#[test]
fn a_labeling_reads_no_label_that_another_gives() {
    let labeling = |name: &str, when: &str, label: &str| {
        format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Labeling\nmetadata: {{name: {name}}}\n\
             spec: {{rules: [{{when: {{{when}}}, labels: {{{label}}}}}]}}\n---\n"
        )
    };
    let of = |label: &str| {
        let rule = format!(
            "{{action: allow, from: [{{matchLabels: {{{label}}}}}], to: [{{segment: data}}]}}"
        );
        let first = labeling("first", "name: [web]", "role: front");
        let second = labeling("second", "tags: {role: front}", "zone: edge");
        let rest = format!("{DATA}{}", policy("p", "mode: enforce", &[&rule]));
        Scene::new(&format!("{first}{second}{rest}")).ask(one(WEB), one(DB), FLOW)
    };
    assert_eq!(of("role: front"), "allow: p/0");
    assert_eq!(of("zone: edge"), "deny: data ingress");
}
