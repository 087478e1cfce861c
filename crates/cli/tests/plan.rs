//! `plan` of the shop with its cluster: pods share the interfaces of their nodes.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const SHOP: &str = "examples/estates/shop";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The plan of the shop's policy and more, as if all of it were enforced; with what was said.
fn plan(more: &str) -> Value {
    plan_under("promote-all", more)
}

fn plan_under(under: &str, more: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("examples/policies/shop")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    fs::write(folder.path().join("more.yaml"), more).unwrap();
    let out = folder.path().join("change.plan");
    let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(["plan", folder.path().to_str().unwrap(), "--estate", SHOP, "--under"])
        .args([under, "--widen", "-o", out.to_str().unwrap()])
        .current_dir(root())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "there are gaps: {told}");
    serde_json::from_slice(&fs::read(out).unwrap()).unwrap()
}

fn names(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

fn gaps<'p>(plan: &'p Value, reason: &'p str) -> impl Iterator<Item = &'p Value> {
    let all = plan["gaps"].as_array().unwrap().iter();
    all.filter(move |gap| gap["reason"] == reason)
}

/// Groups on a node's interface would close what its pods do, of which no segment speaks.
#[test]
fn a_node_whose_pods_no_segment_holds_carries_no_groups() {
    let plan = plan("");
    let unheld = plan["unheld"].as_array().unwrap();
    let of =
        |name: &str| unheld.iter().find(|one| one["workload"] == name).unwrap()["why"].as_str();
    let why = "pods that no segment holds share its interface: ops/log-agent, shop/checkout";
    assert_eq!(of("eks-node-1"), Some(why));
    assert!(of("eks-node-6").unwrap().contains("kube-system/coredns"));
    assert_eq!(gaps(&plan, "identity-shared").count(), 0);
    let inside = |from: &str, to: &str| {
        gaps(&plan, "unfilterable")
            .any(|gap| names(&gap["from"]).contains(from) && names(&gap["to"]).contains(to))
    };
    // A pod's own node may ask it whatever a policy says, and not the other way round.
    assert!(inside("shop/checkout", "eks-node-1"));
    assert!(!inside("eks-node-1", "shop/checkout"));
}

/// Pods whom the share of their segment leaves out are governed by nobody: groups on the interface that they share with
/// a node would close what they do.
#[test]
fn a_node_whose_pods_a_share_leaves_out_carries_no_groups() {
    let segment = |name: &str, rest: &str| {
        format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Segment\nmetadata: {{name: {name}, owner: platform}}\n\
             spec: {{{rest}, mode: enforce}}\n---\n"
        )
    };
    let open = "defaults: {ingress: allow, egress: allow, intra: allow}";
    let nodes =
        segment("nodes", &format!("members: {{matchLabels: {{Name: eks-node-1}}}}, {open}"));
    let pods = |share: &str| {
        segment("pods", &format!("members: {{matchLabels: {{cloud: k8s}}}}, {open}{share}"))
    };
    let why = |share: &str| {
        let plan = plan_under("enforced", &(nodes.clone() + &pods(share)));
        let unheld = plan["unheld"].as_array().unwrap().clone();
        let found = unheld.iter().find(|one| one["workload"] == "eks-node-1").cloned();
        found.map(|one| one["why"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    let told = why(", share: {percent: 0}");
    let wanted = "pods that are not in the share of their segment that is enforced share its interface: ops/log-agent, \
                  shop/cart, shop/checkout";
    assert_eq!(told, wanted);
    assert_eq!(why(""), "");
}

/// Where segments hold all pods of a node, its groups let through what any of them may send or
/// accept, and what others on the node get of that is named.
#[test]
fn the_groups_of_a_node_let_through_what_its_pods_may_do() {
    let plan = plan(
        "apiVersion: watertight.io/v1alpha1\nkind: Segment\n\
         metadata: {name: pods, owner: platform, description: what runs in the cluster}\n\
         spec:\n  members: {matchLabels: {cloud: k8s}}\n  mode: monitor\n",
    );
    let unheld = plan["unheld"].as_array().unwrap();
    assert!(!unheld.iter().any(|one| one["workload"].as_str().unwrap().starts_with("eks-node")));
    let under: Vec<&Value> =
        plan["gaps"].as_array().unwrap().iter().filter(|gap| gap["kind"] == "under").collect();
    assert!(under.is_empty(), "{under:#?}");
    let groups = |of: &str| {
        let attached = plan["attachments"].as_array().unwrap().iter();
        let own = attached.filter(|one| one["workload"] == of || one["endpoint"] == of);
        own.flat_map(|one| names(&one["groups"])).collect::<BTreeSet<&str>>()
    };
    let permits = |own: &str, side: &str, peer: &str, over: &str| {
        let all = plan["groups"].as_array().unwrap().iter();
        let rules = all.filter(|group| group["name"] == own);
        let mut rules = rules.flat_map(|group| group[side].as_array().unwrap());
        rules.any(|rule| rule["peer"] == peer && rule["over"] == over)
    };
    // The control plane asks its nodes, which ask it, and pods ask the resolver of their cluster.
    let plane = groups("kettle");
    assert_eq!(plane.len(), 1, "{plane:?}");
    for node in groups("eks-node-1") {
        for plane in &plane {
            assert!(permits(node, "ingress", plane, "tcp/10250"), "{node}");
            assert!(permits(plane, "egress", node, "tcp/10250"), "{node}");
            assert!(permits(plane, "ingress", node, "tcp/443"), "{node}");
            assert!(permits(node, "egress", plane, "tcp/443"), "{node}");
        }
    }
    for node in groups("eks-node-6") {
        for over in ["udp/53", "tcp/53"] {
            assert!(permits(node, "ingress", node, over), "{node}");
        }
    }
    let shared: Vec<&Value> = gaps(&plan, "identity-shared").collect();
    assert!(!shared.is_empty());
    let in_cluster = |name: &&str| name.contains('/') || name.starts_with("eks-node");
    for gap in shared {
        let ends = [names(&gap["from"]), names(&gap["to"])];
        assert!(ends.iter().flatten().any(in_cluster), "{gap:#}");
    }
}

/// What `plan` comes to with more about the estate with three tiers: the exit code, what it says, and the plan
/// where there is one.
fn with_more(more: &str) -> (i32, String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("more.yaml"), folder.path().join("change.plan"));
    fs::write(&file, more).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(["plan", "testdata/plans/tiers/policy.yaml", file.to_str().unwrap(), "--estate"])
        .args([
            "testdata/estates/tiers",
            "--at",
            "2026-12-01T00:00:00Z",
            "-o",
            out.to_str().unwrap(),
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let plan = fs::read(out).map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
    let told = [output.stderr, output.stdout].concat();
    let told = String::from_utf8(told).unwrap();
    (output.status.code().unwrap(), told, plan)
}

/// The same with what the plan says of assertions.
fn with_assertions(more: &str) -> (i32, String, Value) {
    let (code, told, plan) = with_more(more);
    (code, told, plan["assertions"].clone())
}

/// "`maybe` counts as yes for `deny` and as no for `allow`": no plane knows who is signed in. A denial of people by
/// groups closes to everybody, and what an allow of them should open is a gap.
#[test]
fn people_known_by_groups_alone_are_denied_everywhere_and_allowed_nowhere() {
    let people = |action: &str, spec: &str| {
        with_more(&format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Users\nmetadata: {{name: staff}}\nspec: {{{spec}}}\n---\n\
             apiVersion: watertight.io/v1alpha1\nkind: Policy\nmetadata: {{name: people, owner: shop}}\n\
             spec: {{mode: enforce, rules: [{{action: {action}, from: [{{users: [staff]}}], to: [{{segment: db}}], \
             over: [{{tcp: 5432}}]}}]}}\n"
        ))
    };
    let opens = |plan: &Value, over: &str| {
        let groups = plan["groups"].as_array().unwrap().iter();
        groups.flat_map(|one| one["ingress"].as_array().unwrap()).any(|rule| rule["over"] == over)
    };
    let reasons = |plan: &Value| gaps(plan, "people").count();
    let (_, _, plan) = people("deny", "groups: [staff@idp]");
    assert!(!opens(&plan, "tcp/5432") && opens(&plan, "tcp/8080"), "{plan:#}");
    assert_eq!(reasons(&plan), 0);
    let (_, told, plan) = people("allow", "groups: [staff@idp]");
    assert!(opens(&plan, "tcp/5432"), "{plan:#}");
    let [gap] = &gaps(&plan, "people").collect::<Vec<_>>()[..] else { panic!("{plan:#}") };
    assert_eq!(
        (&gap["kind"], &gap["rules"][0]["text"]),
        (&"under".into(), &"policy people, rule 1".into())
    );
    assert!(told.contains("policy people, rule 1"), "{told}");
    // Of the pools that stand for the groups the plane knows all that there is to know.
    let (_, _, plan) = people("deny", "groups: [staff@idp], pools: [203.0.113.0/24]");
    assert!(opens(&plan, "tcp/5432"), "{plan:#}");
}

fn claim(name: &str, kind: &str, from: &str, to: &str, port: u16) -> String {
    let ends = format!("from: [{{segment: {from}}}], to: [{{segment: {to}}}]");
    format!(
        "apiVersion: watertight.io/v1alpha1\nkind: Assertion\nmetadata: {{name: {name}}}\n\
         spec: {{{kind}: {{{ends}, over: [{{tcp: {port}}}]}}}}\n---\n"
    )
}

/// "They are checked against ... rendered artifacts before an apply": what would not hold any more is not
/// planned, and what does not hold is told.
#[test]
fn assertions_are_judged_by_what_a_plan_would_put_in_place() {
    // Pages may ask the databases today, and may not with the plan; services they may ask before and after.
    let kept =
        claim("kept", "always", "web", "app", 8080) + &claim("closed", "never", "web", "db", 5432);
    let (code, told, assertions) = with_assertions(&kept);
    assert_eq!((code, &assertions), (2, &Value::Null), "{told}");
    assert!(!told.contains("Assertions"), "{told}");
    let broken = claim("broken", "never", "web", "app", 8080);
    let (code, told, assertions) = with_assertions(&format!("{kept}{broken}"));
    assert_eq!(code, 2);
    let [one] = &assertions.as_array().unwrap()[..] else { panic!("{assertions:#}") };
    assert_eq!(
        (&one["name"], &one["before"], &one["after"]),
        (&"broken".into(), &"fails".into(), &"fails".into())
    );
    let hop = one["witness"][0].as_str().unwrap();
    assert!(hop.contains(" web-") && hop.ends_with(" over tcp/8080 from 1024"), "{hop}");
    assert!(told.contains(&format!("  broken: fails now, fails then\n    {hop}\n")), "{told}");
}

#[test]
fn a_plan_that_breaks_what_holds_is_refused_unless_somebody_answers_for_it() {
    let needed = claim("needed", "always", "web", "db", 22);
    let (code, told, plan) = with_assertions(&needed);
    assert_eq!((code, plan), (1, Value::Null), "{told}");
    let why = "error: nothing is planned: the assertion needed would not hold any more: ";
    assert!(told.starts_with(why) && told.contains(" over tcp/22 from "), "{told}");
    let excused = |until: &str| {
        format!(
            "{needed}apiVersion: watertight.io/v1alpha1\nkind: Exception\n\
             metadata: {{name: once, owner: shop}}\nspec: {{assertion: needed, expires: {until}}}\n"
        )
    };
    let (code, told, assertions) = with_assertions(&excused("2027-01-01T00:00:00Z"));
    assert_eq!(code, 2, "{told}");
    assert_eq!(assertions[0]["excused"], "once until 2027-01-01T00:00:00Z (shop)");
    assert_eq!(with_assertions(&excused("2026-11-01T00:00:00Z")).0, 1);
}

/// "Each is `on` (it can be narrowed)": health checks that a policy does not need get no rule in a group.
#[test]
fn essentials_that_a_policy_narrows_away_are_not_rendered() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("policy.yaml"), folder.path().join("change.plan"));
    let peers = |narrowed: &str| {
        let text = format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Segment\nmetadata: {{name: pay}}\n\
             spec: {{members: {{matchLabels: {{app: payments, kind: machine}}}}, mode: enforce}}\n---\n\
             apiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {{name: narrower}}\n\
             spec: {{narrowed: [{{essential: health checks, {narrowed}}}]}}\n"
        );
        fs::write(&file, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
            .args(["plan", file.to_str().unwrap(), "--estate", SHOP, "--widen"])
            .args(["-o", out.to_str().unwrap()])
            .current_dir(root())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let plan: Value = serde_json::from_slice(&fs::read(&out).expect(&told)).unwrap();
        let ingress = plan["groups"][0]["ingress"].as_array().unwrap().iter();
        ingress.map(|rule| rule["peer"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    let balancer = ["10.10.40.8/32", "10.10.41.8/32"];
    assert_eq!(peers("from: [{matchLabels: {scheme: internal}}]"), balancer);
    assert_eq!(peers("to: [{matchLabels: {app: payments}}]"), balancer);
    assert!(peers("to: [{matchLabels: {app: web}}]").is_empty());
}

/// `quarantine` breaks what it has to, and says what.
#[test]
fn quarantine_tells_which_assertions_it_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("more.yaml");
    fs::write(&file, claim("needed", "always", "web", "app", 8080)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(["quarantine", "app-1", "testdata/plans/tiers/policy.yaml", file.to_str().unwrap()])
        .args(["--estate", "testdata/estates/tiers", "--at", "2026-12-01T00:00:00Z"])
        .current_dir(root())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("  needed: holds now, fails then\n"), "{told}");
}
