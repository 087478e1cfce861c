//! A server that answers AWS's calls from recorded bodies, or has another server answer them, and makes
//! trouble on the way.
//!
//! It speaks the wire protocols as the published API models describe them: what is recorded as the
//! AWS CLI prints it goes out as XML or JSON, in pages of any size. Throttling, faults of the service,
//! silence, cut connections, denials and expired credentials are injected, each request's first tries
//! in a given order, so that the same request meets the same trouble in every run.
//!
//! A server that was started with a [`Strictness`] lets security groups be made and changed, and the
//! groups of interfaces, as strictly as the provider documents it; each such request is in its log.

mod answer;
mod call;
mod gauge;
mod groups;
mod http;
mod recording;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use call::{Asked, Table};
pub use gauge::Peaks;
use gauge::{Gauge, Place};
use groups::Groups;
pub use groups::{Strictness, Written};
use http::{Request, Response};
pub use recording::Recording;

/// What happens to one try of a request instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Too many calls, with a wish to wait for so many milliseconds.
    Throttle(u32),
    /// A fault of the service.
    Fault,
    /// No answer, ever.
    Silence,
    /// Half an answer.
    Cut,
    /// The credentials are said to be expired.
    Expired,
    /// A good answer, after so many milliseconds.
    Slow(u32),
}

/// The trouble that a server makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Troubles {
    /// So many resources a page, where the call has pages; all of them else.
    pub page_size: Option<usize>,
    /// The first page after the first of each call is said to be asked for too late, once.
    pub late_pages: bool,
    /// What each request meets before it is answered.
    pub first: Vec<Trouble>,
    /// Of so many requests one meets `first`; 0 and 1 mean every one.
    pub every: u64,
    /// Calls that are denied.
    pub denied: BTreeSet<String>,
    /// Calls that always fail.
    pub failing: BTreeSet<String>,
    /// Accounts whose role may not be assumed.
    pub closed: BTreeSet<String>,
    /// After so many requests no more is answered: the connection is cut each time.
    pub stop_after: Option<usize>,
    /// After so many requests no more is answered: whoever asks waits.
    pub hold_after: Option<usize>,
}

/// A running server; it stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

/// What gets lost when a server stops answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The request: nothing is done.
    Request,
    /// The answer alone: what was asked for is done.
    Answer,
}

/// What becomes of requests that are not answered any more.
#[derive(Debug, Clone, Copy)]
struct End {
    lost: Lost,
    /// Whoever asks waits; else the connection is cut.
    holds: bool,
}

#[derive(Debug)]
struct State {
    table: Table,
    answers: Answers,
    groups: Option<Groups>,
    /// How many requests are answered still, and what becomes of those that are not.
    left: Mutex<Option<(usize, End)>>,
    troubles: Troubles,
    stopped: AtomicBool,
    requests: Mutex<usize>,
    came: Condvar,
    tries: Mutex<BTreeMap<String, usize>>,
    asked: Mutex<BTreeMap<String, usize>>,
    gauge: Gauge,
    cut: Mutex<BTreeMap<String, Response>>,
    /// The accounts of keys that another server gave.
    keys: Mutex<BTreeMap<String, String>>,
}

/// Who answers.
#[derive(Debug)]
enum Answers {
    Recorded(Recording),
    /// Another server.
    Other(SocketAddr),
}

impl Server {
    /// Starts a server on a free port of this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(recording: Recording, troubles: Troubles) -> io::Result<Self> {
        Self::listen(Answers::Recorded(recording), troubles, None)
    }

    /// Starts one whose security groups can be changed.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start_strict(
        recording: Recording,
        troubles: Troubles,
        strictness: Strictness,
    ) -> io::Result<Self> {
        let groups = Groups::new(&recording, strictness);
        Self::listen(Answers::Recorded(recording), troubles, Some(groups))
    }

    /// Starts a server that passes requests on to another one of this machine, and only makes trouble
    /// itself. Pages are as the other makes them.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn before(port: u16, troubles: Troubles) -> io::Result<Self> {
        Self::listen(Answers::Other(SocketAddr::from(([127, 0, 0, 1], port))), troubles, None)
    }

    fn listen(answers: Answers, troubles: Troubles, groups: Option<Groups>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            table: Table::load()?,
            answers,
            groups,
            left: Mutex::default(),
            troubles,
            stopped: AtomicBool::new(false),
            requests: Mutex::new(0),
            came: Condvar::new(),
            tries: Mutex::default(),
            asked: Mutex::default(),
            gauge: Gauge::default(),
            cut: Mutex::default(),
            keys: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let accepting = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.stopped.load(Ordering::Relaxed) {
                    break;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.converse(&stream));
            }
        });
        Ok(Self { address, state, accepting: Some(accepting) })
    }

    /// Its address, for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key id of credentials of an account; any secret goes with it.
    pub fn key_of(account: &str) -> String {
        format!("AKIA{account}")
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        *self.state.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests it had at once.
    pub fn peaks(&self) -> Peaks {
        self.state.gauge.peaks()
    }

    /// How many requests came to a service before the time was over that it wished to be left alone.
    pub fn early(&self) -> usize {
        self.state.gauge.early()
    }

    /// Waits until so many requests have come; whether they did before the time was over.
    pub fn wait_for(&self, requests: usize, longest: Duration) -> bool {
        let known = self.state.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.state.came.wait_timeout_while(known, longest, |come| *come < requests);
        *waited.unwrap_or_else(PoisonError::into_inner).0 >= requests
    }

    /// Has the server answer so many requests more and none after them; `None` lets it go on.
    pub fn stop_after(&self, left: Option<(usize, Lost)>) {
        self.end(left.map(|(count, lost)| (count, End { lost, holds: false })));
    }

    /// The same, and whoever asks then waits until it goes away: a program can be killed there.
    pub fn hold_after(&self, left: Option<(usize, Lost)>) {
        self.end(left.map(|(count, lost)| (count, End { lost, holds: true })));
    }

    fn end(&self, left: Option<(usize, End)>) {
        *self.state.left.lock().unwrap_or_else(PoisonError::into_inner) = left;
    }

    /// The requests that would change something, in order; none of a server that is not strict.
    pub fn written(&self) -> Vec<Written> {
        self.state.groups.as_ref().map(Groups::log).unwrap_or_default()
    }

    /// What the server holds, by names: nothing that it made up itself is in it.
    pub fn held(&self) -> serde_json::Value {
        self.state.groups.as_ref().map(Groups::canonical).unwrap_or_default()
    }

    /// The calls that were asked, each once.
    pub fn asked(&self) -> BTreeSet<String> {
        let asked = self.state.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.keys().cloned().collect()
    }

    /// How often a call was asked, each page counted.
    pub fn counted(&self, call: &str) -> usize {
        let asked = self.state.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(call).copied().unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _woken = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ended = accepting.join();
        }
    }
}

impl State {
    fn converse(&self, stream: &TcpStream) {
        let mut reader = io::BufReader::new(stream);
        while let Ok(Some(request)) = Request::read(&mut reader) {
            let count = self.count();
            // Roles are assumed by another client, beside what is asked at once.
            let is_call = request.assumed_account().is_none();
            let guest = is_call.then(|| self.gauge.enter(self.place(&request)));
            if self.troubles.hold_after.is_some_and(|most| count >= most) {
                let _gone = io::copy(&mut reader, &mut io::sink());
                return;
            }
            if self.troubles.stop_after.is_some_and(|most| count >= most) {
                return;
            }
            if let Some(End { lost, holds }) = self.lost() {
                if lost == Lost::Answer {
                    let _unsaid = self.respond(&request);
                }
                if holds {
                    let _gone = io::copy(&mut reader, &mut io::sink());
                }
                return;
            }
            let response = match self.trouble(&request) {
                Some(Trouble::Silence) => {
                    // Until the other side has had enough.
                    let _gone = io::copy(&mut reader, &mut io::sink());
                    return;
                }
                Some(Trouble::Cut) => {
                    let response = self.respond(&request);
                    let _sent = response.send_half(stream);
                    self.keep(&request, response);
                    return;
                }
                Some(Trouble::Slow(milliseconds)) => {
                    thread::park_timeout(Duration::from_millis(milliseconds.into()));
                    self.respond(&request)
                }
                Some(trouble) => {
                    if let Trouble::Throttle(wish) = trouble {
                        let wish = Duration::from_millis(wish.into());
                        self.gauge.close(self.place(&request), wish);
                    }
                    refusal(&self.table, &request, trouble)
                }
                None => self.respond(&request),
            };
            drop(guest);
            if response.send(stream).is_err() {
                return;
            }
        }
    }

    /// Where a request is asked.
    fn place(&self, request: &Request) -> Place {
        let (_, region, service) = request.signature();
        (self.account(request), region.to_owned(), service.to_owned())
    }

    /// The account of a request, whoever gave the keys.
    fn account(&self, request: &Request) -> String {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let known = keys.get(request.signature().0).cloned();
        known.unwrap_or_else(|| request.account())
    }

    /// Counts a request; how many came before it.
    fn count(&self) -> usize {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *requests;
        *requests += 1;
        self.came.notify_all();
        before
    }

    /// What makes the same request the same when it is sent again, with other keys perhaps.
    fn identity(&self, request: &Request) -> String {
        request.identity(&self.account(request))
    }

    /// Keeps an answer that was cut off for the next try: another server may answer a request once only,
    /// as it does where a page's token is good for one page.
    fn keep(&self, request: &Request, response: Response) {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        cut.insert(self.identity(request), response);
    }

    /// What is lost of the next request, if anything is.
    fn lost(&self) -> Option<End> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        match left.as_mut() {
            None => None,
            Some((0, end)) => {
                let now = *end;
                // One answer gets lost; then requests do.
                end.lost = Lost::Request;
                Some(now)
            }
            Some((count, _)) => {
                *count -= 1;
                None
            }
        }
    }

    /// What this try of a request meets.
    fn trouble(&self, request: &Request) -> Option<Trouble> {
        // Roles are assumed by another client, which has its own ways.
        if request.assumed_account().is_some() {
            return None;
        }
        let identity = self.identity(request);
        let every = self.troubles.every.max(1);
        if self.troubles.first.is_empty() || !number_of(&identity).is_multiple_of(every) {
            return None;
        }
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let count = tries.entry(identity).or_default();
        let trouble = self.troubles.first.get(*count).copied();
        *count += 1;
        trouble
    }

    fn respond(&self, request: &Request) -> Response {
        if let Some(account) = request.assumed_account() {
            if self.troubles.closed.contains(&account) {
                return Response::error("query", 403, "AccessDenied");
            }
            return match &self.answers {
                Answers::Recorded(_) => answer::credentials(&account),
                Answers::Other(to) => {
                    let given = passed_on(request, *to);
                    let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
                    keys.extend(given.element("AccessKeyId").map(|key| (key.to_owned(), account)));
                    given
                }
            };
        }
        if let Some(response) = self.groups.as_ref().and_then(|groups| groups.write(request)) {
            return response;
        }
        if let Some(response) = self.groups.as_ref().and_then(|all| all.configuration(request)) {
            return response;
        }
        let Some(asked) = self.table.resolve(request) else {
            return Response::error("rest-json", 404, "UnknownOperationException");
        };
        let mut counts = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(asked.call.clone()).or_default() += 1;
        drop(counts);
        let protocol = self.table.protocol(&asked.call);
        if self.troubles.denied.contains(&asked.call) {
            return Response::error(protocol, 403, "AccessDeniedException");
        }
        if self.troubles.late_pages && self.is_late(&asked) {
            return Response::error(protocol, 400, "PaginationTokenExpiredException");
        }
        if self.troubles.failing.contains(&asked.call) {
            return Response::error(protocol, 500, "InternalFailure");
        }
        match self.groups.as_ref().and_then(|groups| groups.list(&asked, request)) {
            Some(Ok(body)) => {
                let page = answer::page(&self.table, &asked, body, self.troubles.page_size);
                return answer::answer(&self.table, &asked, page);
            }
            Some(Err(fault)) => return fault.response(protocol),
            None => {}
        }
        match &self.answers {
            Answers::Recorded(recording) => self.recorded(recording, &asked, protocol),
            Answers::Other(to) => {
                let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
                let known = cut.remove(&self.identity(request));
                drop(cut);
                known.unwrap_or_else(|| passed_on(request, *to))
            }
        }
    }

    /// Whether a page after the first is asked for, for the first time in the account and region.
    fn is_late(&self, asked: &Asked) -> bool {
        let token = self.table.call(&asked.call)["pages"]["input"][0].as_str().unwrap_or_default();
        if !asked.parameters.contains_key(token) {
            return false;
        }
        let place = format!("late {} {} {}", asked.account, asked.region, asked.call);
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.insert(place, 1).is_none()
    }

    fn recorded(&self, recording: &Recording, asked: &Asked, protocol: &str) -> Response {
        if asked.call == "sts-get-caller-identity" {
            let account = &asked.account;
            let body = serde_json::json!({
                "UserId": "AIDAUSER",
                "Account": account,
                "Arn": format!("arn:aws:iam::{account}:user/collector"),
            });
            return answer::answer(&self.table, asked, body);
        }
        match recording.find(&self.table, asked) {
            Some(mut body) => {
                if let Some(groups) = &self.groups {
                    groups.refresh(asked, &mut body);
                }
                let body = match asked.call.as_str() {
                    "cloudtrail-lookup-events" => answer::looked_up(asked, body),
                    _ => body,
                };
                let page = answer::page(&self.table, asked, body, self.troubles.page_size);
                answer::answer(&self.table, asked, page)
            }
            None => match self.table.absent(&asked.call) {
                Some(code) => Response::error(protocol, 404, code),
                None => answer::answer(&self.table, asked, answer::nothing(&self.table, asked)),
            },
        }
    }
}

/// What another server answers; a fault, if it does not.
fn passed_on(request: &Request, to: SocketAddr) -> Response {
    request.pass_on(to).unwrap_or_else(|_gone| Response::error("query", 502, "BadGateway"))
}

fn refusal(table: &Table, request: &Request, trouble: Trouble) -> Response {
    let asked = table.resolve(request);
    let (_, _, signed) = request.signature();
    let unknown = if signed == "ec2" { "ec2" } else { "query" };
    let protocol = asked.map_or(unknown, |asked| table.protocol(&asked.call));
    match trouble {
        Trouble::Throttle(hint) => {
            let (status, code) = match protocol {
                "ec2" => (503, "RequestLimitExceeded"),
                _ => (400, "ThrottlingException"),
            };
            Response::error(protocol, status, code)
                .with_header("x-amz-retry-after", &hint.to_string())
        }
        Trouble::Expired => Response::error(protocol, 403, "ExpiredTokenException"),
        Trouble::Fault | Trouble::Silence | Trouble::Cut | Trouble::Slow(_) => {
            Response::error(protocol, 503, "ServiceUnavailable")
        }
    }
}

/// FNV-1a: which requests meet trouble is the same in every run.
fn number_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |number, byte| {
        (number ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
