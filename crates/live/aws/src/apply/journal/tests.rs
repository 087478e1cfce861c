use super::*;

fn begin(step: usize, way: Way) -> Line {
    Line::Begin { step, way, at: String::from("now"), found: Vec::new() }
}

fn done(step: usize, way: Way) -> Line {
    Line::Done { step, way, at: String::from("now") }
}

fn written(lines: &[Line]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("change.plan.journal");
    let mut journal = Journal::open(&path, "p").unwrap();
    for line in lines {
        journal.say(line).unwrap();
    }
    (folder, path)
}

#[test]
fn a_step_that_was_begun_is_in_doubt_until_it_is_done() {
    let (_folder, path) =
        written(&[begin(0, Way::Apply), done(0, Way::Apply), begin(1, Way::Apply)]);
    let progress = Journal::look(&path, "p").unwrap();
    assert_eq!(progress, Progress { done: 1, doubt: Some(1), ..Progress::default() });
    assert_eq!((progress.first(), progress.end()), (1, 2));
}

#[test]
fn taking_back_begins_with_the_step_in_doubt_and_applying_goes_on_from_it() {
    let (_folder, path) = written(&[
        begin(0, Way::Apply),
        done(0, Way::Apply),
        begin(1, Way::Apply),
        begin(1, Way::Rollback),
        done(1, Way::Rollback),
        begin(0, Way::Rollback),
        begin(0, Way::Apply),
        done(0, Way::Apply),
    ]);
    assert_eq!(Journal::look(&path, "p").unwrap(), Progress { done: 1, ..Progress::default() });
}

#[test]
fn a_line_that_was_cut_off_was_never_said() {
    let (_folder, path) = written(&[begin(0, Way::Apply)]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(b"{\"line\":\"done\",\"st");
    std::fs::write(&path, bytes).unwrap();
    let mut journal = Journal::open(&path, "p").unwrap();
    assert_eq!(journal.progress, Progress { doubt: Some(0), ..Progress::default() });
    journal.say(&begin(0, Way::Apply)).unwrap();
    journal.say(&done(0, Way::Apply)).unwrap();
    assert_eq!(Journal::look(&path, "p").unwrap().done, 1);
}

#[test]
fn a_file_that_is_no_journal_is_left_as_it_is() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("change.plan.journal");
    for text in ["a note without an end of its line", "{\"line\":\"plan\",\"format\":\"other"] {
        std::fs::write(&path, text).unwrap();
        assert!(Journal::open(&path, "p").is_err(), "{text}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    for torn in ["", "{\"li", "{\"line\":\"plan\",\"format\":\"watertight.journal/v1al"] {
        std::fs::write(&path, torn).unwrap();
        assert!(Journal::open(&path, "p").is_ok(), "{torn}");
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("\"plan\":\"p\"}\n"));
    }
}

#[test]
fn a_journal_of_another_plan_or_of_none_is_refused() {
    let (_folder, path) = written(&[]);
    assert!(matches!(Journal::look(&path, "q"), Err(ApplyError::Journal { .. })));
    std::fs::write(&path, b"{\"line\":\"done\",\"step\":0,\"way\":\"apply\",\"at\":\"\"}\n")
        .unwrap();
    assert!(matches!(Journal::look(&path, "p"), Err(ApplyError::Journal { .. })));
    std::fs::write(&path, b"words\n").unwrap();
    assert!(matches!(Journal::open(&path, "p"), Err(ApplyError::Journal { .. })));
}

#[test]
fn a_journal_that_is_open_is_nobody_elses() {
    let (_folder, path) = written(&[]);
    let _open = Journal::open(&path, "p").unwrap();
    assert!(matches!(Journal::open(&path, "p"), Err(ApplyError::InUse(_))));
}

#[test]
fn what_is_done_may_await_a_confirmation_and_a_step_ends_that() {
    let until = "2026-11-30T10:00:00Z";
    let awaits = Line::Await { until: until.to_owned(), at: String::from("now") };
    let confirm = Line::Confirm { at: String::from("now") };
    let all = [begin(0, Way::Apply), done(0, Way::Apply), awaits.clone()];
    let standing = |lines: &[Line]| {
        let (_folder, path) = written(lines);
        Journal::look(&path, "p").unwrap().standing
    };
    assert_eq!(standing(&all), Standing::Awaiting { until: 1_796_032_800 });
    let confirmed = [&all[..], std::slice::from_ref(&confirm)].concat();
    assert_eq!(standing(&confirmed), Standing::Confirmed);
    let back = [&all[..], &[begin(0, Way::Rollback)]].concat();
    assert_eq!(standing(&back), Standing::Unasked);
    // What is being taken back for want of it stays so until all of it is.
    let lapse = Line::Lapse { at: String::from("now") };
    let lapsed = [&all[..], &[lapse.clone(), begin(0, Way::Rollback)]].concat();
    assert_eq!(standing(&lapsed), Standing::Lapsed);
    let gone = [&lapsed[..], &[done(0, Way::Rollback)]].concat();
    assert_eq!(standing(&gone), Standing::Unasked);
    let (_folder, path) = written(&confirmed);
    let mut journal = Journal::open(&path, "p").unwrap();
    assert!(matches!(journal.say(&lapse), Err(ApplyError::Journal { .. })));
    // What nobody awaits is not confirmed, and what is in doubt not awaited.
    let (_folder, path) = written(&all[..2]);
    let mut journal = Journal::open(&path, "p").unwrap();
    assert!(matches!(journal.say(&confirm), Err(ApplyError::Journal { .. })));
    let (_folder, path) = written(&all[..1]);
    let mut journal = Journal::open(&path, "p").unwrap();
    assert!(matches!(journal.say(&awaits), Err(ApplyError::Journal { .. })));
}
