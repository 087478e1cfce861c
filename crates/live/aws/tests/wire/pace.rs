//! How fast it goes: bounds on what is asked at once, services' wishes to wait, every region that is
//! switched on, and what whoever waits is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tempfile::TempDir;
use watertight_live_aws::{Pace, Progress, Request, Role, Who, collect};
use watertight_testkit::aws_server::{Recording, Server, Trouble, Troubles};

use crate::support::{DEVELOPMENT, SHOP, json as read, pace, request, run, shop};

fn recording() -> Recording {
    Recording::read(&shop()).unwrap()
}

/// A server that makes this trouble with one request of so many.
fn server(first: Vec<Trouble>, every: u64) -> Server {
    Server::start(recording(), Troubles { first, every, ..Troubles::default() }).unwrap()
}

#[test]
fn no_more_is_asked_at_once_than_is_allowed_in_all_and_of_an_account_a_region_and_a_service() {
    let mut recording = recording();
    let others: Vec<String> = (1..=4).map(|one| format!("55556666777{one}")).collect();
    for other in &others {
        recording.copy(DEVELOPMENT, other);
    }
    let slow = Troubles { first: vec![Trouble::Slow(3)], ..Troubles::default() };
    let server = Server::start(recording, slow).unwrap();
    let out = TempDir::new().unwrap();
    let role = Role { name: "audit".to_owned(), external_id: None };
    let regions = ["eu-central-1", "eu-west-1", "eu-west-2", "eu-north-1", "ap-south-1"];
    let request = Request {
        who: Who::Accounts(others, role),
        regions: regions.map(ToOwned::to_owned).to_vec(),
        pace: Pace {
            calls_at_once: 6,
            calls_at_once_per_service: 2,
            accounts_at_once: 2,
            regions_at_once: 1,
            ..pace()
        },
        ..request(&server, out.path())
    };
    let report = run(&request).unwrap();
    assert_eq!((report.unanswered.as_slice(), report.places), (&[][..], 24));
    let peaks = server.peaks();
    // As much as is allowed is used, too.
    assert_eq!((peaks.requests, peaks.per_service, peaks.accounts), (6, 2, 2), "{peaks:?}");
    // What belongs to no region is asked in up to three, one of the places at a time.
    assert!(peaks.regions <= 3, "{peaks:?}");
}

#[test]
fn a_service_that_wishes_to_be_left_alone_is_not_asked_before_by_anybody() {
    let server = server(vec![Trouble::Throttle(60)], 7);
    let out = TempDir::new().unwrap();
    let pace = Pace { calls_at_once_per_service: 1, ..pace() };
    let heard = Arc::new(Heard::default());
    let request = Request { who: Who::Own, pace, ..request(&server, out.path()) };
    let report = collect(&request, Arc::<Heard>::clone(&heard)).unwrap();
    assert_eq!(report.unanswered, []);
    let throttled = heard.throttled.load(Ordering::Relaxed);
    assert!(throttled > 5, "{throttled}");
    assert_eq!(server.early(), 0);
}

/// What a collection told while it ran.
#[derive(Debug, Default)]
struct Heard {
    accounts: AtomicUsize,
    planned: AtomicUsize,
    called: AtomicUsize,
    places: AtomicUsize,
    throttled: AtomicUsize,
}

impl Progress for Heard {
    fn places(&self, count: usize) {
        self.accounts.fetch_add(count, Ordering::Relaxed);
    }

    fn planned(&self, calls: usize) {
        self.planned.fetch_add(calls, Ordering::Relaxed);
    }

    fn called(&self) {
        let called = self.called.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(called <= self.planned.load(Ordering::Relaxed));
    }

    fn place_done(&self) {
        self.places.fetch_add(1, Ordering::Relaxed);
    }

    fn throttled(&self, _service: &str) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn every_call_is_told_when_it_is_planned_and_when_it_is_done() {
    let server = server(Vec::new(), 1);
    let out = TempDir::new().unwrap();
    let heard = Arc::new(Heard::default());
    let report = collect(&request(&server, out.path()), Arc::<Heard>::clone(&heard)).unwrap();
    let load = |number: &AtomicUsize| number.load(Ordering::Relaxed);
    assert_eq!((load(&heard.accounts), load(&heard.places)), (2, 4));
    assert_eq!(load(&heard.planned), load(&heard.called));
    assert_eq!(load(&heard.called), report.answered + report.absent);
}

#[test]
fn every_region_that_is_switched_on_is_asked_and_no_other() {
    let mut recording = recording();
    let regions = json!({"Regions": [{"RegionName": "eu-central-1"}, {"RegionName": "eu-west-1"}]});
    recording.insert((SHOP, "eu-central-1"), "ec2-describe-regions", None, regions);
    let server = Server::start(recording, Troubles::default()).unwrap();
    let out = TempDir::new().unwrap();
    let request = Request { who: Who::Own, all_regions: true, ..request(&server, out.path()) };
    let report = run(&request).unwrap();
    assert_eq!((report.accounts, report.places), (1, 3));
    let description = read(&out.path().join("estate.json"));
    assert_eq!(description["sources"][0]["regions"], json!(["eu-central-1", "eu-west-1"]));
    assert!(out.path().join("raw/aws").join(SHOP).join("eu-west-1").is_dir());
}
