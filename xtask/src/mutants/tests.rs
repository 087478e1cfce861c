use std::collections::BTreeSet;
use std::path::Path;

use super::table::MUTANTS;
use super::{Edit, difference};

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root")
}

#[test]
fn every_text_of_a_mutant_occurs_once_in_the_code() {
    for mutant in MUTANTS {
        for edit in mutant.edits {
            let text = std::fs::read_to_string(checkout().join(edit.file)).expect(edit.file);
            let mutated =
                edit.apply(&text).unwrap_or_else(|why| panic!("{}: {why}", mutant.family));
            assert_ne!(mutated, text, "{}: the edit changes nothing", mutant.family);
        }
    }
}

#[test]
fn there_are_twenty_families_or_more_and_each_has_one_mutant() {
    let families: BTreeSet<&str> = MUTANTS.iter().map(|mutant| mutant.family).collect();
    assert_eq!(families.len(), MUTANTS.len());
    assert!(families.len() >= 20, "{}", families.len());
}

#[test]
fn a_text_that_occurs_twice_or_never_is_refused() {
    let edit = Edit { file: "a.rs", before: "x", after: "y" };
    assert_eq!(edit.apply("a x b").as_deref(), Ok("a y b"));
    assert!(edit.apply("x x").is_err_and(|why| why.contains("2 times in `a.rs`")));
    assert!(edit.apply("a b").is_err_and(|why| why.contains("0 times")));
}

#[test]
fn a_difference_is_found_and_other_failures_are_none() {
    let text = "thread panicked at crates/a/tests/twin/main.rs:1:1:\n3 differences:\nseed 7: Packet { .. }\n";
    assert_eq!(difference(text).as_deref(), Some("3 differences, such as in seed 7"));
    assert_eq!(difference("generated estates are varied enough: Err"), None);
    let panicked = "thread 'x' panicked at crates/reach/src/walk.rs:1:1:\noverflow\n";
    assert!(difference(panicked).is_some_and(|how| how.contains("walk.rs")));
}
