//! Policies drawn for a generated estate: zones by subnet, and rules between them.

use std::fmt::Write as _;

use serde_json::{Value, json};
use watertight_compile::Plane as _;
use watertight_policy::decide::Modes;
use watertight_testkit::generate::{self, Generated, Random, Size};

use crate::lab::Lab;

const ZONES: [&str; 3] = ["red", "green", "blue"];
const OVER: [&str; 5] =
    ["{tcp: 443}", "{tcp: 22}", "{udp: 53}", "{tcp: [80, 8080]}", "{tcp: 5432}"];

/// An estate with a policy.
pub(crate) fn lab(seed: u64) -> (Lab, Generated) {
    let mut generated = generate::aws(seed, Size::FEW);
    add_empty_answers(&mut generated.files);
    generate::with_services(seed, &mut generated);
    let text = policy(seed, &generated);
    let lab = Lab::new(&generated.files, &[("policy.yaml", text)], Modes::Enforced);
    (lab, generated)
}

/// An estate with a policy, and policies most of which differ in one rule from the one before.
pub(crate) fn rewritten(seed: u64) -> (Lab, Vec<Lab>) {
    let (first, generated) = lab(seed);
    let text = policy_of(seed, seed, &generated);
    let rules: Vec<usize> =
        text.match_indices("  - {action: allow, ").map(|(place, _)| place).collect();
    let rule = |number: u64| {
        let count = u64::try_from(rules.len()).ok()?;
        rules.get(usize::try_from(number.checked_rem(count)?).ok()?).copied()
    };
    let other_flows = |number: u64, port: u16| {
        let rule = rule(number)?;
        let over = rule + text.get(rule..)?.find("over: [")?;
        let end = over + text.get(over..)?.find('\n')?;
        Some(format!("{}over: [{{tcp: {port}}}]}}{}", text.get(..over)?, text.get(end..)?))
    };
    let denied = |number: u64| {
        let rule = rule(number)?;
        let rest = text.get(rule..)?.replacen("action: allow", "action: deny", 1);
        Some(format!("{}{rest}", text.get(..rule)?))
    };
    let changed = [
        other_flows(seed, 4242),
        other_flows(seed, 443),
        other_flows(seed + 1, 4243),
        denied(seed + 2),
        Some(text.clone()),
        Some(format!("# No rule.\n{text}")),
        other_flows(seed + 3, 8443).map(|text| format!("# No rule either.\n{text}")),
        Some(policy_of(seed, seed ^ 1 << 20, &generated)),
        other_flows(seed, 4242),
    ];
    let lab = |text| Lab::new(&generated.files, &[("policy.yaml", text)], Modes::Enforced);
    (first, changed.into_iter().flatten().map(lab).collect())
}

/// What may happen to an estate in which a plan was put in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Since {
    /// Rules of groups of ours were changed by hand.
    Drifted,
    /// The policy has other rules.
    Rewritten,
    /// Workloads are in other zones, under other rules.
    Moved,
}

/// The estate of a plan that was put in place, and what has happened since.
pub(crate) fn later(seed: u64, since: Since) -> Option<Lab> {
    let (first, generated) = lab(seed);
    let made = first.make().ok()?;
    let rendered = first.with(|_, plane| plane.render(&made.compiled.artifacts));
    let parsed = |text: &str| serde_json::from_str(text).ok();
    let mut rendered: Vec<(String, Value)> = rendered
        .into_iter()
        .filter_map(|body| parsed(&body.text).map(|value| (body.path, value)))
        .collect();
    let mut random = Random::new(seed ^ 0x0d1f_7e57);
    if since == Since::Drifted {
        for (_, body) in &mut rendered {
            drift(&mut random, body);
        }
    }
    let files = overlaid(&generated.files, &rendered);
    let (zones, rules) = match since {
        Since::Drifted => (seed, seed),
        Since::Rewritten => (seed, seed ^ 1 << 20),
        Since::Moved => (seed ^ 1 << 20, seed ^ 1 << 21),
    };
    let text = policy_of(zones, rules, &generated);
    Some(Lab::new(&files, &[("policy.yaml", text)], Modes::Enforced))
}

/// An estate in which a plan was put in place: then workloads came that have what they had without it,
/// and others are in other zones, under the same rules.
pub(crate) fn relabelled(seed: u64) -> Option<Lab> {
    let mut generated = generate::aws(seed, Size::FEW);
    add_empty_answers(&mut generated.files);
    let policy = |zones: u64| [("policy.yaml", policy_of(zones, seed ^ 1 << 21, &generated))];
    let first = Lab::new(&generated.files, &policy(seed), Modes::Enforced);
    let made = first.make().ok()?;
    let rendered = first.with(|_, plane| plane.render(&made.compiled.artifacts));
    let mut random = Random::new(seed ^ 0x0f2e_5eed);
    let mut bodies = Vec::new();
    for body in rendered {
        let mut value: Value = serde_json::from_str(&body.text).ok()?;
        if let Some(interfaces) = value["NetworkInterfaces"].as_array_mut() {
            interfaces.retain(|_| random.chance(70));
        }
        bodies.push((body.path, value));
    }
    let files = overlaid(&generated.files, &bodies);
    let zones = if random.chance(60) { seed } else { seed ^ 1 << 20 };
    Some(Lab::new(&files, &policy(zones), Modes::Enforced))
}

/// Gives groups rules that nobody intends, and takes some off that somebody does.
fn drift(random: &mut Random, body: &mut Value) {
    let groups = body.get_mut("SecurityGroups").and_then(Value::as_array_mut);
    for group in groups.into_iter().flatten() {
        for side in ["IpPermissions", "IpPermissionsEgress"] {
            let Some(rules) = group[side].as_array_mut() else { continue };
            if random.chance(30) {
                rules.pop();
            }
            if random.chance(30) {
                rules.push(json!({"IpProtocol": "tcp", "FromPort": 20, "ToPort": 500,
                    "UserIdGroupPairs": [], "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
                    "Ipv6Ranges": [], "PrefixListIds": []}));
            }
        }
    }
}

/// An estate in which services own many interfaces, so that no group can be put on them, and a policy whose
/// guardrails deny zones to each other.
pub(crate) fn barred(seed: u64) -> (Lab, Generated) {
    let mut generated = generate::aws(seed, Size::FEW);
    add_empty_answers(&mut generated.files);
    let mut random = Random::new(seed ^ 0x0ed6_e5ed);
    for (_, body) in &mut generated.files {
        let list = body.get_mut("NetworkInterfaces").and_then(Value::as_array_mut);
        for interface in list.into_iter().flatten() {
            if random.chance(60) {
                interface["RequesterManaged"] = json!(true);
            }
        }
    }
    let text = barring(seed, seed, &generated);
    let lab = Lab::new(&generated.files, &[("policy.yaml", text)], Modes::Enforced);
    (lab, generated)
}

/// What comes of [`barred`] when its plan is in place, with the same guardrails or other ones.
pub(crate) fn barred_later(seed: u64, others: bool) -> Option<Lab> {
    let (first, generated) = barred(seed);
    let made = first.make().ok()?;
    let rendered = first.with(|_, plane| plane.render(&made.compiled.artifacts));
    let parsed = |text: &str| serde_json::from_str(text).ok();
    let rendered: Vec<(String, Value)> = rendered
        .into_iter()
        .filter_map(|body| parsed(&body.text).map(|value| (body.path, value)))
        .collect();
    let files = overlaid(&generated.files, &rendered);
    let text = barring(seed, if others { seed ^ 1 << 22 } else { seed }, &generated);
    Some(Lab::new(&files, &[("policy.yaml", text)], Modes::Enforced))
}

/// A policy with denials of guardrails between zones.
fn barring(seed: u64, guardrails: u64, generated: &Generated) -> String {
    let mut text = policy(seed, generated);
    let mut random = Random::new(guardrails ^ 0x0bad_9a7e);
    text.push_str(
        "---\napiVersion: watertight.io/v1alpha1\nkind: Policy\nmetadata: {name: never}\nspec:\n  \
         tier: guardrail\n  order: 2\n  mode: enforce\n  rules:\n",
    );
    for _ in 0..random.between(1, 4) {
        let zone =
            |random: &mut Random| format!("{{matchLabels: {{zone: {}}}}}", pick(random, &ZONES));
        let (from, to) = (zone(&mut random), zone(&mut random));
        let over = match random.below(3) {
            0 => format!(", over: [{}]", pick(&mut random, &OVER)),
            _ => String::new(),
        };
        let _ = writeln!(text, "  - {{action: deny, from: [{from}], to: [{to}]{over}}}");
    }
    text
}

/// Where subnets were listed and there is no internet gateway, a provider answers with an empty list.
fn add_empty_answers(files: &mut Vec<(String, Value)>) {
    let has = |path: &str| files.iter().any(|(other, _)| other == path);
    let folders = files.iter().filter_map(|(path, _)| path.strip_suffix("describe-subnets.json"));
    let wanted = folders.map(|folder| format!("{folder}describe-internet-gateways.json"));
    let missing: Vec<String> = wanted.filter(|path| !has(path)).collect();
    let empty = missing.into_iter().map(|path| (path, json!({"InternetGateways": []})));
    files.extend(empty.collect::<Vec<_>>());
}

fn pick<'w>(random: &mut Random, words: &[&'w str]) -> &'w str {
    random.pick(words).copied().unwrap_or("")
}

fn policy(seed: u64, generated: &Generated) -> String {
    policy_of(seed, seed, generated)
}

/// A policy whose zones and rules are drawn apart.
fn policy_of(zones: u64, rules_of: u64, generated: &Generated) -> String {
    let mut random = Random::new(zones ^ 0x51ab_17e5);
    let mut text = String::new();
    let head = "apiVersion: watertight.io/v1alpha1\nkind";
    let mut rules = String::new();
    for subnet in subnets(generated) {
        let zone = pick(&mut random, &ZONES);
        let _ =
            writeln!(rules, "  - {{when: {{subnet: [\"{subnet}\"]}}, labels: {{zone: {zone}}}}}");
    }
    let _ = write!(text, "{head}: Labeling\nmetadata: {{name: zones}}\nspec:\n  rules:\n{rules}");
    if rules_of != zones {
        random = Random::new(rules_of);
    }
    for zone in ZONES {
        let mode = if random.chance(75) { "enforce" } else { "monitor" };
        let jewel = if random.chance(15) { "crown-jewel" } else { "none" };
        let default = |random: &mut Random| if random.chance(15) { "allow" } else { "deny" };
        let (intra, egress) = (default(&mut random), default(&mut random));
        let ingress = default(&mut random);
        let share = share(rules_of, zone);
        let _ = write!(
            text,
            "---\n{head}: Segment\nmetadata: {{name: {zone}}}\nspec:\n  members: {{matchLabels: \
             {{zone: {zone}}}}}\n  mode: {mode}\n{share}  criticality: {jewel}\n  defaults: {{intra: \
             {intra}, egress: {egress}, ingress: {ingress}}}\n"
        );
    }
    for tier in ["guardrail", "standard"] {
        let _ = write!(
            text,
            "---\n{head}: Policy\nmetadata: {{name: {tier}}}\nspec:\n  tier: {tier}\n  mode: \
             enforce\n{}  rules:\n",
            if tier == "guardrail" { "  order: 1\n" } else { "" }
        );
        for _ in 0..random.between(1, if tier == "guardrail" { 1 } else { 5 }) {
            let action = if tier == "guardrail" || random.chance(12) { "deny" } else { "allow" };
            let (from, to) = (peer(&mut random), peer(&mut random));
            let over = pick(&mut random, &OVER);
            let _ = writeln!(
                text,
                "  - {{action: {action}, from: [{from}], to: [{to}], over: [{over}]}}"
            );
        }
    }
    text + &failsafe(rules_of, head) + &services(rules_of, head)
}

/// A share of a zone, for some policies, drawn apart from all else.
fn share(seed: u64, zone: &str) -> String {
    let letters = zone.bytes().map(u64::from).sum::<u64>();
    let mut random = Random::new(seed ^ letters << 32 ^ 0x05ad_e5ad);
    if !random.chance(20) {
        return String::new();
    }
    format!("  share: {{percent: {}}}\n", random.between(20, 80))
}

/// Tuples that no rule closes, for some policies, drawn apart from all else.
fn failsafe(seed: u64, head: &str) -> String {
    let mut random = Random::new(seed ^ 0x0fa1_15af);
    if !random.chance(30) {
        return String::new();
    }
    let (from, to) = (peer(&mut random), peer(&mut random));
    let over = pick(&mut random, &OVER);
    format!(
        "---\n{head}: Essentials\nmetadata: {{name: listed}}\nspec:\n  failsafe:\n  \
         - {{from: [{from}], to: [{to}], over: [{over}]}}\n"
    )
}

/// A rule about a service of the provider, for some policies, drawn apart from all else.
fn services(seed: u64, head: &str) -> String {
    let mut random = Random::new(seed ^ 0x5e7_71ce);
    if !random.chance(40) {
        return String::new();
    }
    let from = peer(&mut random);
    let service = pick(&mut random, &["aws.s3", "aws.dynamodb"]);
    let over = pick(&mut random, &OVER);
    format!(
        "---\n{head}: Policy\nmetadata: {{name: services}}\nspec:\n  tier: standard\n  mode: enforce\n  \
         rules:\n  - {{action: allow, from: [{from}], to: [{{provider: [{service}]}}], over: [{over}]}}\n"
    )
}

fn peer(random: &mut Random) -> String {
    match random.below(12) {
        0 => String::from("internet"),
        1 => String::from("{addresses: [10.0.0.0/8]}"),
        2 => String::from("{addresses: [198.51.100.0/24, 203.0.113.0/25]}"),
        3 => String::from("any"),
        _ => format!("{{matchLabels: {{zone: {}}}}}", pick(random, &ZONES)),
    }
}

fn subnets(generated: &Generated) -> Vec<String> {
    let lists = generated.files.iter().filter_map(|(_, body)| body["Subnets"].as_array());
    let ids = lists.flatten().filter_map(|one| one["SubnetId"].as_str());
    ids.map(str::to_owned).collect()
}

/// Gives subnets other network ACLs, as a rendered body says.
fn move_edges(files: &mut [(String, Value)], body: &Value, key: &str) {
    let list = body[key].as_array().into_iter().flatten();
    let own = |one: &Value| one["Associations"].as_array().cloned().unwrap_or_default();
    let moved =
        list.flat_map(|one| if key == "NetworkAcls" { own(one) } else { vec![one.clone()] });
    for association in moved {
        for (_, body) in files.iter_mut() {
            let acls = body.get_mut("NetworkAcls").and_then(Value::as_array_mut);
            for acl in acls.into_iter().flatten() {
                let is_it = acl["NetworkAclId"] == association["NetworkAclId"];
                let Some(all) = acl.get_mut("Associations").and_then(Value::as_array_mut) else {
                    continue;
                };
                all.retain(|one| one["SubnetId"] != association["SubnetId"]);
                if is_it {
                    all.push(association.clone());
                }
            }
        }
    }
}

/// Has a service or a function set other groups, as a rendered body says.
fn set_through(files: &mut [(String, Value)], wanted: &Value) {
    let groups: Vec<Value> = wanted["Groups"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|group| group["GroupId"].clone())
        .collect();
    for (_, body) in files {
        for (list, key, network, own) in [
            (
                "services",
                "serviceArn",
                "/networkConfiguration/awsvpcConfiguration",
                "securityGroups",
            ),
            ("Functions", "FunctionArn", "/VpcConfig", "SecurityGroupIds"),
        ] {
            let all = body.get_mut(list).and_then(Value::as_array_mut);
            for one in all.into_iter().flatten().filter(|one| one[key] == wanted["Id"]) {
                if let Some(network) = one.pointer_mut(network) {
                    network[own] = json!(groups);
                }
            }
        }
    }
}

/// The bodies of an estate with other groups on interfaces: an overlay of the test's own.
pub(crate) fn overlaid(
    files: &[(String, Value)],
    rendered: &[(String, Value)],
) -> Vec<(String, Value)> {
    let mut files = files.to_vec();
    for (path, body) in rendered {
        for key in ["NetworkAcls", "NetworkAclAssociations"] {
            move_edges(&mut files, body, key);
        }
        if let Some(services) = body["Services"].as_array() {
            for service in services {
                set_through(&mut files, service);
            }
            continue;
        }
        let Some(interfaces) = body["NetworkInterfaces"].as_array() else {
            files.push((path.clone(), body.clone()));
            continue;
        };
        for wanted in interfaces {
            for (_, body) in &mut files {
                let Some(list) = body.get_mut("NetworkInterfaces").and_then(Value::as_array_mut)
                else {
                    continue;
                };
                for one in list {
                    if one["NetworkInterfaceId"] == wanted["NetworkInterfaceId"] {
                        one["Groups"] = wanted["Groups"].clone();
                    }
                }
            }
        }
    }
    files
}

/// Writes the estate of one seed, the estate after its plan, and the policy to the folder
/// `WATERTIGHT_PLAN_DUMP`, to look into a difference by hand.
#[test]
fn an_estate_and_its_policy_can_be_written_out() {
    let Ok(folder) = std::env::var("WATERTIGHT_PLAN_DUMP") else { return };
    let folder = std::path::Path::new(&folder);
    let seed = crate::setting("WATERTIGHT_PLAN_SEED", 1);
    let (lab, generated) = lab(seed);
    let made = lab.make().expect("it is compiled");
    let rendered = lab.with(|_, plane| plane.render(&made.compiled.artifacts));
    let parsed = |text: &str| serde_json::from_str(text).expect("it is JSON");
    let bodies: Vec<(String, Value)> =
        rendered.iter().map(|one| (one.path.clone(), parsed(&one.text))).collect();
    let text = policy(seed, &generated);
    for (name, files) in
        [("before", generated.files.clone()), ("after", overlaid(&generated.files, &bodies))]
    {
        for (path, value) in &files {
            let path = folder.join(name).join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder made");
            std::fs::write(path, format!("{value:#}")).expect("body written");
        }
    }
    std::fs::write(folder.join("policy.yaml"), text).expect("policy written");
}
