//! Lint: each finding by a policy that shows it, and one near it that does not.

use watertight_net::{FlowSet, PortSet};
use watertight_policy::decide::{FrontLegs, ListenerLegs, Member, Place, TargetLegs, World};
use watertight_policy::{Documents, Feeds, Format, Linted, Timestamp, check, lint};
use watertight_source::{Diagnostic, Diagnostics, Limits, Severity, Sources};

use super::support::document;

/// 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp(1_767_225_600);

/// What is found, ordered, and where it stands.
fn said(text: &str, world: Option<&World>) -> (Vec<Diagnostic>, Sources) {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
    let file = sources.add("policy.yaml", text).unwrap();
    let mut documents = Documents::default();
    let contents = sources.contents(file);
    documents.read(file, contents, Format::Yaml, &Limits::default(), &mut diagnostics);
    let policy = check(&documents, &Feeds::new(), &mut diagnostics)
        .unwrap_or_else(|| panic!("{:?}\n{text}", diagnostics.kept()));
    lint(&Linted { documents: &documents, policy: &policy, world, now: NOW }, &mut diagnostics);
    (diagnostics.into_sorted(), sources)
}

/// The codes of what is found, each with its line, and with the lines of the others that it names.
fn found(text: &str, world: Option<&World>) -> Vec<String> {
    let (diagnostics, sources) = said(text, world);
    let line = |span: watertight_source::Span| sources.position(span.file, span.start).line;
    let mut found = Vec::new();
    for one in diagnostics {
        let is_error = one.severity == Severity::Error;
        assert_eq!(is_error, ["WT0343", "WT0345"].contains(&one.code.as_str()), "{one:?}");
        let others: Vec<String> =
            one.related.iter().map(|(span, _)| format!(" {}", line(*span))).collect();
        found.push(format!("{} {}{}", one.code, line(one.span().unwrap()), others.concat()));
    }
    found
}

fn alone(text: &str) -> Vec<String> {
    found(text, None)
}

/// A policy whose first rule stands in its seventh line.
fn policy(spec: &str, rules: &[&str]) -> String {
    let rules: Vec<String> = rules.iter().map(|rule| format!("  - {rule}\n")).collect();
    let name = format!("p{}", spec.len());
    document("Policy", &name, &format!("\n  {spec}\n  rules:\n{}", rules.concat()))
        .replace("owner: me", "owner: us")
}

const NARROW: &str = "{action: allow, from: [{matchLabels: {app: web, env: prod}}], to: [internet], over: [{tcp: 443}]}";
const WIDE: &str =
    "{action: allow, from: [{matchLabels: {app: web}}], to: [internet], over: [{tcp: 400-500}]}";

#[test]
fn a_rule_that_others_make_needless_is_redundant() {
    assert_eq!(alone(&policy("mode: enforce", &[NARROW, WIDE])), ["WT0332 8 9"]);
    assert_eq!(alone(&policy("mode: enforce", &[NARROW, NARROW])), ["WT0332 9 8"]);
    // Several together, by the algebra of packets.
    let low = WIDE.replace("400-500", "400-450");
    let high = WIDE.replace("400-500", "443-500").replace("from: [", "from: [{segment: estate}, ");
    let both = NARROW.replace("443", "410-490");
    let found = alone(&policy("mode: enforce", &[&low, &high, &both]));
    assert!(found.contains(&"WT0332 10 8 9".to_owned()), "{found:?}");
}

#[test]
fn a_rule_that_adds_something_is_not_redundant() {
    let near = [
        NARROW.replace("443", "443-501"),
        NARROW.replace("app: web, env: prod", "env: prod"),
        NARROW.replace("internet", "any"),
        NARROW.replace("allow", "deny"),
    ];
    for rule in near {
        assert_eq!(alone(&policy("mode: enforce", &[&rule, WIDE])), [""; 0], "{rule}");
    }
    // Who promotes the one policy does not promote the other.
    let two = policy("mode: monitor", &[NARROW]) + &policy("mode:  monitor", &[WIDE]);
    assert_eq!(alone(&two), [""; 0]);
    let enforced = policy("mode: monitor", &[NARROW]) + &policy("mode:  enforce", &[WIDE]);
    assert_eq!(alone(&enforced), ["WT0332 8 17"]);
    // What ends earlier does not replace what lasts.
    let ends = enforced.replace("mode:  enforce", "{mode: enforce, expires: 2027-01-31T00:00:00Z");
    let ends = ends.replace("{mode: enforce, ", "mode: enforce\n  ");
    assert_eq!(alone(&ends), [""; 0]);
    // A rule about some requests adds nothing to one about all, and the other way round it does.
    let get = NARROW.replace("443", "443, http: [{methods: [GET]}]");
    assert_eq!(alone(&policy("mode: enforce", &[&get, NARROW])), ["WT0332 8 9"]);
    assert_eq!(alone(&policy("mode: enforce", &[&get, &get.replace("GET", "PUT")])), [""; 0]);
}

#[test]
fn a_rule_whose_every_leg_is_decided_before_is_shadowed() {
    let deny = WIDE.replace("allow", "deny");
    assert_eq!(alone(&policy("mode: enforce", &[NARROW, &deny])), ["WT0330 8 9"]);
    // In the other direction the deny still has more to decide.
    let wide_allow = policy("mode: enforce", &[WIDE, &NARROW.replace("allow", "deny")]);
    assert_eq!(alone(&wide_allow), [""; 0]);
    let guardrail = |rules: &[&str]| {
        let trusted: Vec<String> = rules.iter().map(|rule| trusted(rule)).collect();
        let rules: Vec<&str> = trusted.iter().map(String::as_str).collect();
        policy("{tier: guardrail, order: 1}", &rules)
            .replace("{tier: guardrail, order: 1}", "tier: guardrail\n  order: 1\n  mode: enforce")
    };
    assert_eq!(alone(&guardrail(&[&deny, NARROW])), ["WT0330 11 10"]);
    assert_eq!(alone(&guardrail(&[WIDE, &NARROW.replace("allow", "deny")])), ["WT0331 11 10"]);
    let pass = NARROW.replace("allow", "pass");
    assert_eq!(alone(&guardrail(&[&pass, &deny])), [""; 0]);
    // A guardrail goes before the standard tier, unless one before it passes.
    let standard = policy("mode: enforce", &[&trusted(NARROW)]);
    assert_eq!(alone(&(guardrail(&[&deny]) + &standard)), ["WT0330 19 10"]);
    assert_eq!(alone(&(guardrail(&[&pass, &deny]) + &standard)), [""; 0]);
}

/// Found by `without_a_rule_that_lint_calls_shadowed_or_redundant_every_decision_is_the_same`, seed 17741: a guardrail
/// that was disabled counted as if it could never pass anything on.
#[test]
fn what_a_disabled_guardrail_would_pass_on_or_decide_is_not_left_to_others() {
    let guardrail = |order: u8, mode: &str, rule: &str| {
        policy("tier: guardrail", &[&trusted(rule)])
            .replace("{name: p", &format!("{{name: g{order}-"))
            .replace(
                "tier: guardrail",
                &format!("tier: guardrail\n  order: {order}\n  mode: {mode}"),
            )
    };
    let deny = WIDE.replace("allow", "deny");
    let pass = guardrail(1, "disabled", &NARROW.replace("allow", "pass"));
    let standard = policy("mode: enforce", &[&trusted(NARROW)]);
    let denied = guardrail(2, "enforce", &deny);
    assert_eq!(alone(&(denied.clone() + &standard)), ["WT0330 19 10"]);
    assert_eq!(alone(&(pass + &denied + &standard)), [""; 0]);
    // Between two that say the same, what would say something else keeps the first needed.
    let (first, last) = (guardrail(1, "enforce", NARROW), guardrail(3, "enforce", WIDE));
    assert_eq!(alone(&(first.clone() + &last)), ["WT0332 10 21"]);
    let between = guardrail(2, "disabled", &deny);
    assert_eq!(alone(&(first + &between + &last)), [""; 0]);
}

/// A rule on labels that providers give.
fn trusted(rule: &str) -> String {
    rule.replace("app:", "aws.account:").replace("env:", "region:")
}

#[test]
fn a_selector_that_contradicts_itself_is_found() {
    let never =
        "{matchLabels: {app: web}, matchExpressions: [{key: app, operator: NotIn, values: [web]}]}";
    let rule = NARROW.replace("{matchLabels: {app: web, env: prod}}", never);
    assert_eq!(alone(&policy("mode: enforce", &[&rule])), ["WT0333 8"]);
    assert_eq!(alone(&document("Segment", "s", &format!("{{members: {never}}}"))), ["WT0333 2"]);
    let near = never.replace("NotIn, values: [web]", "NotIn, values: [db]");
    let rule = NARROW.replace("{matchLabels: {app: web, env: prod}}", &near);
    assert_eq!(alone(&policy("mode: enforce", &[&rule])), [""; 0]);
}

#[test]
fn an_allow_that_leaves_two_of_three_open_is_too_broad() {
    for rule in [
        "{action: allow, from: [any], to: [any], over: [{tcp: 443}]}",
        "{action: allow, from: [{matchLabels: {app: web}}], to: [internet]}",
        "{action: allow, from: [internet], to: [{segment: estate}], over: [{tcp: 443}]}",
    ] {
        assert_eq!(alone(&policy("mode: enforce", &[rule])), ["WT0334 8"], "{rule}");
        let deny = rule.replace("allow", "deny");
        assert_eq!(alone(&policy("mode: enforce", &[&deny])), [""; 0]);
    }
    assert_eq!(alone(&policy("mode: enforce", &[NARROW])), [""; 0]);
}

#[test]
fn what_has_expired_is_found() {
    let until = |time: &str| policy(&format!("expires: {time}"), &[NARROW]);
    assert_eq!(alone(&until("2025-12-31T23:59:59Z")), ["WT0335 4"]);
    assert_eq!(alone(&until("2026-01-01T00:00:00Z")), ["WT0335 4"]);
    assert_eq!(alone(&until("2026-01-01T00:00:01Z")), [""; 0]);
    let exception =
        |time: &str| document("Exception", "e", &format!("{{gap: g, expires: {time}}}"));
    assert_eq!(alone(&exception("2025-12-31T23:59:59Z")), ["WT0335 4"]);
    assert_eq!(alone(&exception("2026-12-31T23:59:59Z")), [""; 0]);
}

#[test]
fn domains_without_a_resolver_are_noted() {
    let names = NARROW.replace("internet", "{domains: [api.example.com]}");
    assert_eq!(alone(&policy("mode: enforce", &[&names])), ["WT0339 8"]);
    let ask =
        WIDE.replace("internet", "{addresses: [10.0.0.2/32]}").replace("tcp: 400-500", "udp: 53");
    assert_eq!(alone(&policy("mode: enforce", &[&names, &ask])), [""; 0]);
    let others = ask.replace("app: web", "app: db");
    assert_eq!(alone(&policy("mode: enforce", &[&names, &others])), ["WT0339 8"]);
}

#[test]
fn an_allow_that_an_assertion_forbids_is_found() {
    let never = document(
        "Assertion",
        "a",
        "{never: {from: [{matchLabels: {app: web}}], to: [internet], over: [{tcp: 443}]}}",
    );
    let of = |rules: &[&str]| alone(&(never.clone() + &policy("mode: enforce", rules)));
    assert_eq!(of(&[NARROW]), ["WT0340 13 4"]);
    assert_eq!(of(&[&NARROW.replace("443", "442")]), [""; 0]);
    assert_eq!(of(&[&NARROW.replace("app: web", "app: db")]), [""; 0]);
    // What a denial goes before is not allowed.
    let found = of(&[WIDE, &WIDE.replace("allow", "deny").replace("400-500", "443")]);
    assert_eq!(found, [""; 0]);
    let excused = document("Exception", "e", "{assertion: a, expires: 2027-01-01T00:00:00Z}");
    assert_eq!(alone(&(never + &excused + &policy("mode: enforce", &[NARROW]))), [""; 0]);
    let only = document(
        "Assertion",
        "a",
        "{onlyFrom: {from: [{matchLabels: {app: web}}], to: [{matchLabels: {app: db}}]}}",
    );
    let from = |who: &str| {
        let rule = format!(
            "{{action: allow, from: [{who}], to: [{{matchLabels: {{app: db}}}}], over: [{{tcp: 1}}]}}"
        );
        alone(&(only.clone() + &policy("mode: enforce", &[&rule])))
    };
    assert_eq!(from("{matchLabels: {app: job}}"), ["WT0340 13 4"]);
    assert_eq!(from("internet"), ["WT0340 13 4"]);
    assert_eq!(from("{matchLabels: {app: web, env: dev}}"), [""; 0]);
    assert_eq!(from("{matchLabels: {env: dev}}"), [""; 0], "it may be web");
}

#[test]
fn a_guardrail_on_labels_that_can_be_claimed_is_found() {
    let guardrail = |rule: &str| policy("tier: guardrail\n  order: 1", &[rule]);
    let deny = NARROW.replace("allow", "deny");
    assert_eq!(alone(&guardrail(&deny)), ["WT0341 9 9"]);
    assert_eq!(alone(&guardrail(&trusted(&deny))), [""; 0]);
    assert_eq!(alone(&policy("mode: enforce", &[&deny])), [""; 0]);
    let given = |when: &str| {
        document(
            "Labeling",
            "l",
            &format!("{{rules: [{{when: {when}, labels: {{app: web, env: prod}}}}]}}"),
        )
    };
    assert_eq!(alone(&(given("{account: ['111122223333']}") + &guardrail(&deny))), [""; 0]);
    assert_eq!(alone(&(given("{name: [web-*]}") + &guardrail(&deny))), ["WT0341 14 14"]);
}

/// Two workloads, of which the first is behind a front.
fn world() -> World {
    let member = |name: &str, app: &str, address: &str, network: Option<&str>| Member {
        id: name.into(),
        name: name.into(),
        account: None,
        subnets: Vec::new(),
        labels: [("app".into(), app.into())].into_iter().collect(),
        places: vec![Place { network: network.map(Into::into), address: address.parse().unwrap() }],
    };
    let flows = |port| FlowSet::tcp(PortSet::single(port));
    World {
        workloads: vec![
            member("web-1", "web", "10.0.0.1", Some("vpc")),
            member("lb", "front", "10.0.0.2", Some("vpc")),
            member("bastion", "bastion", "203.0.113.9", None),
        ],
        fronts: vec![FrontLegs {
            workload: 1,
            listeners: vec![ListenerLegs {
                flows: flows(443),
                targets: vec![TargetLegs { workload: 0, flows: flows(8443) }],
            }],
            health: Vec::new(),
        }],
        ..World::default()
    }
}

#[test]
fn what_selects_nobody_in_the_estate_is_found() {
    let world = world();
    let segment = |members: &str| {
        found(&document("Segment", "s", &format!("{{members: {members}}}")), Some(&world))
    };
    assert_eq!(segment("{matchLabels: {app: wbe}}"), ["WT0337 5"]);
    assert_eq!(segment("{matchLabels: {ap: web}}"), ["WT0337 5"]);
    assert_eq!(segment("{matchLabels: {app: web}}"), [""; 0]);
    assert_eq!(segment("{matchExpressions: [{key: apx, operator: DoesNotExist}]}"), [""; 0]);
    let nobody = "{matchExpressions: [{key: app, operator: DoesNotExist}]}";
    assert_eq!(segment(nobody), ["WT0336 2"]);
    let rule = NARROW.replace("{matchLabels: {app: web, env: prod}}", nobody);
    assert_eq!(found(&policy("mode: enforce", &[&rule]), Some(&world)), ["WT0336 8"]);
}

/// "`addresses` match whatever holds the address, in the named network; without one, a CIDR that exists in
/// two networks of the estate is an error."
#[test]
fn addresses_in_two_networks_are_an_error_unless_one_is_named() {
    let rule = |peer: &str| {
        let rule = NARROW.replace("{matchLabels: {app: web, env: prod}}", peer);
        policy("mode: enforce", &[&rule])
    };
    let mut world = world();
    let wide = "{addresses: [10.0.0.0/24]}";
    let told = |peer: &str, world: &World| {
        let mut codes = found(&rule(peer), Some(world));
        codes.retain(|one| one.starts_with("WT0343"));
        codes
    };
    assert_eq!(told(wide, &world), [""; 0]);
    let mut twin = world.workloads[0].clone();
    twin.places[0].network = Some("other".into());
    world.workloads.push(twin);
    assert_eq!(told(wide, &world), ["WT0343 8"]);
    assert_eq!(told("{addresses: [10.0.0.2/32]}", &world), [""; 0]);
    assert_eq!(told("{addresses: [10.0.0.0/24], network: vpc}", &world), [""; 0]);
    // What is let through whatever the policy says is looked at as well.
    let essentials = |spec: &str| {
        let text = format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {{name: safe}}\nspec:\n{spec}"
        );
        let mut codes = found(&text, Some(&world));
        codes.retain(|one| one.starts_with("WT0343"));
        codes.len()
    };
    let failsafe = |network: &str| {
        format!(
            "  failsafe:\n  - {{from: [{{addresses: [10.0.0.0/24]{network}}}], to: [{{matchLabels: {{app: web}}}}], over: [{{tcp: 22}}]}}\n"
        )
    };
    assert_eq!((essentials(&failsafe("")), essentials(&failsafe(", network: vpc"))), (1, 0));
    let plane = |network: &str| {
        format!("  controlPlanes:\n  - {{cluster: prod, addresses: [10.0.0.0/24]{network}}}\n")
    };
    assert_eq!((essentials(&plane("")), essentials(&plane(", network: vpc"))), (1, 0));
}

/// A control plane was once let through to the nodes of every cluster that has its name.
#[test]
fn a_control_plane_of_two_clusters_of_one_name_is_found() {
    let node = |account: &str, region: &str, tag: &str| Member {
        id: "node".into(),
        name: "node".into(),
        account: Some(account.into()),
        subnets: Vec::new(),
        labels: [("region", region), (tag, "prod")]
            .map(|(key, value)| (key.into(), value.into()))
            .into_iter()
            .collect(),
        places: Vec::new(),
    };
    let nodes = |all: &[(&str, &str, &str)]| World {
        workloads: all.iter().map(|(account, region, tag)| node(account, region, tag)).collect(),
        ..World::default()
    };
    let said = |told: &str, world: &World| {
        let plane = format!("{{cluster: prod, addresses: [192.0.2.0/28]{told}}}");
        let text = document("Essentials", "e", &format!("{{controlPlanes: [{plane}]}}"));
        found(&text, Some(world))
    };
    let tag = "kubernetes.io/cluster/prod";
    let one = nodes(&[("1", "eu", tag), ("1", "eu", "eks:cluster-name"), ("2", "eu", "app")]);
    assert_eq!(said("", &one), [""; 0]);
    let two = nodes(&[("1", "eu", tag), ("2", "eu", "eks:cluster-name"), ("2", "us", tag)]);
    assert_eq!(said("", &two), ["WT0345 5"]);
    assert_eq!(said(", account: \"2\"", &two), ["WT0345 5"]);
    assert_eq!(said(", account: \"2\", region: us", &two), [""; 0]);
    assert_eq!(said(", account: \"1\"", &two), [""; 0]);
    assert_eq!(said(", account: \"3\"", &two), [""; 0]);
    // One of which the region is not told may be the one of which it is, as decisions take it.
    let vague = |world: World| {
        let mut workloads = world.workloads;
        let last = workloads.last_mut().unwrap();
        last.labels.remove("region");
        World { workloads, ..World::default() }
    };
    let told = vague(nodes(&[("1", "eu", tag), ("1", "eu", tag)]));
    assert_eq!(said("", &told), [""; 0]);
    let two = vague(nodes(&[("1", "eu", tag), ("2", "eu", tag), ("1", "eu", tag)]));
    assert_eq!(said("", &two), ["WT0345 5"]);
}

#[test]
fn a_rule_that_a_front_keeps_from_matching_is_found() {
    let world = world();
    let rule = |to: &str, port: u16, more: &str| {
        let rule = format!(
            "{{action: allow, from: [internet], to: [{{matchLabels: {{app: {to}}}}}], over: [{{tcp: {port}}}]{more}}}"
        );
        found(&policy("mode: enforce", &[&rule]), Some(&world))
    };
    assert_eq!(rule("web", 8443, ""), ["WT0338 8"]);
    // What it stands for instead is shown.
    assert_eq!(rule("web", 8443, ", through: [{matchLabels: {app: front}}]"), ["WT0346 8 8 8"]);
    assert_eq!(rule("web", 22, ""), [""; 0], "the front sends nothing there");
    assert_eq!(rule("bastion", 8443, ""), [""; 0]);
}

/// A denial of people by their groups once denied nothing, and nobody said so.
#[test]
fn people_whom_nothing_tells_apart_are_told() {
    let users = |spec: &str| document("Users", "contractors", spec);
    let found = |action: &str, spec: &str| -> Vec<Severity> {
        let rule = format!(
            "{{action: {action}, from: [{{users: [contractors]}}], to: [{{matchLabels: {{a: b}}}}], over: [{{tcp: 22}}]}}"
        );
        let (found, _) =
            said(&format!("{}{}", policy("mode: enforce", &[&rule]), users(spec)), None);
        let found = found.iter().filter(|one| one.code.as_str() == "WT0347");
        found.map(|one| one.severity).collect()
    };
    assert_eq!(found("deny", "{groups: [contractors]}"), [Severity::Warning]);
    assert_eq!(found("allow", "{groups: [contractors]}"), [Severity::Note]);
    assert_eq!(found("deny", "{groups: [contractors], pools: [203.0.113.0/24]}"), []);
    assert_eq!(found("deny", "{pools: [203.0.113.0/24]}"), []);
}

/// "Multicast and broadcast are not policy: a diagnostic."
#[test]
fn addresses_that_are_many_at_once_are_told() {
    let to = |addresses: &str| {
        format!(
            "{{action: allow, from: [{{matchLabels: {{a: b}}}}], to: [{{addresses: [{addresses}]}}], over: [{{udp: 5353}}]}}"
        )
    };
    let both = "10.0.0.0/8, 224.0.0.0/4";
    for many in ["224.0.0.251/32", "239.0.0.0/8", "255.255.255.255/32", "\"ff02::fb/128\"", both] {
        assert_eq!(alone(&policy("mode: enforce", &[&to(many)])), ["WT0344 8"], "{many}");
    }
    for one in ["10.0.0.255/32", "0.0.0.0/0", "192.0.0.0/2"] {
        assert_eq!(alone(&policy("mode: enforce", &[&to(one)])), [""; 0], "{one}");
    }
    let listed = document(
        "Essentials",
        "e",
        "{failsafe: [{from: [{addresses: [\"ff00::/8\"]}], to: [{matchLabels: {a: b}}], over: [{tcp: 22}]}]}",
    );
    assert_eq!(alone(&listed), ["WT0344 5"]);
}

/// A share that is not heard, or that leaves all or nothing out, is told; one that parts a segment is not.
#[test]
fn a_share_that_makes_no_difference_is_told() {
    let world = world();
    let segment = |mode: &str, share: &str| {
        let members =
            "members: {matchExpressions: [{key: app, operator: In, values: [web, front]}]}";
        document("Segment", "s", &format!("{{{members}, mode: {mode}, share: {share}}}"))
    };
    let found =
        |mode: &str, share: &str, world: Option<&World>| found(&segment(mode, share), world);
    for mode in ["monitor", "disabled"] {
        assert_eq!(found(mode, "{percent: 10}", None), ["WT0349 5"], "{mode}");
    }
    assert_eq!(found("enforce", "{percent: 10}", None), [""; 0]);
    assert_eq!(found("enforce", "{percent: 0}", None), ["WT0349 5"]);
    assert_eq!(found("enforce", "{percent: 100}", None), ["WT0349 5"]);
    let numbers = ["web-1", "lb"].map(|id| watertight_policy::share_number("s", id));
    let (less, more) = (numbers.iter().min().unwrap(), numbers.iter().max().unwrap());
    assert!(less < more, "{numbers:?}");
    let percent = |percent: u8| found("enforce", &format!("{{percent: {percent}}}"), Some(&world));
    assert_eq!(percent(*less), ["WT0349 5"], "nothing of it");
    assert_eq!(percent(*less + 1), [""; 0]);
    assert_eq!(percent(*more), [""; 0]);
    assert_eq!(percent(*more + 1), ["WT0349 5"], "all of it");
    let select = |labels: &str| {
        found("enforce", &format!("{{select: {{matchLabels: {{{labels}}}}}}}"), Some(&world))
    };
    assert_eq!(select("app: web"), [""; 0]);
    assert_eq!(
        select("app: wep"),
        ["WT0349 5", "WT0337 5"],
        "nothing has it, so nothing is in the share"
    );
    assert_eq!(select(""), ["WT0349 5"]);
}
