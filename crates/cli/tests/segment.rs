//! `segment promote`: the mode in the policy's file, and the plan, both or none.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const ESTATE: &str = "testdata/estates/tiers";
const AT: &str = "2026-11-28T00:00:00Z";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn watertight(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watertight"));
    command.args(arguments).current_dir(root()).output().unwrap()
}

/// The policy of the tiers in a folder of its own, with one segment in another mode.
struct Policy {
    folder: TempDir,
}

impl Policy {
    fn with_db_in(mode: &str) -> Self {
        let policy = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(policy.path("policies")).unwrap();
        let text = fs::read_to_string(root().join("testdata/plans/tiers/policy.yaml")).unwrap();
        let (head, tail) = text.split_once("name: db, owner: shop}").unwrap();
        let tail = tail.replacen("mode: enforce", &format!("mode: {mode} "), 1);
        policy.put(&format!("{head}name: db, owner: shop}} # keeps data{tail}"));
        policy
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path("policies/tiers.yaml")).unwrap()
    }

    fn put(&self, text: &str) {
        fs::write(self.path("policies/tiers.yaml"), text).unwrap();
    }

    /// Exit code, standard output and standard error.
    fn promote(&self, segment: &str, to: &str, more: &[&str]) -> (i32, String, String) {
        let policies = self.path("policies");
        let mut arguments = vec!["segment", "promote", segment, "--to", to, &policies, "--at", AT];
        arguments.extend(more);
        let output = watertight(&arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    fn promote_into(&self, segment: &str, to: &str, out: &str) -> (i32, String, String) {
        self.promote(segment, to, &["--estate", ESTATE, "-o", &self.path(out)])
    }

    /// Everything that is in the folder of the policy, and the plan.
    fn files(&self) -> Vec<String> {
        let list = |path: &Path| -> Vec<String> {
            let entries = fs::read_dir(path).unwrap();
            entries.map(|one| one.unwrap().file_name().into_string().unwrap()).collect()
        };
        let mut files = list(self.folder.path());
        files.extend(list(Path::new(&self.path("policies"))));
        files.sort();
        files
    }
}

#[test]
fn the_file_gets_the_mode_and_the_plan_is_that_of_the_file() {
    let policy = Policy::with_db_in("monitor");
    let before = policy.text();
    let (code, told, _) = policy.promote_into("db", "enforce", "change.plan");
    assert_eq!(code, 2, "services answer past every group: {told}");
    assert!(told.contains("`db`: monitor -> enforce in "), "{told}");
    assert_eq!(policy.text(), before.replace("mode: monitor ", "mode: enforce "));
    assert_eq!(policy.files(), ["change.plan", "policies", "tiers.yaml"]);
    let plan = fs::read_to_string(policy.path("change.plan")).unwrap();
    let (policies, again) = (policy.path("policies"), policy.path("again.plan"));
    watertight(&["plan", &policies, "--estate", ESTATE, "--at", AT, "-o", &again]);
    assert_eq!(plan, fs::read_to_string(&again).unwrap());
}

#[test]
fn a_segment_goes_back_at_any_time_and_is_left_alone_where_it_is_so_already() {
    let policy = Policy::with_db_in("enforce");
    let before = policy.text();
    let (code, told, _) = policy.promote_into("db", "enforce", "change.plan");
    assert_eq!((code, policy.text()), (0, before.clone()), "{told}");
    assert!(told.contains("`db` is in enforce already: nothing is written"), "{told}");
    assert_eq!(policy.files(), ["policies", "tiers.yaml"]);
    policy.promote_into("db", "disabled", "change.plan");
    assert_eq!(policy.text(), before.replace("mode: enforce }", "mode: disabled }"));
    let (code, _, error) = policy.promote_into("db", "enforce", "change.plan");
    assert_eq!(code, 3);
    assert!(error.contains("`db` is disabled: it goes to monitor first"), "{error}");
    policy.promote_into("db", "monitor", "change.plan");
    policy.promote_into("db", "enforce", "change.plan");
    assert_eq!(policy.text(), before);
}

#[test]
fn nothing_is_written_where_the_plan_or_the_file_cannot_be() {
    let policy = Policy::with_db_in("monitor");
    let before = policy.text();
    let unchanged = |(code, _, error): (i32, String, String), wanted: (i32, &str)| {
        assert_eq!(code, wanted.0, "{error}");
        assert!(error.contains(wanted.1), "{error}");
        assert_eq!(policy.text(), before);
        assert_eq!(policy.files(), ["policies", "tiers.yaml"]);
    };
    unchanged(policy.promote_into("bd", "enforce", "change.plan"), (3, "did you mean `db`?"));
    unchanged(policy.promote_into("db", "enforce", "no/change.plan"), (1, "cannot be written"));
    let file = policy.path("policies/tiers.yaml");
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions).unwrap();
    unchanged(policy.promote_into("db", "enforce", "change.plan"), (1, "read-only"));
    let nowhere = ["--estate", "testdata/estates/none", "-o", &policy.path("change.plan")];
    unchanged(policy.promote("db", "enforce", &nowhere), (3, ""));
}

#[test]
fn a_policy_with_errors_is_not_touched() {
    let policy = Policy::with_db_in("monitor");
    let broken = policy.text().replace("[{segment: web}]", "[{segment: wbe}]");
    policy.put(&broken);
    let (code, _, error) = policy.promote_into("db", "enforce", "change.plan");
    assert_eq!((code, policy.text()), (3, broken));
    assert!(error.contains("did you mean `web`?"), "{error}");
    assert_eq!(policy.files(), ["policies", "tiers.yaml"]);
}

#[test]
fn a_patch_is_printed_and_nothing_written() {
    let policy = Policy::with_db_in("monitor");
    let before = policy.text();
    let (code, patch, error) = policy.promote("db", "enforce", &["--print"]);
    assert_eq!((code, policy.text()), (0, before), "{error}");
    let line = |sign: char| {
        let mut lines = patch.lines().filter(|line| line.starts_with(sign));
        lines.nth(1).unwrap_or_default()
    };
    assert!(line('-').contains("mode: monitor "), "{patch}");
    assert!(line('+').contains("mode: enforce "), "{patch}");
    assert!(patch.contains("@@ -12,7 +12,7 @@\n"), "{patch}");
    let (code, _, error) = policy.promote("db", "enforce", &["--print", "--estate", ESTATE]);
    assert_eq!(code, 2);
    assert!(error.contains("`db`: monitor -> enforce in ") && error.contains("steps"), "{error}");
    assert_eq!(policy.files(), ["policies", "tiers.yaml"]);
}
