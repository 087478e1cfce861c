//! A plan of twenty steps against a mock server that others wrote: what is collected after it is what
//! it predicted, and what is collected after it was taken back is what was there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use watertight_aws::{RuleUnit, UnitPeer};
use watertight_compile::{Plan, PlannedRule};

use crate::support::{ACCOUNT, estate, policy, root, started, told, watertight};

const REGION: &str = "eu-central-1";
/// How often it is looked whether the server listens.
const LOOKS_MAX: usize = 1200;

/// A mock server that ends with the test.
struct Mock {
    child: Child,
    port: u16,
}

impl Mock {
    fn start(program: &Path) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let child = started(command.stdout(Stdio::null()).stderr(Stdio::null()));
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

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        told(&watertight(arguments, &self.url(), "a"))
    }

    /// What is collected: groups by VPC and name with their rules, and interfaces with the names of
    /// their groups. Ids are the server's own.
    fn collected(&self, out: &Path) -> Value {
        let (code, _, error) = self.run(&["collect", "aws", "-o", out.to_str().unwrap()]);
        assert!(code == 0 || code == 2, "{error}");
        canonical(&out.join("raw/aws").join(ACCOUNT).join(REGION))
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The folder of programs where the mock server is, or a note that the test is skipped.
fn tools() -> Option<PathBuf> {
    let given = std::env::var_os("WATERTIGHT_TOOLS").map(PathBuf::from);
    let built = std::env::current_exe().unwrap();
    let target = built.ancestors().nth(3).map(|target| target.join("tools"));
    let mut folders = given.into_iter().chain(target).map(|tools| tools.join("bin"));
    let found = folders.find(|folder| folder.join("moto_server").is_file());
    if found.is_none()
        && let Some(path) = std::env::var_os("WATERTIGHT_NOTES")
    {
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        let line = "skipped: applying to a mock server: no moto_server in the tools folder";
        writeln!(file, "{line}").unwrap();
    }
    found
}

fn load(tools: &Path, mock: &Mock, read: &Path) {
    let live = root().join("crates/live/aws");
    let mut command = Command::new(tools.join("python"));
    command
        .arg(live.join("tests/moto/load.py"))
        .arg(mock.url())
        .arg(estate())
        .args([ACCOUNT, REGION])
        .arg(read)
        .arg(live.join("calls/plan.json"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = started(&mut command).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn body(folder: &Path, call: &str) -> Value {
    let path = folder.join(format!("{call}.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn canonical(folder: &Path) -> Value {
    let groups = body(folder, "ec2-describe-security-groups");
    let interfaces = body(folder, "ec2-describe-network-interfaces");
    let names: BTreeMap<&str, &str> = list(&groups["SecurityGroups"])
        .map(|group| (group["GroupId"].as_str().unwrap(), group["GroupName"].as_str().unwrap()))
        .collect();
    let side = |permissions: &Value| -> BTreeSet<String> {
        let units = RuleUnit::described(permissions).into_iter().map(|mut unit| {
            if let UnitPeer::Group(id) = &unit.peer {
                let name = names.get(id.as_str()).copied().unwrap_or(id);
                unit.peer = UnitPeer::Group(name.to_owned());
            }
            unit.text()
        });
        units.collect()
    };
    let mut canonical = json!({"groups": {}, "interfaces": {}});
    for group in list(&groups["SecurityGroups"]) {
        let name = format!(
            "{} {}",
            group["VpcId"].as_str().unwrap(),
            group["GroupName"].as_str().unwrap()
        );
        canonical["groups"][name] = json!({
            "ingress": side(&group["IpPermissions"]),
            "egress": side(&group["IpPermissionsEgress"]),
        });
    }
    for interface in list(&interfaces["NetworkInterfaces"]) {
        let carried: BTreeSet<&str> = list(&interface["Groups"])
            .map(|group| names[group["GroupId"].as_str().unwrap()])
            .collect();
        let id = interface["NetworkInterfaceId"].as_str().unwrap();
        canonical["interfaces"][id] = json!(carried);
    }
    canonical
}

/// What is there after a plan: what was there, its groups, and its attachments.
fn predicted(before: &Value, plan: &Plan) -> Value {
    let mut after = before.clone();
    let side = |rules: &[PlannedRule]| -> BTreeSet<String> {
        RuleUnit::all_planned(rules).unwrap().iter().map(RuleUnit::text).collect()
    };
    for group in &plan.groups {
        after["groups"][format!("{} {}", group.realm, group.name)] =
            json!({"ingress": side(&group.ingress), "egress": side(&group.egress)});
    }
    for one in &plan.attachments {
        let carried: BTreeSet<&String> = one.groups.iter().collect();
        after["interfaces"][&one.endpoint] = json!(carried);
    }
    after
}

#[test]
fn twenty_steps_on_a_mock_server_come_to_what_was_predicted_and_are_taken_back() {
    let Some(tools) = tools() else { return };
    let mock = Mock::start(&tools.join("moto_server"));
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("read")).unwrap();
    load(&tools, &mock, &path("read"));
    let before = mock.collected(&path("before"));
    let (before_folder, plan_path) = (path("before"), path("change.plan"));
    let (policy, plan) = (policy(), plan_path.to_str().unwrap());
    let planned = |estate: &Path, out: &str| {
        let (policy, estate) = (policy.to_str().unwrap(), estate.to_str().unwrap());
        mock.run(&["plan", policy, "--estate", estate, "--widen", "-o", out])
    };
    let (code, summary, error) = planned(&before_folder, plan);
    assert!(code == 0 || code == 2, "{error}");
    assert!(summary.contains("20 steps"), "{summary}");
    let (code, _, error) = mock.run(&["apply", plan]);
    assert_eq!(code, 0, "{error}");
    let text = fs::read_to_string(&plan_path).unwrap();
    let parsed = Plan::of_value(serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(mock.collected(&path("after")), predicted(&before, &parsed));
    let second = path("second.plan");
    let (_, summary, error) = planned(&path("after"), second.to_str().unwrap());
    assert!(summary.starts_with("Nothing to do"), "{summary}\n{error}");
    let (code, _, error) = mock.run(&["rollback", plan]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(mock.collected(&path("back")), before);
}
