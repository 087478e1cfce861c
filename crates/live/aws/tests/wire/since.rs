//! Collections that keep what nothing changed: only what may have changed is asked again, and whenever
//! it is not known whether something changed, all is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use watertight_live_aws::{Report, Request, Since, Who};
use watertight_testkit::aws_server::{Recording, Server, Troubles};

use crate::support::{DEVELOPMENT, SHOP, files, json as read, request, run, shop};

const REGION: &str = "eu-central-1";
const QUEUE: &str = "https://sqs.eu-central-1.amazonaws.com/111122223333/orders";
const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:orders";
const FIRST: &str = "2026-11-28T10:00:00Z";
const SECOND: &str = "2026-11-29T10:00:00Z";
/// The time of `FIRST`, in seconds since 1970.
const FIRST_SECONDS: u64 = 1_795_860_000;
const DAY: u64 = 86_400;

/// An event: which service, how long after the first collection, and whether it only reads.
type Event = (&'static str, i64, bool);

/// The shop with a queue and a topic, and with events of its production account in regions.
fn eventful(events: &[(&str, &[Event])]) -> Recording {
    let mut recording = Recording::read(&shop()).unwrap();
    let mut add = |call: &str, about: Option<&str>, body: Value| {
        recording.insert((SHOP, REGION), call, about, body);
    };
    add("sqs-list-queues", None, json!({"QueueUrls": [QUEUE]}));
    add("sqs-get-queue-attributes", Some(QUEUE), json!({"Attributes": {"QueueArn": "first"}}));
    add("sns-list-topics", None, json!({"Topics": [{"TopicArn": TOPIC}]}));
    add("sns-get-topic-attributes", Some(TOPIC), json!({"Attributes": {"TopicArn": TOPIC}}));
    for bucket in ["assets", "backups", "customers", "logs"] {
        let bucket = format!("copper-kettle-{bucket}");
        let location = json!({"LocationConstraint": REGION});
        add("s3api-get-bucket-location", Some(&bucket), location);
    }
    for (region, events) in events {
        let one = |(service, after, reads): &Event| {
            json!({
                "EventId": "e", "EventName": "Change", "EventSource": format!("{service}.amazonaws.com"),
                "EventTime": i64::try_from(FIRST_SECONDS).unwrap() + after,
                "ReadOnly": if *reads { "true" } else { "false" },
                "CloudTrailEvent": "{\"requestParameters\":{\"password\":\"hunter2\"}}",
            })
        };
        let body = json!({"Events": events.iter().map(one).collect::<Vec<_>>()});
        recording.insert((SHOP, region), "cloudtrail-lookup-events", None, body);
    }
    recording
}

fn server(recording: Recording, troubles: Troubles) -> Server {
    Server::start(recording, troubles).unwrap()
}

fn quiet() -> Server {
    server(eventful(&[]), Troubles::default())
}

/// A second collection, a day after the first one, of changes since the first.
fn again(server: &Server, out: &Path) -> Request {
    let at = Duration::from_secs(FIRST_SECONDS);
    Request {
        now: SECOND.to_owned(),
        since: Some(Since { given: FIRST.to_owned(), at }),
        ..request(server, out)
    }
}

/// The calls that were kept in an account's place, by call or call and argument.
fn kept(out: &Path, account: &str, region: &str) -> BTreeSet<String> {
    let description = read(&out.join("estate.json"));
    let mut kept = BTreeSet::new();
    for entry in description["coverage"].as_array().unwrap() {
        if entry["account"] != account || entry["region"] != region {
            continue;
        }
        for (call, time) in entry["collected"].as_object().into_iter().flatten() {
            let times: Vec<(String, &Value)> = match time {
                Value::Object(times) => times
                    .iter()
                    .map(|(argument, time)| (format!("{call} {argument}"), time))
                    .collect(),
                time => vec![(call.clone(), time)],
            };
            for (name, time) in times {
                assert_eq!(time, FIRST, "{name}");
                kept.insert(name);
            }
        }
    }
    kept
}

/// Collects the shop once, and then again from another server.
fn twice(second: &Server, change: impl FnOnce(&mut Request)) -> (TempDir, Report) {
    let out = TempDir::new().unwrap();
    run(&request(&quiet(), out.path())).unwrap();
    let mut request = again(second, out.path());
    change(&mut request);
    let report = run(&request).unwrap();
    (out, report)
}

#[test]
fn what_did_not_change_is_kept_with_its_own_time_and_is_what_would_be_asked() {
    let whole = quiet();
    let fresh = TempDir::new().unwrap();
    run(&request(&whole, fresh.path())).unwrap();
    let second = quiet();
    let (out, report) = twice(&second, |_| {});
    assert_eq!(
        (report.unanswered.as_slice(), report.unknown_changes.as_slice()),
        (&[][..], &[][..])
    );
    assert_eq!(report.kept_from.as_deref(), Some(FIRST));
    assert!(report.kept > 60, "{}", report.kept);
    assert!(
        second.requests() + 60 < whole.requests(),
        "{} {}",
        second.requests(),
        whole.requests()
    );
    // Two accounts, each in its region and at home.
    assert_eq!(lookups(&second), 4);
    let raw = |out: &TempDir| files(&out.path().join("raw"));
    assert_eq!(raw(&fresh), raw(&out));
    let global = kept(out.path(), SHOP, "global");
    assert!(global.contains("s3api-get-bucket-acl copper-kettle-assets"), "{global:?}");
    assert!(global.contains("iam-list-instance-profiles"), "{global:?}");
    // What changes without a call of the account is never kept.
    for call in ["iam-get-account-authorization-details", "s3api-list-buckets"] {
        assert!(!global.contains(call), "{call}");
    }
    let place = kept(out.path(), SHOP, REGION);
    for call in [
        "ec2-describe-network-interfaces",
        "ec2-describe-route-tables",
        "ec2-describe-vpcs",
        "ec2-describe-instances",
        "elbv2-describe-load-balancers",
    ] {
        assert!(!place.contains(call), "{call}");
    }
    let description = read(&out.path().join("estate.json"));
    assert_eq!(description["sources"][0]["collected"], SECOND);
}

/// How many pages of events were asked for.
fn lookups(server: &Server) -> usize {
    server.counted("cloudtrail-lookup-events")
}

#[test]
fn what_changed_is_asked_again_and_the_rest_is_kept() {
    let mut recording = eventful(&[(REGION, &[("sqs", 3_600, false), ("lambda", 3_600, true)])]);
    let changed = json!({"Attributes": {"QueueArn": "changed"}});
    recording.replace((SHOP, REGION), "sqs-get-queue-attributes", &changed);
    let (out, report) = twice(&server(recording, Troubles::default()), |_| {});
    assert_eq!(report.unanswered, []);
    let place = kept(out.path(), SHOP, REGION);
    assert!(!place.iter().any(|call| call.starts_with("sqs-")), "{place:?}");
    assert!(place.iter().any(|call| call.starts_with("lambda-get-policy ")), "{place:?}");
    assert!(place.iter().any(|call| call.starts_with("sns-get-topic-attributes ")), "{place:?}");
    let folder =
        out.path().join("raw/aws").join(SHOP).join(REGION).join("sqs-get-queue-attributes");
    let bodies = files(&folder);
    assert_eq!(bodies.len(), 1);
    for name in bodies.keys() {
        assert_eq!(read(&folder.join(name)), changed);
    }
}

#[test]
fn changes_count_from_a_while_before_the_answer_and_from_the_time_that_is_given() {
    // Ten minutes before the first collection: its answer may lag behind.
    let early = eventful(&[(REGION, &[("sqs", -600, false), ("sns", -3_600, false)])]);
    let (out, _) = twice(&server(early.clone(), Troubles::default()), |_| {});
    let place = kept(out.path(), SHOP, REGION);
    assert!(!place.iter().any(|call| call.starts_with("sqs-")), "{place:?}");
    assert!(place.iter().any(|call| call.starts_with("sns-")), "{place:?}");
    // Who asks for changes of the last days gets these too.
    let (out, _) = twice(&server(early, Troubles::default()), |request| {
        let at = Duration::from_secs(FIRST_SECONDS - 2 * DAY);
        request.since = Some(Since { given: "3d".to_owned(), at });
    });
    let place = kept(out.path(), SHOP, REGION);
    assert!(!place.iter().any(|call| call.starts_with("sns-")), "{place:?}");
    assert!(place.iter().any(|call| call.starts_with("lambda-")), "{place:?}");
}

#[test]
fn a_time_after_the_earlier_collection_hides_no_change_before_it() {
    let recording = eventful(&[(REGION, &[("sqs", 3_600, false)])]);
    let (out, _) = twice(&server(recording, Troubles::default()), |request| {
        let at = Duration::from_secs(FIRST_SECONDS + DAY - 60);
        request.since = Some(Since { given: "1m".to_owned(), at });
    });
    let place = kept(out.path(), SHOP, REGION);
    assert!(!place.iter().any(|call| call.starts_with("sqs-")), "{place:?}");
    assert!(place.iter().any(|call| call.starts_with("sns-")), "{place:?}");
}

#[test]
fn a_bucket_has_its_events_in_its_own_region_and_at_home() {
    for region in [REGION, "us-east-1"] {
        let recording = eventful(&[(region, &[("s3", 60, false)])]);
        let (out, _) = twice(&server(recording, Troubles::default()), |_| {});
        let global = kept(out.path(), SHOP, "global");
        assert!(!global.iter().any(|call| call.starts_with("s3api-")), "{region} {global:?}");
        assert!(global.contains("iam-list-instance-profiles"), "{region} {global:?}");
        let other = kept(out.path(), DEVELOPMENT, "global");
        assert!(other.contains("iam-list-instance-profiles"), "{region} {other:?}");
    }
}

#[test]
fn where_changes_cannot_be_looked_up_all_is_asked_and_that_is_said() {
    let denied = BTreeSet::from(["cloudtrail-lookup-events".to_owned()]);
    let second = server(eventful(&[]), Troubles { denied, ..Troubles::default() });
    let (out, report) = twice(&second, |_| {});
    assert_eq!((report.kept, report.unanswered.as_slice()), (0, &[][..]));
    let said: BTreeSet<(&str, &str, bool)> = report
        .unknown_changes
        .iter()
        .map(|one| (one.account.as_str(), one.region.as_str(), one.denied))
        .collect();
    let places =
        [SHOP, DEVELOPMENT].map(|account| [(account, REGION, true), (account, "us-east-1", true)]);
    assert_eq!(said, places.into_iter().flatten().collect());
    assert!(kept(out.path(), SHOP, REGION).is_empty());
}

#[test]
fn events_without_end_or_of_no_form_are_no_knowledge() {
    let many: Vec<Event> = vec![("logs", 60, false); 11_000];
    let (_, report) = twice(&server(eventful(&[(REGION, &many)]), paged()), |_| {});
    let errors: BTreeSet<&str> =
        report.unknown_changes.iter().map(|one| one.error.as_str()).collect();
    assert_eq!(errors, BTreeSet::from(["TooManyEvents"]));
    let mut recording = eventful(&[]);
    let odd = json!({"Events": [{"EventSource": "sqs.amazonaws.com", "EventTime": FIRST_SECONDS, "ReadOnly": "false"},
        {"EventTime": FIRST_SECONDS, "ReadOnly": "false"}]});
    recording.insert((SHOP, REGION), "cloudtrail-lookup-events", None, odd);
    let (out, report) = twice(&server(recording, Troubles::default()), |_| {});
    assert_eq!(report.unknown_changes[0].error, "UnreadableEvents");
    assert!(kept(out.path(), SHOP, REGION).is_empty());
}

fn paged() -> Troubles {
    Troubles { page_size: Some(50), ..Troubles::default() }
}

#[test]
fn nothing_is_kept_that_is_older_than_the_record() {
    // The record holds 90 days.
    let (_, report) = twice(&quiet(), |request| {
        request.now = "2027-02-27T10:00:00Z".to_owned();
    });
    assert_eq!((report.kept, report.unanswered.as_slice()), (0, &[][..]));
    let (_, report) = twice(&quiet(), |request| {
        let at = Duration::from_secs(FIRST_SECONDS - 100 * DAY);
        request.since = Some(Since { given: "101d".to_owned(), at });
    });
    assert_eq!(report.kept, 0);
    let (_, report) = twice(&quiet(), |request| {
        request.now = "2027-02-20T10:00:00Z".to_owned();
    });
    assert!(report.kept > 60, "{}", report.kept);
}

#[test]
fn without_an_earlier_collection_or_with_a_part_of_it_the_rest_is_asked() {
    let plain = TempDir::new().unwrap();
    run(&request(&quiet(), plain.path())).unwrap();
    let raw = |out: &TempDir| files(&out.path().join("raw"));
    // None at all.
    let out = TempDir::new().unwrap();
    let report = run(&again(&quiet(), out.path())).unwrap();
    assert_eq!(report.kept, 0);
    assert_eq!(raw(&out), raw(&plain));
    // That of another account.
    let out = TempDir::new().unwrap();
    run(&Request { who: Who::Own, ..request(&quiet(), out.path()) }).unwrap();
    let report = run(&again(&quiet(), out.path())).unwrap();
    assert!(report.kept > 30 && kept(out.path(), DEVELOPMENT, REGION).is_empty());
    assert_eq!(raw(&out), raw(&plain));
    // That of another region.
    let out = TempDir::new().unwrap();
    let other = vec!["eu-west-1".to_owned()];
    run(&Request { regions: other, ..request(&quiet(), out.path()) }).unwrap();
    run(&again(&quiet(), out.path())).unwrap();
    assert!(kept(out.path(), SHOP, REGION).is_empty());
    assert_eq!(raw(&out), raw(&plain));
}

#[test]
fn bodies_that_are_gone_or_damaged_or_asked_by_another_table_are_asked_again() {
    let plain = TempDir::new().unwrap();
    run(&request(&quiet(), plain.path())).unwrap();
    let raw = |out: &TempDir| files(&out.path().join("raw"));
    let account = |out: &TempDir| out.path().join("raw/aws").join(SHOP);
    let out = TempDir::new().unwrap();
    run(&request(&quiet(), out.path())).unwrap();
    fs::remove_dir_all(account(&out).join(REGION).join("sns-get-topic-attributes")).unwrap();
    fs::write(account(&out).join("global/iam-list-instance-profiles.json"), "{\"Inst").unwrap();
    run(&again(&quiet(), out.path())).unwrap();
    assert_eq!(raw(&out), raw(&plain));
    assert!(!kept(out.path(), SHOP, "global").contains("iam-list-instance-profiles"));
    let calls = account(&out).join(".calls");
    let text = fs::read_to_string(&calls).unwrap();
    let cut = text.trim_end().trim_end_matches('}');
    for odd in [text.replacen("\"table\":\"", "\"table\":\"0", 1), cut.to_owned()] {
        fs::write(&calls, odd).unwrap();
        let report = run(&again(&quiet(), out.path())).unwrap();
        assert!(kept(out.path(), SHOP, REGION).is_empty());
        assert!(report.kept > 0);
        assert_eq!(raw(&out), raw(&plain));
    }
}

#[test]
fn what_is_kept_again_and_again_keeps_its_first_time() {
    let (out, first) = twice(&quiet(), |_| {});
    let still = quiet();
    let mut third = again(&still, out.path());
    third.now = "2026-11-30T10:00:00Z".to_owned();
    let at = Duration::from_secs(FIRST_SECONDS + DAY);
    third.since = Some(Since { given: SECOND.to_owned(), at });
    let report = run(&third).unwrap();
    assert_eq!((report.kept, report.kept_from.as_deref()), (first.kept, Some(FIRST)));
    // A change between the first and the second that is recorded only now counts too.
    let late = eventful(&[(REGION, &[("sns", 3_600, false)])]);
    let server = server(late, Troubles::default());
    third.now = "2026-12-01T10:00:00Z".to_owned();
    third.given = request(&server, out.path()).given;
    run(&third).unwrap();
    let place = kept(out.path(), SHOP, REGION);
    assert!(!place.iter().any(|call| call.starts_with("sns-")), "{place:?}");
}

#[test]
fn a_run_that_was_cut_off_goes_on_with_what_it_kept() {
    let (whole, _) = twice(&quiet(), |_| {});
    let wanted = files(whole.path());
    for stop_after in [6, 40, 90] {
        let out = TempDir::new().unwrap();
        run(&request(&quiet(), out.path())).unwrap();
        let troubles = Troubles { stop_after: Some(stop_after), ..Troubles::default() };
        let cut = server(eventful(&[]), troubles);
        let mut second = again(&cut, out.path());
        second.pace.attempts_max = 2;
        let stopped = run(&second).unwrap();
        assert!(!stopped.unanswered.is_empty(), "{stop_after}");
        let before = stopped.kept;
        let last = quiet();
        second.given = request(&last, out.path()).given;
        let report = run(&second).unwrap();
        assert_eq!(report.unanswered, []);
        // It came to an end, with what was not answered, and was not killed: there is nothing to resume.
        assert!(!report.resumed, "{stop_after}");
        assert!(report.kept >= before, "{stop_after}: {before}, then {}", report.kept);
        assert!(stop_after == 6 || before > 50, "{stop_after}: {before}");
        // Answers that failed to be kept, because no event could be looked up, were asked for.
        let raw = |files: &std::collections::BTreeMap<String, Vec<u8>>| -> Vec<(String, Vec<u8>)> {
            let raw = files.iter().filter(|(path, _)| path.starts_with("raw/"));
            raw.map(|(path, body)| (path.clone(), body.clone())).collect()
        };
        assert_eq!(raw(&files(out.path())), raw(&wanted), "{stop_after}");
    }
}

#[test]
fn nothing_of_an_event_reaches_the_disk() {
    let recording = eventful(&[(REGION, &[("sqs", 60, false)])]);
    let (out, _) = twice(&server(recording, Troubles::default()), |_| {});
    let mut open = vec![out.path().to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                assert!(!text.contains("hunter2") && !text.contains("CloudTrailEvent"), "{path:?}");
            }
        }
    }
}
