//! How soon the language server answers, asked as an editor does.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use serde_json::{Value, json};

use super::collect::build;
use super::figures::seconds;
use super::policy::{RULES_EACH, part};
use super::simulate::machines;
use super::{clock, estate, since, sizes};
use crate::workspace::Error;

/// Rules of the policies, and interfaces of the estate that the server knows.
const SIZES: [(usize, Option<u32>); 4] =
    [(1_000, None), (10_000, None), (10_000, Some(10_000)), (10_000, Some(100_000))];
/// Rules of one file.
const RULES_IN_FILE: usize = 200;
/// How often each is asked; odd, so that there is one in the middle.
const ASKED: usize = 21;

/// So that lint has something to say of the file.
const EXPIRED: &str = "---
apiVersion: watertight.io/v1alpha1
kind: Policy
metadata: {name: old}
spec:
  mode: enforce
  expires: 2020-01-31T00:00:00Z
  rules:
  - {action: allow, from: [{segment: s0}], to: [{segment: s0}], over: [{tcp: 1}]}
";

/// Measures and prints medians.
pub(super) fn run(root: &Path) -> Result<ExitCode, Error> {
    let Some(program) = build(root)? else { return Ok(ExitCode::FAILURE) };
    println!(
        "\n{:>9} {:>9} {:>9} {:>9} {:>13} {:>13} {:>11}",
        "rules", "endpoints", "hover", "complete", "change, hover", "slowest of it", "diagnostics"
    );
    for (rules, endpoints) in SIZES {
        let folder = sizes::temporary()?;
        let failed = |source| Error::File { path: folder.path().to_path_buf(), source };
        let of_file = RULES_IN_FILE / RULES_EACH;
        let policies = rules.div_ceil(RULES_EACH);
        for first in (0..policies).step_by(of_file) {
            let text = part(rules, first..policies.min(first + of_file));
            fs::write(folder.path().join(format!("p{first}.yaml")), text).map_err(failed)?;
        }
        let text = part(rules, 0..of_file) + EXPIRED;
        let bodies = sizes::temporary()?;
        let bodies = endpoints.map(|size| (size, bodies.path().join("estate")));
        if let Some((size, bodies)) = &bodies {
            estate::write(bodies, &estate::scale(*size, None))?;
            machines(bodies)?;
        }
        let bodies = bodies.as_ref().map(|(_, bodies)| bodies.as_path());
        let talking = |source| Error::Start { program: program.display().to_string(), source };
        let figures = asked(&program, (folder.path(), bodies), &text).map_err(talking)?;
        let [hover, complete, changed, slowest, said] = figures.map(seconds);
        let endpoints = endpoints.map_or_else(|| String::from("none"), |size| size.to_string());
        println!(
            "{rules:>9} {endpoints:>9} {hover:>9} {complete:>9} {changed:>13} {slowest:>13} {said:>11}"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// A hover, a completion, a change with a hover behind it, the slowest of these, and a change with what
/// is said of it, in seconds.
fn asked(program: &Path, paths: (&Path, Option<&Path>), text: &str) -> std::io::Result<[f64; 5]> {
    let mut editor = Editor::new(program, paths, text)?;
    let (mut hovers, mut completions, mut changed, mut said) = (vec![], vec![], vec![], vec![]);
    for number in 0..ASKED {
        let start = clock();
        editor.ask("textDocument/hover")?;
        hovers.push(since(start));
        let start = clock();
        editor.ask("textDocument/completion")?;
        completions.push(since(start));
        let start = clock();
        editor.change(&format!("{text}# {number}\n"))?;
        editor.ask("textDocument/hover")?;
        changed.push(since(start));
        editor.said()?;
        said.push(since(start));
    }
    let slowest = changed.iter().copied().fold(0.0, f64::max);
    let [hover, completion, change, told] = [hovers, completions, changed, said].map(|mut all| {
        all.sort_by(f64::total_cmp);
        all.get(ASKED / 2).copied().unwrap_or_default()
    });
    editor.end()?;
    Ok([hover, completion, change, slowest, told])
}

struct Editor {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    uri: String,
    next: u64,
    /// How often something was said of the file that nobody has looked at.
    told: usize,
}

impl Editor {
    fn new(
        program: &Path,
        (folder, bodies): (&Path, Option<&Path>),
        text: &str,
    ) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        command.args(["policy", "lsp"]).arg(folder);
        if let Some(bodies) = bodies {
            command.arg("--estate").arg(bodies);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn()?;
        let gone = || std::io::Error::other("the server has no pipes");
        let input = server.stdin.take().ok_or_else(gone)?;
        let output = BufReader::new(server.stdout.take().ok_or_else(gone)?);
        let file: PathBuf = folder.canonicalize()?.join("p0.yaml");
        let uri = format!("file://{}", file.display());
        let mut editor = Self { server, input, output, uri, next: 0, told: 0 };
        editor.request("initialize", &json!({"capabilities": {}}))?;
        editor.tell("initialized", &json!({}))?;
        let document = json!({"uri": editor.uri, "languageId": "yaml", "version": 1, "text": text});
        editor.tell("textDocument/didOpen", &json!({"textDocument": document}))?;
        editor.ask("textDocument/hover")?;
        editor.said()?;
        Ok(editor)
    }

    fn send(&mut self, message: &Value) -> std::io::Result<()> {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len())?;
        self.input.flush()
    }

    fn tell(&mut self, method: &str, params: &Value) -> std::io::Result<()> {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
    }

    fn change(&mut self, text: &str) -> std::io::Result<()> {
        self.told = 0;
        let changed = json!({
            "textDocument": {"uri": self.uri, "version": 2}, "contentChanges": [{"text": text}],
        });
        self.tell("textDocument/didChange", &changed)
    }

    /// Asks about the first label of the first selector.
    fn ask(&mut self, method: &str) -> std::io::Result<()> {
        let position = json!({"line": 3, "character": 32});
        let asked = json!({"textDocument": {"uri": self.uri}, "position": position});
        self.request(method, &asked)
    }

    fn request(&mut self, method: &str, params: &Value) -> std::io::Result<()> {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        while self.receive()?["id"] != id {}
        Ok(())
    }

    /// Waits until something is said of the file.
    fn said(&mut self) -> std::io::Result<()> {
        while self.told == 0 {
            self.receive()?;
        }
        Ok(())
    }

    fn receive(&mut self) -> std::io::Result<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err(std::io::Error::other("the server has gone"));
            }
            match line.trim().strip_prefix("Content-Length: ") {
                Some(text) => length = text.parse().map_err(std::io::Error::other)?,
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut bytes = vec![0; length];
        self.output.read_exact(&mut bytes)?;
        let message: Value = serde_json::from_slice(&bytes)?;
        if message["method"] == "textDocument/publishDiagnostics"
            && message["params"]["uri"] == self.uri.as_str()
        {
            self.told += 1;
        }
        Ok(message)
    }

    fn end(mut self) -> std::io::Result<()> {
        self.request("shutdown", &Value::Null)?;
        self.tell("exit", &Value::Null)?;
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest)?;
        self.server.wait()?;
        Ok(())
    }
}
