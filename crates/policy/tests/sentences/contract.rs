//! The list of sentences.

use std::fs;
use std::path::Path;

const LIST: &str = include_str!("contract.txt");

/// A sentence, with the file and the name of its test; none where it is about a data plane.
fn entries() -> impl Iterator<Item = (&'static str, Option<(&'static str, &'static str)>)> {
    let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let (sentence, test) = line.rsplit_once(" | ").expect("a sentence and its test");
        (sentence, test.split_once(" :: "))
    })
}

#[test]
fn every_sentence_has_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut without = 0;
    for (sentence, test) in entries() {
        let Some((file, name)) = test else {
            without += 1;
            continue;
        };
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        let is_there = text.split("#[test]").skip(1).any(|rest| {
            let head = rest.split('{').next().unwrap_or_default();
            head.contains(&format!("fn {name}("))
        });
        assert!(is_there, "`{sentence}`: {file} has no test `{name}`");
    }
    println!("{} sentences, {without} of them about a data plane", entries().count());
    assert_eq!(without, 4, "sentences that only a data plane shows");
}

/// "`testkit` holds a reference interpreter of this page: ..., sharing only the syntax tree with the engines":
/// what it takes of the policy's crate are documents and the values that stand in them.
#[test]
fn the_interpreter_shares_the_syntax_tree_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/src");
    let (mut folders, mut files) = (vec![root.join("policy")], vec![root.join("policy.rs")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut seen = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("a file");
        for rest in text.split("watertight_policy::").skip(1) {
            let shared = ["syntax::", "Domain;", "Timestamp;"];
            let is_shared = shared.iter().any(|one| rest.starts_with(one));
            assert!(is_shared, "{}: {}", file.display(), rest.lines().next().unwrap_or_default());
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

/// A sentence stands once.
#[test]
fn no_sentence_stands_twice() {
    let mut all: Vec<&str> = entries().map(|(sentence, _)| sentence).collect();
    all.sort_unstable();
    let before = all.len();
    all.dedup();
    assert_eq!(all.len(), before);
    assert!(before > 80, "{before}");
}
