//! `plan --watch`: a plan after each change of the policy, as it would be made from the beginning.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

const SHOP: &str = "examples/estates/shop";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `plan` of a policy, at one instant.
fn plan(policy: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watertight"));
    command
        .arg("plan")
        .arg(policy)
        .args(["--estate", SHOP, "--under", "promote-all", "--widen"])
        .args(["--at", "2026-11-01T00:00:00Z", "-o"])
        .arg(out)
        .current_dir(root())
        .stdout(Stdio::null());
    command
}

/// Puts a text in the place of a file, at once: what is written in parts may be read in parts.
fn replace(path: &Path, text: &str) {
    let fresh = path.with_file_name(".fresh");
    fs::write(&fresh, text).unwrap();
    fs::rename(fresh, path).unwrap();
}

/// A watch that ends with its test.
struct Watch {
    child: Child,
    told: BufReader<ChildStderr>,
}

impl Watch {
    fn of(policy: &Path, out: &Path) -> Self {
        let mut child = plan(policy, out).arg("--watch").stderr(Stdio::piped()).spawn().unwrap();
        let told = BufReader::new(child.stderr.take().unwrap());
        Self { child, told }
    }

    /// The next line that says that it waits.
    fn next(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.told.read_line(&mut line).unwrap() > 0, "the watch has ended");
            if line.ends_with("waiting for the policy to change\n") {
                return line;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

#[test]
fn a_watch_plans_after_each_change_what_a_plan_from_the_beginning_is() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy");
    fs::create_dir(&policy).unwrap();
    for entry in fs::read_dir(root().join("examples/policies/shop")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), policy.join(entry.file_name())).unwrap();
    }
    let rules = policy.join("rules.yaml");
    let [watched, alone] = ["watched.plan", "alone.plan"].map(|name| folder.path().join(name));
    let of = |out: &Path| {
        plan(&policy, out).stderr(Stdio::null()).status().unwrap();
        fs::read(out).unwrap()
    };
    let mut watch = Watch::of(&policy, &watched);
    let line = watch.next();
    assert!(line.starts_with("planned after "), "{line}");
    let first = fs::read(&watched).unwrap();
    assert_eq!(first, of(&alone));

    let before = fs::read_to_string(&rules).unwrap();
    replace(&rules, &before.replace("tcp: 8080", "tcp: 8088"));
    let line = watch.next();
    assert!(line.starts_with("planned after "), "{line}");
    let changed = fs::read(&watched).unwrap();
    assert_eq!(changed, of(&alone));
    assert_ne!(changed, first);

    // What is wrong with a policy is said, and the plan stays that of the one before.
    replace(&rules, "kind: [");
    let line = watch.next();
    assert!(line.starts_with("error: "), "{line}");
    assert_eq!(fs::read(&watched).unwrap(), changed);

    replace(&rules, &before);
    let line = watch.next();
    assert!(line.starts_with("planned after "), "{line}");
    assert_eq!(fs::read(&watched).unwrap(), first);
}

#[test]
fn a_watch_of_a_policy_that_is_wrong_from_the_beginning_ends() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    fs::write(&policy, "kind: [").unwrap();
    let out = folder.path().join("change.plan");
    let ends = |policy: &Path| {
        let mut plan = plan(policy, &out);
        plan.arg("--watch").stderr(Stdio::null()).status().unwrap().code()
    };
    assert_eq!(ends(&policy), Some(3));
    assert_eq!(ends(&folder.path().join("absent.yaml")), Some(1));
    assert!(!out.exists());
}
