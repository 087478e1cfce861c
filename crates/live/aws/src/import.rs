//! Bodies that were made of another tool's export, into the estate folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use watertight_aws::ExportedBody;

use crate::collect::{Report, report, switch};
use crate::description::Account;
use crate::error::CollectError;
use crate::secrets;
use crate::staging::{Done, Identity, Staging, State};

/// Puts bodies in the place of what the folder holds of their accounts, each account in one step.
///
/// `now` is the time by RFC 3339. Values of secrets are taken out, as of answers.
///
/// # Errors
/// When a file cannot be read or written, and when the folder is no estate.
pub fn import(out: &Path, bodies: &[ExportedBody], now: &str) -> Result<Report, CollectError> {
    // Of the time too: what an import that was stopped left behind is of another export.
    let identity = Identity::new(format!("import of {now}"), now.to_owned(), None);
    let staging = Staging::open(out, identity)?;
    let mut by_account: BTreeMap<&str, Vec<&ExportedBody>> = BTreeMap::new();
    for body in bodies {
        by_account.entry(&body.account).or_default().push(body);
    }
    let mut accounts = Vec::with_capacity(by_account.len());
    for (id, bodies) in by_account {
        let account = staging.account(id)?;
        for one in &bodies {
            let mut body = one.body.clone();
            secrets::redact(&mut body);
            let Value::Object(body) = body else { continue };
            let argument = one.argument.as_deref();
            account.write(&one.region, one.call, argument, &body)?;
            account.record(Done {
                region: one.region.clone(),
                call: one.call.to_owned(),
                argument: one.argument.clone(),
                state: State::Answered,
                error: None,
                collected: None,
            })?;
        }
        let regions: BTreeSet<&String> = bodies.iter().map(|body| &body.region).collect();
        let regions = regions.into_iter().filter(|region| *region != "global");
        accounts.push(Account {
            id: id.to_owned(),
            regions: regions.cloned().collect(),
            collected: Some(now.to_owned()),
            done: account.all(),
            unknown_changes: Vec::new(),
        });
    }
    switch(&staging, &accounts)?;
    let report = report(&accounts, false);
    staging.finish()?;
    Ok(report)
}
