//! `segment promote`: the mode in the policy's file, and the plan, both or none.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
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

/// `db-1` has the number 91 in `db`, and `db-2` the number 50: `printf 'db/i-0000000000000c007' | sha256sum`.
#[test]
fn a_share_is_written_and_the_plan_is_for_it_alone() {
    let policy = Policy::with_db_in("monitor");
    let before = policy.text();
    let promote = |share: &str| {
        let out = policy.path("change.plan");
        policy.promote("db", "enforce", &["--share", share, "--estate", ESTATE, "-o", &out])
    };
    let carried = || -> Vec<String> {
        let plan = fs::read(policy.path("change.plan")).unwrap();
        let plan: Value = serde_json::from_slice(&plan).unwrap();
        let all = plan["attachments"].as_array().unwrap().iter();
        let names = all.map(|one| one["workload"].as_str().unwrap().to_owned());
        names.filter(|name| name.starts_with("db-")).collect()
    };
    let of =
        |share: &str| before.replace("mode: monitor ", &format!("mode: enforce, share: {share} "));
    let (code, told, error) = promote("10%");
    assert_eq!(code, 2, "services answer past every group: {told}{error}");
    assert!(told.contains("`db`: monitor -> enforce (10 percent) in "), "{told}");
    assert!(told.contains("10 percent: 0 of its 2 workloads, and 2 as in monitor"), "{told}");
    assert!(error.contains("WT0349") || !error.contains("warning"), "{error}");
    assert_eq!((policy.text(), carried()), (of("{percent: 10}"), vec![]));
    let (_, told, _) = promote("60%");
    assert!(told.contains("`db`: enforce (10 percent) -> enforce (60 percent) in "), "{told}");
    assert!(
        told.contains("60 percent: 1 of its 2 workloads (db-2), and 1 as in monitor"),
        "{told}"
    );
    assert_eq!((policy.text(), carried()), (of("{percent: 60}"), vec!["db-2".to_owned()]));
    let (code, told, _) = promote("60%");
    assert_eq!(code, 0);
    assert!(told.contains("`db` is in enforce (60 percent) already: nothing is written"), "{told}");
    let (_, told, _) = promote("Name=db-1,env=prod");
    let share = "{select: {matchLabels: {Name: db-1, env: prod}}}";
    assert!(told.contains("Name=db-1, env=prod: 1 of its 2 workloads (db-1)"), "{told}");
    assert_eq!((policy.text(), carried()), (of(share), vec!["db-1".to_owned()]));
    let (_, told, _) = policy.promote_into("db", "enforce", "change.plan");
    assert!(told.contains("enforce (Name=db-1, env=prod) -> enforce in "), "{told}");
    assert!(!told.contains("a share of it"), "{told}");
    assert_eq!(policy.text(), before.replace("mode: monitor ", "mode: enforce "));
    assert_eq!(carried().len(), 2);
    promote("60%");
    policy.promote_into("db", "monitor", "change.plan");
    assert_eq!((policy.text(), carried()), (before, vec![]));
}

#[test]
fn a_share_that_is_none_or_is_for_another_mode_writes_nothing() {
    let policy = Policy::with_db_in("monitor");
    let before = policy.text();
    for (mode, share, why) in [
        ("enforce", "101%", "from 0 to 100"),
        ("enforce", "1.5%", "from 0 to 100"),
        ("enforce", "zone", "`zone` is no label"),
        ("enforce", "zone=", "is no label"),
        ("enforce", "a=b,a=c", "names a label twice"),
        ("monitor", "10%", "a share of `db` is for enforce alone"),
    ] {
        let out = policy.path("change.plan");
        let more = ["--share", share, "--estate", ESTATE, "-o", &out];
        let (code, _, error) = policy.promote("db", mode, &more);
        assert_eq!((code, policy.text()), (3, before.clone()), "{share}: {error}");
        assert!(error.contains(why), "{share}: {error}");
        assert_eq!(policy.files(), ["policies", "tiers.yaml"]);
    }
}

/// What a share leaves out is on where the segment is promoted as a whole, or everything is.
#[test]
fn what_is_promoted_is_planned_as_a_whole_and_groups_keep_their_names() {
    let policy = Policy::with_db_in("monitor");
    let share = ["--share", "60%", "--estate", ESTATE, "-o", &policy.path("share.plan")];
    policy.promote("db", "enforce", &share);
    let (policies, out) = (policy.path("policies"), policy.path("whole.plan"));
    let groups = |name: &str| -> Vec<String> {
        let plan = fs::read(policy.path(name)).unwrap();
        let plan: Value = serde_json::from_slice(&plan).unwrap();
        let all = plan["attachments"].as_array().unwrap().iter();
        let own = all.filter(|one| one["workload"].as_str().unwrap().starts_with("db-"));
        own.map(|one| one["groups"].to_string()).collect()
    };
    for under in ["promote:db", "promote-all"] {
        watertight(&[
            "plan", &policies, "--estate", ESTATE, "--at", AT, "--under", under, "-o", &out,
        ]);
        let (some, all) = (groups("share.plan"), groups("whole.plan"));
        assert_eq!((some.len(), all.len()), (1, 2), "{under}");
        assert!(all.iter().all(|one| *one == some[0]), "{under}: {all:?}");
    }
    let plan = ["policy", "ask", &policies, "--estate", ESTATE, "--from", "db-1", "--to", "db-2"];
    let asked = |under: &str| {
        let more = ["--over", "tcp/22", "--at", AT, "--under", under];
        let output = watertight(&[&plan[..], &more].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let told = asked("enforced");
    assert!(
        told.contains("the default `intra` of segment db, which holds the destination"),
        "{told}"
    );
    assert!(
        told.contains("the source is not in the share of segment db that is enforced, 60 percent"),
        "{told}"
    );
    assert!(told.contains("the destination is in the share of segment db"), "{told}");
    assert!(!asked("promote:db").contains("share"), "all of it is on");
}
