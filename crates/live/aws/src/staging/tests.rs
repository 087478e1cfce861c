use serde_json::json;
use tempfile::TempDir;

use super::*;

fn identity(request: &str, started: &str) -> Identity {
    Identity::new(request.to_owned(), started.to_owned(), None)
}

fn done(call: &str, state: State) -> Done {
    let region = "eu-central-1".to_owned();
    Done { region, call: call.to_owned(), argument: None, state, error: None, collected: None }
}

fn body(text: &str) -> Map<String, Value> {
    Map::from_iter([("Text".to_owned(), json!(text))])
}

fn collect(out: &Path, started: &str, text: &str) {
    let staging = Staging::open(out, identity("r", started)).unwrap();
    let account = staging.account("111122223333").unwrap();
    account.write("eu-central-1", "ec2-describe-vpcs", None, &body(text)).unwrap();
    account.record(done("ec2-describe-vpcs", State::Answered)).unwrap();
    staging.switch("111122223333").unwrap();
    staging.finish().unwrap();
}

fn placed(out: &Path) -> Value {
    let path = out.join("raw/aws/111122223333/eu-central-1/ec2-describe-vpcs.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn new_bodies_take_the_place_of_old_ones_and_leave_others_alone() {
    let out = TempDir::new().unwrap();
    let other = out.path().join("raw/kubernetes/c/pods.json");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, "{}").unwrap();
    collect(out.path(), "1", "old");
    let stale = out.path().join("raw/aws/111122223333/eu-central-1/gone.json");
    fs::write(&stale, "{}").unwrap();
    collect(out.path(), "2", "new");
    assert_eq!(placed(out.path()), json!({"Text": "new"}));
    assert!(!stale.exists() && other.exists());
    assert!(!out.path().join(WORK).exists());
}

#[test]
fn a_stopped_run_goes_on_with_what_is_done_and_asks_again_what_was_refused() {
    let out = TempDir::new().unwrap();
    {
        let staging = Staging::open(out.path(), identity("r", "1")).unwrap();
        let account = staging.account("1").unwrap();
        account.write("eu-central-1", "a", None, &body("kept")).unwrap();
        account.record(done("a", State::Answered)).unwrap();
        account.record(done("b", State::Failed)).unwrap();
        let journal = out.path().join(WORK).join("1/journal");
        let mut text = fs::read(&journal).unwrap();
        text.extend_from_slice(b"{\"region\":\"eu-central-1\",\"call\":\"c\",\"sta");
        fs::write(&journal, text).unwrap();
    }
    let staging = Staging::open(out.path(), identity("r", "2")).unwrap();
    assert!(staging.resumed);
    assert_eq!(staging.identity.started, "1");
    let account = staging.account("1").unwrap();
    assert!(account.find("eu-central-1", "a", None).is_some());
    assert_eq!(account.read("eu-central-1", "a", None).unwrap(), json!({"Text": "kept"}));
    assert!(account.find("eu-central-1", "b", None).is_none());
    assert!(account.find("eu-central-1", "c", None).is_none());
    account.record(done("c", State::Answered)).unwrap();
    assert_eq!(staging.account("1").unwrap().all().len(), 2);
}

#[test]
fn another_request_starts_anew() {
    let out = TempDir::new().unwrap();
    {
        let staging = Staging::open(out.path(), identity("r", "1")).unwrap();
        staging.account("1").unwrap().record(done("a", State::Answered)).unwrap();
    }
    let staging = Staging::open(out.path(), identity("other", "2")).unwrap();
    assert!(!staging.resumed);
    assert!(staging.account("1").unwrap().all().is_empty());
}

#[test]
fn a_run_that_was_stopped_while_folders_were_exchanged_exchanges_them_once() {
    let out = TempDir::new().unwrap();
    collect(out.path(), "1", "old");
    {
        let staging = Staging::open(out.path(), identity("r", "2")).unwrap();
        let account = staging.account("111122223333").unwrap();
        account.write("eu-central-1", "ec2-describe-vpcs", None, &body("new")).unwrap();
        account.record(done("ec2-describe-vpcs", State::Answered)).unwrap();
        staging.switch("111122223333").unwrap();
    }
    let staging = Staging::open(out.path(), identity("r", "3")).unwrap();
    let account = staging.account("111122223333").unwrap();
    let read = account.read("eu-central-1", "ec2-describe-vpcs", None).unwrap();
    assert_eq!(read, json!({"Text": "new"}));
    staging.switch("111122223333").unwrap();
    staging.finish().unwrap();
    assert_eq!(placed(out.path()), json!({"Text": "new"}));
}

#[test]
fn two_collections_do_not_write_one_estate() {
    let out = TempDir::new().unwrap();
    let _first = Staging::open(out.path(), identity("r", "1")).unwrap();
    let second = Staging::open(out.path(), identity("r", "1"));
    assert!(matches!(second, Err(CollectError::Folder { .. })));
}

#[test]
fn a_folder_of_other_things_is_left_alone() {
    let out = TempDir::new().unwrap();
    fs::write(out.path().join("thesis.txt"), "").unwrap();
    let opened = Staging::open(out.path(), identity("r", "1"));
    assert!(matches!(opened, Err(CollectError::Folder { .. })));
    assert!(!out.path().join(WORK).exists());
}

#[test]
fn a_run_that_was_stopped_before_its_first_bodies_were_in_place_goes_on() {
    let out = TempDir::new().unwrap();
    {
        let staging = Staging::open(out.path(), identity("r", "1")).unwrap();
        staging.describe(&json!({"format": "watertight.estate/v1"})).unwrap();
    }
    assert!(Staging::open(out.path(), identity("r", "2")).unwrap().resumed);
}
