//! `watertight suggest`: the draft is a policy, closes what the cut closes, and keeps what it says.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const SHOP: &str = "examples/estates/shop";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn watertight(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap()
}

/// A draft in a folder of its own, and what the command says of it.
fn draft(estate: &str) -> (tempfile::TempDir, String) {
    draft_with(estate, &[])
}

fn draft_with(estate: &str, more: &[&str]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("suggested.yaml");
    let arguments = ["suggest", "--estate", estate, "-o", file.to_str().unwrap()];
    let output = watertight(&[&arguments[..], more].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    (folder, said)
}

fn simulation(policy: &Path, estate: &str) -> Value {
    let policy = policy.to_str().unwrap();
    let at = ["--under", "pending", "--at", "2026-12-01T00:00:00Z", "-f", "json"];
    let output = watertight(&[&["simulate", policy, "--estate", estate][..], &at].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_draft_of_the_shop_has_no_error_and_is_in_its_form() {
    let (folder, said) = draft(SHOP);
    assert!(said.contains(" segments around "), "{said}");
    let path = folder.path().to_str().unwrap();
    let check = watertight(&["policy", "check", path, "--estate", SHOP]);
    assert_eq!(check.status.code(), Some(0), "{}", String::from_utf8_lossy(&check.stderr));
    let form = watertight(&["policy", "fmt", "--check", path]);
    assert_eq!(form.status.code(), Some(0), "{}", String::from_utf8_lossy(&form.stdout));
    let text = fs::read_to_string(folder.path().join("suggested.yaml")).unwrap();
    assert!(!text.contains("mode: enforce"), "a draft enforces nothing");
    for document in text.split("\n---\n") {
        let is_jewel = document.contains("criticality: crown-jewel");
        assert!(is_jewel || !document.contains("A crown jewel."), "no jewel: {document}");
        assert!(
            document.contains("description:"),
            "says nothing of where it comes from: {document}"
        );
    }
    assert_eq!(draft(SHOP).1, said, "the same estate gives the same draft");
}

#[test]
fn the_draft_of_the_shop_cuts_chains_and_its_assertions_hold_then() {
    let (folder, _) = draft(SHOP);
    let found = simulation(folder.path(), SHOP);
    let score = |when: &str| found[when]["score"].as_f64().unwrap();
    assert!(score("after") > score("before"), "{} to {}", score("before"), score("after"));
    let closed = found["closed"].as_array().unwrap();
    assert!(!closed.is_empty());
    for assertion in found["assertions"].as_array().unwrap() {
        assert_eq!(assertion["after"]["held"], "holds", "{assertion:#}");
    }
}

/// Who does not tag by `app` names the label that says what a workload is a part of.
#[test]
fn segments_are_drawn_by_the_label_that_is_named() {
    let (folder, said) = draft_with(SHOP, &["--by", "owner"]);
    let text = fs::read_to_string(folder.path().join("suggested.yaml")).unwrap();
    assert!(text.contains("owner: ") && !text.contains("app: "), "{said}\n{text}");
    let path = folder.path().to_str().unwrap();
    let check = watertight(&["policy", "check", path, "--estate", SHOP]);
    assert_eq!(check.status.code(), Some(0), "{}", String::from_utf8_lossy(&check.stderr));
    let (_, said) = draft_with(SHOP, &["--by", "squad"]);
    assert!(said.contains("it has no label `squad` by which a segment could hold it"), "{said}");
    assert!(said.contains("0 segments around"), "{said}");
}

/// A draft that is empty for want of a crown jewel says so, and takes the names that `assess` takes.
#[test]
fn jewels_are_named_as_for_assess() {
    let estate = "testdata/estates/tiers";
    let (_, said) = draft_with(estate, &[]);
    assert!(said.contains("no crown jewel is known"), "{said}");
    let (_, said) = draft_with(estate, &["--jewel-kind", "machine"]);
    assert!(!said.contains("no crown jewel is known"), "{said}");
    let wrong = watertight(&["suggest", "--estate", estate, "--jewel", "nobody"]);
    assert_eq!(wrong.status.code(), Some(3), "{}", String::from_utf8_lossy(&wrong.stderr));
}
