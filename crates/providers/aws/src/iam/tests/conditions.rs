//! Operators, quantifiers and absent keys.

use watertight_net::Prefix;

use crate::iam::condition::{Condition, Value};
use crate::iam::truth::Truth::{self, No, Unknown, Yes};

fn holds(operator: &str, wanted: &[&str], value: &Value) -> Truth {
    let wanted: Vec<String> = wanted.iter().map(|text| (*text).to_owned()).collect();
    Condition::new(operator, "aws:Key", &wanted, true).holds(value)
}

fn texts(values: &[&str]) -> Value {
    Value::Texts(values.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn operators_compare_as_the_guide_says() {
    let arn = "arn:aws:iam::111111111111:role/app";
    let cases: &[(&str, &[&str], &[&str], Truth)] = &[
        ("StringEquals", &["a", "b"], &["b"], Yes),
        ("StringEquals", &["A"], &["a"], No),
        ("StringEquals", &["a*"], &["ab"], No),
        ("StringEqualsIgnoreCase", &["A"], &["a"], Yes),
        ("StringNotEquals", &["a", "b"], &["b"], No),
        ("StringNotEquals", &["a"], &["b"], Yes),
        ("StringNotEqualsIgnoreCase", &["A"], &["a"], No),
        ("StringLike", &["a*"], &["ab"], Yes),
        ("StringNotLike", &["a*"], &["ab"], No),
        ("StringLike", &["${aws:username}"], &["ab"], Unknown),
        ("StringEquals", &["x${aws:username}"], &["ab"], No),
        ("ArnEquals", &["arn:aws:iam::*:role/app"], &[arn], Yes),
        ("ArnLike", &["arn:*:role/app"], &[arn], No),
        ("ArnNotLike", &["arn:aws:iam::*:role/*"], &[arn], No),
        ("Bool", &["TRUE"], &["true"], Yes),
        ("Bool", &["false"], &["true"], No),
        ("NumericLessThan", &["10"], &["9"], Yes),
        ("NumericGreaterThanEquals", &["10"], &["9"], No),
        ("NumericNotEquals", &["10"], &["9"], Yes),
        ("DateLessThan", &["2030-01-01T00:00:00Z"], &["2020-01-01T00:00:00Z"], Unknown),
        ("IpAddress", &["10.0.0.0/8"], &["10.1.2.3"], Yes),
        ("NotIpAddress", &["10.0.0.0/8"], &["10.1.2.3"], No),
        ("IpAddress", &["10.0.0.0/8"], &["2001:db8::1"], No),
        ("Null", &["true"], &["a"], No),
        ("Null", &["false"], &["a"], Yes),
        ("Sounds", &["a"], &["a"], Unknown),
        ("ForAnyValue:StringEquals", &["a"], &["a", "z"], Yes),
        ("ForAllValues:StringEquals", &["a"], &["a", "z"], No),
        ("ForAllValues:StringEquals", &["a", "z"], &["a", "z"], Yes),
        ("ForAnyValue:StringNotEquals", &["a"], &["a", "z"], Yes),
        ("ForAllValues:StringNotEquals", &["a"], &["a", "z"], No),
        ("foranyvalue:stringlike", &["z*"], &["a", "zz"], Yes),
    ];
    for (operator, wanted, value, expected) in cases {
        assert_eq!(
            holds(operator, wanted, &texts(value)),
            *expected,
            "{operator} {wanted:?} {value:?}"
        );
    }
}

#[test]
fn an_absent_key_satisfies_negated_operators_and_those_with_if_exists() {
    let cases = [
        ("StringEquals", No),
        ("StringNotEquals", Yes),
        ("StringEqualsIfExists", Yes),
        ("StringNotEqualsIfExists", Yes),
        ("IpAddress", No),
        ("NotIpAddress", Yes),
        ("ArnNotLike", Yes),
        ("BoolIfExists", Yes),
        ("ForAllValues:StringEquals", Yes),
        ("ForAnyValue:StringEquals", No),
        ("ForAnyValue:StringNotEquals", No),
        ("Sounds", Unknown),
    ];
    for (operator, expected) in cases {
        assert_eq!(holds(operator, &["10.0.0.0/8"], &Value::Absent), expected, "{operator}");
        assert_eq!(holds(operator, &["10.0.0.0/8"], &Value::Unknown), Unknown, "{operator}");
    }
    assert_eq!(holds("Null", &["true"], &Value::Absent), Yes);
    assert_eq!(holds("Null", &["false"], &Value::Absent), No);
    assert_eq!(holds("Null", &["true"], &Value::Unknown), Unknown);
}

#[test]
fn ranges_of_addresses_are_compared_whole() {
    let address = |text: &str| Value::Address(Prefix::parse_lenient(text).unwrap());
    assert_eq!(holds("IpAddress", &["198.51.100.0/24"], &address("198.51.100.128/25")), Yes);
    assert_eq!(holds("IpAddress", &["198.51.100.128/25"], &address("198.51.100.0/24")), Unknown);
    assert_eq!(holds("IpAddress", &["203.0.113.0/24"], &address("198.51.100.0/24")), No);
    assert_eq!(holds("IpAddress", &["203.0.113.0/24"], &Value::FarAddress), No);
    assert_eq!(holds("NotIpAddress", &["203.0.113.0/24"], &Value::FarAddress), Yes);
    assert_eq!(holds("IpAddress", &["0.0.0.0/0"], &Value::FarAddress), Yes);
    assert_eq!(holds("IpAddress", &["no range"], &Value::FarAddress), Unknown);
}
