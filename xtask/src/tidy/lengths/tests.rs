use super::check;
use crate::tidy::{Finding, sample};

fn findings(text: &str) -> Vec<String> {
    check(&sample::files(&[("a.rs", text)])).iter().map(Finding::to_string).collect()
}

/// A function of `lines` lines.
fn function(lines: usize) -> String {
    format!("fn long() {{\n{}}}", "    step();\n".repeat(lines - 2))
}

#[test]
fn a_file_above_the_limit_is_refused_and_a_long_one_is_warned_of() {
    assert_eq!(
        findings(&"// x\n".repeat(601)),
        ["a.rs:601: error: 601 lines; a file has at most 600: split it"]
    );
    assert_eq!(
        findings(&"// x\n".repeat(600)),
        ["a.rs:600: warning: 600 lines; think of splitting above 500"]
    );
    assert_eq!(findings(&"// x\n".repeat(500)), [""; 0]);
}

#[test]
fn a_function_above_the_limit_is_refused_where_it_begins() {
    assert_eq!(
        findings(&format!("/// Says.\n#[inline]\n{}", function(81))),
        ["a.rs:3: error: `long` has 81 lines; a function has at most 80"]
    );
    assert_eq!(findings(&function(80)), [""; 0]);
}

#[test]
fn methods_defaults_and_inner_functions_count() {
    assert_eq!(findings(&format!("impl A {{\n{}\n}}", function(81))).len(), 1);
    assert_eq!(findings(&format!("trait A {{\n{}\n}}", function(81))).len(), 1);
    assert_eq!(findings(&format!("mod m {{\n{}\n}}", function(81))).len(), 1);
}
