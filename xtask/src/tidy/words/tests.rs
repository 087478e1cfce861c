use super::{BANNED, MACHINE_PATHS, check};
use crate::tidy::sample;

fn messages(text: &str) -> Vec<String> {
    check(&sample::files(&[("a.rs", text)])).iter().map(ToString::to_string).collect()
}

#[test]
fn every_banned_word_is_refused_with_its_line() {
    for (word, advice) in BANNED {
        let text = format!("fn f() {{\n    // {word}(x)\n}}\n");
        assert_eq!(messages(&text), [format!("a.rs:2: error: `{word}`: {advice}")]);
    }
}

#[test]
fn longer_words_are_free() {
    let (_, todo) = (BANNED[0].0, BANNED[3].0);
    assert_eq!(messages(&format!("{todo}S MAS{todo} {todo}_X\n")), [""; 0]);
}

#[test]
fn paths_of_one_machine_are_refused() {
    for start in MACHINE_PATHS {
        assert_eq!(messages(&format!("read(\"{start}x\")\n")).len(), 1, "{start}");
        assert_eq!(messages(&format!("{start}x\n")).len(), 1, "{start}");
        assert_eq!(messages(&format!("https://example.org{start}x\n")), [""; 0], "{start}");
        assert_eq!(messages(&format!("../some{start}x\n")), [""; 0], "{start}");
    }
}

#[test]
fn stray_blanks_are_refused() {
    assert_eq!(messages("a \nb\t\nc\n").len(), 2);
    assert_eq!(messages("a"), ["a.rs:1: error: no newline at the end"]);
    assert_eq!(messages("a\n"), [""; 0]);
}
