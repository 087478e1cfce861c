//! What the tests of collections share.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use watertight_live_aws::{CollectError, Given, Pace, Report, Request, Role, Silent, Who, collect};
use watertight_testkit::aws_server::Server;

/// The account of the shop's production, which is also the organization's.
pub(crate) const SHOP: &str = "111122223333";
/// The account of the shop's development.
pub(crate) const DEVELOPMENT: &str = "444455556666";

/// The example estate.
pub(crate) fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples/estates/shop")
}

/// A pace without long waits.
pub(crate) fn pace() -> Pace {
    Pace {
        delay_first: Duration::from_millis(1),
        delay_max: Duration::from_millis(4),
        attempt_time_max: Duration::from_millis(1500),
        ..Pace::default()
    }
}

/// A request for the shop's two accounts.
pub(crate) fn request(server: &Server, out: &Path) -> Request {
    let role = Role { name: "audit-read".to_owned(), external_id: None };
    Request {
        profile: None,
        given: Some(Given {
            key_id: Server::key_of(SHOP),
            secret: "planted-secret-key".to_owned(),
            address: Some(server.url()),
        }),
        who: Who::Organization(role),
        regions: vec!["eu-central-1".to_owned()],
        all_regions: false,
        out: out.to_owned(),
        now: "2026-11-28T10:00:00Z".to_owned(),
        since: None,
        pace: pace(),
    }
}

/// Collects and tells nobody how far it is.
pub(crate) fn run(request: &Request) -> Result<Report, CollectError> {
    collect(request, Arc::new(Silent))
}

/// Every file below a folder, names that begin with a dot left out, by its path from there.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                let relative = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(relative, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// A JSON file.
pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}
