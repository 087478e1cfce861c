//! One account in one region: every call that belongs there, level by level.
//!
//! Calls that need no argument come first; what their answers name is asked about next, and so on.
//! Of an answer nothing stays in memory but what the next level is asked about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::task::JoinSet;

use crate::accounts::Access;
use crate::answer;
use crate::arguments::{self, Argument};
use crate::changes::{Asker, Changes};
use crate::client::{Client, Gates};
use crate::endpoint;
use crate::error::CollectError;
use crate::outcome::{Class, Refusal};
use crate::pages::{self, Next};
use crate::progress::Progress;
use crate::request::{self, Parameters};
use crate::staging::{AccountStaging, Done, State};
use crate::table::{Call, Place, Table};

/// Tasks of one place at once; the client lets fewer of them pass.
const TASKS_MAX: usize = 32;
/// How often the pages of an answer are asked for from the first one on.
const BEGINNINGS_MAX: usize = 3;

/// Everything that the calls of a place share.
pub(crate) struct Site {
    pub(crate) table: Arc<Table>,
    pub(crate) client: Arc<Client>,
    pub(crate) access: Arc<Access>,
    pub(crate) staging: Arc<AccountStaging>,
    pub(crate) progress: Arc<dyn Progress>,
    pub(crate) gates: Gates,
    pub(crate) account: String,
    /// The region that is asked.
    pub(crate) region: String,
    /// The name of the folder: the region's, or `global`.
    pub(crate) folder: String,
    pub(crate) address: Option<String>,
    /// What may be kept of an earlier collection.
    pub(crate) changes: Option<Arc<Changes>>,
}

impl Site {
    /// Whom to ask whether something changed here.
    fn asker(&self) -> Asker<'_> {
        Asker {
            table: &self.table,
            client: &self.client,
            access: &self.access,
            progress: &*self.progress,
            account: &self.account,
            region: &self.region,
            folder: &self.folder,
            address: self.address.as_deref(),
        }
    }
}

/// One call to make.
struct Job {
    call: usize,
    argument: Option<Argument>,
}

/// What a call came to.
struct Ended {
    call: usize,
    argument: Option<Argument>,
    /// What its answer gives calls to ask about; nothing when it was not answered.
    found: Result<Vec<Job>, Refusal>,
}

/// Makes the calls of a place.
pub(crate) async fn run(site: Arc<Site>, places: &[Place]) -> Result<(), CollectError> {
    let ours: Vec<usize> = (0..site.table.calls.len())
        .filter(|index| places.contains(&site.table.calls[*index].line.place))
        .collect();
    let mut waiting: BTreeMap<usize, Vec<Argument>> = BTreeMap::new();
    let mut refused: BTreeMap<String, Refusal> = BTreeMap::new();
    let mut left = ours;
    while !left.is_empty() {
        let (level, later) = next_level(&site.table, &left);
        left = later;
        let mut jobs = Vec::new();
        for index in level {
            let call = &site.table.calls[index];
            if let Some(refusal) = parent_refusal(call, &refused) {
                let refusal = refusal.clone();
                record(&site, call, None, Err(&refusal))?;
                refused.insert(call.name().to_owned(), refusal);
            }
            jobs.extend(jobs_of(index, call, waiting.remove(&index)));
        }
        for (call, refusal) in run_level(&site, jobs, &mut waiting).await? {
            refused.insert(call, refusal);
        }
    }
    Ok(())
}

/// The calls whose arguments no other call of `left` gives, and the rest.
fn next_level(table: &Table, left: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let names: BTreeSet<&str> = left.iter().map(|index| table.calls[*index].name()).collect();
    let is_free = |index: &usize| {
        let each = table.calls[*index].line.each.as_ref();
        each.is_none_or(|each| each.of.iter().all(|of| !names.contains(of.as_str())))
    };
    let (free, later): (Vec<usize>, Vec<usize>) = left.iter().copied().partition(is_free);
    // The table's order rules out circles, so that something is always free.
    if free.is_empty() { (later, Vec::new()) } else { (free, later) }
}

fn parent_refusal<'r>(call: &Call, refused: &'r BTreeMap<String, Refusal>) -> Option<&'r Refusal> {
    call.line.each.iter().flat_map(|each| &each.of).find_map(|of| refused.get(of))
}

fn jobs_of(index: usize, call: &Call, waiting: Option<Vec<Argument>>) -> Vec<Job> {
    if !call.has_argument() {
        return vec![Job { call: index, argument: None }];
    }
    let mut arguments = arguments::fixed(call);
    arguments.extend(waiting.unwrap_or_default());
    arguments.sort_by(|left, right| left.name.cmp(&right.name));
    arguments.dedup_by(|left, right| left.name == right.name);
    arguments.into_iter().map(|one| Job { call: index, argument: Some(one) }).collect()
}

/// Makes calls, a bounded number at once, and keeps what they give others to ask about.
async fn run_level(
    site: &Arc<Site>,
    jobs: Vec<Job>,
    waiting: &mut BTreeMap<usize, Vec<Argument>>,
) -> Result<Vec<(String, Refusal)>, CollectError> {
    site.progress.planned(jobs.len());
    let mut queue: Vec<Job> = jobs;
    queue.reverse();
    let mut asked: BTreeSet<(usize, String)> = BTreeSet::new();
    let mut refused = Vec::new();
    let mut running: JoinSet<Result<Ended, CollectError>> = JoinSet::new();
    loop {
        while running.len() < TASKS_MAX
            && let Some(job) = queue.pop()
        {
            if let Some(argument) = &job.argument {
                asked.insert((job.call, argument.name.clone()));
            }
            running.spawn(ask(Arc::clone(site), job));
        }
        let Some(ended) = running.join_next().await else { return Ok(refused) };
        let ended = ended.map_err(|_error| CollectError::Interrupted)??;
        site.progress.called();
        let call = &site.table.calls[ended.call];
        match ended.found {
            Ok(found) => {
                for job in found {
                    let Some(argument) = job.argument else { continue };
                    if job.call != ended.call {
                        waiting.entry(job.call).or_default().push(argument);
                    } else if !asked.contains(&(job.call, argument.name.clone())) {
                        site.progress.planned(1);
                        queue.push(Job { call: job.call, argument: Some(argument) });
                    }
                }
            }
            Err(refusal) => {
                record(site, call, ended.argument.as_ref(), Err(&refusal))?;
                refused.push((call.name().to_owned(), refusal));
            }
        }
    }
}

/// Makes one call, or takes its answer from the run that was stopped or, where nothing can have changed
/// it, from an earlier collection.
async fn ask(site: Arc<Site>, job: Job) -> Result<Ended, CollectError> {
    let call = &site.table.calls[job.call];
    let name = job.argument.as_ref().map(|argument| argument.name.as_str());
    let ended = |found, argument| Ok(Ended { call: job.call, argument, found });
    if let Some(done) = site.staging.find(&site.folder, call.name(), name) {
        if done.state == State::Absent {
            return ended(Ok(Vec::new()), job.argument);
        }
        let body = site.staging.read(&site.folder, call.name(), name)?;
        let found = found_in(&site.table, &job, &body);
        return ended(Ok(found), job.argument);
    }
    if let Some(changes) = &site.changes
        && let Some(kept) = changes.kept(&site.asker(), call, name).await
    {
        let body = kept.body.unwrap_or_default();
        if kept.done.state == State::Answered {
            site.staging.write(&site.folder, call.name(), name, &body)?;
        }
        site.staging.record(kept.done)?;
        let found = found_in(&site.table, &job, &Value::Object(body));
        return ended(Ok(found), job.argument);
    }
    match answered(&site, call, job.argument.as_ref()).await {
        Ok(body) => {
            site.staging.write(&site.folder, call.name(), name, &body)?;
            record(&site, call, job.argument.as_ref(), Ok(State::Answered))?;
            let found = found_in(&site.table, &job, &Value::Object(body));
            ended(Ok(found), job.argument)
        }
        Err(refusal) if is_absent(&site, call, &refusal) => {
            record(&site, call, job.argument.as_ref(), Ok(State::Absent))?;
            ended(Ok(Vec::new()), job.argument)
        }
        Err(refusal) => ended(Err(refusal), job.argument),
    }
}

/// What an answer gives calls to ask about.
fn found_in(table: &Table, job: &Job, body: &Value) -> Vec<Job> {
    let parent = &table.calls[job.call];
    let mut found = Vec::new();
    for (index, call) in table.calls.iter().enumerate() {
        let given = job.argument.as_ref();
        let arguments = arguments::of_answer(call, parent.name(), given, body);
        found.extend(arguments.into_iter().map(|one| Job { call: index, argument: Some(one) }));
    }
    let again = arguments::of_itself(parent, body).into_iter();
    found.extend(again.map(|one| Job { call: job.call, argument: Some(one) }));
    found
}

/// Whether a refusal says that there is nothing to tell.
fn is_absent(site: &Site, call: &Call, refusal: &Refusal) -> bool {
    let plain = |code: &str| code.strip_suffix("Exception").unwrap_or(code).to_owned();
    let code = plain(&refusal.code);
    if call.line.absent.iter().any(|absent| plain(absent) == code) {
        return true;
    }
    // A host that does not exist, for a service that the region is not known to have.
    let offered = site.table.service(call).map(|service| service.offered.as_slice());
    let offered = offered.unwrap_or_default();
    code == "UnknownHost" && !offered.is_empty() && !offered.contains(&site.region)
}

/// Whether a page cannot be asked for any more, because what asks for it is too old: the pages before it
/// must be asked again.
fn is_stale(refusal: &Refusal) -> bool {
    let code = refusal.code.strip_suffix("Exception").unwrap_or(&refusal.code);
    ["PaginationTokenExpired", "ExpiredNextToken", "ExpiredIterator"].contains(&code)
}

/// Asks for all pages of an answer.
async fn answered(
    site: &Site,
    call: &Call,
    argument: Option<&Argument>,
) -> Result<Map<String, Value>, Refusal> {
    let refused = |code: &str| Refusal::new(code, Class::Refused);
    let service = site.table.service(call).ok_or_else(|| refused("UnknownService"))?;
    let address = site.address.as_deref();
    let endpoint = endpoint::of_call(&site.table, call, &site.region, &site.account, address);
    let endpoint = endpoint.ok_or_else(|| refused("NotInPartition"))?;
    let shapes = site.table.shapes(&call.facts.service);
    let first = parameters(site, call, argument);
    let mut parameters = first.clone();
    let mut beginnings = 1;
    let mut whole = Map::new();
    let mut bytes: usize = 0;
    let mut before: Option<Parameters> = None;
    for _ in 0..site.client.pace.pages_max {
        let wire = request::wire(call, service, &parameters);
        let read = |body: &[u8]| {
            let page = answer::read(call, service.protocol, shapes, body).ok()?;
            Some((page, body.len()))
        };
        let throttled = || site.progress.throttled(&call.facts.service);
        let sent = site.client.send((&site.access, &site.gates), &endpoint, &wire, read, throttled);
        let (page, length) = match sent.await {
            Ok(page) => page,
            Err(stale) if before.is_some() && beginnings < BEGINNINGS_MAX && is_stale(&stale) => {
                beginnings += 1;
                parameters.clone_from(&first);
                (whole, bytes, before) = (Map::new(), 0, None);
                continue;
            }
            Err(refusal) => return Err(refusal),
        };
        bytes = bytes.saturating_add(length);
        if bytes > site.client.pace.body_bytes_max {
            return Err(refused("AnswerTooLarge"));
        }
        pages::add(&mut whole, page.body, call.facts.pages.as_ref());
        match page.next {
            Next::End => return Ok(whole),
            Next::Page(tokens) if before.as_ref() == Some(&tokens) => break,
            Next::Page(tokens) => {
                parameters.extend(tokens.clone());
                before = Some(tokens);
            }
        }
    }
    Err(refused("PagesWithoutEnd"))
}

fn parameters(site: &Site, call: &Call, argument: Option<&Argument>) -> Parameters {
    let mut parameters = argument.map(|one| one.parameters.clone()).unwrap_or_default();
    for (name, value) in &call.line.with {
        let value = match value.as_str() {
            Some("$account") => Value::from(site.account.clone()),
            _ => value.clone(),
        };
        parameters.insert(name.clone(), value);
    }
    parameters
}

/// Writes down what became of a call. Where all answers together are one list, one that is missing
/// is said of the whole call: nobody could tell what the list lacks.
fn record(
    site: &Site,
    call: &Call,
    argument: Option<&Argument>,
    state: Result<State, &Refusal>,
) -> Result<(), CollectError> {
    let argument = argument.map(|argument| argument.name.clone());
    let (argument, state, error) = match state {
        Ok(state) => (argument, state, None),
        Err(refusal) => {
            let denied = refusal.class == Class::Denied;
            let state = if denied { State::Denied } else { State::Failed };
            let argument = argument.filter(|_| !call.line.parts);
            (argument, state, Some(refusal.code.clone()))
        }
    };
    let (region, call) = (site.folder.clone(), call.name().to_owned());
    site.staging.record(Done { region, call, argument, state, error, collected: None })
}
