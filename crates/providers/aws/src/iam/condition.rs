//! Conditions of statements: operators, quantifiers and what the input tells about their keys.
//!
//! IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for
//! multivalued context keys". A key that a request does not carry satisfies negated operators, and
//! those that end in `IfExists`; it fails the others.

use watertight_net::Prefix;

use super::pattern::{Pattern, Subject};
use super::truth::Truth;

/// What is known about the value of a key of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// The input does not tell.
    Unknown,
    /// The request does not carry the key.
    Absent,
    /// The values; most keys have one.
    Texts(Vec<String>),
    /// Some address of this range.
    Address(Prefix),
    /// An address outside of every range that a policy names, `0.0.0.0/0` and `::/0` aside.
    FarAddress,
}

impl Value {
    /// One text.
    pub(crate) fn text(text: &str) -> Self {
        Self::Texts(vec![text.to_owned()])
    }
}

/// How two values are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Comparison {
    Equal,
    EqualIgnoreCase,
    Like,
    Arn,
    Address,
    Bool,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Number,
    /// A point in time, which no input tells.
    Date,
    /// Whether the key is there.
    Null,
    /// An operator that is not known.
    Other,
}

/// How the values of a key with several of them are taken together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Quantifier {
    One,
    Any,
    All,
}

/// One key of a condition with the values that it is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Condition {
    comparison: Comparison,
    is_negated: bool,
    if_exists: bool,
    quantifier: Quantifier,
    operator: String,
    key: String,
    values: Vec<Pattern>,
}

impl Condition {
    /// A condition from its operator, key and values as the document writes them.
    pub(crate) fn new(operator: &str, key: &str, values: &[String], with_variables: bool) -> Self {
        let lower = operator.to_ascii_lowercase();
        let (quantifier, rest) = match lower.split_once(':') {
            Some(("forallvalues", rest)) => (Quantifier::All, rest),
            Some(("foranyvalue", rest)) => (Quantifier::Any, rest),
            _ => (Quantifier::One, lower.as_str()),
        };
        let (rest, if_exists) =
            rest.strip_suffix("ifexists").map_or((rest, false), |rest| (rest, true));
        let (comparison, is_negated) = comparison_of(rest);
        Self {
            comparison,
            is_negated,
            if_exists,
            quantifier,
            operator: operator.to_owned(),
            key: key.to_ascii_lowercase(),
            values: values.iter().map(|value| Pattern::parse(value, with_variables)).collect(),
        }
    }

    /// The key, in lower case.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The operator as the document writes it.
    pub(crate) fn operator(&self) -> &str {
        &self.operator
    }

    /// The values that the key is compared with.
    pub(crate) fn values(&self) -> &[Pattern] {
        &self.values
    }

    /// Whether it asks only if the key is there (`Null`).
    pub(crate) fn is_presence(&self) -> bool {
        self.comparison == Comparison::Null
    }

    /// Whether it holds only for a request that carries the key with one of the values.
    pub(crate) fn demands(&self) -> bool {
        !self.is_negated
            && !self.if_exists
            && self.quantifier != Quantifier::All
            && !matches!(self.comparison, Comparison::Null | Comparison::Other)
    }

    /// Whether the operator is known.
    pub(crate) fn is_known(&self) -> bool {
        self.comparison != Comparison::Other
    }

    /// Whether the condition holds for a key with this value.
    pub(crate) fn holds(&self, value: &Value) -> Truth {
        if self.comparison == Comparison::Null {
            return self.holds_null(value);
        }
        match value {
            Value::Unknown => Truth::Unknown,
            Value::Absent => self.holds_absent(),
            Value::Texts(texts) if texts.is_empty() => self.holds_absent(),
            Value::Texts(texts) => self.holds_texts(texts),
            Value::Address(_) | Value::FarAddress => self.holds_one(value),
        }
    }

    /// `Null` compares with `true` (the key is not there) and `false` (it is).
    fn holds_null(&self, value: &Value) -> Truth {
        let is_absent = match value {
            Value::Unknown => return Truth::Unknown,
            Value::Absent => true,
            Value::Texts(texts) => texts.is_empty(),
            Value::Address(_) | Value::FarAddress => false,
        };
        let wanted = if is_absent { "true" } else { "false" };
        Truth::from(self.values.iter().any(|one| one.text().eq_ignore_ascii_case(wanted)))
    }

    fn holds_absent(&self) -> Truth {
        if self.comparison == Comparison::Other {
            return Truth::Unknown;
        }
        Truth::from(match (self.if_exists, self.quantifier) {
            (true, _) | (false, Quantifier::All) => true,
            (false, Quantifier::Any) => false,
            (false, Quantifier::One) => self.is_negated,
        })
    }

    fn holds_texts(&self, texts: &[String]) -> Truth {
        let each = texts.iter().map(|text| self.holds_one(&Value::text(text)));
        match (self.quantifier, self.is_negated) {
            (Quantifier::All, _) | (Quantifier::One, true) => Truth::all(each),
            (Quantifier::Any, _) | (Quantifier::One, false) => Truth::any(each),
        }
    }

    /// Whether one value equals any of those of the condition, or none where it is negated.
    fn holds_one(&self, value: &Value) -> Truth {
        let truth = Truth::any(self.values.iter().map(|wanted| self.compare(value, wanted)));
        if self.is_negated { truth.not() } else { truth }
    }

    fn compare(&self, value: &Value, wanted: &Pattern) -> Truth {
        if matches!(value, Value::Address(_) | Value::FarAddress) {
            return match self.comparison {
                Comparison::Address => within(value, wanted.text()),
                _ => Truth::Unknown,
            };
        }
        let Value::Texts(texts) = value else { return Truth::Unknown };
        let Some(text) = texts.first() else { return Truth::Unknown };
        if wanted.has_variable() {
            return wanted.matches(Subject::exact(text)).and(Truth::Unknown);
        }
        match self.comparison {
            Comparison::Equal => Truth::from(wanted.text() == text),
            Comparison::EqualIgnoreCase => Truth::from(wanted.text().eq_ignore_ascii_case(text)),
            Comparison::Bool => Truth::from(wanted.text().eq_ignore_ascii_case(text)),
            Comparison::Like => wanted.matches(Subject::exact(text)),
            Comparison::Arn => wanted.matches_arn(Subject::exact(text)),
            Comparison::Address => match Prefix::parse_lenient(text) {
                Ok(prefix) => within(&Value::Address(prefix), wanted.text()),
                Err(_) => Truth::No,
            },
            Comparison::Number
            | Comparison::Less
            | Comparison::LessOrEqual
            | Comparison::Greater
            | Comparison::GreaterOrEqual => self.compare_numbers(text, wanted.text()),
            Comparison::Date | Comparison::Null | Comparison::Other => Truth::Unknown,
        }
    }

    fn compare_numbers(&self, value: &str, wanted: &str) -> Truth {
        let (Ok(value), Ok(wanted)) = (value.parse::<f64>(), wanted.parse::<f64>()) else {
            return Truth::Unknown;
        };
        let Some(order) = value.partial_cmp(&wanted) else { return Truth::Unknown };
        Truth::from(match self.comparison {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
            _ => order.is_eq(),
        })
    }
}

/// The comparison that an operator in lower case makes, and whether it is negated.
fn comparison_of(operator: &str) -> (Comparison, bool) {
    match operator {
        "stringequals" | "binaryequals" => (Comparison::Equal, false),
        "stringnotequals" => (Comparison::Equal, true),
        "stringequalsignorecase" => (Comparison::EqualIgnoreCase, false),
        "stringnotequalsignorecase" => (Comparison::EqualIgnoreCase, true),
        "stringlike" => (Comparison::Like, false),
        "stringnotlike" => (Comparison::Like, true),
        "arnequals" | "arnlike" => (Comparison::Arn, false),
        "arnnotequals" | "arnnotlike" => (Comparison::Arn, true),
        "ipaddress" => (Comparison::Address, false),
        "notipaddress" => (Comparison::Address, true),
        "bool" => (Comparison::Bool, false),
        "numericequals" => (Comparison::Number, false),
        "numericnotequals" => (Comparison::Number, true),
        "numericlessthan" => (Comparison::Less, false),
        "numericlessthanequals" => (Comparison::LessOrEqual, false),
        "numericgreaterthan" => (Comparison::Greater, false),
        "numericgreaterthanequals" => (Comparison::GreaterOrEqual, false),
        "dateequals"
        | "datelessthan"
        | "datelessthanequals"
        | "dategreaterthan"
        | "dategreaterthanequals" => (Comparison::Date, false),
        "datenotequals" => (Comparison::Date, true),
        "null" => (Comparison::Null, false),
        _ => (Comparison::Other, false),
    }
}

/// Whether an address lies in the range that a policy names.
fn within(value: &Value, range: &str) -> Truth {
    let Ok(range) = Prefix::parse_lenient(range) else { return Truth::Unknown };
    match value {
        Value::Address(address) if range.covers(*address) => Truth::Yes,
        // Some addresses of the value lie in a narrower range, others do not.
        Value::Address(address) if address.covers(range) => Truth::Unknown,
        Value::FarAddress => Truth::from(range.len() == 0),
        _ => Truth::No,
    }
}
