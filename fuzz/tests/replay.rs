//! Every file of every corpus goes through its target.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use watertight_fuzz::{Target, targets};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn inputs(target: &str) -> Vec<PathBuf> {
    let mut inputs: Vec<_> =
        fs::read_dir(corpus().join(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    inputs
}

#[test]
fn every_input_keeps_the_properties_of_its_target() {
    for (name, target) in targets() {
        let inputs = inputs(name);
        assert!(!inputs.is_empty(), "the corpus of `{name}` is empty");
        for input in inputs {
            // Captured with the output of the test, so that a failure says which input it was.
            println!("{}", input.display());
            target(&fs::read(&input).unwrap());
        }
    }
}

#[test]
fn every_corpus_has_a_target() {
    let folders: BTreeSet<_> = fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, targets().iter().map(|(name, _)| String::from(*name)).collect());
}

/// A line of the corpus of bodies names the file in which an answer stands, by its call.
#[test]
fn the_bodies_hold_an_answer_of_every_call_that_is_read() {
    let texts: Vec<String> = inputs("bodies")
        .into_iter()
        .filter_map(|input| String::from_utf8(fs::read(input).unwrap()).ok())
        .collect();
    let paths: Vec<&str> = texts
        .iter()
        .flat_map(|text| text.lines().filter_map(|line| line.strip_prefix("== ")))
        .collect();
    for call in watertight_aws::calls() {
        let is_answered = |path: &&str| {
            path.split(['/', '.']).any(|part| {
                part.strip_suffix(call).is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
            })
        };
        assert!(paths.iter().any(is_answered), "no body answers `{call}`");
    }
}

/// Runs the target on inputs of its corpus that were cut, spliced and changed.
fn mutate(target: Target, inputs: &[Vec<u8>], changes: &[(prop::sample::Index, u8, u8)]) {
    for input in inputs {
        let mut bytes = input.clone();
        for (place, kind, byte) in changes {
            let index = place.index(bytes.len() + 1);
            match (kind % 4, bytes.get_mut(index)) {
                (0, Some(old)) => *old = *byte,
                (1, Some(_)) => drop(bytes.remove(index)),
                (2, Some(_)) if *byte < 8 => bytes.truncate(index),
                (3, _) if *byte < 8 => bytes.extend(input.iter().skip(index).take(50)),
                _ => bytes.insert(index, b"{}[]:,\"\\'&*!|>-#\n 01"[usize::from(byte % 20)]),
            }
        }
        target(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn changed_inputs_keep_the_properties(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..6)
    ) {
        for (name, target) in targets() {
            let inputs: Vec<_> = inputs(name)
                .into_iter()
                .map(|input| fs::read(input).unwrap())
                .filter(|input| input.len() < 3_000)
                .collect();
            mutate(target, &inputs, &changes);
        }
    }
}
