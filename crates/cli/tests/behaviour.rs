//! What holds for every command: exit codes, where output goes, which input is refused.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn small() -> PathBuf {
    root().join("testdata/estates/small")
}

fn watertight(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A copy of the small estate that a test may change.
fn copy(to: &Path) {
    for (path, contents) in files(&small()) {
        let target = to.join(path.strip_prefix(small()).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, contents).unwrap();
    }
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let contents = fs::read(&path).unwrap();
            found.push((path, contents));
        }
    }
    found
}

fn id(estate: &Path) -> String {
    let output = watertight(&["inventory", text(estate), "-f", "json"]);
    assert_eq!(code(&output), 0, "{}", error(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    json["estate"].as_str().unwrap().to_owned()
}

#[test]
fn json_begins_with_its_schema() {
    let output = watertight(&["inventory", text(&small()), "--format", "json"]);
    let json = String::from_utf8(output.stdout).unwrap();
    assert!(json.starts_with("{\n  \"schema\": \"watertight.inventory/v1\""), "{json}");
}

#[test]
fn out_names_a_file_and_leaves_standard_output_empty() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("answer.json");
    let arguments = ["can", "testdata/estates/small", "--from", "web-1", "--to", "db-1"];
    let direct = watertight(&[&arguments[..], &["-f", "json"]].concat());
    let to_file = watertight(&[&arguments[..], &["-f", "json", "-o", text(&out)]].concat());
    assert!(to_file.stdout.is_empty());
    assert_eq!(code(&to_file), code(&direct));
    assert_eq!(fs::read(out).unwrap(), direct.stdout);
}

#[test]
fn malformed_input_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("inventory.json");
    for case in ["truncated", "not-utf8", "duplicate-key", "wrong-type", "conflict"] {
        let estate = format!("crates/cli/tests/estates/{case}");
        let output = watertight(&["inventory", &estate, "-f", "json", "-o", text(&out)]);
        assert_eq!(code(&output), 3, "{case}");
        assert!(output.stdout.is_empty(), "{case}");
        assert!(!out.exists(), "{case}");
        assert!(error(&output).contains("describe-vpcs.json:"), "{case}: {}", error(&output));
    }
}

#[test]
fn a_file_that_cannot_be_written_is_a_failure() {
    let output =
        watertight(&["inventory", "testdata/estates/small", "-o", "testdata/nowhere/out.txt"]);
    assert_eq!(code(&output), 1);
    assert!(error(&output).contains("testdata/nowhere/out.txt"));
}

#[test]
fn wrong_usage_is_exit_code_3_and_help_is_0() {
    assert_eq!(code(&watertight(&["cann"])), 3);
    assert_eq!(code(&watertight(&["inventory"])), 3);
    assert_eq!(code(&watertight(&["inventory", "x", "-f", "yaml"])), 3);
    assert_eq!(code(&watertight(&["can", "--help"])), 0);
    assert_eq!(code(&watertight(&["--version"])), 0);
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_single_body_is_an_estate() {
    let body = small().join("raw/aws/111111111111/eu-west-1/ec2-describe-vpcs.json");
    let output = watertight(&["inventory", text(&body)]);
    assert_eq!(code(&output), 0, "{}", error(&output));
    assert!(String::from_utf8(output.stdout).unwrap().contains("2 networks"));
}

#[test]
fn a_bare_tree_of_bodies_gives_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    for (path, contents) in files(&small().join("raw")) {
        fs::write(folder.path().join(path.file_name().unwrap()), contents).unwrap();
    }
    let ask = |estate: &str| {
        let arguments = ["can", estate, "--from", "ci-1", "--to", "db-1", "--over", "tcp/22"];
        let output = watertight(&[&arguments[..], &["-f", "json"]].concat());
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (code(&output), json["answer"].clone(), json["arrives"].clone())
    };
    assert_eq!(ask(text(folder.path())), ask(text(&small())));
}

#[test]
fn the_id_is_of_the_content_and_not_of_its_writing_or_times() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let before = id(&small());
    assert_eq!(before.len(), 64);
    assert_eq!(id(folder.path()), before);

    let manifest = folder.path().join("estate.json");
    let written = fs::read_to_string(&manifest).unwrap();
    assert!(written.contains("2026-11-20T06:30:00Z"));
    fs::write(&manifest, written.replace("2026-11-20T06:30:00Z", "2027-01-01T00:00:00Z")).unwrap();
    assert_eq!(id(folder.path()), before, "a time changes nothing");

    let body = folder.path().join("raw/aws/111111111111/eu-west-1/ec2-describe-vpcs.json");
    let value: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&body).unwrap()).unwrap();
    fs::write(&body, value.to_string()).unwrap();
    assert_eq!(id(folder.path()), before, "white space changes nothing");

    fs::write(&body, value.to_string().replace("\"build\"", "\"builds\"")).unwrap();
    assert_ne!(id(folder.path()), before, "content does");
}

#[test]
fn files_that_are_no_bodies_are_told_or_skipped() {
    let folder = tempfile::tempdir().unwrap();
    for (path, contents) in files(&small().join("raw")) {
        fs::write(folder.path().join(path.file_name().unwrap()), contents).unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    fs::write(folder.path().join(".hidden.json"), "not json").unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    fs::write(folder.path().join(".git/x.json"), "not json").unwrap();
    let output = watertight(&["inventory", text(folder.path()), "--verbose"]);
    assert_eq!(code(&output), 0, "{}", error(&output));
    let told = error(&output);
    assert!(told.contains("notes.txt") && !told.contains("hidden") && !told.contains(".git"));
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_followed_and_a_loop_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let estate = folder.path().join("estate");
    fs::create_dir(&estate).unwrap();
    std::os::unix::fs::symlink(fs::canonicalize(small().join("raw")).unwrap(), estate.join("raw"))
        .unwrap();
    assert_eq!(code(&watertight(&["inventory", text(&estate)])), 0);
    let inner = folder.path().join("loop/inner");
    fs::create_dir_all(&inner).unwrap();
    std::os::unix::fs::symlink("..", inner.join("up")).unwrap();
    let output = watertight(&["inventory", text(&folder.path().join("loop"))]);
    assert_eq!(code(&output), 3);
    assert!(error(&output).contains("leads back"), "{}", error(&output));
}

#[test]
fn the_description_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let manifest = folder.path().join("estate.json");
    let written = fs::read_to_string(&manifest).unwrap();
    let inventory = |contents: &str, more: &[&str]| {
        fs::write(&manifest, contents).unwrap();
        watertight(&[&["inventory", text(folder.path())], more].concat())
    };
    let newer = inventory(&written.replace("estate/v1", "estate/v9"), &[]);
    assert_eq!(code(&newer), 3);
    assert!(error(&newer).contains("`watertight.estate/v9` is not known"), "{}", error(&newer));
    let wrong = inventory(&written.replace("\"denied\": [", "\"denied\": [7, "), &[]);
    assert_eq!(code(&wrong), 3);
    let (time, odd) = ("\"collected\": \"2026-11-", "\"collected\": \"2026-11-3");
    assert!(written.contains(time), "{written}");
    let wrong = inventory(&written.replace(time, odd), &[]);
    assert_eq!(code(&wrong), 3);
    assert!(error(&wrong).contains("a time such as"), "{}", error(&wrong));
    let absent = written.replace("\"ec2-describe-vpcs\"", "\"ec2-describe-vpcs\", \"ec2-x\"");
    let warned = inventory(&absent, &[]);
    assert_eq!(code(&warned), 0);
    assert!(error(&warned).contains("there is no body"), "{}", error(&warned));
    assert_eq!(code(&inventory(&absent, &["--strict"])), 3);
}

#[test]
fn a_call_that_was_denied_or_failed_leaves_what_it_decides_unknown() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let manifest = folder.path().join("estate.json");
    let written = fs::read_to_string(&manifest).unwrap();
    let estate = text(folder.path());
    let ask = || {
        let question = ["--from", "web-1", "--to", "internet@198.51.100.7", "--over", "tcp/443"];
        let output =
            watertight(&[&["can", estate, "--verbose", "-f", "json"], &question[..]].concat());
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (json["answer"].as_str().unwrap().to_owned(), error(&output))
    };
    assert_eq!(ask().0, "exits_network");
    let body = "raw/aws/111111111111/eu-west-1/ec2-describe-internet-gateways.json";
    fs::remove_file(folder.path().join(body)).unwrap();
    let written = written.replace("\"ec2-describe-internet-gateways\",", "");
    for (list, error) in [("denied", "UnauthorizedOperation"), ("failed", "RequestLimitExceeded")] {
        let call = format!(
            r#""{list}": [{{"provider": "aws", "account": "111111111111", "region": "eu-west-1",
                "call": "ec2-describe-internet-gateways", "error": "{error}"}}], "more": ["#
        );
        fs::write(&manifest, written.replace("\"denied\": [", &call)).unwrap();
        let (answer, told) = ask();
        assert_eq!(answer, "unknown", "{list}");
        let says = ["WT0116", "`ec2-describe-internet-gateways` in account", error];
        assert!(says.iter().all(|part| told.contains(part)), "{told}");
        let inventory = watertight(&["inventory", estate]);
        let printed = String::from_utf8(inventory.stdout).unwrap();
        assert!(printed.contains("ec2-describe-internet-gateways"), "{printed}");
        let other = fs::read_to_string(&manifest)
            .unwrap()
            .replace("\"provider\": \"aws\", \"account\"", "\"provider\": \"azure\", \"account\"");
        fs::write(&manifest, other).unwrap();
        assert!(!ask().1.contains("WT0116"), "another provider's call is none of AWS");
    }
}

/// Whether the account blocks public access was not told: what guards let in may come, and it may not.
#[test]
fn what_is_only_perhaps_open_to_the_internet_is_titled_so() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let manifest = folder.path().join("estate.json");
    let titles = || {
        let output = watertight(&["assess", text(folder.path())]);
        let printed = String::from_utf8(output.stdout).unwrap();
        let titles = printed.lines().map(str::trim).filter(|line| line.contains("internet"));
        titles.map(str::to_owned).collect::<Vec<String>>()
    };
    let (sure, perhaps) = ("The internet reaches web-1", "The internet perhaps reaches web-1");
    assert!(titles().iter().any(|title| title == sure), "{:#?}", titles());
    let call = r#""denied": [{"provider": "aws", "account": "111111111111", "region": "eu-west-1",
        "call": "ec2-describe-vpc-block-public-access-options", "error": "UnauthorizedOperation"}],
        "more": ["#;
    let written = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, written.replace("\"denied\": [", call)).unwrap();
    let titles = titles();
    assert!(titles.iter().any(|title| title == perhaps), "{titles:#?}");
    assert!(!titles.iter().any(|title| title == sure), "{titles:#?}");
}

#[test]
fn bodies_of_a_provider_that_is_not_read_are_told() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    fs::create_dir_all(folder.path().join("raw/azure/x")).unwrap();
    fs::write(folder.path().join("raw/azure/x/vnets.json"), "[]").unwrap();
    let output = watertight(&["inventory", text(folder.path())]);
    assert_eq!(code(&output), 0);
    assert!(error(&output).contains("`raw/azure` are not read"), "{}", error(&output));
}

#[test]
fn names_cannot_steer_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let body = folder.path().join("raw/aws/111111111111/eu-west-1/ec2-describe-instances.json");
    let written = fs::read_to_string(&body).unwrap();
    let evil = r"ci\u001b[31m\n1";
    fs::write(&body, written.replace("ci-1", evil)).unwrap();
    for arguments in [
        vec!["inventory", text(folder.path())],
        vec!["can", text(folder.path()), "--from", "i-000000000000000b1", "--to", "db-1"],
    ] {
        let output = watertight(&arguments);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("ci\u{fffd}[31m\u{fffd}1"), "{printed}");
        assert!(!printed.contains('\u{1b}'));
    }
}

#[test]
fn errors_have_no_colours_away_from_a_terminal() {
    let output = watertight(&["inventory", "crates/cli/tests/estates/truncated"]);
    assert!(!error(&output).contains('\u{1b}'));
}

#[test]
fn completions_and_man_pages_name_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = watertight(&["completions", shell]);
        assert_eq!(code(&output), 0);
        assert!(String::from_utf8(output.stdout).unwrap().contains("inventory"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(&watertight(&["man", "-o", text(folder.path())])), 0);
    for page in ["watertight.1", "watertight-can.1", "watertight-inventory.1"] {
        let content = fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(content.contains(".SH NAME"), "{page}");
    }
}

#[test]
fn who_has_the_address_of_another_network_s_end_is_not_that_end() {
    let folder = tempfile::tempdir().unwrap();
    let machine = |id: &str, subnet: &str, address: &str| {
        format!(
            r#"{{"InstanceId": "{id}", "State": {{"Name": "running"}}, "NetworkInterfaces": [
            {{"NetworkInterfaceId": "eni-{id}", "SubnetId": "{subnet}", "Status": "in-use",
              "PrivateIpAddress": "{address}", "PrivateIpAddresses": [
                {{"PrivateIpAddress": "{address}", "Primary": true}}],
              "Groups": [{{"GroupId": "sg-{subnet}"}}]}}]}}"#
        )
    };
    let group = |name: &str| {
        let any = r#"[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]"#;
        format!(
            r#"{{"GroupId": "sg-{name}", "GroupName": "{name}", "VpcId": "vpc-{name}",
            "IpPermissions": {any}, "IpPermissionsEgress": {any}}}"#
        )
    };
    let network = |name: &str| {
        let subnet = format!(
            r#"{{"SubnetId": "{name}", "VpcId": "vpc-{name}", "CidrBlock": "172.31.0.0/20"}}"#
        );
        let table = format!(
            r#"{{"RouteTableId": "rtb-{name}", "VpcId": "vpc-{name}", "Associations":
            [{{"Main": true}}], "Routes": [{{"DestinationCidrBlock": "172.31.0.0/16",
            "GatewayId": "local", "State": "active"}}]}}"#
        );
        (format!(r#"{{"VpcId": "vpc-{name}", "CidrBlock": "172.31.0.0/16"}}"#), subnet, table)
    };
    let both = |part: fn((String, String, String)) -> String| {
        [part(network("a")), part(network("b"))].join(", ")
    };
    let machines = [
        machine("i-web", "a", "172.31.0.10"),
        machine("i-other", "a", "172.31.0.20"),
        machine("i-db", "b", "172.31.0.20"),
    ];
    let bodies = [
        ("ec2-describe-vpcs", format!(r#"{{"Vpcs": [{}]}}"#, both(|one| one.0))),
        ("ec2-describe-subnets", format!(r#"{{"Subnets": [{}]}}"#, both(|one| one.1))),
        ("ec2-describe-route-tables", format!(r#"{{"RouteTables": [{}]}}"#, both(|one| one.2))),
        (
            "ec2-describe-security-groups",
            format!(r#"{{"SecurityGroups": [{}]}}"#, [group("a"), group("b")].join(", ")),
        ),
        (
            "ec2-describe-instances",
            format!(r#"{{"Reservations": [{{"Instances": [{}]}}]}}"#, machines.join(", ")),
        ),
    ];
    let to = folder.path().join("raw/aws/111111111111/eu-west-1");
    fs::create_dir_all(&to).unwrap();
    for (call, body) in bodies {
        fs::write(to.join(format!("{call}.json")), body).unwrap();
    }
    let ask = |end: &str| {
        let estate = text(folder.path());
        let over = ["--over", "tcp/5432", "-f", "json"];
        let question = [&["can", estate, "--from", "i-web", "--to", end], &over[..]].concat();
        let output = watertight(&question);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (json["answer"].as_str().unwrap().to_owned(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(ask("i-other").0, "accepted");
    let (answer, told) = ask("i-db");
    assert_eq!(answer, "denied", "{told}");
    assert!(told.contains("there the address is that of i-other"), "{told}");
}

#[test]
fn two_pods_that_share_a_further_network_alone_reach_each_other_there() {
    let pod = |name: &str, networks: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop, annotations: {{k8s.v1.cni.cncf.io/networks: '{networks}'}}}}, spec: {{containers: [{{name: c}}]}}}}\n---\n"
        )
    };
    let others = "{apiVersion: k8s.ovn.org/v1, kind: UserDefinedNetwork, metadata: {name: blue, namespace: shop}, spec: {topology: Layer2, layer2: {role: Secondary}}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: closed, namespace: shop}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}
";
    let folder = tempfile::tempdir().unwrap();
    let manifests = folder.path().join("shop.yaml");
    let ask = |db: &str| {
        fs::write(&manifests, format!("{}{}{others}", pod("web", "blue"), pod("db", db))).unwrap();
        let question = ["--from", "shop/web", "--to", "shop/db", "--over", "tcp/5432"];
        let input = ["can", "--manifests", text(&manifests)];
        let output = watertight(&[&input[..], &question].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let shared = ask("blue");
    assert!(shared.starts_with("accepted"), "{shared}");
    assert!(shared.contains("shop/db on shop/blue"), "{shared}");
    // From one network nothing is sent to the other, so that these pairs are no question.
    assert!(shared.contains("1 of 2 pairs"), "{shared}");
    let alone = ask("");
    assert!(alone.starts_with("denied_out"), "{alone}");
}

/// What load balancers lead to is not closed because their bodies are missing: it is unknown.
#[test]
fn a_load_balancer_without_its_bodies_may_lead_to_whomever_it_reaches() {
    let shop = root().join("examples/estates/shop");
    let leads = |missing: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        for (path, contents) in files(&shop) {
            let name = path.file_stem().unwrap().to_str().unwrap();
            if missing.iter().any(|one| path.to_str().unwrap().contains(one)) || name == "estate" {
                continue;
            }
            let path = folder.path().join(path.strip_prefix(&shop).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }
        let raw = folder.path().join("raw");
        let ask = |arguments: &[&str]| {
            let output = watertight(&[arguments, &["-f", "json"]].concat());
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
        };
        let raw = text(&raw);
        let can = ["can", raw, "--from", "internet@8.8.8.8", "--to", "203.0.113.100"];
        let answer = ask(&[&can[..], &["--over", "tcp/443"]].concat())["answer"].clone();
        let exposed = ask(&["exposure", raw]);
        let exposed = exposed["exposed"].as_array().unwrap();
        let behind = exposed.iter().find(|one| {
            let is_web = one["workloads"].to_string().contains("shop-web");
            is_web && one["direction"] == "inbound" && !one["through"].is_null()
        });
        let sure = behind.map(|one| one["behind"]["sure"] != "none");
        (answer.as_str().unwrap().to_owned(), sure)
    };
    assert_eq!(leads(&[]), ("accepted".to_owned(), Some(true)));
    assert_eq!(leads(&["elbv2-"]), ("unknown".to_owned(), Some(false)));
    assert_eq!(leads(&["elbv2-describe-listeners"]), ("unknown".to_owned(), Some(false)));
    assert_eq!(leads(&["elbv2-describe-target"]), ("accepted".to_owned(), Some(false)));
}
