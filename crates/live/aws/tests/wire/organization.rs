//! Both accounts of the shop in a mock server that others wrote, collected as an organization; and the same
//! with troubles of ours between the collection and that server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use watertight_live_aws::{Given, Pace, Report, Request, Role, Who};
use watertight_net::FlowSet;
use watertight_testkit::aws_server::{Server, Trouble, Troubles};

use crate::moto::{Asking, MOCKED, Mock, OF_NOW, estate_of, machines, note, tools};
use crate::support::{DEVELOPMENT, SHOP, files, pace, run, shop};

const REGION: &str = "eu-central-1";

/// A mock server with the shop's two accounts and their peering, and what was loaded.
fn loaded(tools: &Path) -> (Mock, Value) {
    let mock = Mock::start(&tools.join("moto_server"));
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(tools.join("python"))
        .arg(here.join("tests/moto/organization.py"))
        .arg(mock.url())
        .arg(shop())
        .args([REGION, SHOP, DEVELOPMENT])
        .arg(here.join("tests/moto/load.py"))
        .arg(here.join("calls/plan.json"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let loaded: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(loaded["peered"].as_array().unwrap().len(), 1, "{loaded}");
    (mock, loaded)
}

/// A collection of the mock server's organization.
fn request(url: String, out: &Path) -> Request {
    let role = Role { name: "OrganizationAccountAccessRole".to_owned(), external_id: None };
    Request {
        profile: None,
        given: Some(Given { key_id: "a".to_owned(), secret: "s".to_owned(), address: Some(url) }),
        who: Who::Organization(role),
        regions: vec![REGION.to_owned()],
        all_regions: false,
        out: out.to_owned(),
        now: "2026-11-28T10:00:00Z".to_owned(),
        since: None,
        // What the mock server lacks fails however often it is asked.
        pace: Pace { attempts_max: 6, attempt_time_max: Duration::from_secs(30), ..pace() },
    }
}

/// What was not answered, by account, call and error.
fn refused(report: &Report) -> BTreeSet<(String, String, String)> {
    let one = |account: &str, call: &str, error: &str| {
        (account.to_owned(), call.to_owned(), error.to_owned())
    };
    report.unanswered.iter().map(|each| one(&each.account, &each.call, &each.error)).collect()
}

/// The bodies of an estate. Who a role is when it is assumed is another each time.
fn bodies(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut bodies = files(&out.join("raw/aws"));
    bodies.retain(|path, _| !path.ends_with("/sts-get-caller-identity.json"));
    bodies
}

#[test]
fn both_accounts_in_a_mock_server_give_the_shops_answers_whatever_troubles_lie_between() {
    let Some(tools) = tools() else { return };
    let (mock, loaded) = loaded(&tools);
    let made = loaded["account"].as_str().unwrap();
    let plain = TempDir::new().unwrap();
    let report = run(&request(mock.url(), plain.path())).unwrap();
    assert_eq!((report.accounts, report.places), (2, 4));
    let collected = bodies(plain.path());
    let (asked, across) = assert_same_answers(&collected, made);
    let first = vec![
        Trouble::Throttle(1),
        Trouble::Fault,
        Trouble::Cut,
        Trouble::Expired,
        Trouble::Slow(20),
    ];
    let troubles = Troubles { first, every: 2, ..Troubles::default() };
    let proxy = Server::before(mock.port, troubles).unwrap();
    let troubled = TempDir::new().unwrap();
    let despite = run(&request(proxy.url(), troubled.path())).unwrap();
    assert_eq!(refused(&despite), refused(&report));
    assert_same_bodies(&bodies(troubled.path()), &collected);
    let requests = proxy.requests();
    assert_denied(&mock, made, &report);
    note(&format!(
        "collecting an organization from a mock server: {asked} questions answered alike, {across} of \
         them between accounts; {} bodies the same through {requests} requests with troubles; {} calls \
         and {} parts of the shop not held by it",
        collected.len(),
        refused(&report).len(),
        loaded["failed"].as_array().unwrap().len()
    ));
}

fn assert_same_bodies(ours: &BTreeMap<String, Vec<u8>>, wanted: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(ours.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    for (path, body) in wanted {
        // When a role was used last changes with every use, and other times with every question.
        let lines = |body: &[u8]| -> Vec<String> {
            let text = String::from_utf8_lossy(body).into_owned();
            let is_of_now =
                |line: &&str| OF_NOW.iter().any(|key| line.contains(&format!("\"{key}\"")));
            let lines = text.lines().filter(|line| !is_of_now(line));
            lines.map(ToOwned::to_owned).collect()
        };
        assert_eq!(lines(&ours[path]), lines(body), "{path}");
    }
}

/// What a proxy denies is named, and all else is there; an account that may not be entered is unknown.
fn assert_denied(mock: &Mock, made: &str, plain: &Report) {
    let denied = BTreeSet::from(["ec2-describe-subnets".to_owned()]);
    let closed = BTreeSet::from([made.to_owned()]);
    let troubles = Troubles { denied, closed, ..Troubles::default() };
    let proxy = Server::before(mock.port, troubles).unwrap();
    let out = TempDir::new().unwrap();
    let report = run(&request(proxy.url(), out.path())).unwrap();
    let of = |report: &Report, account: &str| -> BTreeSet<String> {
        let unanswered = report.unanswered.iter().filter(|one| one.account == account);
        unanswered.map(|one| one.call.clone()).collect()
    };
    let mut expected = of(plain, MOCKED);
    expected.insert("ec2-describe-subnets".to_owned());
    assert_eq!(of(&report, MOCKED), expected);
    let unknown = of(&report, made);
    assert!(unknown.len() > 150 && unknown.contains("sts-assume-role"), "{unknown:?}");
}

/// Asks about every two machines that can be told apart by their names, of one VPC or of two that are
/// peered. Gives the numbers of questions, in all and between accounts.
fn assert_same_answers(collected: &BTreeMap<String, Vec<u8>>, made: &str) -> (usize, usize) {
    let recorded = estate_of(files(&shop().join("raw/aws")));
    let collected = estate_of(collected.clone());
    let (names, theirs) = (machines(&recorded), machines(&collected));
    assert_eq!(names, theirs, "{made}");
    let (left, right) = (Asking::new(&recorded), Asking::new(&collected));
    let flows: FlowSet = "tcp/22; tcp/8080".parse().unwrap();
    let (mut asked, mut across, mut different) = (0, 0, Vec::new());
    for from in &names {
        for to in names.iter().filter(|to| *to != from) {
            if !left.are_joined(from, to) {
                continue;
            }
            let (ours, mut theirs) = (right.ask(from, to, &flows), left.ask(from, to, &flows));
            // The mock server's interfaces have one address each.
            theirs.retain(|address, _| ours.contains_key(address));
            assert!(!ours.is_empty(), "from {from} to {to}");
            // The mock server's routes always lead somewhere.
            if theirs.values().flatten().any(|one| one.starts_with("NullRouted")) {
                continue;
            }
            if ours != theirs {
                different.push(format!("from {from} to {to}: {ours:?}, not {theirs:?}"));
            }
            asked += 1;
            across += usize::from(left.realm(from) != left.realm(to));
        }
    }
    assert_eq!(different, Vec::<String>::new());
    assert!(asked > 500 && across > 50, "{asked} {across}");
    (asked, across)
}
