use super::check;
use crate::tidy::sample;

fn messages(name: &str, on: &str, kind: Option<&str>) -> Vec<String> {
    let findings = check(&sample::package(name, "crates/x", on, kind));
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn an_arrow_up_is_refused_with_its_line() {
    assert_eq!(
        messages("watertight-net", "watertight-reach", None),
        ["crates/x/Cargo.toml:5: error: the arrow from `watertight-net` to `watertight-reach` \
          does not point down"]
    );
}

#[test]
fn an_arrow_between_equals_is_refused() {
    assert_eq!(messages("watertight-policy", "watertight-reach", None).len(), 1);
    assert_eq!(messages("watertight-aws", "watertight-azure", None).len(), 1);
}

#[test]
fn nothing_depends_on_the_binary() {
    assert_eq!(messages("watertight-report", "watertight", None).len(), 1);
}

#[test]
fn an_arrow_down_is_accepted() {
    assert_eq!(messages("watertight", "watertight-source", None), [""; 0]);
    assert_eq!(messages("watertight-report", "watertight-assess", None), [""; 0]);
}

#[test]
fn what_ships_needs_the_testkit_in_tests_only() {
    assert_eq!(messages("watertight-reach", "watertight-testkit", None).len(), 1);
    assert_eq!(messages("watertight-reach", "watertight-testkit", Some("build")).len(), 1);
    assert_eq!(messages("watertight-reach", "watertight-testkit", Some("dev")), [""; 0]);
    assert_eq!(messages("xtask", "watertight-testkit", None), [""; 0]);
}

#[test]
fn the_twin_shares_no_code_with_the_engine() {
    assert_eq!(messages("watertight-testkit", "watertight-reach", None).len(), 1);
    assert_eq!(messages("watertight-testkit", "watertight-net", None), [""; 0]);
}

#[test]
fn a_package_without_a_rank_is_refused() {
    assert_eq!(messages("watertight-gadget", "serde", None).len(), 1);
}
