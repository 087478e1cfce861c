//! Patterns against texts and ARNs.

use crate::iam::pattern::{Pattern, Subject};
use crate::iam::truth::Truth::{self, No, Unknown, Yes};

fn arn(pattern: &str, text: &str) -> Truth {
    Pattern::parse(pattern, true).matches_arn(Subject::exact(text))
}

fn open(pattern: &str, beginning: &str) -> Truth {
    Pattern::parse(pattern, true).matches_arn(Subject::open(beginning))
}

#[test]
fn arns_match_part_by_part() {
    let object = "arn:aws:s3:::shop/a/b:c";
    let role = "arn:aws:iam::111111111111:role/x/app";
    let cases = [
        ("*", object, Yes),
        ("arn:aws:s3:::shop/*", object, Yes),
        ("arn:aws:s3:::shop/a/?:c", object, Yes),
        ("arn:aws:s3:::shop/?", object, No),
        ("arn:aws:s3:::Shop/*", object, No),
        ("arn:*:s3:::shop/*", object, Yes),
        ("arn:aws:s3*", object, Yes),
        ("arn:aws:*", role, Yes),
        ("arn:aws:iam::*:role/*", role, Yes),
        ("arn:aws:iam::*role/x/app", role, Yes),
        ("arn:*:role/x/app", role, No),
        ("arn:aws:iam::111111111111:role/app", role, No),
        ("arn:aws:iam::222222222222:role/*", role, No),
        ("arn:aws:iam::111111111111:role/${aws:username}", role, Unknown),
        ("arn:aws:iam::111111111111:user/${aws:username}", role, No),
        ("arn:aws:iam::111111111111:role/x/${*}", role, No),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(arn(pattern, text), expected, "{pattern} against {text}");
    }
    assert_eq!(arn("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*"), Yes);
    let literal = Pattern::parse("b/${aws:username}", false);
    assert_eq!(literal.matches(Subject::exact("b/${aws:username}")), Yes);
}

#[test]
fn an_open_subject_is_covered_by_all_of_its_texts_only() {
    let shop = "arn:aws:s3:::shop/";
    let cases = [
        ("arn:aws:s3:::shop/*", Yes),
        ("arn:aws:s3:::shop/?*", Yes),
        ("arn:aws:s3:::*", Yes),
        ("arn:aws:s3:::sh*", Yes),
        ("*", Yes),
        ("arn:aws:s3:::shop/public/*", Unknown),
        ("arn:aws:s3:::*/public", Unknown),
        ("arn:aws:s3:::shop", No),
        ("arn:aws:s3:::shop/", No),
        ("arn:aws:s3:::shopping/*", No),
        ("arn:aws:s3:::other/*", No),
    ];
    for (pattern, expected) in cases {
        assert_eq!(open(pattern, shop), expected, "{pattern}");
    }
    assert_eq!(open("arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:"), Unknown);
}

#[test]
fn many_stars_take_no_longer_than_the_product_of_the_lengths() {
    let pattern = Pattern::parse(&"a*".repeat(500), true);
    let text = "a".repeat(2000) + "b";
    assert_eq!(pattern.matches(Subject::exact(&text)), Yes);
    let ending = Pattern::parse(&("a*".repeat(500) + "c"), true);
    assert_eq!(ending.matches(Subject::exact(&text)), No);
}
