//! `collect` on the command line: the shop behind a server gives the same answers as the shop on disk.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use watertight_testkit::aws_server::{Recording, Server, Troubles};

fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/estates/shop")
}

fn watertight(arguments: &[&str], server: Option<&Server>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watertight"));
    command.args(arguments).env_remove("AWS_PROFILE");
    if let Some(server) = server {
        command
            .env("AWS_ENDPOINT_URL", server.url())
            .env("AWS_ACCESS_KEY_ID", Server::key_of("111122223333"))
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/nowhere")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    }
    command.output().unwrap()
}

fn collect(server: &Server, out: &Path) -> Output {
    let out = out.to_str().unwrap();
    watertight(&["collect", "aws", "--organization", "--role", "audit", "-o", out], Some(server))
}

fn server(troubles: Troubles) -> Server {
    Server::start(Recording::read(&shop()).unwrap(), troubles).unwrap()
}

#[test]
fn the_shop_gives_the_same_answers_when_it_is_collected() {
    let server = server(Troubles { page_size: Some(1), ..Troubles::default() });
    let out = TempDir::new().unwrap();
    let collected = collect(&server, out.path());
    let text = String::from_utf8_lossy(&collected.stderr).into_owned();
    assert_eq!(collected.status.code(), Some(0), "{text}");
    let summary = String::from_utf8_lossy(&collected.stdout).into_owned();
    assert!(summary.starts_with("2 accounts in 4 places: "), "{summary}");
    assert!(summary.ends_with(", 0 denied, 0 failed\n"), "{summary}");
    let disk = provider_part_of_the_shop();
    let (disk, folder) = (disk.path().to_str().unwrap(), out.path().to_str().unwrap());
    let difference = watertight(&["diff", disk, folder], None);
    let told = String::from_utf8_lossy(&difference.stdout).into_owned();
    assert_eq!(difference.status.code(), Some(0), "{told}");
    for question in [["reach", "csv"], ["exposure", "csv"], ["inventory", "csv"]] {
        let ask = |estate| watertight(&[question[0], estate, "-f", question[1]], None);
        assert_eq!(lines(&ask(disk)), lines(&ask(folder)), "{question:?}");
    }
}

/// What of the shop an AWS account can tell: all but its cluster's own objects.
fn provider_part_of_the_shop() -> TempDir {
    let part = TempDir::new().unwrap();
    copy(&shop().join("raw/aws"), &part.path().join("raw/aws"));
    fs::copy(shop().join("estate.json"), part.path().join("estate.json")).unwrap();
    part
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The lines of what is printed, in any order.
fn lines(output: &Output) -> BTreeSet<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(ToOwned::to_owned).collect()
}

#[test]
fn a_denied_call_is_a_warning_an_entry_and_exit_code_2() {
    let denied = BTreeSet::from(["ec2-describe-subnets".to_owned()]);
    let server = server(Troubles { denied, ..Troubles::default() });
    let out = TempDir::new().unwrap();
    let collected = collect(&server, out.path());
    assert_eq!(collected.status.code(), Some(2));
    let text = String::from_utf8_lossy(&collected.stderr).into_owned();
    let warning = "warning: `ec2-describe-subnets` in account `111122223333`, `eu-central-1` was denied \
                   (`AccessDeniedException`)\n";
    assert!(text.contains(warning), "{text}");
    let description = fs::read(out.path().join("estate.json")).unwrap();
    let description: Value = serde_json::from_slice(&description).unwrap();
    assert_eq!(description["denied"].as_array().unwrap().len(), 2);
    let read = watertight(&["inventory", out.path().to_str().unwrap(), "--verbose"], None);
    let text = String::from_utf8_lossy(&read.stderr).into_owned();
    assert!(text.contains("WT0116"), "{text}");
}

#[test]
fn the_policy_is_printed_without_asking_anybody() {
    let printed = watertight(&["collect", "aws", "--print-iam-policy", "--role", "audit"], None);
    assert_eq!(printed.status.code(), Some(0));
    let policy: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let actions = policy["Statement"][0]["Action"].as_array().unwrap();
    assert!(actions.iter().any(|action| action == "ec2:DescribeVpcs"));
    assert_eq!(policy["Statement"][1]["Resource"], "arn:*:iam::*:role/audit");
}

#[test]
fn wrong_usage_is_exit_code_3_and_no_answer_is_1() {
    let out = TempDir::new().unwrap();
    let folder = out.path().to_str().unwrap();
    for arguments in [
        &["collect", "aws"][..],
        &["collect", "aws", "--organization", "-o", folder],
        &["collect", "aws", "--role", "r", "-o", folder],
        &["collect", "aws", "--accounts", "12", "--role", "r", "-o", folder],
        &["collect", "aws", "--all-regions", "--region", "eu-central-1", "-o", folder],
    ] {
        assert_eq!(watertight(arguments, None).status.code(), Some(3), "{arguments:?}");
    }
    let server = server(Troubles {
        denied: BTreeSet::from(["organizations-list-accounts".to_owned()]),
        ..Troubles::default()
    });
    let collected = collect(&server, out.path());
    assert_eq!(collected.status.code(), Some(1));
    let text = String::from_utf8_lossy(&collected.stderr).into_owned();
    assert!(text.contains("`organizations-list-accounts` was not answered"), "{text}");
    assert!(!out.path().join("raw").exists());
}

#[test]
fn what_did_not_change_is_kept_and_whoever_reads_it_is_told() {
    let server = server(Troubles::default());
    let out = TempDir::new().unwrap();
    let folder = out.path().to_str().unwrap();
    let since = |since: &str| {
        let arguments = ["collect", "aws", "--organization", "--role", "audit", "--since", since];
        watertight(&[&arguments[..], &["-o", folder]].concat(), Some(&server))
    };
    let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let first = since("7d");
    assert_eq!(first.status.code(), Some(0));
    let nothing = "all of these were asked for: nothing of an earlier collection was kept\n";
    assert!(said(&first).ends_with(nothing), "{}", said(&first));
    let id = |output: Output| said(&output).lines().next().unwrap_or_default().to_owned();
    let before = id(watertight(&["inventory", folder, "-f", "json"], None));
    let asked = server.requests();
    let second = since("7d");
    assert!(said(&second).contains(" of these kept from earlier collections, the oldest of 20"));
    assert!(server.requests() - asked < asked - 60, "{} after {asked}", server.requests() - asked);
    assert_eq!(before, id(watertight(&["inventory", folder, "-f", "json"], None)));
    let read = watertight(&["inventory", folder, "--verbose"], None);
    let text = String::from_utf8_lossy(&read.stderr).into_owned();
    assert!(text.contains("WT0905"), "{text}");
    assert!(
        text.contains("answers of account `111122223333` kept from earlier collections"),
        "{text}"
    );
    for wrong in ["soon", "2999-01-01T00:00:00Z"] {
        assert_eq!(since(wrong).status.code(), Some(3), "{wrong}");
    }
}

/// What a call would have told that was denied or failed is unknown, and never a permission or a denial.
#[test]
fn what_a_denied_or_failing_call_would_have_told_is_unknown_in_answers() {
    let all = ["ec2-describe-security-groups", "ec2-describe-security-group-rules"];
    let calls = || -> BTreeSet<String> { all.map(ToOwned::to_owned).into_iter().collect() };
    let denied = Troubles { denied: calls(), ..Troubles::default() };
    let failing = Troubles { failing: calls(), ..Troubles::default() };
    for (troubles, verb) in [(denied, "was denied"), (failing, "failed")] {
        let out = TempDir::new().unwrap();
        let collected = collect(&server(troubles), out.path());
        assert_eq!(collected.status.code(), Some(2));
        let told = String::from_utf8_lossy(&collected.stderr).into_owned();
        assert!(told.contains(&format!("`eu-central-1` {verb} (`")), "{told}");
        let folder = out.path().to_str().unwrap();
        let question = ["can", folder, "--from", "web-1", "--to", "web-2", "--over", "tcp/443"];
        let answer = watertight(&question, None);
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        assert!(text.starts_with("unknown: "), "{text}");
    }
}
