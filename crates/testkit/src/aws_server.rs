//! A server that answers AWS's calls from recorded bodies, and makes trouble on the way.
//!
//! It speaks the wire protocols as the published API models describe them: what is recorded as the
//! AWS CLI prints it goes out as XML or JSON, in pages of any size. Throttling, faults of the service,
//! silence, cut connections, denials and expired credentials are injected, each request's first tries
//! in a given order, so that the same request meets the same trouble in every run.

mod answer;
mod call;
mod http;
mod recording;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use call::{Asked, Table};
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
}

/// The trouble that a server makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Troubles {
    /// So many resources a page, where the call has pages; all of them else.
    pub page_size: Option<usize>,
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
}

/// A running server; it stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    table: Table,
    recording: Recording,
    troubles: Troubles,
    stopped: AtomicBool,
    requests: AtomicUsize,
    tries: Mutex<BTreeMap<String, usize>>,
    asked: Mutex<BTreeMap<String, usize>>,
}

impl Server {
    /// Starts a server on a free port of this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(recording: Recording, troubles: Troubles) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            table: Table::load()?,
            recording,
            troubles,
            stopped: AtomicBool::new(false),
            requests: AtomicUsize::new(0),
            tries: Mutex::default(),
            asked: Mutex::default(),
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
        self.state.requests.load(Ordering::Relaxed)
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
            let count = self.requests.fetch_add(1, Ordering::Relaxed);
            if self.troubles.stop_after.is_some_and(|most| count >= most) {
                return;
            }
            let response = match self.trouble(&request) {
                Some(Trouble::Silence) => {
                    // Until the other side has had enough.
                    let _gone = io::copy(&mut reader, &mut io::sink());
                    return;
                }
                Some(Trouble::Cut) => {
                    let _sent = self.respond(&request).send_half(stream);
                    return;
                }
                Some(trouble) => refusal(&self.table, &request, trouble),
                None => self.respond(&request),
            };
            if response.send(stream).is_err() {
                return;
            }
        }
    }

    /// What this try of a request meets.
    fn trouble(&self, request: &Request) -> Option<Trouble> {
        // Roles are assumed by another client, which has its own ways.
        if request.assumed_account().is_some() {
            return None;
        }
        let identity = request.identity();
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
            return answer::credentials(&account);
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
        if self.troubles.failing.contains(&asked.call) {
            return Response::error(protocol, 500, "InternalFailure");
        }
        self.recorded(&asked, protocol)
    }

    fn recorded(&self, asked: &Asked, protocol: &str) -> Response {
        if asked.call == "sts-get-caller-identity" {
            let account = &asked.account;
            let body = serde_json::json!({
                "UserId": "AIDAUSER",
                "Account": account,
                "Arn": format!("arn:aws:iam::{account}:user/collector"),
            });
            return answer::answer(&self.table, asked, body);
        }
        match self.recording.find(&self.table, asked) {
            Some(body) => {
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

fn refusal(table: &Table, request: &Request, trouble: Trouble) -> Response {
    let asked = table.resolve(request);
    let protocol = asked.map_or("query", |asked| table.protocol(&asked.call));
    match trouble {
        Trouble::Throttle(hint) => Response::error(protocol, 400, "ThrottlingException")
            .with_header("x-amz-retry-after", &hint.to_string()),
        Trouble::Expired => Response::error(protocol, 403, "ExpiredTokenException"),
        Trouble::Fault | Trouble::Silence | Trouble::Cut => {
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
