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
    assert_eq!(without, 3, "sentences that only a data plane shows");
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
