use super::*;

#[test]
fn a_slip_of_the_pen_has_a_nearest_word() {
    assert_eq!(nearest("Segmnet", ["Group", "Segment"]), Some("Segment"));
    assert_eq!(nearest("polciy", ["Policy", "Service"]), Some("Policy"));
    assert_eq!(nearest("zebra", ["Policy", "Service"]), None);
    assert_eq!(nearest("", ["a"]), None);
}

#[test]
fn without_a_near_word_the_help_lists_those_that_there_are() {
    assert_eq!(help("zebra", &["one", "two"]), "there are `one`, `two`");
    assert_eq!(help("zebra", &[]), "there is none");
}
