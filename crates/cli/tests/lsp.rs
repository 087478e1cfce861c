//! `watertight policy lsp`, asked by a client over standard input and output.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

const HEAD: &str = "apiVersion: watertight.io/v1alpha1\nkind:";

struct Client {
    server: Child,
    output: BufReader<ChildStdout>,
    file: PathBuf,
    next: u64,
    /// What was said about the file, last.
    diagnostics: Vec<Value>,
    _folder: tempfile::TempDir,
}

impl Client {
    /// A client in a folder with one file.
    fn new(text: &str, estate: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().canonicalize().unwrap().join("p.yaml");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_watertight"));
        command.args(["policy", "lsp"]).arg(folder.path());
        if let Some(estate) = estate {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            command.arg("--estate").arg(root.join(estate));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().unwrap();
        let output = BufReader::new(server.stdout.take().unwrap());
        let mut client =
            Self { server, output, file, next: 0, diagnostics: Vec::new(), _folder: folder };
        let answer = client.ask("initialize", json!({"capabilities": {}}));
        assert_eq!(answer["capabilities"]["hoverProvider"], true);
        client.tell("initialized", json!({}));
        client
    }

    fn uri(&self) -> String {
        format!("file://{}", self.file.display())
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let input = self.server.stdin.as_mut().unwrap();
        write!(input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        input.flush().unwrap();
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server is gone");
            match line.trim().strip_prefix("Content-Length: ") {
                Some(text) => length = text.parse().unwrap(),
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut bytes = vec![0; length];
        self.output.read_exact(&mut bytes).unwrap();
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        if message["method"] == "textDocument/publishDiagnostics"
            && message["params"]["uri"] == self.uri()
        {
            let said = message["params"]["diagnostics"].as_array();
            self.diagnostics.clone_from(said.unwrap());
        }
        message
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.receive();
            if message["id"] == id {
                return message["result"].clone();
            }
        }
    }

    fn open(&mut self, text: &str) {
        let document = json!({"uri": self.uri(), "languageId": "yaml", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
    }

    fn change(&mut self, text: &str) {
        let params = json!({
            "textDocument": {"uri": self.uri(), "version": 2},
            "contentChanges": [{"text": text}],
        });
        self.tell("textDocument/didChange", params);
    }

    /// A question about the place at which a text begins.
    fn at(&mut self, method: &str, text: &str, mark: &str) -> Value {
        let offset = text.find(mark).unwrap();
        let lines: Vec<&str> = text.get(..offset).unwrap().split('\n').collect();
        let (line, column) = (lines.len() - 1, lines.last().unwrap().len());
        let position = json!({"line": line, "character": column});
        self.ask(method, json!({"textDocument": {"uri": self.uri()}, "position": position}))
    }

    /// The codes and lines of what was said last, once everything is answered.
    fn said(&mut self) -> Vec<String> {
        // What is asked is answered first; what is wrong is said then, after each change.
        loop {
            let message = self.receive();
            let is_told = message["method"] == "textDocument/publishDiagnostics";
            if is_told && message["params"]["uri"] == self.uri() {
                break;
            }
        }
        let shown = |one: &Value| {
            format!("{} {}", one["code"].as_str().unwrap(), one["range"]["start"]["line"])
        };
        self.diagnostics.iter().map(shown).collect()
    }

    fn end(mut self) {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        self.tell("exit", Value::Null);
        assert!(self.server.wait().unwrap().success());
    }
}

#[test]
fn errors_follow_what_is_written() {
    let bad = format!("{HEAD} Service\nmetadata: {{name: s}}\nspec: {{over: [{{tcp: 0}}]}}\n");
    let mut client = Client::new(&bad, None);
    assert_eq!(client.said(), ["WT0310 3"]);
    let good = bad.replace("tcp: 0", "tcp: 80");
    client.open(&good);
    assert_eq!(client.said(), [""; 0]);
    client.change(&good.replace("Service", "Servce"));
    assert_eq!(client.said(), ["WT0301 1"]);
    // What is closed is read from the disk again.
    let document = json!({"textDocument": {"uri": client.uri()}});
    client.tell("textDocument/didClose", document);
    assert_eq!(client.said(), ["WT0310 3"]);
    client.end();
}

/// What a change does not touch is not read again, and keeps all that it came to: a name that may stand in what
/// nobody could read is not said to be missing, and a document with an error still has its others told.
#[test]
fn what_is_wrong_with_a_file_stays_known_while_another_changes() {
    let rule = "spec: {rules: [{action: allow, from: [any], to: [any], over: [{service: web}]}]}\n";
    let asks = format!(
        "{HEAD} Policy\nmetadata: {{name: p}}\n{rule}---\n{HEAD} Assertion\nmetadata: {{name: s}}\n\
         spec: {{never: {{from: [any], to: [{{segment: t}}], over: [{{tcp: 0}}]}}}}\n"
    );
    let segment = format!("{HEAD} Segment\nmetadata: {{name: t}}\nspec: {{mode: loud}}\n");
    let mut client = Client::new(&asks, None);
    let folder = client.file.clone();
    let beside = |name: &str, text: &str| fs::write(folder.with_file_name(name), text).unwrap();
    assert_eq!(client.said(), ["WT0306 3", "WT0306 8", "WT0310 8"]);
    // The file that changes is this one, or another one.
    beside("segment.yaml", &segment);
    for text in [&asks, &asks, &(asks.clone() + "# changed\n")] {
        client.open(text);
        assert_eq!(client.said(), ["WT0306 3", "WT0310 8"], "{text}");
    }
    beside("broken.yaml", "a: [\n");
    for text in [&asks, &asks, &(asks.clone() + "# changed\n")] {
        client.open(text);
        assert_eq!(client.said(), ["WT0310 8"], "{text}");
    }
    beside("broken.yaml", "");
    beside("segment.yaml", "");
    client.change(&asks);
    assert_eq!(client.said(), ["WT0306 3", "WT0306 8", "WT0310 8"]);
    client.end();
}

#[test]
fn a_place_says_whom_it_selects_and_what_it_decides() {
    let text = format!(
        "{HEAD} Policy\nmetadata: {{name: p}}\nspec:\n  rules:\n  - action: allow\n    \
         from: [{{matchLabels: {{app: bastion}}}}]\n    to: [{{matchLabels: {{app: orders, env: prod}}}}]\n    \
         over: [{{tcp: 22}}]\n"
    );
    let mut client = Client::new(&text, Some("examples/estates/shop"));
    let hover = |answer: Value| answer["contents"]["value"].as_str().unwrap().to_owned();
    let found = hover(client.at("textDocument/hover", &text, "app: orders"));
    assert!(found.contains(" workloads: `"), "{found}");
    let found = hover(client.at("textDocument/hover", &text, "action"));
    assert!(found.starts_with("This allow of `p` decides where no denial"), "{found}");
    assert!(found.contains("binds nobody"), "{found}");
    assert_eq!(client.at("textDocument/hover", &text, "kind"), Value::Null);
    let labels = |answer: Value| -> Vec<String> {
        let items = answer.as_array().unwrap().clone();
        items.iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
    };
    let found = labels(client.at("textDocument/completion", &text, "orders, env"));
    assert!(
        found.contains(&"orders".to_owned()) && !found.contains(&"app".to_owned()),
        "{found:?}"
    );
    let found = labels(client.at("textDocument/completion", &text, "app: bastion"));
    assert!(found.contains(&"app".to_owned()) && found.contains(&"env".to_owned()), "{found:?}");
    client.end();
}

/// Who writes one document is told about it whatever is wrong with the others, and labels that a labeling gives are
/// known once it is written.
#[test]
fn a_place_is_told_of_while_other_documents_are_wrong_and_labelings_change() {
    let policy = format!(
        "{HEAD} Policy\nmetadata: {{name: p}}\nspec:\n  rules:\n  - action: allow\n    \
         from: [{{matchLabels: {{app: bastion}}}}]\n    to: [{{matchLabels: {{tier: back}}}}]\n    \
         over: [{{tcp: 22}}]\n"
    );
    let wrong = format!(
        "---\n{HEAD} Policy\nmetadata: {{name: q}}\nspec: {{rules: [{{action: allow, from: [{{segment: gone}}], to: [any]}}]}}\n"
    );
    let labeling = format!(
        "---\n{HEAD} Labeling\nmetadata: {{name: tiers}}\nspec:\n  rules:\n  - when: {{tags: {{app: orders}}}}\n    \
         labels: {{tier: back}}\n"
    );
    let text = policy + &wrong;
    let mut client = Client::new(&text, Some("examples/estates/shop"));
    assert_eq!(client.said(), ["WT0306 13"]);
    let hover = |answer: Value| answer["contents"]["value"].as_str().unwrap().to_owned();
    let found = hover(client.at("textDocument/hover", &text, "tier: back"));
    assert!(found.starts_with("None of the estate's "), "{found}");
    let more = text.clone() + &labeling;
    client.open(&more);
    let found = hover(client.at("textDocument/hover", &more, "tier: back"));
    assert!(found.contains(" workloads: `orders"), "{found}");
    let found = client.at("textDocument/completion", &more, "back}}]");
    assert!(found.to_string().contains("\"back\""), "{found}");
    client.change(&text);
    let found = hover(client.at("textDocument/hover", &text, "tier: back"));
    assert!(found.starts_with("None of the estate's "), "{found}");
    // What a broken labeling would have said is not told as if nobody had said it.
    for broken in [more.replace("labels: {", "label: {"), text.clone() + "---\na: [\n"] {
        client.change(&broken);
        assert_eq!(client.at("textDocument/hover", &broken, "tier: back"), Value::Null);
    }
    client.end();
}

/// A segment of which a share is enforced says whom it holds, and labels are completed there as elsewhere.
#[test]
fn a_share_is_told_of_with_those_whom_it_holds() {
    let text = format!(
        "{HEAD} Segment\nmetadata: {{name: orders}}\nspec:\n  members: {{matchLabels: {{app: orders}}}}\n  \
         mode: enforce\n  share: {{select: {{matchLabels: {{app: orders, Name: orders-db}}}}}}\n"
    );
    let mut client = Client::new(&text, Some("examples/estates/shop"));
    let hover = |answer: Value| answer["contents"]["value"].as_str().unwrap().to_owned();
    let found = hover(client.at("textDocument/hover", &text, "mode"));
    assert!(
        found.contains("A share of it is enforced: Name=orders-db, app=orders; the rest"),
        "{found}"
    );
    assert!(found.contains("In the share: "), "{found}");
    let found = client.at("textDocument/completion", &text, "orders, Name");
    assert!(found.to_string().contains("\"orders\""), "{found}");
    let tenth =
        text.replace("{select: {matchLabels: {app: orders, Name: orders-db}}}", "{percent: 10}");
    client.change(&tenth);
    let found = hover(client.at("textDocument/hover", &tenth, "mode"));
    assert!(found.contains("A share of it is enforced: 10 percent; the rest"), "{found}");
    client.end();
}

/// Found by the benchmark, which waited for ever: the server had more to say than a pipe holds to an editor that had told
/// it to end.
#[test]
fn an_editor_that_reads_no_more_is_not_waited_for() {
    let nowhere = "nowhere-".repeat(25) + "0";
    let rule = format!("  - {{action: allow, from: [{{segment: {nowhere}}}], to: [any]}}\n");
    let text = format!("{HEAD} Policy\nmetadata: {{name: p}}\nspec:\n  mode: enforce\n  rules:\n");
    let text = text + &rule.repeat(2_000);
    let mut client = Client::new(&text, None);
    assert!(client.said().len() > 90);
    let more = serde_json::to_string(&client.diagnostics).unwrap().len();
    assert!(more > 1 << 16, "a pipe holds {more} bytes");
    client.change(&(text.clone() + "# changed\n"));
    // What is asked is answered before anything is said of the change, and nothing is read from here on.
    client.at("textDocument/hover", &text, "mode");
    client.send(&json!({"jsonrpc": "2.0", "id": "last", "method": "shutdown"}));
    client.tell("exit", Value::Null);
    assert!(client.server.wait().unwrap().success());
}

/// Nor is it where the answer itself finds no room.
#[test]
fn an_editor_that_has_read_nothing_for_long_is_not_waited_for() {
    let nowhere = "nowhere-".repeat(25) + "0";
    let rule = format!("  - {{action: allow, from: [{{segment: {nowhere}}}], to: [any]}}\n");
    let text = format!("{HEAD} Policy\nmetadata: {{name: p}}\nspec:\n  mode: enforce\n  rules:\n");
    let mut client = Client::new(&(text + &rule.repeat(2_000)), None);
    let mut waiting = 0;
    // What is being said is more than the pipe holds, as above: whoever says it waits, or is about to.
    while waiting == 0 {
        waiting = rustix::io::ioctl_fionread(client.output.get_ref()).unwrap();
        std::thread::yield_now();
    }
    client.send(&json!({"jsonrpc": "2.0", "id": "last", "method": "shutdown"}));
    client.tell("exit", Value::Null);
    assert!(client.server.wait().unwrap().success());
}

#[test]
fn a_document_is_formatted_and_what_is_unknown_refused() {
    let text =
        format!("{HEAD} Service\nmetadata: {{\"name\": s}}\nspec: {{over: [{{tcp: 80}}]}}\n");
    let mut client = Client::new(&text, None);
    let document = json!({"textDocument": {"uri": client.uri()}});
    let edits = client.ask("textDocument/formatting", document);
    let new = edits[0]["newText"].as_str().unwrap();
    assert!(new.ends_with("metadata: {name: s}\nspec:\n  over: [{tcp: 80}]\n"), "{new}");
    assert_eq!(client.ask("textDocument/rename", json!({})), Value::Null);
    client.end();
}
