//! Applied for as long as nobody says that it stays: confirmed in time, or taken back.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStderr, Stdio};

use sha2::{Digest as _, Sha256};
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Lost, Server};

use crate::support::{ACCOUNT, Lab, command, started};

/// A run of `apply` that waits.
struct Waiting {
    run: Child,
    said: BufReader<ChildStderr>,
}

impl Waiting {
    fn new(lab: &Lab, within: &str) -> Self {
        let plan = lab.path("change.plan");
        let arguments = ["apply", plan.to_str().unwrap(), "--confirm-within", within];
        let mut command = command(&arguments, &lab.server.url(), &Server::key_of(ACCOUNT));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut run = started(&mut command);
        let said = BufReader::new(run.stderr.take().unwrap());
        Self { run, said }
    }

    /// Reads what it says until it waits.
    fn waits(mut self) -> Self {
        let mut line = String::new();
        while !line.starts_with("waiting until 20") {
            line.clear();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "it has ended");
        }
        assert!(line.contains("watertight confirm"), "{line}");
        self
    }

    /// What it ends with, and what else it says.
    fn ends(mut self) -> (i32, String) {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.said, &mut said).unwrap();
        (self.run.wait().unwrap().code().unwrap(), said)
    }
}

/// The last line of the journal.
fn last_line(lab: &Lab) -> serde_json::Value {
    let journal = fs::read_to_string(lab.path("change.plan.journal")).unwrap();
    serde_json::from_str(journal.lines().last().unwrap()).unwrap()
}

#[test]
fn what_is_confirmed_in_time_stays() {
    let lab = Lab::plain();
    let before = lab.server.held();
    let (code, _, error) = lab.run("confirm", &[]);
    assert!(code == 3 && error.contains("was not applied"), "{code} {error}");
    let waiting = Waiting::new(&lab, "1h").waits();
    let after = lab.server.held();
    assert!(after != before && last_line(&lab)["line"] == "await", "{}", last_line(&lab));
    let (code, said, error) = lab.run("confirm", &[]);
    assert_eq!((code, said.as_str()), (0, "confirmed: what was applied stays\n"), "{error}");
    let (code, said) = waiting.ends();
    assert_eq!((code, said.as_str()), (0, "confirmed: it stays\n"));
    assert_eq!((lab.server.held(), &last_line(&lab)["line"]), (after, &"confirm".into()));
    // Once is enough, and taking it back is still a command away.
    assert_eq!(lab.run("confirm", &[]).0, 0);
    let (code, said) = Waiting::new(&lab, "1s").ends();
    assert!(code == 0 && said.contains("confirmed: it stays"), "{code} {said}");
    assert_eq!(lab.run("rollback", &[]).0, 0);
    assert_eq!(lab.server.held(), before);
    assert_eq!(lab.run("confirm", &[]).0, 3);
}

#[test]
fn what_nobody_confirms_is_taken_back() {
    let lab = Lab::plain();
    let before = lab.server.held();
    let (code, said) = Waiting::new(&lab, "0s").waits().ends();
    assert!(code == 2 && said.contains("nobody has confirmed it"), "{code} {said}");
    assert_eq!(lab.server.held(), before);
    let (code, _, error) = lab.run("confirm", &[]);
    assert!(code == 3 && error.contains("nothing to confirm"), "{code} {error}");
    // What is applied without being asked about stays, and cannot be confirmed.
    assert_eq!(lab.run("apply", &[]).0, 0);
    let (code, _, error) = lab.run("confirm", &[]);
    assert!(code == 3 && error.contains("asks for no confirmation"), "{code} {error}");
}

/// The instant is in the journal: who waits may be killed, and given again it waits until the same instant.
#[test]
fn who_is_killed_while_it_waits_goes_on_with_the_same_instant() {
    let lab = Lab::plain();
    let before = lab.server.held();
    let mut waiting = Waiting::new(&lab, "1h").waits();
    waiting.run.kill().unwrap();
    waiting.run.wait().unwrap();
    let until = last_line(&lab)["until"].clone();
    // Whoever does not ask for a trial is told of this one.
    let (code, _, error) = lab.run("apply", &[]);
    let on_trial = format!("it is on trial until {}", until.as_str().unwrap());
    assert!(code == 0 && error.contains(&on_trial), "{code} {error}");
    let mut again = Waiting::new(&lab, "2h").waits();
    again.run.kill().unwrap();
    again.run.wait().unwrap();
    assert_eq!(last_line(&lab)["until"], until);
    // The instant is over.
    let journal = fs::read_to_string(lab.path("change.plan.journal")).unwrap();
    let over = journal.replace(until.as_str().unwrap(), "2026-01-01T00:00:00Z");
    assert!(over != journal);
    fs::write(lab.path("change.plan.journal"), over).unwrap();
    let (code, _, error) = lab.run("confirm", &[]);
    assert!(code == 3 && error.contains("could be confirmed until 2026-01-01"), "{code} {error}");
    // Given again it is taken back; stopped in the middle of that, the same command goes on with that.
    lab.server.stop_after(Some((8, Lost::Answer)));
    let (code, said) = Waiting::new(&lab, "1h").ends();
    assert!(code == 1 && said.contains("change.plan` goes on"), "{code} {said}");
    assert!(said.contains("nobody has confirmed it") && said.contains(": once more"), "{said}");
    assert!(lab.server.held() != before, "{said}");
    let (code, _, error) = lab.run("confirm", &[]);
    assert!(code == 3 && error.contains("was not confirmed in time"), "{code} {error}");
    lab.server.stop_after(None);
    let (code, said) = Waiting::new(&lab, "1h").ends();
    assert!(code == 2 && said.contains("nobody has confirmed it"), "{code} {said}");
    assert_eq!(lab.server.held(), before);
    // From here on it is a plan that was never applied.
    let (code, _, error) = lab.run("confirm", &[]);
    assert!(code == 3 && error.contains("nothing to confirm"), "{code} {error}");
}

/// Neither is it asked whether the plan is still valid when it is to be taken back.
#[test]
fn a_plan_that_is_not_valid_any_more_is_taken_back_all_the_same() {
    let lab = Lab::plain();
    let before = lab.server.held();
    let mut plan = lab.plan();
    plan["valid_until"] = "2026-01-01T00:00:00Z".into();
    fs::write(lab.path("change.plan"), plan.to_string()).unwrap();
    let (code, _, error) = lab.run("apply", &["--confirm-within", "1h"]);
    assert!(code == 2 && error.contains("was valid until"), "{code} {error}");
    let bytes = fs::read(lab.path("change.plan")).unwrap();
    let hash: Vec<String> =
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    lab.take_as(Way::Apply, 2, &hash.concat()).unwrap();
    assert!(lab.server.held() != before);
    let awaits = r#"{"line":"await","until":"2026-01-01T00:00:00Z","at":"2026-01-01T00:00:00Z"}"#;
    let journal = fs::OpenOptions::new().append(true).open(lab.path("change.plan.journal"));
    writeln!(journal.unwrap(), "{awaits}").unwrap();
    let (code, said) = Waiting::new(&lab, "1h").ends();
    assert!(code == 2 && said.contains("nobody has confirmed it"), "{code} {said}");
    assert_eq!(lab.server.held(), before);
}

/// A plan without steps is applied as soon as it is there.
#[test]
fn a_plan_without_steps_is_not_on_trial() {
    let lab = Lab::plain();
    let mut plan = lab.plan();
    plan["steps"] = serde_json::json!([]);
    fs::write(lab.path("change.plan"), plan.to_string()).unwrap();
    let (code, said, error) = lab.run("apply", &["--confirm-within", "1h"]);
    assert!(code == 0 && said.starts_with("0 of 0 steps applied"), "{code} {said} {error}");
    let (code, said, error) = lab.run("confirm", &[]);
    assert!(code == 0 && said.contains("nothing to confirm"), "{code} {said} {error}");
}

#[test]
fn whoever_waits_sees_that_somebody_else_takes_it_back() {
    let lab = Lab::plain();
    let before = lab.server.held();
    let waiting = Waiting::new(&lab, "1h").waits();
    assert_eq!(lab.run("rollback", &[]).0, 0);
    let (code, said) = waiting.ends();
    assert!(code == 2 && said.contains("it was taken back by somebody else"), "{code} {said}");
    assert_eq!(lab.server.held(), before);
}

/// Who reads what it says may be gone with the change, and somebody else may have the journal for a moment.
#[test]
fn whoever_waits_needs_nobody_who_reads_and_no_luck() {
    let lab = Lab::plain();
    let before = lab.server.held();
    let mut waiting = Waiting::new(&lab, "1s");
    drop(waiting.run.stdout.take());
    let waiting = waiting.waits();
    let journal =
        fs::OpenOptions::new().append(true).open(lab.path("change.plan.journal")).unwrap();
    journal.lock().unwrap();
    let confirm = lab.path("change.plan");
    let confirm = ["confirm", confirm.to_str().unwrap()];
    let mut confirm = command(&confirm, &lab.server.url(), &Server::key_of(ACCOUNT));
    let mut confirm = started(confirm.stdout(Stdio::null()).stderr(Stdio::null()));
    // The instant passes, and taking it back finds the journal in use.
    let mut waiting = waiting;
    let mut line = String::new();
    while !line.contains("is in use") {
        line.clear();
        assert!(waiting.said.read_line(&mut line).unwrap() > 0, "it has ended");
    }
    journal.unlock().unwrap();
    assert_eq!(confirm.wait().unwrap().code(), Some(3));
    let (code, said) = waiting.ends();
    assert_eq!(code, 2, "{said}");
    assert_eq!(lab.server.held(), before);
}

#[test]
fn a_duration_that_is_none_is_refused_before_anything_is_written() {
    let lab = Lab::plain();
    let before = lab.server.held();
    for odd in ["soon", "10", "1y", ""] {
        let (code, _, error) = lab.run("apply", &["--confirm-within", odd]);
        assert!(code == 3 && error.contains("no duration"), "{odd}: {code} {error}");
    }
    assert_eq!(lab.server.held(), before);
}
