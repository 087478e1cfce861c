//! What may have changed since an answer was given, by the events that are on record.
//!
//! An answer of an earlier collection is kept when three things hold: the table names the services
//! whose events alone can change it, the record of the account was read where these events lie, and it
//! holds none of them since the answer was given. In every other case it is asked for again.
//! A decision record says which answers events can tell of, and which they cannot.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use crate::accounts::Access;
use crate::answer;
use crate::client::{Client, Gates};
use crate::endpoint;
use crate::former::Former;
use crate::outcome::{Class, Refusal};
use crate::pages::Next;
use crate::progress::Progress;
use crate::request::{self, Parameters};
use crate::staging::{Done, State};
use crate::table::{Call, Place, Table};
use crate::time;

/// The call that looks up events.
pub(crate) const LOOKUP: &str = "cloudtrail-lookup-events";
/// So long before an answer its changes begin to count: answers lag behind changes, what changes
/// takes its time to settle, and clocks differ.
const OVERLAP_SECONDS: i64 = 15 * 60;
/// How far the record goes back, less a day: it is read a while after its time is reckoned.
const RECORD_SECONDS: i64 = 89 * 86_400;
/// Pages of fifty events. A place with more has changed so much that asking is quicker, since two pages
/// a second are answered.
const PAGES_MAX: usize = 200;

/// The newest event of each service, in seconds since 1970, by the first part of its name.
pub(crate) type Newest = BTreeMap<String, i64>;

/// What changed in the places of one account since it was collected.
#[derive(Debug)]
pub(crate) struct Changes {
    former: Former,
    /// Changes from here on count, even if an answer is younger.
    since: i64,
    /// From here on events are looked up.
    from: i64,
    /// The answers that the record cannot tell of are older than this.
    earliest: i64,
    regions: Mutex<BTreeMap<String, Arc<OnceCell<Option<Newest>>>>>,
    refused: Mutex<BTreeMap<String, Refusal>>,
}

/// Whom to ask for events.
pub(crate) struct Asker<'s> {
    pub(crate) table: &'s Table,
    pub(crate) client: &'s Client,
    pub(crate) access: &'s Access,
    pub(crate) progress: &'s dyn Progress,
    pub(crate) account: &'s str,
    /// The region of the place whose answers are in question.
    pub(crate) region: &'s str,
    /// The name of its folder.
    pub(crate) folder: &'s str,
    pub(crate) address: Option<&'s str>,
}

/// An answer that is still good.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// What is written down of it: its own time among it.
    pub(crate) done: Done,
    /// Its body; nothing where the answer was that there is nothing.
    pub(crate) body: Option<Map<String, Value>>,
}

impl Changes {
    /// What can be kept of an earlier collection; nothing if all of it is older than the record.
    pub(crate) fn new(former: Former, since: i64, now: i64) -> Option<Self> {
        let earliest = now - RECORD_SECONDS + OVERLAP_SECONDS;
        let oldest = former.oldest(earliest).filter(|_| since >= earliest)?;
        let from = oldest.min(since) - OVERLAP_SECONDS;
        let (regions, refused) = (Mutex::default(), Mutex::default());
        Some(Self { former, since, from, earliest, regions, refused })
    }

    /// The answer of a call, if nothing can have changed it.
    pub(crate) async fn kept(
        &self,
        asker: &Asker<'_>,
        call: &Call,
        argument: Option<&str>,
    ) -> Option<Kept> {
        // A batch is called after the first of those that it is about: the others may be others now.
        let is_batch = call.line.each.as_ref().is_some_and(|each| each.batch.is_some());
        if call.line.events.is_empty() || is_batch {
            return None;
        }
        let (done, seconds) = self.former.find(asker.folder, call.name(), argument)?;
        if seconds < self.earliest {
            return None;
        }
        let body = match done.state {
            State::Answered => Some(self.former.read(done)?),
            _ => None,
        };
        if call.line.while_empty && !body.as_ref().is_none_or(is_empty) {
            return None;
        }
        for region in self.regions_of(asker, call, argument)? {
            let newest = self.newest(asker, &region).await?;
            if !is_settled(&call.line.events, &newest, seconds.min(self.since)) {
                return None;
            }
        }
        Some(Kept { done: done.clone(), body })
    }

    /// The regions in whose records the events of a call lie.
    fn regions_of(
        &self,
        asker: &Asker<'_>,
        call: &Call,
        argument: Option<&str>,
    ) -> Option<BTreeSet<String>> {
        if call.line.place == Place::Region {
            return Some(BTreeSet::from([asker.region.to_owned()]));
        }
        let home = home(endpoint::partition(asker.region))?;
        if call.facts.service != "s3api" {
            return Some(BTreeSet::from([home.to_owned()]));
        }
        // A bucket's events lie in its own region; of buckets of the oldest kind, at home.
        let (done, _) = self.former.find(asker.folder, "s3api-get-bucket-location", argument)?;
        let location = self.former.read(done)?;
        let region = match location.get("LocationConstraint") {
            None | Some(Value::Null) => home,
            Some(Value::String(region)) if region == "EU" => "eu-west-1",
            Some(region) => region.as_str()?,
        };
        Some(BTreeSet::from([region.to_owned(), home.to_owned()]))
    }

    /// The newest events of a region, looked up once; nothing when they could not be.
    async fn newest(&self, asker: &Asker<'_>, region: &str) -> Option<Newest> {
        let cell = {
            let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(regions.entry(region.to_owned()).or_default())
        };
        let lookup = || async {
            match asker.lookup(region, self.from).await {
                Ok(newest) => Some(newest),
                Err(refusal) => {
                    let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                    refused.insert(region.to_owned(), refusal);
                    None
                }
            }
        };
        cell.get_or_init(lookup).await.clone()
    }

    /// The regions whose events could not be looked up, and why.
    pub(crate) fn refused(&self) -> BTreeMap<String, Refusal> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Asker<'_> {
    /// Looks up the newest event of each service in a region.
    async fn lookup(&self, region: &str, from: i64) -> Result<Newest, Refusal> {
        let refused = |code: &str| Refusal::new(code, Class::Refused);
        let call = self.table.call(LOOKUP).ok_or_else(|| refused("UnknownCall"))?;
        let service = self.table.service(call).ok_or_else(|| refused("UnknownService"))?;
        let endpoint = endpoint::of_call(self.table, call, region, self.account, self.address);
        let endpoint = endpoint.ok_or_else(|| refused("NotInPartition"))?;
        let shapes = self.table.shapes(&call.facts.service);
        let gates = Gates::default();
        let mut parameters = parameters(call, from);
        let mut newest = Newest::new();
        for _ in 0..PAGES_MAX {
            let wire = request::wire(call, service, &parameters);
            let read = |body: &[u8]| answer::read(call, service.protocol, shapes, body).ok();
            let throttled = || self.progress.throttled(&call.facts.service);
            self.progress.planned(1);
            let sent = self.client.send((self.access, &gates), &endpoint, &wire, read, throttled);
            let sent = sent.await;
            self.progress.called();
            let page = sent?;
            if !add(&mut newest, &page.body) {
                return Err(refused("UnreadableEvents"));
            }
            match page.next {
                Next::End => return Ok(newest),
                Next::Page(tokens) => parameters.extend(tokens),
            }
        }
        Err(refused("TooManyEvents"))
    }
}

fn parameters(call: &Call, from: i64) -> Parameters {
    let value = |value: &Value| match value.as_str() {
        Some("$since") => Value::from(from),
        _ => value.clone(),
    };
    call.line.with.iter().map(|(name, one)| (name.clone(), value(one))).collect()
}

/// Adds the events of a page; whether all of them could be read.
fn add(newest: &mut Newest, page: &Map<String, Value>) -> bool {
    let Some(events) = page.get("Events").and_then(Value::as_array) else { return false };
    for event in events {
        let text = |key: &str| event.get(key).and_then(Value::as_str);
        let Some(source) = text("EventSource") else { return false };
        let Some(seconds) = text("EventTime").and_then(time::seconds_of) else { return false };
        let known = newest.entry(first_part(source).to_owned()).or_insert(seconds);
        *known = seconds.max(*known);
    }
    true
}

/// The first part of a service's name: `s3` of `s3.amazonaws.com`.
fn first_part(source: &str) -> &str {
    source.split('.').next().unwrap_or(source)
}

/// Whether no event of these services came so late that it can have changed an answer.
fn is_settled(services: &[String], newest: &Newest, answered: i64) -> bool {
    let from = answered - OVERLAP_SECONDS;
    services.iter().all(|service| newest.get(service).is_none_or(|last| *last < from))
}

/// Whether an answer lists nothing.
fn is_empty(body: &Map<String, Value>) -> bool {
    body.values().all(|value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    })
}

/// The region that records what belongs to no region.
fn home(partition: &str) -> Option<&'static str> {
    match partition {
        "aws" => Some("us-east-1"),
        "aws-cn" => Some("cn-north-1"),
        "aws-us-gov" => Some("us-gov-west-1"),
        _ => None,
    }
}
