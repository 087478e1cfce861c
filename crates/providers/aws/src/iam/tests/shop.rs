//! The roles of the example estate give the grants that its README tells.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::{converted, errors, lines};
use crate::Converted;

fn shop() -> Converted {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples/estates/shop/raw/aws");
    let mut paths = Vec::new();
    below(&root, &mut paths);
    let mut texts = Vec::new();
    for path in &paths {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        texts.push((name, fs::read_to_string(path).unwrap()));
    }
    let bodies: Vec<(&str, &str)> =
        texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    converted(&bodies)
}

fn below(folder: &Path, paths: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            below(&entry, paths);
        } else {
            paths.push(entry);
        }
    }
}

#[test]
fn roles_hold_the_powers_that_the_readme_tells() {
    let shop = shop();
    assert_eq!(errors(&shop), "");
    let lines = lines(&shop.estate);
    for expected in [
        // Mistake 4.
        "media-pipeline reads copper-kettle-customers",
        // Mistake 8.
        "ai-agent-sandbox assumes platform-automation",
        "ai-agent-sandbox runs on order-events",
        "ai-agent-sandbox runs on price-webhook",
        "platform-automation assumes break-glass-admin",
        "platform-automation runs on web-1",
        "platform-automation changes 111122223333",
        "break-glass-admin reads copper-kettle-customers",
        "break-glass-admin opens prod/orders-db/master",
        "break-glass-admin assumes vault",
        "alice assumes break-glass-admin ?",
        // Mistake 9.
        "dev-ci assumes deployer",
        "ci-runner assumes deployer",
        "deployer runs on order-events",
        "deployer runs on web-1 ?",
        // Mistake 10.
        "order-events opens prod/orders-db/master",
        "invoice-mailer opens prod/customers/app",
        "vault opens prod/vault/kek",
        // What could not be read stays possible; what is guarded has its scope.
        "dev-ci reads copper-kettle-dev-artifacts ?",
        "media-pipeline reads copper-kettle-logs from vpce-0fb58ff49f4208c8f",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:#?}");
    }
    for refused in [
        "web-server reads copper-kettle-customers",
        "deployer runs on payments-1",
        "dev-app assumes",
        "preview-cleanup",
        "payments opens prod/vault/kek",
        "supplier-feed reads copper-kettle-customers",
        "break-glass-admin assumes dev-ci",
        "dev-ci reads copper-kettle-customers",
    ] {
        assert!(!lines.iter().any(|line| line.starts_with(refused)), "{refused}: {lines:#?}");
    }
}

#[test]
fn workloads_have_the_credentials_of_their_roles() {
    let shop = shop();
    let credential = |name: &str| {
        let mut workloads = shop.estate.workloads.values();
        let workload = workloads.find(|workload| workload.name == *name).unwrap();
        workload.credential.map(|id| shop.estate.credentials[id].name.to_string())
    };
    assert_eq!(credential("img-resizer-1").as_deref(), Some("media-pipeline"));
    assert_eq!(credential("order-events").as_deref(), Some("order-events"));
    assert_eq!(credential("dev-build-1").as_deref(), Some("dev-ci"));
    assert_eq!(credential("legacy-cron-1"), None);
}

#[test]
fn the_evidence_of_the_customers_bucket_names_the_statement() {
    let shop = shop();
    let estate = &shop.estate;
    let grant = estate.grants.iter().find(|grant| {
        let reads = matches!(&grant.power, watertight_model::Power::ReadData { store, .. }
            if estate.workloads[*store].name == "copper-kettle-customers");
        reads && estate.credentials[grant.holder].name == "media-pipeline"
    });
    let evidence = &grant.unwrap().evidence;
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0].resource, "arn:aws:iam::111122223333:role/media-pipeline/all-buckets");
    assert_eq!(evidence[0].rule, "statement 1");
    assert_eq!(evidence[0].text, "Allow s3:* on *");
    assert!(evidence[0].origin.is_some());
}
