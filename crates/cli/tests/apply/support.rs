//! An estate behind a strict server, and a plan for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{PoisonError, RwLock};

use serde_json::Value;
use tempfile::TempDir;
use watertight_live_aws::{
    Applied, ApplyError, ApplyRequest, Clock, Given, Pace, Watcher, Way, apply,
};
use watertight_testkit::aws_server::{Lost, Recording, Server, Strictness, Trouble, Troubles};

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

/// A copy of an estate in a folder, with its bodies changed: `change` gets the name of each file, and what is in
/// it.
pub(crate) fn copied(
    from: &Path,
    folder: &Path,
    mut change: impl FnMut(&str, &mut Value),
) -> PathBuf {
    let regional = format!("raw/aws/{ACCOUNT}/eu-central-1");
    let to = folder.join("estate");
    fs::create_dir_all(to.join(&regional)).unwrap();
    fs::copy(from.join("estate.json"), to.join("estate.json")).unwrap();
    for file in fs::read_dir(from.join(&regional)).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let mut body: Value = serde_json::from_slice(&fs::read(file.path()).unwrap()).unwrap();
        change(&name, &mut body);
        fs::write(to.join(&regional).join(&name), body.to_string()).unwrap();
    }
    to
}

/// Lists that are late.
pub(crate) const LATE: Strictness =
    Strictness { rules_max: 60, groups_max: 5, unseen: 2, busy: 0, fails: false };

/// Applies a plan that is killed at one request after the other, goes on, and takes it back: it ends as if it
/// never was, and where it began. `stops` are the requests, of so many in all.
pub(crate) fn killed_while_applying(
    lab: &dyn Fn(Strictness) -> Lab,
    stops: impl Fn(usize) -> std::ops::Range<usize>,
) {
    let whole = lab(Strictness::default());
    let before = whole.server.held();
    let asked = whole.server.requests();
    whole.take(Way::Apply).unwrap();
    let count = whole.server.requests() - asked;
    let after = whole.server.held();
    for stop in stops(count) {
        for (lost, strictness) in [
            (Lost::Request, Strictness::default()),
            (Lost::Answer, Strictness::default()),
            (Lost::Answer, LATE),
        ] {
            let lab = lab(strictness);
            lab.server.stop_after(Some((stop, lost)));
            assert!(lab.take(Way::Apply).is_err(), "{stop}");
            lab.server.stop_after(None);
            let told = |error| panic!("{stop} {lost:?} {strictness:?}: {error}");
            lab.take(Way::Apply).unwrap_or_else(told);
            assert_eq!(lab.server.held(), after, "{stop} {lost:?} {strictness:?}");
            let told = |error| panic!("{stop} {lost:?} {strictness:?}: {error}");
            lab.take(Way::Rollback).unwrap_or_else(told);
            assert_eq!(lab.server.held(), before, "{stop} {lost:?} {strictness:?}");
        }
    }
}

/// The same at every request and behind whatever `slow` is about, taking back killed now and then too. Gives how many
/// requests there are.
pub(crate) fn killed_anywhere(plain: &dyn Fn() -> Lab, slow: &dyn Fn() -> Lab) -> usize {
    let whole = plain();
    let before = whole.server.held();
    let asked = whole.server.requests();
    whole.take(Way::Apply).unwrap();
    let count = whole.server.requests() - asked;
    let after = whole.server.held();
    for stop in 0..count {
        // A lost answer leaves open what was done; a lost request does not.
        let lost = if stop % 4 == 0 { Lost::Request } else { Lost::Answer };
        let lab = if stop % 2 == 0 { plain() } else { slow() };
        lab.server.stop_after(Some((stop, lost)));
        assert!(lab.take(Way::Apply).is_err(), "{stop}");
        lab.server.stop_after(None);
        lab.take(Way::Apply).unwrap_or_else(|error| panic!("{stop} {lost:?}: {error}"));
        assert_eq!(lab.server.held(), after, "{stop} {lost:?}");
        if stop % 3 == 0 {
            lab.server.stop_after(Some((stop.min(count / 2), lost)));
            assert!(lab.take(Way::Rollback).is_err(), "{stop}");
            lab.server.stop_after(None);
        }
        lab.take(Way::Rollback).unwrap_or_else(|error| panic!("{stop} {lost:?}: {error}"));
        assert_eq!(lab.server.held(), before, "{stop} {lost:?}");
    }
    count
}

/// Applies a plan and takes it back where services are slow, and where calls fail besides: it comes to the same.
pub(crate) fn slow_comes_to_the_same(name: &str, slow: Strictness) {
    let whole = Lab::of(name, Troubles::default(), Strictness::default());
    let before = whole.server.held();
    whole.take(Way::Apply).unwrap();
    let first = vec![Trouble::Throttle(1), Trouble::Cut, Trouble::Fault];
    let troubles = Troubles { first, every: 2, ..Troubles::default() };
    for lab in [Lab::of(name, Troubles::default(), slow), Lab::of(name, troubles, slow)] {
        lab.take_with(Way::Apply, 8).unwrap();
        assert_eq!(lab.server.held(), whole.server.held());
        lab.take_with(Way::Rollback, 8).unwrap();
        assert_eq!(lab.server.held(), before);
    }
}

/// Whether all interfaces of resources carry what the last steps about these set.
pub(crate) fn carried_as_set<'a>(held: &Value, steps: impl Iterator<Item = &'a Value>) {
    let texts = |list: &'a Value| -> BTreeSet<&'a str> {
        list.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
    };
    for action in steps {
        for endpoint in texts(&action["endpoints"]) {
            let carried = held["interfaces"][endpoint].as_array().unwrap().iter();
            let carried = carried.filter_map(|name| name.as_str().unwrap().split_once('/'));
            let carried: BTreeSet<&str> = carried.map(|(_, name)| name).collect();
            assert_eq!(carried, texts(&action["to"]), "{endpoint}");
        }
    }
}

/// Takes a plan back, killed at one request after the other: it ends where it began.
pub(crate) fn killed_while_taking_back(
    lab: &dyn Fn(Strictness) -> Lab,
    stops: impl Fn(usize) -> std::ops::Range<usize>,
) {
    for strictness in [Strictness::default(), LATE] {
        let whole = lab(strictness);
        let before = whole.server.held();
        whole.take(Way::Apply).unwrap();
        let asked = whole.server.requests();
        whole.take(Way::Rollback).unwrap();
        let count = whole.server.requests() - asked;
        for stop in stops(count) {
            let lost = if stop % 2 == 0 { Lost::Request } else { Lost::Answer };
            let lab = lab(strictness);
            lab.take(Way::Apply).unwrap();
            lab.server.stop_after(Some((stop, lost)));
            assert!(lab.take(Way::Rollback).is_err(), "{stop}");
            lab.server.stop_after(None);
            lab.take(Way::Rollback).unwrap_or_else(|error| panic!("{stop} {lost:?}: {error}"));
            assert_eq!(lab.server.held(), before, "{stop} {lost:?}");
        }
    }
}

/// A server, a plan and its folder.
pub(crate) struct Lab {
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
}

impl Lab {
    pub(crate) fn new(troubles: Troubles, strictness: Strictness) -> Self {
        Self::of("tiers", troubles, strictness)
    }

    /// The estate whose interfaces services own.
    pub(crate) fn services(strictness: Strictness) -> Self {
        Self::of("services", Troubles::default(), strictness)
    }

    pub(crate) fn of(name: &str, troubles: Troubles, strictness: Strictness) -> Self {
        let recording = Recording::read(&root().join("testdata/estates").join(name)).unwrap();
        let server = Server::start_strict(recording, troubles, strictness).unwrap();
        let folder = TempDir::new().unwrap();
        let plan = root().join("testdata/plans").join(name).join("change.plan");
        fs::copy(plan, folder.path().join("change.plan")).unwrap();
        Self { server, folder }
    }

    pub(crate) fn plain() -> Self {
        Self::new(Troubles::default(), Strictness::default())
    }

    /// An estate in which the plan was applied and rules of ours were changed by hand afterwards, with
    /// a plan that mends them.
    pub(crate) fn drifted(mended: &Mended, strictness: Strictness) -> Self {
        let recording = Recording::read(&mended.folder.path().join("estate")).unwrap();
        let server = Server::start_strict(recording, Troubles::default(), strictness).unwrap();
        let folder = TempDir::new().unwrap();
        let plan = folder.path().join("change.plan");
        fs::copy(mended.folder.path().join("mend.plan"), plan).unwrap();
        Self { server, folder }
    }

    /// Has the server do something by hand.
    pub(crate) fn by_hand(&self, form: &str) {
        self.by_hand_as("ec2", "", &format!("{form}&Version=2016-11-15"));
    }

    /// Has the server do something by hand for a service whose requests have a target and a JSON body.
    pub(crate) fn by_hand_as(&self, service: &str, target: &str, body: &str) {
        self.by_hand_at(service, "/", target, body);
    }

    /// The same at a path.
    pub(crate) fn by_hand_at(&self, service: &str, path: &str, target: &str, body: &str) {
        let url = self.server.url();
        let address = url.strip_prefix("http://").unwrap();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let key = Server::key_of(ACCOUNT);
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: AWS4-HMAC-SHA256 \
             Credential={key}/20261128/eu-central-1/{service}/aws4_request\r\nx-amz-target: {target}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
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
        self.take_as(way, attempts_max, "0123456789abcdef")
    }

    /// The same, as a plan with this hash.
    pub(crate) fn take_as(
        &self,
        way: Way,
        attempts_max: u32,
        hash: &str,
    ) -> Result<Applied, ApplyError> {
        let _nobody_starts = STARTING.read().unwrap_or_else(PoisonError::into_inner);
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
            hash: hash.to_owned(),
            journal: self.path("change.plan.journal"),
            way,
            unless_confirmed: false,
            dry_run: false,
            clock: &Still,
            pace: pace(attempts_max),
        };
        apply(&request, &Deaf)
    }
}

/// What was collected of an estate after a plan was applied and rules of ours were changed by hand, and
/// the plan that mends them.
pub(crate) struct Mended {
    folder: TempDir,
    /// What was held before the changes by hand, without the group that nobody needs.
    pub(crate) intended: Value,
}

/// The id of the group that nobody needs and that a rule of ours names.
pub(crate) const SUPERSEDED: &str = "sg-0fee1000000000004";

impl Mended {
    pub(crate) fn new() -> Self {
        let lab = Lab::plain();
        lab.take(Way::Apply).unwrap();
        let intended = lab.server.held();
        let permission = "&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22\
                          &IpPermissions.1.ToPort=22";
        // The strict server counts the groups that it makes.
        let group = |number: usize| format!("&GroupId=sg-0fee10000000000{number:02}");
        let add = "Action=AuthorizeSecurityGroupIngress";
        let network = "&IpPermissions.1.IpRanges.1.CidrIp=192.0.2.0/24";
        lab.by_hand(&format!("{add}{}{permission}{network}", group(1)));
        lab.by_hand(
            "Action=CreateSecurityGroup&GroupName=watertight%2Fold&GroupDescription=old\
             &VpcId=vpc-0000000000000c001&TagSpecification.1.ResourceType=security-group\
             &TagSpecification.1.Tag.1.Key=watertight.io%2Fmanaged&TagSpecification.1.Tag.1.Value=true",
        );
        let peer = format!("&IpPermissions.1.Groups.1.GroupId={SUPERSEDED}");
        lab.by_hand(&format!("{add}{}{permission}{peer}", group(2)));
        lab.by_hand(&lost(&lab));
        let (estate, plan) = (lab.path("estate"), lab.path("mend.plan"));
        let (estate, plan) = (estate.to_str().unwrap(), plan.to_str().unwrap());
        let (code, _, error) =
            lab.watertight(&["collect", "aws", "--region", "eu-central-1", "-o", estate]);
        assert!(code == 0 || code == 2, "{error}");
        let policy = policy();
        let (code, _, error) =
            lab.watertight(&["plan", policy.to_str().unwrap(), "--estate", estate, "-o", plan]);
        assert!(code == 0 || code == 2, "{error}");
        Self { folder: lab.folder, intended }
    }
}

/// Takes the first rule that names a network off the first group that has one.
fn lost(lab: &Lab) -> String {
    let plan = lab.plan();
    let groups = plan["groups"].as_array().unwrap();
    let found = (1..).zip(groups).find_map(|(number, group)| {
        let mut rules = group["ingress"].as_array().unwrap().iter();
        let rule = rules.find(|rule| {
            let (peer, over) = (rule["peer"].as_str().unwrap(), rule["over"].as_str().unwrap());
            peer.contains('.') && over.starts_with("tcp/")
        })?;
        Some((number, rule))
    });
    let (number, rule): (usize, &Value) = found.unwrap();
    let port = rule["over"].as_str().unwrap().strip_prefix("tcp/").unwrap();
    let peer = rule["peer"].as_str().unwrap();
    format!(
        "Action=RevokeSecurityGroupIngress&GroupId=sg-0fee10000000000{number:02}\
         &IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort={port}\
         &IpPermissions.1.ToPort={port}&IpPermissions.1.IpRanges.1.CidrIp={peer}"
    )
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
    let mut command = command(arguments, url, key);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    started(&mut command).wait_with_output().unwrap()
}

/// No program is started while a plan is applied within the tests' own process.
static STARTING: RwLock<()> = RwLock::new(());

/// Starts a program. Between its being forked and its being itself it holds all files that are open here, and with
/// them the lock of a journal that another test goes on with.
pub(crate) fn started(command: &mut Command) -> Child {
    let _alone = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn().unwrap()
}

/// The program with credentials for a server.
pub(crate) fn command(arguments: &[&str], url: &str, key: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watertight"));
    command
        .args(arguments)
        .current_dir(root())
        .env_remove("AWS_PROFILE")
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ACCESS_KEY_ID", key)
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/nowhere")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    command
}

/// Exit code, standard output, standard error.
pub(crate) fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}
