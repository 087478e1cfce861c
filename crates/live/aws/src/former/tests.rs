use serde_json::json;
use tempfile::TempDir;

use super::*;

fn done(call: &str, state: State, collected: Option<&str>) -> Done {
    Done {
        region: "global".to_owned(),
        call: call.to_owned(),
        argument: None,
        state,
        error: None,
        collected: collected.map(ToOwned::to_owned),
    }
}

#[test]
fn answers_have_the_time_of_their_collection_or_their_own() {
    let folder = TempDir::new().unwrap();
    let all = [
        done("a", State::Answered, None),
        done("b", State::Absent, Some("2026-11-20T10:00:00Z")),
        done("c", State::Denied, None),
    ];
    seal(folder.path(), "table", "2026-11-28T10:00:00Z", &all).unwrap();
    fs::create_dir_all(folder.path().join("global")).unwrap();
    fs::write(folder.path().join("global/a.json"), "{\"Text\": 1}").unwrap();
    let former = Former::open(folder.path(), "table").unwrap();
    let (a, seconds) = former.find("global", "a", None).unwrap();
    assert_eq!((a.collected.as_deref(), seconds), (Some("2026-11-28T10:00:00Z"), 1_795_860_000));
    assert_eq!(former.read(a), json!({"Text": 1}).as_object().cloned());
    let (b, seconds) = former.find("global", "b", None).unwrap();
    assert_eq!((b.state, seconds), (State::Absent, 1_795_168_800));
    assert_eq!(former.find("global", "c", None), None);
    assert_eq!(former.find("eu-central-1", "a", None), None);
    assert_eq!(former.oldest(0), Some(1_795_168_800));
    assert_eq!(former.oldest(1_795_168_801), Some(1_795_860_000));
}

#[test]
fn a_folder_of_another_table_or_without_a_word_about_it_tells_nothing() {
    let folder = TempDir::new().unwrap();
    assert!(Former::open(folder.path(), "table").is_none());
    seal(folder.path(), "other", "2026-11-28T10:00:00Z", &[]).unwrap();
    assert!(Former::open(folder.path(), "table").is_none());
    seal(folder.path(), "table", "once", &[done("a", State::Answered, None)]).unwrap();
    assert!(Former::open(folder.path(), "table").is_none());
}
