//! A collection from its request to its report.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::accounts::{Access, Base, Given, Role};
use crate::answer;
use crate::arguments;
use crate::changes::{self, Changes};
use crate::client::{Client, Gates, Pace};
use crate::description::{self, Account};
use crate::endpoint;
use crate::error::CollectError;
use crate::former::Former;
use crate::outcome::{Class, Refusal};
use crate::pages::{self, Next};
use crate::place::{self, Site};
use crate::progress::Progress;
use crate::request::{self, Parameters};
use crate::staging::{Done, Identity, Staging, State};
use crate::table::{Place, Table};
use crate::time;

/// Whose estate is collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The account of the credentials.
    Own,
    /// Every active account of the organization, by a role of that name in each; the account of the
    /// credentials is collected with these.
    Organization(Role),
    /// These accounts, in the same way.
    Accounts(Vec<String>, Role),
}

/// What is collected, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The profile of the shared configuration; the usual chain of credentials without it.
    pub profile: Option<String>,
    /// Credentials of the caller's, instead of those that are found.
    pub given: Option<Given>,
    /// Whose estate.
    pub who: Who,
    /// The regions; the profile's own where there is none.
    pub regions: Vec<String>,
    /// Every region that is switched on in the account, instead of `regions`.
    pub all_regions: bool,
    /// The estate's folder.
    pub out: PathBuf,
    /// When, by RFC 3339.
    pub now: String,
    /// Since when changes count, where answers that nothing can have changed are kept from the
    /// folder's earlier collection; everything is asked without it.
    pub since: Option<Since>,
    /// How fast.
    pub pace: Pace,
}

/// Since when changes count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// As it was given: a run that was stopped goes on when the same is given again.
    pub given: String,
    /// The time, since 1970.
    pub at: Duration,
}

/// A call that was not answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unanswered {
    /// The account.
    pub account: String,
    /// The region, or `global`; empty where the account could not be entered at all.
    pub region: String,
    /// The call.
    pub call: String,
    /// What it was asked about.
    pub argument: Option<String>,
    /// The provider's code.
    pub error: String,
    /// Whether a permission is missing; else it failed for another reason.
    pub denied: bool,
}

/// What a collection came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts that were collected.
    pub accounts: usize,
    /// Places: accounts in a region, and their global calls.
    pub places: usize,
    /// Calls that were answered.
    pub answered: usize,
    /// Calls that were answered by there being nothing.
    pub absent: usize,
    /// How many of both were kept from an earlier collection.
    pub kept: usize,
    /// The time of the oldest answer that was kept.
    pub kept_from: Option<String>,
    /// Whether it went on from a run that was stopped.
    pub resumed: bool,
    /// Calls that were not answered, in order.
    pub unanswered: Vec<Unanswered>,
    /// Where it could not be looked up what changed, so that nothing was kept, in order.
    pub unknown_changes: Vec<Unanswered>,
}

/// Collects, and puts the result in the place of what was there.
///
/// # Errors
/// When there are no credentials, when it cannot be found out where to collect, and when a file
/// cannot be read or written. A call that is not answered is no error: the report names it.
pub fn collect(request: &Request, progress: Arc<dyn Progress>) -> Result<Report, CollectError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(CollectError::Runtime)?.block_on(run(request, progress))
}

async fn run(request: &Request, progress: Arc<dyn Progress>) -> Result<Report, CollectError> {
    let table = Arc::new(Table::load()?);
    let first = request.regions.first().map(String::as_str);
    let base = Arc::new(
        Base::load(request.profile.as_deref(), first, request.given.as_ref(), None).await?,
    );
    let client = Arc::new(Client::new(request.pace.clone()));
    let start = Start { table, base, client, progress };
    let access = Arc::new(start.base.access());
    let identity = start.ask(&access, "sts-get-caller-identity", "000000000000").await?;
    let own = arguments::at(&Value::Object(identity), "Account").pop();
    let own = own.ok_or_else(|| CollectError::Credentials("they tell no account".to_owned()))?;
    let accounts = start.accounts(request, &access, &own).await?;
    let staging = Staging::open(
        &request.out,
        Identity::new(request_text(request, &own), request.now.clone(), since(request)),
    )?;
    start.progress.places(accounts.len());
    let collected = start.collect_all(request, &staging, &access, &own, accounts).await?;
    switch(&staging, &collected)?;
    let report = report(&collected, staging.resumed);
    staging.finish()?;
    Ok(report)
}

/// What was asked for, as the text that tells one request from another.
fn request_text(request: &Request, own: &str) -> String {
    let mut text = format!("account {own}; ");
    // Writing to a string cannot fail.
    let _written = match &request.who {
        Who::Own => write!(text, "own"),
        Who::Organization(role) => write!(text, "organization by {}", role.name),
        Who::Accounts(accounts, role) => {
            write!(text, "accounts {} by {}", accounts.join(" "), role.name)
        }
    };
    let regions = if request.all_regions { "all".to_owned() } else { request.regions.join(" ") };
    let _written = write!(text, "; regions {regions}");
    if let Some(since) = &request.since {
        let _written = write!(text, "; since {}", since.given);
    }
    text
}

/// Since when changes count, in seconds since 1970.
fn since(request: &Request) -> Option<i64> {
    let since = request.since.as_ref()?;
    Some(i64::try_from(since.at.as_secs()).unwrap_or(i64::MAX))
}

/// What every account's collection needs.
#[derive(Clone)]
struct Start {
    table: Arc<Table>,
    base: Arc<Base>,
    client: Arc<Client>,
    progress: Arc<dyn Progress>,
}

impl Start {
    /// One call that says where to collect: without an answer there is no collection.
    async fn ask(
        &self,
        access: &Access,
        name: &str,
        account: &str,
    ) -> Result<Map<String, Value>, CollectError> {
        let asked = self.try_ask(access, name, account).await;
        asked.map_err(|refusal| match (name, refusal.class) {
            ("sts-get-caller-identity", _) => {
                CollectError::Credentials(format!("`{name}` was not answered (`{}`)", refusal.code))
            }
            _ => CollectError::Listing { call: name.to_owned(), error: refusal.code },
        })
    }

    async fn try_ask(
        &self,
        access: &Access,
        name: &str,
        account: &str,
    ) -> Result<Map<String, Value>, Refusal> {
        let unknown = || Refusal::new("UnknownCall", Class::Refused);
        let call = self.table.call(name).ok_or_else(unknown)?;
        let service = self.table.service(call).ok_or_else(unknown)?;
        let address = self.base.address.as_deref();
        let region = &self.base.region;
        let endpoint = endpoint::of_call(&self.table, call, region, account, address);
        let endpoint = endpoint.ok_or_else(unknown)?;
        let shapes = self.table.shapes(&call.facts.service);
        let gates = Gates::default();
        let mut parameters = Parameters::new();
        let mut whole = Map::new();
        for _ in 0..self.client.pace.pages_max {
            let wire = request::wire(call, service, &parameters);
            let read = |body: &[u8]| answer::read(call, service.protocol, shapes, body).ok();
            let page = self.client.send((access, &gates), &endpoint, &wire, read, || {}).await?;
            pages::add(&mut whole, page.body, call.facts.pages.as_ref());
            match page.next {
                Next::End => break,
                Next::Page(tokens) => parameters = tokens,
            }
        }
        Ok(whole)
    }

    /// The accounts to collect, each once.
    async fn accounts(
        &self,
        request: &Request,
        access: &Access,
        own: &str,
    ) -> Result<BTreeSet<String>, CollectError> {
        Ok(match &request.who {
            Who::Own => BTreeSet::from([own.to_owned()]),
            Who::Accounts(accounts, _) => accounts.iter().cloned().collect(),
            Who::Organization(_) => {
                let body = self.ask(access, "organizations-list-accounts", own).await?;
                let accounts = body.get("Accounts").and_then(Value::as_array);
                let accounts = accounts.into_iter().flatten();
                // One that is suspended or closed answers nothing.
                let active = accounts.filter(|account| {
                    let state = account.get("State").or_else(|| account.get("Status"));
                    state.and_then(Value::as_str).is_none_or(|state| state == "ACTIVE")
                });
                let ids = active.filter_map(|account| account.get("Id")?.as_str());
                ids.map(ToOwned::to_owned).chain([own.to_owned()]).collect()
            }
        })
    }

    async fn collect_all(
        &self,
        request: &Request,
        staging: &Staging,
        access: &Arc<Access>,
        own: &str,
        accounts: BTreeSet<String>,
    ) -> Result<Vec<Account>, CollectError> {
        let mut running: JoinSet<Result<Account, CollectError>> = JoinSet::new();
        let mut collected = Vec::with_capacity(accounts.len());
        let mut waiting = accounts.into_iter();
        loop {
            while running.len() < request.pace.accounts_at_once.max(1)
                && let Some(account) = waiting.next()
            {
                let access = match &request.who {
                    Who::Own => Arc::clone(access),
                    _ if account == own => Arc::clone(access),
                    Who::Organization(role) | Who::Accounts(_, role) => {
                        Arc::new(self.base.assume(&account, role).await)
                    }
                };
                let one = OneAccount {
                    start: self.clone(),
                    staging: Arc::new(staging.account(&account)?),
                    access,
                    is_own: account == own,
                    has_older: staging.has_older(&account),
                    changes: changes(staging, &account, &request.now).map(Arc::new),
                    collected: staging.identity.started.clone(),
                    account,
                };
                running.spawn(one.collect(request.clone()));
            }
            let Some(ended) = running.join_next().await else { break };
            collected.push(ended.map_err(|_error| CollectError::Interrupted)??);
        }
        collected.sort_by(|left, right| left.id.cmp(&right.id));
        Ok(collected)
    }
}

/// The collection of one account.
struct OneAccount {
    start: Start,
    staging: Arc<crate::staging::AccountStaging>,
    access: Arc<Access>,
    account: String,
    is_own: bool,
    has_older: bool,
    changes: Option<Arc<Changes>>,
    collected: String,
}

/// What may be kept of an account's earlier collection.
fn changes(staging: &Staging, account: &str, now: &str) -> Option<Changes> {
    let since = staging.identity.since?;
    let former = Former::open(&staging.place(account), &Table::mark())?;
    Changes::new(former, since, time::seconds_of(now)?)
}

impl OneAccount {
    async fn collect(self, request: Request) -> Result<Account, CollectError> {
        if let Err(refusal) = self.access.credentials().await {
            return Ok(self.nothing(&refusal));
        }
        let regions = match self.regions(&request).await {
            Ok(regions) => regions,
            Err(refusal) => return Ok(self.nothing(&refusal)),
        };
        let mut places = vec![Place::Global];
        if self.is_own {
            places.push(Place::Organization);
        }
        let mut work = vec![(self.start.base.region.clone(), "global".to_owned(), places)];
        let named = regions.iter().cloned();
        work.extend(named.map(|region| (region.clone(), region, vec![Place::Region])));
        let at_once = Arc::new(Semaphore::new(request.pace.regions_at_once.max(1)));
        let mut running: JoinSet<Result<(), CollectError>> = JoinSet::new();
        for (region, folder, places) in work {
            let (site, at_once) = (Arc::new(self.site(region, folder)), Arc::clone(&at_once));
            running.spawn(async move {
                let _turn = at_once.acquire().await.map_err(|_error| CollectError::Interrupted)?;
                let progress = Arc::clone(&site.progress);
                place::run(site, &places).await?;
                progress.place_done();
                Ok(())
            });
        }
        while let Some(ended) = running.join_next().await {
            ended.map_err(|_error| CollectError::Interrupted)??;
        }
        self.staging.seal(&Table::mark(), &self.collected)?;
        let done = self.staging.all();
        let refused = self.changes.as_ref().map(|changes| changes.refused()).unwrap_or_default();
        let unknown_changes = refused.into_iter().map(|(region, refusal)| Unanswered {
            account: self.account.clone(),
            region,
            call: changes::LOOKUP.to_owned(),
            argument: None,
            error: refusal.code,
            denied: refusal.class == Class::Denied,
        });
        Ok(Account {
            unknown_changes: unknown_changes.collect(),
            id: self.account,
            regions,
            collected: Some(self.collected),
            done,
        })
    }

    fn site(&self, region: String, folder: String) -> Site {
        Site {
            table: Arc::clone(&self.start.table),
            client: Arc::clone(&self.start.client),
            access: Arc::clone(&self.access),
            staging: Arc::clone(&self.staging),
            progress: Arc::clone(&self.start.progress),
            gates: Gates::default(),
            account: self.account.clone(),
            region,
            folder,
            address: self.start.base.address.clone(),
            changes: self.changes.clone(),
        }
    }

    async fn regions(&self, request: &Request) -> Result<Vec<String>, Refusal> {
        if !request.all_regions {
            let own = || vec![self.start.base.region.clone()];
            let given = request.regions.clone();
            return Ok(if given.is_empty() { own() } else { given });
        }
        let asked = self.start.try_ask(&self.access, "ec2-describe-regions", &self.account).await?;
        Ok(arguments::at(&Value::Object(asked), "Regions[].RegionName"))
    }

    /// What is said about an account that could not be entered: its older bodies stay as they are,
    /// and where there are none, no call was answered.
    fn nothing(&self, refusal: &Refusal) -> Account {
        let state = if refusal.class == Class::Denied { State::Denied } else { State::Failed };
        let done = |call: &str| Done {
            region: String::new(),
            call: call.to_owned(),
            argument: None,
            state,
            error: Some(refusal.code.clone()),
            collected: None,
        };
        let others = self.start.table.names().filter(|_| !self.has_older);
        Account {
            id: self.account.clone(),
            regions: Vec::new(),
            collected: None,
            done: std::iter::once("sts-assume-role").chain(others).map(done).collect(),
            unknown_changes: Vec::new(),
        }
    }
}

/// Puts all accounts' bodies in place, and then says so.
pub(crate) fn switch(staging: &Staging, collected: &[Account]) -> Result<(), CollectError> {
    let before = staging.description()?;
    staging.describe(&description::merged(&before, collected, true))?;
    for account in collected.iter().filter(|account| account.collected.is_some()) {
        staging.switch(&account.id)?;
    }
    staging.describe(&description::merged(&before, collected, false))
}

pub(crate) fn report(collected: &[Account], resumed: bool) -> Report {
    let mut report = Report { resumed, ..Report::default() };
    for account in collected {
        report.accounts += usize::from(account.collected.is_some());
        report.places += account.regions.len() + usize::from(account.collected.is_some());
        report.unknown_changes.extend(account.unknown_changes.iter().cloned());
        for done in &account.done {
            if let Some(collected) = &done.collected {
                report.kept += 1;
                let known = report.kept_from.take().filter(|known| known < collected);
                report.kept_from = known.or_else(|| Some(collected.clone()));
            }
            match done.state {
                State::Answered => report.answered += 1,
                State::Absent => report.absent += 1,
                State::Denied | State::Failed => report.unanswered.push(Unanswered {
                    account: account.id.clone(),
                    region: done.region.clone(),
                    call: done.call.clone(),
                    argument: done.argument.clone(),
                    error: done.error.clone().unwrap_or_default(),
                    denied: done.state == State::Denied,
                }),
            }
        }
    }
    report.unanswered.sort();
    report.unknown_changes.sort();
    report
}
