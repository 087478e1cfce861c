//! `reconcile`: who comes or changes its labels after a plan gets the groups of it, and nothing else
//! changes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;
use watertight_testkit::aws_server::{Lost, Strictness, Troubles};

use crate::governed::{FLAT, Governed, carried, files, policies, without};
use crate::support::{Lab, command, key, policy, started};

const APP: &str = "vpc-0000000000000c001/watertight/vpc-0000000000000c001/app/e7085e21";
const WEB: &str = "vpc-0000000000000c001/watertight/vpc-0000000000000c001/web/e0118e38";
const WEB_2: &str = "eni-0000000000000c002";
const DB_1: &str = "eni-0000000000000c006";

/// Reconciles what the provider has.
fn reconcile(lab: &Lab, policy: &str, more: &[&str]) -> (i32, String, String) {
    let out = lab.path("reconciled");
    let out = out.to_str().unwrap();
    let arguments = ["reconcile", policy, "--region", "eu-central-1", "-o", out];
    lab.watertight(&[&arguments[..], more].concat())
}

fn tiers() -> String {
    policy().to_str().unwrap().to_owned()
}

/// The actions that were written, each done.
fn written(lab: &Lab) -> Vec<String> {
    let written = lab.server.written().into_iter();
    written
        .map(|one| {
            assert_eq!((one.error, one.dry_run), (None, false), "{}", one.action);
            one.action
        })
        .collect()
}

fn plans(lab: &Lab) -> Vec<String> {
    let plans = files(&lab.path("reconciled"), ".plan").into_iter();
    plans.map(|path| path.to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_replacement_that_comes_after_the_plan_is_governed_within_one_pass_and_nothing_else_is_written()
{
    let governed = Governed::new();
    let fresh = governed.launch("app-1", 3, "app");
    let lab = governed.plain();
    let before = lab.server.held();
    assert_eq!(carried(&before, &fresh), ["vpc-0000000000000c001/flat"]);
    let (code, told, error) = reconcile(&lab, &tiers(), &[]);
    assert_eq!(code, 0, "{told}{error}");
    let line = format!("app-3 ({fresh}): {FLAT} -> {}", APP.split_once('/').unwrap().1);
    assert!(told.contains(": 1 endpoint moved, 0 left, 7 as intended; "), "{told}");
    assert!(told.contains(&line), "{told}");
    let after = lab.server.held();
    assert_eq!(carried(&after, &fresh), [APP]);
    assert_eq!(without(after.clone(), &[&fresh]), without(before.clone(), &[&fresh]));
    let modify = "ModifyNetworkInterfaceAttribute";
    assert_eq!(written(&lab), [modify, modify], "ours beside theirs, then theirs off");

    let (code, told, error) = reconcile(&lab, &tiers(), &[]);
    assert_eq!(code, 0, "{error}");
    assert!(told.contains(": 0 endpoints moved, 0 left, 8 as intended; "), "{told}");
    assert_eq!((written(&lab).len(), plans(&lab).len()), (2, 1), "a second pass does nothing");
    assert_eq!(lab.server.held(), after);

    let (code, _, error) = lab.watertight(&["rollback", &plans(&lab)[0]]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(lab.server.held(), before);
}

#[test]
fn a_label_that_changes_takes_the_interface_to_its_other_group() {
    let governed = Governed::new();
    governed.relabel("web-2", "app");
    let lab = governed.plain();
    let before = lab.server.held();
    let (code, told, error) = reconcile(&lab, &tiers(), &[]);
    assert_eq!(code, 0, "{told}{error}");
    let after = lab.server.held();
    assert_eq!(
        (carried(&before, WEB_2), carried(&after, WEB_2)),
        (vec![WEB.into()], vec![APP.into()])
    );
    assert_eq!(without(after, &[WEB_2]), without(before, &[WEB_2]));
    assert_eq!(written(&lab).len(), 2);
}

/// A pass once gave groups to whoever an assertion keeps away from what these let reach: it asked none. Here the
/// groups are from a time when an exception excused it.
#[test]
fn who_would_break_an_assertion_that_holds_is_left_and_the_rest_is_done() {
    let claim = "apiVersion: watertight.io/v1alpha1\nkind: Assertion\nmetadata: {name: apart, owner: shop}\n\
                 spec: {never: {from: [{matchLabels: {Name: web-2}}], to: [{segment: db}], over: [{tcp: 5432}]}}\n";
    let excuse = "apiVersion: watertight.io/v1alpha1\nkind: Exception\nmetadata: {name: once, owner: shop}\n\
                  spec: {assertion: apart, expires: 2999-01-01T00:00:00Z}\n";
    let governed = Governed::new();
    governed.relabel("web-2", "app");
    let lab = governed.plain();
    let excused = policies(&lab, &format!("{claim}---\n{excuse}"));
    let (plan, estate) = (lab.path("excused.plan"), governed.estate());
    let (plan, estate) = (plan.to_str().unwrap(), estate.to_str().unwrap());
    let made = lab.watertight(&["plan", &excused, "--estate", estate, "-o", plan]);
    assert!(made.0 == 0 || made.0 == 2, "{made:?}");
    let (code, told, error) = lab.watertight(&["apply", plan]);
    assert_eq!(code, 0, "{told}{error}");

    let governed = Governed::of(lab);
    governed.reset(WEB_2);
    let fresh = governed.launch("app-1", 3, "app");
    let lab = governed.plain();
    let before = lab.server.held();
    let asserted = policies(&lab, claim);
    let (code, told, error) = reconcile(&lab, &asserted, &[]);
    assert_eq!(code, 2, "{told}{error}");
    assert!(told.contains(": 1 endpoint moved, 1 left, "), "{told}");
    let why = format!("  web-2 ({WEB_2}): the assertion apart would not hold any more: ");
    assert!(told.contains(&why), "{told}");
    let after = lab.server.held();
    assert_eq!(carried(&after, &fresh), [APP]);
    assert_eq!(carried(&after, WEB_2), carried(&before, WEB_2));
    // Somebody answers for it until then.
    let excused = policies(&lab, &format!("{claim}---\n{excuse}"));
    let (code, told, error) = reconcile(&lab, &excused, &[]);
    assert_eq!(code, 0, "{told}{error}");
    assert_ne!(carried(&lab.server.held(), WEB_2), carried(&before, WEB_2));
}

/// `db-1` becomes a page and `web-2` a service: while both carry old and new groups, `web-2` would get
/// to the data of `db-1`, and so it would if it went first.
#[test]
fn who_cannot_go_over_together_goes_over_one_after_the_other() {
    let governed = Governed::new();
    governed.relabel("web-2", "app");
    governed.relabel("db-1", "web");
    let lab = governed.plain();
    let before = lab.server.held();
    let (code, told, error) = reconcile(&lab, &tiers(), &[]);
    assert_eq!(code, 0, "{told}{error}");
    assert!(told.contains(": 2 endpoints moved, 0 left, 5 as intended; "), "{told}");
    let held = lab.server.held();
    assert_eq!((carried(&held, DB_1), carried(&held, WEB_2)), (vec![WEB.into()], vec![APP.into()]));
    let steps: Vec<&str> = error.lines().filter(|line| line.starts_with('[')).collect();
    let of_first = steps.iter().take(2).filter(|line| line.contains(DB_1)).count();
    assert_eq!((steps.len(), of_first), (4, 2), "{error}");
    let (code, _, error) = lab.watertight(&["rollback", &plans(&lab)[0]]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(lab.server.held(), before);
}

const CACHE: &str = "\
apiVersion: watertight.io/v1alpha1
kind: Segment
metadata: {name: cache, owner: shop}
spec: {members: {matchLabels: {app: cache, env: prod}}, mode: enforce}
";

#[test]
fn a_group_that_is_not_there_is_named_and_the_rest_is_done() {
    let governed = Governed::new();
    let (cache, app) = (governed.launch("app-1", 4, "cache"), governed.launch("app-1", 3, "app"));
    let lab = governed.plain();
    let policies = policies(&lab, CACHE);
    let before = lab.server.held();
    let (code, told, error) = reconcile(&lab, &policies, &[]);
    assert_eq!(code, 2, "{told}{error}");
    assert!(told.contains(": 1 endpoint moved, 1 left, 7 as intended; "), "{told}");
    let missing = "watertight/vpc-0000000000000c001/cache/";
    assert!(told.contains(&format!("cache-4 ({cache}): {missing}")), "{told}");
    assert!(
        told.contains("Groups that are not as the policy needs them: `plan`, then `apply`\n"),
        "{told}"
    );
    let own = told.lines().last().unwrap_or_default();
    assert!(told.contains(&format!("\n  {missing}")) && told.contains(" is not there\n"), "{own}");
    let after = lab.server.held();
    assert_eq!(carried(&after, &app), [APP]);
    assert_eq!(without(after, &[&app]), without(before, &[&app]));
    assert_eq!(written(&lab).len(), 2);
}

#[test]
fn nobody_goes_over_to_a_group_whose_rules_are_not_those_of_the_policy() {
    let governed = Governed::new();
    let app = governed.launch("app-1", 3, "app");
    governed.empty("app");
    let lab = governed.plain();
    let before = lab.server.held();
    let (code, told, error) = reconcile(&lab, &tiers(), &[]);
    assert_eq!(code, 2, "{told}{error}");
    assert!(told.contains(&format!("app-3 ({app}): watertight/")), "{told}");
    assert!(told.contains("/app/e7085e21 lacks in tcp/8080 watertight/"), "{told}");
    assert_eq!((lab.server.held(), written(&lab).len(), plans(&lab).len()), (before, 0, 0));
}

#[test]
fn a_dry_run_writes_nothing_anywhere() {
    let governed = Governed::new();
    let fresh = governed.launch("app-1", 3, "app");
    let lab = governed.plain();
    let before = lab.server.held();
    let (code, told, error) = reconcile(&lab, &tiers(), &["--dry-run"]);
    assert_eq!(code, 0, "{told}{error}");
    assert!(told.contains(": 1 endpoint would move, 0 left, "), "{told}");
    assert!(told.contains(&fresh), "{told}");
    assert_eq!((lab.server.written().len(), lab.server.held()), (0, before));
    assert!(!lab.path("reconciled").exists());
}

#[test]
fn what_was_collected_is_taken_for_what_is_there_and_refused_where_it_is_not_so_any_more() {
    let governed = Governed::new();
    let fresh = governed.launch("app-1", 3, "app");
    let lab = governed.plain();
    let (estate, out) = (governed.estate(), lab.path("reconciled"));
    let (estate, out, tiers) = (estate.to_str().unwrap(), out.to_str().unwrap(), tiers());
    let asked = ["reconcile", &tiers, "--estate", estate, "-o", out];
    let requests = lab.server.requests();
    let (code, told, error) = lab.watertight(&asked);
    assert_eq!(code, 0, "{told}{error}");
    assert!(!lab.server.asked().contains("ec2-describe-instances"), "nothing was collected");
    assert!(lab.server.requests() > requests);
    assert_eq!(carried(&lab.server.held(), &fresh), [APP]);
    let (code, told, error) = lab.watertight(&asked);
    assert_eq!(code, 2, "{told}{error}");
    assert!(error.contains(&format!("endpoint {fresh}: groups; gone {FLAT}; new sg-")), "{error}");
    assert!(told.contains("not moved, since something changed in between"), "{told}");
    assert_eq!((written(&lab).len(), plans(&lab).len()), (2, 1), "of a refusal nothing stays");
}

#[test]
fn how_long_an_endpoint_is_without_its_groups_is_measured_from_pass_to_pass_and_alarmed() {
    let governed = Governed::new();
    governed.launch("app-1", 4, "cache");
    let lab = governed.plain();
    let policies = policies(&lab, CACHE);
    let alarm = |at: &str| reconcile(&lab, &policies, &["--at", at, "--alarm", "300"]);
    let (code, told, error) = alarm("2027-01-31T10:00:00Z");
    assert_eq!(code, 2, "{told}{error}");
    assert!(told.contains("seen without its groups for 0 s"), "{told}");
    assert!(!error.contains("ALARM"), "{error}");
    let (_, told, error) = alarm("2027-01-31T10:04:59Z");
    assert!(told.contains("seen without its groups for 299 s"), "{told}");
    assert!(!error.contains("ALARM"), "{error}");
    let (code, _, error) = alarm("2027-01-31T10:05:00Z");
    assert_eq!(code, 2);
    let wanted = "ALARM: cache-4 (eni-0000000000000f004) has been seen without its groups for 300 s, \
                  since 2027-01-31T10:00:00Z";
    assert!(error.contains(wanted), "{error}");
}

/// The child ends with the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

#[test]
fn a_watch_mends_what_changes_while_it_goes_on() {
    let governed = Governed::new();
    let lab = governed.plain();
    let (out, tiers) = (lab.path("reconciled"), tiers());
    let arguments = ["reconcile", &tiers, "--watch", "--every", "1", "-o", out.to_str().unwrap()];
    let mut command = command(&arguments, &lab.server.url(), &key());
    let mut child = Watching(started(command.stdout(Stdio::piped()).stderr(Stdio::null())));
    let told = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut passes = told.filter(|line| line.starts_with("Reconciled at "));
    let first = passes.next().unwrap();
    assert!(first.contains(": 0 endpoints moved, 0 left, 7 as intended; "), "{first}");
    lab.by_hand(&format!(
        "Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId={WEB_2}&SecurityGroupId.1={FLAT}"
    ));
    let mended = passes.take(20).find(|line| line.contains(": 1 endpoint moved, 0 left, "));
    assert!(mended.is_some());
    assert_eq!(carried(&lab.server.held(), WEB_2), [WEB]);
}

#[test]
fn a_watch_ends_after_so_many_passes_as_its_last_one_did() {
    let governed = Governed::new();
    governed.relabel("web-2", "app");
    let lab = governed.plain();
    let (code, told, error) =
        reconcile(&lab, &tiers(), &["--watch", "--every", "1", "--passes", "2"]);
    assert_eq!(code, 0, "{told}{error}");
    assert_eq!(told.matches("Reconciled at ").count(), 2, "{told}");
    assert_eq!(carried(&lab.server.held(), WEB_2), [APP]);
}

#[test]
fn arguments_that_say_nothing_together_are_told() {
    let lab = Lab::plain();
    let tiers = tiers();
    let folder = lab.path("x");
    let folder = folder.to_str().unwrap();
    for (arguments, wanted) in [
        (
            vec!["drift", &tiers],
            "`--estate`: name the folder of a collected estate, or collect it now with `--live`",
        ),
        (
            vec!["drift", &tiers, "--estate", folder, "--region", "x"],
            "`--region`: says whom to ask, and nobody is asked",
        ),
        (
            vec!["drift", &tiers, "--estate", folder, "--profile", "x"],
            "`--profile`: says whom to ask",
        ),
        (vec!["drift", &tiers, "--live", "--since", "1d"], "`--since`: keeps what a folder has"),
        (
            vec!["reconcile", &tiers, "--estate", folder, "--all-regions", "-o", folder],
            "`--all-regions`: says whom to ask",
        ),
        (vec!["reconcile", &tiers], "--out <FOLDER>"),
    ] {
        let (code, _, error) = lab.watertight(&arguments);
        assert_eq!(code, 3, "{arguments:?}: {error}");
        assert!(error.contains(wanted), "{error}");
    }
    assert_eq!(lab.server.requests(), 0);
}

#[test]
fn drift_that_collects_first_tells_what_drift_tells_of_what_was_collected() {
    let governed = Governed::new();
    governed.launch("app-1", 3, "app");
    governed.empty("web");
    let lab = governed.plain();
    let (estate, other) = (lab.path("estate"), lab.path("other"));
    let (estate, other, tiers) = (estate.to_str().unwrap(), other.to_str().unwrap(), tiers());
    let collect = ["collect", "aws", "--region", "eu-central-1", "-o", estate];
    assert_eq!(lab.watertight(&collect).0, 0);
    let at = ["-f", "json", "--at", "2027-01-31T10:00:00Z"];
    let drift = |more: &[&str]| lab.watertight(&[&["drift", &tiers], more, &at].concat());
    let (code, told, error) = drift(&["--estate", estate]);
    assert_eq!(code, 2, "{error}");
    let items: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(items["items"].as_array().unwrap().len(), 2, "{told}");
    for live in [&["--live", "--region", "eu-central-1"][..], &["--live", "--estate", other]] {
        let (code, again, error) = drift(live);
        assert_eq!((code, &again), (2, &told), "{error}");
    }
    let (code, again, _) = drift(&["--estate", other]);
    assert_eq!((code, again), (2, told), "the folder was collected anew");
    assert_eq!(written(&lab).len(), 0);
}

/// Where each run is killed.
fn kill_at(lab: &Lab, (stop, lost): (usize, Lost), arguments: &[&str]) {
    let asked = lab.server.requests();
    lab.server.hold_after(Some((stop, lost)));
    let mut command = command(arguments, &lab.server.url(), &key());
    let child = Watching(started(command.stdout(Stdio::null()).stderr(Stdio::null())));
    assert!(lab.server.wait_for(asked + stop + 1, std::time::Duration::from_mins(1)), "{stop}");
    drop(child);
    lab.server.hold_after(None);
}

/// Takes the plans of all passes back, the last first; one that was killed before its journal was there
/// has nothing to take back.
fn take_back(lab: &Lab) {
    for plan in plans(lab).iter().rev() {
        let (code, _, error) = lab.watertight(&["rollback", plan]);
        assert!(code == 0 || error.contains("is not there"), "{error}");
    }
}

#[test]
fn reconciling_that_is_killed_anywhere_and_given_again_ends_as_if_it_never_was() {
    let governed = Governed::new();
    governed.launch("app-1", 3, "app");
    governed.relabel("web-2", "app");
    let (estate, tiers) = (governed.estate(), tiers());
    let estate = estate.to_str().unwrap();
    let whole = governed.plain();
    let before = whole.server.held();
    // What is done after collecting: every request of it.
    let out = whole.path("reconciled");
    let once = ["reconcile", &tiers, "--estate", estate, "-o", out.to_str().unwrap()];
    let (code, _, error) = whole.watertight(&once);
    assert_eq!(code, 0, "{error}");
    let (count, after) = (whole.server.requests(), whole.server.held());
    assert!(count >= 12, "{count}");
    let late = Strictness { unseen: 2, ..Strictness::default() };
    for stop in 0..count {
        // A lost answer leaves open what was done; a lost request does not.
        let lost = if stop % 4 == 3 { Lost::Request } else { Lost::Answer };
        let strictness = if stop % 3 == 0 { late } else { Strictness::default() };
        let lab = governed.lab(Troubles::default(), strictness);
        let out = lab.path("reconciled");
        let once = ["reconcile", &tiers, "--estate", estate, "-o", out.to_str().unwrap()];
        kill_at(&lab, (stop, lost), &once);
        let (code, told, error) = reconcile(&lab, &tiers, &[]);
        assert_eq!(code, 0, "{stop} {lost:?}: {told}{error}");
        assert_eq!(lab.server.held(), after, "{stop} {lost:?}");
        if stop % 10 == 0 {
            take_back(&lab);
            assert_eq!(lab.server.held(), before, "{stop} {lost:?}");
        }
    }
    // And while it collects.
    let count = {
        let lab = governed.plain();
        assert_eq!(reconcile(&lab, &tiers, &["--dry-run"]).0, 0);
        lab.server.requests()
    };
    for stop in (0..count).step_by(count / 6) {
        let lab = governed.plain();
        let out = lab.path("reconciled");
        let once = ["reconcile", &tiers, "--region", "eu-central-1", "-o", out.to_str().unwrap()];
        kill_at(&lab, (stop, Lost::Answer), &once);
        assert_eq!(lab.server.held(), before, "{stop}");
        assert_eq!(reconcile(&lab, &tiers, &[]).0, 0, "{stop}");
        assert_eq!(lab.server.held(), after, "{stop}");
    }
}

/// `app-1` and `app-2` have the numbers 7 and 75 in `app`; those who come 67 and, in another share, the same.
#[test]
fn who_comes_gets_its_groups_if_it_is_in_the_share_that_is_enforced() {
    let governed = Governed::new();
    let fresh = governed.launch("app-1", 5, "app");
    let lab = governed.plain();
    let folder = lab.path("shared");
    std::fs::create_dir_all(&folder).unwrap();
    let of = |segment: &str, share: &str| {
        let text = std::fs::read_to_string(policy()).unwrap();
        let whole = format!("{{matchLabels: {{app: {segment}, env: prod}}}}, mode: enforce");
        assert!(text.contains(&whole), "{text}");
        let text = text.replacen(&whole, &format!("{whole}, share: {share}"), 1);
        let path = folder.join("policy.yaml");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let before = lab.server.held();
    let named = "{select: {matchExpressions: [{key: Name, operator: NotIn, values: [app-5]}]}}";
    let (_, told, error) = reconcile(&lab, &of("app", named), &[]);
    assert!(told.contains(": 0 endpoints moved, "), "{told}{error}");
    assert_eq!(carried(&lab.server.held(), &fresh), carried(&before, &fresh));
    assert_eq!(written(&lab).len(), 0);
    let (code, told, error) = reconcile(&lab, &of("app", "{percent: 76}"), &[]);
    assert_eq!(code, 0, "{told}{error}");
    assert!(told.contains(": 1 endpoint moved, 0 left, 7 as intended; "), "{told}");
    assert_eq!(carried(&lab.server.held(), &fresh), [APP]);
    // Who is not in a share any more keeps what it carries, and a plan names it.
    let (plan, estate) = (of("app", named), governed_estate(&lab));
    let (_, told, error) = lab.watertight(&["plan", &plan, "--estate", &estate]);
    let kept = "not in a share that is enforced, and carrying groups of ours from before: app-5;";
    assert!(told.contains(kept), "{told}{error}");
}

/// What the provider has now, collected.
fn governed_estate(lab: &Lab) -> String {
    let estate = lab.path("now");
    let estate = estate.to_str().unwrap().to_owned();
    let arguments = ["collect", "aws", "--region", "eu-central-1", "-o", &estate];
    let (code, _, error) = lab.watertight(&arguments);
    assert_eq!(code, 0, "{error}");
    estate
}
