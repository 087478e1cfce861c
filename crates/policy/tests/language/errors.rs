//! Everything that is wrong is an error at its place, all in one pass. The files of `tests/bad` hold
//! mistakes; beside each is what is said about it. `UPDATE=1 cargo test -p watertight-policy`
//! writes these anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{checked, diagnostics, document};
use watertight_policy::CODES;

/// From here on, codes are of warnings and notes.
const FIRST_WARNING: &str = "WT0330";

fn bad_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    files
}

fn said_of(file: &Path) -> String {
    let name = file.file_name().unwrap().to_str().unwrap();
    let (policy, said) = checked(&[(name, &fs::read_to_string(file).unwrap())]);
    assert!(policy.is_none(), "{name} has no errors: {said}");
    said
}

#[test]
fn mistakes_are_named_with_their_places() {
    for file in bad_files() {
        let said = said_of(&file);
        let golden = file.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&golden, &said).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert!(said == expected, "{} differs:\n{said}", golden.display());
    }
}

/// Every error says where, and what to do.
#[test]
fn every_error_has_a_place_and_a_help() {
    for file in bad_files() {
        let said = said_of(&file);
        let errors = said.lines().filter(|line| line.contains(": error[WT03")).count();
        let name = file.file_name().unwrap().to_str().unwrap();
        let placed = said.lines().filter(|line| line.starts_with(&format!("{name}:"))).count();
        assert!(errors > 0 && placed >= errors, "{said}");
        let helps = said.lines().filter(|line| line.starts_with("  help: ")).count();
        let by_themselves =
            said.lines().filter(|line| line.contains("WT0309") || line.contains("WT001")).count();
        assert!(helps + by_themselves >= errors, "{said}");
    }
}

#[test]
fn every_code_of_an_error_has_a_file_that_shows_it() {
    let all: String = bad_files().iter().map(|file| said_of(file)).collect();
    let shown: BTreeSet<&str> =
        all.split("error[").skip(1).filter_map(|rest| rest.get(..6)).collect();
    // The limit takes a file that a test makes, see below; warnings have tests of their own.
    let errors = CODES.iter().filter(|line| line.code.as_str() < FIRST_WARNING);
    for line in errors.filter(|line| line.code.as_str() != "WT0320") {
        assert!(shown.contains(line.code.as_str()), "{} is never shown", line.code);
    }
}

#[test]
fn the_codes_ascend_and_each_is_explained() {
    let codes: Vec<&str> = CODES.iter().map(|line| line.code.as_str()).collect();
    assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    for line in CODES {
        assert_eq!(watertight_policy::explain(line.code), Some(line.meaning));
    }
}

/// A reference to a document that has errors of its own is no second error.
#[test]
fn one_mistake_is_reported_once() {
    let text = document("Group", "web", "{members: [{matchLabel: {app: web}}]}")
        + &document("Policy", "p", "{rules: [{action: allow, from: [{group: web}], to: [any]}]}");
    let said = diagnostics(&text);
    assert_eq!(said.matches("error[").count(), 1, "{said}");
    assert!(said.contains("did you mean `matchLabels`?"), "{said}");
}

#[test]
fn errors_of_every_file_are_reported() {
    let broken = "a: [";
    let unknown = document("Segmnet", "s", "{}");
    let (policy, said) = checked(&[("a.yaml", broken), ("b.yaml", &unknown)]);
    assert!(policy.is_none());
    assert!(said.contains("a.yaml:1:") && said.contains("b.yaml:3:7: error[WT0301]"), "{said}");
    assert!(said.contains("did you mean `Segment`?"), "{said}");
}

/// "all errors at once": what cannot be taken apart hides nothing behind it in its file.
#[test]
fn a_document_that_is_no_yaml_does_not_hide_the_next() {
    let group = document("Group", "web", "{members: [{matchLabels: {app: web}}]}");
    let uses =
        document("Policy", "p", "{rules: [{action: allow, from: [{group: web}], to: [any]}]}");
    let broken = group.replace("spec:", "spec:\n\t");
    let unclosed = document("Group", "api", "{members: [{matchLabels: {app: \"api}}]}");
    let wrong = document("Segmnet", "s", "{}");
    let said = diagnostics(&[broken.as_str(), &uses, &unclosed, &wrong].concat());
    assert!(said.contains("did you mean `Segment`?"), "{said}");
    assert_eq!(said.matches("error[").count(), 3, "{said}");
    // What the policy refers to may be in what could not be read.
    assert!(!said.contains("Group/web"), "{said}");
}

#[test]
fn an_anchor_bomb_and_a_tab_are_errors_of_the_reader() {
    let doubled = "abcdefgh".chars().zip("bcdefghi".chars()).map(|(one, next)| {
        let aliases = vec![format!("*{one}"); 10].join(", ");
        format!("{next}: &{next} [{aliases}]\n")
    });
    let start = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    let bomb: String = std::iter::once(start).chain(doubled).collect();
    let said = diagnostics(&bomb);
    assert!(said.contains("error[WT0008]"), "{said}");
    let tab = diagnostics("apiVersion: watertight.io/v1alpha1\nmetadata:\n\tname: x\n");
    assert!(tab.starts_with("policy.yaml:") && tab.contains("error[WT0001]"), "{tab}");
}

#[test]
fn a_chain_of_groups_may_be_long_and_may_not_be_a_circle() {
    let group = |index: usize, next: usize| {
        document("Group", &format!("g{index}"), &format!("{{members: [{{group: g{next}}}]}}"))
    };
    let mut chain: String = (0..5_000).map(|index| group(index, index + 1)).collect();
    let end = document("Group", "g5000", "{members: [{matchLabels: {a: b}}]}");
    let (policy, said) = checked(&[("p.yaml", &(chain.clone() + &end))]);
    let policy = policy.unwrap_or_else(|| panic!("{said}"));
    // A group of one member is that member.
    assert_eq!(policy.selectors.len(), 2, "{:?}", policy.selectors);
    chain.push_str(&group(5_000, 0));
    let said = diagnostics(&chain);
    assert_eq!(said.matches("error[WT0307]").count(), 1, "{said}");
}

/// Services that double at each step are stopped by a limit.
#[test]
fn services_that_double_are_stopped() {
    let mut text = document("Service", "s0", "{over: [{tcp: 1}, {udp: 1}]}");
    for index in 1..20 {
        let held = index - 1;
        let spec = format!("{{over: [{{service: s{held}}}, {{service: s{held}}}]}}");
        text.push_str(&document("Service", &format!("s{index}"), &spec));
    }
    let said = diagnostics(&text);
    assert!(said.contains("error[WT0320]"), "{said}");
}

/// "all errors at once": what names lead nowhere is found also in documents that have errors of their own.
#[test]
fn a_mistake_does_not_hide_another_one_in_the_same_document() {
    let rules = "[{action: allow, from: [{segment: wbe}], to: [{addresses: [partners]}, {domains: [cards]}], \
                 over: [{service: pages}, {tcp: 0}]}, {action: pass, from: [any], to: [{users: [staff]}]}]";
    let text = document("Policy", "p", &format!("{{ordr: 1, rules: {rules}}}"))
        + &document("Segment", "web", "{members: {matchLabels: {app: web}}}");
    let said = diagnostics(&text);
    for wanted in [
        "`ordr`",
        "Segment/wbe",
        "Addresses/partners",
        "Domains/cards",
        "Service/pages",
        "Users/staff",
    ] {
        assert!(said.contains(wanted), "{wanted} in\n{said}");
    }
    assert!(said.contains("`0` is no port") && said.contains("error[WT0316]"), "{said}");
    assert_eq!(said.matches("error[").count(), 8, "{said}");
}

/// What is asked for where a list is missing is something that may stand there.
#[test]
fn the_help_for_a_missing_list_is_no_second_mistake() {
    let of = |kind: &str, spec: &str| diagnostics(&document(kind, "d", spec));
    for (kind, key) in [("Group", "members"), ("Domains", "names"), ("Policy", "rules")] {
        let said = of(kind, "{}");
        assert!(said.contains(&format!("write a list of at least one: `{key}: [...]`")), "{said}");
    }
    assert!(of("Policy", "{rules: [{action: allow, to: [any]}]}").contains("`from: [any]`"));
}

/// What a file or a document holds that could not be read is not missing.
#[test]
fn what_cannot_be_read_is_not_called_missing_as_well() {
    let uses =
        document("Policy", "p", "{rules: [{action: allow, from: [{group: web}], to: [any]}]}");
    let group = document("Group", "web", "{members: [{matchLabels: {app: web}}]}");
    for broken in [
        group.replace("spec:", "spec:\n\t"),
        group.replace("Group", "Gruop"),
        group.replace("v1alpha1", "v1"),
    ] {
        let (policy, said) = checked(&[("a.yaml", &broken), ("b.yaml", &uses)]);
        assert!(policy.is_none());
        assert_eq!(said.matches("error[").count(), 1, "{said}");
    }
    assert!(diagnostics(&uses).contains("error[WT0306]"));
}

#[test]
fn a_wrong_name_does_not_hide_what_is_wrong_with_the_rest() {
    let said = diagnostics(&document("Service", "Web_Pages", "{over: [{tcp: 0}, {tcp: }]}"));
    assert!(said.contains("WT0304") && said.contains("WT0310"), "{said}");
    assert_eq!(said.matches("error[").count(), 3, "{said}");
    let said = diagnostics(&document("Segment", "s", "{members: {matchLabels: {}}, mode: 3}"));
    assert!(
        said.contains("`3` is not a value of this field") && !said.contains("quotes"),
        "{said}"
    );
}
