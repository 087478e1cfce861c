//! `watertight policy lsp`: a language server over standard input and output.
//!
//! After a change the files that changed are read anew, with the texts that are open in the editor in
//! the place of those on disk. Requests are answered from the documents that they are about; all of them are
//! checked beside that, so that no request waits for it.

mod tell;
mod text;

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use clap::Args;
use lsp_server::{Connection, Message, Notification, Request, RequestId, Response};
use serde_json::{Value, json};
use watertight_policy::decide::World;
use watertight_policy::syntax::Object;
use watertight_policy::{CheckedPolicy, Feeds, Format, Labels, check, formatted, hover};
use watertight_source::{Contents, Diagnostics, FileId, Span};

use super::files::{Files, Open, Parsed, real};
use crate::args::InputArguments;
use crate::estate_folder::load_folder;
use crate::exit::{Failure, Outcome};
use tell::Teller;
use text::{Lines, asked_for, path_of};

/// How long it is waited for the word to end behind the request to.
const EXIT: Duration = Duration::from_secs(30);
/// How long an editor that has ended the server is waited for to read what was being said.
const PATIENCE: Duration = Duration::from_secs(1);
/// The request is about nothing that the server knows.
const METHOD_NOT_FOUND: i32 = -32601;

/// The arguments of `policy lsp`.
#[derive(Debug, Args)]
pub(crate) struct LspArguments {
    /// The policy's files and folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// An estate's folder, for what selectors select and which labels there are
    #[arg(long, value_name = "PATH")]
    estate: Option<PathBuf>,
    #[command(flatten)]
    input: InputArguments,
}

/// Serves until the editor says that it is over.
pub(super) fn run(arguments: &LspArguments) -> Result<Outcome, Failure> {
    let world = match &arguments.estate {
        Some(root) => Some(World::of_estate(&load_folder(root, &arguments.input)?.estate)),
        None => None,
    };
    let (connection, threads) = Connection::stdio();
    let offered = json!({
        "positionEncoding": "utf-16",
        "textDocumentSync": {"openClose": true, "change": 1},
        "hoverProvider": true,
        "completionProvider": {"triggerCharacters": [":", " ", "{", "["]},
        "documentFormattingProvider": true,
    });
    connection.initialize(offered).map_err(|error| Failure::Server(error.to_string()))?;
    let paths = arguments.paths.clone();
    let world = world.map(Arc::new);
    let sender = connection.sender.clone();
    let send = move |message| sender.send(message).is_ok();
    let (teller, telling) = tell::start(world.clone(), send);
    let mut server = Server {
        connection,
        paths,
        world,
        open: Open::new(),
        teller,
        parsed: Parsed::default(),
        read: None,
        labels: None,
    };
    let served = server.serve();
    // The threads end when nobody can send to them any more, and what they say is written.
    drop(server);
    let (ended, ending) = mpsc::channel();
    thread::spawn(move || {
        let has_failed = telling.join().is_err();
        // Nobody is there to hear it when an editor that reads no more has been waited for.
        let _gone = ended.send((has_failed, threads.join()));
    });
    match ending.recv_timeout(PATIENCE) {
        Ok((true, _)) => Err(Failure::Server(String::from("lint has failed"))),
        Ok((false, written)) => {
            written.map_err(Failure::Output).and(served).map(|()| Outcome::Fine)
        }
        // It has been told to end, and what is left to say is for nobody.
        Err(_) => served.map(|()| Outcome::Fine),
    }
}

struct Server {
    connection: Connection,
    paths: Vec<PathBuf>,
    world: Option<Arc<World>>,
    /// The texts in the editor, by the file's path.
    open: Open,
    /// Says what is wrong with what was read.
    teller: Teller,
    /// What each file came to.
    parsed: Parsed,
    read: Option<Arc<Read>>,
    /// The labels of the estate, with the files that hold the labelings from which they come.
    labels: Option<(Vec<(FileId, Contents)>, Labels)>,
}

/// What was read last.
struct Read {
    files: Files,
    feeds: Feeds,
}

impl Server {
    fn serve(&mut self) -> Result<(), Failure> {
        self.read()?;
        self.tell();
        while let Ok(message) = self.connection.receiver.recv() {
            let (mut is_stale, mut is_untold) = (false, false);
            let mut next = Some(message);
            // What has come in the meantime is taken before anything is read anew.
            while let Some(message) = next {
                match message {
                    Message::Request(request) => {
                        if std::mem::take(&mut is_stale) {
                            self.read()?;
                        }
                        if self.is_over(&request) {
                            return Ok(());
                        }
                        self.answer(request)?;
                    }
                    Message::Notification(notification) => {
                        let changes = self.take(&notification);
                        (is_stale, is_untold) = (is_stale | changes, is_untold | changes);
                    }
                    Message::Response(_) => {}
                }
                next = self.connection.receiver.try_recv().ok();
            }
            if is_stale {
                self.read()?;
            }
            if is_untold {
                self.tell();
            }
        }
        Ok(())
    }

    /// Whether the editor has told the server to end. One that reads no more gets no answer.
    fn is_over(&self, request: &Request) -> bool {
        if request.method != "shutdown" {
            return false;
        }
        let answer = Message::Response(Response::new_ok(request.id.clone(), ()));
        let _unread = self.connection.sender.send_timeout(answer, PATIENCE);
        let _exit = self.connection.receiver.recv_timeout(EXIT);
        true
    }

    /// Takes what the editor tells; whether that changes what is read.
    fn take(&mut self, notification: &Notification) -> bool {
        let params = &notification.params;
        let Some(path) = document(params) else { return false };
        let text = match notification.method.as_str() {
            "textDocument/didOpen" => params.pointer("/textDocument/text"),
            "textDocument/didChange" => params.pointer("/contentChanges/0/text"),
            "textDocument/didClose" => {
                self.open.remove(&path);
                return true;
            }
            "textDocument/didSave" => return true,
            _ => return false,
        };
        if let Some(text) = text.and_then(Value::as_str) {
            self.open.insert(path, text.to_owned());
        }
        true
    }

    /// Reads what changed.
    fn read(&mut self) -> Result<(), Failure> {
        let before = std::mem::take(&mut self.parsed);
        // A folder without a policy is one in which somebody is about to write one.
        let Ok((mut files, parsed)) = Files::read_with(&self.paths, self.open.clone(), before)
        else {
            return Ok(());
        };
        self.parsed = parsed;
        let feeds = files.feeds()?;
        if let Some(before) = self.read.replace(Arc::new(Read { files, feeds })) {
            self.teller.forget(before);
        }
        Ok(())
    }

    /// Has somebody say what is wrong with what was read.
    fn tell(&self) {
        if let Some(read) = &self.read {
            self.teller.tell(Arc::clone(read));
        }
    }

    fn answer(&mut self, request: Request) -> Result<(), Failure> {
        let Request { id, method, params } = request;
        let result = match method.as_str() {
            "textDocument/hover" => self.hover(&params),
            "textDocument/completion" => self.completion(&params),
            "textDocument/formatting" => self.formatting(&params),
            _ => {
                let message = format!("`{method}` is not served");
                return self.respond(Response::new_err(id, METHOD_NOT_FOUND, message));
            }
        };
        self.respond(ok(id, result.unwrap_or(Value::Null)))
    }

    /// The file of a request and the place in it.
    fn place(&self, params: &Value) -> Option<(&Files, FileId, &str, Option<u32>)> {
        let files = &self.read.as_ref()?.files;
        let path = document(params)?;
        let (file, _) = files.sources.iter().find(|(_, one)| real(one.as_ref()) == path)?;
        let text = files.sources.contents(file).as_str().ok()?;
        let number = |name: &str| params.pointer(name)?.as_u64();
        let place = number("/position/line").zip(number("/position/character"));
        let offset = place.and_then(|(line, column)| Lines::new(text).offset(line, column));
        Some((files, file, text, offset))
    }

    /// The policy, as far as it is about a place.
    fn policy_around(&self, file: FileId, offset: u32) -> Option<CheckedPolicy> {
        let Read { files, feeds } = self.read.as_deref()?;
        // What a broken document would have said is not told as if nobody had said it.
        if !files.documents.is_named_whole() {
            return None;
        }
        check(&files.documents.around(file, offset), feeds, &mut Diagnostics::default())
    }

    /// Asks for the labels of the estate anew where a file with labelings is another than before.
    fn renew_labels(&mut self, policy: &CheckedPolicy) {
        let (Some(world), Some(read)) = (&self.world, &self.read) else { return };
        let labelings =
            read.files.documents.of(|object| matches!(object, Object::Labeling(_)).then_some(()));
        let mut from: Vec<FileId> = labelings.map(|(document, ())| document.span.file).collect();
        from.dedup();
        let contents = |file: FileId| (file, read.files.sources.contents(file).clone());
        let from: Vec<(FileId, Contents)> = from.into_iter().map(contents).collect();
        let is_same = |(before, _): &(Vec<(FileId, Contents)>, Labels)| {
            let all = before.iter().zip(&from);
            before.len() == from.len()
                && all.into_iter().all(|((one, old), (other, new))| {
                    one == other && old.as_bytes() == new.as_bytes()
                })
        };
        if !self.labels.as_ref().is_some_and(is_same) {
            self.labels = Some((from, Labels::new(policy, world)));
        }
    }

    fn hover(&mut self, params: &Value) -> Option<Value> {
        let (_, file, _, offset) = self.place(params)?;
        let policy = self.policy_around(file, offset?)?;
        self.renew_labels(&policy);
        let (_, file, text, offset) = self.place(params)?;
        let labels = self.labels.as_ref().map(|(_, labels)| labels);
        let found = hover(&policy, self.world.as_deref().zip(labels), (file, offset?))?;
        let range = range(found.span, &Lines::new(text));
        Some(json!({"contents": {"kind": "markdown", "value": found.text}, "range": range}))
    }

    /// The labels of the estate: keys, and behind a key its values.
    fn completion(&mut self, params: &Value) -> Option<Value> {
        // While somebody writes, the text is seldom without an error; what was known before is known still.
        let (_, file, _, offset) = self.place(params)?;
        if let Some(policy) = self.policy_around(file, offset?) {
            self.renew_labels(&policy);
        }
        let (_, _, text, offset) = self.place(params)?;
        let known = self.labels.as_ref().map(|(_, labels)| labels.known()).unwrap_or_default();
        let key = asked_for(text, offset?);
        let of_key = key.and_then(|key| known.iter().find(|(one, _)| ***one == *key));
        let item = |label: &str, kind: u8| json!({"label": label, "kind": kind});
        let items: Vec<Value> = match of_key {
            Some((_, values)) => values.iter().map(|value| item(value, 12)).collect(),
            None => known.keys().map(|key| item(key, 10)).collect(),
        };
        Some(Value::from(items))
    }

    fn formatting(&self, params: &Value) -> Option<Value> {
        let (files, file, text, _) = self.place(params)?;
        let format = Format::of_path(files.sources.path(file));
        let new = formatted(file, files.sources.contents(file), format, files.limits()).ok()?;
        let end = u32::try_from(text.len()).ok()?;
        let range = range(Span::new(file, 0, end), &Lines::new(text));
        Some(json!([{"range": range, "newText": new}]))
    }

    fn respond(&self, response: Response) -> Result<(), Failure> {
        self.send(Message::Response(response))
    }

    fn send(&self, message: Message) -> Result<(), Failure> {
        self.connection.sender.send(message).map_err(|error| Failure::Server(error.to_string()))
    }
}

fn ok(id: RequestId, result: Value) -> Response {
    Response { id, response_result: Ok(result) }
}

/// The file that a message is about.
fn document(params: &Value) -> Option<PathBuf> {
    let uri = params.pointer("/textDocument/uri")?.as_str()?;
    Some(real(&path_of(uri)?))
}

fn range(span: Span, lines: &Lines<'_>) -> Value {
    let [start, end] = [span.start, span.end.max(span.start)].map(|offset| {
        let (line, column) = lines.place(offset);
        json!({"line": line, "character": column})
    });
    json!({"start": start, "end": end})
}
