//! A mock server that others wrote, holding what it can hold of the shop: what is collected from it is
//! what the provider's own library reads there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use watertight_aws::{Body, Options, convert};
use watertight_live_aws::{Given, Pace, Request, Who};
use watertight_model::network::{Gateway, GatewayKind, RealmId};
use watertight_model::{Estate, WorkloadKind};
use watertight_net::{Family, FlowSet};
use watertight_reach::Reach;
use watertight_reach::ends::Directory;
use watertight_source::{FileId, Limits, Tree};

use crate::support::{SHOP, files, json, pace, run, shop};

/// The account of a mock server.
pub(crate) const MOCKED: &str = "123456789012";
/// What a mock server tells anew each time that it is asked.
pub(crate) const OF_NOW: [&str; 4] =
    ["LatestRestorableTime", "EarliestRestorableTime", "Timestamp", "LastUsedDate"];
/// How often it is looked whether the server listens.
const LOOKS_MAX: usize = 1200;

/// A mock server that ends with the test.
pub(crate) struct Mock {
    child: Child,
    pub(crate) port: u16,
}

impl Mock {
    pub(crate) fn start(program: &Path) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut mock = Self { child, port };
        for _ in 0..LOOKS_MAX {
            assert!(mock.child.try_wait().unwrap().is_none(), "the mock server ended");
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return mock;
            }
            thread::park_timeout(Duration::from_millis(50));
        }
        panic!("the mock server does not listen");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The folder of programs where the mock server is, or a note that the test is skipped.
pub(crate) fn tools() -> Option<PathBuf> {
    let given = std::env::var_os("WATERTIGHT_TOOLS").map(PathBuf::from);
    let built = std::env::current_exe().unwrap();
    let target = built.ancestors().nth(3).map(|target| target.join("tools"));
    let mut folders = given.into_iter().chain(target).map(|tools| tools.join("bin"));
    let found = folders.find(|folder| folder.join("moto_server").is_file());
    if found.is_none() {
        note("skipped: collecting from a mock server: no moto_server in the tools folder");
    }
    found
}

pub(crate) fn note(line: &str) {
    let Some(path) = std::env::var_os("WATERTIGHT_NOTES") else { return };
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    writeln!(file, "{line}").unwrap();
}

fn load(tools: &Path, mock: &Mock, out: &Path) -> Value {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(tools.join("python"))
        .arg(here.join("tests/moto/load.py"))
        .arg(mock.url())
        .arg(shop())
        .args([SHOP, "eu-central-1"])
        .arg(out)
        .arg(here.join("calls/plan.json"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_is_collected_from_a_mock_server_is_what_the_providers_library_reads_there() {
    let Some(tools) = tools() else { return };
    let mock = Mock::start(&tools.join("moto_server"));
    let (read, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let loaded = load(&tools, &mock, read.path());
    assert!(loaded["loaded"].as_u64().unwrap() > 100, "{loaded}");
    let request = Request {
        profile: None,
        given: Some(Given {
            key_id: "a".to_owned(),
            secret: "s".to_owned(),
            address: Some(mock.url()),
        }),
        who: Who::Own,
        regions: vec!["eu-central-1".to_owned()],
        all_regions: false,
        out: out.path().to_owned(),
        now: "2026-11-28T10:00:00Z".to_owned(),
        since: None,
        // What the mock server lacks fails however often it is asked.
        pace: Pace { attempts_max: 2, attempt_time_max: Duration::from_secs(30), ..pace() },
    };
    let report = run(&request).unwrap();
    let account = out.path().join("raw/aws").join(MOCKED);
    let mut compared = 0;
    for entry in fs::read_dir(read.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        let places = ["eu-central-1", "global"].map(|place| account.join(place).join(name));
        let Some(ours) = places.iter().find(|path| path.is_file()) else {
            panic!("{} was not collected", name.display());
        };
        assert_holds(&json(ours), &json(&path), &name.to_string_lossy());
        compared += 1;
    }
    assert!(compared >= 60, "{compared}");
    let answers = assert_same_answers(&account.parent().unwrap().join(MOCKED));
    let failed: Vec<&str> = report.unanswered.iter().map(|one| one.call.as_str()).collect();
    note(&format!(
        "collecting from a mock server: {compared} calls equal, {answers} questions answered alike, \
         {} calls and {} parts of the shop not held by it",
        failed.len(),
        loaded["failed"].as_array().unwrap().len()
    ));
}

/// Whether everything that the library read is there too. What it drops because its models do not
/// know it, and empty fields, may be there on top.
fn assert_holds(ours: &Value, theirs: &Value, place: &str) {
    match (ours, theirs) {
        // The mock server's own user is called as access keys are.
        (Value::String(text), _) if text == "REDACTED" => {}
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, inner) in theirs {
                let place = format!("{place}.{key}");
                // The first of many pages says that there are more.
                if key.ends_with("Token") || key == "IsTruncated" || OF_NOW.contains(&key.as_str())
                {
                    continue;
                }
                let Some(own) = ours.get(key) else { panic!("{place} is missing") };
                assert_holds(own, inner, &place);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert!(ours.len() >= theirs.len(), "{place}");
            for (index, (own, inner)) in ours.iter().zip(theirs).enumerate() {
                assert_holds(own, inner, &format!("{place}[{index}]"));
            }
        }
        _ => assert_eq!(ours, theirs, "{place}"),
    }
}

/// The estate of bodies below a folder, which is of one account.
fn estate(folder: &Path) -> Estate {
    estate_of(files(folder).into_iter().map(|(path, body)| (format!("{SHOP}/{path}"), body)))
}

/// The estate of bodies by their paths below `aws`.
pub(crate) fn estate_of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Estate {
    let limits = Limits::default();
    let body = |(path, bytes): (String, Vec<u8>)| {
        let tree = Tree::parse_json(FileId(0), bytes, &limits).unwrap();
        Body { path: format!("aws/{path}"), tree }
    };
    let bodies: Vec<Body> = files.into_iter().map(body).collect();
    convert(&bodies, &Options::default()).estate
}

/// Asks about every two machines of one VPC, which things have the same names in both: what lies
/// between VPCs the mock server does not hold. Gives the number of questions.
fn assert_same_answers(collected: &Path) -> usize {
    let recorded = shop().join("raw/aws").join(SHOP);
    let (recorded, collected) = (estate(&recorded), estate(collected));
    let names = machines(&recorded);
    assert_eq!(names, machines(&collected));
    let (left, right) = (Asking::new(&recorded), Asking::new(&collected));
    let flows: FlowSet = "tcp/22; tcp/8080".parse().unwrap();
    let mut asked = 0;
    for from in &names {
        for to in names.iter().filter(|to| *to != from) {
            if left.realm(from) != left.realm(to) {
                continue;
            }
            let (ours, mut theirs) = (right.ask(from, to, &flows), left.ask(from, to, &flows));
            // The mock server's interfaces have one address each.
            theirs.retain(|address, _| ours.contains_key(address));
            assert!(!ours.is_empty(), "from {from} to {to}");
            assert_eq!(ours, theirs, "from {from} to {to}");
            asked += 1;
        }
    }
    assert!(asked > 500, "{asked}");
    asked
}

/// The names of the machines of an estate.
pub(crate) fn machines(estate: &Estate) -> BTreeSet<String> {
    let machines = estate.workloads.values().filter(|one| one.kind == WorkloadKind::Machine);
    machines.map(|one| one.name.to_string()).collect()
}

/// An estate to ask.
pub(crate) struct Asking<'e> {
    estate: &'e Estate,
    directory: Directory<'e>,
    reach: Reach<'e>,
}

impl<'e> Asking<'e> {
    pub(crate) fn new(estate: &'e Estate) -> Self {
        Self { estate, directory: Directory::new(estate), reach: Reach::new(&estate.network) }
    }

    pub(crate) fn realm(&self, name: &str) -> Option<RealmId> {
        let workload = self.estate.workloads.values().find(|one| *one.name == *name)?;
        let endpoint = &self.estate.network.endpoints[*workload.endpoints.first()?];
        Some(self.estate.network.subnets[endpoint.subnet?].realm)
    }

    /// Whether two machines are in one VPC, or in two that are peered.
    pub(crate) fn are_joined(&self, from: &str, to: &str) -> bool {
        let sides = [self.realm(from), self.realm(to)];
        let joins = |gateway: &Gateway| {
            let GatewayKind::Peering { sides: peered, .. } = &gateway.kind else { return false };
            *peered == sides || *peered == [sides[1], sides[0]]
        };
        sides[0] == sides[1] || self.estate.network.gateways.values().any(joins)
    }

    /// What becomes of the flows between private addresses.
    pub(crate) fn ask(
        &self,
        from: &str,
        to: &str,
        flows: &FlowSet,
    ) -> BTreeMap<IpAddr, BTreeSet<String>> {
        let network = &self.estate.network;
        let from = self.directory.start(from).unwrap();
        let to = self.directory.destination(to).unwrap();
        let mut told: BTreeMap<IpAddr, BTreeSet<String>> = BTreeMap::new();
        let is_private =
            |address: &IpAddr| matches!(address, IpAddr::V4(four) if four.is_private());
        for destination in to.destinations(network).into_iter().filter(is_private) {
            for start in from.starts(network, Family::V4) {
                for part in self.reach.answer(&start, destination, flows) {
                    let one = format!("{:?} {}", part.disposition, part.flows);
                    told.entry(destination).or_default().insert(one);
                }
            }
        }
        told
    }
}
