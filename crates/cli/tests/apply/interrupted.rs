//! Killed at every request in turn, before it does anything and after it did, and resumed.

use std::fs;

use serde_json::Value;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Lost, Strictness, Troubles};

use crate::support::{ACCOUNT, Lab, Mended, SUPERSEDED};

/// How many requests an undisturbed run makes.
fn requests(way: Way, strictness: Strictness) -> usize {
    let lab = Lab::new(Troubles::default(), strictness);
    if way == Way::Rollback {
        lab.take(Way::Apply).unwrap();
    }
    let before = lab.server.requests();
    lab.take(way).unwrap();
    lab.server.requests() - before
}

/// Groups that are there are known to the plan by id, and its steps call them by name.
#[test]
fn a_plan_that_mends_groups_that_are_there_goes_on_after_it_was_killed_anywhere() {
    let mended = Mended::new();
    let whole = Lab::drifted(&mended, Strictness::default());
    let before = whole.server.held();
    let plan = whole.plan();
    let has = |word: &str| plan["steps"].to_string().contains(word);
    assert!(has("add-rules") && has("remove-rules") && has(SUPERSEDED), "{:#}", plan["steps"]);
    let asked = whole.server.requests();
    whole.take(Way::Apply).unwrap();
    let count = whole.server.requests() - asked;
    let after = whole.server.held();
    let (of_after, of_intended) = (groups(&after), groups(&mended.intended));
    for (name, group) in of_intended {
        for side in ["ingress", "egress"] {
            assert_eq!(of_after[name][side], group[side], "{name} {side}");
        }
    }
    assert!(count > 10, "{count}");
    for stop in 0..count {
        for lost in [Lost::Request, Lost::Answer] {
            let strictness = if stop % 2 == 0 { LATE } else { Strictness::default() };
            let lab = Lab::drifted(&mended, strictness);
            assert_resumes(&lab, (stop, lost), [&before, &after]);
        }
    }
}

/// Stopped at one request, applied again and taken back, everything ends as if nothing had been lost.
fn assert_resumes(lab: &Lab, (stop, lost): (usize, Lost), [before, after]: [&Value; 2]) {
    lab.server.stop_after(Some((stop, lost)));
    assert!(lab.take(Way::Apply).is_err(), "{stop}");
    lab.server.stop_after(None);
    lab.take(Way::Apply).unwrap_or_else(|error| panic!("{stop} {lost:?}: {error}"));
    assert_eq!(lab.server.held(), *after, "{stop} {lost:?}");
    lab.take(Way::Rollback).unwrap_or_else(|error| panic!("{stop} {lost:?}: {error}"));
    assert_eq!(lab.server.held(), *before, "{stop} {lost:?}");
}

/// The groups of the estate's place.
fn groups(held: &Value) -> &serde_json::Map<String, Value> {
    held[format!("{ACCOUNT}/eu-central-1")]["groups"].as_object().unwrap()
}

/// Lists that are late make much of what is seen after an interruption old.
const LATE: Strictness =
    Strictness { rules_max: 60, groups_max: 5, unseen: 2, busy: 2, fails: false };

#[test]
fn applying_that_is_killed_anywhere_and_resumed_ends_as_if_it_never_was() {
    let whole = Lab::plain();
    let before = whole.server.held();
    whole.take(Way::Apply).unwrap();
    let after = whole.server.held();
    let count = requests(Way::Apply, Strictness::default());
    assert!(count > 60, "{count}");
    for stop in 0..count {
        for lost in [Lost::Request, Lost::Answer] {
            let lab = Lab::plain();
            assert_resumes(&lab, (stop, lost), [&before, &after]);
        }
    }
}

#[test]
fn what_was_killed_anywhere_is_taken_back_to_what_was_there() {
    let whole = Lab::plain();
    let before = whole.server.held();
    let count = requests(Way::Apply, Strictness::default());
    for stop in 0..count {
        let strictness = if stop % 2 == 0 { LATE } else { Strictness::default() };
        let lab = Lab::new(Troubles::default(), strictness);
        lab.server.stop_after(Some((stop, Lost::Answer)));
        assert!(lab.take(Way::Apply).is_err(), "{stop}");
        lab.server.stop_after(None);
        lab.take(Way::Rollback).unwrap_or_else(|error| panic!("{stop}: {error}"));
        assert_eq!(lab.server.held(), before, "{stop}");
    }
}

#[test]
fn taking_back_that_is_killed_anywhere_and_resumed_ends_where_it_began() {
    let whole = Lab::plain();
    let before = whole.server.held();
    let count = requests(Way::Rollback, Strictness::default());
    assert!(count > 50, "{count}");
    for stop in 0..count {
        let lab = Lab::plain();
        lab.take(Way::Apply).unwrap();
        let lost = if stop % 2 == 0 { Lost::Request } else { Lost::Answer };
        lab.server.stop_after(Some((stop, lost)));
        assert!(lab.take(Way::Rollback).is_err(), "{stop}");
        lab.server.stop_after(None);
        lab.take(Way::Rollback).unwrap_or_else(|error| panic!("{stop}: {error}"));
        assert_eq!(lab.server.held(), before, "{stop}");
    }
}

#[test]
fn late_lists_do_not_make_a_resumed_run_do_things_twice() {
    let whole = Lab::plain();
    whole.take(Way::Apply).unwrap();
    let after = whole.server.held();
    let count = requests(Way::Apply, LATE);
    for stop in (0..count).step_by(3) {
        let lab = Lab::new(Troubles::default(), LATE);
        lab.server.stop_after(Some((stop, Lost::Answer)));
        assert!(lab.take(Way::Apply).is_err(), "{stop}");
        lab.server.stop_after(None);
        lab.take(Way::Apply).unwrap_or_else(|error| panic!("{stop}: {error}"));
        assert_eq!(lab.server.held(), after, "{stop}");
    }
}

/// The machine may go down between the provider's answer and the end of the line that says so.
#[test]
fn a_journal_whose_last_line_was_cut_off_leads_to_the_same() {
    let whole = Lab::plain();
    let before = whole.server.held();
    whole.take(Way::Apply).unwrap();
    let after = whole.server.held();
    let journal = fs::read_to_string(whole.path("change.plan.journal")).unwrap();
    let lines: Vec<&str> = journal.split_inclusive('\n').collect();
    assert_eq!(lines.len(), 41);
    let (last, kept) = lines.split_last().unwrap();
    let torn: String = last.chars().take(last.len() / 2).collect();
    fs::write(whole.path("change.plan.journal"), format!("{}{torn}", kept.concat())).unwrap();
    let applied = whole.take(Way::Apply).unwrap();
    assert_eq!((applied.taken, applied.found_so, applied.writes), (1, 1, 0));
    assert_eq!(whole.server.held(), after);
    whole.take(Way::Rollback).unwrap();
    assert_eq!(whole.server.held(), before);
}
