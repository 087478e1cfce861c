//! `watertight policy` and `watertight explain`.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use watertight_policy::syntax::{LabelSelector, Object, Operator};
use watertight_policy::{Documents, Format};
use watertight_source::{Diagnostics, Limits, Sources};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn watertight(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap()
}

/// Exit code, standard output and standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = watertight(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Checks one file with this text.
fn check(text: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    fs::write(&file, text).unwrap();
    run(&["policy", "check", file.to_str().unwrap()])
}

#[test]
fn the_policies_of_the_shop_have_no_errors() {
    let (code, stdout, stderr) = run(&["policy", "check", "examples/policies/shop"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("rules.yaml:23:12: warning[WT0341]: this guardrail rests on"),
        "{stderr}"
    );
    let expected = "\
The policy has no errors, and 1 warning.
  7 segments, `estate` among them: 7 in monitor
  guardrail: 1 policy with 1 rule
  standard: 4 policies with 9 rules
  3 assertions, 0 exceptions
";
    assert_eq!(stdout, expected);
}

/// "every report says how many workloads only `estate` holds"
#[test]
fn every_report_says_how_many_workloads_the_built_in_segment_alone_holds() {
    let (policy, estate) = ("examples/policies/shop", "examples/estates/shop");
    let said = |arguments: &[&str]| {
        let (_, stdout, stderr) = run(&[arguments, &["--estate", estate]].concat());
        stdout + &stderr
    };
    let line = "35 of 90 workloads are in segment `estate` alone";
    for arguments in [
        &["policy", "check", policy][..],
        &["plan", policy, "--under", "promote-all", "--widen"],
        &["drift", policy, "--under", "promote-all"],
        &["gate", policy],
        &["segment", "promote", "data", policy, "--to", "enforce", "--widen", "--print"],
    ] {
        let text = said(arguments);
        assert!(text.contains(line), "{arguments:?}: {text}");
    }
    let text = said(&["simulate", policy, "--under", "promote:data"]);
    assert!(text.contains("segment `estate` alone holds 35"), "{text}");
    let (_, text, _) = run(&["assess", estate, "--policy", policy]);
    assert!(text.contains(line), "{text}");
    for arguments in [
        &["policy", "check", policy][..],
        &["plan", policy, "--under", "promote-all", "--widen"],
        &["drift", policy, "--under", "promote-all"],
        &["gate", policy],
        &["simulate", policy, "--under", "promote:data"],
    ] {
        let arguments = [arguments, &["--estate", estate, "-f", "json"]].concat();
        let told: serde_json::Value = serde_json::from_str(&run(&arguments).1).unwrap();
        let counts = (&told["workloads"], &told["estate_only"]);
        assert_eq!(counts, (&90.into(), &35.into()), "{arguments:?}");
    }
    let told = |policy: &[&str]| -> serde_json::Value {
        let arguments = [&["assess", estate, "-f", "json"][..], policy].concat();
        serde_json::from_str(&run(&arguments).1).unwrap()
    };
    assert_eq!(told(&["--policy", policy])["estate_only"], 35);
    assert_eq!(told(&[])["estate_only"], serde_json::Value::Null);
}

/// A segment on a label that nothing has would hold nobody.
#[test]
fn the_segments_of_the_shop_select_labels_that_its_estate_has() {
    let mut tags = BTreeSet::new();
    collect_tags(&root().join("examples/estates/shop/raw"), &mut tags);
    let path = root().join("examples/policies/shop/segments.yaml");
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
    let file = sources.add("segments.yaml", fs::read_to_string(path).unwrap()).unwrap();
    let mut documents = Documents::default();
    let limits = Limits::default();
    documents.read(file, sources.contents(file), Format::Yaml, &limits, &mut diagnostics);
    for document in &documents.documents {
        let Object::Labeling(labeling) = &document.object else { continue };
        let given = labeling.rules.iter().flat_map(|rule| &rule.labels);
        tags.extend(given.map(|(key, value)| (key.to_string(), value.value.to_string())));
    }
    let mut asked = 0;
    for document in &documents.documents {
        let Object::Segment(segment) = &document.object else { continue };
        for requirement in segment.members.iter().flat_map(LabelSelector::requirements) {
            let Operator::In(values) = &requirement.operator else { continue };
            for value in values {
                let pair = (requirement.key.to_string(), value.to_string());
                assert!(tags.contains(&pair), "nothing in the shop has {pair:?}");
                asked += 1;
            }
        }
    }
    assert!(asked >= 15, "only {asked} labels are asked for");
}

/// Every tag of every body below a folder.
fn collect_tags(folder: &Path, tags: &mut BTreeSet<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_tags(&path, tags);
        } else if let Ok(body) = serde_json::from_slice(&fs::read(&path).unwrap()) {
            collect_body(&body, tags);
        }
    }
}

fn collect_body(body: &serde_json::Value, tags: &mut BTreeSet<(String, String)>) {
    let text = |key: &str| body.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
    tags.extend(text("Key").zip(text("Value")));
    match body {
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_body(item, tags)),
        serde_json::Value::Object(fields) => {
            fields.values().for_each(|field| collect_body(field, tags));
        }
        _ => {}
    }
}

/// "With any error nothing is decided and nothing written."
#[test]
fn bad_policies_exit_3_with_places_and_write_nothing() {
    let head = "apiVersion: watertight.io/v1alpha1\nkind: Service\nmetadata: {name: s}\n";
    let group = "apiVersion: watertight.io/v1alpha1\nkind: Group\nmetadata: {name: g}\n";
    let aliases = |name: char| vec![format!("*{name}"); 10].join(",");
    let lines: Vec<String> = "abcdefg"
        .chars()
        .zip("bcdefgh".chars())
        .map(|(one, next)| format!("{next}: &{next} [{}]\n", aliases(one)))
        .collect();
    let bomb = lines.concat();
    let bad = [
        ("an unknown kind", head.replace("Service", "Servce") + "spec: {}\n", "WT0301"),
        ("an unknown field", format!("{head}spec: {{ovr: []}}\n"), "WT0302"),
        ("a wrong type", format!("{head}spec: {{over: tcp}}\n"), "WT0011"),
        ("port 0", format!("{head}spec: {{over: [{{tcp: 0}}]}}\n"), "WT0310"),
        ("port 65536", format!("{head}spec: {{over: [{{tcp: 65536}}]}}\n"), "WT0310"),
        ("a reversed range", format!("{head}spec: {{over: [{{tcp: 9-8}}]}}\n"), "WT0310"),
        ("a key twice", format!("{head}spec: {{over: [], over: []}}\n"), "WT0007"),
        (
            "a name twice",
            format!(
                "{head}spec: {{over: [{{tcp: 1}}]}}\n---\n{head}spec: {{over: [{{tcp: 1}}]}}\n"
            ),
            "WT0305",
        ),
        (
            "a selector",
            format!(
                "{group}spec: {{members: [{{matchExpressions: [{{key: a, operator: is}}]}}]}}\n"
            ),
            "WT0308",
        ),
        ("a circle", format!("{group}spec: {{members: [{{group: g}}]}}\n"), "WT0307"),
        (
            "host bits",
            head.replace("Service", "Addresses") + "spec: {prefixes: [10.0.0.1/8]}\n",
            "WT0309",
        ),
        ("a tab", format!("{head}spec:\n\tover: []\n"), "WT0001"),
        ("an anchor bomb", format!("a: &a [x,x,x,x,x,x,x,x,x,x]\n{bomb}"), "WT0008"),
    ];
    for (what, text, expected) in bad {
        let (code, stdout, stderr) = check(&text);
        assert_eq!((code, stdout.as_str()), (3, ""), "{what}: {stderr}");
        assert!(stderr.contains(&format!("error[{expected}]")), "{what}: {stderr}");
        assert!(stderr.contains("policy.yaml:"), "{what} has no place: {stderr}");
    }
}

#[test]
fn a_hundred_thousand_rules_with_one_mistake_are_read_to_the_end() {
    let rule =
        "  - {action: allow, from: [{matchLabels: {app: web}}], to: [any], over: [{tcp: 443}]}\n";
    let text = format!(
        "apiVersion: watertight.io/v1alpha1\nkind: Policy\nmetadata: {{name: p}}\nspec:\n  rules:\n{}{}",
        rule.repeat(100_000),
        rule.replace("443", "0")
    );
    let (code, stdout, stderr) = check(&text);
    assert_eq!((code, stdout.as_str()), (3, ""), "{stderr}");
    assert!(stderr.contains("policy.yaml:100006:"), "{stderr}");
}

#[test]
fn a_folder_without_a_policy_and_a_file_that_is_not_there_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(&["policy", "check", folder.path().to_str().unwrap()]).0, 3);
    let absent = folder.path().join("absent.yaml");
    assert_eq!(run(&["policy", "check", absent.to_str().unwrap()]).0, 1);
}

#[test]
fn feeds_are_found_beside_the_file_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let text = "apiVersion: watertight.io/v1alpha1\nkind: Addresses\nmetadata: {name: a}\n\
                spec: {feed: lists/partners.txt}\n";
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    let path = folder.path().to_str().unwrap();
    let (code, _, stderr) = run(&["policy", "check", path]);
    assert!(code == 3 && stderr.contains("error[WT0322]"), "{stderr}");
    fs::create_dir(folder.path().join("lists")).unwrap();
    fs::write(folder.path().join("lists/partners.txt"), "192.0.2.0/24\n").unwrap();
    assert_eq!(run(&["policy", "check", path]).0, 0);
}

#[test]
fn a_feed_that_leads_out_of_the_policys_folder_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.txt");
    fs::write(&secret, "hunter2\n").unwrap();
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    for feed in ["../secret.txt", "lists/../../secret.txt", secret.to_str().unwrap()] {
        let text = format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Addresses\nmetadata: {{name: a}}\n\
             spec: {{feed: '{feed}'}}\n"
        );
        fs::write(policies.join("a.yaml"), text).unwrap();
        let (code, _, stderr) = run(&["policy", "check", policies.to_str().unwrap()]);
        assert!(code == 3 && stderr.contains("leads out of the policy's folder"), "{stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
}

#[test]
fn codes_of_every_crate_are_explained() {
    for code in ["WT0001", "WT0100", "WT0200", "wt0309", "WT0904"] {
        let (exit, stdout, _) = run(&["explain", code]);
        assert_eq!(exit, 0, "{code}");
        assert!(stdout.starts_with(&code.to_ascii_uppercase()), "{stdout}");
    }
    let (exit, stdout, stderr) = run(&["explain", "WT9999"]);
    assert_eq!((exit, stdout.as_str()), (3, ""));
    assert!(stderr.contains("there is no code `WT9999`"), "{stderr}");
    assert!(run(&["explain"]).1.lines().count() > 60);
}

#[test]
fn fmt_rewrites_files_and_check_lists_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let file = folder.path().join("a.yaml");
    let old = "kind: Service # a\napiVersion: watertight.io/v1alpha1\nmetadata: {\"name\": s}\n\
               spec: {over: [{tcp: '80'}]}\n";
    fs::write(&file, old).unwrap();
    let (code, stdout, stderr) = run(&["policy", "fmt", path, "--check"]);
    assert_eq!((code, stderr.as_str()), (2, ""));
    assert_eq!(stdout, format!("{}\n1 of 1 file not in form\n", file.display()));
    assert_eq!(fs::read_to_string(&file).unwrap(), old);
    assert_eq!(run(&["policy", "fmt", path]).0, 0);
    let new = "apiVersion: watertight.io/v1alpha1\nkind: Service # a\nmetadata: {name: s}\nspec:\n  \
               over: [{tcp: 80}]\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), new);
    assert_eq!(run(&["policy", "fmt", path, "--check"]).1, "1 file in form\n");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// "With any error nothing is decided and nothing written."
#[test]
fn fmt_touches_no_file_when_one_has_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let good = "kind: Service\napiVersion: watertight.io/v1alpha1\nmetadata: {name: s}\n\
                spec: {over: [{tcp: 80}]}\n";
    fs::write(folder.path().join("a.yaml"), good).unwrap();
    fs::write(folder.path().join("b.yaml"), good.replace("80", "0")).unwrap();
    let (code, stdout, stderr) = run(&["policy", "fmt", folder.path().to_str().unwrap()]);
    assert_eq!((code, stdout.as_str()), (3, ""));
    assert!(stderr.contains("b.yaml:4:21: error[WT0310]"), "{stderr}");
    assert_eq!(fs::read_to_string(folder.path().join("a.yaml")).unwrap(), good);
}

#[test]
fn the_policies_of_the_shop_are_in_their_form() {
    let (code, stdout, _) = run(&["policy", "fmt", "--check", "examples/policies/shop"]);
    assert_eq!((code, stdout.as_str()), (0, "3 files in form\n"));
}

#[test]
fn what_a_check_finds_is_json_and_sarif_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.yaml");
    let head = "apiVersion: watertight.io/v1alpha1\nkind: Policy\nmetadata: {name: p}\n";
    let rule =
        "  - {action: allow, from: [{matchLabels: {a: b}}], to: [internet], over: [{tcp: 1}]}\n";
    fs::write(&file, format!("{head}spec:\n  rules:\n{rule}{rule}")).unwrap();
    let path = file.to_str().unwrap();
    let (code, stdout, stderr) = run(&["policy", "check", path, "-f", "json"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&report["errors"], &report["warnings"]), (&0.into(), &1.into()));
    let found = &report["diagnostics"][0];
    assert_eq!((&found["code"], &found["place"]["start"]["line"]), (&"WT0332".into(), &7.into()));
    assert_eq!(found["related"][0]["place"]["start"]["line"], 6);
    let (code, stdout, _) = run(&["policy", "check", path, "-f", "sarif", "--strict"]);
    assert_eq!(code, 3);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let result = &report["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"WT0332".into(), &"warning".into()));
    let region = &result["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 7);
    fs::write(&file, "kind: Policy\n").unwrap();
    let (code, stdout, stderr) = run(&["policy", "check", path, "-f", "sarif"]);
    assert!(code == 3 && stderr.starts_with("error: the input is not used"), "{stderr}");
    assert!(stdout.contains("\"level\": \"error\""), "{stdout}");
}

#[test]
fn what_an_estate_shows_is_found_with_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.yaml");
    let text = "apiVersion: watertight.io/v1alpha1\nkind: Segment\nmetadata: {name: s}\n\
                spec: {members: {matchLabels: {app: ordrs}}}\n";
    fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(run(&["policy", "check", path]).2, "");
    let shop = "examples/estates/shop";
    let (code, stdout, stderr) = run(&["policy", "check", path, "--estate", shop]);
    assert_eq!(code, 0);
    // "every report says how many workloads only `estate` holds"
    assert!(stdout.ends_with("\n  90 of 90 workloads are in segment `estate` alone\n"), "{stdout}");
    assert!(stderr.contains("p.yaml:4:32: warning[WT0337]"), "{stderr}");
    assert!(stderr.contains("did you mean `orders`?"), "{stderr}");
}

#[test]
fn the_schema_is_the_published_one() {
    let (code, stdout, _) = run(&["policy", "schema"]);
    let published = fs::read_to_string(root().join("docs/reference/policy-schema.json")).unwrap();
    assert_eq!((code, stdout), (0, published));
}

/// The decision of the shop's policy about one leg, with everything in monitor on, and why.
fn asked(from: &str, to: &str, over: &str) -> String {
    let policy = ["policy", "ask", "examples/policies/shop", "--estate", "examples/estates/shop"];
    let leg = ["--from", from, "--to", to, "--over", over];
    let at = ["--under", "pending", "--at", "2026-12-01T00:00:00Z"];
    run(&[&policy[..], &leg, &at].concat()).1
}

/// "A decision names the rule (file, line) or the segment default that decided, the tier, under which M, and
/// what it assumed."
#[test]
fn a_decision_names_its_rule_with_file_and_line_tier_and_modes() {
    let denied = asked("web-1", "orders-db", "tcp/5432");
    assert!(
        denied.starts_with("deny: web-1 -> orders-db over tcp/5432, under pending at "),
        "{denied}"
    );
    let because = "the default `egress` of segment public, which holds the source (examples/policies/shop/segments.yaml:";
    assert!(denied.contains(because), "{denied}");
    let asked = asked("internet", "copper-kettle-web", "tcp/443");
    let rule = "standard rule `customers` of policy shop-front (examples/policies/shop/rules.yaml:";
    assert!(asked.contains(rule), "{asked}");
}

#[test]
fn essentials_are_let_through_whatever_the_policy_says() {
    let resolver = asked("web-1", "10.10.0.2", "udp/53");
    assert!(resolver.contains("essential aws resolver of vpc-0ebcdfef8c9371576"), "{resolver}");
    let health = asked("copper-kettle-web", "web-1", "tcp/8080");
    assert!(health.contains("essential health checks 8080"), "{health}");
    let other = asked("copper-kettle-web", "web-1", "tcp/22");
    assert!(other.starts_with("deny: "), "{other}");
    // The metadata of a machine is none of them.
    let metadata = asked("orders-db", "169.254.169.254", "tcp/80");
    assert!(metadata.starts_with("deny: "), "{metadata}");
}

/// "Essentials are a generated, versioned, visible rule set per platform": what the shop needs of its platforms, and
/// the version that says so. With other rules the version is another one.
#[test]
fn essentials_have_a_version_that_says_what_they_are() {
    let arguments = ["policy", "essentials", "--estate", "examples/estates/shop", "-f", "json"];
    let shown: serde_json::Value = serde_json::from_str(&run(&arguments).1).unwrap();
    let rows = shown["essentials"].as_array().unwrap().iter();
    let rows: BTreeSet<String> = rows
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            let gap = row["gap"].as_str().map_or_else(String::new, |gap| format!(": {gap}"));
            format!("{} {} {} {}{gap}", text("platform"), text("name"), text("over"), text("state"))
        })
        .collect();
    let expected = [
        "aws address configuration udp/67,547 unfilterable: they do not filter the provider's DHCP",
        "aws health checks tcp/8080 on",
        "aws health checks tcp/8081 on",
        "aws health checks tcp/8443 on",
        "aws neighbour discovery icmpv6/133-136 unfilterable: the provider's network answers in the neighbours' place",
        "aws resolver tcp/53; udp/53 unfilterable: they do not filter the provider's resolver",
        "aws time udp/123 unfilterable: they do not filter the provider's time service",
        "kubernetes control plane tcp/10250 on",
        "kubernetes control plane tcp/443 on",
        "kubernetes health checks tcp/8080 on",
        "kubernetes node to own pod tcp; udp; dccp; sctp; udplite unfilterable: it does not block a pod's own node",
        "kubernetes resolver tcp/53; udp/53 on",
    ];
    let expected: BTreeSet<String> = expected.map(str::to_owned).into();
    assert_eq!((shown["version"].as_str(), rows), (Some("2026-12.2"), expected));
}

/// "visible (`watertight policy essentials`)": what a policy lists is shown beside what is generated.
#[test]
fn essentials_that_a_policy_lists_are_shown_and_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("management.yaml");
    let text = "apiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {name: management}\n\
        spec:\n  failsafe:\n  - from: [{addresses: [192.0.2.0/28]}]\n    to: [{segment: data}]\n    \
        over: [{tcp: 22}]\n  controlPlanes:\n  - {cluster: kettle, addresses: [192.0.2.64/28]}\n  \
        - {cluster: pot, addresses: [192.0.2.80/28]}\n";
    fs::write(&file, text).unwrap();
    let (shop, file) = ("examples/policies/shop", file.to_str().unwrap());
    let estate = ["--estate", "examples/estates/shop"];
    let shown = run(&[&["policy", "essentials", shop, file, "-f", "json"][..], &estate].concat()).1;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let rows = shown["essentials"].as_array().unwrap().iter();
    let rows: Vec<String> = rows
        .filter(|row| row["platform"] == "policy")
        .map(|row| {
            format!("{}: {} to {} over {}", row["name"], row["from"], row["to"], row["over"])
        })
        .map(|row| row.replace('"', ""))
        .collect();
    let nodes = "every node of kettle (8 interfaces)";
    let pot = "every node of pot, none of which is in the estate";
    let plane = |cluster: &str, at: &str| format!("the control plane of {cluster} at {at}");
    let (kettle, pot_plane) = (plane("kettle", "192.0.2.64/28"), plane("pot", "192.0.2.80/28"));
    assert_eq!(
        rows,
        [
            "failsafe management: {addresses: [192.0.2.0/28]} to {segment: data} over tcp/22"
                .to_owned(),
            format!("control plane: {kettle} to {nodes} over tcp/10250"),
            format!("control plane: {nodes} to {kettle} over tcp/443,6443"),
            format!("control plane: {pot_plane} to {pot} over tcp/10250"),
            format!("control plane: {pot} to {pot_plane} over tcp/443,6443"),
        ]
    );
    let ask = |from: &str, to: &str, over: &str| {
        let leg = ["--from", from, "--to", to, "--over", over, "--under", "pending"];
        let paths = ["policy", "ask", shop, file, "--at", "2026-12-01T00:00:00Z"];
        run(&[&paths[..], &estate, &leg].concat()).1
    };
    let desk = ask("192.0.2.1", "orders-db", "tcp/22");
    assert!(desk.contains("failsafe management") && desk.contains("management.yaml:6"), "{desk}");
    let api = ask("eks-node-1", "192.0.2.65", "tcp/6443");
    assert!(api.contains("essential kubernetes nodes to listed control plane"), "{api}");
    let kubelet = ask("192.0.2.65", "eks-node-1", "tcp/10250");
    assert!(kubelet.contains("essential kubernetes listed control plane to nodes"), "{kubelet}");
}

/// "Each is `on` (it can be narrowed)": between others than those who are named, rules decide.
#[test]
fn essentials_are_narrowed_to_whom_a_policy_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("narrowed.yaml");
    let text = "apiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {name: narrowed}\nspec:\n  \
        narrowed:\n  - essential: health checks\n    from: [{matchLabels: {app: web-front}}]\n    \
        to: [{matchLabels: {app: web}}]\n  - {essential: control plane, from: [{matchLabels: {kind: cluster}}]}\n";
    fs::write(&file, text).unwrap();
    let (shop, file) = ("examples/policies/shop", file.to_str().unwrap());
    let estate = ["--estate", "examples/estates/shop"];
    let with = |narrowed: bool, from: &str, to: &str, over: &str| {
        let leg = ["--from", from, "--to", to, "--over", over, "--under", "pending"];
        let files: &[&str] = if narrowed { &[shop, file] } else { &[shop] };
        let at = ["--at", "2026-12-01T00:00:00Z"];
        run(&[&["policy", "ask"][..], files, &estate, &leg, &at].concat()).1
    };
    let essential = |narrowed, from: &str, to: &str, over: &str| {
        with(narrowed, from, to, over).contains("because       essential ")
    };
    // The last two are narrowed away: another target of the same front, and the other direction.
    for (from, to, over, stays) in [
        ("copper-kettle-web", "web-1", "tcp/8080", true),
        ("kettle", "eks-node-1", "tcp/10250", true),
        ("copper-kettle-web", "orders-api-1", "tcp/8081", false),
        ("eks-node-1", "kettle", "tcp/443", false),
    ] {
        assert!(essential(false, from, to, over), "{from} -> {to}");
        assert_eq!(essential(true, from, to, over), stays, "{from} -> {to}");
    }
    let shown = run(&[&["policy", "essentials", shop, file, "-f", "json"][..], &estate].concat()).1;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let rows = shown["essentials"].as_array().unwrap();
    let within = "from {matchLabels: {app: web-front}} to {matchLabels: {app: web}}";
    for row in rows {
        let (state, told) = match row["name"].as_str().unwrap() {
            "health checks" => ("narrowed", within.into()),
            "control plane" => ("narrowed", "from {matchLabels: {kind: cluster}}".into()),
            "resolver" if row["platform"] == "kubernetes" => ("on", serde_json::Value::Null),
            _ => ("unfilterable", serde_json::Value::Null),
        };
        assert_eq!((row["state"].as_str(), &row["within"]), (Some(state), &told), "{row}");
    }
    let shown = run(&[&["policy", "essentials", shop, file][..], &estate].concat()).1;
    let of = |state: &str| rows.iter().filter(|row| row["state"] == state).count();
    let (on, narrowed, unfilterable) = (of("on"), of("narrowed"), of("unfilterable"));
    assert!(narrowed > 1, "{shown}");
    let line = format!("{on} on, {narrowed} narrowed, {unfilterable} unfilterable.");
    assert!(shown.contains(&line), "{shown}");
}

/// A narrowing of one side once closed the other direction between nodes and their control plane, unsaid.
#[test]
fn a_narrowing_that_leaves_nothing_of_a_direction_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("narrowed.yaml");
    let told = |entries: &str| {
        let text = format!(
            "apiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {{name: narrowed}}\n\
             spec: {{narrowed: [{entries}]}}\n"
        );
        fs::write(&file, text).unwrap();
        let estate = ["--estate", "examples/estates/shop", "-f", "json"];
        let found = run(&[&["policy", "check", file.to_str().unwrap()][..], &estate].concat()).1;
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        let found = found["diagnostics"].as_array().unwrap().iter();
        let found = found.filter(|one| one["code"] == "WT0348");
        found.map(|one| one["message"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    let plane = "{essential: control plane, from: [{matchLabels: {kind: cluster}}]}";
    let found = told(plane);
    let [only] = &found[..] else { panic!("{found:?}") };
    assert!(
        only.starts_with("narrowed so, nothing is left of what nodes ask their control plane: ")
    );
    let nodes = "{essential: control plane, from: [{matchLabels: {kind: machine}}]}";
    assert_eq!(told(&format!("{plane}, {nodes}")), [""; 0]);
    let checks =
        |app: &str| format!("{{essential: health checks, to: [{{matchLabels: {{app: {app}}}}}]}}");
    assert_eq!(told(&checks("web")), [""; 0]);
    let found = told(&checks("vault"));
    assert!(
        found.len() == 1 && found[0].contains("check the health of their targets"),
        "{found:?}"
    );
}
