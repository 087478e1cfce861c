//! What is wrong with what was read, said beside the requests that are answered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use lsp_server::{Message, Notification};
use serde_json::{Value, json};
use watertight_policy::decide::World;
use watertight_policy::{Linted, check, lint};
use watertight_source::{Diagnostic, FileId, Severity, Span};

use super::super::files::{Files, real};
use super::text::{Lines, uri_of};
use super::{Read, range};
use crate::clock;

/// By whom it is said.
pub(super) struct Teller(Sender<Arc<Read>>, Sender<Arc<Read>>);

impl Teller {
    /// Has it said, in the place of what was read before and not said yet.
    pub(super) fn tell(&self, read: Arc<Read>) {
        // Nobody is there to be told when the thread has ended: the editor has gone.
        let _gone = self.0.send(read);
    }

    /// Takes apart what was read before, beside the requests: that takes as long as a part of reading does.
    pub(super) fn forget(&self, read: Arc<Read>) {
        let _gone = self.1.send(read);
    }
}

/// Starts saying it, until the teller is dropped. `send` tells whether anybody heard it.
pub(super) fn start(
    world: Option<Arc<World>>,
    send: impl Fn(Message) -> bool + Send + 'static,
) -> (Teller, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel();
    let (old, gone) = mpsc::channel::<Arc<Read>>();
    let telling = thread::spawn(move || {
        thread::scope(|scope| {
            scope.spawn(|| gone.into_iter().for_each(drop));
            tell_all(&receiver, world.as_deref(), &send);
        });
    });
    (Teller(sender, old), telling)
}

fn tell_all(
    receiver: &Receiver<Arc<Read>>,
    world: Option<&World>,
    send: &impl Fn(Message) -> bool,
) {
    // The files about which something was said.
    let mut told: BTreeSet<PathBuf> = BTreeSet::new();
    let mut next = receiver.recv().ok();
    while let Some(read) = next {
        let newest = receiver.try_iter().last().unwrap_or(read);
        let said = said(&newest, world);
        if let Ok(newer) = receiver.try_recv() {
            // What is said would be about what is gone.
            next = Some(newer);
            continue;
        }
        let gone = std::mem::take(&mut told).into_iter().map(|path| (path, Vec::new()));
        let mut by_file: BTreeMap<PathBuf, Vec<Value>> = gone.collect();
        told.extend(said.keys().cloned());
        by_file.extend(said);
        for (path, diagnostics) in by_file {
            let params = json!({"uri": uri_of(&path), "diagnostics": diagnostics});
            let method = String::from("textDocument/publishDiagnostics");
            if !send(Message::Notification(Notification { method, params })) {
                return;
            }
        }
        next = receiver.recv().ok();
    }
}

/// What is wrong, by file.
fn said(read: &Read, world: Option<&World>) -> BTreeMap<PathBuf, Vec<Value>> {
    let Read { files, feeds } = read;
    let mut diagnostics = files.diagnostics.clone();
    let documents = &files.documents;
    if let Some(policy) = &check(documents, feeds, &mut diagnostics) {
        lint(&Linted { documents, policy, world, now: clock::now() }, &mut diagnostics);
    }
    let mut by_file: BTreeMap<PathBuf, Vec<Value>> = BTreeMap::new();
    let mut lines: BTreeMap<FileId, Lines<'_>> = BTreeMap::new();
    for one in &diagnostics.into_sorted() {
        let Some(span) = one.span() else { continue };
        let path = real(files.sources.path(span.file).as_ref());
        let value = shown(one, files, &mut lines);
        by_file.entry(path).or_default().push(value);
    }
    by_file
}

/// A diagnostic as editors show it.
fn shown<'f>(one: &Diagnostic, files: &'f Files, lines: &mut BTreeMap<FileId, Lines<'f>>) -> Value {
    let mut range_of = |span: Span| {
        let text = files.sources.contents(span.file).as_str().unwrap_or_default();
        range(span, lines.entry(span.file).or_insert_with(|| Lines::new(text)))
    };
    let severity = match one.severity {
        Severity::Error => 1,
        Severity::Warning => 2,
        Severity::Note => 3,
    };
    let mut message = one.message.clone();
    if let Some(help) = &one.help {
        message = format!("{message}\nhelp: {help}");
    }
    let related: Vec<Value> = one
        .related
        .iter()
        .map(|(span, text)| {
            let uri = uri_of(&real(files.sources.path(span.file).as_ref()));
            json!({"location": {"uri": uri, "range": range_of(*span)}, "message": text})
        })
        .collect();
    json!({
        "range": one.span().map(&mut range_of),
        "severity": severity,
        "code": one.code.as_str(),
        "source": "watertight",
        "message": message,
        "relatedInformation": related,
    })
}
