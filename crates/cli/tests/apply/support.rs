//! An estate behind a strict server, and a plan for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use watertight_live_aws::{
    Applied, ApplyError, ApplyRequest, Clock, Given, Pace, Watcher, Way, apply,
};
use watertight_testkit::aws_server::{Recording, Server, Strictness, Troubles};

/// The account of the estate.
pub(crate) const ACCOUNT: &str = "123456789012";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The estate with three tiers.
pub(crate) fn estate() -> PathBuf {
    root().join("testdata/estates/tiers")
}

/// Its policy.
pub(crate) fn policy() -> PathBuf {
    root().join("testdata/plans/tiers/policy.yaml")
}

/// A server, a plan and its folder.
pub(crate) struct Lab {
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
}

impl Lab {
    pub(crate) fn new(troubles: Troubles, strictness: Strictness) -> Self {
        let recording = Recording::read(&estate()).unwrap();
        let server = Server::start_strict(recording, troubles, strictness).unwrap();
        let folder = TempDir::new().unwrap();
        fs::copy(
            root().join("testdata/plans/tiers/change.plan"),
            folder.path().join("change.plan"),
        )
        .unwrap();
        Self { server, folder }
    }

    pub(crate) fn plain() -> Self {
        Self::new(Troubles::default(), Strictness::default())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn plan(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("change.plan")).unwrap()).unwrap()
    }

    /// Runs a command on the plan.
    pub(crate) fn run(&self, command: &str, more: &[&str]) -> (i32, String, String) {
        let plan = self.path("change.plan");
        let mut arguments = vec![command, plan.to_str().unwrap()];
        arguments.extend(more);
        self.watertight(&arguments)
    }

    pub(crate) fn watertight(&self, arguments: &[&str]) -> (i32, String, String) {
        told(&watertight(arguments, &self.server.url(), &Server::key_of(ACCOUNT)))
    }

    /// Applies the plan, or takes it back, without waiting long for anything.
    pub(crate) fn take(&self, way: Way) -> Result<Applied, ApplyError> {
        self.take_with(way, 2)
    }

    /// The same, with each request sent so often at most.
    pub(crate) fn take_with(&self, way: Way, attempts_max: u32) -> Result<Applied, ApplyError> {
        let text = fs::read_to_string(self.path("change.plan")).unwrap();
        let plan =
            watertight_compile::Plan::of_value(serde_json::from_str(&text).unwrap()).unwrap();
        let request = ApplyRequest {
            profile: None,
            given: Some(Given {
                key_id: Server::key_of(ACCOUNT),
                secret: "s".to_owned(),
                address: Some(self.server.url()),
            }),
            address: None,
            role: None,
            plan: &plan,
            hash: "0123456789abcdef".to_owned(),
            journal: self.path("change.plan.journal"),
            way,
            dry_run: false,
            clock: &Still,
            pace: pace(attempts_max),
        };
        apply(&request, &Deaf)
    }
}

/// A pace without long waits.
fn pace(attempts_max: u32) -> Pace {
    let millisecond = std::time::Duration::from_millis(1);
    Pace { attempts_max, delay_first: millisecond, delay_max: millisecond, ..Pace::default() }
}

/// A clock that stands still.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> String {
        "2026-11-28T10:00:00Z".to_owned()
    }
}

struct Deaf;

impl Watcher for Deaf {
    fn step(&self, _number: usize, _steps: usize, _what: &str, _was_so: bool) {}
}

/// The id of a key of the estate's account.
pub(crate) fn key() -> String {
    Server::key_of(ACCOUNT)
}

/// Runs the program with credentials for a server.
pub(crate) fn watertight(arguments: &[&str], url: &str, key: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(arguments)
        .current_dir(root())
        .env_remove("AWS_PROFILE")
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ACCESS_KEY_ID", key)
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/nowhere")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        .output()
        .unwrap()
}

/// Exit code, standard output, standard error.
pub(crate) fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}
