//! The program, killed while it collects: what is left can be read as before, and the same command
//! goes on to the same estate.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use watertight_testkit::aws_server::{Recording, Server, Troubles};

/// How long the program may take to make its next request.
const LONGEST: Duration = Duration::from_mins(2);
/// Where it is killed: before so many sixteenths of its requests are answered.
const POSITIONS: usize = 16;
/// How often, and how long apart, it is looked whether something is there: for some minutes.
const LOOKS_MAX: u32 = 1_000_000;
const LOOK: Duration = Duration::from_micros(200);
/// How often a collection is begun until one is killed in time.
const TRIES: usize = 20;
/// Requests that are asked at once, and those that say whom to ask.
const ON_THE_WAY: usize = 32;

fn server(troubles: Troubles) -> Server {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/estates/shop");
    Server::start(Recording::read(&shop).unwrap(), troubles).unwrap()
}

fn command(server: &Server, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watertight"));
    command
        .args(["collect", "aws", "--organization", "--role", "audit", "-o"])
        .arg(out)
        .env_remove("AWS_PROFILE")
        .env("AWS_ENDPOINT_URL", server.url())
        .env("AWS_ACCESS_KEY_ID", Server::key_of("111122223333"))
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/nowhere")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn collect(server: &Server, out: &Path) -> Output {
    let collected = command(server, out).output().unwrap();
    let text = String::from_utf8_lossy(&collected.stderr).into_owned();
    assert_eq!(collected.status.code(), Some(0), "{text}");
    collected
}

/// Ends a program as `kill -9` does: it cannot do anything about it.
fn kill(mut child: Child) {
    child.kill().unwrap();
    let _status = child.wait().unwrap();
}

/// The files of an estate that a reader sees, without the times of collection.
fn estate(out: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![out.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with('.') {
                continue;
            }
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let kept = text.lines().filter(|line| !line.contains("\"collected\":"));
            let name = path.strip_prefix(out).unwrap().to_owned();
            found.insert(name, kept.collect::<Vec<_>>().join("\n"));
        }
    }
    found
}

/// Every file that is left, whatever its name.
fn leftovers(out: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with('.')).collect()
}

#[test]
fn a_killed_collection_leaves_nothing_half_written_and_goes_on_to_the_same_estate() {
    let plain = server(Troubles::default());
    let whole = TempDir::new().unwrap();
    collect(&plain, whole.path());
    let (wanted, requests) = (estate(whole.path()), plain.requests());
    assert!(requests > 200, "{requests}");
    for position in 0..=POSITIONS {
        let held = (requests - 1) * position / POSITIONS;
        let out = TempDir::new().unwrap();
        let slow = server(Troubles { hold_after: Some(held), ..Troubles::default() });
        let child = command(&slow, out.path()).spawn().unwrap();
        assert!(slow.wait_for(held + 1, LONGEST), "{held} requests of {requests}");
        kill(child);
        assert_eq!(estate(out.path()), BTreeMap::new(), "{held}");
        let before = plain.requests();
        let resumed = collect(&plain, out.path());
        assert_eq!(estate(out.path()), wanted, "{held}");
        assert_eq!(leftovers(out.path()), Vec::<PathBuf>::new(), "{held}");
        // What was answered before is not asked again, but for who it is and what was on its way.
        let asked = plain.requests() - before;
        assert!(asked + held / 2 <= requests + ON_THE_WAY, "{asked} after {held} of {requests}");
        let said = String::from_utf8_lossy(&resumed.stderr).contains("went on");
        assert!(said || held < 4, "{held}");
    }
}

#[test]
fn a_collection_killed_over_an_older_estate_leaves_that_one_as_it_was() {
    let plain = server(Troubles::default());
    let out = TempDir::new().unwrap();
    collect(&plain, out.path());
    let older = estate(out.path());
    let requests = plain.requests();
    // Each goes on where the one before was stopped, so that ever less is left to ask.
    for held in [1, requests / 3, requests / 3] {
        let slow = server(Troubles { hold_after: Some(held), ..Troubles::default() });
        let child = command(&slow, out.path()).spawn().unwrap();
        assert!(slow.wait_for(held + 1, LONGEST), "{held} requests of {requests}");
        kill(child);
        assert_eq!(estate(out.path()), older, "{held}");
        let asked = Command::new(env!("CARGO_BIN_EXE_watertight"))
            .args(["inventory", out.path().to_str().unwrap()])
            .output()
            .unwrap();
        assert_eq!(asked.status.code(), Some(0), "{held}");
    }
    collect(&plain, out.path());
    assert_eq!(estate(out.path()), older);
}

/// What a collection leaves that was killed when something was seen of it. One that was done before it was
/// killed tells nothing: then another one is begun.
fn killed_when(server: &Server, seen: &str) -> TempDir {
    for _ in 0..TRIES {
        let out = TempDir::new().unwrap();
        let mut child = command(server, out.path()).spawn().unwrap();
        let is_seen = (0..LOOKS_MAX).any(|_| {
            thread::park_timeout(LOOK);
            out.path().join(seen).exists() || child.try_wait().unwrap().is_some()
        });
        assert!(is_seen, "{seen} is never seen");
        child.kill().unwrap();
        // Whoever ends by a signal has no code.
        if child.wait().unwrap().code().is_none() {
            return out;
        }
    }
    panic!("{seen}: it was done each time before it was killed");
}

/// Killed while bodies take their places, at whatever step it is then.
#[test]
fn a_collection_killed_while_folders_are_exchanged_goes_on_to_the_same_estate() {
    let plain = server(Troubles::default());
    let whole = TempDir::new().unwrap();
    collect(&plain, whole.path());
    let wanted = estate(whole.path());
    for seen in ["estate.json", "raw", "raw/aws/111122223333", "raw/aws/444455556666"] {
        let out = killed_when(&plain, seen);
        collect(&plain, out.path());
        assert_eq!(estate(out.path()), wanted, "{seen}");
        assert_eq!(leftovers(out.path()), Vec::<PathBuf>::new(), "{seen}");
    }
}
